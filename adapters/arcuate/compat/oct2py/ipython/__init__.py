"""The magics ``%octave``, ``%%octave``, ``%octave_push`` and ``%octave_pull`` of IPython."""

from __future__ import annotations

from arcuate.compat.oct2py.ipython.octavemagic import OctaveMagics, load_ipython_extension

__all__ = ["OctaveMagics", "load_ipython_extension"]
