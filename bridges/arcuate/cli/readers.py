"""How each kind of file is read as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["READ"]


def _read_nc(path: str) -> Any:
    import xarray as xr

    dataset = xr.load_dataset(path, engine=_engine(path))
    names = list(dataset.data_vars)
    if len(names) != 1:
        return dataset
    array = dataset[names[0]]
    if names[0] == "__xarray_dataarray_variable__":  # it had no name, or that of a coordinate
        return array.rename(dataset.attrs.get("__xarray_dataarray_name__"))
    return array


def _engine(path: str) -> Any:
    with open(path, "rb") as file:
        return "scipy" if file.read(3) == b"CDF" else "h5netcdf"


def _read_npy(path: str) -> Any:
    import numpy as np

    return np.load(path, allow_pickle=False)


def _read_csv(path: str) -> Any:
    import pandas as pd

    return pd.read_csv(path)


def _read_parquet(path: str) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


def _read_json(path: str) -> Any:
    from arcuate.cli.literals import parse
    from arcuate.jsonform import restore

    with open(path, encoding="utf-8") as file:
        return restore(parse(file.read()))


def _read_mat(path: str) -> Any:
    from arcuate.formats import open_data

    values = open_data(path, format="mat")
    return next(iter(values.values())) if len(values) == 1 else values


READ: Mapping[str, Callable[[str], Any]] = {
    ".nc": _read_nc,
    ".npy": _read_npy,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".json": _read_json,
    ".mat": _read_mat,
}
"""The kinds of files that are read."""
