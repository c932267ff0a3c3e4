"""Peers that do what they should not: others notice nothing, and each is counted."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.zmq.conftest import Start, until
from tests.zmq.raw import Raw, encode

from arcuate.client import connect
from arcuate.errors import ArcuateError, AuthenticationFailed, ConnectionLost
from arcuate.zmq import ZmqBridge

HELLO = encode({"op": "hello", "id": 0, "major": 1, "minor": 0})[0]


def works(bridge: ZmqBridge) -> None:
    """Another client is served."""
    with Raw(bridge.endpoints[0]) as raw:
        assert raw.hello()["op"] == "hello"
        assert raw.ask("ping")["op"] == "reply"


# ----------------------------------------------------------------------- garbage


def test_garbage_is_answered_counted_and_cut_off(bridge: ZmqBridge) -> None:
    for parts in ([b""], [b"", b""], [b"ARCL" + bytes(12)], [bytes(HELLO[:-1])], [HELLO, b"left over"]):
        before = bridge.counts["garbage"]
        with Raw(bridge.endpoints[0]) as raw:
            raw.post(list(parts))
            assert [(one["id"], one["code"]) for one in raw.ended()] == [(0, "PROTOCOL_ERROR")]
        assert bridge.counts["garbage"] == before + 1
    works(bridge)


def test_an_identity_of_its_own_is_refused(bridge: ZmqBridge) -> None:
    before = bridge.counts["identity"]
    with Raw(bridge.endpoints[0], IDENTITY=b"me") as raw:
        raw.post([HELLO])
        assert raw.ended() == []
    assert bridge.counts["identity"] == before + 1
    works(bridge)


def damaged(seed: int) -> list[bytes]:
    """A message with something wrong with it, most of the time."""
    dice = random.Random(seed)
    message: dict[str, Any] = {"op": dice.choice(("hello", "call", "open", "publish", "ack", "listen"))}
    message |= {"id": dice.choice((0, 1, -1, 1 << 60)), "name": "abs", "args": [1.5, "x", [None], b"raw"]}
    parts = [bytearray(part) for part in encode(message, dice.choice((1, 65_536)))]
    for _ in range(dice.randint(1, 4)):
        part = dice.choice(parts)
        what = dice.randrange(5)
        if what == 0 and part:
            part[dice.randrange(len(part))] = dice.randrange(256)
        elif what == 1:
            del part[dice.randint(0, len(part)) :]
        elif what == 2:
            part += dice.randbytes(dice.randint(1, 100))
        elif what == 3:
            parts.insert(dice.randint(0, len(parts)), bytearray(dice.randbytes(dice.randint(0, 80))))
        elif len(part) > 24:
            part[16:20] = dice.randbytes(4)
    return [bytes(part) for part in parts]


def fuzz(bridge: ZmqBridge, seeds: range) -> None:
    with Raw(bridge.endpoints[0]) as witness:
        witness.hello()
        for first in seeds[::12]:  # some at a time: the bridge looks now and then which it cuts off
            with ExitStack() as stack:
                some = range(first, min(first + 12, seeds.stop))
                peers = {seed: stack.enter_context(Raw(bridge.endpoints[0])) for seed in some}
                for seed, raw in peers.items():
                    if seed % 2:
                        raw.post([HELLO])
                    raw.post(list(damaged(seed)))
                    raw.post([b"the end"])  # certainly garbage
                for seed, raw in peers.items():
                    answers = raw.ended()
                    assert all(one["op"] in ("hello", "error", "reply") for one in answers), (seed, answers)
                    assert witness.ask("ping")["op"] == "reply"


def test_damaged_messages(bridge: ZmqBridge) -> None:
    """A sample of what the soak does; each connection ends, and another one is served throughout."""
    fuzz(bridge, range(12))


@pytest.mark.soak
def test_100_000_damaged_messages(bridge: ZmqBridge) -> None:
    from arcuate.client.net.parts import size_of_frame, unpack
    from arcuate.values.limits import Limits

    for seed in range(100_000):
        first, *rest = damaged(seed)
        if size_of_frame(first) is not None and rest:
            first = rest.pop(0)
        try:
            unpack(first, [memoryview(part) for part in rest], Limits(message=1 << 20, array=1 << 20))
        except ArcuateError:
            continue
    fuzz(bridge, range(1000))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.integers(0, 1 << 40))
def test_the_reader_raises_our_errors_only(seed: int) -> None:
    from arcuate.client.net.parts import unpack
    from arcuate.values.limits import Limits

    first, *rest = damaged(seed)
    try:
        unpack(first, [memoryview(part) for part in rest], Limits(message=1 << 20, array=1 << 20))
    except ArcuateError:
        pass


# ------------------------------------------------------------------- connections


def test_more_connections_than_may_be(start: Start) -> None:
    """300 of them against a limit of 50: refused, counted, and room again afterwards."""
    bridge = start(limits={"connections": 50})
    port = int(bridge.endpoints[0].rpartition(":")[2])
    with Raw(bridge.endpoints[0]) as first:
        first.hello()
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        until(lambda: bridge.counts["connections"] >= 250, "they are refused")
        assert first.ask("ping")["op"] == "reply"
        for one in crowd:
            one.close()
    until(lambda: not bridge._ports[0].wires.found, "they are gone")
    works(bridge)


def test_a_peer_that_says_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arcuate.zmq.bridge.HELLO", 0.3)
    bridge = start()
    with socket.create_connection(("127.0.0.1", int(bridge.endpoints[0].rpartition(":")[2]))) as silent:
        silent.settimeout(20)
        while silent.recv(4096):
            pass
    works(bridge)


# ------------------------------------------------------------------------ frozen

CLIENT = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.zmq.raw import Raw
raw = Raw(sys.argv[1])
raw.hello()
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_frozen_client_is_noticed(start: Start) -> None:
    bridge = start(heartbeat=0.1, patience=0.5)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    command = [sys.executable, "-c", CLIENT, bridge.endpoints[0], root]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        try:
            assert client.stdout is not None
            assert client.stdout.readline() == b"ready\n"
            assert bridge._ports[0].peers
            client.send_signal(signal.SIGSTOP)
            until(lambda: not bridge._ports[0].peers, "the hub takes the client for gone")
        finally:
            client.kill()
    works(bridge)


def stopped(pid: int) -> bool:
    """Whether no thread of a process runs."""
    states = [
        path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) == {"T"}


def test_a_frozen_hub_is_noticed(
    served: Callable[..., tuple[subprocess.Popen[bytes], dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arcuate.client.net.zmq._HEARTBEAT", 0.1)
    monkeypatch.setattr("arcuate.client.net.zmq._PATIENCE", 0.5)
    process, ready = served("[limits]\ngrace_seconds = 1\n")
    with connect(f"{ready['zmq']}/python") as session:
        assert session.call("abs", -1.5) == 1.5
        process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: stopped(process.pid), "every thread of the hub has stopped")
            with pytest.raises(ConnectionLost):
                session.call("abs", -2.5)
        finally:
            process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("code", ["for _ in range(40): print('x' * 1_000_000, flush=True)", "y = 1"])
def test_a_client_that_stops_reading_is_let_go(
    start: Start, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """It takes nothing for as long as the hub waits, be it output or replies. Others are served."""
    monkeypatch.setattr("arcuate.zmq.bridge.STUCK", 0.5)
    bridge = start()
    with Raw(bridge.endpoints[0], RCVHWM=1, RCVBUF=4096) as raw:
        raw.hello()
        raw.send("open", environment="python")
        raw.read()
        raw.send("run", code=code)
        for _ in range(4):
            raw.send("eval", code="b'x' * 8_000_000")
        until(lambda: bridge.counts["slow"], "the client is given up")
        works(bridge)
        until(lambda: not bridge._ports[0].peers, "it is cut off")
    works(bridge)


# ------------------------------------------------------------------------- CURVE


def test_curve(start: Start, tmp_path: Any) -> None:
    """Right keys are let in; a wrong server key, an unknown key and none at all are refused and counted."""
    public, secret = (key.decode() for key in zmq.curve_keypair())
    other = zmq.curve_keypair()[0].decode()
    authorised = tmp_path / "authorised"
    authorised.write_text(f"# clients\n{public} the lab\n")
    keys = SimpleNamespace(key=tmp_path / "curve.key", authorised_keys=authorised)
    bridge = start(curve=keys)
    assert os.stat(keys.key).st_mode & 0o777 == 0o600
    endpoint, server = f"{bridge.endpoints[0]}/python", bridge.server_key
    right = {"server_key": server, "public_key": public, "secret_key": secret}
    with connect(endpoint, curve=right) as session:
        assert session.call("abs", -1.5) == 1.5
    for curve in ({**right, "server_key": other}, server, None):
        with pytest.raises((AuthenticationFailed, ConnectionLost)):
            connect(endpoint, curve=curve, start=5)
    until(lambda: bridge.counts["unauthorised"], "a key that is not authorised is counted")
    with connect(endpoint, curve=right) as session:
        authorised.write_text("# nobody\n")
        until(lambda: not bridge._ports[0].peers, "a key that was taken out is cut off")


def test_curve_from_the_ready_file(
    served: Callable[..., tuple[subprocess.Popen[bytes], dict[str, str]]], tmp_path: Any
) -> None:
    _, ready = served(f'[curve]\nkey = "{tmp_path}/curve.key"\n')
    with connect(f"{ready['zmq']}/python", curve=ready["zmq_server_key"]) as session:
        assert session.call("abs", -1.5) == 1.5
