"""Messages of the bus by hand, as a client in another language would write them."""

from __future__ import annotations

import time
from typing import Any

from tests.hub.memory import MemoryLink

from arcuate.client import messages
from arcuate.client.net.bus import greet
from arcuate.hub import Credentials, Hub

PATIENCE = 30.0


class Raw:
    """One connection to a hub."""

    def __init__(self, hub: Hub, credentials: Credentials | None = None, token: str | None = None) -> None:
        self.link = MemoryLink(hub, credentials)
        self.link.connect(1)
        self.hello = greet(self.link, token, 5)
        self.number = 0

    def send(self, op: str, **fields: Any) -> int:
        """Sends a request and returns its id."""
        self.number += 1
        self.link.send(messages.build(op, self.number, fields))
        return self.number

    def read(self) -> dict[str, Any]:
        """The next message."""
        end = time.monotonic() + PATIENCE
        while True:
            found = self.link.receive(end - time.monotonic())
            if found is not None:
                return messages.fields(found)
            assert time.monotonic() < end, "no message arrived"

    def answer(self, number: int) -> dict[str, Any]:
        """The reply or error of a request; other messages are passed over."""
        while True:
            found = self.read()
            if found["op"] in ("reply", "error") and found["id"] == number:
                return found

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Sends a request and waits for its answer."""
        return self.answer(self.send(op, **fields))

    def call(self, name: str, *args: Any, **fields: Any) -> dict[str, Any]:
        """A stateless call to Python, unless ``environment`` says otherwise."""
        fields.setdefault("environment", "python")
        return self.ask("call", name=name, args=list(args), **fields)
