"""Rows to Python objects.

One function per kind, found by the kind's number. Arrays become numpy views on the received memory; numpy,
pandas, xarray and scipy are imported when the first
value that needs them arrives, and plain classes of :mod:`arcuate.values.types` take their place in an
interpreter that has none.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import prod
from typing import Any

from arcuate.errors import ConversionError, ProtocolError, Unsupported
from arcuate.values import codes, times
from arcuate.values.nodes import Cursor, Nodes, Row, step, word_floats
from arcuate.values.options import DecodeOptions
from arcuate.values.texts import split
from arcuate.values.types import (
    NA,
    Array,
    Cell,
    Duration,
    Instant,
    List,
    Map,
    Missing,
    StructArray,
    TypedComplex,
    TypedFloat,
    TypedInt,
)

__all__ = ["Decoder", "decode", "decode_next"]

_DEFAULT = DecodeOptions()
_U64 = struct.Struct("<Q")
_F64 = struct.Struct("<d")
_pack = _U64.pack
_unpack = _F64.unpack
_MANY = 6
_FLOATS = {codes.FLOAT}
_INTS = range(codes.D_I1, codes.D_U8 + 1)
_REALS = range(codes.D_F2, codes.D_F8 + 1)
_NAT = -(1 << 63)
_PANDAS_UNITS = ("s", "ms", "us", "ns")
_COMPLEX = range(codes.D_C8, codes.D_C16 + 1)


class Decoder:
    """A walk over rows.

    Attributes:
        cursor: where we are.
        options: how to decode.
    """

    __slots__ = ("cursor", "options")

    def __init__(self, cursor: Cursor, options: DecodeOptions) -> None:
        self.cursor = cursor
        self.options = options

    def value(self) -> Any:
        """The next value."""
        row = self.cursor.next()
        return KINDS[row[0]](self, row)

    def named(self, name: str) -> Row:
        """The next row, which must have this key."""
        row = self.cursor.next()
        if row[6] != name:
            raise ProtocolError(f"malformed value: a child {name!r} was expected, {row[6]!r} came")
        return row

    def value_named(self, name: str) -> Any:
        """The next value, which must have this key; errors get it into their path."""
        row = self.named(name)
        try:
            return KINDS[row[0]](self, row)
        except ConversionError as error:
            error.prepend(f".{name}")
            raise

    def array_named(self, name: str) -> Any:
        """The next array, categorical or list under this key, never simplified."""
        row = self.named(name)
        try:
            return self.array(row)
        except ConversionError as error:
            error.prepend(f".{name}")
            raise

    def array(self, row: Row) -> Any:
        """The array, categorical or list of a row, never simplified."""
        if row[0] == codes.ARRAY:
            return _array(self, row, plain=False)
        if row[0] in (codes.CATEGORICAL, codes.LIST):
            return KINDS[row[0]](self, row)
        raise ProtocolError(
            f"malformed value: an array was expected, {codes.KIND_NAMES[row[0]]} came"
            if row[0] < len(codes.KIND_NAMES)
            else f"malformed value: an array was expected, kind {row[0]} came"
        )

    def mapping_named(self, name: str, each: Callable[[Row], Any]) -> dict[str, Any]:
        """The next mapping under this key, each of its children read by ``each``."""
        row = self.named(name)
        if row[0] != codes.MAPPING:
            raise ProtocolError(f"malformed value: {name!r} must be a mapping")
        cursor = self.cursor
        cursor.enter(row[4])
        found: dict[str, Any] = {}
        for _ in range(row[4]):
            child = cursor.next()
            if child[6] in found:
                raise ProtocolError(f"malformed value: the key {child[6]!r} stands twice in {name!r}")
            try:
                found[child[6]] = each(child)
            except ConversionError as error:
                error.prepend(step(child[6])).prepend(f".{name}")
                raise
        cursor.leave()
        return found

    def texts_named(self, name: str) -> tuple[Any, ...]:
        """The next list of texts (or nulls) under this key."""
        value = self.value_named(name)
        if value is None or isinstance(value, str):
            return (value,)
        found = value.tolist() if hasattr(value, "tolist") else value
        items = tuple(found) if isinstance(found, list | tuple) else (0,)
        if not all(item is None or isinstance(item, str) for item in items):
            raise ProtocolError(f"malformed value: {name!r} must be a list of text")
        return items

    def enter(self, row: Row, count: int) -> None:
        """Goes into a node that must have exactly ``count`` children."""
        if row[4] != count:
            raise ProtocolError(
                f"malformed value: a {codes.KIND_NAMES[row[0]]} has {count} children, {row[4]} are announced"
            )
        self.cursor.enter(count)


def decode(nodes: Nodes, options: DecodeOptions = _DEFAULT) -> Any:
    """The Python value of rows.

    Args:
        nodes: the rows.
        options: how to decode.

    Raises:
        ProtocolError: they are malformed.
        ConversionError: Python has no form for the value; the path starts at it.
        Unsupported: a kind is unknown.
    """
    rows = nodes.rows
    if len(rows) == 1 and not nodes.buffers and not nodes.pool:
        row = rows[0]
        if row[0] == 3 and not row[1]:
            return _unpack(_pack(row[5]))[0]
    cursor = Cursor(nodes)
    row = cursor.next()
    value = KINDS[row[0]](Decoder(cursor, options), row)
    cursor.finish()
    return value


def decode_next(cursor: Cursor, options: DecodeOptions = _DEFAULT) -> tuple[str, Any]:
    """The key and value of the next node, with its descendants."""
    row = cursor.next()
    if row[0] == 3 and not row[1]:
        return row[6], _unpack(_pack(row[5]))[0]
    return row[6], KINDS[row[0]](Decoder(cursor, options), row)


def _null(state: Decoder, row: Row) -> None:
    return None


def _bool(state: Decoder, row: Row) -> Any:
    if row[1]:
        numpy = _numpy()
        return bool(row[5]) if numpy is None else numpy.bool(row[5])
    return row[5] != 0


def _int(state: Decoder, row: Row) -> Any:
    value = row[5]
    if not row[1]:
        return value - (1 << 64) if value >> 63 and not row[2] & 1 else value
    if row[1] != codes.D_U8 and value >> 63:
        value -= 1 << 64
    return _typed(_INTS, row[1], value, TypedInt)


def _float(state: Decoder, row: Row) -> Any:
    value = _unpack(_pack(row[5]))[0]
    return _typed(_REALS, row[1], value, TypedFloat) if row[1] else value


def _complex(state: Decoder, row: Row) -> Any:
    real, imag = state.cursor.numbers(2)
    value = complex(_unpack(_pack(real))[0], _unpack(_pack(imag))[0])
    return _typed(_COMPLEX, row[1], value, TypedComplex) if row[1] else value


def _typed(allowed: range, dtype: int, value: Any, fallback: Any) -> Any:
    if dtype not in allowed:
        raise ProtocolError(f"malformed value: a number of dtype {dtype}")
    numpy = _numpy()
    name = codes.DTYPE_NAMES[dtype]
    if numpy is None:
        return fallback(value, name)
    try:
        with numpy.errstate(over="raise"):
            return numpy.dtype(name).type(value)
    except (OverflowError, FloatingPointError):
        raise ProtocolError(f"malformed value: {value} is no {name}") from None


def _text(state: Decoder, row: Row) -> str:
    return row[7]


def _bytes(state: Decoder, row: Row) -> bytes:
    return state.cursor.buffer().tobytes()


def _missing(state: Decoder, row: Row) -> Any:
    dtype, flags = row[1], row[2]
    if dtype in (codes.D_DATETIME, codes.D_DURATION):
        if flags & codes.SCALAR_NUMPY:
            numpy = _numpy()
            if numpy is not None:
                return (numpy.datetime64 if dtype == codes.D_DATETIME else numpy.timedelta64)("NaT")
        elif flags & codes.SCALAR_PANDAS:
            pandas = _pandas()
            if pandas is not None:
                return pandas.NaT
    if dtype >= len(codes.DTYPE_NAMES):
        raise ProtocolError(f"malformed value: unknown dtype {dtype}")
    return untyped_missing() if not dtype else Missing(codes.DTYPE_NAMES[dtype])


def untyped_missing() -> Any:
    """Pandas' ``NA``, or our own where pandas is not installed."""
    pandas = _pandas()
    return NA if pandas is None else pandas.NA


