"""Results as arrays of the interface, read from the rows of a reply without making values of them first.

Octave's arrays arrive as they were. R and Python have more shapes: a vector becomes a row, an integer keeps
its class (one without a class is int64), texts become char rows, a list a cell, a mapping a struct, nothing
a 0-by-0 double. What MATLAB's interface has no form for is refused, with its path.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from arcuate.errors import ConversionError
from arcuate.mps.matrix import NUMERIC, Matrix, row
from arcuate.values import codes
from arcuate.values.decode import Decoder, decode_next, parts
from arcuate.values.nodes import Cursor, Nodes, Row, signed, step, to_float
from arcuate.values.options import DecodeOptions
from arcuate.values.texts import split

__all__ = ["outputs"]

_KINDS = {
    codes.D_BOOL: "logical",
    **dict(enumerate(("int8", "int16", "int32", "int64"), codes.D_I1)),
    **dict(enumerate(("uint8", "uint16", "uint32", "uint64"), codes.D_U1)),
    codes.D_F4: "single",
    codes.D_F8: "double",
    codes.D_C8: "single",
    codes.D_C16: "double",
}
_REMEDIES = {
    codes.MISSING: "return NaN, or a value that stands for it",
    codes.LABELLED: "return its data alone: unname(x) in R, x.values in Python",
    codes.DATASET: "return its variables one by one",
    codes.TABLE: "return its columns: as.list(x) in R, x.to_dict('list') in Python",
    codes.CATEGORICAL: "return its texts: as.character(x) in R, list(x) in Python",
    codes.DATETIME: "return a number or a text",
    codes.DATE: "return a number or a text",
    codes.DURATION: "return a number of seconds",
    codes.SPARSE: "return full(x), or the three results of find(x)",
    codes.FUNCTION: "return what it computes",
    codes.HANDLE: "return the parts of it that are wanted",
}


def outputs(reply: Nodes, nargout: int, language: str) -> list[Matrix]:
    """The outputs that a reply holds.

    Args:
        reply: the message.
        nargout: how many were asked for.
        language: the environment's language.

    Raises:
        ConversionError: one has no form in MATLAB's interface.
    """
    if nargout == 0:
        return []
    reader = _Reader(reply, language)
    cursor = reader.cursor
    for _ in range(cursor.next()[4]):
        key = cursor.peek()[6]
        if key == "value" and nargout == 1:
            return [reader.at("$.lhs[0]")]
        if key == "values" and nargout > 1:
            count = cursor.next()[4]
            if count != nargout:
                raise ConversionError(f"{nargout} outputs were asked for, {count} came", path="$.lhs")
            return [reader.at(f"$.lhs[{number}]") for number in range(count)]
        cursor.skip()
    raise ConversionError(f"{nargout} outputs were asked for, the reply holds none", path="$.lhs")


class _Reader:
    """Reads one value after the other."""

    def __init__(self, nodes: Nodes, language: str) -> None:
        self.cursor = Cursor(nodes)
        self._octave = language in ("octave", "matlab")
        self._decoder = Decoder(self.cursor, DecodeOptions())

    def at(self, where: str) -> Matrix:
        """The next value, with the step of its path."""
        try:
            return self.value()
        except ConversionError as error:
            error.prepend(where)
            raise

    def value(self) -> Matrix:
        """The next value."""
        found = self.cursor.next()
        reader = _READERS.get(found[0])
        if reader is None:
            name = codes.KIND_NAMES[found[0]] if found[0] < len(codes.KIND_NAMES) else f"kind {found[0]}"
            raise ConversionError(
                f"a result of the kind {name!r} has no form in MATLAB's interface; "
                f"{_REMEDIES.get(found[0], 'return another value')}"
            )
        return reader(self, found)

    # ----------------------------------------------------------------- scalars

    def null(self, found: Row) -> Matrix:
        """Nothing."""
        return Matrix("double", (0, 0), np.empty(0))

    def boolean(self, found: Row) -> Matrix:
        """A logical."""
        return row("logical", np.array([found[5] != 0]))

    def integer(self, found: Row) -> Matrix:
        """An integer of any class."""
        kind = _KINDS.get(found[1]) or ("uint64" if found[2] & codes.INT_UNSIGNED else "int64")
        value = found[5] if kind == "uint64" else signed(found[5])
        return row(kind, np.array([value], NUMERIC[kind]))

    def real(self, found: Row) -> Matrix:
        """A float."""
        kind = "single" if found[1] in (codes.D_F2, codes.D_F4) else "double"
        return row(kind, np.array([to_float(found[5])], NUMERIC[kind]))

    def pair(self, found: Row) -> Matrix:
        """A complex number."""
        one, other = self.cursor.numbers(2)
        kind, dtype = ("single", np.complex64) if found[1] == codes.D_C8 else ("double", np.complex128)
        return row(kind, np.array([complex(to_float(one), to_float(other))], dtype))

    def text(self, found: Row) -> Matrix:
        """A text: a char row, of no characters too."""
        return row("char", found[7])

    def octets(self, found: Row) -> Matrix:
        """Bytes."""
        return row("uint8", np.array(self.cursor.buffer(), np.uint8))

    # ------------------------------------------------------------------ arrays

    def array(self, found: Row) -> Matrix:
        """An array of numbers or texts."""
        dtype, flags, _, _, shape, data, mask = parts(self._decoder, found)
        gone = 0 if mask is None else np.count_nonzero(np.asarray(mask))
        if gone:
            raise ConversionError(
                f"{gone:,} elements of a result are missing (NA), for which MATLAB's interface has no "
                "form; return NaN, or values that stand for them"
            )
        size = (1, *shape) if len(shape) == 1 else shape or (1, 1)
        while len(size) > 2 and size[-1] == 1:  # MATLAB has no such dimensions
            size = size[:-1]
        turned = len(shape) > 1 and not flags & codes.ARRAY_FORTRAN
        if dtype == codes.D_TEXT:
            texts = np.empty(prod(shape), object)
            texts[:] = split(data, prod(shape))
            if len(shape) < 2 and len(texts) == 1 and not flags & codes.ARRAY_SEQUENCE:
                return row("char", texts[0])  # R has no text that is no vector
            flat = texts.reshape(shape).ravel(order="F") if turned else texts
            return Matrix("cell", size, [row("char", text) for text in flat])
        kind = _KINDS.get(dtype)
        if dtype == codes.D_F2:
            kind = "single"
        if kind is None:
            raise ConversionError(
                f"an array of {codes.DTYPE_NAMES[dtype]}s has no form in MATLAB's interface; return numbers "
                "or texts"
            )
        wanted = np.dtype("?" if kind == "logical" else codes.DTYPE_NAMES[dtype])
        numbers = np.frombuffer(data, wanted) if len(data) else np.empty(0, wanted)
        if dtype == codes.D_F2:
            numbers = numbers.astype(np.float32)
        return Matrix(kind, size, numbers.reshape(shape).ravel(order="F") if turned else numbers)

    def items(self, found: Row) -> Matrix:
        """A list, a cell, or a struct array."""
        cursor, count = self.cursor, found[4]
        size: tuple[int, ...] = (1, count)
        if found[2] & codes.LIST_SHAPED:
            shape = tuple(cursor.numbers(cursor.numbers(1)[0]))
            size = shape if len(shape) > 1 else (1, *shape) if shape else (1, 1)
            if prod(size) != count:
                raise ConversionError(f"{count} elements do not fill a cell of shape {shape}")
        elif not count and self._octave:
            size = (0, 0)  # Octave's {}; the other sizes without elements are said
        cursor.enter(count)
        if found[2] & codes.LIST_STRUCTS:
            names = tuple(found[7].split("\0")[:-1])
            elements = [self._fields(f"[{number}]", names) for number in range(count)]
            cursor.leave()
            return Matrix("struct", size, elements, names)
        items = [self.at(f"[{number}]") for number in range(count)]
        cursor.leave()
        return Matrix("cell", size, items)

    def _fields(self, where: str, names: tuple[str, ...]) -> list[Matrix]:
        item = self.cursor.next()
        one = self._mapping(item, where)
        if one.fields != names:
            raise ConversionError(f"an element of a struct array has the fields {one.fields}, not {names}")
        return list(one.data[0])

    def mapping(self, found: Row) -> Matrix:
        """A mapping: a struct."""
        if found[2] & codes.MAPPING_MAP:
            raise ConversionError(
                "a containers.Map has no form in MATLAB's interface; return its keys and its values"
            )
        first = self.cursor.peek() if self._octave and found[4] else found
        if first is not found and first[6] == "arcuate" and first[0] == codes.TEXT:
            if first[7] == "char":
                return self._letters(found[4])
            raise ConversionError(
                f"a value of the kind {first[7]!r} has no form in MATLAB's interface; return numbers or texts"
            )
        return self._mapping(found, "")

    def _mapping(self, found: Row, where: str) -> Matrix:
        cursor = self.cursor
        cursor.enter(found[4])
        names, items = [], []
        for _ in range(found[4]):
            name = cursor.peek()[6]
            names.append(name)
            items.append(self.at(where + step(name)))
        cursor.leave()
        return Matrix("struct", (1, 1), [items], tuple(names))

    def _letters(self, count: int) -> Matrix:
        """A char matrix of Octave (``arcuate__chars.m``)."""
        fields = {}
        self.cursor.enter(count)
        for _ in range(count):
            name = self.cursor.peek()[6]
            fields[name] = decode_next(self.cursor)[1]
        self.cursor.leave()
        lines, data = fields.get("rows"), fields.get("bytes")
        if isinstance(lines, (list, np.ndarray)):
            texts = [str(one) for one in lines]
            widths = {len(one) for one in texts}
            if len(widths) != 1:
                raise ConversionError(
                    "the rows of a char have different numbers of characters, though as many bytes; return "
                    "cellstr(x)"
                )
            width = widths.pop()
            text = "".join(one[at] for at in range(width) for one in texts)
            return Matrix("char", (len(texts), width), text)
        if isinstance(data, np.ndarray) and (not data.size or data.max() < 128):
            return Matrix("char", data.shape, data.ravel(order="F").tobytes().decode("ascii"))
        raise ConversionError("the bytes of a char are no UTF-8 text; return uint8(x)")


_READERS: dict[int, Callable[[_Reader, Row], Matrix]] = {
    codes.NULL: _Reader.null,
    codes.BOOL: _Reader.boolean,
    codes.INT: _Reader.integer,
    codes.FLOAT: _Reader.real,
    codes.COMPLEX: _Reader.pair,
    codes.TEXT: _Reader.text,
    codes.BYTES: _Reader.octets,
    codes.LIST: _Reader.items,
    codes.MAPPING: _Reader.mapping,
    codes.ARRAY: _Reader.array,
}
