"""Malformed messages: the reader refuses each with an error of ours, and a hub goes on serving others."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.grpc.raw import HELLO, Raw

from arcuate.client import messages
from arcuate.client.net.chunks import Reader, Refused, chunk, pack, pack_plain
from arcuate.errors import ArcuateError
from arcuate.grpc import GrpcBridge
from arcuate.values.check import check
from arcuate.values.limits import Limits

LIMITS = Limits(message=1 << 20, array=1 << 22, nodes=10_000, text=1 << 20)


def valid() -> list[list[bytes]]:
    """Messages as they should be, each as its pieces."""
    small = {"environment": "python", "name": "len", "args": [[1, "é", None, 2.5], {"a": b"x" * 70}]}
    large = {"environment": "python", "name": "len", "args": [np.arange(9000.0), bytes(70_000)]}
    found = []
    for message in (
        messages.build("hello", 0, HELLO),
        messages.build("call", 1, small),
        messages.build("call", 2, large),
        messages.build("cancel", 0, {"call": 1}),
        messages.build("open", 3, {"environment": "nowhere", "options": {"cwd": "/"}}),
    ):
        first, rest = pack(message)
        found.append([first, *map(chunk, rest)])
    found.append([pack_plain(messages.build("call", 4, small))])
    return found


VALID = valid()


def mutated(seed: int) -> list[bytes]:
    """A message with some damage."""
    chance = random.Random(seed)
    pieces = [bytearray(piece) for piece in chance.choice(VALID)]
    for _ in range(chance.randint(1, 4)):
        piece = chance.choice(pieces)
        kind = chance.randrange(7)
        at = chance.randrange(min(len(piece), chance.choice((16, 100, 1 << 20)))) if piece else 0
        if kind == 0 and piece:
            piece[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del piece[at:]
        elif kind == 2:
            piece[at:at] = chance.randbytes(chance.randint(1, 9))
        elif kind == 3:
            piece[at : at + 8] = chance.choice((b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7))
        elif kind == 4:
            pieces.append(bytearray(chance.choice(pieces)))
        elif kind == 5:
            chance.shuffle(pieces)
        else:
            pieces.insert(chance.randrange(len(pieces) + 1), bytearray(chance.randbytes(20)))
    return [bytes(piece) for piece in pieces]


def feed(pieces: list[bytes]) -> None:
    reader = Reader(LIMITS)
    for piece in pieces:
        try:
            found = reader.feed(piece)
            if found is not None:
                check(found, LIMITS)
        except Refused:
            continue
        except ArcuateError:
            return


def survive(first: int, count: int) -> None:
    """Feeds the reader; what it keeps stays below what its limits say."""
    tracemalloc.start()
    try:
        for seed in range(first, first + count):
            feed(mutated(seed))
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_damaged_messages() -> None:
    survive(0, 2000)


@pytest.mark.soak
def test_a_hundred_thousand_damaged_messages() -> None:
    survive(1_000_000, 100_000)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_bytes_of_any_kind(pieces: list[bytes]) -> None:
    feed(pieces)


def bombard(bridge: GrpcBridge, seeds: Iterator[int]) -> None:
    """Sends damaged messages to a hub, each in a stream of its own; another client is served all the time."""
    address = bridge.endpoints[0].removeprefix("grpc://")
    with Raw(address, patience=3600) as other, Raw(address) as sender:
        attach = sender.channel.stream_stream("/arcuate.v1.SessionService/Attach")
        for number, seed in enumerate(seeds):
            greeting = VALID[0] if seed % 4 else []
            call = attach(iter([*greeting, *mutated(seed)]), timeout=30)
            try:
                for _ in call:
                    pass
            except grpc.RpcError as error:
                raise AssertionError(f"seed {seed}: {error.code()}: {error.details()}") from error
            if number % 50 == 0:
                assert other.eval("6 * 7") == 42
        assert other.eval("6 * 7") == 42


def test_damaged_messages_to_a_hub(bridge: GrpcBridge) -> None:
    bombard(bridge, iter(range(200)))


@pytest.mark.soak
def test_very_many_damaged_messages_to_a_hub(bridge: GrpcBridge) -> None:
    bombard(bridge, iter(range(2_000_000, 2_020_000)))
