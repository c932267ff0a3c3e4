"""When two values are equal: the rule of ``protos/SEMANTICS.md`` on rows, with the path of a difference.

Equality is defined on decoded values, never on encoded bytes. Needs numpy.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arcuate.values import codes
from arcuate.values.nodes import Cursor, Nodes, Row, signed, step, to_float

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["assert_same", "equal"]

_SCALARS = {
    codes.D_BOOL: codes.BOOL,
    codes.D_I8: codes.INT,
    codes.D_F8: codes.FLOAT,
    codes.D_C16: codes.COMPLEX,
    codes.D_TEXT: codes.TEXT,
}
"""The kind of the elements of a sequence."""
_MATTER = {
    codes.LIST: codes.LIST_SHAPED | codes.LIST_STRUCTS,
    codes.CATEGORICAL: codes.CATEGORICAL_ORDERED,
}
"""The flags that are more than a hint; those of arrays are looked at apart."""
_F64 = struct.Struct("<d")


@dataclass
class _Tree:
    """One node with its numbers, buffers and children."""

    row: Row
    pool: list[int]
    buffers: list[memoryview]
    items: list[_Tree]


def equal(a: Nodes, b: Nodes, *, hints: bool = False) -> str | None:
    """Compares two values.

    Args:
        a: one value; its rows are well-formed (:func:`arcuate.values.check.check`).
        b: the other one.
        hints: whether hints have to agree too: tuple, forced, map, boxed, memory order, container of a table,
            numpy and pandas scalars, storage of a sparse matrix, width of the codes of a categorical.

    Returns:
        ``None`` when they are equal, otherwise the first difference: ``"$.x[1]: float 1.0 is not 2.0"``.
    """
    first, second = Cursor(a), Cursor(b)
    difference = _compare(_read(first), _read(second), "$", hints)
    first.finish()
    second.finish()
    return difference


def assert_same(x: object, y: object) -> None:
    """Raises ``AssertionError`` with the first difference of two Python values.

    Both are encoded first, so that this judges values and not classes: a view and its copy are the same. What
    encode does not tell apart cannot be told apart here; a test of encode needs another judge.
    """
    from arcuate.values.encode import encode

    difference = equal(encode(x), encode(y))
    if difference is not None:
        raise AssertionError(difference)


def _read(cursor: Cursor) -> _Tree:
    row = cursor.next()
    kind, _, flags, _, count, _, _, _ = row
    tree = _Tree(row, [], [], [])
    if kind == codes.ARRAY:
        tree.pool = list(cursor.numbers(count))
        tree.buffers = [cursor.buffer() for _ in range(2 if flags & codes.ARRAY_MASK else 1)]
        return tree
    if kind == codes.COMPLEX:
        tree.pool = list(cursor.numbers(2))
    elif kind == codes.BYTES:
        tree.buffers = [cursor.buffer()]
    elif kind == codes.SPARSE:
        tree.pool = list(cursor.numbers(2))
        tree.buffers = [cursor.buffer() for _ in range(3)]
    elif kind == codes.LIST and flags & codes.LIST_SHAPED:
        tree.pool = list(cursor.numbers(cursor.numbers(1)[0]))
    if count:
        cursor.enter(count)
        tree.items = [_read(cursor) for _ in range(count)]
        cursor.leave()
    return tree


def _compare(a: _Tree, b: _Tree, path: str, hints: bool) -> str | None:
    kind = a.row[0]
    if kind != b.row[0] or (kind == codes.ARRAY and (a.row[2] ^ b.row[2]) & codes.ARRAY_SEQUENCE):
        left, right = _as_list(a), _as_list(b)
        if hints or left is None or right is None:
            return f"{path}: {_name(a)} is not {_name(b)}"
        return _children(left, right, path, hints)
    difference = _hints(a.row, b.row, hints)
    if difference:
        return f"{path}: {difference}"
    if kind == codes.ARRAY:
        if a.row[1] != b.row[1]:
            left, right = _as_list(a), _as_list(b)
            if left is not None and right is not None:  # what is missing in a sequence has no dtype
                return _children(left, right, path, hints)
        return _arrays(a, b, path)
    if kind == codes.SPARSE:
        return _sparse(a, b, path)
    if kind == codes.CATEGORICAL:
        return _categoricals(a, b, path, hints)
    found, other = _content(a), _content(b)
    if found != other:
        return f"{path}: {_name(a)} {_shown(found)} is not {_shown(other)}"
    if kind in (codes.FUNCTION, codes.HANDLE):  # the id tells which object it is; the rest only describes it
        return None
    return _children(a, b, path, hints)


def _as_list(tree: _Tree) -> _Tree | None:
    """A list, or a sequence as the list of scalars that it stands for; missing loses its dtype in both."""
    kind, dtype, flags = tree.row[:3]
    untyped = _Tree((codes.MISSING, 0, 0, 0, 0, 0, "", ""), [], [], [])
    if kind == codes.LIST:
        items = [untyped if item.row[0] == codes.MISSING else item for item in tree.items]
        return None if flags & codes.LIST_SHAPED else _Tree(tree.row, [], [], items)
    if kind != codes.ARRAY or not flags & codes.ARRAY_SEQUENCE:
        return None
    values, shown = _elements(tree)
    items = []
    for value, show in zip(values, shown, strict=True):
        below = untyped
        if show:
            below = _Tree(tree.row, [], [], [])
            element = _SCALARS[dtype]
            below.row = (element, 0, 0, 0, 0, 0, "", "")
            if element == codes.TEXT:
                below.row = (element, 0, 0, 0, 0, 0, "", bytes(value).decode())
            elif element == codes.COMPLEX:
                below.pool = [_bits(value.real), _bits(value.imag)]
            elif element == codes.FLOAT:
                below.row = (element, 0, 0, 0, 0, _bits(value), "", "")
            else:
                below.row = (element, 0, 0, 0, 0, int(value) & (1 << 64) - 1, "", "")
        items.append(below)
    return _Tree((codes.LIST, 0, 0, 0, len(items), 0, "", ""), [], [], items)


def _children(a: _Tree, b: _Tree, path: str, hints: bool) -> str | None:
    if len(a.items) != len(b.items):
        return f"{path}: {len(a.items)} elements are not {len(b.items)}"
    keyed = a.row[0] != codes.LIST
    if keyed:
        for i, (one, other) in enumerate(zip(a.items, b.items, strict=True)):
            if one.row[6] != other.row[6]:
                return f"{path}: key {i} is {one.row[6]!r}, not {other.row[6]!r}"
    for i, (one, other) in enumerate(zip(a.items, b.items, strict=True)):
        below = path + (step(one.row[6]) if keyed else f"[{i}]")
        difference = _compare(one, other, below, hints)
        if difference is not None:
            return difference
    return None


def _hints(a: Row, b: Row, hints: bool) -> str | None:
    """The first difference in flags, of all that are hints only if hints have to agree."""
    kind = a[0]
    matter = _MATTER.get(kind, 0)
    if hints and kind != codes.INT:
        matter = 0xFF & ~(codes.ARRAY_MASK if kind == codes.ARRAY else 0)
        if kind in (codes.TABLE, codes.SPARSE) and (a[3], a[7]) != (b[3], b[7]):
            return f"container or storage {(a[3], a[7])} is not {(b[3], b[7])}"
    return f"flags {a[2]} are not {b[2]}" if (a[2] ^ b[2]) & matter else None


def _content(tree: _Tree) -> tuple[object, ...]:
    """What a node itself says, without its children."""
    kind, dtype, flags, unit, _, value, _, text = tree.row
    if kind == codes.INT:
        wide = dtype == codes.D_U8 or flags & codes.INT_UNSIGNED
        return dtype, value if wide else signed(value)
    if kind == codes.FLOAT:
        return dtype, _float(value)
    if kind == codes.COMPLEX:
        return dtype, *map(_float, tree.pool)
    if kind == codes.BYTES:
        return (bytes(tree.buffers[0]),)
    if kind == codes.TABLE:
        return (value,)
    if kind in (codes.DATETIME, codes.DATE, codes.DURATION):
        return signed(value), codes.UNIT_NAMES[unit], text
    return dtype, value, unit, text, tuple(tree.pool)


def _float(bits: int) -> object:
    """A number that compares by the rule: NaN is NaN, -0 is not 0."""
    number = to_float(bits)
    return "NaN" if number != number else (number, bits >> 63)


def _bits(number: Any) -> int:
    return int.from_bytes(_F64.pack(number), "little")


def _elements(tree: _Tree) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The elements of an array in its shape, and where they are present; texts are bytes."""
    import numpy as np

    dtype, flags = tree.row[1:3]
    order: Any = "F" if flags & codes.ARRAY_FORTRAN else "C"
    if dtype == codes.D_TEXT:
        texts = bytes(tree.buffers[0]).split(b"\0")[:-1]
        values: NDArray[Any] = np.empty(len(texts), dtype=object)
        values[:] = texts
    else:
        values = np.frombuffer(tree.buffers[0], _numpy_dtype(dtype))
    values = values.reshape(tree.pool, order=order)
    shown = np.ones(tree.pool, dtype=bool)
    if flags & codes.ARRAY_MASK:
        shown = np.frombuffer(tree.buffers[1], "u1").reshape(tree.pool, order=order) == 0
    return values, shown


