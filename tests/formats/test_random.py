"""Random values through the formats of R, MATLAB and neuroscience: what is written is read, bit for bit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arcuate.errors import ConversionError
from arcuate.formats import open_data, save_data
from arcuate.values import encode
from arcuate.values.equal import equal

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=6)
KEYS = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True)
NUMBERS = ["i1", "u2", "i4", "f4", "f8", "c16", "?"]
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, max_side=4, min_side=0)


def numbers(*dtypes: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(dtypes or NUMBERS).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))


LEAVES = numbers() | TEXT | st.booleans() | st.floats() | st.lists(TEXT, max_size=3)
NESTED = st.recursive(
    LEAVES, lambda below: st.dictionaries(KEYS, below, max_size=3) | st.lists(below, max_size=3), max_leaves=5
)


def trip(value: Any, suffix: str, **options: Any) -> Any:
    with TemporaryDirectory() as folder:
        assert save_data(value, Path(folder, f"x.{suffix}"), **options).lost == ()
        return open_data(Path(folder, f"x.{suffix}"))


@pytest.mark.parametrize("suffix", ["mat", "mat73", "rds", "rda"])
@FEW
@given(value=st.dictionaries(KEYS, NESTED, min_size=1, max_size=3))
def test_mappings(suffix: str, value: dict[str, Any]) -> None:
    """What comes back is what the language makes of it, and stays that; numbers are the same at once."""
    options = {"version": "7.3"} if suffix == "mat73" else {}
    try:
        first = trip(value, suffix[:3], **options)
    except ConversionError as error:
        assert "$" in str(error), error  # refused, and said where
        return
    assert list(first) == list(value)
    assert equal(encode(first), encode(trip(first, suffix[:3], **options))) is None
    for key, one in value.items():
        if isinstance(one, np.ndarray):
            wide = {"i1": "i4", "u2": "i4", "f4": "f8"} if suffix in ("rds", "rda") else {}
            wanted = one.astype(wide.get(one.dtype.str[1:], one.dtype))
            np.testing.assert_array_equal(np.squeeze(first[key]), np.squeeze(wanted))
            scalar = one.size == 1 and suffix in ("rds", "rda")  # which R does not tell from a vector of one
            assert scalar or np.asarray(first[key]).dtype == wanted.dtype


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@FEW
@given(data=st.data())
def test_voxels(suffix: str, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["u1", "i2", "u4", "i8", "f4", "f8", "c8"]))
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    voxels = data.draw(hnp.arrays(dtype, shape))
    found = trip(xr.DataArray(voxels, dims=("x", "y", "z", "t")[: len(shape)]), suffix)
    assert (found.dtype, found.shape) == (voxels.dtype, voxels.shape)
    assert found.to_numpy().tobytes() == voxels.tobytes()


@pytest.mark.parametrize(("suffix", "bits"), [("edf", 16), ("bdf", 24)])
@FEW
@given(data=st.data())
def test_recordings(suffix: str, bits: int, data: st.DataObject) -> None:
    """Whole numbers, labels, the start and annotations."""
    rate, seconds, count = (data.draw(st.integers(1, most)) for most in (300, 5, 4))
    top = 1 << (bits - 1)
    values = data.draw(hnp.arrays("i4", (rate * seconds, count), elements=st.integers(-top, top - 1)))
    labels = data.draw(st.lists(ASCII.filter(bool), min_size=count, max_size=count, unique=True))
    notes = data.draw(
        st.lists(
            st.tuples(st.integers(0, seconds - 1), st.none() | st.integers(0, 9), TEXT.filter(str.strip))
        )
    )
    value = xr.DataArray(
        values.astype("f8"),
        {"channel": labels},
        ("time", "channel"),
        attrs={
            "sampling_rate": float(rate),
            "start": dt.datetime(2001, 2, 3, 4, 5, 6),
            "annotations": [
                {"onset": float(a), "duration": b, "text": c} for a, b, c in sorted(notes, key=str)
            ],
        },
    )
    found = trip(value, suffix)
    np.testing.assert_array_equal(found.to_numpy(), values)
    assert found["channel"].to_numpy().tolist() == labels
    assert found.attrs["start"] == value.attrs["start"]
    assert found.attrs["sampling_rate"] == rate
    assert sorted(found.attrs["annotations"], key=str) == sorted(value.attrs["annotations"], key=str)


@settings(FEW, max_examples=3)
@given(data=st.data())
def test_series(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["i2", "u4", "f4", "f8"]))
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    values = data.draw(hnp.arrays(dtype, shape))
    name = data.draw(KEYS)
    start = dt.datetime(2001, 2, 3, tzinfo=dt.UTC)
    value = xr.DataArray(
        values,
        {"time": data.draw(hnp.arrays("f8", shape[0], elements=st.floats(0, 1e6), unique=True))},
        ("time", "channel", "frame")[: len(shape)],
        name,
        {"start": start, "note": data.draw(TEXT)},
    )
    found = trip(value, "nwb")[f"acquisition/{name}"]
    assert found.to_numpy().tobytes() == values.tobytes()
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found["time"], value["time"])
    assert found.attrs["note"] == value.attrs["note"]
