"""Objects of R to values: the same that a session of R gives for ``readRDS``.

What R keeps in attributes (names, dimnames, factor levels, classes of time) becomes labels; other
attributes ride along as ``attrs``. What lives only inside R, functions and models for instance, is an error
that names its path.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from arcuate.errors import ConversionError
from arcuate.formats import r_file as r
from arcuate.formats import r_notes as notes
from arcuate.formats import r_times as times
from arcuate.formats.r_file import NA_BITS, NA_INT, RObject
from arcuate.values import codes, types
from arcuate.values.nodes import step

__all__ = ["value"]

_RIDE = "arcuate"
_HARMLESS = {"noquote", "AsIs", "glue", "object_size", "fs_path", "labelled_text"}
_FACTOR = (["factor"], ["ordered", "factor"])
_TABLES = {"tbl_df", "tbl", "data.table", "data.frame"}
_DTYPES = {r.LGL: "bool", r.INT: "i4", r.REAL: "f8", r.CPLX: "c16", r.STR: "text", r.RAW: "u1"}
_ATOMIC = frozenset(_DTYPES)
_OWN = {"names", "dim", "dimnames", _RIDE, "class"}
_AS_IS = {"AsIs", "list", "numeric", "integer", "character", "logical", "complex"}
_PARTS = {"names", "class", "tzone", "balanced"}
_EMPTY = memoryview(b"")


def value(node: RObject, path: str = "") -> Any:
    """The value of an object, in the plain classes of :mod:`arcuate.values.types`.

    Raises:
        ConversionError: it has none outside R.
    """
    try:
        return _value(node)
    except ConversionError as error:
        raise (error.prepend(path) if path else error) from None


def _value(node: RObject) -> Any:
    kind = node.kind
    if kind == r.NIL:
        return None
    if kind in _ATOMIC:
        return _atomic(node)
    if kind == r.VEC:
        return _list(node)
    if kind == r.LIST:
        names = [tag for tag, _ in node.value]
        items = RObject(r.VEC, [each for _, each in node.value])
        if any(names):
            items.attributes["names"] = RObject(r.STR, [name or "" for name in names])
        return _value(items)
    if node.s4 and kind == r.S4:
        return _sparse(node)
    raise _only_r(node)


def _only_r(node: RObject) -> ConversionError:
    classes = [name for name in node.classes if name]
    what = f"an object of class {'/'.join(classes)}" if classes else r.NAMES.get(node.kind, "an object")
    return ConversionError(
        f"{what} has no value outside R; save its parts (unclass, as.list, as.data.frame), or use R itself: "
        'connect("r").call("readRDS", path, keep=True)'
    )


# --- vectors


def _atomic(node: RObject) -> Any:
    if node.kind == r.RAW and not node.attributes:
        return node.value
    if node.s4:
        raise _only_r(node)
    attributes, classes = node.attributes, node.classes
    special = None
    if "table" in classes and set(classes) <= {"table", "xtabs"}:
        special = "table"
    elif "ts" in classes and set(classes) <= {"ts", "mts", "matrix", "array"}:
        special = "ts"
    own = set(_OWN)
    if special == "ts":
        own.add("tsp")
    for cls, attribute in (("factor", "levels"), ("POSIXct", "tzone"), ("difftime", "units")):
        if cls in classes:
            own.add(attribute)
    ride = attributes.get(_RIDE)
    known = _fields(ride) if ride is not None and ride.kind == r.VEC else None
    if known is not None and _text(known.get("kind")) != "labelled":
        known = None
    extra = {name: each for name, each in attributes.items() if name not in own}
    if known is None and ride is not None and ride.kind == r.VEC:
        extra[_RIDE] = ride
    dim = _shape(attributes.get("dim"))
    data = core(node, [] if special else classes, dim)
    if special is None and known is None and not extra and not {"names", "dimnames"} & set(attributes):
        return data
    return _labelled(node, data, dim, known, extra, special)


def core(node: RObject, classes: list[str | None], dim: tuple[int, ...] | None) -> Any:
    """The data of a vector by its class, without labels."""
    if not classes or set(classes) <= _HARMLESS:
        return array(node, dim)
    n = len(node.value)
    shape = dim if dim is not None else (n,)
    if classes in _FACTOR and node.kind == r.INT:
        levels = node.attributes.get("levels", RObject(r.STR, []))
        typed = levels.attributes.get(_RIDE)
        categories = _value(typed if typed is not None else RObject(levels.kind, levels.value))
        raw = node.value
        mask = raw == NA_INT
        numbers = np.where(mask, np.int32(0), raw - np.int32(1)).astype(np.int32)
        there = numbers[~mask]
        if len(there) and (int(there.max()) >= len(levels.value) or int(there.min()) < 0):
            raise ConversionError("a factor has a code beyond its levels; it was made by hand: use factor()")
        return types.Factor(_made("i4", shape, numbers, mask), categories, classes[0] == "ordered")
    if node.kind in (r.INT, r.REAL):
        if classes == ["POSIXct", "POSIXt"]:
            zone, note = _zone(node.attributes.get("tzone"))
            counts, mask, unit = times.datetimes(_numbers(node), note)
            return _made("datetime", shape, counts, mask, unit, zone)
        if classes == ["Date"]:
            counts, mask, unit = times.dates(_numbers(node))
            return _made("datetime" if unit else "date", shape, counts, mask, unit)
        if classes == ["difftime"]:
            units = node.attributes.get("units", RObject(r.STR, ["secs"]))
            note = _text(units.attributes.get(_RIDE)) or ""
            counts, mask, unit = times.durations(_numbers(node), _text(units) or "secs", note)
            return _made("duration", shape, counts, mask, unit)
        if classes == ["integer64"] and node.kind == r.REAL:
            counts = node.value.view(np.int64)
            mask = counts == np.iinfo(np.int64).min
            return _made("i8", shape, np.where(mask, 0, counts), mask)
    raise _only_r(node)


def array(node: RObject, dim: tuple[int, ...] | None = None) -> types.Array:
    """A vector or array without class."""
    kind, given = node.kind, node.value
    shape = dim if dim is not None else (len(given),)
    if _count(shape) != len(given):
        raise ConversionError(
            f"{len(given)} elements do not fill the dimensions {shape}; the file is damaged"
        )
    order = "F" if len(shape) > 1 else "C"
    mask: Any = None
    if kind == r.RAW:
        return types.Array("u1", shape, memoryview(given), order)
    if kind == r.STR:
        missing = np.array([text is None for text in given], bool)
        if any("\0" in text for text in given if text):
            raise ConversionError("a text holds NUL, which the file is not allowed to have")
        data = "".join(f"{text or ''}\0" for text in given).encode()
        return types.Array("text", shape, memoryview(data), order, _mask(missing))
    if kind == r.LGL:
        mask = given == NA_INT
        given = (given != 0) & ~mask
    elif kind == r.INT:
        mask = given == NA_INT
        given = np.where(mask, np.int32(0), given) if mask.any() else given
    else:
        parts = given.view(np.float64)
        gone = np.isnan(parts) & ((parts.view(np.uint64) & np.uint64(0xFFFFFFFF)) == NA_BITS & 0xFFFFFFFF)
        if kind == r.CPLX:
            gone = gone.reshape(-1, 2).any(axis=1)
        if gone.any():
            mask = gone
            given = np.where(gone, given.dtype.type(0), given)
    return _made(_DTYPES[kind], shape, given, mask)


def _made(
    dtype: str, shape: tuple[int, ...], data: Any, mask: Any = None, unit: str = "", zone: str = ""
) -> types.Array:
    if _count(shape) != len(data):
        raise ConversionError(f"{len(data)} elements do not fill the dimensions {shape}; the file is damaged")
    if dtype == "i4":
        data = data.astype(np.int32, copy=False)
    order = "F" if len(shape) > 1 else "C"
    return types.Array(dtype, shape, _view(data), order, _mask(mask), unit, zone)


def _view(data: Any) -> memoryview:
    return memoryview(np.ascontiguousarray(data).data).cast("B") if data.size else _EMPTY


def _mask(mask: Any) -> memoryview | None:
    if mask is None or not mask.any():
        return None
    return memoryview(np.ascontiguousarray(mask).data).cast("B")


def _numbers(node: RObject) -> Any:
    """The values as float64, NaN where they are missing."""
    if node.kind == r.REAL:
        return node.value
    return np.where(node.value == NA_INT, np.nan, node.value.astype(np.float64))


def _zone(node: RObject | None) -> tuple[str, str]:
    """The zone of a POSIXct and the unit that was noted; without one it is the zone of this machine in R."""
    name = _text(node)
    note = node.attributes.get(_RIDE) if node is not None else None
    noted = [str(each) for each in note.value] if note is not None and note.kind == r.STR else []
    unit = noted[1] if len(noted) > 1 else "us"
    if noted[:1] == ["naive"]:
        return "", unit
    if len(noted) > 2:
        return noted[2], unit
    return (name or "UTC"), unit


# --- labels


def _labelled(
    node: RObject,
    data: Any,
    dim: tuple[int, ...] | None,
    ride: dict[str, RObject] | None,
    extra: Any,
    special: Any,
) -> Any:
    attributes = node.attributes
    n = len(node.value)
    labels: list[RObject | None]
    names: list[str | None] | None = None
    dimnames = attributes.get("dimnames")
    if dim is None:
        shape: tuple[int, ...] = (n,)
        labels = [attributes.get("names")]
    else:
        shape = dim
        labels = [None] * len(shape)
        if dimnames is not None and dimnames.kind == r.VEC:
            labels = [each if each.kind != r.NIL else None for each in dimnames.value]
            names = dimnames.texts("names")
    default = [f"dim_{k}" for k in range(len(shape))]
    sent = _strings(ride.get("dims")) if ride is not None else []
    if names is None:
        dims = list(default)
    else:
        dims = []
        for k, given in enumerate(names):
            empty = not given and not (len(sent) == len(names) and sent[k] == "")
            dims.append(default[k] if empty or given is None else given)
    dims = _unique(dims)
    name: str | None = None
    coords: dict[str, dict[str, Any]] = {}
    attrs: dict[str, Any] = {}
    if special == "ts":
        start, _, frequency = (float(each) for each in attributes["tsp"].value)
        if names is None:
            dims[0] = "time"
        at = _times(start, frequency, shape[0])
        coords[dims[0]] = _variable((dims[0],), _made("f8", (shape[0],), at))
        attrs = {"r_class": "ts", "frequency": frequency}
        labels[0] = None
    elif special == "table":
        attrs = {"r_class": "table"}
    if ride is not None:
        own = _named(ride.get("attrs"))
        name = _text(ride.get("name"))
        if not sent and n == 1 and dim is None:
            made = {**own, **{key: _at(each, f".attrs{step(key)}") for key, each in extra.items()}}
            return types.Labelled(name, (), _without_dims(data), _variables(ride.get("coords")), made)
        if dim is not None or special is not None:
            fits = _fitting(ride, dims, shape, labels, sent)
            kept = _variables(ride.get("coords"))
            coords |= {key: each for key, each in kept.items() if fits.issuperset(each["dims"])}
        attrs = {**attrs, **{key: each for key, each in own.items() if key not in attrs}}
        if special is None and "r_class" in own and "other" not in ride:
            attrs.pop("r_class", None)
            attrs.pop("frequency", None)
    for k, key in enumerate(dims):
        label = labels[k]
        if label is not None and key not in coords:
            coords[key] = _variable((key,), array(RObject(label.kind, label.value)))
    for key, each in extra.items():
        if key not in attrs:
            attrs[key] = _at(each, f".attrs{step(key)}")
    return types.Labelled(name, tuple(dims), data, coords, attrs)


def _times(start: float, frequency: float, n: int) -> Any:
    """The times of a series, rounded as R's ``time`` rounds them."""
    end = start + (n - 1) / frequency
    at = start + np.arange(n) * ((end - start) / (n - 1) if n > 1 else 0.0)
    if n > 1:
        at[-1] = end
    return at


