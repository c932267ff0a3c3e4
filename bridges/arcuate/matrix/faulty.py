"""Servers that are bad on purpose: one that cuts a connection in the middle, some that answer noise, one that
says nothing.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Cutting", "closed_port", "garbage", "garbage_inside", "silent"]

_BLOCK = 1 << 16
_NOISE = random.Random(20).randbytes(4096)  # noqa: S311  (the same in every run)


def _reset(one: socket.socket) -> None:
    """Closes with a reset, as a broken network does."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


class _Server:
    """Listens, and looks after its connections in one thread.

    Attributes:
        url: where, as a client writes it, without an environment.
    """

    def __init__(self, scheme: str, path: Path | None = None) -> None:
        if scheme == "zmq+ipc":
            assert path is not None
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(str(path))
            self._listener.listen()
            self.url = f"zmq+ipc://{path}"
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                one = key.fileobj
                if one is self._woken:
                    return
                if one is self._listener:
                    self._accepted(self._listener.accept()[0])
                elif one in self._selector.get_map():
                    assert isinstance(one, socket.socket)
                    self._readable(one)

    def _watch(self, one: socket.socket) -> None:
        self._selector.register(one, selectors.EVENT_READ)

    def _drop(self, one: socket.socket) -> None:
        self._selector.unregister(one)
        _reset(one)

    def _accepted(self, one: socket.socket) -> None:
        self._watch(one)

    def _readable(self, one: socket.socket) -> None:
        """Reads and says nothing."""
        try:
            if one.recv(_BLOCK):
                return
        except OSError:
            pass
        self._drop(one)

    def close(self) -> None:
        self._wake.send(b"x")
        self._thread.join(10.0)
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            _reset(key.fileobj)
        self._wake.close()
        self._selector.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Cutting(_Server):
    """Stands before a hub and passes bytes on, until so many have passed: then it resets what is open and
    refuses what comes.

    Args:
        scheme: of the URL.
        target: family and address of the hub.
        path: where to listen, for a socket file.
    """

    def __init__(self, scheme: str, target: tuple[int, Any], path: Path | None = None) -> None:
        self._target = target
        self._other: dict[socket.socket, socket.socket] = {}
        self._left: int | None = None
        self.cut = False
        super().__init__(scheme, path)

    def cut_after(self, count: int) -> None:
        """Cuts when so many further bytes have passed."""
        self._left = count

    def _accepted(self, one: socket.socket) -> None:
        if self.cut:
            _reset(one)
            return
        other = socket.socket(self._target[0], socket.SOCK_STREAM)
        try:
            other.connect(self._target[1])
        except OSError:
            _reset(one)
            other.close()
            return
        self._other.update({one: other, other: one})
        for end in (one, other):
            if end.family == socket.AF_INET:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._watch(end)

    def _readable(self, one: socket.socket) -> None:
        try:
            data = one.recv(_BLOCK)
            if data and self._left is not None:
                self._left -= len(data)
                if self._left <= 0:
                    self.cut = True
                    for end in list(self._other):
                        self._drop(end)
                    self._other.clear()
                    return
            if data:
                self._other[one].sendall(data)
                return
        except OSError:
            pass
        other = self._other.pop(one)
        self._other.pop(other)
        for end in (one, other):
            self._drop(end)


class _Noisy(_Server):
    """Answers whatever comes with the same noise."""

    def _readable(self, one: socket.socket) -> None:
        try:
            if one.recv(_BLOCK):
                one.sendall(_NOISE)
                return
        except OSError:
            pass
        self._drop(one)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port where nobody listens, and nobody else can: it is taken meanwhile."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield int(one.getsockname()[1])


def garbage(scheme: str, path: Path) -> _Server:
    """A server that answers noise."""
    return _Noisy(scheme, path)


def silent(scheme: str, path: Path) -> _Server:
    """A server that takes connections and never says anything."""
    return _Server(scheme, path)


@contextmanager
def garbage_inside(scheme: str, path: Path) -> Iterator[str]:
    """A server that speaks the transport well and puts noise into its messages; its address."""
    how: dict[str, Callable[[str, Path], Any]] = {
        "grpc": _grpc, "zmq": _zmq, "zmq+ipc": _zmq, "http": _http,
    }  # fmt: skip
    with how[scheme](scheme, path) as url:
        yield url


class _NoisyHttp(_Server):
    """Answers each request with 200 and noise of the announced length."""

    def _readable(self, one: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 4096\r\n\r\n"
        try:
            if one.recv(_BLOCK):
                one.sendall(head + _NOISE)
                return
        except OSError:
            pass
        self._drop(one)


@contextmanager
def _http(scheme: str, path: Path) -> Iterator[str]:
    with _NoisyHttp(scheme) as server:
        yield server.url


@contextmanager
def _grpc(scheme: str, path: Path) -> Iterator[str]:
    import grpc

    def stream(requests: Any, context: Any) -> Iterator[bytes]:
        for _ in requests:
            yield _NOISE

    class Noisy(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            return grpc.stream_stream_rpc_method_handler(stream)

    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, handlers=[Noisy()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"grpc://127.0.0.1:{port}"
        finally:
            server.stop(0).wait(10.0)


@contextmanager
def _zmq(scheme: str, path: Path) -> Iterator[str]:
    import zmq

    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    if scheme == "zmq":
        url = f"zmq://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}"
    else:
        router.bind(f"ipc://{path}")
        url = f"zmq+ipc://{path}"
    over = threading.Event()

    def answer() -> None:
        while not over.is_set():
            if router.poll(50):
                peer = router.recv_multipart()[0]
                with contextlib.suppress(zmq.ZMQError):
                    router.send_multipart([peer, _NOISE])

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        over.set()
        thread.join(10.0)
        router.close()
        context.term()
