"""What installed packages announce, by group of entry points.

Reading the announcements of all packages takes longer than starting a call: they are kept until a folder of
``sys.path`` changes, as each installation changes one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable
from typing import Any

__all__ = ["announced"]

_kept: dict[str, tuple[Hashable, tuple[Any, ...]]] = {}


def announced(group: str) -> tuple[Any, ...]:
    """The entry points of a group, those first that stand first on ``sys.path``.

    Args:
        group: ``"arcuate.environments"``, for example.

    Returns:
        Objects as :func:`importlib.metadata.entry_points` gives them: ``name``, ``value``, ``load()``.
    """
    state = _state()
    known = _kept.get(group)
    if known is not None and known[0] == state:
        return known[1]
    from importlib.metadata import entry_points

    found = tuple(entry_points(group=group))
    _kept[group] = state, found
    return found


def _state() -> Hashable:
    """What changes when a package is installed, removed, or found by other means."""
    return tuple(map(id, sys.meta_path)), tuple((path, _changed(path)) for path in sys.path)


def _changed(path: str) -> int:
    """When a folder, or an archive, changed last (nanoseconds); 0 where there is none."""
    try:
        return os.stat(path or ".").st_mtime_ns
    except (OSError, ValueError):
        return 0
