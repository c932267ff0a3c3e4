"""Clients that stop reading: they are cut off, their sessions wait for them, others notice nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

import arcuate.http.bridge
import arcuate.http.socket
from arcuate.http import HttpBridge
from arcuate.hub import Config, Hub

PATIENCE = 30.0
LEN = "/v1/environments/python/call/len"


@pytest.fixture
def start() -> Iterator[Callable[[], HttpBridge]]:
    """Starts bridges of the test's own."""
    made: list[tuple[Hub, HttpBridge]] = []

    def starting() -> HttpBridge:
        hub = Hub(Config())
        bridge = HttpBridge(hub)
        made.append((hub, bridge))
        bridge.start()
        return bridge

    yield starting
    for hub, bridge in made:
        bridge.stop(0.2)
        hub.close()


def until(condition: Callable[[], Any], what: str) -> None:
    """Waits for something that the hub does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.01)


def works(bridge: HttpBridge) -> None:
    """Another client is served, soon."""
    with httpx.Client(base_url=bridge.endpoints[0], trust_env=False, timeout=10) as client:
        assert client.post(LEN, json={"args": [[1, 2]]}).json() == {"value": 2}


def connections(bridge: HttpBridge) -> int:
    """How many there are."""
    assert bridge._server is not None
    return len(bridge._server.server_state.connections)


def kept() -> int:
    """Bytes of memory of this process, which is the hub's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


class Socket:
    """A WebSocket of the websockets library that can stop reading."""

    def __init__(self, found: ClientConnection) -> None:
        self.found = found
        self.number = 0

    async def say(self, op: str, number: int | None = None, **fields: Any) -> int:
        """Sends a message; its id."""
        if number is None:
            self.number = number = self.number + 1
        await self.found.send(json.dumps({"op": op, "id": number, **fields}))
        return number

    async def answer(self, number: int) -> Any:
        """The answer to a request."""
        while True:
            heard = json.loads(await asyncio.wait_for(self.found.recv(), PATIENCE))
            if heard["op"] in ("reply", "error", "hello") and heard["id"] == number:
                return heard

    def stop_reading(self) -> None:
        """Takes nothing more from the system, which takes a little more from the hub."""
        self.found.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of asyncio has it


def run(bridge: HttpBridge, work: Callable[[Socket], Awaitable[Any]]) -> Any:
    """Has a WebSocket do something; it is cut off afterwards, without a word."""

    async def main() -> Any:
        address = "ws" + bridge.endpoints[0].removeprefix("http") + "/v1/socket"
        kind: Any = "arcuate.json.v1"
        found = await connect(address, subprotocols=[kind], proxy=None, max_size=None, ping_interval=None)
        try:
            mine = Socket(found)
            await mine.say("hello", 0, major=1, minor=0)
            assert (await mine.answer(0))["op"] == "hello"
            return await work(mine)
        finally:
            found.transport.abort()
            await found.wait_closed()

    return asyncio.run(main())


