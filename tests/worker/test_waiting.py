"""Waiting for the other process: what is ready is told, and looking without sleeping ends when in vain."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from arcuate.worker import waiting
from arcuate.worker.waiting import Lookout

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


class Polls:
    """A poll object that remembers how it was asked."""

    def __init__(self, fd: int) -> None:
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self.asked: list[float | None] = []

    def poll(self, milliseconds: float | None) -> list[tuple[int, int]]:
        self.asked.append(milliseconds)
        return self._poll.poll(milliseconds)


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_processors", lambda: 2)


def test_what_is_there_is_told_without_sleeping(pipe: Pipe) -> None:
    polls = Polls(pipe[0])
    lookout = Lookout(polls.poll, 10.0)
    os.write(pipe[1], b"x")
    assert lookout.wait(None) == [(pipe[0], select.POLLIN)]
    assert set(polls.asked) == {0}


def test_nothing_within_the_time_is_an_empty_list(pipe: Pipe) -> None:
    begun = time.monotonic()
    assert Lookout(Polls(pipe[0]).poll, 0.001).wait(20) == []
    assert time.monotonic() - begun >= 0.02


def test_it_sleeps_when_nothing_comes_soon(pipe: Pipe) -> None:
    polls = Polls(pipe[0])
    Lookout(polls.poll, 0.0005).wait(7)
    assert polls.asked[-1] == 7
    assert polls.asked.count(7) == 1


def test_looking_in_vain_ends_but_for_a_try_now_and_then(pipe: Pipe) -> None:
    polls = Polls(pipe[0])
    lookout = Lookout(polls.poll, 1e-5)
    for _ in range(500):  # more than it trusts
        lookout.wait(0.01)
    polls.asked.clear()
    for _ in range(1000):
        lookout.wait(0.01)
    looked = sum(before == 0 and asked != 0 for before, asked in pairwise(polls.asked))
    assert 1 <= looked <= 50


def test_one_answer_in_time_is_enough_to_look_again(pipe: Pipe) -> None:
    polls = Polls(pipe[0])
    lookout = Lookout(polls.poll, 1e-5)
    for _ in range(500):
        lookout.wait(0.01)
    lookout._seconds = 10.0  # so that a busy machine does not make the answer late
    os.write(pipe[1], b"x")
    for _ in range(200):
        lookout.wait(None)
    polls.asked.clear()
    for _ in range(100):
        lookout.wait(None)
    assert set(polls.asked) == {0}


def test_with_one_processor_it_sleeps_at_once(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_processors", lambda: 1)
    polls = Polls(pipe[0])
    Lookout(polls.poll, 10.0).wait(5)
    assert polls.asked == [5]


def test_an_end_of_the_pipe_is_something(pipe: Pipe) -> None:
    read, write = os.pipe()
    lookout = Lookout(Polls(read).poll, 10.0)
    os.close(write)
    try:
        assert lookout.wait(None) == [(read, select.POLLHUP)]
    finally:
        os.close(read)
