"""Messages without an end, what a bridge counts, and where samples are."""

from __future__ import annotations

import fcntl
import socket
import sys
import termios
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import zmq
from prometheus_client.parser import text_string_to_metric_families
from tests.zmq.conftest import Start, until
from tests.zmq.raw import PATIENCE, Raw, decode, encode
from tests.zmq.wire import Wire

import arcuate.zmq.bridge
from arcuate.client import connect
from arcuate.client.net import parts
from arcuate.client.net.parts import pack, unpack
from arcuate.errors import LimitExceeded, ProtocolError, Unavailable
from arcuate.hub import Config
from arcuate.hub.server import Server
from arcuate.values.codes import BYTES, LIST
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes
from arcuate.zmq import ZmqBridge
from arcuate.zmq.bridge import REASONS

MIB = 1 << 20
LIMITS = {"message": 2 * MIB, "array": 4 * MIB}


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bridge looks at its connections five times as often as it does elsewhere: tests wait for that."""
    monkeypatch.setattr(arcuate.zmq.bridge, "_TICK", 0.05)


@pytest.fixture
def bridge(start: Start) -> ZmqBridge:
    return start(limits=LIMITS)


@pytest.fixture
def wire(bridge: ZmqBridge) -> Iterator[Wire]:
    """A client that has said hello."""
    with Wire(bridge.endpoints[0]) as found:
        greet(found)
        yield found


def greet(wire: Wire) -> None:
    wire.message(encode({"op": "hello", "id": 0, "major": 1, "minor": 0}))
    assert decode(wire.read())["op"] == "hello"


def under_way(wire: Wire) -> int:
    """Bytes that the other side's kernel has not taken; it holds some MiB that nobody has read, no more."""
    found = fcntl.ioctl(wire.socket, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(found, sys.byteorder)


def works(bridge: ZmqBridge) -> None:
    with Raw(bridge.endpoints[0]) as raw:
        raw.hello()
        assert raw.ask("ping")["op"] == "reply"


def test_libzmq_keeps_the_parts_of_a_message_until_its_last() -> None:
    """The fact that the bound rests on: the receiver is told of nothing before."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.LINGER, 0)
        router.setsockopt(zmq.MAXMSGSIZE, 2 * MIB)
        with Wire(f"zmq://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}") as wire:
            wire.message([b"whole"])
            assert router.poll(30_000)
            assert router.recv_multipart()[1] == b"whole"
            for _ in range(64):
                wire.part(bytes(MIB), more=True)
            until(lambda: not under_way(wire), "they have arrived")
            assert not router.poll(0)
            wire.part(b"end", more=False)
            assert router.poll(30_000)
            assert len(router.recv_multipart()) == 66


def test_a_message_without_an_end(bridge: ZmqBridge, wire: Wire) -> None:
    with Raw(bridge.endpoints[0]) as witness:
        witness.hello()
        wire.flood(bytes(MIB // 2))
        assert bridge.counts["unfinished"] == 1
        assert witness.ask("ping")["op"] == "reply"
    works(bridge)


def test_small_parts_count_too(bridge: ZmqBridge, wire: Wire) -> None:
    wire.flood(bytes(200))
    assert bridge.counts["unfinished"] == 1


def test_slow_parts_count_too(bridge: ZmqBridge, wire: Wire) -> None:
    """They stay where they are, however many looks pass in between."""
    looked = looks(bridge)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        for _ in range(10):
            seen = looked()
            wire.part(bytes(MIB), more=True)
            until(lambda seen=seen: looked() > seen + 1, "the bridge has looked")
    assert bridge.counts["unfinished"] == 1


def test_a_message_without_an_end_before_hello(bridge: ZmqBridge) -> None:
    with Wire(bridge.endpoints[0]) as wire:
        wire.flood(bytes(10_000))
    assert bridge.counts["garbage"] == 1
    works(bridge)


def test_a_connection_is_seen_before_anybody_has_spoken(bridge: ZmqBridge) -> None:
    """libzmq signals what its monitor has only to those who have looked before."""
    with Wire(bridge.endpoints[0]):
        until(lambda: bridge._ports[0].wires.found, "the bridge knows of the connection")


def test_a_subscriber_that_sends(bridge: ZmqBridge) -> None:
    """The XPUB takes a subscription's few bytes in a part, and would keep any number of parts."""
    with Raw(bridge.endpoints[0]) as raw:
        raw.hello()
        told = raw.ask("listen", topic="t")["value"]
        with Wire(f"zmq://127.0.0.1:{told['port']}", b"SUB") as wire:
            wire.flood(bytes(200))
        assert bridge.counts["garbage"] == 1
        assert raw.ask("ping")["op"] == "reply"


def looks(bridge: ZmqBridge) -> Callable[[], int]:
    """How often the bridge has looked at its connections since."""
    count = 0
    sweep = bridge._sweep

    def looking(now: float) -> None:
        nonlocal count
        sweep(now)
        count += 1

    bridge._sweep = looking  # type: ignore[method-assign]
    return lambda: count


def test_who_sends_slowly_but_ends_is_served(bridge: ZmqBridge, wire: Wire) -> None:
    """A message as large as it may be, in pieces: the bridge looks at it meanwhile."""
    array = np.arange(LIMITS["array"] / 8)
    call = {"op": "call", "id": 1, "environment": "python", "name": "math.fsum", "args": [array]}
    first, data = encode(call)
    looked = looks(bridge)
    wire.part(first, more=True)
    for at in range(0, len(data), MIB):
        seen = looked()
        wire.part(data[at : at + MIB], more=at + MIB < len(data))
        until(lambda seen=seen: looked() > seen + 1, "the bridge has looked at it")
    assert decode(wire.read())["value"] == float(array.sum())
    for number in range(2, 40):  # as much as may come, over and over: each message is an end
        wire.message(encode({**call, "id": number}))
    for _ in range(2, 40):
        assert decode(wire.read())["value"] == float(array.sum())
    assert not bridge.counts


def test_our_client_says_so_before(bridge: ZmqBridge) -> None:
    with connect(f"{bridge.endpoints[0]}/python") as session:
        arrays = [np.ones(3 * MIB // 8)] * 3
        with pytest.raises(LimitExceeded, match="'array'"):
            session.call("len", arrays)
        assert session.call("len", arrays[:2]) == 2


# ----------------------------------------------------------------- order of places


def test_places_count_buffers_and_not_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer in several parts counts once, as the page says."""
    monkeypatch.setattr(parts, "PART", 100_000)
    monkeypatch.setattr("tests.zmq.raw.PIECE", 100_000)
    buffers = [bytes([number]) * size for number, size in enumerate((250_000, 80_000, 99, 300_000), 1)]
    rows: list[Any] = [(LIST, 0, 0, 0, 4, 0, "", "")] + [(BYTES, 0, 0, 0, 0, 0, "", "")] * 4
    made = pack(Nodes(rows, [], list(buffers)))
    limits = Limits()
    found = unpack(made[0], [memoryview(one) for one in made[1:]], limits)
    assert [bytes(_joined(one)) for one in found.buffers] == buffers
    wrong = bytearray(made[0])
    at = 64 + 8 * 5 + 8 * 4 + 8
    assert int.from_bytes(wrong[at : at + 8], "little") == 2
    by_hand = encode({"a": buffers[0], "b": buffers[1], "c": buffers[3]})
    back = unpack(by_hand[0], [memoryview(one) for one in by_hand[1:]], limits)
    assert [bytes(_joined(one)) for one in back.buffers] == [buffers[0], buffers[1], buffers[3]]
    with pytest.raises(ProtocolError):
        unpack(by_hand[0], [memoryview(one) for one in by_hand[2:]], limits)


def _joined(buffer: Any) -> Any:
    if isinstance(buffer, (bytes, memoryview)):
        return buffer
    target = bytearray(buffer.nbytes)
    buffer.copy_into(memoryview(target))
    return target


# ------------------------------------------------------------------------- counts


@pytest.fixture
def server() -> Iterator[Server]:
    address = "127.0.0.1:0"
    config = Config(
        zmq=[address], http=[address], telemetry={"metrics": True}, limits={"connections": 3, **LIMITS}
    )  # type: ignore[arg-type]
    with Server(config) as found:
        yield found


def scrape(server: Server) -> dict[str, float]:
    """How many were dropped, by reason, as Prometheus reads it."""
    with urllib.request.urlopen(f"{server.endpoints['http']}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {
            sample.labels["reason"]: sample.value
            for family in families
            for sample in family.samples
            if sample.name == "arcuate_dropped_total" and sample.labels["protocol"] == "zmq"
        }


def test_every_reason_is_on_the_page_of_metrics(server: Server) -> None:
    assert scrape(server) == dict.fromkeys(REASONS, 0.0)
    url = server.endpoints["zmq"]
    with Raw(url) as raw:
        raw.post([b"garbage"])
        raw.ended()
    with Raw(url, IDENTITY=b"me") as raw:
        raw.post([b"hello"])
        raw.ended()
    with Wire(url) as wire:
        greet(wire)
        wire.flood(bytes(MIB // 2))
    host, port = url.removeprefix("zmq://").split(":")
    with socket.create_connection((host, int(port))) as other:
        other.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(100))
        other.settimeout(PATIENCE)
        while other.recv(4096):
            pass
    bridge: Any = server.bridges["zmq"]
    until(lambda: not bridge._ports[0].wires.found, "all are gone")
    crowd = [socket.create_connection((host, int(port))) for _ in range(5)]
    until(lambda: bridge.counts["connections"] >= 2, "two are too many")
    for one in crowd:
        one.close()
    until(lambda: not bridge._ports[0].wires.found, "all are gone")
    found = scrape(server)
    assert found == {reason: float(bridge.counts[reason]) for reason in REASONS}
    assert {reason for reason, count in found.items() if count} >= {
        "garbage", "identity", "unfinished", "handshake", "connections",
    }  # fmt: skip


# --------------------------------------------------------------- the port of samples


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_port_of_samples_can_be_set() -> None:
    wanted = free_port()
    with (
        Server(Config(zmq=["127.0.0.1:0"], zmq_samples=wanted)) as server,
        Raw(server.endpoints["zmq"]) as raw,
    ):
        raw.hello()
        told = raw.ask("listen", topic="t")["value"]
        assert told["port"] == wanted
        with raw.subscribe(told) as reader:
            until(lambda: raw.ask("publish", topic="t", value=1.5) and reader.poll(50), "a sample comes")


def test_a_port_of_samples_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(Unavailable, match=r"zmq_samples"):
            Server(Config(zmq=["127.0.0.1:0"], zmq_samples=taken)).start()
