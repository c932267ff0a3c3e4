"""numpy arrays and scalars to rows, without a copy where the memory order allows it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from arcuate.errors import ConversionError
from arcuate.values import codes
from arcuate.values.encode import TABLE, Encoder, put_function
from arcuate.values.nodes import Buffer
from arcuate.values.plain import put_text
from arcuate.values.strided import Layout
from arcuate.values.texts import join
from arcuate.values.times import zone_name
from arcuate.values.types import Day

__all__ = ["DTYPES", "append_array", "data_of", "put_array", "put_times"]

_MASK = (1 << 64) - 1
_MIN_INT64 = np.iinfo(np.int64).min

DTYPES: dict[str, int] = {"|b1": codes.D_BOOL}
for _name, _code in zip(codes.DTYPE_NAMES[2:15], range(2, 15), strict=True):
    DTYPES[np.dtype(_name).newbyteorder("<").str] = _code
"""dtype code of numpy's ``dtype.str``."""

_ALLOWED = "allowed are bool, i1 to i8, u1 to u8, f2, f4, f8, c8, c16, text, datetime64 and timedelta64"


def put_array(state: Encoder, value: Any, key: str) -> None:
    """An ndarray of any shape, dtype and memory order."""
    dtype = value.dtype
    code = DTYPES.get(dtype.str)
    if code is not None:
        append_array(state, value, key, code)
        return
    kind = dtype.kind
    if kind in "Mm":
        put_times(state, value, key)
    elif kind in "UTO":
        _put_objects(state, value, key)
    elif dtype.byteorder == ">":
        put_array(state, value.astype(dtype.newbyteorder("<")), key)
    else:
        _refuse_dtype(dtype)


def append_array(
    state: Encoder,
    value: Any,
    key: str,
    code: int,
    *,
    mask: Any = None,
    flags: int = 0,
    unit: int = 0,
    zone: str = "",
) -> None:
    """The row and buffers of an array of a fixed-size dtype.

    Args:
        state: where to.
        value: the array; under a mask its elements must be zero.
        key: the key of the row.
        code: its dtype code.
        mask: a bool array of the same shape, or ``None``.
        flags: further flags of the row.
        unit: the unit code.
        zone: the zone.
    """
    ndim = value.ndim
    if ndim > codes.MAX_NDIM:
        raise ConversionError(f"the array has {ndim} dimensions, {codes.MAX_NDIM} are allowed; reshape it")
    order = _order(value, state.options.order) if ndim > 1 else "C"
    if order == "F":
        flags |= codes.ARRAY_FORTRAN
    if mask is not None:
        flags |= codes.ARRAY_MASK
    state.rows.append((10, code, flags, unit, ndim, 0, key, zone))
    state.pool += value.shape
    state.buffers.append(data_of(value, order))
    if mask is not None:
        state.buffers.append(data_of(mask, order))


def _order(value: Any, wanted: str) -> str:
    if wanted != "any":
        return wanted
    return "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"


def data_of(value: Any, order: str) -> Buffer:
    """The memory of an array in an order: a view where it lies so already."""
    flags = value.flags
    if not value.size:
        return b""
    if order == "F":
        value, flags = value.T, value.T.flags
    if not flags.c_contiguous:
        return Layout(value, "C")
    view: memoryview = value.reshape(-1).view(np.uint8).data
    return view


def put_times(
    state: Encoder, value: Any, key: str, *, flags: int = 0, zone: str = "", days: bool = True
) -> None:
    """A datetime64 or timedelta64 array; ``NaT`` becomes missing.

    Args:
        state: where to.
        value: the array.
        key: the key of the row.
        flags: further flags of the row.
        zone: the zone.
        days: datetimes that count days are dates.
    """
    name, multiple = np.datetime_data(value.dtype)
    kind = value.dtype.kind
    if name == "generic":
        raise ConversionError(f"a {kind}8 array has no unit; give it one: value.astype('{kind}8[ns]')")
    if multiple != 1 or value.dtype.byteorder == ">":
        value = value.astype(f"<{kind}8[{name}]")
    counts = value.view(np.int64)
    mask = counts == _MIN_INT64
    if not mask.any():
        mask = None
    else:
        counts = np.where(mask, 0, counts)
    unit = codes.UNIT_CODES[name]
    if kind == "m":
        append_array(state, counts, key, codes.D_DURATION, mask=mask, flags=flags, unit=unit)
    elif (
        days and name == "D" and (not counts.size or (counts.min() >= -(1 << 31) and counts.max() < 1 << 31))
    ):
        append_array(state, counts.astype(np.int32), key, codes.D_DATE, mask=mask, flags=flags)
    else:
        append_array(state, counts, key, codes.D_DATETIME, mask=mask, flags=flags, unit=unit, zone=zone)


