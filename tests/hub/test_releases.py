"""Releases, which nobody answers, over networks that fail: each arrives, and counts once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest
from tests.hub import test_bus
from tests.hub.memory import MemoryLink
from tests.hub.memory import session as memory_session
from tests.hub.places import place
from tests.hub.raw import Raw

from arcuate.client import Session, messages
from arcuate.client.net.bus import BusTransport
from arcuate.errors import ConnectionLost
from arcuate.hub import Hub
from arcuate.hub import session as hub_session
from arcuate.values import codes
from arcuate.values.nodes import Nodes

HELPERS = """
import weakref
gone = 0
def ended():
    global gone
    gone += 1
class Thing: pass
def make():
    thing = Thing()
    weakref.finalize(thing, ended)
    return thing
kept = make()
def again(): return kept
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with place("memory") as found:
        yield found.hub


class Loses(MemoryLink):
    """Loses the connection with the next release: before it has arrived, after it, or with an error."""

    how = ""

    def send(self, message: Nodes) -> None:
        """Sends, but for that."""
        if messages.head(message)[0] != "release" or not self.how:
            super().send(message)
            return
        how, self.how = self.how, ""
        if how == "after":
            super().send(message)
        self.cut()
        if how == "error":
            raise ConnectionLost("lost with a release")


@pytest.mark.parametrize("how", ["before", "after", "error"])
def test_a_release_that_is_lost_is_sent_again(hub: Hub, how: str) -> None:
    link = Loses(hub)
    with Session(BusTransport(link, "python", {}), name="python") as remote:
        remote.run(HELPERS)
        first, second = remote.call("again"), remote.call("again")
        assert first._arcuate[1] == second._arcuate[1], "one object, counted twice"
        thing = remote.call("make")
        del thing, first
        gc.collect()
        link.how = how
        assert remote.call("len", [1, 2]) == 2
        assert link.connects == 2, "the connection was lost with the release"
        assert remote.eval("gone") == 1
        assert not remote._transport._releases, "nothing is kept that has arrived"
        remote.run("del kept, again")
        assert remote.eval("gone") == 1, "counted once only: the other is still used"
        del second
        gc.collect()
        assert remote.call("len", [1, 2]) == 2
        assert remote.eval("gone") == 2


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_over_a_network_that_fails(way: str) -> None:
    with test_bus.behind_a_proxy(way) as (_, proxy, remote):
        remote.run(HELPERS)
        for number in range(1, 4):
            thing = remote.call("make")
            del thing
            gc.collect()
            proxy.cut()
            assert remote.call("len", [1]) == 1
            assert remote.eval("gone") == number


def test_the_same_release_twice(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    client.ask("run", code=HELPERS)

    def kept() -> str:
        number = client.send("call", name="again")
        while True:
            found = client.link.receive(test_bus.PATIENCE)
            assert found is not None
            if messages.head(found) == ("reply", number):
                return next(row for row in found.rows if row[0] == codes.HANDLE)[7]

    def gone() -> object:
        return client.ask("eval", code="gone")["value"]

    handle = kept()
    assert kept() == handle
    client.ask("run", code="del kept, again")
    for _ in range(3):
        client.link.send(messages.build("release", 1 << 50, {"handles": [handle]}))
    assert gone() == 0, "one release, which came three times"
    client.link.send(messages.build("release", (1 << 50) + 1, {"handles": [handle]}))
    assert gone() == 1


def test_ids_of_the_transport_do_not_outdate_those_of_calls(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_session, "_REMEMBERED", 5)
    make: Callable[[Hub], tuple[Session, MemoryLink]] = memory_session
    remote, _ = make(hub)
    with remote:
        remote.restart()
        for number in range(12):
            assert remote.call("abs", -number) == number
