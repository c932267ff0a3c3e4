"""The connector of Redis."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import redis
from pydantic import Field

from arcuate.connector import Connector, IntegrationError, NotFoundError, Result, redacted
from arcuate.connector.redis_client import (
    RedisConfig,
    ask,
    client_of,
    end,
    key_of,
    lent,
    run_once,
    text_of,
    translated,
    translating,
)
from arcuate.errors import InvalidArgument
from arcuate.nosql import commands
from arcuate.nosql.commands import Command, Seconds
from arcuate.nosql.stored import Encoding, checked, from_stored

__all__ = ["Pipeline", "RedisStore", "StoreConfig"]

T = TypeVar("T")
Only = Literal["absent", "present"] | None


class StoreConfig(RedisConfig):
    """Where a Redis server is, and how values are kept in it."""

    encoding: Encoding = Field(
        default="frame", description="how values are kept: frame (exactly), json, text or bytes"
    )


class RedisStore(Connector):
    """Values, hashes and counters of a Redis server.

    A value is kept by its encoding (see :mod:`arcuate.nosql.stored`): as a frame by default, which keeps
    labelled arrays and tables too. What others wrote is bytes, unless an encoding is asked for.

    What may be carried out twice without harm is repeated when the connection breaks; increments, scripts,
    pipelines and ``only="absent"`` are not: then the error's ``executed`` is "maybe".

    Args:
        config: a configuration, or a mapping with a ``url``.
        **arguments: settings of :class:`StoreConfig`.
    """

    Config = StoreConfig
    default_name: ClassVar[str] = "redis"

    def __init__(self, config: StoreConfig | Mapping[str, Any] | None = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        given = self.config
        self._client = client_of(given, username=given.username, password=given.password, pool=given.pool)

    # --- Life

    def _close(self) -> None:
        end(self._client)

    def _check(self) -> Mapping[str, Any]:
        facts = _facts(self._answer(("INFO", "server")))
        return {"version": facts.get("redis_version", ""), "mode": facts.get("redis_mode", "")}

    @property
    def client(self) -> redis.Redis:
        """The library's own client, for what is not here; its errors are its own."""
        self.open()
        return self._client

    def _translating(self, executed: str = "no") -> Any:
        return translating(self.name, self.conceal, executed=executed)

    # --- One command

    def _answer(self, words: Sequence[Any], executed: str = "no") -> Any:
        """Sends words and gives the answer as it came."""
        self.open()  # or it was closed meanwhile
        return ask(self._client, words, self.name, self.conceal, executed)

    def _send(self, command: Command) -> Any:
        self.open()
        name = str(command.words[0])
        if command.repeatable:
            answer = self.resilience.run(
                lambda: self._answer(command.words), name=name, repeatable=True, fallback=False
            ).value
        else:
            answer = self._once(name, lambda: self._answer(command.words, "maybe"))
        return command.read(answer)

    def _once(self, name: str, work: Callable[[], T]) -> T:
        self.open()
        return run_once(self.resilience, self._client, name, work, self.conceal)

    def _asked(self, command: Command) -> Result[Any]:
        """A reading command, for which the fallback may stand."""
        self.open()
        name, key = str(command.words[0]), None
        if self.config.fallback is not None:
            asked = hashlib.sha256(repr(command.words).encode()).hexdigest()
            key = f"{redacted(self.config.url)} {self.config.username} {name} {asked}"
        result = self.resilience.run(lambda: self._answer(command.words), name=name, repeatable=True, key=key)
        return result if result.source == "default" else result.map(command.read)

    def _encoding(self, encoding: Encoding | None) -> Encoding:
        return checked(self.config.encoding if encoding is None else encoding)

    def command(self, *words: Any) -> Any:
        """Sends any command, and gives the answer as it is: texts as bytes. It is not repeated.

        Args:
            words: texts, bytes and integers.
        """
        sent = tuple(_word(one) for one in words)
        if not sent:
            raise InvalidArgument("a command has at least one word")
        return self._once("command", lambda: self._answer(sent, "maybe"))

    # --- Values

    def get(self, key: str, default: Any = None, *, encoding: Encoding | None = None) -> Any:
        """The value of a key; ``default`` if there is none."""
        return self.get_result(key, default, encoding=encoding).value

    def get_result(self, key: str, default: Any = None, *, encoding: Encoding | None = None) -> Result[Any]:
        """As :meth:`get`, with where the value is from: a fallback may stand for it."""
        return self._asked(commands.get(key, default, self._encoding(encoding), self.name))

    def set(
        self,
        key: str,
        value: Any,
        *,
        expire: Seconds | None = None,
        only: Only = None,
        encoding: Encoding | None = None,
    ) -> bool:
        """Keeps a value.

        Args:
            key: its name.
            value: anything that the encoding can keep.
            expire: seconds after which it is forgotten; ``None``: never, also if an earlier value had one.
            only: only if the key is "absent", or "present".
            encoding: left out, that of the settings.

        Returns:
            Whether it was kept: what ``only`` says.

        Raises:
            ConversionError: the encoding cannot keep the value exactly.
        """
        found: bool = self._send(commands.set_(key, value, self._encoding(encoding), expire, only))
        return found

    def get_many(self, keys: Iterable[str], *, encoding: Encoding | None = None) -> dict[str, Any]:
        """The values of several keys, without those that have none."""
        names, chosen = list(keys), self._encoding(encoding)
        if not names:
            return {}

        def read(answer: Sequence[bytes | None]) -> dict[str, Any]:
            return {
                name: from_stored(data, chosen, f"key {name!r}", self.name)
                for name, data in zip(names, answer, strict=True)
                if data is not None
            }

        found: dict[str, Any] = self._asked(Command(("MGET", *map(key_of, names)), read)).value
        return found

    def set_many(
        self,
        values: Mapping[str, Any],
        *,
        expire: Seconds | None = None,
        encoding: Encoding | None = None,
    ) -> None:
        """Keeps several values, all or none."""
        if not values:
            return
        pipeline = self.pipeline()
        for key, value in values.items():
            pipeline.set(key, value, expire=expire, encoding=encoding)
        pipeline.execute()

    def delete(self, *keys: str) -> int:
        """Forgets keys; how many there were when it was carried out (the last time, if it was repeated)."""
        return int(self._send(commands.delete(keys))) if keys else 0

    def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return bool(self._send(commands.exists(key)))

    def type_of(self, key: str) -> str | None:
        """What a key holds: "string", "hash", "list", "set", "zset", "stream"; ``None``: there is none."""
        found = self._send(Command(("TYPE", key_of(key)), bytes.decode))
        return None if found == "none" else str(found)

    # --- Expiry

    def expire(self, key: str, seconds: Seconds) -> bool:
        """Forgets a key after so many seconds; ``False``: there is none."""
        return bool(self._send(commands.expire_(key, seconds)))

    def expires_in(self, key: str) -> float | None:
        """Seconds until a key is forgotten; ``None``: it is kept.

        Raises:
            NotFoundError: there is no such key.
        """
        left = int(self._send(Command(("PTTL", key_of(key)), int)))
        if left == -2:
            raise NotFoundError(f"{self.name}: there is no key {key!r}", service=self.name)
        return None if left == -1 else left / 1000

    def persist(self, key: str) -> bool:
        """Keeps a key that would have been forgotten; ``False``: it was kept already, or there is none."""
        return bool(self._send(commands.persist(key)))

    # --- Counters

    def increment(self, key: str, by: float = 1) -> Any:
        """Adds to a counter, which begins at 0; an integer stays one. The new count."""
        return self._send(commands.increment(key, by))

    def count(self, key: str) -> Any:
        """A counter's count; 0 if it has not begun."""
        return self._asked(Command(("GET", key_of(key)), _count(self.name, key))).value

    # --- Hashes

    def hash_set(self, key: str, values: Mapping[str, Any], *, encoding: Encoding | None = None) -> int:
        """Keeps fields of a hash; how many are new."""
        return int(self._send(commands.hash_set(key, values, self._encoding(encoding))))

    def hash_get(self, key: str, field: str, default: Any = None, *, encoding: Encoding | None = None) -> Any:
        """One field; ``default`` if there is none."""
        chosen = self._encoding(encoding)
        return self._asked(commands.hash_get(key, field, default, chosen, self.name)).value

    def hash_all(self, key: str, *, encoding: Encoding | None = None) -> dict[str, Any]:
        """All fields; empty if there is no such key. :meth:`hash_scan` is for large ones."""
        chosen = self._encoding(encoding)
        command = Command(("HGETALL", key_of(key)), lambda answer: dict(self._fields(key, answer, chosen)))
        found: dict[str, Any] = self._asked(command).value
        return found

    def hash_delete(self, key: str, *fields: str) -> int:
        """Forgets fields; how many there were."""
        return int(self._send(commands.hash_delete(key, fields))) if fields else 0

    def hash_increment(self, key: str, field: str, by: float = 1) -> Any:
        """Adds to a counter in a field."""
        return self._send(commands.hash_increment(key, field, by))

    def _fields(self, key: str, flat: Sequence[bytes], encoding: Encoding) -> Iterator[tuple[str, Any]]:
        for name, data in zip(flat[::2], flat[1::2], strict=True):
            field = text_of(name)
            yield field, from_stored(data, encoding, f"field {field!r} of {key!r}", self.name)

    # --- Pages

    def pages(self, match: str = "*", *, size: int = 1000, kind: str | None = None) -> Iterator[list[str]]:
        """The keys, page by page, without holding the server up.

        Every key that is there from beginning to end is in a page; Redis may give one in several.

        Args:
            match: Redis' pattern: ``*``, ``?``, ``[abc]``.
            size: about so many keys are looked at for a page; one without any is left out.
            kind: only keys that hold this, such as "hash".
        """
        _size(size)
        words: tuple[Any, ...] = ("MATCH", key_of(match, "a pattern"), "COUNT", size)
        if kind is not None:
            words = (*words, "TYPE", key_of(kind, "a kind"))
        for page in self._scan(("SCAN",), words):
            if page:
                yield list(dict.fromkeys(map(text_of, page)))

    def scan(self, match: str = "*", *, size: int = 1000, kind: str | None = None) -> Iterator[str]:
        """The keys of :meth:`pages`, one after the other."""
        for page in self.pages(match, size=size, kind=kind):
            yield from page

    def hash_scan(
        self, key: str, match: str = "*", *, size: int = 1000, encoding: Encoding | None = None
    ) -> Iterator[tuple[str, Any]]:
        """The fields of a large hash with their values, asked for in pages."""
        _size(size)
        chosen = self._encoding(encoding)
        words = ("MATCH", key_of(match, "a pattern"), "COUNT", size)
        for page in self._scan(("HSCAN", key_of(key)), words):
            yield from self._fields(key, page, chosen)

    def _scan(self, verb: tuple[Any, ...], words: tuple[Any, ...]) -> Iterator[list[bytes]]:
        cursor = b"0"
        while True:
            cursor, page = self._send(Command((*verb, cursor, *words), commands.plain))
            yield page
            if cursor == b"0":
                return

    # --- Many commands

    def pipeline(self, *, atomic: bool = True) -> Pipeline:
        """Commands that are sent together.

        Args:
            atomic: nothing of others comes between them.
        """
        return Pipeline(self, atomic)

    def script(self, text: str) -> Callable[..., Any]:
        """A Lua script that runs on the server, as a function of ``keys`` and ``args``.

        The server is told its text only when it does not know it. Its answer is given as it is: texts
        are bytes.
        """
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

        def run(keys: Sequence[str] = (), args: Sequence[Any] = ()) -> Any:
            rest = (len(keys), *map(key_of, keys), *map(_word, args))

            def work() -> Any:
                try:
                    return self._answer(("EVALSHA", digest, *rest), "maybe")
                except NotFoundError as error:
                    if error.status != "NOSCRIPT":
                        raise
                    return self._answer(("EVAL", text, *rest), "maybe")

            return self._once("script", work)

        return run


