"""What this machine has, and how it installs more: R, Octave and the package manager.

Standard library only: this runs before there is an environment to install anything into.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from dataclasses import dataclass

# Without recommended packages: those of r-cran-r6 alone would bring a thousand. R packages and rpy2's faster
# interface are compiled with r-base-dev; gnuplot draws Octave's figures where there is no screen, and without
# fonts-freefont-otf Octave cannot write a letter in one; packages of Octave are for the tests and its client;
# curl, pbdZMQ, jsonlite and testthat are for the client in R.
APT = {  # what may be missing -> the Debian packages that bring it
    "R": [
        *("r-base-core", "r-base-dev", "r-recommended", "r-cran-r6", "r-cran-bit64"),
        *("r-cran-curl", "r-cran-pbdzmq", "r-cran-jsonlite", "r-cran-testthat"),
    ],
    "Matrix": ["r-cran-matrix"],
    "R6": ["r-cran-r6"],
    "bit64": ["r-cran-bit64"],
    "curl": ["r-cran-curl"],
    "pbdZMQ": ["r-cran-pbdzmq"],
    "jsonlite": ["r-cran-jsonlite"],
    "testthat": ["r-cran-testthat"],
    "octave": [
        *("octave", "octave-dev", "gnuplot-nox", "fonts-freefont-otf", "octave-struct", "octave-signal"),
        *("octave-splines", "octave-linear-algebra", "octave-miscellaneous"),
        *("octave-zeromq", "octave-sockets", "octave-instrument-control"),
    ],
    "mkoctfile": ["octave-dev"],
    "gnuplot": ["gnuplot-nox"],
    "FreeSans": ["fonts-freefont-otf"],
    "struct": ["octave-struct"],
    "signal": ["octave-signal"],
    "splines": ["octave-splines"],
    "linear-algebra": ["octave-linear-algebra"],
    "miscellaneous": ["octave-miscellaneous"],
    "zeromq": ["octave-zeromq"],
    "sockets": ["octave-sockets"],
    "instrument-control": ["octave-instrument-control"],
    "Python.h": ["python3-dev"],
}
COMMANDS = {
    "conda": "conda install -y -c conda-forge r-base r-matrix r-r6 r-bit64 r-curl r-pbdzmq r-jsonlite "
    "r-testthat octave compilers",
    "apt-get": "sudo apt-get update && sudo apt-get install -y --no-install-recommends @PACKAGES@",
    "dnf": "sudo dnf install -y R-core R-core-devel R-Matrix R-R6 R-bit64 R-curl R-jsonlite R-testthat "
    "octave octave-devel",
    "pacman": "sudo pacman -S --needed r octave base-devel",
    "brew": "brew install r octave && "
    "Rscript -e 'chooseCRANmirror(ind = 1); "
    'install.packages(c("R6", "bit64", "curl", "pbdZMQ", "jsonlite", "testthat"))\'',
}
R_PACKAGES = ("Matrix", "R6", "bit64", "curl", "pbdZMQ", "jsonlite", "testthat")
OCTAVE_PARTS = {  # parts of Debian's own Octave, and where they are
    "gnuplot": "/usr/bin/gnuplot",
    "FreeSans": "/usr/share/fonts/opentype/freefont/FreeSans.otf",
    "struct": "/usr/share/octave/packages/struct-*",
    "signal": "/usr/share/octave/packages/signal-*",
    "splines": "/usr/share/octave/packages/splines-*",
    "linear-algebra": "/usr/share/octave/packages/linear-algebra-*",
    "miscellaneous": "/usr/share/octave/packages/miscellaneous-*",
    "zeromq": "/usr/share/octave/packages/zeromq-*",
    "sockets": "/usr/share/octave/packages/sockets-*",
    "instrument-control": "/usr/share/octave/packages/instrument-control-*",
}


@dataclass(frozen=True)
class Found:
    """One interpreter on this machine.

    Attributes:
        name: "R" or "Octave".
        path: The program, or "" when it is not installed.
        version: Such as "4.2.2", or "" when it is not installed.
        missing: Parts of it that are not there, such as R packages or `mkoctfile`.
    """

    name: str
    path: str = ""
    version: str = ""
    missing: tuple[str, ...] = ()

    def numbers(self) -> tuple[int, ...]:
        """Return the version as numbers, for comparisons."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:3])


