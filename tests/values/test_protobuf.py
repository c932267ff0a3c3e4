"""Protocol Buffers carry what frames carry, and refuse what is malformed."""

from __future__ import annotations

import os
import struct
import subprocess
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.values import rows
from tests.values.rows import Tree, listing, mapping, nodes_of, text_list

from arcuate.errors import ConversionError, LimitExceeded, ProtocolError, Unsupported
from arcuate.v1 import Kind, Value
from arcuate.values import frames, protobuf
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

GOLDEN = os.path.join(os.path.dirname(__file__), "golden")


def plain(nodes: Nodes) -> tuple[object, ...]:
    return nodes.rows, list(nodes.pool), [bytes(memoryview(b)) for b in nodes.buffers]  # type: ignore[arg-type]


@given(rows.values)
def test_both_encodings_carry_the_same(nodes: Nodes) -> None:
    data = protobuf.dump(nodes)
    assert plain(protobuf.load(data)) == plain(frames.load(frames.to_bytes(nodes))) == plain(nodes)
    assert protobuf.dump(protobuf.load(data)) == data


def golden_tree() -> Tree:
    """The value of golden/value.txtpb, which the official protoc encoded."""
    f8 = Tree(10, 12, 5, count=1, pool=[2], buffers=[struct.pack("<2d", 1.5, 0), b"\0\1"])
    numbers = [
        f8,
        Tree(2, value=(1 << 64) - 7),
        Tree(2, flags=1, value=(1 << 64) - 1),
        Tree(2, 9, value=3),
        Tree(3, value=1 << 63),
        Tree(3, value=0x7FF0000000000000),
        Tree(4, pool=[0x3FF0000000000000, 0xC004000000000000]),
        Tree(1, value=1),
        Tree(7, 15),
        Tree(6, buffers=[b"\0\xff"]),
    ]
    last = {
        "1 a": Tree(0),
        "when": Tree(15, unit=4, value=(1 << 64) - 1, text="Europe/Prague"),
        "sparse": Tree(
            18,
            2,
            unit=1,
            value=1,
            pool=[1, 3],
            buffers=[b"\5", struct.pack("<i", 2), struct.pack("<2i", 0, 1)],
        ),
        "cells": Tree(8, flags=4, pool=[2, 1, 0]),
    }
    return mapping({"name": Tree(5, text="mean é"), "args": listing(numbers, 2), "": mapping(last)})


def test_golden_bytes_of_protoc() -> None:
    with open(os.path.join(GOLDEN, "value.binpb"), "rb") as file:
        data = file.read()
    nodes = nodes_of(golden_tree())
    assert plain(protobuf.load(data)) == plain(nodes)
    assert protobuf.dump(nodes) == data


GENERATOR = os.path.join(os.path.dirname(__file__), "..", "..", ".venv-generate", "bin", "python")


@pytest.mark.skipif(not os.path.exists(GENERATOR), reason="no .venv-generate: run `make test`")
def test_protoc_agrees() -> None:
    """The official compiler encodes golden/value.txtpb to our bytes, and decodes them to the same message."""
    protos = os.path.join(os.path.dirname(__file__), "..", "..", "protos")

    def protoc(verb: str, data: bytes) -> bytes:
        command = [GENERATOR, "-m", "grpc_tools.protoc", f"-I{protos}", f"--{verb}=arcuate.v1.Value"]
        return subprocess.run(
            [*command, "arcuate/v1/value.proto"], input=data, capture_output=True, check=True
        ).stdout

    with open(os.path.join(GOLDEN, "value.txtpb"), "rb") as file:
        encoded = protoc("encode", file.read())
    assert encoded == protobuf.dump(nodes_of(golden_tree()))
    assert protoc("encode", protoc("decode", encoded)) == encoded


def test_into_a_field_and_from_a_message() -> None:
    nodes = nodes_of(listing([Tree(2, value=5)]))
    parent = Value(kind=Kind.KIND_LIST)
    protobuf.to_message(nodes, parent.items.add())
    assert parent.items[0].items[0].integer == 5
    assert plain(protobuf.from_message(parent.items[0])) == plain(nodes)


def nested(levels: int) -> Nodes:
    return Nodes([(8, 0, 0, 0, 1, 0, "", "")] * levels + [(0, 0, 0, 0, 0, 0, "", "")])


