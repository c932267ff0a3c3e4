"""Where the compiled form of Arcuate's own R code is kept between sessions (``load.R`` makes it)."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

__all__ = ["SOURCES", "compiled"]

HERE = Path(__file__).parent
SOURCES = ("support.R", "values.R", "inspect.R")
"""The files of Arcuate's own R code, in the order in which they are read."""


def compiled(home: str) -> str:
    """The file of the compiled code for the R in ``home``: ``$XDG_CACHE_HOME/arcuate/r/<hash>.rds``.

    The folder is made, for its user alone. ``""`` where that is not possible, or where the folder or the
    file belongs to somebody else or can be changed by somebody else: what is in it is run.
    """
    root = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(root):
        root = os.path.expanduser("~/.cache")
    if not os.path.isabs(root):
        return ""  # this user has no home
    try:
        file = Path(root, "arcuate", "r", f"{_identity(home)}.rds")
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _ours(file.parent)
        if file.exists():
            _ours(file)
    except OSError:
        return ""
    return str(file)


def _ours(path: Path) -> None:
    status = path.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"{path} could be changed by another user")


@lru_cache(maxsize=8)
def _identity(home: str) -> str:
    """A hash of the sources, of R's place and of when and as which version it was built."""
    digest = hashlib.sha256(os.path.realpath(home).encode())
    for name in ("load.R", *SOURCES):
        digest.update((HERE / name).read_bytes())
    digest.update((Path(home) / "library" / "base" / "DESCRIPTION").read_bytes())
    return digest.hexdigest()[:20]
