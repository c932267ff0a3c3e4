"""One TCP connection carries one request after the other, whatever their sizes."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import arcuate.http.answers
from arcuate.client import connect, messages
from arcuate.http import HttpBridge
from arcuate.hub import Hub
from arcuate.values import frames


@pytest.fixture(scope="module")
def bridge() -> Iterator[HttpBridge]:
    with Hub() as hub:
        found = HttpBridge(hub, addresses=["127.0.0.1:0"])
        found.start()
        try:
            yield found
        finally:
            found.stop(5.0)


@pytest.fixture(scope="module")
def address(bridge: HttpBridge) -> str:
    return bridge.endpoints[0].removeprefix("http://")


def until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.005)


def test_a_small_request_after_a_large_one(address: str) -> None:
    """The bound on a request's head counts that request alone, not the body of the one before."""
    client = http.client.HTTPConnection(address, timeout=30)
    try:
        for size in (2_000_000, 0, 2_000_000, 10):
            body = json.dumps({"args": ["x" * size]})
            kind = {"Content-Type": "application/json"}
            client.request("POST", "/v1/environments/python/call/len", body, kind)
            answer = client.getresponse()
            found = answer.read()
            assert answer.status == 200, (size, found)
            assert json.loads(found)["value"] == size
    finally:
        client.close()


def test_a_head_without_end(address: str) -> None:
    client = http.client.HTTPConnection(address, timeout=30)
    try:
        client.putrequest("GET", "/healthz")
        for number in range(90):
            client.putheader(f"x-{number}", "y" * 1000)
        client.endheaders()
        assert client.getresponse().status == 431
    except ConnectionError:
        pass  # refused while it was still being sent
    finally:
        client.close()


def test_a_session_that_opens_slowly_is_its_clients(
    bridge: HttpBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer begins before the interpreter is there; the session is not given up between two requests."""
    monkeypatch.setattr(arcuate.http.answers, "_BEGIN", 0.0)
    assert bridge._server is not None
    with connect(f"{bridge.endpoints[0]}/python") as session:
        until(lambda: not bridge._server.server_state.tasks, "the request is over")  # type: ignore[union-attr]
        found = bridge.hub.find(session.info["session"])
        assert found is not None
        assert found.dropped is None


def test_a_connection_that_is_lost_while_its_message_is_read(
    bridge: HttpBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was held by a connection that is gone already would be held for ever."""
    session = connect(f"{bridge.endpoints[0]}/python")
    found = bridge.hub.find(session.info["session"])
    assert found is not None
    link: Any = session._transport._link  # type: ignore[attr-defined]
    load = frames.load
    reading, lost = threading.Event(), threading.Event()

    def slow(*args: Any, **named: Any) -> Any:
        reading.set()
        assert lost.wait(20)
        return load(*args, **named)

    assert bridge._server is not None
    connections = bridge._server.server_state.connections
    before = len(connections)
    with monkeypatch.context() as patch:
        patch.setattr("arcuate.http.bus.frames.load", slow)
        link.send(messages.build("return", 99, {"value": [1.5, "x"] * 2000}))  # nobody answers it
        assert reading.wait(20)
        link.close()
        until(lambda: len(connections) < before, "the hub sees that the connection is lost")
        lost.set()
        until(lambda: not bridge._server.server_state.tasks, "the message was read")  # type: ignore[union-attr]
        until(lambda: found.dropped is not None, "the session waits for its client, and not for ever")
    session.close()
    found.close()
