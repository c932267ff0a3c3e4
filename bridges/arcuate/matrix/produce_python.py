"""Literals of Python: expressions of numpy, pandas, xarray and scipy."""

from __future__ import annotations

from typing import Any

from arcuate.matrix.observed import NUMPY, number
from arcuate.matrix.permitted import Node
from arcuate.matrix.produced import Made, Unwritable, comma, small

__all__ = ["write"]

_UNITS = {"min": "m", "day": "D", "week": "W", "month": "M", "year": "Y"}
_NAT = -(2**63)
_SEQUENCES = {"bool": "bool", "int": "i8", "float": "f8", "complex": "c16", "text": "text"}
_NULLABLE = {"bool": "boolean", "text": "string", "f4": "Float32", "f8": "Float64"}
_NULLABLE |= {
    f"{sign}{size}": f"{name}nt{8 * size}"
    for sign, name in (("i", "I"), ("u", "UI"))
    for size in (1, 2, 4, 8)
}


def write(node: Node) -> Made:
    """The literal of a value."""
    return Made(_write(node), _sent(node))


def _sent(node: Node) -> Node:
    """The form in which Python sends a value: of lists, those of plain scalars of one class are sequences."""
    kind = node["kind"]
    if kind == "array" and "sequence" in node.get("hints", ()) and None in node["data"]:
        own = _kind(node["dtype"])
        items = [{"kind": "missing"} if one is None else {"kind": own, "value": one} for one in node["data"]]
        return {"kind": "list", "items": items}
    if kind == "mapping":
        return {**node, "items": [[key, _sent(item)] for key, item in node["items"]]}
    if kind != "list":
        return node
    items = [_sent(item) for item in node["items"]]
    kinds = {item["kind"] if item.get("dtype", "none") == "none" else "" for item in items}
    dtype = _SEQUENCES.get(kinds.pop()) if len(kinds) == 1 else None
    values: list[Any] = [item.get("value") for item in items]
    whole = dtype != "i8" or all(-(2**63) <= int(value) < 2**63 for value in values)
    if dtype is None or not whole or "shape" in node or "forced" in node.get("hints", ()):
        return {**node, "items": items}
    return {"kind": "array", "dtype": dtype, "shape": [len(items)], "data": values, "hints": ["sequence"]}


def _write(node: Node) -> str:
    kind = node["kind"]
    if kind == "null":
        return "None"
    if kind in ("bool", "int", "float", "complex"):
        shown = _element(node["value"], kind)
        dtype = node.get("dtype", "none")
        return shown if dtype == "none" else f"np.{NUMPY[dtype]}({shown})"
    if kind == "text":
        return ascii(node["value"])
    if kind == "bytes":
        return f"bytes.fromhex({node['value']!r})"
    if kind == "missing":
        dtype = node.get("dtype", "none")
        if node.get("unit"):
            raise Unwritable("a missing time of a unit has no class in Python")
        return "pd.NA" if dtype == "none" else f"Missing({dtype!r})"
    if kind in _WRITERS:
        return _WRITERS[kind](node)
    raise Unwritable("a function or an object that is made there stays there, as a handle")


def _float(item: Any) -> str:
    value = number(item)
    if value != value or value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    return f'float.fromhex("{value.hex()}")'


def _element(item: Any, kind: str) -> str:
    if kind in ("bool", "int"):
        return str(item)
    if kind == "complex":
        return f"complex({_float(item[0])}, {_float(item[1])})"
    return _float(item) if kind == "float" else ascii(item)


