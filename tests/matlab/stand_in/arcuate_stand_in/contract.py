"""What the contract suite must know of MATLAB: what it knows of Octave, but for what is listed here."""

from __future__ import annotations

from tests.contract.quirks import Octave

__all__ = ["QUIRKS"]


class QUIRKS(Octave):
    """The functions of the suite, in m-code."""

    name = "matlab"
    language = "MATLAB"
