"""MQTT against Mosquitto, with mosquitto_pub and mosquitto_sub as the other programs."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
import xarray as xr
from tests.connector.proxy import Fault, FaultProxy

from arcuate.connector import AuthenticationError, DataError, IntegrationError, IntegrationTimeout
from arcuate.connector import ConnectionError as LostConnection
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.integrations import MQTTStream
from arcuate.streaming import Block, GapWarning, MalformedWarning
from arcuate.streaming.mqtt import StalledWarning

from .mosquitto import PASSWORD, Mosquitto, mosquitto


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.issue_cert("us").private_key_and_cert_chain_pem.write_to_path(str(folder / "us.pem"))
    return folder


@pytest.fixture(scope="module")
def broker(certificates: Path) -> Iterator[Mosquitto]:
    with mosquitto(certificates=certificates) as one:
        yield one


@pytest.fixture
def topic() -> str:
    return f"lab/{uuid.uuid4().hex[:8]}"


def stream(broker: Mosquitto, port: int | None = None, **settings: Any) -> MQTTStream:
    url = broker.url if port is None else f"mqtt://lab@127.0.0.1:{port}"
    return MQTTStream(url=url, password=PASSWORD, **settings)


def take(blocks: Any, count: int, acknowledge: bool = True) -> list[Any]:
    found = []
    for block in itertools.islice(blocks, count):
        found.append(block.data)
        if acknowledge:
            block.ack()
    return found


def hurried(blocks: Any) -> None:
    """Has paho wait for less than its second before it connects again."""
    blocks._feed._link.client.reconnect_delay_set(0.05)


# --- With programs of others


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_what_others_publish_is_read(broker: Mosquitto, topic: str, qos: int) -> None:
    more: tuple[str, ...] = ("-q", str(qos), "-D", "publish", "user-property", "subject", "S1")
    more += ("-D", "publish", "user-property", "subject", "S2")
    with stream(broker, topic=f"{topic}/+/x", qos=qos) as source, source.blocks(timeout=10) as blocks:
        broker.publish(f"{topic}/a/x", b'{"type": "event", "n": 3}', options=more)
        broker.publish(f"{topic}/b/x", b"\xff\x00", b"12", options=("-q", str(qos)))
        broker.publish(f"{topic}/b/y", b"not ours", options=("-q", str(qos)))
        typed = ("-q", str(qos), "-D", "publish", "content-type", "text/plain")
        broker.publish(f"{topic}/c/x", b"12", options=typed)
        found = [next(blocks) for _ in range(4)]
    assert [one.data for one in found] == [{"type": "event", "n": 3}, b"\xff\x00", 12, "12"]
    assert [one.topic.split("/")[2] for one in found] == ["a", "b", "b", "c"]
    assert [one.sequence for one in found] == [0, 1, 2, 3]
    assert dict(found[0].headers) == {"subject": "S1, S2"}
    assert dict(found[1].headers) == {}


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_what_is_written_is_read_by_others(broker: Mosquitto, topic: str, qos: int) -> None:
    broker.begin(topic, topic)
    with stream(broker, topic=topic, qos=qos, format="json") as sink:
        sink.write({"a": [1, 2.5, "ü"]})
        sink.flush()
    if qos == 0:  # a session keeps messages of QoS 1 and 2 only
        with stream(broker, topic=topic, qos=0) as source, source.blocks(timeout=10) as blocks:
            with stream(broker, topic=topic, qos=0, format="json") as sink:
                sink.write({"a": [1, 2.5, "ü"]})
            assert next(blocks).data == {"a": [1, 2.5, "ü"]}
        return
    content, level, payload = broker.read(topic, topic, 1, "%C|%q|%p").decode().strip().split("|")
    assert content == "application/json"
    assert int(level) == qos
    assert json.loads(payload) == {"a": [1, 2.5, "ü"]}


def test_headers_are_user_properties(broker: Mosquitto, topic: str) -> None:
    from arcuate.streaming import Block

    broker.begin(topic, topic)
    with stream(broker, topic=topic) as sink:
        sink.write(Block(b"x", headers={"subject": "S1", "mqtt-retained": "true"}, timestamp=1.5))
    found = broker.read(topic, topic, 1, "%P").decode().strip()
    assert found == 'subject:S1 arcuate-block:{"timestamp": 1.5}'


def test_labelled_blocks_come_as_they_were(broker: Mosquitto, topic: str) -> None:
    data = xr.DataArray(
        np.arange(512.0).reshape(2, 256).astype("float32"),
        dims=("time", "channel"),
        coords={"channel": [f"E{one}" for one in range(256)]},
        attrs={"sampling_rate": 1000.0, "units": "microvolts"},
    )
    with stream(broker, topic=topic) as both, both.blocks(timeout=10) as blocks:
        both.write(data)
        block = next(blocks)
    xr.testing.assert_identical(block.data, data)
    assert block.data.dtype == np.float32
    assert (block.sampling_rate, len(block.channels), block.topic) == (1000.0, 256, topic)


def test_retained_messages(broker: Mosquitto, topic: str) -> None:
    with stream(broker, topic=topic, retain=True) as sink:
        sink.write(b"kept")
    with stream(broker, topic=topic, retained=False) as source, source.blocks(timeout=10) as blocks:
        broker.publish(topic, b"live")
        live = next(blocks)
        assert (live.data, dict(live.headers)) == (b"live", {})
    with stream(broker, topic=topic) as source, source.blocks(timeout=10) as blocks:
        kept = next(blocks)
    assert (kept.data, kept.headers["mqtt-retained"]) == (b"kept", "true")


def test_a_message_of_many_megabytes(broker: Mosquitto, topic: str) -> None:
    payload = os.urandom(12 << 20)
    with stream(broker, topic=topic, format="bytes") as both, both.blocks(timeout=30) as blocks:
        both.write(payload)
        assert next(blocks).data == payload
    with stream(broker, topic=topic, format="bytes", limit=1000) as small, small.blocks(timeout=10) as blocks:
        broker.publish(topic, payload[:1001])
        with pytest.raises(DataError, match="1,001 bytes, more than 1,000"):
            next(blocks)


# --- At least once


def test_nothing_is_lost_when_the_reader_is_killed(broker: Mosquitto, topic: str, tmp_path: Path) -> None:
    with stream(broker, topic=topic, client_id="killed") as first:
        first.blocks()  # the session begins
    with stream(broker, topic=topic, format="json") as sink:
        for number in range(30):
            sink.write(number)
    got = tmp_path / "got"
    program = [sys.executable, str(Path(__file__).with_name("mqtt_reader.py"))]
    with subprocess.Popen([*program, broker.url, PASSWORD, topic, str(got), "10"]) as process:
        try:
            end, lines = time.monotonic() + 30, list[str]()
            while "17" not in lines:
                assert time.monotonic() < end
                time.sleep(0.01)  # it is killed in the middle of its work
                lines = got.read_text().split("\n")[:-1] if got.exists() else []
        finally:
            process.kill()
    assert lines[:18] == [str(one) for one in range(18)]
    # In order; acknowledgements that were on their way when it was killed may be lost, messages are not.
    with stream(broker, topic=topic, client_id="killed") as second, second.blocks(timeout=10) as blocks:
        first_again = next(blocks)
        first_again.ack()
        assert take(blocks, 29 - first_again.data) == list(range(first_again.data + 1, 30))
    assert first_again.data <= 10


def test_a_window_of_more_blocks_than_the_broker_gives_is_told(
    broker: Mosquitto, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arcuate.streaming.mqtt._STALLED", 0.2)
    with stream(broker, topic=topic, client_id=uuid.uuid4().hex, buffer=20) as source:
        pipeline = source.window(samples=30) | (lambda data: data)
        with stream(broker, topic=topic) as sink, source.blocks() as blocks:
            for number in range(40):
                sink.write(xr.DataArray([[float(number)]], dims=("time", "channel")))
            sink.flush()
            blocks.close()
        with pytest.warns(StalledWarning, match="20 blocks are not acknowledged"):
            assert pipeline.run(timeout=0.9).written == 0


# --- MQTT 3.1.1


def test_mqtt_3_1_1(broker: Mosquitto, topic: str) -> None:
    """Labels travel in the payload; a session outlives its reader; others read and write as before."""
    data = xr.DataArray([[1.0, 2.0]], {"channel": ["a", "b"]}, ("time", "channel"))
    name = uuid.uuid4().hex
    old = {"version": "3.1.1", "topic": topic}
    block = Block.of(data, timestamp=5.0, sampling_rate=250.0, headers={"subject": "s1"})
    with stream(broker, **old, client_id=name) as source, source.blocks(timeout=10) as blocks:
        with stream(broker, **old) as sink, stream(broker, topic=topic) as new:
            sink.write(block)
            new.write({"n": 1})
            sink.flush()
            new.flush()
        found = next(blocks)
        xr.testing.assert_identical(found.data, data)
        assert (found.timestamp, found.sampling_rate, found.channels) == (5.0, 250.0, ("a", "b"))
        assert dict(found.headers) == {"subject": "s1"}
        found.ack()
        assert next(blocks).data == {"n": 1}  # not acknowledged
        assert source.health().status == "ok"
    broker.publish(topic, b"[2]")
    with stream(broker, **old, client_id=name) as source, source.blocks(timeout=10) as blocks:
        assert take(blocks, 2) == [{"n": 1}, [2]]
    with stream(broker, **old, retain=True) as sink, stream(broker, **old) as source:
        sink.write({"kept": 1})
        sink.flush()
        with source.blocks(timeout=10) as blocks:
            assert next(blocks).headers["mqtt-retained"] == "true"
    with stream(broker, **old, retained=False) as source, source.blocks() as blocks:
        assert blocks.next(0.2) is None


def test_a_broker_of_mqtt_3_1_1_alone_says_so() -> None:
    """Its answer to a version that it does not know, by the standard (3.1.1, section 3.2.2.3)."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            wire, _ = server.accept()
            with wire:
                wire.recv(1000)
                wire.sendall(b"\x20\x02\x00\x01")

        thread = threading.Thread(target=refuse)
        thread.start()
        url = f"mqtt://127.0.0.1:{server.getsockname()[1]}"
        says = r"setting 'version'; many speak 3\.1\.1"
        old = MQTTStream(url=url, topic="a", retry=None)
        with old, pytest.raises(IntegrationError, match=says):
            old.blocks()
        thread.join()


