"""The session of the module, which starts when it is first used."""

from __future__ import annotations

from typing import Any

from arcuate.compat.oct2py.core import Oct2Py

__all__ = ["DefaultOct2Py"]


class DefaultOct2Py(Oct2Py):
    """A session with the default settings that starts on its first use, so that an import starts nothing."""

    _live: Any = None
    _waits = False

    def __init__(self) -> None:
        self._begin(None, None)
        self._waits = True

    @property
    def _engine(self) -> Any:
        if self._waits:
            self.restart()
        return self._live

    @_engine.setter
    def _engine(self, value: Any) -> None:
        self._live = value

    def restart(self) -> None:
        self._waits = False
        super().restart()

    def exit(self) -> None:
        self._waits = False
        super().exit()
