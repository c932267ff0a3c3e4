"""HDF5 on a disk that becomes full, and stopped: the right error, and a process that goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import gc, resource, shutil, signal, sys
from pathlib import Path
import numpy as np, pandas as pd, xarray as xr
from arcuate.connector import IntegrationError
from arcuate.formats import convert, open_data, save_batches, save_data

hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
wave = xr.DataArray(
    np.random.default_rng(1).normal(size=(20_000, 2)), dims=("time", "channel"),
    coords={"channel": ["Fz", "Cz"]}, attrs={"sampling_rate": 100.0}, name="wave",
)
names = xr.DataArray(np.array([f"row {k}" for k in range(300)], object), dims="row")
start = pd.Timestamp("2026-03-01 10:00+00:00").to_pydatetime()
values = {
    "netcdf": xr.Dataset({"wave": wave, "name": names}),
    "hdf5": {"wave": wave, "names": names},
    "mat73": {"a": {f"field{k}": np.full(999, k, "f8") for k in range(9)}, "b": ["text"] * 99},
    "nwb": wave.assign_attrs(start=start),
}

def parts(made):
    for k in range(0, 20_000, 1000):
        made.append(k)
        yield wave[k : k + 1000]

def written(limit, what):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        what()
    except IntegrationError as error:
        assert "x could not be written: File too large" in str(error), error
    else:
        raise SystemExit(f"{limit} bytes, and no error")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    gc.collect()

for kind, value in values.items():
    folder = Path(sys.argv[1], kind)
    folder.mkdir()
    save_data(value, folder / "whole", format=kind)
    size = (folder / "whole").stat().st_size
    target = folder / "x"
    target.write_text("before")
    for limit in (700, size // 3, size - 1):
        written(limit, lambda: save_data(value, target, format=kind))
    if kind in ("netcdf", "hdf5"):
        made = []
        written(90_000, lambda: save_batches(parts(made), target, format=kind))
        assert len(made) < 15, "it goes on where nothing can be kept"
        save_data(wave, folder / "wave.zarr")
        written(90_000, lambda: convert(folder / "wave.zarr", target, to_format=kind))
        shutil.rmtree(folder / "wave.zarr")
    assert target.read_text() == "before"
    assert sorted(one.name for one in folder.iterdir()) == ["whole", "x"]
    save_data(value, target, format=kind)
    assert open_data(target, format=kind).keys() == open_data(folder / "whole", format=kind).keys()
    print(kind, flush=True)
"""


STOPPED = """
import gc, signal, sys
from pathlib import Path
import numpy as np
from arcuate.formats import open_data, save_data

value, there = np.arange(400_000.0).reshape(-1, 4), Path(sys.argv[1], "x.h5")
save_data(value, there, compression=4)
signal.signal(signal.SIGALRM, signal.default_int_handler)
stopped = 0
for number in range(1, 17):
    there.unlink(missing_ok=True)
    try:
        signal.setitimer(signal.ITIMER_REAL, number * 0.005)
        save_data(value, there, compression=4)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        stopped += 1
    gc.collect()
    assert signal.getsignal(signal.SIGALRM) is signal.default_int_handler
    assert {one.name for one in there.parent.iterdir()} <= {"x.h5"}
    assert not there.exists() or open_data(there).shape == value.shape
print("goes on" if stopped else "it was never stopped")
"""


def run(program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as HDF5 ends it."""
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=120
    )


def test_hdf5(tmp_path: Path) -> None:
    done = run(PROGRAM, tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, ["netcdf", "hdf5", "mat73", "nwb"]), done.stderr


def test_ctrl_c(tmp_path: Path) -> None:
    """HDF5 is told of that as little as of a full disk, at whatever moment it comes."""
    done = run(STOPPED, tmp_path)
    assert (done.returncode, done.stdout) == (0, "goes on\n"), done.stderr
