"""What the systems with an asynchronous library share: a loop of their own, and workers side by side."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from arcuate.errors import InvalidArgument, SessionClosed
from arcuate.storage.base import Loop, System

__all__ = ["AsyncSystem", "Parts", "b64"]

T = TypeVar("T")
Fetch = Callable[[int, int], Awaitable[AsyncIterator[bytes]]]
_AHEAD = 32 << 20  # bytes that a download has in memory, about
_LEAST = 1 << 20  # bytes of a range


def b64(data: bytes) -> str:
    """Base64, as these systems write digests."""
    return base64.b64encode(data).decode()


class Parts:
    """The digest of S3 for an object of several parts: the MD5 of the MD5 of each part."""

    def __init__(self, size: int) -> None:
        self._size, self._there = size, 0
        self._one, self._all = hashlib.md5(usedforsecurity=False), hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes) -> None:
        view = memoryview(data)
        while len(view):
            count = min(len(view), self._size - self._there)
            self._one.update(view[:count])
            self._there += count
            view = view[count:]
            if self._there == self._size:
                self._next()

    def _next(self) -> None:
        self._all.update(self._one.digest())
        self._one, self._there = hashlib.md5(usedforsecurity=False), 0

    def digest(self) -> bytes:
        if self._there:
            self._next()
        return self._all.digest()


class AsyncSystem(System):
    """A system whose library is asynchronous."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.loop = Loop(self.name)
        try:
            self.loop.run(self._begin())
        except BaseException:
            self.loop.close()
            raise

    async def _begin(self) -> None:
        """Makes :attr:`filesystem`."""
        raise NotImplementedError

    async def _end(self) -> None:
        """Closes what :meth:`_begin` opened."""

    def close(self) -> None:
        self.loop.close(self._end)

    def stream(self, begin: Callable[[], Coroutine[Any, Any, AsyncIterator[bytes]]]) -> Iterator[bytes]:
        """The pieces of an asynchronous iterator; it is closed when nobody wants more."""
        pieces = self.loop.run(begin())

        async def following() -> bytes | None:
            # Begun in the loop's own thread, so that the loop knows of it and closes it when it ends.
            return await anext(pieces, None)

        try:
            while (data := self.loop.run(following())) is not None:
                yield data
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None:
                with contextlib.suppress(SessionClosed, InvalidArgument):  # the loop sees to it when it ends
                    self.loop.run(close())

    def ranges(self, start: int, size: int, fetch: Fetch) -> Iterator[bytes]:
        """The bytes from a place to the end, in their order, of which ``ranges`` pieces come side by side.

        Of those that are ahead of the first one a piece each is in memory, of that one what just came.

        Args:
            start: the first byte.
            size: bytes of all.
            fetch: asks for bytes from a place on, so many.
        """
        number = self.config.ranges
        step = max(_LEAST, min(self.config.part, _AHEAD // number))

        async def begin() -> AsyncIterator[bytes]:
            return _in_order(start, size, step, number, fetch)

        return self.stream(begin)

    async def each(self, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
        """Work on each item, a few at the same time; the first error ends all."""
        waiting = iter(items)

        async def worker() -> None:
            for item in waiting:
                await work(item)

        tasks = [asyncio.ensure_future(worker()) for _ in range(self.config.parallel)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _in_order(start: int, size: int, step: int, number: int, fetch: Fetch) -> AsyncIterator[bytes]:
    """The bytes of several ranges that come at the same time, one range after the other."""
    running: deque[tuple[asyncio.Task[None], asyncio.Queue[bytes | BaseException | None]]] = deque()
    waiting = iter(range(start, size, step))

    async def fill(at: int, queue: asyncio.Queue[bytes | BaseException | None]) -> None:
        wanted = min(step, size - at)
        try:
            pieces = await fetch(at, wanted)
            try:
                async for data in pieces:
                    wanted -= len(data)
                    if wanted < 0:  # a server that knows no ranges; what it sends may not fit into memory
                        raise OSError(f"the range from byte {at} is longer than was asked for")
                    queue.put_nowait(data)
            finally:
                if hasattr(pieces, "aclose"):  # those of Azure have nothing to close
                    await pieces.aclose()
            if wanted > 0:
                raise ConnectionResetError(
                    f"of the range from byte {at} the last {wanted} bytes did not come"
                )
        except Exception as error:
            queue.put_nowait(error)
        else:
            queue.put_nowait(None)

    def more() -> None:
        for at in waiting:
            queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
            running.append((asyncio.ensure_future(fill(at, queue)), queue))
            if len(running) == number:
                return

    try:
        more()
        while running:
            task, queue = running[0]
            while (data := await queue.get()) is not None:
                if isinstance(data, BaseException):
                    raise data
                yield data
            await task
            running.popleft()
            more()
    finally:
        for task, _ in running:
            task.cancel()
        await asyncio.gather(*(task for task, _ in running), return_exceptions=True)
