"""A stream whose system is a list: for what has nothing to do with any system."""

from __future__ import annotations

from typing import Any

from arcuate.streaming import Block, QueueFeed, Stream, StreamConfig


class MemoryStream(Stream):
    """Gives out what it was made with, and keeps what is written to it.

    Attributes:
        acknowledged, refused: sequence numbers.
        written: blocks, in order.
        flushed: how many had been written at each flush.
    """

    default_name = "memory"

    def __init__(self, given: list[Any] | None = None, **arguments: Any) -> None:
        super().__init__(StreamConfig(**{"topic": "t", **arguments}))
        self._given = given or []
        self.acknowledged: list[int] = []
        self.refused: list[int] = []
        self.written: list[Block] = []
        self.flushed: list[int] = []
        self.feeds: list[QueueFeed] = []

    def _feed(self, topics: tuple[str, ...], start: int | str) -> QueueFeed:
        feed = QueueFeed(max(len(self._given), self.config.buffer))
        self.feeds.append(feed)
        for number, one in enumerate(self._given):

            def settle(done: bool, number: int = number) -> None:
                (self.acknowledged if done else self.refused).append(number)

            feed.put(Block.of(one, sequence=number, topic=topics[0], settle=settle))
        if self._given:
            feed.finish()
        return feed

    def _write(self, block: Block, topic: str) -> None:
        self.written.append(block)

    def flush(self) -> None:
        self.flushed.append(len(self.written))
