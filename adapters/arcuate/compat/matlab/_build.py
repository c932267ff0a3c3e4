"""From the arguments of a constructor to the numpy array behind it: column-major, two dimensions at least."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from arcuate.compat.matlab._elements import Kind, NDArray, convert_all, is_sequence_type, scalar
from arcuate.compat.matlab._errors import ShapeError, SizeError

TILE = 512
"""Rows and columns of the tiles in which a large matrix is copied: 2 MB of float64."""

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
        MemoryError: `size` asks for more than there is.
    """
    if not isinstance(is_complex, bool):
        raise TypeError("value passed to 'is_complex' must be a bool.")
    if is_complex and kind.logical:
        raise TypeError("logical arrays must not be complex.")
    if vector is not None and initializer is not None:
        raise TypeError("initializer and 'vector' must not both be specified.")
    dims = None if size is None else dimensions(size)
    if vector is not None:
        flat = from_vector(kind, vector, is_complex)
        return fit(flat, dims or (1, flat.size), flat.shape)
    if initializer is None:
        return zeros(kind, dims or (0, 0), is_complex)
    array = from_initializer(kind, initializer, is_complex)
    if array.ndim < 2:
        return fit(
            array.reshape(-1), dims or ((1, array.size) if array.size else (0, 0)), array.shape or (1, 1)
        )
    array = array.reshape(trimmed(array.shape), order="F")
    if dims is None or dims == array.shape:
        return array
    fitted = fit(array, dims, array.shape)
    if array.size == 0:
        return fitted
    raise SizeError(
        f"dimensions of initializer {array.shape} do not match dimensions specified by 'size' {dims}."
    )


def zeros(kind: Kind, dims: tuple[int, ...], is_complex: bool) -> NDArray:
    """Return zeros."""
    dtype = kind.dtype(is_complex)
    if math.prod(dims) * dtype.itemsize >= 1 << 63:
        raise MemoryError(f"unable to allocate memory for an array of dimensions {dims} of type {kind.name}.")
    return np.zeros(dims, dtype=dtype, order="F")


def dimensions(size: object) -> tuple[int, ...]:
    """Return the dimensions that `size` says: two at least, without singletons at the end."""
    if not is_sequence(size):
        raise TypeError("value of 'size' must be a sequence.")
    found: list[Any] = list(size)  # type: ignore[call-overload]
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


def fit(array: NDArray, dims: tuple[int, ...], shape: tuple[int, ...]) -> NDArray:
    """Fill dimensions column by column with the elements of an array; `shape` is for the message."""
    if array.size != math.prod(dims):
        found = ", ".join(map(str, shape))
        raise ShapeError(
            f"dimensions of initializer ({found}) do not match dimensions specified by 'size' {dims}."
        )
    return array.reshape(dims, order="F")


def is_sequence(value: object) -> bool:
    """Tell whether a value has a length and numbered items; text and bytes have."""
    return is_sequence_type(type(value))


def from_vector(kind: Kind, vector: Any, is_complex: bool) -> NDArray:
    """Return the elements of the argument `vector`, 1-d.

    Raises:
        ValueError: It is not a sequence of numbers that the class takes.
        TypeError: It is nested.
    """
    if isinstance(vector, str):
        raise ValueError(NOT_NUMERIC.format("'vector'"))
    if not is_sequence(vector) or (isinstance(vector, np.ndarray) and not vector.ndim):
        raise ValueError("value of 'vector' must be a sequence.")
    if isinstance(vector, np.ndarray) and vector.ndim == 1 and vector.dtype == kind.dtype(is_complex):
        return np.array(vector)
    if isinstance(vector, memoryview) and vector.ndim != 1:
        raise TypeError("value of 'vector' must be an unnested sequence.")
    items = list(vector)
    if any(map(is_sequence_type, set(map(type, items)))):
        raise TypeError("value of 'vector' must be an unnested sequence.")
    try:
        return convert_all(kind, items, is_complex)
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from None


def from_initializer(kind: Kind, value: object, is_complex: bool) -> NDArray:
    """Return a copy as an array of the value's own shape, column-major.

    Raises:
        TypeError, ValueError, OverflowError, BufferError: It cannot be an array of this class.
    """
    from arcuate.compat.matlab._array import Array

    if isinstance(value, Array):
        return from_array(kind, value, is_complex)
    if isinstance(value, str):
        raise ValueError(NOT_NUMERIC.format("initializer"))
    if isinstance(value, (list, tuple)):
        return from_nested(kind, value, is_complex)
    lent = buffer_of(value)
    if lent is not None:
        return from_buffer(kind, value, lent, is_complex)
    if isinstance(value, (int, float, complex)):
        return convert_all(kind, [value], is_complex).reshape(())
    if value is None:
        raise TypeError("value must not be 'None'.")
    if not is_sequence(value):
        raise TypeError(
            f"type does not match: found {type(value).__name__}, allowed are numbers, sequences and buffers."
        )
    return from_nested(kind, value, is_complex)


