"""Which MATLAB, which Engine API and which Python fit together.

Source: MathWorks' page "Versions of Python Compatible with MATLAB Products by Release", and the versions of
``matlabengine`` on PyPI. MATLAB itself has not been at hand when this was written.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from arcuate.errors import EnvironmentNotFound

__all__ = ["RELEASES", "Found", "Release", "find", "problem"]


@dataclass(frozen=True)
class Release:
    """What goes with a release of MATLAB.

    Attributes:
        engine: the first numbers of the version of ``matlabengine``.
        first: the oldest Python 3 that it takes.
        last: the newest.
    """

    engine: str
    first: tuple[int, int]
    last: tuple[int, int]


RELEASES = {
    "R2020b": Release("9.9", (3, 6), (3, 8)),
    "R2021a": Release("9.10", (3, 7), (3, 8)),
    "R2021b": Release("9.11", (3, 7), (3, 9)),
    "R2022a": Release("9.12", (3, 8), (3, 9)),
    "R2022b": Release("9.13", (3, 8), (3, 10)),
    "R2023a": Release("9.14", (3, 8), (3, 10)),
    "R2023b": Release("23.2", (3, 9), (3, 11)),
    "R2024a": Release("24.1", (3, 9), (3, 11)),
    "R2024b": Release("24.2", (3, 9), (3, 12)),
    "R2025a": Release("25.1", (3, 9), (3, 12)),
    "R2025b": Release("25.2", (3, 9), (3, 12)),
    "R2026a": Release("26.1", (3, 9), (3, 13)),
}
_OWN = (3, 10)
"""The oldest Python that Arcuate itself runs on."""
_QUESTION = """
import importlib.util, sys
print('%d.%d' % sys.version_info[:2])
try:
    from importlib.metadata import version
    print(version('matlabengine'))
except Exception:
    print('')
try:
    print(importlib.util.find_spec('matlab.engine') is not None)
except Exception:
    print(False)
"""


@dataclass(frozen=True)
class Found:
    """What there is.

    Attributes:
        root: MATLAB's folder, or ``""``.
        release: such as ``"R2024b"``, or ``""``.
        python: the interpreter that would run the Engine API.
        version: its version, two numbers.
        engine: the version of ``matlabengine``, or ``""``.
        module: whether ``matlab.engine`` can be imported there (MATLAB's own copy has no version).
    """

    root: str
    release: str
    python: str
    version: tuple[int, int]
    engine: str
    module: bool


def find(python: str | None) -> Found:
    """Looks for MATLAB on the PATH and for the Engine API in a Python.

    Args:
        python: its path; this one when left out.

    Raises:
        EnvironmentNotFound: ``python`` is no program.
    """
    if python is None:
        path = sys.executable
    else:
        path = shutil.which(python) or ""
        if not path:
            raise EnvironmentNotFound(
                f"executable={python!r} is no program; name the Python with matlabengine"
            )
    version, engine, module = _asked(os.path.abspath(path))
    root = _root()
    return Found(root, _release(root), os.path.abspath(path), version, engine, module)


@lru_cache(maxsize=16)
def _asked(python: str) -> tuple[tuple[int, int], str, bool]:
    try:
        done = subprocess.run(
            [python, "-c", _QUESTION], capture_output=True, text=True, timeout=60, check=True
        )
        version, engine, module = done.stdout.split("\n")[:3]
        major, minor = version.split(".")
        return (int(major), int(minor)), engine, module == "True"
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EnvironmentNotFound(f"{python!r} is no Python that works: {error}") from None


def _root() -> str:
    """MATLAB's folder: above the ``bin`` of the program on the PATH, or MATLAB_ROOT."""
    program = shutil.which("matlab")
    if program is not None:
        return str(Path(os.path.realpath(program)).parent.parent)
    given = os.environ.get("MATLAB_ROOT", "")
    return given if given and os.path.isdir(given) else ""


def _release(root: str) -> str:
    """The release of an installed MATLAB, from its own file or from the name of its folder."""
    if not root:
        return ""
    try:
        with open(os.path.join(root, "VersionInfo.xml"), encoding="utf-8", errors="replace") as text:
            found = re.search(r"<release>\s*(R\d{4}[ab])", text.read())
            if found:
                return found[1]
    except OSError:
        pass
    named = re.search(r"R\d{4}[ab]", os.path.basename(root))
    return named[0] if named else ""


def problem(found: Found) -> tuple[str, str] | None:
    """What does not fit, as a sentence and the command that mends it; ``None`` when all is well."""
    fits = RELEASES.get(found.release)
    pip = f"{_short(found.python)} -m pip install "
    wanted = f"{pip}'matlabengine=={fits.engine}.*'" if fits else f"{pip}matlabengine"
    if fits and fits.last < _OWN:
        text = (
            f"MATLAB {found.release} works with Python up to {_text(fits.last)}, and Arcuate needs "
            f"{_text(_OWN)}: use R2022b or later"
        )
        return text, ""
    if found.version < _OWN:
        return f"this is Python {_text(found.version)}, and Arcuate needs {_text(_OWN)} or later", ""
    if fits and not max(fits.first, _OWN) <= found.version <= fits.last:
        range_ = f"{_text(max(fits.first, _OWN))} to {_text(fits.last)}"
        text = (
            f"MATLAB {found.release} works with Python {range_}, and this is {_text(found.version)}; give "
            f"connect('matlab', executable=...) a Python that fits, with matlabengine {fits.engine} in it"
        )
        return text, ""
    if not found.module:
        if not found.root:
            text = (
                "there is no MATLAB on the PATH, and no matlabengine in this Python: install MATLAB, put its "
                "'bin' on the PATH, then install the matlabengine of its release; without a licence, "
                "connect('octave') runs most MATLAB code"
            )
            return text, ""
        return f"MATLAB {found.release or 'is here'}, but matlabengine is not installed", wanted
    if fits and found.engine and not f"{found.engine}.".startswith(f"{fits.engine}."):
        return (
            f"matlabengine {found.engine} is installed, MATLAB {found.release} needs {fits.engine}",
            wanted,
        )
    return None


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _short(python: str) -> str:
    return "python" if python == sys.executable else python
