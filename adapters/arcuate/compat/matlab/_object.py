"""Objects that stay in Octave, since Python has no value for them: what MathWorks calls ``matlab.object``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arcuate.client import Remote

__all__ = ["MatlabObject"]


class MatlabObject:
    """An object of a class, such as a ``containers.Map``, that lives in its engine.

    It is passed back to functions of the same engine, which see the object itself: ``eng.keys(map)``,
    ``eng.subsref(object, ...)``. It is released there when it is collected here.
    """

    __slots__ = ("_remote",)

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MatlabObject) and other._remote is self._remote

    def __hash__(self) -> int:
        return id(self._remote)

    def __repr__(self) -> str:
        return f"<matlab.object of class {self._remote._class}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "an object that lives in an engine cannot be pickled; fetch the values that you need of it"
        )
