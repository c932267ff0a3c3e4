"""Rows to labelled arrays and datasets: xarray's, or plain classes where that would lose something."""

from __future__ import annotations

from typing import Any

from arcuate.errors import ConversionError, ProtocolError
from arcuate.values import codes, types
from arcuate.values.decode import Decoder, library
from arcuate.values.nodes import Row

__all__ = ["HINT", "read_dataset", "read_labelled"]

HINT = "arcuate"
"""Key in a variable's ``encoding`` that holds the unit that xarray has no dtype for: ``"D"``, ``"h"`` ..."""


def read_labelled(state: Decoder, row: Row) -> Any:
    """A labelled array."""
    state.enter(row, 5)
    name = state.value_named("name")
    if name is not None and not isinstance(name, str):
        raise ProtocolError("malformed value: the name of a labelled array must be text or null")
    dims = _dims(state)
    pandas = library("pandas") if row[2] & codes.LABELLED_SERIES and len(dims) == 1 else None
    if pandas is not None:
        from arcuate.values.tabular import Beyond

        place, depth = state.cursor.place, state.cursor.depth
        try:
            return _read_series(state, row, pandas, name, dims[0])
        except Beyond:
            state.cursor.back(place, depth)
    data = _data(state)
    coords = state.mapping_named("coords", lambda child: _variable(state, child))
    attrs = _attrs(state)
    state.cursor.leave()
    xarray = library("xarray")
    if xarray is None or _beyond(data) or any(_beyond(coord["data"]) for coord in coords.values()):
        return types.Labelled(name, dims, data, coords, attrs, row[2])
    main = _make(xarray, dims, data, attrs)
    made = {key: _make(xarray, coord["dims"], coord["data"], coord["attrs"]) for key, coord in coords.items()}
    try:
        found = xarray.DataArray(main, coords=made, name=name)
    except ValueError as error:
        raise ProtocolError(f"malformed value: a labelled array: {error}") from error
    if main.encoding:
        found.encoding = main.encoding
    return found


def _read_series(state: Decoder, row: Row, pandas: Any, name: str | None, dim: str) -> Any:
    from arcuate.values.tabular import Beyond, read_categorical, series
    from arcuate.values.tabular import column_values as column

    def values(child: Row) -> Any:
        if child[0] == codes.CATEGORICAL:
            return read_categorical(state, child)
        if child[0] != codes.ARRAY or child[4] != 1:
            raise ProtocolError("malformed value: a Series has one dimension")
        return column(state, child)

    def variable(child: Row) -> Any:
        state.enter(child, 3)
        state.texts_named("dims")
        found = values(state.named("data"))
        state.value_named("attrs")
        state.cursor.leave()
        return found

    data = values(state.named("data"))
    coords = state.mapping_named("coords", variable)
    attrs = _attrs(state)
    state.cursor.leave()
    index = coords.pop(dim, None)
    if coords or (index is not None and len(index) != len(data)):
        raise ProtocolError("malformed value: a Series has only its own index")
    if index is None and not row[2] & codes.LABELLED_UNNAMED:
        raise Beyond  # an index with a name is a coordinate
    return series(pandas, name, data, index, row[2], dim, attrs)


def read_dataset(state: Decoder, row: Row) -> Any:
    """A dataset."""
    state.enter(row, 3)
    variables = state.mapping_named("vars", lambda child: _variable(state, child))
    coords = state.mapping_named("coords", lambda child: _variable(state, child))
    attrs = _attrs(state)
    state.cursor.leave()
    xarray = library("xarray")
    everything = [*variables.values(), *coords.values()]
    if xarray is None or any(_beyond(variable["data"]) for variable in everything):
        return types.Dataset(variables, coords, attrs)
    made = [
        {key: _make(xarray, each["dims"], each["data"], each["attrs"]) for key, each in group.items()}
        for group in (variables, coords)
    ]
    try:
        return xarray.Dataset(made[0], coords=made[1], attrs=attrs)
    except ValueError as error:
        raise ProtocolError(f"malformed value: a dataset: {error}") from error


def _dims(state: Decoder) -> tuple[str, ...]:
    dims = state.texts_named("dims")
    if len(set(dims)) != len(dims) or None in dims:
        raise ProtocolError(f"malformed value: the dimensions {dims} must be different texts")
    return dims


def _attrs(state: Decoder) -> dict[str, Any]:
    attrs = state.value_named("attrs")
    if not isinstance(attrs, dict):
        raise ProtocolError("malformed value: attrs must be a mapping")
    return attrs


def _data(state: Decoder) -> Any:
    row = state.named("data")
    try:
        found = state.array(row)
    except ConversionError as error:
        error.prepend(".data")
        raise
    if isinstance(found, list):
        raise ProtocolError("malformed value: the data of a labelled array must be an array or a categorical")
    return found


def _variable(state: Decoder, row: Row) -> dict[str, Any]:
    if row[0] != codes.MAPPING:
        raise ProtocolError("malformed value: a variable must be a mapping of dims, data and attrs")
    state.enter(row, 3)
    found = {"dims": _dims(state), "data": _data(state), "attrs": _attrs(state)}
    state.cursor.leave()
    return found


def _beyond(data: Any) -> bool:
    """Whether xarray would change the data.

    It turns a masked array's missing elements into NaN, has no units finer than the nanosecond, and holds
    instants as objects, which say no zone when there is none of them.
    """
    if isinstance(data, (types.Factor, types.Array)):
        return True
    if getattr(data.dtype, "tz", None) is not None and (not len(data) or bool(data.isna().all())):
        return True
    if getattr(data.dtype, "kind", "") in "Mm" and data.dtype.str[4:-1] in ("ps", "fs", "as"):
        return True
    mask = getattr(data, "mask", None)
    return mask is not None and hasattr(data, "filled") and bool(mask.any())


def _make(xarray: Any, dims: tuple[str, ...], data: Any, attrs: dict[str, Any]) -> Any:
    encoding = None
    if hasattr(data, "filled"):
        data = data.data  # a mask of zeros
    dtype = data.dtype
    if getattr(dtype, "kind", "") in "Mm" and dtype.str[4:-1] not in ("s", "ms", "us", "ns"):
        import numpy

        unit = numpy.datetime_data(dtype)[0] if isinstance(dtype, numpy.dtype) else "ns"
        if unit not in ("s", "ms", "us", "ns"):
            encoding = {HINT: unit}
            data = data.astype(f"{dtype.kind}8[s]")
    elif getattr(dtype, "tz", None) is not None or _is_text(data):
        data = _objects(data)
    elif not isinstance(data, _ndarray()) and getattr(dtype, "kind", "") in "Mm":
        data = data.to_numpy()
    try:
        return xarray.Variable(dims, data, attrs, encoding)
    except ValueError as error:
        raise ProtocolError(f"malformed value: a variable: {error}") from error


def _objects(data: Any) -> Any:
    return data.astype(object).to_numpy() if hasattr(data.astype(object), "to_numpy") else data.astype(object)


def _is_text(data: Any) -> bool:
    return not isinstance(data, _ndarray()) and getattr(data.dtype, "name", "") in ("string", "str")


def _ndarray() -> Any:
    return library("numpy").ndarray
