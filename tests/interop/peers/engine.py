"""What becomes of a value on its way through `matlab.engine`, by MathWorks' documentation: nothing is run.

The tables are those of "Pass Data Between MATLAB and Python from Python" and "How MATLAB Handles Datetime and
Duration Types in Python", both below help/matlab/matlab_external, read in November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HOW = (
    "The genuine engine needs MATLAB and was not run. Outcomes are those of MathWorks' documentation, "
    '"Pass Data Between MATLAB and Python from Python"; numeric arrays went through its own array classes.'
)
NUMERIC = {"f4", "f8", "c8", "c16", "bool", *(f"{sign}{n}" for sign in "iu" for n in (1, 2, 4, 8))}
WORST = ("exact", "changed", "silent", "refused")
FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")

Node = Mapping[str, Any]
Said = tuple[str, str]


def is_numeric_array(node: Node | None) -> bool:
    """Tell whether MathWorks' array classes alone decide what becomes of a value."""
    if node is None or node["kind"] != "array" or None in node["data"]:
        return False
    return node["dtype"] in NUMERIC and "sequence" not in node.get("hints", ())


def documented(node: Node) -> Said:
    """Return the outcome of a round trip and the reason."""
    kind = node["kind"]
    if kind in ("bool", "int", "float", "complex", "text"):
        return _scalar(node)
    if kind in ("datetime", "duration", "date"):
        return _time(node)
    if kind == "list":
        if "shape" in node or "fields" in node:
            return "refused", "an M-by-N cell array or a structure array does not come back"
        return _all("a list becomes a cell array and comes back as a list", node["items"])
    if kind == "mapping":
        bad = [key for key, _ in node["items"] if not FIELD.fullmatch(key)]
        if bad:
            return "refused", f"a dict becomes a struct: the key {bad[0]!r} is no name of a field"
        return _all("a dict becomes a struct and comes back as a dict", [value for _, value in node["items"]])
    if kind == "array":
        return _array(node)
    return _OTHERS.get(kind, ("refused", f"{kind} is in no table"))


_OTHERS: dict[str, Said] = {
    "null": ("refused", "None is not supported"),
    "missing": ("refused", "pandas.NA is in no table"),
    "bytes": ("changed", "bytes become a uint8 array"),
    "sparse": ("refused", "a sparse array is not supported"),
    "categorical": ("refused", "pandas.Categorical is in no table"),
    "labelled": ("refused", "xarray.DataArray is in no table"),
    "dataset": ("refused", "xarray.Dataset is in no table"),
    "table": ("changed", "a DataFrame becomes a table; its index and attributes are not mentioned"),
}


def _all(reason: str, items: list[Node]) -> Said:
    """The worst of what becomes of the items."""
    return max([("exact", reason), *map(documented, items)], key=lambda said: WORST.index(said[0]))


def _scalar(node: Node) -> Said:
    dtype = node.get("dtype")
    if node["kind"] == "int" and not -(2**63) <= int(node["value"]) < 2**63:
        return "refused", "an int becomes an int64, which has no such number"
    if dtype:
        return "changed", "a scalar of numpy comes back as a plain one"
    return "exact", "has a row in both tables"


def _time(node: Node) -> Said:
    if node["kind"] == "date":
        return "refused", "datetime.date is in no table"
    return "changed", "becomes a datetime or duration and comes back as one of Python's"


def _array(node: Node) -> Said:
    if "sequence" in node.get("hints", ()):
        if None in node["data"]:
            return "refused", "None is not supported"
        return "exact", "a list becomes a cell array and comes back as a list"
    if node.get("zone"):
        return "refused", "an array of instants with a zone is in no table"
    if node["dtype"] in ("datetime", "duration"):
        return "changed", "comes back as an array of numpy, of another unit"
    if node["dtype"] not in NUMERIC:
        return "refused", f"an array of {node['dtype']} is no numeric array of MATLAB"
    if None in node["data"]:
        return "refused", "a masked or nullable array is in no table"
    shape = node["shape"]
    plain = len(shape) >= 2 and not (len(shape) > 2 and shape[-1] == 1) and shape != [1, 1]
    return ("exact" if plain else "changed"), "a buffer becomes a numeric array of at least two dimensions"
