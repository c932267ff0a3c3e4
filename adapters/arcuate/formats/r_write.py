"""Values to objects of R: the same that a session of R is given for them.

Dims and coords become names and dimnames, so that functions of R work on them; coords that are no text,
attrs and names ride in an attribute ``arcuate``, as they do in a session, and come back typed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from arcuate.errors import ConversionError
from arcuate.formats import r_file as r
from arcuate.formats import r_notes
from arcuate.formats.node import Node, step
from arcuate.formats.r_file import NA_BITS, NA_INT, RObject
from arcuate.formats.r_texts import number_text
from arcuate.values import codes
from arcuate.values.nodes import signed, to_float
from arcuate.values.seconds import datetime_seconds, duration_values

__all__ = ["robject"]

_RIDE = "arcuate"
_LABELS = 10_000
_NIL = RObject(r.NIL)
_EXACT = 1 << 53


def robject(node: Node) -> RObject:
    """The object of a value.

    Raises:
        ConversionError: R has none for it.
    """
    made = _MAKE.get(node.kind)
    if made is None:
        raise ConversionError(
            f"a {node.kind_name} lives in an interpreter and has no place in a file; save what it computes"
        )
    return made(node)


def _below(node: Node, path: str) -> RObject:
    try:
        return robject(node)
    except ConversionError as error:
        raise error.prepend(path) from None


def _texts(*values: str | None) -> RObject:
    return RObject(r.STR, list(values))


def _named(items: dict[str, RObject]) -> RObject:
    return RObject(r.VEC, list(items.values()), {"names": _texts(*items)})


# --- scalars


def _null(node: Node) -> RObject:
    return _NIL


def _bool(node: Node) -> RObject:
    return RObject(r.LGL, np.array([1 if node.value else 0], np.int32))


def _int(node: Node) -> RObject:
    wide = bool(node.flags & codes.INT_UNSIGNED) or node.dtype == codes.D_U8
    value = node.value if wide else signed(node.value)
    return _integers(np.array([value], object))


def _float(node: Node) -> RObject:
    return _reals(np.array([to_float(node.value)]), None)


def _complex(node: Node) -> RObject:
    parts = np.array([to_float(bits) for bits in node.numbers])
    return RObject(r.CPLX, _plain_nan(parts).view(np.complex128))


def _text(node: Node) -> RObject:
    return _texts(node.text)


def _bytes(node: Node) -> RObject:
    return RObject(r.RAW, bytes(node.buffers[0]))


def _missing(node: Node) -> RObject:
    dtype = node.dtype
    gone = np.ones(1, bool)
    if dtype in range(codes.D_I1, codes.D_U8 + 1):
        return RObject(r.INT, np.array([NA_INT], np.int32))
    if dtype in (codes.D_F2, codes.D_F4, codes.D_F8):
        return _reals(np.zeros(1), gone)
    if dtype == codes.D_TEXT:
        return _texts(None)
    if dtype in (codes.D_C8, codes.D_C16):
        bits = np.full(2, NA_BITS, np.uint64)
        return RObject(r.CPLX, bits.view(np.complex128))
    if dtype == codes.D_DATETIME:
        return _datetime_class(_reals(np.zeros(1), gone), node.text, node.unit_name or "us")
    if dtype == codes.D_DATE:
        return _with_class(_reals(np.zeros(1), gone), "Date")
    if dtype == codes.D_DURATION:
        return _duration_class(_reals(np.zeros(1), gone), "secs", "")
    return RObject(r.LGL, np.array([NA_INT], np.int32))


def _datetime(node: Node) -> RObject:
    seconds, note = datetime_seconds(np.array([signed(node.value)]), node.unit_name or "us", None, node.text)
    return _datetime_class(_reals(seconds, None), node.text, note)


def _date(node: Node) -> RObject:
    return _with_class(_reals(np.array([float(signed(node.value))]), None), "Date")


def _duration(node: Node) -> RObject:
    values, name, note = duration_values(np.array([signed(node.value)]), node.unit_name or "us", None)
    return _duration_class(_reals(values, None), name, note)


# --- arrays


def _array(node: Node) -> RObject:
    if any(size > 0x7FFFFFFF for size in node.numbers) and len(node.numbers) > 1:
        raise ConversionError("R's dimensions end at 2^31 - 1; reshape the array")
    values = node.values().reshape(-1, order="F")
    mask = node.mask()
    gone = None if mask is None else mask.reshape(-1, order="F")
    made = _vector(node, values, gone)
    if len(node.numbers) > 1:
        made.attributes = {"dim": _shape(node.numbers), **made.attributes}
    return made


def _vector(node: Node, values: Any, gone: Any) -> RObject:
    dtype = node.dtype
    if dtype == codes.D_TEXT:
        texts = values.tolist()
        if gone is not None:
            texts = [None if hidden else text for text, hidden in zip(texts, gone.tolist(), strict=True)]
        return RObject(r.STR, texts)
    if dtype == codes.D_BOOL:
        return RObject(r.LGL, _filled(values.astype(np.int32), gone))
    if dtype in range(codes.D_I1, codes.D_U8 + 1):
        return _integers(values, gone)
    if dtype in (codes.D_F2, codes.D_F4, codes.D_F8):
        return _reals(values.astype(np.float64), gone)
    if dtype in (codes.D_C8, codes.D_C16):
        parts = _plain_nan(np.ascontiguousarray(values, np.complex128).view(np.float64).copy())
        if gone is not None:
            parts.view(np.uint64).reshape(-1, 2)[gone] = NA_BITS
        return RObject(r.CPLX, parts.view(np.complex128))
    if dtype == codes.D_DATETIME:
        seconds, note = datetime_seconds(values, node.unit_name or "us", gone, node.text)
        return _datetime_class(_reals(seconds, gone), node.text, note)
    if dtype == codes.D_DATE:
        return _with_class(_reals(values.astype(np.float64), gone), "Date")
    counts, name, note = duration_values(values, node.unit_name or "us", gone)
    return _duration_class(_reals(counts, gone), name, note)


def _filled(values: Any, gone: Any) -> Any:
    if gone is not None:
        values = values.copy()
        values[gone] = NA_INT
    return values


def _reals(values: Any, gone: Any) -> RObject:
    values = _plain_nan(np.array(values, np.float64))
    if gone is not None:
        values.view(np.uint64)[gone] = NA_BITS
    return RObject(r.REAL, values)


def _plain_nan(values: Any) -> Any:
    """NaN with the bits of R's NA as the usual NaN."""
    odd = np.isnan(values)
    if odd.any():
        bits = values.view(np.uint64)
        bits[odd & (bits & np.uint64(0xFFFFFFFF) == 1954)] = 0x7FF8000000000000
    return values