def test_a_websocket_that_gives_no_sign_of_life(
    start: Callable[[], HttpBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen, with nothing to say to it: its connection ends, its session can be resumed."""
    monkeypatch.setattr(arcuate.http.bridge, "_PING_SECONDS", 0.2)
    bridge = start()

    async def freeze(mine: Socket) -> Any:
        greeting = (await mine.answer(await mine.say("open", environment="python")))["value"]
        (session,) = bridge.hub.sessions
        assert bridge._server is not None
        (ours,) = bridge._server.server_state.connections
        for _ in range(3):  # as long as it reads, it answers: the library does
            last = ours.ping_sent_at
            while ours.ping_sent_at == last:
                await asyncio.sleep(0.01)
        assert session.dropped is None
        mine.stop_reading()
        await asyncio.to_thread(until, lambda: session.dropped is not None, "it counts as gone")
        await asyncio.to_thread(until, lambda: not connections(bridge), "the connection is cut")
        return greeting

    greeting = run(bridge, freeze)

    async def back(mine: Socket) -> None:
        said = await mine.say("resume", session=greeting["session"], secret=greeting["secret"], seen=0)
        assert (await mine.answer(said))["value"]["session"] == greeting["session"]
        mine.number = 100
        assert (await mine.answer(await mine.say("eval", code="6 * 7")))["value"] == 42

    run(bridge, back)


class Bare:
    """A WebSocket's client that reads, and answers a ping, when it is told to."""

    def __init__(self, bridge: HttpBridge) -> None:
        address = "ws" + bridge.endpoints[0].removeprefix("http") + "/v1/socket"
        kind: Any = "arcuate.json.v1"
        self.protocol = ClientProtocol(parse_uri(address), subprotocols=[kind], max_size=None)
        self.plug = socket.create_connection((self.protocol.uri.host, self.protocol.uri.port), PATIENCE)
        self.protocol.send_request(self.protocol.connect())
        self.send()
        self.read(lambda heard: isinstance(heard, Response))
        self.say({"op": "hello", "id": 0, "major": 1, "minor": 0})
        self.read(lambda heard: b'"hello"' in heard.data)
        assert bridge._server is not None
        self.ours: Any
        (self.ours,) = bridge._server.server_state.connections

    def send(self) -> None:
        """Sends what the protocol has to say, such as the answer to a ping."""
        self.plug.sendall(b"".join(self.protocol.data_to_send()))

    def say(self, message: Any) -> None:
        """Sends a message."""
        self.protocol.send_text(json.dumps(message).encode())
        self.send()

    def sip(self) -> list[Any]:
        """Reads a little; what has come by it."""
        found = self.plug.recv(1 << 18)
        assert found, "the connection is cut"
        self.protocol.receive_data(found)
        return self.protocol.events_received()

    def read(self, enough: Callable[[Any], bool]) -> None:
        """Reads until something has come."""
        while not any(map(enough, self.sip())):
            pass

    def ask(self, number: int) -> None:
        """Asks for a large answer, and lets it wait."""
        self.say({"op": "eval", "id": number, "environment": "python", "code": "'x' * 12_000_000"})
        before = self.ours._waiting()
        until(lambda: self.ours._waiting() > before + 1_000_000, "the answer is on its way")

    def has(self, name: str) -> None:
        """Has the other side do at once what its clock would have it do."""
        done = threading.Event()
        self.ours.loop.call_soon_threadsafe(lambda: (getattr(self.ours, name)(), done.set()))
        assert done.wait(PATIENCE)


@pytest.fixture
def asked(start: Callable[[], HttpBridge], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bare]:
    """One who is asked for a sign of life behind a large message."""
    monkeypatch.setattr(arcuate.http.bridge, "_PING_SECONDS", 1000.0)
    bridge = start()
    client = Bare(bridge)
    client.ask(1)
    client.has("send_keepalive_ping")
    yield client
    client.plug.close()
    until(lambda: not connections(bridge), "the connection is gone")


@pytest.mark.parametrize("alive", [True, False])
def test_who_has_just_read_all_of_a_large_message(asked: Bare, alive: bool) -> None:
    """There is time for an answer; who gives none then is cut off."""
    asked.read(lambda heard: heard.opcode is Opcode.PING)
    until(lambda: not asked.ours._waiting(), "all of it is taken")
    asked.has("keepalive_timeout")
    assert not asked.ours.transport.is_closing()
    if alive:
        asked.send()
        until(lambda: asked.ours.pong_timer is None, "the answer has come")
        asked.say({"op": "eval", "id": 2, "environment": "python", "code": "6 * 7"})
        asked.read(lambda heard: b"42" in heard.data)
    else:
        asked.has("keepalive_timeout")
        assert asked.ours.transport.is_closing()


def test_a_large_message_behind_the_ping(asked: Bare) -> None:
    """It says nothing about who reads what is before the ping; who reads no more is cut off."""
    while asked.ours.transport.get_write_buffer_size():
        asked.sip()
    asked.ask(2)
    asked.has("keepalive_timeout")
    assert not asked.ours.transport.is_closing()

    def cut() -> bool:
        asked.has("keepalive_timeout")
        return bool(asked.ours.transport.is_closing())

    until(cut, "it is cut off, when what was on its way has come")


@pytest.mark.parametrize(
    ("code", "most", "bound"),
    [
        ("dict.fromkeys(map(str, range(5_000)), 'x' * 200)", 1000, 300_000_000),
        ("b'x' * 20_000_000", 8, 600_000_000),
    ],
    ids=["a thousand replies of 1 MB", "8 of 20 MB"],
)
def test_a_websocket_that_reads_nothing(
    start: Callable[[], HttpBridge], monkeypatch: pytest.MonkeyPatch, code: str, most: int, bound: int
) -> None:
    """What waits for it stays within bounds, in size or in time."""
    monkeypatch.setattr(arcuate.http.socket, "BACKLOG_BYTES", 16 << 20)
    monkeypatch.setattr(arcuate.http.bridge, "_PING_SECONDS", 0.4)
    bridge = start()
    works(bridge)
    before = kept()

    async def ask(mine: Socket) -> None:
        mine.stop_reading()
        for _ in range(most):
            await mine.say("eval", environment="python", code=code)
        works_meanwhile = asyncio.to_thread(works, bridge)
        await asyncio.to_thread(until, lambda: not connections(bridge), "it is cut off")
        await works_meanwhile

    run(bridge, ask)
    until(lambda: not bridge.hub.connections, "the hub knows it no more")
    assert kept() - before < bound
    works(bridge)


def test_large_replies_that_a_websocket_does_not_read(
    start: Callable[[], HttpBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their bytes count, long before a sign of life is missed; one alone may be larger than the limit."""
    monkeypatch.setattr(arcuate.http.socket, "BACKLOG_BYTES", 4 << 20)
    bridge = start()

    async def ask(mine: Socket) -> None:
        code = "b'x' * 8_000_000"
        assert (await mine.answer(await mine.say("eval", environment="python", code=code)))["op"] == "reply"
        mine.stop_reading()
        for _ in range(8):
            await mine.say("eval", environment="python", code=code)
        begun = time.monotonic()
        await asyncio.to_thread(until, lambda: not connections(bridge), "it is cut off")
        assert time.monotonic() - begun < 15, "not for want of a sign of life"

    run(bridge, ask)
    works(bridge)


def test_output_that_a_websocket_does_not_read(
    start: Callable[[], HttpBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """150 MB of it: the hub keeps no more than its limit, the run goes on, what is left can be fetched."""
    monkeypatch.setattr(arcuate.http.bridge, "_PING_SECONDS", 0.4)
    bridge = start()
    works(bridge)
    before = kept()

    async def flood(mine: Socket) -> Any:
        greeting = (await mine.answer(await mine.say("open", environment="python")))["value"]
        mine.stop_reading()
        await mine.say("run", code="for _ in range(1500): print('x' * 100_000)\nn = 1")
        (session,) = [one for one in bridge.hub.sessions if one.resumable]
        await asyncio.to_thread(until, lambda: session.dropped is not None, "it counts as gone")
        await asyncio.to_thread(until, lambda: not session.busy, "the run ends")
        return greeting

    greeting = run(bridge, flood)
    assert kept() - before < 130_000_000

    async def back(mine: Socket) -> None:
        said = await mine.say("resume", session=greeting["session"], secret=greeting["secret"], seen=0)
        await mine.answer(said)
        heard = []
        while not heard or heard[-1]["op"] != "reply":
            heard.append(json.loads(await asyncio.wait_for(mine.found.recv(), PATIENCE)))
        text = sum(len(one.get("text", "")) for one in heard)
        assert 1_000_000 < text <= 64 << 20
        assert sum(one["count"] for one in heard if one.get("type") == "dropped") > 0
        mine.number = 100
        assert (await mine.answer(await mine.say("eval", code="n")))["value"] == 1

    run(bridge, back)


@pytest.mark.parametrize("size", [30_000_000, 3_000_000])
def test_an_answer_that_nobody_takes(
    start: Callable[[], HttpBridge], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """The connection is cut when nothing of it was taken for so long, also where only its end is left."""
    monkeypatch.setattr(arcuate.http.bridge, "STUCK", 0.5)
    bridge = start()
    host, _, port = bridge.endpoints[0].removeprefix("http://").rpartition(":")
    body = json.dumps({"code": f"'x' * {size}"}).encode()
    head = f"POST /v1/environments/python/eval HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with one:
        one.connect((host, int(port)))
        one.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert one.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
        works(bridge)
        until(lambda: not connections(bridge), "the connection is cut")
    works(bridge)
