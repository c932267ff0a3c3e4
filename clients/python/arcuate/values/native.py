"""The classes of :mod:`arcuate.values.types` to rows."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import prod
from typing import Any

from arcuate.errors import ConversionError
from arcuate.values import codes, types
from arcuate.values.encode import TABLE, Encoder
from arcuate.values.nodes import float_bits
from arcuate.values.plain import put_children

__all__ = ["put_variable"]

_MASK = (1 << 64) - 1
_HINTS = ~(codes.ARRAY_MASK | codes.ARRAY_FORTRAN)


def _cell(state: Encoder, value: types.Cell, key: str) -> None:
    _shaped(state, value, key, codes.LIST_SHAPED, "")


def _structs(state: Encoder, value: types.StructArray, key: str) -> None:
    for number, item in enumerate(value):
        if not isinstance(item, Mapping) or tuple(item) != value.fields:
            raise ConversionError(
                f"every element of a struct array is a dict with the keys {value.fields} in this order",
                path=f"[{number}]",
            )
    text = "".join(f"{name}\0" for name in value.fields)
    _shaped(state, value, key, codes.LIST_SHAPED | codes.LIST_STRUCTS, text)


def _shaped(state: Encoder, value: types.Cell, key: str, flags: int, text: str) -> None:
    if prod(value.shape) != len(value):
        raise ConversionError(
            f"{len(value)} elements do not fill a cell of shape {value.shape}; set its shape"
        )
    if len(value.shape) > codes.MAX_NDIM:
        raise ConversionError(f"the cell has {len(value.shape)} dimensions, {codes.MAX_NDIM} are allowed")
    state.enter(value)
    state.row(codes.LIST, key=key, flags=flags, count=len(value), text=text)
    state.pool += (len(value.shape), *value.shape)
    put_children(state, value)
    state.leave(value)


def _missing(state: Encoder, value: types.Missing, key: str) -> None:
    state.row(codes.MISSING, key=key, dtype=codes.DTYPE_NAMES.index(value.dtype))


def _int(state: Encoder, value: types.TypedInt, key: str) -> None:
    state.row(codes.INT, key=key, dtype=codes.DTYPE_NAMES.index(value.dtype), value=int(value) & _MASK)


def _float(state: Encoder, value: types.TypedFloat, key: str) -> None:
    state.row(codes.FLOAT, key=key, dtype=codes.DTYPE_NAMES.index(value.dtype), value=float_bits(value))


def _complex(state: Encoder, value: types.TypedComplex, key: str) -> None:
    state.row(codes.COMPLEX, key=key, dtype=codes.DTYPE_NAMES.index(value.dtype))
    state.pool += (float_bits(value.real), float_bits(value.imag))


def _instant(state: Encoder, value: types.Instant, key: str) -> None:
    unit = codes.UNIT_CODES[value.unit]
    state.row(
        codes.DATETIME, key=key, flags=value.hint, unit=unit, value=value.count & _MASK, text=value.zone
    )


def _day(state: Encoder, value: types.Day, key: str) -> None:
    state.row(codes.DATE, key=key, value=value.count & _MASK)


def _duration(state: Encoder, value: types.Duration, key: str) -> None:
    state.row(
        codes.DURATION,
        key=key,
        flags=value.hint,
        unit=codes.UNIT_CODES[value.unit],
        value=value.count & _MASK,
    )


def _array(state: Encoder, value: types.Array, key: str) -> None:
    if len(value.shape) > codes.MAX_NDIM:
        raise ConversionError(
            f"the array has {len(value.shape)} dimensions, {codes.MAX_NDIM} are allowed; reshape it"
        )
    flags = value.hint & _HINTS
    if value.order == "F" and len(value.shape) > 1:
        flags |= codes.ARRAY_FORTRAN
    if value.mask is not None:
        flags |= codes.ARRAY_MASK
    code = codes.DTYPE_NAMES.index(value.dtype)
    data, mask = value.data, value.mask
    wanted = state.options.order
    if len(value.shape) > 1 and wanted not in ("any", value.order):
        data, mask = _reorder(value, code)
        flags ^= codes.ARRAY_FORTRAN
    unit, ndim = codes.UNIT_CODES[value.unit], len(value.shape)
    state.row(codes.ARRAY, key=key, dtype=code, flags=flags, unit=unit, count=ndim, text=value.zone)
    state.pool += value.shape
    state.buffers.append(data)
    if mask is not None:
        state.buffers.append(mask)


def _reorder(value: types.Array, code: int) -> tuple[memoryview, memoryview | None]:
    """The data and mask of an array in the other memory order, element by element: there is no numpy here."""
    numbers = _positions(value.shape, value.order)
    mask = None if value.mask is None else memoryview(bytes(value.mask[i] for i in numbers))
    if code == codes.D_TEXT:
        texts = bytes(value.data).split(b"\0")
        return memoryview(b"".join(texts[i] + b"\0" for i in numbers)), mask
    size = codes.ITEMSIZE[code]
    items = struct.unpack(f"{size}s" * value.size, value.data)
    return memoryview(b"".join(items[i] for i in numbers)), mask


def _positions(shape: tuple[int, ...], order: str) -> list[int]:
    """Where the elements, read in the other order, stand in this one."""
    # The distance between neighbours along each axis as it is, fastest axis of the other order first.
    axes = range(len(shape)) if order == "C" else range(len(shape) - 1, -1, -1)
    steps = [prod(shape[axis + 1 :]) if order == "C" else prod(shape[:axis]) for axis in range(len(shape))]
    found = [0]
    for axis in axes:
        found = [start + i * steps[axis] for i in range(shape[axis]) for start in found]
    return found


def _factor(state: Encoder, value: types.Factor, key: str) -> None:
    state.enter(value)
    state.row(codes.CATEGORICAL, key=key, flags=int(value.ordered), count=2)
    state.put_at(value.codes, "codes", ".codes")
    state.put_at(value.categories, "categories", ".categories")
    state.leave(value)


def put_variable(state: Encoder, key: str, dims: Any, data: Any, attrs: Mapping[str, Any]) -> None:
    """A variable: a mapping of its dimensions, data and attributes."""
    state.depth += 1
    state.row(codes.MAPPING, key=key, count=3)
    state.texts(list(dims), "dims")
    state.put_at(data, "data", ".data")
    state.put_at(dict(attrs), "attrs", ".attrs")
    state.depth -= 1


def _variables(state: Encoder, key: str, variables: Mapping[str, Mapping[str, Any]]) -> None:
    state.depth += 1
    state.row(codes.MAPPING, key=key, count=len(variables))
    for name, variable in variables.items():
        try:
            put_variable(state, name, variable["dims"], variable["data"], variable.get("attrs", {}))
        except ConversionError as error:
            error.prepend(f".{key}[{name!r}]")
            raise
    state.depth -= 1


def _labelled(state: Encoder, value: types.Labelled, key: str) -> None:
    state.enter(value)
    state.row(codes.LABELLED, key=key, flags=value.hint, count=5)
    state.put(value.name, "name")
    state.texts(value.dims, "dims")
    state.put_at(value.data, "data", ".data")
    _variables(state, "coords", value.coords)
    state.put_at(value.attrs, "attrs", ".attrs")
    state.leave(value)


def _dataset(state: Encoder, value: types.Dataset, key: str) -> None:
    state.enter(value)
    state.row(codes.DATASET, key=key, count=3)
    _variables(state, "vars", value.variables)
    _variables(state, "coords", value.coords)
    state.put_at(value.attrs, "attrs", ".attrs")
    state.leave(value)


def _table(state: Encoder, value: types.Table, key: str) -> None:
    state.enter(value)
    state.row(codes.TABLE, key=key, count=3, value=value.rows, text=value.hint)
    state.depth += 1
    state.row(codes.MAPPING, key="columns", count=len(value.columns))
    for name, column in value.columns.items():
        if isinstance(column, list):  # a list column stays one, whatever it holds
            column = types.List(column)
        state.put_at(column, name, f".columns[{name!r}]")
    state.depth -= 1
    if value.index is None:
        state.row(codes.NULL, key="index")
    else:
        state.row(codes.MAPPING, key="index", count=2)
        state.texts(value.index["names"], "names")
        state.row(codes.LIST, key="levels", count=len(value.index["levels"]))
        for number, level in enumerate(value.index["levels"]):
            state.put_at(level, "", f".index.levels[{number}]")
    state.put_at(value.attrs, "attrs", ".attrs")
    state.leave(value)


def _sparse(state: Encoder, value: types.Sparse, key: str) -> None:
    state.row(
        codes.SPARSE, key=key, dtype=codes.DTYPE_NAMES.index(value.dtype), flags=value.flags,
        unit=("csc", "csr", "coo").index(value.format), value=value.stored,
    )  # fmt: skip
    state.pool += value.shape
    state.buffers += (value.data, value.first, value.second)


TABLE.update(
    {
        types.Cell: _cell,
        types.StructArray: _structs,
        types.Missing: _missing,
        types.TypedInt: _int,
        types.TypedFloat: _float,
        types.TypedComplex: _complex,
        types.Instant: _instant,
        types.Day: _day,
        types.Duration: _duration,
        types.Array: _array,
        types.Factor: _factor,
        types.Labelled: _labelled,
        types.Dataset: _dataset,
        types.Table: _table,
        types.Sparse: _sparse,
    }
)
