"""Columns of Arrow as texts and back, without loss, and what a column of texts looks like to a reader."""

from __future__ import annotations

import base64
import json
import math
import re

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Guess", "as_column", "cells_of", "column_of", "is_text"]

_INT = r"^(0|-?[1-9][0-9]*)$"
_FLOAT = (
    r"^(-?(0|[1-9][0-9]*)"
    r"|[+-]?((0|[1-9][0-9]*)\.[0-9]*([eE][+-]?[0-9]+)?|(0|[1-9][0-9]*)[eE][+-]?[0-9]+|\.[0-9]+([eE][+-]?[0-9]+)?)"
    r"|[+-]?([Nn]a[Nn]|NAN|[Ii]nf(inity)?))$"
)
_EXTREME = r"[eE][+-]?[0-9]{3,}$|^.{300,}$"
_BOOL = r"^([Tt]rue|[Ff]alse|TRUE|FALSE)$"
_COMPLEX = re.compile(r"^(.*[^eE])([+-].*)j$")
_EXACT_DIGITS = 15
_FIRST, _LAST = -62135596800, 253402300799
"""The years 1 to 9999 in seconds."""
_WHOLE = 9223372036
"""The seconds before 1970 that nanoseconds hold whole: parsers begin with those."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def is_text(kind: pa.DataType) -> bool:
    """Whether the cells of such a column are texts, which a writer quotes."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def cells_of(column: pa.Array) -> pa.Array:
    """The cells of a column: a text, or null where the value is missing."""
    kind = column.type
    types = pa.types
    if types.is_dictionary(kind):
        return cells_of(column.dictionary_decode())
    if types.is_string(kind) or types.is_large_string(kind):
        return column.cast(pa.large_string())
    if types.is_floating(kind):
        if types.is_float16(kind):
            column = column.cast(pa.float32())
        texts = column.cast(pa.large_string())
        return pc.replace_substring_regex(texts, r"^(-?[0-9]+)$", r"\1.0")
    if types.is_timestamp(kind):
        return _instants(column)
    if types.is_date32(kind):
        days = column.view(pa.int32())
        if _within(days, _FIRST // 86400, _LAST // 86400):
            return column.cast(pa.large_string())
        return days.cast(pa.large_string())
    if types.is_duration(kind):
        return column.view(pa.int64()).cast(pa.large_string())
    if types.is_struct(kind) and kind.num_fields == 2 and kind.field(0).name == "real":
        parts = zip(column.field(0).to_pylist(), column.field(1).to_pylist(), column.is_valid(), strict=True)
        return pa.array(
            [_complex(a, b) if there.as_py() else None for a, b, there in parts], pa.large_string()
        )
    if types.is_binary(kind) or types.is_large_binary(kind):
        items = [None if one is None else base64.b64encode(one).decode() for one in column.to_pylist()]
        return pa.array(items, pa.large_string())
    if types.is_nested(kind):
        items = [None if one is None else json.dumps(one, ensure_ascii=False) for one in column.to_pylist()]
        return pa.array(items, pa.large_string())
    return column.cast(pa.large_string())


def column_of(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    """The inverse of :func:`cells_of`.

    Raises:
        ArrowException, ValueError, TypeError: a cell is no such value.
    """
    types = pa.types
    if types.is_dictionary(kind):
        return column_of(cells, kind.value_type)
    if types.is_timestamp(kind) or types.is_date32(kind):
        return _read_instants(cells, kind)
    if types.is_duration(kind):
        return cells.cast(pa.int64()).view(kind)
    if types.is_float16(kind):
        return cells.cast(pa.float32()).cast(kind)
    if types.is_struct(kind) and kind.num_fields == 2 and kind.field(0).name == "real":
        texts = cells.to_pylist()
        gone = pa.array([text is None for text in texts], pa.bool_())
        parts = [_parts(text) for text in texts]
        arrays = [
            pa.array([part[at] for part in parts], pa.float64()).cast(kind.field(at).type) for at in (0, 1)
        ]
        return pa.StructArray.from_arrays(arrays, ["real", "imag"], mask=gone)
    if types.is_binary(kind) or types.is_large_binary(kind):
        items = [None if one is None else base64.b64decode(one, validate=True) for one in cells.to_pylist()]
        return pa.array(items, kind)
    if types.is_nested(kind):
        return pa.array([None if one is None else json.loads(one) for one in cells.to_pylist()], kind)
    return cells.cast(kind)


def _within(counts: pa.Array, first: int, last: int) -> bool:
    ends = pc.min_max(counts)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    return low is None or (low >= first and high <= last)


def _instants(column: pa.Array) -> pa.Array:
    counts, per = column.view(pa.int64()), _PER_SECOND[column.type.unit]
    if not _within(counts, max(_FIRST * per, -_WHOLE * per if per == 10**9 else _FIRST * per), _LAST * per):
        return counts.cast(pa.large_string())
    texts = counts.view(pa.timestamp(column.type.unit)).cast(pa.large_string())
    texts = pc.replace_substring(texts, " ", "T")
    if column.type.tz is None:
        return texts
    return pc.binary_join_element_wise(
        texts, pa.scalar("Z", pa.large_string()), pa.scalar("", pa.large_string())
    )


def _read_instants(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    whole = pc.all(pc.match_substring_regex(cells, r"^-?[0-9]+$")).as_py()
    if whole and len(cells) != cells.null_count:
        width = pa.int32() if pa.types.is_date32(kind) else pa.int64()
        return cells.cast(width).view(kind)
    return cells.cast(kind)


def _complex(real: float, imag: float) -> str:
    text = repr(imag)
    return f"{real!r}{'' if text[0] == '-' else '+'}{text}j"


def _parts(text: str | None) -> tuple[float, float]:
    if text is None:
        return 0.0, 0.0
    found = _COMPLEX.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no complex number")
    return float(found[1]), float(found[2])


def _extreme(cells: pa.Array) -> pa.Array:
    return pc.match_substring_regex(cells, _EXTREME)


def _beyond(text: str) -> bool:
    """Whether a number is none of binary64: too large, or too small to be told from 0."""
    number, digits = float(text), re.split("[eE]", text)[0].strip("+-0.")
    return math.isinf(number) or (number == 0 and digits != "")


class Guess:
    """What a column of texts is, judged by all of its cells: integers, floats, bools, or texts.

    A column is of a narrower type only if every cell is written as such numbers are: ``007`` and ``+1`` stay
    texts, as do integers among floats that binary64 would round, and floats that it does not reach.
    """

    def __init__(self) -> None:
        self.seen = False
        self.ints = self.floats = self.bools = True
        self.small = self.large = 0
        self.digits = 0

    def look(self, cells: pa.Array) -> None:
        """Takes account of more cells."""
        cells = cells.drop_null()
        if not len(cells):
            return
        self.seen = True
        self.bools = self.bools and pc.all(pc.match_substring_regex(cells, _BOOL)).as_py()
        if not self.floats and not self.ints:
            return
        whole = pc.match_substring_regex(cells, _INT)
        self.ints = self.ints and pc.all(whole).as_py()
        if self.floats:
            self.floats = pc.all(pc.match_substring_regex(cells, _FLOAT)).as_py()
            self.floats = self.floats and not any(map(_beyond, cells.filter(_extreme(cells)).to_pylist()))
        integers = cells.filter(whole)
        if len(integers):
            self.digits = max(self.digits, pc.max(pc.utf8_length(integers)).as_py())
            if self.ints and self.digits > 18:
                numbers = [int(one) for one in integers.to_pylist()]
                self.small, self.large = min(self.small, *numbers), max(self.large, *numbers)

    def kind(self) -> pa.DataType:
        """The type of the column."""
        if not self.seen:
            return pa.large_string()
        if self.bools:
            return pa.bool_()
        if self.ints:
            if self.large < 1 << 63 and self.small >= -(1 << 63):
                return pa.int64()
            return pa.uint64() if self.small >= 0 and self.large < 1 << 64 else pa.large_string()
        if self.floats and self.digits <= _EXACT_DIGITS:
            return pa.float64()
        return pa.large_string()


def as_column(cells: pa.Array, kind: pa.DataType, decimal: str = ".") -> pa.Array:
    """Cells of a guessed type as its column."""
    if pa.types.is_floating(kind):
        if decimal != ".":
            cells = pc.replace_substring(cells, decimal, ".")
        cells = pc.replace_substring_regex(cells, r"^\+", "")
    if pa.types.is_boolean(kind):
        cells = pc.utf8_lower(cells)
    return cells.cast(kind)
