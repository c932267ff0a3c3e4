"""The page on this machine to which a browser comes back after a person agreed (RFC 8252, 7.3)."""

from __future__ import annotations

import hmac
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from arcuate.errors import InvalidArgument

__all__ = ["Callback"]

_PAGE = b"""<!doctype html><meta charset=utf-8><title>Arcuate</title>
<p>You can close this window and go back to your program."""


class Callback:
    """Listens on the loopback address until the answer has come.

    Args:
        port: 0: one that is free.

    Attributes:
        url: where the browser is sent.
    """

    def __init__(self, port: int = 0) -> None:
        found: queue.Queue[dict[str, str]] = queue.Queue()
        self._found = found
        self._state = ""

        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10.0

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                answer = {name: values[0] for name, values in parse_qs(parts.query).items()}
                good = parts.path == "/callback" and outer._expected(answer)
                self.send_response(200 if good else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(_PAGE) if good else 0))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.send_header("Connection", "close")
                self.end_headers()
                if good:
                    self.wfile.write(_PAGE)
                    found.put(answer)

            def log_message(self, *_: Any) -> None:
                """The code is in the address: nothing is logged."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise InvalidArgument(
                f"port {port} for the callback is not free ({error.strerror}); set 'callback_port'"
            ) from None
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/callback"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def _expected(self, answer: dict[str, str]) -> bool:
        """Whether it answers what was asked here: another state is somebody else's."""
        return bool(self._state) and hmac.compare_digest(
            answer.get("state", "").encode(), self._state.encode()
        )

    def __enter__(self) -> Callback:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def expect(self, state: str) -> None:
        """Before the browser is sent away: the state that it brings back."""
        self._state = state

    def wait(self, seconds: float) -> dict[str, str] | None:
        """The parts of the query that the browser brought; ``None`` after so many seconds without."""
        try:
            return self._found.get(timeout=seconds)
        except queue.Empty:
            return None
