# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""What the WebSocket connector makes of networks that fail, and of what is no WebSocket."""

from __future__ import annotations

import os
import ssl
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import websockets.sync.server
from tests.connector.proxy import Fault, FaultProxy
from tests.connector.scripted import answer, scripted
from tests.websocket.conftest import Server

from arcuate.connector import (
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
)
from arcuate.integrations import WebSocketClient

QUICK = {"attempts": 3, "initial": 0.01, "jitter": 0.0, "maximum": 0.05}
ALERT = {"ping_interval": 0.05, "ping_timeout": 0.15}


@pytest.fixture
def proxied(sockets: Server) -> Iterator[FaultProxy]:
    with FaultProxy(sockets.port) as proxy:
        yield proxy


def made(proxy: FaultProxy, path: str, **arguments: Any) -> WebSocketClient:
    return WebSocketClient(url=f"ws://127.0.0.1:{proxy.port}/{path}", **{"retry": QUICK, **arguments})


def test_a_ping_finds_a_dead_connection(proxied: FaultProxy) -> None:
    with made(proxied, "echo", reconnect=False, **ALERT) as client:
        client.connect()
        proxied.strike = Fault(silent=True)
        with pytest.raises(ConnectionError, match="no answer to a ping") as raised:
            client.receive()
        assert raised.value.recoverable
        proxied.strike = Fault()
        client.send("a")
        assert client.receive(20) == "a"
        assert client.connections == 2


def test_a_silent_server_is_no_dead_one(proxied: FaultProxy, sockets: Server) -> None:
    """It answers pings, slowly."""
    before = sockets.state()["pings"]
    proxied.fault = Fault(delay=0.02)
    with made(proxied, "quiet", **ALERT) as client:
        with pytest.raises(IntegrationTimeout, match="no message came"):
            client.receive(0.6)
        assert client.connections == 1
    assert sockets.state()["pings"] - before >= 2


def test_a_long_message_over_a_slow_network_is_no_silence(proxied: FaultProxy) -> None:
    """It takes longer than a ping may, and the answer to the ping is behind it."""
    proxied.fault = Fault(delay=0.03)
    with made(proxied, "many?count=1&size=2000000", ping_interval=0.05, ping_timeout=0.5) as client:
        assert len(client.receive()) == 2_000_000
        assert client.connections == 1


def test_every_message_comes_once_over_a_network_that_cuts(proxied: FaultProxy) -> None:
    """Each connection ends in the midst of a message."""
    proxied.fault = Fault(cut=400)
    with made(
        proxied,
        "ticks?last=100&each=100",
        format="json",
        greeting=lambda last: [{"after": last}],
        identify=lambda message: message["id"],
    ) as client:
        assert [one["id"] for one in client] == list(range(1, 101))
    assert proxied.connections > 2


def test_a_reset_in_the_midst_of_a_message(proxied: FaultProxy) -> None:
    with made(proxied, "echo", reconnect=False) as client:
        client.connect()
        proxied.strike = Fault(cut=10, reset=True)
        client.send(bytes(70_000))
        with pytest.raises(ConnectionError, match="broke") as raised:
            client.receive(20)
        assert (raised.value.recoverable, raised.value.executed) == (True, "maybe")


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"\xff" * 100, 1002, "no WebSocket"),
        (b"\x81\x02\xff\xfe", 1007, "not UTF-8"),
        (b"\x81\x85aaaaaaaaa", 1002, "no WebSocket"),
    ],
    ids=["garbage", "no UTF-8", "masked"],
)
def test_what_is_no_message(proxied: FaultProxy, data: bytes, code: int, said: str) -> None:
    with made(proxied, "echo") as client:
        client.connect()
        proxied.strike = Fault(garbage=data)
        client.send("a")
        with pytest.raises(DataError, match=said) as raised:
            client.receive(20)
        assert (raised.value.status, raised.value.recoverable) == (code, False)
        assert client.connections == 1


def test_what_is_no_handshake() -> None:
    for said, kind, recoverable in (
        (b"SSH-2.0-OpenSSH_9\r\n", DataError, False),
        (b"", ConnectionError, True),
        (answer(200, "hello"), DataError, False),
        (answer(101, "", "Upgrade: websocket", "Sec-WebSocket-Accept: wrong"), DataError, False),
    ):
        with scripted(said) as server:
            url = server.url.replace("http", "ws")
            with WebSocketClient(url=url, retry=QUICK) as client, pytest.raises(kind) as raised:
                client.connect()
            assert raised.value.recoverable == recoverable
            assert len(server.asked) == (3 if recoverable else 1)


def test_a_handshake_ends_in_time(proxied: FaultProxy) -> None:
    proxied.fault = Fault(silent=True)
    with made(proxied, "echo", timeouts={"connect": 0.1}) as client:
        with pytest.raises(IntegrationTimeout, match=r"timeouts\.connect"):
            client.connect()
        assert client.health().status == "down"
    assert proxied.connections == 4


def test_what_was_not_sent_is_sent_anew(proxied: FaultProxy, sockets: Server) -> None:
    """The connection was lost before; a message that may have been sent is not sent twice."""
    with made(proxied, "listen") as client:
        client.send("first")

        async def lost() -> None:
            assert client._link is not None
            client._link.abort()
            await client._link._connection.wait_closed()

        client._background.run(lost())
        client.send("second")
        assert client.connections == 2
        client.close()
    said = sockets.state()["said"]
    assert (said.count("first"), said.count("second")) == (1, 1)


@pytest.mark.soak
def test_a_message_that_nobody_takes(proxied: FaultProxy) -> None:
    with pytest.raises(IntegrationTimeout, match=r"timeouts\.call"):
        with made(proxied, "deaf", timeouts={"call": 0.3}) as client:
            noise = os.urandom(1 << 19)
            for _ in range(100):
                client.send(noise)


def test_the_other_side_is_away() -> None:
    with WebSocketClient(url="ws://127.0.0.1:1", retry=QUICK) as client:
        with pytest.raises(ConnectionError, match="is it running") as raised:
            client.send("a")
        assert raised.value.executed == "no"


def test_certificates(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with websockets.sync.server.serve(lambda one: one.send("hello"), "127.0.0.1", 0, ssl=context) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"wss://localhost:{server.socket.getsockname()[1]}"
        try:
            with WebSocketClient(url=url) as client:
                with pytest.raises(ConnectionError, match="set 'ca_file'") as raised:
                    client.connect()
                assert not raised.value.recoverable
            with WebSocketClient(url=url, ca_file=str(tmp_path / "ca.pem")) as client:
                assert list(client) == ["hello"]
        finally:
            server.shutdown()
            thread.join()


def test_secrets_are_in_no_error(sockets: Server) -> None:
    secret = "s3cret-of-ours"
    url = f"{sockets.url}/close?code=4999&reason={secret}&token={secret}"
    with WebSocketClient(url=url, headers={"X-API-Key": secret}) as client:
        with pytest.raises(IntegrationError) as raised:
            client.receive(20)
        chain = "".join(traceback.format_exception(raised.value))
        assert secret not in f"{chain} {raised.value.detail}"
