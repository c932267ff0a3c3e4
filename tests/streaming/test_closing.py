"""Closing what another thread waits in."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.server import serve

from arcuate.connector import IntegrationTimeout
from arcuate.errors import SessionClosed
from arcuate.streaming import websocket
from arcuate.streaming.websocket import WebSocketStream
from arcuate.websocket import WebSocketClient

PATIENCE = 20.0


def until_refused(write: Callable[[], object], written: list[float]) -> threading.Thread:
    """Writes in a thread until it raises; the times, and at the end the error."""

    def run() -> None:
        try:
            while True:
                write()
                written.append(time.monotonic())
        except Exception as error:
            written.append(error)  # type: ignore[arg-type]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def held(thread: threading.Thread, written: list[float]) -> None:
    """Waits until nothing more is taken."""
    end = time.monotonic() + PATIENCE
    while thread.is_alive() and not (written and time.monotonic() - written[-1] > 0.2):
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def server(deaf: bool) -> Iterator[str]:
    """A WebSocket server that repeats what it hears, or does not listen."""
    over = threading.Event()

    def handle(connection: Any) -> None:
        if deaf:
            over.wait(PATIENCE)
            return
        for message in connection:
            connection.send(message)

    with serve(handle, "127.0.0.1", 0, max_queue=1, close_timeout=0.1) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{found.socket.getsockname()[1]}/"
        finally:
            over.set()
            found.shutdown()
            thread.join(PATIENCE)


@pytest.mark.parametrize("seconds", [60, 0.3])
def test_a_server_that_takes_nothing_does_not_hold_a_writer_for_ever(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "_TAKEN", 0.1)
    data, written = os.urandom(200_000), list[Any]()
    with server(deaf=True) as url:
        stream = WebSocketStream(url=url, format="bytes", timeouts={"call": seconds})
        writer = until_refused(lambda: stream.write(data), written)
        held(writer, written)
        if seconds == 60:
            begun = time.monotonic()
            stream.close()
            assert time.monotonic() - begun < 5
        writer.join(PATIENCE)
        stream.close()
        assert type(written[-1]) is (SessionClosed if seconds == 60 else IntegrationTimeout), written[-1]


def test_who_waits_for_a_message_is_told_that_this_side_closed() -> None:
    with server(deaf=False) as url:
        for _ in range(10):
            client, found = WebSocketClient(url=url).connect(), list[Any]()
            waiting = until_refused(client.receive, found)
            client.close()
            waiting.join(PATIENCE)
            assert type(found[-1]) is SessionClosed, found[-1]
