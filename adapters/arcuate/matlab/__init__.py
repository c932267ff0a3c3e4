"""The MATLAB environment: MATLAB through MathWorks' Engine API for Python, in a process of its own.

Values are converted on MATLAB's side, by the package in ``m/+arcuate``, so nothing depends on what the Engine
API itself can carry: it moves bytes only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import arcuate  # type: ignore[import-untyped,unused-ignore]
from arcuate.errors import EnvironmentNotFound, InvalidArgument
from arcuate.matlab.releases import Found, find, problem
from arcuate.worker.confine import python_files
from arcuate.worker.environment import Environment, Launch, Report

__all__ = ["MatlabEnvironment"]

_FIGURES = {"png": "image/png", "svg": "image/svg+xml", None: ""}
_BOOTSTRAP = (
    "import sys, types; package = types.ModuleType('arcuate'); package.__path__ = {paths!r}; "
    "sys.modules['arcuate'] = package; from arcuate.matlab.worker import main; main()"
)


class MatlabEnvironment(Environment):
    """MATLAB, in a process of its own, or one that runs already and is shared."""

    name: ClassVar[str] = "matlab"
    language: ClassVar[str] = "MATLAB"
    options: ClassVar[Mapping[str, str]] = {
        "session": "name of a shared MATLAB (matlab.engine.shareEngine) to use instead of a new one",
        "start": "options for a new MATLAB, such as '-nojvm' ('-nodesktop' when left out)",
        "path": "folders put first on MATLAB's path",
        "executable": "the Python that has matlabengine; this one when left out",
        "figures": "'png' (default), 'svg' or None: how figures are sent",
        "env": "environment variables",
        "cwd": "working directory",
    }
    engine: ClassVar[str] = "matlab.engine"
    """The module that is the Engine API; the tests put another one here that does as it does."""

    def launch(self) -> Launch:
        """How the worker is started.

        Raises:
            EnvironmentNotFound: MATLAB or its Engine API is missing, or they do not fit together.
        """
        self.hello()
        argv = [self._python(), "-c", _BOOTSTRAP.format(paths=[os.path.abspath(p) for p in arcuate.__path__])]
        env: dict[str, str | None] = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        env.update(self.variables)
        return Launch(argv, env=env, cwd=self.cwd, dies_alone=True)

    def _python(self) -> str:
        given = self.given.get("executable")
        found = find(None if given is None else os.fspath(given))
        if self.engine == "matlab.engine":
            wrong = problem(found)
            if wrong:
                raise EnvironmentNotFound(f"{wrong[0]}; type: {wrong[1]}" if wrong[1] else wrong[0])
        return found.python

    def hello(self) -> Mapping[str, Any]:
        """The options for the worker."""
        figures = self.given.get("figures", "png")
        if figures not in _FIGURES:
            raise InvalidArgument(f"figures must be 'png', 'svg' or None, not {figures!r}")
        session, start = self.given.get("session"), self.given.get("start")
        for key, value in (("session", session), ("start", start)):
            if value is not None and not isinstance(value, str):
                raise InvalidArgument(f"{key} must be a text, not {value!r}")
        if session is not None and start is not None:
            raise InvalidArgument("session= names a MATLAB that runs already; start= is for a new one")
        return {
            "engine": self.engine,
            "session": session or "",
            "start": "-nodesktop" if start is None else start,
            "path": self._folders(),
            "figures": _FIGURES[figures],
        }

    def _folders(self) -> list[str]:
        given = self.given.get("path") or []
        folders = [given] if isinstance(given, (str, os.PathLike)) else list(given)
        paths = [os.path.abspath(os.fspath(folder)) for folder in folders]
        for path in paths:
            if not os.path.isdir(path):
                raise InvalidArgument(f"path: {path!r} is no folder; create it or name another")
        return paths

    def readable(self) -> list[str]:
        """MATLAB's own folder and Python's files."""
        found: Found = find(None)
        own = str(Path(__file__).parent)
        return [own, *([found.root] if found.root else []), *python_files(), *self._folders()]

    @classmethod
    def doctor(cls) -> Report:
        """What is found on this machine. Never raises, and starts no MATLAB, which takes long."""
        found = find(None)
        wrong = problem(found)
        notes = [f"matlabengine {found.engine}"] if found.engine else []
        if found.release:
            notes.append(f"MATLAB {found.release}")
        if not wrong:
            notes.append("whether there is a licence shows when a session is opened")
        return Report(
            cls.name,
            not wrong,
            version=found.release,
            where=found.root,
            missing=[wrong[0]] if wrong else [],
            install=wrong[1] if wrong else "",
            notes=notes,
        )
