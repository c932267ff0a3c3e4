"""Many interpreters of one environment: ``pool("octave", size=4).map(...)``."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from arcuate.client.connecting import connect
from arcuate.errors import EnvironmentCrashed, InvalidArgument, SessionClosed

if TYPE_CHECKING:
    from concurrent.futures import Future

    from arcuate.client.session import Session

__all__ = ["Pool", "pool"]

_Job = tuple["Callable[[Session], Any]", "Future[Any]"]


def pool(target: str, size: int | None = None, **options: Any) -> Pool:
    """Opens several sessions with one environment.

    Args:
        target: the environment, as for :func:`arcuate.client.connect`.
        size: how many interpreters; one per CPU when left out.
        options: as for :func:`arcuate.client.connect`.
    """
    return Pool(target, (os.cpu_count() or 1) if size is None else size, **options)


class Pool:
    """Interpreters that share work. Calls go to whichever is free.

    A worker that crashes is replaced; the item that it worked on keeps its error. Each interpreter has a
    workspace of its own: use :meth:`each` to prepare all of them. One that cannot be prepared again does no
    work: it is tried with each item that comes to it, and the item has the error.
    """

    def __init__(self, target: str, size: int, **options: Any) -> None:
        if size < 1:
            raise InvalidArgument(f"a pool needs at least one interpreter, not {size}")
        self._target = target
        self._options = options
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._setup: list[Callable[[Session], Any]] = []
        self._sessions: list[Session] = []
        self._threads: list[threading.Thread] = []
        try:
            starting = [_spawn(lambda: connect(target, **options)) for _ in range(size)]
            failed: BaseException | None = None
            for future in starting:
                try:
                    self._sessions.append(future.result())
                except BaseException as error:
                    failed = error
            if failed is not None:
                raise failed
        except BaseException:
            for session in self._sessions:
                session.close()
            raise
        for index in range(size):
            thread = threading.Thread(
                target=self._serve, args=(index,), name=f"arcuate-pool-{index}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    # ------------------------------------------------------------------ calls

    def call(self, name: str, /, *args: Any, **keywords: Any) -> Any:
        """:meth:`Session.call` on a free interpreter."""
        with self._telling():
            return self.submit(name, *args, **keywords).result()

    def eval(self, code: str, **controls: Any) -> Any:
        """:meth:`Session.eval` on a free interpreter."""
        with self._telling():
            return self._put(lambda session: session.eval(code, **controls)).result()

    def submit(self, name: str, /, *args: Any, **keywords: Any) -> Future[Any]:
        """:meth:`Session.call` on a free interpreter; returns a future."""
        return self._put(lambda session: session.call(name, *args, **keywords))

    def each(self, action: Callable[[Session], Any] | str) -> list[Any]:
        """Does something on every interpreter, also on those that later replace a crashed one.

        Args:
            action: statements to run, or a function of a session. Where it fails, later ones are spared it.

        Returns:
            What the function returned for each.
        """
        todo: Callable[[Session], Any] = (
            (lambda session: session.run(action)) if isinstance(action, str) else action
        )
        self._setup.append(todo)
        try:
            return [todo(session) for session in self._sessions]
        except BaseException:
            self._setup.remove(todo)  # it would fail on each that replaces one, too
            raise

    def map(
        self,
        name: str,
        items: Iterable[Any],
        *,
        progress: bool = False,
        errors: str = "raise",
        **controls: Any,
    ) -> list[Any]:
        """Calls a function with each item; results come in the items' order.

        Args:
            name: the function's name.
            items: one argument each.
            progress: shows a progress bar.
            errors: ``"raise"`` raises the first error when all items are done; ``"keep"`` puts each item's
                error in its place.
            controls: as for :meth:`Session.call`.
        """
        return self.starmap(name, ((item,) for item in items), progress=progress, errors=errors, **controls)

    def starmap(
        self,
        name: str,
        items: Iterable[Sequence[Any]],
        *,
        progress: bool = False,
        errors: str = "raise",
        **controls: Any,
    ) -> list[Any]:
        """As :meth:`map`, with several arguments per item."""
        if errors not in ("raise", "keep"):
            raise InvalidArgument(f"errors must be 'raise' or 'keep', not {errors!r}")
        futures = [self.submit(name, *item, **controls) for item in items]
        results: list[Any] = []
        first: BaseException | None = None
        try:
            for future in _bar(futures, len(futures), progress, name):
                with self._telling():
                    error = future.exception()
                if error is None:
                    results.append(future.result())
                else:
                    first = first or error
                    results.append(error)
        except BaseException:
            for future in futures:
                future.cancel()
            self.interrupt()
            raise
        if first is not None and errors == "raise":
            raise first
        return results

    def imap_unordered(
        self,
        name: str,
        items: Iterable[Any],
        *,
        progress: bool = False,
        errors: str = "raise",
        **controls: Any,
    ) -> Iterator[tuple[int, Any]]:
        """As :meth:`map`, but yields (index, result) as results come."""
        if errors not in ("raise", "keep"):
            raise InvalidArgument(f"errors must be 'raise' or 'keep', not {errors!r}")
        ready: queue.SimpleQueue[tuple[int, Future[Any]]] = queue.SimpleQueue()
        futures = []
        for index, item in enumerate(items):
            future = self.submit(name, item, **controls)
            future.add_done_callback(lambda done, index=index: ready.put((index, done)))  # type: ignore[misc]
            futures.append(future)
        try:
            for _ in _bar(range(len(futures)), len(futures), progress, name):
                index, future = ready.get()
                with self._telling():
                    error = future.exception()
                if error is not None and errors == "raise":
                    raise error
                yield index, error if error is not None else future.result()
        finally:
            for future in futures:
                future.cancel()

    def interrupt(self) -> None:
        """Interrupts what runs now on every interpreter."""
        for session in self._sessions:
            session.interrupt()

    # ------------------------------------------------------------------- life

    @property
    def size(self) -> int:
        """How many interpreters there are."""
        return len(self._sessions)

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The sessions themselves."""
        return tuple(self._sessions)

    def close(self) -> None:
        """Ends all interpreters; what waits is cancelled."""
        with self._lock:  # nothing is queued after this
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job[1].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        if os.getpid() == self._owner:
            self.interrupt()
        for session in self._sessions:  # also interrupts what has only begun
            session.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(30)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self.size} interpreters"
        return f"<arcuate pool {self._target!r}: {state}>"

    def _put(self, work: Callable[[Session], Any]) -> Future[Any]:
        from concurrent.futures import Future

        if os.getpid() != self._owner:
            raise SessionClosed(
                f"this pool belongs to process {self._owner}; a forked child cannot use it: "
                f"open one in the child with pool({self._target!r})"
            )
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise self._over()
            self._jobs.put((work, future))
        return future

    def _over(self) -> SessionClosed:
        return SessionClosed(f"this pool is closed; open another with pool({self._target!r})", executed="no")

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Who waits for what closing has cancelled is told why."""
        from concurrent.futures import CancelledError

        try:
            yield
        except CancelledError:
            if self._closed:
                raise self._over() from None
            raise

    def _serve(self, index: int) -> None:
        ready = True
        while True:
            job = self._jobs.get()
            if job is None:
                return
            work, future = job
            if future.set_running_or_notify_cancel():
                try:
                    if not ready:
                        self._renew(index)
                        ready = True
                    result = work(self._sessions[index])
                except BaseException as error:
                    ready = ready and self._repair(index, error)
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del job, work, future

    def _repair(self, index: int, error: BaseException) -> bool:
        """Replaces an interpreter that crashed or was killed; ``False`` when the next item has to."""
        lost = isinstance(error, EnvironmentCrashed) or getattr(error, "workspace", None) is False
        if lost and not self._closed:
            try:
                self._renew(index)
            except BaseException:
                return False  # the next item tells
        return True

    def _renew(self, index: int) -> None:
        """A fresh interpreter, prepared like the others."""
        session = self._sessions[index]
        session.restart()
        for todo in self._setup:
            todo(session)


def _spawn(work: Callable[[], Any]) -> Future[Any]:
    from concurrent.futures import Future

    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _bar(items: Iterable[Any], total: int, progress: bool, name: str) -> Iterable[Any]:
    """The items under a progress bar, where one is wanted."""
    if not progress:
        return items
    from tqdm.auto import tqdm

    bar: Iterable[Any] = tqdm(items, total=total, desc=name, unit="call")
    return bar
