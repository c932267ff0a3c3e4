# ruff: noqa: A004  (ConnectionError is part of the public face)
"""What the connectors of Redis share: settings, the client, and its errors as errors of connectors.

Servers that speak Redis' protocol (Valkey, KeyDB) are reached in the same way.
"""

from __future__ import annotations

import os
import queue
import re
import socket
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from arcuate.connector.config import ConnectorConfig
from arcuate.connector.errors import (
    AuthenticationError,
    ConnectionError,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)
from arcuate.connector.resilience import Resilience
from arcuate.connector.secrets import Secret, cause, redacted, reveal
from arcuate.errors import InvalidArgument, Unsupported

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ModuleNotFoundError:
    raise Unsupported("redis:// needs a library; type: pip install 'arcuate[nosql]'") from None

__all__ = [
    "RedisConfig",
    "ask",
    "client_of",
    "end",
    "key_of",
    "lent",
    "run_once",
    "text_of",
    "translated",
    "translating",
]

T = TypeVar("T")


class RedisConfig(ConnectorConfig):
    """Where a Redis server is."""

    url: str = Field(
        default="redis://127.0.0.1:6379/0",
        description="redis://, rediss:// (TLS) or unix://; the path is the number of the database",
    )
    username: str = Field(default="", description="instead of one in the address")
    password: Secret | None = Field(default=None, description="instead of one in the address")
    pool: int = Field(default=10, ge=1, le=1000, description="connections at the same time, at most")


_QUERY = re.compile(r"db|ssl_(ca_certs|ca_path|certfile|keyfile|check_hostname|min_version)|password")


def client_of(
    config: ConnectorConfig, *, username: str = "", password: Secret | None = None, pool: int = 10, **tls: Any
) -> redis.Redis:
    """A client that repeats nothing by itself; it connects when it is first used.

    Args:
        config: of a connector; its ``url`` and ``timeouts`` are used.
        username: instead of one in the address.
        password: instead of one in the address.
        pool: connections at the same time, at most.
        **tls: settings of the library for rediss://.

    Raises:
        InvalidArgument: the address is none of Redis.
    """
    shown = redacted(config.url)
    try:
        parts = urlsplit(config.url)
        _ = parts.port
    except ValueError:
        raise InvalidArgument(f"{shown!r} is no address of Redis") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise InvalidArgument(
            f"{shown!r} is no address of Redis; there are redis://HOST:PORT/DB, rediss:// and unix://"
        )
    if parts.scheme != "unix" and not re.fullmatch(r"(/\d*)?", parts.path):
        raise InvalidArgument(f"{shown!r}: the path is the number of a database, such as /0")
    for name, _value in parse_qsl(parts.query):
        if not _QUERY.fullmatch(name):
            raise InvalidArgument(f"{shown!r} has the part {name!r}, which is none of Redis' settings")
    given: dict[str, Any] = {
        "socket_connect_timeout": config.timeouts.connect,
        "socket_timeout": config.timeouts.read,
        "max_connections": pool,
        "timeout": config.timeouts.connect,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "health_check_interval": 0,
    }
    if username:
        given["username"] = username
    if parts.scheme == "rediss":
        given.update(tls)
    try:
        connections = redis.BlockingConnectionPool.from_url(config.url, **given)
    except (TypeError, ValueError):
        raise InvalidArgument(f"{shown!r} is no address of Redis") from None
    word = reveal(password, "the password of Redis")
    if word is not None:
        connections.connection_kwargs["password"] = word
    return redis.Redis.from_pool(connections)


def ask(
    client: redis.Redis,
    words: Sequence[Any],
    service: str = "",
    conceal: Callable[[Any], str] = str,
    executed: str = "no",
) -> Any:
    """Sends words and gives the answer as it came: texts as bytes.

    Raises:
        IntegrationError: the server refused, or no answer came.
    """
    with translating(service, conceal, executed=executed), lent(client) as connection:
        connection.send_command(*words)
        return connection.read_response(disable_decoding=True)


@contextmanager
def lent(client: redis.Redis) -> Iterator[Any]:
    """A connection that stands, for one exchange; after an error other than the server's it is cut."""
    pool: Any = client.connection_pool
    with _standing():
        connection = pool.get_connection()
    try:
        with _standing():
            yield connection
    except redis.ResponseError:
        raise
    except BaseException:
        connection.disconnect()  # an answer that comes later is none of the next request
        raise
    finally:
        pool.release(connection)
        if pool in _ENDED:
            _empty(pool)


