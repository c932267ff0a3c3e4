"""xarray objects to rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from arcuate.errors import ConversionError
from arcuate.values import codes
from arcuate.values.encode import TABLE, Encoder
from arcuate.values.labelled import HINT
from arcuate.values.nodes import step
from arcuate.values.numpy_encode import put_array, put_times
from arcuate.values.plain import text_key

__all__: list[str] = []


def _put_dataarray(state: Encoder, array: Any, key: str) -> None:
    name = array.name
    if name is not None and not isinstance(name, str):
        raise ConversionError(
            f"the name of a DataArray must be text or None, found {name!r}; send array.rename(str(...))"
        )
    state.enter(array)
    state.row(codes.LABELLED, key=key, count=5)
    state.put(name, "name")
    state.texts(_dims(array.dims), "dims")
    _put_data(state, array.variable)
    _put_variables(state, "coords", array.coords)
    state.put_at(array.attrs, "attrs", ".attrs")
    state.leave(array)


def _put_dataset(state: Encoder, dataset: Any, key: str) -> None:
    state.enter(dataset)
    state.row(codes.DATASET, key=key, count=3)
    _put_variables(state, "vars", dataset.data_vars)
    _put_variables(state, "coords", dataset.coords)
    state.put_at(dataset.attrs, "attrs", ".attrs")
    state.leave(dataset)


def _put_variables(state: Encoder, key: str, variables: Mapping[Any, Any]) -> None:
    state.depth += 1
    state.row(codes.MAPPING, key=key, count=len(variables))
    for name, array in variables.items():
        try:
            if not isinstance(name, str):
                raise ConversionError(
                    f"the names of variables and coordinates must be text, found {name!r}; rename it with "
                    f"x.rename(...)"
                )
            _put_variable(state, text_key(name), array.variable)
        except ConversionError as error:
            error.prepend(step(name) if isinstance(name, str) else f"[{name!r}]").prepend(f".{key}")
            raise
    state.depth -= 1


def _put_variable(state: Encoder, key: str, variable: Any) -> None:
    state.depth += 1
    state.row(codes.MAPPING, key=key, count=3)
    state.texts(_dims(variable.dims), "dims")
    _put_data(state, variable)
    state.put_at(variable.attrs, "attrs", ".attrs")
    state.depth -= 1


def _dims(dims: tuple[Any, ...]) -> list[str]:
    for dim in dims:
        if not isinstance(dim, str):
            raise ConversionError(
                f"the dimensions must be text, found {dim!r}; rename it with x.rename({{{dim!r}: ...}})"
            )
    return [text_key(dim) for dim in dims]


def _put_data(state: Encoder, variable: Any) -> None:
    try:
        if isinstance(variable, xr.IndexVariable):
            _check_index(variable)
        data = variable.data
        if isinstance(data, np.ndarray):
            unit = variable.encoding.get(HINT) if variable.encoding else None
            if unit and data.dtype.kind in "Mm":
                _put_hinted(state, data, unit)
            else:
                put_array(state, data, "data")
        elif type(data).__module__.partition(".")[0] == "pandas":
            from arcuate.values.pandas_encode import put_values

            put_values(state, data, "data")
        else:  # dask and other lazy arrays are loaded; sparse arrays and units raise here or below
            put_array(state, np.asarray(variable.values), "data")
    except ConversionError as error:
        error.prepend(".data")
        raise


def _check_index(variable: Any) -> None:
    import pandas as pd

    if isinstance(variable.to_index(), pd.MultiIndex):
        dim = variable.dims[0]
        raise ConversionError(
            f"the dimension {dim!r} is labelled by a MultiIndex, which other languages do not have; send "
            f"x.reset_index({dim!r})"
        )


def _put_hinted(state: Encoder, data: Any, hint: str) -> None:
    """Times that arrived as what xarray has no dtype for, where they still can be that."""
    if hint == "day":
        put_times(state, _coarser(data, "D"), "data", days=False)
    else:
        put_array(state, _coarser(data, hint), "data")


def _coarser(data: Any, unit: str) -> Any:
    """Times in the unit that they arrived in, where no time has since got a part of it."""
    coarse = data.astype(f"{data.dtype.kind}8[{unit}]")
    return coarse if bool(((coarse.astype(data.dtype) == data) | np.isnat(data)).all()) else data


def _put_variable_alone(state: Encoder, variable: Any, key: str) -> None:
    state.put(xr.DataArray(variable), key)


TABLE.update({xr.DataArray: _put_dataarray, xr.Dataset: _put_dataset, xr.Variable: _put_variable_alone})
