"""What lives elsewhere, for asyncio: names that are awaited or called, and objects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, cast

from arcuate.client.function import CONTROLS, Function, Namespace
from arcuate.client.remote import Remote
from arcuate.errors import InvalidArgument

if TYPE_CHECKING:
    from arcuate.client.aio.backing import Backing

__all__ = ["AsyncRemote", "Name"]

_NO_CONTROLS: Mapping[str, Any] = {}


class Name:
    """A name of an environment that was not looked up yet: ``r.stats.quantile``.

    Nothing is asked until it is called (``await r.stats.quantile(x)``) or awaited (``await r.pi``). It can
    also be an argument.
    """

    __slots__ = ("_backing", "_begin", "_controls", "_path")

    def __init__(
        self,
        backing: Backing,
        begin: Callable[[], Any],
        path: tuple[str, ...] = (),
        controls: Mapping[str, Any] = _NO_CONTROLS,
    ) -> None:
        self._backing = backing
        self._begin = begin
        self._path = path
        self._controls = controls

    def __getattr__(self, name: str) -> Name:
        if name.startswith("_"):
            raise AttributeError(name)
        return Name(self._backing, self._begin, (*self._path, name), self._controls)

    def options(self, **controls: Any) -> Name:
        """The same function with controls of the call.

        Args:
            controls: ``nargout``, ``keep``, ``timeout``, ``on_output``, as for :meth:`AsyncSession.call`.
        """
        unknown = sorted(set(controls) - set(CONTROLS))
        if unknown:
            raise InvalidArgument(f"options() does not know {unknown[0]!r}; it takes {', '.join(CONTROLS)}")
        if "on_output" in controls:
            controls["on_output"] = self._backing.receiver(controls["on_output"])
        return Name(self._backing, self._begin, self._path, {**self._controls, **controls})

    def __call__(self, *args: Any, **keywords: Any) -> Coroutine[Any, Any, Any]:
        """Calls the function; every keyword is an argument of its own."""
        return self._backing.do(lambda: self._called(args, keywords))

    def submit(self, *args: Any, **keywords: Any) -> asyncio.Task[Any]:
        """Calls it in a task of its own."""
        return asyncio.get_running_loop().create_task(self(*args, **keywords))

    def __await__(self) -> Generator[Any, None, Any]:
        return self._backing.do(self._value).__await__()

    def _called(self, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        found = self._find()
        if self._controls:
            if not isinstance(found, (Function, Remote)):
                raise InvalidArgument(f"{'.'.join(self._path)} is no function; it has no options")
            target = found if isinstance(found, Remote) else found._target
            return self._backing._call(target, args, keywords, **self._controls)
        return (
            Remote.__call__(found, *args, **keywords)
            if isinstance(found, Remote)
            else found(*args, **keywords)
        )

    def _value(self) -> Any:
        found = self._find()
        return self if isinstance(found, (Function, Namespace)) else found

    def _find(self) -> Any:
        """What it stands for; on the session's thread."""
        found = self._begin()
        for name in self._path:
            found = Remote.__getattr__(found, name) if isinstance(found, Remote) else getattr(found, name)
        return found

    def __repr__(self) -> str:
        return f"<arcuate name {'.'.join(self._path) or '?'}>"


class AsyncRemote(Remote):
    """An object that lives in its environment; what is asked of it is awaited.

    ``await model(x)`` calls it, ``await model.coefficients`` fetches an element, ``await model[1, 2]``
    indexes it. It can be passed back as an argument.
    """

    __slots__ = ()

    @property
    def _backing(self) -> Backing:
        return cast("Backing", self._arcuate[0])

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._backing.do(lambda: Remote.__call__(self, *args, **keywords))

    def options(self, **controls: Any) -> Any:
        """The object as a function with controls: ``nargout``, ``keep``, ``timeout``, ``on_output``."""
        return Name(self._backing, lambda: self).options(**controls)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Name(self._backing, lambda: self, (name,))

    def __getitem__(self, key: Any) -> Any:
        return self._backing.do(lambda: Remote.__getitem__(self, key))

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise TypeError("an assignment cannot be awaited; write: await remote.set(name, value)")

    def set(self, name: str, value: Any) -> Coroutine[Any, Any, None]:
        """Gives an element or attribute another value."""
        return self._backing.do(lambda: Remote.__setattr__(self, name, value))

    def show(self) -> Coroutine[Any, Any, str]:
        """How it prints where it lives."""
        return self._backing.do(lambda: Remote.__str__(self))

    def __dir__(self) -> list[str]:
        return ["options", "set", "show"]

    def __repr__(self) -> str:
        return f"<{self._info.get('language') or self._backing.info['language']} {self._class}>"

    __str__ = __repr__
