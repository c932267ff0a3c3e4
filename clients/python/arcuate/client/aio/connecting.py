"""``connect`` for asyncio."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Generator
from types import TracebackType
from typing import Any

from arcuate.client.aio.backing import Backing
from arcuate.client.aio.session import AsyncSession
from arcuate.client.connecting import open_session

__all__ = ["connect"]


class _Connecting:
    """A session that is awaited, or entered with ``async with``."""

    def __init__(self, target: str, options: dict[str, Any]) -> None:
        self._target = target
        self._options = options
        self._session: AsyncSession | None = None

    def __await__(self) -> Generator[Any, None, AsyncSession]:
        return self._open().__await__()

    async def _open(self) -> AsyncSession:
        loop = asyncio.get_running_loop()
        make = functools.partial(
            open_session, functools.partial(Backing, loop), self._target, **self._options
        )
        opening = loop.run_in_executor(None, make)
        try:
            return AsyncSession(await asyncio.shield(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(_abandon)
            raise

    async def __aenter__(self) -> AsyncSession:
        self._session = await self._open()
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.__aexit__(kind, error, where)


def _abandon(opening: asyncio.Future[Backing]) -> None:
    """Closes a session that nobody waits for any more."""
    if not opening.cancelled() and opening.exception() is None:
        asyncio.get_running_loop().run_in_executor(None, opening.result().close)


def connect(target: str, **options: Any) -> _Connecting:
    """Opens a session, to be awaited or entered.

    ::

        async with connect("r") as r: ...
        r = await connect("r")

    Args:
        target: as for :func:`arcuate.client.connect`.
        options: those of :func:`arcuate.client.connect`; ``on_output`` and ``on_event`` may be coroutine
            functions, and run in the loop.
    """
    return _Connecting(target, options)
