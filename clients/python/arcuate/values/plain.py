"""Python's own types to rows: scalars, text, bytes, lists, mappings, dates; no library needed.

This is the hot path of every call, hence flat code, one row per scalar and no helper calls.
"""

from __future__ import annotations

import array
import datetime as dt
import functools
import struct
import types as pytypes
from itertools import chain, repeat
from typing import Any

from arcuate.errors import ConversionError
from arcuate.values import codes, times
from arcuate.values import encode as enc
from arcuate.values.encode import TABLE, Encoder, put_function
from arcuate.values.nodes import float_words, step
from arcuate.values.texts import check_text, join
from arcuate.values.types import List, Map

__all__: list[str] = []

_U64 = struct.Struct("<Q")
_F64 = struct.Struct("<d")
_unpack = _U64.unpack
_pack = _F64.pack
_MASK = (1 << 64) - 1
_MIN, _MAX, _UMAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
_SAFE = 1 << 53


def put_null(state: Encoder, value: None, key: str) -> None:
    """``None``."""
    state.rows.append((0, 0, 0, 0, 0, 0, key, ""))


def put_bool(state: Encoder, value: bool, key: str) -> None:
    """A bool."""
    state.rows.append((1, 0, 0, 0, 0, 1 if value else 0, key, ""))


def put_int(state: Encoder, value: int, key: str) -> None:
    """An int of any class between -2^63 and 2^64 - 1."""
    if _MIN <= value <= _MAX:
        state.rows.append((2, 0, 0, 0, 0, value & _MASK, key, ""))
    elif 0 < value <= _UMAX:
        state.rows.append((2, 0, 1, 0, 0, int(value), key, ""))
    else:
        raise ConversionError(
            f"the integer has {value.bit_length()} bits, allowed are 64 (-2**63 to 2**64 - 1); send "
            f"float(value), or "
            f"str(value) to keep every digit"
        )


def put_float(state: Encoder, value: float, key: str) -> None:
    """A float."""
    state.rows.append((3, 0, 0, 0, 0, _unpack(_pack(value))[0], key, ""))


def put_complex(state: Encoder, value: complex, key: str) -> None:
    """A complex number."""
    state.rows.append((4, 0, 0, 0, 0, 0, key, ""))
    state.pool += (_unpack(_pack(value.real))[0], _unpack(_pack(value.imag))[0])


def put_text(state: Encoder, value: str, key: str) -> None:
    """A text."""
    if "\0" in value or not value.isascii():
        check_text(value)
    state.rows.append((5, 0, 0, 0, 0, 0, key, value if type(value) is str else str.__str__(value)))


def put_bytes(state: Encoder, value: bytes | bytearray, key: str) -> None:
    """Bytes; a bytearray is copied, since it may change before it is sent."""
    state.rows.append((6, 0, 0, 0, 0, 0, key, ""))
    state.buffers.append(value if type(value) is bytes else bytes(value))


def put_list(state: Encoder, value: list[Any], key: str) -> None:
    """A list: an array when all elements are plain scalars of one type, otherwise a list of nodes."""
    _put_items(state, value, key, 0)


def put_tuple(state: Encoder, value: tuple[Any, ...], key: str) -> None:
    """A tuple, like a list."""
    _put_items(state, value, key, codes.LIST_TUPLE)


def put_forced(state: Encoder, value: List, key: str) -> None:
    """A :class:`List`, which is never made an array."""
    _put_nodes(state, value, key, codes.LIST_FORCED)


def _put_items(state: Encoder, value: Any, key: str, is_tuple: int) -> None:
    kinds = set(map(type, value))
    if len(kinds) == 1:
        packer = _PACKERS.get(kinds.pop())
        packed = None if packer is None else packer(value)
    elif kinds == _NUMBERS and state.options.vectors:
        packed = _pack_mixed(value)
    else:
        packed = None
    if packed is None:
        _put_nodes(state, value, key, is_tuple)
        return
    state.rows.append((10, packed[0], 12 if is_tuple else 4, 0, 1, 0, key, ""))
    state.pool.append(len(value))
    state.buffers.append(packed[1])


def _put_nodes(state: Encoder, value: Any, key: str, flags: int) -> None:
    state.enter(value)
    state.rows.append((8, 0, flags, 0, len(value), 0, key, ""))
    put_children(state, value)
    state.leave(value)


def put_children(state: Encoder, value: Any) -> None:
    """The elements of a list."""
    append = state.rows.append
    get = TABLE.get
    item: Any = None
    number = 0
    try:
        for item in value:
            kind = type(item)
            if kind is float:
                append((3, 0, 0, 0, 0, _unpack(_pack(item))[0], "", ""))
            else:
                (get(kind) or enc._resolve(kind))(state, item, "")
            number += 1
    except ConversionError as error:
        error.prepend(f"[{number}]")
        raise


def put_mapping(state: Encoder, value: Any, key: str) -> None:
    """A mapping with text keys."""
    _put_mapping(state, value, key, 0)


def put_map(state: Encoder, value: Map, key: str) -> None:
    """A :class:`Map`."""
    _put_mapping(state, value, key, codes.MAPPING_MAP)


def _put_mapping(state: Encoder, value: Any, key: str, flags: int) -> None:
    state.enter(value)
    append = state.rows.append
    get = TABLE.get
    count = len(value)
    append((9, 0, flags, 0, count, 0, key, ""))
    if _MANY <= count <= 4096 and set(map(type, value.values())) == _FLOATS:
        try:
            names = "".join(value)
        except TypeError:
            names = "\0"  # a key that is no text: found below
        if names.isascii() and "\0" not in names:
            bits = float_words(value.values())
            state.rows += zip(_THREES, _ZEROS, _ZEROS, _ZEROS, _ZEROS, bits, value, _EMPTY, strict=False)
            state.leave(value)
            return
    name: Any = ""
    try:
        for name, item in value.items():
            if type(name) is not str or not name.isascii() or "\0" in name:
                name = text_key(name)
            kind = type(item)
            if kind is float:
                append((3, 0, 0, 0, 0, _unpack(_pack(item))[0], name, ""))
            else:
                (get(kind) or enc._resolve(kind))(state, item, name)
    except ConversionError as error:
        error.prepend(step(name) if isinstance(name, str) else f"[{name!r}]")
        raise
    state.leave(value)