def wire_nested(levels: int) -> bytes:
    """Lists in lists, written by hand: field 1 is the kind (list is 9), field 11 an item."""
    data = b"\x08\x01"
    for _ in range(levels):
        length, size = len(data), b""
        while length >= 128:
            size += bytes([length & 127 | 128])
            length >>= 7
        data = b"\x08\x09\x5a" + size + bytes([length]) + data
    return data


@pytest.mark.parametrize("levels", [0, 1, 64, 72])
def test_depth_that_passes(levels: int) -> None:
    data = protobuf.dump(nested(levels))
    assert data == wire_nested(levels)
    assert plain(protobuf.load(data)) == plain(nested(levels))


@pytest.mark.parametrize("levels", [73, 98, 99])
def test_depth_that_is_refused(levels: int) -> None:
    with pytest.raises(ConversionError, match="deeper than 64"):
        protobuf.dump(nested(levels))
    with pytest.raises(ConversionError, match="deeper than 64") as caught:
        protobuf.load(wire_nested(levels))
    assert caught.value.path.startswith("$[0][0]")


@pytest.mark.parametrize("levels", [101, 5_000, 100_000])
def test_depth_that_protobuf_refuses(levels: int) -> None:
    data = wire_nested(min(levels, 5_000)) if levels < 100_000 else b"\x5a\xff\xff\xff\x7f" * levels
    with pytest.raises(ProtocolError, match="nest deeper"):
        protobuf.load(data)


def test_numbers_and_texts_arrive_bit_by_bit() -> None:
    for bits in (0, 1 << 63, 0x7FF8000000000000, 0x7FF00000000007A2, 1, 0x3FB999999999999A):
        tree = Tree(3, value=bits)
        loaded = protobuf.load(protobuf.dump(nodes_of(tree)))
        got = struct.unpack("<d", struct.pack("<Q", loaded.rows[0][5]))[0]
        sent = struct.unpack("<d", struct.pack("<Q", bits))[0]
        assert loaded.rows[0][5] == bits or got != got != sent != sent


def test_a_surrogate_is_refused() -> None:
    for row in ((5, 0, 0, 0, 0, 0, "", "\ud800"),):
        with pytest.raises(ConversionError, match="surrogate"):
            protobuf.dump(Nodes([row]))
    with pytest.raises(ConversionError, match="surrogate"):
        protobuf.dump(Nodes([(9, 0, 0, 0, 1, 0, "", ""), (0, 0, 0, 0, 0, 0, "a\udc80", "")]))


def test_a_value_of_two_gigabytes_is_refused() -> None:
    class Huge:
        nbytes = 1 << 31

        def copy_into(self, target: memoryview) -> None:
            raise AssertionError("never copied")

    with pytest.raises(LimitExceeded, match="as frames") as caught:
        protobuf.dump(Nodes([(6, 0, 0, 0, 0, 0, "", "")], [], [Huge()]))
    assert caught.value.setting == "message"