def _list(state: Decoder, row: Row) -> Any:
    flags = row[2]
    shape: tuple[int, ...] = ()
    cursor = state.cursor
    if flags & codes.LIST_SHAPED:
        ndim = cursor.numbers(1)[0]
        if ndim > codes.MAX_NDIM:
            raise ProtocolError(f"malformed value: a list of {ndim} dimensions, {codes.MAX_NDIM} are allowed")
        shape = tuple(cursor.numbers(ndim))
        if prod(shape) != row[4]:
            raise ProtocolError(f"malformed value: {row[4]} elements do not fill a list of shape {shape}")
    cursor.enter(row[4])
    items: list[Any] = []
    append = items.append
    take = cursor.next
    kinds = KINDS
    try:
        for _ in range(row[4]):
            child = take()
            append(kinds[child[0]](state, child))
    except ConversionError as error:
        error.prepend(f"[{len(items)}]")
        raise
    cursor.leave()
    if not flags:
        return items
    if flags & codes.LIST_SHAPED:
        if flags & codes.LIST_STRUCTS:
            try:
                return StructArray(items, shape, row[7].split("\0")[:-1])
            except (TypeError, ValueError) as error:
                raise ProtocolError(f"malformed value: a struct array: {error}") from None
        return Cell(items, shape)
    if flags & codes.LIST_TUPLE:
        return tuple(items)
    return List(items) if flags & codes.LIST_FORCED else items


