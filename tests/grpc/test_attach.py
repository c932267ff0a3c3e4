"""The stream Attach: what is accepted, what is refused and how, and that others notice nothing."""

from __future__ import annotations

import gc
import os
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from tests.grpc.conftest import ROOT
from tests.grpc.raw import HELLO, Proxy, Raw

from arcuate.client import connect, messages
from arcuate.client.net import chunks
from arcuate.client.net.chunks import CHUNK, chunk, pack, pack_plain
from arcuate.errors import ConnectionLost, LimitExceeded
from arcuate.grpc import GrpcBridge, attach
from arcuate.grpc import bridge as bridge_module
from arcuate.hub import Config, Hub
from arcuate.hub.config import LimitsConfig
from arcuate.values import codes, encode


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.005)


@pytest.fixture
def own() -> Iterator[Callable[..., GrpcBridge]]:
    """Bridges of the test's own, with limits of its own."""
    made: list[tuple[Hub, GrpcBridge]] = []

    def make(**limits: Any) -> GrpcBridge:
        hub = Hub(Config(limits=LimitsConfig(**limits)))
        bridge = GrpcBridge(hub)
        bridge.start()
        made.append((hub, bridge))
        return bridge

    yield make
    for hub, bridge in made:
        hub.close()
        bridge.stop(0.2)


def where(bridge: GrpcBridge) -> str:
    return bridge.endpoints[0].removeprefix("grpc://")


def request(number: int, *args: Any, name: str = "len") -> Any:
    """A stateless call, as a message."""
    return messages.build("call", number, {"environment": "python", "name": name, "args": list(args)})


# ------------------------------------------------------------------------ form

LONG = {f"key {number}": "é" * 10 for number in range(50_000)}
"""A value whose frame alone has more than 1 MiB."""


def test_the_pieces_of_a_message_are_what_session_proto_says(generated: Any) -> None:
    """Independent of our own reader: protobuf itself reads what `pack` writes, and the other way round."""
    kind = generated.session_pb2.AttachRequest
    array = np.arange(300_000.0)
    first, rest = pack(messages.build("call", 7, {"args": [array, b"x" * 100]}))
    found = kind.FromString(first)
    assert found.frame[:4] == b"ARCU"
    assert not found.rest
    bodies = [kind.FromString(chunk(view)) for view in rest]
    assert [len(one.chunk) for one in bodies] == [CHUNK, CHUNK, 2_400_000 - 2 * CHUNK]
    assert b"".join(one.chunk for one in bodies) == array.tobytes()
    long, more = pack(messages.build("call", 7, {"args": [LONG]}))
    found = kind.FromString(long)
    assert (len(found.frame), found.rest) == (CHUNK, sum(map(len, more)))
    reader = chunks.Reader(attach.Limits())
    assert reader.feed(found.SerializeToString()) is None
    for view in more[:-1]:
        assert reader.feed(kind(chunk=bytes(view)).SerializeToString()) is None
    whole = reader.feed(kind(chunk=bytes(more[-1])).SerializeToString())
    assert whole is not None
    assert messages.fields(whole)["args"] == [LONG]
    plain = kind.FromString(pack_plain(encode({"op": "ping", "id": 1})))
    assert list(plain.message.keys) == ["op", "id"]


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 131_071, 131_072, 131_073, 1_000_003])
def test_arrays_of_every_size_come_back(address: str, size: int) -> None:
    """Around the sizes from which on a buffer travels in chunks, and in several."""
    with connect(f"grpc://{address}/python") as session:
        array = np.arange(size, dtype=float)
        np.testing.assert_array_equal(session.call("numpy.negative", array), -array)


