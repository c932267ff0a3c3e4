"""Calls that run on a session's own thread: ``Session.submit`` and its futures."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from arcuate.errors import CallCancelled

__all__ = ["CallFuture", "Worker"]


class CallFuture(Future[Any]):
    """A :class:`concurrent.futures.Future` whose :meth:`cancel` also interrupts a call that is running."""

    def __init__(self, interrupt: Callable[[], bool]) -> None:
        super().__init__()
        self._interrupt = interrupt
        self._asked = False

    def cancel(self) -> bool:
        """Cancels the call: one that waits is never started, one that runs is interrupted.

        Returns:
            ``False`` when it was already over. After ``True``, ``result()`` raises
            ``concurrent.futures.CancelledError`` for a call that had not
            started, and :class:`arcuate.errors.CallCancelled` for one that was interrupted.
        """
        if super().cancel():
            return True
        if self.done():
            return False
        self._asked = True
        self._interrupt()
        return not self.done() or isinstance(self.exception(), CallCancelled)

    def cancelled(self) -> bool:
        """Whether it was cancelled, before or while it ran."""
        if super().cancelled():
            return True
        return self._asked and self.done() and isinstance(self.exception(), CallCancelled)


class Worker:
    """One thread that runs calls in order."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], CallFuture] | None] = queue.SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, name=f"arcuate-{name}", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], Any], interrupt: Callable[[], bool]) -> CallFuture:
        """Queues one call."""
        future = CallFuture(interrupt)
        self._jobs.put((work, future))
        return future

    def stop(self) -> None:
        """Cancels what waits and ends the thread."""
        self._stopped = True
        self._jobs.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            work, future = job
            del job
            if self._stopped:
                future.cancel()
            if future.set_running_or_notify_cancel():
                try:
                    result = work()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del work, future
