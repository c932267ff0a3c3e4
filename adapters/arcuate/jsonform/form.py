"""Values as JSON without loss, and back.

What JSON has is plain JSON. What it lacks is an object whose only key begins with ``$``:

=================  ==========================================================
``{"$float": ..}``        ``"nan"``, ``"inf"``, ``"-inf"``
``{"$missing": ..}``      a missing value (NA); its dtype, or ``"none"``
``{"$complex": [r, i]}``  a complex number
``{"$bytes": ..}``        base64
``{"$datetime": ..}``     ISO text, ``{"text", "unit", "zone"}``
``{"$date": ..}``, ``{"$duration": {"count", "unit"}}``
``{"$array": ..}``        ``{"dtype", "shape", "data"}``: dates, and shapes that nested lists cannot say
``{"$labelled": ..}``     ``{"name", "dims", "coords", "attrs", "data"}``
``{"$dataset": ..}``      ``{"vars", "coords", "attrs"}``
``{"$table": ..}``        ``{"columns", "index"}``
``{"$categorical": ..}``  ``{"codes", "categories", "ordered"}``
``{"$function": id}``, ``{"$handle": id}``  a function of the client, an object in the interpreter
``{"$cell": ..}``, ``{"$structs": ..}``  n-d cell and struct array, column-major
``{"$mapping": ..}``      pairs; a mapping that would look like one of these
=================  ==========================================================

Numbers of an array are plain nested lists: the values are exact, their dtype is not kept (``-o`` keeps it).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

from arcuate.errors import ConversionError
from arcuate.jsonform.reference import FunctionReference, HandleReference
from arcuate.values import NA, Cell, Day, Duration, Instant, Missing, StructArray
from arcuate.values.times import count_of

__all__ = ["dumps", "plain", "restore"]


def dumps(value: Any, indent: int | None = None) -> str:
    """The JSON text of a value.

    Raises:
        ConversionError: JSON cannot hold it; the message says which file format can.
    """
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=False, indent=indent)


def plain(value: Any) -> Any:
    """The value in terms of what ``json`` writes. Raises ConversionError where that would lose something."""
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if isinstance(value, complex):
        return {"$complex": [plain(value.real), plain(value.imag)]}
    if isinstance(value, Missing):
        return {"$missing": value.dtype}
    if isinstance(value, dict):
        pairs = [(str(key), plain(item)) for key, item in value.items()]
        if len(pairs) == 1 and pairs[0][0].startswith("$"):
            return {"$mapping": [list(pair) for pair in pairs]}
        return dict(pairs)
    if isinstance(value, StructArray):
        return {
            "$structs": {
                "shape": list(value.shape),
                "fields": list(value.fields),
                "data": [plain(item) for item in value],
            }
        }
    if isinstance(value, Cell):
        return {"$cell": {"shape": list(value.shape), "data": [plain(item) for item in value]}}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Instant):
        return {"$datetime": {"count": value.count, "unit": value.unit, "zone": value.zone}}
    if isinstance(value, Day):
        return {"$date": {"count": value.count}}
    if isinstance(value, Duration):
        return {"$duration": {"count": value.count, "unit": value.unit}}
    if isinstance(value, FunctionReference):
        return {"$function": value.name}
    if isinstance(value, HandleReference):
        return {"$handle": value.name}
    found = _dates(value)
    if found is None:
        for library, convert in _LIBRARIES.items():
            if library in sys.modules and found is None:
                found = convert(value)
    if found is None:
        raise ConversionError(
            f"JSON cannot hold a {type(value).__module__}.{type(value).__qualname__} without loss; "
            "leave --json out to see it, or write it to a file with -o (.nc, .npy, .csv, .parquet or .mat)"
        )
    return found


def _dates(value: Any) -> Any:
    """Scalars of ``datetime``; pandas' Timestamp and Timedelta are subclasses."""
    if isinstance(value, dt.datetime):
        if value != value:  # pandas.NaT
            return {"$missing": "datetime"}
        zone = value.tzinfo
        name = "" if zone is None else str(getattr(zone, "key", None) or value.strftime("%z"))
        if zone is not None and value.utcoffset() != value.replace(fold=1 - value.fold).utcoffset():
            return {"$datetime": _counted(value, name)}  # the clocks show this time twice
        nanoseconds = int(getattr(value, "nanosecond", 0))
        text = value.replace(tzinfo=None).isoformat()
        if nanoseconds and not text.endswith(f"{nanoseconds:03d}"):
            text = value.replace(tzinfo=None).isoformat(timespec="nanoseconds")  # type: ignore[arg-type,unused-ignore]
        return {"$datetime": {"text": text, **({"zone": name} if name else {})}}
    if isinstance(value, dt.date):
        return {"$date": value.isoformat()}
    if isinstance(value, dt.timedelta):
        nanoseconds = getattr(value, "nanoseconds", 0)
        microseconds = (value.days * 86400 + value.seconds) * 10**6 + value.microseconds
        if nanoseconds:
            return {"$duration": {"count": microseconds * 1000 + int(nanoseconds), "unit": "ns"}}
        return {"$duration": {"count": microseconds, "unit": "us"}}
    return None


