"""What a command lists as lost, also what was lost while reading, of which formats only warn."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["beside", "noted"]


@contextlib.contextmanager
def noted() -> Iterator[list[str]]:
    """Notes the warnings of losses instead of showing them; others are shown as always."""
    from arcuate.formats import LossyWarning

    found: list[str] = []
    show = warnings.showwarning

    def note(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, LossyWarning):
            found.append(str(message))
        else:
            show(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", LossyWarning)
        warnings.showwarning = note
        yield found


def beside(lost: Sequence[Any], warned: Sequence[str]) -> list[str]:
    """What was lost, and what was warned of that is not said there."""
    said = [str(one) for one in lost]
    return said + [one for one in dict.fromkeys(warned) if not one.endswith(tuple(said) or "\0")]
