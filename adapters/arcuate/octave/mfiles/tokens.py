"""The words of m-code: comments, texts, commands and matrices told apart as Octave's own lexer does.

Octave parses the code itself; this reads what its parser does not tell: which names are used, and where.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["KEYWORDS", "Token", "tokens"]

_KEYWORDS = """
break case catch classdef continue do else elseif end end_try_catch end_unwind_protect endclassdef
endenumeration endevents endfor endfunction endif endmethods endparfor endproperties endspmd endswitch
endwhile for function global if otherwise parfor persistent return spmd switch try until unwind_protect
unwind_protect_cleanup while
"""
KEYWORDS = frozenset(_KEYWORDS.split())


class Token(NamedTuple):
    """One word.

    Attributes:
        kind: name, field (after a dot), keyword, number, text, operator, end (of a statement), comment, or
            word (of a command such as ``hold on``).
        text: as it is written; a comment with its mark, a text with its quotes.
        line: counted from 1.
        column: counted from 1.
        spaced: whether white space is before it.
        brackets: the brackets that are open around it, outermost first.
    """

    kind: str
    text: str
    line: int
    column: int
    spaced: bool
    brackets: str


_WORD = re.compile(
    r"""
    (?P<space>[ \t\f\r]+)
  | (?P<continued>\.\.\.[^\n]*(?:\n|$))
  | (?P<number>0[xX][\da-fA-F_]+(?:[su](?:8|16|32|64))?|0[bB][01_]+(?:[su](?:8|16|32|64))?
        |(?:\d[\d_]*(?:\.(?![*/\\^'])\d*)?|\.\d+)(?:[eEdD][-+]?\d+)?[ijIJ]?)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<newline>\n)
  | (?P<operator>\.\^'|\.'|\.\*|\./|\.\\|\.\^|\*\*|\+\+|--|[-+*/\\^|&]=|==|~=|!=|<=|>=|&&|\|\|
        |[-+*/\\^=<>~!&|:.@?$,;(){}\[\]'"])
  | (?P<other>.)
    """,
    re.VERBOSE,
)
# The rows of a matrix or cell of numbers and texts: there are files with megabytes of them.
_DATA = re.compile(
    r"(?:(?:[-+]?(?:\d[\d.]*(?:[eE][-+]?\d+)?|Inf|NaN)|'[^'\n]*')"
    r"[ \t\r]*(?:[,;\n]|(?<=[ \t\r]))[ \t\r\n;]*){4,}"
)
_BLOCK = re.compile(r"[ \t]*[%#]\{[ \t\r]*(?:\n|$)")
_BLOCK_END = re.compile(r"[ \t]*[%#]\}[ \t\r]*$")
_SINGLE = re.compile(r"'(?:[^'\n]|'')*'?")
_DOUBLE = re.compile(r'"(?:[^"\\\n]|\\.|\\\n|"")*"?')
_COMMAND = re.compile(
    r"[ \t]+(?=[A-Za-z0-9_'\"\-./~])(?!\.\.\.)(?![-./~'\"]+=?[ \t])(?![^\n;,%#]*[^=~!<>\n;,%#]=[^=])"
)
_REST = re.compile(r"(?:'[^'\n]*'|\"[^\"\n]*\"|[^;,\n%#'\"]|[\w)]['\"])+")
_CLOSED = {")": "(", "]": "[", "}": "{"}


def tokens(source: str) -> Iterator[Token]:
    """The words of a source, in order; broken code ends in words that mean little, never in an error."""
    at, line, start = 0, 1, 0  # start: where the line begins
    brackets = ""
    operand = False  # whether a quote here would transpose
    spaced = False
    first = True  # of a statement
    end = len(source)
    while at < end:
        char = source[at]
        if char in "%#":
            block = _BLOCK.match(source, start) if not source[start:at].strip() else None
            stop = _block_end(source, start) if block else source.find("\n", at)
            stop = end if stop < 0 else stop
            text = source[at:stop]
            yield Token("comment", text.rstrip("\r"), line, at - start + 1, spaced, brackets)
            if "\n" in text:
                line += text.count("\n")
                start = source.rfind("\n", 0, stop) + 1
            at = stop
            spaced = False
            continue
        column = at - start + 1
        if brackets[-1:] in ("[", "{") and (spaced or not operand):
            found = _DATA.match(source, at)
            if found:
                text = found.group()
                yield Token("number", "", line, column, spaced, brackets)
                at, operand, spaced = found.end(), False, True
                if "\n" in text:
                    line += text.count("\n")
                    start = found.start() + text.rfind("\n") + 1
                continue
        if char == "'" and operand and not (spaced and brackets[-1:] in ("[", "{")):
            yield Token("operator", "'", line, column, spaced, brackets)
            at += 1
            spaced = False
            continue
        if char in "'\"":
            found = (_SINGLE if char == "'" else _DOUBLE).match(source, at)
            assert found is not None
            yield Token("text", found.group(), line, column, spaced, brackets)
            at, operand, spaced, first = found.end(), True, False, False
            continue
        found = _WORD.match(source, at)
        assert found is not None
        kind, text = str(found.lastgroup), found.group()
        at = found.end()
        if kind == "space":
            spaced = True
            continue
        if kind in ("continued", "newline"):
            if kind == "newline" and brackets[-1:] != "(":
                yield Token("end", "\n", line, column, spaced, brackets)
                first = not brackets
                operand = False
            if "\n" in text:
                line += text.count("\n")
                start = found.start() + text.rfind("\n") + 1
            spaced = True
            continue
        if kind == "name":
            field = source[found.start() - 1 : found.start()] == "." and operand_before(
                source, found.start() - 1
            )
            if field:
                kind = "field"
            elif text in KEYWORDS and not (brackets and text == "end"):
                kind = "keyword"
            yield Token(kind, text, line, column, spaced, brackets)
            operand = kind != "keyword"
            if first and kind == "name" and not brackets:
                command = _COMMAND.match(source, at)
                if command:
                    rest = _REST.match(source, command.end())
                    if rest:
                        for word in rest.group().split():
                            yield Token("word", word, line, command.end() - start + 1, True, "")
                        at = rest.end()
            first = False
            spaced = False
            continue
        if kind == "operator":
            if text in "([{":
                yield Token(kind, text, line, column, spaced, brackets)
                brackets += text
                operand, first = False, False
            elif text in ")]}":
                if brackets[-1:] == _CLOSED[text]:
                    brackets = brackets[:-1]
                yield Token(kind, text, line, column, spaced, brackets)
                operand = True
            elif text in ",;" and not brackets:
                yield Token("end", text, line, column, spaced, brackets)
                first, operand = True, False
            else:
                yield Token(kind, text, line, column, spaced, brackets)
                operand = text in (".'", "++", "--") and operand
                first = False
        else:
            yield Token(kind, text, line, column, spaced, brackets)
            operand, first = kind == "number", False
        spaced = False


def operand_before(source: str, dot: int) -> bool:
    """Whether a dot follows an operand at once, so that a field comes after it."""
    return dot > 0 and (source[dot - 1].isalnum() or source[dot - 1] in "_)}]'\"")


def _block_end(source: str, start: int) -> int:
    """Where a block comment that begins in this line ends; blocks nest."""
    depth = 0
    at = start
    while at < len(source):
        stop = source.find("\n", at)
        stop = len(source) if stop < 0 else stop
        if _BLOCK.match(source, at, stop + 1):
            depth += 1
        elif _BLOCK_END.match(source[at:stop]):
            depth -= 1
            if depth == 0:
                return stop
        at = stop + 1
    return len(source)