def _mapping(state: Decoder, row: Row) -> Any:
    count = row[4]
    cursor = state.cursor
    cursor.enter(count)
    found: dict[str, Any] = Map() if row[2] & codes.MAPPING_MAP else {}
    if _MANY <= count <= 4096:
        kinds_, dtypes, _, _, _, values, keys, _ = zip(*cursor.ahead(count), strict=True)
        if not any(dtypes) and set(kinds_) == _FLOATS:
            cursor.advance(count)
            found.update(zip(keys, word_floats(values), strict=True))
            return _closed(cursor, found, count)
    take = cursor.next
    kinds = KINDS
    key = ""
    try:
        for _ in range(count):
            child = take()
            key = child[6]
            if child[0] == 3 and not child[1]:
                found[key] = _unpack(_pack(child[5]))[0]
            else:
                found[key] = kinds[child[0]](state, child)
    except ConversionError as error:
        error.prepend(step(key))
        raise
    return _closed(cursor, found, count)


def _closed(cursor: Cursor, found: dict[str, Any], count: int) -> dict[str, Any]:
    if len(found) != count:
        raise ProtocolError("malformed value: a key stands twice in a mapping")
    cursor.leave()
    return found


def _array_value(state: Decoder, row: Row) -> Any:
    return _array(state, row, plain=True)


_LETTERS = {codes.D_F8: "d", codes.D_I8: "q", codes.D_BOOL: "?"}


def parts(
    state: Decoder, row: Row
) -> tuple[int, int, int, str, tuple[int, ...], memoryview, memoryview | None]:
    """Takes the parts of an array row, sizes checked: dtype, flags, unit, zone, shape, data, mask."""
    _, dtype, flags, unit, ndim, _, _, zone = row
    if ndim > codes.MAX_NDIM:
        raise ProtocolError(f"malformed value: an array of {ndim} dimensions, {codes.MAX_NDIM} are allowed")
    if not dtype or dtype >= len(codes.ITEMSIZE) or unit >= len(codes.UNIT_NAMES):
        raise ProtocolError(f"malformed value: an array of dtype {dtype} and unit {unit}")
    cursor = state.cursor
    shape = tuple(cursor.numbers(ndim))
    size = prod(shape)
    data = cursor.buffer()
    mask = cursor.buffer() if flags & codes.ARRAY_MASK else None
    if dtype != codes.D_TEXT and len(data) != size * codes.ITEMSIZE[dtype]:
        raise ProtocolError(
            f"malformed value: {len(data)} bytes are no {codes.DTYPE_NAMES[dtype]} array of shape {shape}"
        )
    if mask is not None and len(mask) != size:
        raise ProtocolError(f"malformed value: a mask of {len(mask)} bytes for {size} elements")
    if state.options.array is not None and dtype != codes.D_TEXT and not flags & codes.ARRAY_SEQUENCE:
        data = state.options.array(data)
    return dtype, flags, unit, zone, shape, data, mask


