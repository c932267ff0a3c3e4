"""What a file of texts cannot say of its columns, in a file beside it: ``x.csv-metadata.json``.

It is a description in the form of CSV on the Web (W3C), where other programs look for one, with Arrow's
schema under ``arcuate:schema``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from arcuate.connector import DataError
from arcuate.formats.tabular import KEY

__all__ = ["Sidecar", "add_categories", "beside", "plain_columns"]

_MOST = 64 << 20
_W3C = {
    pa.bool_(): "boolean", pa.float64(): "double", pa.float32(): "float", pa.date32(): "date",
    pa.int64(): "long", pa.int32(): "int", pa.int16(): "short", pa.int8(): "byte",
    pa.uint64(): "unsignedLong", pa.uint32(): "unsignedInt", pa.uint16(): "unsignedShort",
    pa.uint8(): "unsignedByte",
}  # fmt: skip


def beside(path: Path) -> Path:
    """Where the description of a file is."""
    return path.with_name(path.name + "-metadata.json")


@dataclass(frozen=True)
class Sidecar:
    """A description.

    Attributes:
        schema: of the columns, with Arcuate's metadata.
        rows: how many rows the file has.
        delimiter: between cells.
        null: what stands for a missing value.
        categories: of the columns that have some and are not described in the schema's metadata.
    """

    schema: pa.Schema
    rows: int
    delimiter: str = ","
    null: str = ""
    categories: dict[str, pa.Array] = field(default_factory=dict)

    def columns(self, arrays: list[pa.Array]) -> pa.RecordBatch:
        """A batch of columns that are as their cells say, with their categories."""
        fields = []
        for at, (name, kind) in enumerate(zip(self.schema.names, self.schema.types, strict=True)):
            if name in self.categories:
                labels = self.categories[name]
                places = pc.index_in(arrays[at].cast(labels.type), value_set=labels).cast(pa.int32())
                if places.null_count != arrays[at].null_count:
                    raise ValueError(f"a value of the column {name!r} is none of its categories")
                arrays[at] = pa.DictionaryArray.from_arrays(places, labels, ordered=kind.ordered)
            fields.append((name, arrays[at].type))
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, self.schema.metadata))

    def write(self, path: Path) -> None:
        """Writes it beside a file."""
        columns = []
        for column in self.schema:
            kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            shown = "dateTime" if pa.types.is_timestamp(kind) else _W3C.get(kind, "string")
            columns.append({"titles": column.name, "datatype": shown, "null": self.null})
        made = {
            "@context": "http://www.w3.org/ns/csvw",
            "url": path.name,
            "dialect": {"delimiter": self.delimiter, "header": True, "encoding": "utf-8"},
            "tableSchema": {"columns": columns},
            "arcuate:rows": self.rows,
            "arcuate:schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
        }
        if self.categories:
            names = list(self.categories)
            empty = [
                pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), one)
                for one in self.categories.values()
            ]
            made["arcuate:categories"] = _packed(pa.RecordBatch.from_arrays(empty, names))
        text = json.dumps(made, ensure_ascii=not path.name.isprintable(), indent=1)  # bytes that are no text
        beside(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Sidecar | None:
        """The description beside a file that Arcuate wrote; ``None`` if there is none.

        Raises:
            DataError: it is damaged.
        """
        file = beside(path)
        if not file.exists():
            return None
        try:
            if file.stat().st_size > _MOST:
                raise ValueError(f"it has more than {_MOST:,} bytes")
            made: Any = json.loads(file.read_text(encoding="utf-8"))
            if "arcuate:schema" not in made:
                return None
            data = base64.b64decode(made["arcuate:schema"], validate=True)
            schema = pa.ipc.read_schema(pa.BufferReader(data))
            null = made["tableSchema"]["columns"][0]["null"] if len(schema) else ""
            categories = _unpacked(made["arcuate:categories"]) if "arcuate:categories" in made else {}
            delimiter = str(made["dialect"]["delimiter"])
            return cls(schema, int(made["arcuate:rows"]), delimiter, str(null), categories)
        except (ValueError, KeyError, TypeError, IndexError, pa.ArrowException) as error:
            raise DataError(
                f"{file}, which describes {path.name}, cannot be read ({error}); without it the file is read "
                "as any other: remove it or read with sidecar=False",
                service="formats",
            ) from error


def add_categories(found: dict[str, pa.Array], batch: pa.RecordBatch) -> None:
    """Takes account of the categories of one more batch, unless its metadata have them."""
    if KEY in (batch.schema.metadata or {}):
        return
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            new = column.dictionary
            known = found.get(name)
            if known is None or not known.equals(new):
                found[name] = pc.unique(
                    pa.chunked_array([new] if known is None else [known, new])
                ).drop_null()


def _packed(batch: pa.RecordBatch) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()


def _unpacked(text: str) -> dict[str, pa.Array]:
    with pa.ipc.open_stream(base64.b64decode(text, validate=True)) as reader:
        batch = reader.read_next_batch()
    batch.validate(full=True)
    return {name: column.dictionary for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def plain_columns(schema: pa.Schema, kinds: list[pa.DataType | None]) -> bool:
    """Whether a reader that looks at the cells alone gets the same table.

    Args:
        schema: what was written, with Arcuate's metadata.
        kinds: what the cells of each column look like; ``None``: nothing in particular.
    """
    told = (schema.metadata or {}).get(KEY)
    if told is None or not len(schema) or schema.names[0] == "":
        return False
    made = json.loads(told)
    if made["kind"] != "table" or "index" in made or "attrs" in made or made["text"] not in ("", "pandas"):
        return False
    plain = {"bool": pa.bool_(), "i8": pa.int64(), "f8": pa.float64(), "text": pa.large_string()}
    for (_, _, about), kind in zip(made["columns"], kinds, strict=True):
        wanted = plain.get(about.get("dtype", "")) if about["kind"] == "array" else None
        if wanted is None or kind != wanted or about.get("flags", 0):
            return False
    return bool([name for name, _, _ in made["columns"]] == schema.names)
