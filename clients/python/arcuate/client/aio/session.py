"""The session for asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NoReturn

from arcuate.client.aio.backing import Backing
from arcuate.client.aio.names import Name
from arcuate.client.events import Display
from arcuate.client.function import resolve

__all__ = ["AsyncSession"]

Receiver = Callable[[str, str], Any]
"""Receives output as (``"stdout"`` or ``"stderr"``, text); may be a coroutine function."""


class AsyncSession:
    """An open session with one interpreter; made by :func:`arcuate.client.aio.connect`.

    It has the methods of :class:`arcuate.client.Session`, which are awaited. Calls of several tasks are
    queued in order; those made inside a callback run at once.
    """

    def __init__(self, backing: Backing) -> None:
        self._backing = backing

    async def call(
        self,
        name: str,
        /,
        *args: Any,
        nargout: int = 1,
        keep: bool = False,
        timeout: float | None = None,
        named: Mapping[str, Any] | None = None,
        on_output: Receiver | None = None,
        **keywords: Any,
    ) -> Any:
        """Calls a function by name; as :meth:`arcuate.client.Session.call`.

        Functions among the arguments may be coroutine functions. Cancelling the task cancels the call.
        """
        one = self._backing
        receiver = one.receiver(on_output)
        return await one.do(
            lambda: one.call(
                name,
                *args,
                nargout=nargout,
                keep=keep,
                timeout=timeout,
                named=named,
                on_output=receiver,
                **keywords,
            )
        )

    async def eval(
        self,
        code: str,
        *,
        nargout: int = 1,
        keep: bool = False,
        timeout: float | None = None,
        on_output: Receiver | None = None,
    ) -> Any:
        """The value of an expression."""
        one = self._backing
        receiver = one.receiver(on_output)
        return await one.do(
            lambda: one.eval(code, nargout=nargout, keep=keep, timeout=timeout, on_output=receiver)
        )

    async def run(
        self, code: str, *, timeout: float | None = None, on_output: Receiver | None = None
    ) -> None:
        """Runs statements; what they print streams live."""
        one = self._backing
        receiver = one.receiver(on_output)
        await one.do(lambda: one.run(code, timeout=timeout, on_output=receiver))

    def submit(self, name: str, /, *args: Any, **keywords: Any) -> asyncio.Task[Any]:
        """Calls a function in a task of its own; cancelling that cancels the call."""
        return asyncio.get_running_loop().create_task(self.call(name, *args, **keywords))

    def function(self, name: str) -> Name:
        """The function of that name, also where the session has an attribute of the same name."""
        return Name(self._backing, lambda: self._backing.function(name))

    # ---------------------------------------------------------- the workspace

    async def get(self, name: str, default: Any = None, *, keep: bool = False) -> Any:
        """A variable of the workspace, or ``default`` where there is none."""
        return await self._backing.do(lambda: self._backing.get(name, default, keep=keep))

    async def set(self, name: str, value: Any) -> None:
        """Gives a variable of the workspace a value."""
        await self._backing.do(lambda: self._backing.__setitem__(name, value))

    async def delete(self, name: str) -> None:
        """Deletes a variable of the workspace."""
        await self._backing.do(lambda: self._backing.__delitem__(name))

    async def exists(self, name: str) -> bool:
        """Whether the workspace has a variable of that name."""
        return bool(await self._backing.do(lambda: name in self._backing))

    async def keys(self) -> list[str]:
        """The names of the workspace's variables."""
        return list(await self._backing.do(self._backing.keys))

    async def __getitem__(self, name: str) -> Any:
        return await self._backing.do(lambda: self._backing[name])

    def __setitem__(self, name: str, value: Any) -> NoReturn:
        raise TypeError("an assignment cannot be awaited; write: await session.set(name, value)")

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError("a deletion cannot be awaited; write: await session.delete(name)")

    def __contains__(self, name: object) -> NoReturn:
        raise TypeError("'in' cannot be awaited; write: await session.exists(name)")

    def __iter__(self) -> NoReturn:
        raise TypeError("iteration cannot be awaited; write: await session.keys()")

    # ------------------------------------------------------------------ about

    def __getattr__(self, name: str) -> Name:
        if name.startswith("_"):
            raise AttributeError(name)
        return Name(self._backing, lambda: resolve(self._backing, name))

    async def names(self, of: str = "", prefix: str = "") -> list[str]:
        """Names to choose from: functions and packages of the environment, or what package ``of`` exports."""
        return list(await self._backing.do(lambda: self._backing.names(of, prefix)))

    async def describe(self, name: str) -> dict[str, Any]:
        """What a name stands for: ``kind``, ``doc``, ``signature``, ``parameters``."""
        return dict(await self._backing.do(lambda: self._backing.describe(name)))

    async def help(self, name: str) -> None:
        """Prints the help of a function, as its language has it."""
        await self._backing.do(lambda: self._backing.help(name))

    @property
    def info(self) -> dict[str, Any]:
        """What is at the other end, as :attr:`arcuate.client.Session.info`."""
        return self._backing.info

    @property
    def displays(self) -> deque[Display]:
        """The last figures that calls drew, oldest first."""
        return self._backing.displays

    # ------------------------------------------------------------------- life

    async def interrupt(self) -> bool:
        """Interrupts the running call, which raises CallCancelled. Says whether one was running."""
        return self._backing.interrupt()

    async def restart(self) -> None:
        """Replaces the interpreter by a fresh one. Variables are gone, handles are stale."""
        self._backing._overtake()
        await self._backing.do(self._backing.restart)

    async def close(self) -> None:
        """Ends the interpreter. Idempotent; also called at the end of an ``async with`` block."""
        await asyncio.get_running_loop().run_in_executor(None, self._backing.close)

    @property
    def closed(self) -> bool:
        """Whether the session was closed."""
        return self._backing.closed

    async def __aenter__(self) -> AsyncSession:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await asyncio.shield(self.close())

    def __repr__(self) -> str:
        return repr(self._backing).replace("<arcuate session", "<arcuate asyncio session", 1)
