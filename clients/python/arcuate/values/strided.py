"""Array data that is laid out only when it is copied to its destination.

The copy is made in blocks, so that a transposing one stays in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Layout", "copy_blocked"]

_BLOCK_BYTES = 256 * 1024
_SMALL = 256 * 1024
_MIN_BLOCK = 256


class Layout:
    """The data of an array in another memory order, without a copy in between.

    Args:
        array: any array of a fixed-size dtype, any strides.
        order: ``"C"`` or ``"F"``: the order in which it is written.
    """

    __slots__ = ("_array", "_order")

    def __init__(self, array: Any, order: str) -> None:
        self._array = array
        self._order = order

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(self._array.nbytes)

    def copy_into(self, target: memoryview) -> None:
        """Writes all elements into ``target``."""
        array = self._array
        flat = np.frombuffer(target, dtype=array.dtype)
        copy_blocked(array, flat.reshape(array.shape, order=self._order))  # type: ignore[call-overload]


def copy_blocked(source: Any, target: Any) -> None:
    """Copies between arrays of the same shape whose memory orders differ."""
    shape = source.shape
    if source.nbytes <= _SMALL or source.ndim < 2:
        target[...] = source
        return
    # The two axes in which source and target run contiguously; where it is the same one, numpy's own copy is
    # best.
    fast_in = min(
        (axis for axis in range(source.ndim) if shape[axis] > 1), key=lambda a: abs(source.strides[a])
    )
    fast_out = min(
        (axis for axis in range(source.ndim) if shape[axis] > 1), key=lambda a: abs(target.strides[a])
    )
    if fast_in == fast_out:
        target[...] = source
        return
    room = max(1, _BLOCK_BYTES // source.itemsize)
    side = int(room**0.5)
    rows = min(shape[fast_in], max(side, room // shape[fast_out]))
    columns = min(shape[fast_out], max(side, room // shape[fast_in]))
    rest = [axis for axis in range(source.ndim) if axis not in (fast_in, fast_out)]
    if rows * columns < _MIN_BLOCK:  # two short axes: the loop over the others would cost more than it saves
        target[...] = source
        return
    # Blocks run over the two fast axes; the others are stepped one by one, so that a block stays small.
    index: list[slice] = [slice(None)] * source.ndim
    for position in np.ndindex(*(shape[axis] for axis in rest)):
        for axis, i in zip(rest, position, strict=True):
            index[axis] = slice(i, i + 1)
        for start_out in range(0, shape[fast_out], columns):
            index[fast_out] = slice(start_out, start_out + columns)
            for start_in in range(0, shape[fast_in], rows):
                index[fast_in] = slice(start_in, start_in + rows)
                block = tuple(index)
                target[block] = source[block]
