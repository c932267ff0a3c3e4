"""How R is found on this machine and its worker started; nothing of rpy2 is imported here."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from arcuate.errors import EnvironmentNotFound, InvalidArgument
from arcuate.r.store import compiled
from arcuate.worker.environment import Environment, Launch, Report, installer

__all__ = ["REnvironment"]

_PACKAGES = {
    "apt-get": "r-base-core r-cran-matrix",
    "dnf": "R-core",
    "brew": "r",
    "conda": "r-base r-matrix",
}
_FIGURES = {"png": "image/png", "svg": "image/svg+xml", None: ""}


class REnvironment(Environment):
    """R, in a process of its own."""

    name: ClassVar[str] = "r"
    language: ClassVar[str] = "R"
    options: ClassVar[Mapping[str, str]] = {
        "home": "R's home directory (what `R RHOME` prints); otherwise R_HOME, then the R on the PATH",
        "lib": "a library directory, or several, searched before R's own",
        "packages": "packages that are attached at the start, as library() does",
        "source": "files of R code, or folders of them, that are run in the workspace at the start",
        "figures": "'png' (default), 'svg' or None: how figures are sent",
        "env": "environment variables for the R process",
        "cwd": "its working directory",
    }

    def launch(self) -> Launch:
        """How the worker is started.

        Raises:
            EnvironmentNotFound: R or rpy2-rinterface is missing; the message says how to install it.
            InvalidArgument: an option has no possible value.
        """
        self.hello()  # wrong options are refused before a process is started
        home = self._home()
        if (
            importlib.util.find_spec("_rinterface_cffi_api") is None
            and importlib.util.find_spec("_rinterface_cffi_abi") is None
        ):
            raise EnvironmentNotFound(
                f"R was found in {home}, but rpy2-rinterface is not installed; type: {_pip(_version(home))}"
            )
        env: dict[str, str | None] = {
            "R_HOME": home,
            # What the shell script `R` sets before it starts the interpreter.
            "R_SHARE_DIR": os.environ.get("R_SHARE_DIR")
            or _first(os.path.join(home, "share"), "/usr/share/R/share"),
            "R_INCLUDE_DIR": os.environ.get("R_INCLUDE_DIR")
            or _first(os.path.join(home, "include"), "/usr/share/R/include"),
            "R_DOC_DIR": os.environ.get("R_DOC_DIR") or _first(os.path.join(home, "doc"), "/usr/share/R/doc"),
            "LD_LIBRARY_PATH": _library_path(home, os.environ.get("LD_LIBRARY_PATH", "")),
            # Freed memory is used again instead of being given back and faulted in anew: large arrays move
            # twice as fast.
            "MALLOC_MMAP_THRESHOLD_": "4294967296",
            "MALLOC_TRIM_THRESHOLD_": "17179869184",
            # R collects when so many bytes of vectors are in use. It begins with 64 MiB and goes on from what
            # it finds: arrays of some tens of megabytes would bring about a whole collection each.
            "R_VSIZE": os.environ.get("R_VSIZE", "256M"),
            "PYTHONUNBUFFERED": None,
            "PYTHONSTARTUP": None,
            # numpy is used for copies only: no pools of threads
            "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS"),
        }
        if not any("utf" in os.environ.get(name, "").lower() for name in ("LC_ALL", "LC_CTYPE", "LANG")):
            env["LC_ALL"] = "C.UTF-8"
        env.update(self.variables)
        # -P keeps the working directory off the path: a user's own numbers.py must not be imported here.
        argv = [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else []), "-m", "arcuate.r.worker"]
        return Launch(argv, env=env, cwd=self.cwd, dies_alone=True)

    def readable(self) -> list[str]:
        """R's home with what its links lead to, the libraries of packages, and Python's files."""
        from arcuate.worker.confine import python_files

        home = self._home()
        # /usr/lib/R/etc is full of links to /etc/R, say
        linked = [os.path.realpath(os.path.join(home, "etc", name)) for name in ("Renviron", "Rprofile.site")]
        libraries = [path for path in os.environ.get("R_LIBS", "").split(os.pathsep) if path]
        kept = compiled(home)
        return [
            home,
            *([kept] if os.path.exists(kept) else []),
            os.path.realpath(home),
            *(os.path.dirname(path) for path in linked),
            *libraries,
            *_texts(self.given.get("lib"), "lib"),
            *self._sources(),
            *python_files(),
        ]

    def confined(self) -> Mapping[str, str]:
        """R asks other programs about the system while it starts, unless this profile is read first."""
        return {"R_PROFILE": str(Path(__file__).with_name("confined.R"))}

    def hello(self) -> Mapping[str, Any]:
        """The options for the worker."""
        figures = self.given.get("figures", "png")
        if figures not in _FIGURES:
            raise InvalidArgument(f"figures must be 'png', 'svg' or None, not {figures!r}")
        return {
            "lib": _texts(self.given.get("lib"), "lib"),
            "packages": _texts(self.given.get("packages"), "packages"),
            "figures": _FIGURES[figures],
            "source": self._sources(),
            "compiled": compiled(self._home()),
        }

    def _home(self) -> str:
        given = self.given.get("home")
        return find_home(None if given is None else os.fspath(given))

    def _sources(self) -> list[str]:
        """The files of the option ``source``, those of a folder in the order of their names."""
        found: list[str] = []
        for given in map(os.path.abspath, _texts(self.given.get("source"), "source")):
            if os.path.isdir(given):
                names = sorted(name for name in os.listdir(given) if name.endswith((".R", ".r")))
                found += [os.path.join(given, name) for name in names]
            elif os.path.isfile(given):
                found.append(given)
            else:
                raise InvalidArgument(f"source={given!r} is no file and no folder; name one that exists")
        return found

    @classmethod
    def doctor(cls) -> Report:
        """What is found on this machine. Starts no session and never raises."""
        try:
            home = find_home(None)
        except EnvironmentNotFound as error:
            return Report(cls.name, False, missing=[error.message], install=installer(_PACKAGES))
        version = _version(home)
        missing: list[str] = []
        notes: list[str] = []
        install = ""
        if not os.path.exists(os.path.join(home, "lib", _shared())):
            missing.append(
                f"R's shared library {_shared()} is not in {os.path.join(home, 'lib')}: this R was built "
                "without --enable-R-shlib"
            )
            install = installer(_PACKAGES)
        rpy2 = _rpy2_version()
        if not rpy2:
            missing.append("rpy2-rinterface is not installed")
            install = install or _pip(version)
        else:
            problem = _load_problem(home)
            if problem:
                missing.append(problem)
                install = install or _pip(version)
            else:
                notes.append(f"rpy2-rinterface {rpy2}")
        notes.extend(_packages(home))
        return Report(
            cls.name, not missing, version=version, where=home, missing=missing, install=install, notes=notes
        )


def find_home(given: str | None) -> str:
    """R's home directory.

    Args:
        given: the option ``home``, or ``None``.

    Raises:
        EnvironmentNotFound: there is no R; the message says how to install it.
    """
    asked = given or os.environ.get("R_HOME")
    if asked:
        home = os.path.realpath(asked)
        if os.path.exists(os.path.join(home, "library", "base")):
            return home
        under = os.path.join(home, "lib", "R")  # a prefix, as conda has it
        if os.path.exists(os.path.join(under, "library", "base")):
            return under
        source = "home=" if given else "R_HOME="
        raise EnvironmentNotFound(
            f"{source}{asked!r} is not R's home directory: it holds no library/base; it is what `R RHOME` "
            "prints"
        )
    program = shutil.which("R")
    if program is None:
        raise EnvironmentNotFound(
            f"R is not on the PATH and R_HOME is not set; install R with: {installer(_PACKAGES)}, "
            "or name its home directory: connect('r', home=...)"
        )
    return _home_of(program)


@lru_cache(maxsize=8)
def _home_of(program: str) -> str:
    """The home that an ``R`` script names; reading it spares starting a shell."""
    try:
        with open(program, encoding="utf-8", errors="replace") as script:
            found = re.search(r"^R_HOME_DIR=(\S+)$", script.read(), re.MULTILINE)
        if found and os.path.exists(os.path.join(found[1], "library", "base")):
            return found[1]
        home = subprocess.run(
            [program, "RHOME"], capture_output=True, text=True, timeout=30, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentNotFound(
            f"{program} RHOME failed ({error}); name R's home directory: connect('r', home=...)"
        ) from None
    return home.splitlines()[-1] if home else home


def _version(home: str) -> str:
    """R's version, from the description of its package base."""
    try:
        with open(
            os.path.join(home, "library", "base", "DESCRIPTION"), encoding="utf-8", errors="replace"
        ) as text:
            found = re.search(r"^Version: *(\S+)", text.read(), re.MULTILINE)
    except OSError:
        return ""
    return found[1] if found else ""


