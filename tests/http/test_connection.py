"""One TCP connection carries one request after the other, whatever their sizes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest

from arcuate.http import HttpBridge
from arcuate.hub import Hub


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with Hub() as hub:
        bridge = HttpBridge(hub, addresses=["127.0.0.1:0"])
        bridge.start()
        try:
            yield bridge.endpoints[0].removeprefix("http://")
        finally:
            bridge.stop(5.0)


def test_a_small_request_after_a_large_one(address: str) -> None:
    """The bound on a request's head counts that request alone, not the body of the one before."""
    client = http.client.HTTPConnection(address, timeout=30)
    try:
        for size in (2_000_000, 0, 2_000_000, 10):
            body = json.dumps({"args": ["x" * size]})
            kind = {"Content-Type": "application/json"}
            client.request("POST", "/v1/environments/python/call/len", body, kind)
            answer = client.getresponse()
            found = answer.read()
            assert answer.status == 200, (size, found)
            assert json.loads(found)["value"] == size
    finally:
        client.close()


def test_a_head_without_end(address: str) -> None:
    client = http.client.HTTPConnection(address, timeout=30)
    try:
        client.putrequest("GET", "/healthz")
        for number in range(90):
            client.putheader(f"x-{number}", "y" * 1000)
        client.endheaders()
        assert client.getresponse().status == 431
    except ConnectionError:
        pass  # refused while it was still being sent
    finally:
        client.close()
