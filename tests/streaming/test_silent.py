"""Servers that fall silent while their connections stay: half-open, as behind a router that lost its table."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.cli.support import ARCUATE, CLEAN

from arcuate.connector import ConnectionError as LostConnection
from arcuate.connector import IntegrationTimeout
from arcuate.connector.testing import Fault, FaultProxy
from arcuate.errors import SessionClosed
from arcuate.integrations import MQTTStream
from arcuate.streaming import NATSStream

from .mosquitto import PASSWORD, mosquitto
from .nats_server import NATSServer
from .test_nats import make

SILENT = Fault(silent=True)
LINE = b'{"$bytes": "MQ=="}\n'


def test_a_reader_of_mqtt_notices_a_broker_that_falls_silent() -> None:
    """Within one and a half of ``keepalive`` it connects again; where that is silent too, it is told."""
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
            begin = time.monotonic()
            error = pool.submit(lambda: pytest.raises(LostConnection, next, told))
            broker.publish("lab/silent", *(str(number).encode() for number in range(2, 5)))
            while not back.struck:
                time.sleep(0.01)
            back.strike = None  # only what was there stays silent
            assert [one.data for one in itertools.islice(blocks, 3)] == [2, 3, 4]
            assert time.monotonic() - begin < 1.5 * 5 + 4
            assert "'patience'" in str(error.result().value)
            assert time.monotonic() - begin < 1.5 * 5 + 4
            assert first.lost == 0


def sockets(port: int) -> int:
    """How many connections this process has to a port."""
    with open("/proc/self/net/tcp") as file:
        states = [line.split()[2:4] for line in file.readlines()[1:]]
    return sum(far.endswith(f":{port:04X}") and state == "01" for far, state in states)


def test_nats_leaves_no_socket_of_a_handshake_that_failed(server: NATSServer) -> None:
    """A server that takes each new connection and says nothing."""
    with FaultProxy(server.port) as proxy:
        url = f"nats://127.0.0.1:{proxy.port}"
        with NATSStream(url=url, topic="left", timeouts={"connect": 1.0}) as stream:
            stream.write(b"1")
            stream.flush()
            proxy.fault = SILENT
            proxy.drop()
            while proxy.connections < 4:
                time.sleep(0.01)
            assert sockets(proxy.port) <= 1
        assert sockets(proxy.port) == 0
        with pytest.raises(IntegrationTimeout):
            NATSStream(url=url, topic="left", timeouts={"connect": 0.3}, retry=None).open()
        assert sockets(proxy.port) == 0


def test_closing_nats_ends_connecting(server: NATSServer) -> None:
    with FaultProxy(server.port) as proxy, ThreadPoolExecutor() as pool:
        proxy.fault = SILENT
        stream = NATSStream(url=f"nats://127.0.0.1:{proxy.port}", topic="left")
        opening = pool.submit(stream.open)
        while not proxy.connections:
            time.sleep(0.01)
        begin = time.monotonic()
        stream.close()
        assert time.monotonic() - begin < 3
        with pytest.raises(SessionClosed, match="was closed while it connected"):
            opening.result()


def test_closing_nats_of_a_server_that_fell_silent(server: NATSServer) -> None:
    make(server.url, "quiet", "quiet")
    with FaultProxy(server.port) as proxy:
        stream = NATSStream(url=f"nats://127.0.0.1:{proxy.port}", topic="quiet", jetstream=True, start="all")
        stream.write(b"1")
        next(stream.blocks(timeout=10))
        stream.blocks()
        proxy.hush()
        stream.write(bytes(1 << 20))
        begin = time.monotonic()
        stream.close()
        assert time.monotonic() - begin < 10
        assert sockets(proxy.port) == 0


@pytest.mark.parametrize("first", ["silent from the first", "silent later"])
def test_ctrl_c_while_nats_is_silent(server: NATSServer, first: str) -> None:
    """The first ends it within bounded time, even where it still connects; a second one ends it at once."""
    later = first == "silent later"
    if later:
        make(server.url, "interrupted", "interrupted")
        with NATSStream(url=server.url, topic="interrupted", jetstream=True) as out:
            out.write(b"1")
    with FaultProxy(server.port) as proxy:
        proxy.fault = Fault() if later else SILENT
        words = ("stream", f"nats://127.0.0.1:{proxy.port}#interrupted", "--start", "all")
        processes = [
            subprocess.Popen(
                [ARCUATE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **CLEAN}
            )
            for _ in range(2)
        ]
        once, twice = processes
        try:
            if later:
                for one in processes:
                    assert one.stdout is not None
                    assert one.stdout.readline() == LINE
            while proxy.connections < 2:
                time.sleep(0.01)
            proxy.hush()
            begin = time.monotonic()
            for one in processes:
                one.send_signal(signal.SIGINT)
            time.sleep(0.3)
            twice.send_signal(signal.SIGINT)
            _, err = twice.communicate(timeout=20)
            assert time.monotonic() - begin < 3
            _, report = once.communicate(timeout=20)
            assert time.monotonic() - begin < 12
        finally:
            for one in processes:
                one.kill()
                one.wait()
    assert once.returncode == 0, report
    assert b"blocks, 0 lost" in report
    if later:
        assert (twice.returncode, err) == (130, b"interrupted\n")
