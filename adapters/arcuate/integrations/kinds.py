"""Connectors by their name in the configuration, or by an address: what the commands open.

    [connector.weather]                 # in arcuate.toml, or in the file that ARCUATE_CONNECTORS names
    type = "rest"                       # may be left out where the scheme of the url says it
    url = "https://api.example"
    auth = {type = "bearer", token = "env:WEATHER_TOKEN"}

A package of others announces its connectors by entry points of the group ``arcuate.connectors``.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from arcuate.announced import announced
from arcuate.connector import Connector
from arcuate.connector.config import connectors_of
from arcuate.connector.secrets import redacted
from arcuate.errors import InvalidArgument, Unsupported

__all__ = ["STREAMS", "configured", "connector", "kind_of", "kinds", "load"]

GROUP = "arcuate.connectors"
KINDS: dict[str, str] = {
    "documents": "arcuate.nosql:DocumentStore",
    "graphql": "arcuate.graphql:GraphQLClient",
    "kafka": "arcuate.streaming.kafka:KafkaStream",
    "lsl": "arcuate.streaming.lsl:LSLStream",
    "mqtt": "arcuate.streaming.mqtt:MQTTStream",
    "nats": "arcuate.streaming.nats:NATSStream",
    "redis": "arcuate.nosql:RedisStore",
    "redis-stream": "arcuate.streaming.redis:RedisStream",
    "rest": "arcuate.rest:RESTAPIClient",
    "sql": "arcuate.sql:DatabaseConnector",
    "storage": "arcuate.storage:Storage",
    "topic": "arcuate.streaming.topics:TopicStream",
    "websocket": "arcuate.websocket:WebSocketClient",
    "websocket-stream": "arcuate.streaming.websocket:WebSocketStream",
}
"""Type: (module):(class)."""
STREAMS = frozenset({"kafka", "lsl", "mqtt", "nats", "redis-stream", "topic", "websocket-stream"})
"""The types that are streams of blocks."""
SCHEMES: dict[str, str] = {
    "http": "rest",
    "https": "rest",
    "nats": "nats",
    "tls": "nats",
    "mqtt": "mqtt",
    "mqtts": "mqtt",
    "kafka": "kafka",
    "lsl": "lsl",
    "zmq": "topic",
    "grpc": "topic",
    "grpcs": "topic",
    "postgresql": "sql",
    "mysql": "sql",
    "mariadb": "sql",
    "sqlite": "sql",
    "duckdb": "sql",
    "redis": "redis",
    "rediss": "redis",
    "mongodb": "documents",
    "ws": "websocket",
    "wss": "websocket",
    **dict.fromkeys(("s3", "az", "abfs", "gs", "sftp", "file", "memory", "zip"), "storage"),
}
"""Scheme of an address: the type that it means where none is said."""
AUTHENTICATORS: dict[str, str] = {
    "api-key": "arcuate.auth:APIKeyAuthenticator",
    "basic": "arcuate.auth:BasicAuthenticator",
    "bearer": "arcuate.auth:BearerAuthenticator",
    "certificate": "arcuate.auth:CertificateAuthenticator",
    "oauth2": "arcuate.auth:OAuth2Authenticator",
}


def kinds() -> dict[str, str]:
    """The types of connectors that there are: Arcuate's own, and those that other packages announce."""
    return {**{point.name: point.value for point in announced(GROUP)}, **KINDS}


def configured() -> dict[str, dict[str, Any]]:
    """The connectors of the configuration: name to settings.

    Raises:
        InvalidArgument: the file cannot be read.
    """
    return connectors_of()


