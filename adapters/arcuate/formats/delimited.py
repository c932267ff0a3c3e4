"""CSV and its kin: tables as texts between delimiters, by pyarrow's parser."""

from __future__ import annotations

import codecs
import gzip
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from io import TextIOWrapper
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from arcuate.connector import DataError
from arcuate.errors import InvalidArgument
from arcuate.formats.cells import Guess, as_column, cells_of, column_of, is_text
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size
from arcuate.formats.sidecar import Sidecar, add_categories, beside, plain_columns
from arcuate.formats.tabular import KEY, from_arrow, named_column, only_column, to_arrow

__all__ = ["CSV"]

_BLOCK = 1 << 20
_ROWS = 1 << 16
_TEXT = 4
"""At most so many times as long as its number is a text, with what Arrow adds."""
_EOL = 1 << 10
"""So many line ends may follow the last row."""
_MISSING = ("", "NA")
_DELIMITERS = ",;\t|"
_LOSSES = "dtypes, units, zones, categories, index and attributes"


class CSV(Format):
    """CSV in UTF-8 with a header. What the cells do not say is written beside it, ``x.csv-metadata.json``.

    A missing value is an empty cell without quotes (or ``NA``); texts are quoted, so that the text ``NA`` and
    the empty text are none.
    """

    name = "csv"
    streams = True

    def beside(self, path: Path) -> list[Path]:
        return [beside(path)]

    def read(
        self,
        path: Path,
        *,
        variable: str | None = None,
        limit: int | None = LIMIT,
        delimiter: str | None = None,
        decimal: str = ".",
        encoding: str = "utf-8",
        missing: Iterable[str] = _MISSING,
        sidecar: bool = True,
        block: int = _BLOCK,
    ) -> Any:
        """A table.

        Args:
            path: the file.
            variable: a column.
            limit: bytes in memory.
            delimiter: between cells; ``None``: what stands in the header.
            decimal: the decimal mark.
            encoding: of the file.
            missing: what stands for a missing value, without quotes.
            sidecar: whether the description beside the file is followed.
            block: the longest row in bytes.
        """
        options = {
            "delimiter": delimiter, "decimal": decimal, "encoding": encoding, "missing": missing,
            "sidecar": sidecar, "block": block,
        }  # fmt: skip
        taken, batches = 0, []
        for batch in self._batches(path, **cast("Any", options), limit=limit):
            taken += batch.nbytes
            check_size(path, taken, limit)
            batches.append(batch)
        return named_column(from_arrow(pa.Table.from_batches(batches)), variable, path)

    def batches(
        self,
        path: Path,
        *,
        variable: str | None = None,
        delimiter: str | None = None,
        decimal: str = ".",
        encoding: str = "utf-8",
        missing: Iterable[str] = _MISSING,
        sidecar: bool = True,
        block: int = _BLOCK,
    ) -> Iterator[pa.RecordBatch]:
        """Record batches; the file is read twice, as the type of a column depends on all of its cells."""
        for batch in self._batches(path, delimiter, decimal, encoding, missing, sidecar, block):
            yield only_column(batch, variable, path)

    def _batches(
        self,
        path: Path,
        delimiter: str | None,
        decimal: str,
        encoding: str,
        missing: Iterable[str],
        sidecar: bool,
        block: int,
        limit: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise InvalidArgument(f"there is no encoding {encoding!r}; give one of Python's names") from None
        told = Sidecar.read(path) if sidecar else None
        if told is not None:
            yield from self._described(path, told, encoding, block, limit)
            return
        found = delimiter or _delimiter(path, encoding)
        how = (found, encoding, list(missing), block, limit)
        guesses: list[Guess] = []
        names: list[str] = []
        seen = 0
        for batch in _texts(path, *how):
            seen += batch.nbytes
            check_size(path, seen // _TEXT, limit)
            names = batch.schema.names
            guesses = guesses or [Guess() for _ in names]
            for guess, column in zip(guesses, batch.columns, strict=True):
                guess.look(_dotted(column, decimal))
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"{path.name} has two columns named {twice[0]!r}", service="formats")
        schema = pa.schema([(name, guess.kind()) for name, guess in zip(names, guesses, strict=True)])
        if sidecar and names and names[0] == "":
            schema = _with_index(schema)
        for batch in _texts(path, *how):
            arrays = [
                as_column(one, kind, decimal) for one, kind in zip(batch.columns, schema.types, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _described(
        self, path: Path, told: Sidecar, encoding: str, block: int, limit: int | None
    ) -> Iterator[pa.RecordBatch]:
        kinds = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in told.schema.types]
        names, rows = told.schema.names, 0
        for batch in _texts(path, told.delimiter, encoding, [told.null], block, limit) if names else ():
            if batch.schema.names != names:
                raise DataError(
                    f"{path.name} has the columns {batch.schema.names}; {beside(path).name} describes "
                    f"{names}: remove it, or read with sidecar=False",
                    service="formats",
                )
            rows += batch.num_rows
            arrays = [column_of(one, kind) for one, kind in zip(batch.columns, kinds, strict=True)]
            yield told.columns(arrays)
        if rows != told.rows and names:
            raise DataError(
                f"{path.name} has {rows} rows; {beside(path).name} says {told.rows}: it was cut short or "
                "edited; read it with sidecar=False",
                service="formats",
            )
        if not rows:
            yield told.columns([pa.nulls(0, kind) for kind in kinds])

    def write(
        self,
        value: Any,
        path: Path,
        *,
        lossy: bool = False,
        delimiter: str | None = None,
        sidecar: bool = True,
    ) -> Kept:
        """Writes a table, a labelled array (one row per element), or vectors.

        Args:
            value: what to write.
            path: where.
            lossy: losses are allowed: what the cells do not say, with ``sidecar=False``.
            delimiter: between cells; a tab in ``.tsv`` files, else a comma.
            sidecar: whether a description may be written.
        """
        table = to_arrow(value, "CSV")
        batches = table.to_batches(_ROWS) or [_no_rows(table.schema)]
        return self._write(batches, path, lossy, delimiter, sidecar)

    def write_batches(
        self,
        batches: Iterable[pa.RecordBatch],
        path: Path,
        *,
        lossy: bool = False,
        delimiter: str | None = None,
    ) -> Kept:
        """Writes record batches of one schema."""
        return self._write(batches, path, lossy, delimiter, True)

    def _write(
        self,
        batches: Iterable[pa.RecordBatch],
        path: Path,
        lossy: bool,
        delimiter: str | None,
        sidecar: bool,
    ) -> Kept:
        losses = Losses(self.name, path, lossy)
        if delimiter is None:
            delimiter = "\t" if ".tsv" in path.name.lower() or path.suffix.lower() == ".tab" else ","
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise InvalidArgument(f"a delimiter is one character, not {delimiter!r}")
        rows, schema, guesses = 0, None, []
        categories: dict[str, pa.Array] = {}
        with closing(_opened(path, "wb")) as file:
            for batch in batches:
                if schema is None:
                    schema = batch.schema
                    null = "" if len(schema) > 1 else "NA"  # an empty line is no row to many readers
                    guesses = [Guess() for _ in schema]
                    file.write(delimiter.join(_quoted(name) for name in schema.names).encode() + b"\n")
                rows += batch.num_rows
                add_categories(categories, batch)
                columns = [cells_of(column) for column in batch.columns]
                for guess, cells in zip(guesses, columns, strict=True):
                    guess.look(cells)
                _put(file, columns, schema, delimiter, null)
        assert schema is not None
        if rows and plain_columns(schema, [guess.kind() if guess.seen else None for guess in guesses]):
            return losses.kept()
        if sidecar:
            Sidecar(schema, rows, delimiter, null, categories).write(path)
        else:
            losses.add("$", f"{_LOSSES} that the cells do not show are not kept", "leave sidecar=True")
        return losses.kept()


def _with_index(schema: pa.Schema) -> pa.Schema:
    """The schema of a file whose first column, without a name, has the names of the rows, as R writes it."""
    kinds = {pa.int64(): "i8", pa.uint64(): "u8", pa.float64(): "f8", pa.bool_(): "bool"}
    told = [
        [name, {"kind": "array", "dtype": kinds.get(kind, "text")}]
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    first = "index"
    while first in schema.names:
        first += "_"
    made = {
        "version": 1, "kind": "table", "rows": 0, "text": "", "flags": 0,
        "columns": [[name, name, about] for name, about in told[1:]],
        "names": {"kind": "list", "items": [{"kind": "null"}]}, "index": [[first, told[0][1]]],
    }  # fmt: skip
    return schema.set(0, schema.field(0).with_name(first)).with_metadata({KEY: json.dumps(made)})


def _put(file: BinaryIO, columns: list[pa.Array], schema: pa.Schema, delimiter: str, null: str) -> None:
    if not columns or not len(columns[0]):
        return
    wide = pa.large_string()
    quote = pa.scalar('"', wide)
    shown = []
    for cells, kind in zip(columns, schema.types, strict=True):
        if is_text(kind):
            doubled = pc.replace_substring(cells, '"', '""')
            cells = pc.binary_join_element_wise(quote, doubled, quote, pa.scalar("", wide))
        shown.append(pc.fill_null(cells, pa.scalar(null, wide)))
    lines = pc.binary_join_element_wise(*shown, pa.scalar(delimiter, wide))
    file.write(("\n".join(lines.to_pylist()) + "\n").encode())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, kind) for kind in schema.types], schema=schema)


