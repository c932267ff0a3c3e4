"""RedisStream against Redis itself."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import redis as bare
import xarray as xr
from tests.connector.proxy import Fault, FaultProxy
from tests.nosql import servers

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
)
from arcuate.errors import ConversionError, InvalidArgument, SessionClosed
from arcuate.streaming import Block, GapWarning, MalformedWarning, StreamingClient
from arcuate.streaming.redis import RedisStream, before

WORD = quote(servers.PASSWORD, safe="")
ARRAY = xr.DataArray(
    np.arange(6.0).reshape(3, 2),
    dims=("time", "channel"),
    coords={"channel": ["Fz", "Cz"]},
    attrs={"sampling_rate": 250.0},
)


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    with servers.redis() as found:
        yield found


@pytest.fixture
def url(server: servers.Server, other: bare.Redis) -> str:
    other.flushall()
    return f"redis://:{WORD}@127.0.0.1:{server.port}/0"


@pytest.fixture
def other(server: servers.Server) -> Iterator[bare.Redis]:
    with bare.Redis(port=server.port, password=servers.PASSWORD) as client:
        yield client


def stream(url: str, **more: object) -> RedisStream:
    return RedisStream(url=url, topic="signal", **more)


def numbers(blocks: object, count: int) -> list[int]:
    return [int(next(blocks).data[0]) for _ in range(count)]  # type: ignore[call-overload]


def test_blocks_come_back_as_they_were(url: str, other: bare.Redis) -> None:
    with stream(url, start="all") as both:
        both.write(Block.of(ARRAY, timestamp=5.5, headers={"subject": "ü 1"}))
        both.write({"type": "event", "n": 2**60})
        both.write(b"\x00raw")
        both.flush()
        with both.blocks(timeout=5) as reader:
            first, second, third = (next(reader) for _ in range(3))
    xr.testing.assert_identical(first.data, ARRAY)
    assert (first.sampling_rate, first.channels, first.timestamp) == (250.0, ("Fz", "Cz"), 5.5)
    assert first.headers == {"subject": "ü 1"}
    assert (first.topic, first.sequence, second.sequence) == ("signal", 0, 1)
    assert second.data == {"type": "event", "n": 2**60}
    assert third.data == b"\x00raw"
    assert [entry[0].decode() for entry in other.xrange("signal")] == [first.id, second.id, third.id]
    assert second.timestamp == int(second.id.partition("-")[0]) / 1000


def test_what_others_write(url: str, other: bare.Redis) -> None:
    other.xadd("signal", {"type": "event", "level": "3.5", "odd": b"\xff"})
    other.xadd("signal", {"data": '{"a": 1}', "content-type": "application/json"})
    other.xadd("signal", {"payload": "[1]"})
    with stream(url) as both, both.blocks(start="all", timeout=5) as reader:
        assert next(reader).data == {"type": "event", "level": "3.5", "odd": b"\xff"}
        assert next(reader).data == {"a": 1}
        assert next(reader).data == {"payload": "[1]"}
    with stream(url, field="payload", format="json") as both, both.blocks(start="all", timeout=5) as reader:
        next(reader), next(reader)
        assert next(reader).data == [1]


def test_where_a_reader_begins(url: str) -> None:
    with stream(url) as both:
        for i in range(5):
            both.write(np.array([i]))
        with both.blocks(start="all", timeout=5) as reader:
            blocks = [next(reader) for _ in range(5)]
        with both.blocks(start=blocks[3].id, timeout=5) as reader:
            assert numbers(reader, 2) == [3, 4]
            assert reader.next(0) is None
        stamp = int(blocks[0].id.partition("-")[0])
        with both.blocks(start=stamp, timeout=5) as reader:
            assert numbers(reader, 1) == [0]
        with both.blocks(timeout=5) as reader:  # new
            both.write(np.array([5]))
            assert numbers(reader, 1) == [5]
        with both.blocks("none", start="all", timeout=0.01) as reader, pytest.raises(IntegrationTimeout):
            next(reader)
        for wrong in ("last", "1-2-3", True, str(2**64)):
            with pytest.raises(InvalidArgument, match="start is"):
                both.blocks(start=wrong)
    assert before("5-0") == b"4-18446744073709551615"
    assert before("0-0") == b"0-0"


def test_several_topics(url: str) -> None:
    with stream(url) as both, both.blocks(["a", "b"], timeout=5) as reader:
        both.write(b"x", topic="b")
        both.write(b"y", topic="a")
        found = [next(reader) for _ in range(2)]
    assert {(one.topic, one.data, one.sequence) for one in found} == {("b", b"x", 0), ("a", b"y", 0)}


def test_what_was_cut_off_is_told(url: str, other: bare.Redis) -> None:
    with stream(url, buffer=2) as both, both.blocks(start="all", timeout=5) as reader:
        for i in range(4):
            both.write(np.array([i]))
        assert numbers(reader, 2) == [0, 1]
        for i in range(4, 10):
            both.write(np.array([i]))
        other.xtrim("signal", maxlen=3, approximate=False)
        with pytest.warns(GapWarning):
            assert numbers(reader, 3) == [7, 8, 9]
        assert reader.lost == both.lost == 5
        other.xtrim("signal", maxlen=0, approximate=False)  # all of them were read
        both.write(np.array([10]))
        assert numbers(reader, 1) == [10]
        assert reader.lost == 5


def test_max_length(url: str, other: bare.Redis) -> None:
    with stream(url, max_length=100) as both:
        for i in range(500):
            both.write(b"%d" % i)
    assert 100 <= other.xlen("signal") < 300


# --- Groups


def pending(other: bare.Redis) -> int:
    return int(other.xpending("signal", "work")["pending"])


def test_a_group_shares_and_remembers(url: str, other: bare.Redis) -> None:
    with stream(url, group="work", start="all") as a, stream(url, group="work", start="all") as b:
        for i in range(10):
            a.write(np.array([i]))
        with a.blocks(timeout=5) as one:
            first = next(one)
            assert pending(other) == 10
            first.ack()
            first.ack()
            assert pending(other) == 9
            again = next(one)
            again.nack()
            rest = [int(next(one).data[0]) for _ in range(8)]
            assert rest == list(range(2, 10))
            assert int(next(one).data[0]) == 1
        with b.blocks() as two:
            b.write(np.array([10]))
            assert int(two.next(5).data[0]) == 10
    names = {one["name"] for one in other.xinfo_consumers("signal", "work")}
    assert len(names) == 2  # both hold blocks


def test_a_name_that_nobody_needs_is_forgotten(url: str, other: bare.Redis) -> None:
    with stream(url, group="work", start="all") as both:
        both.write(b"x")
        with both.blocks(timeout=5) as reader:
            next(reader).ack()
            assert len(other.xinfo_consumers("signal", "work")) == 1
        assert other.xinfo_consumers("signal", "work") == []


def test_what_is_given_out_while_a_reader_closes_is_not_forgotten(url: str, other: bare.Redis) -> None:
    """Another thread may wait for entries under its name, and be given one between any two commands."""
    with stream(url, group="work", start="all") as both:
        reader = both.blocks(timeout=5)
        both.write(b"one")
        next(reader).ack()
        (name,) = (one["name"] for one in other.xinfo_consumers("signal", "work"))
        ask, given = both.ask, 0

        def asked(*words: object) -> object:
            nonlocal given
            answer = ask(*words)
            other.xadd("signal", {"data": b"more"})
            given += len(other.xreadgroup("work", name, {"signal": ">"})[0][1])
            return answer

        both.ask = asked  # type: ignore[method-assign]
        reader.close()
        assert given
        assert pending(other) == given


@pytest.mark.parametrize("same", [True, False], ids=["same name", "another name"])
def test_a_killed_reader_loses_nothing(url: str, other: bare.Redis, same: bool) -> None:
    count = 60
    with stream(url, group="work", start="all", consumer="first" if same else "second", ack_wait=0.2) as both:
        for i in range(count):
            both.write(np.array([i]))
        both.blocks().close()  # makes the group
        script = Path(__file__).with_name("redis_reader.py")
        with subprocess.Popen(
            [sys.executable, script, url, "first"], stdout=subprocess.PIPE, text=True
        ) as reader:
            assert reader.stdout is not None
            seen = [reader.stdout.readline().strip() for _ in range(21)]
            reader.kill()
            seen += reader.stdout.read().split()
        said = {int(one) for one in seen if one != "-"}
        assert pending(other) > 0
        found: list[int] = []
        with both.blocks(timeout=10) as rest:
            while said.union(found) != set(range(count)) or pending(other):
                block = next(rest)
                found.append(int(block.data[0]))
                block.ack()
        assert len(found) == len(set(found))


@pytest.mark.parametrize("same", [True, False], ids=["same name", "another name"])
def test_much_that_a_dead_reader_held_is_not_fetched_at_once(url: str, other: bare.Redis, same: bool) -> None:
    count = 200
    for i in range(count):
        other.xadd("signal", {"data": b"%d" % i})
    other.xgroup_create("signal", "work", "0")
    other.xreadgroup("work", "first", {"signal": ">"}, count=count)
    settings = {"group": "work", "consumer": "first" if same else "second", "ack_wait": 0.1, "buffer": 8}
    with stream(url, **settings) as both, both.blocks(timeout=5) as reader:
        feed, found, most = reader._feed, [], 0
        while len(found) < count:
            block = next(reader)
            found.append(block.data)
            block.ack()
            most = max(most, len(feed._waiting))  # type: ignore[attr-defined]
    assert found == list(range(count))
    assert most < 2 * 8
    assert pending(other) == 0


def test_lost_answers_lose_nothing(server: servers.Server, url: str, other: bare.Redis) -> None:
    """Each connection ends in the middle of an answer, which may be one that gave blocks out."""
    with FaultProxy(server.port) as proxy:
        proxy.fault = Fault(cut=20_000)
        through = f"redis://:{WORD}@127.0.0.1:{proxy.port}/0"
        retry = {"attempts": 5, "initial": 0.01, "jitter": 0}
        options = {"group": "work", "start": "all", "buffer": 4, "retry": retry}
        with stream(url) as writer, stream(through, **options) as both, both.blocks(timeout=5) as reader:
            for i in range(50):
                writer.write(np.full(200, i))
            found = []
            while len(found) < 50:
                block = next(reader)
                found.append(int(block.data[0]))
                block.ack()
            assert sorted(found) == list(range(50))
        assert proxy.connections > 5
    assert pending(other) == 0


def test_removed_before_it_was_acknowledged(url: str, other: bare.Redis) -> None:
    with stream(url, group="work", start="all", consumer="me") as both:
        for i in range(4):
            both.write(np.array([i]))
        with both.blocks(timeout=5) as reader:
            next(reader)
        other.xtrim("signal", maxlen=1, approximate=False)
        with both.blocks(timeout=5) as reader:
            with pytest.warns(GapWarning, match="3 samples of 'signal' were lost before number 0"):
                block = reader.next(5)
            assert block is not None
            assert (block.data.tolist(), block.follows_gap, reader.lost) == ([3], True, 3)


def test_a_pipeline_with_a_group(url: str, other: bare.Redis) -> None:
    with stream(url, group="work", start="all") as source, stream(url) as sink:
        for i in range(20):
            source.write(xr.DataArray(np.full((5, 1), float(i)), dims=("time", "channel")))
        out = RedisStream(url=url, topic="out", start="all")
        with out:
            report = (source | (lambda data: data * 2) | out).run(limit=20, timeout=20)
            assert report.blocks == 20
            with out.blocks(timeout=5) as reader:
                assert [float(next(reader).data[0, 0]) for _ in range(20)] == [2.0 * i for i in range(20)]
        assert sink.lost == 0
    assert pending(other) == 0


# --- Faults


def test_down_wrong_password_and_half_open(server: servers.Server, url: str) -> None:
    once = {"retry": {"attempts": 1}, "breaker": None}
    with FaultProxy(server.port) as proxy:
        port = proxy.port
        proxy.fault = Fault(silent=True)
        with pytest.raises(IntegrationTimeout):
            stream(f"redis://:{WORD}@127.0.0.1:{port}/0", timeouts={"read": 0.1}, **once).blocks()
    with pytest.raises(ConnectionError, match="refused") as caught:
        stream(f"redis://:{WORD}@127.0.0.1:{port}/0", **once).write(b"x")
    assert servers.PASSWORD not in str(caught.value)
    with pytest.raises(AuthenticationError) as denied:
        stream(f"redis://127.0.0.1:{server.port}/0", password="wrong-pass-word", **once).blocks()
    assert "wrong-pass-word" not in str(denied.value)


def test_a_server_that_goes_while_one_waits() -> None:
    with servers.redis(password=False) as server:
        both = stream(f"redis://127.0.0.1:{server.port}/0", retry={"attempts": 1}, breaker=None)
        reader = both.blocks()
        failed: list[BaseException] = []

        def read() -> None:
            try:
                next(reader)
            except IntegrationError as error:
                failed.append(error)

        thread = threading.Thread(target=read)
        thread.start()
    thread.join(10)
    assert isinstance(failed[0], ConnectionError)
    both.close()
    with pytest.raises(SessionClosed):
        both.write(b"x")


def test_malformed_and_wrong_keys(url: str, other: bare.Redis) -> None:
    other.xadd("signal", {"data": "no json", "content-type": "application/json"})
    other.xadd("signal", {"data": "[1]", "content-type": "application/json"})
    with stream(url, start="all") as both, both.blocks(timeout=5) as reader:
        with pytest.raises(DataError, match="cannot be read"):
            next(reader)
        assert next(reader).data == [1]
    with stream(url, start="all", group="work", malformed="skip") as both:
        with both.blocks(timeout=5) as reader, pytest.warns(MalformedWarning):
            assert next(reader).data == [1]
        assert both.malformed == 1
    assert pending(other) == 1  # the one that was not acknowledged
    other.set("plain", "x")
    with stream(url) as both:
        with pytest.raises(IntegrationError, match="WRONGTYPE"):
            both.write(b"x", topic="plain")
        with pytest.raises(IntegrationError, match="WRONGTYPE"):
            both.blocks("plain")
        with pytest.raises(ConversionError, match="setting 'field'"):
            both.write(Block.of(b"x", headers={"data": "y"}))


def test_the_scheme_chooses_it(url: str) -> None:
    with StreamingClient({"url": url, "topic": "signal"}) as client:
        assert isinstance(client.stream, RedisStream)
        client.write({"type": "event"})
        with client.blocks(start="all", timeout=5) as reader:
            assert next(reader).data["type"] == "event"
        assert client.health().status == "ok"
