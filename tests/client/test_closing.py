"""Closing in one thread what another one uses: who waits is told, and no descriptor is anybody else's."""

from __future__ import annotations

import asyncio
import gc
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from arcuate.client import Session, aio, connect, dropped, pool, requests
from arcuate.client.aio.streams import AsyncPublisher, AsyncSubscription
from arcuate.client.net.reach import Reach
from arcuate.client.net.target import Target, open_link
from arcuate.errors import CallCancelled, ConnectionLost, EnvironmentCrashed, RemoteError, SessionClosed
from arcuate.values.limits import Limits

PATIENCE = 30.0


class Apart:
    """Something that is done in a thread."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.result: Any = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            self.result = work()
        except BaseException as error:  # looked at by the test
            self.result = error

    def ended(self) -> Any:
        """What it returned or raised."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.result


@pytest.mark.parametrize("address", ["zmq://127.0.0.1:1", "http://127.0.0.1:1", "grpc://127.0.0.1:1"])
def test_a_link_that_is_closed_writes_to_no_file_of_others(address: str, tmp_path: Path) -> None:
    link = open_link(Target.parse(address + "/"), Limits())
    link.close()
    fds = [os.open(tmp_path / str(number), os.O_CREAT | os.O_RDWR) for number in range(4)]
    try:
        link.wake()  # as Subscription.stop() does
        assert [os.fstat(fd).st_size for fd in fds] == [0] * 4
    finally:
        for fd in fds:
            os.close(fd)


class Slow(dict[str, int]):
    """An argument that takes its time to be prepared."""

    def __init__(self) -> None:
        super().__init__(a=1)
        self.begun, self.go = threading.Event(), threading.Event()

    def items(self) -> Any:
        self.begun.set()
        assert self.go.wait(PATIENCE)
        return super().items()


def test_a_call_whose_arguments_are_prepared_when_its_session_is_closed() -> None:
    session = connect("python")
    session.run("def wait(_):\n    import time\n    time.sleep(60)")
    slow = Slow()
    call = Apart(lambda: session.call("wait", slow))
    assert slow.begun.wait(PATIENCE)
    closing = Apart(session.close)
    while not session.closed:
        threading.Event().wait(0.001)
    slow.go.set()
    assert isinstance(call.ended(), (CallCancelled, SessionClosed))
    assert closing.ended() is None


def test_a_call_whose_arguments_are_prepared_when_its_session_is_restarted() -> None:
    with connect("python") as session:
        session.run("def wait(_):\n    import time\n    time.sleep(60)")
        slow = Slow()
        call = Apart(lambda: session.call("wait", slow))
        assert slow.begun.wait(PATIENCE)
        restarting = Apart(session.restart)
        while not session._lock._waiting:
            threading.Event().wait(0.001)
        slow.go.set()
        assert restarting.ended() is None
        assert isinstance(call.ended(), CallCancelled)
        assert session.eval("1 + 1") == 2


def test_the_same_call_with_asyncio() -> None:
    async def main() -> None:
        async with await aio.connect("python") as session:
            await session.run("def wait(_):\n    import time\n    time.sleep(60)")
            slow = Slow()
            call = session.submit("wait", slow)
            await asyncio.to_thread(slow.begun.wait, PATIENCE)
            restarting = asyncio.ensure_future(session.restart())
            await asyncio.sleep(0)  # it has asked for its turn
            slow.go.set()
            await asyncio.wait_for(restarting, PATIENCE)
            with pytest.raises(CallCancelled):
                await call

    asyncio.run(main())


def test_a_session_that_is_closed_while_it_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_CLOSE_SECONDS", (0.1, 0.1))
    session = connect("python")
    transport: Any = session._transport
    begun, go, restart = threading.Event(), threading.Event(), transport.restart

    def slowly() -> None:
        begun.set()
        assert go.wait(PATIENCE)
        restart()

    transport.restart = slowly
    restarting = Apart(session.restart)
    assert begun.wait(PATIENCE)
    session.close()
    go.set()
    restarting.ended()
    assert transport._process is None
    assert transport._wake_read < 0