def test_a_broken_connection_loses_and_doubles_nothing(broker: Mosquitto, topic: str) -> None:
    with FaultProxy(broker.port) as proxy:
        name = f"cut-{topic}"
        with stream(broker, proxy.port, topic=topic, client_id=name) as source:
            proxy.fault = Fault(cut=1500, reset=True)
            with source.blocks(timeout=10) as blocks, stream(broker, topic=topic, format="json") as sink:
                hurried(blocks)
                proxy.fault = Fault()
                for number in range(60):
                    sink.write(number)
                sink.flush()
                held = [next(blocks) for _ in range(5)]
                while proxy.connections < 2:
                    held.append(next(blocks))  # until it was cut, nothing is acknowledged
                for one in held:
                    one.ack()
                rest = take(blocks, 60 - len(held))
            assert [one.data for one in held] + rest == list(range(60))
            assert source.lost == 0
        with stream(broker, topic=topic, client_id=name) as again, again.blocks(timeout=0.3) as blocks:
            assert again.lost == 0
            with pytest.raises(IntegrationTimeout):
                next(blocks)


def test_a_block_that_is_wanted_again_comes_again(broker: Mosquitto, topic: str) -> None:
    name = f"nack-{topic}"
    with stream(broker, topic=topic, client_id=name) as source, source.blocks(timeout=10) as blocks:
        broker.publish(topic, b"1", b"2")
        first = next(blocks)
        first.nack()
        assert sorted(take(blocks, 2)) == [1, 2]
        first.ack()  # was settled by its twin


