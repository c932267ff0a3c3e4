"""A server with a certificate of nobody that is trusted: an error that does not pass, and says what to do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from arcuate.auth import OAuth2Authenticator
from arcuate.connector import AuthenticationError, ConnectionError, Connector  # noqa: A004
from arcuate.graphql import GraphQLClient
from arcuate.nosql import DocumentStore, RedisStore
from arcuate.rest import RESTAPIClient
from arcuate.storage import Storage
from arcuate.streaming import KafkaStream, MQTTStream, RedisStream, TopicStream
from arcuate.streaming.websocket import WebSocketStream
from arcuate.websocket import WebSocketClient


class Untrusted:
    """Shows its certificate to whoever comes, and ends.

    Attributes:
        port: where.
        came: how often.
    """

    def __init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("localhost").configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.came = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self.came += 1
            with one, contextlib.suppress(OSError):
                one.settimeout(10)
                self._context.wrap_socket(one, server_side=True).close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def server() -> Iterator[Untrusted]:
    one = Untrusted()
    yield one
    one.close()


def token(url: str, **settings: Any) -> OAuth2Authenticator:
    return OAuth2Authenticator(token_url=url, client_id="us", client_secret="s3cret", **settings)


def s3(url: str, **settings: Any) -> Storage:
    return Storage(url="s3://bucket", endpoint=url, key="k", secret="s3cret", region="r", **settings)


def azure(url: str, **settings: Any) -> Storage:
    return Storage(url="az://box", endpoint=f"{url}/k", key="k", secret="czNjcmV0", **settings)


def google(url: str, **settings: Any) -> Storage:
    return Storage(url="gs://bucket", endpoint=url, token="s3cret", **settings)


def block(stream: Any) -> None:
    stream.write(b"x")
    stream.flush()


KINDS: dict[str, tuple[str, Callable[..., Any], Callable[[Any], object]]] = {
    "REST": ("https", RESTAPIClient, lambda one: one.get("x")),
    "GraphQL": ("https", GraphQLClient, lambda one: one.query("{ x }")),
    "OAuth 2.0": ("https", token, lambda one: one.refresh_token()),
    "WebSocket": ("wss", WebSocketClient, lambda one: one.connect()),
    "Redis": ("rediss", RedisStore, lambda one: one.get("k")),
    "documents": ("mongodb", DocumentStore, lambda one: one.find("c")),
    "web": ("https", Storage, lambda one: one.info("x")),
    "S3": ("https", s3, lambda one: list(one.list())),
    "Azure": ("https", azure, lambda one: list(one.list())),
    "Google": ("https", google, lambda one: list(one.list())),
    "Redis streams": ("rediss", RedisStream, block),
    "WebSocket streams": ("wss", WebSocketStream, block),
    "MQTT": ("mqtts", MQTTStream, block),
    "Kafka": ("kafka", KafkaStream, block),
    "topics by HTTP": ("https", TopicStream, block),
    "topics by gRPC": ("grpcs", TopicStream, block),
}
MORE: dict[str, dict[str, Any]] = {
    "Kafka": {"tls": True},
    "documents": {"database": "work"},
    "topics by HTTP": {"patience": 0.5},
    "topics by gRPC": {"patience": 0.5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_nobody_trusts(server: Untrusted, kind: str) -> None:
    scheme, make, use = KINDS[kind]
    url = f"{scheme}://localhost:{server.port}"
    if kind == "documents":
        url += "/?tls=true&directConnection=true"
    if make in (MQTTStream, KafkaStream, TopicStream, RedisStream, WebSocketStream):
        MORE.setdefault(kind, {})["topic"] = "t"
    retry = {"attempts": 5, "initial": 0.01, "jitter": 0.0, "maximum": 0.02}
    connector: Connector = (
        make(url=url, retry=retry, timeouts={"connect": 2.0, "read": 2.0, "call": 2.0}, **MORE.get(kind, {}))
        if make not in (token, s3, azure, google)
        else make(url, retry=retry)
    )
    with pytest.raises((ConnectionError, AuthenticationError), match=r"(?i)certificate") as caught, connector:
        use(connector)
    text = str(caught.value)
    assert not caught.value.recoverable, text  # the same certificate comes again
    assert "s3cret" not in text
    assert server.came, text
    if kind not in ("documents", "Kafka"):  # whose libraries look again by themselves
        assert server.came <= 2, text
