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

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs.

        Raises:
            SessionClosed: it was closed.
        """
        with self._lock:
            if self._closed:
                raise SessionClosed(f"{self._name} was closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_main, args=(self._loop,), name=self._name, daemon=True
                )
                self._thread.start()
            return self._loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Has the loop do something and waits for it; what interrupts the waiting cancels it.

        Raises:
            SessionClosed: it was closed, be it meanwhile.
            InvalidArgument: it is called from the loop's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise InvalidArgument("this is asyncio's thread: use the methods for asyncio")
        try:
            future = asyncio.run_coroutine_threadsafe(work, self.loop)
        except SessionClosed:
            work.close()
            raise
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
        """Cancels what is under way, and ends the thread."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancelled(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _cancelled() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


def _main(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
