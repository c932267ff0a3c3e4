"""Kafka streams against a real broker, beside Kafka's own console tools and the bare client."""

from __future__ import annotations

import datetime as dt
import os
import runpy
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import trustme
import xarray as xr
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    Timeouts,
)
from arcuate.connector.testing import Fault, FaultProxy, NetworkContract
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.integrations import Block, KafkaStream, kinds
from arcuate.streaming.kafka_read import KafkaFeed

from .kafka_server import PASSWORD, Kafka, kafka_broker


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    with kafka_broker() as one:
        yield one


@pytest.fixture
def bare(broker: Kafka) -> dict[str, Any]:
    return {"bootstrap.servers": f"127.0.0.1:{broker.port}"}


def made(bare: dict[str, Any], name: str, partitions: int) -> str:
    admin = AdminClient(bare)
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(20)
    return name


@pytest.fixture
def topic(bare: dict[str, Any]) -> str:
    """A topic of two partitions."""
    return made(bare, f"t-{uuid.uuid4()}", 2)


def stream(broker: Kafka, topic: str, **settings: Any) -> KafkaStream:
    return KafkaStream(url=broker.url, topic=topic, **settings)


def taken(source: KafkaStream, count: int, **options: Any) -> list[Any]:
    with source.blocks(timeout=20, **options) as blocks:
        return [next(blocks) for _ in range(count)]


def test_a_signal_comes_as_it_was(broker: Kafka, topic: str) -> None:
    data = xr.DataArray(
        np.arange(12.0).reshape(4, 3),
        dims=("time", "channel"),
        coords={"channel": ["Fz", "Cz", "Pz"]},
        attrs={"sampling_rate": 250.0},
    )
    with stream(broker, topic) as one, one.blocks(timeout=20) as blocks:
        one.write(data)
        block = next(blocks)
    assert block.data.identical(data)
    assert (block.channels, block.sampling_rate, block.topic) == (("Fz", "Cz", "Pz"), 250.0, topic)
    assert (block.sequence, block.id.partition(":")[2]) == (0, "0")
    assert block.timestamp == pytest.approx(time.time(), abs=60)


def test_kafka_s_own_tools(broker: Kafka, topic: str) -> None:
    """What the console producer writes is read, and the other way round: keys, headers, text.

    Equal keys are in one partition, the one that Kafka's Java client chooses.
    """
    lines = "".join(f'unit:mV\tk{i}\t{{"x": [{i}]}}\n' for i in range(8))
    broker.produce(topic, lines, "--property", "parse.key=true", "--property", "parse.headers=true")
    with stream(broker, topic, start="all") as one, stream(broker, topic, format="text") as other:
        other.write("no key")
        for i in range(8):
            other.write(Block(f"Grüße {i}", headers={"key": f"k{i}"}))
        other.flush()
        found = taken(one, 17)
    places: dict[str, set[str]] = {}
    for block in found:
        key = block.headers.get("key", "")
        places.setdefault(key, set()).add(block.id.partition(":")[0])
        if "unit" in block.headers:
            assert (block.data, dict(block.headers)) == ({"x": [int(key[1])]}, {"unit": "mV", "key": key})
    assert sorted(places) == ["", *(f"k{i}" for i in range(8))]
    assert all(len(one) == 1 for one in places.values())
    assert len(set.union(*places.values())) == 2
    shown = ("--property", "print.key=true", "--property", "print.headers=true")
    rows = broker.consume(topic, 17, *shown)
    for i in range(8):
        (line,) = [one for one in rows if one.endswith(f"Grüße {i}")]
        assert line.split("\t")[1] == f"k{i}"
    assert sum("unit:mV" in line for line in rows) == 8


def test_bytes_that_are_no_text_and_nothing(broker: Kafka, topic: str, bare: dict[str, Any]) -> None:
    producer = Producer(bare)
    producer.produce(topic, b"\xff\x00", b"\xfe\xff", headers={"h": b"\x80"}, partition=0)
    producer.produce(topic, None, b"gone", partition=0)
    producer.flush(20)
    with stream(broker, topic, start="all") as one, stream(broker, topic) as other:
        first, second = taken(one, 2)
        assert (first.data, second.data, second.headers["key"]) == (b"\xff\x00", None, "gone")
        with other.blocks(timeout=20) as blocks:
            one.write(first)
            again = next(blocks)
        assert (again.data, again.headers) == (first.data, first.headers)
        assert again.headers["key"].encode(errors="surrogateescape") == b"\xfe\xff"


