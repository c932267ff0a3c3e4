"""Streams as ends of a copy: blocks, acknowledged when the target has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arcuate.connector.secrets import redacted
from arcuate.errors import InvalidArgument
from arcuate.integrations.copying.ask import Ask
from arcuate.integrations.copying.ends import End
from arcuate.integrations.copying.pieces import of_records
from arcuate.integrations.kinds import connector

__all__ = ["StreamEnd", "contents", "opened_stream"]

_ROWS = 10_000


def opened_stream(text: str, **settings: Any) -> Any:
    """A stream by ``URL#TOPIC`` or ``NAME#TOPIC``; not opened yet.

    Raises:
        InvalidArgument: it names no topic, or the connector is no stream.
    """
    where, _, topic = text.partition("#")
    if "://" in where:
        from arcuate.streaming.schemes import stream_class

        made: Any = stream_class(where)(url=where, **({"topic": topic} if topic else {}), **settings)
        if topic or made.has_topic:
            return made
    if not topic and "://" not in where and Path(where).exists():
        raise InvalidArgument(
            f"{where} is a file and no stream; 'arcuate copy FILE URL#TOPIC' publishes what it holds, "
            "and 'arcuate call' calls a function with it"
        )
    if not topic:
        raise InvalidArgument(
            f"{redacted(where) if '://' in where else where}: which topic? Write it after '#'"
        )
    made = connector(where, topic=topic, **settings)
    if not hasattr(made, "blocks"):
        raise InvalidArgument(f"the connector {where!r} is no stream but a {type(made).__name__}")
    return made


def contents(blocks: Iterator[Any]) -> Iterator[Any]:
    """What blocks hold; mappings that follow each other, as messages of records do, are rows of a table.

    Labelled arrays carry what else is known of their blocks: see :func:`_told`.
    """
    records: list[Any] = []

    def table() -> Any:
        made = of_records(records, "the target")
        records.clear()
        return made

    for block in blocks:
        data = block.data
        if isinstance(data, dict):
            if records and list(data) != list(records[0]):
                yield table()
            records.append(data)
            if len(records) == _ROWS:
                yield table()
            continue
        if records:
            yield table()
        yield _told(block)
    if records:
        yield table()


def _told(block: Any) -> Any:
    """The data of a block with its channels and rate, and its timestamp where they say no time themselves.

    The timestamps of blocks differ, and attributes of what is one array may not: it is a coordinate, which
    has for each sample when the first one of its block was taken, in seconds since 1970. It is called
    ``arrived`` where the block says only when the system took it.
    """
    from arcuate.streaming.block import ARRIVED, CHANNEL, RATE, TIME, TIMESTAMP, labelled

    data = block.data
    if not all(hasattr(data, name) for name in ("assign_coords", "assign_attrs", "sizes")):
        return data
    if not data.sizes:
        return labelled(block)
    if block.sampling_rate is not None and RATE not in data.attrs:
        data = data.assign_attrs({RATE: block.sampling_rate})
    if block.channels and CHANNEL in data.dims and CHANNEL not in data.coords:
        data = data.assign_coords({CHANNEL: list(block.channels)})
    name = ARRIVED if block.arrived else TIMESTAMP
    said = TIME in data.coords or any(name in one for one in (data.coords, data.attrs, data.sizes))
    if block.timestamp is None or said:
        return data
    dim = TIME if TIME in data.sizes else next(iter(data.sizes))
    each = [float(block.timestamp)] * data.sizes[dim]
    return data.assign_coords({name: (dim, each, {"units": "seconds since 1970-01-01"})})


class StreamEnd(End):
    """A topic of a stream."""

    takes = "topic"

    def __init__(self, where: str, part: str, settings: dict[str, Any]) -> None:
        super().__init__(where, part, settings)
        self.stream: Any = opened_stream(f"{where}#{part}", **settings)
        self._waiting: list[Any] = []

    def close(self) -> None:
        self.stream.close()

    def pieces(self, ask: Ask) -> Iterator[Any]:
        ask.only("reading a stream", "limit", "timeout", "start", "tidy")
        if ask.limit is None and ask.timeout is None:
            raise InvalidArgument(
                f"{self.name} never ends: say limit=... blocks, or timeout=... seconds of silence"
            )
        # It stays open until the stream is closed: what a closed reader had is given out again.
        self._reader = blocks = self.stream.blocks(start=ask.start)
        while ask.limit is None or len(self._waiting) < ask.limit:
            try:
                block = blocks.next(ask.timeout)
            except StopIteration:  # the other side has ended it
                return
            if block is None:
                return
            self._waiting.append(block)
            yield block

    def done(self) -> None:
        for block in self._waiting:
            block.ack()
        self._waiting.clear()

    def put(self, pieces: Iterator[Any], ask: Ask) -> tuple[Any, ...]:
        for piece in pieces:
            self.stream.write(piece, topic=self.part)
        self.stream.flush()
        return ()