def test_many_large_buffers_and_a_long_frame_in_one_message(address: str) -> None:
    with connect(f"grpc://{address}/python") as session:
        value = {
            "arrays": [np.full(20_000 + i, i) for i in range(30)],
            "texts": [f"{i} é" * 3 for i in range(100_000)],
            "long": LONG,
            "bytes": bytes(3_000_000),
        }
        session["x"] = value
        back = session["x"]
        assert back["texts"] == value["texts"]
        assert back["bytes"] == value["bytes"]
        assert back["long"] == LONG
        for one, other in zip(back["arrays"], value["arrays"], strict=True):
            np.testing.assert_array_equal(one, other)


def test_callbacks_for_a_client_without_frames(address: str) -> None:
    """Messages as mappings both ways: what a generated stub can do."""
    with Raw(address, hello=False) as raw:
        plain = lambda op, number, **fields: raw.raw(  # noqa: E731
            [pack_plain(messages.build(op, number, fields))]
        )
        plain("hello", 0, **HELLO)
        assert raw.read()["op"] == "hello"
        assert raw.reader.plain
        plain("open", 1, environment="python")
        assert raw.answer(1)["value"]["language"] == "Python"
        message = messages.build("call", 2, {"name": "sorted", "args": [[2.0, 3.0, 1.0]]}, extra=1)
        message.rows.append((codes.MAPPING, 0, 0, 0, 1, 0, "named", ""))
        message.rows.append((codes.FUNCTION, 0, 0, 0, 0, 0, "key", "mine"))
        raw.raw([pack_plain(message)])
        while (found := raw.read())["op"] == "callback":
            assert found["function"] == "mine"
            plain("return", found["id"], value=-found["args"][0])
        assert found["value"] == [3.0, 2.0, 1.0]
        plain("close", 3)
        assert raw.answer(3)["value"] is None


# ---------------------------------------------------------------------- hostile


def front(size: int, *, places: int = 1) -> bytes:
    """The first piece of a message that announces a large buffer."""
    first, _ = pack(request(1, bytes(size)))
    return first


