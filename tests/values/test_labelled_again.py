"""Arrays with the same labels share what can be shared, and nothing that anybody may change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from arcuate.values import decode, encode, frames


def again(value: Any) -> Any:
    return decode(frames.load(frames.to_bytes(encode(value))))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["Fz", "Cz"]),
        np.array(["Fz", "Cz"], object),
        ["", "a"],
        ["same", "same"],
        [1, 2],
        [0.5, np.nan],
    ],
    ids=str,
)
def test_each_is_as_it_was(labels: Any) -> None:
    given = xr.DataArray(np.zeros((3, 2)), {"channel": labels}, ("time", "channel"), attrs={"n": 1})
    for array in (given, given, given.T, given.isel(channel=[1, 0]), given.rename(channel="sensor")):
        found = again(array)
        xr.testing.assert_identical(found, array)
        for name in array.coords:
            assert found.coords[name].dtype == array.coords[name].dtype
            assert found.indexes[name].equals(array.indexes[name])


def test_what_is_done_to_one_is_not_seen_in_another() -> None:
    given = xr.DataArray(np.zeros((3, 2)), {"channel": ["C3", "Cz"]}, ("time", "channel"))
    for _ in range(2):  # the first of these labels, and those that follow
        found = again(given)
        found.channel.attrs["note"] = "mine"
        found.coords["channel"].values[0] = "changed"
        found.channel.encoding["x"] = 1
        found.attrs["note"] = "mine"
        found["channel"] = ["A", "B"]
    last = again(given)
    xr.testing.assert_identical(last, given)
    assert last.channel.encoding == {}
    assert last.sel(channel="Cz").shape == (3,)
