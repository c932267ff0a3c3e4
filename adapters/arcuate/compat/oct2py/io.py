"""The classes that values of Octave become: :class:`Struct`, :class:`StructArray` and :class:`Cell`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["Cell", "Struct", "StructArray"]


class Struct(dict[str, Any]):
    """A struct: a dict whose items are attributes too.

    An attribute or item that is not there is made on first use, so that ``s.a.b = 1`` works.
    """

    def __getattr__(self, name: str) -> Any:
        # What Python, copy, pickle and IPython ask every object for must not become a field.
        if name.startswith(("__", "_ipython_", "_repr_")):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name}")
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __missing__(self, name: str) -> Struct:
        self[name] = made = type(self)()
        return made

    def __dir__(self) -> list[str]:
        return sorted({*dict.__dir__(self), *(name for name in self if str(name).isidentifier())})

    def __reduce__(self) -> Any:
        return type(self), (dict(self),)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        return dict(self)


class Cell(np.ndarray[Any, np.dtype[np.object_]]):
    """A cell array: an array of objects of two dimensions at least.

    Args:
        value: anything that numpy makes an array of objects from.
    """

    def __new__(cls, value: Any) -> Cell:
        return np.atleast_2d(np.asarray(value, dtype=object)).view(cls)

    def __getitem__(self, key: Any) -> Any:
        if self.size == 1 and type(key) is int and key == 0:
            return self.ravel().view(np.ndarray)[0]  # the only element, whatever the dimensions
        return super().__getitem__(key)

    def __repr__(self) -> str:
        text = np.array2string(self.view(np.ndarray), separator=", ", prefix="array(")
        if self.size:
            return f"Cell({text})"
        return f"Cell([], shape={self.shape})"


class StructArray(np.recarray[Any, Any]):
    """A struct array: an array of records.

    A field, as an attribute or an item, is a :class:`Cell`; an element has its fields as attributes.

    Args:
        value: an array with named fields, or a struct array.
    """

    def __new__(cls, value: Any) -> StructArray:
        array = np.asarray(value)
        if array.dtype.names is None:
            raise TypeError(
                f"a StructArray is made of an array with named fields, not of {type(value).__name__}"
            )
        return array.view(cls)

    @classmethod
    def of(
        cls, items: Iterable[dict[str, Any]], fields: Iterable[str], shape: tuple[int, ...]
    ) -> StructArray:
        """The struct array of elements in column-major order.

        Args:
            items: the elements.
            fields: the names of their fields.
            shape: the dimensions.
        """
        names = list(fields)
        array = np.empty(shape, dtype=[(name, object) for name in names])
        flat = array.reshape(-1, order="F")
        for index, item in enumerate(items):
            flat[index] = tuple(item[name] for name in names)
        return flat.reshape(shape, order="F").view(cls)

    @property
    def fieldnames(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(self.dtype.names or ())

    def __getattribute__(self, name: str) -> Any:
        return _as_cell(super().__getattribute__(name))

    def __getitem__(self, key: Any) -> Any:
        return _as_cell(super().__getitem__(key))

    def __repr__(self) -> str:
        shape = self.shape if self.ndim > 1 else (*self.shape, 1)
        names = "".join(f"\n    {name}" for name in self.fieldnames)
        return f"{'x'.join(map(str, shape))} StructArray containing the fields:{names}"


def _as_cell(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == object and not isinstance(value, Cell):
        return Cell(value)
    return value


def __getattr__(name: str) -> Any:
    if name == "MatlabFunction":  # scipy's class, which takes long to be imported
        from scipy.io.matlab import MatlabFunction

        return MatlabFunction
    raise AttributeError(name)