def _array(state: Decoder, row: Row, *, plain: bool) -> Any:
    """An array; ``plain``: it may become a list or a scalar."""
    dtype, flags, unit, zone, shape, data, mask = parts(state, row)
    size, ndim = prod(shape), len(shape)
    if plain:
        if flags & codes.ARRAY_SEQUENCE and ndim == 1:
            return _sequence(dtype, flags, size, data, mask)
        if size == 1 and state.options.simplify:
            return _single(dtype, flags, unit, zone, data, mask)
    numpy = _numpy()
    if numpy is None:
        order = "F" if flags & codes.ARRAY_FORTRAN and ndim > 1 else "C"
        hint = flags & ~(codes.ARRAY_MASK | codes.ARRAY_FORTRAN)
        return Array(codes.DTYPE_NAMES[dtype], shape, data, order, mask, codes.UNIT_NAMES[unit], zone, hint)
    from arcuate.values.numpy_decode import build

    try:
        return build(dtype, flags, unit, zone, shape, data, mask)
    except (ValueError, OverflowError, MemoryError) as error:
        raise ProtocolError(f"malformed value: an array of shape {shape}: {error}") from error


def _sequence(dtype: int, flags: int, size: int, data: memoryview, mask: memoryview | None) -> Any:
    items: list[Any]
    if dtype == codes.D_TEXT:
        items = split(data, size)
    elif dtype in _LETTERS:
        items = data.cast(_LETTERS[dtype]).tolist()  # type: ignore[call-overload]
    elif dtype == codes.D_C16:
        numbers = data.cast("d").tolist()
        items = list(map(complex, numbers[::2], numbers[1::2]))
    else:
        raise ProtocolError(f"malformed value: a plain list of dtype {codes.DTYPE_NAMES[dtype]}")
    if mask is not None:
        gone = untyped_missing()
        items = [gone if hidden else item for item, hidden in zip(items, mask, strict=True)]
    return tuple(items) if flags & codes.ARRAY_TUPLE else items


def _single(dtype: int, flags: int, unit: int, zone: str, data: memoryview, mask: memoryview | None) -> Any:
    """The scalar of an array of one element."""
    if mask is not None and mask[0]:
        return untyped_missing()
    if dtype == codes.D_F8:  # the usual result of a call
        return _unpack(data)[0]
    if dtype == codes.D_DATETIME:
        return _instant(int.from_bytes(data, "little", signed=True), unit, zone, 0)
    if dtype == codes.D_DURATION:
        return _span(int.from_bytes(data, "little", signed=True), unit, 0)
    item = Array(codes.DTYPE_NAMES[dtype], (), data).flat()[0]
    return times.to_date(item) if dtype == codes.D_DATE else item


def _datetime(state: Decoder, row: Row) -> Any:
    value = row[5]
    return _instant(value - (1 << 64) if value >> 63 else value, row[3], row[7], row[2])


def _instant(count: int, unit: int, zone: str, flags: int) -> Any:
    _check_unit(unit)
    if not flags & 3:
        value = times.to_datetime(count, unit, zone)
        if not isinstance(value, Instant):
            return value
    numpy = _numpy()
    if count == _NAT:  # to numpy and pandas that count means NaT
        return Instant(count, codes.UNIT_NAMES[unit], zone, flags)
    if numpy is not None and not zone and not flags & codes.SCALAR_PANDAS:
        return numpy.datetime64(count, codes.UNIT_NAMES[unit])
    if _pandas() is not None and codes.UNIT_NAMES[unit] in _PANDAS_UNITS:
        from arcuate.values.pandas_decode import timestamp

        with suppress(ValueError, OverflowError):
            return timestamp(count, codes.UNIT_NAMES[unit], zone)
    return Instant(count, codes.UNIT_NAMES[unit], zone, flags)


