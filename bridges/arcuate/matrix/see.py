"""Shows a Python value as one text; its source is run in the environment that is looked at.

It uses what a user of numpy, pandas, xarray and scipy would: types, dtypes, shapes, elements.
"""

from __future__ import annotations

import datetime as _dt
import hashlib as _hashlib
import re as _re
import struct as _struct
from typing import Any

_ARCUATE_TIMES = {"Instant", "Timestamp", "datetime", "datetime64", "date"}
_ARCUATE_TIMES |= {"Moment", "Span", "Day", "Duration", "timedelta", "Timedelta", "timedelta64"}


def arcuate_see(x: Any) -> str:
    """Everything about a value, in one text."""
    name = type(x).__name__
    if x is None or isinstance(x, bool):
        return str(x)
    if isinstance(x, str):
        return "text " + _arcuate_text(x)
    if isinstance(x, (bytes, bytearray)):
        return "bytes " + bytes(x).hex()
    if name in ("NAType", "NaTType", "Missing") or (name.endswith("64") and x.dtype.kind in "mM" and x != x):
        return "NA"
    if isinstance(x, dict):
        items = ",".join(f"{_arcuate_text(key)}={arcuate_see(item)}" for key, item in x.items())
        return ("map {" if name == "Map" else "dict {") + items + "}"
    if isinstance(x, (list, tuple)) and name != "Arrow":
        shown = ",".join(map(arcuate_see, x))
        extra: Any = x
        if name == "StructArray":
            return f"structs {_arcuate_shape(extra.shape)} {_arcuate_names(extra.fields)} [{shown}]"
        if name == "Cell":
            return f"cell {_arcuate_shape(extra.shape)} [{shown}]"
        return f"{'tuple' if isinstance(x, tuple) else 'list'} [{shown}]"
    if name in _ARCUATE_TIMES:
        return _arcuate_time(x, name)
    if isinstance(x, (int, float, complex)) and type(x).__module__ == "builtins":
        return f"{name} {_arcuate_number(x)}"
    if name == "DataFrame":
        return _arcuate_frame(x)
    if name in ("DataArray", "Labelled", "Series"):
        return _arcuate_labelled(x, name)
    if name == "Dataset":
        return _arcuate_dataset(x)
    if name in ("Categorical", "Factor"):
        return _arcuate_categorical(x)
    if name == "Table" and type(x).__module__.startswith("pyarrow"):
        return _arcuate_arrow(x)
    if name == "Table":
        return _arcuate_table(x.columns.items(), x.rows, x.index, x.attrs)
    if hasattr(x, "nnz"):
        return _arcuate_sparse(x)
    if str(getattr(x, "dtype", "")).startswith("dictionary<"):
        return _arcuate_dictionary(x.__arrow_array__())
    if hasattr(x, "dtype"):
        if type(x).__module__ == "numpy" and name not in ("ndarray", "MaskedArray"):
            return f"numpy.{x.dtype.name} {_arcuate_number(x.item())}"
        return _arcuate_array(x)
    if callable(x):
        return "function"
    return "object " + name


def _arcuate_text(x: Any) -> str:
    if x is None:
        return "-"
    return f"'{x}'" if _re.fullmatch(r"[A-Za-z0-9 _.-]*", x) else f"{len(x)}x{x.encode().hex()}"


def _arcuate_shape(shape: Any) -> str:
    return "(" + "x".join(str(int(n)) for n in shape) + ")"


def _arcuate_number(x: Any) -> str:
    if isinstance(x, bool):
        return str(x)
    if isinstance(x, int):
        return str(x)
    if isinstance(x, float):
        return "nan" if x != x else _struct.pack(">d", x).hex()
    if isinstance(x, complex):
        return _arcuate_number(x.real) + " " + _arcuate_number(x.imag)
    raise TypeError(type(x).__name__)


def _arcuate_many(shown: list[str]) -> str:
    joined = ",".join(shown)
    return (
        joined
        if len(shown) <= 20000
        else "md5:" + _hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()
    )


_ARCUATE_SCALES = {"W": 604800 * 10**18, "D": 86400 * 10**18, "h": 3600 * 10**18, "m": 60 * 10**18}
_ARCUATE_SCALES |= {"s": 10**18, "ms": 10**15, "us": 10**12, "ns": 10**9, "ps": 10**6, "fs": 10**3, "as": 1}