def output_of(*command: str) -> str:
    """Return what a command printed on stdout and stderr, "" if it could not be run or failed."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""


def find_r() -> Found:
    """Find R as the adapter would: `R_HOME` first, then `R` on the PATH."""
    home = os.environ.get("R_HOME", "")
    path = os.path.join(home, "bin", "R") if home else shutil.which("R") or ""
    match = re.search(r"R version (\d+\.\d+\.\d+)", output_of(path, "--version")) if path else None
    if match is None:
        return Found("R", missing=("R",))
    folders = output_of(
        path, "--vanilla", "--no-echo", "-e", "cat(.libPaths(), .Library, sep='\\n')"
    ).splitlines()
    missing = [p for p in R_PACKAGES if not any(os.path.isdir(os.path.join(f, p)) for f in folders)]
    return Found("R", path, match.group(1), tuple(missing))


def find_octave() -> Found:
    """Find Octave, `mkoctfile`, which builds the compiled helper, and what figures and tests need."""
    path = shutil.which("octave-cli") or shutil.which("octave") or ""
    match = re.search(r"version (\d+\.\d+\.\d+)", output_of(path, "--version")) if path else None
    if match is None:
        return Found("Octave", missing=("octave",))
    missing = [] if shutil.which("mkoctfile") else ["mkoctfile"]
    if path.startswith("/usr/bin/") and manager() == "apt-get":
        missing += [name for name, place in OCTAVE_PARTS.items() if not glob.glob(place)]
    return Found("Octave", path, match.group(1), tuple(missing))


def find_python() -> Found:
    """Describe this Python, and whether it has the headers with which rpy2's faster interface is compiled."""
    header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
    missing = () if os.path.exists(header) else ("Python.h",)
    return Found("Python", sys.executable, sys.version.split()[0], missing)


def find_all() -> list[Found]:
    """Find R, Octave and this Python, in this order."""
    return [find_r(), find_octave(), find_python()]


def manager() -> str:
    """Return the name of the package manager to use here, "" if none is known."""
    if os.environ.get("CONDA_PREFIX") and shutil.which("conda"):
        return "conda"
    return next((name for name in ("apt-get", "dnf", "pacman", "brew", "conda") if shutil.which(name)), "")


def packages_for(found: list[Found]) -> list[str]:
    """Return the Debian packages that bring what is missing.

    R packages count only for Debian's own R: another R would not see them.
    """
    names = [
        name for one in found for name in one.missing if name not in R_PACKAGES or one.path == "/usr/bin/R"
    ]
    return sorted({package for name in names for package in APT[name]})


def install_command(found: list[Found]) -> str:
    """Return the one command that installs what is missing on this machine, for a person to type."""
    absent = [name for one in found for name in one.missing]
    if absent and all(name in R_PACKAGES for name in absent) and not packages_for(found):
        listed = ", ".join(f'"{name}"' for name in absent)
        return f"Rscript -e 'chooseCRANmirror(ind = 1); install.packages(c({listed}))'"
    fallback = "install R (4.0 or newer) and GNU Octave (6 or newer) as their own web sites describe"
    packages = packages_for(found) or sorted({package for listed in APT.values() for package in listed})
    return COMMANDS.get(manager(), fallback).replace("@PACKAGES@", " ".join(packages))


def privileges() -> list[str] | None:
    """Return the prefix that makes a command run as root, or None when that needs a password."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        asked = subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if asked.returncode == 0:
            return ["sudo", "-n"]
    return None


def install(packages: list[str]) -> bool:
    """Install Debian packages without asking anything; return whether it was possible and went well."""
    with _installing:
        return _install(packages)


_installing = threading.Lock()
"""One apt-get at a time; it would not wait for another one's lists."""


def _install(packages: list[str]) -> bool:
    prefix = privileges()
    if manager() != "apt-get" or prefix is None or os.environ.get("ARCUATE_SYSTEM") == "no":
        return False
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    options = ["-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=300"]
    for verb in (["update"], ["install", "--no-install-recommends", *packages]):
        if subprocess.run([*apt, *options, *verb], stdin=subprocess.DEVNULL, check=False).returncode:
            return False
    return True
