"""FairLock: in order of arrival, in again for its owner, and timeouts that lose nothing."""

from __future__ import annotations

import threading

from tests.contract.processes import PATIENCE, until

from arcuate.client.lock import FairLock
from arcuate.errors import Unavailable


def started(work: object) -> threading.Thread:
    thread = threading.Thread(target=work)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_first_come_first_served() -> None:
    lock = FairLock()
    order: list[int] = []

    def take(number: int) -> None:
        assert lock.acquire(PATIENCE)
        order.append(number)
        lock.release()

    lock.acquire()
    threads = []
    for number in range(30):
        threads.append(started(lambda number=number: take(number)))
        until(lambda number=number: len(lock._waiting) == number + 1, "it waits in the line")
    lock.release()
    for thread in threads:
        thread.join(PATIENCE)
    assert order == list(range(30))
    assert lock._owner is None


def test_the_one_who_releases_does_not_overtake() -> None:
    lock = FairLock()
    order: list[str] = []
    lock.acquire()
    other = started(lambda: (lock.acquire(), order.append("other"), lock.release()))
    until(lambda: lock._waiting, "the other waits")
    lock.release()
    lock.acquire()
    order.append("again")
    lock.release()
    other.join(PATIENCE)
    assert order == ["other", "again"]


def test_its_owner_is_let_in_again() -> None:
    lock = FairLock()
    for _ in range(3):
        assert lock.acquire()
    held: list[bool] = []
    got: list[bool] = []
    thread = started(lambda: (held.append(lock.held), got.append(lock.acquire(0.05))))
    thread.join(PATIENCE)
    assert (held, got) == ([False], [False])
    for left in (2, 1, 0):
        assert lock.held
        lock.release()
        assert lock._count == left
    assert not lock.held


def test_a_timeout_leaves_the_line() -> None:
    lock = FairLock()
    lock.acquire()
    first: list[bool] = []
    second: list[bool] = []
    impatient = started(lambda: first.append(lock.acquire(0.05)))
    until(lambda: len(lock._waiting) == 1 or first, "the first waits")
    patient = started(lambda: (second.append(lock.acquire(PATIENCE)), lock.release()))
    impatient.join(PATIENCE)
    assert first == [False]
    until(lambda: len(lock._waiting) == 1, "only the second is left")
    lock.release()
    patient.join(PATIENCE)
    assert second == [True]
    assert lock.acquire(0.05)


def test_no_time_at_all() -> None:
    lock = FairLock()
    lock.acquire()
    got: list[bool] = []
    started(lambda: got.extend([lock.acquire(0), lock.acquire(-1.0)])).join(PATIENCE)
    assert got == [False, False]
    lock.release()
    assert lock.acquire(0)


def test_timeouts_in_a_crowd_lose_no_turn() -> None:
    """Whoever gets the lock at the last moment has it; afterwards it is free."""
    lock = FairLock()
    inside = 0
    most = 0
    turns = [0] * 8

    def work(me: int) -> None:
        nonlocal inside, most
        for i in range(300):
            if lock.acquire(0.0001 * (i % 5)):
                inside += 1
                most = max(most, inside)
                turns[me] += 1
                inside -= 1
                lock.release()

    threads = [started(lambda me=me: work(me)) for me in range(8)]
    for thread in threads:
        thread.join(PATIENCE)
    assert most == 1
    assert sum(turns) > 0
    assert lock._owner is None
    assert not lock._waiting
    assert lock.acquire(0)


def test_nobody_waits_in_a_circle() -> None:
    """Three threads of which each has one lock and wants the next: the last is told, the others go on."""
    locks = [FairLock() for _ in range(3)]
    began = [threading.Event() for _ in locks]
    ends: list[str] = []

    def work(number: int) -> None:
        locks[number].acquire()
        began[number].set()
        for event in began:
            event.wait(PATIENCE)
        try:
            locks[(number + 1) % 3].acquire()
        except Unavailable:
            ends.append("refused")
        else:
            locks[(number + 1) % 3].release()
            ends.append("served")
        finally:
            locks[number].release()

    threads = [started(lambda number=number: work(number)) for number in range(3)]
    for thread in threads:
        thread.join(PATIENCE)
    assert "served" in ends
    assert "refused" in ends
    assert len(ends) == 3
    assert all(lock._owner is None for lock in locks)
    assert not FairLock._blocked
