"""A face like oct2py's on Arcuate's session with Octave: scripts written for oct2py run with another import.

``from arcuate.compat.oct2py import octave`` takes the place of ``from oct2py import octave``, and
:func:`arcuate.compat.install_as_oct2py` makes ``import oct2py`` itself find this. Values are converted as
oct2py converts them, with its losses; docs/compat/oct2py.md lists them. In IPython,
``%load_ext arcuate.compat.oct2py`` brings ``%octave``, ``%%octave``, ``%octave_push`` and ``%octave_pull``.

The session ``octave`` starts when it is first used.
"""

from __future__ import annotations

from typing import Any

try:
    import pydantic_settings as _pydantic_settings  # noqa: F401
    import scipy as _scipy  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"arcuate.compat.oct2py needs {error.name}, which is not installed; "
        f"type: pip install 'arcuate[oct2py]'"
    ) from error

from arcuate.compat.oct2py.check import check
from arcuate.compat.oct2py.core import Oct2Py, OctaveWorkspaceProxy
from arcuate.compat.oct2py.default import DefaultOct2Py
from arcuate.compat.oct2py.demo import demo
from arcuate.compat.oct2py.io import Cell, Struct, StructArray
from arcuate.compat.oct2py.settings import Oct2PySettings
from arcuate.compat.oct2py.speed_check import speed_check
from arcuate.compat.oct2py.thread_check import thread_check
from arcuate.compat.oct2py.utils import Oct2PyError, Oct2PyWarning, get_log

__all__ = [
    "Cell",
    "Oct2Py",
    "Oct2PyError",
    "Oct2PySettings",
    "Oct2PyWarning",
    "OctaveWorkspaceProxy",
    "Struct",
    "StructArray",
    "check",
    "configure",
    "demo",
    "get_log",
    "kill_octave",
    "load_ipython_extension",
    "octave",
    "speed_check",
    "thread_check",
]

__version__ = "6.1.1"
"""The version of oct2py that this is like."""

octave: Oct2Py = DefaultOct2Py()


def configure(settings: Oct2PySettings | None = None, **kwargs: Any) -> None:
    """Replaces the session ``octave`` of this module by one with other settings.

    Args:
        settings: the settings.
        kwargs: settings one by one, where ``settings`` is left out.
    """
    global octave
    if settings is None:
        settings = Oct2PySettings(**kwargs)
    octave.exit()
    octave = Oct2Py(settings=settings)


def kill_octave() -> None:
    """Restarts the session ``octave``, whatever it does at the moment. No other process is touched."""
    octave.restart()


def load_ipython_extension(ip: Any) -> None:
    """Loads the magics: ``%load_ext arcuate.compat.oct2py``."""
    from arcuate.compat.oct2py.ipython.octavemagic import load_ipython_extension as load

    load(ip)
