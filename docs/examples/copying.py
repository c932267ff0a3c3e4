"""A table from a database to a Parquet file and on to CSV; an array as a table."""

import sqlite3
import tempfile
from pathlib import Path

import xarray as xr

from arcuate.integrations import copy, open_data

folder = Path(tempfile.mkdtemp())
with sqlite3.connect(folder / "lab.db") as lab:
    lab.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY, rate REAL, note TEXT)")
    lab.executemany("INSERT INTO seen VALUES (?, ?, ?)", [(1, 0.5, "ok"), (2, None, "lost"), (3, 1.25, None)])
lab.close()

done = copy(f"sqlite:///{folder}/lab.db#seen", str(folder / "seen.parquet"))
print(done.rows, "rows, not kept:", list(done.lost))
print(open_data(folder / "seen.parquet"))

# What is there already is not touched unless that is said.
try:
    copy(f"sqlite:///{folder}/lab.db#seen", str(folder / "seen.parquet"))
except ValueError as error:
    print(str(error).split("; ")[-1])

array = xr.DataArray([[1.5, 2.5]], dims=("time", "channel"), coords={"channel": ["Cz", "Pz"]}, name="volt")
array.to_netcdf(folder / "eeg.nc", engine="h5netcdf")
copy(str(folder / "eeg.nc"), f"sqlite:///{folder}/lab.db#eeg", tidy=True)
with sqlite3.connect(folder / "lab.db") as lab:
    print(lab.execute("SELECT * FROM eeg").fetchall())
lab.close()
