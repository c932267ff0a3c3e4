"""Arrow IPC files, which Feather (version 2) files are too, and streams."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size
from arcuate.formats.packed import arrow_claims
from arcuate.formats.tabular import from_arrow, named_column, only_column, taken, to_arrow

__all__ = ["Arrow"]

_ROWS = 1 << 14


class Arrow(Format):
    """Arrow IPC by pyarrow: ``.arrow`` and ``.feather`` files, and ``.arrows`` streams.

    Such files have no checksums: of a flipped bit in the numbers nobody can know.
    """

    name = "arrow"
    streams = True

    def read(
        self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT, arrow: bool = False
    ) -> Any:
        """A table or what was written as one.

        Args:
            path: the file.
            variable: a column.
            limit: bytes in memory.
            arrow: as an Arrow table, as it is in the file.
        """
        total, batches = 0, []
        with _opened(path, limit) as (schema, found):
            for batch in found:
                total += batch.nbytes if arrow else taken(batch)
                check_size(path, total, limit)
                batches.append(batch)
        table = pa.Table.from_batches(batches, schema)
        return table if arrow else named_column(from_arrow(table), variable, path)

    def write(self, value: Any, path: Path, *, lossy: bool = False, compression: str | None = None) -> Kept:
        """Writes a table, a labelled array, a dataset with shared dimensions, or an array.

        Args:
            value: what to write.
            path: where.
            lossy: nothing is lost.
            compression: ``lz4`` or ``zstd``.
        """
        table = to_arrow(value, "Arrow")
        for name in table.column_names:  # a file has one dictionary for all of a column
            if pa.types.is_dictionary(table.schema.field(name).type):
                table = table.unify_dictionaries()
                break
        return self._write(table.schema, table.to_batches(_ROWS), path, lossy, compression)

    def batches(self, path: Path, *, variable: str | None = None) -> Iterator[pa.RecordBatch]:
        """The record batches of the file."""
        with _opened(path, LIMIT) as (_, found):
            for batch in found:
                yield only_column(batch, variable, path)

    def write_batches(self, batches: Iterable[pa.RecordBatch], path: Path, *, lossy: bool = False) -> Kept:
        """Writes record batches of one schema."""
        found = iter(batches)
        first = next(found, None)
        if first is None:
            return self.write(pa.table({}), path, lossy=lossy)
        return self._write(first.schema, _all(first, found), path, lossy, None)

    def _write(
        self,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        path: Path,
        lossy: bool,
        compression: str | None,
    ) -> Kept:
        options = pa.ipc.IpcWriteOptions(compression=compression, unify_dictionaries=True)
        new = pa.ipc.new_stream if path.suffix.lower() == ".arrows" else pa.ipc.new_file
        with pa.OSFile(os.fsencode(path), "wb") as file, new(file, schema, options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return Losses(self.name, path, lossy).kept()


def _all(first: pa.RecordBatch, rest: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


@contextmanager
def _opened(path: Path, limit: int | None) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The schema and batches of a file or stream, each checked: offsets of a damaged one lead anywhere."""
    with path.open("rb") as head:
        is_file = head.read(6) == b"ARROW1"

    def checked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            batch.validate(full=True)
            yield batch

    with pa.OSFile(os.fsencode(path), "rb") as file:
        if is_file:
            reader = pa.ipc.open_file(file)
            _check_claims(path, limit, stream=False)
            yield reader.schema, checked(reader.get_batch(at) for at in range(reader.num_record_batches))
        else:
            stream = pa.ipc.open_stream(file)
            _check_claims(path, limit, stream=True)
            yield stream.schema, checked(stream)


def _check_claims(path: Path, limit: int | None, *, stream: bool) -> None:
    for claim in arrow_claims(path, stream=stream):
        check_size(path, claim, limit, "one batch of it")
