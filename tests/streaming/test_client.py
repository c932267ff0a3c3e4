"""The pattern of a streaming client, as it is known, with each system that an address may name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from tests.connector.servers import node
from tests.nosql import servers as nosql

from arcuate.hub import Config, Server
from arcuate.integrations import StreamingClient

from .mosquitto import PASSWORD, mosquitto
from .nats_server import nats_server
from .test_websocket import SERVER


class RealTimeDataStream(StreamingClient):
    """Real-time streams of a recording."""

    def __init__(self, stream_config: dict[str, Any]) -> None:
        super().__init__(stream_config)
        self.subject = self.config.extra["subject"]
        self.signals: list[Any] = []
        self.events: list[str] = []
        self.both = threading.Event()
        self.connection = self.connect_stream()

    def subscribe_to_neural_data(self) -> None:
        self.subscribe_to_topics(["neural_signals", "behavioral_events"])

    def process_stream_data(self, message: Any) -> None:
        if message["type"] == "neural_signal":
            self.signals.append(message["samples"])
        elif message["type"] == "behavioral_event":
            self.events.append(message["label"])
        else:
            raise ValueError(f"unknown type {message['type']}")
        if self.signals and self.events:
            self.both.set()


@contextmanager
def _nats() -> Iterator[str]:
    with nats_server() as server:
        yield server.url


@contextmanager
def _mqtt() -> Iterator[str]:
    with mosquitto() as broker:
        yield f"mqtt://lab:{quote(PASSWORD, safe='')}@127.0.0.1:{broker.port}"


@contextmanager
def _redis() -> Iterator[str]:
    with nosql.redis(password=False) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@contextmanager
def _zmq() -> Iterator[str]:
    with Server(Config(zmq=["127.0.0.1:0"])) as server:
        yield server.endpoints["zmq"]


@contextmanager
def _ws() -> Iterator[str]:
    with node("ws", SERVER) as port:
        yield f"ws://127.0.0.1:{port}/all"


@pytest.mark.parametrize("place", [_nats, _mqtt, _redis, _zmq, _ws], ids=lambda one: one.__name__[1:])
def test_the_pattern(place: Any) -> None:
    before = set(threading.enumerate())
    address: AbstractContextManager[str] = place()
    with address as url, RealTimeDataStream({"url": url, "subject": "s7"}) as stream:
        stream.subscribe_to_neural_data()
        stream.write({"type": "neural_signal", "samples": [0.5, 1.5]}, topic="neural_signals")
        stream.write({"type": "behavioral_event", "label": "lever"}, topic="behavioral_events")
        stream.flush()
        assert stream.both.wait(20), stream.error
        assert (stream.signals, stream.events) == ([[0.5, 1.5]], ["lever"])
        assert stream.health().status == "ok"
    assert set(threading.enumerate()) <= before
