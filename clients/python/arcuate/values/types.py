"""Python classes for what no library of the caller holds.

Forced lists, cells, typed missing values, and the forms of values in an interpreter without numpy or pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from arcuate.values import codes
from arcuate.values.record import field, record

__all__ = [
    "NA",
    "Array",
    "Cell",
    "Dataset",
    "Day",
    "Duration",
    "Factor",
    "Instant",
    "Labelled",
    "List",
    "Map",
    "Missing",
    "Sparse",
    "StructArray",
    "Table",
    "TypedComplex",
    "TypedFloat",
    "TypedInt",
]


class List(list[Any]):
    """A list that stays a list (R) or a cell (Octave) where a plain list of numbers would become a vector."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"List({super().__repr__()})"


class Cell(list[Any]):
    """An n-d cell array (Octave) or a list with dimensions (R).

    Args:
        items: the elements in column-major order.
        shape: its dimensions; without it a row, ``(1, n)``.
    """

    __slots__ = ("shape",)

    def __init__(self, items: Iterable[Any] = (), shape: Sequence[int] | None = None) -> None:
        super().__init__(items)
        self.shape: tuple[int, ...] = (1, len(self)) if shape is None else tuple(int(n) for n in shape)
        if prod(self.shape) != len(self):
            raise ValueError(f"{len(self)} elements do not fill a cell of shape {self.shape}")

    def at(self, *index: int) -> Any:
        """The element at a zero-based index with one number per dimension."""
        if len(index) != len(self.shape) or any(
            not 0 <= i < n for i, n in zip(index, self.shape, strict=True)
        ):
            raise IndexError(f"index {index} does not fit the shape {self.shape}")
        offset, scale = 0, 1
        for i, n in zip(index, self.shape, strict=True):
            offset, scale = offset + i * scale, scale * n
        return self[offset]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cell):
            return NotImplemented
        return self.shape == other.shape and list(self) == list(other)

    __hash__ = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()}, shape={self.shape})"


class StructArray(Cell):
    """A struct array (Octave, MATLAB): a cell of mappings that all have the same keys in the same order.

    Args:
        items: the mappings in column-major order.
        shape: its dimensions; without it a row.
        fields: the names of the fields; needed only where there are no items.
    """

    __slots__ = ("fields",)

    def __init__(
        self,
        items: Iterable[Mapping[str, Any]] = (),
        shape: Sequence[int] | None = None,
        fields: Sequence[str] | None = None,
    ) -> None:
        super().__init__(items, shape)
        self.fields: tuple[str, ...] = tuple(fields) if fields is not None else tuple(self[0]) if self else ()
        for number, item in enumerate(self):
            if tuple(item) != self.fields:
                raise ValueError(f"element {number} has the fields {tuple(item)}, not {self.fields}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StructArray):
            return NotImplemented
        return self.fields == other.fields and super().__eq__(other)

    __hash__ = None


class Map(dict[str, Any]):
    """A mapping that is a map object on the other side: ``containers.Map`` or MATLAB's ``dictionary``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Map({super().__repr__()})"


class Missing:
    """A missing value of a known dtype of ``codes.DTYPE_NAMES``, such as R's ``NA_integer_``."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: str = "none") -> None:
        if dtype not in codes.DTYPE_NAMES:
            raise ValueError(f"no dtype {dtype!r}; there are {', '.join(codes.DTYPE_NAMES)}")
        self.dtype = dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Missing) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash((Missing, self.dtype))

    def __bool__(self) -> bool:
        raise TypeError("whether a missing value is true is not known")

    def __repr__(self) -> str:
        return "<NA>" if self.dtype == "none" else f"<NA {self.dtype}>"


NA = Missing()
"""A missing value of no particular dtype, where pandas with its own ``NA`` is not installed."""


class TypedInt(int):
    """An integer of a class such as ``i4``, in an interpreter without numpy."""

    dtype: str

    def __new__(cls, value: int, dtype: str) -> TypedInt:
        self = super().__new__(cls, value)
        self.dtype = dtype
        return self


class TypedFloat(float):
    """A float of a class such as ``f4``, in an interpreter without numpy."""

    dtype: str

    def __new__(cls, value: float, dtype: str) -> TypedFloat:
        self = super().__new__(cls, value)
        self.dtype = dtype
        return self


class TypedComplex(complex):
    """A complex number of a class such as ``c8``, in an interpreter without numpy."""

    dtype: str

    def __new__(cls, value: complex, dtype: str) -> TypedComplex:
        self = super().__new__(cls, value)
        self.dtype = dtype
        return self


@record(frozen=True)
class Instant:
    """A date and time that no class at hand holds exactly.

    Attributes:
        count: units since 1970-01-01T00:00, in UTC when there is a zone.
        unit: numpy's name of the unit, such as ``"ns"``.
        zone: IANA name or offset; empty: a local time without a zone.
        hint: flags of the scalar (see ``protos/frames.md``).
    """

    count: int
    unit: str
    zone: str = ""
    hint: int = 0


@record(frozen=True)
class Day:
    """A date beyond the years 1 to 9999: ``count`` days since 1970-01-01."""

    count: int


@record(frozen=True)
class Duration:
    """A duration that no class at hand holds exactly: ``count`` times ``unit`` (numpy's name)."""

    count: int
    unit: str
    hint: int = 0


