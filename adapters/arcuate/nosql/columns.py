"""Documents as Arrow tables, and back.

A column's type is that of its values. What Arrow has no type for is text, and the field's metadata says
under ``bson`` what of: ``objectId``, ``uuid``, or ``json`` (MongoDB's canonical extended JSON, which keeps
all types) for documents, lists that are not of one simple type, and rarer values. With it, a table becomes
the same documents.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from bson import ObjectId, json_util
from bson.binary import UuidRepresentation
from bson.codec_options import DatetimeConversion

from arcuate.connector import DataError
from arcuate.connector.tables import batch_of, columns_of, rows_of
from arcuate.errors import ConversionError
from arcuate.nosql.typed import to_bson

__all__ = ["batch_of_documents", "documents_of"]

MARK = b"bson"
_JSON = json_util.JSONOptions(
    json_mode=json_util.JSONMode.CANONICAL,
    tz_aware=True,
    tzinfo=dt.timezone.utc,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
_MILLISECONDS = pa.timestamp("ms", tz="UTC")
_SIMPLE: tuple[tuple[type, Any], ...] = (
    (bool, pa.bool_()),
    (int, pa.int64()),
    (float, pa.float64()),
    (str, pa.string()),
    (bytes, pa.binary()),
    (dt.datetime, _MILLISECONDS),
    (Decimal, None),
)
"""Type of a value: the type of its column; None: what the values say."""


def batch_of_documents(
    documents: Sequence[dict[str, Any]], schema: pa.Schema | None = None, first: int = 0
) -> pa.RecordBatch:
    """Documents as a record batch; a field that one does not have is null there.

    Args:
        documents: as they were read.
        schema: of the columns; ``None``: what the documents say, in the order of first sight.
        first: the number of the first document, for errors.

    Raises:
        DataError: a column holds values of several types, or one that its type does not have.
    """
    names = list(dict.fromkeys(name for one in documents for name in one)) if schema is None else schema.names
    if schema is not None:
        _known(documents, set(names), first)
    columns = []
    fields = []
    for name in names:
        values = [one.get(name) for one in documents]
        asked = None if schema is None else schema.field(name)
        mark = None if asked is None else (asked.metadata or {}).get(MARK, b"").decode()
        column, kind, mark = _column(name, values, mark)
        kind = kind if asked is None else asked.type
        fields.append((name, {MARK: mark} if mark else None))
        columns.append((kind, column))
    batch = batch_of(
        names, [kind for kind, _ in columns], list(zip(*(one for _, one in columns), strict=True))
    )
    marked = [
        pa.field(name, kind, metadata=metadata)
        for (name, metadata), kind in zip(fields, batch.schema.types, strict=True)
    ]
    return pa.RecordBatch.from_arrays(batch.columns, schema=pa.schema(marked))


def _known(documents: Sequence[dict[str, Any]], names: set[str], first: int) -> None:
    for number, one in enumerate(documents, first + 1):
        for name in one:
            if name not in names:
                raise DataError(
                    f"document {number} has the field {name!r}, which the columns have not; give schema=, "
                    "or fields= to leave it out"
                )


def _column(name: str, values: list[Any], mark: str | None) -> tuple[list[Any], Any, str]:
    """Values for Arrow, the column's type (None: what they say), and the mark."""
    if mark == "json":
        return _as_json(values), pa.string(), mark
    kinds = {_kind(one) for one in values if one is not None}
    if kinds == {ObjectId}:
        return [None if one is None else str(one) for one in values], pa.string(), "objectId"
    if kinds == {uuid.UUID}:
        return [None if one is None else str(one) for one in values], pa.string(), "uuid"
    if kinds == {list}:
        item = _item(values)
        return (values, pa.list_(item), "") if item is not None else (_as_json(values), pa.string(), "json")
    if not kinds <= {kind for kind, _ in _SIMPLE} and kinds <= {list, dict, object}:
        return _as_json(values), pa.string(), "json"
    if len(kinds) == 1:
        (found,) = kinds
        kind = next((kind for one, kind in _SIMPLE if one is found), None)
        values = [None if one is None else int(one) for one in values] if found is int else values
        return values, kind, ""
    if len(kinds) > 1:
        listed = ", ".join(sorted("another" if one is object else one.__name__ for one in kinds))
        raise DataError(
            f"column {name!r} holds values of several types: {listed}; convert them in the query, such as by "
            f"{{'$addFields': {{{name!r}: {{'$toDouble': '${name}'}}}}}} of an aggregate"
        )
    return values, None, ""


def _kind(value: Any) -> type:
    """The type that decides about a column."""
    for kind in (ObjectId, uuid.UUID, bool, int, float, dt.datetime, Decimal, list, dict):
        if isinstance(value, kind):
            return kind
    return type(value) if type(value) in (str, bytes) else object


def _item(values: Iterable[Any]) -> Any:
    """The type of all items of all lists; None: it is no simple one."""
    kinds = {_kind(item) for one in values if one is not None for item in one}
    if not kinds:
        return pa.null()
    (found,) = kinds if len(kinds) == 1 else (object,)
    return next((kind for one, kind in _SIMPLE if one is found), None)


def _as_json(values: list[Any]) -> list[str | None]:
    return [
        None if one is None else json_util.dumps(to_bson(one, "a value"), json_options=_JSON)
        for one in values
    ]


# --- Back


def _from_json(text: str) -> Any:
    return json_util.loads(text, json_options=_JSON)


_BACK: dict[str, Callable[[str], Any]] = {"objectId": ObjectId, "uuid": uuid.UUID, "json": _from_json}


def documents_of(data: Any) -> Iterator[dict[str, Any]]:
    """The documents of a table (Arrow, pandas) or of mappings one after the other, as they are.

    Raises:
        ConversionError: a text is not what the metadata of its column says.
    """
    table = columns_of(data)
    if table is None:
        yield from data
        return
    names, rows = rows_of(table)
    back = [_BACK.get((field.metadata or {}).get(MARK, b"").decode()) for field in table.schema]
    for row in rows:
        yield {
            name: value if read is None or value is None else _read(read, value, name)
            for name, value, read in zip(names, row, back, strict=True)
        }


def _read(read: Callable[[str], Any], value: str, name: str) -> Any:
    try:
        return read(value)
    except Exception as error:
        raise ConversionError(f"column {name!r}: {value!r} cannot be read: {error}") from None
