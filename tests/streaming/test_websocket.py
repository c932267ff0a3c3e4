"""WebSocket streams against ws, the server of npm."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
import xarray as xr
from tests.connector.servers import node

from arcuate.connector import (
    AuthenticationError,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)
from arcuate.connector import ConnectionError as LostConnection
from arcuate.errors import InvalidArgument
from arcuate.integrations import WebSocketStream, copy
from arcuate.streaming import GapWarning, StreamingClient

SERVER = Path(__file__).with_name("websocket_server.cjs")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with node("ws", SERVER) as found:
        yield found


def stream(port: int, path: str, **settings: Any) -> WebSocketStream:
    return WebSocketStream(url=f"ws://127.0.0.1:{port}/{path}", **settings)


def state(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def until_gap(source: WebSocketStream) -> None:
    """Reads until a gap is told."""
    with source.blocks() as blocks, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(40):
            if told:
                break
            blocks.next(0.3)
    for one in told:
        warnings.warn(one.message, stacklevel=2)


def test_messages_are_read_until_the_server_ends(port: int) -> None:
    with stream(port, 'text?text={"a":1}&text=12&text=hello') as source:
        found = list(source.blocks(timeout=10))
    assert [one.data for one in found] == [{"a": 1}, 12, "hello", b"\xff\x00"]
    assert [one.sequence for one in found] == [0, 1, 2, 3]


def test_a_lost_connection_is_gone_on_with_after_the_last_message(port: int) -> None:
    template = {"op": "begin", "topic": "$topic", "after": "$last"}
    with stream(port, "ticks?last=10&each=4", subscribe=template, resume="id", topic="eeg") as source:
        found = list(source.blocks(timeout=10))
        assert source.lost == 0
    assert [one.data["id"] for one in found] == list(range(1, 11))
    assert [one.id for one in found] == [str(one) for one in range(1, 11)]
    assert {one.topic for one in found} == {"eeg"}
    begun = state(port)["begun"][-3:]
    assert begun == [{"op": "begin", "topic": "eeg", "after": one} for one in (None, 4, 8)]
    with stream(port, "ticks?last=10&each=20", subscribe=template, resume="id") as source:
        assert [one.data["id"] for one in source.blocks(start=7, timeout=10)] == [8, 9, 10]


def test_without_resume_a_lost_connection_is_a_gap(port: int) -> None:
    with stream(port, "ticks?last=6&each=4", subscribe={"after": None}) as source:
        blocks = source.blocks(timeout=10)
        assert [next(blocks).data["id"] for _ in range(4)] == [1, 2, 3, 4]
        with pytest.warns(GapWarning, match="began anew"):
            assert next(blocks).data["id"] == 1


def test_a_server_that_closes_without_a_code_has_ended(port: int) -> None:
    """As ``socket.close()`` of JavaScript does; to begin anew would double everything."""
    with stream(port, "once?times=3") as source:
        found = list(source.blocks(timeout=10))
    assert [one.data for one in found] == [0, 1, 2]


def test_a_copy_ends_where_the_server_ends(port: int, tmp_path: Path) -> None:
    done = copy(
        f"ws://127.0.0.1:{port}/ticks?last=5&each=9#x", str(tmp_path / "a.csv"),
        timeout=20.0, source_settings={"subscribe": {"after": None}},
    )  # fmt: skip
    assert done.rows == 5
    assert (tmp_path / "a.csv").read_text().split()[1:] == ["1", "2", "3", "4", "5"]


def test_a_quiet_stream_may_be_cut_often(port: int) -> None:
    """A proxy cuts what is idle: each time it was connected for longer than 'patience'."""
    with stream(port, "idle?for=400", patience=0.3, subscribe={"after": "$last"}, resume="id") as source:
        blocks = source.blocks()
        assert blocks.next(1.5) is None
    assert state(port)["idle"] >= 3


def test_a_server_that_does_not_know_us_any_more_is_not_asked_again(port: int) -> None:
    source = stream(port, "close?code=4401")
    with source, source.blocks(timeout=10) as blocks, pytest.raises(AuthenticationError, match="with 4401"):
        next(blocks)


def test_what_is_written_arrives(port: int) -> None:
    with stream(port, "listen") as sink, stream(port, "listen", format="json") as words:
        sink.write(b"\xff\x01")
        sink.flush()
        words.write({"a": 1})
        words.flush()
        said = state(port)["said"][-2:]
    assert [[kind, base64.b64decode(one)] for kind, one in said] == [[True, b"\xff\x01"], [False, b'{"a":1}']]


def test_labelled_blocks_through_a_server(port: int) -> None:
    from websockets.sync.client import connect

    data = xr.DataArray(
        np.arange(6.0).reshape(3, 2),
        dims=("time", "channel"),
        coords={"channel": ["Fz", "Cz"]},
        attrs={"sampling_rate": 250.0},
    )
    codec = WebSocketStream(url="ws://h").codec()
    from arcuate.streaming import Block

    payload, _ = codec.encode(Block.of(data, timestamp=1.5, headers={"subject": "S1"}))
    with connect(f"ws://127.0.0.1:{port}/echo", legacy=True) as wire:
        wire.send(payload)
        back = wire.recv()
    block = codec.decode(back if isinstance(back, bytes) else b"")
    xr.testing.assert_identical(block.data, data)
    assert (block.timestamp, dict(block.headers)) == (1.5, {"subject": "S1"})


def test_a_slow_reader_holds_the_server_back(port: int) -> None:
    with stream(port, "many?count=400&size=200000", buffer=2, format="bytes", ping=0.2) as source:
        blocks = source.blocks(timeout=10)
        next(blocks)
        seen = -1
        while (now := state(port)["sent"]) != seen:
            seen = now
            time.sleep(0.3)  # longer than a ping: a reader that is slow is not taken for a lost connection
        assert seen < 300
        assert sum(1 for _ in blocks) == 399
        assert source.lost == 0


@pytest.mark.soak
def test_a_server_that_says_nothing_is_asked_and_one_that_is_gone_is_noticed(port: int) -> None:
    with stream(port, "quiet", ping=0.1) as source, source.blocks(timeout=0.8) as blocks:
        before = state(port)["pings"]
        with pytest.raises(IntegrationTimeout, match="no block came"):
            next(blocks)
        assert state(port)["pings"] > before
    deaf = stream(port, "deaf", ping=0.1, timeouts={"connect": 0.5})
    with deaf, pytest.warns(GapWarning):
        until_gap(deaf)


def test_a_client_chosen_by_its_address(port: int) -> None:
    """Without a topic, as a WebSocket is read."""
    with StreamingClient({"url": f"ws://127.0.0.1:{port}/once?times=2"}) as client:
        assert [one.data for one in client.blocks(timeout=10)] == [0, 1]
    with StreamingClient({"url": f"ws://127.0.0.1:{port}/listen", "format": "json"}) as client:
        client.write({"type": "event"})
        client.flush()
        assert base64.b64decode(state(port)["said"][-1][1]) == b'{"type":"event"}'


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("x?refuse=404", NotFoundError, "status 404"),
        ("private", AuthenticationError, "status 401"),
        ("x?refuse=503", LostConnection, "status 503"),
    ],
)
def test_refusals(port: int, path: str, error: type[Exception], says: str) -> None:
    with stream(port, path, retry=None) as source, pytest.raises(error, match=says):
        source.blocks()


def test_headers_are_secrets(port: int) -> None:
    good = stream(port, "private", headers={"Authorization": "Bearer good"})
    with good:
        assert good.health().status == "ok"
        assert "Bearer good" not in repr(good.config)
        assert list(good.blocks(timeout=10)) == []
    bad = stream(port, "private", headers={"Authorization": "Bearer wrongtoken"}, retry=None)
    with bad, pytest.raises(AuthenticationError) as caught:
        bad.write(b"x")
    assert "wrongtoken" not in str(caught.value)


def test_ends_of_connections(port: int) -> None:
    strict = stream(port, "close?code=1008")
    with strict, strict.blocks(timeout=10) as blocks, pytest.raises(IntegrationError) as caught:
        next(blocks)
    assert "closed with 1008: its rules do not allow this: because" in str(caught.value)
    assert not caught.value.recoverable
    large = stream(port, "many?count=1&size=5000", limit=1000)
    with large, large.blocks(timeout=10) as blocks, pytest.raises(DataError, match="more than 1,000 bytes"):
        next(blocks)
    failing = stream(port, "close?code=1011", patience=0.3)
    with (
        failing,
        pytest.warns(GapWarning),
        pytest.raises(LostConnection, match="with 1011: it failed: because"),
    ):
        next(failing.blocks(timeout=10))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone = silent.getsockname()[1]
        slow = stream(gone, "x", timeouts={"connect": 0.2}, retry=None)
        with slow, pytest.raises(IntegrationTimeout, match="does not answer"):
            slow.blocks()
    with stream(gone, "x", retry=None) as source, pytest.raises(LostConnection, match="is it running"):
        source.blocks()


def test_wrong_settings_and_wishes_are_told() -> None:
    for url in ("http://h", "ws:///x", "ws://u:p@h"):
        with pytest.raises(InvalidArgument):
            WebSocketStream(url=url)
    with pytest.raises(InvalidArgument, match="which server"):
        WebSocketStream().open()
    with WebSocketStream(url="ws://h") as source, pytest.raises(InvalidArgument, match="needs 'resume'"):
        source.blocks(start="all")


def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    with node("ws", SERVER, tmp_path / "own.pem") as port:
        url = f"wss://127.0.0.1:{port}/text?text=1"
        with WebSocketStream(url=url, ca_file=str(tmp_path / "ca.pem")) as source:
            assert next(source.blocks(timeout=10)).data == 1
        other = WebSocketStream(url=url, retry=None)
        with other, pytest.raises(LostConnection, match="set 'ca_file'") as caught:
            other.blocks()
        assert not caught.value.recoverable
        none = WebSocketStream(url=url, ca_file=str(tmp_path / "none.pem"))
        with none, pytest.raises(InvalidArgument, match="'ca_file'"):
            none.blocks()


def test_nothing_is_left_when_streams_close(port: int) -> None:
    before = set(threading.enumerate())
    with stream(port, "echo") as both:
        blocks = both.blocks()
        both.write(b"x")
    blocks.close()
    for one in set(threading.enumerate()) - before:
        one.join(10)  # that of the library for pings ends when it is told, a moment later
    assert set(threading.enumerate()) <= before
