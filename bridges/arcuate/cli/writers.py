"""How a value is written to each kind of file, and what a file does not keep."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arcuate.errors import Unsupported

__all__ = ["WRITE"]


def _refuse(value: Any, path: str, takes: str) -> Unsupported:
    return Unsupported(
        f"{type(value).__name__} does not fit into {os.path.basename(path)}: "
        f"a {os.path.splitext(path)[1].lower()} file takes {takes}"
    )


def _plain(array: Any) -> bool:
    """Whether a labelled array or dataset holds numpy arrays only: others have masks of their own.

    A text that is missing would become an empty one.
    """
    import numpy as np
    import pandas as pd

    variables = array.variables.values() if hasattr(array, "data_vars") else [array, *array.coords.values()]
    return all(
        isinstance(one.data, np.ndarray) and not (one.dtype.kind == "O" and pd.isna(one.data).any())
        for one in variables
    )


def _write_nc(value: Any, path: str) -> None:
    import h5netcdf
    import numpy as np
    import pandas as pd
    import xarray as xr
    from xarray.backends import H5NetCDFStore

    from arcuate.formats.hdf5_disk import kept

    if isinstance(value, pd.DataFrame):
        value = value.to_xarray()
    elif (isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)) or isinstance(
        value, (int, float)
    ):
        value = xr.DataArray(value)
    if not isinstance(value, (xr.DataArray, xr.Dataset)) or not _plain(value):
        raise _refuse(
            value, path, "labelled arrays, datasets, tables, arrays and numbers, without NA; try .json"
        )
    dataset = _named(value) if isinstance(value, xr.DataArray) else value
    if not all(isinstance(name, str) for name in (*dataset.variables, *dataset.dims)):
        raise _refuse(value, path, "names that are texts; try .json")
    target = Path(path)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as folder:
        made = Path(folder, target.name)  # what is there already stays until the new one is whole
        try:
            with kept(made) as disk, h5netcdf.File(disk, "w") as file:
                dataset.dump_to_store(H5NetCDFStore(file))
        except OSError as error:
            if error.filename is not None:
                error.filename = path
            raise
        except MemoryError:
            raise
        except Exception as error:  # of xarray, h5netcdf or h5py
            raise _refuse(value, path, f"what NetCDF has a form for ({error}); try .json") from None
        if target.exists():
            shutil.copymode(target, made)
        os.replace(made, target)


def _named(array: Any) -> Any:
    """A labelled array as a dataset, from which xarray makes the same array again."""
    from xarray.backends.api import DATAARRAY_NAME, DATAARRAY_VARIABLE

    name = array.name
    if name is not None and name not in array.coords and name not in array.dims:
        return array.to_dataset()
    made = array.to_dataset(name=DATAARRAY_VARIABLE)
    return made if name is None else made.assign_attrs({DATAARRAY_NAME: name})


def _write_npy(value: Any, path: str) -> list[str]:
    import numpy as np
    import xarray as xr

    lost = []
    if isinstance(value, xr.DataArray):
        lost = ["a .npy file has no labels: name, dims, coords and attrs are not in it (.nc keeps them)"]
        value = value.data
    if isinstance(value, (bool, int, float, complex)):
        value = np.array(value)
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray) or value.dtype.hasobject:
        raise _refuse(value, path, "arrays without missing values and numbers; try .json or .nc")
    with open(path, "wb") as file:
        np.save(file, value, allow_pickle=False)
    return lost


def _write_csv(value: Any, path: str) -> list[str]:
    table, lost = _table(value, path)
    import pandas as pd

    table.to_csv(path, index=not isinstance(table.index, pd.RangeIndex))
    if table.isna().to_numpy().any():
        lost.append(
            "missing values are empty fields in a .csv file: NA and NaN are not told apart (.parquet does)"
        )
    return lost


def _write_parquet(value: Any, path: str) -> list[str]:
    table, lost = _table(value, path)
    import pyarrow as pa

    try:
        table.to_parquet(path)
    except pa.ArrowException as error:  # objects, or a dtype such as complex
        takes = f"what Arrow has a type for ({error.args[0]}); try .json or convert the column"
        raise _refuse(value, path, takes) from None
    return lost


def _table(value: Any, path: str) -> tuple[Any, list[str]]:
    """The value as a table, and what that loses."""
    import numpy as np
    import pandas as pd
    import xarray as xr

    if isinstance(value, pd.DataFrame):
        return value, []
    if isinstance(value, xr.Dataset) and value.sizes:
        return value.to_dataframe().reset_index(), ["dims and attrs are not in the table (.nc keeps them)"]
    if isinstance(value, xr.DataArray) and value.ndim:
        lost = ["attrs are not in the table (.nc keeps them)"] if value.attrs else []
        return value.to_dataframe(name="value" if value.name is None else value.name).reset_index(), lost
    if isinstance(value, dict) and value and all(np.ndim(item) == 1 for item in value.values()):
        nested = any(isinstance(part, (dict, list)) for item in value.values() for part in item)
        if len({len(item) for item in value.values()}) == 1 and not nested:
            return pd.DataFrame(value), []
    elif (
        isinstance(value, (np.ndarray, pd.api.extensions.ExtensionArray, list)) and len(np.shape(value)) == 1
    ):
        return pd.DataFrame({"value": value}), []
    elif isinstance(value, np.ndarray) and value.ndim == 2 and not isinstance(value, np.ma.MaskedArray):
        return pd.DataFrame(value, columns=[str(number + 1) for number in range(value.shape[1])]), []
    raise _refuse(
        value, path, "tables, labelled arrays, vectors, matrices and mappings of vectors; try .json"
    )


def _write_json(value: Any, path: str) -> None:
    from arcuate.jsonform import dumps

    text = dumps(value, indent=2)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _write_mat(value: Any, path: str) -> list[str]:
    import numpy as np
    import xarray as xr
    from scipy.io import savemat

    lost = []
    if isinstance(value, xr.DataArray):
        lost = ["a .mat file has no labels: name, dims, coords and attrs are not in it (.nc keeps them)"]
        value = value.data
    parts = dict(value) if isinstance(value, dict) else {"value": value}
    for name, item in parts.items():
        numbers = (
            isinstance(item, np.ndarray)
            and not isinstance(item, np.ma.MaskedArray)
            and item.dtype.kind in "biufcU"
        )
        if not (
            numbers
            or (isinstance(item, int) and -(1 << 63) <= item < 1 << 64)
            or isinstance(item, (float, complex, str, np.generic))
            or hasattr(item, "tocsc")
        ):
            raise _refuse(
                item, path, "arrays, sparse matrices, numbers, texts, and mappings of them; try .json"
            )
        if not str(name).isidentifier():
            raise Unsupported(f"{name!r} is no name for a variable of a .mat file; try .json")
        if numbers and item.dtype.kind == "U":
            parts[name] = item.astype(object)  # a cell; a matrix of characters fills shorter ones with spaces
    savemat(path, parts, appendmat=False, oned_as="row")
    return lost


WRITE: Mapping[str, Callable[[Any, str], list[str] | None]] = {
    ".nc": _write_nc,
    ".npy": _write_npy,
    ".csv": _write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
    ".mat": _write_mat,
}
"""The kinds of files that are written."""