def _fitting(
    ride: dict[str, RObject],
    dims: list[str],
    shape: tuple[int, ...],
    labels: list[RObject | None],
    sent: list[str],
) -> set[str]:
    """The dimensions that are still what they were when the labels were noted."""
    sizes = (
        [int(each) for each in ride["shape"].value]
        if "shape" in ride and ride["shape"].kind in _ATOMIC
        else []
    )
    noted = ride["labels"].value if "labels" in ride and ride["labels"].kind == r.VEC else []
    found = set()
    for k, key in enumerate(dims):
        if key not in sent:
            continue
        at = sent.index(key)
        if at >= len(sizes) or sizes[at] != shape[k]:
            continue
        before = noted[at] if at < len(noted) else None
        now, then = labels[k], before if before is not None and before.kind != r.NIL else None
        if "ts" in ride or (now is None and then is None) or (now and then and now.value == then.value):
            found.add(key)
    return found


def _variable(dims: tuple[str, ...], data: Any) -> dict[str, Any]:
    return {"dims": dims, "data": data, "attrs": {}}


def _variables(node: RObject | None) -> dict[str, dict[str, Any]]:
    """The variables that ride along: lists of dimensions, data and attributes."""
    found: dict[str, dict[str, Any]] = {}
    for key, each in _fields(node).items():
        if each.kind != r.VEC or len(each.value) < 3:
            raise ConversionError("the labels that Arcuate noted in the file are damaged", path=step(key))
        dims = tuple(_strings(each.value[0]))
        data = _data(each.value[1])
        found[key] = {
            "dims": dims,
            "data": _without_dims(data) if not dims else data,
            "attrs": _named(each.value[2]),
        }
    return found


