# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""The WebSocket connector against ws: messages, both faces, resuming, limits, close codes."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.websocket.conftest import Server
from websockets.sync.client import connect as bare

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
)
from arcuate.errors import ConversionError, InvalidArgument, LimitExceeded, SessionClosed
from arcuate.integrations import BaseAuthenticator, BearerAuthenticator, GapWarning, WebSocketClient
from arcuate.integrations.kinds import connector

QUICK = {"attempts": 3, "initial": 0.01, "jitter": 0.0, "maximum": 0.05}


def made(server: Server, path: str, **arguments: Any) -> WebSocketClient:
    return WebSocketClient({"url": f"{server.url}/{path}", "retry": QUICK, **arguments})


@pytest.fixture
def echo(sockets: Server) -> Iterator[WebSocketClient]:
    with made(sockets, "echo") as client:
        yield client


TEXTS = ["", "a", "Grüße 雪 \U0001f9ea", "x" * 70_000, "\x00"]


def test_texts_and_bytes_come_back_as_they_were(sockets: Server, echo: WebSocketClient) -> None:
    with bare(f"{sockets.url}/echo") as theirs:
        for sent in [*TEXTS, b"", bytes(range(256)) * 300]:
            echo.send(sent)
            theirs.send(sent)
            found = echo.receive(20)
            assert found == sent == theirs.recv(20)
            assert type(found) is type(sent)
    echo.send(memoryview(b"ab"))
    assert echo.receive(20) == b"ab"
    assert echo.connections == 1
    with pytest.raises(ConversionError, match="surrogate"):
        echo.send("\ud800")


def test_json(sockets: Server) -> None:
    import numpy as np

    with made(sockets, "echo", format="json") as client:
        for value in [{"a": [1, None, True, 1.5]}, "text", 2**60 + 1, [], None]:
            client.send(value)
            assert client.receive(20) == value
        client.send({"n": np.int64(3), "x": np.arange(2)})
        assert client.receive(20) == {"n": 3, "x": [0, 1]}
        client.send(b"bytes stay bytes")
        assert client.receive(20) == b"bytes stay bytes"
        for wrong, said in ((float("nan"), "NaN"), ({1}, "a set is no JSON")):
            with pytest.raises(ConversionError, match=said):
                client.send(wrong)


def test_what_is_no_json_takes_nothing_else_with_it(sockets: Server) -> None:
    query = 'text={"a":1}&text=%7Bno&text={"a":1,"a":2}&text=[3]&end=1'
    with made(sockets, f"text?{query}", format="json") as client:
        assert next(client) == {"a": 1}
        with pytest.raises(DataError, match="3 characters is no JSON"):
            next(client)
        with pytest.raises(DataError, match="'a' is there twice"):
            next(client)
        assert list(client) == [[3]]


def test_a_subclass_goes_on_where_it_was(sockets: Server) -> None:
    """Each connection brings four numbers and is then cut, or closed by a code that may pass."""

    class Ticks(WebSocketClient):
        def identify(self, message: Any) -> Any:
            return message["id"]

        def greeting(self, last: Any) -> list[Any]:
            return [{"after": last}]

    for code in ("", "1001", "1011", "1012"):
        config = {"url": f"{sockets.url}/ticks?last=10&each=4&code={code}", "format": "json", "retry": QUICK}
        with Ticks(config) as ticks, warnings.catch_warnings():
            warnings.simplefilter("error")
            assert [one["id"] for one in ticks] == list(range(1, 11))
            assert (ticks.connections, ticks.last) == (3, 10)


def test_functions_instead_of_a_subclass_and_asyncio(sockets: Server) -> None:
    async def main() -> list[int]:
        async with WebSocketClient(
            url=f"{sockets.url}/ticks?last=10&each=4&code=1012",
            format="json",
            retry=QUICK,
            greeting=lambda last: [{"after": last}],
            identify=lambda message: message["id"],
        ) as ticks:
            return [one["id"] async for one in ticks]

    assert asyncio.run(main()) == list(range(1, 11))


