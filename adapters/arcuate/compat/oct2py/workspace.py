"""The variables of a session as a mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arcuate import errors

if TYPE_CHECKING:
    from arcuate.compat.oct2py.core import Oct2Py

__all__ = ["OctaveWorkspaceProxy"]


class OctaveWorkspaceProxy:
    """The variables of Octave's base workspace, as a mapping."""

    def __init__(self, session: Oct2Py) -> None:
        self._session = session

    def __getitem__(self, name: str) -> Any:
        return self._session.pull(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self._session.push(name, value)

    def __delitem__(self, name: str) -> None:
        try:
            del self._session._open().session[name]
        except errors.NameNotFound:
            raise KeyError(name) from None

    def __repr__(self) -> str:
        return f"OctaveWorkspaceProxy({self._session!r})"