def _data(node: RObject) -> Any:
    """The data of a variable: raw vectors are arrays of bytes here."""
    return array(node, _shape(node.attributes.get("dim"))) if node.kind == r.RAW else _value(node)


def _without_dims(data: Any) -> Any:
    """An array of one element as one without dimensions."""
    if isinstance(data, types.Factor):
        return types.Factor(_without_dims(data.codes), data.categories, data.ordered)
    if isinstance(data, types.Array) and data.size == 1:
        return types.Array(data.dtype, (), data.data, "C", data.mask, data.unit, data.zone)
    return data


# --- lists


def _list(node: RObject) -> Any:
    classes = [name for name in node.classes if name != "AsIs"]
    if node.s4:
        raise _only_r(node)
    if classes:
        if classes == ["data.frame"] or ("data.frame" in classes and set(classes) <= _TABLES):
            return _table(node)
        if classes == ["arcuate_dataset"]:
            return _dataset(node)
        if "POSIXlt" in classes:
            return _value(times.from_parts(node))
        raise _only_r(node)
    rest = {key for key in node.attributes if key != "class"}
    if not rest:
        found = [_at(each, f"[{k}]") for k, each in enumerate(node.value)]
        alike = bool(found) and all(isinstance(each, types.Array) and each.size == 1 for each in found)
        return types.List(found) if alike else found  # a plain list of numbers would go back as a vector
    if rest == {"dim"}:
        items = [_at(each, f"[{k}]") for k, each in enumerate(node.value)]
        return types.Cell(items, _shape(node.attributes["dim"]) or ())
    if rest == {"names"}:
        names = node.texts("names") or []
        if any(name is None for name in names):
            raise ConversionError("a list has NA among its names; name all elements or none")
        if len(set(names)) != len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise ConversionError(
                f"a list has two elements named {double!r}, which a mapping cannot hold; give them "
                "different names"
            )
        return {str(name): _at(each, step(str(name))) for name, each in zip(names, node.value, strict=True)}
    strange = sorted(rest - {"names", "dim"}) or sorted(rest)
    raise ConversionError(
        f"a list with the attributes {', '.join(strange)} has no value outside R; remove them"
    )