def test_a_callback_that_does_not_end_keeps_its_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_CLOSE_SECONDS", (0.1, 0.1))
    session = connect("python")
    session.run("def call(function):\n    return function()")
    begun, go = threading.Event(), threading.Event()

    def callback() -> None:
        begun.set()
        assert go.wait(PATIENCE)

    call = Apart(lambda: session.call("call", callback))
    assert begun.wait(PATIENCE)
    transport: Any = session._transport
    session.close()
    assert transport._wake_read >= 0  # the thread in the callback goes on with it
    go.set()
    found = call.ended()
    assert isinstance(found, SessionClosed), found
    assert "closed while the call ran" in str(found)
    assert transport._wake_read < 0


def test_what_a_pool_is_asked_while_it_is_closed_ends() -> None:
    workers = pool("python", 1)
    entered, closed = threading.Event(), threading.Event()

    class Jobs(queue.SimpleQueue[Any]):
        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            if item is not None:
                entered.set()
                closed.wait(0.3)  # in vain where closing waits for us
            super().put(item)

    old, workers._jobs = workers._jobs, Jobs()
    old.put((lambda _: None, __import__("concurrent.futures").futures.Future()))  # its thread looks again
    asked = Apart(lambda: workers.submit("abs", -1))
    assert entered.wait(PATIENCE)
    closing = Apart(lambda: (workers.close(), closed.set()))
    future = asked.ended()
    closing.ended()
    assert future.cancelled() or future.exception(PATIENCE) is not None or future.result() == 1


def test_who_waits_for_a_pool_is_told_that_it_was_closed() -> None:
    workers = pool("python", 1)
    begun, go = threading.Event(), threading.Event()
    workers._put(lambda _: (begun.set(), go.wait(PATIENCE)))
    assert begun.wait(PATIENCE)
    waiting = [Apart(lambda: workers.call("abs", -1)), Apart(lambda: workers.map("abs", [-1]))]
    while workers._jobs.qsize() < 2:
        threading.Event().wait(0.001)
    closing = Apart(workers.close)
    assert [type(one.ended()) for one in waiting] == [SessionClosed] * 2
    go.set()
    closing.ended()


def test_an_interpreter_of_a_pool_that_cannot_be_prepared_again() -> None:
    broken = threading.Event()

    def prepare(session: Session) -> None:
        if broken.is_set():
            raise ZeroDivisionError("not now")
        session.run("x = 7")

    with pool("python", 1) as workers:
        with pytest.raises(RemoteError):
            workers.each("1 / 0")  # nobody wants that again
        workers.each(prepare)
        broken.set()
        with pytest.raises(EnvironmentCrashed):
            workers.eval("__import__('os')._exit(3)")
        with pytest.raises(ZeroDivisionError):
            workers.submit("abs", -1).result(PATIENCE)
        broken.clear()
        assert workers._put(lambda session: session.eval("x")).result(PATIENCE) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork: not on this system")
def test_a_forked_child_does_not_wait_for_the_pool_of_its_parent() -> None:
    with pool("python", 1) as workers:
        child = os.fork()
        if child == 0:
            try:
                workers.submit("abs", -1)
            except SessionClosed:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert workers.call("abs", -2) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork: not on this system")
