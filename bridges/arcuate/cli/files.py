"""Values in files: ``.nc .npy .csv .parquet .json .mat``, read as arguments and written with ``-o``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from arcuate.errors import InvalidArgument, Unsupported

__all__ = ["READ", "WRITE", "known", "read", "write", "writer_of"]


def known(path: str) -> bool:
    """Whether the name ends like a file that can be read."""
    return _extension(path.partition("#")[0]) in READ


def read(text: str) -> Any:
    """The value in a file.

    Args:
        text: its path, and after ``#`` the name of one part: a variable (.nc, .mat), a column (.csv,
            .parquet), a key (.json).

    Raises:
        InvalidArgument: another kind of file, or no such part.
        OSError: it cannot be read.
    """
    path, _, part = text.partition("#") if not os.path.exists(text) else (text, "", "")
    path = os.path.expanduser(path)
    reader = READ.get(_extension(path))
    if reader is None:
        raise InvalidArgument(
            f"files of the kind {_extension(path) or 'without extension'!r} are not read; "
            f"there are {', '.join(READ)}. A text that begins with @ is written as JSON: '\"@...\"'"
        )
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path!r} in {os.getcwd()!r}")
    value = _guarded(lambda: reader(path))
    return _part(value, part, path) if part else value


def write(value: Any, path: str) -> list[str]:
    """Writes a value to a file.

    Returns:
        What the format does not keep, one sentence each.

    Raises:
        InvalidArgument: another kind of file.
        Unsupported: the value does not fit into such a file; the message says which one takes it.
    """
    writer = writer_of(path)
    lost: list[str] | None = _guarded(lambda: writer(value, os.path.expanduser(path)))
    return lost or []


def writer_of(path: str) -> Callable[[Any, str], list[str] | None]:
    """What writes files whose name ends like this one's.

    Raises:
        InvalidArgument: nothing does.
    """
    writer = WRITE.get(_extension(path))
    if writer is None:
        raise InvalidArgument(
            f"-o cannot write files of the kind {_extension(path) or 'without extension'!r}; "
            f"there are {', '.join(WRITE)}"
        )
    return writer


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _guarded(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"this needs the package {error.name}; type: pip install 'arcuate[files]'"
        ) from None


def _part(value: Any, part: str, path: str) -> Any:
    names = [str(name) for name in (value if hasattr(value, "keys") else ())]
    if part not in names:
        raise InvalidArgument(f"{path} has no part {part!r}; it has {', '.join(names) or 'none'}")
    return value[part]


def _refuse(value: Any, path: str, takes: str) -> Unsupported:
    return Unsupported(
        f"{type(value).__name__} does not fit into {os.path.basename(path)}: "
        f"a {_extension(path)} file takes {takes}"
    )


# -------------------------------------------------------------------- reading


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
    from arcuate.cli.jsonform import restore
    from arcuate.cli.literals import parse

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


# -------------------------------------------------------------------- writing


def _write_nc(value: Any, path: str) -> None:
    import numpy as np
    import pandas as pd
    import xarray as xr

    if isinstance(value, pd.DataFrame):
        value = value.to_xarray()
    elif (isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)) or isinstance(
        value, (int, float)
    ):
        value = xr.DataArray(value)
    if not isinstance(value, (xr.DataArray, xr.Dataset)):
        raise _refuse(value, path, "labelled arrays, datasets, tables, arrays and numbers; try .json")
    value.to_netcdf(path, engine="h5netcdf")


def _write_npy(value: Any, path: str) -> list[str]:
    import numpy as np
    import xarray as xr

    lost = []
    if isinstance(value, xr.DataArray):
        lost = ["a .npy file has no labels: name, dims, coords and attrs are not in it (.nc keeps them)"]
        value = value.values
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
    table.to_parquet(path)
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
        if len({len(item) for item in value.values()}) == 1:
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
    from arcuate.cli.jsonform import dumps

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
        value = value.values
    parts = value if isinstance(value, dict) else {"value": value}
    for name, item in parts.items():
        numbers = (
            isinstance(item, np.ndarray)
            and not isinstance(item, np.ma.MaskedArray)
            and item.dtype.kind in "biufcU"
        )
        if not (
            numbers
            or isinstance(item, (bool, int, float, complex, str, np.generic))
            or hasattr(item, "tocsc")
        ):
            raise _refuse(
                item, path, "arrays, sparse matrices, numbers, texts, and mappings of them; try .json"
            )
        if not str(name).isidentifier():
            raise Unsupported(f"{name!r} is no name for a variable of a .mat file; try .json")
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
