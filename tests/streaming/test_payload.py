"""Payloads: what is written is what is read, and what others write is never guessed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from arcuate.connector import DataError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.streaming import Block, Codec

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary()
    | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")),
    lambda inner: st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def signal(samples: int = 100, rate: float = 1000.0) -> xr.DataArray:
    return xr.DataArray(
        np.random.default_rng(1).normal(size=(samples, 3)),
        {"channel": ["Cz", "Fz", "Pz"]},
        ("time", "channel"),
        attrs={"sampling_rate": rate},
    )


@given(ANY, st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_value_comes_back_as_it_was(value: Any, headers: bool) -> None:
    codec = Codec(headers=headers)
    back = codec.decode(*codec.encode(Block.of(value))).data
    assert type(back) is type(value)
    assert back == value


@pytest.mark.parametrize("value", [b"", b"ARCU", b'{"a": 1}', b"12", b" 1", b"\xff", b"null"])
@pytest.mark.parametrize("headers", [True, False])
def test_bytes_stay_bytes_also_where_they_look_like_something_else(value: bytes, headers: bool) -> None:
    codec = Codec(headers=headers)
    assert codec.decode(*codec.encode(Block.of(value))).data == value


@pytest.mark.parametrize("headers", [True, False])
def test_labels_and_what_is_known_beside_them(headers: bool) -> None:
    codec = Codec(headers=headers)
    block = Block.of(signal(), timestamp=1234.5, headers={"subject": "s1"})
    assert (block.channels, block.sampling_rate, block.duration) == (("Cz", "Fz", "Pz"), 1000.0, 0.1)
    back = codec.decode(*codec.encode(block), topic="eeg", sequence=7, id="x")
    xr.testing.assert_identical(back.data, block.data)
    assert (back.timestamp, back.sampling_rate, back.channels) == (1234.5, 1000.0, ("Cz", "Fz", "Pz"))
    assert (back.topic, back.sequence, back.id, back.headers) == ("eeg", 7, "x", {"subject": "s1"})
    bare = codec.decode(*codec.encode(Block(b"\x01", timestamp=1.0, sampling_rate=2.0, channels=("a",))))
    assert (bare.data, bare.timestamp, bare.sampling_rate, bare.channels) == (b"\x01", 1.0, 2.0, ("a",))


def test_tables_and_times_in_frames() -> None:
    codec = Codec(headers=False)
    table = pd.DataFrame({"n": [1, 2], "t": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    pd.testing.assert_frame_equal(codec.decode(*codec.encode(Block.of(table))).data, table)
    moment = {"at": dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)}
    assert codec.decode(*codec.encode(Block.of(moment))).data == moment
    dated = signal(2).assign_coords(time=pd.to_datetime(["2026-01-01", "2026-01-02"]))
    assert Block.of(dated).timestamp == pd.Timestamp("2026-01-01").timestamp()


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"type": "eeg", "n": 9007199254740993}', {"type": "eeg", "n": 9007199254740993}),
        (b"[1, 2.5, null]", [1, 2.5, None]),
        (b"21.5", 21.5),
        (b" true ", True),
        (b'{"a": 1, "a": 2}', b'{"a": 1, "a": 2}'),  # a key twice: no one reading
        (b"1e999", b"1e999"),  # no float holds it
        (b"NaN", b"NaN"),
        (b"007", b"007"),
        (b"hello", b"hello"),
        (b'{"a": ', b'{"a": '),
        (b'"\xff"', b'"\xff"'),
        (b"", b""),
        (b"[" * 100_000, b"[" * 100_000),
    ],
)
def test_messages_of_others_are_json_only_when_they_are_exactly_that(payload: bytes, value: Any) -> None:
    found = Codec(headers=False).decode(payload).data
    assert found == value
    assert type(found) is type(value)


def test_content_type_says_what_it_is() -> None:
    codec = Codec()
    assert codec.decode(b"12", {"Content-Type": "text/plain; charset=utf-8"}).data == "12"
    assert codec.decode(b"12", {"CONTENT-TYPE": "application/octet-stream"}).data == b"12"
    with pytest.raises(DataError, match="cannot be read"):
        codec.decode(b"{", {"content-type": "application/json"})


def test_other_formats() -> None:
    assert Codec("json").encode(Block.of({"ü": [1, None]}))[0] == '{"ü":[1,null]}'.encode()
    assert Codec("text").decode(*Codec("text").encode(Block.of("ü"))).data == "ü"
    table = pa.table({"a": [1, None], "b": ["x", "y"]})
    assert Codec("arrow").decode(*Codec("arrow").encode(Block.of(table))).data == table
    reader = pa.ipc.open_stream(Codec("arrow").encode(Block.of(table))[0])  # Arrow itself reads it
    assert reader.read_all() == table


@pytest.mark.parametrize(
    ("kind", "value"),
    [("json", b"x"), ("json", float("nan")), ("json", signal()), ("text", 1), ("bytes", "x"), ("arrow", 1)],
)
def test_what_a_format_cannot_carry_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(ConversionError, match="format="):
        Codec(kind).encode(Block.of(value))


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"ARCU" + bytes(20), "64 bytes or more"),
        (b"ARCU\x01\x00" + b"\xff" * 80, "limit|malformed|do not add"),
        (b"ARCU" + b"\x09" * 80, "install the same"),
    ],
)
def test_broken_frames_are_refused(payload: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        Codec(service="here").decode(payload, topic="eeg")


def test_a_damaged_frame_of_ours_is_refused_at_every_length() -> None:
    codec = Codec(headers=False)
    payload, _ = codec.encode(Block.of(signal(2), timestamp=1.0))
    assert len(payload) > 700
    for length in range(5, len(payload)):
        if length != len(payload) - 256 or length % 64:
            try:
                found = codec.decode(payload[:length])
            except DataError:
                continue
            assert length % 64 == 0, length  # the second frame is missing as a whole
            xr.testing.assert_identical(found.data, signal(2))


def test_limits_and_lies() -> None:
    with pytest.raises(DataError, match="more than 10"):
        Codec(limit=10).decode(bytes(11))
    for text in ('{"timestamp": "soon"}', '{"timestamp": NaN}', '{"channels": [1]}', "[1]", "{"):
        with pytest.raises(DataError, match="cannot be read"):
            Codec().decode(b"\x01", {"arcuate-block": text})
    with pytest.raises(InvalidArgument, match="sampling_rate"):
        Block.of(signal().assign_attrs(sampling_rate="fast"))


def test_what_is_known_of_a_block_is_written_as_it_can_be_read() -> None:
    """Numbers of numpy, channels that are numbers; and what no reader would take is refused by the writer."""
    codec = Codec()
    data = xr.DataArray(np.zeros((2, 3)), dims=("time", "channel"))
    block = Block.of(
        data,
        sampling_rate=np.int64(250),
        timestamp=np.float32(5.5),
        channels=(1, 2, 3),  # type: ignore[arg-type]
    )
    back = codec.decode(*codec.encode(block))
    assert (back.sampling_rate, back.timestamp, back.channels) == (250.0, 5.5, ("1", "2", "3"))
    for known in ({"timestamp": float("nan")}, {"sampling_rate": float("inf")}, {"timestamp": "now"}):
        with pytest.raises(ConversionError, match="is a finite number"):
            codec.encode(Block.of(data, **known))
    undated = data.assign_coords(time=np.array(["NaT", "2026-11-28"], "M8[ns]"))
    assert Block.of(undated).timestamp is None


@pytest.mark.parametrize("names", [["a", "b"], [1, 2], [0.5, 1.5], np.array([1, 2], "M8[s]")])
def test_channels_are_named_as_their_coordinate_says(names: Any) -> None:
    data = xr.DataArray(np.zeros((2, 2)), {"channel": names}, ("time", "channel"))
    assert Block.of(data).channels == tuple(map(str, data.coords["channel"].values.tolist()))
