"""Sessions and streams for asyncio: on this machine and in a hub."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import xarray as xr
from tests.hub.places import Place, place

from arcuate.client import GapWarning, aio
from arcuate.errors import (
    CallCancelled,
    CallTimeout,
    EnvironmentNotFound,
    InvalidArgument,
    NameNotFound,
    RemoteError,
    SessionClosed,
)

PATIENCE = 20.0
SOAK = bool(os.environ.get("ARCUATE_SOAK"))


@pytest.fixture(scope="module", params=["local", "zmq", "http", "grpc"] if SOAK else ["local", "grpc"])
def here(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of Python."""
    if request.param == "local":
        yield "python"
        return
    with place(request.param, replay=50) as found:
        yield f"{found.url.rstrip('/')}/python"


@pytest.fixture(scope="module", params=["zmq", "http", "grpc"] if SOAK else ["zmq"])
def hub(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param, replay=50) as found:
        yield found


def run(work: Awaitable[Any]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(work, 3 * PATIENCE)

    return asyncio.run(limited())


async def until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.002)


HELPERS = """
import time, math
def apply(function, *args): return function(*args)
def numbers(count, function):
    for number in range(count):
        function(number)
    return count
def say(*texts):
    for text in texts: print(text, flush=True)
def caught(function):
    try: function()
    except Exception as error: return type(error).__name__ + ': ' + str(error)
def echo(x): return x
def begin(function):
    function()
    time.sleep(60)
"""


@asynccontextmanager
async def opened(where: str, **options: Any) -> AsyncIterator[aio.AsyncSession]:
    async with aio.connect(where, **options) as session:
        await session.run(HELPERS)
        yield session


# -------------------------------------------------------------------- sessions


def test_the_methods_of_a_session(here: str) -> None:
    async def work() -> None:
        async with aio.connect(here) as py:
            assert await py.call("math.hypot", 3.0, 4.0) == 5.0
            assert await py.eval("6 * 7") == 42
            await py.run("x = 1")
            await py.set("y", np.arange(3.0))
            assert await py["x"] == 1
            assert (await py.get("y")).tolist() == [0.0, 1.0, 2.0]
            assert await py.get("nothing", "else") == "else"
            assert sorted(await py.keys()) == ["x", "y"]
            assert await py.exists("x")
            await py.delete("x")
            assert not await py.exists("x")
            assert "sqrt" in await py.names("math")
            assert (await py.describe("math.sqrt"))["kind"] == "function"
            assert await py.function("math.sqrt")(9.0) == 3.0
            with pytest.raises(NameNotFound):
                await py.call("no_such_function")
            with pytest.raises(RemoteError, match="math domain error"):
                await py.call("math.sqrt", -1.0)
            before = py.info["pid"]
            await py.restart()
            assert py.info["pid"] != before
            assert not await py.exists("y")
        assert py.closed
        with pytest.raises(SessionClosed):
            await py.call("math.hypot", 3.0, 4.0)

    run(work())