# ------------------------------------------------------------------ libraries


def _counted(value: Any, zone: str) -> dict[str, Any]:
    """A datetime with a zone as its count in UTC."""
    if hasattr(value, "asm8"):  # pandas'
        return {"count": int(value.asm8.astype("i8")), "unit": value.unit, "zone": zone}
    return {"count": count_of(value)[0], "unit": "us", "zone": zone}


def _numpy(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(value)
        data = (
            plain(np.where(mask, np.zeros((), value.dtype), value.data)) if value.shape else plain(value.data)
        )
        return _masked(data, mask.tolist(), _dtype(value.dtype))
    if isinstance(value, np.ndarray):
        kind = value.dtype.kind
        if kind in "mM":
            text = np.datetime_as_string(value) if kind == "M" else value.astype("i8")
            data = _masked(text.tolist(), np.isnat(value).tolist(), "datetime" if kind == "M" else "duration")
            return {"$array": {"dtype": str(value.dtype), "shape": list(value.shape), "data": data}}
        if kind not in "biufcUO" or (kind == "f" and value.dtype.itemsize > 8) or kind == "V":
            return None
        if value.ndim == 0 or 0 in value.shape[:-1]:
            flat = plain(value.reshape(-1))
            return {"$array": {"dtype": value.dtype.str, "shape": list(value.shape), "data": flat}}
        if kind in "biuU" or (kind == "f" and np.isfinite(value).all()):
            return value.tolist()
        return plain(value.tolist())
    if isinstance(value, (np.datetime64, np.timedelta64)):
        kind = "datetime" if isinstance(value, np.datetime64) else "duration"
        if np.isnat(value):
            return {"$missing": kind}
        unit = np.datetime_data(value.dtype)[0]
        if kind == "datetime":
            return {"$datetime": {"text": str(value), "unit": unit}}
        return {"$duration": {"count": int(value.astype("i8")), "unit": unit}}
    if isinstance(value, np.generic):
        return plain(value.item())
    return None


def _dtype(dtype: Any) -> str:
    """The dtype's name in the value model."""
    kind = dtype.kind
    return {"b": "bool", "U": "text", "O": "text", "M": "datetime", "m": "duration"}.get(
        kind, f"{kind}{dtype.itemsize}"
    )


def _masked(data: Any, mask: Any, dtype: str) -> Any:
    if isinstance(mask, list):
        return [_masked(one, hidden, dtype) for one, hidden in zip(data, mask, strict=True)]
    return {"$missing": dtype} if mask else data


def _pandas(value: Any) -> Any:
    import pandas as pd

    if value is pd.NA:
        return {"$missing": "none"}
    if value is pd.NaT:
        return {"$missing": "datetime"}
    if isinstance(value, pd.DataFrame):
        columns = [(str(name), plain(value.iloc[:, at].array)) for at, name in enumerate(value.columns)]
        if len({name for name, _ in columns}) != len(columns):
            raise ConversionError("the table has two columns of one name; write it to a file with -o x.csv")
        table: dict[str, Any] = {"columns": dict(columns)}
        if not isinstance(value.index, pd.RangeIndex):
            levels = [value.index.get_level_values(at) for at in range(value.index.nlevels)]
            table["index"] = [{"name": plain(level.name), "data": plain(level.array)} for level in levels]
        return {"$table": table}
    if isinstance(value, (pd.Series, pd.Index)):
        return plain(value.array)
    if isinstance(value, pd.Categorical):
        body = {
            "codes": value.codes.tolist(),
            "categories": plain(value.categories.array),
            "ordered": bool(value.ordered),
        }
        return {"$categorical": body}
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return _pandas_array(value)
    return None


def _pandas_array(value: Any) -> Any:
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.arrays.DatetimeArray):
        body = plain(value.tz_convert("UTC").tz_localize(None).to_numpy() if value.tz else value.to_numpy())
        if value.tz is not None:
            body["$array"]["zone"] = str(value.tz)
        return body
    if isinstance(value, pd.arrays.TimedeltaArray):
        return plain(value.to_numpy())
    if isinstance(value, pd.arrays.NumpyExtensionArray):
        return plain(value.to_numpy())
    if str(value.dtype).startswith("dictionary<"):  # its categories repeat or are missing
        return None
    mask = np.asarray(value.isna())
    if hasattr(value, "_mask") and hasattr(
        value, "_data"
    ):  # nullable numbers: NaN and NA are different there
        return plain(np.ma.array(value._data, mask=value._mask))
    return [{"$missing": "text"} if gone else plain(item) for item, gone in zip(value, mask, strict=True)]


