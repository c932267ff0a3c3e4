"""An HTTP server that answers with the bytes a test gives it, one answer a connection, in turn."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator


class Scripted:
    """Attributes: port, ``asked`` (the requests as they came)."""

    def __init__(self, answers: tuple[bytes, ...]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.asked: list[bytes] = []
        self._answers = answers
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        number = 0
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            with one, contextlib.suppress(OSError):
                request = b""
                while b"\r\n\r\n" not in request:
                    piece = one.recv(65536)
                    if not piece:
                        break
                    request += piece
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", request)
                left = int(length[1]) - len(request.partition(b"\r\n\r\n")[2]) if length else 0
                while left > 0 and (piece := one.recv(65536)):
                    request, left = request + piece, left - len(piece)
                self.asked.append(request)
                one.sendall(self._answers[min(number, len(self._answers) - 1)])
                one.shutdown(socket.SHUT_WR)
                while one.recv(65536):
                    pass
            number += 1

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


def answer(status: int | str, body: bytes | str = b"", *headers: str) -> bytes:
    """An answer of HTTP, whose connection ends."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@contextlib.contextmanager
def scripted(*answers: bytes) -> Iterator[Scripted]:
    """Serves these answers; the last one for ever."""
    server = Scripted(answers)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def dripping(head: bytes) -> Iterator[str]:
    """A server that sends a beginning, and then a byte each 20 ms for as long as somebody listens."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def serve(one: socket.socket) -> None:
        with one, contextlib.suppress(OSError):
            one.recv(65536)
            one.sendall(head)
            while not ended.wait(0.02):
                one.sendall(b"y")

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=listener.accept()[:1]))
                threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(10)
