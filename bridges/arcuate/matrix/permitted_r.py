"""R's column of the permitted changes: no scalars, two numeric classes and complex, vectors without a dim."""

from __future__ import annotations

from typing import Any

from arcuate.matrix.permitted import Node, Refused, Walk

__all__ = ["r"]

_WIDE = {"f2": "f8", "f4": "f8", "c8": "c16"}
_NAMES = {"i4": "integer", "f8": "double", "c16": "complex"}
_INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6}
"""Parts of a second in which R's double of seconds has to hold a time exactly."""
_FINER = {"ns": 10**3, "ps": 10**6, "fs": 10**9, "as": 10**12}
_LONGER = {"min": 60, "h": 3600, "day": 86400, "week": 604800}


def r(walk: Walk, node: Node, plain: bool) -> Node:
    """What a node is when R sends it back."""
    kind = node["kind"]
    if kind in ("bool", "int", "float", "complex", "text", "date", "datetime", "duration"):
        return _array(walk, _of_one(node), scalar=True)
    if kind == "missing":
        dtype = node.get("dtype", "none")
        made = _vector("bool" if dtype == "none" else _native(dtype), [None])
        return {**made, "unit": node.get("unit", "us")} if dtype in ("datetime", "duration") else made
    if kind == "array":
        if plain and "sequence" in node.get("hints", ()):
            walk.changes.add("sequence -> array")
        elif plain and len(node["data"]) == 1:
            walk.changes.add("one element -> scalar")
        return _array(walk, node, plain=plain)
    if kind == "list":
        made = {**_bare(node), "items": walk.items(node)}
        made.pop("fields", None)  # its elements are named lists, each of which has the names
        if node.get("shape") == []:
            made.pop("shape")
            walk.changes.add("0-d -> one element")
        return made
    if kind == "mapping":
        return {**_bare(node), "items": walk.pairs(node["items"])}
    if kind == "sparse":
        return _sparse(walk, node)
    part = {"labelled": walk.labelled, "dataset": walk.dataset, "table": walk.table}
    part["categorical"] = walk.categorical
    return part[kind](node) if kind in part else node


def _bare(node: Node) -> Node:
    return {key: item for key, item in node.items() if key != "hints"}


def _native(dtype: str) -> str:
    if dtype in _INTEGERS:
        return "i4"
    return _WIDE.get(dtype, dtype)


def _vector(dtype: str, data: list[Any]) -> Node:
    return {"kind": "array", "dtype": dtype, "shape": [len(data)], "data": data}


def _of_one(node: Node) -> Node:
    """The vector of length 1 that a scalar is."""
    kind, dtype = node["kind"], node.get("dtype", "none")
    if kind == "int":
        dtype = "i8" if dtype == "none" else dtype
    elif kind in ("text", "date", "datetime", "duration"):
        dtype = kind
    elif dtype == "none":
        dtype = {"bool": "bool", "float": "f8", "complex": "c16"}[kind]
    made = _vector(dtype, [node["value"]])
    made |= {key: node[key] for key in ("unit", "zone") if key in node}
    if kind == "int" and "dtype" not in node:
        made["own"] = True
    return made


def _array(walk: Walk, node: Node, *, scalar: bool = False, plain: bool = True) -> Node:
    dtype, data = node["dtype"], node["data"]
    made = _bare(node)
    own = made.pop("own", False) or "sequence" in node.get("hints", ())
    if dtype in _INTEGERS:
        made["dtype"] = _integers(data)
    elif dtype in ("datetime", "duration"):
        made |= _times(walk, node)
    else:
        made["dtype"] = _native(dtype)
    if made["dtype"] != dtype and not (own and made["dtype"] == "i4"):
        walk.changes.add(f"widened {'int' if own else dtype} -> {_NAMES[made['dtype']]}")
    if made["dtype"] == "f8" and dtype in _INTEGERS:
        made["data"] = [None if item is None else float(int(item)).hex() for item in data]
        made["data"] = [None if item is None else _short_hex(item) for item in made["data"]]
    if plain and not scalar and made["shape"] == []:
        walk.changes.add("0-d -> scalar")
    if plain and made["shape"] == []:
        made["shape"] = [1]
    return made


def _short_hex(text: str) -> str:
    head, _, tail = text.partition("p")
    return f"{head.rstrip('0').rstrip('.')}p{tail}" if "." in head else text


def _integers(data: list[Any]) -> str:
    numbers = [int(item) for item in data if item is not None]
    if all(-(2**31) < number < 2**31 for number in numbers):
        return "i4"
    if any(int(float(number)) != number for number in numbers):
        raise Refused
    return "f8"


def _times(walk: Walk, node: Node) -> Node:
    """A time is a double: of seconds, or of the unit for durations of minutes and above."""
    unit, counts = node["unit"], [None if item is None else int(item) for item in node["data"]]
    if node["dtype"] == "duration":
        if unit not in _UNITS and unit != "ns" and unit not in _LONGER:
            raise Refused
        scale = 1 if unit in _LONGER else _UNITS.get(unit, 10**9)
        if any(not _held(count, scale) for count in counts if count is not None):
            raise Refused
        return {}
    if unit in _FINER:
        fine = _FINER[unit]
        coarse = [None if count is None else count // fine for count in counts]
        if any(count is not None and count % fine for count in counts):
            if node.get("zone"):
                raise Refused  # the loss is permitted for naive times alone
            walk.changes.add("nanoseconds lost")
        if any(not _held(count, 10**6) for count in coarse if count is not None):
            raise Refused
        if unit != "ns":
            walk.changes.add("nanoseconds lost")
        return {"unit": "ns", "data": [None if count is None else str(count * 1000) for count in coarse]}
    if unit in _UNITS and any(not _held(count, _UNITS[unit]) for count in counts if count is not None):
        raise Refused
    return {}


def _held(count: int, scale: int) -> bool:
    """Whether a double of seconds gives the count back."""
    return round(count / scale * scale) == count and abs(count) < 2**63


def _sparse(walk: Walk, node: Node) -> Node:
    dtype = node["dtype"]
    if dtype not in ("bool", "f4", "f8"):
        raise Refused
    if dtype == "f4":
        walk.changes.add("widened f4 -> double")
        return {**node, "dtype": "f8"}
    return node