def _pip(version: str) -> str:
    """The command that installs the rpy2-rinterface for a version of R."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    # 3.6.5 and later use R_getVar, which R has since 4.5
    return "pip install rpy2-rinterface" + ("==3.6.4" if numbers and numbers < (4, 5) else "")


def _rpy2_version() -> str:
    try:
        return importlib.metadata.version("rpy2-rinterface")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _load_problem(home: str) -> str:
    """Why the worker could not load R, or ``""``. Loads it in a process of its own."""
    env = {
        **os.environ,
        "R_HOME": home,
        "LD_LIBRARY_PATH": _library_path(home, os.environ.get("LD_LIBRARY_PATH", "")),
    }
    code = "import sys\ntry:\n import arcuate.r.rapi\nexcept Exception as e:\n print(e); sys.exit(1)"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"the R worker could not be tried: {error}"
    return "" if done.returncode == 0 else (done.stdout or done.stderr).strip()


def _packages(home: str) -> list[str]:
    """Notes on R packages that some values need, without starting R."""
    places = [
        os.path.join(home, "library"),
        "/usr/lib/R/site-library",
        "/usr/local/lib/R/site-library",
        "/usr/share/R/library",
    ]
    places += [path for path in os.environ.get("R_LIBS", "").split(os.pathsep) if path]
    notes = []
    for package, use in (("Matrix", "sparse matrices"), ("bit64", "64-bit integers made in R")):
        found = any(os.path.exists(os.path.join(place, package)) for place in places)
        notes.append(f"R package {package} ({use}): {'found' if found else 'not found'}")
    return notes


def _library_path(home: str, current: str) -> str:
    lib = os.path.join(home, "lib")
    parts = current.split(os.pathsep) if current else []
    return os.pathsep.join([lib, *(part for part in parts if part != lib)])


def _shared() -> str:
    return "libR.dylib" if sys.platform == "darwin" else "libR.so"


def _first(*paths: str) -> str:
    return next((path for path in paths if os.path.isdir(path)), paths[0])


def _texts(value: Any, option: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (str, os.PathLike)):
        return [os.fspath(value)]
    try:
        return [os.fspath(item) for item in value]
    except TypeError:
        raise InvalidArgument(f"{option}={value!r} is not possible; give a text or a list of texts") from None