def test_names_are_looked_up_when_they_are_used(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            assert await py.math.hypot(3.0, 4.0) == 5.0
            assert await py.os.path.basename("/a/b") == "b"
            assert await py.math.pi == pytest.approx(3.14159, rel=1e-5)
            assert await py.apply(py.math.sqrt, 16.0) == 4.0
            assert await py.math.sqrt.options(timeout=PATIENCE)(4.0) == 2.0
            assert await py.math.sqrt.submit(4.0) == 2.0
            with pytest.raises(AttributeError, match="nonsense"):
                await py.math.nonsense(1)
            with pytest.raises(InvalidArgument, match="'colour'"):
                py.math.sqrt.options(colour=1)

    run(work())


def test_objects_that_stay_there(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            counter = await py.call("collections.Counter", "abracadabra", keep=True)
            assert isinstance(counter, aio.AsyncRemote)
            assert await counter["a"] == 5
            assert await counter.total() == 11
            assert await py.call("len", counter) == 5
            assert "Counter" in await counter.show()
            assert "Counter" in repr(counter)
            spaces = await py.call("types.SimpleNamespace", keep=True, a=1)
            await spaces.set("b", 2)
            assert [await spaces.a, await spaces.b] == [1, 2]
            kept = await counter.most_common.options(keep=True)(1)
            assert await kept[0] == ("a", 5) or list(await kept[0]) == ["a", 5]
            with pytest.raises(TypeError, match=r"await remote\.set"):
                spaces.c = 3

    run(work())


def test_what_cannot_be_awaited_says_what_to_write() -> None:
    async def work() -> None:
        async with aio.connect("python") as py:
            with pytest.raises(TypeError, match=r"await session\.set"):
                py["x"] = 1
            with pytest.raises(TypeError, match=r"await session\.delete"):
                del py["x"]
            with pytest.raises(TypeError, match=r"await session\.exists"):
                _ = "x" in py
            with pytest.raises(TypeError, match=r"await session\.keys"):
                list(py)

    run(work())


def test_sessions_run_side_by_side_and_calls_in_order(here: str) -> None:
    async def work() -> None:
        async with opened(here) as one, opened(here) as two:
            begun = time.monotonic()
            await asyncio.gather(one.call("time.sleep", 0.5), two.call("time.sleep", 0.5))
            assert time.monotonic() - begun < 0.95
            await one.run("seen = []")
            await asyncio.gather(*(one.call("seen.append", number) for number in range(20)))
            assert await one["seen"] == list(range(20))

    run(work())


def test_the_loop_is_never_blocked(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            ticks = 0
            sleeping = py.submit("time.sleep", 0.5)
            while not sleeping.done():
                await asyncio.sleep(0.01)
                ticks += 1
            assert ticks > 10

    run(work())


# ------------------------------------------------------------------- callbacks


def test_callbacks_run_in_the_loop(here: str) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        where: list[Any] = []

        def plain(x: float) -> float:
            where.append((asyncio.get_running_loop(), threading.get_ident()))
            return x + 1

        async def coroutine(x: float) -> float:
            where.append((asyncio.get_running_loop(), threading.get_ident()))
            await asyncio.sleep(0)
            return x * 2

        async with opened(here) as py:
            assert await py.apply(plain, 1.0) == 2.0
            assert await py.apply(coroutine, 4.0) == 8.0
            assert set(where) == {(loop, threading.get_ident())}
            back = await py.echo(coroutine)
            assert back is coroutine

    run(work())


def test_a_call_inside_a_callback_runs_at_once(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            order: list[str] = []

            async def inner(x: float) -> float:
                other = py.submit("math.sqrt", 4.0)  # a task of the callback belongs to it
                root = await py.call("math.sqrt", x)
                order.append("inside")
                return float(root) + float(await other)

            async def outside() -> None:
                await py.call("math.sqrt", 1.0)
                order.append("outside")

            outer = asyncio.create_task(py.call("apply", inner, 16.0))
            waiting = asyncio.create_task(outside())
            assert await outer == 6.0
            await waiting
            assert order == ["inside", "outside"]

    run(work())


def test_callbacks_nest(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:

            async def down(depth: int) -> int:
                return 0 if depth == 0 else 1 + int(await py.call("apply", down, depth - 1))

            assert await py.call("apply", down, 12) == 12

    run(work())


def test_a_task_that_outlives_its_callback(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            go = asyncio.Event()

            async def later() -> float:
                await go.wait()
                return float(await py.call("math.sqrt", 9.0))

            tasks: list[asyncio.Task[float]] = []

            def start() -> None:
                tasks.append(asyncio.ensure_future(later()))

            await py.apply(start)
            go.set()
            assert await tasks[0] == 3.0

    run(work())


def test_an_error_in_a_callback_is_the_original_one(here: str) -> None:
    class Odd(Exception):
        pass

    async def work() -> None:
        async def fail() -> None:
            raise Odd("nobody expects it")

        async with opened(here) as py:
            with pytest.raises(Odd, match="nobody expects it"):
                await py.apply(fail)
            assert "nobody expects it" in await py.caught(fail)

    run(work())


def test_context_variables_reach_callbacks(here: str) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")

    async def work() -> None:
        async with opened(here) as py:
            name.set("somebody")
            assert await py.apply(name.get) == "somebody"

    run(work())


def test_output_arrives_in_the_loop_and_before_the_reply(here: str) -> None:
    async def work() -> None:
        got: list[str] = []

        async def receive(stream: str, text: str) -> None:
            await asyncio.sleep(0)
            got.append(text)

        async with opened(here, on_output=receive) as py:
            await py.say("one", "two")
            assert "".join(got) == "one\ntwo\n"
            own: list[str] = []
            await py.call("say", "three", on_output=lambda stream, text: own.append(text))
            await py.say.options(on_output=lambda stream, text: own.append(text))("four")
            assert "".join(own) == "three\nfour\n"

            async def wrong(stream: str, text: str) -> None:
                await py.eval("1")

            with pytest.raises(InvalidArgument, match="cannot call the session"):
                await py.call("say", "five", on_output=wrong)
            assert await py.eval("1") == 1

    run(work())


# ---------------------------------------------------------------- cancellation


def test_cancelling_the_task_cancels_the_call(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            await py.set("kept", 5)
            begun = asyncio.Event()
            sleeping = py.submit("begin", begun.set)
            await begun.wait()
            before = time.monotonic()
            sleeping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sleeping
            assert await py["kept"] == 5
            assert time.monotonic() - before < PATIENCE
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await py.call("time.sleep", 60)
            assert await py["kept"] == 5
            with pytest.raises(CallTimeout):
                await py.call("time.sleep", 60, timeout=0.2)
            assert await py["kept"] == 5

    run(work())


def test_one_that_waits_never_runs(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            await py.run("seen = []")
            begun, go = asyncio.Event(), asyncio.Event()

            async def hold() -> None:
                begun.set()
                await go.wait()

            running = py.submit("apply", hold)
            await begun.wait()
            waiting = py.submit("seen.append", 1)
            await asyncio.sleep(0)
            waiting.cancel()
            go.set()
            await running
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await py["seen"] == []

    run(work())


def test_a_callback_that_waits_is_cancelled_too(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            begun = asyncio.Event()
            ended: list[str] = []

            async def wait() -> None:
                try:
                    begun.set()
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    ended.append("cancelled")
                    raise

            running = py.submit("apply", wait)
            await begun.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await py.eval("1 + 1") == 2
            assert ended == ["cancelled"]

    run(work())


def test_cancelled_at_any_instant_and_the_next_call_is_never_struck(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            await py.run("count = 0\ndef spin(t):\n end = time.time() + t\n while time.time() < end: pass")
            for number in range(40):
                task = py.submit("spin", 0.02)
                await asyncio.sleep(0.0006 * number)
                task.cancel()
                assert await py.call("math.sqrt", float(number * number)) == float(number)
                try:
                    await task
                except asyncio.CancelledError:
                    pass

    run(work())


def test_interrupt(here: str) -> None:
    async def work() -> None:
        async with opened(here) as py:
            begun = asyncio.Event()
            sleeping = py.submit("begin", begun.set)
            await begun.wait()
            assert await py.interrupt()
            with pytest.raises(CallCancelled):
                await sleeping
            assert not await py.interrupt()

    run(work())


def test_closing_ends_what_runs(here: str) -> None:
    async def work() -> None:
        py = await aio.connect(here)
        await py.run(HELPERS)
        begun = asyncio.Event()

        async def wait() -> None:
            begun.set()
            await asyncio.Event().wait()

        running = py.submit("apply", wait)
        await begun.wait()
        await py.close()
        await py.close()
        with pytest.raises((CallCancelled, SessionClosed)):
            await running

    run(work())


# ------------------------------------------------------------------- the rest


def test_connecting_to_nothing() -> None:
    with pytest.raises(EnvironmentNotFound):
        run(aio.connect("cobol")._open())


def test_a_session_belongs_to_its_loop() -> None:
    async def make() -> aio.AsyncSession:
        return await aio.connect("python")

    async def use(session: aio.AsyncSession) -> None:
        with pytest.raises(InvalidArgument, match="another event loop"):
            await session.call("math.sqrt", 4.0)
        await session.close()

    session = run(make())
    run(use(session))


# --------------------------------------------------------------------- streams


def test_blocks(hub: Place) -> None:
    async def work() -> None:
        one = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("channel", "time"), attrs={"a": 1})
        async with aio.subscribe("blocks", hub.url) as blocks, aio.publisher("blocks", hub.url) as out:
            assert [await out.send(one + number) for number in range(5)] == [1, 2, 3, 4, 5]
            assert await aio.publish("blocks", "last", hub.url) == 6
            got = []
            async for block in blocks:
                if isinstance(block, str):
                    break
                got.append(block)
                assert blocks.sequence == len(got)
            for number, block in enumerate(got):
                xr.testing.assert_identical(block, one + number)

    run(work())


def test_cancelling_the_wait_for_a_block_loses_none(hub: Place) -> None:
    async def work() -> None:
        async with aio.subscribe("cancel", hub.url) as blocks, aio.publisher("cancel", hub.url) as out:
            for number in range(30):
                waiting = asyncio.create_task(blocks.next())
                await asyncio.sleep(0)
                sending = asyncio.create_task(out.send(number))
                await asyncio.sleep(0.0005 * (number % 7))
                waiting.cancel()
                await sending
            got = [await blocks.next(PATIENCE) for _ in range(30 - blocks.sequence)]
            assert got == list(range(30))[30 - len(got) :]
            assert blocks.lost_total == 0

    run(work())


def test_gaps(hub: Place) -> None:
    async def work() -> None:
        async with aio.publisher("gaps", hub.url) as out:
            for number in range(1, 71):
                await out.send(number)
        async with aio.subscribe("gaps", hub.url, start=1) as blocks:
            with pytest.warns(GapWarning, match="20 samples of 'gaps'"):
                assert await blocks.next() == 21
        gaps: list[int | None] = []

        async def note(lost: int | None) -> None:
            gaps.append(lost)

        async with aio.subscribe("gaps", hub.url, start=11, on_gap=note) as blocks:
            assert await blocks.next() == 21
            assert await blocks.next() == 22
        assert gaps == [10]

    run(work())


def test_closing_ends_the_iteration(hub: Place) -> None:
    async def work() -> None:
        blocks = await aio.subscribe("closing", hub.url)
        reading = asyncio.create_task(_count(blocks))
        await aio.publish("closing", 1, hub.url)
        await until(lambda: blocks.sequence == 1, "the block is there")
        await blocks.close()
        assert await reading == 1
        with pytest.raises(SessionClosed):
            await blocks.next()

    run(work())


async def _count(blocks: aio.AsyncSubscription) -> int:
    count = 0
    async for _ in blocks:
        count += 1
    return count
