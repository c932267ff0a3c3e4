"""Other bridges' interfaces on Arcuate, so that scripts written for them run unchanged.

``matlab`` is MathWorks' ``matlab.engine`` with its arrays, on Octave::

    import arcuate.compat

    arcuate.compat.install_as_matlab()
    import matlab.engine  # from here on: arcuate.compat.matlab

or, without touching the script, ``python -m arcuate.compat script.py``.
"""

from __future__ import annotations

from arcuate.compat.alias import install_as_matlab

__all__ = ["install_as_matlab"]
