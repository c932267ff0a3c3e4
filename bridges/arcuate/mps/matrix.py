"""Arrays as the Production Server interface knows them: a class, a size and column-major elements.

Both wire forms, protobuf and JSON, are read into these and written from them; :mod:`arcuate.mps.inward` and
:mod:`arcuate.mps.outward` turn them into values of Arcuate and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from arcuate.errors import ConversionError, LimitExceeded
from arcuate.values import codes
from arcuate.values.record import record

__all__ = ["NUMERIC", "Budget", "Matrix", "check_size", "empty_structs", "logical", "numbers", "row"]

NUMERIC: dict[str, np.dtype[Any]] = {
    "double": np.dtype("<f8"),
    "single": np.dtype("<f4"),
    "int8": np.dtype("<i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "uint8": np.dtype("<u1"),
    "uint16": np.dtype("<u2"),
    "uint32": np.dtype("<u4"),
    "uint64": np.dtype("<u8"),
}
"""The dtype of each numeric class."""
_COMPLEX: dict[str, np.dtype[Any]] = {"double": np.dtype("<c16"), "single": np.dtype("<c8")}
_EMPTY = 10_000
"""Structs without fields take memory here and none in a message."""
_LARGEST = 1 << 48
"""The product of the dimensions of an array, without those that are zero."""


@record(frozen=True)
class Matrix:
    """One array.

    Attributes:
        kind: its class: a key of :data:`NUMERIC`, ``logical``, ``char``, ``cell``, ``struct``, ``string``.
        size: two dimensions at least.
        data: the elements in column-major order: a flat ndarray of numbers (complex where the array is) or
            bools, one text with a character per element (``char``), a list of :class:`Matrix` (``cell``), of
            lists of them, one per field (``struct``), of texts (``string``).
        fields: the names of a struct's fields.
    """

    kind: str
    size: tuple[int, ...]
    data: Any
    fields: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many elements it has."""
        return prod(self.size)

    @property
    def is_complex(self) -> bool:
        """Whether it has imaginary parts, which may be zero."""
        return self.kind in _COMPLEX and self.data.dtype.kind == "c"


def row(kind: str, data: Any) -> Matrix:
    """A 1-by-n array of what has a length."""
    return Matrix(kind, (1, len(data)), data)


def numbers(
    kind: str, size: Sequence[int], real: Any, imaginary: Any = None, *, row_major: bool = False
) -> Matrix:
    """A numeric array of its parts, each a flat ndarray.

    Raises:
        ConversionError: there are not as many elements as the size says, or it is complex of integers.
    """
    shape = check_size(size, len(real))
    data = np.asarray(real).astype(NUMERIC[kind], copy=False)
    if imaginary is not None:
        wanted = _COMPLEX.get(kind)
        if wanted is None:
            raise ConversionError(
                f"a complex array of class {kind} cannot travel: other languages have no complex integers; "
                "send the real and the imaginary part as two arrays"
            )
        if len(imaginary) != len(data):
            raise ConversionError(f"{len(data)} real parts stand beside {len(imaginary)} imaginary ones")
        joined = np.empty(len(data), wanted)
        joined.real, joined.imag = data, imaginary
        data = joined
    if row_major:
        data = data.reshape(shape).ravel(order="F")
    return Matrix(kind, shape, data)


def logical(size: Sequence[int], values: Any) -> Matrix:
    """A logical array of a flat ndarray."""
    return Matrix("logical", check_size(size, len(values)), np.asarray(values).astype(np.bool_, copy=False))


class Budget:
    """Counts the arrays of a call, before they are made.

    Args:
        nodes: how many there may be.
    """

    def __init__(self, nodes: int) -> None:
        self._nodes = self._left = nodes

    def take(self, count: int) -> None:
        """Counts some.

        Raises:
            LimitExceeded: there are more than may be.
        """
        self._left -= count
        if self._left < 0:
            raise LimitExceeded(
                f"the message holds more than {self._nodes:,} arrays; raise the setting 'nodes', or send "
                "fewer",
                setting="nodes",
            )


def empty_structs(size: Sequence[int], budget: Budget) -> int:
    """How many structs without fields a size means; each counts as an array.

    Raises:
        ConversionError: more than anybody has use for.
        LimitExceeded: more than the message may still hold.
    """
    count = prod(size)
    if len(size) > codes.MAX_NDIM or not 0 <= count <= _EMPTY:
        raise ConversionError(f"a struct array without fields may have {_EMPTY:,} elements")
    budget.take(count)
    return count


def check_size(size: Sequence[int], count: int) -> tuple[int, ...]:
    """A size as a tuple, of which ``count`` elements were found.

    Raises:
        ConversionError: it is none, or has another number of elements.
    """
    if not 2 <= len(size) <= codes.MAX_NDIM:
        raise ConversionError(
            f"a size has 2 to {codes.MAX_NDIM} dimensions, this one has {len(size)}; a scalar is 1-by-1"
        )
    if any(n < 0 for n in size) or prod(n or 1 for n in size) > _LARGEST or prod(size) != count:
        shown = "-by-".join(str(n)[:24] for n in size)
        raise ConversionError(f"{count} elements do not fill an array of size {shown}")
    return tuple(int(n) for n in size)
