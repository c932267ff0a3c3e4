"""What arrives is what was sent: missing values, labels, types."""

import numpy as np
import pandas as pd
import xarray as xr

from arcuate.client import connect
from arcuate.errors import ConversionError

with connect("r") as r, connect("octave") as octave:
    print(r.eval("c(1L, NA, 3L)"))  # an integer vector with NA, not -2147483648
    print(r.eval("c(1, NA, NaN)"))  # NA and NaN stay apart
    print(r.eval("table(c('a', 'b', 'a'))").values)

    eeg = xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        dims=("channel", "time"),
        coords={"channel": ["Cz", "Pz"], "time": pd.date_range("2026-01-01", periods=3, tz=None)},
        attrs={"unit": "µV"},
        name="eeg",
    )
    r["eeg"] = eeg
    print(r.eval("eeg['Pz', 2]"))  # R sees named dimnames
    assert r["eeg"].identical(eeg)  # and it comes back as it was: coordinates, attributes, name
    octave["eeg"] = eeg
    assert octave["eeg"].identical(eeg)

    print(octave.call("class", np.int64(2**53 + 1)), octave.call("deal", np.int64(2**53 + 1)))
    frame = pd.DataFrame({"x": pd.array([1, None], dtype="Int64"), "g": pd.Categorical(["b", "a"])})
    print(r.call("sapply", frame, r.function("class")).values)

    try:
        r.call("mean", {"a": [1, {"b": {1, 2}}]})
    except ConversionError as error:
        print(error)
