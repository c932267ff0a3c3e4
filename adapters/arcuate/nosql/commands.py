"""Commands of Redis with what reads their answers; a store sends one, a pipeline many."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from arcuate.connector.redis_client import key_of
from arcuate.errors import InvalidArgument
from arcuate.nosql.stored import Encoding, from_stored, to_stored

__all__ = ["Command", "Seconds"]

Seconds = float | dt.timedelta
Argument = bytes | str | int


class Command(NamedTuple):
    """One command.

    Attributes:
        words: as they are sent.
        read: makes the result of the answer.
        repeatable: whether it may be carried out twice without harm.
    """

    words: tuple[Argument, ...]
    read: Callable[[Any], Any]
    repeatable: bool = True


def plain(answer: Any) -> Any:
    """The answer as it is."""
    return answer


def milliseconds(seconds: Seconds) -> int:
    """Redis' unit, at least one.

    Raises:
        InvalidArgument: it is no time after now.
    """
    found: Any = seconds.total_seconds() if isinstance(seconds, dt.timedelta) else seconds
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 < found < 1e12:
        raise InvalidArgument(f"an expiry is a number of seconds above 0, or a timedelta; got {seconds!r}")
    return max(1, math.ceil(found * 1000))


def get(key: str, default: Any, encoding: Encoding, service: str) -> Command:
    def read(answer: bytes | None) -> Any:
        return default if answer is None else from_stored(answer, encoding, f"key {key!r}", service)

    return Command(("GET", key_of(key)), read)


def set_(
    key: str,
    value: Any,
    encoding: Encoding,
    expire: Seconds | None,
    only: Literal["absent", "present"] | None,
) -> Command:
    words: list[Argument] = ["SET", key_of(key), to_stored(value, encoding, f"the value of {key!r}")]
    if expire is not None:
        words += ["PX", milliseconds(expire)]
    if only is not None:
        if only not in ("absent", "present"):
            raise InvalidArgument(f"only is 'absent' or 'present'; got {only!r}")
        words.append("NX" if only == "absent" else "XX")
    return Command(tuple(words), lambda answer: answer is not None, only != "absent")


def delete(keys: tuple[str, ...]) -> Command:
    return Command(("DEL", *map(key_of, keys)), int)


def exists(key: str) -> Command:
    return Command(("EXISTS", key_of(key)), bool)


def expire_(key: str, seconds: Seconds) -> Command:
    return Command(("PEXPIRE", key_of(key), milliseconds(seconds)), bool)


def persist(key: str) -> Command:
    return Command(("PERSIST", key_of(key)), bool)


def increment(key: str, by: float) -> Command:
    return Command((*_incrementing("INCRBY", by, key_of(key)),), _number(by), False)


def hash_increment(key: str, field: str, by: float) -> Command:
    words = _incrementing("HINCRBY", by, key_of(key), key_of(field, "a field"))
    return Command(words, _number(by), False)


def _incrementing(verb: str, by: Any, *place: bytes) -> tuple[Argument, ...]:
    if isinstance(by, bool) or not isinstance(by, (int, float)) or not math.isfinite(by):
        raise InvalidArgument(f"a counter is incremented by a number; got {by!r}")
    return (verb, *place, by) if isinstance(by, int) else (f"{verb}FLOAT", *place, repr(by))


def _number(by: float) -> Callable[[Any], Any]:
    return int if isinstance(by, int) else float


def hash_get(key: str, field: str, default: Any, encoding: Encoding, service: str) -> Command:
    def read(answer: bytes | None) -> Any:
        place = f"field {field!r} of {key!r}"
        return default if answer is None else from_stored(answer, encoding, place, service)

    return Command(("HGET", key_of(key), key_of(field, "a field")), read)


def hash_set(key: str, values: Mapping[str, Any], encoding: Encoding) -> Command:
    if not values:
        raise InvalidArgument(f"no fields are given for {key!r}; a hash has at least one")
    words: list[Argument] = ["HSET", key_of(key)]
    for field, value in values.items():
        words += [key_of(field, "a field"), to_stored(value, encoding, f"field {field!r} of {key!r}")]
    return Command(tuple(words), int)


def hash_delete(key: str, fields: tuple[str, ...]) -> Command:
    return Command(("HDEL", key_of(key), *(key_of(one, "a field") for one in fields)), int)
