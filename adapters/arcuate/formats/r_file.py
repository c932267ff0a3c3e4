"""R's serialization: bytes to a tree of objects and back.

The format is the one of R's ``saveRDS`` and ``save`` (R Internals, "Serialization Formats"): versions 2 and 3
in big-endian (XDR), native or ASCII form; written is version 3 in XDR. The package rdata reads it too, but
has no raw vectors and no long ones, and takes a vector that was cut short for a shorter vector.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from arcuate.connector import DataError
from arcuate.errors import ConversionError
from arcuate.formats.r_texts import number_text

__all__ = ["NAMES", "NA_BITS", "NA_INT", "RObject", "dump", "dump_variables", "parse"]

NIL, SYM, LIST, CLO, ENV, PROM, LANG, SPECIAL, BUILTIN, CHAR, LGL = range(11)
INT, REAL, CPLX, STR, DOT, _, VEC, EXPR, BCODE, EXTPTR, WEAKREF, RAW, S4 = range(13, 26)
ALTREP, ATTRLIST, ATTRLANG, BASEENV, EMPTYENV, BCREPREF, BCREPDEF = range(238, 245)
PERSIST, PACKAGE, NAMESPACE, BASENAMESPACE, MISSINGARG, UNBOUND, GLOBALENV, NILVALUE, REF = range(247, 256)

NA_INT = -(1 << 31)
NA_BITS = 0x7FF00000000007A2
_IS_OBJECT, _HAS_ATTRIBUTES, _HAS_TAG = 1 << 8, 1 << 9, 1 << 10
_BYTES, _LATIN1, _UTF8, _S4 = 2, 4, 8, 16
_PAIRS = frozenset({LIST, LANG, CLO, PROM, DOT})
_DEPTH = 200
_SINGLETONS = {NILVALUE: NIL, NIL: NIL, EMPTYENV: ENV, BASEENV: ENV, GLOBALENV: ENV, BASENAMESPACE: ENV,
               UNBOUND: SYM, MISSINGARG: SYM}  # fmt: skip
NAMES = {
    SYM: "a symbol", CLO: "a function", ENV: "an environment", PROM: "a promise", LANG: "a call or formula",
    SPECIAL: "a built-in function", BUILTIN: "a built-in function", DOT: "dots", EXPR: "an expression",
    BCODE: "byte code", EXTPTR: "an external pointer", WEAKREF: "a weak reference", S4: "an S4 object",
}  # fmt: skip


@dataclass(slots=True)
class RObject:
    """One R object.

    Attributes:
        kind: R's number of the type.
        value: int32 for logical and integer, float64, complex128, ``bytes`` for raw, a list of texts
        (``None``:
            NA) for character, a list of nodes for lists, pairs ``(tag, node)`` for pairlists, text for
            symbols; ``None`` for what has no value outside R.
        attributes: by name, in R's order.
        s4: whether it is an instance of an S4 class.
    """

    kind: int
    value: Any = None
    attributes: dict[str, RObject] = field(default_factory=dict)
    s4: bool = False

    def texts(self, name: str) -> list[str | None] | None:
        """An attribute of texts, or ``None``."""
        found = self.attributes.get(name)
        return found.value if found is not None and found.kind == STR else None

    @property
    def classes(self) -> list[str | None]:
        """Its class attribute."""
        return self.texts("class") or []


def parse(data: bytes, name: str, check: Callable[[int], None]) -> RObject:
    """The object in serialized bytes.

    Args:
        data: the bytes, not compressed, from the letter of the form on.
        name: the file's name, for messages.
        check: called with the bytes that a sequence would take which the file holds in compact form.

    Raises:
        DataError: they end early or are no serialization.
    """
    form = data[:2]
    if form == b"X\n":
        reader: _Reader = _Reader(data, 2, ">", name)
    elif form == b"B\n":
        order = "<" if data[2:6] in (b"\x02\0\0\0", b"\x03\0\0\0") else ">"
        reader = _Reader(data, 2, order, name)
    elif form == b"A\n":
        reader = _Ascii(data, 2, ">", name)
    else:
        raise DataError(
            f"{name} is no file of R: it begins with {data[:8]!r}, not with R's X, A or B", service="R"
        )
    reader.expand = check
    version = reader.word()
    if version not in (2, 3):
        raise DataError(
            f"{name} has version {version} of R's serialization; 2 and 3 can be read", service="R"
        )
    reader.word()
    reader.word()
    if version == 3:
        reader.encoding = reader.raw(reader.word()).decode("ascii", "replace")
    found = reader.item(0)
    reader.end()
    return found


class _Reader:
    """Reads the binary forms; every length is checked against what is left before memory is taken."""

    def __init__(self, data: bytes, at: int, order: str, name: str) -> None:
        self.data, self.at, self.name, self.order = data, at, name, order
        self.encoding = "UTF-8"
        self.references: list[RObject] = []
        self.expand: Callable[[int], None] = lambda size: None
        self._int = struct.Struct(order + "i").unpack_from

    def fail(self, what: str) -> DataError:
        return DataError(
            f"{self.name} is damaged or cut short: {what} (at byte {self.at:,} of {len(self.data):,})",
            service="R",
        )

    def word(self) -> int:
        try:
            found: int = self._int(self.data, self.at)[0]
        except struct.error:
            raise self.fail("it ends in the middle of an object") from None
        self.at += 4
        return found

    def raw(self, size: int) -> bytes:
        end = self.at + size
        if size < 0 or end > len(self.data):
            raise self.fail(f"{size:,} bytes are announced, {len(self.data) - self.at:,} are left")
        found = self.data[self.at : end]
        self.at = end
        return found

    def length(self) -> int:
        """A length; those beyond 2^31 come as -1 and two words."""
        found = self.word()
        if found == -1:
            found = (self.word() & 0xFFFFFFFF) << 32 | (self.word() & 0xFFFFFFFF)
        if found < 0 or found > len(self.data):
            raise self.fail(f"a length of {found:,} is announced")
        return found

    def array(self, letters: str, n: int) -> np.ndarray[Any, Any]:
        kind = np.dtype(self.order + letters)
        size = n * kind.itemsize
        if size > len(self.data) - self.at:
            raise self.fail(f"{size:,} bytes are announced, {len(self.data) - self.at:,} are left")
        found = np.frombuffer(self.data, kind, n, self.at).astype(kind.newbyteorder("="))
        self.at += size
        return found

    def bytes_of_raw(self, n: int) -> bytes:
        return self.raw(n)

    def end(self) -> None:
        if self.at != len(self.data):
            raise self.fail("there are bytes after the end of the object")

    # --- items

    def item(self, depth: int) -> RObject:
        if depth > _DEPTH:
            raise self.fail(f"objects nest deeper than {_DEPTH} levels")
        flags = self.word()
        kind = flags & 0xFF
        if kind in _SINGLETONS:
            return RObject(_SINGLETONS[kind])
        if kind == REF:
            number = (flags >> 8) & 0xFFFFFF or self.word()
            if not 1 <= number <= len(self.references):
                raise self.fail(f"it refers to object {number}, and there are {len(self.references)}")
            return self.references[number - 1]
        if kind in _PAIRS:
            return self._pairs(kind, flags, depth)
        made = _READ.get(kind)
        if made is None:
            raise self.fail(f"there is no type {kind}")
        node = made(self, flags, depth)
        if flags & _HAS_ATTRIBUTES and kind not in (CHAR, ENV, ALTREP):
            node.attributes = self._attributes(depth)
        node.s4 = bool(flags & _IS_OBJECT and (flags >> 12) & _S4) or kind == S4
        return node

    def _attributes(self, depth: int) -> dict[str, RObject]:
        found = self.item(depth + 1)
        if found.kind == NIL:
            return {}
        if found.kind != LIST:
            raise self.fail("attributes are no pairlist")
        return {tag or "": node for tag, node in found.value}

    def _pairs(self, kind: int, flags: int, depth: int) -> RObject:
        """A pairlist, iteratively, as it may be long; or a call, closure or promise."""
        first = RObject(kind)
        pairs: list[tuple[str | None, RObject]] = []
        while True:
            attributes = self._attributes(depth) if flags & _HAS_ATTRIBUTES else {}
            if not pairs:
                first.attributes = attributes
            tag = self.item(depth + 1) if flags & _HAS_TAG else None
            pairs.append((tag.value if tag is not None and tag.kind == SYM else None, self.item(depth + 1)))
            if kind != LIST:
                self.item(depth + 1)
                return first
            before = self.at
            flags = self.word()
            rest = flags & 0xFF
            if rest in (NILVALUE, NIL):
                break
            if rest != LIST:
                self.at = before
                pairs.append((None, self.item(depth + 1)))
                break
        first.value = pairs
        return first

    def _symbol(self, flags: int, depth: int) -> RObject:
        node = RObject(SYM, self._text())
        self.references.append(node)
        return node

    def _environment(self, flags: int, depth: int) -> RObject:
        node = RObject(ENV)
        self.references.append(node)
        self.word()
        for _ in range(4):
            self.item(depth + 1)
        return node

    def _names(self, flags: int, depth: int) -> RObject:
        """A namespace, package or persistent object."""
        self.word()
        for _ in range(self.length()):
            self._text()
        node = RObject(ENV)
        self.references.append(node)
        return node

    def _builtin(self, flags: int, depth: int) -> RObject:
        self.raw(self.word())
        return RObject(flags & 0xFF)

    def _char(self, flags: int, depth: int) -> RObject:
        return RObject(STR, [self._chars(flags)])

    def _text(self) -> str | None:
        flags = self.word()
        if flags & 0xFF != CHAR:
            raise self.fail(f"a text is of type {flags & 0xFF}")
        return self._chars(flags)

    def _chars(self, flags: int) -> str | None:
        size = self.word()
        if size == -1:
            return None
        data = self.raw(size)
        if flags & _HAS_ATTRIBUTES:
            self.item(1)
        if data.isascii():
            return data.decode("ascii")
        level = flags >> 12
        encoding = "utf-8" if level & _UTF8 else "cp1252" if level & _LATIN1 else self.encoding
        if level & _BYTES:
            encoding = "ascii"
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            raise ConversionError(
                f"{self.name}: the text {data[:40]!r} is no valid {encoding}; declare its encoding in R "
                "(Encoding<- or iconv), or save it with charToRaw()"
            ) from None

    def _vector(self, flags: int, depth: int) -> RObject:
        kind = flags & 0xFF
        n = self.length()
        if kind in (LGL, INT):
            return RObject(kind, self.array("i4", n))
        if kind == REAL:
            return RObject(kind, self.array("f8", n))
        if kind == CPLX:
            return RObject(kind, self.array("f8", 2 * n).view(np.complex128))
        if kind == RAW:
            return RObject(kind, self.bytes_of_raw(n))
        if kind == STR:
            text = self._text
            return RObject(kind, [text() for _ in range(n)])
        return RObject(kind, [self.item(depth + 1) for _ in range(n)])

    def _pointer(self, flags: int, depth: int) -> RObject:
        node = RObject(flags & 0xFF)
        self.references.append(node)
        if flags & 0xFF == EXTPTR:
            self.item(depth + 1)
            self.item(depth + 1)
        return node

    def _s4(self, flags: int, depth: int) -> RObject:
        return RObject(S4)

    def _altrep(self, flags: int, depth: int) -> RObject:
        """A compact sequence, a text made of numbers later, or a vector that is only wrapped."""
        info, state, attributes = (self.item(depth + 1) for _ in range(3))
        name = info.value[0][1].value if info.kind == LIST and info.value[0][1].kind == SYM else "?"
        if name in ("compact_intseq", "compact_realseq"):
            n, start, step = (float(each) for each in state.value)
            if not 0 <= n <= 1 << 40:
                raise self.fail(f"a sequence of {n:g} numbers is announced")
            self.expand(8 * int(n))
            numbers = start + step * np.arange(int(n))
            node = (
                RObject(INT, numbers.astype(np.int32)) if name == "compact_intseq" else RObject(REAL, numbers)
            )
        elif name == "deferred_string":
            node = RObject(STR, _as_texts(state.value))
        elif str(name).startswith("wrap_"):
            given = state.value[0][1] if state.kind == LIST else state.value[0]
            node = RObject(given.kind, given.value)
        else:
            raise self.fail(f"it holds the compact form {name!r}, which only R can expand; save a copy, x[]")
        if attributes.kind == LIST:
            node.attributes = {tag or "": each for tag, each in attributes.value}
        return node

    # --- byte code, which is passed over

    def _bytecode(self, flags: int, depth: int) -> RObject:
        count = self.word()
        if not 0 <= count <= len(self.data):
            raise self.fail("byte code")
        self._code(depth)
        return RObject(BCODE)

    def _code(self, depth: int) -> None:
        if depth > _DEPTH:
            raise self.fail(f"objects nest deeper than {_DEPTH} levels")
        self.item(depth + 1)
        for _ in range(self.length()):
            kind = self.word()
            if kind == BCODE:
                self._code(depth + 1)
            elif kind in _IN_CODE:
                self._code_language(kind, depth + 1)
            else:
                self.item(depth + 1)

    def _code_language(self, kind: int, depth: int) -> None:
        while kind in _IN_CODE:
            if depth > _DEPTH:
                raise self.fail(f"objects nest deeper than {_DEPTH} levels")
            if kind == BCREPREF:
                self.word()
                return
            if kind == BCREPDEF:
                self.word()
                kind = self.word()
            if kind in (ATTRLANG, ATTRLIST):
                self.item(depth + 1)
            self.item(depth + 1)
            self._code_language(self.word(), depth + 1)
            kind = self.word()
        self.item(depth + 1)


class _Ascii(_Reader):
    """Reads the ASCII form: one number or text on a line."""

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise self.fail("it ends in the middle of an object")
        found = self.data[self.at : end]
        self.at = end + 1
        return found.strip()

    def word(self) -> int:
        word = self.line()
        try:
            return NA_INT if word == b"NA" else int(word)
        except ValueError:
            raise self.fail(f"{word[:20]!r} is no number") from None

    def raw(self, size: int) -> bytes:
        if size < 0 or size > len(self.data) - self.at:
            raise self.fail(f"{size:,} bytes are announced, {len(self.data) - self.at:,} are left")
        found = bytearray()
        word = self.line()
        at = 0
        while at < len(word):
            if word[at] != 0x5C:
                found.append(word[at])
                at += 1
                continue
            octal = word[at + 1 : at + 4]
            if len(octal) == 3 and octal.isdigit():
                found.append(int(octal, 8) & 0xFF)
                at += 4
                continue
            found += _ESCAPES.get(word[at + 1 : at + 2], word[at + 1 : at + 2])
            at += 2
        if len(found) != size:
            raise self.fail(f"a text of {size} bytes is announced, {len(found)} came")
        return bytes(found)

    def bytes_of_raw(self, n: int) -> bytes:
        try:
            return bytes(int(self.line(), 16) for _ in range(n))
        except ValueError:
            raise self.fail("a raw byte is no hexadecimal number") from None

    def array(self, letters: str, n: int) -> np.ndarray[Any, Any]:
        if letters == "i4":
            return np.array([self.word() for _ in range(n)], np.int32)
        found = np.empty(n)
        bits = found.view(np.uint64)
        for k in range(n):
            word = self.line()
            if word == b"NA":
                bits[k] = NA_BITS
            else:
                try:
                    found[k] = float(word)
                except ValueError:
                    raise self.fail(f"{word[:20]!r} is no number") from None
        return found


_ESCAPES = {b"n": b"\n", b"t": b"\t", b"v": b"\v", b"b": b"\b", b"r": b"\r", b"f": b"\f", b"a": b"\a"}
_IN_CODE = frozenset({LANG, LIST, BCREPDEF, BCREPREF, ATTRLANG, ATTRLIST})
_READ: dict[int, Callable[[_Reader, int, int], RObject]] = {
    SYM: _Reader._symbol, ENV: _Reader._environment, PERSIST: _Reader._names, PACKAGE: _Reader._names,
    NAMESPACE: _Reader._names, SPECIAL: _Reader._builtin, BUILTIN: _Reader._builtin, CHAR: _Reader._char,
    EXTPTR: _Reader._pointer, WEAKREF: _Reader._pointer, S4: _Reader._s4, ALTREP: _Reader._altrep,
    BCODE: _Reader._bytecode,
    **dict.fromkeys((LGL, INT, REAL, CPLX, STR, VEC, EXPR, RAW), _Reader._vector),
}  # fmt: skip


def _as_texts(state: list[tuple[str | None, RObject]]) -> list[str | None]:
    """The texts that R would make of numbers when they are asked for."""
    numbers = state[0][1]
    if numbers.kind == INT:
        return [None if number == NA_INT else str(number) for number in numbers.value.tolist()]
    rest = state[1][1].value if len(state) > 1 else ()
    scipen = int(rest[0]) if isinstance(rest, np.ndarray) and len(rest) else 0
    missing = np.isnan(numbers.value) & (numbers.value.view(np.uint64) & np.uint64(0xFFFFFFFF) == 1954)
    pairs = zip(numbers.value.tolist(), missing.tolist(), strict=True)
    return [None if gone else number_text(number, scipen) for number, gone in pairs]


# --- out


def dump(node: RObject) -> bytes:
    """An object as bytes: version 3, XDR, as R 3.5 and newer read it."""
    out = bytearray(b"X\n" + struct.pack(">3i", 3, 0x040202, 0x030500) + struct.pack(">i", 5) + b"UTF-8")
    _Writer(out).item(node)
    return bytes(out)


class _Writer:
    def __init__(self, out: bytearray) -> None:
        self.out = out
        self.symbols: dict[str, int] = {}

    def word(self, number: int) -> None:
        self.out += struct.pack(">i", number)

    def item(self, node: RObject) -> None:
        kind = node.kind
        if kind == NIL:
            self.word(NILVALUE)
            return
        if kind == SYM:
            self.symbol(node.value)
            return
        flags = (
            kind
            | (_HAS_ATTRIBUTES if node.attributes else 0)
            | (_IS_OBJECT if "class" in node.attributes else 0)
        )
        if node.s4:
            flags |= _IS_OBJECT | _S4 << 12
        self.word(flags)
        if kind == LIST:
            raise ValueError("pairlists are written as attributes only")
        if kind != S4:
            self.values(kind, node.value)
        if node.attributes:
            self.pairs(list(node.attributes.items()))

    def values(self, kind: int, value: Any) -> None:
        n = len(value)
        if n > 0x7FFFFFFF:
            self.out += struct.pack(">iII", -1, n >> 32, n & 0xFFFFFFFF)
        else:
            self.word(n)
        if kind in (LGL, INT):
            self.out += np.asarray(value, ">i4").tobytes()
        elif kind == REAL:
            self.out += np.ascontiguousarray(value, np.float64).view(np.uint64).astype(">u8").tobytes()
        elif kind == CPLX:
            self.out += np.ascontiguousarray(value, np.complex128).view(np.uint64).astype(">u8").tobytes()
        elif kind == RAW:
            self.out += value
        elif kind == STR:
            for text in value:
                self.text(text)
        else:
            for each in value:
                self.item(each)

    def text(self, text: str | None) -> None:
        if text is None:
            self.out += struct.pack(">ii", CHAR, -1)
            return
        data = text.encode()
        level = 64 if len(data) == len(text) else _UTF8
        self.out += struct.pack(">ii", CHAR | level << 12, len(data)) + data

    def symbol(self, name: str) -> None:
        number = self.symbols.get(name)
        if number is not None:
            self.word(number << 8 | REF)
            return
        self.symbols[name] = len(self.symbols) + 1
        self.word(SYM)
        self.text(name)

    def pairs(self, items: list[tuple[str, RObject]]) -> None:
        """A pairlist with tags: attributes, or the variables of a file of ``save``."""
        for name, node in items:
            self.word(LIST | _HAS_TAG)
            self.symbol(name)
            self.item(node)
        self.word(NILVALUE)


def dump_variables(items: list[tuple[str, RObject]]) -> bytes:
    """Several variables, as ``save`` writes them."""
    out = bytearray(b"X\n" + struct.pack(">3i", 3, 0x040202, 0x030500) + struct.pack(">i", 5) + b"UTF-8")
    _Writer(out).pairs(items)
    return bytes(out)