def _date(state: Decoder, row: Row) -> Any:
    value = row[5]
    return times.to_date(value - (1 << 64) if value >> 63 else value)


def _duration(state: Decoder, row: Row) -> Any:
    value = row[5]
    return _span(value - (1 << 64) if value >> 63 else value, row[3], row[2])


def _span(count: int, unit: int, flags: int) -> Any:
    _check_unit(unit)
    if not flags & 3:
        value = times.to_timedelta(count, unit)
        if not isinstance(value, Duration):
            return value
    numpy = _numpy()
    if count == _NAT:
        return Duration(count, codes.UNIT_NAMES[unit], flags)
    if numpy is not None and not flags & codes.SCALAR_PANDAS:
        return numpy.timedelta64(count, codes.UNIT_NAMES[unit])
    if _pandas() is not None and codes.UNIT_NAMES[unit] in _PANDAS_UNITS:
        from arcuate.values.pandas_decode import timedelta

        with suppress(ValueError, OverflowError):
            return timedelta(count, codes.UNIT_NAMES[unit])
    return Duration(count, codes.UNIT_NAMES[unit], flags)


def _check_unit(unit: int) -> None:
    if not 0 < unit < len(codes.UNIT_NAMES):
        raise ProtocolError(f"malformed value: a time of unit {unit}")


def _labelled(state: Decoder, row: Row) -> Any:
    from arcuate.values.labelled import read_labelled

    return read_labelled(state, row)


def _dataset(state: Decoder, row: Row) -> Any:
    from arcuate.values.labelled import read_dataset

    return read_dataset(state, row)


def _table(state: Decoder, row: Row) -> Any:
    from arcuate.values.tabular import read_table

    return read_table(state, row)


def _categorical(state: Decoder, row: Row) -> Any:
    from arcuate.values.tabular import read_categorical

    return read_categorical(state, row)


def _sparse(state: Decoder, row: Row) -> Any:
    from arcuate.values.sparse import read_sparse

    return read_sparse(state, row)


def _function(state: Decoder, row: Row) -> Any:
    info = _info(state, row)
    if state.options.function is None:
        raise ConversionError("a function of the other side cannot be used here, outside a call")
    return state.options.function(row[7], info)


def _handle(state: Decoder, row: Row) -> Any:
    info = _info(state, row)
    if state.options.handle is None:
        raise ConversionError(
            "an object that lives in another environment cannot be used here, outside its session"
        )
    return state.options.handle(row[7], info)


def _info(state: Decoder, row: Row) -> Mapping[str, Any]:
    if not row[4]:
        return {}
    state.enter(row, 1)
    info = state.value_named("info")
    state.cursor.leave()
    if not isinstance(info, dict):
        raise ProtocolError("malformed value: info must be a mapping")
    return info


class _Kinds(dict[int, Callable[[Decoder, Row], Any]]):
    def __missing__(self, kind: int) -> Any:
        raise Unsupported(
            f"a value of kind {kind} cannot be read by this version of Arcuate, which knows 0 to "
            f"{len(codes.KIND_NAMES) - 1}; "
            f"install the version of the other side"
        )


_READERS = (
    _null, _bool, _int, _float, _complex, _text, _bytes, _missing, _list, _mapping, _array_value, _labelled,
    _dataset, _table, _categorical, _datetime, _date, _duration, _sparse, _function, _handle,
)  # fmt: skip
KINDS = _Kinds(enumerate(_READERS))

_modules: dict[str, Any] = {}


def library(name: str) -> Any:
    """A library, or ``None`` where it is not installed."""
    try:
        return _modules[name]
    except KeyError:
        import importlib

        try:
            found = importlib.import_module(name)
        except ImportError:
            found = None
        _modules[name] = found
        return found


def _numpy() -> Any:
    return library("numpy")


def _pandas() -> Any:
    return library("pandas")