def _integers(values: Any, gone: Any = None) -> RObject:
    """R's integer where all fit, else doubles where all are exact."""
    if gone is not None:
        values = np.where(gone, values.dtype.type(0), values)
    if not len(values) or (int(values.min()) > NA_INT and int(values.max()) < 1 << 31):
        return RObject(r.INT, _filled(values.astype(np.int32), gone))
    if int(values.max()) > _EXACT or int(values.min()) < -_EXACT:
        for k, number in enumerate(values.tolist()):
            if int(float(number)) != number:
                raise ConversionError(
                    f"the integer {number} is exact neither as R's integer (32 bits) nor as its "
                    "double (53 bits); "
                    "save it as text, or as float64",
                    path=f"[{k}]" if len(values) > 1 else "",
                )
    return _reals(values.astype(np.float64), gone)


def _shape(numbers: tuple[int, ...]) -> RObject:
    return RObject(r.INT, np.array(numbers, np.int32))


def _with_class(made: RObject, *names: str) -> RObject:
    made.attributes["class"] = _texts(*names)
    return made


def _datetime_class(made: RObject, zone: str, unit: str) -> RObject:
    tz = _texts(zone or "UTC")
    if not zone or unit != "us":
        tz.attributes[_RIDE] = _texts("zoned" if zone else "naive", unit)
    if zone and zone[0] in "+-":
        # R knows offsets as "Etc/GMT-2" (with the sign turned), for whole hours only
        digits = zone[1:].replace(":", "")
        hours = int(zone[0] + digits[:2])
        whole = digits[2:] in ("", "00") and hours != 0
        tz = _texts(f"Etc/GMT{-hours:+d}" if whole else "UTC")
        tz.attributes[_RIDE] = _texts("zoned", unit, zone)
    made.attributes["tzone"] = tz
    return _with_class(made, "POSIXct", "POSIXt")


