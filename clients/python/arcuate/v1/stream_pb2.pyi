from arcuate.v1 import value_pb2 as _value_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SlowPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SLOW_POLICY_UNSPECIFIED: _ClassVar[SlowPolicy]
    SLOW_POLICY_DROP: _ClassVar[SlowPolicy]
    SLOW_POLICY_BLOCK: _ClassVar[SlowPolicy]
    SLOW_POLICY_DISCONNECT: _ClassVar[SlowPolicy]
SLOW_POLICY_UNSPECIFIED: SlowPolicy
SLOW_POLICY_DROP: SlowPolicy
SLOW_POLICY_BLOCK: SlowPolicy
SLOW_POLICY_DISCONNECT: SlowPolicy

class PublishRequest(_message.Message):
    __slots__ = ("topic", "value")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    topic: str
    value: _value_pb2.Value
    def __init__(self, topic: _Optional[str] = ..., value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ("topic", "start", "policy", "buffer")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    BUFFER_FIELD_NUMBER: _ClassVar[int]
    topic: str
    start: int
    policy: SlowPolicy
    buffer: int
    def __init__(self, topic: _Optional[str] = ..., start: _Optional[int] = ..., policy: _Optional[_Union[SlowPolicy, str]] = ..., buffer: _Optional[int] = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("sample",)
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    sample: Sample
    def __init__(self, sample: _Optional[_Union[Sample, _Mapping]] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ("topic", "sequence", "time", "value", "lost")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    topic: str
    sequence: int
    time: float
    value: _value_pb2.Value
    lost: int
    def __init__(self, topic: _Optional[str] = ..., sequence: _Optional[int] = ..., time: _Optional[float] = ..., value: _Optional[_Union[_value_pb2.Value, _Mapping]] = ..., lost: _Optional[int] = ...) -> None: ...

class ListTopicsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTopicsResponse(_message.Message):
    __slots__ = ("topics",)
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    topics: _containers.RepeatedCompositeFieldContainer[Topic]
    def __init__(self, topics: _Optional[_Iterable[_Union[Topic, _Mapping]]] = ...) -> None: ...

class Topic(_message.Message):
    __slots__ = ("topic", "next", "oldest", "subscribers")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    next: int
    oldest: int
    subscribers: int
    def __init__(self, topic: _Optional[str] = ..., next: _Optional[int] = ..., oldest: _Optional[int] = ..., subscribers: _Optional[int] = ...) -> None: ...
