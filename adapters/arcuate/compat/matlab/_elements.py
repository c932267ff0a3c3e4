"""What may be an element of an array of a given class, and the conversion of a list of elements.

Sets of types stand for lists of elements here: a list of a million numbers has two or three types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

NDArray = npt.NDArray[Any]

LONG = np.iinfo(np.int64)


class Kind:
    """One array class: its name, the dtype of its elements, and the integers that it holds.

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
        bounds = np.iinfo(self.real) if self.real.kind in "iu" else LONG
        self.low, self.high = int(bounds.min), int(bounds.max)

    def dtype(self, is_complex: bool) -> np.dtype[Any]:
        """Return the dtype of real or of complex elements."""
        return self.complex if is_complex else self.real

    def check(self, value: int) -> None:
        """Refuse an integer that the class cannot hold.

        Raises:
            OverflowError: It is outside the range of the class, for classes of no integers that of int64.
        """
        if not self.low <= value <= self.high:
            raise OverflowError(f"value ({shown(value)}) cannot be stored in a variable of type {self.name}.")

    def rounded(self, value: int) -> Any:
        """Return an integer as a real element: to single precision rounded once, not by way of a double."""
        if self.floating:
            return float(value) if self.real.itemsize == 8 else np.int64(value).astype(self.real)
        return bool(value) if self.logical else int(value)

    def no_floats(self, found: str = "") -> TypeError:
        """Return the error for a floating-point number in an array of integers."""
        return TypeError(f"matlab.{self.name} does not accept floating-point values{found}.")

    def no_complex(self) -> TypeError:
        """Return the error for a complex number in a real array."""
        return TypeError(
            f"matlab.{self.name} does not accept complex values if 'is_complex' is not set to 'True'."
        )


def shown(value: int) -> str:
    """Return an integer as text, shortened where that is long."""
    return str(value) if value.bit_length() < 200 else f"an integer of {value.bit_length()} bits"


def scalar(item: Any) -> Any:
    """Return an element as Python has it."""
    value = item.item()
    return complex(*value) if isinstance(value, tuple) else value


def is_sequence_type(cls: type) -> bool:
    """Tell whether instances of a class have a length and numbered items; text and bytes do."""
    if issubclass(cls, (list, tuple, str)):
        return True
    if issubclass(cls, (dict, np.generic)):
        return False
    return all(any(name in one.__dict__ for one in cls.__mro__) for name in ("__len__", "__getitem__"))


def whole(kind: Kind, part: float) -> int:
    """Return one part of a complex number as an integer.

    Raises:
        TypeError: It has a fraction, which would be lost, or is not finite.
        OverflowError: It is outside the range of the class.
    """
    if not float(part).is_integer():
        raise kind.no_floats(f": {part} is part of a complex number")
    kind.check(int(part))
    return int(part)


def convert(kind: Kind, value: object, is_complex: bool) -> Any:
    """Return one element in a form that an array of the class takes.

    Raises:
        TypeError: The type is not one that the class accepts.
        OverflowError: It is outside the range of the class.
    """
    paired = is_complex and not kind.floating
    if isinstance(value, int):
        kind.check(value)
        return (int(value), 0) if paired else kind.rounded(value)
    if isinstance(value, float):
        if paired:
            return whole(kind, value), 0
        if not kind.floating:
            raise kind.no_floats()
        return value
    if isinstance(value, complex):
        if not is_complex:
            raise kind.no_complex()
        if paired:
            return whole(kind, value.real), whole(kind, value.imag)
        return value
    if value is None:
        raise TypeError("value must not be 'None'.")
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError("value is not numeric.")
    raise TypeError(
        f"type does not match: found {type(value).__name__}, allowed are Python's bool, int, float, complex."
    )


def convert_all(kind: Kind, values: Sequence[object], is_complex: bool, truth: bool = True) -> NDArray:
    """Return elements as a 1-d array of the class.

    Args:
        kind: The class.
        values: The elements.
        is_complex: Whether the array is complex.
        truth: Whether a logical array takes every number, by its truth: constructors do, assignments do not.

    Raises:
        TypeError, OverflowError: As `convert`.
    """
    types = set(map(type, values))
    with np.errstate(over="ignore"):  # a double beyond the range of single is inf there, as in MATLAB
        if kind.floating and types <= {float}:
            return np.array(values, dtype=kind.dtype(is_complex))
        if kind.name == "double" and types <= {float, int, bool}:
            for one in values:
                if type(one) is int and not kind.low <= one <= kind.high:
                    kind.check(one)
            return np.array(values, dtype=kind.dtype(is_complex))
        if types <= {int, bool} and values and not is_complex:
            if min(values) < kind.low or max(values) > kind.high:  # type: ignore[type-var, operator]
                for one in values:
                    kind.check(one)  # type: ignore[arg-type]
            return np.array(values, dtype=np.int64 if kind.floating else kind.real).astype(
                kind.real, copy=False
            )
        if kind.logical and truth:
            values = [bool(one) if isinstance(one, (float, complex)) else one for one in values]
        converted = [convert(kind, one, is_complex) for one in values]
        return np.array(converted, dtype=kind.dtype(is_complex))