def _duration_class(made: RObject, name: str, note: str) -> RObject:
    units = _texts(name)
    if note:
        units.attributes[_RIDE] = _texts(note)
    made.attributes["units"] = units
    return _with_class(made, "difftime")


def _categorical(node: Node) -> RObject:
    numbers, categories = node["codes"], _below(node["categories"], ".categories")
    values = numbers.values().reshape(-1, order="F")
    mask = numbers.mask()
    gone = values < 0
    if mask is not None:
        gone = gone | mask.reshape(-1, order="F")
    made = RObject(r.INT, _filled((values + 1).astype(np.int32), gone))
    if len(numbers.numbers) > 1:
        made.attributes["dim"] = _shape(numbers.numbers)
    levels = categories
    if node["categories"].dtype != codes.D_TEXT:
        text = label_texts(categories, None)
        levels = RObject(r.STR, text, {_RIDE: categories})
    made.attributes["levels"] = levels
    ordered = bool(node.flags & codes.CATEGORICAL_ORDERED)
    return _with_class(made, *(("ordered", "factor") if ordered else ("factor",)))


# --- containers


def _list(node: Node) -> RObject:
    made = RObject(r.VEC, [_below(each, f"[{k}]") for k, (_, each) in enumerate(node.children)])
    if node.flags & codes.LIST_SHAPED and node.numbers:
        made.attributes["dim"] = _shape(node.numbers)
    return made


def _mapping(node: Node) -> RObject:
    return _named({key: _below(each, step(key)) for key, each in node.children})


def label_texts(labels: RObject, limit: int | None = _LABELS) -> list[str | None] | None:
    """Labels as texts, like R's ``as.character``; ``None`` for very many that are no plain vector."""
    if labels.kind == r.STR and not labels.attributes:
        return [text if text is not None else "NA" for text in labels.value]
    plain = not labels.attributes
    if not plain and limit is not None and len(labels.value) > limit:
        return None
    cls = labels.classes[:1]
    if labels.kind == r.LGL:
        return [None if number == NA_INT else str(bool(number)).upper() for number in labels.value.tolist()]
    if labels.kind == r.INT and cls in (["factor"], ["ordered"]):
        levels = labels.attributes["levels"].value
        return [None if number == NA_INT else levels[number - 1] for number in labels.value.tolist()]
    if labels.kind == r.INT:
        return [None if number == NA_INT else str(number) for number in labels.value.tolist()]
    if labels.kind == r.REAL and cls == ["POSIXct"]:
        stamps = np.where(np.isnan(labels.value), 0, labels.value)
        texts = np.datetime_as_string((stamps * 1e6).round().astype("M8[us]"), unit="us").tolist()
        made = [text.replace("T", " ").rstrip("0").rstrip(".") for text in texts]
        return [None if gone else text for text, gone in zip(made, np.isnan(labels.value), strict=True)]
    if labels.kind == r.REAL and cls == ["Date"]:
        days = np.where(np.isnan(labels.value), 0, labels.value).astype("i8").astype("M8[D]")
        return [None if gone else str(day) for day, gone in zip(days, np.isnan(labels.value), strict=True)]
    if labels.kind == r.REAL:
        bits = labels.value.view(np.uint64)
        gone = np.isnan(labels.value) & (bits & np.uint64(0xFFFFFFFF) == 1954)
        pairs = zip(labels.value.tolist(), gone.tolist(), strict=True)
        return [None if hidden else number_text(number) for number, hidden in pairs]
    return None


