"""What a client has seen is not sent again, and not kept: by ``seen`` in ``resume`` and by ``ack``."""

from __future__ import annotations

from typing import Any

from tests.hub.memory import MemoryLink

from arcuate.client import messages
from arcuate.hub import Hub


def _hear(link: MemoryLink) -> tuple[str, dict[str, Any]]:
    message = link.receive(30)
    assert message is not None
    return messages.head(message)[0], dict(messages.fields(message))


def _greeted(hub: Hub) -> MemoryLink:
    link = MemoryLink(hub)
    link.connect(30)
    link.send(messages.build("hello", 0, {"major": 1, "minor": 0}))
    assert _hear(link)[0] == "hello"
    return link


def test_only_what_was_not_seen_is_sent_again() -> None:
    with Hub() as hub:
        link = _greeted(hub)
        link.send(messages.build("open", 1, {"environment": "python"}))
        greeting = _hear(link)[1]["value"]
        for number in (2, 3, 4):
            link.send(messages.build("eval", number, {"code": f"{number} * 10"}))
            assert _hear(link)[1]["value"] == number * 10
        link.close()
        told = {"session": greeting["session"], "secret": greeting["secret"]}

        link = _greeted(hub)
        link.send(messages.build("resume", 5, {**told, "seen": 2}))
        assert _hear(link)[1]["value"]["session"] == greeting["session"]
        assert _hear(link)[1]["value"] == 40  # and not 20 and 30
        link.send(messages.build("ack", 0, {"seen": 3}))
        link.close()

        link = _greeted(hub)
        link.send(messages.build("resume", 6, told))
        assert _hear(link)[1]["id"] == 6
        link.send(messages.build("eval", 7, {"code": "7"}))
        assert _hear(link)[1]["value"] == 7  # and nothing before
        link.close()
