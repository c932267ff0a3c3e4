"""Calls in the background."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import numpy as np
import pytest

from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import FutureResult, MatlabEngine


def test_the_result_comes_later_and_stays(eng: MatlabEngine) -> None:
    future = eng.sqrt(4.0, background=True)
    assert isinstance(future, FutureResult)
    assert future.result() == 2.0
    assert future.result() == 2.0
    assert future.done()
    assert not future.cancelled()
    assert future.cancel() is False
    assert eng.gcd(100.0, 80.0, nargout=3, background=True).result() == (20.0, 1.0, -1.0)
    assert eng.eval("x = 1;", nargout=0, background=True).result() is None


def test_a_timeout_lets_the_computation_go_on(eng: MatlabEngine) -> None:
    future = eng.eval("pause (0.6); done_ = 1;", nargout=0, background=True)
    with pytest.raises(engine.TimeoutError):
        future.result(timeout=0.05)
    assert not future.done()
    assert future.result(30) is None
    assert eng.workspace["done_"] == 1.0


@pytest.mark.parametrize("timeout", ["1", True, [1]])
def test_a_timeout_is_a_number(eng: MatlabEngine, timeout: Any) -> None:
    future = eng.sqrt(4.0, background=True)
    with pytest.raises(TypeError, match="timeout"):
        future.result(timeout)
    assert future.result(30.0) == 2.0


def test_cancel_stops_the_call_and_keeps_the_workspace(eng: MatlabEngine) -> None:
    eng.workspace["kept"] = 3.0
    started = threading.Event()

    class Sign:
        def write(self, text: str) -> None:
            started.set()

    future = eng.eval("disp (1); fflush (stdout); while true, end", nargout=0, background=True, stdout=Sign())
    assert started.wait(30)
    assert future.cancel() is True
    assert future.cancelled()
    assert future.done()
    for _ in range(2):
        with pytest.raises(engine.CancelledError):
            future.result()
    assert future.cancel() is True
    assert eng.workspace["kept"] == 3.0


def test_a_call_that_waits_is_cancelled_without_being_made(eng: MatlabEngine) -> None:
    first = eng.pause(0.4, nargout=0, background=True)
    second = eng.eval("made = 1;", nargout=0, background=True)
    assert second.cancel() is True
    with pytest.raises(engine.CancelledError):
        second.result()
    assert first.result() is None
    assert "made" not in eng.workspace


def test_calls_are_made_in_order(eng: MatlabEngine) -> None:
    """Also a call that is not in the background waits for those that are."""
    eng.eval("order_ = [];", nargout=0)
    slow = eng.eval("pause (0.3); order_(end+1) = 1;", nargout=0, background=True)
    more = [eng.eval(f"order_(end+1) = {k};", nargout=0, background=True) for k in range(2, 6)]
    eng.eval("order_(end+1) = 6;", nargout=0)
    assert slow.done()
    assert all(future.done() for future in more)
    assert np.array_equal(eng.workspace["order_"], [[1, 2, 3, 4, 5, 6]])
    later = eng.eval("pause (0.2); y_ = 7;", nargout=0, background=True)
    assert eng.workspace["y_"] == 7.0  # the workspace waits too
    assert later.done()


def test_arguments_are_taken_when_the_call_is_made(eng: MatlabEngine) -> None:
    data = np.zeros((1, 4))
    nested = {"a": [data]}
    wait = eng.pause(0.3, nargout=0, background=True)
    future = eng.sum(data, background=True)
    inner = eng.deal(nested, background=True)
    data[:] = 1.0
    assert future.result() == 0.0
    assert np.array_equal(inner.result()["a"][0], [[0, 0, 0, 0]])
    assert wait.result() is None


def test_a_call_that_is_interrupted_from_elsewhere(eng: MatlabEngine) -> None:
    started = threading.Event()

    class Sign:
        def write(self, text: str) -> None:
            started.set()

    future = eng.eval("disp (1); fflush (stdout); pause (60);", nargout=0, background=True, stdout=Sign())
    assert started.wait(30)
    assert eng._session.interrupt()
    with pytest.raises(engine.InterruptedError):
        future.result(30)
    assert not future.cancelled()


def test_an_error_in_the_background(eng: MatlabEngine) -> None:
    future = eng.error("later", nargout=0, background=True)
    for _ in range(2):
        with pytest.raises(engine.MatlabExecutionError, match="later"):
            future.result()
    with pytest.raises(SyntaxError):
        eng.eval("x = (", nargout=0, background=True).result()
    with pytest.raises(engine.TimeoutError):
        eng.pause(20.0, nargout=0, background=True, timeout=0.2).result()


def test_an_engine_that_is_quit_ends_its_calls(fresh: MatlabEngine) -> None:
    future = fresh.pause(60.0, nargout=0, background=True)
    waiting = fresh.sqrt(4.0, background=True)
    fresh.quit()
    for one in (future, waiting):
        with pytest.raises((engine.CancelledError, engine.InterruptedError, engine.RejectedExecutionError)):
            one.result(30)


def test_starting_in_the_background() -> None:
    future = engine.start_matlab(background=True)
    assert isinstance(future, FutureResult)
    with future.result() as eng:
        assert eng.sqrt(4.0) == 2.0


def test_starting_is_cancelled() -> None:
    future = engine.start_matlab(background=True)
    assert future.cancel() is True
    with pytest.raises(engine.CancelledError):
        future.result()


def test_futures_are_awaited(eng: MatlabEngine) -> None:
    async def work() -> tuple[Any, Any]:
        slow = eng.eval("pause (0.2); 5", background=True, nargout=0)
        values = await asyncio.gather(eng.sqrt(4.0, background=True), eng.sqrt(9.0, background=True))
        assert await slow is None
        with pytest.raises(engine.MatlabExecutionError):
            await eng.error("x", nargout=0, background=True)
        gone = eng.pause(30.0, nargout=0, background=True)
        gone.cancel()
        with pytest.raises(engine.CancelledError):
            await gone
        return values

    assert asyncio.run(work()) == [2.0, 3.0]


def test_a_task_that_is_cancelled_cancels_the_call(eng: MatlabEngine) -> None:
    async def work() -> FutureResult:
        future = eng.pause(60.0, nargout=0, background=True)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(future, 0.2)
        return future

    assert asyncio.run(work()).cancelled()
    assert eng.sqrt(4.0) == 2.0


def test_many_threads_use_one_engine(eng: MatlabEngine) -> None:
    found: list[float] = []

    def work(number: int) -> None:
        found.extend(eng.plus(float(number), float(k)) for k in range(20))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == sorted(float(n + k) for n in range(4) for k in range(20))


def test_a_call_that_waits_for_its_turn_is_told_that_the_engine_was_quit() -> None:
    one = engine.start_matlab()
    running = one.pause(60, nargout=0, background=True)
    found: list[BaseException] = []

    def wait() -> None:
        try:
            one.eval("1;", nargout=0)
        except BaseException as error:  # looked at below
            found.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while one._last is running._future:  # until it has queued
        time.sleep(0.001)
    one.quit()
    waiting.join(30)
    assert [type(one) for one in found] == [engine.RejectedExecutionError], found
    assert "it was quit" in str(found[0])
    assert running.done()