@record(eq=False)
class Array:
    """An n-d array in an interpreter without numpy, or one of a kind that numpy and pandas do not have.

    Attributes:
        dtype: one of :data:`arcuate.values.codes.DTYPE_NAMES`.
        shape: its dimensions.
        data: the elements as bytes; for ``text`` NUL-terminated UTF-8.
        order: ``"C"`` (row-major) or ``"F"``.
        mask: one byte per element, 1 where missing; or ``None``.
        unit: numpy's name of the unit, for ``datetime`` and ``duration``.
        zone: the zone, for ``datetime``.
        hint: flags about its origin, sent back as they came.
    """

    dtype: str
    shape: tuple[int, ...]
    data: memoryview
    order: str = "C"
    mask: memoryview | None = None
    unit: str = ""
    zone: str = ""
    hint: int = 0
    _items: list[Any] | None = None

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a 0-d array has no length")
        return self.shape[0]

    def flat(self) -> list[Any]:
        """The elements as Python scalars, in memory order; a missing one is :class:`Missing`.

        Datetimes and durations are given as :class:`Instant` and :class:`Duration`, dates as their count of
        days.
        """
        if self._items is None:
            items = _elements(self)
            if self.mask is not None:
                missing = Missing(self.dtype)
                mask = bytes(self.mask)
                items = [missing if gone else item for item, gone in zip(items, mask, strict=True)]
            self._items = items
        return self._items

    def __getitem__(self, index: int | tuple[int, ...]) -> Any:
        steps = index if isinstance(index, tuple) else (index,)
        if len(steps) != len(self.shape):
            raise IndexError(
                f"an array of shape {self.shape} takes {len(self.shape)} indices, not {len(steps)}"
            )
        offset = 0
        pairs = list(zip(steps, self.shape, strict=True))
        for i, n in reversed(pairs) if self.order == "F" else pairs:
            if not -n <= i < n:
                raise IndexError(f"index {index} is outside the shape {self.shape}")
            offset = offset * n + i % n
        return self.flat()[offset]

    def tolist(self) -> Any:
        """The elements as nested lists; a scalar for a 0-d array."""
        if not self.shape:
            return self.flat()[0]

        def build(prefix: tuple[int, ...]) -> list[Any]:
            axis = len(prefix)
            span = range(self.shape[axis])
            if axis == len(self.shape) - 1:
                return [self[(*prefix, i)] for i in span]
            return [build((*prefix, i)) for i in span]

        return build(())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array):
            return NotImplemented
        mine = (self.dtype, self.shape, self.unit, self.zone)
        return mine == (other.dtype, other.shape, other.unit, other.zone) and self.tolist() == other.tolist()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        text = repr(self.tolist()) if self.size <= 20 else f"{self.size:,} elements"
        return f"Array({self.dtype}, shape={self.shape}, {text})"


@record
class Factor:
    """A categorical that pandas cannot hold (a category is missing, two dimensions), or any without pandas.

    Attributes:
        codes: zero-based positions in ``categories``; a signed integer array, masked where missing.
        categories: the categories; a masked one is the category NA.
        ordered: whether their order means something.
    """

    codes: Any
    categories: Any
    ordered: bool = False

    def __len__(self) -> int:
        return len(self.codes)


@record
class Labelled:
    """A labelled array that xarray would change, or any without it.

    ``coords``: name to ``{"dims", "data", "attrs"}``.
    """

    name: str | None
    dims: tuple[str, ...]
    data: Any
    coords: dict[str, dict[str, Any]] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    hint: int = 0


@record
class Dataset:
    """A labelled dataset that xarray would change, or any without it.

    Variables are ``{"dims", "data", "attrs"}``.
    """

    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    coords: dict[str, dict[str, Any]] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)


@record
class Table:
    """A table that pandas would change, or any without it.

    ``index``: ``None``, or ``{"names": [...], "levels": [...]}``.
    """

    columns: dict[str, Any]
    rows: int
    index: dict[str, Any] | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    hint: str = ""


@record
class Sparse:
    """A sparse matrix in an interpreter without scipy.

    Attributes:
        format: ``"csc"``, ``"csr"`` or ``"coo"``.
        shape: rows and columns.
        dtype: one of :data:`arcuate.values.codes.DTYPE_NAMES`.
        data: the stored entries as bytes.
        first: indices (csc: of rows, csr: of columns), or for coo the rows; bytes of i32 or i64.
        second: pointers, or for coo the columns.
        stored: how many entries are stored.
        flags: ``SPARSE_WIDE`` when indices are i64.
    """

    format: str
    shape: tuple[int, int]
    dtype: str
    data: memoryview
    first: memoryview
    second: memoryview
    stored: int
    flags: int = 0


_FORMATS = {
    codes.D_BOOL: "?", codes.D_I1: "b", codes.D_I2: "h", codes.D_I4: "i", codes.D_I8: "q", codes.D_U1: "B",
    codes.D_U2: "H", codes.D_U4: "I", codes.D_U8: "Q", codes.D_F4: "f", codes.D_F8: "d",
    codes.D_DATETIME: "q", codes.D_DATE: "i", codes.D_DURATION: "q",
}  # fmt: skip


def _elements(array: Array) -> list[Any]:
    code = codes.DTYPE_NAMES.index(array.dtype)
    data = memoryview(array.data)
    if code == codes.D_TEXT:
        return bytes(data).decode().split("\0")[:-1]
    if not array.size:
        return []
    if code == codes.D_F2:
        import struct

        return list(struct.unpack(f"<{array.size}e", data))
    if code in (codes.D_C8, codes.D_C16):
        numbers = data.cast("B").cast("f" if code == codes.D_C8 else "d").tolist()
        return list(map(complex, numbers[::2], numbers[1::2]))
    items: list[Any] = data.cast("B").cast(_FORMATS[code]).tolist()  # type: ignore[call-overload]
    if code == codes.D_DATETIME:
        return [Instant(item, array.unit, array.zone) for item in items]
    if code == codes.D_DURATION:
        return [Duration(item, array.unit) for item in items]
    return items
