"""Streams: LSL, MQTT, NATS, Redis, Kafka, WebSocket and Arcuate's own topics, all as labelled blocks.

A stream is read block by block, written block by block, and put in a row with functions of any language:
``stream | r.function("detrend_block") | sink``.
"""

from __future__ import annotations

import importlib
from typing import Any

from arcuate.client.streams import GapWarning
from arcuate.streaming.block import Block
from arcuate.streaming.feed import Feed, QueueFeed
from arcuate.streaming.payload import Codec
from arcuate.streaming.schemes import SCHEMES, stream_class
from arcuate.streaming.source import Blocks, MalformedWarning, Sink, Source, Stream, StreamConfig

__all__ = [
    "SCHEMES",
    "Block",
    "Blocks",
    "Codec",
    "Feed",
    "GapWarning",
    "MalformedWarning",
    "QueueFeed",
    "Sink",
    "Source",
    "Stream",
    "StreamConfig",
    "stream_class",
]

_LATER: dict[str, str] = {}
"""Names that need a library of their own, or that are not always wanted: module."""


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'arcuate.streaming' has no attribute {name!r}")
    found = getattr(importlib.import_module(module), name)
    globals()[name] = found
    return found