GARBAGE: dict[str, list[bytes]] = {
    "no message of the stream": [b"\xff" * 50],
    "an empty message": [b""],
    "no frame": [b"\x0a\x03abc"],
    "a frame of nothing but zeros": [b"\x0a\x40" + bytes(64)],
    "a chunk that belongs to nothing": [chunk(memoryview(b"x" * 10))],
    "an empty chunk": [front(100_000), b"\x1a\x00"],
    "a chunk that is too large": [front(3_000_000), chunk(memoryview(bytes(CHUNK + 1)))],
    "more bytes than were announced": [front(100_000), chunk(memoryview(bytes(100_001)))],
    "a message inside another": [front(100_000), pack(request(1, b"x"))[0]],
    "a frame longer than it may be at once": [b"\x0a" + chunks._varint(CHUNK + 1) + bytes(CHUNK + 1)],
    "two fields at once": [front(100_000) + b"\x1a\x01x"],
    "a rest without a frame": [b"\x10\x05"],
    "a rest that does not end where it should": [
        b"\x0a\x03abc\x10\x05",
        chunk(memoryview(b"123456")),
    ],
    "a mapping without a kind": [b"\x22\x00"],
    "a text that is no UTF-8": [b"\x22\x06\x08\x06\x52\x02\xff\xff"],
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_ends_its_own_stream_only(case: str, bridge: GrpcBridge, address: str) -> None:
    with Raw(address) as other, Raw(address) as raw:
        before = bridge.counts["garbage"]
        raw.raw(GARBAGE[case])
        said = raw.read()
        assert (said["op"], said["id"], said["code"]) == ("error", 0, "PROTOCOL_ERROR"), said
        with pytest.raises(EOFError):
            raw.read()
        assert bridge.counts["garbage"] == before + 1
        assert other.eval("6 * 7") == 42


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_instead_of_a_hello(case: str, address: str) -> None:
    with Raw(address, hello=False) as raw:
        raw.raw(GARBAGE[case])
        said = raw.read()
        assert said["op"] == "error"
        assert said["code"] in ("PROTOCOL_ERROR", "LIMIT_EXCEEDED")
        with pytest.raises(EOFError):
            raw.read()


def test_a_call_instead_of_a_hello(address: str) -> None:
    with Raw(address, hello=False) as raw:
        raw.send("eval", {"code": "1", "environment": "python"})
        said = raw.read()
        assert said["code"] == "PROTOCOL_ERROR"
        assert "hello" in said["message"]
        with pytest.raises(EOFError):
            raw.read()


def test_a_stream_that_ends_in_the_middle_of_a_message(bridge: GrpcBridge, address: str) -> None:
    before = bridge.counts["truncated"]
    with Raw(address) as raw:
        raw.raw([front(3_000_000), chunk(memoryview(bytes(CHUNK)))])
        raw.finish()
        with pytest.raises(EOFError):
            raw.read()
    assert bridge.counts["truncated"] == before + 1


def test_what_was_asked_last_is_answered_before_the_end(address: str) -> None:
    with Raw(address) as raw:
        number = raw.send("environments", {})
        raw.finish()
        assert raw.answer(number)["value"]


def test_a_client_that_says_nothing_is_let_go(
    bridge: GrpcBridge, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach, "HELLO", 0.1)
    before = bridge.counts["silent"]
    with Raw(address, hello=False) as raw:
        assert raw.read()["code"] == "PROTOCOL_ERROR"
        with pytest.raises(EOFError):
            raw.read()
    assert bridge.counts["silent"] == before + 1


def test_a_client_that_stops_reading_is_let_go(
    own: Callable[..., GrpcBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach, "BACKLOG_BYTES", 4 << 20)
    bridge = own()
    with Raw(where(bridge)) as raw, Raw(where(bridge)) as other:
        for number in range(1, 1000):
            if bridge.counts["slow"]:
                break
            code = "dict.fromkeys(map(str, range(20_000)), 'x' * 20)"  # 1.5 MB of a frame
            raw.send("eval", {"code": code, "environment": "python"})
            if not number % 20:
                assert other.eval("6 * 7") == 42
        until(lambda: bridge.counts["slow"], "the client is let go")
        assert other.eval("6 * 7") == 42


def test_a_client_that_takes_nothing_for_long_is_let_go(
    own: Callable[..., GrpcBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_module, "_SWEEP", 0.02)
    monkeypatch.setattr(bridge_module, "STUCK", 0.2)
    bridge = own()
    with Raw(where(bridge)) as raw, Raw(where(bridge)) as other:
        raw.send("eval", {"code": "bytes(50_000_000)", "environment": "python"})
        until(lambda: bridge.counts["slow"], "the client is let go")
        assert other.eval("6 * 7") == 42


# ----------------------------------------------------------------------- limits


def test_limits_name_their_setting_and_the_stream_goes_on(own: Callable[..., GrpcBridge]) -> None:
    bridge = own(message=200_000, array=3_000_000)
    with Raw(where(bridge)) as raw:
        first, rest = pack(request(5, LONG))
        raw.raw([first, *map(chunk, rest)])
        said = raw.answer(5)
        assert (said["code"], said["setting"]) == ("LIMIT_EXCEEDED", "message")
        first, rest = pack(request(6, bytes(4_000_000)))
        raw.raw([first, *map(chunk, rest)])
        said = raw.answer(6)
        assert (said["code"], said["setting"]) == ("LIMIT_EXCEEDED", "array")
        raw.raw([pack_plain(request(7, LONG))])
        said = raw.read()
        assert (said["code"], said["setting"]) == ("LIMIT_EXCEEDED", "message")
    with connect(f"{bridge.endpoints[0]}/python") as session:
        with pytest.raises(LimitExceeded, match="'array'"):
            session.call("len", bytes(4_000_000))
        with pytest.raises(LimitExceeded, match="'message'"):
            session.call("len", LONG)
        assert session.call("len", bytes(2_000_000)) == 2_000_000


def test_a_plain_call_over_the_limit_names_the_setting(
    own: Callable[..., GrpcBridge], generated: Any
) -> None:
    bridge = own(message=5_000_000)
    pb, v = generated.session_pb2, generated.value_pb2
    with grpc.insecure_channel(where(bridge)) as channel:
        stub = generated.session_pb2_grpc.SessionServiceStub(channel)
        for size in (5_000_001, 9_000_000):
            array = v.Value(kind=v.KIND_BYTES, data=bytes(size))
            with pytest.raises(grpc.RpcError) as caught:
                stub.Call(pb.CallRequest(scope=pb.Scope(environment="python"), name="len", args=[array]))
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "'message'" in caught.value.details()


def test_a_plain_call_far_over_the_limit(own: Callable[..., GrpcBridge], generated: Any) -> None:
    """gRPC itself refuses it, before anybody of ours sees it, by the text that session.proto tells of."""
    bridge = own(message=1_000_000)
    pb, v = generated.session_pb2, generated.value_pb2
    with grpc.insecure_channel(where(bridge)) as channel:
        stub = generated.session_pb2_grpc.SessionServiceStub(channel)
        array = v.Value(kind=v.KIND_BYTES, data=bytes(10_000_000))
        with pytest.raises(grpc.RpcError) as caught:
            stub.Call(pb.CallRequest(scope=pb.Scope(environment="python"), name="len", args=[array]))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        text = "Received message larger than max"
        assert text in caught.value.details()
        assert text in (ROOT / "protos/arcuate/v1/session.proto").read_text()


def test_a_server_that_takes_less_than_a_piece(
    own: Callable[..., GrpcBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a proxy on the way may: Python's client says which setting it is, where gRPC's own text does not."""
    usual = GrpcBridge._options
    least = ("grpc.max_receive_message_length", 10_000)
    monkeypatch.setattr(GrpcBridge, "_options", lambda self: [least, *usual(self)[1:]])
    assert usual(own())[0][0] == least[0]
    with connect(f"{own().endpoints[0]}/python") as session:
        assert session.call("len", bytes(1000)) == 1000
        with pytest.raises(LimitExceeded, match="'message'") as caught:
            session.call("len", bytes(100_000))
        assert (caught.value.setting, caught.value.executed) == ("message", "no")
        assert session.call("len", bytes(2000)) == 2000


def test_as_many_clients_as_may_be(own: Callable[..., GrpcBridge]) -> None:
    bridge = own(connections=2)
    with Raw(where(bridge)), Raw(where(bridge)) as second:
        with Raw(where(bridge), hello=False) as third, pytest.raises(grpc.RpcError) as caught:
            third.read()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "'connections'" in caught.value.details()
        with pytest.raises(LimitExceeded, match="'connections'") as refused:
            connect(f"{bridge.endpoints[0]}/python")
        assert refused.value.setting == "connections"
        second.close()
        until(lambda: len(bridge.hub.connections) < 2, "the second is gone")
        with connect(f"{bridge.endpoints[0]}/python") as session:
            assert session.eval("1") == 1


# ---------------------------------------------------------------- lost and found


@pytest.fixture
def proxy(address: str) -> Iterator[Proxy]:
    found = Proxy(address)
    yield found
    found.close()


def test_a_call_goes_on_over_a_cut_connection(proxy: Proxy) -> None:
    with connect(f"grpc://{proxy.address}/python") as session:
        session.run("n = 0")
        pid = session.call("os.getpid")
        for _ in range(5):
            threading.Timer(0.05, proxy.cut).start()
            session.run("import time; time.sleep(0.15); n += 1")
        assert session["n"] == 5  # each was carried out once
        assert session.call("os.getpid") == pid
        assert proxy.accepted >= 5


def test_a_cut_in_the_middle_of_an_array(proxy: Proxy) -> None:
    array = np.arange(2_000_000.0)
    with connect(f"grpc://{proxy.address}/python") as session:
        for delay in (0.005, 0.02, 0.04, 0.08):
            threading.Timer(delay, proxy.cut).start()
            np.testing.assert_array_equal(session.call("numpy.negative", array), -array)


def test_a_hub_that_does_not_come_back(own: Callable[..., GrpcBridge]) -> None:
    bridge = own(grace_seconds=0.5)
    session = connect(f"{bridge.endpoints[0]}/python")
    bridge.stop(0.1)
    with pytest.raises(ConnectionLost, match=r"could not be made again|does not resume"):
        session.call("len", "abc")
    session.close()


FORK = """
import os, sys
from arcuate.client import connect
with connect(sys.argv[1]) as session:
    assert session.eval("1") == 1
    child = os.fork()
    if not child:
        try:
            with connect(sys.argv[1], start=20) as own:
                print(own.eval("6 * 7"), flush=True)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    print(session.eval("'and the parent goes on'"))
"""


def test_a_forked_child_opens_a_session_of_its_own(address: str) -> None:
    command = [sys.executable, "-c", FORK, f"grpc://{address}/python"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("42\nand the parent goes on\n", "")


def test_nothing_listens() -> None:
    begin = time.monotonic()
    with pytest.raises(ConnectionLost) as caught:
        connect("grpc://127.0.0.1:1/python", start=10)
    assert caught.value.executed == "no"
    assert time.monotonic() - begin < 5


def test_something_else_listens(proxy: Proxy) -> None:
    import http.server

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with pytest.raises(ConnectionLost):
            connect(f"grpc://127.0.0.1:{server.server_port}/python", start=2)
        server.shutdown()


# ------------------------------------------------------------------------ traces


def test_the_trace_of_a_plain_call_reaches_the_hub(own: Callable[..., GrpcBridge], generated: Any) -> None:
    bridge = own()
    seen: list[Any] = []
    bridge.hub.observers.append(lambda *told: seen.append(told[3].controls.get("trace")))
    pb = generated.session_pb2
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with grpc.insecure_channel(where(bridge)) as channel:
        stub = generated.session_pb2_grpc.SessionServiceStub(channel)
        call = pb.EvalRequest(scope=pb.Scope(environment="python"), code="1")
        for sent in (parent, "nonsense"):
            stub.Eval(call, metadata=[("traceparent", sent)])
    assert seen == [parent, None]


def test_doubles_are_little_endian_on_the_wire(address: str) -> None:
    """Golden bytes: an array of 1.0 and 2.0 inside its frame."""
    first, _ = pack(request(1, np.array([1.0, 2.0])))
    assert struct.pack("<2d", 1.0, 2.0) in first


FAULTS = """
import resource, sys
from arcuate.client.net import heap
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(200):
        kept = [b"x" * (1 << 20) for _ in range(4)]
        del kept
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
heap.keep()
faults()
print(faults())
"""


def test_memory_of_chunks_is_kept_unless_the_user_wants_otherwise() -> None:
    """What the kernel counts: pages that were made for memory that is freed and used again."""

    def run(**variables: str) -> int:
        given = {**os.environ, **variables}
        done = subprocess.run(
            [sys.executable, "-c", FAULTS], env=given, capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    if os.confstr("CS_GNU_LIBC_VERSION") is None:
        pytest.fail("this test knows glibc only")
    assert run() < 5_000
    assert run(MALLOC_MMAP_THRESHOLD_="131072") > 100_000


def test_a_closed_session_leaves_no_circle(address: str) -> None:
    """A call of gRPC that is freed as the interpreter ends waits for ever for a lock of an ended thread."""
    gc.disable()
    try:
        session = connect(f"grpc://{address}/python")
        assert session.call("len", "four") == 4
        call = weakref.ref(session._transport._link._call)  # type: ignore[attr-defined]
        assert call() is not None
        session.close()
        until(lambda: call() is None, "gRPC's call is freed without a search for garbage")
    finally:
        gc.enable()
