"""What the array classes have in common."""

from __future__ import annotations

import array
import contextlib
import math
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import numpy as np

from arcuate.compat.matlab import _build as build
from arcuate.compat.matlab._buffer import exported, strides
from arcuate.compat.matlab._elements import Kind, NDArray, convert, scalar
from arcuate.compat.matlab._errors import ShapeError

QUIET: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
OPTIONS = ("initializer", "size", "vector", "is_complex")
CODES = {"l": "q", "L": "Q", "?": "B"}
"""Type codes of array.array that are not numpy's."""


class Array:
    """An array of MATLAB's: two dimensions at least, column-major; its rows and slices are views of it.

    Args:
        initializer: A number, a nested sequence, a buffer of this class's type, or another array: copied.
        size: The dimensions; a flat initializer fills them column by column.
        vector: A flat sequence, instead of `initializer`.
        is_complex: Whether the elements are complex.

    Raises:
        TypeError, ValueError, OverflowError, BufferError: What was given cannot be an array of this class.
        ShapeError: The number of elements is not the product of `size`.
        SizeError: A nested initializer has other dimensions than `size`.
    """

    __slots__ = ("_array", "_view")
    _kind: ClassVar[Kind]
    _array: NDArray
    _view: bool

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        if arguments and isinstance(arguments[0], dict):  # the form in which the genuine classes pickle
            options = {**arguments[0], **options}
            arguments = arguments[1:]
            if not all(isinstance(name, str) for name in options):
                raise TypeError("keywords must be strings")
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            raise TypeError(
                f"'{unknown[0]}' is an invalid keyword argument for this function;"
                f" allowed are {', '.join(OPTIONS)}"
            )
        if len(arguments) > 2 and arguments[0] is not None and arguments[2] is not None:
            raise TypeError(
                "more than two positional arguments must not be specified. A third will be treated as"
                " 'vector', which must not be specified when an initializer is specified."
            )
        return cls._made(*arguments, **options)

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        """A second call changes nothing."""

    def __init_subclass__(cls, kind: str = "", dtype: str = "") -> None:
        if not kind:
            raise TypeError(f"type 'matlab.{cls.__mro__[1].__name__}' is not an acceptable base type")
        cls._kind = Kind(kind, dtype)

    @classmethod
    def _made(
        cls, initializer: Any = None, size: Any = None, vector: Any = None, is_complex: Any = False
    ) -> Any:
        return cls._wrap(build.build(cls._kind, initializer, size, is_complex, vector))

    @classmethod
    def _wrap(cls, data: NDArray, view: bool = False) -> Any:
        """Return an array with this memory: of the class's dtype, column-major, or a view of such memory."""
        made = object.__new__(cls)
        _set_array(made, data)
        _set_view(made, view)
        return made

    def __setattr__(self, name: str, value: object) -> NoReturn:
        if hasattr(type(self), name):
            raise AttributeError(f"attribute '{name}' of 'matlab.{self._kind.name}' objects is not writable")
        raise AttributeError(f"'matlab.{self._kind.name}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    # Dimensions

    @property
    def size(self) -> tuple[int, ...]:
        """The dimensions."""
        return self._array.shape

    _size = size

    @property
    def itemsize(self) -> int:
        """Bytes of an element; a complex element has two parts."""
        return self._array.itemsize

    @property
    def _is_complex(self) -> bool:
        return self._array.dtype != self._kind.real

    def __len__(self) -> int:
        return len(self._array)

    def reshape(self, *dims: Any) -> Any:
        """Change the dimensions in place, column by column.

        Args:
            dims: Two or more nonnegative integers, or one sequence of them.

        Returns:
            The array itself.

        Raises:
            RuntimeError: This is a view of another array.
            ValueError: Fewer than two dimensions, or not nonnegative integers.
            ShapeError: The number of elements would change.
        """
        if self._view:
            raise RuntimeError("reshape() not supported for a partial array.")
        given = list(dims[0]) if len(dims) == 1 and build.is_sequence(dims[0]) else list(dims)
        if len(given) < 2 or not all(isinstance(one, int) and 0 <= one < 1 << 63 for one in given):
            raise ValueError("reshape() must be passed a nonempty sequence of nonnegative integers.")
        count = math.prod(given)
        if count != self._array.size:
            raise ShapeError(
                f"number of elements specified by arguments to reshape() ({count}) does not match"
                f" current number ({self._array.size})."
            )
        shape = build.trimmed(tuple(map(int, given)))
        _set_array(self, self._array.reshape(shape, order="F"))
        return self

    # Elements

    def _checked(self, index: object) -> Any:
        if isinstance(index, slice):
            if isinstance(index.step, int) and index.step == 0:
                raise ValueError("slice step cannot be zero.")
            return index
        if not isinstance(index, int):
            raise RuntimeError(
                f"index is not an integer or slice: found {type(index).__name__}. Write x[i][j], not x[i, j]."
            )
        return int(index)  # to numpy a bool is no index but a mask

    def _part_at(self, index: Any) -> Any:
        try:
            return self._array[index if type(index) is int else self._checked(index)]
        except IndexError:
            raise IndexError(f"index has an invalid value: {int(index)}") from None

    def __getitem__(self, index: Any) -> Any:
        found = self._part_at(index)
        return self._wrap(found, view=True) if isinstance(found, np.ndarray) else scalar(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        place = self._part_at(index)
        if not isinstance(place, np.ndarray):
            if not isinstance(value, (float, int, str)) and build.is_sequence(value):
                raise TypeError("sequence passed when scalar was expected.")
            element = convert(self._kind, value, self._is_complex)
            with QUIET if self._kind.name == "double" else np.errstate(over="ignore"):
                self._array[int(index)] = element  # beyond the range of single it is inf there, as in MATLAB
            return
        given = build.to_assign(self._kind, value, self._is_complex)
        if isinstance(index, slice) and place.ndim > 1:  # rows: as many elements, taken row by row
            if place.size == 0 and given.size:
                raise ValueError("slice is empty, but number of elements assigned is greater than zero.")
            if place.size != given.size:
                raise ValueError("length of slice does not match number of elements.")
            given = given.reshape(place.shape)
        if given.shape != place.shape:
            raise ValueError(
                "unable to perform assignment because the left and right sides have a different shape."
            )
        place[...] = given

    def __delitem__(self, index: object) -> NoReturn:
        raise RuntimeError("elements of an array cannot be deleted.")

    def __iter__(self) -> Iterator[Any]:
        data = self._array
        if data.ndim > 1:
            return (self._wrap(row, view=True) for row in data)
        if data.dtype.names:
            return (scalar(item) for item in data)
        return (data.item(position) for position in range(len(data)))

    # Comparison and text

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array) or type(other) is not type(self):
            return False
        mine, theirs = self._array, other._array
        if _up_to_empty(mine.shape) != _up_to_empty(theirs.shape):
            return False
        return mine.size == 0 or all(
            np.array_equal(one, another) for one, another in zip(_parts(mine), _parts(theirs), strict=True)
        )

    def _no_order(self, other: object) -> NoReturn:
        raise NotImplementedError("inequality operators not supported.")

    __lt__ = __le__ = __gt__ = __ge__ = _no_order

    def __str__(self) -> str:
        return _text(self._array.tolist())

    def __repr__(self) -> str:
        return f"matlab.{self._kind.name}({self}{', is_complex=True' if self._is_complex else ''})"

    # Parts, copies and memory

    def real(self) -> Any:
        """Return the real parts of a complex array, 1-d, column-major, as a copy."""
        return self._part(0)

    def imag(self) -> Any:
        """Return the imaginary parts of a complex array, 1-d, column-major, as a copy."""
        return self._part(1)

    def _part(self, which: int) -> Any:
        if not self._is_complex:
            raise ValueError("real() and imag() can be called only on a complex array.")
        return self._wrap(_parts(self._array)[which].flatten(order="F"), view=True)

    def noncomplex(self) -> Any:
        """Return the elements of a real array, 1-d, column-major, as a copy."""
        if self._is_complex:
            raise ValueError("noncomplex() must not be called on a complex array.")
        return self._wrap(self._array.flatten(order="F"), view=True)

    _real = property(real)
    _imag = property(imag)
    _data = property(noncomplex)

    def clone(self) -> Any:
        """Return an independent copy; that of a 1-d view is a row."""
        return self._wrap(np.array(np.atleast_2d(self._array), order="F"))

    def __copy__(self) -> Any:
        return self.clone()

    def __deepcopy__(self, memo: object) -> Any:
        return self.clone()

    def __reduce__(self) -> tuple[Any, ...]:
        data = exported(self._array)
        return _unpickle, (type(self), data.tobytes(order="F"), data.shape, self._is_complex)

    def toarray(self) -> array.array[Any]:
        """Return a 1-d array as an `array.array` of the standard library; logical elements become 0 and 1."""
        if self._array.ndim != 1 and len(self._array):
            raise RuntimeError("toarray() can be called only on a one-dimensional sequence.")
        if self._is_complex and self._array.size:
            raise RuntimeError("toarray() failed: array.array has no complex elements.")
        code = self._kind.real.char
        return array.array(CODES.get(code, code), self._array.tobytes())

    def tomemoryview(self) -> memoryview:
        """Return the memory, read-only, column-major, with its dimensions; of a view, a copy."""
        lent: Any = self._exported()
        return memoryview(lent)

    def buffer_info(self) -> tuple[int, int]:
        """Return the address of the memory and the number of elements."""
        return self._array.ctypes.data, self._array.size

    def get_bytewise_strides(self) -> tuple[int, ...]:
        """Return the bytes between neighbours in each dimension of the memory that `tomemoryview` gives."""
        return strides(self._exported().shape, self.itemsize)

    def _exported(self) -> NDArray:
        return exported(self._array)

    def __buffer__(self, flags: int) -> memoryview:
        return self.tomemoryview()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        # Asked by numpy where the buffer protocol is not to be had: _buffer.py says where.
        return np.array(self._exported(), dtype=dtype, copy=copy) if copy or dtype else self._exported()


_set_array = Array.__dict__["_array"].__set__  # the only ways to set them: an array has no writable attribute
_set_view = Array.__dict__["_view"].__set__


def _up_to_empty(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[: shape.index(0) + 1] if 0 in shape else shape


def _parts(data: NDArray) -> tuple[Any, Any]:
    return (data["real"], data["imag"]) if data.dtype.names else (data.real, data.imag)


def _text(items: Any) -> str:
    if isinstance(items, list):
        return "[" + ",".join(map(_text, items)) + "]"
    return repr(complex(*items) if isinstance(items, tuple) else items)


def _unpickle(cls: type[Array], data: bytes, shape: tuple[int, ...], is_complex: bool) -> Any:
    flat = np.frombuffer(data, dtype=cls._kind.dtype(is_complex)).copy()
    return cls._wrap(flat.reshape(shape, order="F"))
