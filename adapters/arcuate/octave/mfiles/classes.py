"""Copies of class files that can be read without running anything.

Octave computes the default values of properties and the attributes of a class when it reads the class, and it
runs a file ``PKG_ADD`` when a folder comes onto its path. Code that is only looked at must not be able to do
anything, so Octave reads copies: the default value of a property becomes an anonymous function, which is
parsed and not called.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from arcuate.octave.mfiles.source import MFile
from arcuate.octave.mfiles.tokens import Token

__all__ = ["Copy", "copies", "harmless"]

_WAIT = "@() "
_BLOCKS = ("properties", "methods", "events", "enumeration", "classdef")


@dataclass(frozen=True)
class Copy:
    """A copy of a class file.

    Attributes:
        path: where it is.
        folder: what goes onto the path so that the class is found.
        shifted: for each line that was changed the column behind which, and by how much.
    """

    path: str
    folder: str
    shifted: dict[int, tuple[int, int]]


def copies(files: Iterable[MFile], root: str) -> dict[str, Copy]:
    """Writes copies of those files that define classes below ``root``; the keys are the files' own paths."""
    found = {}
    for file in files:
        if file.kind != "class":
            continue
        parts = os.path.dirname(file.path).split(os.sep)
        inside = next((at for at, name in enumerate(parts) if name.startswith(("+", "@"))), len(parts))
        folder = os.path.join(root, *filter(None, parts[:inside]))
        place = os.path.join(folder, *parts[inside:], os.path.basename(file.path))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(file.path, encoding="utf-8-sig", errors="replace", newline="") as given:
            text, shifted = harmless(given.read().replace("\r\n", "\n").replace("\r", "\n"), file.tokens)
        with open(place, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        found[file.path] = Copy(place, folder, shifted)
    return found


def harmless(text: str, words: Sequence[Token]) -> tuple[str, dict[int, tuple[int, int]]]:
    """The text of a class in which nothing is computed, and the columns that moved."""
    lines = text.split("\n")
    shifted: dict[int, tuple[int, int]] = {}
    for line, column, end in sorted(_edits(words), reverse=True):
        row = lines[line - 1]
        if end:  # attributes that call something
            lines[line - 1] = row[: column - 1] + " " * (end - column) + row[end - 1 :]
        else:
            lines[line - 1] = row[:column] + _WAIT + row[column:]
            shifted[line] = (column, len(_WAIT))
    return "\n".join(lines), shifted


def _edits(words: Sequence[Token]) -> Iterator[tuple[int, int, int]]:
    """Line and column of each change; the third number is the end of what is blanked, or 0."""
    code = [word for word in words if word.kind != "comment"]
    inside = False
    start = 0
    for place, word in enumerate(code):
        if word.kind == "end" and not word.brackets:
            start = place + 1
            continue
        block = place == start and word.text in _BLOCKS and word.kind in ("name", "keyword")
        if block:
            inside = word.text == "properties"
            yield from _attributes(code, place + 1)
        elif place == start and word.kind == "keyword":
            inside = inside and not (word.text.startswith("end") or word.text == "function")
        elif inside and word.text == "=" and not word.brackets and _first(code, start, place):
            yield word.line, word.column, 0


def _first(code: Sequence[Token], start: int, place: int) -> bool:
    """Whether this is the first ``=`` of a statement that is no head of a block."""
    before = code[start:place]
    return bool(before) and before[0].text not in _BLOCKS and all(one.text != "=" for one in before)


def _attributes(code: Sequence[Token], place: int) -> Iterator[tuple[int, int, int]]:
    """The attributes of a block, line by line, where they call something."""
    if place >= len(code) or code[place].text != "(" or code[place].brackets:
        return
    part = []
    for word in code[place:]:
        part.append(word)
        if word.text == ")" and not word.brackets:
            break
    if sum(one.text == "(" for one in part) < 2:
        return
    for line in sorted({one.line for one in part}):
        row = [one for one in part if one.line == line and one.text != "\n"]
        if row:
            yield line, row[0].column, row[-1].column + len(row[-1].text)
