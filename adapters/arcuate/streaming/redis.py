"""Redis streams, through redis-py: kept by the server, read from any place, shared by readers of a group."""

from __future__ import annotations

import os
import re
import socket
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from arcuate.connector import IntegrationError
from arcuate.connector.redis_client import ask, client_of, end, key_of, run_once, text_of
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.streaming.block import Block
from arcuate.streaming.feed import Feed
from arcuate.streaming.source import Stream, StreamConfig

__all__ = ["RedisStream", "RedisStreamConfig"]

_ID = re.compile(r"(\d{1,20})(?:-(\d{1,20}))?")
_LAST = 2**64 - 1
_MOST = 100
"""Entries that are fetched at once, at most."""
_HELD, _FIRST = 64 << 20, 16
"""Bytes that are fetched at once, about; and entries, before anything is known of their size."""
_FORGET = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
"""
"""As one, or what is given out between the two commands would be forgotten with the name."""
Entry = tuple[bytes, "list[bytes] | None"]


class RedisStreamConfig(StreamConfig):
    """What a Redis stream has beside what every stream has."""

    url: str = Field(default="redis://127.0.0.1:6379/0", description="redis://HOST:PORT/DB, rediss:// (TLS)")
    group: str = Field(default="", description="readers of a group share the blocks, and acknowledge them")
    consumer: str = Field(
        default="",
        description="this reader's name in its group; coming back under it, it gets at once what it had not "
        "acknowledged. Left out, another name each time",
    )
    ack_wait: float = Field(
        default=30.0, ge=0.1, description="seconds after which what a dead reader held is given to another"
    )
    max_length: int = Field(
        default=0, ge=0, description="entries that a stream keeps when it is written, about; 0: all"
    )
    field: str = Field(default="data", min_length=1, description="the field of an entry that is the message")
    pool: int = Field(default=10, ge=2, le=1000, description="connections at the same time, at most")


class RedisStream(Stream):
    """Streams of Redis; a topic is a key.

    Without a group a reader gets all blocks, from where it asks for: ``start`` is "new", "all", an
    identifier, or an integer (milliseconds since 1970). With a group each block goes to one of its readers
    and stays with it until it is acknowledged; what a dead reader held goes to another. ``start`` then says
    where a group begins that is new.

    Args:
        config: a configuration, or a mapping with a ``url``.
        **arguments: settings of :class:`RedisStreamConfig`.
    """

    Config: ClassVar[type[StreamConfig]] = RedisStreamConfig
    default_name: ClassVar[str] = "redis"
    memory: ClassVar[tuple[str, ...]] = ("group", "consumer")
    replays: ClassVar[bool] = True

    def __init__(
        self, config: RedisStreamConfig | Mapping[str, Any] | None = None, /, **arguments: Any
    ) -> None:
        super().__init__(config, **arguments)
        given = self.config
        tls = {"ssl_ca_certs": given.ca_file, "ssl_certfile": given.certificate, "ssl_keyfile": given.key}
        self._client = client_of(
            given,
            username=given.user or "",
            password=given.password,
            pool=given.pool,
            **{name: path for name, path in tls.items() if path},
        )
        self._codec = self.codec()
        self._field = key_of(given.field, "a field")

    # --- Life

    def _open(self) -> None:
        self.connecting(lambda: self.ask("PING"), lambda _: None)

    def _close(self) -> None:
        end(self._client)

    def _check(self) -> Mapping[str, Any]:
        lines = self.ask("INFO", "server").decode("utf-8", "replace").splitlines()
        facts = dict(line.split(":", 1) for line in lines if ":" in line)
        return {"version": facts.get("redis_version", "")}

    def ask(self, *words: Any) -> Any:
        """Sends one command, once; the answer as it is."""
        return ask(self._client, words, self.name, self.conceal)

    def again(self, name: str, *words: Any) -> Any:
        """Sends a command that may be carried out twice, again if the connection breaks."""
        return self.resilience.run(lambda: self.ask(*words), name=name, repeatable=True, fallback=False).value

    # --- Reading

    def _feed(self, topics: tuple[str, ...], start: int | str) -> RedisFeed:
        return (GroupFeed if self.config.group else PlainFeed)(self, topics, start)

    def block_of(self, topic: str, entry: Entry, sequence: int, settle: Any = None) -> Block | None:
        """The block of an entry; ``None`` for one that is left out."""
        number, flat = entry
        name = number.decode()
        parts = dict(zip((flat or [])[::2], (flat or [])[1::2], strict=True))
        stamp = int(name.partition("-")[0]) / 1000
        payload = parts.pop(self._field, None)

        def decode() -> Block:
            if payload is None:  # of others: the entry itself is the message
                data = {_text(key): _text(value) for key, value in parts.items()}
                return Block(data, sequence, stamp, topic=topic, id=name, settle=settle, arrived=True)
            headers = {text_of(key): text_of(value) for key, value in parts.items()}
            return self._codec.decode(
                payload, headers, topic=topic, sequence=sequence, id=name, timestamp=stamp, settle=settle
            )

        return self.decoded(decode, None if settle is None else lambda: settle(True))

    # --- Writing

    def _write(self, block: Block, topic: str) -> None:
        payload, headers = self._codec.encode(block)
        if self.config.field in headers:
            raise ConversionError(
                f"a header is called {self.config.field!r}, as the field of the message (setting 'field')"
            )
        words: list[Any] = ["XADD", key_of(topic, "a topic")]
        if self.config.max_length:
            words += ["MAXLEN", "~", self.config.max_length]
        words += ["*", self._field, payload]
        for name, text in headers.items():
            words += [key_of(name, "a header's name"), key_of(text, f"the header {name!r}")]
        run_once(
            self.resilience,
            self._client,
            "XADD",
            lambda: ask(self._client, words, self.name, self.conceal, "maybe"),
            self.conceal,
        )


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def before(start: int | str) -> bytes | None:
    """The identifier just before the one to begin with; ``None``: only what is new.

    Raises:
        InvalidArgument: it is none.
    """
    if start == "new":
        return None
    if start == "all":
        return b"0-0"
    found = _ID.fullmatch(str(start)) if not isinstance(start, bool) else None
    if found is None or any(int(one) > _LAST for one in found.groups("0")):
        raise InvalidArgument(
            f"start is 'new', 'all', an identifier such as '1700000000000-0', or milliseconds; got {start!r}"
        )
    first, second = int(found[1]), int(found[2] or 0)
    if second:
        return b"%d-%d" % (first, second - 1)
    return b"%d-%d" % (first - 1, _LAST) if first else b"0-0"


def _number(name: bytes) -> tuple[int, int]:
    first, _, second = name.partition(b"-")
    return int(first), int(second)


def _next(name: bytes) -> bytes:
    first, second = _number(name)
    return b"%d-%d" % ((first, second + 1) if second < _LAST else (first + 1, 0))


class RedisFeed(Feed):
    """One reader of some topics; entries that were fetched wait here until they are taken."""

    def __init__(self, stream: RedisStream, topics: tuple[str, ...]) -> None:
        super().__init__()
        self._stream = stream
        self._topics = topics
        self._keys = [key_of(one, "a topic") for one in topics]
        self._topic_of = dict(zip(self._keys, topics, strict=True))
        self._counted = dict.fromkeys(self._keys, 0)
        self._waiting: deque[tuple[bytes, Entry]] = deque()
        self._largest = _HELD // _FIRST  # nothing is known of their size yet
        self._closed = False

    def next(self, timeout: float) -> Block | None:
        end = time.monotonic() + timeout
        while True:
            if self._closed:
                raise EOFError
            if not self._waiting:
                self._fetch(max(0.0, end - time.monotonic()))
            while self._waiting:
                key, entry = self._waiting.popleft()
                size = sum(map(len, entry[1] or ())) + 1
                self._largest = max(size, self._largest - (self._largest >> 4))
                block = self._block(key, entry)
                if block is not None:
                    self._counted[key] += 1
                    return block
            if time.monotonic() >= end:
                return None

    @property
    def _most(self) -> int:
        """How many entries are fetched at once: 64 MiB of entries as large as those that came last."""
        buffer: int = self._stream.config.buffer
        return max(1, min(_MOST, buffer, _HELD // self._largest))

    def _fetch(self, seconds: float) -> None:
        """Puts what there is, or what comes within so many seconds, into the queue."""
        raise NotImplementedError

    def _block(self, key: bytes, entry: Entry) -> Block | None:
        return self._stream.block_of(self._topic_of[key], entry, self._counted[key])

    def _blocking(self, seconds: float) -> tuple[Any, ...]:
        """The wait must be over before the client takes the server for silent."""
        seconds = min(seconds, self._stream.config.timeouts.read / 2)
        return ("BLOCK", max(1, round(seconds * 1000))) if seconds > 0 else ()

    def close(self) -> None:
        self._closed = True
        self._waiting.clear()


class PlainFeed(RedisFeed):
    """Reads all entries after a place of each stream."""

    def __init__(self, stream: RedisStream, topics: tuple[str, ...], start: int | str) -> None:
        super().__init__(stream, topics)
        place = before(start)
        self._after: dict[bytes, bytes] = {}
        self._index: dict[bytes, int | None] = {}
        for key in self._keys:
            state = self._state(key)
            self._after[key] = state.last if place is None else place
            self._index[key] = state.added - 1 if place is None else None
            if start == "all":
                self._index[key] = state.removed - 1

    def _state(self, key: bytes) -> _State:
        try:
            return _State.of(self._stream.ask("XINFO", "STREAM", key))
        except IntegrationError as error:
            if "no such key" in str(error):
                return _State(b"0-0", None, 0, 0)
            raise

    def _fetch(self, seconds: float) -> None:
        words = ("XREAD", "COUNT", self._most, *self._blocking(seconds), "STREAMS", *self._keys)
        found = self._stream.again("XREAD", *words, *(self._after[key] for key in self._keys))
        for key, entries in found or ():
            self._look_for_gap(key, entries)
            self._after[key] = entries[-1][0]
            self._waiting.extend((key, (name, flat)) for name, flat in entries)

    def _look_for_gap(self, key: bytes, entries: Sequence[Entry]) -> None:
        """Whether entries were removed (MAXLEN) that come after the last one read and before these."""
        state, first = self._state(key), entries[0][0]
        after, index = self._after[key], self._index[key]
        removed = state.first is None or _number(state.first) > _number(after)
        if not removed or state.added == 0:
            begin = None if index is None else index + 1
        else:
            begin = state.removed if state.first == first else None
            lost = None if begin is None or index is None else begin - index - 1
            unsure = index is None and bool(state.removed) and first != _next(after)
            if lost or (lost is None and (unsure or index is not None)):
                sequence = self._counted[key] + sum(one == key for one, _ in self._waiting)
                self.lost(self._topic_of[key], lost, sequence)
        self._index[key] = None if begin is None else begin + len(entries) - 1


class GroupFeed(RedisFeed):
    """Reads as one of a group; what it was given stays with it until it is acknowledged."""

    def __init__(self, stream: RedisStream, topics: tuple[str, ...], start: int | str) -> None:
        super().__init__(stream, topics)
        config = stream.config
        self._group = key_of(config.group, "a group")
        own = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._name = key_of(config.consumer or own, "a consumer")
        self._held: dict[tuple[bytes, bytes], None] = {}
        self._again: deque[tuple[bytes, bytes]] = deque()
        place = before(start)
        for key in self._keys:
            self._make_group(key, b"$" if place is None else place)
        # What this reader was given and does not know of: after a crash, or when an answer was lost.
        self._own: dict[bytes, bytes | None] = dict.fromkeys(self._keys, b"0-0")
        self._claimed = dict.fromkeys(self._keys, -1e9)
        self._cursor = dict.fromkeys(self._keys, b"0-0")

    def _make_group(self, key: bytes, place: bytes) -> None:
        try:
            self._stream.ask("XGROUP", "CREATE", key, self._group, place, "MKSTREAM")
        except IntegrationError as error:
            if error.status != "BUSYGROUP":
                raise

    def _fetch(self, seconds: float) -> None:
        for key in self._keys:
            self._fetch_own(key)
            self._claim(key)
        while self._again:
            key, name = self._again.popleft()
            found = self._stream.again("XCLAIM", "XCLAIM", key, self._group, self._name, 0, name)
            self._take(key, found)
        if self._waiting:
            seconds = 0.0
            if self._full:
                return
        words = ("XREADGROUP", "GROUP", self._group, self._name, "COUNT", self._most)
        streams = (*self._blocking(seconds), "STREAMS", *self._keys, *(b">" for _ in self._keys))
        try:
            found = self._stream.ask(*words, *streams)
        except IntegrationError as error:
            if not error.recoverable:
                raise
            # What the server gave out with an answer that was lost is this reader's: it is asked for first.
            self._own = dict.fromkeys(self._keys, b"0-0")
            self._stream.again("connect", "PING")
            return
        for key, entries in found or ():
            self._take(key, entries)

    def _fetch_own(self, key: bytes) -> None:
        while (place := self._own[key]) is not None and not self._full:
            words = ("XREADGROUP", "GROUP", self._group, self._name, "COUNT", self._most, "STREAMS", key)
            found = self._stream.again("XREADGROUP", *words, place)
            entries = found[0][1] if found else []
            self._own[key] = entries[-1][0] if entries else None
            self._take(key, entries)

    def _claim(self, key: bytes) -> None:
        """Takes over what readers hold that were not heard of for ``ack_wait`` seconds."""
        wait = self._stream.config.ack_wait
        if self._cursor[key] == b"0-0" and time.monotonic() - self._claimed[key] < wait / 2:
            return
        while not self._full:
            words = ("XAUTOCLAIM", key, self._group, self._name, round(wait * 1000), self._cursor[key])
            answer = self._stream.again("XAUTOCLAIM", *words, "COUNT", self._most)
            self._cursor[key], self._claimed[key] = answer[0], time.monotonic()
            self._take(key, answer[1])
            self._gone(key, len(answer[2]) if len(answer) > 2 else 0)  # since Redis 7
            if answer[0] == b"0-0":
                return

    @property
    def _full(self) -> bool:
        """Whether enough waits here; the rest is fetched when that was taken."""
        return len(self._waiting) >= self._most

    def _take(self, key: bytes, entries: Sequence[Any]) -> None:
        known = [one for one in entries if one is not None]  # Redis 6: None for one that was removed
        removed = [name for name, flat in known if flat is None]
        if removed:
            self._stream.again("XACK", "XACK", key, self._group, *removed)
        self._gone(key, len(entries) - len(known) + len(removed))
        for name, flat in known:
            if flat is not None and (key, name) not in self._held:
                self._held[key, name] = None
                self._waiting.append((key, (name, flat)))

    def _gone(self, key: bytes, count: int) -> None:
        """Entries were removed (MAXLEN) before they were acknowledged."""
        if count:
            self.lost(self._topic_of[key], count, self._counted[key])

    def _block(self, key: bytes, entry: Entry) -> Block | None:
        name = entry[0]

        def settle(done: bool) -> None:
            if (key, name) not in self._held:
                return
            if done:
                self._stream.open()
                self._stream.again("XACK", "XACK", key, self._group, name)
                self._held.pop((key, name), None)
            else:
                self._held.pop((key, name), None)
                self._again.append((key, name))

        # One that cannot be read stays unacknowledged: whoever reads the group next is told too.
        return self._stream.block_of(self._topic_of[key], entry, self._counted[key], settle)

    def close(self) -> None:
        """A name that nobody will use again is forgotten, unless blocks are still held under it."""
        if self._closed:
            return
        super().close()
        if self._stream.config.consumer:
            return
        try:
            for key in self._keys:
                self._stream.ask("EVAL", _FORGET, 1, key, self._group, self._name)
        except IntegrationError:
            return  # the server is away, forgot the group, or carries no scripts out for us


class _State:
    """What a server says of a stream."""

    def __init__(self, last: bytes, first: bytes | None, added: int, length: int) -> None:
        self.last, self.first, self.added = last, first, added
        self.removed = max(0, added - length)

    @classmethod
    def of(cls, answer: Sequence[Any]) -> _State:
        facts = dict(_pairs(answer))
        first = facts.get(b"first-entry")
        return cls(
            facts[b"last-generated-id"],
            first[0] if first else None,
            int(facts.get(b"entries-added", 0)),  # since Redis 7
            int(facts[b"length"]),
        )


def _pairs(flat: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)
