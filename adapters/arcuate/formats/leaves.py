"""Arrays as what HDF5, NetCDF and Zarr hold, by the CF conventions, and back.

Missing elements are a fill value that no element has (``_FillValue``), times are counts since 1970 with
their unit, categories are codes with ``flag_values`` and ``flag_meanings``. A description, as JSON, tells
what these do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arcuate.formats import exact
from arcuate.formats.node import Node, array_node, plain_node
from arcuate.values import codes

__all__ = ["Leaf", "leaf_of", "node_of"]

_UNITS = {
    "ns": "nanoseconds", "us": "microseconds", "ms": "milliseconds", "s": "seconds",
    "m": "minutes", "h": "hours", "D": "days",
}  # fmt: skip
_FILLS = {
    "i1": -127, "u1": 255, "i2": -32767, "u2": 65535, "i4": -2147483647, "u4": 4294967295,
    "i8": -9223372036854775806, "u8": 18446744073709551614,
    "f2": 65504.0, "f4": 9.969209968386869e36, "f8": 9.969209968386869e36,
}  # fmt: skip
"""Those of NetCDF."""
_WIDER = {"i1": "i2", "u1": "u2", "i2": "i4", "u2": "u4", "f2": "f4"}
_NAT = -(1 << 63)


@dataclass(slots=True)
class Leaf:
    """An array with plain attributes.

    Attributes:
        data: bools, integers, floats, complex numbers, or objects that are texts.
        attrs: those of CF: texts and numbers.
        told: what reads it back; empty where that is clear.
    """

    data: NDArray[Any]
    attrs: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


def leaf_of(node: Node) -> Leaf:
    """The leaf of an array or categorical."""
    if node.kind == codes.CATEGORICAL:
        return _categorical(node)
    values, gone = node.values(), node.mask()
    leaf = Leaf(values, told=_told(node))
    if node.dtype in (codes.D_DATETIME, codes.D_DURATION, codes.D_DATE):
        _times(node, leaf)
    if gone is not None:
        _fill(leaf, gone)
    elif leaf.told == {"dtype": leaf.data.dtype.str[1:]} and leaf.data.dtype.kind in "iufc":
        leaf.told = {}
    return leaf


def node_of(data: NDArray[Any], told: dict[str, Any]) -> Node:
    """The inverse of :func:`leaf_of`; ``data`` may be a part of the leaf's."""
    if "categories" in told:
        numbers = node_of(data, told["codes"])
        both = [("codes", numbers), ("categories", exact.node_of(told["categories"]))]
        return plain_node(codes.CATEGORICAL, both, flags=int(told.get("ordered", 0)))
    name = told.get("dtype") or data.dtype.newbyteorder("=").str[1:]
    dtype = codes.DTYPE_NAMES.index({"b1": "bool", "O": "text"}.get(name, name))
    gone = None
    if "fill" in told:
        fill = told["fill"]
        gone = np.asarray(data == (fill if dtype == codes.D_TEXT else np.array(fill).astype(data.dtype)))
        if dtype != codes.D_TEXT:
            data = np.where(gone, np.zeros((), data.dtype), data)
    elif "missing" in told:
        gone = np.zeros(data.shape, bool)
        gone.reshape(-1)[np.array(told["missing"], "i8")] = True
    how = {
        "hints": int(told.get("flags", 0)),
        "unit": int(told.get("unit", 0)),
        "zone": str(told.get("text", "")),
    }
    return array_node(dtype, data, gone, **how)  # type: ignore[arg-type]


def _told(node: Node) -> dict[str, Any]:
    rest = {"unit": node.unit, "text": node.text, "flags": node.hints}
    return {"dtype": node.dtype_name, **{name: value for name, value in rest.items() if value}}


def _times(node: Node, leaf: Leaf) -> None:
    unit = "days" if node.dtype == codes.D_DATE else _UNITS.get(node.unit_name, "")
    if not unit:
        return  # CF has no weeks, months, years, and nothing finer than nanoseconds
    if node.dtype == codes.D_DURATION:
        leaf.attrs["units"] = unit
    else:
        leaf.attrs.update(units=f"{unit} since 1970-01-01", calendar="proleptic_gregorian")


def _fill(leaf: Leaf, gone: NDArray[np.bool_]) -> None:
    data, there = leaf.data, leaf.data[~gone]
    if data.dtype.kind == "c":
        leaf.told["missing"] = np.flatnonzero(gone).tolist()
        return
    if data.dtype == object:
        fill: Any = "NA"
        present = set(there.tolist())
        while fill in present:
            fill = f"<{fill}>"
        leaf.data = np.where(gone, fill, data).astype(object)
        leaf.attrs["missing_value"] = leaf.told["fill"] = fill
        return
    if data.dtype.kind == "b":
        data = data.astype("i1")
    fill = _NAT if leaf.told["dtype"] in ("datetime", "duration") else _FILLS[data.dtype.str[1:]]
    while (there == fill).any():
        if data.dtype.str[1:] in _WIDER:
            data = data.astype(_WIDER[data.dtype.str[1:]])
            fill = _FILLS[data.dtype.str[1:]]
        elif data.dtype.kind == "f":
            fill = float(np.nextafter(fill, 0, dtype=data.dtype))
        else:
            fill = fill - 1 if fill > 0 or fill > _NAT + 1 else (1 << 63) - 1
    leaf.data = np.where(gone, np.array(fill, data.dtype), data)
    leaf.attrs["_FillValue"] = np.array(fill, data.dtype)[()]
    leaf.told["fill"] = float(fill) if data.dtype.kind == "f" else int(fill)


def _categorical(node: Node) -> Leaf:
    numbers, categories = node["codes"], node["categories"]
    leaf = leaf_of(numbers)
    leaf.told = {"codes": {**_told(numbers), **leaf.told}, "categories": exact.plain_of(categories)}
    if node.flags:
        leaf.told["ordered"] = node.flags
    if categories.kind == codes.ARRAY and categories.dtype == codes.D_TEXT and categories.mask() is None:
        names = categories.values().reshape(-1).tolist()
        if names and all(name and not any(map(str.isspace, name)) for name in names):
            leaf.attrs["flag_values"] = np.arange(len(names)).astype(leaf.data.dtype)
            leaf.attrs["flag_meanings"] = " ".join(names)
    return leaf
