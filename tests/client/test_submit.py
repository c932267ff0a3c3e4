"""Futures of ``Session.submit``: their states, and what cancelling means in each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import Any

import pytest
from tests.contract.processes import PATIENCE, until

from arcuate.client.submit import CallFuture, Frame, Worker
from arcuate.client.transport import Call
from arcuate.errors import CallCancelled


class Running:
    """Work that runs until it is interrupted or let go."""

    def __init__(self, worker: Worker | None = None, *, ignores: bool = False) -> None:
        self.worker = worker
        self.begun = threading.Event()
        self.end = threading.Event()
        self.interrupted = False
        self.ignores = ignores

    def __call__(self) -> str:
        if self.worker is not None:
            self.worker.begin(Call(7, None, never, never), 0)
        self.begun.set()
        assert self.end.wait(PATIENCE)
        if self.interrupted and not self.ignores:
            raise CallCancelled("the call was interrupted")
        return "done"

    def interrupt(self, number: int) -> bool:
        assert number == 7
        self.interrupted = True
        self.end.set()
        return True


@pytest.fixture
def worker() -> Iterator[Worker]:
    one = Worker("test")
    yield one
    one.stop()
    assert not one._thread.is_alive()


def never(_: object) -> Any:
    raise AssertionError("nothing may be interrupted")


def test_it_is_a_future(worker: Worker) -> None:
    work = Running()
    future = worker.submit(work, never)
    assert isinstance(future, Future)
    assert work.begun.wait(PATIENCE)
    assert (future.running(), future.done(), future.cancelled()) == (True, False, False)
    with pytest.raises(TimeoutError):
        future.result(0.01)
    work.end.set()
    assert future.result(PATIENCE) == "done"
    assert (future.running(), future.done(), future.cancelled()) == (False, True, False)
    assert wait([future]).done == {future}
    called: list[CallFuture] = []
    future.add_done_callback(called.append)  # type: ignore[arg-type]
    assert called == [future]


def test_in_order_on_one_thread(worker: Worker) -> None:
    where: list[int] = []
    futures = [worker.submit(lambda i=i: where.append(threading.get_ident()) or i, never) for i in range(50)]
    assert [future.result(PATIENCE) for future in futures] == list(range(50))
    assert len(set(where)) == 1
    assert where[0] != threading.get_ident()


def test_an_exception_is_kept_and_the_next_call_runs(worker: Worker) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    future = worker.submit(fail, never)
    assert isinstance(future.exception(PATIENCE), KeyboardInterrupt)
    assert not future.cancelled()
    assert worker.submit(lambda: 7, never).result(PATIENCE) == 7


def test_cancel_while_it_runs(worker: Worker) -> None:
    work = Running(worker)
    future = worker.submit(work, work.interrupt)
    assert work.begun.wait(PATIENCE)
    assert future.cancel() is True
    with pytest.raises(CallCancelled):
        future.result(PATIENCE)
    assert future.cancelled()
    assert worker.submit(lambda: 7, never).result(PATIENCE) == 7


def test_cancel_just_before_the_call_is_made(worker: Worker) -> None:
    began, go = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        assert go.wait(PATIENCE)
        worker.begin(Call(7, None, never, never), 0)
        raise AssertionError("the call was made")

    future = worker.submit(work, never)
    assert began.wait(PATIENCE)
    assert future.cancel() is True
    go.set()
    with pytest.raises(CallCancelled) as caught:
        future.result(PATIENCE)
    assert caught.value.executed == "no"
    assert future.cancelled()


def test_calls_inside_a_callback_run_at_once(worker: Worker) -> None:
    inner, order = Frame(), []

    def outer() -> str:
        worker.serve(inner)
        order.append("outer")
        return "outer"

    first = worker.submit(outer, never)
    waiting = worker.submit(lambda: order.append("waiting"), never)
    worker.submit(lambda: order.append("inside"), never, inner).result(PATIENCE)
    assert not waiting.done()
    inner.end()
    assert first.result(PATIENCE) == "outer"
    worker.submit(lambda: order.append("late"), never, inner).result(PATIENCE)  # its callback is over
    assert order == ["inside", "outer", "waiting", "late"]


def test_cancel_of_one_that_ends_in_spite_of_it(worker: Worker) -> None:
    work = Running(worker, ignores=True)
    future = worker.submit(work, work.interrupt)
    assert work.begun.wait(PATIENCE)
    future.cancel()
    assert future.result(PATIENCE) == "done"
    assert not future.cancelled()
    assert future.cancel() is False


def test_cancel_while_it_waits(worker: Worker) -> None:
    first = Running()
    running = worker.submit(first, never)
    ran: list[int] = []
    waiting = worker.submit(lambda: ran.append(1), never)
    assert waiting.cancel() is True
    assert waiting.cancelled()
    with pytest.raises(CancelledError):
        waiting.result(0)
    first.end.set()
    assert running.result(PATIENCE) == "done"
    assert worker.submit(lambda: 7, never).result(PATIENCE) == 7
    assert ran == []


def test_cancel_when_it_is_over(worker: Worker) -> None:
    future = worker.submit(lambda: 7, never)
    assert future.result(PATIENCE) == 7
    assert future.cancel() is False
    assert not future.cancelled()


def test_stopping_cancels_what_waits() -> None:
    worker = Worker("test")
    work = Running()
    running = worker.submit(work, never)
    waiting = [worker.submit(lambda: 1, never) for _ in range(3)]
    assert work.begun.wait(PATIENCE)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    until(lambda: worker.stopped, "it is told to stop")
    work.end.set()
    stopping.join(PATIENCE)
    assert running.result(PATIENCE) == "done"
    assert all(future.cancelled() for future in waiting)
    worker.stop()
