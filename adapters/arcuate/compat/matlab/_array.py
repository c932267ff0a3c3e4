"""What the array classes have in common."""

from __future__ import annotations

import array
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import numpy as np

from arcuate.compat.matlab import _build as build
from arcuate.compat.matlab._buffer import exported
from arcuate.compat.matlab._elements import Kind, NDArray, convert
from arcuate.compat.matlab._errors import ShapeError

SHAPE_DIFFERS = "unable to perform assignment because the left and right sides have a different shape."
RESHAPE = "reshape() must be passed a nonempty sequence of nonnegative integers."


class Array:
    """An array of MATLAB's: two dimensions at least, column-major; its rows and slices are views of it.

    Args:
        initializer: A number, a nested sequence, a buffer of this class's type, or another array: copied.
        size: The dimensions; a flat initializer fills them column by column.
        vector: A flat sequence, instead of `initializer`.
        is_complex: Whether the elements are complex.
    """

    __slots__ = ("_array", "_view")
    _kind: ClassVar[Kind]
    _array: NDArray
    _view: bool

    def __new__(
        cls, initializer: Any = None, size: Any = None, vector: Any = None, is_complex: Any = False
    ) -> Any:
        return cls._wrap(build.build(cls._kind, initializer, size, is_complex, vector))

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        """A second call changes nothing."""

    def __init_subclass__(cls, kind: str = "", dtype: str = "") -> None:
        if not kind:
            base = cls.__mro__[1]
            raise TypeError(f"type 'matlab.{base.__name__}' is not an acceptable base type")
        cls._kind = Kind(kind, dtype)

    @classmethod
    def _wrap(cls, data: NDArray, view: bool = False) -> Any:
        made = object.__new__(cls)
        object.__setattr__(made, "_array", data)
        object.__setattr__(made, "_view", view)
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
        """Bytes of an element."""
        return self._array.itemsize

    @property
    def _is_complex(self) -> bool:
        return self._array.dtype != self._kind.real

    def __len__(self) -> int:
        return len(self._array)

    def reshape(self, *dims: Any) -> Any:
        """Change the dimensions in place, column by column.

        Returns:
            The array itself.

        Raises:
            RuntimeError: This is a view of another array.
            ValueError: Fewer than two dimensions, or not nonnegative integers.
            ShapeError: The number of elements would change.
        """
        if self._view:
            raise RuntimeError("reshape() not supported for a partial array.")
        if len(dims) == 1:
            dims = tuple(dims[0]) if isinstance(dims[0], (list, tuple, range)) else ()
        if len(dims) < 2 or not all(isinstance(one, int) and one >= 0 for one in dims):
            raise ValueError(RESHAPE)
        count = np.prod(dims, dtype=object)
        if count != self._array.size:
            raise ShapeError(
                f"number of elements specified by arguments to reshape() ({count}) does not match"
                f" current number ({self._array.size})."
            )
        shape = build.trimmed(tuple(map(int, dims)))
        object.__setattr__(self, "_array", self._array.reshape(shape, order="F"))
        return self

    # Elements

    def _scalar(self, item: Any) -> Any:
        value = item.item() if isinstance(item, np.generic) else item
        return complex(*value) if isinstance(value, tuple) else value

    def _checked(self, index: object) -> Any:
        if isinstance(index, slice):
            return slice(*index.indices(len(self._array))) if index.step != 0 else self._no_step()
        if not isinstance(index, int):
            raise RuntimeError(
                f"index is not an integer or slice: found {type(index).__name__}. Use x[i][j], not x[i, j]."
            )
        if not -len(self._array) <= index < len(self._array):
            raise IndexError(f"index has an invalid value: {index}")
        return int(index)

    def _no_step(self) -> NoReturn:
        raise ValueError("slice step cannot be zero.")

    def __getitem__(self, index: Any) -> Any:
        index = self._checked(index)
        if isinstance(index, slice):
            return self._wrap(self._array[index.start : _stop(index) : index.step], view=True)
        if self._array.ndim == 1:
            return self._scalar(self._array[index])
        return self._wrap(self._array[index], view=True)

    def __setitem__(self, index: Any, value: Any) -> None:
        index = self._checked(index)
        if not isinstance(index, slice) and self._array.ndim == 1:
            if build.is_sequence(value) and not isinstance(value, (str, bytes)):
                raise TypeError("sequence passed when scalar was expected.")
            with np.errstate(over="ignore"):
                self._array[index] = convert(self._kind, value, self._is_complex)
            return
        if value is None:
            raise TypeError("value must not be 'None'.")
        place = (
            self._array[index]
            if not isinstance(index, slice)
            else self._array[index.start : _stop(index) : index.step]
        )
        given = build.from_initializer(self._kind, value, self._is_complex)
        if given.shape != place.shape and not (
            isinstance(index, slice) and place.ndim > 1 and given.shape == place.shape[1:] and len(place) == 1
        ):
            raise ValueError(SHAPE_DIFFERS)
        place[...] = given

    def __delitem__(self, index: object) -> NoReturn:
        raise RuntimeError("elements of an array cannot be deleted.")

    def __iter__(self) -> Iterator[Any]:
        return (self[position] for position in range(len(self._array)))

    # Comparison and text

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array) or type(other) is not type(self):
            return False
        mine, theirs = self._array, other._array
        if mine.size == 0 and theirs.size == 0:
            return True
        if mine.shape != theirs.shape:
            return False
        if mine.dtype == theirs.dtype:
            return bool(np.all(mine == theirs))
        return bool(
            np.all(_parts(mine)[0] == _parts(theirs)[0]) and np.all(_parts(mine)[1] == _parts(theirs)[1])
        )

    def _no_order(self, other: object) -> NoReturn:
        raise NotImplementedError("inequality operators not supported.")

    __lt__ = __le__ = __gt__ = __ge__ = _no_order

    def __str__(self) -> str:
        return _text(self._array)

    def __repr__(self) -> str:
        return f"matlab.{self._kind.name}({self}{', is_complex=True' if self._is_complex else ''})"

    # Parts, copies and memory

    def real(self) -> Any:
        """Return the real parts of a complex array, 1-d, column-major, as a copy."""
        return self._part(0)

    def imag(self) -> Any:
        """Return the imaginary parts of a complex array, 1-d, column-major, as a copy."""
        return self._part(1)

    def noncomplex(self) -> Any:
        """Return the elements of a real array, 1-d, column-major, as a copy."""
        if self._is_complex:
            raise ValueError("noncomplex() must not be called on a complex array.")
        return self._wrap(self._array.flatten(order="F"), view=True)

    def _part(self, which: int) -> Any:
        if not self._is_complex:
            raise ValueError("real() and imag() can be called only on a complex array.")
        return self._wrap(_parts(self._array)[which].flatten(order="F"), view=True)

    _data = property(noncomplex)
    _real = property(real)
    _imag = property(imag)

    def clone(self) -> Any:
        """Return an independent copy."""
        data = self._array.reshape(1, -1) if self._array.ndim == 1 else self._array
        return self._wrap(np.array(data, order="F"))

    def __copy__(self) -> Any:
        return self.clone()

    def __deepcopy__(self, memo: object) -> Any:
        return self.clone()

    def __reduce__(self) -> tuple[Any, ...]:
        data = exported(self._array)
        return _unpickle, (type(self), data.tobytes(order="F"), data.shape, self._is_complex)

    def toarray(self) -> array.array[Any]:
        """Return a 1-d array as the standard library's `array.array`; logical elements become 0 and 1."""
        if self._array.ndim != 1 and self._array.size:
            raise RuntimeError("toarray() can be called only on a one-dimensional sequence.")
        if self._is_complex:
            raise RuntimeError("toarray() failed.")
        code = {"l": "q", "L": "Q", "?": "B"}.get(self._array.dtype.char, self._array.dtype.char)
        return array.array(code, self._array.tobytes(order="F"))

    def tomemoryview(self) -> memoryview:
        """Return the memory, read-only, column-major, with its dimensions."""
        lent: Any = self._exported()
        return memoryview(lent)

    def buffer_info(self) -> tuple[int, int]:
        """Return the address of the memory and the number of elements."""
        return self._array.ctypes.data, self._array.size

    def get_bytewise_strides(self) -> tuple[int, ...]:
        """Return the bytes between neighbours in each dimension of the memory that `tomemoryview` gives."""
        return self._exported().strides

    def _exported(self) -> NDArray:
        return exported(self._array)

    def __buffer__(self, flags: int) -> memoryview:
        return self.tomemoryview()


def _stop(index: slice) -> int | None:
    return None if index.step < 0 and index.stop < 0 else index.stop


def _parts(data: NDArray) -> tuple[NDArray, Any]:
    if data.dtype.names:
        return data["real"], data["imag"]
    return data.real, data.imag


def _text(data: Any) -> str:
    def nested(items: Any) -> str:
        if isinstance(items, list):
            return "[" + ",".join(map(nested, items)) + "]"
        return repr(complex(*items) if isinstance(items, tuple) else items)

    return nested(data.tolist())


def _unpickle(cls: type[Array], data: bytes, shape: tuple[int, ...], is_complex: bool) -> Any:
    flat = np.frombuffer(bytearray(data), dtype=cls._kind.dtype(is_complex))
    return cls._wrap(flat.reshape(shape, order="F"))
