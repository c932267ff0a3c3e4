"""What Octave prints, line by line."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["Lines", "discard"]


class Lines:
    """Cuts what a call prints into lines and hands each on.

    Args:
        receiver: is called with each line, without its end.
    """

    def __init__(self, receiver: Callable[[str], object]) -> None:
        self._receiver = receiver
        self._rest: dict[str, str] = {}

    @classmethod
    def to(cls, handler: Callable[[str], object] | None, logger: logging.Logger, verbose: bool) -> Lines:
        """The receiver that was asked for, or the logger: at INFO where ``verbose``, otherwise at DEBUG."""
        if handler is not None:
            return cls(handler)
        level = logging.INFO if verbose else logging.DEBUG
        return cls(lambda line: logger.log(level, "%s", line)) if logger.isEnabledFor(level) else _NOWHERE

    def __call__(self, stream: str, text: str) -> None:
        """Takes a piece of output; ``stream`` is ``"stdout"`` or ``"stderr"``."""
        *lines, rest = (self._rest.get(stream, "") + text).split("\n")
        self._rest[stream] = rest
        for line in lines:
            self._receiver(line)

    def close(self) -> None:
        """Hands on what has no end of a line."""
        for rest in self._rest.values():
            if rest:
                self._receiver(rest)
        self._rest.clear()


class _Nowhere(Lines):
    def __call__(self, stream: str, text: str) -> None:
        """Drops it."""


def discard(*_: str) -> None:
    """Drops output."""


_NOWHERE = _Nowhere(discard)
