from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ArrayClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARRAY_CLASS_UINT8: _ClassVar[ArrayClass]
    ARRAY_CLASS_INT8: _ClassVar[ArrayClass]
    ARRAY_CLASS_UINT16: _ClassVar[ArrayClass]
    ARRAY_CLASS_INT16: _ClassVar[ArrayClass]
    ARRAY_CLASS_UINT32: _ClassVar[ArrayClass]
    ARRAY_CLASS_INT32: _ClassVar[ArrayClass]
    ARRAY_CLASS_UINT64: _ClassVar[ArrayClass]
    ARRAY_CLASS_INT64: _ClassVar[ArrayClass]
    ARRAY_CLASS_SINGLE: _ClassVar[ArrayClass]
    ARRAY_CLASS_DOUBLE: _ClassVar[ArrayClass]
    ARRAY_CLASS_LOGICAL: _ClassVar[ArrayClass]
    ARRAY_CLASS_CHAR: _ClassVar[ArrayClass]
    ARRAY_CLASS_STRUCT: _ClassVar[ArrayClass]
    ARRAY_CLASS_CELL: _ClassVar[ArrayClass]
    ARRAY_CLASS_SPARSE: _ClassVar[ArrayClass]
    ARRAY_CLASS_OBJECT: _ClassVar[ArrayClass]
    ARRAY_CLASS_HANDLE: _ClassVar[ArrayClass]
    ARRAY_CLASS_REFERENCE: _ClassVar[ArrayClass]
    ARRAY_CLASS_ENUMERATION: _ClassVar[ArrayClass]
    ARRAY_CLASS_STRING: _ClassVar[ArrayClass]

class MemoryLayout(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEMORY_LAYOUT_COLUMN_MAJOR: _ClassVar[MemoryLayout]
    MEMORY_LAYOUT_ROW_MAJOR: _ClassVar[MemoryLayout]
    MEMORY_LAYOUT_UNKNOWN: _ClassVar[MemoryLayout]

class RequestState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REQUEST_STATE_UNSPECIFIED: _ClassVar[RequestState]
    REQUEST_STATE_READING: _ClassVar[RequestState]
    REQUEST_STATE_IN_QUEUE: _ClassVar[RequestState]
    REQUEST_STATE_PROCESSING: _ClassVar[RequestState]
    REQUEST_STATE_READY: _ClassVar[RequestState]
    REQUEST_STATE_CANCELLED: _ClassVar[RequestState]
    REQUEST_STATE_ERROR: _ClassVar[RequestState]
    REQUEST_STATE_DELETED: _ClassVar[RequestState]
ARRAY_CLASS_UINT8: ArrayClass
ARRAY_CLASS_INT8: ArrayClass
ARRAY_CLASS_UINT16: ArrayClass
ARRAY_CLASS_INT16: ArrayClass
ARRAY_CLASS_UINT32: ArrayClass
ARRAY_CLASS_INT32: ArrayClass
ARRAY_CLASS_UINT64: ArrayClass
ARRAY_CLASS_INT64: ArrayClass
ARRAY_CLASS_SINGLE: ArrayClass
ARRAY_CLASS_DOUBLE: ArrayClass
ARRAY_CLASS_LOGICAL: ArrayClass
ARRAY_CLASS_CHAR: ArrayClass
ARRAY_CLASS_STRUCT: ArrayClass
ARRAY_CLASS_CELL: ArrayClass
ARRAY_CLASS_SPARSE: ArrayClass
ARRAY_CLASS_OBJECT: ArrayClass
ARRAY_CLASS_HANDLE: ArrayClass
ARRAY_CLASS_REFERENCE: ArrayClass
ARRAY_CLASS_ENUMERATION: ArrayClass
ARRAY_CLASS_STRING: ArrayClass
MEMORY_LAYOUT_COLUMN_MAJOR: MemoryLayout
MEMORY_LAYOUT_ROW_MAJOR: MemoryLayout
MEMORY_LAYOUT_UNKNOWN: MemoryLayout
REQUEST_STATE_UNSPECIFIED: RequestState
REQUEST_STATE_READING: RequestState
REQUEST_STATE_IN_QUEUE: RequestState
REQUEST_STATE_PROCESSING: RequestState
REQUEST_STATE_READY: RequestState
REQUEST_STATE_CANCELLED: RequestState
REQUEST_STATE_ERROR: RequestState
REQUEST_STATE_DELETED: RequestState

class ByteElements(_message.Message):
    __slots__ = ("real", "imaginary")
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAGINARY_FIELD_NUMBER: _ClassVar[int]
    real: bytes
    imaginary: bytes
    def __init__(self, real: _Optional[bytes] = ..., imaginary: _Optional[bytes] = ...) -> None: ...

class UnsignedElements(_message.Message):
    __slots__ = ("real", "imaginary")
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAGINARY_FIELD_NUMBER: _ClassVar[int]
    real: _containers.RepeatedScalarFieldContainer[int]
    imaginary: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, real: _Optional[_Iterable[int]] = ..., imaginary: _Optional[_Iterable[int]] = ...) -> None: ...