def _kind(dtype: str) -> str:
    return {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex", "t": "text"}[dtype[0]]


def _zero(dtype: str) -> Any:
    return {"bool": False, "int": "0", "float": "0", "complex": ["0", "0"], "text": ""}[_kind(dtype)]


def _flat(data: list[Any], dtype: str) -> str:
    """A 1-d numpy array; zeros where missing."""
    small(data)
    shown = comma(_element(_zero(dtype) if item is None else item, _kind(dtype)) for item in data)
    if dtype == "text":
        return f"np.array([{shown}], 'U')" if data else "np.array([], 'U1')"
    return f"np.array([{shown}], '{'?' if dtype == 'bool' else dtype}')"


def _shaped(source: str, shape: list[int]) -> str:
    return source if len(shape) == 1 else f"{source}.reshape({tuple(shape)})"


def _mask(data: list[Any]) -> str:
    return f"np.array([{comma(item is None for item in data)}], '?')"


def _array(node: Node, column: bool = False) -> str:
    dtype, data, shape, hints = node["dtype"], node["data"], node["shape"], node.get("hints", [])
    if "sequence" in hints:
        shown = comma("pd.NA" if item is None else _element(item, _kind(dtype)) for item in small(data))
        return f"({shown}{',' if len(data) == 1 else ''})" if "tuple" in hints else f"[{shown}]"
    if dtype in ("datetime", "date", "duration"):
        return _times(node, column)
    if None not in data:
        flat = _flat(data, dtype)
        if column and dtype == "text":
            return f"{flat}.astype(object)" if data else 'pd.array([], dtype="string")'
        return _shaped(flat, shape)
    if dtype == "text":
        if len(shape) == 1:
            items = comma("pd.NA" if item is None else ascii(item) for item in small(data))
            return f'pd.array([{items}], dtype="string")'
        return _shaped(f"np.array([{comma(map(ascii, small(data)))}], object)", shape)
    if column and dtype in ("f2", "c8", "c16"):
        raise Unwritable("pandas has no nullable array of this class")
    if len(shape) == 1 and dtype in ("f4", "f8"):
        return f"pd.arrays.FloatingArray({_flat(data, dtype)}, {_mask(data)})"
    if len(shape) == 1 and dtype in _NULLABLE:
        items = comma("pd.NA" if item is None else item for item in small(data))
        return f'pd.array([{items}], dtype="{_NULLABLE[dtype]}")'
    return f"np.ma.MaskedArray({_shaped(_flat(data, dtype), shape)}, {_shaped(_mask(data), shape)})"


def _times(node: Node, column: bool) -> str:
    dtype, data, shape = node["dtype"], small(node["data"]), node["shape"]
    unit = _UNITS.get(node.get("unit", "day"), node.get("unit", ""))
    counts = f"np.array([{comma(_NAT if item is None else item for item in data)}], 'i8')"
    if dtype == "date":
        if column:
            days = comma("None" if item is None else _date(item) for item in data)
            return f"pd.Series([{days}], dtype=object).array"
        return _shaped(f"{counts}.view('M8[D]')", shape)
    if dtype == "duration":
        return _shaped(f"{counts}.view('m8[{unit}]')", shape)
    zone = node.get("zone", "")
    if not zone:
        if unit == "D":
            raise Unwritable("numpy's datetime64[D] is a date")
        return _shaped(f"{counts}.view('M8[{unit}]')", shape)
    if unit not in ("s", "ms", "us", "ns") or len(shape) != 1:
        raise Unwritable("pandas has no such array of times with a zone")
    return f"pd.array({counts}.view('M8[{unit}]')).tz_localize('UTC').tz_convert({_zone(zone)})"


def _zone(zone: str) -> str:
    if zone == "UTC":
        return "dt.timezone.utc"
    if zone[0] not in "+-":
        return f"zoneinfo.ZoneInfo({zone!r})"
    hours, minutes, *seconds = (int(part) for part in zone[1:].split(":"))
    total = (hours * 60 + minutes) * 60 + sum(seconds)
    return f"dt.timezone(dt.timedelta(seconds={-total if zone[0] == '-' else total}))"


def _date(days: Any) -> str:
    if not -719162 <= int(days) <= 2932896:
        raise Unwritable("Python's dates lie in the years 1 to 9999")
    return f"dt.date.fromordinal({int(days) + 719163})"


def _datetime(node: Node) -> str:
    count, zone, unit = int(node["value"]), node.get("zone", ""), node["unit"]
    scalar = f"np.datetime64({count}, '{_UNITS.get(unit, unit)}')"
    if unit == "us" and abs(count) < 60 * 10**15:
        start = f"dt.datetime(1970, 1, 1{', tzinfo=dt.timezone.utc' if zone else ''})"
        moment = f"({start} + dt.timedelta(microseconds={count}))"
        return f"{moment}.astimezone({_zone(zone)})" if zone else moment
    if not zone:
        return scalar
    if unit not in ("s", "ms", "us", "ns"):
        raise Unwritable("pandas has no such time with a zone")
    return f"pd.Timestamp({scalar}).tz_localize('UTC').tz_convert({_zone(zone)})"


def _duration(node: Node) -> str:
    if node["unit"] == "us" and abs(int(node["value"])) < 86399999999999999999:
        return f"dt.timedelta(microseconds={node['value']})"
    return f"np.timedelta64({node['value']}, '{_UNITS.get(node['unit'], node['unit'])}')"


def _list(node: Node) -> str:
    items = comma(map(_write, node["items"]))
    hints = node.get("hints", [])
    if "fields" in node:
        names = comma(map(ascii, node["fields"]))
        return f"StructArray([{items}], {node['shape']}, [{names}])"
    if "shape" in node:
        return f"Cell([{items}], {node['shape']})"
    if "tuple" in hints:
        return f"({items}{',' if len(node['items']) == 1 else ''})"
    return f"List([{items}])" if "forced" in hints else f"[{items}]"


def _pairs(items: list[Any]) -> str:
    return f"{{{comma(f'{key!a}: {_write(item)}' for key, item in items)}}}"


def _mapping(node: Node) -> str:
    shown = _pairs(node["items"])
    return f"Map({shown})" if "map" in node.get("hints", []) else shown


def _data(node: Node) -> str:
    """Data of an xarray variable, which has no mask, no categories and no zone."""
    if node["kind"] == "categorical":
        raise Unwritable("xarray has no categorical data")
    if None in node["data"] and node["dtype"] not in ("datetime", "duration", "text"):
        raise Unwritable("xarray has no masked data")
    if (
        node.get("zone")
        or node["dtype"] == "date"
        or node.get("unit") in ("min", "h", "day", "week", "month", "year")
    ):
        raise Unwritable("xarray has no such times")
    if node["dtype"] == "text" and None in node["data"]:
        raise Unwritable("xarray has no missing texts")
    if node.get("unit") in ("ps", "fs", "as"):
        raise Unwritable("xarray has no such times")
    return _array(node)


def _variable(item: Node) -> str:
    return f"xr.Variable({tuple(item['dims'])!a}, {_data(item['data'])}, {_pairs(item.get('attrs', []))})"


def _variables(items: list[Any]) -> str:
    return f"{{{comma(f'{name!a}: {_variable(item)}' for name, item in items)}}}"


def _labelled(node: Node) -> str:
    parts = [_data(node["data"]), f"dims={tuple(node['dims'])!a}", f"name={node.get('name')!a}"]
    parts += [f"coords={_variables(node.get('coords', []))}", f"attrs={_pairs(node.get('attrs', []))}"]
    return f"xr.DataArray({comma(parts)})"


def _dataset(node: Node) -> str:
    parts = [_variables(node["vars"]), f"coords={_variables(node.get('coords', []))}"]
    return f"xr.Dataset({comma(parts)}, attrs={_pairs(node.get('attrs', []))})"


def _column(node: Node) -> str:
    """A column of pandas, which has four units and no date that is none."""
    if node["kind"] == "array":
        if node.get("unit", "s") not in ("s", "ms", "us", "ns"):
            raise Unwritable("pandas has no such column of times")
        if node["dtype"] == "date" and not any(item is not None for item in node["data"]):
            raise Unwritable("pandas has no column of dates that holds none")
    if node["kind"] == "categorical":
        return _categorical(node)
    if node["kind"] == "list":
        items = comma(map(_write, node["items"]))
        return f"pd.Series([{items}], dtype=object).array"
    return _array(node, column=True)


def _table(node: Node) -> str:
    rows, index = node["rows"], node.get("index")
    columns = comma(f"{name!a}: {_column(column)}" for name, column in node["columns"])
    frame = f"pd.DataFrame({{{columns}}}, index=pd.RangeIndex({rows}))"
    if index is not None:
        levels = [_column(level) for level in index["levels"]]
        if len(levels) == 1:
            labels = f"pd.Index({levels[0]}, name={index['names'][0]!a})"
        else:
            labels = (
                f"pd.MultiIndex.from_arrays([{comma(levels)}], names=[{comma(map(ascii, index['names']))}])"
            )
        frame += f".set_axis({labels})"
    if node.get("attrs"):
        frame = f"(lambda f: (f.attrs.update({_pairs(node['attrs'])}), f)[1])({frame})"
    return frame


def _categorical(node: Node) -> str:
    categories = node["categories"]
    if "shape" in node:
        raise Unwritable("pandas has no categorical of more dimensions")
    if len(set(map(str, categories["data"]))) < len(categories["data"]):
        raise Unwritable("pandas has no categories that repeat")
    if None in categories["data"] or any("nan" in str(item) for item in categories["data"]):
        raise Unwritable("pandas has no missing category")
    codes = comma(-1 if code is None else code for code in node["codes"])
    labels = f"pd.Index({_column(categories)})"
    ordered = bool(node.get("ordered"))
    return f"pd.Categorical.from_codes([{codes}], categories={labels}, ordered={ordered})"


def _sparse(node: Node) -> str:
    data = _flat(node["data"], node["dtype"])
    shape = tuple(node["shape"])
    if node["format"] == "coo":
        return f"scipy.sparse.coo_array(({data}, ({node['rows']}, {node['columns']})), shape={shape})"
    places = [f"np.array({node[name]}, 'i4')" for name in ("indices", "indptr")]
    return f"scipy.sparse.{node['format']}_array(({data}, {comma(places)}), shape={shape})"


_WRITERS = {
    "array": _array,
    "list": _list,
    "mapping": _mapping,
    "labelled": _labelled,
    "dataset": _dataset,
    "table": _table,
    "categorical": _categorical,
    "datetime": _datetime,
    "date": lambda node: _date(node["value"]),
    "duration": _duration,
    "sparse": _sparse,
}
