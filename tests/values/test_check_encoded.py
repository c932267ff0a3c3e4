"""What encode makes of Python objects passes the check, and both encodings carry it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import xarray as xr

from arcuate.values import NA, List, decode, encode, frames, protobuf
from arcuate.values.check import check
from arcuate.values.equal import equal

CET = dt.timezone(dt.timedelta(hours=1))
LABELLED = xr.DataArray(
    np.arange(6.0).reshape(2, 3),
    dims=("x", "y"),
    coords={
        "x": ["a", "b"],
        "y": pd.date_range("2020", periods=3),
        "z": ("x", pd.Categorical(["u", None])),
        "s": 1.5,
    },
    name="n",
    attrs={"unit": "m", "list": [1, 2]},
)
FRAME = pd.DataFrame(
    {
        "float": [1.0, np.nan],
        "int": pd.array([1, None], dtype="Int64"),
        "text": ["a", None],
        "cat": pd.Categorical(["x", None], ordered=True),
        "bool": [True, False],
        "time": pd.date_range("2020", periods=2, tz="Europe/Prague"),
        "list": [[1], [2, 3]],
    }
)
VALUES: dict[str, list[Any]] = {
    "plain": [None, True, 1, 2**63, -5, 1.5, 1j, "é", b"x", NA, (), [], {}, {"1 a": 1, "": 2}],
    "lists": [[1, 2], [1, None, "a"], [1.0, NA], ["a", NA], List([1, 2]), [[1], [2.0]]],
    "numpy scalars": [
        np.float32(1.1),
        np.int8(-3),
        np.uint64(2**64 - 1),
        np.complex64(1 + 2j),
        np.float16(0.1),
    ],
    "times": [
        np.datetime64("2020-01-01", "D"),
        np.datetime64("NaT", "ns"),
        np.timedelta64(3, "s"),
        pd.NaT,
        pd.Timestamp("2020", tz="UTC"),
        pd.Timedelta("1s"),
        dt.datetime(2020, 1, 1, tzinfo=CET),
        dt.date(1, 1, 1),
        dt.timedelta(1),
    ],
    "arrays": [np.zeros((0, 3)), np.array(3), np.asfortranarray(np.eye(3)), np.array(["a", "é"])],
    "time arrays": [np.array(["2020", "NaT"], "M8[s]"), np.array(["2020"], "M8[Y]"), np.array([1], "m8[h]")],
    "masked": [np.ma.masked_array([[1, 2]], [[True, False]]), pd.array([True, None], dtype="boolean")],
    "pandas": [pd.Categorical([1, 2, None]), pd.Series([1, 2], name="s", index=["a", "b"]), pd.Index([1, 2])],
    "labelled": [LABELLED, LABELLED[0, 0], LABELLED.to_dataset(), xr.DataArray(3)],
    "tables": [FRAME, FRAME.set_index("text"), FRAME.set_index(["float", "bool"]), FRAME[:0], FRAME[[]]],
    "sparse": [
        sp.csc_matrix(np.eye(2)),
        sp.csr_array(np.eye(2)),
        sp.coo_array(np.eye(2)),
        sp.csc_array((0, 3)),
    ],
}


@pytest.mark.parametrize("group", VALUES)
def test_what_encode_makes(group: str) -> None:
    for value in VALUES[group]:
        nodes = encode(value)
        check(nodes)
        framed = frames.load(frames.to_bytes(nodes))
        assert equal(framed, protobuf.load(protobuf.dump(nodes)), hints=True) is None
        assert equal(nodes, encode(decode(framed))) is None


@pytest.mark.parametrize("index", [["text"], ["float", "bool"], ["time"]])
def test_a_column_of_lists_under_an_index(index: list[str]) -> None:
    frame = FRAME.set_index(index)
    pd.testing.assert_frame_equal(decode(encode(frame)), frame)
