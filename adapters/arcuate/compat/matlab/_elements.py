"""What may be an element of an array of a given class, and the conversion of a list of elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

NDArray = npt.NDArray[Any]

INT64 = np.iinfo(np.int64)
UINT64 = np.iinfo(np.uint64)


class Kind:
    """One array class: its name, the dtype of its elements, and what it accepts.

    Args:
        name: The name of the class, such as `int8`.
        dtype: The dtype of real elements. Complex elements are numpy's own for `single` and `double`, and a
            structure of `real` and `imag` for integers, for which numpy has none.
    """

    def __init__(self, name: str, dtype: str) -> None:
        self.name = name
        self.real = np.dtype(dtype)
        self.floating = self.real.kind == "f"
        self.logical = self.real.kind == "b"
        self.complex = (
            np.result_type(self.real, np.complex64)
            if self.floating
            else np.dtype([("real", self.real), ("imag", self.real)])
        )
        self.range = None if self.floating or self.logical else np.iinfo(self.real)

    def dtype(self, is_complex: bool) -> np.dtype[Any]:
        """Return the dtype of real or of complex elements."""
        return self.complex if is_complex else self.real

    def complex_refused(self) -> str:
        """Return the message for a complex number in a real array."""
        return f"matlab.{self.name} does not accept complex values if 'is_complex' is not set to 'True'."


def check_integer(kind: Kind, value: int) -> None:
    """Refuse an integer that the class cannot hold.

    Raises:
        OverflowError: It is outside the range of the class, or of 64-bit integers for the others.
    """
    low, high = (
        (int(kind.range.min), int(kind.range.max)) if kind.range is not None else (INT64.min, INT64.max)
    )
    if not low <= value <= high:
        raise OverflowError(f"value ({value}) cannot be stored in a variable of type {kind.name}.")


def whole(kind: Kind, part: float) -> int:
    """Return one part of a complex number as an integer.

    Raises:
        TypeError: It has a fraction, which would be lost, or is not finite.
        OverflowError: It is outside the range of the class.
    """
    if not float(part).is_integer():
        raise TypeError(
            f"matlab.{kind.name} does not accept floating-point values;"
            f" found the part {part} of a complex number."
        )
    check_integer(kind, int(part))
    return int(part)


def convert(kind: Kind, value: object, is_complex: bool) -> Any:
    """Return one element in a form that an array of the class takes without a change of value.

    Raises:
        TypeError: The type is not one that the class accepts.
        OverflowError: It is outside the range of the class.
    """
    if isinstance(value, int):
        check_integer(kind, value)
        real: Any = bool(value) if kind.logical else int(value)
        return (real, 0) if is_complex and not kind.floating else real
    if isinstance(value, float):
        if kind.floating:
            return value
        if is_complex:
            return whole(kind, value), 0
        raise TypeError(f"matlab.{kind.name} does not accept floating-point values.")
    if isinstance(value, complex):
        if not is_complex:
            raise TypeError(kind.complex_refused())
        return value if kind.floating else (whole(kind, value.real), whole(kind, value.imag))
    if value is None:
        raise TypeError("value must not be 'None'.")
    if isinstance(value, (str, bytes)):
        raise TypeError("value is not numeric.")
    raise TypeError(
        f"type does not match: found {type(value).__name__}, allowed are bool, int, float, complex."
    )


def convert_all(kind: Kind, values: Sequence[object], is_complex: bool) -> NDArray:
    """Return elements as a 1-d array of the class; the types allowed are those of `convert`."""
    if kind.floating and set(map(type, values)) <= {float}:
        with np.errstate(over="ignore"):
            return np.array(values, dtype=kind.dtype(is_complex))
    with np.errstate(over="ignore"):
        return np.array([convert(kind, value, is_complex) for value in values], dtype=kind.dtype(is_complex))
