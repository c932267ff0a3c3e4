"""What stands on the command line, as values: JSON, files and text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import typer

from arcuate.cli.literals import Malformed, parse
from arcuate.errors import ArcuateError
from arcuate.jsonform import arrange, restore

__all__ = ["keyword", "keywords", "value_of"]


def value_of(text: str, *, vectors: bool = True, floats: bool = False) -> Any:
    """The value of one argument.

    Args:
        text: JSON, the name of a file that exists, ``@file``, ``@file#part``, ``@-`` (JSON on stdin), or else
            a text.
        vectors: rows of equal length become a matrix and ``NA`` a masked element (R, Octave, MATLAB).
        floats: so do whole numbers become floats there (Octave, MATLAB).

    Raises:
        typer.BadParameter: a file that is not there or cannot be read; what begins like JSON and is none.
    """
    from arcuate.cli import files

    try:
        if text == "@-":
            found = restore(parse(sys.stdin.read()))
        elif text.startswith("@"):
            found = files.read(text[1:])
        elif files.known(text) and os.path.isfile(text):
            found = files.read(text)
        else:
            found = _literal(text)
    except Malformed as error:
        raise typer.BadParameter(f"{text!r} is no JSON: {error}") from None
    except (OSError, ArcuateError, ValueError) as error:
        raise typer.BadParameter(f"{text!r}: {error}") from None
    return arrange(found, floats=floats) if vectors else found


def _literal(text: str) -> Any:
    start = text.lstrip()[:1]
    try:
        found = parse(text)
    except Malformed as error:
        if start in ("[", "{", '"'):
            raise Malformed(
                f"{error}. For a text that begins with {start} write it as JSON, in double quotes"
            ) from None
        if _option_like(text):
            raise typer.BadParameter(
                f"there is no option {text!r} (--help lists them); as a text argument write it as JSON: "
                f"'\"{text}\"'"
            ) from None
        return text
    return restore(found)


def _option_like(text: str) -> bool:
    return len(text) > 1 and text[0] == "-" and (text[1] == "-" or text[1].isalpha())


def keyword(text: str, what: str) -> tuple[str, str]:
    """The two halves of ``key=value``."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise typer.BadParameter(f"{what} takes key=value, not {text!r}")
    return key.strip(), value


def keywords(
    given: Iterable[str], what: str, *, vectors: bool = True, floats: bool = False
) -> dict[str, Any]:
    """Several ``key=value`` as a mapping."""
    found: dict[str, Any] = {}
    for text in given:
        key, value = keyword(text, what)
        if key in found:
            raise typer.BadParameter(f"{what} {key} is given twice")
        found[key] = value_of(value, vectors=vectors, floats=floats)
    return found
