"""``strict=True``: refuses a value that a language can hold only with a permitted change.

It works on rows, so that it judges exactly what is about to be sent, and touches data only where the answer
depends on it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import pairwise
from math import prod

from arcuate.errors import ConversionError
from arcuate.values import codes
from arcuate.values.nodes import Cursor, Nodes, Row, signed, step

__all__ = ["check_strict"]

_SAFE = 1 << 53
_INT32 = 1 << 31
_MESSAGE_PARTS = ("args", "named", "value")
_LETTERS = {
    codes.D_I4: "i", codes.D_I8: "q", codes.D_U4: "I", codes.D_U8: "Q", codes.D_DATETIME: "q",
}  # fmt: skip
_R_NUMBERS = {
    codes.D_I1: "integer", codes.D_I2: "integer", codes.D_U1: "integer", codes.D_U2: "integer",
    codes.D_U4: "integer or double", codes.D_I8: "integer or double",
    codes.D_U8: "integer or double",
    codes.D_F2: "double", codes.D_F4: "double", codes.D_C8: "complex (double)",
}  # fmt: skip
# The kinds whose parts keep their own shape: labelled arrays carry dims, tables and categoricals are structs.
_KEEP_SHAPE = (codes.LABELLED, codes.DATASET, codes.TABLE, codes.CATEGORICAL)


def check_strict(nodes: Nodes, language: str) -> None:
    """Raises where a value would arrive changed.

    Args:
        nodes: a value, or a whole request, of which the arguments and values are looked at.
        language: ``"python"``, ``"r"``, ``"octave"`` or ``"matlab"``; others have no permitted changes.

    Raises:
        ConversionError: it names the change and the path.
    """
    change = _LANGUAGES.get(language.lower())
    if change is None:
        return
    cursor = Cursor(nodes)
    row = cursor.next()
    if row[0] == codes.MAPPING and row[4] and cursor.peek()[6] == "op":
        for _ in range(row[4]):
            if cursor.peek()[6] in _MESSAGE_PARTS:
                child = cursor.next()
                _walk(cursor, child, f"$.{child[6]}", change, False)
            else:
                cursor.skip()
    else:
        _walk(cursor, row, "$", change, False)


_Change = Callable[[Row, tuple[int, ...], "memoryview | None", bool], str]


def _walk(cursor: Cursor, row: Row, path: str, change: _Change, inside: bool) -> None:
    kind, dtype, flags, _, count, _, _, _ = row
    shape: tuple[int, ...] = ()
    data: memoryview | None = None
    what = ""
    if kind == codes.ARRAY:
        shape = tuple(cursor.numbers(count))
        wanted = dtype in _LETTERS
        data = cursor.buffer() if wanted else None
        if not wanted:
            cursor.drop()
        if flags & codes.ARRAY_MASK:
            cursor.drop()
    elif kind == codes.COMPLEX:
        cursor.numbers(2)
    elif kind == codes.BYTES:
        cursor.drop()
    elif kind == codes.SPARSE:
        shape = tuple(cursor.numbers(2))
        buffers = [cursor.buffer() for _ in range(3)]
        if change in _SORTED and dtype in _ENTRIES and _set_apart(row, buffers):
            what = "a sparse matrix with stored zeros, or with two entries at one place, becomes a struct"
    elif kind == codes.LIST and flags & codes.LIST_SHAPED:
        cursor.numbers(cursor.numbers(1)[0])
    elif kind == codes.MAPPING and flags & codes.MAPPING_MAP and change in _SORTED:
        keys = _keys(cursor, count)
        if keys != sorted(keys):
            what = "a map whose keys are not sorted becomes a struct, since a containers.Map sorts them"
    what = what or change(row, shape, data, inside)
    if what:
        raise ConversionError(
            f"strict: {what}. Send it in a form that arrives unchanged, or connect without strict=True",
            path=path,
        )
    if kind == codes.ARRAY:
        return
    if kind in _KEEP_SHAPE:
        inside = True
    for number in range(count):
        if kind == codes.CATEGORICAL and not number:
            cursor.skip()  # the width of its codes is no part of the value
            continue
        child = cursor.next()
        named = child[6] or kind == codes.MAPPING
        _walk(cursor, child, path + (step(child[6]) if named else f"[{number}]"), change, inside)


def _r(row: Row, shape: tuple[int, ...], data: memoryview | None, inside: bool) -> str:
    kind, dtype, flags, unit, _, value, _, zone = row
    if kind == codes.INT:
        if dtype and dtype != codes.D_I4:
            return f"a scalar of the class {codes.DTYPE_NAMES[dtype]} becomes R's {_R_NUMBERS[dtype]}"
        if flags & codes.INT_UNSIGNED or not -_INT32 < signed(value) < _INT32:
            return "the integer does not fit R's 32 bits and becomes a double"
    elif kind in (codes.FLOAT, codes.COMPLEX, codes.SPARSE) and dtype in _R_NUMBERS:
        return f"{codes.DTYPE_NAMES[dtype]} becomes R's {_R_NUMBERS[dtype]}"
    elif kind == codes.ARRAY:
        if flags & codes.ARRAY_SEQUENCE and dtype == codes.D_I8:
            if data is not None and any(not -_INT32 < item < _INT32 for item in _items(data, "q")):
                return "an integer of the list does not fit R's 32 bits; all become doubles"
            return ""
        if dtype in _R_NUMBERS:
            return f"an array of {codes.DTYPE_NAMES[dtype]} becomes R's {_R_NUMBERS[dtype]}"
        if dtype == codes.D_I4 and data is not None and -_INT32 in _items(data, "i"):
            return "the number -2147483648 is R's NA among integers; the array becomes double"
        if not shape:
            return "a 0-d array becomes a vector of length 1, since R has no 0-d arrays"
        if dtype == codes.D_DATETIME and data is not None and not zone and _loses(unit, data):
            return "R's times hold microseconds; the nanoseconds are lost"
    elif kind == codes.DATETIME and not zone and unit in _FINE and signed(value) % _FINE[unit]:
        return "R's times hold microseconds; the nanoseconds are lost"
    return ""


_FINE = {
    codes.UNIT_CODES["ns"]: 10**3,
    codes.UNIT_CODES["ps"]: 10**6,
    codes.UNIT_CODES["fs"]: 10**9,
    codes.UNIT_CODES["as"]: 10**12,
}


def _loses(unit: int, data: memoryview) -> bool:
    return unit in _FINE and any(item % _FINE[unit] for item in _items(data, "q"))


def _items(data: memoryview, letter: str) -> array[int]:
    return array(letter, bytes(data))


def _keys(cursor: Cursor, count: int) -> list[bytes]:
    """The keys of the mapping that the cursor has just entered."""
    place, depth, keys = cursor.place, cursor.depth, []
    for _ in range(count):
        keys.append(cursor.peek()[6].encode())
        cursor.skip()
    cursor.back(place, depth)
    return keys


def _set_apart(row: Row, buffers: list[memoryview]) -> bool:
    """Whether a sparse matrix has entries that are zero, or two at one place, which no class there holds."""
    _, dtype, flags, form, _, stored, _, _ = row
    data, first, second = buffers
    letter, parts = _ENTRIES[dtype]
    numbers = array(letter, bytes(data))
    if not all(map(any, zip(*[iter(numbers)] * parts, strict=True))):
        return True
    width = "q" if flags & codes.SPARSE_WIDE else "i"
    inner, outer = array(width, bytes(first)), array(width, bytes(second))
    if form != codes.SPARSE_COO:
        ends = enumerate(pairwise(outer))
        outer = array(width, (at for at, (begin, end) in ends for _ in range(begin, end)))
    return len(set(zip(inner, outer, strict=True))) != stored


def _octave(row: Row, shape: tuple[int, ...], data: memoryview | None, inside: bool) -> str:
    kind = row[0]
    if kind in (codes.TABLE, codes.CATEGORICAL, codes.DATETIME, codes.DATE, codes.DURATION):
        return f"a {codes.KIND_NAMES[kind]} becomes a struct, since Octave has no such class"
    if kind == codes.ARRAY and row[1] in (codes.D_DATETIME, codes.D_DATE, codes.D_DURATION):
        return f"an array of {codes.DTYPE_NAMES[row[1]]} becomes a struct, since Octave has no such class"
    if kind == codes.ARRAY and row[1] == codes.D_F8 and row[2] & codes.ARRAY_MASK:
        row = (*row[:2], row[2] & ~codes.ARRAY_MASK, *row[3:])  # Octave has a number for missing, MATLAB none
    return _matlab(row, shape, data, inside)


def _matlab(row: Row, shape: tuple[int, ...], data: memoryview | None, inside: bool) -> str:
    kind, dtype, flags, _, _, value, _, _ = row
    if kind == codes.NULL:
        # The name of a labelled array and the index of a table may be null: that is part of their form.
        return "" if inside else "None becomes a 0-by-0 double"
    if kind == codes.BYTES:
        return "bytes become a row of uint8"
    if kind == codes.INT and not dtype:
        if flags & codes.INT_UNSIGNED:
            return "the integer becomes uint64"
        return "the integer becomes a double" if abs(signed(value)) <= _SAFE else "the integer becomes int64"
    if kind == codes.FLOAT and dtype == codes.D_F2:
        return "f2 becomes single"
    if kind == codes.SPARSE and dtype in (codes.D_F4, codes.D_C8):
        return f"a sparse matrix of {codes.DTYPE_NAMES[dtype]} becomes one of doubles"
    if kind != codes.ARRAY:
        return ""
    if flags & codes.ARRAY_SEQUENCE:
        return "a list of integers becomes doubles" if dtype == codes.D_I8 else ""
    if dtype == codes.D_F2:
        return "f2 becomes single"
    if inside:
        return ""
    times = dtype in (codes.D_DATETIME, codes.D_DATE, codes.D_DURATION)
    if flags & codes.ARRAY_MASK and not times:
        return (
            f"an array of {codes.DTYPE_NAMES[dtype]} with missing elements becomes a struct of data and mask"
        )
    if dtype == codes.D_TEXT:
        return "an array of texts becomes a cellstr"
    if times:
        return ""
    if len(shape) < 2:
        return f"an array of shape {shape} becomes one of {(1, prod(shape))}"
    if len(shape) > 2 and shape[-1] == 1:
        return f"an array of shape {shape} loses its trailing dimension of length 1"
    return ""


# Their maps sort their keys, and their sparse matrices have one entry per place, which is not zero.
_SORTED: tuple[_Change, ...] = (_octave, _matlab)
_ENTRIES = {
    codes.D_BOOL: ("B", 1), codes.D_F4: ("f", 1), codes.D_F8: ("d", 1),
    codes.D_C8: ("f", 2), codes.D_C16: ("d", 2),
}  # fmt: skip

_LANGUAGES: dict[str, _Change] = {"r": _r, "octave": _octave, "matlab": _matlab}
