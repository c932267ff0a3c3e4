"""An instrument for those who have none at hand."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator


class _Line(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        known = False
        with contextlib.suppress(OSError):
            for line in self.rfile:
                word, _, value = line.decode().strip().partition(" ")
                known = known or (word == "SYST:ACC" and value == "open-sesame-17")
                answers = {"SYST:ACC": "OK", "*IDN?": "ACME,DMM7,42,1.0", "MEAS:VOLT?": "+1.2500E+00"}
                answer = answers.get(word, '-113,"Undefined header"') if known else "NO"
                self.wfile.write(answer.encode() + b"\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextlib.contextmanager
def simulator() -> Iterator[str]:
    """Its address."""
    with _Server(("127.0.0.1", 0), _Line) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"scpi://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
