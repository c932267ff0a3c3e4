"""scipy.sparse matrices to rows and back."""

from __future__ import annotations

from typing import Any

from arcuate.errors import ConversionError, ProtocolError
from arcuate.values import codes, types
from arcuate.values.decode import Decoder, library
from arcuate.values.encode import TABLE, Encoder
from arcuate.values.nodes import Row

__all__ = ["read_sparse"]

_FORMATS = ("csc", "csr", "coo")


def _put_sparse(state: Encoder, matrix: Any, key: str) -> None:
    import scipy.sparse as sp

    from arcuate.values.numpy_encode import DTYPES, data_of

    if len(matrix.shape) != 2:
        raise ConversionError(
            f"a sparse array of {len(matrix.shape)} dimensions cannot travel, 2 are allowed; send "
            f"matrix.reshape(1, -1)"
        )
    form = matrix.format
    if form not in _FORMATS:
        matrix, form = matrix.tocsc(), "csc"
    code = DTYPES.get(matrix.dtype.str)
    if code is None or code == codes.D_F2:
        raise ConversionError(
            f"a sparse matrix of {matrix.dtype} cannot travel; allowed are bool, integers, f4, f8, c8 and "
            f"c16: "
            f"send matrix.astype(float)"
        )
    if form == "coo":
        first, second = matrix.coords if hasattr(matrix, "coords") else (matrix.row, matrix.col)
    else:
        # R's and Octave's classes want indices sorted and nothing stored twice.
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        first, second = matrix.indices, matrix.indptr
    flags = codes.SPARSE_MATRIX if sp.isspmatrix(matrix) else 0
    stored = len(matrix.data)
    wide = first.dtype.itemsize == 8 or second.dtype.itemsize == 8
    index = "<i8" if wide else "<i4"
    flags |= codes.SPARSE_WIDE if wide else 0
    state.row(codes.SPARSE, key=key, dtype=code, flags=flags, unit=_FORMATS.index(form), value=stored)
    state.pool += (int(matrix.shape[0]), int(matrix.shape[1]))
    one, two = first.astype(index, copy=False), second.astype(index, copy=False)
    state.buffers += (data_of(matrix.data, "C"), data_of(one, "C"), data_of(two, "C"))


def read_sparse(state: Decoder, row: Row) -> Any:
    """A sparse matrix: scipy's array class, or its older matrix class where the sender used that."""
    _, dtype, flags, form, _, stored, _, _ = row
    shape = tuple(state.cursor.numbers(2))
    data, first, second = state.cursor.buffer(), state.cursor.buffer(), state.cursor.buffer()
    if form >= len(_FORMATS) or not codes.D_NONE < dtype < codes.D_TEXT or dtype == codes.D_F2:
        raise ProtocolError(f"malformed value: a sparse matrix of form {form} and dtype {dtype}")
    width = 8 if flags & codes.SPARSE_WIDE else 4
    pointers = stored if form == codes.SPARSE_COO else shape[1 - form] + 1
    sizes = (stored * codes.ITEMSIZE[dtype], stored * width, pointers * width)
    if (len(data), len(first), len(second)) != sizes:
        raise ProtocolError(
            f"malformed value: buffers of {len(data)}, {len(first)} and {len(second)} bytes are no sparse "
            f"matrix of "
            f"{stored} entries and shape {shape}"
        )
    if library("numpy") is None or library("scipy.sparse") is None:
        return types.Sparse(
            _FORMATS[form], (shape[0], shape[1]), codes.DTYPE_NAMES[dtype], data, first, second, stored, flags
        )
    import numpy as np

    from arcuate.values.numpy_decode import fixed

    sp = library("scipy.sparse")
    index = np.dtype("<i8" if width == 8 else "<i4")
    values = fixed(dtype, (stored,), "C", data)
    one, two = np.frombuffer(first, index), np.frombuffer(second, index)
    name = f"{_FORMATS[form]}_{'matrix' if flags & codes.SPARSE_MATRIX else 'array'}"
    try:
        if form == codes.SPARSE_COO:
            return getattr(sp, name)((values, (one, two)), shape=shape)
        found = getattr(sp, name)((values, one, two), shape=shape)
        found.check_format(full_check=True)
        return found
    except (ValueError, TypeError, IndexError) as error:
        raise ProtocolError(f"malformed value: a sparse matrix: {error}") from error


def _register() -> None:
    import scipy.sparse as sp

    for form in ("csc", "csr", "coo", "dia", "bsr", "lil", "dok"):
        for kind in ("array", "matrix"):
            TABLE[getattr(sp, f"{form}_{kind}")] = _put_sparse


if library("scipy.sparse") is not None:
    _register()
