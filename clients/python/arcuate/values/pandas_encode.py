"""pandas objects to rows: tables, series, indexes, categoricals, nullable arrays, timestamps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from arcuate.errors import ConversionError
from arcuate.values import boxed, codes, times
from arcuate.values.encode import TABLE, Encoder
from arcuate.values.native import put_variable
from arcuate.values.numpy_encode import DTYPES, append_array, put_dates, put_texts, put_times, text_items
from arcuate.values.numpy_encode import put_array as put_ndarray
from arcuate.values.plain import put_children, text_key

__all__ = ["put_column", "put_frame", "put_values"]

_MASK = (1 << 64) - 1
_EMPTY_RANGE = pd.RangeIndex(0)


def put_values(state: Encoder, values: Any, key: str, *, alone: bool = False) -> None:
    """An array of pandas or numpy.

    Args:
        state: where to.
        values: an extension array or a one-dimensional ndarray.
        key: the key of the row.
        alone: it is a value of its own, so that a hint must say that it was pandas' and not numpy's.
    """
    if isinstance(values, np.ndarray):
        put_ndarray(state, values, key)
        return
    name = type(values).__name__
    put = _ARRAYS.get(name)
    if put is None:
        dtype = values.dtype
        remedy = _REMEDIES.get(name, "convert it with .astype(...), or send .to_numpy()")
        raise ConversionError(f"a pandas array of the dtype {dtype} cannot travel; {remedy}")
    put(state, values, key, alone)


def _numpy_backed(state: Encoder, values: Any, key: str, alone: bool) -> None:
    put_ndarray(state, values.to_numpy(), key)


def _nullable(state: Encoder, values: Any, key: str, alone: bool) -> None:
    # Both parts exist since pandas 1.0; the public to_numpy() would copy and cannot tell NaN from NA.
    data, mask = values._data, values._mask
    if mask.any():
        data = np.where(mask, np.zeros((), data.dtype), data)
    else:
        mask = None
    append_array(state, data, key, DTYPES[data.dtype.str], mask=mask, flags=codes.ARRAY_PANDAS)


def _strings(state: Encoder, values: Any, key: str, alone: bool) -> None:
    missing = getattr(values.dtype, "na_value", pd.NA)
    flags = codes.ARRAY_PANDAS if missing is pd.NA else 0
    if hasattr(values, "__arrow_array__") and "Arrow" in type(values).__name__:
        from arcuate.values.arrow import put_strings

        put_strings(state, values.__arrow_array__(), key, flags)
        return
    objects = np.asarray(values, dtype=object)
    items = objects.tolist()
    mask = None
    try:
        "".join(items)  # nine times as fast as isna()
    except TypeError:
        gone = np.asarray(values.isna())
        items, mask = np.where(gone, "", objects).tolist(), gone.tobytes()
    put_texts(state, items, objects.shape, key, mask, flags)


def _datetimes(state: Encoder, values: Any, key: str, alone: bool) -> None:
    zone = "" if values.tz is None else times.zone_name(values.tz)
    flags = codes.ARRAY_PANDAS if alone and not zone else 0
    put_times(state, values.asi8.view(f"M8[{values.unit}]"), key, flags=flags, zone=zone)


def _timedeltas(state: Encoder, values: Any, key: str, alone: bool) -> None:
    put_times(state, values.asi8.view(f"m8[{values.unit}]"), key, flags=codes.ARRAY_PANDAS if alone else 0)


def _categorical(state: Encoder, values: Any, key: str, alone: bool = False) -> None:
    state.depth += 1
    state.row(codes.CATEGORICAL, key=key, flags=int(values.ordered or False), count=2)
    numbers = values.codes
    mask = numbers < 0
    gone = bool(mask.any())
    if gone:
        numbers = np.where(mask, np.zeros((), numbers.dtype), numbers)
    append_array(state, numbers, "codes", DTYPES[numbers.dtype.str], mask=mask if gone else None)
    try:
        put_values(state, _plain_values(values.categories), "categories")
    except ConversionError as error:
        error.prepend(".categories")
        raise
    state.depth -= 1


def _arrow_backed(state: Encoder, values: Any, key: str, alone: bool) -> None:
    from arcuate.values.arrow import put_chunked

    put_chunked(state, values.__arrow_array__(), key, codes.ARRAY_PANDAS)


_ARRAYS: dict[str, Callable[[Encoder, Any, str, bool], None]] = {
    "NumpyExtensionArray": _numpy_backed,
    "PandasArray": _numpy_backed,
    "IntegerArray": _nullable,
    "FloatingArray": _nullable,
    "BooleanArray": _nullable,
    "StringArray": _strings,
    "StringArrayNumpySemantics": _strings,
    "ArrowStringArray": _strings,
    "ArrowStringArrayNumpySemantics": _strings,
    "DatetimeArray": _datetimes,
    "TimedeltaArray": _timedeltas,
    "Categorical": _categorical,
    "ArrowExtensionArray": _arrow_backed,
}
_REMEDIES = {
    "IntervalArray": "send its .left and .right",
    "PeriodArray": "send .to_timestamp()",
    "SparseArray": "send .to_dense(), or a scipy.sparse matrix (df.sparse.to_coo())",
}


def _plain_values(index: Any) -> Any:
    """The values of a Series or Index: an ndarray for numpy dtypes, otherwise its extension array."""
    if isinstance(index, pd.MultiIndex):
        raise ConversionError("a MultiIndex cannot travel by itself; send index.to_frame(index=False)")
    return (
        index.to_numpy()
        if isinstance(index.dtype, np.dtype) and index.dtype.kind not in "Mm"
        else index.array
    )


def put_column(state: Encoder, column: Any, key: str) -> None:
    """A column of a table: an array, a categorical, or a list where its objects are of several kinds."""
    dtype = column.dtype
    if dtype.kind != "O" or not isinstance(dtype, np.dtype):
        put_values(state, _plain_values(column), key)
        return
    values = column.to_numpy()
    items = values.tolist()
    if boxed.kind_of(values) != boxed.LIST:
        texts, mask, marks, wrong = text_items(items)
        if wrong is None and items:
            put_texts(state, texts, values.shape, key, mask, codes.ARRAY_BOXED | marks)
            return
        days, marks = items, 0
        if any(item is pd.NaT for item in items) and not any(item is None for item in items):  # .dt.date
            days, marks = [None if item is pd.NaT else item for item in items], codes.ARRAY_PANDAS
        if put_dates(state, days, values.shape, key, marks) or boxed.put_boxed(
            state, values, key, column=True
        ):
            return
    state.depth += 1
    state.row(codes.LIST, key=key, count=len(items))
    put_children(state, items)
    state.depth -= 1


def put_frame(state: Encoder, frame: Any, key: str) -> None:
    """A DataFrame."""
    columns = frame.columns
    if isinstance(columns, pd.MultiIndex) or columns.name is not None:
        what = "several levels" if isinstance(columns, pd.MultiIndex) else f"the name {columns.name!r}"
        raise ConversionError(
            f"the columns of the table have {what}, for which other languages have no place; "
            f"send df.rename_axis(columns=None)"
            + (" with df.columns = map('.'.join, df.columns)" if columns.nlevels > 1 else "")
        )
    if not columns.is_unique:
        twice = columns[columns.duplicated()][0]
        raise ConversionError(f"the column {twice!r} stands twice in the table; rename one")
    state.enter(frame)
    rows = len(frame)
    state.row(codes.TABLE, key=key, count=3, value=rows, text="pandas")
    state.depth += 1
    state.row(codes.MAPPING, key="columns", count=len(columns))
    # A frame without attrs: pandas copies them for every column, which not everything in them allows.
    for name, column in pd.DataFrame(frame, copy=False).items():
        try:
            if not isinstance(name, str):
                raise ConversionError(
                    f"the names of columns must be text, found {name!r} ({type(name).__name__}); "
                    f"send df.rename(columns=str)"
                )
            put_column(state, column, text_key(name))
        except ConversionError as error:
            error.prepend(f".columns[{name!r}]")
            raise
    state.depth -= 1
    _put_index(state, frame.index, rows)
    state.put_at(frame.attrs, "attrs", ".attrs")
    state.leave(frame)


def _is_default(index: Any, rows: int) -> bool:
    return (
        type(index) is pd.RangeIndex
        and index.name is None
        and index.start == 0
        and index.step == 1
        and index.stop == rows
    )


def _put_index(state: Encoder, index: Any, rows: int) -> None:
    if _is_default(index, rows):
        state.row(codes.NULL, key="index")
        return
    names: list[str | None] = list(index.names)
    for name in names:
        if name is not None and not isinstance(name, str):
            raise ConversionError(
                f"the names of an index must be text or None, found {name!r}; send df.rename_axis(index=str)",
                path=".index",
            )
    state.depth += 2
    state.row(codes.MAPPING, key="index", count=2)
    state.texts(names, "names")
    state.row(codes.LIST, key="levels", count=index.nlevels)
    for number in range(index.nlevels):
        level = (
            index.get_level_values(number) if index.nlevels > 1 or isinstance(index, pd.MultiIndex) else index
        )
        try:
            put_values(state, _plain_values(level), "")
        except ConversionError as error:
            error.prepend(f".index.levels[{number}]")
            raise
    state.depth -= 2


def _put_series(state: Encoder, series: Any, key: str) -> None:
    """A Series as a labelled array of one dimension."""
    name, index = series.name, series.index
    if name is not None and not isinstance(name, str):
        raise ConversionError(
            f"the name of a Series must be text or None, found {name!r}; send series.rename(str)"
        )
    if isinstance(index, pd.MultiIndex):
        raise ConversionError("a Series with a MultiIndex cannot travel; send series.reset_index(), a table")
    if index.name is not None and not isinstance(index.name, str):
        raise ConversionError(f"the name of an index must be text or None, found {index.name!r}; rename it")
    flags = codes.LABELLED_SERIES | (codes.LABELLED_UNNAMED if index.name is None else 0)
    dim = "index" if index.name is None else index.name
    state.enter(series)
    state.row(codes.LABELLED, key=key, flags=flags, count=5)
    state.put(name, "name")
    state.texts([dim], "dims")
    try:
        put_values(state, _plain_values(series), "data")
    except ConversionError as error:
        error.prepend(".data")
        raise
    plain = _is_default(index, len(series))
    state.row(codes.MAPPING, key="coords", count=0 if plain else 1)
    if not plain:
        state.depth += 1
        try:
            put_variable(state, dim, [dim], index.rename(None), {})
        except ConversionError as error:
            error.prepend(f".coords[{dim!r}]")
            raise
        state.depth -= 1
    state.put_at(series.attrs, "attrs", ".attrs")
    state.leave(series)


def _put_index_value(state: Encoder, index: Any, key: str) -> None:
    """An Index by itself: its values."""
    if index.name is not None and not isinstance(index, pd.MultiIndex):
        raise ConversionError(
            f"an Index named {index.name!r} cannot travel, since arrays have no names; send "
            f"index.rename(None), or "
            f"index.to_series()"
        )
    put_values(state, _plain_values(index), key, alone=True)


def _put_alone(state: Encoder, values: Any, key: str) -> None:
    put_values(state, values, key, alone=True)


def _put_timestamp(state: Encoder, value: Any, key: str) -> None:
    zone = "" if value.tz is None else times.zone_name(value.tz)
    count = int(value.asm8.view(np.int64))
    unit = codes.UNIT_CODES[value.unit]
    state.rows.append((15, 0, codes.SCALAR_PANDAS, unit, 0, count & _MASK, key, zone))


def _put_timedelta(state: Encoder, value: Any, key: str) -> None:
    count = int(value.asm8.view(np.int64))
    state.rows.append((17, 0, codes.SCALAR_PANDAS, codes.UNIT_CODES[value.unit], 0, count & _MASK, key, ""))


def _put_nat(state: Encoder, value: Any, key: str) -> None:
    state.rows.append((7, codes.D_DATETIME, codes.SCALAR_PANDAS, 0, 0, 0, key, ""))


def _put_na(state: Encoder, value: Any, key: str) -> None:
    state.rows.append((7, 0, 0, 0, 0, 0, key, ""))


def _refuse_scalar(state: Encoder, value: Any, key: str) -> None:
    remedy = "value.to_timestamp()" if isinstance(value, pd.Period) else "its parts"
    raise ConversionError(f"a pandas.{type(value).__name__} cannot travel; send {remedy}")


TABLE.update(
    {
        pd.DataFrame: put_frame,
        pd.Series: _put_series,
        pd.Index: _put_index_value,
        pd.api.extensions.ExtensionArray: _put_alone,
        pd.Timestamp: _put_timestamp,
        pd.Timedelta: _put_timedelta,
        type(pd.NaT): _put_nat,
        type(pd.NA): _put_na,
        pd.Period: _refuse_scalar,
        pd.Interval: _refuse_scalar,
        pd.DateOffset: _refuse_scalar,
    }
)
