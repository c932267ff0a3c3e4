"""The error, the warning and the logger."""

from __future__ import annotations

import logging

__all__ = ["Oct2PyError", "Oct2PyWarning", "get_log"]


class Oct2PyError(Exception):
    """Octave cannot be started, raised an error, or got a value that cannot travel.

    The error of Arcuate that stands behind it is its ``__cause__``.
    """


class Oct2PyWarning(UserWarning):
    """Something is deprecated, or has no effect here."""


def get_log(name: str | None = None) -> logging.Logger:
    """The logger ``oct2py``, or one below it.

    Args:
        name: the part of its name after ``oct2py.``.
    """
    return logging.getLogger("oct2py" if name is None else f"oct2py.{name}")
