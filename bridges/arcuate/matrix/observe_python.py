"""What :file:`see.py` must say of a value that arrived in Python, computed from its rendering alone."""

from __future__ import annotations

import datetime as dt
import re
import struct
from typing import Any

from arcuate.matrix.observed import NUMPY, entries, many, number
from arcuate.matrix.permitted import Node

__all__ = ["seen_by_python"]

_OWN = {"bool": "bool", "i8": "int", "f8": "float", "c16": "complex", "text": "text"}
_SCALES = {"week": 604800 * 10**18, "day": 86400 * 10**18, "h": 3600 * 10**18, "min": 60 * 10**18}
_SCALES |= {"s": 10**18, "ms": 10**15, "us": 10**12, "ns": 10**9, "ps": 10**6, "fs": 10**3, "as": 1}


def seen_by_python(value: Node) -> str:
    """The text for a value."""
    return _see(value)


def text(item: str | None) -> str:
    """How one text is shown."""
    if item is None:
        return "-"
    return f"'{item}'" if re.fullmatch(r"[A-Za-z0-9 _.-]*", item) else f"{len(item)}x{item.encode().hex()}"


def _shape(shape: list[int]) -> str:
    return "(" + "x".join(map(str, shape)) + ")"


def _real(item: Any) -> str:
    value = number(item)
    return "nan" if value != value else struct.pack(">d", value).hex()


def _item(item: Any, kind: str) -> str:
    """One element by its class."""
    if item is None:
        return "-"
    if kind in ("bool", "int"):
        return str(item)
    return " ".join(map(_real, item)) if kind == "complex" else _real(item)


def _kind(dtype: str) -> str:
    return {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}[dtype[0]]


def _see(node: Node, plain: bool = True) -> str:
    kind = node["kind"]
    if kind == "null":
        return "None"
    if kind in ("bool", "int", "float", "complex"):
        dtype = node.get("dtype", "none")
        shown = _item(node["value"], kind)
        if dtype != "none":
            return f"numpy.{NUMPY[dtype]} {shown}"
        return shown if kind == "bool" else f"{kind} {shown}"
    if kind == "text":
        return "text " + text(node["value"])
    if kind == "bytes":
        return "bytes " + str(node["value"])
    if kind == "missing":
        return "NA"
    if kind == "datetime":
        return f"datetime {_moment(node['value'], node['unit'])} {node.get('zone') or '-'}"
    if kind == "date":
        return _date(int(node["value"]))
    if kind == "duration":
        return f"duration {_span(node['value'], node['unit'])}"
    if kind == "function":
        return "function"
    if kind == "handle":
        raise ValueError("a handle is seen only in the session that it is of")
    return _COMPOSITE[kind](node) if kind != "array" else _array(node, plain)


def _date(days: int) -> str:
    return f"date {days}"


def _span(count: Any, unit: str) -> str:
    if unit in ("month", "year"):
        return f"{int(count) * (12 if unit == 'year' else 1)} months"
    return str(int(count) * _SCALES[unit])


