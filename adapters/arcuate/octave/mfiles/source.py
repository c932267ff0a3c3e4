"""What an m-file is: a function, a script or a class; its functions with their arguments; its help text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent

from arcuate.octave.mfiles.texinfo import plain
from arcuate.octave.mfiles.tokens import Token, tokens

__all__ = ["Function", "MFile", "Parameter", "find", "read"]

_COPYRIGHT = re.compile(r"\s*(copyright|author|spdx-|\(c\))", re.IGNORECASE)
_ASKS = frozenset({"nargin", "narginchk", "nargchk", "exist", "isargin", "inputname", "print_usage", "nargs"})


@dataclass(frozen=True)
class Parameter:
    """An argument of a function; ``default`` is Octave code, or ``""``. One that is ignored is ``~``."""

    name: str
    default: str = ""


@dataclass(frozen=True)
class Function:
    """A function as its first line declares it.

    Attributes:
        name: as it is written, such as ``f`` or ``get.width``.
        inputs: its arguments.
        outputs: names of its outputs.
        line: where it begins, counted from 1.
        optional: whether its code asks how many arguments it was given.
    """

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    line: int
    optional: bool


@dataclass
class MFile:
    """One file.

    Attributes:
        path: where it is.
        kind: ``function``, ``script`` or ``class``.
        tokens: its words.
        functions: in their order; in a file of kind ``function`` the first is the one that others may call.
        help: what it says of itself.
    """

    path: str
    kind: str
    tokens: Sequence[Token]
    functions: list[Function] = field(default_factory=list)
    help: str = ""

    @property
    def name(self) -> str:
        """The name of the file without its ending."""
        return os.path.basename(self.path)[:-2]

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that it is in, outermost first."""
        folders = os.path.dirname(self.path).split(os.sep)
        return tuple(name[1:] for name in folders if name.startswith("+"))

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return os.path.basename(os.path.dirname(self.path))


def find(folder: str) -> Iterator[str]:
    """All m-files below a folder, in order; folders that begin with a dot are left out."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".m") and not name.startswith("."):
                yield os.path.join(here, name)


def read(path: str) -> MFile:
    """Reads a file; bytes that are not UTF-8 are replaced, as Octave does."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        return parse(path, file.read())


def parse(path: str, text: str) -> MFile:
    """The facts of a source."""
    words = list(tokens(text.replace("\r\n", "\n").replace("\r", "\n")))
    code = [word for word in words if word.kind not in ("comment", "end")]
    first = code[0].text if code and code[0].kind == "keyword" else ""
    kind = {"function": "function", "classdef": "class"}.get(first, "script")
    found = MFile(path, kind, words)
    starts = [place for place, word in enumerate(words) if word.kind == "keyword" and word.text == "function"]
    for place, following in zip(starts, [*starts, len(words)][1:], strict=True):
        declared = _declaration(words, place + 1)
        if declared:
            name, inputs, outputs, body = declared
            asks = any(word.text in _ASKS for word in words[body:following] if word.kind == "name")
            found.functions.append(Function(name, inputs, outputs, words[place].line, asks))
    found.help = _help(words, kind)
    return found


def _declaration(
    words: Sequence[Token], at: int
) -> tuple[str, tuple[Parameter, ...], tuple[str, ...], int] | None:
    """What follows the word ``function``, and where the body begins."""
    line: list[Token] = []
    for place in range(at, len(words)):
        word = words[place]
        if word.kind == "end" and not word.brackets:
            break
        if word.kind not in ("comment", "end"):
            line.append(word)
            if word.text == ")" and not word.brackets and word.kind == "operator":
                break
    else:
        place = len(words)
    outputs: tuple[str, ...] = ()
    equals = [i for i, word in enumerate(line) if word.text == "=" and not word.brackets]
    if equals:
        outputs = tuple(word.text for word in line[: equals[0]] if word.kind == "name")
        line = line[equals[0] + 1 :]
    name = ""
    while line and line[0].text != "(":
        name += line.pop(0).text
    if not name:
        return None
    return name, _parameters(line[1:-1]), outputs, place


def _parameters(words: Sequence[Token]) -> tuple[Parameter, ...]:
    """The words between the brackets."""
    found = []
    part: list[Token] = []
    for word in [*words, None]:
        if word is None or (word.text == "," and word.brackets == "("):
            if part:
                default = "".join(" " * one.spaced + one.text for one in part[2:]).strip()
                name = "~" if part[0].text in ("~", "!") else part[0].text
                found.append(Parameter(name, default))
            part = []
        else:
            part.append(word)
    return tuple(found)


def _help(words: Sequence[Token], kind: str) -> str:
    """The first block of comments that is no copyright notice: below the first line of a function or class,
    otherwise above it.
    """
    code = next((at for at, word in enumerate(words) if word.kind not in ("comment", "end")), len(words))
    groups = [words[:code]]
    if kind != "script":
        body = next((at for at in range(code, len(words)) if _ends(words[at])), len(words))
        stop = next(
            (at for at in range(body, len(words)) if words[at].kind not in ("comment", "end")), len(words)
        )
        groups.insert(0, words[code:stop])
    for group in groups:
        for lines in _blocks(group):
            text = dedent("\n".join(line.rstrip() for line in lines)).strip("\n")
            if text.strip() and not _COPYRIGHT.match(text):
                return plain(text).strip()
    return ""


def _ends(word: Token) -> bool:
    return word.kind == "end" and not word.brackets


def _blocks(words: Sequence[Token]) -> Iterator[list[str]]:
    """Comments of lines that follow each other, without their marks."""
    lines: list[str] = []
    last = -1
    for word in words:
        if word.kind == "comment":
            if lines and word.line != last + 1:
                yield lines
                lines = []
            lines = lines + _lines(word.text)
            last = word.line + word.text.count("\n")
    yield lines


def _lines(comment: str) -> list[str]:
    """A comment without its marks."""
    if "\n" in comment:
        return comment.split("\n")[1:-1]
    return [re.sub(r"^[%#]+", "", comment)]