def test_a_pipeline_that_fails_loses_nothing(broker: Mosquitto, topic: str) -> None:
    name, results = f"work-{topic}", f"{topic}/results"
    broker.begin(name + "-results", results)
    failed: list[int] = []

    def work(data: int) -> int:
        if data == 3 and not failed:
            failed.append(data)
            raise RuntimeError("it fails once")
        return data * 10

    with stream(broker, topic=topic, client_id=name) as source:
        source.blocks().close()  # the session begins
    broker.publish(topic, *(str(one).encode() for one in range(6)))
    for wanted in (6, 3):
        source = stream(broker, topic=topic, client_id=name)
        with source, stream(broker, topic=results, format="json") as sink:
            pipeline = source | work | sink
            if wanted == 6:
                with pytest.raises(RuntimeError, match="it fails once"):
                    pipeline.run(limit=6, timeout=20)
            else:
                assert pipeline.run(limit=3, timeout=20).lost == 0
    found = broker.read(name + "-results", results, 6, "%p").decode().split()
    assert found == ["0", "10", "20", "30", "40", "50"]


def test_a_broker_that_forgets_the_session_is_told(topic: str) -> None:
    with mosquitto() as own, stream(own, topic=topic) as both, both.blocks(timeout=20) as blocks:
        hurried(blocks)
        own.publish(topic, b"1")
        assert next(blocks).data == 1
        own.kill()
        own.start()
        own.publish(topic, b"2", options=("-q", "1", "-r"))  # there whenever the reader comes back
        with pytest.warns(GapWarning, match="began anew"):
            assert next(blocks).data == 2


