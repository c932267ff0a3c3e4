"""Closing a client while another thread downloads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from arcuate.errors import SessionClosed
from arcuate.rest import RESTAPIClient

PATIENCE = 20.0


def test_a_download_ends_when_its_client_is_closed(tmp_path: Path) -> None:
    begun, closed = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 21))
            self.end_headers()
            self.wfile.write(bytes(1 << 20))
            begun.set()
            assert closed.wait(PATIENCE)
            self.wfile.write(bytes(1 << 20))

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, ThreadPoolExecutor(1) as threads:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            client = RESTAPIClient(url=f"http://127.0.0.1:{server.server_port}")
            download = threads.submit(client.download, "/file", tmp_path / "file")
            assert begun.wait(PATIENCE)
            client.close()
            closed.set()
            with pytest.raises(SessionClosed):
                download.result(PATIENCE)
        finally:
            server.shutdown()
            serving.join(PATIENCE)
    assert not (tmp_path / "file").exists()
