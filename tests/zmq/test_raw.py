"""The page protos/zeromq.md, followed by a client that was written from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.zmq import dump
from tests.zmq.conftest import until
from tests.zmq.raw import FIRST, OUTSIDE, Function, Raw, decode, encode

from arcuate.client import messages
from arcuate.client.net.parts import pack, unpack
from arcuate.values.limits import Limits
from arcuate.zmq import ZmqBridge

PAGE = Path(__file__).resolve().parents[2] / "protos/zeromq.md"
ONES = np.ones(8192)
EXAMPLE: list[dict[str, Any]] = [
    {"op": "hello", "id": 0, "major": 1, "minor": 0, "agent": "example"},
    {"op": "call", "id": 1, "environment": "python", "name": "math.fsum", "args": [ONES]},
    {"op": "reply", "id": 1, "value": 8192.0},
]
COUNT = """
n = 0
def count(f):
    global n
    n += 1
    f()
    print('on')
    return n
"""


@pytest.fixture(params=["tcp", "ipc"])
def raw(bridge: ZmqBridge, request: pytest.FixtureRequest) -> Any:
    """A connection, before its hello."""
    with Raw(bridge.endpoints[request.param == "ipc"]) as found:
        yield found


def test_the_example_of_the_page_is_what_a_hub_reads_and_answers(raw: Raw) -> None:
    blocks = [dump.read(text) for text in re.findall(r"```text\n( +0  .*?)\n```", PAGE.read_text(), re.S)]
    assert len(blocks) == 3
    raw.post([blocks[0]])
    assert raw.read()["op"] == "hello"
    raw.post([blocks[1], ONES.tobytes()])
    assert raw.socket.poll(30_000)
    assert raw.socket.recv_multipart() == [blocks[2]]
    for block, message in zip(blocks, EXAMPLE, strict=True):
        assert encode(message)[0] == block
    assert pack(messages.build("reply", 1, {"value": 8192.0})) == [blocks[2]]
    assert dump.read(dump.write(blocks[1])) == blocks[1]


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    from arcuate.client.net import parts, shelf
    from arcuate.zmq import bridge, feed, port, wires

    text = PAGE.read_text()
    assert f"{parts.FIRST:,} bytes" in text
    assert f"{parts.PART:,} bytes" in text
    assert (parts.PLACED, parts.FIRST) == (OUTSIDE, FIRST)
    assert (bridge.HELLO, bridge.HEARTBEAT, bridge.PATIENCE, bridge.STUCK) == (30, 5, 20, 60)
    assert (port.BACKLOG, port.BACKLOG_BYTES, port.UNKNOWN_BYTES) == (10_000, 256 << 20, 1 << 20)
    assert (feed.WAITING, feed.LARGEST, feed.UNUSED, feed.MOST) == (256, 1 << 20, 30, 1 << 20)
    assert (shelf.FILES, shelf.BYTES, wires.HEARTBEATS, bridge._TICK) == (64, 1 << 30, 256, 0.25)


def test_a_session_by_hand(raw: Raw) -> None:
    hello = raw.hello()
    assert (hello["op"], hello["major"]) == ("hello", 1)
    greeting = raw.ask("open", environment="python", options={})["value"]
    assert greeting["language"] == "Python"
    assert raw.ask("run", code="def twice(f, x): print('twice'); return f(f(x))")["op"] == "reply"
    number = raw.send("call", name="twice", args=[Function("f1"), 3.0])
    outputs = ""
    while True:
        found = raw.read()
        if found["op"] == "event":
            outputs += found["text"]
        elif found["op"] == "callback":
            assert (found["call"], found["function"]) == (number, "f1")
            raw.send("return", found["id"], value=found["args"][0] * 10)
        else:
            break
    assert (found["id"], found["value"], outputs) == (number, 300.0, "twice\n")
    raw.send("cancel", 0, call=raw.send("call", name="time.sleep", args=[600]))
    assert raw.answer(raw.number)["code"] == "CALL_CANCELLED"
    error = raw.ask("call", name="no.such.function", args=[])
    assert (error["code"], error["id"]) == ("NAME_NOT_FOUND", raw.number)
    assert raw.ask("close")["value"] is None


@pytest.mark.parametrize("outside", [OUTSIDE, 1])
def test_large_buffers_are_parts_of_their_own(raw: Raw, outside: int) -> None:
    raw.hello()
    assert raw.ask("open", environment="python", options={})["op"] == "reply"
    raw.ask("run", code="def same(*x): return list(x)")
    arrays = [np.arange(float(size)) for size in (0, 3, 8191, 8192, 300_000)]
    raw.number += 1
    parts = encode({"op": "call", "id": raw.number, "name": "same", "args": arrays}, outside)
    assert len(parts) == (4 if outside == OUTSIDE else 5)  # with the frame of 66 kB announced, or without
    raw.post(parts)
    found = raw.answer(raw.number)["value"]
    for one, back in zip(arrays, found, strict=True):
        np.testing.assert_array_equal(one, back)


def test_a_large_frame_is_announced(raw: Raw) -> None:
    raw.hello()
    text = "ě" * 100_000
    found = raw.ask("call", environment="python", name="str.upper", args=[text])
    assert found["value"] == text.upper()


def test_a_buffer_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for buffers above 128 MiB, with smaller pieces."""
    monkeypatch.setattr("arcuate.client.net.parts.PART", 30_000)
    data = np.arange(20_000.0)
    sent = pack(messages.build("reply", 1, {"value": data}))
    assert [len(part) for part in sent[1:]] == [30_000] * 5 + [10_000]
    assert decode([bytes(part) for part in sent])["value"].tolist() == data.tolist()
    monkeypatch.setattr("tests.zmq.raw.PIECE", 30_000)
    parts = encode({"op": "reply", "id": 1, "value": data})
    found = unpack(bytes(parts[0]), [memoryview(part) for part in parts[1:]], Limits())
    assert messages.fields(found)["value"].tolist() == data.tolist()