def test_attempts_to_connect_again_are_no_lost_connections(broker: Mosquitto, topic: str) -> None:
    """As behind a proxy that takes each connection and ends it while the broker is started again."""
    with (
        FaultProxy(broker.port) as proxy,
        stream(broker, proxy.port, topic=topic) as source,
        source.blocks(timeout=20) as blocks,
    ):
        hurried(blocks)
        proxy.fault = Fault(cut=1)
        proxy.drop()
        while proxy.connections < 4:
            assert blocks.next(0.01) is None
        proxy.fault = Fault()
        broker.publish(topic, b"1")
        assert next(blocks).data == 1


def test_a_slow_reader_holds_the_broker_back(broker: Mosquitto, topic: str) -> None:
    name = f"slow-{topic}"
    with (
        stream(broker, topic=topic, client_id=name, buffer=4) as source,
        source.blocks(timeout=0.5) as blocks,
    ):
        with stream(broker, topic=topic, format="json") as sink:
            for number in range(40):
                sink.write(number)
        held = list(itertools.islice(blocks, 4))
        with pytest.raises(IntegrationTimeout):
            next(blocks)  # the broker waits for an acknowledgement
        for one in held:
            one.ack()
        assert take(blocks, 36) == list(range(4, 40))


# --- Refusals and faults


def test_tls_with_certificates_of_both_sides(broker: Mosquitto, topic: str, certificates: Path) -> None:
    url = f"mqtts://lab@127.0.0.1:{broker.tls}"
    ours = {"certificate": str(certificates / "us.pem"), "ca_file": str(certificates / "ca.pem")}
    with (
        MQTTStream(url=url, password=PASSWORD, topic=topic, **ours) as both,
        both.blocks(timeout=10) as blocks,
    ):
        both.write(b"x")
        assert next(blocks).data == b"x"
    quick: Any = {"topic": topic, "password": PASSWORD, "retry": None}
    with (
        MQTTStream(url=url, **quick) as other,
        pytest.raises(LostConnection, match="set 'ca_file'") as caught,
    ):
        other.blocks()
    assert not caught.value.recoverable
    none = MQTTStream(url=url, ca_file=str(certificates / "none.pem"), **quick)
    with none, pytest.raises(InvalidArgument, match="'ca_file'"):
        none.blocks()


def test_who_may_do_what(broker: Mosquitto, topic: str) -> None:
    wrong = MQTTStream(url=broker.url, password="wrong/Wört", topic=topic)
    with wrong, pytest.raises(AuthenticationError, match=r"reason code 13[45]") as caught:
        wrong.write(b"x")
    assert "wrong/Wört" not in str(caught.value) + repr(wrong)
    anyone = f"mqtt://127.0.0.1:{broker.port}"
    with MQTTStream(url=anyone) as other:
        assert other.health().status == "ok"
        other.write(b"x", topic="open/a")
        other.flush()
        other.write(b"x", topic=topic)
        with pytest.raises(AuthenticationError, match=f"refuses a message of '{topic}'"):
            other.flush()
    assert MQTTStream(url=broker.url, password="wrong").health().status == "down"


