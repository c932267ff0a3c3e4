"""Help texts that are written in Texinfo, as Octave's own are, as plain text."""

from __future__ import annotations

import re

__all__ = ["plain"]

_INLINE = re.compile(r"@[a-zA-Z]+\{([^{}]*)\}")
_RULES = [
    (re.compile(r"^[ \t]*-\*- texinfo -\*-[^\n]*\n?"), ""),
    (re.compile(r"@(?:c|comment)\b[^\n]*\n?"), ""),
    (re.compile(r"@(tex|ifinfo|ifhtml|html)\b.*?@end \1[^\n]*\n?", re.DOTALL), ""),
    (re.compile(r"@seealso\{([^{}]*)\}"), r"See also: \1"),
    (re.compile(r"@(?:xref|pxref|ref)\{([^{},]*)[^{}]*\}"), r"\1"),
    (re.compile(r"@dots\{\}"), "..."),
    (re.compile(r"@(?:result|print|error|expansion|equiv)\{\}"), "=>"),
    (re.compile(r"@deftypefnx?[ \t]*\{[^{}]*\}[ \t]*(?:\{([^{}]*)\})?[ \t]*"), r"-- \1 "),
    (re.compile(r"@deftypefnx?[ \t]+\S+[ \t]*"), "-- "),
    (re.compile(r"^@itemx?[ \t]*", re.MULTILINE), "* "),
    (
        re.compile(
            r"^@(?:end|group|need|noindent|cindex|findex|ifnottex|example|smallexample|table|itemize|enumerate|sp"
            r"|anchor|multitable|strong|opindex)\b[^\n]*\n?",
            re.MULTILINE,
        ),
        "",
    ),
]


def plain(text: str) -> str:
    """Plain text; a text that is not Texinfo is returned as it is."""
    if "-*- texinfo -*-" not in text:
        return text
    for rule in _RULES[:3]:
        text = rule[0].sub(rule[1], text)
    for _ in range(3):  # @code{@var{x}}
        text = re.sub(
            r"@(?:var|code|samp|dfn|emph|strong|file|option|qcode|w|asis|math|command)\{([^{}]*)\}",
            r"\1",
            text,
        )
    for pattern, replacement in _RULES[3:]:
        text = pattern.sub(replacement, text)
    for _ in range(3):
        text = _INLINE.sub(r"\1", text)
    text = re.sub(r"@[*:.]", "", re.sub(r"@([@{}])", r"\1", text))
    text = re.sub(r"^(-- +)", "-- ", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)).strip()
