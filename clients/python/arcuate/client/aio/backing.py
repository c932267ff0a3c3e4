"""The session behind an asyncio session: it works on its own thread.

Functions of the user run in the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any

from arcuate.client.aio.names import AsyncRemote, Name
from arcuate.client.remote import Remote
from arcuate.client.session import Session
from arcuate.client.submit import CallFuture, Frame
from arcuate.errors import CallCancelled, InvalidArgument, SessionClosed

__all__ = ["Backing"]

_SLICE = 0.25
"""Seconds between two looks at whether the session was closed, while a function of the user runs."""

_inside: contextvars.ContextVar[tuple[Backing, Frame | None] | None] = contextvars.ContextVar(
    "arcuate_inside", default=None
)
"""The callback inside which a task runs; without a frame for those inside which no call can be made."""


class Backing(Session):
    """A session that belongs to an event loop.

    Args:
        loop: the loop.
        transport: as for :class:`Session`.
        on_output: receives output, in the loop; may be a coroutine function.
        on_event: receives other events, in the loop; may be a coroutine function.
        options: as for :class:`Session`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: Any,
        *,
        on_output: Callable[..., Any] | None = None,
        on_event: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        self.loop = loop
        self._contexts: dict[CallFuture, contextvars.Context] = {}
        super().__init__(
            transport, on_output=self.receiver(on_output), on_event=self.receiver(on_event), **options
        )

    # ------------------------------------------------------------ in the loop

    async def do(self, work: Callable[[], Any]) -> Any:
        """Runs some work of this session on its thread; cancelling it cancels the call.

        Raises:
            InvalidArgument: it is another loop than the session's, or a function that receives output.
        """
        if asyncio.get_running_loop() is not self.loop:
            raise InvalidArgument("this session belongs to another event loop; open one in each loop")
        self._check_open()
        inside = _inside.get()
        frame = None
        if inside is not None and inside[0] is self:
            frame = inside[1]
            if frame is None:
                raise InvalidArgument(
                    "a function that receives output or events cannot call the session that waits for it; "
                    "start a task for that"
                )
        context = contextvars.copy_context()
        future = self._submit(lambda: self._with(context, work), frame)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.dropped:  # nobody has cancelled the task
                raise SessionClosed("this session was closed before the call began", executed="no") from None
            raise

    # ---------------------------------------------------------- on the thread

    def _with(self, context: contextvars.Context, work: Callable[[], Any]) -> Any:
        """Runs some work, and notes for its callbacks in which context it was asked for."""
        job = self._thread().job
        assert job is not None
        self._contexts[job] = context
        try:
            return work()
        finally:
            del self._contexts[job]

    def _invoke(self, function: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        frame = Frame()
        running = self._start(frame, function, args, named)
        running.done.add_done_callback(lambda _: frame.end())
        worker = self._thread()
        job = worker.job
        if job is not None:
            job.on_cancel.append(running.cancel)
            if job.asked:
                running.cancel()
        try:
            worker.serve(frame)
        finally:
            if job is not None:
                job.on_cancel.remove(running.cancel)
        if not running.done.done():
            running.cancel()
            raise CallCancelled("the session was closed while a callback ran", executed="maybe")
        return running.done.result()

    def receiver(self, function: Callable[..., Any] | None) -> Callable[..., Any] | None:
        """A function that has another one receive something in the loop, and waits for it."""
        return None if function is None else functools.partial(self._receive, function)

    def _receive(self, function: Callable[..., Any], *args: Any) -> None:
        running = self._start(None, function, args, {})
        while not self._thread().stopped:
            if wait((running.done,), _SLICE).done:
                running.done.result()
                return

    def _start(
        self, frame: Frame | None, function: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]
    ) -> _Running:
        """Starts a function of the user in the loop, in the context of the task that waits."""
        job = self._thread().job
        context = self._contexts.get(job) if job is not None else None

        async def run() -> Any:
            _inside.set((self, frame))
            found = function(*args, **named)
            return await found if inspect.isawaitable(found) else found

        return _Running(self.loop, run, context or contextvars.Context())

    def _remote(self, number: str, info: Mapping[str, Any]) -> Remote:
        return self._keep(AsyncRemote(self, number, info), number)

    def _recognise(self, value: Any) -> tuple[str, Mapping[str, Any]] | None:
        if isinstance(value, Name):
            value = value._find()
        return super()._recognise(value)


class _Running:
    """A function of the user while it runs in the loop.

    Attributes:
        done: its result, for the thread that waits.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], Coroutine[Any, Any, Any]],
        context: contextvars.Context,
    ) -> None:
        self.done: Future[Any] = Future()
        self._loop = loop
        self._work = work
        self._task: asyncio.Task[Any] | None = None
        loop.call_soon_threadsafe(self._begin, context=context.copy())

    def cancel(self) -> None:
        """Cancels it, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._cancel)

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._work())
        self._task.add_done_callback(self._settle)

    def _cancel(self) -> None:
        assert self._task is not None  # the loop keeps the order
        self._task.cancel()

    def _settle(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            self.done.set_exception(CallCancelled("the callback was cancelled", executed="maybe"))
            return
        error = task.exception()
        if error is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(task.result())