class SignedElements(_message.Message):
    __slots__ = ("real", "imaginary")
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAGINARY_FIELD_NUMBER: _ClassVar[int]
    real: _containers.RepeatedScalarFieldContainer[int]
    imaginary: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, real: _Optional[_Iterable[int]] = ..., imaginary: _Optional[_Iterable[int]] = ...) -> None: ...

class Unsigned32Elements(_message.Message):
    __slots__ = ("real", "imaginary")
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAGINARY_FIELD_NUMBER: _ClassVar[int]
    real: _containers.RepeatedScalarFieldContainer[int]
    imaginary: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, real: _Optional[_Iterable[int]] = ..., imaginary: _Optional[_Iterable[int]] = ...) -> None: ...

class Signed32Elements(_message.Message):
    __slots__ = ("real", "imaginary")
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAGINARY_FIELD_NUMBER: _ClassVar[int]
    real: _containers.RepeatedScalarFieldContainer[int]
    imaginary: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, real: _Optional[_Iterable[int]] = ..., imaginary: _Optional[_Iterable[int]] = ...) -> None: ...

class SingleElements(_message.Message):
    __slots__ = ("real", "imaginary")
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAGINARY_FIELD_NUMBER: _ClassVar[int]
    real: _containers.RepeatedScalarFieldContainer[float]
    imaginary: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, real: _Optional[_Iterable[float]] = ..., imaginary: _Optional[_Iterable[float]] = ...) -> None: ...

class DoubleElements(_message.Message):
    __slots__ = ("real", "imaginary")
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAGINARY_FIELD_NUMBER: _ClassVar[int]
    real: _containers.RepeatedScalarFieldContainer[float]
    imaginary: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, real: _Optional[_Iterable[float]] = ..., imaginary: _Optional[_Iterable[float]] = ...) -> None: ...

class LogicalElements(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, values: _Optional[_Iterable[bool]] = ...) -> None: ...

class CellElements(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, values: _Optional[_Iterable[bytes]] = ...) -> None: ...

class StructElements(_message.Message):
    __slots__ = ("names", "values")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    values: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, names: _Optional[_Iterable[str]] = ..., values: _Optional[_Iterable[bytes]] = ...) -> None: ...

class StringElements(_message.Message):
    __slots__ = ("units", "sizes")
    UNITS_FIELD_NUMBER: _ClassVar[int]
    SIZES_FIELD_NUMBER: _ClassVar[int]
    units: _containers.RepeatedScalarFieldContainer[int]
    sizes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, units: _Optional[_Iterable[int]] = ..., sizes: _Optional[_Iterable[int]] = ...) -> None: ...