def test_a_password_in_the_address_is_never_shown(topic: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        other = MQTTStream(
            url=f"mqtt://lab:s3cretword@127.0.0.1:{port}", topic=topic, timeouts={"connect": 0.2}, retry=None
        )
        with other, pytest.raises(IntegrationTimeout, match="does not answer") as caught:
            other.blocks()
        assert "s3cretword" not in str(caught.value) + repr(other) + repr(other.config)
    gone = MQTTStream(url=f"mqtt://127.0.0.1:{port}", topic=topic, retry=None)
    with gone, pytest.raises(LostConnection, match="is it running") as lost:
        gone.write(b"x")
    assert lost.value.recoverable


def test_two_readers_of_one_client_id(broker: Mosquitto, topic: str) -> None:
    name = f"one-{topic}"
    first = stream(broker, topic=topic, client_id=name)
    with first, first.blocks(), pytest.raises(InvalidArgument, match="reads already"):
        first.blocks()


@pytest.mark.soak
def test_two_processes_with_one_client_id_do_not_drive_each_other_out_for_ever(
    broker: Mosquitto, topic: str
) -> None:
    name = f"one-{topic}"
    first = stream(broker, topic=topic, client_id=name)
    second = stream(broker, topic=topic, client_id=name)
    with first, second:
        found = []
        for one in (first.blocks(timeout=10), second.blocks(timeout=10)):
            with pytest.raises((LostConnection, IntegrationTimeout)) as caught:  # one of them stays
                next(one)
            found.append(str(caught.value))
        assert any("another client" in one for one in found)


def test_messages_that_cannot_be_read(broker: Mosquitto, topic: str) -> None:
    with stream(broker, topic=topic, format="json") as source, source.blocks(timeout=10) as blocks:
        broker.publish(topic, b"{")
        with pytest.raises(DataError, match=f"a message of '{topic}' cannot be read"):
            next(blocks)
    with stream(broker, topic=topic, format="json", malformed="skip") as source:
        blocks = source.blocks(timeout=10)
        broker.publish(topic, b"{", b"1")
        with pytest.warns(MalformedWarning, match="left out"):
            assert next(blocks).data == 1
        assert source.malformed == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"url": "mqtt:///a"}, "url is mqtt://HOST"),
        ({"url": "mqtt://h", "qos": 3}, "qos"),
        ({"url": "mqtt://h", "keepalive": 0}, "keepalive"),
        ({"url": "http://h"}, "url is mqtt://HOST"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        MQTTStream(**settings)


def test_what_mqtt_cannot_do_is_told(broker: Mosquitto, topic: str) -> None:
    assert MQTTStream(url="mqtt://h/a/+/b/#").config.topic == ("a/+/b/#",)
    with pytest.raises(InvalidArgument, match="which broker"):
        MQTTStream(topic="x").open()
    with stream(broker) as both:
        with pytest.raises(InvalidArgument, match="keeps no history"):
            both.blocks(topic, start="all")
        with pytest.raises(InvalidArgument, match="topic filter"):
            both.blocks("a/#/b")
        with pytest.raises(InvalidArgument, match=r"no '\+'"):
            both.write(b"x", topic="a/+")
        for text in ("a\nb", "\x1b[31m", "\0", "\x7f", "\udcff", "\ufffe", "\U0002ffff", "ü" * 32_768):
            for block, where in (
                (Block(b"x", headers={"x": text}), topic),
                (Block(b"x", headers={text: "x"}), topic),
                (Block(b"x"), text),
            ):
                with pytest.raises((ConversionError, InvalidArgument), match=r"no control characters|NUL"):
                    both.write(block, topic=where)
        both.write(Block(b"x", headers={"": "", "ü" * 32_767: "👩‍🔬 "}), topic=topic)
        both.flush()


def test_nothing_is_left_when_streams_close(broker: Mosquitto, topic: str) -> None:
    before = {one.name for one in threading.enumerate()}
    with stream(broker, topic=topic) as both:
        blocks = both.blocks()
        both.write(b"x")
    assert {one.name for one in threading.enumerate()} <= before
    blocks.close()
