"""JSON: any value. What plain JSON says is plain JSON; the rest says what it is."""

from __future__ import annotations

import gzip
import json
import math
import re
from pathlib import Path
from typing import Any

from arcuate.connector import DataError
from arcuate.errors import ConversionError
from arcuate.formats import exact
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size
from arcuate.formats.node import Node
from arcuate.formats.tabular import named_column
from arcuate.jsonform import plain, restore
from arcuate.values import codes, encode
from arcuate.values.equal import equal

__all__ = ["JSON", "bounded_text", "strict_json"]

_VALUE = "$value"
_PLAIN = (codes.NULL, codes.BOOL, codes.INT, codes.FLOAT, codes.TEXT, codes.LIST, codes.MAPPING)
_PIECE = 1 << 20


class JSON(Format):
    """JSON in UTF-8, ``.json`` or ``.json.gz``.

    A value of mappings, lists, texts, bools, None and numbers is as ``json`` writes it. Any other is
    ``{"$value": ...}`` with its kinds, dtypes and units, and comes back equal.
    """

    name = "json"

    def read(
        self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT, literal: bool = False
    ) -> Any:
        """The value.

        Args:
            path: the file.
            variable: one key.
            limit: bytes of the text.
            literal: objects such as ``{"$float": "nan"}`` are mappings, whatever they may mean.
        """
        text = bounded_text(path, limit)
        try:
            found = strict_json(text)
        except RecursionError:
            raise DataError(f"{path}: it nests too deep", service="json") from None
        if literal:
            return named_column(found, variable, path)
        try:
            if isinstance(found, dict) and list(found) == [_VALUE]:
                return named_column(exact.node_of(found[_VALUE]).python(), variable, path)
            return named_column(restore(found), variable, path)
        except (ConversionError, KeyError, AttributeError) as error:
            raise DataError(f"{path}: {error}; literal=True reads it as it stands", service="json") from error

    def write(self, value: Any, path: Path, *, lossy: bool = False, indent: int | None = 1) -> Kept:
        """Writes any value.

        Args:
            value: what to write.
            path: where.
            lossy: nothing is lost.
            indent: spaces of a level, ``None``: all on one line.
        """
        node = Node.of(value)
        made: Any = None
        if all(one.kind in _PLAIN or one.flags & codes.ARRAY_SEQUENCE for one in node.walk()):
            made = plain(value)
            if equal(encode(restore(made)), encode(value)) is not None:
                made = None
        if made is None:
            made, indent = {_VALUE: exact.plain_of(node)}, None
        text = json.dumps(made, ensure_ascii=False, allow_nan=False, indent=indent) + "\n"
        with gzip.open(path, "wb") if path.suffix.lower() == ".gz" else path.open("wb") as file:
            file.write(text.encode())
        return Losses(self.name, path, lossy).kept()


def bounded_text(path: Path, limit: int | None) -> str:
    """The text of a file, unpacked piece by piece so that a bomb ends at the limit."""
    parts, total = [], 0
    with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
        while piece := file.read(_PIECE):
            total += len(piece)
            check_size(path, total, limit, "its text")
            parts.append(piece)
    return b"".join(parts).decode("utf-8-sig")


def strict_json(text: str) -> Any:
    """What a JSON text says; keys that stand twice, and numbers that binary64 has not, are errors."""
    return _STRICT.decode(text)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object, and only one value could be kept")
    return made


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value) or (value == 0 and re.search(r"[1-9]", re.split("[eE]", text)[0])):
        raise ValueError(f"the number {text} is beyond binary64")
    return value


_STRICT = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_float)