def kind_of(where: str, settings: Mapping[str, Any] | None = None) -> str:
    """The type of a connector.

    Args:
        where: an address, or how the connector is called.
        settings: its table of the configuration.

    Raises:
        InvalidArgument: nothing says which type it is.
    """
    settings = settings or {}
    kind = settings.get("type")
    url = str(settings.get("url", where if "://" in where else ""))
    if kind is None:
        kind = SCHEMES.get(urlsplit(url).scheme.partition("+")[0]) if url else None
    known = kinds()
    if kind is None and "://" in where:
        raise InvalidArgument(_no_scheme(where))
    if kind is None:
        found = f"its url is {redacted(url)}{_guess(url)}" if url else "it has no url"
        raise InvalidArgument(
            f"the connector {where if '://' not in where else redacted(where)!r} has no type, and {found}; "
            f"set type to one of {', '.join(sorted(known))}"
        )
    if kind not in known:
        raise InvalidArgument(
            f"the connector {where!r} has the type {kind!r}; there are {', '.join(sorted(known))}"
        )
    return str(kind)


def _guess(url: str) -> str:
    near = difflib.get_close_matches(url.partition("://")[0].partition("+")[0], SCHEMES, 1)
    return f" (did you mean {near[0]}://?)" if near else ""


def _no_scheme(where: str) -> str:
    scheme = where.partition("://")[0]
    guess = _guess(where)
    known = ", ".join(f"{one}://" for one in SCHEMES)
    shown = redacted(where)
    return f"the address {shown!r} has no type: there is no scheme {scheme!r}{guess}; there are {known}"


def connector(where: str, /, **settings: Any) -> Connector:
    """A connector by its name in the configuration, or by an address; not opened yet.

    Args:
        where: ``weather`` for the table ``[connector.weather]``, or ``postgresql://...``.
        **settings: they win over the configuration; ``type`` chooses the kind.

    Raises:
        InvalidArgument: there is no such connector, or its settings are wrong.
        Unsupported: its library is not installed; says what to type.
    """
    if "://" in where:
        given = {"url": where, **settings}
        kind = kind_of(where, given)
    else:
        tables = configured()
        table = tables.get(where)
        if table is None:
            allowed = ", ".join(sorted(tables)) or "none at all"
            raise InvalidArgument(
                f"no connector {where!r} is configured; there are {allowed}: write [connector.{where}] in "
                "arcuate.toml, or give an address such as postgresql://user@host/name"
            )
        merged = {**table, **settings}
        kind = kind_of(where, merged)
        given = {"name": where, **settings}
        if isinstance(merged.get("auth"), Mapping):
            given["auth"] = _authenticator(where, merged["auth"])
    given.pop("type", None)
    made = load(kinds()[kind], kind)(**given)
    if not isinstance(made, Connector):
        raise InvalidArgument(f"the type {kind!r} gives a {type(made).__name__}, which is no Connector")
    return made


def load(place: str, kind: str) -> Any:
    """What ``module:name`` says, for connectors of a type.

    Raises:
        Unsupported: its library is not installed.
    """
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"connectors of the type {kind!r} need the library {error.name!r}; type: {_installs(kind, error)}"
        ) from None


def _installs(kind: str, error: ModuleNotFoundError) -> str:
    """What brings a library that a type of connectors needs."""
    place = {"file": "arcuate.formats", "stream": "arcuate.streaming", **KINDS}.get(kind)
    if place is None and kind in AUTHENTICATORS:
        place = AUTHENTICATORS[kind]
    if place is None:  # of another package
        return f"pip install {str(error.name).partition('.')[0]}"
    return f"pip install 'arcuate[{re.split('[.:]', place)[1]}]'"


def _authenticator(where: str, settings: Mapping[str, Any]) -> Any:
    given = dict(settings)
    kind = given.pop("type", None)
    if kind not in AUTHENTICATORS:
        raise InvalidArgument(
            f"the connector {where!r} has auth of the type {kind!r}; there are {', '.join(AUTHENTICATORS)}"
        )
    made = load(AUTHENTICATORS[kind], kind)
    if kind != "oauth2":
        allowed = [name for name in inspect.signature(made).parameters if name != "inner"]
        wrong = [name for name in given if name not in allowed]
        if wrong:
            raise InvalidArgument(
                f"auth of the connector {where!r}: there is no setting {wrong[0]!r}; there are "
                f"{', '.join(allowed)}"
            )
    return made(**given)
