"""A recording in EDF with its BIDS sidecars: to a labelled array, through R, to NWB and to R's own format."""

import datetime
from pathlib import Path

import numpy as np
import xarray as xr

from arcuate.client import connect
from arcuate.formats import convert, open_data, save_data

folder = Path("study/sub-01/eeg")
folder.mkdir(parents=True)
time = np.arange(1024) / 256
signals = np.round(np.stack([20 * np.sin(2 * np.pi * 10 * time) + 5, 3 * time], axis=1))
recording = xr.DataArray(
    signals,
    dims=("time", "channel"),
    coords={
        "time": time,
        "channel": ["Oz", "Cz"],
        "units": ("channel", ["uV", "uV"]),
        "status": ("channel", ["good", "bad"]),
    },
    attrs={
        "sampling_rate": 256.0,
        "start": datetime.datetime(2026, 3, 2, 10, 11, 12),
        "sidecar": {"SamplingFrequency": 256.0, "EEGReference": "Fz"},
        "events": {"onset": [0.5, 2.0], "duration": [0.1, 0.1], "trial_type": ["go", "stop"]},
    },
)
edf = folder / "sub-01_task-rest_eeg.edf"
print(save_data(recording, edf, format="bids").lost)
print(sorted(path.name for path in folder.iterdir()))

eeg = open_data(edf, format="bids")
print(dict(eeg.sizes), eeg.status.values, eeg.attrs["events"]["trial_type"])

with connect("r") as r:
    r.run("centred <- function(x) sweep(x, 2, colMeans(x))")
    centred = r.call("centred", eeg)
    print(centred.dims, centred.channel.values, np.abs(centred.mean("time").values) < 1e-9)

print(save_data(centred.rename("centred"), "centred.nwb").lost)
print(list(open_data("centred.nwb")))

# a filtered signal is no longer on the grid of the recording's 16 bits: how far off is said
kept = save_data(centred / 3, "third.bdf", lossy=True)
print(next(one for one in kept.lost if "rounded" in one))

print(convert("centred.nwb", "centred.rds", variable="acquisition/centred").lost)
with connect("r") as r:
    print(r.eval("dimnames(readRDS('centred.rds'))$channel").tolist())