_ENDED: weakref.WeakSet[Any] = weakref.WeakSet()
"""Pools of connectors that were closed."""


def end(client: redis.Redis) -> None:
    """Closes all connections; those in use are cut, and closed by the thread that uses them.

    The library's own closing closes their sockets under that thread. It may be about to wait for an answer
    then, and would wait in vain for whatever has the same descriptor next.
    """
    pool: Any = client.connection_pool
    _ENDED.add(pool)
    _empty(pool)
    if pool.pid != os.getpid():
        return
    for connection in list(pool._connections):
        used = connection._sock
        if used is not None:
            with suppress(OSError):
                used.shutdown(socket.SHUT_RDWR)


def _empty(pool: Any) -> None:
    """Closes the connections that nobody uses: those that can be taken."""
    taken = []
    with suppress(queue.Empty):
        while True:
            taken.append(pool.pool.get_nowait())
            if taken[-1] is not None:
                taken[-1].disconnect()
    for one in taken:
        pool.pool.put_nowait(one)


@contextmanager
def _standing() -> Iterator[None]:
    """A socket that another thread closes meanwhile is a lost connection."""
    try:
        yield
    except (AttributeError, ValueError) as error:
        raise redis.ConnectionError("the connection was closed here, in the midst of it") from error


def run_once(
    resilience: Resilience,
    client: redis.Redis,
    name: str,
    work: Callable[[], T],
    conceal: Callable[[Any], str] = str,
) -> T:
    """Carries out what may not be repeated: only making a connection is. No fallback stands for it.

    Args:
        resilience: of the connector.
        client: its pool is asked for a connection that stands before ``work`` uses it.
        name: of the request.
        work: raises errors of connectors.
        conceal: takes secrets out of a text.
    """
    sent: list[IntegrationError] = []

    def attempt() -> T:
        with translating(resilience.service, conceal), lent(client):
            pass
        try:
            return work()
        except IntegrationError as error:
            if error.recoverable:
                sent.append(error)
                error.recoverable = False  # for now: not repeated
            raise

    try:
        return resilience.run(attempt, name=name, repeatable=True, fallback=False).value
    except IntegrationError as error:
        error.recoverable = error.recoverable or error in sent
        raise


# --- Names


def key_of(name: Any, what: str = "a key") -> bytes:
    """A name as Redis has it.

    Raises:
        InvalidArgument: it is no text.
    """
    if not isinstance(name, str):
        raise InvalidArgument(f"{what} is text; got {type(name).__name__}")
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise InvalidArgument(f"{what} holds a lone surrogate: {name!r}") from None


def text_of(name: bytes) -> str:
    """A name as text, which :func:`key_of` takes back, whatever its bytes are."""
    return name.decode("utf-8", "surrogateescape")


# --- Errors

