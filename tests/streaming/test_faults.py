"""Faults that several systems have alike: character sets, refusals, servers whose room is full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from tests.connector.servers import node
from tests.nosql import servers

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    NotFoundError,
    RateLimitError,
)
from arcuate.streaming import NATSStream, RedisStream
from arcuate.streaming.nats_errors import translated
from arcuate.streaming.payload import Codec
from arcuate.streaming.websocket import WebSocketStream

from .nats_server import NATSServer
from .test_nats import make


def test_character_sets() -> None:
    """A text is read in the set that its publisher names, and in no other."""
    for name in ("latin-1", "UTF-16", '"windows-1252"'):
        payload = "Größe".encode(name.strip('"'))
        assert Codec().decode(payload, {"content-type": f"text/plain; charset={name}"}).data == "Größe"
        mark = '{"a": "ü"}'.encode(name.strip('"'))
        assert Codec().decode(mark, {"content-type": f"application/json; charset={name}"}).data == {"a": "ü"}
    for kind, charset in (
        ("text", ""),
        ("json", ""),
        ("auto", "ascii"),
        ("auto", "no-such"),
        ("auto", "hex"),
    ):
        content = {"content-type": f"text/plain; charset={charset}"} if charset else {}
        with pytest.raises(DataError, match="of 'eeg' cannot be read"):
            Codec(kind).decode('"ü"'.encode("latin-1"), content, topic="eeg")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with node("ws", Path(__file__).with_name("websocket_server.cjs")) as found:
        yield found


@pytest.mark.parametrize(
    ("status", "kind", "recoverable"),
    [
        (401, AuthenticationError, False),
        (403, AuthenticationError, False),
        (404, NotFoundError, False),
        (429, RateLimitError, True),
        (500, IntegrationError, True),
        (503, IntegrationError, True),
    ],
)
def test_statuses(port: int, status: int, kind: type[IntegrationError], recoverable: bool) -> None:
    with WebSocketStream(url=f"ws://127.0.0.1:{port}/x?refuse={status}", retry=None) as source:
        with pytest.raises(kind, match=str(status)) as caught:
            source.blocks()
        assert (caught.value.status, caught.value.recoverable) == (status, recoverable)


def test_a_full_redis() -> None:
    with servers.redis("maxmemory 1mb", "maxmemory-policy noeviction", password=False) as server:
        once: dict[str, Any] = {"retry": {"attempts": 1}, "breaker": None}
        with RedisStream(url=f"redis://127.0.0.1:{server.port}/0", topic="t", **once) as stream:
            with pytest.raises(IntegrationError, match=r"OOM.*maxmemory") as caught:
                for _ in range(4):
                    stream.write(b"x" * (1 << 20))
            assert not caught.value.recoverable


def test_a_full_stream_of_jetstream(server: NATSServer) -> None:
    make(server.url, "small", "small", max_bytes=3000, discard="new")
    with NATSStream(url=server.url, topic="small", jetstream=True) as stream:
        with pytest.raises(IntegrationError, match="maximum bytes") as caught:
            for _ in range(4):
                stream.write(bytes(1000))
            stream.flush()
        assert caught.value.executed != "yes"


def test_a_nats_server_that_ends_before_it_speaks_may_be_back() -> None:
    said = nats.errors.Error("nats: empty response from server when expecting INFO message")
    found = translated(said, "nats", str)
    assert isinstance(found, ConnectionError)
    assert found.recoverable
