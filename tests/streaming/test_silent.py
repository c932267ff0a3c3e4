"""Servers that fall silent while their connections stay: half-open, as behind a router that forgot them."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from paho.mqtt import client as mqtt_client
from tests.cli.support import ARCUATE, CLEAN
from tests.connector.servers import node

from arcuate.connector import ConnectionError as LostConnection
from arcuate.connector import IntegrationTimeout
from arcuate.connector.testing import Fault, FaultProxy
from arcuate.errors import SessionClosed
from arcuate.hub import Config, Server
from arcuate.integrations import MQTTStream, StreamingClient
from arcuate.streaming import NATSStream, nats_read, topics

from .mosquitto import PASSWORD, mosquitto
from .nats_server import NATSServer
from .test_nats import make
from .test_websocket import SERVER

SILENT = Fault(silent=True)


def caught(blocks: Any) -> LostConnection:
    with pytest.raises(LostConnection) as error:
        blocks.next(20)
    return error.value


def test_a_reader_of_mqtt_notices_a_broker_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one and a half of ``keepalive`` it connects again; where that is silent too, it is told.

    By paho's clock, which goes faster here; between two looks at it paho sleeps for a second of ours.
    """
    started, faster = time.monotonic(), 5

    def clock() -> float:
        return started + faster * (time.monotonic() - started)

    monkeypatch.setattr(mqtt_client, "time_func", clock)
    with mosquitto() as broker, FaultProxy(broker.port) as back, FaultProxy(broker.port) as away:

        def reader(proxy: FaultProxy, patience: float) -> MQTTStream:
            return MQTTStream(
                url=f"mqtt://lab@127.0.0.1:{proxy.port}", password=PASSWORD, topic="lab/silent",
                format="json", keepalive=5, patience=patience,
            )  # fmt: skip

        with (
            reader(back, 60) as first,
            reader(away, 0.5) as second,
            first.blocks(timeout=30) as blocks,
            second.blocks(timeout=30) as told,
            ThreadPoolExecutor() as pool,
        ):
            broker.publish("lab/silent", b"1")
            assert (next(blocks).data, next(told).data) == (1, 1)
            away.hush()
            back.strike = SILENT
            begin = clock()
            error = pool.submit(caught, told)
            broker.publish("lab/silent", *(str(number).encode() for number in range(2, 5)))
            while not back.struck:
                time.sleep(0.01)
            back.strike = None  # only what was there stays silent
            assert [one.data for one in itertools.islice(blocks, 3)] == [2, 3, 4]
            assert "'patience'" in str(error.result())
            assert clock() - begin < 1.5 * 5 + 4 * faster
            assert first.lost == 0


def sockets(port: int, wanted: str = "01") -> int:
    """How many connections this machine has to a port, in a state of Linux's; 01: there, 02: being made."""
    with open("/proc/self/net/tcp") as file:
        states = [line.split()[2:4] for line in file.readlines()[1:]]
    return sum(far.endswith(f":{port:04X}") and state == wanted for far, state in states)


def test_nats_leaves_no_socket_of_a_handshake_that_failed(server: NATSServer) -> None:
    """A server that takes each new connection and says nothing."""
    with FaultProxy(server.port) as proxy:
        url = f"nats://127.0.0.1:{proxy.port}"
        with NATSStream(url=url, topic="left", timeouts={"connect": 1.0}) as stream:
            stream.write(b"1")
            stream.flush()
            proxy.fault = SILENT
            proxy.drop()
            while proxy.connections < 3:
                time.sleep(0.01)
            assert sockets(proxy.port) <= 1
        assert sockets(proxy.port) == 0
        with pytest.raises(IntegrationTimeout):
            NATSStream(url=url, topic="left", timeouts={"connect": 0.3}, retry=None).open()
        assert sockets(proxy.port) == 0


def test_a_frozen_nats_server_is_noticed(server: NATSServer) -> None:
    """Within ``ping`` seconds, also while much waits to be sent."""
    stream = NATSStream(url=server.url, topic="unsent", ping=0.6, patience=0.2)
    with stream, stream.blocks() as blocks:
        os.kill(server.process.pid, signal.SIGSTOP)
        begin = time.monotonic()
        try:
            for _ in range(16):
                stream.write(bytes(1 << 20))
            assert "'patience'" in str(caught(blocks))
            assert 0.4 < time.monotonic() - begin < 0.6 + 0.2 + 2
        finally:
            os.kill(server.process.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("scheme", "use"),
    [("nats", "blocks"), ("mqtt", "blocks"), ("mqtt", "write"), ("ws", "write"), ("zmq", "blocks"),
     ("http", "blocks"), ("http", "write"), ("redis", "blocks"), ("redis", "write")],
)  # fmt: skip
def test_closing_ends_connecting(scheme: str, use: str) -> None:
    """From another thread, while a server takes the connection and says nothing."""
    work = {"blocks": lambda one: one.blocks(), "write": lambda one: one.write({"a": 1})}[use]
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:
        stream = StreamingClient(
            url=f"{scheme}://127.0.0.1:{server.getsockname()[1]}",
            topic="x",
            timeouts={"connect": 30, "read": 30},
            retry={"initial": 0.01, "jitter": 0},
        )
        using = pool.submit(work, stream)
        server.settimeout(20)
        if scheme != "mqtt":  # paho connects again by itself, after a second
            server.accept()[0].close()  # the second attempt comes after a pause
        connection = server.accept()[0]
        begin = time.monotonic()
        stream.close()
        with pytest.raises(SessionClosed, match="was closed; make a new"):
            using.result()
        assert time.monotonic() - begin < 10
        connection.close()