def _variable(node: Node) -> RObject:
    """Dimensions, data and attributes of a coordinate."""
    dims = RObject(r.STR, list(_dims(node["dims"])))
    return RObject(r.VEC, [dims, _below(node["data"], ".data"), _mapping(node["attrs"])])


def _dims(node: Node) -> list[str]:
    return node.texts() if node.kind == codes.LIST else [str(text) for text in node.values().tolist()]


def _labelled(node: Node) -> RObject:
    name = None if node["name"].kind == codes.NULL else node["name"].text
    dims = _dims(node["dims"])
    coords = {key: _variable(each) for key, each in node["coords"].children}
    attrs = _mapping(node["attrs"])
    return _make_labelled(name, dims, _below(node["data"], ".data"), coords, attrs)


def _make_labelled(
    name: str | None, dims: list[str], data: RObject, coords: dict[str, RObject], attrs: RObject
) -> RObject:
    keys = [str(key) for key in attrs.texts("names") or []]
    own: dict[str, RObject] = dict(zip(keys, attrs.value, strict=True))
    noted = {
        "kind": _texts("labelled"),
        "name": _NIL if name is None else _texts(name),
        "dims": RObject(r.STR, list(dims)),
    }
    listed = _named(coords)
    if not dims:
        noted |= {"shape": _shape(()), "labels": RObject(r.VEC, []), "coords": listed, "attrs": attrs}
        data.attributes[_RIDE] = _named(noted)
        return data
    dim = data.attributes.pop("dim", None)
    shape = dim if dim is not None else _shape((len(data.value),))
    labels: list[RObject] = []
    typed = False
    for key in dims:
        variable = coords.get(key)
        label = _NIL
        if variable is not None and variable.value[0].value == [key]:
            text = label_texts(variable.value[1])
            if text is not None:
                label = RObject(r.STR, text)
            given = variable.value[1]
            same = given.kind == r.STR and not given.attributes and given.value == text
            typed = typed or not same or bool(variable.value[2].value)
        labels.append(label)
    default = dims == [f"dim_{k}" for k in range(len(dims))]
    tabular = own.get("r_class") is not None and own["r_class"].value == ["table"]
    simple = name is None and not typed and list(coords) == [key for key in dims if key in coords]
    simple = simple and all(dims)
    if simple and not own and len(dims) == 1 and default and labels[0].kind == r.STR:
        data.attributes = {"names": labels[0], **data.attributes}
        return data
    tsp = _tsp(dims, coords, own, shape.value)
    if tsp is not None and name is None and len(coords) <= len(dims) and len(own) == 2:
        if len(dims) == 2:
            data.attributes["dim"] = shape
            if labels[1].kind != r.NIL:
                data.attributes["dimnames"] = RObject(r.VEC, [_NIL, labels[1]])
        data.attributes["tsp"] = tsp
        return _with_class(data, *(("mts", "ts", "matrix") if len(dims) == 2 else ("ts",)))
    dimnames = RObject(r.VEC, labels, {} if default else {"names": RObject(r.STR, list(dims))})
    given = data.attributes
    data.attributes = {"dim": shape}
    if not default or any(label.kind != r.NIL for label in labels):
        data.attributes["dimnames"] = dimnames
    data.attributes |= given
    if tabular:
        data.attributes["class"] = _texts("table")
    if not (simple and (not own or (tabular and len(own) == 1))):
        kept = dimnames if "dimnames" in data.attributes else _NIL
        noted |= {"shape": shape, "labels": kept, "coords": listed, "attrs": attrs}
        if not tabular and "r_class" in own:
            noted["other"] = RObject(r.LGL, np.ones(1, np.int32))
        data.attributes[_RIDE] = _named(noted)
    return data