def from_nested(kind: Kind, value: object, is_complex: bool, truth: bool = True) -> NDArray:
    """Return a copy of a nested sequence, column-major."""
    leaves: list[object] = []
    try:
        shape = flatten(value, leaves)
    except RecursionError:
        raise ValueError("initializer is nested too deeply, or contains itself.") from None
    flat = convert_all(kind, leaves, is_complex, truth)
    return flat if len(shape) < 2 else np.asfortranarray(flat.reshape(trimmed(shape)))


def from_array(kind: Kind, source: Any, is_complex: bool) -> NDArray:
    """Return a copy of an array of one of the classes."""
    data: NDArray = source._array
    if data.dtype == kind.dtype(is_complex):
        return np.array(data, order="F")
    flat = [scalar(one) for one in data.ravel()]
    return np.asfortranarray(convert_all(kind, flat, is_complex).reshape(data.shape))


def to_assign(kind: Kind, value: object, is_complex: bool) -> NDArray:
    """Return what is assigned to a part of an array, in its own shape; numbers are taken one by one.

    Raises:
        TypeError, ValueError, OverflowError: Something in it cannot be an element.
    """
    from arcuate.compat.matlab._array import Array

    data = value._array if isinstance(value, Array) else value
    if isinstance(data, np.ndarray) and data.dtype == kind.dtype(is_complex):
        return data
    if isinstance(value, str):
        raise ValueError(NOT_NUMERIC.format("initializer"))
    if is_sequence(value):
        return from_nested(kind, value, is_complex, truth=False)
    return convert_all(kind, [value], is_complex, truth=False).reshape(())


def buffer_of(value: object) -> memoryview | None:
    """Return the memory that a value lends, or None if it is no buffer.

    Raises:
        ValueError: Its elements have no form in the buffer protocol, such as numpy's dates.
    """
    try:
        return memoryview(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def from_buffer(kind: Kind, value: object, lent: memoryview, is_complex: bool) -> NDArray:
    """Return a copy of what lies in a buffer of the class's own type.

    Raises:
        BufferError: The elements are of another type.
        ValueError: They do not lie together, or some of them are masked.
    """
    wanted = kind.dtype(is_complex)
    if not lent.contiguous:
        if isinstance(value, np.ndarray):
            raise ValueError("ndarray is not contiguous; numpy.ascontiguousarray(x) makes it so.")
        raise BufferError("memoryview: underlying buffer is not contiguous")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError("ndarray has masked elements, which would lose their mask; fill them: x.filled(0).")
    try:
        data = np.asarray(value if isinstance(value, (np.ndarray, np.generic)) else lent)
    except (ValueError, RuntimeError, NotImplementedError):  # a format that numpy does not know
        data = np.empty(0, dtype=object)
    if data.dtype != wanted and {data.dtype.char, wanted.char} == {"?", "B"}:
        data = data.astype(wanted)
    if data.dtype != wanted:
        found = f"input buffer format ('{lent.format}')"
        if is_complex and not (lent.format or "").startswith("Z"):
            raise BufferError(f"{found} does not begin with 'Z', but output type is complex")
        code = {"l": "q", "L": "Q"}.get(kind.real.char, kind.real.char)
        raise BufferError(
            f"{found} is not compatible with output format ('{'Z' * is_complex}{code}');"
            " use a different input or output type"
        )
    return fortran_copy(np.atleast_1d(data))


def fortran_copy(data: NDArray) -> NDArray:
    """Return a column-major copy.

    A large matrix in row-major order is copied tile by tile, so that the memory caches serve both orders:
    that takes half the time of numpy's own copy (tests/bench/compat.py).
    """
    if data.ndim != 2 or min(data.shape) < 2 or data.size < TILE * TILE or data.flags.f_contiguous:
        return np.array(data, order="F")
    out = np.empty(data.shape, dtype=data.dtype, order="F")
    for column in range(0, data.shape[1], TILE):
        for row in range(0, data.shape[0], TILE):
            tile = (slice(row, row + TILE), slice(column, column + TILE))
            out[tile] = data[tile]
    return out


def flatten(value: Any, leaves: list[object]) -> tuple[int, ...]:
    """Collect the elements of a nested sequence, row by row.

    Returns:
        Its shape.

    Raises:
        ValueError: It is not rectangular, or holds text.
    """
    if isinstance(value, np.ndarray) and not value.ndim:
        raise TypeError("type does not match: found a 0-d ndarray in a sequence; x.item() is its number.")
    items = list(value)
    nested = {cls: is_sequence_type(cls) for cls in set(map(type, items))}
    if not any(nested.values()):
        leaves.extend(items)
        return (len(items),)
    if not all(nested.values()):
        raise ValueError(RAGGED)
    if any(issubclass(cls, str) for cls in nested):
        same = len(set(map(len, items))) == 1
        raise ValueError(NOT_NUMERIC.format("initializer") if same else RAGGED)
    shapes = {flatten(one, leaves) for one in items}
    if len(shapes) > 1:
        raise ValueError(RAGGED)
    return (len(items), *shapes.pop())
