"""What stays where it is: functions of a client and objects in an interpreter, by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["FunctionReference", "HandleReference"]


class FunctionReference:
    """A function of the client: ``{"$function": "f1"}``."""

    def __init__(self, name: str, info: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.info = dict(info or {})

    def __call__(self, *_: object) -> NoReturn:
        raise TypeError("a reference to a function cannot be called here")


class HandleReference:
    """An object in an interpreter: ``{"$handle": "1:3"}``."""

    def __init__(self, name: str, info: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.info = dict(info or {})
