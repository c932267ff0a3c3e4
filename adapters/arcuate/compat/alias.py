"""``install_as_matlab``: ``import matlab.engine`` finds :mod:`arcuate.compat.matlab` in this process."""

from __future__ import annotations

import importlib
import sys

from arcuate.errors import Unsupported

__all__ = ["install_as_matlab"]


def install_as_matlab() -> None:
    """Makes ``import matlab`` and ``import matlab.engine`` find Arcuate's, in this process only.

    Nothing is installed on disk. Calling it again changes nothing.

    Raises:
        Unsupported: another package ``matlab`` is imported already, so that a part of the program uses it.
    """
    ours = importlib.import_module("arcuate.compat.matlab")
    engine = importlib.import_module("arcuate.compat.matlab.engine")
    for name in ("matlab", "matlab.engine"):
        found = sys.modules.get(name)
        if found is not None and found not in (ours, engine):
            raise Unsupported(
                f"another package {name!r} is imported already ({getattr(found, '__file__', None)}); call "
                "install_as_matlab() before the first import of matlab, or use arcuate.compat.matlab by "
                "its own name"
            )
    sys.modules["matlab"] = ours
    sys.modules["matlab.engine"] = engine
