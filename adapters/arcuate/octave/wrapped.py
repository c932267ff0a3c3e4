"""What a module written by ``arcuate wrap`` needs: its session, and calls with arguments left out."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from arcuate.client import Session, connect
from arcuate.errors import InvalidArgument

__all__ = ["LEFT_OUT", "Toolbox"]


class _LeftOut:
    """The type of :data:`LEFT_OUT`."""

    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT: Final[Any] = _LeftOut()
"""The default of an argument: it and all after it are not given, and the m-file does what it does then."""


class Toolbox:
    """The m-files behind a generated package, and the session that runs them.

    The session is opened at the first call, with the folders of the package on its path; :meth:`use` gives
    another.
    """

    def __init__(self, module: str, path: Sequence[str]) -> None:
        """Takes what the generated module knows.

        Args:
            module: the module's ``__file__``.
            path: entries of ``connect("octave", path=...)``, relative to the module's folder.
        """
        self._base = os.path.dirname(os.path.abspath(module))
        self._path = path
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._own = False

    @property
    def path(self) -> list[str]:
        """The folders of m-files, as ``connect("octave", path=...)`` takes them."""
        found = []
        for entry in self._path:
            mark = "!" * entry.startswith("!")
            found.append(mark + os.path.normpath(os.path.join(self._base, entry.removeprefix("!"))))
        return found

    @property
    def session(self) -> Session:
        """The session that calls go to; it is opened when there is none."""
        with self._lock:
            if self._session is None or (self._own and self._session.closed):
                self._session, self._own = connect("octave", path=self.path), True
            return self._session

    def use(self, session: Session | None) -> None:
        """Sends all further calls to a session with the m-files on its path; ``None``: to one of its own.

        Opened so: ``connect("octave", path=toolbox.path)``, with any other options.
        """
        with self._lock:
            before, own = self._session, self._own
            self._session, self._own = session, False
        if own and before is not None:
            before.close()

    def close(self) -> None:
        """Ends the session that was opened here; the next call opens a new one."""
        self.use(None)

    def call(
        self,
        name: str,
        args: Sequence[Any],
        more: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
        *,
        nargout: int,
        keep: bool = False,
    ) -> Any:
        """Calls a function with those of its arguments that were given.

        Raises:
            InvalidArgument: one was left out before one that was given: m-files tell them by their place.
        """
        given = [*args, *more]
        while given and given[-1] is LEFT_OUT:
            given.pop()
        if any(one is LEFT_OUT for one in given):
            place = next(number for number, one in enumerate(given, 1) if one is LEFT_OUT)
            raise InvalidArgument(
                f"{name}: argument {place} is left out and a later one is given; m-files tell arguments by "
                f"their place, so give it too ([] stands for a default in many m-files)"
            )
        return self.session.call(name, *given, nargout=nargout, keep=keep, named=named)
