"""Octave's column of the permitted changes: two dimensions at least, numbers are doubles, null is 0x0."""

from __future__ import annotations

from math import prod
from typing import Any

from arcuate.matrix.observed import entries, number
from arcuate.matrix.permitted import Node, Refused, Walk

__all__ = ["is_map", "is_sparse", "octave"]

_DOUBLE = 2**53
_WIDE = {"f2": "f4"}


def octave(walk: Walk, node: Node, plain: bool) -> Node:
    """What a node is when Octave sends it back."""
    kind = node["kind"]
    if kind == "null":
        walk.changes.add("null -> 0x0 double")
        return {"kind": "array", "dtype": "f8", "shape": [0, 0], "data": []}
    if kind in ("bool", "int", "float", "complex"):
        return _scalar(walk, node)
    if kind == "bytes":
        walk.changes.add("bytes -> uint8 row")
        numbers = [str(item) for item in bytes.fromhex(node["value"])]
        if len(numbers) == 1:
            return {"kind": "int", "dtype": "u1", "value": numbers[0]}
        return {"kind": "array", "dtype": "u1", "shape": [1, len(numbers)], "data": numbers}
    if kind == "array":
        return _array(walk, node, plain)
    if kind == "list":
        return _list(walk, node)
    if kind == "mapping":
        made = {**node, "items": walk.pairs(node["items"])}
        return made if is_map(node) else {key: item for key, item in made.items() if key != "hints"}
    if kind == "sparse":
        return _sparse(walk, node)
    part = {"labelled": walk.labelled, "dataset": walk.dataset, "table": walk.table}
    part["categorical"] = walk.categorical
    return part[kind](node) if kind in part else node


def _scalar(walk: Walk, node: Node) -> Node:
    kind, dtype, value = node["kind"], node.get("dtype", "none"), node["value"]
    if kind == "int" and dtype == "none":
        number = int(value)
        if abs(number) <= _DOUBLE:
            walk.changes.add("int -> double")
            return {"kind": "float", "value": _hex(number)}
        walk.changes.add("int -> int64")
        return {"kind": "int", "dtype": "u8" if number >= 2**63 else "i8", "value": value}
    made: Node = {"kind": kind, "value": value}
    if dtype == "f2":
        walk.changes.add("widened f2 -> single")
        dtype = "f4"
    if dtype not in ("none", "bool", "f8", "c16"):
        made["dtype"] = dtype
    return made


def _hex(number: int) -> str:
    text = float(number).hex()
    head, _, tail = text.partition("p")
    return f"{head.rstrip('0').rstrip('.')}p{tail}" if "." in head else text


def _shape(walk: Walk, shape: list[int]) -> list[int]:
    """Two dimensions at least, and no trailing ones beyond."""
    if len(shape) == 1:
        walk.changes.add("(n,) -> (1,n)")
        return [1, *shape]
    if not shape:
        walk.changes.add("0-d -> scalar")
        return [1, 1]
    made = list(shape)
    while len(made) > 2 and made[-1] == 1:
        made.pop()
    if len(made) != len(shape):
        walk.changes.add("trailing dimensions dropped")
    return made


def _array(walk: Walk, node: Node, plain: bool) -> Node:
    dtype, data = node["dtype"], node["data"]
    missing = any(item is None for item in data)
    made = {key: item for key, item in node.items() if key != "hints"}
    if dtype == "f2":
        walk.changes.add("widened f2 -> single")
        made["dtype"] = "f4"
    if not plain:
        return made
    sequence = "sequence" in node.get("hints", ())
    if sequence:
        walk.changes.add("sequence -> array")
    if sequence and dtype == "i8" and all(item is None or abs(int(item)) <= _DOUBLE for item in data):
        walk.changes.add("int -> double")
        made["dtype"] = "f8"
        made["data"] = [None if item is None else _hex(int(item)) for item in data]
    if dtype in ("datetime", "date", "duration"):
        return made
    if missing and dtype not in ("f8", "f4", "c16"):
        return made  # a struct of data and mask that knows its shape
    made["shape"] = _shape(walk, node["shape"])
    if prod(made["shape"]) == 1 and made["dtype"] != "text":
        walk.changes.add("one element -> scalar")
        return _element(made)
    if dtype == "text" and not data:
        walk.changes.add("text array -> cell")
        return {"kind": "list", "shape": made["shape"], "items": []}
    return made


def _element(node: Node) -> Node:
    dtype, item = node["dtype"], node["data"][0]
    if item is None:
        return {"kind": "missing", "dtype": dtype}
    kind = {"bool": "bool", "f4": "float", "f8": "float", "c8": "complex", "c16": "complex"}.get(dtype, "int")
    made: Node = {"kind": kind, "value": item}
    if dtype not in ("bool", "f8", "c16"):
        made["dtype"] = dtype
    return made


def _list(walk: Walk, node: Node) -> Node:
    made: Node = {"kind": "list", "items": walk.items(node)}
    items = node["items"]
    shape = node.get("shape")
    if shape is not None:
        shape = _shape(walk, shape)
    if "fields" in node:
        if len(items) == 1:
            walk.changes.add("one element -> scalar")
            return made["items"][0]  # type: ignore[no-any-return]
        return {**made, "fields": node["fields"], "shape": shape}
    if items and all(item["kind"] == "text" for item in items):
        walk.changes.add("list of text -> cellstr")
        texts = [item["value"] for item in items]
        shape = shape or [1, len(texts)]
        return {"kind": "array", "dtype": "text", "shape": shape, "data": _rows(texts, shape)}
    if shape is not None and not (len(shape) == 2 and ((shape[0] == 1 and items) or shape == [0, 0])):
        made["shape"] = shape
    elif shape is not None:
        walk.changes.add("cell row -> list")
    return made


def _rows(items: list[str], shape: list[int]) -> list[str]:
    """From column-major to row-major order."""
    strides = [prod(shape[:axis]) for axis in range(len(shape))]
    made = []
    for at_most in range(len(items)):
        place, left = 0, at_most
        for axis in reversed(range(len(shape))):
            left, at = divmod(left, shape[axis])
            place += at * strides[axis]
        made.append(items[place])
    return made


def is_map(node: Node) -> bool:
    """Whether a mapping becomes a containers.Map, which sorts its keys: of others the order would be lost."""
    keys = [key.encode() for key, _ in node["items"]]
    return "map" in node.get("hints", []) and keys == sorted(keys)


def is_sparse(node: Node) -> bool:
    """Whether Octave's class holds a sparse matrix: a marked struct keeps stored zeros and doubled places."""
    places = list(zip(*entries(node), strict=True))
    return len(set(places)) == len(places) and not any(map(_is_zero, node["data"]))


def _is_zero(item: Any) -> bool:
    if isinstance(item, (list, tuple)):
        return all(map(_is_zero, item))
    return item is False or (item is not True and number(item) == 0)


def _sparse(walk: Walk, node: Node) -> Node:
    dtype = node["dtype"]
    if dtype not in ("bool", "f4", "f8", "c8", "c16"):
        raise Refused
    if dtype in ("f4", "c8"):
        walk.changes.add("widened single -> double")
        return {**node, "dtype": {"f4": "f8", "c8": "c16"}[dtype]}
    return node