def _tsp(dims: list[str], coords: dict[str, RObject], own: dict[str, RObject], shape: Any) -> RObject | None:
    """Start, end and frequency of a time series of R whose times are still evenly spaced."""
    kind, frequency = own.get("r_class"), own.get("frequency")
    if (
        kind is None
        or kind.value != ["ts"]
        or frequency is None
        or len(dims) > 2
        or next(iter(coords), "") != dims[0]
    ):
        return None
    times = coords[dims[0]].value[1]
    if times.kind != r.REAL or frequency.kind != r.REAL or len(frequency.value) != 1 or not len(times.value):
        return None
    rate = float(frequency.value[0])
    at = times.value[0] + np.arange(len(times.value)) / rate
    if not (np.abs(times.value - at) <= 1e-3 / rate).all():
        return None
    return RObject(r.REAL, np.array([times.value[0], times.value[0] + (shape[0] - 1) / rate, rate]))


def _dataset(node: Node) -> RObject:
    coords = {key: (_dims(each["dims"]), _variable(each)) for key, each in node["coords"].children}
    used: set[str] = set()
    arrays: dict[str, RObject] = {}
    for key, each in node["vars"].children:
        dims = _dims(each["dims"])
        mine = {own: made for own, (those, made) in coords.items() if set(those) <= set(dims)}
        used |= set(mine)
        arrays[key] = _make_labelled(
            None, dims, _below(each["data"], step(key)), mine, _mapping(each["attrs"])
        )
    rest = {
        key: RObject(r.VEC, [*made.value, RObject(r.LGL, np.array([key not in used], np.int32))])
        for key, (_, made) in coords.items()
    }
    noted = {
        "kind": _texts("dataset"),
        "coords": _named(rest),
        "attrs": _mapping(node["attrs"]),
    }
    made = _named(arrays)
    made.attributes |= {"class": _texts("arcuate_dataset"), _RIDE: _named(noted)}
    return made


def _table(node: Node) -> RObject:
    n = node.value
    if n > 0x7FFFFFFF:
        raise ConversionError("R's data.frame ends at 2^31 - 1 rows; save the table in parts")
    columns = {key: _below(each, f".columns{step(key)}") for key, each in node["columns"].children}
    nullable = [
        key
        for key, each in node["columns"].children
        if each.kind == codes.ARRAY
        and each.flags & (codes.ARRAY_PANDAS | codes.ARRAY_NUMPY) == codes.ARRAY_PANDAS
    ]
    index = _NIL
    automatic = RObject(r.INT, np.array([NA_INT, -n], np.int32))
    rows = automatic
    if node["index"].kind != codes.NULL:
        labels = [
            None if each.kind == codes.NULL else each.text for _, each in node["index"]["names"].children
        ] if node["index"]["names"].kind == codes.LIST else list(node["index"]["names"].values())  # fmt: skip
        levels = [
            _below(each, f".index[{k}]") for k, (_, each) in enumerate(node["index"]["levels"].children)
        ]
        index = RObject(r.VEC, [RObject(r.STR, labels), RObject(r.VEC, levels)])
        rows = _row_names(levels, n)
    attrs = r_notes.noted(columns, _mapping(node["attrs"]))
    made = _named(columns)
    made.attributes |= {"class": _texts("data.frame"), "row.names": rows}
    if index.kind != r.NIL or attrs.value or nullable or node.text not in ("", "pandas"):
        written = rows if rows is not automatic else RObject(r.INT, np.arange(1, n + 1, dtype=np.int32))
        noted = {
            "kind": _texts("table"), "index": index, "labels": written, "attrs": attrs,
            "hint": _texts(node.text), "nullable": RObject(r.STR, list(nullable)),
        }  # fmt: skip
        made.attributes[_RIDE] = _named(noted)
    return made


