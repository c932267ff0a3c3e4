"""Streams: LSL, MQTT, NATS, Redis, Kafka, WebSocket and Arcuate's own topics, all as labelled blocks.

A stream is read block by block, written block by block, and put in a row with functions of any language:
``stream | r.function("detrend_block") | sink``.
"""

from __future__ import annotations

import importlib
from typing import Any

from arcuate.client.streams import GapWarning
from arcuate.streaming.block import Block
from arcuate.streaming.client import StreamingClient, StreamMessage
from arcuate.streaming.feed import Feed, QueueFeed
from arcuate.streaming.loop import LoopThread
from arcuate.streaming.payload import Codec
from arcuate.streaming.pipeline import Pipeline
from arcuate.streaming.report import Report
from arcuate.streaming.schemes import SCHEMES, stream_class
from arcuate.streaming.source import Blocks, MalformedWarning, Sink, Source, Stream, StreamConfig
from arcuate.streaming.window import Window

__all__ = [
    "SCHEMES",
    "Block",
    "Blocks",
    "Codec",
    "Feed",
    "GapWarning",
    "LoopThread",
    "MalformedWarning",
    "NATSStream",
    "Pipeline",
    "QueueFeed",
    "RedisStream",
    "Report",
    "Sink",
    "Source",
    "Stream",
    "StreamConfig",
    "StreamMessage",
    "StreamingClient",
    "TopicStream",
    "Window",
    "stream_class",
]

_LATER = {place.partition(":")[2]: place.partition(":")[0] for place in SCHEMES.values()}
"""Classes of systems, each of which needs a library of its own: module."""


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'arcuate.streaming' has no attribute {name!r}")
    found = getattr(importlib.import_module(module), name)
    globals()[name] = found
    return found
