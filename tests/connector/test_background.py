"""The loop in a thread: nobody waits for ever, whatever is closed in the middle of what."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from arcuate.connector import background
from arcuate.connector.background import Background
from arcuate.errors import SessionClosed


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns much more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_closing_in_the_middle_of_use_leaves_nobody_waiting(hasty: None) -> None:
    found: list[BaseException] = []

    def use(one: Background, used: threading.Event) -> None:
        try:
            while True:
                one.run(asyncio.sleep(0))
                used.set()
        except BaseException as error:
            found.append(error)

    for _ in range(100):
        one, used = Background("test"), threading.Event()
        threads = [threading.Thread(target=use, args=(one, used), daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        used.wait(10)
        one.close()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads), "one waits for what never comes"
    assert {type(error) for error in found} == {SessionClosed}


def test_what_does_not_heed_its_end_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_AGAIN", 0.05)
    begun, one = threading.Event(), Background("test")

    async def stubborn() -> None:
        begun.set()
        for _ in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    thread = threading.Thread(target=lambda: one.run(stubborn()), daemon=True)
    thread.start()
    assert begun.wait(10)
    at = time.monotonic()
    one.close()
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - at < 5


def test_what_blocks_the_loop_ends_with_it() -> None:
    """close() does not wait for ever, and what was blocked ends when it can."""
    begun, go, one = threading.Event(), threading.Event(), Background("test")
    found: list[BaseException] = []

    async def blocking() -> None:
        begun.set()
        go.wait(20)
        await asyncio.sleep(60)

    def use() -> None:
        try:
            one.run(blocking())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    assert begun.wait(10)
    closing = threading.Thread(target=one.close, daemon=True)
    closing.start()
    go.set()
    closing.join(10)
    thread.join(10)
    assert [type(error) for error in found] == [SessionClosed]
