"""Calls that run on a session's own thread: ``Session.submit`` and its futures."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from arcuate.errors import CallCancelled

if TYPE_CHECKING:
    from arcuate.client.transport import Call

__all__ = ["CallFuture", "Frame", "Worker"]

Interrupt = Callable[[int], bool]
"""Interrupts the running call of that id; says whether it was running."""


class CallFuture(Future[Any]):
    """A :class:`concurrent.futures.Future` whose :meth:`cancel` also interrupts a call that is running.

    Attributes:
        on_cancel: called when it is cancelled while it runs.
        dropped: whether it was cancelled because its session was closed.
    """

    def __init__(self, interrupt: Interrupt) -> None:
        super().__init__()
        self.on_cancel: list[Callable[[], object]] = []
        self.dropped = False
        self._interrupt = interrupt
        self._asked = False
        self._call: Call | None = None
        self._level = -1

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
        self._asked = (
            True  # before the call is looked at: whichever comes first, one of the two sees the other
        )
        call = self._call
        if call is not None:
            call.cancelled = True
            self._interrupt(call.id)
        for one in tuple(self.on_cancel):
            one()
        return not self.done() or isinstance(self.exception(), CallCancelled)

    def drop(self) -> None:
        """Cancels it, since its session was closed before it began."""
        if not self.done():
            self.dropped = True
            super().cancel()

    def cancelled(self) -> bool:
        """Whether it was cancelled, before or while it ran."""
        if super().cancelled():
            return True
        return self._asked and self.done() and isinstance(self.exception(), CallCancelled)

    @property
    def asked(self) -> bool:
        """Whether :meth:`cancel` was called while it ran."""
        return self._asked

    def begin(self, call: Call, level: int) -> None:
        """Notes the call that is about to be made for it.

        Args:
            call: the call; one that a callback makes inside it is none of its own.
            level: how deep in callbacks it is made.

        Raises:
            CallCancelled: it was cancelled already.
        """
        if self._level < 0:
            self._level = level
        if level != self._level:
            return
        self._call = call
        if self._asked:
            raise CallCancelled("the call was cancelled before it began", executed="no")


_Job = tuple[Callable[[], Any], CallFuture]


class Frame:
    """Calls that wait for the thread: those of a session, or those made inside one of its callbacks."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ended = False

    def put(self, job: _Job) -> bool:
        """Adds a call; ``False`` when the callback is over."""
        with self._lock:
            if not self._ended:
                self._jobs.put(job)
            return not self._ended

    def get(self) -> _Job | None:
        """The next call; ``None`` at the end."""
        return self._jobs.get()

    def end(self) -> None:
        """Ends it, after the calls that wait."""
        with self._lock:
            self._ended = True
            self._jobs.put(None)


class Worker:
    """One thread that runs calls in order.

    Attributes:
        job: the future of the call that runs now.
        stopped: whether it was told to end.
    """

    def __init__(self, name: str) -> None:
        self.job: CallFuture | None = None
        self.stopped = False
        self._frames = [Frame()]
        self._thread = threading.Thread(target=self._serve, name=f"arcuate-{name}", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], Any], interrupt: Interrupt, frame: Frame | None = None) -> CallFuture:
        """Queues one call.

        Args:
            work: makes the call.
            interrupt: interrupts it.
            frame: the callback inside which it is made, see :meth:`serve`.
        """
        future = CallFuture(interrupt)
        if frame is None or not frame.put((work, future)):
            self._frames[0].put((work, future))
            if self.stopped:
                future.drop()
        return future

    def begin(self, call: Call, level: int) -> None:
        """Notes a call that a thread is about to make.

        Raises:
            CallCancelled: this thread makes it, for a future that was cancelled.
        """
        if self.job is not None and threading.get_ident() == self._thread.ident:
            self.job.begin(call, level)

    def serve(self, frame: Frame) -> None:
        """Runs the calls that are made inside a callback, until its frame ends; on the thread only."""
        self._frames.append(frame)
        if self.stopped:  # in the instant before, so that nobody has ended it
            frame.end()
        try:
            self._run(frame)
        finally:
            self._frames.remove(frame)

    def end(self) -> None:
        """Cancels what waits; the thread ends after what it does now."""
        self.stopped = True
        for frame in tuple(self._frames):
            frame.end()

    def stop(self) -> None:
        """Cancels what waits and ends the thread."""
        self.end()
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    def _serve(self) -> None:
        self._run(self._frames[0])

    def _run(self, frame: Frame) -> None:
        outer = self.job
        while True:
            job = frame.get()
            if job is None:
                return
            work, future = job
            del job
            if self.stopped:
                future.drop()
            if future.set_running_or_notify_cancel():
                self.job = future
                try:
                    result = work()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
                finally:
                    self.job = outer
            del work, future