def test_closing_mqtt_while_it_connects_again() -> None:
    """To a machine that is away: nothing answers, and paho waits for as long as connecting may take."""
    with mosquitto() as broker, contextlib.ExitStack() as held:
        with FaultProxy(broker.port) as proxy:
            stream = MQTTStream(url=f"mqtt://lab@127.0.0.1:{proxy.port}", password=PASSWORD, topic="lab/x")
            blocks = stream.blocks()
            blocks._feed._link.client.reconnect_delay_set(0.05)  # type: ignore[attr-defined]
        away = held.enter_context(socket.socket())
        away.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        away.bind(("127.0.0.1", proxy.port))
        away.listen(0)
        for _ in range(3):  # what there is room for: from now on the system drops what comes
            one = held.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(away.getsockname())
        while sockets(proxy.port, "02") < 3:
            time.sleep(0.01)
        begin = time.monotonic()
        blocks.close()
        assert time.monotonic() - begin < 1
        stream.close()


@pytest.mark.parametrize("use", ["blocks", "write"])
def test_closing_topics_while_they_connect_again(use: str) -> None:
    with (
        Server(Config(zmq=["127.0.0.1:0"])) as hub,
        FaultProxy(int(hub.endpoints["zmq"].rpartition(":")[2])) as proxy,
        ThreadPoolExecutor() as pool,
    ):
        stream = topics.TopicStream(url=f"zmq://127.0.0.1:{proxy.port}", topic="x", timeouts={"connect": 3})
        blocks = stream.blocks() if use == "blocks" else None
        if blocks is None:
            stream.write(1)
        before, proxy.fault = proxy.connections, SILENT
        proxy.drop()
        if blocks is None:
            writing = pool.submit(stream.write, 2)
        while proxy.connections == before:
            time.sleep(0.01)
        begin = time.monotonic()
        stream.close()
        assert time.monotonic() - begin < 1
        if blocks is None:
            proxy.drop()
            with pytest.raises(SessionClosed):
                writing.result(20)


def test_closing_ends_who_waits_for_a_silent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing, or for an answer."""
    monkeypatch.setattr(topics, "_LAST", 0.1)
    with (
        Server(Config(zmq=["127.0.0.1:0"])) as hub,
        node("ws", SERVER) as port,
        FaultProxy(int(hub.endpoints["zmq"].rpartition(":")[2])) as far,
        FaultProxy(port) as near,
        ThreadPoolExecutor() as pool,
    ):
        streams = [
            StreamingClient({"url": url, "topic": "x", "timeouts": {"connect": 0.5}})
            for url in (f"zmq://127.0.0.1:{far.port}", f"ws://127.0.0.1:{near.port}/echo")
        ]
        for one, proxy in zip(streams, (far, near), strict=True):
            one.write({"a": 1})
            one.flush()
            proxy.hush()
        waiting = [pool.submit(streams[0].write, 1), pool.submit(streams[1].flush)]
        time.sleep(0.1)  # both are under way; were they not, they would be refused all the same
        begin = time.monotonic()
        for one in streams:
            one.close()
        for done in waiting:
            with pytest.raises((SessionClosed, LostConnection)):
                done.result()
        assert time.monotonic() - begin < 2


def test_closing_nats_of_a_server_that_fell_silent(
    server: NATSServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its parts waits for it, the others do not after that."""
    monkeypatch.setattr(nats_read, "_LAST", 0.5)
    make(server.url, "quiet", "quiet")
    with FaultProxy(server.port) as proxy:
        stream = NATSStream(url=f"nats://127.0.0.1:{proxy.port}", topic="quiet", jetstream=True, start="all")
        stream.write(b"1")
        readers = [stream.blocks(timeout=10) for _ in range(2)]
        next(readers[0])
        proxy.hush()
        stream.write(bytes(1 << 20))
        begin = time.monotonic()
        stream.close()
        assert time.monotonic() - begin < 2
        assert sockets(proxy.port) == 0


def interrupted(proxy: FaultProxy, ready: Callable[[Any], object], signals: int) -> tuple[int, bytes, float]:
    """Status, stderr and seconds of ``arcuate stream`` that gets so many SIGINT while a server is silent."""
    words = ("stream", f"nats://127.0.0.1:{proxy.port}#interrupted", "--start", "all")
    with subprocess.Popen(
        [ARCUATE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **CLEAN}
    ) as process:
        try:
            ready(process)
            proxy.hush()
            begin = time.monotonic()
            process.send_signal(signal.SIGINT)
            if signals > 1:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.3)
                process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=20)[1]
            return process.returncode, err, time.monotonic() - begin
        finally:
            process.kill()


def test_ctrl_c_while_nats_says_nothing_yet(server: NATSServer) -> None:
    with FaultProxy(server.port) as proxy:
        proxy.fault = SILENT

        def connecting(process: Any) -> None:
            while not proxy.connections:
                time.sleep(0.01)

        status, err, seconds = interrupted(proxy, connecting, 1)
    assert (status, err[:18]) == (0, b"0 blocks, 0 lost, "), err
    assert seconds < 5


def test_a_second_ctrl_c_does_not_wait_for_nats(server: NATSServer) -> None:
    make(server.url, "interrupted", "interrupted")
    with NATSStream(url=server.url, topic="interrupted", jetstream=True) as out:
        out.write(b"1")
    with FaultProxy(server.port) as proxy:
        found = interrupted(proxy, lambda process: process.stdout.readline(), 2)
    assert found[:2] == (130, b"interrupted\n")
    assert found[2] < 2.2  # closing alone waits longer
