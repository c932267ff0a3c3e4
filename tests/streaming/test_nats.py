"""NATS against Debian's nats-server; foreign peers are its own protocol and nats-py alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nats
import numpy as np
import pytest
import trustme
import xarray as xr
from nats.js.api import AckPolicy, ConsumerConfig
from tests.connector.proxy import Fault, FaultProxy

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.streaming import Block, GapWarning, MalformedWarning, NATSStream, StreamingClient

from .nats_server import NATSServer, nats_server, speak

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before  # others' may end meanwhile


def bare(url: str, work: Callable[[Any, Any], Any]) -> Any:
    """What nats-py does without us."""

    async def go() -> Any:
        client = await nats.connect(url)
        try:
            return await work(client, client.jetstream())
        finally:
            await client.close()

    return asyncio.run(go())


def make(url: str, name: str, *subjects: str, **settings: Any) -> None:
    bare(url, lambda client, js: js.add_stream(name=name, subjects=list(subjects), **settings))


def state(url: str, name: str) -> Any:
    async def ask(client: Any, js: Any) -> Any:
        return (await js.stream_info(name)).state

    return bare(url, ask)


def signal(number: int) -> xr.DataArray:
    data = np.random.default_rng(number).normal(size=(100, 4))
    names = ["Cz", "Fz", "Oz", "Pz"]
    return xr.DataArray(data, {"channel": names}, ("time", "channel"), attrs={"sampling_rate": 1000.0})


def many(reader: Any, count: int) -> list[Block]:
    found = []
    for _ in range(count):
        block = reader.next(20)
        assert block is not None, f"{len(found)} of {count} came"
        found.append(block)
    return found


# ------------------------------------------------------------------------- core


def test_labelled_blocks_and_messages_of_others(server: NATSServer) -> None:
    with NATSStream(url=server.url, topic="eeg.s1") as stream, stream.blocks("eeg.*") as reader:
        for number in range(3):
            headers = {"type": "eeg", "a-_.!~*+#|^`$%&'9": "ü"}
            stream.write(Block.of(signal(number), timestamp=100.0 + number, headers=headers))
        stream.flush()
        speak(
            server.port, b'PUB eeg.s2 13\r\n{"type":"ecg"\r\n', b"PUB eeg.s2 14\r\n" + b'{"type":"ecg"}\r\n'
        )
        first = many(reader, 5)
        for number, block in enumerate(first[:3]):
            xr.testing.assert_identical(block.data, signal(number))
            assert (block.sequence, block.timestamp) == (number, 100.0 + number)
            assert (block.sampling_rate, block.channels) == (1000.0, ("Cz", "Fz", "Oz", "Pz"))
            assert (block.topic, block.headers) == ("eeg.s1", headers)
        assert [one.data for one in first[3:]] == [b'{"type":"ecg"', {"type": "ecg"}]
        assert [one.sequence for one in first[3:]] == [0, 1]
        assert stream.health().status == "ok"
        assert stream.health().facts["jetstream"] == "JetStream"


def test_others_read_what_is_written(server: NATSServer) -> None:
    async def read(client: Any, js: Any) -> Any:
        subscription = await client.subscribe("out.>")
        await client.flush()

        def write() -> None:
            with NATSStream(url=server.url, format="json") as stream:
                stream.write({"n": 1}, topic="out.json")
                stream.write(Block({"n": 2}, timestamp=5.0, headers={"x": "ü"}), topic="out.head")

        await asyncio.to_thread(write)
        return [await subscription.next_msg(5) for _ in range(2)]

    plain, headed = bare(server.url, read)
    assert (plain.subject, json.loads(plain.data)) == ("out.json", {"n": 1})
    assert headed.headers["x"] == "ü"
    assert json.loads(headed.headers["arcuate-block"]) == {"timestamp": 5.0}


def test_readers_of_a_group_share(server: NATSServer) -> None:
    with NATSStream(url=server.url, topic="shared", group="g") as stream:
        with stream.blocks() as one, stream.blocks() as other:
            for number in range(100):
                stream.write({"n": number})
            stream.flush()
            found = [[], []]  # type: ignore[var-annotated]
            while len(found[0]) + len(found[1]) < 100:
                for place, reader in enumerate((one, other)):
                    while (block := reader.next(0.05)) is not None:
                        found[place].append(block.data["n"])
        assert sorted(found[0] + found[1]) == list(range(100))
        assert min(map(len, found)) > 10


def test_what_nobody_takes_is_counted(server: NATSServer) -> None:
    """The library keeps 64 MiB for a slow reader; what it drops then is told."""
    with NATSStream(url=server.url, topic="flood", buffer=4) as stream, stream.blocks() as reader:
        data = bytes(range(256)) * 2048
        count = 160
        for _ in range(count):
            stream.write(data)
        stream.flush()
        with pytest.warns(GapWarning, match="'flood' were lost"):
            got = len(list(iter(lambda: reader.next(0.5), None)))
        assert got + stream.lost == count
        assert got > 100


# -------------------------------------------------------------------- JetStream


def test_replay(server: NATSServer) -> None:
    make(server.url, "kept", "kept.*")
    with NATSStream(url=server.url, topic="kept.a", jetstream=True) as stream:
        with stream.blocks() as new:
            for number in range(600):
                stream.write({"n": number})
            stream.flush()
            assert state(server.url, "kept").messages == 600
            for reader, first in ((new, 0), (stream.blocks(start="all"), 0), (stream.blocks(start=501), 500)):
                found = many(reader, 600 - first)
                assert [one.data["n"] for one in found] == list(range(first, 600))
                assert [one.sequence for one in found] == list(range(first + 1, 601))
                assert found[0].id == f"kept/{first + 1}"
                assert found[0].timestamp == pytest.approx(time.time(), abs=30)
                reader.close()
        with stream.blocks(start="last") as last:
            assert many(last, 1)[0].data == {"n": 599}
        speak(server.port, b"PUB kept.b 2\r\nhi\r\n")
        with stream.blocks(["kept.a", "kept.b"], start="all") as both:
            assert sum(one.data == b"hi" for one in many(both, 601)) == 1
        with pytest.raises(InvalidArgument, match="start is"):
            stream.blocks(start="yesterday")


def test_a_mere_writer_makes_its_stream(server: NATSServer) -> None:
    with NATSStream(url=server.url, jetstream=True, create=True) as writer:
        for topic in ("made.a", "made.b", "made.a"):
            writer.write({"n": 1}, topic=topic)
        writer.flush()
        for topic, count in (("made.a", 2), ("made.b", 1)):
            assert state(server.url, topic.replace(".", "_")).messages == count
            with writer.blocks(topic, start="all") as reader:
                assert len(many(reader, count)) == count
    with NATSStream(url=server.url, topic="made.c", durable="d", create=True) as writer:
        writer.write(1)
        writer.flush()
        assert state(server.url, "made_c").messages == 1
    with NATSStream(url=server.url, jetstream=True, create=True, stream="whole", topic="whole.x") as writer:
        writer.write(1)
        writer.flush()
        assert state(server.url, "whole").messages == 1


def test_what_the_server_no_longer_has_is_told(server: NATSServer) -> None:
    make(server.url, "short", "short", max_msgs=10)
    with NATSStream(url=server.url, topic="short", jetstream=True) as stream:
        for number in range(30):
            stream.write(number)
        stream.flush()
        with stream.blocks(start=5) as reader:
            with pytest.warns(GapWarning, match="16 samples of 'short' were lost before number 21"):
                assert many(reader, 1)[0].data == 20
            assert reader.lost == 16


def test_a_durable_goes_on_where_it_was_acknowledged(server: NATSServer) -> None:
    make(server.url, "durable", "durable")
    settings = {"url": server.url, "topic": "durable", "start": "all"}
    with NATSStream(settings, durable="one") as stream:
        for number in range(100):
            stream.write(number)
        stream.flush()
        with stream.blocks() as reader:
            for block in many(reader, 40):
                block.ack()
                block.ack()  # a second time does nothing
    with NATSStream(settings, durable="one") as stream, stream.blocks() as reader:
        found = many(reader, 60)
        assert sorted(one.data for one in found) == list(range(40, 100))
        found[7].nack()
        again = many(reader, 1)[0]
        assert (again.data, again.sequence) == (found[7].data, found[7].sequence)
    with NATSStream(settings, durable="other") as stream, stream.blocks() as reader:
        assert many(reader, 1)[0].data == 0
    other = NATSStream({**settings, "topic": "durable.x", "stream": "durable"}, durable="one")
    with other, pytest.raises(DataError, match="is for 'durable', not for"):
        other.blocks()


def test_a_durable_that_waits_for_no_acknowledgement_is_refused(server: NATSServer) -> None:
    """Made by others: what a reader had got when it died would be lost."""
    make(server.url, "loose", "loose")
    for kind in ("none", "all"):
        config = ConsumerConfig(durable_name=kind, ack_policy=AckPolicy(kind))
        bare(server.url, lambda client, js, config=config: js.add_consumer("loose", config))
        stream = NATSStream(url=server.url, topic="loose", durable=kind)
        with stream, pytest.raises(DataError, match=f"ack policy is {kind}, not 'explicit'"):
            stream.blocks()


def test_a_slow_reader_is_given_no_more_than_it_can_hold(server: NATSServer) -> None:
    make(server.url, "slow", "slow")
    with NATSStream(
        url=server.url, topic="slow", durable="d", start="all", buffer=16, ack_wait=1.2
    ) as stream:
        for number in range(200):
            stream.write(number)
        stream.flush()
        with stream.blocks() as reader:
            first = many(reader, 1)[0]
            deliveries = []
            end = time.monotonic() + 1.5  # longer than it takes until what a dead reader held is given out
            while time.monotonic() < end:
                info = bare(server.url, lambda client, js: js.consumer_info("slow", "d"))
                deliveries.append((info.num_ack_pending, info.num_redelivered))
                time.sleep(0.1)  # seen at many moments, not as often as possible
            assert max(one for one, _ in deliveries) <= 17
            assert {again for _, again in deliveries} == {0}
            first.ack()
            assert [one.data for one in many(reader, 199)] == list(range(1, 200))


def test_at_least_once_through_kills_of_the_consumer(server: NATSServer) -> None:
    """The consumer is killed with SIGKILL two times; every message has its result in the end."""
    make(server.url, "work", "work")
    make(server.url, "done", "done")
    count = 600
    with NATSStream(url=server.url, topic="work", jetstream=True) as stream:
        for number in range(count):
            stream.write({"n": number})
        stream.flush()
    command = [sys.executable, str(ROOT / "tests/streaming/consumer.py"), server.url]
    for kill_after in (50, 130):
        child = subprocess.Popen([*command, "30"], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(kill_after):
            assert child.stdout.readline()
        child.kill()
        assert child.wait() == -9
        child.stdout.close()
    assert state(server.url, "done").messages < count
    source = NATSStream(url=server.url, topic="work", durable="worker", start="all", ack_wait=0.5, buffer=32)
    sink = NATSStream(url=server.url, topic="done", jetstream=True, start="all")
    pipeline = source | (lambda message: {"n": message["n"] * 10}) | sink
    with source, sink, pipeline, sink.blocks() as results:
        seen: set[int] = set()
        while len(seen) < count:
            seen.add(many(results, 1)[0].data["n"])
    assert seen == {number * 10 for number in range(count)}


def test_lost_connections() -> None:
    """The server is killed and comes back: nothing is lost and nothing is stored twice."""
    with nats_server() as server:
        make(server.url, "kept", "kept")
        with (
            NATSStream(url=server.url, topic="kept", jetstream=True, start="all") as stream,
            NATSStream(url=server.url, topic="kept", durable="d", start="all", ack_wait=1.0) as other,
            stream.blocks() as reader,
            other.blocks() as durable,
            NATSStream(url=server.url, topic="gone") as core,
        ):
            for number in range(300):
                stream.write(number)
                if number in (100, 200):
                    core.write(b"x")
                    server.kill()
                    server.start()
            stream.flush()
            assert [one.data for one in many(reader, 300)] == list(range(300))
            seen: set[int] = set()
            while len(seen) < 300:
                block = many(durable, 1)[0]
                block.ack()
                seen.add(block.data)
            assert state(server.url, "kept").messages == 300
            with pytest.raises(ConnectionError, match="nobody knows") as found:
                core.flush()
            assert found.value.executed == "maybe"
            with core.blocks() as again:
                core.write(b"y")
                core.flush()
                assert many(again, 1)[0].data == b"y"


def test_a_connection_that_does_not_come_back() -> None:
    with (
        nats_server() as server,
        NATSStream(url=server.url, topic="x", patience=0.2) as stream,
        stream.blocks() as reader,
    ):
        server.kill()
        with pytest.raises(ConnectionError, match="did not come back within"):
            reader.next(20)
        with pytest.raises(ConnectionError, match="did not come back"):
            stream.write(b"x")
        assert stream.health().status == "down"


# ----------------------------------------------------------------------- errors


def test_no_server_and_a_silent_one(server: NATSServer) -> None:
    with FaultProxy(server.port) as proxy:
        proxy.fault = Fault(silent=True)
        stream = NATSStream(url=f"nats://127.0.0.1:{proxy.port}", retry=None, timeouts={"connect": 0.5})
        with pytest.raises(IntegrationTimeout, match="did not answer in time"):
            stream.open()
    with pytest.raises(ConnectionError) as found:
        stream.open()
    assert found.value.recoverable
    stream.close()


def test_refusals(server: NATSServer, caplog: pytest.LogCaptureFixture) -> None:
    with nats_server("--auth", "s3cr3t-token") as guarded:
        for wrong in ({}, {"token": "guess-it-now"}):
            with pytest.raises(AuthenticationError) as found:
                NATSStream({"url": guarded.url, "retry": None, **wrong}).open()
            assert "guess" not in str(found.value)
            assert not found.value.recoverable
        with NATSStream(url=guarded.url, token="s3cr3t-token") as stream:
            assert stream.health()
            assert "s3cr3t" not in repr(stream) + repr(stream.config)
    with NATSStream(url=server.url, topic="nobody", jetstream=True) as stream:
        with pytest.raises(NotFoundError, match="create=True"):
            stream.blocks()
        stream.write(1)
        with pytest.raises(NotFoundError, match="no stream of JetStream takes the topic"):
            stream.flush()
        stream.flush()  # it was told
        assert not [one for one in caplog.records if one.name.startswith("arcuate")]
        with NATSStream(url=server.url, topic="nobody", jetstream=True) as careless:
            careless.write(1)
        assert "not stored before close(): nats: no stream of JetStream takes the topic" in caplog.text
        with pytest.raises(ConversionError, match="more than the 1,048,576"):
            stream.write(bytes(2 << 20))
        for topic in ("a b", "a..b", "*", "a.>", ".a"):
            with pytest.raises(InvalidArgument, match="no topic to write to"):
                stream.write(1, topic=topic)
        with pytest.raises(InvalidArgument, match="no topic of NATS"):
            stream.blocks("a.>.b")
        for text in ("two\nlines", " padded", "\udcff"):
            with pytest.raises(ConversionError, match="line breaks, spaces around it, or half a character"):
                stream.write(Block(1, headers={"x": text}))
        for name in ("a:b", "a b", " a", "", "ü", "a\r\nb"):
            with pytest.raises(ConversionError, match="a name of NATS has letters, digits and"):
                stream.write(Block(1, headers={name: "x"}))
    with pytest.raises(InvalidArgument, match="nats://HOST:PORT"):
        NATSStream(url="http://host")
    for secret in ("nats://t0ken-here@host", "nats://a:geheim@h1,nats://b:geheim@h2"):
        with pytest.raises(InvalidArgument, match="use token, or user and password") as refused:
            NATSStream(url=secret)
        assert "t0ken" not in str(refused.value)
        assert "geheim" not in str(refused.value)
    with pytest.raises(InvalidArgument, match="group is for reading without"):
        NATSStream(group="g", durable="d")


def test_rights(tmp_path: Path) -> None:
    rights = '{publish: "mine", subscribe: ["mine", "_INBOX.>"]}'
    (tmp_path / "nats.conf").write_text(
        f"authorization {{ users = [{{user: me, password: geheim-1, permissions: {rights}}}] }}\n"
    )
    with (
        nats_server("-c", str(tmp_path / "nats.conf")) as server,
        NATSStream(url=server.url, user="me", password="geheim-1", topic="mine") as stream,
    ):
        with pytest.raises(AuthenticationError, match=r"(?i)permissions violation"):
            stream.blocks("theirs")
        with stream.blocks() as reader:
            stream.write(b"x", topic="theirs")
            with pytest.raises(AuthenticationError, match=r"(?i)permissions violation"):
                stream.flush()
            stream.write(b"y")
            stream.flush()
            assert many(reader, 1)[0].data == b"y"


def test_messages_that_cannot_be_read(server: NATSServer) -> None:
    make(server.url, "bad", "bad")
    settings = {"url": server.url, "topic": "bad", "format": "json", "start": "all", "ack_wait": 0.3}
    with NATSStream(settings, durable="strict") as stream, NATSStream(settings, durable="lax") as lax:
        speak(server.port, b"PUB bad 1\r\n{\r\n", b"PUB bad 2\r\n42\r\n")
        with stream.blocks() as reader, pytest.raises(DataError, match="a message of 'bad' cannot be read"):
            reader.next(10)
        lax.config.malformed = "skip"
        with lax.blocks() as reader:
            with pytest.warns(MalformedWarning, match="cannot be read"):
                assert many(reader, 1)[0].data == 42
            assert reader.next(0.6) is None  # it does not come again
        assert lax.malformed == 1


def test_without_jetstream() -> None:
    with nats_server() as server:
        program = server._command
        server.kill()
        program.remove("-js")
        server.start()
        with NATSStream(url=server.url, topic="x", jetstream=True, retry=None) as stream:
            with pytest.raises(IntegrationError, match="JetStream"):
                stream.blocks()
            stream.write(1)
            with pytest.raises(IntegrationError, match="JetStream"):
                stream.flush()


def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    pem = str(tmp_path / "server.pem")
    with nats_server("--tls", "--tlscert", pem, "--tlskey", pem) as server:
        url = server.url.replace("nats://", "tls://")
        stream = NATSStream(url=url, topic="x", ca_file=str(tmp_path / "ca.pem"))
        with stream, stream.blocks() as reader:
            stream.write(b"secret")
            assert many(reader, 1)[0].data == b"secret"
        with pytest.raises(ConnectionError, match="ca_file") as found:
            NATSStream(url=url, retry=None).open()
        assert not found.value.recoverable


# ---------------------------------------------------------------------- pattern


class NeuralStream(StreamingClient):
    """As users write it."""

    def __init__(self, stream_config: dict[str, Any]) -> None:
        super().__init__(stream_config)
        self.subject = self.config.extra["subject"]
        self.seen: list[Any] = []
        self.connection = self.connect_stream()

    def listen(self) -> None:
        self.subscribe_to_topics([f"neural.{self.subject}.eeg", f"neural.{self.subject}.events"])

    def process_stream_data(self, message: Any) -> None:
        if message["type"] == "eeg":
            self.seen.append(message["data"])
        elif message["type"] == "event":
            self.seen.append(message["label"])
        else:
            raise ValueError(f"unknown type {message['type']}")


def test_the_pattern_of_a_streaming_client(server: NATSServer) -> None:
    with NeuralStream({"url": server.url, "subject": "s7"}) as client:
        client.listen()
        client.write(signal(1), topic="neural.s7.eeg")
        client.flush()
        speak(server.port, b"PUB neural.s7.events 33\r\n" + b'{"type":"event","label":"target"}\r\n')
        end = time.monotonic() + 20
        while len(client.seen) < 2:
            assert time.monotonic() < end
            assert not client.wait(0.01)
        array = next(one for one in client.seen if not isinstance(one, str))
        xr.testing.assert_identical(array, signal(1))
        assert [one for one in client.seen if isinstance(one, str)] == ["target"]
        speak(server.port, b'PUB neural.s7.events 12\r\n{"type":"x"}\r\n')
        with pytest.raises(ValueError, match="unknown type x"):
            while not client.wait(0.05):
                assert time.monotonic() < end
        assert client.health().status == "ok"
    with pytest.raises(InvalidArgument, match="a stream has an address"):
        StreamingClient({})
    with pytest.raises(InvalidArgument, match="no address of a stream"):
        StreamingClient({"url": "gopher://host"})


def test_a_client_with_its_own_settings(server: NATSServer) -> None:
    make(server.url, "own", "own")
    with StreamingClient({"url": server.url}, topic="own", durable="d", start="all") as client:
        client.write(1)
        client.flush()
        reader = client.blocks(timeout=0.2)
        assert next(reader).data == 1
        with pytest.raises(IntegrationTimeout, match="no block came within"):
            next(reader)
