"""A reader that nobody closed: the garbage collector, in whatever thread, does not wait for its farewell."""

from __future__ import annotations

import gc
import threading

import pytest

from arcuate.streaming.block import Block
from arcuate.streaming.feed import Feed
from arcuate.streaming.source import Source


class _Slow(Feed):
    """Of a system that takes its time when it is left."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.may_end = threading.Event(), threading.Event()
        self.by: threading.Thread | None = None

    def next(self, timeout: float) -> Block | None:
        return None

    def close(self) -> None:
        self.by = threading.current_thread()
        assert self.may_end.wait(30)
        self.left.set()


class _System(Source):
    def __init__(self, feed: _Slow) -> None:
        super().__init__(topic="a")
        self._slow = feed

    def _feed(self, topics: tuple[str, ...], start: int | str) -> Feed:
        return self._slow


@pytest.mark.parametrize("cycle", [False, True], ids=["counted", "collected"])
def test_the_collector_does_not_wait_for_a_farewell(cycle: bool) -> None:
    feed, collected = _Slow(), threading.Event()

    def stranger() -> None:
        blocks = _System(feed).blocks()
        if cycle:
            blocks.itself = blocks  # type: ignore[attr-defined]
        del blocks
        gc.collect()
        collected.set()

    thread = threading.Thread(target=stranger, daemon=True)
    thread.start()
    assert collected.wait(20), "the thread that collected the garbage waits for the system"
    feed.may_end.set()
    assert feed.left.wait(20), "the reader was not closed at all"
    assert feed.by is not thread
