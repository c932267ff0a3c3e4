"""A labelled array and a table to files of several formats, and what another program sees in them."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from arcuate.integrations import convert, open_batches, open_data, save_batches, save_data

eeg = xr.DataArray(
    [[0.5, np.nan, 1.5], [2.0, 2.5, 3.0]],
    {"time": np.array(["2026-01-01T00:00", "2026-01-01T01:00"], "M8[s]"), "channel": ["Fz", "Cz", "Pz"]},
    ("time", "channel"),
    "eeg",
    {"units": "uV", "filters": [0.1, 40.0]},
)
save_data(eeg, "eeg.nc")
print(open_data("eeg.nc").identical(eeg))

for target in ("eeg.parquet", "eeg.csv", "eeg.zarr", "eeg.h5"):  # each from the one before
    source = {"eeg.parquet": "eeg.nc", "eeg.csv": "eeg.parquet", "eeg.zarr": "eeg.csv", "eeg.h5": "eeg.zarr"}
    print(target, convert(source[target], target).lost)
print(open_data("eeg.h5").identical(eeg))
print(pd.read_csv("eeg.csv").head(2))

save_batches((eeg.isel(time=[n]) for n in range(2)), "grown.nc", along="time")  # as it comes
print(open_data("grown.nc").identical(eeg))

trials = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "word": ["NA", "é"], "score": [0.1, np.nan]})
save_data(trials, "trials.csv")
print(Path("trials.csv").read_text(encoding="utf-8"), end="")
print(open_data("trials.csv").equals(trials))

save_data(pd.DataFrame({"n": np.arange(100_000)}), "long.parquet")
print(sum(batch.num_rows for batch in open_batches("long.parquet")))
