"""Columns of Arrow from nodes and back, with a description of what Arrow drops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from arcuate.formats import exact
from arcuate.formats.node import Node, array_node, plain_node
from arcuate.values import codes

__all__ = ["column_of", "node_of", "take"]

_ARROW_UNITS = ("s", "ms", "us", "ns")
_SECONDS = {"m": 60, "h": 3600, "D": 86400}
_TIMES = (codes.D_DATETIME, codes.D_DURATION)
_WHOLE = 1 << 62


def column_of(node: Node) -> tuple[pa.Array, dict[str, Any]]:
    """An Arrow array of a node of one dimension, and what to read it back with."""
    if node.kind == codes.ARRAY:
        return _array(node)
    if node.kind == codes.CATEGORICAL:
        return _categorical(node)
    return _list(node)


def node_of(column: Any, told: dict[str, Any]) -> Node:
    """The inverse of :func:`column_of`.

    Raises:
        DataError, KeyError, ArrowException: the description and the column do not fit.
    """
    if isinstance(column, pa.ChunkedArray):
        column = _whole(column)
    if told["kind"] == "categorical":
        return _categorical_node(column, told)
    if told["kind"] == "list":
        return _list_node(column, told)
    shell = exact.node_of({**told, "shape": [0], "data": []})
    return _array_node(column, shell)


def take(node: Node, places: NDArray[np.int64], shape: tuple[int, ...]) -> Node:
    """An array or categorical of the elements at these row-major places."""
    if node.kind == codes.CATEGORICAL:
        (name, numbers), *rest = node.children
        return Node(node.kind, 0, node.flags, children=[(name, take(numbers, places, shape)), *rest])
    values = node.values().reshape(-1)[places].reshape(shape)
    gone = node.mask()
    if gone is not None:
        gone = gone.reshape(-1)[places].reshape(shape)
    return array_node(node.dtype, values, gone, hints=node.hints, unit=node.unit, zone=node.text)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _told(node: Node) -> dict[str, Any]:
    told = exact.plain_of(array_node(node.dtype, np.empty(0, object if node.dtype == codes.D_TEXT else "i8")))
    told = {"kind": "array", "dtype": told["dtype"]}
    for name, value in (("unit", node.unit), ("text", node.text), ("flags", node.hints)):
        if value:
            told[name] = value
    return told


def _array(node: Node) -> tuple[pa.Array, dict[str, Any]]:
    values, gone, told = node.values().reshape(-1), node.mask(), _told(node)
    gone = None if gone is None else gone.reshape(-1)
    if values.dtype.kind == "c":
        parts = [pa.array(part.copy(), mask=gone, from_pandas=False) for part in (values.real, values.imag)]
        mask = None if gone is None else pa.array(gone)
        return pa.StructArray.from_arrays(parts, ["real", "imag"], mask=mask), told
    if node.dtype == codes.D_TEXT:
        return pa.array(
            values, pa.string() if _short(values) else pa.large_string(), mask=gone, from_pandas=False
        ), told
    if node.dtype == codes.D_DATE:
        return pa.array(values, pa.int32(), mask=gone, from_pandas=False).view(pa.date32()), told
    if node.dtype in _TIMES:
        return _times(node, values, gone), told
    return pa.array(np.ascontiguousarray(values), mask=gone, from_pandas=False), told


def _short(values: NDArray[Any]) -> bool:
    return sum(map(len, values)) < 1 << 28


def _times(node: Node, values: NDArray[Any], gone: NDArray[np.bool_] | None) -> pa.Array:
    unit = node.unit_name
    if unit in _SECONDS:
        shown = values if gone is None else np.where(gone, 0, values)
        if not shown.size or int(np.abs(shown).max()) < _WHOLE // _SECONDS[unit]:
            values, unit = shown * _SECONDS[unit], "s"
    counts = pa.array(values, pa.int64(), mask=gone, from_pandas=False)
    if unit not in _ARROW_UNITS:
        return counts
    if node.dtype == codes.D_DURATION:
        return counts.view(pa.duration(unit))
    return counts.view(pa.timestamp(unit, node.text or None))


def _array_node(column: pa.Array, shell: Node) -> Node:
    gone = np.asarray(column.is_null()) if column.null_count else None
    dtype = shell.dtype
    how: dict[str, Any] = {"hints": shell.hints, "unit": shell.unit, "zone": shell.text}
    if shell.dtype_name in ("c8", "c16"):
        parts = [pc.fill_null(column.field(at), 0.0).to_numpy(zero_copy_only=False) for at in (0, 1)]
        values = np.empty(len(column), shell.dtype_name)
        values.real, values.imag = parts
        return array_node(dtype, values, gone, **how)
    if dtype == codes.D_TEXT:
        texts = np.empty(len(column), object)
        texts[:] = pc.fill_null(column.cast(pa.large_string()), "").to_pylist()
        return array_node(dtype, texts, gone, **how)
    if dtype in _TIMES:
        return array_node(dtype, _counts(column, shell), gone, **how)
    if dtype == codes.D_DATE:
        column = column.cast(pa.date32()).view(pa.int32())
    wanted = {codes.D_BOOL: pa.bool_(), codes.D_DATE: pa.int32()}.get(dtype)
    column = column.cast(wanted or pa.from_numpy_dtype(np.dtype(shell.dtype_name)))
    filled = (
        pc.fill_null(column, pa.scalar(0).cast(pa.int8()).cast(column.type)) if gone is not None else column
    )
    return array_node(dtype, filled.to_numpy(zero_copy_only=False), gone, **how)


def _counts(column: pa.Array, shell: Node) -> NDArray[np.int64]:
    unit = shell.unit_name
    if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
        base = "s" if unit in _SECONDS else unit
        if column.type.unit != base:  # Parquet has no seconds
            made = (
                pa.timestamp(base, column.type.tz)
                if pa.types.is_timestamp(column.type)
                else pa.duration(base)
            )
            column = column.cast(made)
        counts = pc.fill_null(column.view(pa.int64()), 0).to_numpy(zero_copy_only=False)
        return np.asarray(counts // _SECONDS[unit] if unit in _SECONDS else counts)
    return np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False))


# ------------------------------------------------------------------ categoricals


def _categorical(node: Node) -> tuple[pa.Array, dict[str, Any]]:
    numbers, categories = node["codes"], node["categories"]
    told: dict[str, Any] = {
        "kind": "categorical",
        "codes": _told(numbers),
        "categories": exact.plain_of(categories),
    }
    if node.flags:
        told["flags"] = node.flags
    positions, _ = _array(numbers)
    labels = _labels(categories)
    if labels is None:  # Arrow's dictionaries have neither repeated nor missing values
        told["as"] = "codes"
        return positions, told
    return pa.DictionaryArray.from_arrays(positions, labels, ordered=bool(node.flags)), told


def _labels(categories: Node) -> pa.Array | None:
    if categories.kind != codes.ARRAY or categories.mask() is not None or len(categories.numbers) != 1:
        return None
    if categories.dtype in (codes.D_F2, codes.D_C8, codes.D_C16):
        return None
    labels = _array(categories)[0]
    again = pc.index_in(labels, value_set=labels)
    same = again.null_count == 0 and again.to_pylist() == list(range(len(labels)))
    return labels if same and len(pc.unique(labels)) == len(labels) else None


def _categorical_node(column: pa.Array, told: dict[str, Any]) -> Node:
    categories = exact.node_of(told["categories"])
    shell = exact.node_of({**told["codes"], "shape": [0], "data": []})
    if told.get("as") != "codes":
        labels = _labels(categories)
        if labels is None:
            raise KeyError("categories that are no Arrow dictionary")
        values = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        found = pc.index_in(values.cast(labels.type), value_set=labels)
        if found.null_count != values.null_count:
            raise KeyError("a value that is none of the categories")
        column = found
    numbers = _array_node(column, shell)
    flags = int(told.get("flags", 0))
    return plain_node(codes.CATEGORICAL, [("codes", numbers), ("categories", categories)], flags=flags)


# ------------------------------------------------------------------ columns of lists


def _list(node: Node) -> tuple[pa.Array, dict[str, Any]]:
    """Columns whose elements are bytes or lists, else each as the JSON text of its node."""
    told: dict[str, Any] = {"kind": "list", "flags": node.flags}
    items = [one for _, one in node.children]
    kinds = {one.kind for one in items} - {codes.NULL}
    if kinds == {codes.BYTES}:
        data = [None if one.kind == codes.NULL else bytes(one.buffers[0]) for one in items]
        return pa.array(data, pa.binary()), {**told, "as": "bytes"}
    if kinds == {codes.ARRAY}:
        ways = {
            (one.dtype, one.flags, one.unit, one.text, len(one.numbers))
            for one in items
            if one.kind == codes.ARRAY
        }
        dtype, flags, *_, ndim = next(iter(ways))
        if len(ways) == 1 and ndim == 1 and not flags & codes.ARRAY_MASK:
            parts = [None if one.kind == codes.NULL else _array(one)[0] for one in items]
            first = next(one for one in items if one.kind == codes.ARRAY)
            kind = next(part.type for part in parts if part is not None)
            data = [None if part is None else part.to_pylist() for part in parts]
            if dtype not in (*_TIMES, codes.D_DATE, codes.D_C8, codes.D_C16):
                return pa.array(data, pa.list_(kind)), {**told, "as": "arrays", "each": _told(first)}
    return pa.array([exact.dumps(one) for one in items], pa.string()), {**told, "as": "json"}


def _list_node(column: pa.Array, told: dict[str, Any]) -> Node:
    empty = plain_node(codes.NULL)
    how = told["as"]
    items: list[Node] = []
    if how == "json":
        items = [exact.loads(text) for text in column.to_pylist()]
    elif how == "bytes":
        for data in column.to_pylist():
            items.append(empty if data is None else Node(codes.BYTES, buffers=[data]))
    elif how == "arrays":
        shell = exact.node_of({**told["each"], "shape": [0], "data": []})
        for scalar in column:
            items.append(_array_node(scalar.values, shell) if scalar.is_valid else empty)
    else:
        raise KeyError(how)
    return plain_node(codes.LIST, [("", one) for one in items], flags=int(told.get("flags", 0)))
