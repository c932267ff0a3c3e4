"""What a hub says before it goes is heard, also by a client that was busy at that moment."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from tests.hub.certificates import Files

from arcuate.client import Session, connect
from arcuate.errors import Unavailable
from arcuate.hub import Config, Server


@pytest.mark.parametrize("protocol", ["grpc", "zmq", "http", "https"])
def test_a_client_that_was_busy_hears_the_last_word(protocol: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {protocol.removesuffix("s"): ["127.0.0.1:0"]}
    options: dict[str, Any] = {}
    if protocol == "https":
        files = Files(tmp_path, "lab")
        certificate, key = files.issue("hub", "127.0.0.1")
        settings["tls"] = {"certificate": certificate, "key": key}
        options["tls"] = files.ca
    server = Server(Config(**settings)).start()
    with connect(f"{server.endpoints[protocol.removesuffix('s')]}/python", **options) as session:
        session.run("def ask(said):\n return said()")
        with pytest.raises(Unavailable, match="shutting down"):
            session.call("ask", lambda: server.stop(0))  # it is told while its own function runs


def test_a_client_that_was_busy_in_a_call_of_its_own_function_hears_why() -> None:
    """What it says for its function is refused then, by another connection: that is not the reason."""
    server = Server(Config(http=["127.0.0.1:0"])).start()
    try:
        with connect(f"{server.endpoints['http']}/python") as session:
            session.run("def ask(said):\n return said()")
            with pytest.raises(Unavailable, match="shutting down"):
                session.call("ask", lambda: _stopped(server, session))
    finally:
        server.stop(0)


def _stopped(server: Server, session: Session) -> None:
    threading.Timer(0.05, server.stop, (0,)).start()
    session.run("import time; time.sleep(60)")
