from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_CODE_UNSPECIFIED: _ClassVar[ErrorCode]
    ERROR_CODE_INVALID_ARGUMENT: _ClassVar[ErrorCode]
    ERROR_CODE_ENVIRONMENT_NOT_FOUND: _ClassVar[ErrorCode]
    ERROR_CODE_NAME_NOT_FOUND: _ClassVar[ErrorCode]
    ERROR_CODE_REMOTE_ERROR: _ClassVar[ErrorCode]
    ERROR_CODE_CONVERSION: _ClassVar[ErrorCode]
    ERROR_CODE_ENVIRONMENT_CRASHED: _ClassVar[ErrorCode]
    ERROR_CODE_CALL_TIMEOUT: _ClassVar[ErrorCode]
    ERROR_CODE_CALL_CANCELLED: _ClassVar[ErrorCode]
    ERROR_CODE_CONNECTION_LOST: _ClassVar[ErrorCode]
    ERROR_CODE_AUTHENTICATION_FAILED: _ClassVar[ErrorCode]
    ERROR_CODE_PERMISSION_DENIED: _ClassVar[ErrorCode]
    ERROR_CODE_RATE_LIMITED: _ClassVar[ErrorCode]
    ERROR_CODE_LIMIT_EXCEEDED: _ClassVar[ErrorCode]
    ERROR_CODE_SESSION_CLOSED: _ClassVar[ErrorCode]
    ERROR_CODE_STALE_HANDLE: _ClassVar[ErrorCode]
    ERROR_CODE_UNAVAILABLE: _ClassVar[ErrorCode]
    ERROR_CODE_UNSUPPORTED: _ClassVar[ErrorCode]
    ERROR_CODE_PROTOCOL_ERROR: _ClassVar[ErrorCode]
    ERROR_CODE_INTERNAL: _ClassVar[ErrorCode]

class Executed(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXECUTED_UNSPECIFIED: _ClassVar[Executed]
    EXECUTED_NO: _ClassVar[Executed]
    EXECUTED_MAYBE: _ClassVar[Executed]
    EXECUTED_YES: _ClassVar[Executed]

class Workspace(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKSPACE_UNSPECIFIED: _ClassVar[Workspace]
    WORKSPACE_KEPT: _ClassVar[Workspace]
    WORKSPACE_LOST: _ClassVar[Workspace]
ERROR_CODE_UNSPECIFIED: ErrorCode
ERROR_CODE_INVALID_ARGUMENT: ErrorCode
ERROR_CODE_ENVIRONMENT_NOT_FOUND: ErrorCode
ERROR_CODE_NAME_NOT_FOUND: ErrorCode
ERROR_CODE_REMOTE_ERROR: ErrorCode
ERROR_CODE_CONVERSION: ErrorCode
ERROR_CODE_ENVIRONMENT_CRASHED: ErrorCode
ERROR_CODE_CALL_TIMEOUT: ErrorCode
ERROR_CODE_CALL_CANCELLED: ErrorCode
ERROR_CODE_CONNECTION_LOST: ErrorCode
ERROR_CODE_AUTHENTICATION_FAILED: ErrorCode
ERROR_CODE_PERMISSION_DENIED: ErrorCode
ERROR_CODE_RATE_LIMITED: ErrorCode
ERROR_CODE_LIMIT_EXCEEDED: ErrorCode
ERROR_CODE_SESSION_CLOSED: ErrorCode
ERROR_CODE_STALE_HANDLE: ErrorCode
ERROR_CODE_UNAVAILABLE: ErrorCode
ERROR_CODE_UNSUPPORTED: ErrorCode
ERROR_CODE_PROTOCOL_ERROR: ErrorCode
ERROR_CODE_INTERNAL: ErrorCode
EXECUTED_UNSPECIFIED: Executed
EXECUTED_NO: Executed
EXECUTED_MAYBE: Executed
EXECUTED_YES: Executed
WORKSPACE_UNSPECIFIED: Workspace
WORKSPACE_KEPT: Workspace
WORKSPACE_LOST: Workspace

class Error(_message.Message):
    __slots__ = ("code", "message", "executed", "workspace", "classes", "stack", "language", "identifier", "path", "setting", "output", "returncode")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SETTING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    RETURNCODE_FIELD_NUMBER: _ClassVar[int]
    code: ErrorCode
    message: str
    executed: Executed
    workspace: Workspace
    classes: _containers.RepeatedScalarFieldContainer[str]
    stack: _containers.RepeatedScalarFieldContainer[str]
    language: str
    identifier: str
    path: str
    setting: str
    output: str
    returncode: int
    def __init__(self, code: _Optional[_Union[ErrorCode, str]] = ..., message: _Optional[str] = ..., executed: _Optional[_Union[Executed, str]] = ..., workspace: _Optional[_Union[Workspace, str]] = ..., classes: _Optional[_Iterable[str]] = ..., stack: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ..., identifier: _Optional[str] = ..., path: _Optional[str] = ..., setting: _Optional[str] = ..., output: _Optional[str] = ..., returncode: _Optional[int] = ...) -> None: ...
