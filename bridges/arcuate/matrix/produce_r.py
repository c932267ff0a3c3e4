"""Literals of R."""

from __future__ import annotations

import struct
from typing import Any

from arcuate.matrix.observe_r import column_major
from arcuate.matrix.observed import number
from arcuate.matrix.permitted import Node
from arcuate.matrix.produced import Made, Unwritable, comma, small

__all__ = ["write"]

_EMPTY = {"bool": "logical(0)", "i4": "integer(0)", "f8": "numeric(0)", "c16": "complex(0)"}
_EMPTY |= {"text": "character(0)"}
_NA = {"bool": "NA", "i4": "NA_integer_", "f8": "NA_real_", "c16": "NA_complex_", "text": "NA_character_"}
_DEEPEST = 45
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_UNITS = {"min": "mins", "h": "hours", "day": "days", "week": "weeks"}
_TAKEN = {"names", "dim", "dimnames", "class", "levels", "tsp", "tzone", "units", "row.names", "comment"}
_TAKEN |= {"arcuate", "r_class", "frequency", ""}


def write(node: Node) -> Made:
    """The literal of a value that already has R's classes: what :func:`~permitted.travel` returned."""
    found = _write(node)
    depth = deepest = 0
    for char in found.source:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise Unwritable(f"R's parser nests {_DEEPEST} calls at most")
    return found


def _write(node: Node) -> Made:
    kind = node["kind"]
    if kind == "null":
        return Made("NULL", node)
    if kind == "bytes":
        data = bytes.fromhex(node["value"])
        small(list(data))
        return Made(f"as.raw(c({comma(data)}))" if data else "raw(0)", node)
    if kind == "array":
        return _array(node)
    if kind in ("list", "mapping"):
        return _list(node)
    if kind in _WRITERS:
        return _WRITERS[kind](node)
    raise Unwritable("a function or an object that is made there stays there, as a handle")


def text(item: str) -> str:
    """A character literal: what is not ASCII by its code point."""
    shown = "".join(
        ("\\" + char if char in "\\\"'" else char) if " " <= char <= "~" else f"\\U{{{ord(char):x}}}"
        for char in item
    )
    return f'"{shown}"'


def _double(item: Any) -> str:
    value = number(item)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    if value and not 1e-290 < abs(value) < 1e290:  # where the parser's own arithmetic would round
        data = struct.pack("<d", value)
        return f'readBin(as.raw(c({comma(data)})), "double", endian = "little")'
    return value.hex()


def _element(item: Any, dtype: str) -> str:
    if item is None:
        return _NA[dtype]
    if dtype == "bool":
        return "TRUE" if item else "FALSE"
    if dtype == "i4":
        return f"{item}L"
    if dtype == "text":
        return text(item)
    if dtype == "c16":
        return f"complex(real = {_double(item[0])}, imaginary = {_double(item[1])})"
    return _double(item)


def _vector(data: list[Any], dtype: str) -> str:
    shown = [_element(item, dtype) for item in small(data)]
    if not shown:
        return _EMPTY[dtype]
    return shown[0] if len(shown) == 1 else f"c({comma(shown)})"


def structure(source: str, **attributes: str) -> str:
    """A call of ``structure``."""
    return f"structure({source}, {comma(f'{name} = {shown}' for name, shown in attributes.items())})"


def _dim(shape: list[int]) -> str:
    return f"c({comma(f'{extent}L' for extent in shape)})"


def _array(node: Node, dim: bool = True) -> Made:
    dtype, shape = node["dtype"], node["shape"]
    data = column_major(node["data"], shape)
    out = {key: item for key, item in node.items() if key != "hints"}
    source = _times(node, data, out) if dtype in ("datetime", "date", "duration") else _vector(data, dtype)
    if dim and len(shape) > 1:
        source = structure(source, dim=_dim(shape))
    return Made(source, out)


def _times(node: Node, data: list[Any], out: Node) -> str:
    """Sets in ``out`` the unit that R's own class implies."""
    counts = [None if item is None else int(item) for item in data]
    if node["dtype"] == "date":
        return structure(
            _vector([None if n is None else float(n) for n in counts], "f8"), **{"class": '"Date"'}
        )
    unit = node["unit"]
    if node["dtype"] == "duration":
        scale = _PER_SECOND.get(unit, 1)
        source = _vector([None if n is None else n / scale for n in counts], "f8")
        if unit in _PER_SECOND:
            fine = unit == "ns" and any(n is not None and n % 1000 for n in counts)
            out |= _in_unit(node["data"], unit, "ns" if fine else "us")
        units = _UNITS.get(unit, "secs")
        return structure(source, units=f'"{units}"', **{"class": '"difftime"'})
    zone = node.get("zone", "")
    if not zone:
        raise Unwritable("R's POSIXct is an instant: no code makes a date and time without a zone")
    if zone[0] in "+-":
        raise Unwritable("R's zones have names: no code makes an offset")
    if unit not in _PER_SECOND:
        raise Unwritable("R's POSIXct counts seconds, not longer units")
    seconds = [
        None if n is None else n // (1000 if unit == "ns" else 1) / min(_PER_SECOND[unit], 10**6)
        for n in counts
    ]
    out |= _in_unit(node["data"], unit, "us")
    return structure(_vector(seconds, "f8"), tzone=text(zone), **{"class": 'c("POSIXct", "POSIXt")'})