def _opened(path: Path, mode: str) -> Any:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, mode)
    return path.open(mode)


def _texts(
    path: Path, delimiter: str, encoding: str, missing: list[str], block: int, limit: int | None
) -> Iterator[pa.RecordBatch]:
    """The cells as texts, null where they are missing."""
    names = _header(path, delimiter, encoding, block)
    convert = pc_csv.ConvertOptions(
        column_types={name: pa.large_string() for name in names},
        null_values=missing,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    # An empty line is a missing value where there is one column, and nothing where there are more.
    parse = pc_csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=len(names) > 1
    )
    how = pc_csv.ReadOptions(block_size=block, use_threads=False)
    with _native(path, encoding, limit) as (file, plain):
        try:
            reader = pc_csv.open_csv(file, how, parse, convert)
            yield _no_rows(reader.schema)
            last = None
            for batch in reader:
                last = batch.columns[-1][-1].as_py() if batch.num_rows else last
                yield batch
            _check_end(path, plain, last)
        except pa.ArrowInvalid as error:
            hint = f"; a row is longer than block={block}" if "straddl" in str(error) else ""
            if "UTF8" in str(error):
                hint = (
                    "; give its encoding, such as encoding=latin-1 (on the command line -O encoding=latin-1)"
                )
            raise DataError(f"{path.name} is no CSV: {error}{hint}", service="formats") from error


