"""How each kind of file is read as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from arcuate.errors import Unsupported

__all__ = ["READ"]


def _read_nc(path: str) -> Any:
    import xarray as xr

    dataset = xr.load_dataset(path, engine=_engine(path))
    names = list(dataset.data_vars)
    if len(names) != 1:
        return dataset
    array = dataset[names[0]]
    return array.rename(None) if names[0] == "__xarray_dataarray_variable__" else array


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
    from scipy.io import loadmat

    try:
        found = loadmat(path, chars_as_strings=True)
    except NotImplementedError:
        raise Unsupported("MATLAB 7.3 files are not read; save it again with save(..., '-v7')") from None
    values = {name: _from_mat(one) for name, one in found.items() if not name.startswith("__")}
    return next(iter(values.values())) if len(values) == 1 else values


def _from_mat(value: Any) -> Any:
    """Scipy's arrays of objects as structs and cells, characters as text."""
    import numpy as np

    from arcuate.values import Cell, StructArray

    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.names:
        items = [{name: _from_mat(one[name]) for name in value.dtype.names} for one in value.ravel(order="F")]
        return items[0] if value.size == 1 else StructArray(items, value.shape, value.dtype.names)
    if value.dtype.kind == "O":
        cells = [_from_mat(one) for one in value.ravel(order="F")]
        return cells if value.shape[:-1] == (1,) else Cell(cells, value.shape)
    if value.dtype.kind == "U":
        return str(value[0]) if value.size == 1 else "" if value.size == 0 else value
    return value.item() if value.shape == (1, 1) else value


READ: Mapping[str, Callable[[str], Any]] = {
    ".nc": _read_nc,
    ".npy": _read_npy,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".json": _read_json,
    ".mat": _read_mat,
}
"""The kinds of files that are read."""
