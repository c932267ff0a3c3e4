"""Clients that break off, send too much, too slowly, or do not read: others notice nothing."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import arcuate.http.protocol
import arcuate.http.request
from arcuate.http import HttpBridge
from arcuate.hub import Config, Hub

JSON = "Content-Type: application/json\r\n"
CALL = "/v1/environments/python/call/len"


@contextmanager
def _hub() -> Iterator[tuple[str, int]]:
    config = Config(
        environments={"python": {"language": "python"}},  # type: ignore[dict-item]  # pydantic reads the mapping
        limits={"message": 1_000_000, "connections": 4},  # type: ignore[arg-type]  # the same
    )
    with Hub(config) as hub:
        bridge = HttpBridge(hub, addresses=["127.0.0.1:0"])
        bridge.start()
        try:
            host, _, port = bridge.endpoints[0].removeprefix("http://").rpartition(":")
            yield host, int(port)
        finally:
            bridge.stop(1.0)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """A hub in this process that takes messages of 1 MB and four connections."""
    with _hub() as where:
        yield where


def _head(path: str, *, method: str = "POST", more: str = JSON, size: int | None = None) -> bytes:
    length = "" if size is None else f"Content-Length: {size}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{more}{length}\r\n".encode()


def _answer(where: tuple[str, int], *parts: bytes) -> tuple[int, dict[str, Any], bytes]:
    """What a server says to bytes, until it closes or has said all: status, error, everything."""
    with socket.create_connection(where, 30) as one:
        try:
            for part in parts:
                one.sendall(part)
        except OSError:
            pass  # it has heard enough
        got = b""
        try:
            while data := one.recv(65536):
                got += data
                head, found, body = got.partition(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                if found and length is not None and len(body) >= int(length[1]):
                    break
        except ConnectionError:
            pass
    status = int(got.split(b" ")[1]) if got.startswith(b"HTTP/1.1 ") else 0
    body = got.partition(b"\r\n\r\n")[2]
    said = json.loads(body) if body.startswith(b"{") else {}
    return status, said.get("error", {}), got


def _serves(where: tuple[str, int]) -> None:
    body = b'{"args": ["abc"]}'
    assert _answer(where, _head(CALL, size=len(body)), body)[2].endswith(b'{"value":3}')


@pytest.mark.parametrize("size", [1_000_001, 5_000_000, 1 << 40])
def test_a_body_that_says_it_is_too_long(address: tuple[str, int], size: int) -> None:
    status, error, _ = _answer(address, _head(CALL, size=size))
    assert (status, error["code"], error["setting"]) == (413, "LIMIT_EXCEEDED", "message")
    assert "'message'" in error["message"]
    assert "1,000,000" in error["message"]
    _serves(address)


def test_a_body_in_pieces_that_is_too_long(address: tuple[str, int]) -> None:
    piece = b"186a0\r\n" + b" " * 100_000 + b"\r\n"
    parts = [_head(CALL, more=JSON + "Transfer-Encoding: chunked\r\n"), *[piece] * 12]
    status, error, _ = _answer(address, *parts)
    assert (status, error["setting"]) == (413, "message")
    _serves(address)


def test_a_truncated_body(address: tuple[str, int]) -> None:
    for size in (100, 900_000):
        with socket.create_connection(address, 30) as one:
            one.sendall(_head(CALL, size=size) + b'{"args": [')
            one.shutdown(socket.SHUT_WR)
            assert one.recv(1000) == b""  # nothing was called, nothing is said
        _serves(address)


@pytest.mark.parametrize(
    "flood",
    [
        "".join(f"x-{number}: {'y' * 1000}\r\n" for number in range(90)),
        f"x: {'y' * 90_000}\r\n",
        "x:\r\n" * 40_000,
    ],
    ids=["many", "long", "short"],
)
def test_a_flood_of_fields(address: tuple[str, int], flood: str) -> None:
    """In one packet and in many."""
    head = _head("/healthz", method="GET", more=flood)
    assert _answer(address, head)[0] in (0, 431)  # 0: it was cut while it was still sending
    assert _answer(address, *[head[at : at + 5000] for at in range(0, len(head), 5000)])[0] in (0, 431)
    _serves(address)


def test_a_long_address(address: tuple[str, int]) -> None:
    assert _answer(address, _head("/" + "a" * 70_000, method="GET"))[0] in (0, 431)
    assert _answer(address, _head("/" + "a" * 10_000, method="GET"))[0] == 404


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request(address: tuple[str, int], head: bytes) -> None:
    assert _answer(address, head)[0] == 400 or b"\x16" in head
    _serves(address)


def test_a_slow_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arcuate.http.protocol, "_HEAD_SECONDS", 0.5)
    monkeypatch.setattr(HttpBridge, "patience", 0.5)
    with _hub() as address:
        assert _answer(address)[0] == 408
        assert _answer(address, b"GET /healthz HTTP/1.1\r\nHost: loc")[0] == 408
        _serves(address)


@pytest.mark.parametrize("size", [100, 900_000])
def test_a_slow_body(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(arcuate.http.request, "_BODY_SECONDS", 0.1)
    monkeypatch.setattr(arcuate.http.request, "SINK", 1000)
    status, error, _ = _answer(address, _head(CALL, size=size), b'{"args": [')
    assert (status, error["code"]) == (408, "PROTOCOL_ERROR")
    _serves(address)


def test_too_many_connections(address: tuple[str, int]) -> None:
    held = [socket.create_connection(address, 30) for _ in range(4)]
    try:
        for one in held:  # each is known to the hub before the next comes
            one.sendall(_head("/healthz", method="GET"))
            assert one.recv(1000).startswith(b"HTTP/1.1 200")
        assert _answer(address)[0] == 503
    finally:
        for one in held:
            one.close()
    end = time.monotonic() + 10
    while _answer(address, _head("/healthz", method="GET"))[0] != 200:
        assert time.monotonic() < end


# ------------------------------------------------------- who does not read


def _memory(process: subprocess.Popen[str]) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def _ended(url: str, operation: str) -> float:
    """How many requests of a kind have ended."""
    with urllib.request.urlopen(url + "/metrics", timeout=30) as answer:
        text = answer.read().decode()
    lines = re.findall(rf'arcuate_calls_total{{.*operation="{operation}".*}} (\S+)', text)
    return sum(float(one) for one in lines)


@pytest.mark.parametrize(
    ("operation", "code", "bound"),
    [
        ("eval", "b'x' * 200_000_000", 300_000_000),
        ("run", "for number in range(3000): print('x' * 100_000)", 150_000_000),
    ],
    ids=["a reply of 200 MB", "300 MB of output"],
)
def test_a_client_that_stops_reading(
    process: tuple[subprocess.Popen[str], str], operation: str, code: str, bound: int
) -> None:
    running, url = process
    host, _, port = url.removeprefix("http://").rpartition(":")
    where = (host, int(port))
    _serves(where)
    before, ended = _memory(running), _ended(url, operation)
    body = json.dumps({"op": operation, "id": 1, "environment": "python", "code": code}).encode()
    head = _head("/v1/messages", more=JSON + "Accept: application/vnd.arcuate.frames\r\n", size=len(body))
    with socket.create_connection(where, 30) as one:
        one.sendall(head + body)
        assert one.recv(100).startswith(b"HTTP/1.1 200")
        end = time.monotonic() + 60
        most = 0
        while _ended(url, operation) == ended:  # it ends though nobody reads what it says
            most = max(most, _memory(running))
            assert time.monotonic() < end
        for _ in range(20):
            _serves(where)
        assert max(most, _memory(running)) - before < bound
    _serves(where)