def text_key(name: Any) -> str:
    """A key as exact text, checked."""
    if not isinstance(name, str):
        raise ConversionError(
            f"the keys of a mapping must be text, found {name!r} ({type(name).__name__}); "
            f"send {{str(key): value for key, value in x.items()}}"
        )
    check_text(name)
    return str.__str__(name)


def put_datetime(state: Encoder, value: dt.datetime, key: str) -> None:
    """A datetime in microseconds."""
    count, zone = times.count_of(value)
    state.rows.append((15, 0, 0, 3, 0, count & _MASK, key, zone))


def put_date(state: Encoder, value: dt.date, key: str) -> None:
    """A date."""
    state.rows.append((16, 0, 0, 0, 0, times.days_of(value) & _MASK, key, ""))


def put_timedelta(state: Encoder, value: dt.timedelta, key: str) -> None:
    """A timedelta in microseconds, or in a coarser unit where those do not fit 64 bits."""
    count = times.microseconds(value)
    unit = 3
    while not _MIN <= count <= _MAX:
        count, rest = divmod(count, 1000)
        unit -= 1
        if rest:
            raise ConversionError(
                f"the timedelta {value!r} does not fit 64 bits in microseconds; round it to seconds"
            )
    state.rows.append((17, 0, 0, unit, 0, count & _MASK, key, ""))


def put_memoryview(state: Encoder, value: memoryview, key: str) -> None:
    """A memoryview of bytes as bytes, one of numbers as an array of its shape."""
    if value.format == "B" and value.ndim == 1:
        put_bytes(state, value, key)  # type: ignore[arg-type]
        return
    _put_numbers(state, value.format, value.shape or (), value.tobytes(), key)


def put_array(state: Encoder, value: array.array[Any], key: str) -> None:
    """An ``array.array``."""
    if value.typecode in "uw":
        raise ConversionError("an array.array of characters cannot travel; send value.tounicode()")
    _put_numbers(state, value.typecode, (len(value),), value.tobytes(), key)


def _put_numbers(state: Encoder, fmt: str, shape: tuple[int, ...], data: bytes, key: str) -> None:
    letter = fmt.removeprefix("@").removeprefix("=")
    if letter not in _LETTERS:
        raise ConversionError(
            f"memory of the format {fmt!r} cannot travel; allowed are the formats {', '.join(_LETTERS)}: "
            f"convert it with numpy, or send bytes(value)"
        )
    state.rows.append((10, _LETTERS[letter], 0, 0, len(shape), 0, key, ""))
    state.pool += shape
    state.buffers.append(data)


def _letters() -> dict[str, int]:
    by_size = {1: codes.D_I1, 2: codes.D_I2, 4: codes.D_I4, 8: codes.D_I8}
    found = {"?": codes.D_BOOL, "e": codes.D_F2, "f": codes.D_F4, "d": codes.D_F8}
    for letter in "bhilq":
        found[letter] = by_size[struct.calcsize(letter)]
        found[letter.upper()] = found[letter] + codes.D_U1 - codes.D_I1
    return found


def _pack_floats(value: Any) -> tuple[int, bytes]:
    return codes.D_F8, array.array("d", value).tobytes()


def _pack_ints(value: Any) -> tuple[int, bytes] | None:
    try:
        return codes.D_I8, array.array("q", value).tobytes()
    except OverflowError:
        return None


def _pack_bools(value: Any) -> tuple[int, bytes]:
    return codes.D_BOOL, bytes(value)


def _pack_complex(value: Any) -> tuple[int, bytes]:
    return codes.D_C16, array.array("d", chain.from_iterable((z.real, z.imag) for z in value)).tobytes()


def _pack_texts(value: Any) -> tuple[int, bytes]:
    return codes.D_TEXT, join(value)


def _pack_mixed(value: Any) -> tuple[int, bytes] | None:
    for item in value:
        if (
            type(item) is int
            and not -_SAFE <= item <= _SAFE
            and (item.bit_length() > 64 or int(float(item)) != item)
        ):
            return None
    return codes.D_F8, array.array("d", value).tobytes()


_LETTERS = _letters()
_MANY = 6
"""From so many values on a mapping of floats is built in one go."""
_FLOATS = {float}
_THREES, _ZEROS, _EMPTY = repeat(3), repeat(0), repeat("")
_NUMBERS = {int, float}
_PACKERS = {float: _pack_floats, int: _pack_ints, bool: _pack_bools, str: _pack_texts, complex: _pack_complex}

TABLE.update(
    {
        type(None): put_null,
        bool: put_bool,
        int: put_int,
        float: put_float,
        complex: put_complex,
        str: put_text,
        bytes: put_bytes,
        bytearray: put_bytes,
        memoryview: put_memoryview,
        array.array: put_array,
        list: put_list,
        tuple: put_tuple,
        List: put_forced,
        dict: put_mapping,
        Map: put_map,
        dt.datetime: put_datetime,
        dt.date: put_date,
        dt.timedelta: put_timedelta,
        pytypes.FunctionType: put_function,
        pytypes.BuiltinFunctionType: put_function,
        pytypes.MethodType: put_function,
        functools.partial: put_function,
    }
)
