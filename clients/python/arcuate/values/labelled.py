"""Rows to labelled arrays and datasets: xarray's, or plain classes where that would lose something."""

from __future__ import annotations

from typing import Any

from arcuate.errors import ConversionError, ProtocolError
from arcuate.values import codes, types
from arcuate.values.decode import Decoder, library
from arcuate.values.nodes import Row

__all__ = ["HINT", "read_dataset", "read_labelled"]

HINT = "arcuate"
"""Key in a variable's ``encoding`` that holds what xarray has no dtype for.

It is the unit of times, ``"h"`` or ``"D"`` (dates), or ``"day"`` for datetimes that count days.
"""
_UNITS = ("s", "ms", "us", "ns")
_INDEXES: dict[tuple[str, str, tuple[str, ...]], tuple[Any, Any]] = {}
"""Name, type and labels of a coordinate: its variable and index, half of the time of making a small array.

Blocks of a stream have the same channels again and again; what is kept is never changed: each array gets
a variable of its own that shares the labels.
"""
_MOST, _LONG = 32, 4096


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
    known = made = None
    if xarray is not None and not _beyond(data):
        known = _known(coords)
        made = _made_before(xarray, known) or _make_coords(xarray, coords)
    if made is None:
        return types.Labelled(name, dims, data, coords, attrs, row[2])
    main = _make(xarray, dims, data, attrs)
    try:
        found = xarray.DataArray(main, coords=made, name=name)
    except ValueError as error:
        raise ProtocolError(f"malformed value: a labelled array: {error}") from error
    if known is not None and known not in _INDEXES:
        if len(_INDEXES) >= _MOST:
            _INDEXES.clear()
        index = found.xindexes[known[0]]
        if index.index.dtype != object:  # whose elements somebody may change
            _INDEXES[known] = (found.coords[known[0]].variable.copy(deep=False), index)
    if main.encoding:
        found.encoding = main.encoding
    return found


def _known(coords: dict[str, dict[str, Any]]) -> tuple[str, str, tuple[str, ...]] | None:
    """By what the only coordinate is known, where that is plain names of a dimension."""
    if len(coords) != 1:
        return None
    ((key, coord),) = coords.items()
    data = coord["data"]
    if coord["dims"] != (key,) or coord["attrs"] or not isinstance(data, _ndarray()):
        return None
    if data.dtype.kind != "U" or not 0 < data.size <= _LONG or hasattr(data, "mask"):
        return None
    return key, data.dtype.str, tuple(data.tolist())


def _made_before(xarray: Any, known: tuple[str, str, tuple[str, ...]] | None) -> Any:
    """Coordinates with labels that came before; ``None``: they did not."""
    kept = _INDEXES.get(known) if known is not None else None
    if known is None or kept is None:
        return None
    return xarray.Coordinates({known[0]: kept[0].copy(deep=False)}, indexes={known[0]: kept[1]})


