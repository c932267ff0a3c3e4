"""The optional compiled helper: frames read, decoded, encoded and written in C++ instead of Octave code.

The sources in ``native/`` are compiled once with Octave's own ``mkoctfile`` into the user's cache
directory, under a name that is a hash of the sources and of the Octave they are for. Nothing is compiled
on import or behind anybody's back: ``python -m arcuate.octave`` builds it, and so does
``connect("octave", helper=True)``. Without it everything works the same, only slower.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from arcuate.errors import EnvironmentNotFound

__all__ = ["build", "compiler", "find"]

SOURCES = Path(__file__).parent / "native"
NAME = "arcuate__native"


def find(program: str) -> Path | None:
    """The folder with the helper built for this Octave, or ``None``."""
    folder = _folder(program)
    return folder if folder is not None and (folder / f"{NAME}.oct").is_file() else None


def compiler(program: str) -> str | None:
    """The ``mkoctfile`` that belongs to this Octave, or ``None``."""
    beside = Path(os.path.realpath(program)).parent / "mkoctfile"
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("mkoctfile")


def build(program: str) -> Path:
    """Builds the helper where it is not built yet.

    Returns:
        The folder that holds it.

    Raises:
        EnvironmentNotFound: there is no ``mkoctfile``, or it fails; the message holds its output.
    """
    found = find(program)
    if found is not None:
        return found
    folder = _folder(program)
    tool = compiler(program)
    if tool is None or folder is None:
        raise EnvironmentNotFound(
            "the compiled helper of the Octave environment needs mkoctfile, which is not there; "
            "install it (Debian: octave-dev), or leave out helper=True: everything works without"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        target = Path(work) / f"{NAME}.oct"
        done = subprocess.run(
            [tool, "-O2", "-s", "-o", str(target), str(SOURCES / "native.cc")],
            capture_output=True,
            text=True,
            cwd=work,
            check=False,
        )
        if done.returncode or not target.is_file():
            raise EnvironmentNotFound(
                f"{tool} could not compile the helper of the Octave environment; leave out helper=True, "
                f"everything works without. Its output:\n{(done.stdout + done.stderr).strip()}"
            )
        os.replace(target, folder / f"{NAME}.oct")  # at once, so that a session never sees half a file
    return folder


def _folder(program: str) -> Path | None:
    identity = _identity(os.path.realpath(program))
    root = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(root):
        root = os.path.expanduser("~/.cache")
    if not identity or not os.path.isabs(root):  # this user has no home
        return None
    return Path(root, "arcuate", "octave", identity)


@lru_cache(maxsize=8)
def _identity(program: str) -> str:
    """A hash of the sources and of the binary's path, size and time; found without starting Octave."""
    try:
        stat = os.stat(program)
        source = b"".join(file.read_bytes() for file in sorted(SOURCES.iterdir()) if file.is_file())
    except OSError:
        return ""
    digest = hashlib.sha256(source + f"|{program}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()
    return digest[:20]
