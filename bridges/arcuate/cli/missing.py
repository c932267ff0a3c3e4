"""What a command says when the packages it needs are not installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from arcuate.errors import Unsupported

__all__ = ["integrations"]


@contextlib.contextmanager
def integrations(command: str, extra: str = "integrations") -> Iterator[None]:
    """Turns a missing package of the connectors into an error that says what to type."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"{command} needs the package {error.name!r}; type: pip install 'arcuate[{extra}]'"
        ) from None
