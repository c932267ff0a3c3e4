"""Arrow arrays and tables to rows and back; text columns without an object per text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from arcuate.errors import ConversionError, ProtocolError
from arcuate.values import codes, times
from arcuate.values.encode import TABLE, Encoder
from arcuate.values.numpy_encode import DTYPES, append_array
from arcuate.values.plain import put_children, text_key
from arcuate.values.texts import NUL, split

__all__ = ["put_chunked", "put_strings", "read_array", "string_array", "table_from_columns"]

_UNITS = {name: codes.UNIT_CODES[name] for name in ("s", "ms", "us", "ns")}


def _one(array: Any) -> Any:
    """One contiguous array."""
    if isinstance(array, pa.ChunkedArray):
        return array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    return array


def put_strings(state: Encoder, array: Any, key: str, flags: int = 0) -> None:
    """An Arrow array of texts as a text array."""
    array = _one(array)
    if isinstance(array, pa.ChunkedArray):  # combine_chunks() of an empty one in older versions
        array = pa.array([], pa.large_string())
    count = len(array)
    mask = None
    if array.null_count:
        mask = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
        array = pc.fill_null(array, "")
    blob = b""
    if count:
        wide = array.cast(pa.large_string())
        _, offsets_, data_ = wide.buffers()
        offsets = np.frombuffer(offsets_, np.int64)[wide.offset : wide.offset + count + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        data = (
            np.frombuffer(data_, np.uint8)[first:last]
            if data_ is not None and last > first
            else np.empty(0, np.uint8)
        )
        if data.size and not data.all():
            number = int(np.searchsorted(offsets - first, np.flatnonzero(data == 0)[0], side="right")) - 1
            raise ConversionError(NUL, path=f"[{number}]")
        out = np.empty(last - first + count, np.uint8)
        ends = offsets[1:] - first + np.arange(count)
        keep = np.ones(out.size, dtype=bool)
        keep[ends] = False
        out[ends] = 0
        out[keep] = data
        blob = out.tobytes()
    state.rows.append(
        (10, codes.D_TEXT, flags | (codes.ARRAY_MASK if mask is not None else 0), 0, 1, 0, key, "")
    )
    state.pool.append(count)
    state.buffers.append(blob)
    if mask is not None:
        state.buffers.append(mask.tobytes())


def string_array(data: memoryview, count: int, gone: Any) -> Any:
    """A ``large_string`` array from a blob of NUL-terminated texts."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw == 0)
    if len(ends) != count or (count and ends[-1] != raw.size - 1):
        split(data, count)  # raises, saying what is wrong
        raise ProtocolError("malformed value: bytes after the last text of an array")
    try:
        str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"malformed value: a text array is not UTF-8 ({error.reason})") from None
    offsets = np.empty(count + 1, np.int64)
    offsets[0] = 0
    offsets[1:] = ends - np.arange(count)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(raw[raw != 0])]
    if gone is not None and gone.any():
        buffers[0] = pa.py_buffer(np.packbits(~gone, bitorder="little"))
    return pa.LargeStringArray.from_buffers(count, buffers[1], buffers[2], buffers[0])


