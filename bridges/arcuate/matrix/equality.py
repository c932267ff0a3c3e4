"""Whether two renderings are equal by section 3 of ``protos/SEMANTICS.md``.

:mod:`arcuate.values.equal` says the same about rows, and was written apart from this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arcuate.matrix.elements import Elements
from arcuate.matrix.reference import Rendering, float_text, parse_float

__all__ = ["same"]

_SEQUENCE = {"bool": "bool", "i8": "int", "f8": "float", "c16": "complex", "text": "text"}
"""The kind of the elements of a sequence."""


def same(a: Rendering, b: Rendering) -> str:
    """Return "" when two renderings are equal, else where and how they differ: ``$.items[2]: ...``."""
    return _same(a, b, "$")


def _same(a: Rendering, b: Rendering, path: str) -> str:
    left, right = _as_list(a), _as_list(b)
    if left is not None and right is not None:
        return _same_lists(a, b, left, right, path)
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
    if isinstance(left, Elements) and isinstance(right, Elements):
        first = left.difference(right)
        return "" if first is None else f"{path}[{first}]: {left[first]!r} is not {right[first]!r}"
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
    data = [element for _, element in left], [element for _, element in right]
    return _same_elements(data[0], data[1], a["dtype"], f"{path}.data")


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