def put_texts(
    state: Encoder, texts: list[str], shape: tuple[int, ...], key: str, mask: Any = None, flags: int = 0
) -> None:
    """A text array; the texts stand in row-major order, empty under the mask (bytes-like, or ``None``)."""
    if len(shape) > codes.MAX_NDIM:
        raise ConversionError(
            f"the array has {len(shape)} dimensions, {codes.MAX_NDIM} are allowed; reshape it"
        )
    try:
        blob = join(texts)
    except ConversionError as error:
        if len(shape) != 1:
            number = int(error.path[2:-1])
            index = ", ".join(str(int(i)) for i in np.unravel_index(number, shape)) if shape else ""
            raise ConversionError(error.message, path=f"[{index}]") from None
        raise
    if mask is not None:
        flags |= codes.ARRAY_MASK
    state.rows.append((10, codes.D_TEXT, flags, 0, len(shape), 0, key, ""))
    state.pool += shape
    state.buffers.append(blob)
    if mask is not None:
        state.buffers.append(bytes(mask))


def _put_objects(state: Encoder, value: Any, key: str) -> None:
    """Text in any of numpy's three forms, or objects that are all texts or all dates."""
    order = state.options.order
    fortran = value.ndim > 1 and order == "F"
    items = value.reshape(-1, order="F").tolist() if fortran else value.reshape(-1).tolist()
    kind = value.dtype.kind
    flags = codes.ARRAY_FORTRAN if fortran else 0
    shape = value.shape
    if kind == "U":
        _put_items(state, items, None, shape, key, flags)
        return
    if not items and value.dtype.metadata and _put_boxed(state, value, key):
        return  # what they would be if there were any
    texts, mask, missing, wrong = text_items(items)
    if wrong is None:
        _put_items(
            state, texts, mask, shape, key, flags | (0 if kind == "T" else codes.ARRAY_BOXED | missing)
        )
        return
    if kind == "O" and put_dates(state, items, shape, key, flags):
        return
    if kind == "O" and _put_instants(state, value, items, key):
        return
    if kind == "O" and _put_boxed(state, value, key):
        return
    number, _ = wrong
    index = np.unravel_index(number, shape, order="F" if fortran else "C") if shape else ()
    found = sorted({type(each).__name__ for each in items})
    raise ConversionError(
        f"an array of objects holds {', '.join(found)}; only texts, only dates or only times of one unit "
        f"(and missing ones) are allowed, so that every language gets one type. Convert it with "
        f"value.astype(float) or the like, or send value.tolist()",
        path=f"[{', '.join(str(int(i)) for i in index)}]" if index else "",
    )


def _put_boxed(state: Encoder, value: Any, key: str) -> bool:
    from arcuate.values.boxed import put_boxed  # which needs what stands here

    return put_boxed(state, value, key)


def _put_items(
    state: Encoder, texts: list[str], mask: Any, shape: tuple[int, ...], key: str, flags: int
) -> None:
    if flags & codes.ARRAY_FORTRAN:
        try:
            put_texts(state, texts, shape, key, mask, flags)
        except ConversionError as error:
            index = np.unravel_index(int(np.ravel_multi_index(_numbers(error), shape)), shape, order="F")
            raise ConversionError(error.message, path=f"[{', '.join(str(int(i)) for i in index)}]") from None
    else:
        put_texts(state, texts, shape, key, mask, flags)


def _numbers(error: ConversionError) -> tuple[int, ...]:
    return tuple(int(i) for i in error.path[2:-1].split(","))


