"""Worker processes: one foreign interpreter each, driven over frames and shared memory.

``environment`` is what an adapter implements, ``transport`` what a session uses; ``process``, ``segments``,
``output`` and ``sigint`` are their parts. ``PROTOCOL.md`` says what a
worker script of a new language has to do. Workers written in Python import ``child`` of this package, and
their start waits for nothing of the caller's side: that is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arcuate.worker.environment import Environment, Launch, Report

__all__ = ["Environment", "Launch", "Report"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from arcuate.worker import environment

        return getattr(environment, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
