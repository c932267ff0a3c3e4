"""Parquet: tables, with labels and attributes in the metadata of the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size
from arcuate.formats.tabular import check_column, from_arrow, named_column, taken, to_arrow

__all__ = ["Parquet"]

_ROWS = 1 << 14


class Parquet(Format):
    """Parquet by pyarrow. Pages carry checksums, which are verified."""

    name = "parquet"
    streams = True

    def read(
        self,
        path: Path,
        *,
        variable: str | None = None,
        limit: int | None = LIMIT,
        columns: list[str] | None = None,
        arrow: bool = False,
    ) -> Any:
        """A table or what was written as one.

        Args:
            path: the file.
            variable: a column.
            limit: bytes in memory.
            columns: only these columns, as a plain table.
            arrow: as an Arrow table, as it is in the file.
        """
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            told = [file.metadata.row_group(at).total_byte_size for at in range(file.metadata.num_row_groups)]
            whole = columns is None and variable is None
            if whole:
                check_size(path, sum(told), limit)
            schema = file.schema_arrow
            if columns is not None:
                for name in columns:
                    check_column(schema, name, path)
                schema = pa.schema([schema.field(name) for name in columns])
            total, batches = 0, []
            for batch in file.iter_batches(_ROWS, columns=columns):
                total += batch.nbytes if arrow else taken(batch)
                check_size(path, total, limit)
                batches.append(batch)
            table = pa.Table.from_batches(batches, schema=None if batches else schema)
            if columns is None:
                table = table.replace_schema_metadata(schema.metadata)
        table.validate(full=True)
        return table if arrow else named_column(from_arrow(table), variable, path)

    def write(
        self,
        value: Any,
        path: Path,
        *,
        lossy: bool = False,
        compression: str = "zstd",
        row_group: int = 1 << 20,
    ) -> Kept:
        """Writes a table, a labelled array, a dataset with shared dimensions, or an array.

        Args:
            value: what to write.
            path: where.
            lossy: nothing is lost.
            compression: ``zstd``, ``snappy``, ``gzip``, ``none`` ...
            row_group: rows of a group.
        """
        table = to_arrow(value, "Parquet")
        with pq.ParquetWriter(
            path, table.schema, compression=compression, write_page_checksum=True
        ) as writer:
            writer.write_table(table, row_group)
        return Losses(self.name, path, lossy).kept()

    def batches(
        self, path: Path, *, variable: str | None = None, rows: int = _ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Record batches of at most ``rows`` rows."""
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = file.schema_arrow.metadata if variable is None else None
            if variable is not None:
                check_column(file.schema_arrow, variable, path)
            for batch in file.iter_batches(rows, columns=None if variable is None else [variable]):
                yield batch.replace_schema_metadata(metadata)

    def write_batches(self, batches: Iterable[pa.RecordBatch], path: Path, *, lossy: bool = False) -> Kept:
        """Writes record batches of one schema, a row group each at most."""
        found = iter(batches)
        first = next(found, None)
        if first is None:
            return self.write(pa.table({}), path, lossy=lossy)
        with pq.ParquetWriter(path, first.schema, compression="zstd", write_page_checksum=True) as writer:
            for batch in gathered(first, found):
                writer.write_table(batch)
        return Losses(self.name, path, lossy).kept()


def gathered(
    first: pa.RecordBatch, rest: Iterable[pa.RecordBatch], size: int = 16 << 20
) -> Iterator[pa.Table]:
    """Record batches as tables of about ``size`` bytes, so that row groups are not tiny."""
    waiting, taken = [first], first.nbytes
    for batch in rest:
        if taken >= size:
            yield pa.Table.from_batches(waiting)
            waiting, taken = [], 0
        waiting.append(batch)
        taken += batch.nbytes
    yield pa.Table.from_batches(waiting)