def text_items(items: list[Any]) -> tuple[list[str], bytes | None, int, tuple[int, Any] | None]:
    """Splits objects into texts and a mask.

    Returns:
        the texts (empty where missing), the mask or ``None``, hint flags that tell what stood for missing,
        and the first object that does not fit
        (position and object), or ``None``.
    """
    try:
        "".join(items)  # the fastest way to see that all of them are texts
    except TypeError:
        pass
    else:
        return items, None, 0, None
    texts: list[str] = []
    mask = bytearray(len(items))
    marks: set[int] = set()
    for number, item in enumerate(items):
        if isinstance(item, str):
            texts.append(item if type(item) is str else str.__str__(item))
            continue
        mark = _missing_mark(item)
        if mark is None:
            return texts, None, 0, (number, item)
        marks.add(mark)
        if len(marks) > 1:
            return texts, None, 0, (number, item)
        mask[number] = 1
        texts.append("")
    if len(marks) == 1 and all(mask) and 0 in marks:
        return texts, None, 0, (0, None)  # nothing but None: no text at all
    if all(mask) and len(items):
        return texts, None, 0, (0, items[0])
    return texts, bytes(mask) if marks else None, marks.pop() if marks else 0, None


def _missing_mark(item: Any) -> int | None:
    """The hint for an object that stands for a missing text, or ``None`` for anything else."""
    if item is None:
        return 0
    if isinstance(item, float) and item != item:
        return codes.ARRAY_NUMPY
    pandas = sys.modules.get("pandas")
    return codes.ARRAY_PANDAS if pandas is not None and item is pandas.NA else None


def put_dates(state: Encoder, items: list[Any], shape: tuple[int, ...], key: str, flags: int) -> bool:
    """Objects that are all dates or ``None`` as a date array; tells whether they are."""
    import datetime as dt

    kinds = set(map(type, items)) - {type(None)}
    if not kinds or not kinds <= {dt.date, Day}:
        return False
    if Day in kinds:
        items = [np.datetime64(item.count, "D") if type(item) is Day else item for item in items]
    days = np.array(items, dtype="M8[D]").view(np.int64)
    mask = days == _MIN_INT64
    gone = bool(mask.any())
    days = np.where(mask, 0, days)
    if days.min() < -(1 << 31) or days.max() >= 1 << 31:
        return False
    days = days.astype(np.int32)
    flags |= codes.ARRAY_BOXED | (codes.ARRAY_MASK if gone else 0)
    state.rows.append((10, codes.D_DATE, flags, 0, len(shape), 0, key, ""))
    state.pool += shape
    state.buffers.append(days.tobytes())
    if gone:
        state.buffers.append(mask.tobytes())
    return True


def _put_instants(state: Encoder, value: Any, items: list[Any], key: str) -> bool:
    """Timestamps of one zone and unit (or ``NaT``), which have no array class of more than one dimension."""
    pandas = sys.modules.get("pandas")
    stamps = [] if pandas is None else [item for item in items if item is not pandas.NaT]
    if pandas is None or set(map(type, stamps)) != {pandas.Timestamp}:
        return False
    zones, units = {item.tz for item in stamps}, {item.unit for item in stamps}
    if len(zones) != 1 or None in zones or len(units) != 1:
        return False
    moments = [np.datetime64("NaT") if item is pandas.NaT else item.asm8 for item in value.reshape(-1)]
    array = np.array(moments, dtype=f"M8[{units.pop()}]").reshape(value.shape)
    put_times(state, array, key, zone=zone_name(zones.pop()))
    return True


def _put_any(state: Encoder, value: Any, key: str) -> None:
    """An ndarray; subclasses that are not known are refused, because what they add would be lost."""
    if type(value) is not np.ndarray:
        raise ConversionError(
            f"a {type(value).__module__}.{type(value).__qualname__} carries more than numpy arrays, which "
            f"would be lost; send numpy.asarray(value), or name a conversion for its type in 'hook'"
        )
    put_array(state, value, key)


def _put_view(state: Encoder, value: Any, key: str) -> None:
    put_array(state, np.asarray(value), key)


