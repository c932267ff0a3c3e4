"""A hub and ways to reach it: in memory, and through each of its bridges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.hub.memory import MemoryLink

from arcuate.client.net import Link
from arcuate.client.net.target import Target, open_link
from arcuate.errors import EnvironmentNotFound
from arcuate.hub import Config, Hub
from arcuate.hub.server import Server
from arcuate.values.limits import Limits

WAYS = ("memory", "zmq", "grpc", "http")


class Place:
    """A hub that can be reached in one way.

    Attributes:
        hub: the hub.
        url: its address; ``""`` in memory.
    """

    def __init__(self, hub: Hub, url: str) -> None:
        self.hub = hub
        self.url = url

    def link(self) -> Link:
        """A new link to it."""
        if not self.url:
            return MemoryLink(self.hub)
        return open_link(Target.parse(self.url), Limits(), token=None)


def config(way: str, address: str = "127.0.0.1:0", **limits: Any) -> Config:
    """The configuration of a hub with one bridge."""
    bridges: dict[str, Any] = {} if way == "memory" else {way: [address]}
    return Config(environments={"python": {"language": "python"}}, limits=limits, **bridges)  # type: ignore[dict-item,arg-type]  # pydantic reads the mapping


@contextmanager
def place(way: str, address: str = "127.0.0.1:0", **limits: Any) -> Iterator[Place]:
    """A hub for the time of a ``with``."""
    found = config(way, address, **limits)
    if way == "memory":
        with Hub(found) as hub:
            yield Place(hub, "")
        return
    server = Server(found)
    try:
        server.start()
    except EnvironmentNotFound as error:
        pytest.skip(f"{way}: {error.message}")
    try:
        yield Place(server.hub, server.endpoints[way])
    finally:
        server.stop(1.0)
