"""Damaged messages to a hub over HTTP: each is answered, none is a failure of the hub, others are served."""

from __future__ import annotations

import http.client
import random
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.http.test_fuzz import FRAMES, SEEDS

from arcuate.client import connect

PATHS = ("/v1/messages", "/v1/messages", "/v1/hello", "/v1/sessions", "/v1/sessions/0/messages")


def damaged(seed: int) -> tuple[str, bytes]:
    """A path and a frame with some damage; one of eight has none."""
    chance = random.Random(seed)
    found = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        at = chance.randrange(len(found) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            found[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del found[at:]
        elif kind == 2:
            found[at:at] = chance.randbytes(chance.randint(1, 20))
        elif kind == 3:
            found[at : at + 8] = chance.choice((b"\xff" * 8, bytes(8), bytes(7) + b"\x7f"))
        else:
            found[at:at] = found[: chance.randint(0, 60)]
    return chance.choice(PATHS), bytes(found)


def bombard(url: str, seeds: Iterable[int]) -> set[int]:
    """Sends them on one connection; the status codes that came."""
    seen = set()
    one = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    headers = {"Content-Type": FRAMES, "Arcuate-Channel": "c" * 16}
    with connect(f"{url}/python") as witness:
        try:
            for number, seed in enumerate(seeds):
                path, body = damaged(seed)
                one.request("POST", path, body, headers)
                with one.getresponse() as answer:
                    answer.read()
                    seen.add(answer.status)
                    assert answer.status < 500 or answer.status in (501, 504), seed
                if number % 50 == 0:
                    assert witness.eval("6 * 7") == 42
        finally:
            one.close()
        assert witness.eval("6 * 7") == 42
    return seen


def memory(process: subprocess.Popen[str]) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) << 10


def test_damaged_messages_to_a_hub(process: tuple[subprocess.Popen[str], str]) -> None:
    assert {200, 400, 404} <= bombard(process[1], range(150))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_100_000_damaged_messages_to_a_hub(process: tuple[subprocess.Popen[str], str]) -> None:
    bombard(process[1], range(1_000_000, 1_002_000))
    before = memory(process[0])
    bombard(process[1], range(2_000_000, 2_100_000))
    assert process[0].poll() is None
    assert memory(process[0]) - before < 50 << 20
