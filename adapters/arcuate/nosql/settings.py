"""The settings of a database of documents, and pymongo's client for them."""

from __future__ import annotations

import importlib.util
from typing import Any

from pydantic import Field

from arcuate.connector import ConnectorConfig, Secret, redacted, reveal
from arcuate.errors import InvalidArgument, Unsupported

if importlib.util.find_spec("pymongo") is None:
    raise Unsupported("mongodb:// needs a library; type: pip install 'arcuate[nosql]'")

import pymongo
from pymongo.errors import ConfigurationError
from pymongo.uri_parser import parse_uri

__all__ = ["DocumentConfig", "client_of", "database_of"]


class DocumentConfig(ConnectorConfig):
    """Where a database of documents is."""

    url: str = Field(
        default="mongodb://127.0.0.1:27017/test",
        description="mongodb://HOST:PORT/DATABASE, several hosts with commas between, or mongodb+srv://",
    )
    database: str = Field(default="", description="instead of the one in the address")
    username: str = Field(default="", description="instead of one in the address")
    password: Secret | None = Field(default=None, description="instead of one in the address")
    pool: int = Field(
        default=10, ge=1, le=1000, description="connections to a server at the same time, at most"
    )


def client_of(config: DocumentConfig) -> pymongo.MongoClient[dict[str, Any]]:
    """A client that connects when it is first used. Repeating reads is left to the connector."""
    times = config.timeouts
    given: dict[str, Any] = {
        "connectTimeoutMS": round(times.connect * 1000),
        "serverSelectionTimeoutMS": round(times.connect * 1000),
        "waitQueueTimeoutMS": round(times.connect * 1000),
        "socketTimeoutMS": round(times.call * 1000),
        "maxPoolSize": config.pool,
        "retryReads": False,
        "connect": False,
    }
    if config.username:
        given["username"] = config.username
    password = reveal(config.password, "the password of the database")
    if password is not None:
        given["password"] = password
    return pymongo.MongoClient(config.url, **given)


def database_of(url: str) -> str:
    """The database that an address names.

    Raises:
        InvalidArgument: it names none, or is no address of MongoDB.
    """
    shown = redacted(url)
    if not url.startswith(("mongodb://", "mongodb+srv://")):
        raise InvalidArgument(f"{shown!r} is no address of MongoDB; there are mongodb:// and mongodb+srv://")
    if url.startswith("mongodb+srv://"):
        return _path(url, shown)
    try:
        found = parse_uri(url).get("database")
    except (ConfigurationError, ValueError, TypeError):
        raise InvalidArgument(
            f"{shown!r} is no address of MongoDB, such as mongodb://HOST:27017/NAME"
        ) from None
    return found or _path(url, shown)


def _path(url: str, shown: str) -> str:
    name = url.partition("://")[2].partition("?")[0].partition("/")[2]
    if not name:
        raise InvalidArgument(f"{shown!r} names no database: give mongodb://HOST/NAME, or database=NAME")
    return name