BAD = {
    "no kind": (Value(), "no kind"),
    "item without kind": (Value(kind=9, items=[Value()]), r"no kind - at \$\[0\]"),
    "int with text": (Value(kind=3, text="a"), "text"),
    "int with real": (Value(kind=3, real=1), "'real'"),
    "int with items": (Value(kind=3, items=[Value(kind=1)]), "'items'"),
    "signed and unsigned": (Value(kind=3, integer=1, unsigned=1), "wrong field"),
    "unsigned in the signed": (Value(kind=3, integer=1, flags=1), "wrong field"),
    "list with keys": (Value(kind=9, items=[Value(kind=1)], keys=["a"]), "'keys'"),
    "list with shape": (Value(kind=9, shape=[0]), "LIST_FLAG_SHAPED"),
    "mapping without keys": (Value(kind=10, items=[Value(kind=1)]), "1 items and 0 keys"),
    "mapping with a key too many": (Value(kind=10, keys=["a"]), "0 items and 1 keys"),
    "mapping twice": (Value(kind=10, keys=["a", "a"], items=[Value(kind=1)] * 2), r"twice - at \$\.a"),
    "key with NUL": (Value(kind=10, keys=["a\0"], items=[Value(kind=1)]), "NUL"),
    "array without dtype": (Value(kind=11), "dtype 0"),
    "array dtype 19": (Value(kind=11, dtype=19, shape=[0]), "dtype 19"),
    "array dtype -1": (Value(kind=11, dtype=-1), "dtype -1"),
    "array short": (Value(kind=11, dtype=12, shape=[2], data=b"12345678"), "8 bytes of data instead of 16"),
    "array overflow": (Value(kind=11, dtype=12, shape=[1 << 63, 2]), "larger than any memory"),
    "mask without flag": (Value(kind=11, dtype=2, shape=[1], data=b"a", mask=b"\0"), "ARRAY_FLAG_MASK"),
    "mask 2": (Value(kind=11, dtype=2, shape=[1], data=b"a", mask=b"\2", flags=1), "mask"),
    "sparse without format": (Value(kind=19, dtype=12, shape=[0, 0], indptr=bytes(4)), "format 0"),
    "sparse 1-d": (Value(kind=19, dtype=12, shape=[0], format=1, indptr=bytes(4)), "1 dimensions"),
    "sparse with unit": (Value(kind=19, dtype=12, shape=[0, 0], format=1, unit=1), "sparse"),
    "unit 300": (Value(kind=16, unit=300), "unit 300"),
    "zone": (Value(kind=16, unit=1, text="../x"), "time zone"),
}


@pytest.mark.parametrize("case", BAD)
def test_malformed_messages(case: str) -> None:
    message, match = BAD[case]
    with pytest.raises(ProtocolError, match=match):
        protobuf.load(message.SerializeToString())


@pytest.mark.parametrize("kind", [22, 1000, 2147483647])
def test_an_unknown_kind(kind: int) -> None:
    message = Value(kind=10, keys=["a b"], items=[Value(kind=9, items=[Value(kind=1), Value(kind=kind)])])
    with pytest.raises(Unsupported, match=rf"kind {kind} .* - at \$\['a b'\]\[1\]"):
        protobuf.from_message(message)


def test_unknown_fields_and_flags_are_ignored() -> None:
    data = Value(kind=1, flags=1 << 20).SerializeToString() + b"\xa2\x06\x02hi"  # field 100
    assert plain(protobuf.load(data)) == plain(nodes_of(Tree(0)))


def test_limits_name_their_setting() -> None:
    data = protobuf.dump(nodes_of(text_list(["abc", "def"])))
    for limits, setting in (
        (Limits(message=5), "message"),
        (Limits(nodes=2), "nodes"),
        (Limits(text=5), "text"),
    ):
        with pytest.raises(LimitExceeded, match=f"'{setting}'") as caught:
            protobuf.load(data, limits=limits)
        assert caught.value.setting == setting
    with pytest.raises(LimitExceeded, match="'array'"):
        protobuf.load(protobuf.dump(nodes_of(Tree(6, buffers=[bytes(9)]))), limits=Limits(array=8))


def accepts_or_refuses(data: bytes) -> None:
    try:
        nodes = protobuf.load(data)
    except (ProtocolError, LimitExceeded, ConversionError, Unsupported):
        return
    assert plain(protobuf.load(protobuf.dump(nodes))) == plain(nodes)


def test_every_truncation() -> None:
    data = protobuf.dump(nodes_of(golden_tree()))
    for length in range(len(data)):
        accepts_or_refuses(data[:length])


@settings(max_examples=300)
@given(rows.values, st.data())
def test_changed_bytes(nodes: Nodes, data: st.DataObject) -> None:
    changed = bytearray(protobuf.dump(nodes))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    accepts_or_refuses(bytes(changed) + data.draw(st.binary(max_size=3)))


@given(st.binary(max_size=200))
def test_garbage(data: bytes) -> None:
    accepts_or_refuses(data)


def test_huge_announcements_allocate_nothing() -> None:
    hostile = [
        Value(kind=11, dtype=12, shape=[1 << 40]),
        Value(kind=9, flags=4, shape=[1 << 40]),
        Value(kind=14, size=1 << 60),
        Value(kind=19, dtype=12, format=1, shape=[1 << 40, 1 << 40], size=1 << 50),
    ]
    messages = [message.SerializeToString() for message in hostile]
    tracemalloc.start()
    for data in messages:
        with pytest.raises(ProtocolError):
            protobuf.load(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