def _xarray(value: Any) -> Any:
    import xarray as xr

    if isinstance(value, xr.DataArray):
        head = {"name": plain(value.name), "dims": [str(dim) for dim in value.dims]}
        tail = {"attrs": plain(value.attrs), "data": plain(value.data)}
        return {"$labelled": {**head, "coords": _variables(value.coords), **tail}}
    if isinstance(value, xr.Dataset):
        body = {
            "vars": _variables(value.data_vars),
            "coords": _variables(value.coords),
            "attrs": plain(value.attrs),
        }
        return {"$dataset": body}
    return None


def _variables(variables: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(name): {
            "dims": [str(dim) for dim in one.dims],
            "data": plain(one.data),
            "attrs": plain(one.attrs),
        }
        for name, one in variables.items()
    }


_LIBRARIES: dict[str, Callable[[Any], Any]] = {"numpy": _numpy, "pandas": _pandas, "xarray": _xarray}


# ------------------------------------------------------------------- reading


def restore(value: Any) -> Any:
    """The inverse of :func:`plain`, so that one command's ``--json`` can be another's argument.

    Raises:
        ConversionError: an object with a single key that begins with ``$`` and means nothing.
    """
    if isinstance(value, list):
        return [restore(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, body),) = value.items()
        if key.startswith("$"):
            reader = _READERS.get(key)
            try:
                if reader is not None:
                    return reader(body)
            except (KeyError, TypeError, ValueError) as error:
                raise ConversionError(f'the JSON object {{"{key}": ...}} is malformed: {error}') from None
            raise ConversionError(
                f'the JSON object {{"{key}": ...}} has no meaning; known are {", ".join(_READERS)}, and '
                f'{{"$mapping": [[key, value]]}} for a mapping with such a key'
            )
    return {key: restore(item) for key, item in value.items()}


