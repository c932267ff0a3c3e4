"""``check``: what is installed, and whether Octave answers."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from arcuate.compat.oct2py.core import Oct2Py
from arcuate.compat.oct2py.utils import Oct2PyError

__all__ = ["check"]


def check() -> None:
    """Prints versions, where Octave is, its graphics toolkits, and whether a session works."""
    lines = [
        f"Platform: {platform.platform()}",
        f"Python: {sys.version.split()[0]} ({sys.executable})",
        f"oct2py: the face of Arcuate {_version('arcuate')}",
    ]
    lines += [f"{name}: {_version(name)}" for name in ("numpy", "scipy", "ipython", "matplotlib")]
    try:
        with Oct2Py() as session:
            lines.append(f"Octave exe: {session.settings.executable}")
            lines.append(f"Octave version: {session.feval('OCTAVE_VERSION')}")
            kits = session.feval("available_graphics_toolkits")
            lines.append(f"Graphics toolkits: {', '.join(str(kit) for kit in kits.ravel())}")
            lines.append("Connection OK")
    except Oct2PyError as error:
        lines.append(f"Connection failed: {error}")
    print("\n".join(lines))  # noqa: T201


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
