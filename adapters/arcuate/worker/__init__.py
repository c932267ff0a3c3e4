"""Worker processes: one foreign interpreter each, driven over frames and shared memory.

``environment`` is what an adapter implements, ``transport`` what a session uses; ``process``, ``segments``,
``output`` and ``sigint`` are their parts. ``PROTOCOL.md`` says what a
worker script of a new language has to do.
"""

from __future__ import annotations

from arcuate.worker.environment import Environment, Launch, Report

__all__ = ["Environment", "Launch", "Report"]
