"""Which class reads which address: by the scheme, imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from arcuate.connector import redacted
from arcuate.errors import InvalidArgument

if TYPE_CHECKING:
    from arcuate.streaming.source import Stream

__all__ = ["SCHEMES", "stream_class"]

_HERE = "arcuate.streaming"
SCHEMES: dict[str, str] = {
    "nats": f"{_HERE}.nats:NATSStream",
    "tls": f"{_HERE}.nats:NATSStream",
    "mqtt": f"{_HERE}.mqtt:MQTTStream",
    "mqtts": f"{_HERE}.mqtt:MQTTStream",
    "redis": f"{_HERE}.redis:RedisStream",
    "rediss": f"{_HERE}.redis:RedisStream",
    "kafka": f"{_HERE}.kafka:KafkaStream",
    "ws": f"{_HERE}.websocket:WebSocketStream",
    "wss": f"{_HERE}.websocket:WebSocketStream",
    "lsl": f"{_HERE}.lsl:LSLStream",
    "zmq": f"{_HERE}.topics:TopicStream",
    "zmq+ipc": f"{_HERE}.topics:TopicStream",
    "grpc": f"{_HERE}.topics:TopicStream",
    "grpcs": f"{_HERE}.topics:TopicStream",
    "http": f"{_HERE}.topics:TopicStream",
    "https": f"{_HERE}.topics:TopicStream",
}
"""Scheme: module:class."""


def stream_class(url: str) -> type[Stream]:
    """The class for an address.

    Raises:
        InvalidArgument: it has no scheme, or one that is not known.
    """
    # Several servers may be named, with commas between: nats://a:4222,nats://b:4222
    try:
        scheme = urlsplit(url.partition(",")[0]).scheme
    except ValueError:
        scheme = ""
    place = SCHEMES.get(scheme)
    if place is None:
        allowed = ", ".join(f"{one}://" for one in SCHEMES)
        raise InvalidArgument(f"{redacted(url)!r} is no address of a stream; there are {allowed}")
    module, _, name = place.partition(":")
    found: Any = getattr(importlib.import_module(module), name)
    return found  # type: ignore[no-any-return]