def test_replay(broker: Kafka, bare: dict[str, Any]) -> None:
    name = f"t-{uuid.uuid4()}"
    begun = int(time.time() * 1000)
    with stream(broker, name, create=True) as one:
        one.write({"n": -1})
        one.flush()
        producer = Producer(bare)
        for n in range(5):
            producer.produce(name, b'{"n": %d}' % n, timestamp=begun + 1_000_000 + n * 1000)
        producer.flush(20)
        assert [block.data["n"] for block in taken(one, 6, start="all")] == [-1, 0, 1, 2, 3, 4]
        assert [block.data["n"] for block in taken(one, 3, start=3)] == [2, 3, 4]
        when = dt.datetime.fromtimestamp(begun / 1000 + 1003, dt.timezone.utc).isoformat()
        assert [block.data["n"] for block in taken(one, 2, start=when)] == [3, 4]
        for wrong, said in (
            ("yesterday", "or a time such as"),
            ("2026-11-28T12:00", "no zone"),
            (-1, "0 or more"),
        ):
            with pytest.raises(InvalidArgument, match=said):
                one.blocks(start=wrong)
        with one.blocks(start=10**6) as blocks:
            assert blocks.next(0.2) is None
        _forget(bare, name, 4)
        with pytest.warns(UserWarning, match="4"):
            assert taken(one, 1, start=0)[0].data == {"n": 3}
        assert one.lost == 4


def _forget(bare: dict[str, Any], topic: str, before: int) -> None:
    """As Kafka does with what is old."""
    admin = AdminClient(bare)
    at = TopicPartition(topic, 0, before)
    admin.delete_records([at])[at].result(20)
    for _ in range(1000):
        at = TopicPartition(topic, 0)
        if admin.list_offsets({at: OffsetSpec.earliest()})[at].result(20).offset == before:
            return
    raise AssertionError("Kafka did not delete the records")


def test_what_is_not_acknowledged_comes_again(broker: Kafka, topic: str) -> None:
    """Out of order: committed is up to the first that is not acknowledged."""
    settings: dict[str, Any] = {"group": f"g-{topic}", "start": "all"}
    with stream(broker, topic) as sink:
        for n in range(6):
            sink.write(Block(n, headers={"key": "same"}))
        sink.flush()
    with stream(broker, topic, **settings) as one, one.blocks(timeout=20) as blocks:
        held = [next(blocks) for _ in range(6)]
        for number in (0, 1, 3, 5):
            held[number].ack()
    with stream(broker, topic, **settings) as one, one.blocks(timeout=20) as blocks:
        second = next(blocks)
        assert second.data == 2
        second.nack()
        assert [next(blocks).data for _ in range(2)] == [2, 3]
        found = [next(blocks) for _ in range(2)]
        assert [block.data for block in found] == [4, 5]
    with stream(broker, topic, **settings) as one, one.blocks(timeout=20) as blocks:
        for block in (next(blocks) for _ in range(4)):
            block.ack()
    with stream(broker, topic, **settings) as one, one.blocks() as blocks:
        assert blocks.next(0.5) is None


def test_a_group_s_first_message_may_be_empty(broker: Kafka, topic: str, bare: dict[str, Any]) -> None:
    """It may come in the very moment in which the reader gets its partitions, and waits here then."""
    producer = Producer(bare)
    for payload in (None, b"", b"1"):
        producer.produce(topic, payload, partition=0)
    producer.flush(20)
    with stream(broker, topic, group=f"g-{topic}", start="all") as one, one.blocks(timeout=20) as blocks:
        feed: Any = blocks._feed
        if feed._first is None:
            feed._first = feed._consumer.poll(20)
        assert [next(blocks).data for _ in range(3)] == [None, b"", 1]


def test_what_is_wanted_again_of_a_partition_that_goes_to_another_reader() -> None:
    """Should it come back, it is read from where it was acknowledged, which may be before."""
    with KafkaStream(url="kafka://127.0.0.1:1", topic="t", group="g") as one:
        feed = KafkaFeed(one, ("t",), "new")
        feed._open["t", 0] = OrderedDict({5: False, 7: False})
        feed._settle(("t", 0), 7, False)
        feed._on_revoke(feed._consumer, [TopicPartition("t", 0)])
        assert not feed._again
        feed.close()


def test_a_group_shares_the_partitions(broker: Kafka, topic: str, bare: dict[str, Any]) -> None:
    """A second reader, which is the bare client, gets one of the two partitions."""
    group = f"g-{topic}"
    often = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 100}
    other = Consumer({**bare, **often, "group.id": group, "auto.offset.reset": "earliest"})
    with stream(broker, topic, group=group, start="all", session=2.0) as one, one.blocks() as blocks:
        other.subscribe([topic])
        for _ in range(400):
            assert other.poll(0.02) is None
            blocks.next(0.02)
            if len(other.assignment()) == 1:
                break
        producer = Producer(bare)
        for n in range(20):
            producer.produce(topic, str(n), partition=n % 2)
        producer.flush(20)
        mine, theirs = [], []
        for _ in range(400):
            block, message = blocks.next(0.02), other.poll(0.02)
            mine += [block.data] if block is not None else []
            theirs += [int(message.value())] if message is not None else []
            if len(mine) + len(theirs) == 20:
                break
        assert sorted(mine + theirs) == list(range(20))
        assert len(mine) == len(theirs) == 10
    other.close()