def _row_names(levels: list[RObject], n: int) -> RObject:
    first = levels[0]
    if len(levels) == 1:
        if first.kind == r.INT and not first.attributes:
            numbers = first.value.tolist()
            if NA_INT not in numbers and len(set(numbers)) == n:
                return first
        elif first.kind in (r.STR, r.INT, r.REAL, r.LGL):
            text = label_texts(first)
            gone = first.kind == r.STR and None in first.value
            if text is not None and not gone and None not in text and len(set(text)) == n:
                return RObject(r.STR, text)
    return RObject(r.STR, [str(k + 1) for k in range(n)])


def _sparse(node: Node) -> RObject:
    dtype, layout = node.dtype, node.unit
    if dtype not in (codes.D_BOOL, codes.D_F2, codes.D_F4, codes.D_F8):
        raise ConversionError(
            f"R's package Matrix has no sparse matrices of {node.dtype_name}; convert it to float64, "
            "or save it dense"
        )
    wide = np.int64 if node.flags & codes.SPARSE_WIDE else np.int32
    first, second = (np.frombuffer(each, wide) for each in node.buffers[1:])
    rows, columns = node.numbers
    if max(rows, columns, len(first)) > 0x7FFFFFFF:
        raise ConversionError("R's sparse matrices end at 2^31 - 1 rows, columns and entries")
    first, second = first.astype(np.int32), second.astype(np.int32)
    logical = dtype == codes.D_BOOL
    data = np.frombuffer(node.buffers[0], "?" if logical else "<" + node.dtype_name)
    if layout != codes.SPARSE_COO:
        first, data = _sorted(first, second, data)
    x = RObject(r.LGL, data.astype(np.int32)) if logical else _reals(data.astype(np.float64), None)
    letter = "CRT"[layout]
    slots = {
        codes.SPARSE_CSC: {"i": first, "p": second},
        codes.SPARSE_CSR: {"p": second, "j": first},
        codes.SPARSE_COO: {"i": first, "j": second},
    }[layout]
    made = RObject(r.S4, None, {key: RObject(r.INT, each) for key, each in slots.items()}, s4=True)
    made.attributes |= {
        "Dim": _shape((rows, columns)), "Dimnames": RObject(r.VEC, [_NIL, _NIL]), "x": x,
        "factors": RObject(r.VEC, []),
        "class": RObject(r.STR, [f"{'l' if logical else 'd'}g{letter}Matrix"], {"package": _texts("Matrix")}),
    }  # fmt: skip
    return made


def _sorted(indices: Any, pointers: Any, data: Any) -> tuple[Any, Any]:
    """The entries of each row or column in order, as Matrix demands; entries given twice are an error."""
    which = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))
    order = np.lexsort((indices, which))
    indices, data = indices[order], data[order]
    if ((indices[1:] == indices[:-1]) & (which[1:] == which[:-1])).any():
        raise ConversionError("a sparse matrix has the same entry twice; call sum_duplicates() first")
    return indices, data


_MAKE = {
    codes.NULL: _null, codes.BOOL: _bool, codes.INT: _int, codes.FLOAT: _float, codes.COMPLEX: _complex,
    codes.TEXT: _text, codes.BYTES: _bytes, codes.MISSING: _missing, codes.LIST: _list, codes.MAPPING:
    _mapping, codes.ARRAY: _array, codes.LABELLED: _labelled, codes.DATASET: _dataset, codes.TABLE: _table,
    codes.CATEGORICAL: _categorical, codes.DATETIME: _datetime, codes.DATE: _date, codes.DURATION: _duration,
    codes.SPARSE: _sparse,
}  # fmt: skip