def _table(node: RObject) -> types.Table:
    names = node.texts("names") or []
    if any(name is None for name in names) or len(set(names)) != len(names):
        raise ConversionError("a data.frame has columns of the same name or named NA; rename them")
    rows, labels = _rows(node)
    ride = _fields(node.attributes.get(_RIDE))
    if _text(ride.get("kind")) != "table":
        ride = {}
    nullable = set(_strings(ride.get("nullable")))
    columns: dict[str, Any] = {}
    noted: dict[str, Any] = {}
    for name, each in zip(map(str, names), node.value, strict=True):
        columns[name], note = _column(each, rows, name)
        if note:
            where = f".attrs.columns{step(name)}"
            noted[name] = {key: _at(one, where + step(key)) for key, one in note.items()}
    for name in nullable & set(columns):
        if isinstance(columns[name], types.Array):
            columns[name].hint |= codes.ARRAY_PANDAS
    index = _index(ride, labels, rows)
    skip = {"names", "class", "row.names", _RIDE, ".internal.selfref", "index", "sorted"}
    attrs = _named(ride.get("attrs"))
    for key, each in node.attributes.items():
        if key not in skip and key not in attrs:
            attrs[key] = _at(each, f".attrs{step(key)}")
    if noted:
        left = attrs.get("columns", {})  # what came as a note and could be no attribute of a column
        if "columns" in node.attributes or not isinstance(left, dict) or set(left) & set(noted):
            raise ConversionError(
                'a data.frame has the attribute "columns" and columns with attributes of their own; both '
                'would be attrs["columns"]; remove one of them: attr(x, "columns") <- NULL'
            )
        attrs["columns"] = {**left, **noted}
    return types.Table(columns, rows, index, attrs, _text(ride.get("hint")) or "")