def _read_series(state: Decoder, row: Row, pandas: Any, name: str | None, dim: str) -> Any:
    from arcuate.values.tabular import Beyond, one_categorical, series
    from arcuate.values.tabular import column_values as column

    def values(child: Row) -> Any:
        if child[0] == codes.CATEGORICAL:
            return one_categorical(state, child)
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
    beyond = any(_beyond(variable["data"]) for variable in variables.values())
    made = None if xarray is None or beyond else _make_coords(xarray, coords)
    if made is None:
        return types.Dataset(variables, coords, attrs)
    columns = {
        key: _make(xarray, each["dims"], each["data"], each["attrs"]) for key, each in variables.items()
    }
    try:
        return xarray.Dataset(columns, coords=made, attrs=attrs)
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

    It turns a masked array's missing elements into NaN, has no units finer than the nanosecond and
    no coarser ones than the second, which not every time fits, and holds instants as objects, which say no
    zone when there is none of them.
    """
    if isinstance(data, types.Array):
        return not _is_days(data)
    if isinstance(data, types.Factor):
        return True
    if getattr(data.dtype, "tz", None) is not None:
        return not len(data) or bool(data.isna().all())
    if isinstance(data, _ndarray()) and data.dtype.kind in "Mm":
        import numpy

        unit = numpy.datetime_data(data.dtype)[0]
        if unit in _UNITS or unit in ("ps", "fs", "as"):
            return unit not in _UNITS
        try:
            same = data.astype(f"{data.dtype.kind}8[s]").astype(data.dtype) == data
        except OverflowError:
            return True
        return not bool((same | numpy.isnat(data)).all())
    mask = getattr(data, "mask", None)
    return mask is not None and hasattr(data, "filled") and bool(mask.any())


def _is_days(data: types.Array) -> bool:
    """Whether these are datetimes that count days."""
    return (data.dtype, data.unit, data.zone) == ("datetime", "D", "")


def _boxed(data: Any, index: bool) -> Any:
    """The labels of a coordinate; as objects what xarray would change: masked numbers, an index of f2."""
    masked = hasattr(data, "filled") and data.dtype.kind not in "Mm" and data.mask.any()
    if masked and data.mask.all():
        return data
    if masked or (index and isinstance(data, _ndarray()) and data.dtype == "f2"):
        from arcuate.values.boxed import box
        from arcuate.values.numpy_encode import DTYPES

        mask = data.mask if masked else None
        return box((DTYPES[data.dtype.str], 0, ""), data.data if masked else data, mask)
    return data


def _make_coords(xarray: Any, coords: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The coordinates, or ``None`` where xarray would change one."""
    labels = {key: _boxed(coord["data"], (key,) == coord["dims"]) for key, coord in coords.items()}
    if any(map(_beyond, labels.values())):
        return None
    return {key: _make(xarray, coord["dims"], labels[key], coord["attrs"]) for key, coord in coords.items()}


def _make(xarray: Any, dims: tuple[str, ...], data: Any, attrs: dict[str, Any]) -> Any:
    encoding = None
    if hasattr(data, "filled"):
        data = data.data  # a mask of zeros
    if isinstance(data, types.Array):
        encoding, data = {HINT: "day"}, _days(data)
    dtype = data.dtype
    if encoding:
        pass
    elif getattr(dtype, "kind", "") in "Mm" and dtype.str[4:-1] not in _UNITS:
        import numpy

        unit = numpy.datetime_data(dtype)[0] if isinstance(dtype, numpy.dtype) else "ns"
        if unit not in _UNITS:
            encoding = {HINT: unit}
            data = data.astype(f"{dtype.kind}8[s]")
    elif getattr(dtype, "tz", None) is not None:
        data = _objects(data)
    elif _is_text(data):
        from arcuate.values.boxed import mark

        gone = bool(data.isna().all())
        data = mark(_objects(data), (codes.D_TEXT, 0, "")) if gone else _objects(data)
    elif not isinstance(data, _ndarray()) and getattr(dtype, "kind", "") in "Mm":
        data = data.to_numpy()
    try:
        return xarray.Variable(dims, data, attrs, encoding)
    except ValueError as error:
        raise ProtocolError(f"malformed value: a variable: {error}") from error


def _days(data: types.Array) -> Any:
    """Datetimes that count days, in seconds."""
    import numpy

    days: Any = numpy.frombuffer(data.data, "<i8").view("M8[D]")
    if data.mask is not None:
        days = numpy.where(numpy.frombuffer(data.mask, bool), numpy.datetime64("NaT"), days)
    return days.astype("M8[s]").reshape(data.shape, order=data.order)


def _objects(data: Any) -> Any:
    return data.astype(object).to_numpy() if hasattr(data.astype(object), "to_numpy") else data.astype(object)


def _is_text(data: Any) -> bool:
    return not isinstance(data, _ndarray()) and getattr(data.dtype, "name", "") in ("string", "str")


def _ndarray() -> Any:
    return library("numpy").ndarray