def put_chunked(state: Encoder, array: Any, key: str, flags: int = 0) -> None:
    """Any Arrow array: as an array or categorical, or as a list where its elements are nested."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        _put_dictionary(state, array, key)
        return
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view":
        put_strings(state, array, key, flags)
        return
    array = _one(array)
    mask = np.asarray(array.is_null().to_numpy(zero_copy_only=False)) if array.null_count else None
    if pa.types.is_boolean(kind):
        values = pc.fill_null(array, False) if mask is not None else array
        append_array(state, values.to_numpy(zero_copy_only=False), key, codes.D_BOOL, mask=mask, flags=flags)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = pc.fill_null(array, pa.scalar(0, kind)) if mask is not None else array
        data = values.to_numpy(zero_copy_only=False)
        append_array(state, data, key, DTYPES[data.dtype.str], mask=mask, flags=flags)
    elif pa.types.is_date32(kind):
        data = pc.fill_null(array.view(pa.int32()), 0).to_numpy(zero_copy_only=False)
        append_array(state, data, key, codes.D_DATE, mask=mask, flags=flags)
    elif pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        data = pc.fill_null(array.view(pa.int64()), 0).to_numpy(zero_copy_only=False)
        code = codes.D_DATETIME if pa.types.is_timestamp(kind) else codes.D_DURATION
        zone = (kind.tz or "") if pa.types.is_timestamp(kind) else ""
        if zone:
            times.parse_zone(zone)
        append_array(state, data, key, code, mask=mask, flags=flags, unit=_UNITS[kind.unit], zone=zone)
    elif (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_null(kind)
    ):
        items = array.to_pylist()
        state.depth += 1
        state.row(codes.LIST, key=key, count=len(items), flags=codes.LIST_FORCED)
        put_children(state, items)
        state.depth -= 1
    else:
        raise ConversionError(
            f"an Arrow array of the type {kind} cannot travel; cast it, for example to float64, string or "
            f"timestamp"
        )


def _put_dictionary(state: Encoder, array: Any, key: str) -> None:
    if isinstance(array, pa.ChunkedArray):
        array = _one(array.unify_dictionaries())
    numbers = array.indices
    mask = np.asarray(numbers.is_null().to_numpy(zero_copy_only=False)) if numbers.null_count else None
    data = (pc.fill_null(numbers, 0) if mask is not None else numbers).to_numpy(zero_copy_only=False)
    if data.dtype.kind == "u":
        data = data.astype(f"i{min(8, data.dtype.itemsize * 2)}")
    state.depth += 1
    state.row(codes.CATEGORICAL, key=key, flags=int(array.type.ordered), count=2)
    append_array(state, data, "codes", DTYPES[data.dtype.str], mask=mask)
    put_chunked(state, array.dictionary, "categories")
    state.depth -= 1


def _put_table(state: Encoder, table: Any, key: str) -> None:
    names = table.column_names
    if len(set(names)) != len(names):
        raise ConversionError(
            "a column stands twice in the Arrow table; rename one with table.rename_columns(...)"
        )
    extra = [name for name in table.schema.metadata or {} if name != b"pandas"]
    if extra:
        raise ConversionError(
            f"the schema of the Arrow table has the metadata {extra}, for which other languages have no "
            f"place; "
            f"send table.replace_schema_metadata(None)"
        )
    if b"pandas" in (
        table.schema.metadata or {}
    ):  # it is a DataFrame in Arrow's clothes, with its index among the columns
        table = table.replace_schema_metadata(None)
    state.enter(table)
    state.row(codes.TABLE, key=key, count=3, value=table.num_rows, text="arrow")
    state.depth += 1
    state.row(codes.MAPPING, key="columns", count=len(names))
    for name, column in zip(names, table.columns, strict=True):
        try:
            put_chunked(state, column, text_key(name))
        except ConversionError as error:
            error.prepend(f".columns[{name!r}]")
            raise
    state.depth -= 1
    state.row(codes.NULL, key="index")
    state.row(codes.MAPPING, key="attrs")
    state.leave(table)


def read_array(
    dtype: int, unit: int, zone: str, count: int, data: memoryview, mask: memoryview | None
) -> Any:
    """An Arrow array of an array row of one dimension."""
    gone = None if mask is None else np.frombuffer(mask, dtype=bool)
    if dtype == codes.D_TEXT:
        return string_array(data, count, gone)
    from arcuate.values.numpy_decode import fixed

    values = fixed(dtype, (count,), "C", data)
    if dtype == codes.D_DATE:
        return pa.array(values, pa.int32(), mask=gone).view(pa.date32())
    if dtype in (codes.D_DATETIME, codes.D_DURATION):
        name = codes.UNIT_NAMES[unit]
        kind = pa.timestamp(name, zone or None) if dtype == codes.D_DATETIME else pa.duration(name)
        return pa.array(values, pa.int64(), mask=gone).view(kind)
    return pa.array(values, mask=gone)


def table_from_columns(columns: dict[str, Any]) -> Any:
    """A table of Arrow arrays."""
    return pa.table(columns)


TABLE.update(
    {
        pa.Table: _put_table,
        pa.RecordBatch: lambda state, batch, key: _put_table(state, pa.Table.from_batches([batch]), key),
        pa.Array: put_chunked,
        pa.ChunkedArray: put_chunked,
        pa.Scalar: lambda state, scalar, key: state.put(scalar.as_py(), key),
    }
)