_USER = "look at the user and the password of the connector"
_ADVICE: dict[str, tuple[type[IntegrationError], bool, str]] = {
    **dict.fromkeys(("WRONGPASS", "NOAUTH"), (AuthenticationError, False, _USER)),
    "NOPERM": (AuthenticationError, False, "the user of the connector has no right to do this"),
    "OOM": (
        IntegrationError,
        False,
        "its memory is full and nothing was stored: let keys expire, delete some, or raise maxmemory",
    ),
    "READONLY": (
        IntegrationError,
        False,
        "this server is a replica, which takes no writes: give the address of its master",
    ),
    "NOSCRIPT": (
        NotFoundError,
        False,
        "the server does not know this script (any more): script(text) sends the text again by itself",
    ),
    "MISCONF": (
        IntegrationError,
        False,
        "the server cannot save its data to disk and takes no writes until it can: look at its log",
    ),
    "WRONGTYPE": (IntegrationError, False, "type_of(key) says what the key holds"),
    "EXECABORT": (IntegrationError, False, "nothing of the transaction was carried out"),
    "NOGROUP": (NotFoundError, False, "the stream or its group was deleted"),
    "BUSYGROUP": (IntegrationError, False, ""),
    **dict.fromkeys(
        ("MOVED", "ASK", "CROSSSLOT"),
        (IntegrationError, False, "the server is a node of a cluster; this connector uses a single server"),
    ),
    **dict.fromkeys(
        ("LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS"),
        (ConnectionError, True, "the server is not ready for it; try again later"),
    ),
}
"""What the server says first: the class, whether the same may succeed later, what to do."""
_CLASSES = (
    (redis.exceptions.NoPermissionError, "NOPERM"),
    (redis.exceptions.AuthenticationError, "WRONGPASS"),
    (redis.exceptions.AuthorizationError, "NOPERM"),
    (redis.exceptions.AuthenticationWrongNumberOfArgsError, "WRONGPASS"),
    (redis.exceptions.OutOfMemoryError, "OOM"),
    (redis.exceptions.ReadOnlyError, "READONLY"),
    (redis.exceptions.NoScriptError, "NOSCRIPT"),
    (redis.exceptions.BusyLoadingError, "LOADING"),
    (redis.exceptions.MovedError, "MOVED"),
    (redis.exceptions.AskError, "ASK"),
    (redis.exceptions.TryAgainError, "TRYAGAIN"),
    (redis.exceptions.ClusterCrossSlotError, "CROSSSLOT"),
    (redis.exceptions.ClusterDownError, "CLUSTERDOWN"),
    (redis.exceptions.MasterDownError, "MASTERDOWN"),
    (redis.exceptions.ExecAbortError, "EXECABORT"),
)
_CITED = re.compile(r",? with args beginning with:.*|script: [0-9a-f]+,?", re.DOTALL)
_CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|Hostname mismatch")


def translated(
    error: Exception,
    service: str = "",
    conceal: Callable[[Any], str] = str,
    *,
    executed: str = "no",
) -> Exception:
    """The error of connectors for one of the library.

    Args:
        error: what was raised.
        service: the connector's name.
        conceal: takes secrets out of a text.
        executed: what is said of a request whose answer did not come.
    """
    said = conceal(_CITED.sub("", str(error))).strip().rstrip(".")
    code = getattr(error, "status_code", None) or ""
    if code not in _ADVICE:
        code = next((code for kind, code in _CLASSES if isinstance(error, kind)), "")
    if not code and isinstance(error, redis.ResponseError):
        first = said.partition(" ")[0]
        code = first if re.fullmatch(r"[A-Z]{3,}", first) else ""
    if code in _ADVICE:
        kind, recoverable, advice = _ADVICE[code]
        if code not in said:
            said = f"{code} {said}"
        message = f"{service}: {said}" + (f"; {advice}" if advice else "")
        return kind(message, service=service, recoverable=recoverable, status=code)
    if isinstance(error, redis.TimeoutError):
        return IntegrationTimeout(
            f"{service}: {said or 'no answer'}; set timeouts.read (or timeouts.connect) higher, or ask for "
            "less",
            service=service,
            executed=executed,
        )
    if isinstance(error, redis.ConnectionError):
        if "No connection available" in said or isinstance(error, redis.exceptions.MaxConnectionsError):
            return IntegrationTimeout(
                f"{service}: all connections are in use; set 'pool' higher", service=service
            )
        if _CERTIFICATE.search(said):
            return ConnectionError(
                f"{service}: {said}; name the authority in the address: ?ssl_ca_certs=FILE",
                service=service,
                recoverable=False,
            )
        advice = "; is it running, and is 'url' right?" if "onnection refused" in said else ""
        return ConnectionError(
            f"{service}: {said}" + ("; look whether it was done" if executed == "maybe" else advice),
            service=service,
            executed=executed,
        )
    if isinstance(error, redis.InvalidResponse):
        return DataError(f"{service}: the server does not speak Redis' protocol: {said}", service=service)
    if isinstance(error, redis.DataError):
        return InvalidArgument(f"{service}: {said}")
    return IntegrationError(f"{service}: {said}", service=service, status=code or None)


@contextmanager
def translating(
    service: str = "", conceal: Callable[[Any], str] = str, *, executed: str = "no"
) -> Iterator[None]:
    """Inside, what the library raises becomes an error of connectors."""
    try:
        yield
    except (redis.RedisError, redis.exceptions.RedisClusterException) as error:
        raise translated(error, service, conceal, executed=executed) from cause(error, conceal)
