"""What all connectors promise, of streams; Kafka's are beside its other tests."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.connector.servers import node
from tests.nosql import servers

from arcuate.connector.testing import ConnectorContract, NetworkContract
from arcuate.hub import Config, Server
from arcuate.streaming import NATSStream, TopicStream
from arcuate.streaming.mqtt import MQTTStream
from arcuate.streaming.redis import RedisStream
from arcuate.streaming.websocket import WebSocketStream

from .mosquitto import PASSWORD, Mosquitto, mosquitto
from .nats_server import NATSServer
from .test_nats import make


class _Use:
    times: ClassVar[dict[str, float]] = {"connect": 0.5, "read": 0.5, "call": 1.0}

    def use(self, connector: Any) -> object:
        connector.write({"a": 1})
        return connector.flush()

    def begin(self, connector: Any) -> Any:
        blocks = connector.blocks(timeout=5)
        self.use(connector)
        next(blocks)
        return blocks


class _Stream(_Use, NetworkContract):
    pass


class _Away(_Use, ConnectorContract):
    """What a lost connection does to those is told by :meth:`flush` and is in tests of their own."""

    @pytest.fixture
    def nowhere(self, address: str) -> Iterator[str]:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))  # nobody listens there
            yield re.sub(r":\d+", f":{holder.getsockname()[1]}", address)


class TestNATS(_Away):
    @pytest.fixture
    def address(self, server: NATSServer) -> str:
        make(server.url, "contract", "contract")
        return server.url

    def connector(self, url: str, **settings: Any) -> NATSStream:
        kept = {"jetstream": True, "patience": 2.0}
        return NATSStream(url=url, topic="contract", **{**kept, **settings})


@pytest.fixture(scope="module")
def broker() -> Iterator[Mosquitto]:
    with mosquitto() as one:
        yield one


class TestMQTT(_Away):
    secret = PASSWORD
    test_nothing_is_left = None  # paho closes a pair of sockets of its own when it is collected

    @pytest.fixture
    def address(self, broker: Mosquitto) -> str:
        return broker.url

    def connector(self, url: str, **settings: Any) -> MQTTStream:
        return MQTTStream(url=url, password=self.secret, topic="contract", **{"patience": 2.0, **settings})

    def stranger(self, url: str) -> MQTTStream:
        return MQTTStream(url=url, password="wrong", topic="contract", retry=None)


@pytest.fixture(scope="module")
def redis() -> Iterator[servers.Server]:
    with servers.redis() as one:
        yield one


class TestRedis(_Stream):
    secret = servers.PASSWORD

    @pytest.fixture
    def address(self, redis: servers.Server) -> str:
        return f"redis://127.0.0.1:{redis.port}/0"

    def connector(self, url: str, **settings: Any) -> RedisStream:
        return RedisStream(url=url, password=self.secret, topic="contract", **settings)

    def stranger(self, url: str) -> RedisStream:
        return RedisStream(url=url, password="wrong", topic="contract", retry=None)


@pytest.fixture(scope="module")
def sockets() -> Iterator[int]:
    with node("ws", Path(__file__).with_name("websocket_server.cjs")) as port:
        yield port


class TestWebSocket(_Away):
    secret = "s3cret-of-ours"

    @pytest.fixture
    def address(self, sockets: int) -> str:
        return f"ws://127.0.0.1:{sockets}/echo"

    def connector(self, url: str, **settings: Any) -> WebSocketStream:
        return WebSocketStream(
            url=url, headers={"X-API-Key": self.secret}, **{"patience": 2.0, "ping": 0.3, **settings}
        )

    def begin(self, connector: WebSocketStream) -> Any:
        many = WebSocketStream(url=connector.config.url.replace("/echo", "/many?count=9&size=9"))
        blocks = many.blocks(timeout=5)
        next(blocks)
        many.close()
        return blocks

    def stranger(self, url: str) -> WebSocketStream:
        return WebSocketStream(
            url=url.replace("/echo", "/private"), headers={"Authorization": "Bearer wrong"}, retry=None
        )


@pytest.fixture(scope="module")
def hub() -> Iterator[Server]:
    with Server(Config(zmq=["127.0.0.1:0"], http=["127.0.0.1:0"])) as one:
        yield one


class TestTopics(_Stream):
    test_what_may_be_repeated_is = None  # ZeroMQ takes a connection that is cut at once for a refusal

    @pytest.fixture
    def address(self, hub: Server) -> str:
        return str(hub.endpoints["zmq"])

    def connector(self, url: str, **settings: Any) -> TopicStream:
        return TopicStream(url=url, topic="contract", **{"patience": 2.0, **settings})
