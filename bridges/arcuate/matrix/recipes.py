"""How large vectors are made: a line of ``cases.jsonl`` holds a recipe and digests, not the bytes.

Every recipe can be followed in any language: it needs the square root, which IEEE 754 rounds the same
everywhere, and decimal numbers. ``protos/vectors/README.md`` states each in words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from arcuate.matrix.reference import Rendering

__all__ = ["RECIPES", "make"]


def roots(shape: list[int]) -> Rendering:
    """An f8 array whose element i, counted row-major from 0, is the square root of i."""
    data = np.sqrt(np.arange(np.prod(shape), dtype="f8"))
    return {"kind": "array", "dtype": "f8", "shape": shape, "data": data}


def lines(count: int) -> Rendering:
    """A text of lines: the number of the line from 0 in decimal, `` řeka Ελλάδα 猫 😀``, a newline."""
    return {"kind": "text", "value": "".join(f"{i} řeka Ελλάδα 猫 😀\n" for i in range(count))}


def table(rows: int) -> Rendering:
    """A table of five columns.

    ``id``: i8, the number of the row from 0. ``root``: f8, its square root, missing in every seventh row from
    row 0. ``name``: text, ``r`` and the number in decimal, missing in every eleventh row. ``group``:
    categorical of the texts low, middle, high, ordered, the code is the row modulo 3. ``when``: datetime in
    ms, zone Europe/Prague, the number of the row times 1001.
    """
    numbers = range(rows)
    names = [None if i % 11 == 0 else f"r{i}" for i in numbers]
    roots = np.sqrt(np.arange(rows, dtype="f8")).tolist()
    shape = [rows]
    levels = {"kind": "array", "dtype": "text", "shape": [3], "data": ["low", "middle", "high"]}
    when = {"kind": "array", "dtype": "datetime", "shape": shape, "unit": "ms", "zone": "Europe/Prague"}
    columns = [
        ["id", {"kind": "array", "dtype": "i8", "shape": shape, "data": np.arange(rows)}],
        ["root", {"kind": "array", "dtype": "f8", "shape": shape,
                  "data": [None if i % 7 == 0 else root for i, root in zip(numbers, roots, strict=True)]}],
        ["name", {"kind": "array", "dtype": "text", "shape": shape, "data": names}],
        ["group", {"kind": "categorical", "codes": [i % 3 for i in numbers], "categories": levels,
                   "ordered": True}],
        ["when", {**when, "data": np.arange(rows) * 1001}],
    ]  # fmt: skip
    return {"kind": "table", "rows": rows, "columns": columns, "index": None, "attrs": []}


RECIPES: dict[str, Callable[..., Rendering]] = {"roots": roots, "lines": lines, "table": table}
"""The recipes by the name that `make` of a case's ``recipe`` gives."""


def make(recipe: dict[str, Any]) -> Rendering:
    """Return what a recipe makes: a rendering whose arrays may be numpy's.

    Raises:
        ValueError: there is no such recipe.
    """
    arguments = {key: value for key, value in recipe.items() if key not in ("make", "frame", "protobuf")}
    name = recipe.get("make")
    if name not in RECIPES:
        raise ValueError(f"the recipe {name!r}; {', '.join(RECIPES)} are allowed")
    return RECIPES[name](**arguments)
