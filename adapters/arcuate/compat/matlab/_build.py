"""From the arguments of a constructor to the numpy array behind it: column-major, two dimensions at least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from arcuate.compat.matlab._elements import Kind, NDArray, convert_all
from arcuate.compat.matlab._errors import ShapeError, SizeError

RAGGED = "elements of array are of different lengths or types."
NOT_NUMERIC = "value passed to {} must be numeric."


def build(kind: Kind, initializer: object, size: object, is_complex: object, vector: object) -> NDArray:
    """Return the array that the arguments of a constructor describe.

    Args:
        kind: The class.
        initializer: A number, a (nested) sequence, a buffer, an array of one of the classes, or None.
        size: The dimensions, or None.
        is_complex: True or False.
        vector: A flat sequence instead of `initializer`, or None.

    Raises:
        TypeError, ValueError, OverflowError, BufferError: What was given cannot be an array of this class.
        ShapeError: The number of elements is not the product of `size`.
        SizeError: A nested initializer has other dimensions than `size`.
    """
    if not isinstance(is_complex, bool):
        raise TypeError("value passed to 'is_complex' must be a bool.")
    if is_complex and kind.logical:
        raise TypeError("logical arrays must not be complex.")
    dims = None if size is None else dimensions(size)
    if vector is not None:
        if initializer is not None:
            raise TypeError("initializer and 'vector' must not both be specified.")
        flat = from_vector(kind, vector, is_complex)
        return fit(flat, dims or (1, flat.size))
    if initializer is None:
        return np.zeros(dims or (0, 0), dtype=kind.dtype(is_complex), order="F")
    array = from_initializer(kind, initializer, is_complex)
    if array.ndim < 2:
        return fit(array.reshape(-1), dims or ((1, array.size) if array.size else (0, 0)))
    array = np.asfortranarray(array.reshape(trimmed(array.shape), order="A"))
    if dims is not None and dims != array.shape:
        raise SizeError(
            f"dimensions of initializer {array.shape} do not match dimensions specified by 'size' {dims}."
        )
    return array


def dimensions(size: object) -> tuple[int, ...]:
    """Return the dimensions that `size` says: two at least, without singletons at the end."""
    if not is_sequence(size):
        raise TypeError("value of 'size' must be a sequence.")
    found = list(size)  # type: ignore[call-overload]
    if not found:
        raise ValueError("sequence passed to 'size' must not be empty.")
    if not all(isinstance(one, int) for one in found):
        raise TypeError("dimensions must be nonnegative integers.")
    if any(one < 0 for one in found):
        raise ValueError("size cannot contain negative dimensions. Use nonnegative integers for dimensions.")
    return trimmed(tuple(map(int, found)) if len(found) > 1 else (1, int(found[0])))


def trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Drop dimensions of one at the end, as MATLAB does; two stay."""
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def fit(flat: NDArray, dims: tuple[int, ...]) -> NDArray:
    """Fill dimensions column by column with a 1-d array."""
    if flat.size != np.prod(dims, dtype=object):
        raise ShapeError(
            f"dimensions of initializer ({flat.size}) do not match dimensions specified by 'size' {dims}."
        )
    return flat.reshape(dims, order="F")


def is_sequence(value: object) -> bool:
    """Tell whether a value has a length and numbered items; text is asked about apart."""
    return (
        hasattr(type(value), "__len__")
        and hasattr(type(value), "__getitem__")
        and not isinstance(value, (dict, np.generic))
    )


def is_buffer(value: object) -> bool:
    """Tell whether a value lends its memory."""
    try:
        memoryview(value).release()  # type: ignore[arg-type]
    except BufferError:
        return True
    except (TypeError, ValueError):
        return isinstance(value, np.ndarray)
    return True


def from_vector(kind: Kind, vector: object, is_complex: bool) -> NDArray:
    """Return the elements of the argument `vector`."""
    if isinstance(vector, str):
        raise ValueError(NOT_NUMERIC.format("'vector'"))
    if not is_sequence(vector):
        raise ValueError("value of 'vector' must be a sequence.")
    try:
        array = from_initializer(kind, vector, is_complex)
    except TypeError as error:
        if str(error) == kind.complex_refused():
            raise ValueError(str(error)) from None
        raise
    if array.ndim != 1:
        raise TypeError("value of 'vector' must be an unnested sequence.")
    return array


def from_initializer(kind: Kind, value: object, is_complex: bool) -> NDArray:
    """Return an array of the value's own shape, a copy; its order is C or Fortran."""
    from arcuate.compat.matlab._array import Array

    if isinstance(value, str):
        raise ValueError(NOT_NUMERIC.format("initializer"))
    if isinstance(value, Array):
        return from_array(kind, value, is_complex)
    if is_buffer(value):
        return from_buffer(kind, value, is_complex)
    if isinstance(value, (int, float, complex)):
        return from_numbers(kind, [value], is_complex)
    if not is_sequence(value):
        raise TypeError(
            f"type does not match: found {type(value).__name__}, allowed are numbers and sequences."
        )
    leaves: list[object] = []
    shape = flatten(value, leaves)
    return from_numbers(kind, leaves, is_complex).reshape(shape)


def from_numbers(kind: Kind, values: Sequence[object], is_complex: bool) -> NDArray:
    """Return numbers as a 1-d array; a logical array takes every number, by its truth."""
    if kind.logical:
        values = [bool(one) if isinstance(one, (float, complex, int)) else one for one in values]
    return convert_all(kind, values, is_complex)


def from_array(kind: Kind, source: Any, is_complex: bool) -> NDArray:
    """Return a copy of an array of one of the classes."""
    data = source._array
    if data.dtype == kind.dtype(is_complex):
        return np.array(data, order="F")
    flat = [source._scalar(one) for one in data.ravel(order="F")]
    return from_numbers(kind, flat, is_complex).reshape(data.shape, order="F")


def from_buffer(kind: Kind, value: object, is_complex: bool) -> NDArray:
    """Return a copy of what lies in a buffer of the class's own type."""
    try:
        data = value if isinstance(value, np.ndarray) else np.asarray(memoryview(value))  # type: ignore[arg-type]
    except (ValueError, NotImplementedError, RuntimeError) as error:
        raise BufferError(f"input buffer cannot be read: {error}") from None
    wanted = kind.dtype(is_complex)
    if kind.logical and data.dtype == np.uint8:
        data = data != 0
    if data.dtype != wanted:
        raise BufferError(
            f"input buffer format ({data.dtype}) is not compatible with output format ({wanted});"
            " use a different input or output type"
        )
    if not (data.flags.c_contiguous or data.flags.f_contiguous):
        raise ValueError("ndarray is not contiguous; numpy.ascontiguousarray(x) makes it so")
    return np.array(data, order="F")


def flatten(value: object, leaves: list[object]) -> tuple[int, ...]:
    """Collect the elements of a nested sequence, row by row.

    Returns:
        Its shape.

    Raises:
        ValueError: It is not rectangular, or holds text.
    """
    items = list(value)  # type: ignore[call-overload]
    nested = [is_sequence(one) for one in items]
    if not any(nested):
        leaves.extend(items)
        return (len(items),)
    if not all(nested):
        raise ValueError(RAGGED)
    if any(isinstance(one, str) for one in items):
        raise ValueError(NOT_NUMERIC.format("initializer"))
    shapes = {flatten(one, leaves) for one in items}
    if len(shapes) > 1:
        raise ValueError(RAGGED)
    return (len(items), *shapes.pop())
