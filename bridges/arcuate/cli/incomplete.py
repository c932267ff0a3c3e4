"""Whether typed code is unfinished, so that the REPL asks for another line."""

from __future__ import annotations

import codeop
import re
import warnings
from typing import TYPE_CHECKING

from arcuate.errors import ArcuateError

if TYPE_CHECKING:
    from arcuate.client import Session

__all__ = ["incomplete", "octave_open"]

# R says itself where the text ended too early: at column 0 of the line after the last, in any language.
_R = (
    "local({ code <- %s; tryCatch({ parse(text = code, keep.source = FALSE); '' }, "
    "error = function(e) conditionMessage(e)) })"
)
_R_END = re.compile(r"<text>:(\d+):0:")

_OPENERS = re.compile(
    r"(?:if|for|parfor|while|switch|do|try|function|unwind_protect|classdef|methods|properties|events|enumeration)\b"
)
_CLOSERS = re.compile(
    r"(?:end|endif|endfor|endparfor|endwhile|endswitch|until|end_try_catch|endfunction|end_unwind_protect|"
    r"endclassdef|endmethods|endproperties|endevents|endenumeration)\b"
)
_WORD = re.compile(r"[A-Za-z_]\w*")


def incomplete(session: Session, language: str, code: str) -> bool:
    """Whether the code needs further lines. Where that cannot be told it says no, and the error tells why."""
    if language == "Python":
        return _python(code)
    if language == "R":
        return _r(session, code)
    if language in ("Octave", "MATLAB"):
        return octave_open(code)
    return False


def _python(code: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return codeop.compile_command(code, symbol="single") is None
        except (SyntaxError, ValueError, OverflowError):
            return False


def _r(session: Session, code: str) -> bool:
    import json

    if not code.isascii() or "\\" in code:
        literal = '"' + "".join(_r_escape(char) for char in code) + '"'
    else:
        literal = json.dumps(code)
    try:
        message = session.eval(_R % literal)
    except ArcuateError:
        return False
    if not isinstance(message, str) or not message:
        return False
    found = _R_END.match(message)
    lines = code.count("\n") + 1
    return "INCOMPLETE_STRING" in message or (found is not None and int(found.group(1)) == lines + 1)


def _r_escape(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char == "\n":
        return "\\n"
    return char if char.isascii() and char.isprintable() else f"\\U{{{ord(char):x}}}"


def octave_open(code: str) -> bool:
    """Whether brackets, blocks, a block comment or a continuation of Octave code are still open."""
    blocks, brackets, in_comment, continued = 0, 0, 0, False
    for text in code.split("\n"):
        stripped = text.strip()
        if stripped in ("%{", "#{"):
            in_comment += 1
        elif stripped in ("%}", "#}") and in_comment:
            in_comment -= 1
        elif not in_comment:
            blocks, brackets, continued = _octave_line(text, blocks, brackets)
    return blocks > 0 or brackets > 0 or in_comment > 0 or continued


def _octave_line(text: str, blocks: int, brackets: int) -> tuple[int, int, bool]:
    """The depths after one line, and whether it ends with a continuation."""
    at, quotable = 0, False
    while at < len(text):
        char = text[at]
        if char in "%#":
            return blocks, brackets, False
        if text.startswith("...", at):
            return blocks, brackets, True
        word = _WORD.match(text, at)
        if word:
            if brackets == 0 and text[at - 1 : at] not in (".", "@"):
                blocks += bool(_OPENERS.fullmatch(word.group())) - bool(_CLOSERS.fullmatch(word.group()))
            at, quotable = word.end(), True
        elif char == '"' or (char == "'" and not quotable):
            at = _closing(text, at)
            quotable = True
        else:
            brackets += (char in "([{") - (char in ")]}")
            quotable = char in ")]}'" or char.isdigit() or char == "."
            at += 1
    return blocks, brackets, False


def _closing(text: str, at: int) -> int:
    """The position after the text literal that begins here; it never goes beyond its line."""
    quote = text[at]
    at += 1
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 2
        elif text[at] == quote:
            if text[at + 1 : at + 2] != quote:
                return at + 1
            at += 2
        else:
            at += 1
    return at
