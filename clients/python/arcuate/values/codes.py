"""The closed numbers of the value model: kinds, dtypes, units and flags, as ``protos/frames.md`` lists them.

Nothing here imports numpy: a worker may run in an interpreter that has none.
"""

from __future__ import annotations

__all__ = ["DTYPE_NAMES", "ITEMSIZE", "KIND_NAMES", "MAX_DEPTH", "MAX_NDIM", "UNIT_CODES", "UNIT_NAMES"]

# kinds
NULL, BOOL, INT, FLOAT, COMPLEX, TEXT, BYTES, MISSING = range(8)
LIST, MAPPING, ARRAY, LABELLED, DATASET, TABLE, CATEGORICAL = range(8, 15)
DATETIME, DATE, DURATION, SPARSE, FUNCTION, HANDLE = range(15, 21)

KIND_NAMES = (
    "null", "bool", "int", "float", "complex", "text", "bytes", "missing", "list", "mapping", "array",
    "labelled", "dataset", "table", "categorical", "datetime", "date", "duration", "sparse", "function",
    "handle",
)  # fmt: skip

# dtypes
D_NONE, D_BOOL, D_I1, D_I2, D_I4, D_I8, D_U1, D_U2, D_U4, D_U8 = range(10)
D_F2, D_F4, D_F8, D_C8, D_C16, D_TEXT, D_DATETIME, D_DATE, D_DURATION = range(10, 19)

DTYPE_NAMES = (
    "none", "bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "text",
    "datetime", "date", "duration",
)  # fmt: skip
ITEMSIZE = (0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 8, 16, 0, 8, 4, 8)

# flags of a list
LIST_TUPLE, LIST_FORCED, LIST_SHAPED, LIST_STRUCTS = 1, 2, 4, 8
# flags of an array
ARRAY_MASK, ARRAY_FORTRAN, ARRAY_SEQUENCE, ARRAY_TUPLE, ARRAY_BOXED = 1, 2, 4, 8, 16
# hints between Python sides: the array was one of pandas' own classes (nullable numbers, texts with NA; with
# BOXED: objects with NA);
# missing was marked numpy's way (numpy.ma; with BOXED: NaN among objects)
ARRAY_PANDAS, ARRAY_NUMPY = 32, 64
# flags of the others
INT_UNSIGNED = 1
MAPPING_MAP = 1
CATEGORICAL_ORDERED = 1
SCALAR_NUMPY, SCALAR_PANDAS = 1, 2
SPARSE_WIDE = 1
SPARSE_MATRIX = 2  # hint: scipy's older matrix classes
LABELLED_SERIES, LABELLED_UNNAMED = 1, 2  # hints: a pandas Series; its index has no name
SPARSE_CSC, SPARSE_CSR, SPARSE_COO = 0, 1, 2

UNIT_NAMES = ("", "s", "ms", "us", "ns", "m", "h", "D", "W", "M", "Y", "ps", "fs", "as")
"""numpy's name of each unit code."""
UNIT_CODES = {name: code for code, name in enumerate(UNIT_NAMES)}

MAX_DEPTH = 64
"""How deep a value may nest."""
MAX_NDIM = 64
"""How many dimensions an array may have."""
MESSAGE_DEPTH = 8
"""Levels that a message adds around a value."""