class Array(_message.Message):
    __slots__ = ("array_class", "size", "layout", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "single", "double", "logical", "char", "cell", "struct", "string")
    ARRAY_CLASS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    UINT8_FIELD_NUMBER: _ClassVar[int]
    INT8_FIELD_NUMBER: _ClassVar[int]
    UINT16_FIELD_NUMBER: _ClassVar[int]
    INT16_FIELD_NUMBER: _ClassVar[int]
    UINT32_FIELD_NUMBER: _ClassVar[int]
    INT32_FIELD_NUMBER: _ClassVar[int]
    UINT64_FIELD_NUMBER: _ClassVar[int]
    INT64_FIELD_NUMBER: _ClassVar[int]
    SINGLE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_FIELD_NUMBER: _ClassVar[int]
    LOGICAL_FIELD_NUMBER: _ClassVar[int]
    CHAR_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    STRUCT_FIELD_NUMBER: _ClassVar[int]
    STRING_FIELD_NUMBER: _ClassVar[int]
    array_class: ArrayClass
    size: _containers.RepeatedScalarFieldContainer[int]
    layout: MemoryLayout
    uint8: ByteElements
    int8: ByteElements
    uint16: UnsignedElements
    int16: SignedElements
    uint32: Unsigned32Elements
    int32: Signed32Elements
    uint64: UnsignedElements
    int64: SignedElements
    single: SingleElements
    double: DoubleElements
    logical: LogicalElements
    char: UnsignedElements
    cell: CellElements
    struct: StructElements
    string: StringElements
    def __init__(self, array_class: _Optional[_Union[ArrayClass, str]] = ..., size: _Optional[_Iterable[int]] = ..., layout: _Optional[_Union[MemoryLayout, str]] = ..., uint8: _Optional[_Union[ByteElements, _Mapping]] = ..., int8: _Optional[_Union[ByteElements, _Mapping]] = ..., uint16: _Optional[_Union[UnsignedElements, _Mapping]] = ..., int16: _Optional[_Union[SignedElements, _Mapping]] = ..., uint32: _Optional[_Union[Unsigned32Elements, _Mapping]] = ..., int32: _Optional[_Union[Signed32Elements, _Mapping]] = ..., uint64: _Optional[_Union[UnsignedElements, _Mapping]] = ..., int64: _Optional[_Union[SignedElements, _Mapping]] = ..., single: _Optional[_Union[SingleElements, _Mapping]] = ..., double: _Optional[_Union[DoubleElements, _Mapping]] = ..., logical: _Optional[_Union[LogicalElements, _Mapping]] = ..., char: _Optional[_Union[UnsignedElements, _Mapping]] = ..., cell: _Optional[_Union[CellElements, _Mapping]] = ..., struct: _Optional[_Union[StructElements, _Mapping]] = ..., string: _Optional[_Union[StringElements, _Mapping]] = ...) -> None: ...

class CallParameters(_message.Message):
    __slots__ = ("nargout", "arguments")
    NARGOUT_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    nargout: int
    arguments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, nargout: _Optional[int] = ..., arguments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class StackFrame(_message.Message):
    __slots__ = ("file", "name", "line")
    FILE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    file: str
    name: str
    line: int
    def __init__(self, file: _Optional[str] = ..., name: _Optional[str] = ..., line: _Optional[int] = ...) -> None: ...

class FunctionError(_message.Message):
    __slots__ = ("message", "identifier", "stack")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    message: str
    identifier: str
    stack: _containers.RepeatedCompositeFieldContainer[StackFrame]
    def __init__(self, message: _Optional[str] = ..., identifier: _Optional[str] = ..., stack: _Optional[_Iterable[_Union[StackFrame, _Mapping]]] = ...) -> None: ...

class CallResult(_message.Message):
    __slots__ = ("outputs", "error")
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    outputs: _containers.RepeatedScalarFieldContainer[bytes]
    error: FunctionError
    def __init__(self, outputs: _Optional[_Iterable[bytes]] = ..., error: _Optional[_Union[FunctionError, _Mapping]] = ...) -> None: ...

class HttpErrorInfo(_message.Message):
    __slots__ = ("code", "message", "body")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    body: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., body: _Optional[str] = ...) -> None: ...

class RequestInfo(_message.Message):
    __slots__ = ("last_modified", "state")
    LAST_MODIFIED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    last_modified: int
    state: RequestState
    def __init__(self, last_modified: _Optional[int] = ..., state: _Optional[_Union[RequestState, str]] = ...) -> None: ...

class RequestCreated(_message.Message):
    __slots__ = ("info", "request_url")
    INFO_FIELD_NUMBER: _ClassVar[int]
    REQUEST_URL_FIELD_NUMBER: _ClassVar[int]
    info: RequestInfo
    request_url: str
    def __init__(self, info: _Optional[_Union[RequestInfo, _Mapping]] = ..., request_url: _Optional[str] = ...) -> None: ...
