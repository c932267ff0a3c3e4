"""Arcuate's own topics as streams, through a hub and each protocol."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import xarray as xr

from arcuate.client import publish, subscribe
from arcuate.connector import ConnectionError, DataError  # noqa: A004
from arcuate.errors import InvalidArgument
from arcuate.hub import Config, Server
from arcuate.streaming import Block, GapWarning, StreamingClient, TopicStream


@pytest.fixture(scope="module")
def hub() -> Iterator[Server]:
    config = Config(grpc=["127.0.0.1:0"], zmq=["127.0.0.1:0"], http=["127.0.0.1:0"], limits={"replay": 50})
    with Server(config) as server:
        yield server


def signal(number: int) -> xr.DataArray:
    data = np.arange(6.0).reshape(3, 2) + number
    return xr.DataArray(data, {"channel": ["a", "b"]}, ("time", "channel"), attrs={"sampling_rate": 100.0})


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_blocks_of_topics(hub: Server, way: str) -> None:
    before = set(threading.enumerate())
    topic = f"eeg-{way}"
    with StreamingClient(url=hub.endpoints[way], topic=topic) as stream, stream.blocks() as reader:
        with subscribe(topic, hub.endpoints[way]) as plain:  # who knows nothing of streams
            for number in range(3):
                stream.write(Block.of(signal(number), timestamp=10.0 + number))
            publish(topic, {"type": "x"}, hub.endpoints[way])
            for number in range(3):
                block = reader.next(20)
                assert block is not None
                wanted = signal(number).assign_attrs(timestamp=10.0 + number)
                xr.testing.assert_identical(block.data, wanted)
                xr.testing.assert_identical(plain.next(20), wanted)
                assert (block.sequence, block.timestamp) == (number + 1, 10.0 + number)
                assert (block.sampling_rate, block.channels) == (100.0, ("a", "b"))
        last = reader.next(20)
        assert last is not None
        assert last.data == {"type": "x"}
        assert last.timestamp is not None
        with stream.blocks(start="all") as again:
            assert [again.next(20).sequence for _ in range(4)] == [1, 2, 3, 4]  # type: ignore[union-attr]
        with stream.blocks(start=3) as again:
            assert again.next(20).sequence == 3  # type: ignore[union-attr]
        assert stream.health().status == "ok"
    assert {one.name for one in set(threading.enumerate()) - before if "arcuate-topic" in one.name} == set()


def test_losses_of_a_slow_reader(hub: Server) -> None:
    with TopicStream(url=hub.endpoints["zmq"], topic="fast", buffer=1, kept=2) as stream:
        with stream.blocks() as reader:
            for number in range(40):
                stream.write({"n": number})
            got, gaps = [], []
            while not got or got[-1] != 39:
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    block = reader.next(20)
                gaps += [one for one in told if one.category is GapWarning]
                assert block is not None
                got.append(block.data["n"])
        assert len(got) + stream.lost == 40
        assert gaps


def test_errors(hub: Server) -> None:
    with TopicStream(url="zmq://127.0.0.1:9", topic="x", retry=None) as away, pytest.raises(ConnectionError):
        away.blocks()
    with TopicStream(url=hub.endpoints["zmq"], topic="x") as stream:
        with pytest.raises(InvalidArgument, match="start is"):
            stream.blocks(start="yesterday")
        with pytest.warns(UserWarning, match="headers stay here"):
            stream.write(Block(1, headers={"a": "b"}))


def test_a_block_with_labels_that_are_none_does_not_end_the_stream(hub: Server) -> None:
    with TopicStream(url=hub.endpoints["zmq"], topic="labels") as stream, stream.blocks(timeout=10) as blocks:
        for rate in ("fast", 10.0):
            publish(
                "labels", xr.DataArray([1.0], dims="time", attrs={"sampling_rate": rate}), stream.config.url
            )
        with pytest.raises(DataError, match="'sampling_rate' of a block is a number of Hz; got 'fast'"):
            next(blocks)
        assert next(blocks).sampling_rate == 10.0