def put_masked(state: Encoder, value: Any, key: str) -> None:
    """A masked array of numpy.ma."""
    if value.dtype.names is not None or value.dtype.kind not in "biufcMm":
        if value.dtype.kind in "UO":
            mask = np.ma.getmaskarray(value)
            filled = np.where(mask, None, value.data.astype(object))
            put_array(state, filled, key)
            return
        _refuse_dtype(value.dtype)
    mask = np.ma.getmaskarray(value)
    data = np.where(mask, np.zeros((), value.dtype), value.data)
    if value.dtype.kind in "Mm":
        data[mask] = np.array("NaT", value.dtype)
        put_times(state, data, key)
        return
    if data.dtype.byteorder == ">":
        data = data.astype(data.dtype.newbyteorder("<"))
    code = DTYPES.get(data.dtype.str)
    if code is None:
        _refuse_dtype(data.dtype)
    else:
        append_array(state, data, key, code, mask=mask, flags=codes.ARRAY_NUMPY)


def _put_masked_constant(state: Encoder, value: Any, key: str) -> None:
    state.rows.append((7, 0, 0, 0, 0, 0, key, ""))


def _refuse_dtype(dtype: Any) -> None:
    name = "a structured dtype" if dtype.names is not None else f"the dtype {dtype}"
    if dtype.char in "gG":
        remedy = "it has more digits than other languages; send value.astype('f8' or 'c16')"
    elif dtype.names is not None:
        remedy = "send pandas.DataFrame(value), or a dict of its fields"
    elif dtype.kind == "S":
        remedy = "send value.astype(str) for text, or value.tobytes() for bytes"
    elif dtype.kind == "V":
        remedy = "send value.tobytes(), or convert it to numbers"
    else:
        remedy = "convert it with value.astype(...)"
    raise ConversionError(f"an array of {name} cannot travel; {_ALLOWED}: {remedy}")


def _put_bool(state: Encoder, value: Any, key: str) -> None:
    state.rows.append((1, codes.D_BOOL, 0, 0, 0, int(value), key, ""))


def _put_int(state: Encoder, value: Any, key: str) -> None:
    state.rows.append((2, DTYPES[value.dtype.str], 0, 0, 0, int(value) & _MASK, key, ""))


def _put_float(state: Encoder, value: Any, key: str) -> None:
    bits = int(np.float64(value).view(np.uint64))
    state.rows.append((3, DTYPES[value.dtype.str], 0, 0, 0, bits, key, ""))


def _put_complex(state: Encoder, value: Any, key: str) -> None:
    state.rows.append((4, DTYPES[value.dtype.str], 0, 0, 0, 0, key, ""))
    state.pool += (int(np.float64(value.real).view(np.uint64)), int(np.float64(value.imag).view(np.uint64)))


def _put_time(state: Encoder, value: Any, key: str) -> None:
    moment = value.dtype.kind == "M"
    if np.isnat(value):
        dtype = codes.D_DATETIME if moment else codes.D_DURATION
        state.rows.append((7, dtype, codes.SCALAR_NUMPY, 0, 0, 0, key, ""))
        return
    name, multiple = np.datetime_data(value.dtype)
    if name == "generic":
        raise ConversionError("the timedelta64 has no unit; give it one: numpy.timedelta64(value, 'ns')")
    count = int(value.view(np.int64)) * multiple
    if not -(1 << 63) <= count < 1 << 63:
        raise ConversionError(f"{value!r} does not fit 64 bits in the unit {name!r}; choose a coarser unit")
    kind = codes.DATETIME if moment else codes.DURATION
    state.rows.append((kind, 0, codes.SCALAR_NUMPY, codes.UNIT_CODES[name], 0, count & _MASK, key, ""))


def _refuse_scalar(state: Encoder, value: Any, key: str) -> None:
    _refuse_dtype(value.dtype)


def _register() -> None:
    TABLE.update(
        {
            np.ndarray: _put_any,
            np.recarray: _put_view,
            np.memmap: _put_view,
            np.matrix: _put_view,
            np.ma.MaskedArray: put_masked,
            type(np.ma.masked): _put_masked_constant,
            np.bool_: _put_bool,
            np.str_: put_text,
            np.longdouble: _refuse_scalar,
            np.clongdouble: _refuse_scalar,
            np.void: _refuse_scalar,
            np.datetime64: _put_time,
            np.timedelta64: _put_time,
            np.ufunc: put_function,
        }
    )
    for letter in "bBhHiIlLqQ":
        TABLE[np.dtype(letter).type] = _put_int
    for letter in "efd":
        TABLE[np.dtype(letter).type] = _put_float
    for letter in "FD":
        TABLE[np.dtype(letter).type] = _put_complex


_register()