def test_a_gap_is_said(sockets: Server) -> None:
    config = {"greeting": lambda _: ['{"after": 0}']}
    with WebSocketClient(url=f"{sockets.url}/ticks?last=9&each=2&code=1012", retry=QUICK, **config) as client:
        assert [next(client), next(client)] == ['{"id":1}', '{"id":2}']
        with pytest.warns(GapWarning, match="may be missing"):
            assert next(client) == '{"id":1}'
    with made(sockets, "ticks?last=9&each=2&code=1012", reconnect=False) as client:
        client.send('{"after": 0}')
        with pytest.raises(ConnectionError, match="closed with 1012: it is starting anew"):
            list(client)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (1002, DataError, "break the protocol"),
        (1003, DataError, "kind of data"),
        (1008, IntegrationError, "rules"),
        (1009, IntegrationError, "larger than it takes"),
        (1011, ConnectionError, "it failed"),
        (1013, ConnectionError, "busy"),
        (3000, AuthenticationError, "credentials"),
        (3008, IntegrationTimeout, "waited too long"),
        (4401, AuthenticationError, "credentials"),
        (4403, AuthenticationError, "refuses this"),
        (4429, RateLimitError, "too often"),
        (4999, IntegrationError, "a code of its own"),
    ],
)
def test_close_codes(sockets: Server, code: int, kind: type[IntegrationError], said: str) -> None:
    before = sockets.state()["handshakes"]
    with made(sockets, f"close?code={code}&reason=so%20it%20is") as client:
        with pytest.raises(kind, match=f"closed with {code}: .*{said}.*: so it is") as raised:
            client.receive(20)
        assert type(raised.value) is kind
        assert (raised.value.status, raised.value.detail) == (code, "so it is")
    assert sockets.state()["handshakes"] - before == (3 if raised.value.recoverable else 1)


def test_an_orderly_end(sockets: Server) -> None:
    with made(sockets, "text?text=a&text=b&end=1") as client:
        assert list(client) == ["a", "b"]
    with made(sockets, "close?code=1000") as client, pytest.raises(EOFError):
        client.receive(20)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, IntegrationError, "does not understand"),
        (401, AuthenticationError, "credentials"),
        (403, AuthenticationError, "refuses this"),
        (404, NotFoundError, "no such thing"),
        (302, IntegrationError, "elsewhere"),
        (200, DataError, "does not speak WebSocket there"),
    ],
)
def test_handshakes(sockets: Server, status: int, kind: type[IntegrationError], said: str) -> None:
    before = sockets.state()["handshakes"]
    with made(sockets, f"echo?refuse={status}") as client:
        with pytest.raises(kind, match=said) as raised:
            client.connect()
        assert raised.value.status == status
    assert sockets.state()["handshakes"] == before + 1


def test_a_busy_server_is_asked_again(sockets: Server) -> None:
    seen = sockets.state()["handshakes"]
    with made(sockets, f"echo?refuse=503&until={seen + 2}") as client:
        client.send("a")
        assert client.receive(20) == "a"
    assert sockets.state()["handshakes"] == seen + 3
    with made(sockets, "echo?refuse=429&after=3600") as client:
        with pytest.raises(RateLimitError) as raised:
            client.connect()
        assert raised.value.retry_after == 3600


def test_messages_that_are_too_large(sockets: Server) -> None:
    for path in ("many?count=1&size=5000", "text?text=" + "x" * 5000):
        with made(sockets, path, limit=4000) as client, pytest.raises(LimitExceeded, match="'limit'"):
            client.receive(20)
    with made(sockets, "echo") as client:
        client.send(b"x" * 1_500_000)
        with pytest.raises(IntegrationError, match="1009: a message of ours is larger"):
            client.receive(20)


def test_a_slow_reader_holds_the_server_back(sockets: Server) -> None:
    """The server sends 200 x 256 KB; what waits here and on the way is a part of it. None is lost."""
    config = {"queue": 4, "ping_interval": 0.05, "ping_timeout": 3}
    with made(sockets, "many?count=200&size=262144", **config) as client:
        first = client.receive(20)
        sent = 0
        while sent != (sent := sockets.state()["sent"]):
            threading.Event().wait(0.1)
        assert sent < 150
        assert len(first) == 262144
        assert sum(1 for _ in client) == 199


