"""Arrays of the interface as arguments: each becomes the value that the environment sees as that very array.

Scalars become scalars, everything else keeps its two or more dimensions and column-major order. A cell row is
a list, a 1-by-1 struct a mapping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from arcuate.errors import ConversionError
from arcuate.mps.matrix import NUMERIC, Matrix
from arcuate.values import Cell, List, StructArray, codes
from arcuate.values.nodes import step
from arcuate.values.options import EncodeOptions

__all__ = ["OPTIONS", "argument"]

OPTIONS = EncodeOptions(order="F")
_MARK = "arcuate"
"""The field that marks structs which stand for values that Octave has no class for."""


def argument(value: Matrix, language: str, depth: int = 0) -> Any:
    """The Python value to encode for an environment.

    Args:
        value: the array.
        language: the environment's language.
        depth: how many levels are above it.

    Raises:
        ConversionError: it cannot travel unchanged; the path starts at the value.
    """
    if depth > codes.MAX_DEPTH:
        raise ConversionError(f"the value nests deeper than {codes.MAX_DEPTH} levels; flatten it")
    return _READERS.get(value.kind, _numeric)(value, language, depth)


def _numeric(value: Matrix, language: str, depth: int) -> Any:
    if value.size == (1, 1):
        item = value.data[0]
        if value.kind == "double":
            return complex(item) if value.is_complex else float(item)
        if value.kind == "int64" and language not in ("octave", "matlab"):
            return int(item)  # which is what an int of Python comes back as
        return item
    return value.data.reshape(value.size, order="F")


def _logical(value: Matrix, language: str, depth: int) -> Any:
    if value.size == (1, 1):
        return bool(value.data[0])
    return value.data.reshape(value.size, order="F")


def _char(value: Matrix, language: str, depth: int) -> Any:
    text: str = value.data
    if len(value.size) == 2 and value.size[0] == 1:
        return text
    if value.size == (0, 0):
        return ""
    if language not in ("octave", "matlab"):
        shown = "-by-".join(map(str, value.size))
        raise ConversionError(
            f"a {shown} char has no form in {language}, which has texts but no character matrices; send a "
            "cell of texts"
        )
    if len(value.size) == 2 and text:
        count = value.size[0]
        lines = [text[at::count] for at in range(count)]
        if "\0" not in text and len({len(line.encode("utf-8", "replace")) for line in lines}) == 1:
            return {_MARK: "char", "rows": np.array(lines, object)}
    if not text.isascii():
        raise ConversionError(
            "the rows of this char have different lengths in UTF-8, in which Octave keeps texts; send a cell "
            "of texts"
        )
    data = np.frombuffer(text.encode("ascii"), np.uint8).reshape(value.size, order="F")
    return {_MARK: "char", "bytes": data}


def _string(value: Matrix, language: str, depth: int) -> Any:
    for at, text in enumerate(value.data):
        if text is None:
            raise ConversionError("a missing string has no form here; send an empty one", path=f"[{at}]")
    if value.size == (1, 1):
        return value.data[0]
    found = np.empty(value.count, object)
    found[:] = value.data
    return found.reshape(value.size, order="F")


def _cell(value: Matrix, language: str, depth: int) -> Any:
    items = [_below(f"[{at}]", item, language, depth) for at, item in enumerate(value.data)]
    if value.size == (0, 0) or (len(value.size) == 2 and value.size[0] == 1 and items):
        return List(items)
    return Cell(items, value.size)


def _struct(value: Matrix, language: str, depth: int) -> Any:
    if _MARK in value.fields and language in ("octave", "matlab"):
        raise ConversionError(f"a struct field may not be called {_MARK!r}, which Arcuate keeps for its own")
    if len(set(value.fields)) != len(value.fields):
        raise ConversionError("a struct has a field twice")
    alone = value.size == (1, 1)
    items = [
        {
            name: _below(step(name) if alone else f"[{at}]{step(name)}", item, language, depth)
            for name, item in zip(value.fields, one, strict=True)
        }
        for at, one in enumerate(value.data)
    ]
    return items[0] if alone else StructArray(items, value.size, value.fields)


def _below(where: str, value: Matrix, language: str, depth: int) -> Any:
    try:
        return argument(value, language, depth + 1)
    except ConversionError as error:
        error.prepend(where)
        raise


_READERS: dict[str, Callable[[Matrix, str, int], Any]] = {
    **dict.fromkeys(NUMERIC, _numeric),
    "logical": _logical,
    "char": _char,
    "string": _string,
    "cell": _cell,
    "struct": _struct,
}
