"""R objects to rows: what a result looks like in a frame.

Plain vectors are read from R's memory here; whatever has attributes is first taken apart by ``plan()`` in
``values.R``, which decides how it travels. Large data goes straight from R's memory into shared memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from arcuate.errors import ConversionError
from arcuate.r import rapi, times
from arcuate.r.numbers import Target, complex_missing, double_missing, int_missing
from arcuate.r.rapi import (
    BUILTINSXP,
    CPLXSXP,
    INTSXP,
    LGLSXP,
    NILSXP,
    RAWSXP,
    REALSXP,
    SPECIALSXP,
    STRSXP,
    VECSXP,
    ffi,
    lib,
)
from arcuate.values import codes
from arcuate.values.nodes import Buffer, Row, step

__all__ = ["Writer"]

_P_ARRAY, _P_DATETIME, _P_DATE, _P_DURATION, _P_FACTOR, _P_LABELLED, _P_DATASET, _P_TABLE, _P_SPARSE = range(
    1, 10
)
_P_HANDLE, _P_FUNCTION, _P_INT64, _P_MAPPING, _P_SHAPED, _P_ERROR, _P_VALUE = range(10, 17)
_DTYPES = {
    LGLSXP: codes.D_BOOL,
    INTSXP: codes.D_I4,
    REALSXP: codes.D_F8,
    CPLXSXP: codes.D_C16,
    STRSXP: codes.D_TEXT,
    RAWSXP: codes.D_U1,
}
_UNITS = {"secs": "s", "mins": "m", "hours": "h", "days": "D", "weeks": "W"}
_SMALL = 32
_pack = struct.Struct("<d").pack
_VECTORS = frozenset({REALSXP, INTSXP, LGLSXP, STRSXP, CPLXSXP})


class Writer:
    """Collects the rows of one reply.

    Args:
        plan: R's ``plan`` function.
        text_out: R's ``text_out`` function.
        handle: turns an R object into the rows of a handle: id, info.
        place: puts a buffer of at least ``threshold`` bytes into shared memory.
    """

    __slots__ = ("_handle", "_plan", "_text_out", "buffers", "pool", "rows", "target")

    def __init__(
        self, plan: Any, text_out: Any, handle: Callable[[Any, str, Writer], None], target: Target
    ) -> None:
        self._plan = plan
        self._text_out = text_out
        self._handle = handle
        self.target = target
        self.rows: list[Row] = []
        self.pool: list[int] = []
        self.buffers: list[Buffer] = []

    # --- plain fields of a message

    def text(self, key: str, value: str) -> None:
        """A text field."""
        self.rows.append((codes.TEXT, 0, 0, 0, 0, 0, key, value))

    def number(self, key: str, value: int) -> None:
        """An integer field that is not negative."""
        self.rows.append((codes.INT, 0, 0, 0, 0, value, key, ""))

    def flag(self, key: str, value: bool) -> None:
        """A bool field."""
        self.rows.append((codes.BOOL, 0, 0, 0, 0, int(value), key, ""))

    def null(self, key: str) -> None:
        """A field without value."""
        self.rows.append((codes.NULL, 0, 0, 0, 0, 0, key, ""))

    def open(self, kind: int, key: str, count: int, flags: int = 0) -> None:
        """The row of a container; its children follow."""
        self.rows.append((kind, 0, flags, 0, count, 0, key, ""))

    def texts(self, key: str, values: Sequence[str]) -> None:
        """A list of texts."""
        self.rows.append((codes.LIST, 0, 0, 0, len(values), 0, key, ""))
        for value in values:
            self.rows.append((codes.TEXT, 0, 0, 0, 0, 0, "", value))

    # --- R objects

    def value(self, x: Any, key: str = "", depth: int = 0) -> None:
        """Any R object. It must be protected by the caller."""
        kind = x.sxpinfo.type
        if lib.ATTRIB(x) == lib.R_NilValue:
            if kind in _VECTORS:
                self.array(x, kind, None, key)
                return
            if kind == NILSXP:
                self.rows.append((codes.NULL, 0, 0, 0, 0, 0, key, ""))
                return
            if kind == VECSXP:
                self._list(x, None, key, depth)
                return
            if kind == RAWSXP:
                self.rows.append((codes.BYTES, 0, 0, 0, 0, 0, key, ""))
                self.buffers.append(self.target.copy(lib.RAW(x), lib.Rf_xlength(x)))
                return
            if kind in (BUILTINSXP, SPECIALSXP):
                self._handle(x, key, self)
                return
        plan = lib.Rf_protect(rapi.checked(lib.Rf_lang2(self._plan, _quoted(x, kind))))
        try:
            self._planned(x, plan, key, depth)
        finally:
            lib.Rf_unprotect(1)

    def _list(self, x: Any, names: Any, key: str, depth: int, shape: Any = None) -> None:
        n = lib.Rf_xlength(x)
        if depth >= codes.MAX_DEPTH:
            raise ConversionError(
                f"the value nests deeper than {codes.MAX_DEPTH} levels; flatten it in R, or keep it there "
                "(keep=True) and ask for its parts"
            )
        if names is not None:
            self.rows.append((codes.MAPPING, 0, 0, 0, n, 0, key, ""))
        elif shape is not None:
            self.rows.append((codes.LIST, 0, codes.LIST_SHAPED, 0, n, 0, key, ""))
            self.pool.append(lib.Rf_xlength(shape))
            self.pool.extend(ffi.unpack(lib.INTEGER(shape), lib.Rf_xlength(shape)))
        else:
            self.rows.append((codes.LIST, 0, 0, 0, n, 0, key, ""))
        depth += 1
        name = ""
        for i in range(n):
            if names is not None:
                name = _utf8(lib.STRING_ELT(names, i))
            item = lib.VECTOR_ELT(x, i)
            if (
                item.sxpinfo.type == REALSXP
                and lib.Rf_xlength(item) == 1
                and lib.ATTRIB(item) == lib.R_NilValue
            ):
                number = lib.REAL(item)[0]
                if number == number:  # the usual element of a list of parameters
                    self.rows.append((codes.ARRAY, codes.D_F8, 0, 0, 1, 0, name, ""))
                    self.pool.append(1)
                    self.buffers.append(_pack(number))
                    continue
            try:
                self.value(item, name, depth)
            except ConversionError as error:
                raise error.prepend(f"[{i}]" if names is None else step(name)) from None

    def _planned(self, x: Any, plan: Any, key: str, depth: int) -> None:
        code = lib.INTEGER(lib.VECTOR_ELT(plan, 0))[0]
        if code == _P_HANDLE:
            self._handle(x, key, self)
        elif code <= _P_FACTOR or code == _P_INT64:
            self._data(plan, code, key)
        elif code == _P_MAPPING:
            self._list(lib.VECTOR_ELT(plan, 1), lib.VECTOR_ELT(plan, 2), key, depth)
        elif code == _P_VALUE:
            self.value(lib.VECTOR_ELT(plan, 1), key, depth)
        elif code == _P_SHAPED:
            self._list(lib.VECTOR_ELT(plan, 1), None, key, depth, lib.VECTOR_ELT(plan, 2))
        elif code == _P_LABELLED:
            self._labelled(plan, key, depth)
        elif code == _P_TABLE:
            self._table(plan, key, depth)
        elif code == _P_DATASET:
            self._dataset(plan, key, depth)
        elif code == _P_SPARSE:
            self._sparse(plan, key)
        elif code == _P_FUNCTION:
            self.rows.append(
                (codes.FUNCTION, 0, 0, 0, 0, 0, key, _utf8(lib.STRING_ELT(lib.VECTOR_ELT(plan, 1), 0)))
            )
        else:
            raise ConversionError(_utf8(lib.STRING_ELT(lib.VECTOR_ELT(plan, 1), 0)))

    def array(
        self, x: Any, kind: int, dim: Any, key: str, dtype: int | None = None, unit: int = 0, zone: str = ""
    ) -> None:
        """A plain vector as an array row."""
        n = lib.Rf_xlength(x)
        if kind == REALSXP:
            data, mask = double_missing(self.target, lib.REAL(x), n)
        elif kind in (INTSXP, LGLSXP):
            data, mask = int_missing(
                self.target, lib.INTEGER(x) if kind == INTSXP else lib.LOGICAL(x), n, kind == LGLSXP
            )
        elif kind == STRSXP:
            data, mask = self._texts(x, n)
        elif kind == CPLXSXP:
            data, mask = complex_missing(self.target, lib.COMPLEX(x), n)
        else:
            data, mask = self.target.copy(lib.RAW(x), n), None
        flags = 0 if mask is None else codes.ARRAY_MASK
        if dim is None or dim == lib.R_NilValue:
            ndim = 1
            self.pool.append(n)
        else:
            ndim = lib.Rf_xlength(dim)
            self.pool.extend(ffi.unpack(lib.INTEGER(dim), ndim))
            if ndim > 1:
                flags |= codes.ARRAY_FORTRAN
        self.rows.append(
            (codes.ARRAY, _DTYPES[kind] if dtype is None else dtype, flags, unit, ndim, 0, key, zone)
        )
        self.buffers.append(data)
        if mask is not None:
            self.buffers.append(mask)

    def _texts(self, x: Any, n: int) -> tuple[Buffer, Buffer | None]:
        if n <= _SMALL:
            parts: list[bytes] = []
            mask: bytearray | None = None
            na = lib.R_NaString
            for i in range(n):
                char = lib.STRING_ELT(x, i)
                if char == na:
                    if mask is None:
                        mask = bytearray(n)
                    mask[i] = 1
                    parts.append(b"")
                    continue
                data: bytes = ffi.string(lib.R_CHAR(char))
                if not data.isascii():
                    data = _checked_utf8(char, data)
                parts.append(data)
            return (b"\0".join(parts) + b"\0" if n else b""), (None if mask is None else bytes(mask))
        pair = lib.Rf_protect(rapi.checked(lib.Rf_lang2(self._text_out, x)))
        try:
            raw, missing = lib.VECTOR_ELT(pair, 0), lib.VECTOR_ELT(pair, 1)
            size = lib.Rf_xlength(raw)
            whole = ffi.buffer(lib.RAW(raw), size)[:]
            if not whole.isascii():
                try:
                    whole.decode()
                except UnicodeDecodeError as error:
                    at = whole.count(b"\0", 0, error.start)
                    raise ConversionError(
                        f"element {at + 1} of this character vector is no valid UTF-8; declare its "
                        "encoding in R (Encoding<- or iconv), "
                        "or send it with charToRaw()"
                    ) from None
            flags = None
            if missing != lib.R_NilValue:
                flags = ffi.buffer(lib.LOGICAL(missing), 4 * n)[:][::4]
            return self.target.give(whole), flags
        finally:
            lib.Rf_unprotect(1)

    def _data(self, plan: Any, code: int, key: str) -> None:
        """An array or categorical, without labels."""
        x, dim = lib.VECTOR_ELT(plan, 1), lib.VECTOR_ELT(plan, 2)
        kind = x.sxpinfo.type
        if code == _P_ARRAY:
            self.array(x, kind, dim, key)
            return
        if code == _P_FACTOR:
            self.rows.append(
                (codes.CATEGORICAL, 0, int(bool(lib.LOGICAL(lib.VECTOR_ELT(plan, 4))[0])), 0, 2, 0, key, "")
            )
            data, mask = times.factor_codes(self.target, x)
            self._made(data, mask, dim, "codes", codes.D_I4, 0, "")
            self.value(lib.VECTOR_ELT(plan, 3), "categories")
            return
        n = lib.Rf_xlength(x)
        zone = ""
        if code == _P_DATETIME:
            zone = _utf8(lib.STRING_ELT(lib.VECTOR_ELT(plan, 3), 0))
            data, mask, unit = times.datetimes(x, kind, n, _utf8(lib.STRING_ELT(lib.VECTOR_ELT(plan, 4), 0)))
            dtype = codes.D_DATETIME
        elif code == _P_DATE:
            data, mask, unit, dtype = times.dates(x, kind, n)
        elif code == _P_DURATION:
            own = _UNITS[_utf8(lib.STRING_ELT(lib.VECTOR_ELT(plan, 3), 0))]
            data, mask, unit = times.durations(
                x, kind, n, own, _utf8(lib.STRING_ELT(lib.VECTOR_ELT(plan, 4), 0))
            )
            dtype = codes.D_DURATION
        else:
            data, mask = times.int64(x, n)
            unit, dtype = 0, codes.D_I8
        self._made(self.target.give(data), mask, dim, key, dtype, unit, zone)

    def _made(
        self, data: Buffer, mask: Buffer | None, dim: Any, key: str, dtype: int, unit: int, zone: str
    ) -> None:
        flags = 0 if mask is None else codes.ARRAY_MASK
        if dim == lib.R_NilValue:
            ndim = 1
            size = len(data) if isinstance(data, bytes) else data.nbytes
            self.pool.append(size // codes.ITEMSIZE[dtype])
        else:
            ndim = lib.Rf_xlength(dim)
            self.pool.extend(ffi.unpack(lib.INTEGER(dim), ndim))
            if ndim > 1:
                flags |= codes.ARRAY_FORTRAN
        self.rows.append((codes.ARRAY, dtype, flags, unit, ndim, 0, key, zone))
        self.buffers.append(data)
        if mask is not None:
            self.buffers.append(mask)

    def _attrs(self, x: Any, key: str, depth: int) -> None:
        """A named list that may be empty, as a mapping."""
        names = lib.Rf_getAttrib(x, lib.Rf_install(b"names")) if x != lib.R_NilValue else lib.R_NilValue
        if names == lib.R_NilValue:
            self.rows.append((codes.MAPPING, 0, 0, 0, 0, 0, key, ""))
        else:
            try:
                self._list(x, names, key, depth)
            except ConversionError as error:
                raise error.prepend("." + key) from None

    def _dims(self, x: Any) -> None:
        self.texts("dims", rapi.texts_of(x))

    def _variables(self, x: Any, key: str, depth: int) -> None:
        n = lib.Rf_xlength(x) if x != lib.R_NilValue else 0
        self.rows.append((codes.MAPPING, 0, 0, 0, n, 0, key, ""))
        if not n:
            return
        names = lib.Rf_getAttrib(x, lib.Rf_install(b"names"))
        for i in range(n):
            name = _utf8(lib.STRING_ELT(names, i))
            variable = lib.VECTOR_ELT(x, i)
            self.rows.append((codes.MAPPING, 0, 0, 0, 3, 0, name, ""))
            try:
                self._dims(lib.VECTOR_ELT(variable, 0))
                at, pooled = len(self.rows), len(self.pool)
                self._variable_data(lib.VECTOR_ELT(variable, 1))
                if lib.Rf_xlength(lib.VECTOR_ELT(variable, 0)) == 0:
                    self._flatten(at, pooled)
                self._attrs(lib.VECTOR_ELT(variable, 2), "attrs", depth + 2)
            except ConversionError as error:
                raise error.prepend(step(name)).prepend("." + key) from None

    def _flatten(self, at: int, pooled: int) -> None:
        """Makes the 1-d array that was written last, of one element, an array without dimensions."""
        if self.rows[at][0] == codes.CATEGORICAL:
            at += 1
        row = self.rows[at]
        if row[0] == codes.ARRAY and row[4] == 1:
            self.rows[at] = (*row[:4], 0, *row[5:])
            del self.pool[pooled]

    def _variable_data(self, x: Any) -> None:
        """The data of a variable; an ``arcuate_plan`` is one that ``plan()`` has taken apart already."""
        if x.sxpinfo.type == VECSXP:
            plan = lib.VECTOR_ELT(x, 0)
            self._data(plan, lib.INTEGER(lib.VECTOR_ELT(plan, 0))[0], "data")
        elif x.sxpinfo.type == RAWSXP:
            self.array(x, RAWSXP, lib.Rf_getAttrib(x, lib.R_DimSymbol), "data")
        else:
            self.value(x, "data")

    def _labelled(self, plan: Any, key: str, depth: int) -> None:
        self.rows.append((codes.LABELLED, 0, 0, 0, 5, 0, key, ""))
        name = lib.VECTOR_ELT(plan, 1)
        if name == lib.R_NilValue:
            self.null("name")
        else:
            self.text("name", _utf8(lib.STRING_ELT(name, 0)))
        self._dims(lib.VECTOR_ELT(plan, 2))
        data = lib.VECTOR_ELT(plan, 3)
        if lib.Rf_xlength(lib.VECTOR_ELT(plan, 2)) == 0:  # 0-d
            lib.SET_VECTOR_ELT(data, 2, lib.Rf_allocVector(INTSXP, 0))
        self._data(data, lib.INTEGER(lib.VECTOR_ELT(data, 0))[0], "data")
        self._variables(lib.VECTOR_ELT(plan, 4), "coords", depth)
        self._attrs(lib.VECTOR_ELT(plan, 5), "attrs", depth + 1)

    def _dataset(self, plan: Any, key: str, depth: int) -> None:
        self.rows.append((codes.DATASET, 0, 0, 0, 3, 0, key, ""))
        self._variables(lib.VECTOR_ELT(plan, 1), "vars", depth)
        self._variables(lib.VECTOR_ELT(plan, 2), "coords", depth)
        self._attrs(lib.VECTOR_ELT(plan, 3), "attrs", depth + 1)

    def _table(self, plan: Any, key: str, depth: int) -> None:
        n = lib.INTEGER(lib.VECTOR_ELT(plan, 1))[0]
        self.rows.append((codes.TABLE, 0, 0, 0, 3, n, key, _utf8(lib.STRING_ELT(lib.VECTOR_ELT(plan, 6), 0))))
        columns, names = lib.VECTOR_ELT(plan, 2), lib.VECTOR_ELT(plan, 3)
        count = lib.Rf_xlength(columns)
        # columns that came from a class that can hold missing values, also where nothing is missing
        nullable = set(rapi.texts_of(lib.VECTOR_ELT(plan, 7)))
        self.rows.append((codes.MAPPING, 0, 0, 0, count, 0, "columns", ""))
        for i in range(count):
            name = _utf8(lib.STRING_ELT(names, i))
            at = len(self.rows)
            column = lib.VECTOR_ELT(columns, i)
            try:
                if column.sxpinfo.type == RAWSXP:
                    self.array(column, RAWSXP, None, name)
                else:
                    self.value(column, name, depth + 2)
            except ConversionError as error:
                raise error.prepend(step(name)) from None
            if name in nullable and self.rows[at][0] == codes.ARRAY:
                row = self.rows[at]
                self.rows[at] = (*row[:2], row[2] | codes.ARRAY_PANDAS, *row[3:])
        index = lib.VECTOR_ELT(plan, 4)
        if index == lib.R_NilValue:
            self.null("index")
        else:
            self.open(codes.MAPPING, "index", 2)
            labels, levels = lib.VECTOR_ELT(index, 0), lib.VECTOR_ELT(index, 1)
            self.open(codes.LIST, "names", lib.Rf_xlength(labels))
            for i in range(lib.Rf_xlength(labels)):
                char = lib.STRING_ELT(labels, i)
                if char == lib.R_NaString:
                    self.null("")
                else:
                    self.text("", _utf8(char))
            self.open(codes.LIST, "levels", lib.Rf_xlength(levels))
            for i in range(lib.Rf_xlength(levels)):
                self.value(lib.VECTOR_ELT(levels, i))
        self._attrs(lib.VECTOR_ELT(plan, 5), "attrs", depth + 1)

    def _sparse(self, plan: Any, key: str) -> None:
        layout = lib.INTEGER(lib.VECTOR_ELT(plan, 1))[0]
        dim = lib.INTEGER(lib.VECTOR_ELT(plan, 2))
        x = lib.VECTOR_ELT(plan, 3)
        n = lib.Rf_xlength(x)
        if x.sxpinfo.type == LGLSXP:
            data, mask = int_missing(self.target, lib.LOGICAL(x), n, True)
            if mask is not None:
                raise ConversionError(
                    "a logical sparse matrix with NA has no sparse value elsewhere; make it numeric, or "
                    "dense (as.matrix)"
                )
            dtype = codes.D_BOOL
        else:
            data, mask = double_missing(self.target, lib.REAL(x), n)
            if mask is not None:
                raise ConversionError(
                    "a sparse matrix with NA has no sparse value elsewhere; replace NA by NaN, or make "
                    "it dense (as.matrix)"
                )
            dtype = codes.D_F8
        self.rows.append((codes.SPARSE, dtype, 0, layout, 0, n, key, ""))
        self.pool.extend((dim[0], dim[1]))
        self.buffers.append(data)
        for slot in (4, 5):
            part = lib.VECTOR_ELT(plan, slot)
            self.buffers.append(self.target.copy(lib.INTEGER(part), 4 * lib.Rf_xlength(part)))


def _quoted(x: Any, kind: int) -> Any:
    """An object as it can stand in a call: symbols and calls would be evaluated."""
    if kind in (rapi.SYMSXP, rapi.LANGSXP, rapi.PROMSXP, rapi.BCODESXP):
        return lib.Rf_lang2(rapi.symbol("quote"), x)
    return x


def _utf8(char: Any) -> str:
    data: bytes = ffi.string(lib.R_CHAR(char))
    if data.isascii():
        return data.decode("ascii")
    return _checked_utf8(char, data).decode()


def _checked_utf8(char: Any, data: bytes) -> bytes:
    if lib.Rf_getCharCE(char) == 2:
        return (
            data.decode("cp1252", "replace").encode() if data >= b"\x80" else data.decode("latin-1").encode()
        )
    try:
        data.decode()
    except UnicodeDecodeError:
        raise ConversionError(
            f"the text {data!r} is no valid UTF-8; declare its encoding in R (Encoding<- or iconv), or "
            "send it with charToRaw()"
        ) from None
    return data