class Pipeline:
    """Commands for a store, sent together by :meth:`execute`; a ``with`` block executes them at its end.

    Attributes:
        results: of the commands, once they were carried out.
    """

    def __init__(self, store: RedisStore, atomic: bool = True) -> None:
        self.results: list[Any] = []
        self._store = store
        self._atomic = atomic
        self._commands: list[Command] = []

    def _add(self, command: Command) -> Pipeline:
        self._commands.append(command)
        return self

    def __len__(self) -> int:
        return len(self._commands)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.execute()

    def get(self, key: str, default: Any = None, *, encoding: Encoding | None = None) -> Pipeline:
        """As :meth:`RedisStore.get`."""
        store = self._store
        return self._add(commands.get(key, default, store._encoding(encoding), store.name))

    def set(
        self,
        key: str,
        value: Any,
        *,
        expire: Seconds | None = None,
        only: Only = None,
        encoding: Encoding | None = None,
    ) -> Pipeline:
        """As :meth:`RedisStore.set`."""
        return self._add(commands.set_(key, value, self._store._encoding(encoding), expire, only))

    def delete(self, *keys: str) -> Pipeline:
        """As :meth:`RedisStore.delete`."""
        return self._add(commands.delete(keys))

    def exists(self, key: str) -> Pipeline:
        """As :meth:`RedisStore.exists`."""
        return self._add(commands.exists(key))

    def expire(self, key: str, seconds: Seconds) -> Pipeline:
        """As :meth:`RedisStore.expire`."""
        return self._add(commands.expire_(key, seconds))

    def increment(self, key: str, by: float = 1) -> Pipeline:
        """As :meth:`RedisStore.increment`."""
        return self._add(commands.increment(key, by))

    def hash_set(self, key: str, values: Mapping[str, Any], *, encoding: Encoding | None = None) -> Pipeline:
        """As :meth:`RedisStore.hash_set`."""
        return self._add(commands.hash_set(key, values, self._store._encoding(encoding)))

    def hash_get(
        self, key: str, field: str, default: Any = None, *, encoding: Encoding | None = None
    ) -> Pipeline:
        """As :meth:`RedisStore.hash_get`."""
        store = self._store
        return self._add(commands.hash_get(key, field, default, store._encoding(encoding), store.name))

    def command(self, *words: Any) -> Pipeline:
        """As :meth:`RedisStore.command`."""
        return self._add(Command(tuple(_word(one) for one in words), commands.plain))

    def execute(self) -> list[Any]:
        """Sends the commands, and gives their results in their order. They are not repeated.

        Raises:
            IntegrationError: one of them failed. Redis carries the others out all the same; only where the
                server refuses one before it begins is nothing of an atomic pipeline carried out. The
                attribute ``detail`` has the numbers of those that failed, from 1.
        """
        given, self._commands = self._commands, []
        if not given:
            self.results = []
            return []
        answers = self._store._once("pipeline", lambda: self._answers(given))
        self._failed(answers)
        self.results = [one.read(answer) for one, answer in zip(given, answers, strict=True)]
        return self.results

    def _answers(self, given: list[Command]) -> list[Any]:
        store = self._store
        all_words = [one.words for one in given]
        if self._atomic:
            all_words = [("MULTI",), *all_words, ("EXEC",)]
        with store._translating("maybe"), lent(store._client) as connection:
            connection.send_packed_command(connection.pack_commands(all_words))
            answers = [_one_answer(connection) for _ in all_words]
        if not self._atomic:
            return answers
        if isinstance(answers[-1], Exception):
            refused = [one if isinstance(one, Exception) else None for one in answers[1:-1]]
            self._failed(refused, executed="no")
            raise translated(answers[-1], store.name, store.conceal) from answers[-1]
        return list(answers[-1])

    def _failed(self, answers: Sequence[Any], executed: str = "yes") -> None:
        failed = [number for number, one in enumerate(answers, 1) if isinstance(one, Exception)]
        if not failed:
            return
        store, first = self._store, answers[failed[0] - 1]
        told = translated(first, f"{store.name}, command {failed[0]} of {len(answers)}", store.conceal)
        if isinstance(told, IntegrationError):
            told.service, told.detail, told.executed = store.name, failed, executed
        raise told from first


def _one_answer(connection: Any) -> Any:
    try:
        return connection.read_response(disable_decoding=True)
    except redis.ResponseError as error:
        return error


def _word(word: Any) -> bytes | int:
    if isinstance(word, bytes) or (isinstance(word, int) and not isinstance(word, bool)):
        return word
    return key_of(word, "a word of a command (text, bytes or an integer)")


def _size(size: int) -> None:
    if size < 1:
        raise InvalidArgument(f"size is 1 or more; got {size}")


def _count(service: str, key: str) -> Callable[[bytes | None], Any]:
    def read(answer: bytes | None) -> Any:
        if answer is None:
            return 0
        try:
            text = answer.decode("ascii")
            return int(text) if text.lstrip("-").isdigit() else float(text)
        except ValueError:
            raise IntegrationError(f"{service}: key {key!r} holds no counter", service=service) from None

    return read


def _facts(answer: bytes) -> dict[str, str]:
    lines = answer.decode("utf-8", "replace").splitlines()
    return {name: fact for name, found, fact in (line.partition(":") for line in lines) if found}
