from arcuate.v1 import value_pb2 as _value_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttachRequest(_message.Message):
    __slots__ = ("frame", "rest", "chunk", "message")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    frame: bytes
    rest: int
    chunk: bytes
    message: _value_pb2.Value
    def __init__(self, frame: _Optional[bytes] = ..., rest: _Optional[int] = ..., chunk: _Optional[bytes] = ..., message: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...

class AttachResponse(_message.Message):
    __slots__ = ("frame", "rest", "chunk", "message")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    frame: bytes
    rest: int
    chunk: bytes
    message: _value_pb2.Value
    def __init__(self, frame: _Optional[bytes] = ..., rest: _Optional[int] = ..., chunk: _Optional[bytes] = ..., message: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("message", "array", "nodes", "text", "depth")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    message: int
    array: int
    nodes: int
    text: int
    depth: int
    def __init__(self, message: _Optional[int] = ..., array: _Optional[int] = ..., nodes: _Optional[int] = ..., text: _Optional[int] = ..., depth: _Optional[int] = ...) -> None: ...

class NamedValue(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: _value_pb2.Value
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...

class Scope(_message.Message):
    __slots__ = ("session", "secret", "environment", "call")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    session: str
    secret: str
    environment: str
    call: int
    def __init__(self, session: _Optional[str] = ..., secret: _Optional[str] = ..., environment: _Optional[str] = ..., call: _Optional[int] = ...) -> None: ...

class OpenRequest(_message.Message):
    __slots__ = ("environment", "options", "limits", "grace")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    GRACE_FIELD_NUMBER: _ClassVar[int]
    environment: str
    options: _containers.RepeatedCompositeFieldContainer[NamedValue]
    limits: Limits
    grace: float
    def __init__(self, environment: _Optional[str] = ..., options: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., grace: _Optional[float] = ...) -> None: ...

class OpenResponse(_message.Message):
    __slots__ = ("greeting",)
    GREETING_FIELD_NUMBER: _ClassVar[int]
    greeting: Greeting
    def __init__(self, greeting: _Optional[_Union[Greeting, _Mapping]] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("session", "secret")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    session: str
    secret: str
    def __init__(self, session: _Optional[str] = ..., secret: _Optional[str] = ...) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("greeting",)
    GREETING_FIELD_NUMBER: _ClassVar[int]
    greeting: Greeting
    def __init__(self, greeting: _Optional[_Union[Greeting, _Mapping]] = ...) -> None: ...

class Greeting(_message.Message):
    __slots__ = ("session", "secret", "environment", "generation", "language", "version", "pid", "features", "info", "window")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    session: str
    secret: str
    environment: str
    generation: int
    language: str
    version: str
    pid: int
    features: _containers.RepeatedCompositeFieldContainer[NamedValue]
    info: _containers.RepeatedCompositeFieldContainer[NamedValue]
    window: float
    def __init__(self, session: _Optional[str] = ..., secret: _Optional[str] = ..., environment: _Optional[str] = ..., generation: _Optional[int] = ..., language: _Optional[str] = ..., version: _Optional[str] = ..., pid: _Optional[int] = ..., features: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., info: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., window: _Optional[float] = ...) -> None: ...

class CallRequest(_message.Message):
    __slots__ = ("scope", "name", "target", "args", "named", "nargout", "keep")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    NAMED_FIELD_NUMBER: _ClassVar[int]
    NARGOUT_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    name: str
    target: _value_pb2.Value
    args: _containers.RepeatedCompositeFieldContainer[_value_pb2.Value]
    named: _containers.RepeatedCompositeFieldContainer[NamedValue]
    nargout: int
    keep: bool
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., name: _Optional[str] = ..., target: _Optional[_Union[_value_pb2.Value, _Mapping]] = ..., args: _Optional[_Iterable[_Union[_value_pb2.Value, _Mapping]]] = ..., named: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., nargout: _Optional[int] = ..., keep: bool = ...) -> None: ...

class CallResponse(_message.Message):
    __slots__ = ("value", "values", "events")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    value: _value_pb2.Value
    values: _containers.RepeatedCompositeFieldContainer[_value_pb2.Value]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ..., values: _Optional[_Iterable[_Union[_value_pb2.Value, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class EvalRequest(_message.Message):
    __slots__ = ("scope", "code", "nargout", "keep")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    NARGOUT_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    code: str
    nargout: int
    keep: bool
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., code: _Optional[str] = ..., nargout: _Optional[int] = ..., keep: bool = ...) -> None: ...

class EvalResponse(_message.Message):
    __slots__ = ("value", "values", "events")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    value: _value_pb2.Value
    values: _containers.RepeatedCompositeFieldContainer[_value_pb2.Value]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ..., values: _Optional[_Iterable[_Union[_value_pb2.Value, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class RunRequest(_message.Message):
    __slots__ = ("scope", "code")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    code: str
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., code: _Optional[str] = ...) -> None: ...

class RunResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: Event
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class GetVariableRequest(_message.Message):
    __slots__ = ("scope", "name", "keep", "function")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    name: str
    keep: bool
    function: bool
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., name: _Optional[str] = ..., keep: bool = ..., function: bool = ...) -> None: ...

class GetVariableResponse(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: _value_pb2.Value
    def __init__(self, value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...

class SetVariableRequest(_message.Message):
    __slots__ = ("scope", "name", "value")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    name: str
    value: _value_pb2.Value
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., name: _Optional[str] = ..., value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...

class SetVariableResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeleteVariableRequest(_message.Message):
    __slots__ = ("scope", "name")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    name: str
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteVariableResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListVariablesRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ...) -> None: ...

class ListVariablesResponse(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class InterruptRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ...) -> None: ...

class InterruptResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("scope", "handles")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    HANDLES_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    handles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., handles: _Optional[_Iterable[str]] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RestartRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ...) -> None: ...

class RestartResponse(_message.Message):
    __slots__ = ("greeting",)
    GREETING_FIELD_NUMBER: _ClassVar[int]
    greeting: Greeting
    def __init__(self, greeting: _Optional[_Union[Greeting, _Mapping]] = ...) -> None: ...

class CloseRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ...) -> None: ...

class CloseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Event(_message.Message):
    __slots__ = ("stdout", "stderr", "warning", "message", "display", "progress", "restarted", "dropped")
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESTARTED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    stdout: Output
    stderr: Output
    warning: Condition
    message: Condition
    display: Display
    progress: Progress
    restarted: Greeting
    dropped: Dropped
    def __init__(self, stdout: _Optional[_Union[Output, _Mapping]] = ..., stderr: _Optional[_Union[Output, _Mapping]] = ..., warning: _Optional[_Union[Condition, _Mapping]] = ..., message: _Optional[_Union[Condition, _Mapping]] = ..., display: _Optional[_Union[Display, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., restarted: _Optional[_Union[Greeting, _Mapping]] = ..., dropped: _Optional[_Union[Dropped, _Mapping]] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("text", "classes")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    text: str
    classes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, text: _Optional[str] = ..., classes: _Optional[_Iterable[str]] = ...) -> None: ...

class Display(_message.Message):
    __slots__ = ("mime", "data")
    MIME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    mime: str
    data: bytes
    def __init__(self, mime: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("fraction", "text")
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    text: str
    def __init__(self, fraction: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...

class Dropped(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...
