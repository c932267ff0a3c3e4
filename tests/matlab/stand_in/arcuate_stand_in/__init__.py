"""The MATLAB environment with another engine below: Arcuate's own, which runs Octave.

All of the adapter is the one that is shipped: the worker, the package of m-files, the pipes of callbacks.
Only the module that it imports instead of ``matlab.engine`` is another.
"""

from __future__ import annotations

from typing import ClassVar

from arcuate.client import environments
from arcuate.matlab import MatlabEnvironment
from arcuate.worker.environment import Report

__all__ = ["StandIn"]


class StandIn(MatlabEnvironment):
    """MATLAB, as far as Octave can stand in for it."""

    engine: ClassVar[str] = "arcuate.compat.matlab.engine"

    @classmethod
    def doctor(cls) -> Report:
        found = environments()["octave"].load().doctor()
        return Report(cls.name, found.found, missing=found.missing, install=found.install)
