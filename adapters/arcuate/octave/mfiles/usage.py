"""Which names a file uses and which it defines, and what it does that only MATLAB does.

A name is taken for a variable everywhere in a file when it is one anywhere in it: rather a missing function
too few than a false alarm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from arcuate.octave.mfiles.source import MFile
from arcuate.octave.mfiles.tokens import Token

__all__ = ["Mark", "Reference", "Usage", "use"]

_ASSIGN = frozenset({"=", "+=", "-=", "*=", "/=", "^=", "|=", "&=", "++", "--"})
_OPENERS = frozenset({"if", "while", "for", "parfor", "switch", "try", "unwind_protect", "do", "spmd"})
_DYNAMIC = frozenset(
    {"eval", "evalin", "evalc", "assignin", "load", "syms", "run", "source", "import", "inputname"}
)
_ASKS = frozenset({"exist", "which", "have_feature", "have_fcn", "exist_function"})
_REDUCE = frozenset(
    {"all", "any", "cumsum", "max", "mean", "median", "min", "mode", "prod", "std", "sum", "var"}
)
_OPTIONS = frozenset({"all", "omitnan", "includenan"})
_CLASS_BLOCKS = frozenset({"properties", "methods", "events", "enumeration"})


@dataclass(frozen=True)
class Reference:
    """A name that stands where a function could.

    Attributes:
        name: the name.
        line: counted from 1.
        column: counted from 1.
        called: whether arguments follow, or it is taken as a handle or a command.
        guarded: whether it is inside ``try``.
    """

    name: str
    line: int
    column: int
    called: bool
    guarded: bool


@dataclass(frozen=True)
class Mark:
    """A place where MATLAB's language is more than Octave's; ``kind`` is a key of :data:`known.MARKS`."""

    kind: str
    name: str
    line: int
    column: int


@dataclass
class Usage:
    """What was found in one file.

    Attributes:
        references: names that are no variables, the first of each.
        marks: MATLAB's own.
        asked: names whose presence the code asks for, with ``exist`` and the like.
        adapts: whether it asks if it runs in Octave.
        dynamic: whether variables may come from elsewhere.
    """

    references: list[Reference] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    adapts: bool = False
    dynamic: bool = False


def use(file: MFile) -> Usage:
    """Looks at the words of a file."""
    found = Usage(dynamic=file.kind == "script")
    words = [word for word in file.tokens if word.kind != "comment"]
    words = list(_without_arguments(words, found))
    variables = _variables(words, file)
    tries: list[str] = []
    first: dict[str, Reference] = {}
    for place, word in enumerate(words):
        if word.kind == "keyword":
            _follow(word.text, tries)
        if word.kind == "text" and words[place - 2].text in _ASKS:
            found.asked.add(word.text[1:-1])
        if word.kind == "word" and words[place - 1].text in _ASKS:
            found.asked.add(word.text)
        if word.kind == "text" and "octave" in word.text.lower():
            found.adapts = True
        if word.kind != "name" or word.text in variables or word.text == "end":
            continue
        if "octave" in word.text.lower():
            found.adapts = True
        if word.text in _DYNAMIC:
            found.dynamic = True
        after = words[place + 1] if place + 1 < len(words) else None
        before = words[place - 1] if place else None
        handle = before is not None and before.text == "@" and not word.spaced
        if before is not None and before.text == "?":
            continue
        called = handle or (
            after is not None
            and (
                after.kind == "word"
                or (after.text == "(" and not (after.spaced and word.brackets.endswith(("[", "{"))))
            )
        )
        full = _dotted(words, place)
        reference = Reference(full, word.line, word.column, called, "try" in tries)
        known = first.get(full)
        if known is None or (known.guarded and not reference.guarded) or (called and not known.called):
            first[full] = reference
    found.references = sorted(first.values(), key=lambda one: (one.line, one.column))
    found.marks += _marks(words, file)
    found.marks.sort(key=lambda one: (one.line, one.column))
    return found


def _dotted(words: Sequence[Token], place: int) -> str:
    """``a.b.c`` for a name with fields after it, since it may be a function of a package."""
    name = words[place].text
    while place + 2 < len(words) and words[place + 1].text == "." and words[place + 2].kind == "field":
        name += f".{words[place + 2].text}"
        place += 2
    return name


def _follow(keyword: str, blocks: list[str]) -> None:
    """Keeps the blocks that are open."""
    if keyword == "function":
        blocks.clear()
    elif keyword in _OPENERS:
        blocks.append(keyword)
    elif keyword in ("catch", "unwind_protect_cleanup"):
        if blocks:
            blocks[-1] = "catch"
    elif (keyword.startswith("end") or keyword == "until") and blocks:
        blocks.pop()


def _without_arguments(words: Sequence[Token], found: Usage) -> Iterator[Token]:
    """The words without blocks ``arguments ... end``, which hold declarations and no code."""
    skip = False
    for place, word in enumerate(words):
        if skip:
            skip = not (word.kind == "keyword" and word.text == "end" and words[place - 1].kind == "end")
            continue
        start = place == 0 or words[place - 1].kind == "end"
        if word.kind == "name" and word.text == "arguments" and start and _is_block(words, place):
            found.marks.append(Mark("arguments", "", word.line, word.column))
            skip = True
            continue
        yield word


def _is_block(words: Sequence[Token], place: int) -> bool:
    """Whether ``arguments`` is alone in its line, but for ``(Repeating)``."""
    rest = words[place + 1 : place + 5]
    if rest and rest[0].text == "(":
        return len(rest) > 2 and rest[1].text in ("Repeating", "Input", "Output")
    return bool(rest) and rest[0].text == "\n"


def _variables(words: Sequence[Token], file: MFile) -> set[str]:
    """All names that are given a value anywhere in the file."""
    found: set[str] = set()
    for function in file.functions:
        found.update(one.name for one in function.inputs)
        found.update(function.outputs)
    start = 0
    for place, word in enumerate(words):
        if word.kind == "end" and not word.brackets:
            start = place + 1
        elif word.kind == "word":
            found.add(word.text)
        elif word.kind == "operator" and word.text in _ASSIGN:
            if not word.brackets:
                found.update(_assigned(words[start:place]))
            if place and words[place - 1].kind == "name":
                found.add(words[place - 1].text)
        elif word.kind == "keyword" and word.text in ("global", "persistent", "catch"):
            for following in words[place + 1 :]:
                if following.kind != "name" or following.line != word.line:
                    break
                found.add(following.text)
        elif word.text == "@" and place + 1 < len(words) and words[place + 1].text == "(":
            for following in words[place + 2 :]:
                if following.text == ")" and following.brackets == word.brackets:
                    break
                if following.kind == "name":
                    found.add(following.text)
    if file.kind == "class":
        found |= _members(words)
    return found


def _assigned(statement: Sequence[Token]) -> Iterator[str]:
    """Names that a statement gives values to: what is left of ``=``."""
    start = next((i for i, word in enumerate(statement) if word.kind != "keyword"), len(statement))
    part = statement[start:]
    if part and part[0].text == "[":
        yield from (word.text for word in part if word.kind == "name" and word.brackets == "[")
    elif part and part[0].kind == "name":
        yield part[0].text


def _members(words: Sequence[Token]) -> set[str]:
    """Names of the properties, events and values that a class declares, and of what it inherits from."""
    found: set[str] = set()
    inside = False
    for place, word in enumerate(words):
        start = place == 0 or words[place - 1].kind == "end"
        if start and word.kind == "name" and word.text in _CLASS_BLOCKS:
            inside = True
            found.add(word.text)
        elif word.kind == "keyword" and (word.text.startswith("end") or word.text == "function"):
            inside = False
        elif inside and word.kind == "name":
            found.add(word.text)
        elif word.kind == "keyword" and word.text == "classdef":
            for following in words[place + 1 :]:
                if following.kind == "end" and not following.brackets:
                    break
                found.add(following.text)
    return found


def _marks(words: Sequence[Token], file: MFile) -> Iterator[Mark]:
    """MATLAB's own syntax that Octave reads and does not carry out as MATLAB does."""
    local = {one.name: one.line for one in file.functions} if file.kind == "script" else {}
    body = min(local.values(), default=0)
    matlab = not any(_of_octave(word) for word in file.tokens)
    for place, word in enumerate(words):
        start = place == 0 or words[place - 1].kind == "end"
        after = words[place + 1] if place + 1 < len(words) else word
        before = words[place - 1] if place else word
        if word.kind == "name" and start and word.text == "import" and after.kind == "word":
            yield Mark("import", after.text, word.line, word.column)
        elif word.text == "!" and start and after.kind == "name" and not after.spaced and not word.brackets:
            yield Mark("shell", after.text, word.line, word.column)
        elif word.text in ("+", "==", "~=", "!=") and word.kind == "operator":
            if matlab and any(_is_string(one) for one in (before, after)):
                yield Mark("string", word.text, word.line, word.column)
        elif matlab and word.text == "=" and word.brackets[-1:] == "(" and _names_argument(words, place):
            yield Mark("named", before.text, word.line, word.column)
        elif word.kind == "name" and after.text == "(" and (word.text in _REDUCE or word.text == "round"):
            yield from _options(words, place)
        elif word.kind == "name" and local.get(word.text, 0) > word.line and word.line < body:
            yield Mark("late", word.text, word.line, word.column)


