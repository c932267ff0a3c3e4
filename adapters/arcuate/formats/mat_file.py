"""MAT files of version 5 (MATLAB's ``-v6`` and ``-v7``, Octave's too): bytes to a tree of arrays and back.

The layout is the one of MathWorks' "MAT-File Format", Level 5. scipy reads and writes it too, but either
narrows doubles to the integers that they are stored as, or drops imaginary parts, and refuses Octave's
logical sparse matrices.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from arcuate.connector import DataError
from arcuate.errors import ConversionError

__all__ = ["CLASSES", "DTYPES", "MArray", "dump", "joined", "parse"]

CLASSES = {
    1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 6: "double", 7: "single", 8: "int8",
    9: "uint8", 10: "int16", 11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64",
    16: "function", 17: "opaque",
}  # fmt: skip
"""Names of the classes; logical arrays are of class ``logical`` here."""
DTYPES = {"double": "f8", "single": "f4", "logical": "?"} | {
    name: f"{'u' if name[0] == 'u' else 'i'}{int(name.strip('uint')) // 8}"
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
}
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TYPES = {kind: code for code, kind in _STORED.items()}
_MATRIX, _COMPRESSED, _UTF8, _UTF16, _UTF32 = 14, 15, 16, 17, 18
_COMPLEX, _LOGICAL = 0x800, 0x200
_DEPTH = 100
_HEAD = 128
_MOST = 0x7FFFFFFF


@dataclass(slots=True)
class MArray:
    """One array of MATLAB.

    Attributes:
        kind: its class.
        shape: its dimensions, two at least.
        data: numbers and logicals as a vector in column-major order; for ``char`` a text in that order; the
        stored
            values of ``sparse``.
        items: the elements of a cell; those of a struct, all fields of the first element first.
        fields: names of the fields of a struct.
        first, second: rows and column pointers of ``sparse``.
        name: the class of an object.
    """

    kind: str
    shape: tuple[int, ...]
    data: Any = None
    items: list[MArray] = field(default_factory=list)
    fields: tuple[str, ...] = ()
    first: Any = None
    second: Any = None
    name: str = ""


def empty() -> MArray:
    """``[]``."""
    return MArray("double", (0, 0), np.zeros(0))


def joined(real: Any, imaginary: Any) -> Any:
    """Complex numbers of two parts; a sum of them would lose signs of zero beside NaN."""
    if len(real) != len(imaginary):
        raise ValueError("the real and imaginary parts are of different lengths")
    made = np.empty(len(real), np.complex64 if real.dtype == np.float32 else np.complex128)
    made.real, made.imag = real, imaginary
    return made


class _Reader:
    """Reads elements; every length is checked against what is left before memory is taken."""

    def __init__(self, data: bytes | memoryview, order: str, path: str, at: int = 0) -> None:
        self.data = memoryview(data)
        self.order, self.path, self.at = order, path, at

    def fail(self, what: str) -> DataError:
        return DataError(f"{self.path} is damaged or cut short: {what} (at byte {self.at:,})", service="MAT")

    def tag(self) -> tuple[int, int, int]:
        """Type, bytes, and where the next element begins; ``at`` is moved to the data."""
        if self.at + 8 > len(self.data):
            raise self.fail("it ends in the middle of an element")
        first, size = struct.unpack_from(self.order + "II", self.data, self.at)
        if first >> 16:
            kind, size = first & 0xFFFF, first >> 16
            if size > 4:
                raise self.fail(f"a short element of {size} bytes")
            self.at += 4
            return kind, size, self.at + 4
        self.at += 8
        left = len(self.data) - self.at
        if first == _MATRIX and size == left + 4:
            size = left  # Octave announces so much for a char matrix of up to four letters
        if size > left:
            raise self.fail(f"{size:,} bytes are announced, {left:,} are left")
        return first, size, self.at + (size if first == _COMPRESSED else -(-size // 8) * 8)

    def element(self) -> tuple[int, memoryview]:
        kind, size, end = self.tag()
        found = self.data[self.at : self.at + size]
        self.at = end
        return kind, found

    def numbers(self) -> Any:
        kind, data = self.element()
        stored = _STORED.get(kind)
        if stored is None:
            raise self.fail(f"numbers of the type {kind}")
        dtype = np.dtype(self.order + stored)
        if len(data) % dtype.itemsize:
            raise self.fail(f"{len(data)} bytes do not fill numbers of {dtype.itemsize}")
        return np.frombuffer(data, dtype)

    def text(self) -> str:
        return bytes(self.element()[1]).rstrip(b"\0").decode("utf-8", "replace")

    def array(self, depth: int) -> tuple[str, MArray]:
        """An array with its name, from its flags on."""
        if depth > _DEPTH:
            raise self.fail(f"arrays nest deeper than {_DEPTH} levels")
        head = self.numbers()
        if len(head) < 1:
            raise self.fail("an array without flags")
        flags = int(head[0])
        kind = CLASSES.get(flags & 0xFF)
        if kind is None:
            raise self.fail(f"there is no class {flags & 0xFF}")
        if kind == "opaque":
            name = self.text()
            self.text()
            return name, MArray("opaque", (1, 1), name=self.text())
        shape = tuple(int(size) for size in self.numbers())
        if len(shape) < 2 or any(size < 0 for size in shape):
            raise self.fail(f"the dimensions {shape}")
        name = self.text()
        made = MArray(kind, shape)
        count = prod(shape)
        if kind == "function":
            return name, MArray("function", (1, 1), name="function_handle")
        if kind in ("cell", "struct", "object"):
            self._items(made, count, depth)
        elif kind == "char":
            made.data = self._chars(count)
        elif kind == "sparse":
            self._sparse(made, flags)
        else:
            if flags & _LOGICAL:
                made.kind = "logical"
            at, (first, content) = self.at, self.element()
            self.at = at
            if made.kind == "logical" and first == _TYPES["i4"] and at + 16 + len(content) < len(self.data):
                # Octave's logical sparse matrices, marked as dense ones
                made.kind = "sparse"
                self._sparse(made, flags)
                return name, made
            made.data = self._values(made.kind, flags, count)
        return name, made

    def _items(self, made: MArray, count: int, depth: int) -> None:
        if made.kind == "object":
            made.name = self.text()
        if made.kind != "cell":
            width = self.numbers()
            data = bytes(self.element()[1])
            size = int(width[0]) if len(width) else 0
            if size < 1:
                raise self.fail("names of fields without length")
            made.fields = tuple(
                data[k : k + size].split(b"\0")[0].decode("utf-8", "replace")
                for k in range(0, len(data) // size * size, size)
            )
            count *= len(made.fields)
        if count * 8 > len(self.data) - self.at:
            raise self.fail(f"{count:,} elements are announced, {len(self.data) - self.at:,} bytes are left")
        for _ in range(count):
            kind, size, end = self.tag()
            if kind != _MATRIX:
                raise self.fail(f"an element of the type {kind} instead of an array")
            if size == 0:
                made.items.append(empty())
            else:
                inner = _Reader(self.data[self.at : self.at + size], self.order, self.path)
                made.items.append(inner.array(depth + 1)[1])
            self.at = end

    def _values(self, kind: str, flags: int, count: int) -> Any:
        dtype = np.dtype(DTYPES[kind])
        real = self._part(dtype, count)
        if not flags & _COMPLEX:
            return real
        if dtype.kind != "f":
            raise ConversionError(
                f"{self.path}: complex integers have no value elsewhere; save them as double"
            )
        return joined(real, self._part(dtype, count))

    def _part(self, dtype: np.dtype[Any], count: int) -> Any:
        found = self.numbers()
        if len(found) != count:
            raise self.fail(f"{count:,} numbers were announced, {len(found):,} came")
        return found.astype(dtype)

    def _chars(self, count: int) -> str:
        kind, data = self.element()
        raw = bytes(data)
        try:
            if kind == _UTF8 or (kind in (1, 2) and len(raw) != count):
                found = raw.decode("utf-8")
            elif kind in (_UTF16, 3, 4):
                found = raw.decode("utf-16-le" if self.order == "<" else "utf-16-be", "surrogatepass")
            elif kind == _UTF32:
                found = raw.decode("utf-32-le" if self.order == "<" else "utf-32-be")
            else:
                found = raw.decode("latin-1")
        except UnicodeDecodeError:
            raise self.fail("characters that are no text") from None
        return found

    def _sparse(self, made: MArray, flags: int) -> None:
        rows, pointers = self.numbers().astype(np.int64), self.numbers().astype(np.int64)
        columns = made.shape[1]
        stored = int(pointers[-1]) if len(pointers) else 0
        if len(pointers) != columns + 1 or (np.diff(pointers) < 0).any() or not 0 <= stored <= len(rows):
            raise self.fail("the pointers of a sparse matrix")
        made.first, made.second = rows[:stored], pointers
        if stored and not 0 <= int(made.first.min()) <= int(made.first.max()) < made.shape[0]:
            raise self.fail("a row of a sparse matrix")
        real = self._entries(bool(flags & _LOGICAL), stored)
        if len(real) != stored:
            raise self.fail("a sparse matrix with too few values")
        if flags & _COMPLEX:
            made.data = joined(real, self.numbers()[:stored])
        else:
            made.data = real.astype(bool if flags & _LOGICAL else np.float64)

    def _entries(self, logical: bool, stored: int) -> Any:
        """The values of a sparse matrix; MATLAB writes logical ones as bytes and calls them doubles."""
        at = self.at
        kind, data = self.element()
        if logical and kind == _TYPES["f8"] and len(data) < 8 * stored:
            return np.frombuffer(data, np.uint8)[:stored]
        self.at = at
        return self.numbers()[:stored]


def parse(
    data: bytes, path: str, check: Callable[[int], None], wanted: str | None = None
) -> Iterator[tuple[str, MArray]]:
    """The variables of a file, one after the other.

    Args:
        data: the whole file.
        path: its name, for messages.
        check: called with the bytes that compressed variables take.
        wanted: only this one is taken apart.

    Raises:
        DataError: the file is damaged.
    """
    mark = bytes(data[126:128])
    if len(data) < _HEAD or mark not in (b"IM", b"MI"):
        raise DataError(
            f"{path} is no MAT file of version 5: its header is damaged or missing", service="MAT"
        )
    order = "<" if mark == b"IM" else ">"
    reader = _Reader(data, order, path, _HEAD)
    subsystem = struct.unpack_from(order + "Q", data, 116)[0]
    total = 0
    while reader.at < len(data):
        if subsystem not in (0, 0x2020202020202020) and reader.at == subsystem:
            return  # what MATLAB's own objects hold, at the end
        kind, content = reader.element()
        inner = _Reader(content, order, path)
        if kind == _COMPRESSED:
            unpacked = _unpacked(content, path, lambda size: check(total + size))  # noqa: B023
            total += len(unpacked)
            inner = _Reader(unpacked, order, path)
            kind, size, _ = inner.tag()
            inner.data = inner.data[: inner.at + size]
        if kind != _MATRIX:
            raise reader.fail(f"a variable of the type {kind}")
        name, made = inner.array(0)
        if wanted is None or name == wanted:
            yield name, made


def _unpacked(content: memoryview, path: str, check: Callable[[int], None]) -> bytes:
    machine = zlib.decompressobj()
    found = bytearray()
    piece: Any = content
    try:
        while not machine.eof:
            found += machine.decompress(piece, 1 << 20)
            check(len(found))
            piece = machine.unconsumed_tail
            if not piece and not machine.eof:
                found += machine.flush()
                break
    except zlib.error as error:
        raise DataError(
            f"{path} is damaged: a compressed variable cannot be unpacked ({error})", service="MAT"
        ) from None
    if not machine.eof:
        raise DataError(f"{path} is cut short: a compressed variable ends early", service="MAT")
    return bytes(found)


# --- out


def dump(variables: dict[str, MArray], compress: bool) -> bytes:
    """A file of version 5 (``-v7`` with ``compress``, ``-v6`` without)."""
    head = (
        b"MATLAB 5.0 MAT-file, written by Arcuate".ljust(116) + b"\0" * 8 + struct.pack("<H", 0x0100) + b"IM"
    )
    parts = [head]
    for name, array in variables.items():
        content = _matrix(array, name)
        if compress:
            packed = zlib.compress(content, 6)
            parts.append(struct.pack("<II", _COMPRESSED, len(packed)) + packed)
        else:
            parts.append(content)
    return b"".join(parts)


def _element(kind: int, data: bytes) -> bytes:
    if len(data) > _MOST:
        raise ConversionError(
            "one array takes more than 2 GB, which MAT files of version 7 do not hold; write it with "
            "version='7.3' (--to mat73)"
        )
    if 0 < len(data) <= 4:
        return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def _matrix(array: MArray, name: str = "") -> bytes:
    codes = {kind: code for code, kind in CLASSES.items()}
    flags = codes["uint8" if array.kind == "logical" else array.kind]
    data = array.data
    if array.kind == "logical" or (array.kind == "sparse" and data.dtype == bool):
        flags |= _LOGICAL
    imaginary = getattr(getattr(data, "dtype", None), "kind", "") == "c"
    flags |= _COMPLEX if imaginary else 0
    stored = len(array.first) if array.kind == "sparse" else 0
    body = [
        _element(6, struct.pack("<II", flags, max(stored, 1) if array.kind == "sparse" else 0)),
        _element(5, np.array(array.shape, "<i4").tobytes()),
        _element(1, name.encode()),
    ]
    if array.kind == "struct":
        width = max([len(each.encode()) for each in array.fields], default=0) + 1
        body.append(_element(5, struct.pack("<i", width)))
        body.append(_element(1, b"".join(each.encode().ljust(width, b"\0") for each in array.fields)))
    if array.kind in ("struct", "cell"):
        body += [_matrix(each) for each in array.items]
    elif array.kind == "char":
        body.append(_element(_TYPES["u2"], data.encode("utf-16-le", "surrogatepass")))
    else:
        if array.kind == "sparse":
            body.append(_element(5, array.first.astype("<i4").tobytes()))
            body.append(_element(5, array.second.astype("<i4").tobytes()))
        for part in (data.real, data.imag) if imaginary else (data,):
            plain = part.view(np.uint8) if part.dtype == bool else part
            if array.kind == "sparse" and part.dtype == bool:
                plain = part.astype(np.float64)
            little = np.ascontiguousarray(plain, plain.dtype.newbyteorder("<"))
            body.append(_element(_TYPES[f"{plain.dtype.kind}{plain.dtype.itemsize}"], little.tobytes()))
    content = b"".join(body)
    if len(content) > _MOST:
        raise ConversionError(
            "one variable takes more than 2 GB, which MAT files of version 7 do not hold; write it with "
            "version='7.3' (--to mat73)"
        )
    return struct.pack("<II", _MATRIX, len(content)) + content
