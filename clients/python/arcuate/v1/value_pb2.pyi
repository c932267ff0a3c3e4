from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_NULL: _ClassVar[Kind]
    KIND_BOOL: _ClassVar[Kind]
    KIND_INT: _ClassVar[Kind]
    KIND_FLOAT: _ClassVar[Kind]
    KIND_COMPLEX: _ClassVar[Kind]
    KIND_TEXT: _ClassVar[Kind]
    KIND_BYTES: _ClassVar[Kind]
    KIND_MISSING: _ClassVar[Kind]
    KIND_LIST: _ClassVar[Kind]
    KIND_MAPPING: _ClassVar[Kind]
    KIND_ARRAY: _ClassVar[Kind]
    KIND_LABELLED: _ClassVar[Kind]
    KIND_DATASET: _ClassVar[Kind]
    KIND_TABLE: _ClassVar[Kind]
    KIND_CATEGORICAL: _ClassVar[Kind]
    KIND_DATETIME: _ClassVar[Kind]
    KIND_DATE: _ClassVar[Kind]
    KIND_DURATION: _ClassVar[Kind]
    KIND_SPARSE: _ClassVar[Kind]
    KIND_FUNCTION: _ClassVar[Kind]
    KIND_HANDLE: _ClassVar[Kind]

class Dtype(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DTYPE_UNSPECIFIED: _ClassVar[Dtype]
    DTYPE_BOOL: _ClassVar[Dtype]
    DTYPE_I1: _ClassVar[Dtype]
    DTYPE_I2: _ClassVar[Dtype]
    DTYPE_I4: _ClassVar[Dtype]
    DTYPE_I8: _ClassVar[Dtype]
    DTYPE_U1: _ClassVar[Dtype]
    DTYPE_U2: _ClassVar[Dtype]
    DTYPE_U4: _ClassVar[Dtype]
    DTYPE_U8: _ClassVar[Dtype]
    DTYPE_F2: _ClassVar[Dtype]
    DTYPE_F4: _ClassVar[Dtype]
    DTYPE_F8: _ClassVar[Dtype]
    DTYPE_C8: _ClassVar[Dtype]
    DTYPE_C16: _ClassVar[Dtype]
    DTYPE_TEXT: _ClassVar[Dtype]
    DTYPE_DATETIME: _ClassVar[Dtype]
    DTYPE_DATE: _ClassVar[Dtype]
    DTYPE_DURATION: _ClassVar[Dtype]

class Unit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNIT_UNSPECIFIED: _ClassVar[Unit]
    UNIT_SECOND: _ClassVar[Unit]
    UNIT_MILLISECOND: _ClassVar[Unit]
    UNIT_MICROSECOND: _ClassVar[Unit]
    UNIT_NANOSECOND: _ClassVar[Unit]
    UNIT_MINUTE: _ClassVar[Unit]
    UNIT_HOUR: _ClassVar[Unit]
    UNIT_DAY: _ClassVar[Unit]
    UNIT_WEEK: _ClassVar[Unit]
    UNIT_MONTH: _ClassVar[Unit]
    UNIT_YEAR: _ClassVar[Unit]
    UNIT_PICOSECOND: _ClassVar[Unit]
    UNIT_FEMTOSECOND: _ClassVar[Unit]
    UNIT_ATTOSECOND: _ClassVar[Unit]

class SparseFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPARSE_FORMAT_UNSPECIFIED: _ClassVar[SparseFormat]
    SPARSE_FORMAT_CSC: _ClassVar[SparseFormat]
    SPARSE_FORMAT_CSR: _ClassVar[SparseFormat]
    SPARSE_FORMAT_COO: _ClassVar[SparseFormat]

class IntFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INT_FLAG_UNSPECIFIED: _ClassVar[IntFlag]
    INT_FLAG_UNSIGNED: _ClassVar[IntFlag]

class ListFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIST_FLAG_UNSPECIFIED: _ClassVar[ListFlag]
    LIST_FLAG_TUPLE: _ClassVar[ListFlag]
    LIST_FLAG_FORCED: _ClassVar[ListFlag]
    LIST_FLAG_SHAPED: _ClassVar[ListFlag]
    LIST_FLAG_STRUCTS: _ClassVar[ListFlag]

class MappingFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MAPPING_FLAG_UNSPECIFIED: _ClassVar[MappingFlag]
    MAPPING_FLAG_MAP: _ClassVar[MappingFlag]

class ArrayFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARRAY_FLAG_UNSPECIFIED: _ClassVar[ArrayFlag]
    ARRAY_FLAG_MASK: _ClassVar[ArrayFlag]
    ARRAY_FLAG_FORTRAN: _ClassVar[ArrayFlag]
    ARRAY_FLAG_SEQUENCE: _ClassVar[ArrayFlag]
    ARRAY_FLAG_TUPLE: _ClassVar[ArrayFlag]
    ARRAY_FLAG_BOXED: _ClassVar[ArrayFlag]
    ARRAY_FLAG_PANDAS: _ClassVar[ArrayFlag]
    ARRAY_FLAG_NUMPY: _ClassVar[ArrayFlag]

class LabelledFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABELLED_FLAG_UNSPECIFIED: _ClassVar[LabelledFlag]
    LABELLED_FLAG_SERIES: _ClassVar[LabelledFlag]
    LABELLED_FLAG_UNNAMED: _ClassVar[LabelledFlag]

class CategoricalFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CATEGORICAL_FLAG_UNSPECIFIED: _ClassVar[CategoricalFlag]
    CATEGORICAL_FLAG_ORDERED: _ClassVar[CategoricalFlag]

class TimeFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIME_FLAG_UNSPECIFIED: _ClassVar[TimeFlag]
    TIME_FLAG_NUMPY: _ClassVar[TimeFlag]
    TIME_FLAG_PANDAS: _ClassVar[TimeFlag]

class SparseFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPARSE_FLAG_UNSPECIFIED: _ClassVar[SparseFlag]
    SPARSE_FLAG_WIDE: _ClassVar[SparseFlag]
    SPARSE_FLAG_MATRIX: _ClassVar[SparseFlag]
KIND_UNSPECIFIED: Kind
KIND_NULL: Kind
KIND_BOOL: Kind
KIND_INT: Kind
KIND_FLOAT: Kind
KIND_COMPLEX: Kind
KIND_TEXT: Kind
KIND_BYTES: Kind
KIND_MISSING: Kind
KIND_LIST: Kind
KIND_MAPPING: Kind
KIND_ARRAY: Kind
KIND_LABELLED: Kind
KIND_DATASET: Kind
KIND_TABLE: Kind
KIND_CATEGORICAL: Kind
KIND_DATETIME: Kind
KIND_DATE: Kind
KIND_DURATION: Kind
KIND_SPARSE: Kind
KIND_FUNCTION: Kind
KIND_HANDLE: Kind
DTYPE_UNSPECIFIED: Dtype
DTYPE_BOOL: Dtype
DTYPE_I1: Dtype
DTYPE_I2: Dtype
DTYPE_I4: Dtype
DTYPE_I8: Dtype
DTYPE_U1: Dtype
DTYPE_U2: Dtype
DTYPE_U4: Dtype
DTYPE_U8: Dtype
DTYPE_F2: Dtype
DTYPE_F4: Dtype
DTYPE_F8: Dtype
DTYPE_C8: Dtype
DTYPE_C16: Dtype
DTYPE_TEXT: Dtype
DTYPE_DATETIME: Dtype
DTYPE_DATE: Dtype
DTYPE_DURATION: Dtype
UNIT_UNSPECIFIED: Unit
UNIT_SECOND: Unit
UNIT_MILLISECOND: Unit
UNIT_MICROSECOND: Unit
UNIT_NANOSECOND: Unit
UNIT_MINUTE: Unit
UNIT_HOUR: Unit
UNIT_DAY: Unit
UNIT_WEEK: Unit
UNIT_MONTH: Unit
UNIT_YEAR: Unit
UNIT_PICOSECOND: Unit
UNIT_FEMTOSECOND: Unit
UNIT_ATTOSECOND: Unit
SPARSE_FORMAT_UNSPECIFIED: SparseFormat
SPARSE_FORMAT_CSC: SparseFormat
SPARSE_FORMAT_CSR: SparseFormat
SPARSE_FORMAT_COO: SparseFormat
INT_FLAG_UNSPECIFIED: IntFlag
INT_FLAG_UNSIGNED: IntFlag
LIST_FLAG_UNSPECIFIED: ListFlag
LIST_FLAG_TUPLE: ListFlag
LIST_FLAG_FORCED: ListFlag
LIST_FLAG_SHAPED: ListFlag
LIST_FLAG_STRUCTS: ListFlag
MAPPING_FLAG_UNSPECIFIED: MappingFlag
MAPPING_FLAG_MAP: MappingFlag
ARRAY_FLAG_UNSPECIFIED: ArrayFlag
ARRAY_FLAG_MASK: ArrayFlag
ARRAY_FLAG_FORTRAN: ArrayFlag
ARRAY_FLAG_SEQUENCE: ArrayFlag
ARRAY_FLAG_TUPLE: ArrayFlag
ARRAY_FLAG_BOXED: ArrayFlag
ARRAY_FLAG_PANDAS: ArrayFlag
ARRAY_FLAG_NUMPY: ArrayFlag
LABELLED_FLAG_UNSPECIFIED: LabelledFlag
LABELLED_FLAG_SERIES: LabelledFlag
LABELLED_FLAG_UNNAMED: LabelledFlag
CATEGORICAL_FLAG_UNSPECIFIED: CategoricalFlag
CATEGORICAL_FLAG_ORDERED: CategoricalFlag
TIME_FLAG_UNSPECIFIED: TimeFlag
TIME_FLAG_NUMPY: TimeFlag
TIME_FLAG_PANDAS: TimeFlag
SPARSE_FLAG_UNSPECIFIED: SparseFlag
SPARSE_FLAG_WIDE: SparseFlag
SPARSE_FLAG_MATRIX: SparseFlag

class Value(_message.Message):
    __slots__ = ("kind", "dtype", "flags", "unit", "boolean", "integer", "unsigned", "real", "imaginary", "text", "items", "keys", "shape", "data", "mask", "size", "format", "indices", "indptr")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    UNSIGNED_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAGINARY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    INDPTR_FIELD_NUMBER: _ClassVar[int]
    kind: Kind
    dtype: Dtype
    flags: int
    unit: Unit
    boolean: bool
    integer: int
    unsigned: int
    real: float
    imaginary: float
    text: str
    items: _containers.RepeatedCompositeFieldContainer[Value]
    keys: _containers.RepeatedScalarFieldContainer[str]
    shape: _containers.RepeatedScalarFieldContainer[int]
    data: bytes
    mask: bytes
    size: int
    format: SparseFormat
    indices: bytes
    indptr: bytes
    def __init__(self, kind: _Optional[_Union[Kind, str]] = ..., dtype: _Optional[_Union[Dtype, str]] = ..., flags: _Optional[int] = ..., unit: _Optional[_Union[Unit, str]] = ..., boolean: bool = ..., integer: _Optional[int] = ..., unsigned: _Optional[int] = ..., real: _Optional[float] = ..., imaginary: _Optional[float] = ..., text: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., keys: _Optional[_Iterable[str]] = ..., shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ..., mask: _Optional[bytes] = ..., size: _Optional[int] = ..., format: _Optional[_Union[SparseFormat, str]] = ..., indices: _Optional[bytes] = ..., indptr: _Optional[bytes] = ...) -> None: ...
