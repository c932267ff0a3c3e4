"""Values as renderings, and whether two of them are equal by section 3 of ``protos/SEMANTICS.md``.

:func:`render` reads bytes with Arcuate's own parser and check, since what is judged with it came through another
implementation; :func:`same` shares nothing with :mod:`arcuate.values.equal`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from arcuate.matrix.layout import DTYPES, KINDS, UNITS
from arcuate.matrix.reference import HINTS, Rendering, parse_float
from arcuate.values import frames, protobuf
from arcuate.values.check import check
from arcuate.values.nodes import Nodes

__all__ = ["float_text", "render", "same"]

_NUMPY = {"bool": "?", "datetime": "<i8", "date": "<i4", "duration": "<i8"}
_FORMATS = ("csc", "csr", "coo")
_SEQUENCE = {"bool": "bool", "i8": "int", "f8": "float", "c16": "complex", "text": "text"}
"""The kind of the elements of a sequence."""


def render(data: bytes, encoding: str) -> dict[str, Any]:
    """Return the value in an encoding as a rendering.

    Args:
        data: a whole frame, or a serialised ``arcuate.v1.Value``.
        encoding: ``"frame"`` or ``"protobuf"``.

    Raises:
        ArcuateError: a reader must refuse these bytes; its ``code`` says how.
        ValueError: there is no such encoding.
    """
    if encoding == "frame":
        nodes = frames.load(data)
    elif encoding == "protobuf":
        nodes = protobuf.load(data)
    else:
        raise ValueError(f"the encoding {encoding!r}; 'frame' and 'protobuf' are allowed")
    check(nodes, levels=0)  # a value alone: a message adds no levels
    return _Reader(nodes).node()


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


class _Reader:
    """A walk over checked rows."""

    def __init__(self, nodes: Nodes) -> None:
        self.rows = iter(nodes.rows)
        self.pool = iter(nodes.pool)
        self.buffers = iter(nodes.buffers)

    def node(self) -> dict[str, Any]:
        """Render the next node with everything inside it."""
        return self.keyed()[1]

    def keyed(self) -> tuple[str, dict[str, Any]]:
        """Render the next node; return its key too."""
        code, dtype, flags, unit, count, value, key, text = next(self.rows)
        kind = KINDS[code]
        made: dict[str, Any] = {"kind": kind}
        if kind in ("array", "sparse") or dtype:
            made["dtype"] = DTYPES[dtype]
        if kind in ("bool", "int", "float", "complex", "text", "bytes", "datetime", "date", "duration"):
            made["value"] = self.scalar(kind, value, text, bool(dtype == 9 or flags & 1))
        if kind in ("datetime", "duration", "missing") and unit:
            made["unit"] = UNITS[unit]
        if kind == "datetime" and text:
            made["zone"] = text
        if kind == "array":
            self.put_array(made, flags, unit, count, text)
        elif kind == "sparse":
            self.put_sparse(made, flags, unit)
        elif kind == "list":
            self.put_list(made, flags, count, text)
        elif kind == "mapping":
            made["items"] = self.pairs(count)
        elif kind in ("function", "handle"):
            made["id"] = text
            if count:
                made["info"] = self.node()
        elif count:
            parts = dict(self.keyed() for _ in range(count))
            made |= self.composite(kind, parts, flags, value, text)
        words = [word for word, bit in HINTS.get(kind, {}).items() if flags & bit and word != "mask"]
        if words:
            made["hints"] = words
        return key, made

    def pairs(self, count: int) -> list[list[Any]]:
        """Render keys and values."""
        return [list(self.keyed()) for _ in range(count)]

    def scalar(self, kind: str, value: int, text: str, unsigned: bool) -> Any:
        """Render what a scalar says."""
        if kind == "bool":
            return bool(value)
        if kind == "float":
            return _bits_text(value)
        if kind == "complex":
            return [_bits_text(next(self.pool)), _bits_text(next(self.pool))]
        if kind == "text":
            return text
        if kind == "bytes":
            return self.buffer().hex()
        wide = kind == "int" and unsigned
        return str(value if wide or value < 1 << 63 else value - (1 << 64))

    def buffer(self) -> bytes:
        """Return the next buffer."""
        return bytes(next(self.buffers))  # type: ignore[arg-type]

    def put_array(self, made: dict[str, Any], flags: int, unit: int, count: int, zone: str) -> None:
        """Render shape, elements and mask."""
        shape = [next(self.pool) for _ in range(count)]
        made["shape"] = shape
        data = _elements(self.buffer(), made["dtype"])
        if flags & 1:
            mask = self.buffer()
            data = [None if gone else element for element, gone in zip(data, mask, strict=True)]
        if flags & 2 and len(shape) > 1:
            data = _row_major(data, shape)
        made["data"] = data
        if unit:
            made["unit"] = UNITS[unit]
        if zone:
            made["zone"] = zone

    def put_sparse(self, made: dict[str, Any], flags: int, form: int) -> None:
        """Render the stored entries and where they are."""
        made["shape"] = [next(self.pool), next(self.pool)]
        made["format"] = _FORMATS[form]
        made["data"] = _elements(self.buffer(), made["dtype"])
        for name in ("rows", "columns") if form == 2 else ("indices", "indptr"):
            made[name] = np.frombuffer(self.buffer(), "<i8" if flags & 1 else "<i4").tolist()

    def put_list(self, made: dict[str, Any], flags: int, count: int, names: str) -> None:
        """Render the elements, the shape and the names of fields."""
        if flags & 4:
            made["shape"] = [next(self.pool) for _ in range(next(self.pool))]
        if flags & 8:
            made["fields"] = names.split("\0")[:-1]
        made["items"] = [self.node() for _ in range(count)]

    def composite(
        self, kind: str, parts: dict[str, dict[str, Any]], flags: int, value: int, text: str
    ) -> dict[str, Any]:
        """Render the kinds that name their children."""
        if kind == "categorical":
            made = {"codes": [None if code is None else int(code) for code in parts["codes"]["data"]]}
            if len(parts["codes"]["shape"]) != 1:
                made["shape"] = parts["codes"]["shape"]
            if parts["codes"]["dtype"] != "i4":
                made["codes_dtype"] = parts["codes"]["dtype"]
            return {**made, "categories": parts["categories"], "ordered": bool(flags & 1)}
        found: dict[str, Any] = {}
        if kind == "table":
            found |= {"rows": value, "columns": parts["columns"]["items"], "index": None}
            if parts["index"]["kind"] != "null":
                names, levels = (item for _, item in parts["index"]["items"])
                found["index"] = {"names": _texts(names), "levels": levels["items"]}
            if text:
                found["container"] = text
        elif kind == "labelled":
            found |= {"name": parts["name"].get("value"), "dims": _texts(parts["dims"])}
            found |= {"data": parts["data"], "coords": _variables(parts["coords"])}
        else:
            found |= {"vars": _variables(parts["vars"]), "coords": _variables(parts["coords"])}
        return {**found, "attrs": parts["attrs"]["items"]}


def _bits_text(bits: int) -> str:
    return float_text(struct.unpack("<d", struct.pack("<Q", bits))[0])


def _texts(node: Rendering) -> list[str | None]:
    return [item.get("value") for item in node["items"]]


def _variables(node: Rendering) -> list[list[Any]]:
    made = []
    for name, variable in node["items"]:
        parts = dict(variable["items"])
        one = {"dims": _texts(parts["dims"]), "data": parts["data"], "attrs": parts["attrs"]["items"]}
        made.append([name, one])
    return made


def _elements(data: bytes, dtype: str) -> list[Any]:
    """Render the elements of a buffer in their order."""
    if dtype == "text":
        return data.decode().split("\0")[:-1]
    numbers = np.frombuffer(data, _NUMPY.get(dtype, f"<{dtype}"))
    if dtype in ("c8", "c16"):
        return [[float_text(one.real), float_text(one.imag)] for one in numbers.tolist()]
    if dtype in ("f2", "f4", "f8"):
        return list(map(float_text, numbers.tolist()))
    return numbers.tolist() if dtype == "bool" else list(map(str, numbers.tolist()))


def _row_major(data: list[Any], shape: list[int]) -> list[Any]:
    """Return column-major elements in row-major order."""
    order = [0]
    stride = 1
    for extent in shape:
        order = [place + stride * i for place in order for i in range(extent)]
        stride *= extent
    return [data[place] for place in order]


# Equality.


def same(a: Rendering, b: Rendering) -> str:
    """Return "" when two renderings are equal, else where and how they differ: ``$.items[2]: ...``."""
    return _same(a, b, "$")


def _same(a: Rendering, b: Rendering, path: str) -> str:
    lists = _as_list(a), _as_list(b)
    if lists[0] is not None and lists[1] is not None:
        return _same_lists(a, b, *lists, path)
    if a["kind"] != b["kind"] or _is_sequence(a) != _is_sequence(b):
        return f"{path}: {_name(a)} is not {_name(b)}"
    return _JUDGES[a["kind"]](a, b, path)


def _is_sequence(node: Rendering) -> bool:
    return node["kind"] == "array" and "sequence" in node.get("hints", ())


def _name(node: Rendering) -> str:
    kind = "sequence" if _is_sequence(node) else str(node["kind"])
    shaped = " with a shape" if node["kind"] == "list" and "shape" in node else ""
    return f"{kind} of {node['dtype']}" if "dtype" in node else kind + shaped


def _as_list(node: Rendering) -> Sequence[Any] | None:
    """Return the elements of a list without shape, or of a sequence; of nothing else."""
    if node["kind"] == "list":
        return None if "shape" in node else node["items"]
    if not _is_sequence(node):
        return None
    kind = _SEQUENCE[node["dtype"]]
    return [
        {"kind": "missing"} if element is None else {"kind": kind, "value": element}
        for element in node["data"]
    ]


def _same_lists(a: Rendering, b: Rendering, left: Sequence[Any], right: Sequence[Any], path: str) -> str:
    if len(left) != len(right):
        return f"{path}: {len(left)} elements are not {len(right)}"
    untyped = _is_sequence(a) or _is_sequence(b)  # what is missing in a sequence has no dtype of its own
    for i, (one, other) in enumerate(zip(left, right, strict=True)):
        if untyped and one["kind"] == other["kind"] == "missing":
            continue
        found = _same(one, other, f"{path}[{i}]")
        if found:
            return found
    return ""


def _field(a: Rendering, b: Rendering, name: str, default: object, path: str) -> str:
    left, right = a.get(name, default), b.get(name, default)
    return "" if left == right else f"{path}.{name}: {left!r} is not {right!r}"


def _fields(*named: tuple[str, object]) -> Callable[[Rendering, Rendering, str], str]:
    """Return the judge of a kind whose fields compare as they stand."""

    def judge(a: Rendering, b: Rendering, path: str) -> str:
        for name, default in named:
            found = _field(a, b, name, default, path)
            if found:
                return found
        return ""

    return judge


def _number(kind: str) -> Callable[[Any], object]:
    """Return what turns an element into something that compares as the rule says."""
    if kind in ("float", "f2", "f4", "f8"):
        return lambda text: float_text(parse_float(text))  # -0 and 0 differ, NaN is NaN
    if kind in ("complex", "c8", "c16"):
        return lambda pair: [float_text(parse_float(part)) for part in pair]
    if kind in ("text", "bool"):
        return lambda element: (type(element).__name__, element)
    return int


def _scalar(a: Rendering, b: Rendering, path: str) -> str:
    found = _field(a, b, "dtype", "none", path)
    number = _number(a["kind"])
    if not found and number(a["value"]) != number(b["value"]):
        found = f"{path}.value: {a['value']!r} is not {b['value']!r}"
    return found


def _time(a: Rendering, b: Rendering, path: str) -> str:
    found = _field(a, b, "unit", "", path) or _field(a, b, "zone", "", path)
    if not found and int(a["value"]) != int(b["value"]):
        found = f"{path}.value: {a['value']} is not {b['value']}"
    return found


def _array(a: Rendering, b: Rendering, path: str) -> str:
    for name, default in (("dtype", None), ("shape", None), ("unit", ""), ("zone", "")):
        found = _field(a, b, name, default, path)
        if found:
            return found
    return _same_elements(a["data"], b["data"], a["dtype"], f"{path}.data")


def _same_elements(left: Sequence[Any], right: Sequence[Any], dtype: str, path: str) -> str:
    if len(left) != len(right):
        return f"{path}: {len(left)} elements are not {len(right)}"
    number = _number(dtype)
    for i, (one, other) in enumerate(zip(left, right, strict=True)):
        if one is other or (one == other and type(one) is type(other)):
            continue
        if one is None or other is None or number(one) != number(other):
            shown = ["missing" if element is None else repr(element) for element in (one, other)]
            return f"{path}[{i}]: {shown[0]} is not {shown[1]}"
    return ""


def _list(a: Rendering, b: Rendering, path: str) -> str:
    """Judge two lists of which one has a shape."""
    found = _field(a, b, "shape", None, path) or _field(a, b, "fields", None, path)
    return found or _same_lists(a, b, a["items"], b["items"], path)


def _same_pairs(left: Sequence[Any], right: Sequence[Any], path: str, judge: Any = _same) -> str:
    keys = [key for key, _ in left], [key for key, _ in right]
    if keys[0] != keys[1]:
        return f"{path}: the keys {keys[0]!r} are not {keys[1]!r}"
    for (key, one), (_, other) in zip(left, right, strict=True):
        found: str = judge(one, other, f"{path}[{key!r}]")
        if found:
            return found
    return ""


def _mapping(a: Rendering, b: Rendering, path: str) -> str:
    return _same_pairs(a["items"], b["items"], path)


def _variable(a: Rendering, b: Rendering, path: str) -> str:
    return (
        _field(a, b, "dims", None, path)
        or _same(a["data"], b["data"], f"{path}.data")
        or _same_pairs(a.get("attrs", ()), b.get("attrs", ()), f"{path}.attrs")
    )


def _named_variables(a: Rendering, b: Rendering, name: str, path: str) -> str:
    return _same_pairs(a.get(name, ()), b.get(name, ()), f"{path}.{name}", _variable)


def _labelled(a: Rendering, b: Rendering, path: str) -> str:
    return _field(a, b, "name", None, path) or _variable(a, b, path) or _named_variables(a, b, "coords", path)


def _dataset(a: Rendering, b: Rendering, path: str) -> str:
    return (
        _named_variables(a, b, "vars", path)
        or _named_variables(a, b, "coords", path)
        or _same_pairs(a.get("attrs", ()), b.get("attrs", ()), f"{path}.attrs")
    )


def _table(a: Rendering, b: Rendering, path: str) -> str:
    found = _field(a, b, "rows", None, path) or _same_pairs(
        a.get("columns", ()), b.get("columns", ()), f"{path}.columns"
    )
    left, right = a.get("index"), b.get("index")
    if not found and (left is None) != (right is None):
        found = (
            f"{path}.index: {'none' if left is None else 'one'} is not {'none' if right is None else 'one'}"
        )
    if not found and left is not None and right is not None:
        found = _field(left, right, "names", None, f"{path}.index") or _same_lists(
            a, b, left["levels"], right["levels"], f"{path}.index.levels"
        )
    return found or _same_pairs(a.get("attrs", ()), b.get("attrs", ()), f"{path}.attrs")


def _categorical(a: Rendering, b: Rendering, path: str) -> str:
    found = _field(a, b, "ordered", False, path)
    shapes = [node.get("shape", [len(node["codes"])]) for node in (a, b)]
    if not found and shapes[0] != shapes[1]:
        found = f"{path}: the shape {shapes[0]} is not {shapes[1]}"
    return (
        found
        or _same_elements(a["codes"], b["codes"], "i8", f"{path}.codes")
        or _same(a["categories"], b["categories"], f"{path}.categories")
    )


def _sparse(a: Rendering, b: Rendering, path: str) -> str:
    found = _field(a, b, "dtype", None, path) or _field(a, b, "shape", None, path)
    if found:
        return found
    left, right = _entries(a), _entries(b)
    if [place for place, _ in left] != [place for place, _ in right]:
        return f"{path}: entries are stored at {_places(left)}, not at {_places(right)}"
    elements = [[element for _, element in entries] for entries in (left, right)]
    return _same_elements(*elements, a["dtype"], f"{path}.data")


def _entries(node: Rendering) -> list[tuple[tuple[int, int], Any]]:
    """Return place and element of each stored entry, column by column."""
    if node["format"] == "coo":
        places = list(zip(node["rows"], node["columns"], strict=True))
    else:
        pointers = node["indptr"]
        outer = [i for i in range(len(pointers) - 1) for _ in range(pointers[i + 1] - pointers[i])]
        inner = node["indices"]
        pair = (inner, outer) if node["format"] == "csc" else (outer, inner)
        places = list(zip(*pair, strict=True))
    entries = list(zip(places, node["data"], strict=True))
    return sorted(entries, key=lambda entry: entry[0][::-1])  # stable: entries of one place keep their order


def _places(entries: list[tuple[tuple[int, int], Any]]) -> str:
    return f"{[list(place) for place, _ in entries[:6]]}" + (" ..." if len(entries) > 6 else "")


_JUDGES: Mapping[str, Callable[[Rendering, Rendering, str], str]] = {
    "null": _fields(),
    "bool": _scalar,
    "int": _scalar,
    "float": _scalar,
    "complex": _scalar,
    "text": _scalar,
    "bytes": _fields(("value", None)),
    "missing": _fields(("dtype", "none")),
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
    "function": _fields(("id", None)),
    "handle": _fields(("id", None)),
}
