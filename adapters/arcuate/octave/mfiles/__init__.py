"""m-files read without running them: ``arcuate mcheck`` and ``arcuate wrap``."""

from __future__ import annotations

from arcuate.octave.mfiles.source import Function, MFile, Parameter, read

__all__ = ["Function", "MFile", "Parameter", "read"]