def _arcuate_span(count: int, unit: str) -> str:
    """A count of a unit, in attoseconds; months and years have no length of their own."""
    if unit in ("M", "Y"):
        return f"{count * (12 if unit == 'Y' else 1)} months"
    return str(count * _ARCUATE_SCALES[unit])


def _arcuate_moment(count: int, unit: str) -> str:
    if unit in ("M", "Y"):
        months = count * (12 if unit == "Y" else 1)
        days = (_dt.date(1970 + months // 12, months % 12 + 1, 1) - _dt.date(1970, 1, 1)).days
        return _arcuate_span(days, "D")
    return _arcuate_span(count, unit)


def _arcuate_zone(zone: Any) -> str:
    if zone is None:
        return "-"
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if name:
        return str(name)
    return "UTC" if zone is _dt.timezone.utc else str(zone).removeprefix("UTC")


def _arcuate_time(x: Any, name: str) -> str:
    import numpy as np

    if name in ("datetime64", "timedelta64"):
        unit = np.datetime_data(x.dtype)[0]
        if name == "timedelta64":
            return "duration " + _arcuate_span(int(x.astype("i8")), unit)
        return "datetime " + _arcuate_moment(int(x.astype("i8")), unit) + " -"
    if name == "Instant":
        return f"datetime {_arcuate_moment(x.count, x.unit)} {x.zone or '-'}"
    if name == "Duration":
        return "duration " + _arcuate_span(x.count, x.unit)
    if name == "Timestamp":
        return f"datetime {_arcuate_moment(x._value, x.unit)} {_arcuate_zone(x.tzinfo)}"
    if name == "Timedelta":
        return "duration " + _arcuate_span(x._value, x.unit)
    if name in ("timedelta", "Span"):
        return "duration " + _arcuate_span((x.days * 86400 + x.seconds) * 10**6 + x.microseconds, "us")
    if name == "Day":
        return f"date {x.count}"
    if name == "date":
        return "date " + str((x - _dt.date(1970, 1, 1)).days)
    start = _dt.datetime(1970, 1, 1, tzinfo=None if x.tzinfo is None else _dt.timezone.utc)
    span = x - start
    count = (span.days * 86400 + span.seconds) * 10**6 + span.microseconds
    return f"datetime {_arcuate_moment(count, 'us')} {_arcuate_zone(x.tzinfo)}"


def _arcuate_array(x: Any) -> str:
    """An array of numpy or pandas: dtype, shape, elements in row-major order."""
    import numpy as np

    shape = _arcuate_shape(x.shape)
    dtype = x.dtype
    if isinstance(dtype, str):  # what neither numpy nor pandas has
        items = np.empty(x.size, object)
        items[:] = x.flat()
        items = items.reshape(x.shape, order=x.order).reshape(-1)
        counts = ["-" if hasattr(n, "dtype") else _arcuate_moment(n.count, n.unit) for n in items]
        return f"array {dtype} {x.zone or '-'} {shape} [{_arcuate_many(counts)}]"
    name = str(dtype)
    gone: Any = None
    if hasattr(x, "mask") and hasattr(x, "filled"):
        gone, x = np.ma.getmaskarray(x).reshape(-1), x.data
    elif type(x).__module__.startswith("pandas") and hasattr(x, "isna"):
        if hasattr(x, "_mask"):
            gone, x, name = x._mask, x._data, x._data.dtype.name
        elif getattr(dtype, "tz", None) is not None:
            zone = _arcuate_zone(dtype.tz)
            pairs = zip(x.asi8, x.isna(), strict=True)
            counts = ["-" if gone else _arcuate_moment(int(n), dtype.unit) for n, gone in pairs]
            return f"array datetime {zone} {shape} [{_arcuate_many(counts)}]"
        elif name.startswith(("datetime64", "timedelta64")):
            x = x.to_numpy()
        else:
            x = x.to_numpy() if type(x).__name__ == "NumpyExtensionArray" else np.asarray(x, dtype=object)
    flat = np.asarray(x).reshape(-1)
    if flat.dtype.kind in "mM":
        unit = np.datetime_data(flat.dtype)[0]
        show = _arcuate_moment if flat.dtype.kind == "M" else _arcuate_span
        nat = np.isnat(flat)
        counts = ["-" if lost else show(int(n), unit) for n, lost in zip(flat.astype("i8"), nat, strict=True)]
        kind = "datetime -" if flat.dtype.kind == "M" else "duration"
        return f"array {kind} {shape} [{_arcuate_many(counts)}]"
    if flat.dtype.kind == "U":
        shown, name = [_arcuate_text(str(item)) for item in flat], "text"
    elif flat.dtype.kind == "O":
        return _arcuate_objects(flat, shape)
    else:
        shown = [_arcuate_number(item) for item in flat.tolist()]
    if gone is not None:
        shown = ["-" if lost else item for item, lost in zip(shown, gone, strict=True)]
    return f"array {name} {shape} [{_arcuate_many(shown)}]"


def _arcuate_objects(flat: Any, shape: str) -> str:
    """Boxed elements: texts, dates, times with a zone, or values of any kind."""
    import numpy as np

    def lost(item: Any) -> bool:
        return (
            item is None
            or type(item).__name__ in ("NAType", "NaTType", "Missing")
            or (isinstance(item, (float, np.datetime64, np.timedelta64)) and item != item)
        )

    kept = [item for item in flat if not lost(item)]
    if not len(flat):
        return f"array text {shape} []"
    if kept and all(isinstance(item, str) for item in kept):
        texts = ["-" if lost(item) else _arcuate_text(item) for item in flat]
        return f"array text {shape} [{_arcuate_many(texts)}]"
    kinds = {type(item).__name__ for item in kept or flat}  # a NaT of numpy says what it would be
    if not kept and not kinds <= {"timedelta64", "datetime64"}:
        return f"nothing {shape}"
    if kinds == {"Timestamp"} and kept[0].tzinfo is not None:
        zone = _arcuate_zone(kept[0].tzinfo)
        shown = ["-" if lost(item) else _arcuate_moment(item._value, item.unit) for item in flat]
        return f"array datetime {zone} {shape} [{_arcuate_many(shown)}]"
    if kinds <= {"date", "Day"}:
        start = _dt.date(1970, 1, 1)
        days = [None if lost(x) else x.count if hasattr(x, "count") else (x - start).days for x in flat]
        shown = ["-" if day is None else _arcuate_span(day, "D") for day in days]
        return f"array datetime - {shape} [{_arcuate_many(shown)}]"
    if kinds in ({"timedelta64"}, {"datetime64"}, {"Instant"}):
        shown = [arcuate_see(item).split(" ")[-1 if kinds == {"timedelta64"} else 1] for item in flat]
        shown = ["-" if lost(item) else each for item, each in zip(flat, shown, strict=True)]
        zone = getattr(kept[0], "zone", "-") if kept else "-"
        kind = "duration" if kinds == {"timedelta64"} else f"datetime {zone}"
        return f"array {kind} {shape} [{_arcuate_many(shown)}]"
    if len(kinds) == 1 and isinstance(kept[0], np.generic):
        shown = ["-" if lost(item) else _arcuate_number(item.item()) for item in flat]
        return f"array {kept[0].dtype} {shape} [{_arcuate_many(shown)}]"
    return f"objects {shape} [{_arcuate_many([arcuate_see(item) for item in flat])}]"


def _arcuate_pairs(items: Any) -> str:
    return "{" + ",".join(f"{_arcuate_text(key)}={arcuate_see(item)}" for key, item in items) + "}"


def _arcuate_names(names: Any) -> str:
    return "(" + ",".join(map(_arcuate_text, names)) + ")"


def _arcuate_variables(coords: Any) -> str:
    shown = []
    for name, item in coords.items():
        if isinstance(item, dict):
            dims, data, attrs = item["dims"], item["data"], item["attrs"]
        else:
            dims, data, attrs = item.dims, item.variable.data, item.attrs
        parts = (_arcuate_names(dims), arcuate_see(data), _arcuate_pairs(attrs.items()))
        shown.append(f"{_arcuate_text(name)}: {' '.join(parts)}")
    return "<" + "; ".join(shown) + ">"


def _arcuate_labelled(x: Any, name: str) -> str:
    if name == "Series":
        parts = (_arcuate_text(x.name), arcuate_see(x.array), arcuate_see(x.index.array))
        return "series " + " ".join(parts)
    attrs = _arcuate_pairs(x.attrs.items())
    head = f"labelled {_arcuate_text(x.name)} {_arcuate_names(x.dims)}"
    return f"{head} {arcuate_see(x.data)} {_arcuate_variables(x.coords)} {attrs}"


def _arcuate_dataset(x: Any) -> str:
    variables = x.variables if isinstance(x.variables, dict) else x.data_vars
    parts = (_arcuate_variables(variables), _arcuate_variables(x.coords), _arcuate_pairs(x.attrs.items()))
    return "dataset " + " ".join(parts)


def _arcuate_frame(x: Any) -> str:
    columns = [(str(name), x.iloc[:, k].array) for k, name in enumerate(x.columns)]
    index = None
    if type(x.index).__name__ == "MultiIndex":
        levels = [x.index.get_level_values(k).array for k in range(x.index.nlevels)]
        index = {"names": list(x.index.names), "levels": levels}
    elif type(x.index).__name__ != "RangeIndex":
        index = {"names": [x.index.name], "levels": [x.index.array]}
    return _arcuate_table(columns, len(x), index, x.attrs)


def _arcuate_table(columns: Any, rows: int, index: Any, attrs: Any) -> str:
    out = f"table {rows} {_arcuate_pairs(columns)}"
    if index is not None:
        out += f" {_arcuate_names(index['names'])} [{';'.join(map(arcuate_see, index['levels']))}]"
    return f"{out} {_arcuate_pairs(attrs.items())}"


def _arcuate_arrow(x: Any) -> str:
    """A table of pyarrow, whose columns say by themselves what is missing."""
    names = {"double": "float64", "float": "float32", "string": "text", "large_string": "text"}
    columns = []
    for name, column in zip(x.column_names, x.columns, strict=True):
        items, kind = column.to_pylist(), names.get(str(column.type), str(column.type))
        show = _arcuate_text if kind == "text" else _arcuate_number
        shown = _arcuate_many(["-" if item is None else show(item) for item in items])
        columns.append(f"{_arcuate_text(name)}=array {kind} ({len(items)}) [{shown}]")
    return f"table {x.num_rows} {{{','.join(columns)}}} {{}}"


def _arcuate_categorical(x: Any) -> str:
    import numpy as np

    codes, categories = x.codes, x.categories
    categories = getattr(categories, "array", categories)
    lost = np.ma.getmaskarray(codes) if hasattr(codes, "filled") else getattr(codes, "_mask", None)
    numbers = np.asarray(getattr(codes, "_data", getattr(codes, "data", codes))).reshape(-1)
    gone = (numbers < 0) if lost is None else (lost.reshape(-1) | (numbers < 0))
    shown = _arcuate_many(["-" if gone[k] else str(n) for k, n in enumerate(numbers)])
    kind = f"categorical {_arcuate_shape(codes.shape)} [{shown}]"
    return f"{kind} {arcuate_see(categories)} {bool(x.ordered)}"


def _arcuate_dictionary(x: Any) -> str:
    """A categorical of pyarrow, whose categories may repeat or be missing."""
    chunk = x.combine_chunks()
    shown = _arcuate_many(["-" if code is None else str(code) for code in chunk.indices.to_pylist()])
    categories = chunk.dictionary.to_numpy(zero_copy_only=False)
    ordered = bool(chunk.type.ordered)
    return f"categorical {_arcuate_shape((len(chunk),))} [{shown}] {arcuate_see(categories)} {ordered}"


def _arcuate_sparse(x: Any) -> str:
    y = x.tocoo()
    order = sorted(range(len(y.data)), key=lambda k: (int(y.row[k]), int(y.col[k])))
    shown = [f"{y.row[k]} {y.col[k]} {_arcuate_number(y.data[k].item())}" for k in order]
    return f"sparse {x.format} {x.dtype.name} {_arcuate_shape(x.shape)} [{_arcuate_many(shown)}]"