READER = """
import sys
from arcuate.streaming.kafka import KafkaStream
url, topic = sys.argv[1:]
with KafkaStream(url=url, topic=topic, group="crash", start="all", session=0.5) as one:
    with one.blocks(timeout=30) as blocks:
        print("ready", flush=True)
        for block in blocks:
            print(block.data, flush=True)   # it is dealt with
            block.ack()
"""


def test_at_least_once_through_kill_9(broker: Kafka, bare: dict[str, Any]) -> None:
    """Readers are killed in the middle, twice; every block is dealt with by one of them."""
    name = f"t-{uuid.uuid4()}"
    with stream(broker, name, create=True) as sink:
        for n in range(150):
            sink.write(n)
        sink.flush()
    dealt: list[int] = []
    for _ in range(2):
        reader = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(READER), broker.url, name],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
            dealt += [int(line) for line in islice(reader.stdout, 40)]
        finally:
            reader.kill()
            reader.wait(30)
            reader.stdout.close()
    with stream(broker, name, group="crash", session=0.5) as one, one.blocks(timeout=30) as blocks:
        while dealt[-1] != 149:
            block = next(blocks)
            dealt.append(block.data)
            block.ack()
    assert set(dealt) == set(range(150))
    assert dealt[-1] == 149


def test_a_reader_of_a_group_closes_though_its_broker_is_frozen(broker: Kafka, topic: str) -> None:
    """It has acknowledged a block, which the broker is to be told."""
    times = {"connect": 0.5, "read": 2.0, "call": 3.0}
    reader = stream(broker, topic, group=f"g-{uuid.uuid4()}", start="all", timeouts=times)
    reader.write(1)
    reader.flush()
    blocks = reader.blocks(timeout=20)
    block = next(blocks)
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        block.ack()
        begun = time.monotonic()
        reader.close()
        assert time.monotonic() - begun < 2
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)


def test_what_fails_when_partitions_are_given_out_is_an_error_of_ours(broker: Kafka, topic: str) -> None:
    """What is raised in a callback of the library's comes out of it as no exception, and cannot be caught."""
    settings = {"group": f"g-{uuid.uuid4()}", "start": "all", "session": 2.0}
    with (
        stream(broker, topic, **settings) as first,
        stream(broker, topic, **settings) as second,
        first.blocks() as blocks,
        ThreadPoolExecutor() as pool,
    ):
        first.config = first.config.model_copy(update={"timeouts": Timeouts(read=1e-4)})
        joining = pool.submit(second.blocks)  # now the partitions are shared out anew
        with pytest.raises(IntegrationTimeout, match="committed offsets"):
            while True:
                blocks.next(0.1)
        joining.result().close()


def test_faults(broker: Kafka, topic: str, caplog: pytest.LogCaptureFixture) -> None:
    with stream(broker, "no-such-topic") as one:
        with pytest.raises(NotFoundError, match=r"create=True"):
            one.blocks()
        with pytest.raises(NotFoundError, match="no-such-topic"):
            one.write(1)
    with stream(broker, topic) as one:
        one.write(bytes(2_000_000))
        with pytest.raises(Exception, match=r"max\.message\.bytes") as raised:
            one.flush()
        assert not raised.value.recoverable
        one.write(bytes(2_000_000))
    assert "not stored before close(): Broker: Message size too large" in caplog.text  # nobody asked
    with stream(broker, topic, limit=10_000) as one, pytest.raises(ConversionError, match="'limit'"):
        one.write(bytes(20_000))


def test_it_is_chosen_by_its_address(broker: Kafka) -> None:
    with kinds.connector(broker.url) as one:
        assert isinstance(one, KafkaStream)
        assert one.health().facts["brokers"] == 1


def test_who_we_are(broker: Kafka, topic: str) -> None:
    secure = f"kafka://tester@127.0.0.1:{broker.secure}"
    with KafkaStream(url=secure, topic=topic, password=PASSWORD) as one, one.blocks(timeout=20) as blocks:
        one.write({"a": 1})
        assert next(blocks).data == {"a": 1}
    with KafkaStream(url=secure, topic=topic, password="wrong-of-ours", retry=None) as one:
        for work in (one.blocks, lambda: one.write(1)):
            with pytest.raises(AuthenticationError, match="look at user") as raised:
                work()
            assert "wrong-of-ours" not in f"{raised.value} {raised.value.__cause__} {one!r} {one.config!r}"
    with KafkaStream(url="kafka://127.0.0.1:1", topic=topic, retry=None) as one:
        with pytest.raises(ConnectionError, match="is it running"):
            one.write(1)
        assert one.health().status == "down"