def _rows(node: RObject) -> tuple[int, RObject | None]:
    """How many rows a data.frame has, and their names where these are more than numbers."""
    found = node.attributes.get("row.names")
    if found is None or found.kind == r.NIL:
        return (len(node.value[0].value) if node.value else 0), None
    if (
        found.kind in (r.INT, r.REAL)
        and len(found.value) == 2
        and (found.value[0] == NA_INT if found.kind == r.INT else np.isnan(found.value[0]))
    ):
        count = int(found.value[1])
        plain = count < 0
        return abs(count), None if plain else RObject(r.INT, np.arange(1, abs(count) + 1, dtype=np.int32))
    if found.kind == r.REAL:
        found = RObject(r.INT, found.value.astype(np.int32))
    return len(found.value), found


def _index(ride: dict[str, RObject], labels: RObject | None, rows: int) -> dict[str, Any] | None:
    noted = ride.get("index")
    names: list[str | None] = [None]
    if noted is not None and noted.kind == r.VEC and len(noted.value) == 2:
        names = list(noted.value[0].value)
        before = ride.get("labels")
        if before is not None and _same(before, labels, rows):
            levels = [_at(each, f".index[{k}]") for k, each in enumerate(noted.value[1].value)]
            return {"names": names, "levels": levels}
    if labels is None or rows == 0:
        return None
    return {
        "names": names if len(names) == 1 else [None],
        "levels": [array(RObject(labels.kind, labels.value))],
    }


def _same(before: RObject, now: RObject | None, rows: int) -> bool:
    if now is None:
        now = RObject(r.INT, np.arange(1, rows + 1, dtype=np.int32))
    if before.kind != now.kind:
        return False
    return list(before.value) == list(now.value)


def _column(node: RObject, rows: int, name: str) -> tuple[Any, dict[str, RObject]]:
    """The data of a column, and what is noted of it."""
    try:
        if "POSIXlt" in node.classes:
            more = {key: each for key, each in node.attributes.items() if key not in _PARTS}
            node = times.from_parts(node)
            node.attributes |= more
        if "dim" in node.attributes or "data.frame" in node.classes or _length(node) != rows:
            raise ConversionError(
                "a matrix or data.frame as a column of a data.frame has no value outside R; use "
                "do.call(data.frame, x)"
            )
        if "AsIs" in node.classes:
            node = RObject(node.kind, node.value, dict(node.attributes), node.s4)
            classes = [each for each in node.classes if each not in _AS_IS]
            node.attributes |= _class(classes)
            if not classes:
                del node.attributes["class"]
        column, note = notes.split(node)
        if node.kind == r.VEC:
            if node.classes:
                raise _only_r(node)
            return [_at(each, f"[{k}]") for k, each in enumerate(node.value)], note
        if node.s4:
            raise _only_r(node)
        return core(column, column.classes, None), note
    except ConversionError as error:
        raise error.prepend(step(name)) from None


def _length(node: RObject) -> int:
    return 0 if node.value is None else len(node.value)


