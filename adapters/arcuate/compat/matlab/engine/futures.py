"""``FutureResult``: the result of a call that was made with ``background=True``."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Generator
from typing import Any

from arcuate.compat.matlab.engine.errors import CancelledError, TimeoutError  # noqa: A004

__all__ = ["FutureResult"]


class FutureResult:
    """The result of a call under way; also awaitable.

    Args:
        future: what carries it.
        keep: what must live until it is there.
    """

    def __init__(self, future: concurrent.futures.Future[Any], keep: object = None) -> None:
        self._future = future
        self._keep = keep
        self._cancelled = False
        future.add_done_callback(self._drop)

    def _drop(self, _: object) -> None:
        self._keep = None

    def result(self, timeout: float | None = None) -> Any:
        """The result, waiting for it if need be.

        Args:
            timeout: seconds to wait; the computation goes on when they are over.

        Raises:
            TimeoutError: (that of ``matlab.engine``) it is not there yet.
            CancelledError: the call was cancelled.
            MatlabExecutionError: the m-code raised an error.
        """
        if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float))):
            raise TypeError(f"timeout is a number of seconds or None, not {type(timeout).__name__}")
        if self._cancelled:
            raise CancelledError("the call was cancelled")
        concurrent.futures.wait([self._future], timeout)
        if not self._future.done():
            raise TimeoutError(f"no result within {timeout:g} s; the computation goes on", executed="maybe")
        if self._future.cancelled():
            raise CancelledError("the call was cancelled")
        return self._future.result()

    def cancel(self) -> bool:
        """Cancels the call, also when it runs already; ``False`` when it was over."""
        if self._cancelled:
            return True
        if self._future.cancel():
            self._cancelled = True
        return self._cancelled

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled or self._future.cancelled()

    def done(self) -> bool:
        """Whether it is over: with a result, an error, or because it was cancelled."""
        return self._cancelled or self._future.done()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._wait().__await__()

    async def _wait(self) -> Any:
        """Waits in an event loop. A task that is cancelled cancels the call."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()

        def arrive() -> None:
            if not waiter.done():
                waiter.set_result(None)

        def wake(_: object) -> None:
            try:
                loop.call_soon_threadsafe(arrive)
            except RuntimeError:
                pass  # the loop is closed: nobody waits any more

        self._future.add_done_callback(wake)
        try:
            await waiter
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self.result(0)

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled() else "done" if self.done() else "running"
        return f"<matlab.engine.FutureResult: {state}>"
