"""What a hub says before it goes is heard, also by a client that was busy at that moment."""

from __future__ import annotations

import pytest

from arcuate.client import connect
from arcuate.errors import Unavailable
from arcuate.hub import Config, Server


def test_a_client_that_was_busy_hears_the_last_word() -> None:
    server = Server(Config(zmq=["127.0.0.1:0"])).start()
    with connect(f"{server.endpoints['zmq']}/python") as session:
        session.run("def ask(said):\n return said()")
        with pytest.raises(Unavailable, match="shutting down"):
            session.call("ask", lambda: server.stop(0))  # it is told while its own function runs