def test_who_we_are(sockets: Server) -> None:
    with made(sockets, "private", auth=BearerAuthenticator("wrong-token")) as client:
        with pytest.raises(AuthenticationError, match="no others"):
            client.receive(20)
    with made(sockets, "private", headers={"Authorization": "Bearer new"}, format="json") as client:
        assert client.receive(20)["token"] == "new"
        assert "Bearer new" not in repr(client) + str(client.config)


def test_a_token_that_ends_in_between_is_renewed(sockets: Server) -> None:
    """The server takes "good", sends one message, and closes with 4401; then only "new" will do."""

    class Renewed(BaseAuthenticator):
        renewals = 0

        def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
            return {"Authorization": "Bearer good"}

        def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
            self.renewals += 1
            return {"Authorization": "Bearer new"}

    auth = Renewed()
    with made(sockets, "private", auth=auth, format="json") as client, pytest.warns(GapWarning):
        assert [one["token"] for one in client] == ["good", "new"]
    assert auth.renewals == 1
    with made(sockets, "private", auth=BearerAuthenticator("good")) as client:
        assert client.receive(20)
        with pytest.raises(AuthenticationError, match="no others"):
            client.receive(20)


def test_waiting_may_end_without_loss(sockets: Server, echo: WebSocketClient) -> None:
    with pytest.raises(IntegrationTimeout, match="no message came within"):
        echo.receive(0.02)

    async def main() -> list[Any]:
        async with made(sockets, "echo") as client:
            waiting = asyncio.ensure_future(client.areceive())
            await client.aconnect()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            for text in "abc":
                await client.asend(text)
            return [await client.areceive(20) for _ in range(3)]

    assert asyncio.run(main()) == ["a", "b", "c"]


def test_threads_share_a_client(echo: WebSocketClient) -> None:
    threads = [threading.Thread(target=echo.send, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    assert sorted(echo.receive(20) for _ in threads) == [str(n) for n in range(8)]
    for thread in threads:
        thread.join()


def test_closing_ends_who_waits_and_leaves_nothing(sockets: Server) -> None:
    before = set(threading.enumerate())
    client = made(sockets, "quiet")
    client.connect()
    found: list[Any] = []

    def wait() -> None:
        try:
            found.append(list(client))
        except SessionClosed as error:
            found.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    client.close()
    waiting.join(20)
    assert len(found) == 1
    assert {one for one in threading.enumerate() if one.name.startswith("arcuate-web")} <= before
    for use in (client.receive, client.connect, lambda: client.send("a")):
        with pytest.raises(SessionClosed):
            use()
    client.close()
    with pytest.raises(ConversionError), WebSocketClient(url=f"{sockets.url}/echo") as unused:
        unused.send({1})
    assert {one for one in threading.enumerate() if one.name.startswith("arcuate-web")} <= before


def test_two_loops_do_not_share_a_client(sockets: Server) -> None:
    client = made(sockets, "echo").connect()

    async def main() -> None:
        with pytest.raises(InvalidArgument, match="another event loop"):
            await client.areceive()
        await client.aclose()

    asyncio.run(main())


def test_health(sockets: Server) -> None:
    with made(sockets, "quiet", subprotocols=["a", "b"]) as client:
        health = client.health()
        assert (health.status, health.facts) == ("ok", {"subprotocol": "b"})
        assert client.connections == 0
    with connector(f"{sockets.url}/quiet") as found:
        assert isinstance(found, WebSocketClient)
        assert found.health().status == "ok"
    with WebSocketClient(url="ws://127.0.0.1:1/x", retry=None) as client:
        down = client.health()
        assert (down.status, down.latency) == ("down", None)
        assert "is it running" in down.detail


def test_settings_that_are_none() -> None:
    for wrong in ({"url": "http://a"}, {"url": "ws://me:secret@a"}, {"format": "xml"}, {"limit": 0}):
        with pytest.raises(InvalidArgument):
            WebSocketClient(wrong)
    with pytest.raises(InvalidArgument, match="set 'url'"):
        WebSocketClient().connect()
    with pytest.raises(InvalidArgument, match="line break"):
        WebSocketClient(url="ws://127.0.0.1:1", headers={"X": "a\r\nInjected: yes"}).connect()