def _in_unit(data: list[Any], unit: str, wanted: str) -> Node:
    up, down = _PER_SECOND[wanted], _PER_SECOND[unit]
    return {"unit": wanted, "data": [None if item is None else str(int(item) * up // down) for item in data]}


def _list(node: Node) -> Made:
    if node["kind"] == "mapping":
        parts = [(key, _write(item)) for key, item in node["items"]]
        names = f"c({comma(text(key) for key, _ in parts)})" if parts else "character(0)"
        source = structure(f"list({comma(part.source for _, part in parts)})", names=names)
        return Made(source, {"kind": "mapping", "items": [[key, part.node] for key, part in parts]})
    parts2 = [write(item) for item in node["items"]]
    source = f"list({comma(part.source for part in parts2)})"
    out: Node = {"kind": "list", "items": [part.node for part in parts2]}
    if node.get("shape"):
        out["shape"] = node["shape"]
        source = structure(source, dim=_dim(node["shape"]))
    return Made(source, out)


def _data(node: Node) -> Made:
    if node["kind"] == "categorical":
        return _categorical(node)
    return _array(node) if node["kind"] == "array" else _write(node)


def _categorical(node: Node) -> Made:
    categories = node["categories"]
    if categories["dtype"] != "text":
        raise Unwritable("the levels of a factor are texts")
    shape = node.get("shape", [len(node["codes"])])
    codes = [None if code is None else code + 1 for code in column_major(node["codes"], shape)]
    kind = 'c("ordered", "factor")' if node.get("ordered") else '"factor"'
    levels = f"c({comma(_element(item, 'text') for item in categories['data'])})"
    levels = levels if categories["data"] else "character(0)"
    source = structure(_vector(codes, "i4"), levels=levels, **{"class": kind})
    if len(shape) > 1:
        source = structure(source, dim=_dim(shape))
    return Made(source, node)


def _attributes(attrs: list[Any]) -> tuple[dict[str, str], list[Any]]:
    """What R code sets as attributes arrives as attributes."""
    shown, out = {}, []
    for key, item in attrs:
        if key in _TAKEN or item["kind"] == "null":
            raise Unwritable(f"an attribute {key!r} has another meaning in R, or none")
        part = _write(item)
        shown["`" + key.replace("\\", "\\\\").replace("`", "\\`") + "`"] = part.source
        out.append([key, part.node])
    return shown, out


def _labelled(node: Node) -> Made:
    dims, coords = node["dims"], dict(node.get("coords", []))
    if not dims or node.get("name") is not None or "" in dims:
        raise Unwritable("R has no place for the name of an array, or for labels without a dimension")
    for name, coord in coords.items():
        data = coord["data"]
        plain = data["kind"] == "array" and data["dtype"] == "text" and None not in data["data"]
        if name not in dims or coord["dims"] != [name] or coord.get("attrs") or not plain:
            raise Unwritable("R's dimnames are texts, one vector per dimension")
        if not data["data"]:
            raise Unwritable("R keeps no dimnames without elements")
    data = _data(node["data"])
    each = [_vector(coords[dim]["data"]["data"], "text") if dim in coords else "NULL" for dim in dims]
    attributes, attrs = _attributes(node.get("attrs", []))
    names = f"c({comma(text(dim) for dim in dims)})"
    shape = node["data"]["shape"] if "shape" in node["data"] else [len(node["data"]["codes"])]
    labels = structure(f"list({comma(each)})", names=names)
    source = structure(data.source, dim=_dim(shape), dimnames=labels, **attributes)
    out = {key: item for key, item in node.items() if key not in ("hints", "name")}
    out |= {
        "data": data.node,
        "coords": [[dim, coords[dim]] for dim in dims if dim in coords],
        "attrs": attrs,
    }
    return Made(source, out)


def _table(node: Node) -> Made:
    columns = [(name, _data(column)) for name, column in node["columns"]]
    rows, index = node["rows"], node.get("index")
    labels = f"c(NA, -{rows}L)" if rows else "integer(0)"
    if index is not None:
        level = index["levels"][0]
        plain = level["kind"] == "array" and level["dtype"] == "text" and None not in level["data"]
        if index["names"] != [None] or not plain or not rows or len(set(level["data"])) != rows:
            raise Unwritable("R's row names are one vector of different texts without a name")
        labels = _vector(level["data"], "text")
    attributes, attrs = _attributes(node.get("attrs", []))
    names = f"c({comma(text(name) for name, _ in columns)})" if columns else "character(0)"
    source = structure(
        f"list({comma(column.source for _, column in columns)})",
        **{"names": names, "class": '"data.frame"', "row.names": labels, **attributes},
    )
    out = {key: item for key, item in node.items() if key != "container"}
    out |= {"columns": [[name, column.node] for name, column in columns], "attrs": attrs}
    return Made(source, out)


def _dataset(node: Node) -> Made:
    raise Unwritable("R has no class of datasets")


def _sparse(node: Node) -> Made:
    form = node["format"]
    first, second = ("rows", "columns") if form == "coo" else ("indices", "indptr")
    slots = {"csc": ("i", "p", "C"), "csr": ("j", "p", "R"), "coo": ("i", "j", "T")}[form]
    parts = {slots[0]: _vector(node[first], "i4"), slots[1]: _vector(node[second], "i4")}
    parts["x"] = _vector(node["data"], node["dtype"])
    letter = "l" if node["dtype"] == "bool" else "d"
    given = comma(f"{name} = {shown}" for name, shown in parts.items())
    source = f'methods::new("{letter}g{slots[2]}Matrix", Dim = {_dim(node["shape"])}, {given})'
    return Made(source, node)


_WRITERS = {
    "labelled": _labelled,
    "dataset": _dataset,
    "table": _table,
    "categorical": _categorical,
    "sparse": _sparse,
}
