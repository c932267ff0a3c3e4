"""Perl as an environment: the smallest complete example of a language that Arcuate does not ship.

A folder of its own, announced by an entry point of its own; nothing of Arcuate knows of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import ClassVar

from arcuate.errors import EnvironmentNotFound
from arcuate.worker.environment import Environment, Launch, Report, installer

__all__ = ["PerlEnvironment"]

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_PACKAGES = {"apt-get": "perl", "dnf": "perl", "brew": "perl", "conda": "perl"}


class PerlEnvironment(Environment):
    """Perl 5 in a process of its own."""

    name = "perl"
    language = "Perl"
    options: ClassVar[Mapping[str, str]] = {"cwd": "working directory", "env": "environment variables"}

    def launch(self) -> Launch:
        program = shutil.which("perl")
        if program is None:
            raise EnvironmentNotFound(f"perl is not on the PATH; type: {installer(_PACKAGES)}")
        return Launch(
            argv=[program, os.path.join(_FOLDER, "worker.pl")],
            env={"PERL_UNICODE": None, **self.variables},
            cwd=self.cwd,
        )

    @classmethod
    def doctor(cls) -> Report:
        program = shutil.which("perl")
        if program is None:
            return Report(cls.name, found=False, missing=["perl"], install=installer(_PACKAGES))
        done = subprocess.run(
            [program, "-e", "print sprintf '%vd', $^V; exit($] < 5.036)"], capture_output=True, text=True
        )
        missing = [] if done.returncode == 0 else [f"Perl {done.stdout} is too old, 5.36 is needed"]
        return Report(cls.name, found=not missing, version=done.stdout, where=program, missing=missing)
