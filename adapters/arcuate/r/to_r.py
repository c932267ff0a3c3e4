"""Rows to R objects: what an argument becomes in R.

Every object is stored in its parent list as soon as it is made, so that only the outermost list has to be
protected from R's collector.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from arcuate.errors import ConversionError, InternalError, ProtocolError, Unsupported
from arcuate.r import rapi, times
from arcuate.r.channel import plain
from arcuate.r.numbers import NA_INT, NAN_BITS, Source, fill_doubles, numpy
from arcuate.r.rapi import CPLXSXP, INTSXP, LGLSXP, RAWSXP, REALSXP, STRSXP, UTF8, VECSXP, ffi, lib
from arcuate.values import codes
from arcuate.values.nodes import Cursor, Row, signed, step, to_float

__all__ = ["Functions", "PlainReader", "SourceCursor", "source_of", "truth"]

_FEW = 48
_LARGE = 1 << 20
_RISKY = 256 << 20
_SIZES = {**rapi.TYPES, STRSXP: 8, VECSXP: 8}
SIGNED = {codes.D_I1: "i1", codes.D_I2: "<i2", codes.D_I4: "<i4", codes.D_I8: "<i8"}
UNSIGNED = {codes.D_U1: "u1", codes.D_U2: "<u2", codes.D_U4: "<u4", codes.D_U8: "<u8"}
INTEGERS = SIGNED | UNSIGNED
FLOATS = {codes.D_F2: "<f2", codes.D_F4: "<f4", codes.D_F8: "<f8"}
_CASTS: dict[int, Any] = {
    codes.D_I1: "b",
    codes.D_I2: "h",
    codes.D_I4: "i",
    codes.D_I8: "q",
    codes.D_U1: "B",
    codes.D_U2: "H",
    codes.D_U4: "I",
    codes.D_U8: "Q",
}
_EXACT = 1 << 53


class SourceCursor(Cursor):
    """A cursor that hands large buffers out as they are, to be read straight into R's memory."""

    __slots__ = ()

    @property
    def at(self) -> int:
        """The number of the next row; the rows before it may have been read without the cursor."""
        return self._row

    @at.setter
    def at(self, number: int) -> None:
        self._row = number

    def buffer(self) -> Any:
        """The next buffer: a view of bytes or a :class:`Source`."""
        try:
            data = self._nodes.buffers[self._buffer]
        except IndexError:
            raise ProtocolError(
                f"malformed value: {len(self._nodes.buffers)} buffers, but the nodes ask for more"
            ) from None
        self._buffer += 1
        return data


def _column_major(source: Source, mask: Any, shape: Any, n: int) -> tuple[Source, Any]:
    """Texts in row-major order, which no client that heard R's hello sends, in column-major order."""
    np = numpy()
    texts = bytes(source.bytes()).split(b"\0")[:-1]
    if len(texts) != n:
        raise ProtocolError(f"malformed array: {n} texts were announced, {len(texts)} came")
    order = np.arange(n).reshape(shape).T.reshape(-1).tolist()
    data = b"".join(texts[k] + b"\0" for k in order)
    turned = None if mask is None else memoryview(bytes(mask[k] for k in order))
    return Source(memoryview(data), "", len(data)), turned


