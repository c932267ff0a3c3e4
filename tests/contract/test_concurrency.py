"""Several sessions, several threads, forks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.contract.processes import PATIENCE, finished, python
from tests.contract.quirks import Quirks

from arcuate.client import Session
from arcuate.errors import SessionClosed

Fresh = Callable[..., Session]


def test_sessions_run_in_parallel(fresh: Fresh) -> None:
    """Both calls are inside at the same time: each waits in a callback for the other."""
    sessions = [fresh(), fresh()]
    barrier = threading.Barrier(2, timeout=PATIENCE)

    def meet(_: object) -> float:
        barrier.wait()
        return 1.0

    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(session.call, "arcuate_apply", meet, 1.0) for session in sessions]
        assert [future.result(PATIENCE) for future in futures] == [1.0, 1.0]


def test_threads_on_one_session_are_queued_in_order(session: Session) -> None:
    order: list[int] = []
    inside = threading.Event()
    release = threading.Event()

    def first(_: object) -> float:
        inside.set()
        assert release.wait(PATIENCE)
        order.append(0)
        return 0.0

    threads = [threading.Thread(target=session.call, args=("arcuate_apply", first, 1.0))]
    threads[0].start()
    assert inside.wait(PATIENCE)
    for number in range(1, 6):

        def work(_: object, number: int = number) -> float:
            order.append(number)
            return float(number)

        thread = threading.Thread(target=session.call, args=("arcuate_apply", work, 1.0))
        before = len(session._lock._waiting)
        thread.start()
        while len(session._lock._waiting) == before:  # in the queue, before the next one comes
            pass
        threads.append(thread)
    release.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert order == [0, 1, 2, 3, 4, 5]


def test_many_threads_get_their_own_results(session: Session) -> None:
    def work(number: int) -> list[float]:
        return [session.call("arcuate_add", float(number), float(i)) for i in range(25)]

    with ThreadPoolExecutor(8) as threads:
        for number, result in enumerate(threads.map(work, range(8))):
            assert result == [number + i for i in range(25)]


def test_many_threads_with_callbacks_and_errors(session: Session) -> None:
    def work(number: int) -> float:
        total = 0.0
        for i in range(10):
            total += session.call("arcuate_apply", lambda x, n=number: x + n, float(i))
            with pytest.raises(LookupError, match=f"of {number}"):
                session.call("arcuate_apply", _failing(number), 1.0)
        return total

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(work, range(6))) == [45.0 + 10 * n for n in range(6)]


def _failing(number: int) -> Callable[[object], object]:
    def fail(_: object) -> object:
        raise LookupError(f"of {number}")

    return fail


def test_a_session_of_one_inside_a_callback_of_another(fresh: Fresh, session: Session) -> None:
    other = fresh()
    assert (
        session.call("arcuate_apply", lambda x: other.call("arcuate_apply", lambda y: y + 1.0, x) + 1.0, 1.0)
        == 3.0
    )


def test_closing_from_another_thread_while_others_wait(fresh: Fresh) -> None:
    session = fresh()
    started = threading.Event()
    errors: list[BaseException] = []

    def call(name: str, *args: object) -> None:
        try:
            session.call(name, *args, nargout=0)
        except BaseException as error:
            errors.append(error)

    first = threading.Thread(target=call, args=("arcuate_linger", started.set))
    first.start()
    assert started.wait(PATIENCE)
    second = threading.Thread(target=call, args=("arcuate_linger", started.set))
    second.start()
    session.close()
    for thread in (first, second):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert len(errors) == 2
    for error in errors:
        assert type(error).__module__ == "arcuate.errors"
    with pytest.raises(SessionClosed):
        session.call("arcuate_add", 1.0, 2.0)


FORK = """
    import os, sys
    from tests.contract.processes import open_session
    from tests.contract.quirks import find
    from arcuate.errors import SessionClosed
    quirks = find(sys.argv[1])
    session = open_session(quirks)
    session["kept"] = 4.5
    kept = session.call("arcuate_id", 1.5, keep=True)
    pid = os.fork()
    if pid == 0:
        for use in (lambda: session["kept"], lambda: session.call("arcuate_id", kept), session.restart,
                    lambda: session.submit("arcuate_add", 1, 2)):
            try:
                use()
            except SessionClosed:
                continue
            os._exit(1)
        session.close()
        del kept
        own = open_session(quirks)
        good = own.call("arcuate_add", 1.5, 2.0) == 3.5
        own.close()
        os._exit(0 if good else 2)
    status = os.waitpid(pid, 0)[1]
    print(status, session["kept"], session.call("arcuate_id", kept), session.info["generation"])
    session.close()
"""


@pytest.mark.parametrize("when", ["closed by the child", "left to the child's exit"])
def test_fork(quirks: type[Quirks], session: Session, when: str) -> None:
    """The child cannot use the parent's session but may open one of its own; the parent's is unharmed."""
    code = (
        FORK
        if when == "closed by the child"
        else FORK.replace("        session.close()\n        del kept\n", "", 1)
    )
    assert finished(python(code, quirks.id())) == "0 4.5 1.5 1\n"


FORK_EXIT = """
    import os, sys
    from tests.contract.processes import open_session
    from tests.contract.quirks import find
    session = open_session(find(sys.argv[1]))
    pid = os.fork()
    if pid == 0:
        sys.exit(0)   # runs the exit handlers
    print(os.waitpid(pid, 0)[1], session.call("arcuate_add", 1.5, 2.0))
    session.close()
"""


def test_fork_and_orderly_exit_of_the_child(quirks: type[Quirks], session: Session) -> None:
    assert finished(python(FORK_EXIT, quirks.id())) == "0 3.5\n"


MULTI = """
import multiprocessing, sys
from arcuate.client import connect

def work(name):
    with connect(name) as session:
        session["x"] = 2.5
        return session["x"]

if __name__ == "__main__":
    name, method = sys.argv[1:]
    context = multiprocessing.get_context(method)
    with connect(name) as session:
        session["x"] = 4.5
        with context.Pool(2) as pool:
            print(pool.map(work, [name, name]))
        print(session["x"])
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing(quirks: type[Quirks], session: Session, method: str, tmp_path: object) -> None:
    import subprocess
    import sys

    script = f"{tmp_path}/multi.py"
    with open(script, "w") as file:
        file.write(MULTI)
    done = subprocess.run(
        [sys.executable, script, quirks.target(), method],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[2.5, 2.5]\n4.5\n"


def test_sessions_opened_on_a_thread_outlive_it(fresh: Fresh) -> None:
    """The kernel's death signal is tied to the thread that starts a process: no short-lived one may do it."""
    opened: list[Session] = []
    thread = threading.Thread(target=lambda: opened.append(fresh()))
    thread.start()
    thread.join(PATIENCE)
    for _ in range(20):
        assert opened[0].call("arcuate_add", 1.5, 2.0) == 3.5