def _numpy_dtype(dtype: int) -> str:
    times = {codes.D_DATETIME: "<i8", codes.D_DURATION: "<i8", codes.D_DATE: "<i4", codes.D_BOOL: "?"}
    return times.get(dtype) or "<" + codes.DTYPE_NAMES[dtype]


def _arrays(a: _Tree, b: _Tree, path: str) -> str | None:
    if a.row[1] != b.row[1]:
        return f"{path}: dtype {codes.DTYPE_NAMES[a.row[1]]} is not {codes.DTYPE_NAMES[b.row[1]]}"
    if a.pool != b.pool:
        return f"{path}: shape {tuple(a.pool)} is not {tuple(b.pool)}"
    if (a.row[3], a.row[7]) != (b.row[3], b.row[7]):
        units = [f"unit {codes.UNIT_NAMES[row[3]]!r} and zone {row[7]!r}" for row in (a.row, b.row)]
        return f"{path}: {units[0]} are not {units[1]}"
    return _first(*_elements(a), *_elements(b), path)


def _first(
    a: NDArray[Any], shown_a: NDArray[np.bool_], b: NDArray[Any], shown_b: NDArray[np.bool_], path: str
) -> str | None:
    """The first element that differs, of two arrays of one shape and dtype."""
    import numpy as np

    different = shown_a != shown_b
    both = shown_a & shown_b
    if a.dtype.kind == "c":
        same = _same_floats(a.real, b.real) & _same_floats(a.imag, b.imag)
    elif a.dtype.kind == "f":
        same = _same_floats(a, b)
    else:
        same = np.asarray(a == b, dtype=bool)
    different |= both & ~same
    if not different.any():
        return None
    place = np.unravel_index(int(np.argmax(different)), different.shape)
    index = "".join(f"[{int(i)}]" for i in place)
    shown = [repr(x[place]) if show[place] else "missing" for x, show in ((a, shown_a), (b, shown_b))]
    return f"{path}{index}: {shown[0]} is not {shown[1]}"


