"""Ctrl-C at every instant of a callback is noticed and raised where it can be answered."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from arcuate.client.sigint import Guard


class Struck:
    """Ctrl-C at one event of Python's profiler: a call, a return, or the call of a C function."""

    def __init__(self, instant: int) -> None:
        self.left = instant
        self.events: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        self.events.append(f"{event} {frame.f_code.co_name} {getattr(argument, '__name__', '')}")
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


def callback(instant: int, wakes: list[int]) -> tuple[Any, bool, bool, Struck]:
    """A callback with Ctrl-C at some instant: its answer, and whether Ctrl-C was told and kept."""
    guard = Guard.enter(lambda: wakes.append(1))
    assert guard is not None
    strike = Struck(instant)
    sys.setprofile(strike)
    try:
        answer, told = Guard.aside(lambda: "answer")
    finally:
        sys.setprofile(None)
    assert Guard._active is guard
    assert signal.getsignal(signal.SIGINT) == guard._strike
    with pytest.raises(KeyboardInterrupt) if guard.hit else _nothing():
        guard.leave()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return answer, told, guard.hit, strike


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


@pytest.fixture(autouse=True)
def usual() -> Any:
    """The handler that Python begins with."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


def test_every_instant() -> None:
    answer, told, kept, strike = callback(-1, [])
    assert (answer, told, kept) == ("answer", False, False)
    events = [one for one in strike.events if "setprofile" not in one]
    assert len(events) > 6, events
    for instant in range(1, len(events) + 1):
        wakes: list[int] = []
        answer, told, kept, _ = callback(instant, wakes)
        assert kept, f"lost at {events[instant - 1]!r}"
        assert told or wakes, f"nobody is told of what came at {events[instant - 1]!r}"
        assert answer in ("answer", None)


def test_errors_of_a_callback_pass() -> None:
    guard = Guard.enter(lambda: None)
    assert guard is not None
    try:
        with pytest.raises(ZeroDivisionError):
            Guard.aside(lambda: 1 / 0)
        assert Guard._active is guard
    finally:
        guard.leave()


def test_other_threads_have_no_guard() -> None:
    guard = Guard.enter(lambda: None)
    assert guard is not None
    found: list[Any] = []
    try:
        thread = threading.Thread(
            target=lambda: found.append(Guard.aside(lambda: signal.getsignal(signal.SIGINT)))
        )
        thread.start()
        thread.join()
    finally:
        guard.leave()
    assert found == [(guard._strike, False)]
