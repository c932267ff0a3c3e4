"""The reference writer: a rendering to a frame or a message, by ``protos/frames.md`` alone.

It is strict about renderings (an unknown field, a number that its dtype cannot hold are ``ValueError``),
and it knows three things that are no part of the value, so that vectors can hold them: ``"nan:<16
hexadecimal digits>"`` is a NaN with these bits, ``{"under": element}`` a missing element with something
under its mask, and the hint ``mask`` a mask although nothing is missing.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from arcuate.matrix.layout import DTYPES, KINDS, UNITS, Node, frame, message

__all__ = ["Rendering", "encode", "float_text", "node_of", "parse_float"]

Rendering = Mapping[str, Any]
"""A value as ``protos/vectors/README.md`` writes it."""

HINTS: dict[str, dict[str, int]] = {
    "list": {"tuple": 1, "forced": 2},
    "mapping": {"map": 1},
    "missing": {"numpy-scalar": 1, "pandas-scalar": 2},
    "array": {
        "mask": 1,
        "fortran": 2,
        "sequence": 4,
        "tuple": 8,
        "boxed": 16,
        "pandas": 32,
        "numpy-mask": 64,
    },
    "labelled": {"series": 1, "unnamed-index": 2},
    "datetime": {"numpy-scalar": 1, "pandas-scalar": 2},
    "duration": {"numpy-scalar": 1, "pandas-scalar": 2},
    "sparse": {"wide-indices": 1, "scipy-matrix": 2},
}
"""The bit of each hint, by kind."""
INTEGERS = {
    **{f"i{size}": (-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1) for size in (1, 2, 4, 8)},
    **{f"u{size}": (0, (1 << 8 * size) - 1) for size in (1, 2, 4, 8)},
    "datetime": (-(1 << 63), (1 << 63) - 1),
    "date": (-(1 << 31), (1 << 31) - 1),
    "duration": (-(1 << 63), (1 << 63) - 1),
}
"""The least and the greatest number of each class that counts."""
_LETTERS = {
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "datetime": "q",
    "date": "i",
    "duration": "q",
}
_FLOATS = {"f2": "e", "f4": "f", "f8": "d", "c8": "f", "c16": "d"}
_NAN_BITS = {"f2": 0x7E00, "f4": 0x7FC00000, "f8": 0x7FF8000000000000}
_FORMATS = ("csc", "csr", "coo")


def encode(rendering: Rendering, encoding: str) -> bytes:
    """Return the bytes of a rendering.

    Args:
        rendering: the value.
        encoding: ``"frame"`` or ``"protobuf"``.

    Raises:
        ValueError: it is no rendering of a value; the message ends with the path.
    """
    node = node_of(rendering)
    if encoding == "frame":
        return frame(node)
    if encoding != "protobuf":
        raise ValueError(f"the encoding {encoding!r}; 'frame' and 'protobuf' are allowed")
    return message(node).SerializeToString(deterministic=True)


def node_of(rendering: Rendering, path: str = "$") -> Node:
    """Return the tree of numbers of a rendering."""
    kind = rendering.get("kind")
    if kind not in KINDS:
        raise ValueError(f"the kind {kind!r}; {', '.join(KINDS)} are allowed - at {path}")
    node = Node(KINDS.index(kind))
    given = dict(rendering)
    del given["kind"]
    for hint in given.pop("hints", ()):
        bit = HINTS.get(kind, {}).get(hint)
        if bit is None:
            raise ValueError(f"a {kind} has no hint {hint!r} - at {path}")
        node.flags |= bit
    try:
        _WRITERS[kind](node, given, path)
    except KeyError as error:
        raise ValueError(f"a {kind} without {error} - at {path}") from None
    except (struct.error, OverflowError, TypeError) as error:
        raise ValueError(f"{error} - at {path}") from None
    if given:
        raise ValueError(f"a {kind} has no field {', '.join(given)} - at {path}")
    return node


# Scalars.


def bits_of(number: Any) -> int:
    """Return the bits of a binary64 given as text, or as a number of Python."""
    if isinstance(number, str) and number.startswith("nan:"):
        return int(number[4:], 16)
    found = parse_float(number)
    if found != found:
        return _NAN_BITS["f8"]
    return int.from_bytes(struct.pack("<d", found), "little")


def parse_float(number: Any) -> float:
    """Return the number that a text in decimal or hexadecimal stands for."""
    if not isinstance(number, str):
        return float(number)
    if number.startswith("nan:"):
        return float("nan")
    if "x" in number:
        return float.fromhex(number)
    return float(number)


def float_text(number: float) -> str:
    """Return a number as the shortest C99 hexadecimal, as ``printf("%a")`` writes it."""
    if number != number:
        return "nan"
    text = float(number).hex()
    head, mark, exponent = text.partition("p")
    if not mark:
        return text  # inf
    whole, _, digits = head.partition(".")
    digits = digits.rstrip("0")
    return f"{whole}.{digits}p{exponent}" if digits else f"{whole}p{exponent}"


def _narrow(number: Any, dtype: str, path: str) -> int:
    """Return the bits of a binary64 that a narrower class holds."""
    if dtype in ("f2", "f4", "c8"):
        _float_bytes(number, dtype, path)
    return bits_of(number)


def _null(_node: Node, _given: dict[str, Any], _path: str) -> None: ...


def _dtype(node: Node, given: dict[str, Any], allowed: Sequence[str], path: str) -> str:
    dtype: str = given.pop("dtype", "none")
    if dtype not in allowed:
        raise ValueError(f"the dtype {dtype!r}; {', '.join(allowed)} are allowed - at {path}")
    node.dtype = DTYPES.index(dtype)
    return dtype


def _bool(node: Node, given: dict[str, Any], path: str) -> None:
    _dtype(node, given, ("none", "bool"), path)
    node.value = _truth(given.pop("value"), path)


def _truth(value: Any, path: str) -> int:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false - at {path}")
    return int(value)


def _int(node: Node, given: dict[str, Any], path: str) -> None:
    dtype = _dtype(node, given, DTYPES[:1] + DTYPES[2:10], path)
    number = int(given.pop("value"))
    low, high = INTEGERS[dtype] if dtype != "none" else (-(1 << 63), (1 << 64) - 1)
    if not low <= number <= high:
        raise ValueError(f"{number} is no integer of dtype {dtype} - at {path}")
    if dtype == "none" and number >= 1 << 63:
        node.flags |= 1
    node.value = number & (1 << 64) - 1


def _float(node: Node, given: dict[str, Any], path: str) -> None:
    dtype = _dtype(node, given, ("none", "f2", "f4", "f8"), path)
    node.value = _narrow(given.pop("value"), dtype, path)


def _complex(node: Node, given: dict[str, Any], path: str) -> None:
    dtype = _dtype(node, given, ("none", "c8", "c16"), path)
    real, imaginary = given.pop("value")
    node.pool = [_narrow(real, dtype, path), _narrow(imaginary, dtype, path)]


def _text(node: Node, given: dict[str, Any], path: str) -> None:
    node.text = _utf8(given.pop("value"), path)


def _utf8(text: str, path: str) -> bytes:
    if "\0" in text:
        raise ValueError(f"a text with a NUL - at {path}")
    return text.encode()


def _bytes(node: Node, given: dict[str, Any], _path: str) -> None:
    node.buffers = [bytes.fromhex(given.pop("value"))]


def _missing(node: Node, given: dict[str, Any], path: str) -> None:
    _dtype(node, given, DTYPES, path)
    node.unit = UNITS.index(given.pop("unit", ""))


def _time(node: Node, given: dict[str, Any], path: str) -> None:
    number = int(given.pop("value"))
    low, high = INTEGERS[KINDS[node.kind]]
    if not low <= number <= high:
        raise ValueError(f"{number} is no count of a {KINDS[node.kind]} - at {path}")
    node.value = number & (1 << 64) - 1
    if KINDS[node.kind] != "date":
        node.unit = UNITS.index(given.pop("unit"))
    if KINDS[node.kind] == "datetime":
        node.text = _utf8(given.pop("zone", ""), path)


# Arrays.


def _array(node: Node, given: dict[str, Any], path: str) -> None:
    dtype = _dtype(node, given, DTYPES[1:], path)
    shape = [int(extent) for extent in given.pop("shape")]
    node.count, node.pool = len(shape), shape
    if dtype in ("datetime", "duration"):
        node.unit = UNITS.index(given.pop("unit"))
    if dtype == "datetime":
        node.text = _utf8(given.pop("zone", ""), path)
    data = given.pop("data")
    if isinstance(data, np.ndarray):
        node.buffers = [_numpy_bytes(data, dtype)]
        return
    if len(data) != prod(shape):
        raise ValueError(f"{len(data)} elements in the shape {shape} - at {path}")
    if node.flags & 2:
        data = [data[i] for i in _column_major(shape)]
    node.buffers = [elements(data, dtype, path)]
    mask = bytes(element is None or isinstance(element, dict) for element in data)
    if any(mask) or node.flags & 1:
        node.flags |= 1
        node.buffers.append(mask)


def _numpy_bytes(data: np.ndarray[Any, Any], dtype: str) -> bytes:
    letters = {"bool": "?", "datetime": "<i8", "duration": "<i8", "date": "<i4"}
    return data.astype(letters.get(dtype, f"<{dtype}")).tobytes()


def _column_major(shape: list[int]) -> list[int]:
    """Return the row-major positions of the elements in column-major order."""
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    places = itertools.product(*(range(extent) for extent in reversed(shape)))
    return [sum(i * stride for i, stride in zip(reversed(place), strides, strict=True)) for place in places]


def elements(data: Sequence[Any], dtype: str, path: str) -> bytes:
    """Return the data buffer of elements in their order."""
    write = _element_writer(dtype)
    parts = []
    for i, element in enumerate(data):
        shown = element["under"] if isinstance(element, dict) else element
        parts.append(write(shown, f"{path}.data[{i}]"))
    return b"".join(parts)


def _element_writer(dtype: str) -> Callable[[Any, str], bytes]:
    if dtype == "text":
        return lambda text, path: _utf8(text or "", path) + b"\0"
    if dtype == "bool":
        return lambda value, path: bytes([_truth(value or False, path)])
    if dtype in ("c8", "c16"):
        return lambda pair, path: b"".join(_float_bytes(part, dtype, path) for part in pair or ("0", "0"))
    if dtype in _FLOATS:
        return lambda number, path: _float_bytes("0" if number is None else number, dtype, path)
    form = struct.Struct("<" + _LETTERS[dtype])
    return lambda number, _path: form.pack(int(number or 0))


def _float_bytes(number: Any, dtype: str, path: str) -> bytes:
    letter = _FLOATS[dtype]
    found = parse_float(number)
    if found != found:
        name = {"e": "f2", "f": "f4", "d": "f8"}[letter]
        bits = bits_of(number) if letter == "d" else _NAN_BITS[name]
        return bits.to_bytes(int(name[1]), "little")
    data = struct.pack("<" + letter, found)
    if struct.unpack("<" + letter, data)[0] != found:
        raise ValueError(f"{number} is no number of dtype {dtype} - at {path}")
    return data


def _sparse(node: Node, given: dict[str, Any], path: str) -> None:
    dtype = _dtype(node, given, ("bool", *DTYPES[2:10], "f4", "f8", "c8", "c16"), path)
    node.pool = [int(extent) for extent in given.pop("shape")]
    node.unit = _FORMATS.index(given.pop("format"))
    data = given.pop("data")
    node.value = len(data)
    names = ("rows", "columns") if node.unit == 2 else ("indices", "indptr")
    letter = "q" if node.flags & 1 else "i"
    numbers = [given.pop(name) for name in names]
    node.buffers = [elements(data, dtype, path)]
    node.buffers += [struct.pack(f"<{len(some)}{letter}", *some) for some in numbers]


# What holds other values.


def _pairs(node: Node, items: Sequence[Sequence[Any]], path: str) -> None:
    for key, item in items:
        node.items.append((_utf8(key, path), node_of(item, f"{path}[{key!r}]")))


def _list(node: Node, given: dict[str, Any], path: str) -> None:
    items = given.pop("items")
    node.items = [(b"", node_of(item, f"{path}[{i}]")) for i, item in enumerate(items)]
    if "fields" in given:
        node.flags |= 8
        node.text = b"".join(_utf8(name, path) + b"\0" for name in given.pop("fields"))
    if "shape" in given:
        shape = [int(extent) for extent in given.pop("shape")]
        node.flags |= 4
        node.pool = [len(shape), *shape]
        if prod(shape) != len(items):
            raise ValueError(f"{len(items)} items in the shape {shape} - at {path}")
    if node.flags & 12 == 8:
        raise ValueError(f"a struct array without a shape - at {path}")


def _mapping(node: Node, given: dict[str, Any], path: str) -> None:
    _pairs(node, given.pop("items"), path)


def _part(node: Node, name: str, part: Rendering, path: str) -> None:
    node.items.append((name.encode(), node_of(part, f"{path}.{name}")))


def _named(pairs: Any) -> Rendering:
    return {"kind": "mapping", "items": pairs}


def _texts(texts: Sequence[str | None]) -> Rendering:
    nodes = [{"kind": "null"} if text is None else {"kind": "text", "value": text} for text in texts]
    return {"kind": "list", "items": nodes}


def _variables(pairs: Sequence[Sequence[Any]], path: str) -> Rendering:
    items = []
    for name, variable in pairs:
        unknown = set(variable) - {"dims", "data", "attrs"}
        if unknown:
            raise ValueError(f"a variable has no field {', '.join(unknown)} - at {path}[{name!r}]")
        parts = [["dims", _texts(variable["dims"])], ["data", variable["data"]]]
        items.append([name, _named([*parts, ["attrs", _named(variable.get("attrs", ()))]])])
    return _named(items)


def _labelled(node: Node, given: dict[str, Any], path: str) -> None:
    name = given.pop("name", None)
    _part(node, "name", {"kind": "null"} if name is None else {"kind": "text", "value": name}, path)
    _part(node, "dims", _texts(given.pop("dims")), path)
    _part(node, "data", given.pop("data"), path)
    _part(node, "coords", _variables(given.pop("coords", ()), f"{path}.coords"), path)
    _part(node, "attrs", _named(given.pop("attrs", ())), path)


def _dataset(node: Node, given: dict[str, Any], path: str) -> None:
    _part(node, "vars", _variables(given.pop("vars", ()), f"{path}.vars"), path)
    _part(node, "coords", _variables(given.pop("coords", ()), f"{path}.coords"), path)
    _part(node, "attrs", _named(given.pop("attrs", ())), path)


def _table(node: Node, given: dict[str, Any], path: str) -> None:
    node.value = int(given.pop("rows"))
    node.text = _utf8(given.pop("container", ""), path)
    _part(node, "columns", _named(given.pop("columns", ())), path)
    index = given.pop("index", None)
    if index is None:
        _part(node, "index", {"kind": "null"}, path)
    else:
        levels = {"kind": "list", "items": index["levels"]}
        _part(node, "index", _named([["names", _texts(index["names"])], ["levels", levels]]), path)
    _part(node, "attrs", _named(given.pop("attrs", ())), path)


def _categorical(node: Node, given: dict[str, Any], path: str) -> None:
    numbers = given.pop("codes")
    node.flags = int(bool(given.pop("ordered", False)))
    dtype, shape = given.pop("codes_dtype", "i4"), given.pop("shape", [len(numbers)])
    _part(node, "codes", {"kind": "array", "dtype": dtype, "shape": shape, "data": numbers}, path)
    _part(node, "categories", given.pop("categories"), path)


def _reference(node: Node, given: dict[str, Any], path: str) -> None:
    node.text = _utf8(given.pop("id"), path)
    if "info" in given:
        _part(node, "info", given.pop("info"), path)


_WRITERS: dict[str, Callable[[Node, dict[str, Any], str], None]] = {
    "null": _null,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "complex": _complex,
    "text": _text,
    "bytes": _bytes,
    "missing": _missing,
    "list": _list,
    "mapping": _mapping,
    "array": _array,
    "labelled": _labelled,
    "dataset": _dataset,
    "table": _table,
    "categorical": _categorical,
    "datetime": _time,
    "date": _time,
    "duration": _time,
    "sparse": _sparse,
    "function": _reference,
    "handle": _reference,
}
