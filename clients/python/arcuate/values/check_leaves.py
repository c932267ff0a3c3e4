"""Checks of the kinds that hold no other values: scalars, bytes, arrays and sparse matrices."""

from __future__ import annotations

import re
import struct

from arcuate.values import codes
from arcuate.values.check_data import first_gap, is_text, outside, zeros_and_ones
from arcuate.values.check_walk import Part, Walk
from arcuate.values.nodes import Row, signed, to_float

__all__ = [
    "array",
    "bool_",
    "bytes_",
    "complex_",
    "date",
    "datetime",
    "duration",
    "float_",
    "int_",
    "missing",
    "null",
    "sparse",
    "text",
    "unused",
]

_ZONE = re.compile(r"(?!/)(?!.*\.\.)[A-Za-z0-9_+\-/:.,<>()]{1,128}\Z")
_TIMES = frozenset((codes.D_DATETIME, codes.D_DURATION))
_SEQUENCES = frozenset((codes.D_BOOL, codes.D_I8, codes.D_F8, codes.D_C16, codes.D_TEXT))
_INT_RANGE = {
    **{codes.D_I1 + i: (-(1 << (8 << i) - 1), 1 << (8 << i) - 1) for i in range(4)},
    **{codes.D_U1 + i: (0, 1 << (8 << i)) for i in range(4)},
}
_NARROW = {codes.D_F2: struct.Struct("<e"), codes.D_F4: struct.Struct("<f"), codes.D_C8: struct.Struct("<f")}


def unused(walk: Walk, at: int, row: Row, used: str) -> None:
    """Refuses what a kind does not use; ``used`` names what it does: ``dtype unit count value text``."""
    for name, content in (
        ("dtype", row[1]),
        ("unit", row[3]),
        ("count", row[4]),
        ("value", row[5]),
        ("text", row[7]),
    ):
        if content and name not in used:
            raise walk.bad(at, f"{name} is {content!r}, which this kind does not use")


