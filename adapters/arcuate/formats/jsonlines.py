"""JSON lines: a table, one object per row."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from arcuate.connector import DataError
from arcuate.formats import exact
from arcuate.formats.cells import cells_of, column_of
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size
from arcuate.formats.jsonfile import strict_json
from arcuate.formats.node import Node
from arcuate.formats.sidecar import Sidecar, add_categories, beside, plain_columns
from arcuate.formats.tabular import KEY, from_arrow, named_column, only_column, to_arrow

__all__ = ["JSONLines"]

_ROWS = 1 << 13
_CELLS = 1 << 20
_LINE = 16 << 20
_EXACT = 1 << 53


class JSONLines(Format):
    """JSON lines in UTF-8. What JSON does not say of the columns is beside it, ``x.jsonl-metadata.json``."""

    name = "jsonl"
    streams = True

    def beside(self, path: Path) -> list[Path]:
        return [beside(path)]

    def read(
        self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT, sidecar: bool = True
    ) -> Any:
        """A table.

        Args:
            path: the file.
            variable: a column.
            limit: bytes in memory.
            sidecar: whether the description beside the file is followed.
        """
        taken, batches = 0, []
        for batch in self.batches(path, sidecar=sidecar):
            taken += batch.nbytes
            check_size(path, taken, limit)
            batches.append(batch)
        return named_column(from_arrow(pa.Table.from_batches(batches)), variable, path)

    def batches(
        self, path: Path, *, variable: str | None = None, sidecar: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """Record batches; without a description the file is read twice, to know the types of its columns."""
        told = Sidecar.read(path) if sidecar else None
        found = _described(path, told) if told is not None else _guessed(path)
        for batch in found:
            yield only_column(batch, variable, path)

    def write(self, value: Any, path: Path, *, lossy: bool = False, sidecar: bool = True) -> Kept:
        """Writes a table, a labelled array (one row per element), or vectors.

        Args:
            value: what to write.
            path: where.
            lossy: losses are allowed: what JSON does not say, with ``sidecar=False``.
            sidecar: whether a description may be written.
        """
        table = to_arrow(value, "JSON lines")
        empty = pa.RecordBatch.from_arrays(
            [pa.nulls(0, kind) for kind in table.schema.types], schema=table.schema
        )
        return self._write(table.to_batches(_ROWS) or [empty], path, lossy, sidecar)

    def write_batches(self, batches: Iterable[pa.RecordBatch], path: Path, *, lossy: bool = False) -> Kept:
        """Writes record batches of one schema."""
        return self._write(batches, path, lossy, True)

    def _write(self, batches: Iterable[pa.RecordBatch], path: Path, lossy: bool, sidecar: bool) -> Kept:
        losses = Losses(self.name, path, lossy)
        schema, rows = None, 0
        categories: dict[str, pa.Array] = {}
        kinds: list[set[str]] = []
        with closing(gzip.open(path, "wb") if path.suffix.lower() == ".gz" else path.open("wb")) as file:
            for batch in batches:
                schema = batch.schema
                rows += batch.num_rows
                add_categories(categories, batch)
                columns = [_values(column) for column in batch.columns]
                kinds = kinds or [set() for _ in columns]
                for seen, values in zip(kinds, columns, strict=True):
                    seen.update(map(_kind, values))
                for row in zip(*columns, strict=True):
                    text = json.dumps(dict(zip(schema.names, row, strict=True)), ensure_ascii=False)
                    file.write(text.encode() + b"\n")
        assert schema is not None
        if rows and plain_columns(schema, [_type(seen) for seen in kinds]):
            return losses.kept()
        if sidecar:
            Sidecar(schema, rows, "", "null", categories).write(path)
        else:
            losses.add(
                "$",
                "dtypes, units, zones, categories, index and attributes are not kept",
                "leave sidecar=True",
            )
        return losses.kept()


def _values(column: pa.Array) -> list[Any]:
    """The values of a column as what JSON has; texts for what it has not."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _values(column.dictionary_decode())
    types = pa.types
    if types.is_floating(kind):
        wide = column.cast(pa.float64()).to_pylist()
        return [one if one is None or np.isfinite(one) else str(one) for one in wide]
    if (
        types.is_integer(kind)
        or types.is_boolean(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
    ):
        found: list[Any] = column.to_pylist()
        return found
    texts: list[Any] = cells_of(column).to_pylist()
    return texts


def _lines(path: Path, columns: int = 1) -> Iterator[list[dict[str, Any]]]:
    """The objects of the file, some thousand at a time; fewer of them where there are many columns."""
    most = max(1, min(_ROWS, _CELLS // max(1, columns)))
    rows: list[dict[str, Any]] = []
    number = 0
    with closing(gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")) as file:
        while line := file.readline(_LINE + 1):
            number += 1
            if len(line) > _LINE:
                raise DataError(f"{path}: line {number} has more than {_LINE:,} bytes", service="jsonl")
            if not line.strip():
                continue
            try:
                found = strict_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}: line {number} is no JSON: {error}", service="jsonl") from error
            if not isinstance(found, dict):
                raise DataError(
                    f"{path}: line {number} is no object but a {type(found).__name__}",
                    service="jsonl",
                )
            rows.append(found)
            if len(rows) >= most:
                yield rows
                rows = []
    if rows:
        yield rows


def _described(path: Path, told: Sidecar) -> Iterator[pa.RecordBatch]:
    kinds = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in told.schema.types]
    fields = list(zip(told.schema.names, kinds, strict=True))
    count = 0
    for rows in _lines(path) if fields else ():
        count += len(rows)
        for row in rows:
            if list(row) != told.schema.names:
                raise DataError(
                    f"{path} has a row with the keys {list(row)}; {beside(path).name} describes "
                    f"{told.schema.names}: remove it, or read with sidecar=False",
                    service="jsonl",
                )
        arrays = [_read([row[name] for row in rows], kind) for name, kind in fields]
        yield told.columns(arrays)
    if fields and count != told.rows:
        raise DataError(
            f"{path} has {count} rows; {beside(path).name} says {told.rows}: it was cut short or "
            "edited; read it with sidecar=False",
            service="jsonl",
        )
    if not count:
        yield told.columns([pa.nulls(0, kind) for _, kind in fields])


def _read(values: list[Any], kind: pa.DataType) -> pa.Array:
    types = pa.types
    if types.is_floating(kind):
        wide = pa.array(
            [None if one is None else float(one) for one in values], pa.float64(), from_pandas=False
        )
        return wide.cast(pa.float32()).cast(kind) if types.is_float16(kind) else wide.cast(kind)
    if (
        types.is_integer(kind)
        or types.is_boolean(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
    ):
        return pa.array(values, kind)
    return column_of(pa.array(values, pa.large_string()), kind)


# ------------------------------------------------------------------ files of others


def _guessed(path: Path) -> Iterator[pa.RecordBatch]:
    """Columns by the kinds of all their values; those of several kinds hold what JSON says."""
    kinds: dict[str, set[str]] = {}
    for rows in _lines(path):
        for row in rows:
            for name, value in row.items():
                kinds.setdefault(name, set()).add(_kind(value))
    types = {name: _type(found) for name, found in kinds.items()}
    made: dict[str, Any] = {"version": 1, "kind": "table", "rows": 0, "text": "", "flags": 0}
    made["columns"] = [[name, name, _about(kind)] for name, kind in types.items()]
    fields = [(name, kind or pa.string()) for name, kind in types.items()]
    schema = pa.schema(fields, {KEY: json.dumps(made).encode()})
    count = 0
    for rows in _lines(path, len(types)):
        count += len(rows)
        arrays = [_column([row.get(name) for row in rows], kind) for name, kind in types.items()]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    if not count:
        yield pa.RecordBatch.from_arrays([], schema=schema)


def _kind(value: Any) -> str:
    if type(value) is int:
        small = -_EXACT <= value <= _EXACT
        return "int" if small else "long" if -(1 << 63) <= value < 1 << 63 else "json"
    return {bool: "bool", float: "float", str: "text", type(None): ""}.get(type(value), "json")


def _type(found: set[str]) -> pa.DataType | None:
    found = found - {""}
    if found <= {"int", "long"} and found:
        return pa.int64()
    if found <= {"int", "float"} and found:
        return pa.float64()
    return {frozenset({"bool"}): pa.bool_(), frozenset({"text"}): pa.large_string()}.get(frozenset(found))


def _about(kind: pa.DataType | None) -> dict[str, Any]:
    if kind is None:
        return {"kind": "list", "as": "json"}
    names = {pa.int64(): "i8", pa.float64(): "f8", pa.bool_(): "bool", pa.large_string(): "text"}
    return {"kind": "array", "dtype": names[kind]}


def _column(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    if kind is None:
        return pa.array([exact.dumps(Node.of(one)) for one in values], pa.string())
    if pa.types.is_floating(kind):
        return pa.array([None if one is None else float(one) for one in values], kind)
    return pa.array(values, kind)
