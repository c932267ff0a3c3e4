"""Labelled, tabular, categorical and sparse values to R.

Their parts into a list, then one function of ``values.R``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arcuate.errors import ConversionError, ProtocolError
from arcuate.r import rapi
from arcuate.r.numbers import NA_INT, Source, normalise_doubles, numpy
from arcuate.r.rapi import INTSXP, LGLSXP, STRSXP, VECSXP, ffi, lib
from arcuate.r.to_r import FLOATS, INTEGERS, SIGNED, Functions, PlainReader, source_of, truth
from arcuate.values import codes
from arcuate.values.nodes import Cursor, Row, step

__all__ = ["Reader"]


class Reader(PlainReader):
    """Builds R objects of every kind."""

    __slots__ = ()

    def __init__(self, functions: Functions, handle: Callable[[str], Any]) -> None:
        super().__init__(functions, handle)
        self._kinds[codes.LABELLED] = self._labelled
        self._kinds[codes.DATASET] = self._dataset
        self._kinds[codes.TABLE] = self._table
        self._kinds[codes.CATEGORICAL] = self._categorical
        self._kinds[codes.SPARSE] = self._sparse

    def _labelled(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        cursor.enter(5)
        parts = self._new(VECSXP, 5, parent, i)
        for k, key in enumerate(("name", "dims", "data", "coords", "attrs")):
            child = cursor.peek()
            if child[6] != key:
                raise ProtocolError(f"malformed labelled array: {child[6]!r} where {key!r} was expected")
            try:
                if key == "dims":
                    self._dims(cursor, parts, k)
                elif key == "coords":
                    self._variables(cursor, parts, k)
                else:
                    self.into(cursor, parts, k)
            except ConversionError as error:
                raise error.prepend(f".{key}") from None
        cursor.leave()
        self._assemble(parent, i, "make_labelled", parts, 5)

    def _dims(self, cursor: Cursor, parent: Any, i: int) -> None:
        row = cursor.next()
        if row[0] == codes.ARRAY:
            self._array(cursor, row, parent, i)
            return
        cursor.enter(row[4])
        texts = self._new(STRSXP, row[4], parent, i)
        for k in range(row[4]):
            lib.SET_STRING_ELT(texts, k, rapi.make_char(cursor.next()[7]))
        cursor.leave()

    def _variables(self, cursor: Cursor, parent: Any, i: int) -> None:
        row = cursor.next()
        n = row[4]
        cursor.enter(n)
        x = self._new(VECSXP, n, parent, i)
        lib.Rf_namesgets(x, lib.Rf_allocVector(STRSXP, n))
        names = lib.Rf_getAttrib(x, lib.Rf_install(b"names"))
        for k in range(n):
            child = cursor.next()
            lib.SET_STRING_ELT(names, k, rapi.make_char(child[6]))
            cursor.enter(child[4])
            variable = self._new(VECSXP, 3, x, k)
            try:
                self._dims(cursor, variable, 0)
                self.into(cursor, variable, 1)
                self.into(cursor, variable, 2)
            except ConversionError as error:
                raise error.prepend(step(child[6])) from None
            cursor.leave()
        cursor.leave()

    def _dataset(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        cursor.enter(3)
        parts = self._new(VECSXP, 3, parent, i)
        for k, key in enumerate(("vars", "coords", "attrs")):
            try:
                if k < 2:
                    self._variables(cursor, parts, k)
                else:
                    self.into(cursor, parts, k)
            except ConversionError as error:
                raise error.prepend(f".{key}") from None
        cursor.leave()
        self._assemble(parent, i, "make_dataset", parts, 3)

    def _table(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        if row[5] > 0x7FFFFFFF:
            raise ConversionError("R's data.frame ends at 2^31 - 1 rows; send the table in parts")
        cursor.enter(3)
        parts = self._new(VECSXP, 6, parent, i)
        lib.SET_VECTOR_ELT(parts, 0, lib.Rf_ScalarInteger(row[5]))
        nullable = cursor.columns_with(codes.ARRAY_PANDAS, codes.ARRAY_PANDAS | codes.ARRAY_NUMPY)
        keep = self._new(STRSXP, len(nullable), parts, 5)
        for k, name in enumerate(nullable):
            lib.SET_STRING_ELT(keep, k, rapi.make_char(name))
        try:
            self.into(cursor, parts, 1)
        except ConversionError as error:
            raise error.prepend(".columns") from None
        index = cursor.next()
        if index[0] == codes.NULL:
            lib.SET_VECTOR_ELT(parts, 2, lib.R_NilValue)
        else:
            cursor.enter(2)
            pair = self._new(VECSXP, 2, parts, 2)
            labels = cursor.next()
            if labels[0] == codes.ARRAY:
                self._array(cursor, labels, pair, 0)
            else:
                cursor.enter(labels[4])
                texts = self._new(STRSXP, labels[4], pair, 0)
                for k in range(labels[4]):
                    child = cursor.next()
                    lib.SET_STRING_ELT(
                        texts, k, lib.R_NaString if child[0] == codes.NULL else rapi.make_char(child[7])
                    )
                cursor.leave()
            try:
                self.into(cursor, pair, 1)
            except ConversionError as error:
                raise error.prepend(".index") from None
            cursor.leave()
        try:
            self.into(cursor, parts, 3)
        except ConversionError as error:
            raise error.prepend(".attrs") from None
        cursor.leave()
        lib.SET_VECTOR_ELT(parts, 4, rapi.make_text(row[7]))
        self._assemble(parent, i, "make_table", parts, 6)

    def _categorical(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        cursor.enter(2)
        parts = self._new(VECSXP, 3, parent, i)
        child = cursor.next()
        shape = cursor.numbers(child[4])
        source = source_of(cursor)
        mask: Any = cursor.buffer() if child[2] & codes.ARRAY_MASK else None
        if isinstance(mask, Source):
            mask = mask.bytes()
        np = numpy()
        given = np.frombuffer(source.bytes(), SIGNED[child[1]])
        n = len(given)
        if child[4] > 1 and not child[2] & codes.ARRAY_FORTRAN:
            given = given.reshape(shape).T.reshape(-1)
            if mask is not None:
                mask = memoryview(np.frombuffer(mask, "u1").reshape(shape).T.tobytes())
        x = self._new(INTSXP, n, parts, 0)
        if n:
            view = np.frombuffer(ffi.buffer(lib.INTEGER(x), 4 * n), np.int32)
            np.add(given, 1, out=view, casting="unsafe")
            if mask is not None:
                view[truth(mask)] = NA_INT
            view[given < 0] = NA_INT
        if child[4] > 1:
            self._dim(x, shape)
        cursor_row = cursor.peek()
        self.into(cursor, parts, 1)
        cursor.leave()
        if n and int(given.max()) >= lib.Rf_xlength(lib.VECTOR_ELT(parts, 1)):
            raise ProtocolError("malformed categorical: a code is beyond the categories")
        lib.SET_VECTOR_ELT(parts, 2, lib.Rf_ScalarLogical(row[2] & codes.CATEGORICAL_ORDERED))
        self._assemble(
            parent, i, "make_factor" if cursor_row[1] == codes.D_TEXT else "make_typed_factor", parts, 3
        )

    def _sparse(self, cursor: Cursor, row: Row, parent: Any, i: int) -> None:
        dtype, layout = row[1], row[3]
        rows, columns = cursor.numbers(2)
        data, first, second = source_of(cursor), source_of(cursor), source_of(cursor)
        if dtype in (codes.D_C8, codes.D_C16):
            raise ConversionError(
                "R's package Matrix has no complex sparse matrices; send the real and the imaginary "
                "part, or a dense array"
            )
        if dtype in INTEGERS:
            raise ConversionError(
                f"R's package Matrix has no sparse matrices of {numpy().dtype(INTEGERS[dtype]).name}; "
                "convert it to float64, or send a dense array"
            )
        if rows > 0x7FFFFFFF or columns > 0x7FFFFFFF:
            raise ConversionError("R's sparse matrices end at 2^31 - 1 rows and columns")
        np = numpy()
        parts = self._new(VECSXP, 5, parent, i)
        lib.SET_VECTOR_ELT(parts, 0, lib.Rf_ScalarInteger(layout))
        dim = self._new(INTSXP, 2, parts, 1)
        lib.INTEGER(dim)[0], lib.INTEGER(dim)[1] = rows, columns
        if dtype == codes.D_BOOL:
            x = self._new(LGLSXP, data.size, parts, 2)
            np.frombuffer(ffi.buffer(lib.LOGICAL(x), 4 * data.size), np.int32)[:] = np.frombuffer(
                data.bytes(), np.uint8
            )
        else:
            given = np.frombuffer(data.bytes(), (INTEGERS | FLOATS)[dtype])
            values = given.astype(np.float64)
            self._doubles(values, None, parts, 2)
            normal = lib.REAL(lib.VECTOR_ELT(parts, 2))
            if len(values):
                normalise_doubles(memoryview(ffi.buffer(normal, 8 * len(values))))
        for k, part in ((3, first), (4, second)):
            numbers = np.frombuffer(part.bytes(), np.int64 if row[2] & codes.SPARSE_WIDE else np.int32)
            if len(numbers) and int(numbers.max()) > 0x7FFFFFFF:
                raise ConversionError("R's sparse matrices hold at most 2^31 - 1 entries")
            vector = self._new(INTSXP, len(numbers), parts, k)
            np.frombuffer(ffi.buffer(lib.INTEGER(vector), 4 * len(numbers)), np.int32)[:] = numbers
        self._assemble(parent, i, "make_sparse", parts, 5)
