"""Open matplotlib figures as display events."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arcuate.python.worker import Worker

__all__ = ["send"]

_MIME = {"png": "image/png", "svg": "image/svg+xml"}


def send(worker: Worker, form: str) -> None:
    """Sends every open figure and closes it."""
    plt = sys.modules["matplotlib.pyplot"]
    for number in plt.get_fignums():
        figure = plt.figure(number)
        target = io.BytesIO()
        figure.savefig(target, format=form)
        plt.close(figure)
        worker.event("display", {"mime": _MIME[form], "data": target.getvalue()})
