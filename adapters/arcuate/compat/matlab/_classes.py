"""The array classes by name."""

from __future__ import annotations

from arcuate.compat.matlab._array import Array
from arcuate.compat.matlab._buffer import lends_memory


class double(Array, kind="double", dtype="f8"):
    """Double-precision floating-point numbers, MATLAB's default."""

    __slots__ = ()


class single(Array, kind="single", dtype="f4"):
    """Single-precision floating-point numbers."""

    __slots__ = ()


class int8(Array, kind="int8", dtype="i1"):
    """Integers from -128 to 127."""

    __slots__ = ()


class int16(Array, kind="int16", dtype="i2"):
    """Integers of 16 bits."""

    __slots__ = ()


class int32(Array, kind="int32", dtype="i4"):
    """Integers of 32 bits."""

    __slots__ = ()


class int64(Array, kind="int64", dtype="i8"):
    """Integers of 64 bits."""

    __slots__ = ()


class uint8(Array, kind="uint8", dtype="u1"):
    """Integers from 0 to 255."""

    __slots__ = ()


class uint16(Array, kind="uint16", dtype="u2"):
    """Unsigned integers of 16 bits."""

    __slots__ = ()


class uint32(Array, kind="uint32", dtype="u4"):
    """Unsigned integers of 32 bits."""

    __slots__ = ()


class uint64(Array, kind="uint64", dtype="u8"):
    """Unsigned integers of 64 bits."""

    __slots__ = ()


class logical(Array, kind="logical", dtype="?"):
    """True and False; a number becomes its truth."""

    __slots__ = ()


CLASSES = (double, single, int8, int16, int32, int64, uint8, uint16, uint32, uint64, logical)

for _cls in CLASSES:
    _cls.__module__ = "arcuate.compat.matlab"
    lends_memory(_cls, Array._exported)
