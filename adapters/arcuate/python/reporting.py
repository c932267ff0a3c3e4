"""What code in a worker can tell its caller beside what it returns."""

from __future__ import annotations

import sys
import threading
from typing import Any

__all__ = ["progress"]


def progress(fraction: float, text: str = "") -> None:
    """Tells the caller how far a call is, by an event ``progress``; outside a worker it does nothing.

    Args:
        fraction: from 0 to 1.
        text: what is being done.

    Raises:
        ValueError: the fraction is none.
    """
    found = float(fraction)
    if not 0.0 <= found <= 1.0:
        raise ValueError(f"a fraction is a number from 0 to 1, not {fraction!r}")
    worker: Any = getattr(sys.modules.get("arcuate.python.worker"), "running", None)
    if worker is not None and worker.busy and threading.current_thread() is threading.main_thread():
        worker.event("progress", {"fraction": found, "text": str(text)})
