"""Source text that makes a value natively, and the value that must arrive from it.

What cannot be written in a language has a reason; :func:`unwritable` gives it.
"""

from __future__ import annotations

from collections.abc import Callable

from arcuate.errors import InvalidArgument
from arcuate.matrix.permitted import Node, travel
from arcuate.matrix.produced import Made, Unwritable

__all__ = ["literal", "made", "setup", "unwritable"]

_SETUP = {
    "python": "\n".join(
        [
            "import datetime as dt, zoneinfo",
            "import numpy as np, pandas as pd, scipy.sparse, xarray as xr",
            "from arcuate.values import Cell, List, Map, Missing, StructArray",
        ]
    ),
    "r": "loadNamespace('Matrix')",
    "octave": "",
}


def setup(language: str) -> str:
    """Statements to run once in a session before its literals; "" where there are none."""
    _writer(language)
    return _SETUP[language]


def literal(value: Node, language: str) -> str | None:
    """An expression of the language whose value is this one, as near as the language has it.

    Args:
        value: a rendering.
        language: ``"python"``, ``"r"`` or ``"octave"``.

    Returns:
        the source text; ``None`` where the language cannot write such a value.
    """
    found = _produce(value, language)
    return found.source if isinstance(found, Made) else None


def made(value: Node, language: str) -> Node | None:
    """The rendering, in wire form, that must come back from the expression of :func:`literal`."""
    found = _produce(value, language)
    return found.node if isinstance(found, Made) else None


def unwritable(value: Node, language: str) -> str:
    """Why there is no literal; "" where there is one."""
    found = _produce(value, language)
    return "" if isinstance(found, Made) else found


def _writer(language: str) -> Callable[[Node], Made]:
    from arcuate.matrix import produce_octave, produce_python, produce_r

    writers = {"python": produce_python.write, "r": produce_r.write, "octave": produce_octave.write}
    if language not in writers:
        known = ", ".join(writers)
        raise InvalidArgument(f"no literals are written in {language!r}; allowed are {known}")
    return writers[language]


def _produce(value: Node, language: str) -> Made | str:
    write = _writer(language)
    found = travel(value, language)
    if found.value is None:
        return f"{language} has no such value"
    try:
        return write(value if language == "octave" else found.value)
    except Unwritable as reason:
        return str(reason)
