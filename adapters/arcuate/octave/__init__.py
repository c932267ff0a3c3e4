"""The environment ``octave``: GNU Octave in a process of its own.

:class:`OctaveEnvironment` finds ``octave-cli`` and says how it is started. The worker itself is Octave
code in ``worker/`` and needs no compiler; :mod:`arcuate.octave.helper` builds an optional compiled part
that makes it several times faster.

Octave runs interactively with its standard input on a pipe, since only then SIGINT unwinds it to its
prompt instead of ending it. The command line starts the loop; after each interrupt the host starts it again
by writing its name on that pipe. The loop then sends ``resumed`` and the workspace is as it was.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from arcuate.errors import EnvironmentNotFound, InvalidArgument
from arcuate.octave import folders, helper
from arcuate.worker.environment import Environment, Launch, Report, installer

__all__ = ["OctaveEnvironment"]

WORKER = Path(__file__).parent / "worker"
SHADOW = WORKER / "shadow"
_LOOP = b"arcuate__loop\n"
_PACKAGES = {"apt-get": "octave", "dnf": "octave", "brew": "octave", "conda": "octave"}
_COMPILER = {"apt-get": "octave-dev", "dnf": "octave-devel", "brew": "octave", "conda": "octave"}
_PLOTTER = {"apt-get": "gnuplot-nox", "dnf": "gnuplot", "brew": "gnuplot", "conda": "gnuplot"}
_FIGURES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf", None: "none"}

# glibc keeps and reuses freed memory: fresh pages cost more than the copy into them.
_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "1048576",
}

_NOISE = (
    "error: ignoring const execution_exception& while preparing to exit",
    "error: ignoring const interrupt_exception& while preparing to exit",
    "octave: X11 DISPLAY environment variable not set",
    "octave: disabling GUI features",
    "WARNING: Plotting with an 'unknown' terminal.",
    "No output will be generated. Please select a terminal with 'set terminal'.",
)


class OctaveEnvironment(Environment):
    """GNU Octave, version 7 or later, in a process of its own."""

    name = "octave"
    language = "Octave"
    options: ClassVar[Mapping[str, str]] = {
        "executable": "path of octave-cli; otherwise OCTAVE_EXECUTABLE, then PATH",
        "path": "folders put first on the load path; 'toolbox/**' with all below, '!toolbox/old' without",
        "packages": "Octave packages to load, such as ['signal', 'statistics']",
        "env": "environment variables",
        "cwd": "working directory",
        "figures": "'png' (default), 'svg', 'pdf' or None: how figures are sent",
        "helper": "True: build and use the compiled helper; False: do without; left out: use it if built",
    }

    def launch(self) -> Launch:
        program = self.executable()
        env: dict[str, str | None] = {
            **_MALLOC,
            "OCTAVE_HISTFILE": os.devnull,
            "DISPLAY": None,
            "WAYLAND_DISPLAY": None,
            "QT_QPA_PLATFORM": "offscreen",
            "GNUTERM": "unknown",  # or a figure that is made visible is drawn in letters on standard output
        }
        env.update(self.variables)
        return Launch(
            argv=[
                program,
                "--norc",
                "--quiet",
                "--interactive",
                "--no-line-editing",
                "--no-history",
                "--no-gui",
                # Here and not by addpath(): each change of the path makes Octave read all its folders again.
                "--path",
                os.pathsep.join([str(WORKER), str(SHADOW)]),
                # The prompts are set before the first one, so that none is ever printed. The loop begins here
                # and not with a line on standard input: before such a line the path is read once more.
                "--eval",
                f"PS1 (''); PS2 (''); arcuate__loop ({_quoted(self._helper())});",
                "--persist",
            ],
            env=env,
            cwd=self.cwd,
            start=b"",
            resume=_LOOP,
            quiet=[*_NOISE, *_shadowing()],
        )

    def readable(self) -> list[str]:
        """Octave's folders, the worker's, and those of packages of the user who runs it."""
        from arcuate.worker.confine import prefix

        program = os.path.realpath(self.executable())
        home = Path(os.path.expanduser("~"))
        own = [home / ".local/share/octave", home / "octave", home / ".octave_packages"]
        helper_file = self._helper()
        return [
            *prefix(os.path.dirname(os.path.dirname(program))),
            "/usr/libexec/octave",
            "/usr/local/libexec/octave",
            str(WORKER),
            *([os.path.dirname(helper_file)] if helper_file else []),
            *(str(path) for path in own if path.exists()),
            *self.hello()["path"],
        ]

    def executable(self) -> str:
        """The path of ``octave-cli``.

        Raises:
            EnvironmentNotFound: it is nowhere, or the one that was named does not exist.
        """
        for origin, given in (
            ("executable=", self.given.get("executable")),
            ("OCTAVE_EXECUTABLE=", os.environ.get("OCTAVE_EXECUTABLE")),
        ):
            if given:
                found = shutil.which(os.fspath(given))
                if found is None:
                    raise EnvironmentNotFound(
                        f"{origin}{os.fspath(given)!r} is no program; name the file octave-cli"
                    )
                return os.path.abspath(found)
        found = _on_path()
        if found is None:
            raise EnvironmentNotFound(
                f"Octave was not found: neither octave-cli nor octave is on PATH; "
                f"install it with: {installer(_PACKAGES)}, or name it with connect('octave', executable=...)"
            )
        return found

    def hello(self) -> Mapping[str, Any]:
        figures = self.given.get("figures", "png")
        if figures not in _FIGURES:
            raise InvalidArgument(f"figures must be 'png', 'svg', 'pdf' or None, not {figures!r}")
        return {
            "path": folders.expand(_texts("path", self.given.get("path"))),
            "packages": [_package(name) for name in _texts("packages", self.given.get("packages"))],
            "figures": _FIGURES[figures],
        }

    def _helper(self) -> str:
        """The compiled helper's file, or ``""``."""
        wanted = self.given.get("helper")
        if wanted not in (None, True, False):
            raise InvalidArgument(f"helper must be True, False or left out, not {wanted!r}")
        if wanted is False:
            return ""
        program = self.executable()
        found = helper.build(program) if wanted else helper.find(program)
        return "" if found is None else str(found / f"{helper.NAME}.oct")

    @classmethod
    def doctor(cls) -> Report:
        where = os.environ.get("OCTAVE_EXECUTABLE") or _on_path()
        if where is None:
            return Report(
                cls.name,
                found=False,
                missing=["neither octave-cli nor octave is on PATH"],
                install=installer(_PACKAGES),
            )
        version = octave_version(where)
        if not version:
            return Report(
                cls.name,
                found=False,
                where=where,
                missing=[f"{where} does not start"],
                install=installer(_PACKAGES),
            )
        notes = []
        if int(version.split(".")[0]) < 7:
            return Report(
                cls.name,
                found=False,
                version=version,
                where=where,
                missing=[f"Octave {version} is too old; 7 or later is needed"],
                install=installer(_PACKAGES),
            )
        if helper.find(where) is not None:
            notes.append("the compiled helper is built and used")
        elif helper.compiler(where) is not None:
            notes.append("the compiled helper is not built yet; build it with: python -m arcuate.octave")
        else:
            notes.append(
                f"mkoctfile is missing, so no compiled helper: calls are slower; {installer(_COMPILER)}"
            )
        if not shutil.which("gnuplot"):
            notes.append("gnuplot is missing, so figures may not be drawn; " + installer(_PLOTTER))
        return Report(cls.name, found=True, version=version, where=where, notes=notes)


def octave_version(program: str) -> str:
    """The version of an ``octave-cli``, or ``""`` when it does not start."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"version (\d+(?:\.\d+)+)", done.stdout)
    return found.group(1) if found else ""


def _quoted(text: str) -> str:
    """A text as Octave code."""
    return "'" + text.replace("'", "''") + "'"


def _shadowing() -> list[str]:
    """What Octave says at its start about the functions that the worker means to replace."""
    return [
        f"warning: function {file} shadows a built-in function"
        for file in SHADOW.iterdir()
        if file.suffix == ".m"
    ]


def _on_path() -> str | None:
    return shutil.which("octave-cli") or shutil.which("octave")


def _texts(option: str, given: Any) -> list[str]:
    if given is None:
        return []
    items = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    for item in items:
        if not isinstance(item, (str, os.PathLike)):
            raise InvalidArgument(f"{option} must be a text or a list of texts, not {item!r}")
    return [os.fspath(item) for item in items]


def _package(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise InvalidArgument(f"packages: {name!r} is no name of an Octave package; use one such as 'signal'")
    return name