def test_tls_on_both_sides_and_scram(broker: Kafka, topic: str, tmp_path: Path) -> None:
    url = f"kafka://tester@127.0.0.1:{broker.locked}"
    ours = {"ca_file": broker.ca, "certificate": broker.certificate, "key": broker.certificate}
    scram: dict[str, Any] = {"url": url, "topic": topic, "mechanism": "SCRAM-SHA-256", "retry": None}
    with KafkaStream(scram, password=PASSWORD, **ours) as one, one.blocks(timeout=20) as blocks:
        one.write({"a": 1})
        assert next(blocks).data == {"a": 1}
    other = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    for settings, error, says in (
        ({**ours, "password": "wrong-of-ours"}, AuthenticationError, "look at user"),
        ({**ours, "password": PASSWORD, "ca_file": str(other)}, ConnectionError, "set ca_file"),
        ({"password": PASSWORD, "ca_file": broker.ca}, IntegrationError, "(?i)certificate|ssl"),
        ({**ours, "password": PASSWORD, "ca_file": str(tmp_path / "none")}, InvalidArgument, "ca_file"),
    ):
        with pytest.raises(error, match=says) as raised, KafkaStream(scram, **settings) as one:
            one.blocks()
        assert "wrong-of-ours" not in f"{raised.value} {raised.value.__cause__}"


def test_the_example_of_the_documentation(
    broker: Kafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = Path(__file__).parents[2] / "docs" / "examples" / "kafka.py"
    monkeypatch.setenv("KAFKA", broker.url)
    monkeypatch.setenv("TOPIC", f"t-{uuid.uuid4()}")
    runpy.run_path(str(example))
    assert capsys.readouterr().out == example.with_suffix(".out").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def contract(broker: Kafka) -> str:
    return made({"bootstrap.servers": f"127.0.0.1:{broker.port}"}, "contract", 1)


class TestContract(NetworkContract):
    """By way of a listener that Kafka tells to be where the proxy is."""

    times: ClassVar[dict[str, float]] = {"connect": 0.5, "read": 0.5, "call": 1.5}

    @pytest.fixture
    def address(self, broker: Kafka, contract: str) -> str:
        self.broker = broker
        return broker.url

    def between(self, url: str) -> FaultProxy:
        return FaultProxy(self.broker.behind, at=self.broker.proxied)

    def connector(self, url: str, **settings: Any) -> KafkaStream:
        return KafkaStream(url=url, topic="contract", **settings)

    def use(self, connector: KafkaStream) -> object:
        connector.write({"a": 1})
        return connector.flush()

    def begin(self, connector: KafkaStream) -> Any:
        for _ in range(3):
            self.use(connector)
        blocks = connector.blocks(start="all", timeout=5)
        next(blocks)
        return blocks

    def test_a_reader_goes_on_where_it_was(self, address: str, proxy: FaultProxy) -> None:
        with self.lent(self.fragile(address, proxy)) as one, one.blocks(timeout=20) as blocks:
            self.use(one)
            first = next(blocks)
            proxy.drop(reset=True)
            with stream(self.broker, "contract") as other:
                self.use(other)
            assert next(blocks).sequence == first.sequence + 1

    def test_a_reader_of_a_group_closes_soon_though_nobody_is_there(
        self, address: str, proxy: FaultProxy
    ) -> None:
        settings = {"group": f"g-{uuid.uuid4()}", "start": "all", "session": 8.0}
        with self.lent(self.fragile(address, proxy, **settings)) as one, one.blocks(timeout=20) as blocks:
            self.use(one)
            next(blocks).ack()
            proxy.fault = Fault(cut=1)
            proxy.drop()
            while blocks._feed._troubles.since is None:  # type: ignore[attr-defined]
                blocks.next(0.05)
            begun = time.monotonic()
            blocks.close()
            assert time.monotonic() - begun < 4.0
            proxy.fault = Fault()  # the library goes on in a thread, which others would find
        for thread in threading.enumerate():
            if thread.name == "arcuate-kafka-close":
                thread.join(30)
                assert not thread.is_alive()

    def test_a_reader_is_told_when_nobody_comes_back(self, address: str, proxy: FaultProxy) -> None:
        with self.lent(self.fragile(address, proxy, patience=0.3)) as one, one.blocks() as blocks:
            proxy.fault = Fault(cut=1)
            proxy.drop()

            def read() -> None:
                while blocks.next(0.2) is None:
                    pass

            assert isinstance(self.refused(read), ConnectionError)
