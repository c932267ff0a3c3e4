"""Bytes that are nearly HTTP, on the wire: the hub answers or closes; it never fails, grows or hangs."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arcuate.client import messages
from arcuate.client.net.target import Target, open_link
from arcuate.errors import ConnectionLost, ProtocolError
from arcuate.values.limits import Limits

EXAMPLES = 100_000 if os.environ.get("ARCUATE_SOAK") else 300
_POST = (
    b"POST /v1/environments/nowhere/call/f HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
SEEDS = [
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2,
    _POST + b'Content-Length: 14\r\n\r\n{"args": [123]}',
    _POST + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"arg\r\n5;x=y\r\ns":[]\r\n1\r\n}\r\n0\r\na: b\r\n\r\n',
    _POST + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n{",
    (
        b"GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        b"\x82\x85\x01\x02\x03\x04\x40\x50\x40\x51\x00"
    ),
]
PIECES = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b": ",
    b"Content-Length: 9\r\n",
    b"Transfer-Encoding: chunked\r\n",
]
PIECES += [
    b"HTTP/9.9",
    b" ",
    b"%",
    b"%ff",
    b"\xff",
    b"ffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
]


@st.composite
def _broken(draw: st.DrawFn) -> bytes:
    found = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(found)))
        match draw(st.integers(0, 3)):
            case 0:
                found[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del found[at : at + draw(st.integers(1, 40))]
            case 2:
                found[at:at] = draw(st.sampled_from(PIECES) | st.binary(max_size=20))
            case _:
                found[at:at] = found[: draw(st.integers(0, 60))]
    return bytes(found)


def _say(where: tuple[str, int], data: bytes) -> bytes:
    """What comes back until the hub closes, which it does when there is nothing more to hear."""
    got = b""
    with socket.create_connection(where, 20) as one:
        try:
            one.sendall(data)
            if select.select([one], [], [], 0.005)[0]:  # an end that comes at once leaves no answer
                got = one.recv(65536)
            one.shutdown(socket.SHUT_WR)
            while part := one.recv(65536):
                got += part
        except ConnectionError:
            pass
    return got


def _memory(process: subprocess.Popen[str]) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) << 10


def test_bytes(process: tuple[subprocess.Popen[str], str]) -> None:
    running, url = process
    host, _, port = url.removeprefix("http://").rpartition(":")
    where = (host, int(port))
    _say(where, SEEDS[0])
    before = _memory(running)
    seen: set[bytes] = set()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(_broken())
    def run(data: bytes) -> None:
        got = _say(where, data)
        if got:
            assert re.match(rb"HTTP/1\.1 [1234]\d\d ", got), got
            seen.add(got[9:12])

    run()
    assert {b"200", b"400", b"404"} <= seen
    assert running.poll() is None
    assert _memory(running) - before < 50 << 20
    got = _say(where, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert got == b"" or got.startswith(b"HTTP/1.1 200")


def test_what_answers_a_large_request_at_once_is_no_hub() -> None:
    """The connection is let go of, with what was half sent."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:
        link = open_link(Target.parse(f"http://127.0.0.1:{server.getsockname()[1]}/"), Limits())
        link.connect(30)
        other = server.accept()[0]
        with other:
            sent = thread.submit(link.send, messages.build("call", 1, {"x": "a" * 20_000_000}))
            other.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
            with pytest.raises(ProtocolError, match="no answer of a hub"):
                sent.result(30)
            with pytest.raises(ConnectionLost, match="not connected"):
                link.receive(0)
        link.close()
