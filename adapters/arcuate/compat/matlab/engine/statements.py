"""Tells a statement from an expression: ``eng.eval`` gives a value of expressions only, as MATLAB does.

Octave takes an assignment for an expression and would give its value.
"""

from __future__ import annotations

import re

__all__ = ["is_statement"]

_KEYWORDS = frozenset(
    (
        "if", "for", "while", "switch", "do", "try", "parfor", "function", "global", "persistent", "return",
        "break", "continue", "unwind_protect", "end", "endif", "endfor", "endwhile", "endfunction",
    )
)  # fmt: skip
_TOKEN = re.compile(
    r"""\s+
      | (?P<comment>[%\#].*)
      | "(?:\\.|""|[^"\\\n])*"          # a text
      | (?P<quote>')                    # a text or a transpose
      | (?P<word>[A-Za-z_]\w*)
      | [0-9.]+(?:[eEdD][-+]?[0-9]+)?[ij]?
      | (?P<compare>[=~!<>]=)
      | (?P<equals>(?:[-+*/^|&\\]|\.\*|\./|\.\^)?=(?!=)|\+\+|--)
      | .""",
    re.VERBOSE | re.DOTALL,
)
_TEXT = re.compile(r"'(?:''|[^'\n])*'")
_COMMAND = re.compile(r"\s*[A-Za-z]\w*[ \t]+[A-Za-z]")


def is_statement(code: str) -> bool:
    """Whether m-code assigns something, begins with a keyword, or is a command such as ``hold on``."""
    if _COMMAND.match(code):
        return True
    at = 0
    depth = 0
    value = False  # whether a value has just ended, after which a quote is a transpose
    first = True
    while at < len(code):
        found = _TOKEN.match(code, at)
        assert found is not None
        at = found.end()
        kind, text = found.lastgroup, found.group()
        if text.isspace() or kind == "comment":
            value = value and depth == 0 and kind != "comment"
            continue
        if kind == "quote" and not value:
            string = _TEXT.match(code, found.start())
            at = string.end() if string else at
        if kind == "word" and first and text in _KEYWORDS:
            return True
        if kind == "equals" and "=" in text and not depth:
            return True
        depth += (text in "([{") - (text in ")]}")
        value = kind in ("word", "quote") or text in ")]}" or text[0].isalnum() or text[0] in '".'
        first = text in ";,"
    return False