class Functions:
    """The R functions of ``values.R`` and ``support.R`` that assemble values, by name."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        self.find = find
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self.find(name)
        return found


def _shown(info: dict[str, Any]) -> str:
    """How an object of another session prints."""
    names = info.get("class") or ["object"]
    kind = names if isinstance(names, str) else names[0]
    head = f"<{info.get('language', '')} {kind} of another session>".replace("< ", "<")
    return f"{head} {info.get('summary', '')}".rstrip()


class PlainReader:
    """Builds R objects from a cursor.

    Args:
        functions: R's assembling functions.
        handle: text id to R object.

    Attributes:
        foreign: how many objects of other sessions R got.
    """

    __slots__ = ("_f", "_handle", "_kinds", "foreign")

    def __init__(self, functions: Functions, handle: Callable[[str], Any]) -> None:
        self._f = functions
        self._handle = handle
        self.foreign = 0
        self._kinds: dict[int, Callable[[Cursor, Row, Any, int], None]] = {
            codes.NULL: self._null, codes.BOOL: self._bool, codes.INT: self._int, codes.FLOAT: self._float,
            codes.COMPLEX: self._complex, codes.TEXT: self._text, codes.BYTES: self._bytes, codes.MISSING:
            self._missing, codes.LIST: self._list, codes.MAPPING: self._mapping, codes.ARRAY: self._array,

            codes.DATETIME: self._datetime, codes.DATE: self._date, codes.DURATION: self._duration,
            codes.FUNCTION: self._function, codes.HANDLE: self._remote,
        }  # fmt: skip

    def into(self, cursor: Cursor, parent: Any, i: int) -> None:
        """Builds the next value and stores it as element ``i`` of an R list."""
        row = cursor.next()
        kind = self._kinds.get(row[0])
        if kind is None:
            raise Unsupported(
                f"this worker does not know values of kind {row[0]}; install the same version of Arcuate "
                "on both sides"
            )
        kind(cursor, row, parent, i)

    # --- scalars

    def _null(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        lib.SET_VECTOR_ELT(parent, i, lib.R_NilValue)

    def _bool(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarLogical(1 if row[5] else 0))

    def _int(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        value = row[5] if row[2] & codes.INT_UNSIGNED or row[1] == codes.D_U8 else signed(row[5])
        if NA_INT < value < 1 << 31:
            lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarInteger(value))
        elif int(float(value)) == value:
            lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarReal(float(value)))
        else:
            raise ConversionError(_no_integer(value))

    def _float(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        bits = row[5]
        if bits & 0xFFFFFFFF == 1954 and bits & 0x7FF0000000000000 == 0x7FF0000000000000:
            bits = NAN_BITS  # R would take it for NA
        lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarReal(to_float(bits)))

    def _complex(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        x = lib.Rf_allocVector(CPLXSXP, 1)
        lib.SET_VECTOR_ELT(parent, i, x)
        bits = [
            NAN_BITS if b & 0xFFFFFFFF == 1954 and b & 0x7FF0000000000000 == 0x7FF0000000000000 else b
            for b in cursor.numbers(2)
        ]
        ffi.buffer(lib.COMPLEX(x), 16)[:] = struct.pack("<2Q", *bits)

    def _text(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        data = row[7].encode()
        lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarString(lib.Rf_mkCharLenCE(data, len(data), UTF8)))

    def _bytes(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        source = source_of(cursor)
        x = self._new(RAWSXP, source.size, parent, i)
        if source.size:
            source.fill(memoryview(ffi.buffer(lib.RAW(x), source.size)))

    def _missing(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        dtype = row[1]
        if dtype in INTEGERS:
            lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarInteger(NA_INT))
        elif dtype in FLOATS:
            lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarReal(lib.R_NaReal))
        elif dtype == codes.D_TEXT:
            lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarString(lib.R_NaString))
        elif dtype in (codes.D_C8, codes.D_C16):
            x = lib.Rf_allocVector(CPLXSXP, 1)
            lib.SET_VECTOR_ELT(parent, i, x)
            ffi.buffer(lib.COMPLEX(x), 16)[:] = struct.pack("<2d", 0, 0)
            ffi.cast("double *", lib.COMPLEX(x))[0] = lib.R_NaReal
            ffi.cast("double *", lib.COMPLEX(x))[1] = lib.R_NaReal
        elif dtype in (codes.D_DATETIME, codes.D_DATE, codes.D_DURATION):
            lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarReal(lib.R_NaReal))
            if dtype == codes.D_DATETIME:
                self._call(parent, i, "make_datetime", row[7], codes.UNIT_NAMES[row[3]] or "us")
            elif dtype == codes.D_DATE:
                self._call(parent, i, "make_date")
            else:
                self._call(parent, i, "make_duration", "secs", "")
        else:
            lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarLogical(NA_INT))

    def _datetime(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        np = numpy()
        unit = codes.UNIT_NAMES[row[3]] or "us"
        seconds, note = times.datetime_seconds(np.array([signed(row[5])]), unit, None, row[7])
        lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarReal(float(seconds[0])))
        self._call(parent, i, "make_datetime", row[7], note)

    def _date(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarReal(float(signed(row[5]))))
        self._call(parent, i, "make_date")

    def _duration(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        values, name, note = times.duration_counts(
            numpy().array([signed(row[5])]), codes.UNIT_NAMES[row[3]] or "us", None
        )
        lib.SET_VECTOR_ELT(parent, i, lib.Rf_ScalarReal(float(values[0])))
        self._call(parent, i, "make_duration", name, note)

    def _function(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        info = plain(cursor) if row[4] else {}
        lib.SET_VECTOR_ELT(parent, i, rapi.make_text(row[7]))
        if info.get("foreign"):
            self.foreign += 1
            self._call(parent, i, "make_foreign", _shown(info))
        else:
            self._call(parent, i, "make_function", lib.R_NilValue)

    def _remote(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        if row[4]:
            cursor.skip()
        lib.SET_VECTOR_ELT(parent, i, self._handle(row[7]))

    # --- containers

    def _list(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        n = row[4]
        shape = cursor.numbers(cursor.numbers(1)[0]) if row[2] & codes.LIST_SHAPED else None
        cursor.enter(n)
        x = self._new(VECSXP, n, parent, i)
        into = self.into
        at = 0
        try:
            for at in range(n):
                into(cursor, x, at)
        except ConversionError as error:
            raise error.prepend(f"[{at}]") from None
        cursor.leave()
        if shape is not None and len(shape) > 0:
            self._dim(x, shape)

    def _mapping(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        n = row[4]
        cursor.enter(n)
        x = self._new(VECSXP, n, parent, i)
        names = lib.Rf_allocVector(STRSXP, n)
        lib.Rf_namesgets(x, names)
        names = lib.Rf_getAttrib(x, lib.Rf_install(b"names"))
        kinds = self._kinds
        key = ""
        seen = set()
        try:
            for at in range(n):
                child = cursor.next()
                key = child[6]
                data = key.encode()
                lib.SET_STRING_ELT(names, at, lib.Rf_mkCharLenCE(data, len(data), UTF8))
                seen.add(key)
                kind = kinds.get(child[0])
                if kind is None:
                    raise Unsupported(f"this worker does not know values of kind {child[0]}")
                kind(cursor, child, x, at)
        except ConversionError as error:
            raise error.prepend(step(key)) from None
        if len(seen) != n:
            raise ProtocolError("malformed value: a mapping has the same key twice")
        cursor.leave()

    # --- arrays

    def _new(self, kind: int, n: int, parent: Any, i: int) -> Any:
        """A new vector, stored in its parent. A large one is made inside R's error handling.

        Memory may run out.
        """
        if n > _LARGE and n * _SIZES[kind] > _RISKY:
            code = lib.Rf_protect(lib.Rf_ScalarInteger(kind))
            x = rapi.eval_raw(
                lib.Rf_lang3(self._f["new_vector"], code, lib.Rf_ScalarReal(float(n))), lib.R_BaseEnv
            )
            lib.Rf_unprotect(1)
            if x is None:
                raise ConversionError(f"R has no memory for a vector of {n:,} elements")
        else:
            x = lib.Rf_allocVector(kind, n)
        lib.SET_VECTOR_ELT(parent, i, x)
        return x

    def _dim(self, x: Any, shape: Any) -> None:
        if any(length > 0x7FFFFFFF for length in shape):
            raise ConversionError("R's dimensions end at 2^31 - 1; reshape the array")
        dim = lib.Rf_allocVector(INTSXP, len(shape))
        for at, length in enumerate(shape):
            lib.INTEGER(dim)[at] = length
        lib.Rf_setAttrib(x, lib.R_DimSymbol, dim)

    def _call(self, parent: Any, i: int, name: str, *more: Any) -> None:
        """Replaces element ``i`` of the parent by the value of a function of it.

        ``more`` are texts, numbers or protected objects.
        """
        call = lib.Rf_protect(lib.Rf_allocList(2 + len(more)))
        try:
            call.sxpinfo.type = rapi.LANGSXP
            lib.SETCAR(call, self._f[name])
            at = lib.CDR(call)
            lib.SETCAR(at, lib.VECTOR_ELT(parent, i))
            for value in more:
                at = lib.CDR(at)
                if isinstance(value, str):
                    value = rapi.make_text(value)
                elif isinstance(value, bool):
                    value = lib.Rf_ScalarLogical(int(value))
                elif isinstance(value, float):
                    value = lib.Rf_ScalarReal(value)
                lib.SETCAR(at, value)
            lib.SET_VECTOR_ELT(parent, i, rapi.checked(call))
        finally:
            lib.Rf_unprotect(1)

    def _assemble(self, parent: Any, i: int, name: str, parts: Any, n: int) -> None:
        """Replaces element ``i`` by a function of the elements of ``parts``, which is reachable from
        there.
        """
        call = lib.Rf_protect(lib.Rf_allocList(1 + n))
        try:
            call.sxpinfo.type = rapi.LANGSXP
            lib.SETCAR(call, self._f[name])
            at = lib.CDR(call)
            for k in range(n):
                lib.SETCAR(at, lib.VECTOR_ELT(parts, k))
                at = lib.CDR(at)
            lib.SET_VECTOR_ELT(parent, i, rapi.checked(call))
        finally:
            lib.Rf_unprotect(1)

    def _array(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        _, dtype, flags, unit, ndim, _, _, zone = row
        shape = cursor.numbers(ndim)
        n = 1
        for length in shape:
            n *= length
        source = source_of(cursor)
        mask: Any = cursor.buffer() if flags & codes.ARRAY_MASK else None
        if isinstance(mask, Source):
            mask = mask.bytes()
        if mask is not None and len(mask) != n:
            raise ProtocolError(f"malformed array: {n} elements, but a mask of {len(mask)}")
        if dtype != codes.D_TEXT and source.size != n * codes.ITEMSIZE[dtype]:
            raise ProtocolError(
                f"malformed array: {n} elements of {codes.DTYPE_NAMES[dtype]} in {source.size} bytes"
            )
        if ndim > 1 and not flags & codes.ARRAY_FORTRAN and dtype != codes.D_TEXT:
            np = numpy()
            kind = np.dtype(f"V{codes.ITEMSIZE[dtype]}")
            turned = np.frombuffer(source.bytes(), kind).reshape(shape).T.copy()
            source = Source(
                memoryview(turned.view("u1").reshape(-1)).cast("B") if n else memoryview(b""), "", source.size
            )
            if mask is not None:
                mask = memoryview(np.frombuffer(mask, "u1").reshape(shape).T.tobytes())
        if dtype == codes.D_F8:
            x = self._new(REALSXP, n, parent, i)
            fill_doubles(source, lib.REAL(x), n)
            if mask is not None:
                numpy().frombuffer(ffi.buffer(lib.REAL(x), 8 * n), "u8")[truth(mask)] = 0x7FF00000000007A2
        elif dtype == codes.D_TEXT:
            if ndim > 1 and not flags & codes.ARRAY_FORTRAN:
                source, mask = _column_major(source, mask, shape, n)
            self._texts(source, n, mask, parent, i)
        elif dtype in INTEGERS:
            self._integers(source, n, dtype, mask, parent, i)
        elif dtype == codes.D_BOOL:
            x = self._new(LGLSXP, n, parent, i)
            if n <= _FEW:
                pointer = lib.LOGICAL(x)
                for k, item in enumerate(bytes(source.bytes())):
                    pointer[k] = NA_INT if mask is not None and mask[k] else item
            else:
                np = numpy()
                view = np.frombuffer(ffi.buffer(lib.LOGICAL(x), 4 * n), np.int32)
                view[:] = np.frombuffer(source.bytes(), np.uint8)
                if mask is not None:
                    view[truth(mask)] = NA_INT
        elif dtype in FLOATS:
            np = numpy()
            x = self._new(REALSXP, n, parent, i)
            wide = np.frombuffer(ffi.buffer(lib.REAL(x), 8 * n), np.float64)
            wide[:] = np.frombuffer(source.bytes(), FLOATS[dtype])
            if mask is not None:
                wide.view(np.uint64)[truth(mask)] = 0x7FF00000000007A2
        elif dtype in (codes.D_C8, codes.D_C16):
            self._complexes(source, n, dtype, mask, parent, i)
        elif dtype == codes.D_DATETIME:
            np = numpy()
            missing = None if mask is None else truth(mask)
            seconds, note = times.datetime_seconds(
                np.frombuffer(source.bytes(), np.int64), codes.UNIT_NAMES[unit] or "us", missing, zone
            )
            self._doubles(seconds, missing, parent, i)
            if ndim > 1:
                self._dim(lib.VECTOR_ELT(parent, i), shape)
            self._call(parent, i, "make_datetime", zone, note)
            return
        elif dtype == codes.D_DATE:
            np = numpy()
            missing = None if mask is None else truth(mask)
            self._doubles(times.date_days(np.frombuffer(source.bytes(), np.int32)), missing, parent, i)
            if ndim > 1:
                self._dim(lib.VECTOR_ELT(parent, i), shape)
            self._call(parent, i, "make_date")
            return
        elif dtype == codes.D_DURATION:
            np = numpy()
            missing = None if mask is None else truth(mask)
            values, name, note = times.duration_counts(
                np.frombuffer(source.bytes(), np.int64), codes.UNIT_NAMES[unit] or "us", missing
            )
            self._doubles(values, missing, parent, i)
            if ndim > 1:
                self._dim(lib.VECTOR_ELT(parent, i), shape)
            self._call(parent, i, "make_duration", name, note)
            return
        else:
            raise Unsupported(f"this worker does not know arrays of dtype {dtype}")
        if ndim > 1:
            self._dim(lib.VECTOR_ELT(parent, i), shape)

    def _doubles(self, values: Any, missing: Any, parent: Any, i: int) -> None:
        np = numpy()
        n = len(values)
        x = self._new(REALSXP, n, parent, i)
        view = np.frombuffer(ffi.buffer(lib.REAL(x), 8 * n), np.float64)
        view[:] = values
        if missing is not None:
            view.view(np.uint64)[missing] = 0x7FF00000000007A2

    def _integers(
        self, source: Source, n: int, dtype: int, mask: memoryview | None, parent: Any, i: int
    ) -> None:
        if n <= _FEW:
            items = source.bytes().cast("B").cast(_CASTS[dtype]).tolist() if n else []
            if mask is not None:
                items = [0 if missing else item for item, missing in zip(items, mask, strict=True)]
            if n == 0 or (min(items) > NA_INT and max(items) < 1 << 31):
                x = self._new(INTSXP, n, parent, i)
                ffi.buffer(lib.INTEGER(x), 4 * n)[:] = struct.pack(f"{n}i", *items)
                if mask is not None:
                    pointer = lib.INTEGER(x)
                    for k in range(n):
                        if mask[k]:
                            pointer[k] = NA_INT
                return
            for k, item in enumerate(items):
                if int(float(item)) != item:
                    raise ConversionError(_no_integer(item), path=f"[{k}]")
            x = self._new(REALSXP, n, parent, i)
            pointer = lib.REAL(x)
            for k, item in enumerate(items):
                pointer[k] = lib.R_NaReal if mask is not None and mask[k] else float(item)
            return
        np = numpy()
        missing = None if mask is None else truth(mask)
        if dtype == codes.D_I4 and missing is None:
            x = self._new(INTSXP, n, parent, i)
            source.fill(memoryview(ffi.buffer(lib.INTEGER(x), 4 * n)))
            view = np.frombuffer(ffi.buffer(lib.INTEGER(x), 4 * n), np.int32)
            if view.min() > NA_INT:
                return
            values = view.astype(np.float64)
            self._doubles(values, None, parent, i)
            return
        given = np.frombuffer(source.bytes(), INTEGERS[dtype])
        if missing is not None:
            given = np.where(missing, given.dtype.type(0), given)
        if given.min() > NA_INT and given.max() < 1 << 31:
            x = self._new(INTSXP, n, parent, i)
            view = np.frombuffer(ffi.buffer(lib.INTEGER(x), 4 * n), np.int32)
            view[:] = given
            if missing is not None:
                view[missing] = NA_INT
            return
        values = given.astype(np.float64)
        if given.max() > _EXACT or given.min() < -_EXACT:
            # 2^63 and 2^64 as a double would overflow on the way back
            safe = (np.abs(values) < 9.2e18) if dtype == codes.D_I8 else (values < 1.8e19)
            same = safe.copy()
            same[safe] = values[safe].astype(given.dtype) == given[safe]
            if not same.all():
                k = int(np.argmin(same))
                raise ConversionError(_no_integer(int(given[k])), path=f"[{k}]")
        self._doubles(values, missing, parent, i)

    def _complexes(
        self, source: Source, n: int, dtype: int, mask: memoryview | None, parent: Any, i: int
    ) -> None:
        x = self._new(CPLXSXP, n, parent, i)
        if not n:
            return
        np = numpy()
        view = np.frombuffer(ffi.buffer(lib.COMPLEX(x), 16 * n), np.float64)
        view[:] = np.frombuffer(source.bytes(), "<f4" if dtype == codes.D_C8 else "<f8")
        bits = view.view(np.uint64)
        odd = np.isnan(view) & ((bits & 0xFFFFFFFF) == 1954)
        bits[odd] = NAN_BITS
        if mask is not None:
            bits.reshape(n, 2)[truth(mask)] = 0x7FF00000000007A2

    def _texts(self, source: Source, n: int, mask: memoryview | None, parent: Any, i: int) -> None:
        if n <= _FEW:
            x = self._new(STRSXP, n, parent, i)
            parts = bytes(source.bytes()).split(b"\0") if n else [b""]
            if len(parts) != n + 1 or parts[-1]:
                raise ProtocolError(f"malformed array: {n} texts, but {len(parts) - 1} ends of text")
            for k in range(n):
                part = parts[k]
                if mask is not None and mask[k]:
                    lib.SET_STRING_ELT(x, k, lib.R_NaString)
                else:
                    lib.SET_STRING_ELT(x, k, lib.Rf_mkCharLenCE(part, len(part), UTF8))
            return
        raw = self._new(RAWSXP, source.size, parent, i)
        view = memoryview(ffi.buffer(lib.RAW(raw), source.size))
        source.fill(view)
        whole = bytes(view)
        if whole.count(b"\0") != n or whole[-1]:
            raise ProtocolError(f"malformed array: {n} texts, but {whole.count(0)} ends of text")
        self._call(parent, i, "text_in", float(n), whole.isascii())
        if mask is not None:
            flags = lib.Rf_protect(lib.Rf_allocVector(RAWSXP, n))
            ffi.buffer(lib.RAW(flags), n)[:] = mask
            self._call(parent, i, "set_missing", flags)
            lib.Rf_unprotect(1)


def source_of(cursor: Cursor) -> Source:
    """The next buffer, wherever it lies."""
    data: Any = cursor.buffer()
    return data if isinstance(data, Source) else Source(data, "", data.nbytes)


def truth(mask: memoryview) -> Any:
    """A mask as a numpy array of bool."""
    np = numpy()
    return np.frombuffer(mask, np.uint8) != 0


def _no_integer(value: int) -> str:
    return (
        f"the integer {value} is exact neither as R's integer (32 bits) nor as its double (53 bits); R's "
        "package bit64 holds such numbers: "
        "send it as text and convert it there with bit64::as.integer64(), or send float(value)"
    )


def unexpected(row: Row, wanted: str) -> InternalError:
    """A message has the wrong form."""
    return InternalError(f"malformed message: {codes.KIND_NAMES[row[0]]} where {wanted} was expected")
