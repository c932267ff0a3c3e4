"""An event loop in a thread of its own: the sync face of connectors whose library knows only asyncio."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from arcuate.errors import InvalidArgument, SessionClosed

__all__ = ["Background"]

T = TypeVar("T")
_AGAIN = 5.0
"""Seconds after which a task that was told to end is told again."""


class Background:
    """The loop of one connector; its thread runs from the first use to :meth:`close`.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Has the loop do something and waits for it; what interrupts the waiting cancels it.

        Raises:
            SessionClosed: it was closed, be it meanwhile.
            InvalidArgument: it is called from the loop's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise InvalidArgument("this is asyncio's thread: use the methods for asyncio")
        with self._lock:  # what close() says comes after this
            if self._closed:
                work.close()
                raise SessionClosed(f"{self._name} was closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_main, args=(self._loop,), name=self._name, daemon=True
                )
                self._thread.start()
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise SessionClosed(f"{self._name} was closed") from None
        except BaseException:
            if not future.done():  # KeyboardInterrupt and the like, in this thread
                future.cancel()
                concurrent.futures.wait([future], timeout=10)
            raise

    def close(self) -> None:
        """Cancels what is under way, and ends the thread: at once, or when what blocks it lets go."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.call_soon_threadsafe(loop.stop)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(10)


def _main(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_cancelled())
    finally:
        loop.close()


async def _cancelled() -> None:
    """Ends all tasks, those too that begin at the end of others, or do not heed it the first time."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for one in others:
            one.cancel()
        for one in (await asyncio.wait(others, timeout=_AGAIN))[0]:
            one.cancelled() or one.exception()  # which interests nobody any more
    await asyncio.get_running_loop().shutdown_asyncgens()
