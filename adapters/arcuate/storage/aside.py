"""What the systems with an asynchronous library share: a loop of their own, and workers side by side."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from arcuate.storage.base import Loop, System

__all__ = ["AsyncSystem", "Parts", "b64"]

T = TypeVar("T")


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
        try:
            self.loop.run(self._end())
        finally:
            self.loop.close()

    def stream(self, begin: Callable[[], Coroutine[Any, Any, AsyncIterator[bytes]]]) -> Iterator[bytes]:
        """The pieces of an asynchronous iterator; it is closed when nobody wants more."""
        pieces = self.loop.run(begin())
        try:
            while True:
                try:
                    yield self.loop.run(pieces.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None and self.loop.loop.is_running():
                self.loop.run(close())

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
