"""How a round trip through a bridge ended: exact, the same elements in another form, or another value.

`same` decides what is equal, as it does for Arcuate. What is not equal is looked at again, generously: a
value with the same elements in another shape, class or wider type is `changed`, not `silent`. Labels,
categories, zones, what was missing and the sign of zero are part of the value; their loss is `silent`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from arcuate.matrix import same

Node = Mapping[str, Any]
UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15, "as": 18}
SECONDS = {"min": 60, "h": 3600, "day": 86400, "week": 604800}


def outcome(sent: Node, received: Node) -> tuple[str, str]:
    """Return `exact`, `changed` or `silent`, and the first difference."""
    difference = same(sent, received)
    if not difference:
        return "exact", ""
    return ("changed" if form(sent) == form(received) else "silent"), difference


def form(node: Node) -> Any:
    """What is left of a value without shape, class and container: equal for values with the same elements."""
    kind = node["kind"]
    if kind == "list" and not node.get("fields"):
        return listed(node)
    if kind == "array":
        elements = [element(value, node) for value in node.get("data", ())]
        return _shaped(elements, node["shape"])
    if kind == "bytes":
        numbers = bytes.fromhex(node["value"])
        return _shaped([("number", Fraction(n), False) for n in numbers], [len(numbers)])
    if kind == "null":
        return _shaped([], [0])
    if kind in ("bool", "int", "float", "complex", "text", "datetime", "duration", "date"):
        return element(node["value"], {**node, "dtype": node.get("dtype") or kind})
    if kind == "missing":
        return ("missing",)
    if kind == "mapping":
        return ("mapping", tuple((key, form(value)) for key, value in node.get("items", ())))
    if kind == "table":
        return (
            "table",
            tuple((name, form(column)) for name, column in node.get("columns", ())),
            _index(node),
        )
    if kind == "sparse":
        return _dense(node)
    if kind == "categorical":
        shape = node.get("shape") or [len(node.get("codes", ()))]
        return (
            kind,
            tuple(node.get("codes", ())),
            tuple(shape),
            form(node["categories"]),
            bool(node.get("ordered")),
        )
    if kind in ("labelled", "dataset"):
        inner = form(node["data"]) if kind == "labelled" else _variables(node, "vars")
        attrs = tuple((key, form(value)) for key, value in node.get("attrs", ()))
        return (kind, node.get("name"), tuple(node.get("dims", ())), inner, _variables(node, "coords"), attrs)
    return ("other", repr(_without_hints(node)))


def listed(node: Node) -> Any:
    """A list: of scalars it is an array of them."""
    items = node.get("items", ())
    shape = node.get("shape") or [len(items)]
    if "shape" in node and items:  # column-major
        order = np.arange(len(items)).reshape(shape, order="F").ravel()
        items = [items[n] for n in order]
    return _shaped([form(item) for item in items], shape)


def _shaped(elements: list[Any], shape: list[int]) -> Any:
    """Elements without the dimensions of 1; one alone is a scalar, none at all keep the other dimensions."""
    kept = tuple(size for size in shape if size != 1)
    if not elements:
        return ("none", tuple(size for size in kept if size))
    return elements[0] if not kept else ("elements", kept, tuple(elements))


def element(value: Any, node: Node) -> Any:
    """One scalar: its number without its class."""
    dtype = str(node["dtype"])
    if value is None:
        return ("missing",)
    if dtype in ("datetime", "duration", "date"):
        zone = node.get("zone") or "UTC"  # generous: a naive time that comes back in UTC shows the same clock
        return ("duration" if dtype == "duration" else "datetime", _moment(int(value), dtype, node), zone)
    if isinstance(value, list | tuple):
        real, imaginary = (_number(float.fromhex(part)) for part in value)
        return real if imaginary == _number(0) else ("complex", real, imaginary)
    if isinstance(value, bool):
        return _number(int(value))
    if dtype == "text":
        return ("text", value)
    if dtype[0] == "f":
        return _number(float.fromhex(value))
    return _number(int(value))


def _number(value: float) -> Any:
    if value != value or value in (float("inf"), float("-inf")):
        return ("number", str(value))
    negative_zero = value == 0 and str(value).startswith("-")
    return ("number", Fraction(value), negative_zero)


def _moment(count: int, dtype: str, node: Node) -> Any:
    unit = "day" if dtype == "date" else str(node.get("unit", ""))
    if unit in UNITS:
        return Fraction(count, 10 ** UNITS[unit])
    if unit in ("month", "year") and dtype == "datetime":
        count, unit = (
            int(np.int64(count).astype(f"M8[{unit[0].upper()}]").astype("M8[D]").astype(np.int64)),
            "day",
        )
    return Fraction(count * SECONDS[unit]) if unit in SECONDS else (count, unit)


def _index(node: Node) -> Any:
    """The labels of the rows; plain numbering is no label, from 0 or 1, as numbers or texts."""
    index = node.get("index")
    if not index:
        return None
    levels = [form(level) for level in index.get("levels", ())]
    if len(levels) == 1 and index.get("names") in (None, [None]):
        for first in (0, 1):
            numbers = range(first, first + node["rows"])
            if levels[0] in (
                _shaped([_number(n) for n in numbers], [node["rows"]]),
                _shaped([("text", str(n)) for n in numbers], [node["rows"]]),
            ):
                return None
    return (tuple(index.get("names") or ()), tuple(levels))


def _variables(node: Node, field: str) -> Any:
    """Named variables with their dimensions and attributes."""
    return tuple(
        (
            name,
            tuple(one.get("dims", ())),
            form(one["data"]),
            tuple((k, form(v)) for k, v in one.get("attrs", ())),
        )
        for name, one in node.get(field, ())
    )


def _dense(node: Node) -> Any:
    """A sparse matrix as its dense elements."""
    rows, columns = node["shape"]
    if rows * columns > 100_000:
        return ("other", repr(_without_hints(node)))
    zero = element(["0x0p+0"] * 2 if node["dtype"][0] == "c" else False, node)
    cells = [zero] * (rows * columns)
    if "rows" in node:
        places = list(zip(node["rows"], node.get("columns", ()), strict=True))
    else:
        lengths = [b - a for a, b in itertools.pairwise(node["indptr"])]
        outer = [n for n, length in enumerate(lengths) for _ in range(length)]
        pairs = zip(outer, node["indices"], strict=True)
        places = [(i, j) if node["format"] == "csr" else (j, i) for i, j in pairs]
    for (i, j), value in zip(places, node.get("data", ()), strict=True):
        cells[i * columns + j] = element(value, node)
    return _shaped(cells, [rows, columns])


def _without_hints(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {
            key: _without_hints(value) for key, value in node.items() if key not in ("hints", "container")
        }
    return [_without_hints(one) for one in node] if isinstance(node, list) else node
