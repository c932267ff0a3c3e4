"""Other bridges' interfaces on Arcuate, so that scripts written for them run unchanged.

``matlab`` is MathWorks' ``matlab.engine`` with its arrays, on Octave::

    import arcuate.compat

    arcuate.compat.install_as_matlab()
    import matlab.engine  # from here on: arcuate.compat.matlab

or, without touching the script, ``python -m arcuate.compat script.py``. ``oct2py`` is the whole of oct2py.
Nothing here takes over a name until it is asked to.
"""

from __future__ import annotations

from arcuate.compat.alias import install_as_matlab

__all__ = ["install_as_matlab", "install_as_oct2py"]


def install_as_oct2py() -> None:
    """Makes ``import oct2py`` find :mod:`arcuate.compat.oct2py` from now on, in this process."""
    from arcuate.compat.oct2py.installing import install

    install()
