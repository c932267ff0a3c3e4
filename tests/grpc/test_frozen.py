"""Peers that freeze, connections that are open and dead: keepalive notices them, sessions survive them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.hub.faults import Proxy
from tests.hub.process import served

import arcuate.client.net.grpc as link_module
from arcuate.client import Session, connect
from arcuate.errors import ConnectionLost
from arcuate.grpc import GrpcBridge
from arcuate.hub import Config, Hub
from arcuate.hub.config import LimitsConfig
from arcuate.hub.session import HubSession

PATIENCE = 30.0
ALIVE = 0.2
"""Seconds of silence until a client is asked for a sign of life; it has three times as long to give it."""


def until(condition: Callable[[], Any], what: str) -> None:
    """Waits for something that the other side does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.005)


@contextlib.contextmanager
def bridge(grace: float) -> Iterator[GrpcBridge]:
    """A hub that asks for signs of life."""
    with Hub(Config(limits=LimitsConfig(grace_seconds=grace))) as hub:
        found = GrpcBridge(hub, keepalive=ALIVE)
        found.start()
        try:
            yield found
        finally:
            found.stop(0.2)


def alone(hub: Hub) -> HubSession:
    """The session of a hub that has one."""
    (found,) = hub.sessions
    return found


def runs(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


@pytest.fixture
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of this process that ask for signs of life more often than every 20 s."""
    quick = {"grpc.keepalive_time_ms": 1000, "grpc.http2.ping_timeout_ms": 300}
    wanted = [(name, quick.get(name, value)) for name, value in link_module._OPTIONS]
    monkeypatch.setattr(link_module, "_OPTIONS", wanted)


class Calling:
    """A call on a thread of its own.

    Attributes:
        result: what it returned, or raised.
    """

    def __init__(self, session: Session, name: str, *args: Any) -> None:
        self.result: Any = None

        def work() -> None:
            try:
                self.result = session.call(name, *args)
            except Exception as error:
                self.result = error

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def finish(self) -> Any:
        """What came of it."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.result


COUNT = "n = 0\ndef count():\n    global n\n    n += 1\n    return n"

# ------------------------------------------------------------------ the client

CLIENT = """
import sys
from arcuate.client import connect
with connect(sys.argv[1]) as session:
    session.run("n = 1")
    print(session.info["pid"], flush=True)
    sys.stdin.readline()
    print(session.eval("n + 1"), flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def client(address: str) -> Iterator[subprocess.Popen[str]]:
    """A client of its own process."""
    command = [sys.executable, "-c", CLIENT, address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process as found:
        try:
            yield found
        finally:
            found.kill()


def test_a_frozen_client() -> None:
    """It counts as gone and may come back; when it does so too late, its session is closed."""
    with bridge(grace=60) as hub, client(f"{hub.endpoints[0]}/python") as other:
        assert other.stdout is not None
        assert other.stdin is not None
        pid = int(other.stdout.readline())
        session = alone(hub.hub)
        assert session.dropped is None
        begun = time.monotonic()
        other.send_signal(signal.SIGSTOP)
        until(lambda: session.dropped is not None, "the hub takes the client for gone")
        assert time.monotonic() - begun > ALIVE  # not by some other sign
        until(lambda: not hub._streams, "its stream has ended")
        assert runs(pid)
        other.send_signal(signal.SIGCONT)
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "2\n"  # the variable is there still
        assert alone(hub.hub) is session
        hub.hub.reconfigure(Config(limits=LimitsConfig(grace_seconds=0.2)))
        other.send_signal(signal.SIGSTOP)
        until(lambda: not hub.hub.sessions, "its session is closed")
        until(lambda: not runs(pid), "the interpreter ends")
        assert not hub.hub.connections
        with connect(f"{hub.endpoints[0]}/python") as fresh:
            assert fresh.eval("6 * 7") == 42


# -------------------------------------------------------------------- the hub


def test_a_frozen_hub_that_thaws(tmp_path: Path, attentive: None) -> None:
    """The client notices by itself, comes back, and what it had asked for is done once."""
    with served(tmp_path, "--grpc", "127.0.0.1:0") as hub, connect(f"{hub.ready['grpc']}/python") as session:
        session.run(COUNT)
        pid = session.info["pid"]
        transport: Any = session._transport
        hub.send(signal.SIGSTOP)
        try:
            running = Calling(session, "count")
            until(lambda: not transport._connected, "the client takes the hub for gone")
        finally:
            hub.send(signal.SIGCONT)
        assert running.finish() == 1
        assert session["n"] == 1
        assert session.info["pid"] == pid


def test_a_frozen_hub_that_stays_so(tmp_path: Path, attentive: None) -> None:
    """Until the grace period is over: the call fails, and says that it may have been done."""
    options = ("--grpc", "127.0.0.1:0", "--set", "limits.grace_seconds=0.5")
    with served(tmp_path, *options) as hub, connect(f"{hub.ready['grpc']}/python") as session:
        session.run(COUNT)
        pid = session.info["pid"]
        hub.send(signal.SIGSTOP)
        try:
            with pytest.raises(ConnectionLost) as lost:
                session.call("count")
        finally:
            hub.send(signal.SIGCONT)
        assert lost.value.executed == "maybe"
        until(lambda: not runs(pid), "the hub reclaims the session")
        with connect(f"{hub.ready['grpc']}/python") as other:
            assert other.eval("6 * 7") == 42


# ------------------------------------------------------------------- half open


def test_a_dead_connection_is_replaced(attentive: None) -> None:
    """Nothing passes on it any more and nobody is told: both sides find out, and the session goes on."""
    with (
        bridge(grace=60) as hub,
        Proxy(_port(hub)) as proxy,
        connect(f"grpc://127.0.0.1:{proxy.port}/python") as session,
    ):
        session.run(COUNT)
        kept = alone(hub.hub)
        proxy.freeze()
        assert Calling(session, "count").finish() == 1
        assert session["n"] == 1
        assert alone(hub.hub) is kept
        assert proxy.accepted == 2
        until(lambda: len(hub._streams) == 1, "the hub lets go of the dead connection")


def test_a_dead_connection_that_nothing_replaces(attentive: None) -> None:
    with bridge(grace=0.5) as hub, Proxy(_port(hub)) as proxy:
        with connect(f"grpc://127.0.0.1:{proxy.port}/python") as session:
            session.run(COUNT)
            pid, kept = session.info["pid"], alone(hub.hub)
            proxy.freeze()
            proxy.refuse()
            running = Calling(session, "count")
            until(lambda: kept.dropped is not None, "the hub takes the client for gone")
            assert isinstance(running.finish(), ConnectionLost)
            until(lambda: not hub.hub.sessions, "the session is closed")
            until(lambda: not runs(pid), "the interpreter ends")
            assert not hub._streams
            proxy.refuse(False)
        with connect(f"grpc://127.0.0.1:{proxy.port}/python") as other:
            assert other.eval("6 * 7") == 42


def _port(hub: GrpcBridge) -> int:
    return int(hub.endpoints[0].rpartition(":")[2])
