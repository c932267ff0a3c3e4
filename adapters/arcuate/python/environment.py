"""How the environment ``python`` is found and started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import arcuate  # type: ignore[import-untyped,unused-ignore]
from arcuate.errors import EnvironmentNotFound, InvalidArgument
from arcuate.worker.environment import Environment, Launch, Report

__all__ = ["PythonEnvironment"]

# The worker finds Arcuate's own modules by their folders and nothing else of the host's packages.
_BOOTSTRAP = (
    "import sys, types; package = types.ModuleType('arcuate'); package.__path__ = {paths!r}; "
    "sys.modules['arcuate'] = package; from arcuate.python.worker import main; main()"
)
_QUESTION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


class PythonEnvironment(Environment):
    """A Python interpreter in a process of its own."""

    name = "python"
    language = "Python"
    options: ClassVar[Mapping[str, str]] = {
        "executable": "path of the interpreter, such as .venv/bin/python; this one when left out",
        "path": "folders put first on sys.path",
        "env": "environment variables",
        "cwd": "working directory",
        "figures": "'png' (default), 'svg' or None: how matplotlib figures are sent",
    }

    def launch(self) -> Launch:
        code = _BOOTSTRAP.format(paths=[os.path.abspath(path) for path in arcuate.__path__])
        env: dict[str, str | None] = {
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            "MPLBACKEND": "Agg",
        }
        env.update(self.variables)
        return Launch(argv=[self.executable(), "-c", code], env=env, cwd=self.cwd, dies_alone=True)

    def executable(self) -> str:
        """The interpreter's path."""
        given = self.given.get("executable")
        if given is None:
            return sys.executable
        found = shutil.which(os.fspath(given))
        if found is None:
            raise EnvironmentNotFound(
                f"executable={os.fspath(given)!r} is no program; "
                f"name a Python interpreter, such as .venv/bin/python"
            )
        return str(os.path.abspath(found))

    def readable(self) -> list[str]:
        from arcuate.worker.confine import python_files

        given = self.given.get("executable")
        return [*python_files(None if given is None else self.executable()), *self.hello()["path"]]

    def hello(self) -> Mapping[str, Any]:
        figures = self.given.get("figures", "png")
        if figures not in ("png", "svg", None):
            raise InvalidArgument(f"figures must be 'png', 'svg' or None, not {figures!r}")
        path = self.given.get("path") or []
        folders = [path] if isinstance(path, (str, os.PathLike)) else list(path)
        return {"path": [os.path.abspath(os.fspath(folder)) for folder in folders], "figures": figures or ""}

    @classmethod
    def doctor(cls) -> Report:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _QUESTION], capture_output=True, text=True, timeout=30
            )
        except (OSError, subprocess.SubprocessError) as error:
            return Report(
                cls.name,
                found=False,
                where=sys.executable,
                missing=[f"the interpreter does not start: {error}"],
            )
        return Report(cls.name, found=done.returncode == 0, version=done.stdout.strip(), where=sys.executable)
