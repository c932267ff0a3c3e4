"""What native code sees of a value that arrived: the foreign source that looks, and what it must say.

Identity alone can be passed by a worker that hides the original bytes and sends them back. So a function
``arcuate_see`` written in the language looks at the native value with the language's own means, and says in
one text what it is, every element exactly; :func:`seen` computes the same text from the rendering.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TypeVar

from arcuate.errors import InvalidArgument
from arcuate.matrix.observe_octave import seen_by_octave
from arcuate.matrix.observe_python import seen_by_python
from arcuate.matrix.observe_r import seen_by_r
from arcuate.matrix.permitted import Node

__all__ = ["prelude", "seen"]

_T = TypeVar("_T")

_SOURCES = {"python": "see.py", "r": "see.R", "octave": "see.m"}
_SEEN = {"python": seen_by_python, "r": seen_by_r, "octave": seen_by_octave}


@cache
def prelude(language: str) -> str:
    """Source that defines ``arcuate_see(x)``, which returns one text; to be run once in a session."""
    return files("arcuate.matrix").joinpath(_known(language, _SOURCES)).read_text(encoding="utf-8")


def seen(value: Node, language: str) -> str:
    """The text that ``arcuate_see`` must return for a value that arrived intact, or changed as is permitted.

    Args:
        value: the rendering that was sent.
        language: ``"python"``, ``"r"`` or ``"octave"``.

    Raises:
        ValueError: the language cannot hold the value; :func:`~arcuate.matrix.permitted.travel` says so too.
    """
    return _known(language, _SEEN)(value)


def _known(language: str, table: dict[str, _T]) -> _T:
    try:
        return table[language]
    except KeyError:
        known = ", ".join(table)
        raise InvalidArgument(f"nothing looks at values in {language!r}; allowed are {known}") from None