def _moment(count: Any, unit: str) -> str:
    if unit in ("month", "year"):
        months = int(count) * (12 if unit == "year" else 1)
        day = dt.date(1970 + months // 12, months % 12 + 1, 1)
        return _span((day - dt.date(1970, 1, 1)).days, "day")
    return _span(count, unit)


def _array(node: Node, plain: bool = True, column: bool = False) -> str:
    dtype, data, hints = node["dtype"], node["data"], node.get("hints", [])
    shape = _shape(node["shape"])
    if plain and "sequence" in hints:
        shown = ["NA" if item is None else _see({"kind": _OWN[dtype], "value": item}) for item in data]
        return f"{'tuple' if 'tuple' in hints else 'list'} [{','.join(shown)}]"
    lost = bool(data) and all(item is None for item in data)
    if dtype == "text":
        return f"nothing {shape}" if lost else f"array text {shape} [{many(map(text, data))}]"
    if dtype == "date":
        if column and (lost or not data):  # no object tells what it would be
            return f"nothing {shape}" if lost else f"array text {shape} []"
        days = many("-" if item is None else _span(item, "day") for item in data)
        return f"array datetime - {shape} [{days}]"
    if dtype in ("datetime", "duration"):
        show = _moment if dtype == "datetime" else _span
        zone = f" {node.get('zone') or '-'}" if dtype == "datetime" else ""
        counts = many("-" if item is None else show(item, node["unit"]) for item in data)
        return f"array {dtype}{zone} {shape} [{counts}]"
    return f"array {NUMPY[dtype]} {shape} [{many(_item(item, _kind(dtype)) for item in data)}]"


def _list(node: Node) -> str:
    shown = ",".join(map(_see, node["items"]))
    if "fields" in node:
        return f"structs {_shape(node['shape'])} ({','.join(map(text, node['fields']))}) [{shown}]"
    if "shape" in node:
        return f"cell {_shape(node['shape'])} [{shown}]"
    return f"{'tuple' if 'tuple' in node.get('hints', []) else 'list'} [{shown}]"


def _pairs(items: list[list[Any]]) -> str:
    return "{" + ",".join(f"{text(key)}={_see(item)}" for key, item in items) + "}"


def _mapping(node: Node) -> str:
    return ("map " if "map" in node.get("hints", []) else "dict ") + _pairs(node["items"])


def _data(node: Node, column: bool = False) -> str:
    if node["kind"] == "list":
        return _column(node["items"])
    return _array(node, False, column) if node["kind"] == "array" else _see(node, False)


def _column(items: list[Node]) -> str:
    """A column of objects; those that are all texts or all dates look like such a column."""
    shape = _shape([len(items)])
    kinds = {item["kind"] for item in items} - {"null", "missing"}
    if items and not kinds:
        return f"nothing {shape}"
    if kinds <= {"text", "date"} and len(kinds) < 2:
        dtype = kinds.pop() if kinds else "text"
        data = [item.get("value") for item in items]
        return _array({"kind": "array", "dtype": dtype, "shape": [len(items)], "data": data}, False, True)
    return f"objects {shape} [{many(map(_see, items))}]"


def _names(names: list[Any]) -> str:
    return "(" + ",".join(map(text, names)) + ")"


def _variables(pairs: list[list[Any]]) -> str:
    shown = [
        f"{text(name)}: {_names(item['dims'])} {_data(item['data'])} {_pairs(item.get('attrs', []))}"
        for name, item in pairs
    ]
    return "<" + "; ".join(shown) + ">"


def _labelled(node: Node) -> str:
    hints, coords_given = node.get("hints", []), node.get("coords", [])
    if "series" in hints and len(node["dims"]) == 1 and (coords_given or "unnamed-index" in hints):
        data = _data(node["data"], True)
        numbers = [str(number) for number in range(node["data"].get("shape", [0])[0])]
        index = {"kind": "array", "dtype": "i8", "shape": [len(numbers)], "data": numbers}
        if coords_given:
            index = coords_given[0][1]["data"]
        return f"series {text(node.get('name'))} {data} {_data(index, True)}"
    head = f"labelled {text(node.get('name'))} {_names(node['dims'])}"
    coords = _variables(node.get("coords", []))
    return f"{head} {_data(node['data'])} {coords} {_pairs(node.get('attrs', []))}"


def _dataset(node: Node) -> str:
    coords = _variables(node.get("coords", []))
    return f"dataset {_variables(node['vars'])} {coords} {_pairs(node.get('attrs', []))}"


def _table(node: Node) -> str:
    columns = ",".join(f"{text(key)}={_data(item, True)}" for key, item in node["columns"])
    out = f"table {node['rows']} {{{columns}}}"
    index = node.get("index")
    if index is not None:
        out += f" {_names(index['names'])} [{';'.join(_data(level, True) for level in index['levels'])}]"
    return f"{out} {_pairs(node.get('attrs', []))}"


def _categorical(node: Node) -> str:
    shape = node.get("shape", [len(node["codes"])])
    shown = many("-" if code is None else str(code) for code in node["codes"])
    ordered = bool(node.get("ordered"))
    return f"categorical {_shape(shape)} [{shown}] {_data(node['categories'], True)} {ordered}"


def _sparse(node: Node) -> str:
    kind = _kind(node["dtype"])
    places = sorted(zip(*entries(node), node["data"], strict=True), key=lambda one: one[:2])
    shown = many(f"{row} {column} {_item(item, kind)}" for row, column, item in places)
    return f"sparse {node['format']} {NUMPY[node['dtype']]} {_shape(node['shape'])} [{shown}]"


_COMPOSITE = {
    "list": _list,
    "mapping": _mapping,
    "labelled": _labelled,
    "dataset": _dataset,
    "table": _table,
    "categorical": _categorical,
    "sparse": _sparse,
}