def test_coming_back(bridge: ZmqBridge) -> None:
    """A connection is lost during a call; the call is carried out once, and what was missed comes again."""
    with Raw(bridge.endpoints[0]) as raw:
        raw.hello()
        greeting = raw.ask("open", environment="python", options={})["value"]
        raw.ask(
            "run",
            code="n = 0\ndef count(f):\n    global n\n    n += 1\n    f()\n    print('on')\n    return n",
        )
        number = raw.send("call", name="count", args=[Function("f")])
        callback = raw.read()
        seen = raw.seen
    with Raw(bridge.endpoints[0]) as again:
        again.hello()
        again.number = number
        wrong = again.ask("resume", session=greeting["session"], secret="no", seen=seen)
        assert wrong["code"] == "SESSION_CLOSED"
        assert (
            again.ask("resume", session=greeting["session"], secret=greeting["secret"], seen=seen)["op"]
            == "reply"
        )
        again.send("call", number, name="count", args=[Function("f")])
        again.send("return", callback["id"], value=None)
        found = [again.read()]
        while found[-1]["op"] != "reply":
            found.append(again.read())
        assert "".join(one.get("text", "") for one in found) == "on\n"
        assert [one["seq"] for one in found] == list(range(seen + 1, seen + 1 + len(found)))
        assert (found[-1]["id"], found[-1]["value"]) == (number, 1)
        again.number += 10
        assert again.ask("get", name="n")["value"] == 1


def test_samples_by_xpub(bridge: ZmqBridge, raw: Raw) -> None:
    raw.hello()
    topic = f"blocks {raw.host}"
    told = raw.ask("listen", topic=topic)["value"]
    assert len(told["prefix"]) == 16
    assert raw.ask("listen", topic=topic)["value"]["prefix"] == told["prefix"]
    sockets = [raw.subscribe(told), raw.subscribe(told)]
    feed = bridge._ports["path" in told].feed
    assert feed is not None
    way = feed._ways[told["prefix"]]
    until(lambda: way.readers == 2, "both are subscribed")
    values: list[Any] = [[1.5, "x"], np.arange(10_000.0), np.arange(200_000.0)]
    assert [raw.ask("publish", topic=topic, value=one)["value"] for one in values] == [1, 2, 3]
    for socket in sockets:
        got = []
        for _ in values:
            assert socket.poll(30_000)
            prefix, *parts = socket.recv_multipart()
            assert prefix == told["prefix"]
            got.append(decode(parts))
        assert [(one["op"], one["id"], one["sequence"], one["lost"]) for one in got] == [
            ("sample", 0, number, 0) for number in (1, 2, 3)
        ]
        assert got[0]["value"] == values[0]
        np.testing.assert_array_equal(got[1]["value"], values[1])
        assert "value" not in got[2]
        assert got[2]["omitted"] >= 1_600_000
        socket.close(0)
    until(lambda: way.readers == 0, "both are gone")


def test_only_a_whole_prefix_can_be_subscribed_to(bridge: ZmqBridge) -> None:
    with Raw(bridge.endpoints[0]) as raw:
        raw.hello()
        told = raw.ask("listen", topic="secret")["value"]
        count = bridge.counts["subscription"]
        wrong = [
            raw.subscribe({**told, "prefix": prefix}) for prefix in (b"", told["prefix"][:15], bytes(16))
        ]
        until(lambda: bridge.counts["subscription"] == count + 3, "they are refused")
        right = raw.subscribe(told)
        feed = bridge._ports[0].feed
        assert feed is not None
        until(lambda: feed._ways[told["prefix"]].readers == 1, "it is subscribed")
        raw.ask("publish", topic="secret", value=1)
        assert right.poll(30_000)
        assert not any(socket.poll(0) for socket in wrong)
        for socket in (*wrong, right):
            socket.close(0)


def test_listening_needs_a_hello_and_a_topic(bridge: ZmqBridge) -> None:
    with Raw(bridge.endpoints[0]) as raw:
        raw.send("listen", topic="eeg")
        assert [one["code"] for one in raw.ended()] == ["PROTOCOL_ERROR"]
    with Raw(bridge.endpoints[0]) as raw:
        raw.hello()
        assert raw.ask("listen")["code"] == "INVALID_ARGUMENT"
        assert raw.ask("listen", topic="")["code"] == "INVALID_ARGUMENT"
        assert raw.ask("ping")["op"] == "reply"