def _array(body: Any) -> Any:
    import numpy as np

    dtype = np.dtype(str(body["dtype"]))
    flat = _flatten(body["data"])
    gone = [isinstance(item, dict) and "$missing" in item for item in flat]
    if dtype.kind in "mM":
        items = ["NaT" if missing else item for item, missing in zip(flat, gone, strict=True)]
        data = np.array(items, "datetime64" if dtype.kind == "M" else None).astype(dtype)
    else:
        data = np.array([restore(item) for item in flat], dtype)
    data = data.reshape(body["shape"])
    if body.get("zone"):
        import pandas as pd

        return pd.DatetimeIndex(data, tz="UTC").tz_convert(str(body["zone"])).array
    return data


def _flatten(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _flatten(item)] if isinstance(value, list) else [value]


def _column(value: Any) -> Any:
    """The data of a variable, column or index level: always an array."""
    from arcuate.jsonform.arrange import column

    return column(restore(value))


def _parts(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (one["dims"], _column(one["data"]), restore(one["attrs"])) for name, one in body.items()}


def _labelled(body: Any) -> Any:
    import xarray as xr

    return xr.DataArray(
        _column(body["data"]),
        _parts(body.get("coords", {})),
        body["dims"],
        body.get("name"),
        restore(body.get("attrs", {})),
    )


def _dataset(body: Any) -> Any:
    import xarray as xr

    return xr.Dataset(_parts(body["vars"]), _parts(body.get("coords", {})), restore(body.get("attrs", {})))


def _table(body: Any) -> Any:
    import pandas as pd

    table = pd.DataFrame({name: _column(data) for name, data in body["columns"].items()})
    levels = body.get("index")
    if levels:
        names = [level["name"] for level in levels]
        arrays = [_column(level["data"]) for level in levels]
        table.index = (
            pd.Index(arrays[0], name=names[0])
            if len(arrays) == 1
            else pd.MultiIndex.from_arrays(arrays, names=names)
        )
    return table


def _categorical(body: Any) -> Any:
    import pandas as pd

    return pd.Categorical.from_codes(
        body["codes"], _column(body["categories"]), ordered=bool(body["ordered"])
    )


def _datetime(body: Any) -> Any:
    if "count" in body:
        return Instant(int(body["count"]), str(body["unit"]), str(body.get("zone", "")))
    if body.get("zone"):
        import pandas as pd

        zone = str(body["zone"])
        return (
            pd.Timestamp(body["text"] + zone)
            if zone[0] in "+-"
            else pd.Timestamp(body["text"]).tz_localize(zone)
        )
    if "unit" in body:
        import numpy as np

        return np.datetime64(body["text"], body["unit"])
    return dt.datetime.fromisoformat(body["text"])


def _text(body: Any) -> str:
    if not isinstance(body, str):
        raise TypeError(f"an id is a text, not {body!r}")
    return body


_READERS: dict[str, Callable[[Any], Any]] = {
    "$float": lambda body: float(str(body)),
    "$missing": lambda body: Missing(str(body)) if body != "none" else NA,
    "$complex": lambda body: complex(*map(restore, body)),
    "$bytes": lambda body: base64.b64decode(body, validate=True),
    "$datetime": _datetime,
    "$date": lambda body: Day(int(body["count"])) if isinstance(body, dict) else dt.date.fromisoformat(body),
    "$duration": lambda body: Duration(int(body["count"]), str(body["unit"])),
    "$array": _array,
    "$labelled": _labelled,
    "$dataset": _dataset,
    "$table": _table,
    "$categorical": _categorical,
    "$function": lambda body: FunctionReference(_text(body)),
    "$handle": lambda body: HandleReference(_text(body)),
    "$cell": lambda body: Cell(map(restore, body["data"]), body["shape"]),
    "$structs": lambda body: StructArray(map(restore, body["data"]), body["shape"], body["fields"]),
    "$mapping": lambda body: {str(key): restore(item) for key, item in body},
}