def _class(classes: list[str | None]) -> dict[str, RObject]:
    return {"class": RObject(r.STR, list(classes))} if classes else {}


def _dataset(node: RObject) -> types.Dataset:
    ride = _fields(node.attributes.get(_RIDE))
    variables: dict[str, dict[str, Any]] = {}
    coords: dict[str, dict[str, Any]] = {}
    for key, each in _fields(node).items():
        made = _at(each, step(key))
        if isinstance(made, types.Labelled):
            for own, coord in made.coords.items():
                coords.setdefault(own, coord)
            variables[key] = {"dims": made.dims, "data": made.data, "attrs": made.attrs}
        elif isinstance(made, (types.Array, types.Factor)):
            shape = made.shape if isinstance(made, types.Array) else made.codes.shape
            dims = (
                (f"dim_{key}",) if len(shape) == 1 else tuple(f"dim_{key}_{k + 1}" for k in range(len(shape)))
            )
            variables[key] = {"dims": dims, "data": made, "attrs": {}}
        else:
            raise ConversionError("a labelled dataset holds something that is no array", path=step(key))
    alone = ride.get("coords")
    noted = _variables(alone)
    for key, each in _fields(alone).items():
        if key not in coords and len(each.value) > 3 and bool(each.value[3].value[0]):
            coords[key] = noted[key]
    return types.Dataset(variables, coords, _named(ride.get("attrs")))


def _sparse(node: RObject) -> types.Sparse:
    """A sparse matrix of R's package Matrix."""
    kind = next((name for name in node.classes if name), "")
    slots = node.attributes
    layout = {"C": "csc", "R": "csr", "T": "coo"}.get(kind[2:3], "")
    if len(kind) != 9 or kind[0] not in "dln" or kind[1] != "g" or kind[3:] != "Matrix" or not layout:
        raise _only_r(node)
    labels = slots.get("Dimnames")
    if labels is not None and any(each.kind != r.NIL for each in labels.value):
        raise ConversionError(
            "a sparse matrix with dimnames has no sparse value elsewhere; remove them or use as.matrix"
        )
    first = slots["j" if layout == "csr" else "i"].value
    second = slots["j" if layout == "coo" else "p"].value
    if kind[0] == "n":
        data: Any = np.ones(len(first), bool)
    else:
        made = array(slots["x"])
        if made.mask is not None:
            raise ConversionError("a sparse matrix with NA has no sparse value elsewhere; use as.matrix")
        data = np.frombuffer(made.data, bool if kind[0] == "l" else np.float64)
    rows, columns = (int(each) for each in slots["Dim"].value)
    dtype = "f8" if kind[0] == "d" else "bool"
    parts = (_view(data), _view(first), _view(second))
    return types.Sparse(layout, (rows, columns), dtype, *parts, len(data))


# --- small things


def _at(node: RObject, path: str) -> Any:
    try:
        return _value(node)
    except ConversionError as error:
        raise error.prepend(path) from None


def _fields(node: RObject | None) -> dict[str, RObject]:
    """A named list as a mapping of nodes."""
    if node is None or node.kind != r.VEC:
        return {}
    return {str(name): each for name, each in zip(node.texts("names") or [], node.value, strict=False)}


def _named(node: RObject | None) -> dict[str, Any]:
    """A named list, maybe empty, as a mapping of values."""
    return {key: _at(each, f".attrs{step(key)}") for key, each in _fields(node).items()}


def _strings(node: RObject | None) -> list[str]:
    return [each or "" for each in node.value] if node is not None and node.kind == r.STR else []


def _text(node: RObject | None) -> str | None:
    return node.value[0] if node is not None and node.kind == r.STR and node.value else None


def _shape(node: RObject | None) -> tuple[int, ...] | None:
    if node is None or node.kind not in (r.INT, r.REAL):
        return None
    return tuple(int(each) for each in node.value)


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _unique(names: list[str]) -> list[str]:
    """Names made different as R's ``make.unique(names, "_")`` does."""
    found: list[str] = []
    for name in names:
        made, k = name, 0
        while made in found or (k and made in names):
            k += 1
            made = f"{name}_{k}"
        found.append(made)
    return found
