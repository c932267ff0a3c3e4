"""The JSON form of arrays, in MATLAB Production Server's small and large notation.

Small notation is plain JSON: a number, ``true``, ``"text"``, nested lists by rows, an object for a 1-by-1
struct. Large notation says class and size, ``{"mwdata": [...], "mwsize": [1, 3], "mwtype": "int8"}``, with
the elements column-major; complex numbers have ``"mwcomplex": true`` and stand as real, imaginary, real, ...
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from arcuate.errors import ConversionError
from arcuate.mps.matrix import NUMERIC, Budget, Matrix, check_size, empty_structs, logical, numbers, row
from arcuate.values import codes
from arcuate.values.nodes import step
from arcuate.values.record import record

__all__ = ["Format", "read", "write"]

_SPECIAL = {"NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}
_MARKS = frozenset(("mwdata", "mwsize", "mwtype", "mwcomplex"))
_FLOATS = ("double", "single")
_PLAIN = frozenset((bool, int, float))
_SAFE = 1 << 53
_SAFE_SINGLE = 1 << 24
_ANY = 1 << 62


@record(frozen=True)
class Format:
    """How results are written.

    Attributes:
        small: in small notation where it can say all.
        strings: NaN and Inf as ``"NaN"``, not as ``{"mwdata": "NaN"}``.
    """

    small: bool = False
    strings: bool = False


# ----------------------------------------------------------------------- reading


def read(value: Any, budget: Budget | None = None) -> Matrix:
    """The array of a JSON value in either notation.

    Args:
        value: the value.
        budget: counts the arrays, those inside of others included; without one there may be any number.

    Raises:
        ConversionError: it is none.
        LimitExceeded: it holds more arrays.
    """
    return _read(value, _Place(budget or Budget(_ANY), 0))


@record(frozen=True)
class _Place:
    """Where an array stands: how deep, and how many more there may be."""

    budget: Budget
    depth: int


def _read(value: Any, place: _Place) -> Matrix:
    place.budget.take(1)
    if place.depth > codes.MAX_DEPTH:
        raise ConversionError(f"the value nests deeper than {codes.MAX_DEPTH} levels; flatten it")
    if isinstance(value, bool):
        return row("logical", np.array([value]))
    if isinstance(value, (int, float)):
        return row("double", np.array([_double(value)]))
    if isinstance(value, str):
        return row("char", value)
    if isinstance(value, list):
        return _nested(value)
    if isinstance(value, dict):
        if not _MARKS & value.keys():
            items = [_below(step(name), item, place) for name, item in value.items()]
            return Matrix("struct", (1, 1), [items], tuple(value))
        return _large(value, place)
    raise ConversionError("null has no form in MATLAB; send [] for an empty array")


def _double(value: Any) -> float:
    """A number of JSON as a double, exactly."""
    if isinstance(value, int) and not -_SAFE <= value <= _SAFE:
        try:
            same = int(float(value)) == value
        except OverflowError:
            same = False
        if not same:
            raise ConversionError(
                f"the whole number {str(value)[:40]} is no double; send it in large notation as an int64 or "
                "uint64"
            )
    elif isinstance(value, float) and math.isinf(value):
        raise ConversionError('a number is too large for a double; write "Inf" if infinity is meant')
    return float(value)


def _nested(value: list[Any]) -> Matrix:
    """Lists of lists, by rows; a flat list is a row."""
    shape: list[int] = []
    level: Any = value
    while isinstance(level, list):
        shape.append(len(level))
        if len(shape) > codes.MAX_NDIM:
            raise ConversionError(f"lists nest deeper than the {codes.MAX_NDIM} dimensions that are allowed")
        level = level[0] if level else None
    if value == []:
        return Matrix("double", (0, 0), np.empty(0))
    if 0 in shape:
        raise ConversionError("an empty list inside a list has no class and size; use large notation")
    flat: list[Any] = []
    _flatten(value, shape, flat, 0)
    kinds = {bool if kind is bool else float for kind in set(map(type, flat))}
    if len(kinds) > 1:
        raise ConversionError("a list mixes numbers and logicals; send a cell in large notation")
    data = np.array(flat, np.bool_) if kinds == {bool} else _elements(flat, "double")
    size = tuple(shape) if len(shape) > 1 else (1, *shape)
    ordered = data.reshape(shape).ravel(order="F") if len(shape) > 1 else data
    while len(size) > 2 and size[-1] == 1:
        size = size[:-1]
    return Matrix("logical" if kinds == {bool} else "double", size, ordered)


def _flatten(value: list[Any], shape: Sequence[int], flat: list[Any], level: int) -> None:
    if len(value) != shape[level]:
        raise ConversionError("the lists of an array have different lengths; send a cell in large notation")
    if level == len(shape) - 1:
        plain = _PLAIN.issuperset(map(type, value))
        for item in () if plain else value:
            if isinstance(item, list) or not _is_number(item):
                raise ConversionError(
                    "a list holds something else than numbers or logicals; send a cell in large notation: "
                    '{"mwdata": [...], "mwsize": [1, n], "mwtype": "cell"}'
                )
        flat += value
        return
    for item in value:
        if not isinstance(item, list):
            raise ConversionError("a list mixes numbers and lists; send a cell in large notation")
        _flatten(item, shape, flat, level + 1)


def _is_number(item: Any) -> bool:
    if isinstance(item, dict):
        return item.keys() == {"mwdata"} and isinstance(item["mwdata"], str) and item["mwdata"] in _SPECIAL
    return isinstance(item, (bool, int, float)) or (isinstance(item, str) and item in _SPECIAL)


def _number(item: Any, kind: str) -> Any:
    """One element of a numeric array."""
    if isinstance(item, dict) and _is_number(item):
        item = item["mwdata"]
    if isinstance(item, str) and item in _SPECIAL:
        if kind not in _FLOATS:
            raise ConversionError(f"{item} is no {kind}")
        return _SPECIAL[item]
    if isinstance(item, bool) or not isinstance(item, (int, float)):
        raise ConversionError(f"an element of a {kind} array is {_shown(item)}; it must be a number")
    if kind in _FLOATS:
        return _double(item) if kind == "double" or isinstance(item, float) else _whole_single(item)
    if isinstance(item, float) and not -_SAFE < item < _SAFE:  # its last digits may be lost already
        raise ConversionError(
            f"{item!r} has a fraction or an exponent and is too large to be known exactly as a {kind}; write "
            "it as a whole number without a fraction"
        )
    whole = item if isinstance(item, int) else int(item) if item.is_integer() else None
    limits = np.iinfo(NUMERIC[kind])
    if whole is None or not limits.min <= whole <= limits.max:
        raise ConversionError(f"{str(item)[:40]} is no {kind} ({limits.min} to {limits.max})")
    return whole


def _whole_single(item: int) -> float:
    """A whole number of JSON as a single, exactly; what is too large for one is told of elsewhere."""
    found = _double(item)
    with np.errstate(over="ignore"):
        narrow = float(np.float32(found))
    if narrow != found and math.isfinite(narrow):
        raise ConversionError(f"the whole number {item} is no single; send it as a double")
    return found


def _elements(items: list[Any], kind: str) -> Any:
    """The elements of a numeric array, exactly; of a single as doubles."""
    dtype = np.dtype(np.float64) if kind == "single" else NUMERIC[kind]
    types = set(map(type, items))
    if types == {float} and kind in _FLOATS:
        found = np.array(items, dtype)
        if not np.isinf(found).any():  # a number of JSON that is too large
            return found
    elif types == {int}:
        safe = _SAFE if kind == "double" else _SAFE_SINGLE
        limits = (-safe, safe) if kind in _FLOATS else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if limits[0] <= min(items) and max(items) <= limits[1]:
            return np.array(items, dtype)
    return np.array([_at(at, _number, item, kind) for at, item in enumerate(items)], dtype)


def _shown(item: Any) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false"}.get(type(item), "null")


def _large(value: dict[str, Any], place: _Place) -> Matrix:
    unknown = value.keys() - _MARKS
    if unknown:
        raise ConversionError(
            f"the field {sorted(unknown)[0][:40]!r} stands beside mwdata; large notation has mwdata, mwsize, "
            "mwtype and mwcomplex"
        )
    if "mwdata" not in value:
        raise ConversionError("mwdata is missing")
    data, kind = value["mwdata"], value.get("mwtype")
    if kind is None and value.keys() == {"mwdata"} and isinstance(data, str) and data in _SPECIAL:
        return row("double", np.array([_SPECIAL[data]]))
    size = value.get("mwsize")
    if not isinstance(kind, str) or not isinstance(size, list):
        raise ConversionError("large notation needs mwtype, the class as a text, and mwsize, a list")
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in size):
        raise ConversionError("mwsize must be a list of whole numbers")
    if kind == "struct":
        return _read_struct(data, size, place)
    reader = _READERS.get(kind)
    if reader is None:
        raise ConversionError(
            f"the class {kind[:40]!r} cannot be read; known are {', '.join((*_READERS, 'struct'))}"
        )
    if not isinstance(data, list):
        data = [data]  # a scalar
    if not isinstance(value.get("mwcomplex", False), bool):
        raise ConversionError("mwcomplex must be true or false")
    if value.get("mwcomplex") and kind not in NUMERIC:
        raise ConversionError(f"a {kind} array cannot be complex")
    return reader(kind, data, size, bool(value.get("mwcomplex")), place)


def _read_numbers(kind: str, data: list[Any], size: list[int], pairs: bool, place: _Place) -> Matrix:
    found = _elements(data, kind)
    if kind == "single":
        with np.errstate(over="ignore"):
            narrow = found.astype(np.float32)
        if np.isinf(narrow).sum() != np.isinf(found).sum():
            raise ConversionError("a number is too large for a single")
        found = narrow
    if not pairs:
        return numbers(kind, size, found)
    if len(found) % 2:
        raise ConversionError("complex mwdata holds pairs: real, imaginary, real, imaginary, ...")
    return numbers(kind, size, found[::2], found[1::2])


def _read_logical(kind: str, data: list[Any], size: list[int], pairs: bool, place: _Place) -> Matrix:
    for at, item in enumerate(data):
        if not isinstance(item, bool) and item not in (0, 1):
            raise ConversionError(f"an element of a logical array is {_shown(item)}", path=f"[{at}]")
    return logical(size, np.array(data, np.bool_))


def _read_char(kind: str, data: list[Any], size: list[int], pairs: bool, place: _Place) -> Matrix:
    if not data and 0 in size:
        data = [""]
    if len(data) != 1 or not isinstance(data[0], str):
        raise ConversionError("mwdata of a char holds one text with all characters, column-major")
    text = data[0]
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if len(size) == 2 and size == [1, units]:  # sizes count UTF-16 units, as in MATLAB
        size = [1, len(text)]
    return Matrix("char", check_size(size, len(text)), text)


def _read_texts(kind: str, data: list[Any], size: list[int], pairs: bool, place: _Place) -> Matrix:
    for at, item in enumerate(data):
        if not isinstance(item, str):
            raise ConversionError(f"an element of a string array is {_shown(item)}", path=f"[{at}]")
    return Matrix("string", check_size(size, len(data)), data)


def _read_cell(kind: str, data: list[Any], size: list[int], pairs: bool, place: _Place) -> Matrix:
    shape = check_size(size, len(data))
    return Matrix("cell", shape, [_below(f"[{at}]", item, place) for at, item in enumerate(data)])


def _read_struct(data: Any, size: list[int], place: _Place) -> Matrix:
    if not isinstance(data, dict):
        raise ConversionError("mwdata of a struct is an object: for each field a list with its values")
    counts = set()
    columns: list[list[Any]] = []
    for name, column in data.items():
        if not isinstance(column, list):
            raise ConversionError("a field of mwdata is no list of values", path=step(name))
        counts.add(len(column))
        columns.append(column)
    if len(counts) > 1:
        raise ConversionError("the fields of mwdata have different numbers of values")
    count = counts.pop() if counts else empty_structs(size, place.budget)
    shape = check_size(size, count)
    names = tuple(data)
    items = [
        [
            _below(f"{step(name)}[{at}]", column[at], place)
            for name, column in zip(names, columns, strict=True)
        ]
        for at in range(count)
    ]
    return Matrix("struct", shape, items, names)


def _at(at: int, function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except ConversionError as error:
        error.prepend(f"[{at}]")
        raise


def _below(where: str, value: Any, place: _Place) -> Matrix:
    try:
        return _read(value, _Place(place.budget, place.depth + 1))
    except ConversionError as error:
        error.prepend(where)
        raise


_READERS: dict[str, Callable[[str, list[Any], list[int], bool, _Place], Matrix]] = {
    **dict.fromkeys(NUMERIC, _read_numbers),
    "logical": _read_logical,
    "char": _read_char,
    "string": _read_texts,
    "cell": _read_cell,
}


# ----------------------------------------------------------------------- writing


def write(value: Matrix, wanted: Format) -> Any:
    """The JSON value of an array."""
    if wanted.small:
        found = _small(value, wanted)
        if found is not None:
            return found[0]
    data = value.data
    extra: dict[str, Any] = {}
    listed: Any
    size = list(value.size)
    if value.kind in NUMERIC:
        if value.is_complex:
            extra["mwcomplex"] = True
            data = data.view(data.real.dtype)
        listed = _listed(data, wanted)
    elif value.kind == "logical":
        listed = data.tolist()
    elif value.kind == "char":
        listed = [data]
        if not data.isascii():  # sizes count UTF-16 units, as in MATLAB
            units = len(data.encode("utf-16-le")) // 2
            if units != len(data) and size[0] != 1:
                raise ConversionError("a char of several rows holds characters beyond 16 bits; use a cell")
            size[1] = size[1] if size[0] != 1 else units
    elif value.kind == "struct":
        listed = {name: [write(one[at], wanted) for one in data] for at, name in enumerate(value.fields)}
    else:
        listed = [write(one, wanted) for one in data]
    return {"mwdata": listed, "mwsize": size, "mwtype": value.kind, **extra}


def _listed(data: Any, wanted: Format) -> list[Any]:
    """The elements of a flat array; whole numbers are written without a fraction, as clients know them."""
    if data.dtype.kind != "f":
        found: list[Any] = data.tolist()
        return found
    with np.errstate(invalid="ignore"):
        whole = (np.floor(data) == data) & (np.abs(data) <= _SAFE) & ~((data == 0) & np.signbit(data))
    if whole.all():
        found = data.astype(np.int64).tolist()
    elif whole.any() or not np.isfinite(data).all():
        pairs = zip(data.tolist(), whole.tolist(), strict=True)
        found = [
            int(x) if is_whole else x if math.isfinite(x) else _special(x, wanted) for x, is_whole in pairs
        ]
    else:
        found = data.tolist()
    return found


def _special(item: float, wanted: Format) -> Any:
    name = "NaN" if math.isnan(item) else "Inf" if item > 0 else "-Inf"
    return name if wanted.strings else {"mwdata": name}


def _small(value: Matrix, wanted: Format) -> tuple[Any] | None:
    """The value in small notation, in a tuple; ``None`` where that cannot say all."""
    if value.kind == "char":
        if wanted.strings and value.data in _SPECIAL:
            return None  # the text alone is the number here
        return (value.data,) if len(value.size) == 2 and value.size[0] == 1 else None
    if value.kind == "struct":
        if value.size != (1, 1) or _MARKS & set(value.fields):
            return None
        items = (write(one, wanted) for one in value.data[0])
        return (dict(zip(value.fields, items, strict=True)),)
    if value.kind not in ("double", "logical") or value.is_complex:
        return None
    if value.size == (0, 0) and value.kind == "double":
        return ([],)
    if 0 in value.size:
        return None
    flat = value.data.reshape(value.size, order="F").ravel()
    listed = _listed(flat, wanted)
    if value.size == (1, 1):
        return (listed[0],)
    for length in reversed(value.size[1:]):
        listed = [listed[at : at + length] for at in range(0, len(listed), length)]
    return (listed,)