def test_a_forked_child_closes_its_copy_of_what_a_thread_of_its_parent_waits_on() -> None:
    begun, go, closed = threading.Event(), threading.Event(), []

    class Waited:
        """In the place of a link."""

        def receive(self, _: float) -> Any:
            begun.set()
            assert go.wait(PATIENCE)

        def wake(self) -> None:
            go.set()

        def close(self) -> None:
            closed.append(True)

    reach = Reach(cast("Any", Waited()), None, 0.0)
    reading = Apart(lambda: reach.receive(None))
    assert begun.wait(PATIENCE)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        reach.close()
        os._exit(0 if closed else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not closed
    reach.close()
    assert isinstance(reading.ended(), (ConnectionLost, SessionClosed))
    assert closed


class Opened:
    """In the place of a subscription."""

    topic = "t"
    closed = False

    def stop(self) -> None:
        """Nobody waits."""

    def close(self) -> None:
        self.closed = True


def test_an_asyncio_stream_that_is_closed_while_it_opens() -> None:
    go, one = threading.Event(), Opened()

    def make() -> Any:
        assert go.wait(PATIENCE)
        return one

    async def main() -> None:
        stream = AsyncSubscription(make, None)
        opening = asyncio.ensure_future(stream._open())
        await asyncio.sleep(0)
        await stream.close()
        go.set()
        with pytest.raises(SessionClosed, match="while it was opened"):
            await opening

    asyncio.run(main())
    assert one.closed


def test_an_asyncio_stream_that_could_not_be_opened_may_be_opened_again() -> None:
    found: list[Any] = [ConnectionLost("nobody answers"), Opened()]

    def make() -> Any:
        one = found.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    async def main() -> None:
        stream = AsyncSubscription(make, None)
        with pytest.raises(ConnectionLost):
            await stream
        await asyncio.wait_for(stream._open(), 5)
        await stream.close()

    asyncio.run(main())


def test_an_asyncio_stream_whose_hub_takes_nothing_is_closed() -> None:
    begun, closed = threading.Event(), threading.Event()

    class Sending(Opened):
        """Waits in a send, which stop() does not end."""

        def send(self, block: Any, timeout: float | None = None) -> int:
            begun.set()
            if not closed.wait(5):
                raise AssertionError("not closed")
            raise SessionClosed("it was closed")

        def close(self) -> None:
            closed.set()

    async def main() -> None:
        stream = AsyncPublisher(lambda: cast("Any", Sending()))
        await stream
        sending = asyncio.ensure_future(stream.send(1))
        await asyncio.to_thread(begun.wait, PATIENCE)
        await stream.close()
        with pytest.raises(SessionClosed):
            await sending

    asyncio.run(main())


def test_an_asyncio_subscription_that_was_dropped_while_it_waited() -> None:
    """Nobody is there to be told that it ended; the loop does not complain."""
    ended, complaints = threading.Event(), list[Any]()

    class Waiting(Opened):
        """Waits for a block until it is closed."""

        lost = 0

        def next(self, timeout: float | None = None) -> Any:
            assert ended.wait(PATIENCE)
            raise SessionClosed("it was closed")

        def close(self) -> None:
            ended.set()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        stream = await AsyncSubscription(lambda: cast("Any", Waiting()), None)
        waiting = asyncio.ensure_future(stream.next())
        while stream._waiting is None:
            await asyncio.sleep(0)
        asked = stream._waiting
        waiting.cancel()
        await asyncio.wait((waiting,))
        del stream, waiting
        gc.collect()
        await asyncio.wait((asked,), timeout=PATIENCE)
        assert ended.is_set()
        del asked
        gc.collect()

    asyncio.run(main())
    assert complaints == []


def test_where_no_thread_is_to_be_had_what_was_dropped_is_closed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    closed = threading.Event()
    dropped.end_later(closed.set)
    assert closed.wait(PATIENCE)


def test_the_end_of_python_waits_for_what_is_being_closed() -> None:
    code = (
        "import time; from arcuate.client.dropped import end_later\n"
        "end_later(lambda: (time.sleep(0.2), print('closed', flush=True)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert (found.stdout, found.stderr, found.returncode) == ("closed\n", "", 0)


def test_a_call_of_asyncio_that_waits_for_its_turn_is_no_cancelled_task() -> None:
    async def main() -> None:
        session = await aio.connect("python")
        running = asyncio.ensure_future(session.eval("__import__('time').sleep(60)"))
        waiting = asyncio.ensure_future(session.eval("1"))
        await asyncio.sleep(0.05)
        await session.close()
        found = await asyncio.gather(running, waiting, return_exceptions=True)
        assert type(found[0]) in (CallCancelled, SessionClosed), found
        assert type(found[1]) is SessionClosed, found

    asyncio.run(main())