def _declares(words: Sequence[Token], place: int) -> bool:
    """Whether the statement is the first line of a function."""
    while place and not (words[place - 1].kind == "end" and not words[place - 1].brackets):
        place -= 1
    return words[place].text == "function"


def _of_octave(word: Token) -> bool:
    """Whether a word is Octave's own, so that the file was written for Octave."""
    if word.kind == "keyword":
        return word.text.startswith(("end", "unwind", "until", "do")) and word.text != "end"
    return word.text == "!=" or (word.kind == "comment" and word.text.startswith("#"))


def _is_string(word: Token) -> bool:
    """Whether a word is a string of MATLAB with more than one character."""
    return word.kind == "text" and word.text[0] == '"' and len(re.sub(r"\\.", "x", word.text)) > 3


def _options(words: Sequence[Token], place: int) -> Iterator[Mark]:
    """Arguments of functions of Octave that only MATLAB's functions of that name know."""
    word = words[place]
    inside = f"{word.brackets}("
    for following in words[place + 2 :]:
        if len(following.brackets) < len(inside):
            return
        if following.brackets == inside and (
            (word.text == "round" and following.text == ",")
            or (
                word.text != "round" and following.kind == "text" and following.text[1:-1].lower() in _OPTIONS
            )
        ):
            yield Mark("round" if word.text == "round" else "option", word.text, word.line, word.column)
            return


def _names_argument(words: Sequence[Token], place: int) -> bool:
    """Whether ``name=`` in a call stands where MATLAB takes it for the name of an argument."""
    if place < 3 or words[place - 1].kind != "name" or words[place - 2].text not in ("(", ","):
        return False
    depth = len(words[place].brackets)
    for at in range(place - 1, 0, -1):
        if words[at].text == "(" and len(words[at].brackets) == depth - 1:
            name = words[at - 1]
            return name.kind in ("name", "field") and not words[at].spaced and not _declares(words, at)
    return False