def null(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """Null has nothing."""
    unused(walk, at, row, "")
    return Part(at, row)


def bool_(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """0 or 1."""
    unused(walk, at, row, "dtype value")
    if row[5] > 1 or row[1] > codes.D_BOOL:
        raise walk.bad(
            at, f"value {row[5]}, dtype {row[1]}; 0 or 1 and dtype 0 or {codes.D_BOOL} are allowed"
        )
    return Part(at, row)


def int_(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """An integer within the range of its class."""
    _, dtype, flags, unit, count, value, _, text_ = row
    if unit or count or text_:
        unused(walk, at, row, "dtype value")
    if dtype:
        if dtype not in _INT_RANGE:
            raise walk.bad(at, f"dtype {dtype} is none of an integer")
        low, high = _INT_RANGE[dtype]
        number = value if dtype == codes.D_U8 else signed(value)
        if not low <= number < high or flags & codes.INT_UNSIGNED:
            raise walk.bad(at, f"{number} does not fit the dtype {codes.DTYPE_NAMES[dtype]}")
    return Part(at, row)


def float_(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """A binary64 that its class can hold."""
    _, dtype, _, unit, count, value, _, text_ = row
    if unit or count or text_:
        unused(walk, at, row, "dtype value")
    if dtype:
        if not codes.D_F2 <= dtype <= codes.D_F8:
            raise walk.bad(at, f"dtype {dtype} is none of a float")
        _narrow(walk, at, dtype, value)
    return Part(at, row)


def complex_(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """Two numbers of the pool."""
    unused(walk, at, row, "dtype")
    if row[1] not in (codes.D_NONE, codes.D_C8, codes.D_C16):
        raise walk.bad(at, f"dtype {row[1]} is none of a complex number")
    for bits in walk.numbers(at, 2):
        _narrow(walk, at, row[1], bits)
    return Part(at, row)


def _narrow(walk: Walk, at: int, dtype: int, bits: int) -> None:
    form = _NARROW.get(dtype)
    if form is None:
        return
    number = to_float(bits)
    try:
        (narrow,) = form.unpack(form.pack(number))
    except OverflowError:
        narrow = None
    if narrow != number == number:
        raise walk.bad(at, f"{number!r} does not fit the dtype {codes.DTYPE_NAMES[dtype]}")


def text(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """Text without NUL."""
    if row[1] or row[3] or row[4] or row[5]:
        unused(walk, at, row, "text")
    if "\0" in row[7]:
        raise walk.bad(at, "the text holds a NUL")
    return Part(at, row)


def bytes_(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """One buffer."""
    unused(walk, at, row, "")
    walk.skip(at)
    return Part(at, row)


def missing(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """A missing value of a known dtype; that of a time may state its unit."""
    unused(walk, at, row, "dtype unit" if row[1] in _TIMES else "dtype")
    if row[1] >= len(codes.DTYPE_NAMES) or row[3] >= len(codes.UNIT_NAMES):
        raise walk.bad(at, f"unknown dtype {row[1]} or unit {row[3]}")
    return Part(at, row)


def datetime(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """A count with its unit and zone."""
    unused(walk, at, row, "unit value text")
    _unit(walk, at, row[3])
    _zone(walk, at, row[7])
    return Part(at, row)


def date(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """A count of days, which is an i32 in arrays too."""
    unused(walk, at, row, "value")
    if not -(1 << 31) <= signed(row[5]) < 1 << 31:
        raise walk.bad(at, f"{signed(row[5])} days are beyond what a date holds")
    return Part(at, row)


def duration(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """A count with its unit."""
    unused(walk, at, row, "unit value")
    _unit(walk, at, row[3])
    return Part(at, row)


def _unit(walk: Walk, at: int, unit: int) -> None:
    if not 1 <= unit < len(codes.UNIT_NAMES):
        raise walk.bad(at, f"unit {unit}; 1 to {len(codes.UNIT_NAMES) - 1} are allowed")


def _zone(walk: Walk, at: int, zone: str) -> None:
    if zone and not _ZONE.match(zone):
        raise walk.bad(at, f"{zone[:80]!r} is no name of a time zone")


def array(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """Data and mask of exactly the size that the shape and dtype say."""
    _, dtype, flags, unit, ndim, value, _, zone = row
    if not codes.D_BOOL <= dtype < len(codes.DTYPE_NAMES):
        raise walk.bad(at, f"unknown dtype {dtype}")
    itemsize = codes.ITEMSIZE[dtype]
    shape, size = walk.shape(at, ndim, itemsize)
    if dtype in _TIMES:
        _unit(walk, at, unit)
        if dtype == codes.D_DATETIME:
            _zone(walk, at, zone)
            zone = ""
    if value or zone or (unit and dtype not in _TIMES):
        raise walk.bad(at, f"value {value}, unit {unit} or text {zone[:80]!r}, which this dtype does not use")
    if flags & codes.ARRAY_SEQUENCE:
        if ndim != 1 or dtype not in _SEQUENCES:
            raise walk.bad(at, f"a sequence of dtype {codes.DTYPE_NAMES[dtype]} with {ndim} dimensions")
    elif flags & codes.ARRAY_TUPLE:
        raise walk.bad(at, "a tuple that is no sequence")
    if dtype == codes.D_TEXT:
        problem = is_text(walk.buffer(at), size)
        if problem:
            raise walk.bad(at, problem)
    else:
        if dtype != codes.D_BOOL:
            walk.skip(at, size * itemsize)
        elif not zeros_and_ones(walk.buffer(at, size * itemsize)):
            raise walk.bad(at, "a truth value is neither 0 nor 1")
    if flags & codes.ARRAY_MASK and not zeros_and_ones(walk.buffer(at, size, "mask")):
        raise walk.bad(at, "a byte of the mask is neither 0 nor 1")
    return Part(at, row, shape)


def sparse(walk: Walk, at: int, row: Row, _depth: int) -> Part:
    """Stored entries whose indices lie in the matrix."""
    unused(walk, at, row, "dtype unit value")
    _, dtype, flags, form, _, stored, _, _ = row
    if not codes.D_BOOL <= dtype <= codes.D_C16 or dtype == codes.D_F2 or form > codes.SPARSE_COO:
        raise walk.bad(at, f"dtype {dtype} in format {form}")
    (rows, columns), _ = walk.shape(at, 2, 1)
    itemsize = codes.ITEMSIZE[dtype]
    index = codes.D_I8 if flags & codes.SPARSE_WIDE else codes.D_I4
    width = codes.ITEMSIZE[index]
    if dtype != codes.D_BOOL:
        walk.skip(at, stored * itemsize)
    elif not zeros_and_ones(walk.buffer(at, stored * itemsize)):
        raise walk.bad(at, "a truth value is neither 0 nor 1")
    inner = columns if form == codes.SPARSE_CSR else rows
    strange = outside(walk.buffer(at, stored * width, "indices"), index, 0, inner)
    if strange is None and form == codes.SPARSE_COO:
        strange = outside(walk.buffer(at, stored * width, "columns"), index, 0, columns)
    if strange is not None:
        raise walk.bad(at, f"the index {strange} is not inside {rows} by {columns}")
    if form != codes.SPARSE_COO:
        outer = rows if form == codes.SPARSE_CSR else columns
        problem = first_gap(walk.buffer(at, (outer + 1) * width, "pointers"), index, stored)
        if problem:
            raise walk.bad(at, f"pointers: {problem}")
    return Part(at, row, (rows, columns))
