"""``eng.workspace``: the variables of an engine's base workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from arcuate.client import Remote
from arcuate.compat.matlab.engine.incoming import incoming
from arcuate.compat.matlab.engine.outgoing import outgoing
from arcuate.errors import NameNotFound

if TYPE_CHECKING:
    from arcuate.compat.matlab.engine.matlabengine import MatlabEngine
    from arcuate.compat.matlab.engine.session import EngineSession

__all__ = ["Workspace"]

_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


class Workspace:
    """The variables as a mapping: ``eng.workspace["x"] = 4.0``.

    Beyond MathWorks' class it has ``len``, ``in``, iteration, ``keys`` and ``del``.
    """

    __slots__ = ("_engine",)

    def __init__(self, engine: MatlabEngine) -> None:
        self._engine = engine

    def __getitem__(self, name: str) -> Any:
        _check_text(name)

        def get(session: EngineSession) -> Any:
            if not _NAME.fullmatch(name):
                raise NameError(
                    f"{name!r} is not defined in the workspace; it cannot be the name of a variable"
                )
            try:
                value = session[name]
            except NameNotFound:
                raise _undefined(name) from None
            if isinstance(value, Remote) and name not in session:
                raise _undefined(name)  # the name of a function
            return incoming(value)

        return self._engine._do(get)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_text(name)
        if not _NAME.fullmatch(name):  # keywords are refused by Octave, in the same words
            raise ValueError(
                f"{name!r} cannot be the name of a variable; use letters, digits and _, a letter first"
            )
        sent = outgoing(value)

        def put(session: EngineSession) -> None:
            session[name] = sent

        self._engine._do(put)

    def __delitem__(self, name: str) -> None:
        _check_text(name)

        def delete(session: EngineSession) -> None:
            try:
                del session[name]
            except NameNotFound:
                raise _undefined(name) from None

        self._engine._do(delete)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(
            _NAME.fullmatch(name) and self._engine._do(lambda session: name in session)
        )

    def keys(self) -> list[str]:
        """The names of the variables."""
        found: list[str] = self._engine._do(lambda session: session.keys())
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        """What ``whos`` prints there."""
        return str(self._engine._do(lambda session: session.call("evalc", "whos"))).rstrip("\n")


def _check_text(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the name of a variable is a text, not {type(name).__name__}")


def _undefined(name: str) -> NameError:
    return NameError(f"{name!r} is not defined in the workspace of the engine")
