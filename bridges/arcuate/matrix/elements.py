"""The elements of a large array, rendered one by one when somebody looks at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from arcuate.matrix.reference import float_text

__all__ = ["LARGE", "Elements", "rendered"]

LARGE = 50_000
"""From so many elements on a rendering holds an :class:`Elements` instead of a list."""


def rendered(numbers: NDArray[Any]) -> list[Any]:
    """Return elements as a rendering writes them."""
    if numbers.dtype.kind == "c":
        return [[float_text(one.real), float_text(one.imag)] for one in numbers.tolist()]
    if numbers.dtype.kind == "f":
        return list(map(float_text, numbers.tolist()))
    return numbers.tolist() if numbers.dtype.kind == "b" else list(map(str, numbers.tolist()))


class Elements(Sequence[Any]):
    """Elements that are kept as numbers.

    Args:
        numbers: the elements, row-major, flat.
        mask: true where missing, or ``None``.
    """

    def __init__(self, numbers: NDArray[Any], mask: NDArray[np.bool_] | None) -> None:
        self._numbers = numbers
        self._mask = np.zeros(len(numbers), dtype=bool) if mask is None else mask

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        chosen = index if isinstance(index, slice) else [range(len(self))[index]]
        elements = rendered(self._numbers[chosen])
        shown = [None if gone else one for one, gone in zip(elements, self._mask[chosen], strict=True)]
        return shown[0] if isinstance(index, int) else shown

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), LARGE):
            yield from self[start : start + LARGE]

    def difference(self, other: Elements) -> int | None:
        """Return the first position at which two of one length and dtype differ, if there is one."""
        missing = self._mask & other._mask
        same = missing | (_same(self._numbers, other._numbers) & (self._mask == other._mask))
        return None if bool(same.all()) else int(np.argmin(same))


def _same(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Compare bit by bit, but every NaN equals every NaN."""
    if a.dtype.kind == "c":
        return _same(a.real, b.real) & _same(a.imag, b.imag)
    same: NDArray[np.bool_] = a == b
    if a.dtype.kind == "f":
        same = (same & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
    return same
