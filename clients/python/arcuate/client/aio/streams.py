"""Streams for asyncio."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import warnings
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

from arcuate.client import streams
from arcuate.client.dropped import end_later
from arcuate.client.streams import GapWarning, Publisher, Subscription
from arcuate.errors import SessionClosed

__all__ = ["AsyncPublisher", "AsyncSubscription", "publish", "publisher", "subscribe"]

One = TypeVar("One", Subscription, Publisher)
Self = TypeVar("Self", bound="_Threaded[Any]")


_Job = tuple["Future[Any]", Callable[[], Any]]


class _Thread(Executor):
    """One thread for which nobody waits at the end of Python: it may wait for a block that never comes."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[..., Any], /, *args: Any, **keywords: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.put((future, functools.partial(work, *args, **keywords)))
        if self._thread is None:
            self._thread = threading.Thread(
                target=_work, args=(self._jobs,), name="arcuate-stream", daemon=True
            )
            self._thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._jobs.put(None)
        if wait and self._thread is not None:
            self._thread.join()

    def __del__(self) -> None:
        self._jobs.put(None)


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        future, work = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
        del job, future, work


class _Threaded(Generic[One]):
    """A subscription or a publisher with a thread of its own; opened by ``await`` or ``async with``."""

    def __init__(self, make: Callable[[], One]) -> None:
        self._make: Callable[[], One] = make
        self._one: One | None = None
        self._closed = False
        self._thread = _Thread()

    async def _open(self: Self) -> Self:
        if self._one is None:
            if self._closed:
                raise SessionClosed("it was closed before it was open; make another")
            opening = asyncio.get_running_loop().run_in_executor(self._thread, self._make)
            try:
                self._one = await asyncio.shield(opening)
            except asyncio.CancelledError:
                opening.add_done_callback(_abandon)
                raise
            finally:
                if self._one is None:
                    self._thread.shutdown(wait=False)
                    self._thread = _Thread()  # for who tries again
            if self._closed:
                await self._shut(self._one)
                raise SessionClosed("it was closed while it was opened; make another")
        return self

    @property
    def _opened(self) -> One:
        if self._one is None:
            raise SessionClosed("it is not open; write 'async with' or 'await' first")
        return self._one

    def __await__(self: Self) -> Generator[Any, None, Self]:
        return self._open().__await__()

    async def __aenter__(self: Self) -> Self:
        return await self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await asyncio.shield(self.close())

    def _check(self) -> None:
        if self._closed:
            raise SessionClosed(f"what read or wrote the topic {self.topic!r} is closed; make another")

    async def close(self) -> None:
        """Ends it. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._one is not None:
            self._one.stop()  # ends what its thread waits for
            await self._shut(self._one)

    async def _shut(self, one: One) -> None:
        def shut() -> None:
            one.close()  # before its thread is waited for: that may wait for a hub which takes nothing
            self._thread.shutdown()

        await asyncio.get_running_loop().run_in_executor(None, shut)

    def __del__(self) -> None:
        one = self._one
        if one is not None and not self._closed:
            end_later(one.close)  # its thread may wait in it

    @property
    def topic(self) -> str:
        """The topic."""
        return self._opened.topic


class AsyncSubscription(_Threaded[Subscription]):
    """The blocks of a topic, for ``async for``; made by :func:`subscribe`."""

    def __init__(self, make: Callable[[], Subscription], on_gap: Callable[..., Any] | None) -> None:
        super().__init__(make)
        self._on_gap = on_gap
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Future[Any] | None = None
        self._held: list[Any] = []

    async def next(self, timeout: float | None = None) -> Any:
        """The next block; when the task is cancelled meanwhile, whoever asks next gets it.

        Args:
            timeout: seconds to wait; left out, those of the subscription.
        """
        one = self._opened
        async with self._turn:
            if not self._held:
                if self._waiting is None:
                    self._check()
                    self._waiting = asyncio.get_running_loop().run_in_executor(
                        self._thread, lambda: [one.next(timeout), one.lost]
                    )
                    self._waiting.add_done_callback(_forget)
                waiting = self._waiting
                await asyncio.wait((waiting,))
                self._waiting = None
                self._held = waiting.result()
            block, lost = self._held
            if lost is None or lost:
                self._held = [block, 0]  # should the warning be an error, then the block comes next
                await self._tell(lost)
            self._held = []
            return block

    async def _tell(self, lost: int | None) -> None:
        if self._on_gap is None:
            one = self._opened
            warnings.warn(GapWarning.of(one.topic, lost, one.sequence), stacklevel=3)
            return
        found = self._on_gap(lost)
        if inspect.isawaitable(found):
            await found

    def __aiter__(self) -> AsyncSubscription:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.next()
        except SessionClosed:
            raise StopAsyncIteration from None

    @property
    def sequence(self) -> int:
        """Number of the last block in its topic."""
        return self._opened.sequence

    @property
    def time(self) -> float:
        """When the hub took it, in seconds since 1970."""
        return self._opened.time

    @property
    def lost(self) -> int | None:
        """How many samples were lost just before it; ``None`` where the topic began anew."""
        return self._opened.lost

    @property
    def lost_total(self) -> int:
        """How many were lost in all."""
        return self._opened.lost_total


class AsyncPublisher(_Threaded[Publisher]):
    """Publishes blocks in a topic; made by :func:`publisher`."""

    async def send(self, block: Any, *, timeout: float | None = None) -> int:
        """Publishes a block and waits until the hub has it; as :meth:`arcuate.client.streams.Publisher.send`.

        A task that is cancelled meanwhile does not know whether the block was published.
        """
        one = self._opened
        self._check()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: one.send(block, timeout=timeout))


def _abandon(opening: asyncio.Future[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _forget(waiting: asyncio.Future[Any]) -> None:
    """Nobody need complain where it is not taken: who waited was cancelled, or is gone."""
    if not waiting.cancelled():
        waiting.exception()


def _silent(lost: int | None) -> None:
    """Reports a gap to nobody: it is reported in the loop."""


def subscribe(
    topic: str, hub: str | None = None, *, on_gap: Callable[..., Any] | None = None, **options: Any
) -> AsyncSubscription:
    """Reads a topic.

    ::

        async with subscribe("eeg", "grpc://host:50051") as blocks:
            async for block in blocks: ...

    Args:
        topic: name of the topic.
        hub: address of the hub; left out, what the environment variable ``ARCUATE_HUB`` says.
        on_gap: called with how many samples were lost before a block, instead of a warning; may be a
            coroutine function.
        options: as for :func:`arcuate.client.subscribe`.
    """
    return AsyncSubscription(lambda: streams.subscribe(topic, hub, on_gap=_silent, **options), on_gap)


def publisher(topic: str, hub: str | None = None, **options: Any) -> AsyncPublisher:
    """Opens a topic for many blocks.

    ::

        async with publisher("eeg", "grpc://host:50051") as out:
            await out.send(block)

    Args:
        topic: name of the topic.
        hub: address of the hub, as for :func:`subscribe`.
        options: as for :func:`arcuate.client.publisher`.
    """
    return AsyncPublisher(lambda: streams.publisher(topic, hub, **options))


async def publish(topic: str, block: Any, hub: str | None = None, **options: Any) -> int:
    """Publishes one block and returns its number in the topic."""
    async with publisher(topic, hub, **options) as out:
        return await out.send(block)
