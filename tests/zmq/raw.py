"""A client of the bus over ZeroMQ, written from protos/zeromq.md, frames.md and messages.md alone.

It uses pyzmq and numpy and nothing of Arcuate, so that what it and the hub agree on is what the pages say.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
import zmq

PATIENCE = 30.0
OUTSIDE = 65_536
FIRST = 65_536
PIECE = 1 << 27
NULL, BOOL, INT, FLOAT, _, TEXT, BYTES, MISSING, LIST, MAPPING, ARRAY = range(11)
FUNCTION, HANDLE = 19, 20
F8 = 12
IN_A_FILE = 1 << 63
DTYPES = {1: "?", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "u1", 11: "<f4", 12: "<f8"}


class Function:
    """A function of ours that the other side may call back."""

    def __init__(self, ident: str) -> None:
        self.ident = ident


class Closed(Exception):
    """The hub has ended the connection."""


class _Writer:
    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int, int, bytes, bytes]] = []  # value, count, kind, ...
        self.pool: list[int] = []
        self.buffers: list[bytes | memoryview] = []

    def put(self, value: Any, key: str = "") -> None:
        kind, dtype, flags, count, number, text = NULL, 0, 0, 0, 0, ""
        below: list[tuple[Any, str]] = []
        if isinstance(value, bool):
            kind, number = BOOL, int(value)
        elif isinstance(value, int):
            kind, number = INT, value & (1 << 64) - 1
        elif isinstance(value, float):
            kind, number = FLOAT, struct.unpack("<Q", struct.pack("<d", value))[0]
        elif isinstance(value, str):
            kind, text = TEXT, value
        elif isinstance(value, bytes):
            kind = BYTES
            self.buffers.append(value)
        elif isinstance(value, Function):
            kind, text = FUNCTION, value.ident
        elif isinstance(value, list):
            kind, count, below = LIST, len(value), [(one, "") for one in value]
        elif isinstance(value, dict):
            kind, count, below = MAPPING, len(value), [(one, name) for name, one in value.items()]
        elif isinstance(value, np.ndarray):
            assert value.dtype == np.float64
            assert value.flags.c_contiguous
            kind, dtype, count = ARRAY, F8, value.ndim
            self.pool.extend(value.shape)
            self.buffers.append(value.data.cast("B") if value.size else b"")
        else:
            assert value is None, value
        self.rows.append((number, count, kind, dtype, flags, key.encode(), text.encode()))
        for one, name in below:
            self.put(one, name)


def encode(
    message: dict[str, Any],
    outside: int = OUTSIDE,
    lay: Callable[[bytes | memoryview], int] | None = None,
) -> list[bytes | memoryview]:
    """The parts of a message; ``lay`` puts a large buffer into a file and returns its place, or 0."""
    writer = _Writer()
    writer.put(message)
    rows, buffers = writer.rows, writer.buffers
    places: list[int] = []
    parts: list[bytes | memoryview] = []
    inline: list[bytes] = []
    counted = 0
    for one in buffers:
        laid = lay(one) if lay is not None and len(one) >= outside else 0
        if laid:
            places.append(laid)
        elif len(one) >= outside:
            counted += 1
            places.append(counted)
            parts.extend(memoryview(one)[at : at + PIECE] for at in range(0, len(one), PIECE))
        else:
            places.append(0)
            inline.append(bytes(one) + bytes(-len(one) % 64))
    words = [row[0] for row in rows] + writer.pool + [len(one) for one in buffers] + places
    body = struct.pack(f"<{len(words)}Q", *words)
    for column in ([row[1] for row in rows], [len(row[5]) for row in rows], [len(row[6]) for row in rows]):
        body += struct.pack(f"<{len(rows)}I", *column)
    for at in (2, 3, 4):
        body += bytes(row[at] for row in rows)  # type: ignore[misc]
    body += bytes(len(rows))
    text = b"".join(row[5] + row[6] for row in rows)
    body += text
    body += bytes(-len(body) % 64)
    head = 64 + len(body)
    data = b"".join(inline)
    begin = struct.pack(
        "<4sHHQIIQQQI",
        b"ARCU", 1, 0, head + len(data), len(rows), len(buffers), len(writer.pool), len(text), head, 1,
    )  # fmt: skip
    rest = bytes(8) + body
    frame = begin + struct.pack("<I", zlib.adler32(begin + rest)) + rest + data
    if len(frame) > FIRST:
        return [struct.pack("<4sIQ", b"ARCL", 0, len(frame)), frame, *parts]
    return [frame, *parts]


def decode(parts: list[bytes], found: Callable[[int, int], bytes] | None = None) -> dict[str, Any]:
    """The message in some parts; ``found`` reads a file, given its number and a length."""
    parts = list(parts)
    if parts[0][:4] == b"ARCL" and len(parts[0]) == 16:
        (length,) = struct.unpack("<8xQ", parts.pop(0))
        assert len(parts[0]) == length > FIRST
    frame = parts.pop(0)
    magic, major, _, total, n, m, p, _t, head, flags, checksum, _ = struct.unpack_from(
        "<4sHHQIIQQQIIQ", frame
    )
    assert (magic, major, total) == (b"ARCU", 1, len(frame))
    assert flags & 1
    assert zlib.adler32(frame[:52] + frame[56:head]) == checksum
    words = struct.unpack_from(f"<{n + p + 2 * m}Q", frame, 64)
    at = 64 + 8 * len(words)
    narrow = struct.unpack_from(f"<{3 * n}I", frame, at)
    at += 12 * n
    kinds, dtypes, bits = frame[at : at + n], frame[at + n : at + 2 * n], frame[at + 2 * n : at + 3 * n]
    at += 4 * n
    keys, texts = [], []
    for klen, tlen in zip(narrow[n : 2 * n], narrow[2 * n :], strict=True):
        keys.append(frame[at : at + klen].decode())
        texts.append(frame[at + klen : at + klen + tlen].decode())
        at += klen + tlen
    pool = iter(words[n : n + p])
    offset, outside, buffers = head, 0, []
    for length, place in zip(words[n + p : n + p + m], words[n + p + m :], strict=True):
        if place & IN_A_FILE:
            assert found is not None, "a buffer in a file, which nobody asked for"
            buffers.append(found(place - IN_A_FILE, length))
        elif place:
            outside += 1
            assert place == outside
            data = b""
            while len(data) < length:
                data += parts.pop(0)
            assert len(data) == length
            buffers.append(data)
        else:
            buffers.append(frame[offset : offset + length])
            offset += -(-length // 64) * 64
    assert not parts
    assert offset == total
    data_of = iter(buffers)
    nodes = 0

    def take() -> Any:
        nonlocal nodes
        i, nodes = nodes, nodes + 1
        kind, word, count = kinds[i], words[i], narrow[i]
        if kind == MAPPING:
            found = {}
            for _ in range(count):
                key = keys[nodes]
                found[key] = take()
            return found
        if kind == LIST:
            return [take() for _ in range(count)]
        if kind == ARRAY:
            shape = [next(pool) for _ in range(count)]
            raw = next(data_of)
            if dtypes[i] == 15:
                return raw.decode().split("\0")[:-1]
            array = np.frombuffer(raw, DTYPES[dtypes[i]]).reshape(shape, order="F" if bits[i] & 2 else "C")
            return array.tolist() if bits[i] & 4 else array
        if kind == BYTES:
            return next(data_of)
        if kind in (HANDLE, FUNCTION):
            return {"id": texts[i], **(take() if count else {})}
        if kind == FLOAT:
            return struct.unpack("<d", struct.pack("<Q", word))[0]
        if kind == INT:
            return word - (1 << 64) if word >> 63 else word
        return {NULL: None, BOOL: bool(word), TEXT: texts[i], MISSING: math.nan}[kind]

    message = take()
    assert isinstance(message, dict)
    return message


class Raw:
    """One connection."""

    def __init__(self, endpoint: str, curve: dict[str, bytes] | None = None, **options: int | bytes) -> None:
        scheme, _, rest = endpoint.partition("://")
        self.host = rest.rpartition(":")[0]
        self._curve = curve
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self._set(self.socket)
        self.socket.setsockopt(zmq.RECONNECT_IVL, -1)
        for name, value in options.items():
            self.socket.setsockopt(getattr(zmq, name), value)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.socket.connect(("ipc://" if scheme == "zmq+ipc" else "tcp://") + rest)
        self.number = 0
        self.seen = 0
        self.lay: Callable[[bytes | memoryview], int] | None = None
        self.found: Callable[[int, int], bytes] | None = None

    def _set(self, socket: zmq.Socket[bytes]) -> None:
        socket.setsockopt(zmq.LINGER, 0)
        if self._curve is not None:
            socket.curve_serverkey = self._curve["server"]
            socket.curve_publickey = self._curve["public"]
            socket.curve_secretkey = self._curve["secret"]

    def post(self, parts: list[bytes | memoryview]) -> None:
        """Sends parts as they are."""
        self.socket.send_multipart(parts)

    def send(self, op: str, number: int | None = None, **fields: Any) -> int:
        """Sends a request; returns its id."""
        if number is None:
            self.number += 1
            number = self.number
        self.post(encode({"op": op, "id": number, **fields}, lay=self.lay))
        return number

    def read(self, patience: float = PATIENCE) -> dict[str, Any]:
        """The next message.

        Raises:
            Closed: the hub has ended the connection.
        """
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        ready = dict(poller.poll(int(patience * 1000)))
        if self.socket not in ready:
            assert ready, "nothing came"
            if not self.socket.poll(0):
                raise Closed
        found = decode(self.socket.recv_multipart(), self.found)
        self.seen = found.get("seq", self.seen)
        return found

    def answer(self, number: int) -> dict[str, Any]:
        """The answer to a request; other messages are passed over."""
        while True:
            found = self.read()
            if found["op"] in ("reply", "error") and found["id"] in (number, 0):
                return found

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Sends a request and waits for its answer."""
        return self.answer(self.send(op, **fields))

    def hello(self, **fields: Any) -> dict[str, Any]:
        """Says hello and returns what the hub says."""
        self.send("hello", 0, major=1, minor=0, agent="raw", **fields)
        return self.read()

    def ended(self, patience: float = PATIENCE) -> list[dict[str, Any]]:
        """Waits for the end of the connection; what came before."""
        found = []
        while True:
            try:
                found.append(self.read(patience))
            except Closed:
                return found

    def subscribe(self, told: dict[str, Any]) -> zmq.Socket[bytes]:
        """A SUB for what the hub has answered to a ``listen``."""
        socket = self.context.socket(zmq.SUB)
        self._set(socket)
        socket.connect(f"ipc://{told['path']}" if "path" in told else f"tcp://{self.host}:{told['port']}")
        socket.setsockopt(zmq.SUBSCRIBE, told["prefix"])
        return socket

    def close(self) -> None:
        """Closes the socket."""
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)
        self.context.destroy(0)

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
