"""What a file of texts cannot say of its columns, in a file beside it: ``x.csv-metadata.json``.

It is a description in the form of CSV on the Web (W3C), where other programs look for one, with Arrow's
schema under ``arcuate:schema``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from arcuate.connector import DataError
from arcuate.formats.tabular import KEY

__all__ = ["Sidecar", "beside", "plain_columns"]

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
    """

    schema: pa.Schema
    rows: int
    delimiter: str = ","
    null: str = ""

    def write(self, path: Path) -> None:
        """Writes it beside a file."""
        columns = []
        for field in self.schema:
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            shown = "dateTime" if pa.types.is_timestamp(kind) else _W3C.get(kind, "string")
            columns.append({"titles": field.name, "datatype": shown, "null": self.null})
        made = {
            "@context": "http://www.w3.org/ns/csvw",
            "url": path.name,
            "dialect": {"delimiter": self.delimiter, "header": True, "encoding": "utf-8"},
            "tableSchema": {"columns": columns},
            "arcuate:rows": self.rows,
            "arcuate:schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
        }
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
            return cls(schema, int(made["arcuate:rows"]), str(made["dialect"]["delimiter"]), str(null))
        except (ValueError, KeyError, TypeError, IndexError, pa.ArrowException) as error:
            raise DataError(
                f"{file}, which describes {path.name}, cannot be read ({error}); without it the file is read "
                "as any other: remove it or read with sidecar=False",
                service="formats",
            ) from error


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