@contextmanager
def _native(path: Path, encoding: str, limit: int | None) -> Iterator[tuple[Any, Path | None]]:
    """The file in UTF-8 as one of Arrow's own, and where it is when it is not packed.

    A thread of Arrow's reads ahead, also when Python is ending: it must need nothing of Python.
    """
    if codecs.lookup(encoding).name == "utf-8":
        file = pa.OSFile(os.fsencode(path))
        packed = path.suffix.lower() == ".gz"
        yield (pa.CompressedInputStream(file, "gzip"), None) if packed else (file, path)
        return
    with NamedTemporaryFile(prefix="arcuate-") as whole:
        with closing(TextIOWrapper(_opened(path, "rb"), encoding, newline="")) as texts:
            while piece := texts.read(_BLOCK):
                whole.write(piece.encode())
                check_size(path, whole.tell() // _TEXT, limit)
        whole.flush()
        yield pa.OSFile(whole.name), Path(whole.name)


def _check_end(path: Path, plain: Path | None, last: str | None) -> None:
    """Refuses a file that ends within quotes, of which Arrow says nothing: it was cut short there."""
    if plain is None or last is None:
        return
    cell = b'"' + last.replace('"', '""').encode()
    with plain.open("rb") as file:
        file.seek(max(0, plain.stat().st_size - len(cell) - _EOL))
        tail = file.read()
    if tail.endswith(cell) and not tail.rstrip(b"\r\n").endswith(cell + b'"'):
        raise DataError(
            f"{path.name} ends within the quotes of its last cell ({last[:40]!r}): it was cut short",
            service="formats",
        )


def _header(path: Path, delimiter: str, encoding: str, block: int) -> list[str]:
    import csv
    import io

    with closing(_opened(path, "rb")) as file:
        head = file.read(block).decode(encoding, errors="replace").removeprefix("\ufeff")
    if not head.strip("\r\n"):
        raise DataError(
            f"{path.name} is empty: a CSV file begins with the names of its columns", service="formats"
        )
    return next(csv.reader(io.StringIO(head), delimiter=delimiter))


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter of the header: what stands there outside of quotes, the first of these that does."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".tsv", ".tab")):
        return "\t"
    with closing(_opened(path, "rb")) as file:
        line = file.readline(1 << 20).decode(encoding, errors="replace")
    bare = "".join(part for at, part in enumerate(line.split('"')) if at % 2 == 0)
    return next((one for one in _DELIMITERS if one in bare), ",")


def _dotted(cells: pa.Array, decimal: str) -> pa.Array:
    """The cells with a point for the decimal mark; a point beside another mark is none of a number."""
    if decimal == ".":
        return cells
    return pc.replace_substring(pc.replace_substring(cells, ".", "?"), decimal, ".")