def _same_floats(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    import numpy as np

    same: NDArray[np.bool_] = ((a == b) & (np.signbit(a) == np.signbit(b))) | ((a != a) & (b != b))
    return same


def _categoricals(a: _Tree, b: _Tree, path: str, hints: bool) -> str | None:
    (codes_a, categories_a), (codes_b, categories_b) = a.items, b.items
    difference = _compare(categories_a, categories_b, path + ".categories", hints)
    if difference is not None:
        return difference
    if hints and codes_a.row[1] != codes_b.row[1]:
        return _arrays(codes_a, codes_b, path + ".codes")
    if codes_a.pool != codes_b.pool:
        return f"{path}.codes: shape {tuple(codes_a.pool)} is not {tuple(codes_b.pool)}"
    values_a, shown_a = _elements(codes_a)
    values_b, shown_b = _elements(codes_b)
    return _first(values_a, shown_a, values_b, shown_b, path + ".codes")


def _sparse(a: _Tree, b: _Tree, path: str) -> str | None:
    import numpy as np

    if (a.row[1], a.pool) != (b.row[1], b.pool):
        found = [f"{codes.DTYPE_NAMES[tree.row[1]]} {tree.pool[0]} by {tree.pool[1]}" for tree in (a, b)]
        return f"{path}: {found[0]} is not {found[1]}"
    (rows_a, columns_a, data_a), (rows_b, columns_b, data_b) = _entries(a), _entries(b)
    if not (np.array_equal(rows_a, rows_b) and np.array_equal(columns_a, columns_b)):
        return f"{path}: {len(rows_a)} and {len(rows_b)} entries are stored at other places"
    shown = np.ones(len(data_a), dtype=bool)
    return _first(data_a, shown, data_b, shown, path + ".data")


def _entries(tree: _Tree) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Rows, columns and data of the stored entries, column by column."""
    import numpy as np

    _, dtype, flags, form, _, _, _, _ = tree.row
    index = "<i8" if flags & codes.SPARSE_WIDE else "<i4"
    data = np.frombuffer(tree.buffers[0], _numpy_dtype(dtype))
    inner = np.frombuffer(tree.buffers[1], index).astype("i8")
    outer = np.frombuffer(tree.buffers[2], index).astype("i8")
    if form != codes.SPARSE_COO:
        outer = np.repeat(np.arange(len(outer) - 1), np.diff(outer))
    rows, columns = (outer, inner) if form == codes.SPARSE_CSR else (inner, outer)
    order = np.lexsort((rows, columns))
    return rows[order], columns[order], data[order]


def _name(tree: _Tree) -> str:
    name = codes.KIND_NAMES[tree.row[0]]
    if tree.row[0] == codes.ARRAY:
        kind = "sequence" if tree.row[2] & codes.ARRAY_SEQUENCE else name
        return f"{kind} of {codes.DTYPE_NAMES[tree.row[1]]}"
    return name


def _shown(content: tuple[object, ...]) -> str:
    text = repr(content[0] if len(content) == 1 else content)
    return text if len(text) < 200 else text[:200] + "..."
