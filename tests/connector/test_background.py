"""The loop in a thread: nobody waits for ever, whatever is closed in the middle of what."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from arcuate.connector import background
from arcuate.connector.background import Background
from arcuate.errors import SessionClosed


def test_closing_while_something_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread closes it between the look whether it is open and the hand-over to the loop."""
    one = Background("test")
    one.run(asyncio.sleep(0))
    closing = threading.Thread(target=one.close)
    hand_over = asyncio.run_coroutine_threadsafe

    def slowly(work: Any, loop: asyncio.AbstractEventLoop) -> Any:
        if not closing.ident and threading.current_thread() is asking:
            closing.start()
            closing.join(0.2)
        return hand_over(work, loop)

    def ask() -> None:
        try:
            one.run(asyncio.sleep(60))
        except BaseException as error:
            found.append(error)

    found: list[BaseException] = []
    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", slowly)
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(10)
    assert [type(error) for error in found] == [SessionClosed], "it waits for what never comes"
    closing.join(10)


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
