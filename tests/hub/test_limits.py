"""Each limit of a hub holds, and a refusal names the setting."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from tests.hub.memory import MemoryLink, session
from tests.hub.places import WAYS, place
from tests.hub.raw import Raw

from arcuate.client import connect, messages
from arcuate.client.net.bus import greet
from arcuate.errors import (
    ArcuateError,
    CallTimeout,
    EnvironmentCrashed,
    LimitExceeded,
    RemoteError,
    SessionClosed,
    Unavailable,
)
from arcuate.hub import Config, Hub
from arcuate.hub import session as session_module
from arcuate.hub.relay import read
from arcuate.values.limits import Limits


@contextmanager
def hub_with(warm: int = 0, **limits: Any) -> Iterator[Hub]:
    config = Config(
        environments={"python": {"language": "python", "warm": warm}},  # type: ignore[dict-item]
        limits=limits,  # type: ignore[arg-type]
    )
    with Hub(config) as hub:
        yield hub


def until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def refused(error: ArcuateError | None, setting: str) -> None:
    assert isinstance(error, LimitExceeded)
    assert error.setting == setting
    assert setting in error.message


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_sessions() -> None:
    with hub_with(sessions=1) as hub:
        first, _ = session(hub)
        with pytest.raises(LimitExceeded) as caught:
            session(hub)
        refused(caught.value, "sessions")
        first.close()
        second, _ = session(hub)  # a closed one does not count
        second.close()


def test_sessions_each() -> None:
    with hub_with(sessions_each=1) as hub:
        first, _ = session(hub)
        with pytest.raises(LimitExceeded) as caught:
            session(hub)
        refused(caught.value, "sessions_each")
        first.close()


def test_sessions_each_counts_those_that_start() -> None:
    with hub_with(sessions_each=2) as hub:
        clients = [Raw(hub) for _ in range(6)]
        sent = [client.send("open", environment="python") for client in clients]
        answers = [client.answer(number) for client, number in zip(clients, sent, strict=True)]
        assert [one["op"] for one in answers].count("reply") == 2
        assert {one["setting"] for one in answers if one["op"] == "error"} == {"sessions_each"}


def test_connections() -> None:
    with hub_with(connections=1) as hub:
        first = Raw(hub)
        with pytest.raises(LimitExceeded) as caught:
            Raw(hub)
        refused(caught.value, "connections")
        first.link.close()
        Raw(hub)


def test_queue_of_a_session() -> None:
    with hub_with(queue=2) as hub:
        client = Raw(hub)
        client.ask("open", environment="python")
        running = client.send("call", name="time.sleep", args=[30.0])
        until(lambda: hub.sessions[0].busy and not hub.sessions[0].queued, "the first call runs")
        waiting = [client.send("call", name="math.sqrt", args=[4.0]) for _ in range(2)]
        over = client.ask("call", name="math.sqrt", args=[4.0])
        assert (over["code"], over["setting"], over["executed"]) == ("LIMIT_EXCEEDED", "queue", "no")
        client.link.send(messages.build("cancel", 0, {"call": running}))
        assert client.answer(running)["code"] == "CALL_CANCELLED"
        assert [client.answer(number)["value"] for number in waiting] == [2.0, 2.0]


def test_queue_of_a_pool() -> None:
    with hub_with(queue=1, pool=1) as hub:
        client = Raw(hub)
        client.call("math.sqrt", 4.0)
        sleeping = client.send("call", name="time.sleep", args=[30.0], environment="python")
        client.send("call", name="math.sqrt", args=[4.0], environment="python")
        over = client.call("math.sqrt", 4.0)
        assert (over["code"], over["setting"]) == ("LIMIT_EXCEEDED", "queue")
        client.link.send(messages.build("cancel", 0, {"call": sleeping}))
        assert client.answer(sleeping)["code"] == "CALL_CANCELLED"


def test_message() -> None:
    with hub_with(message=100_000) as hub:
        client = Raw(hub)
        assert client.hello["limits"]["message"] == 100_000
        client.ask("open", environment="python")
        over = client.ask("set", name="x", value={str(i): i for i in range(20_000)})
        assert (over["code"], over["setting"]) == ("LIMIT_EXCEEDED", "message")
        assert client.ask("set", name="x", value=np.zeros(1000))["op"] == "reply"


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("array", "numpy.zeros(20_000)"),
        ("message", "{str(i): i for i in range(20_000)}"),  # a large array travels beside the message
        ("nodes", "[{'a': i} for i in range(60_000)]"),
        ("text", "{'x' * 100 + str(i): i for i in range(2000)}"),
    ],
)
def test_what_comes_back(limit: str, code: str) -> None:
    with hub_with(**{limit: 100_000}) as hub:
        remote, _ = session(hub)
        with remote:
            remote.run("import numpy")
            with pytest.raises(LimitExceeded) as caught:
                remote.eval(code)
            refused(caught.value, limit)
            assert remote.eval("6 * 7") == 42


def test_array() -> None:
    with hub_with(array=80_000) as hub:
        client = Raw(hub)
        client.ask("open", environment="python")
        assert client.ask("set", name="x", value=np.zeros(10_000))["op"] == "reply"
        over = client.ask("set", name="x", value=np.zeros(10_001))
        assert (over["code"], over["setting"]) == ("LIMIT_EXCEEDED", "array")


def test_call_seconds() -> None:
    with hub_with(call_seconds=0.3) as hub:
        remote, _ = session(hub)
        with remote:
            remote["x"] = 5
            with pytest.raises(CallTimeout) as caught:
                remote.call("time.sleep", 30)
            assert caught.value.workspace
            assert remote["x"] == 5
        assert Raw(hub).call("time.sleep", 30.0)["code"] == "CALL_TIMEOUT"


def test_a_call_that_ends_before_its_callback() -> None:
    with hub_with(call_seconds=0.3) as hub:
        remote, _ = session(hub)

        def back() -> Any:
            until(lambda: not hub.sessions[0].busy, "the call goes on")
            return remote.eval("6 * 7")  # the answer to the call outside comes while this waits

        with remote:
            apply = remote.eval("lambda f: f()", keep=True)
            with pytest.raises(CallTimeout):
                apply(back)
            assert remote.eval("6 * 7") == 42


@pytest.mark.parametrize("way", [way for way in WAYS if way != "memory"])
def test_what_a_client_refuses(way: str) -> None:
    large = "'x' * 5000"
    with place(way) as there, connect(f"{there.url}/python", limits=Limits(text=3000)) as remote:

        def back() -> Any:
            with pytest.raises(LimitExceeded):
                remote.eval(large)
            return remote.eval("6 * 7")

        heard: list[str] = []
        codes = (f"raise ValueError({large})", f"print({large})", f"f = lambda g: g({large})")
        for code in codes:
            with pytest.raises(LimitExceeded, match="text") as caught:
                remote.run(f"print('before')\n{code}", on_output=lambda _, text: heard.append(text))
                remote.call("f", len)
            assert caught.value.executed == "maybe"
            assert remote.eval("6 * 7") == 42
        assert "".join(heard).count("before") >= 2  # what is printed at once may come as one text
        assert remote.eval("lambda f: f()", keep=True)(back) == 42


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ("python", "len(bytearray(3 << 30))"),
        ("r", "length(numeric(4e8))"),
        ("octave", "numel(ones(1, 4e8))"),
    ],
)
def test_memory(environment: str, code: str) -> None:
    if environment == "octave" and shutil.which("octave-cli") is None:
        pytest.skip("octave: not installed")
    if environment == "r" and shutil.which("R") is None:
        pytest.skip("r: not installed")
    with Hub(Config(limits={"memory": 2 << 30})) as hub:  # type: ignore[arg-type]
        remote, _ = session(hub, environment)
        with remote:
            with pytest.raises(RemoteError, match=r"2,147,483,648 bytes \(setting 'memory'\)"):
                remote.eval(code)
            assert remote.eval("6 * 7") == 42


def test_idle_seconds() -> None:
    with hub_with(idle_seconds=0.3) as hub:
        remote, _ = session(hub)
        pid = remote.info["pid"]
        until(lambda: not hub.sessions, "the idle session is closed")
        assert not alive(pid)
        with pytest.raises(SessionClosed):
            remote.call("math.sqrt", 4.0)
        client = Raw(hub)  # those of a pool have a time of their own
        client.call("math.sqrt", 4.0)
        begun = hub.sessions[0].used
        until(lambda: time.monotonic() > begun + 0.6, "")
        assert client.call("math.sqrt", 9.0)["value"] == 3.0


def test_idle_seconds_is_not_the_time_of_a_call() -> None:
    with hub_with(idle_seconds=0.2) as hub:
        remote, _ = session(hub)
        with remote:
            assert remote.call("time.sleep", 0.8) is None
            assert remote.call("math.sqrt", 4.0) == 2.0


def test_grace_seconds() -> None:
    with hub_with(grace_seconds=0.3) as hub:
        remote, link = session(hub)
        pid = remote.info["pid"]
        running = threading.Thread(target=_swallow, args=(remote, "time.sleep", 60))
        running.start()
        until(lambda: hub.sessions[0].busy, "the call runs")
        link.refuse = True  # the client vanishes in the middle of a call
        link.cut()
        until(lambda: not hub.sessions, "the session is reclaimed")
        running.join()
        assert not alive(pid)


def _swallow(remote: Any, *call: Any) -> None:
    with pytest.raises(ArcuateError):
        remote.call(*call)


def test_recycle() -> None:
    with hub_with(recycle=3, pool=1) as hub:
        client = Raw(hub)
        pids = [client.call("os.getpid")["value"] for _ in range(9)]
        assert pids == [pids[0]] * 3 + [pids[3]] * 3 + [pids[6]] * 3
        assert len(set(pids)) == 3
        until(lambda: sum(map(alive, set(pids))) <= 1, "the interpreters are replaced")


def test_an_interpreter_in_which_code_ran_serves_nobody_else() -> None:
    with hub_with(pool=1) as hub:
        client = Raw(hub)
        first = client.ask("eval", code="__import__('os').getpid()", environment="python")["value"]
        assert client.call("os.getpid")["value"] != first


def test_a_sequential_client_needs_one_interpreter() -> None:
    with hub_with(pool=4, recycle=1000) as hub:
        client = Raw(hub)
        assert {client.call("os.getpid")["value"] for _ in range(200)} == {
            hub.sessions[0].transport.greeting.pid
        }
        assert len(hub.sessions) == 1


def test_two_clients_may_use_the_same_ids() -> None:
    with hub_with(pool=1) as hub:
        clients = [Raw(hub) for _ in range(4)]

        def work(client: Raw, mine: float) -> None:
            assert all(client.call("math.fabs", mine)["value"] == mine for _ in range(50))

        threads = [threading.Thread(target=work, args=(one, float(at))) for at, one in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(one.calls for one in hub.sessions) <= 200


def test_a_cancel_that_comes_late_meets_no_call_of_the_same_id() -> None:
    with hub_with(pool=1) as hub:
        clients = [Raw(hub) for _ in range(2)]
        jobs: list[Any] = []
        submit = hub.pools.submit

        def noted(*args: Any) -> Any:
            jobs.append(submit(*args))
            return jobs[-1]

        hub.pools.submit = noted  # type: ignore[method-assign]
        assert clients[0].call("math.sqrt", 4.0)["value"] == 2.0
        (interpreter,) = hub.sessions
        number = clients[1].send("call", name="time.sleep", args=[30.0], environment="python")
        until(lambda: interpreter.busy and not interpreter.queued, "the second call runs")
        assert jobs[0].request.id == jobs[1].request.id == number
        interpreter.cancel(number, jobs[0].request)  # as the pool does that saw the first one run
        running = interpreter._running[number]
        assert not running[1].cancelled
        interpreter.cancel(number, jobs[1].request)
        assert clients[1].answer(number)["code"] == "CALL_CANCELLED"


def test_a_call_whose_time_runs_out_while_it_waits() -> None:
    with hub_with(pool=1) as hub:
        client = Raw(hub)
        client.call("math.sqrt", 4.0)
        sleeping = client.send("call", name="time.sleep", args=[30.0], environment="python")
        late = client.call("math.sqrt", 4.0, deadline=200)
        assert (late["code"], late["executed"]) == ("CALL_TIMEOUT", "no")
        client.link.send(messages.build("cancel", 0, {"call": sleeping}))
        assert client.answer(sleeping)["code"] == "CALL_CANCELLED"
        assert client.call("math.sqrt", 4.0)["value"] == 2.0


def test_stateless_calls_keep_nothing_and_do_not_call_back() -> None:
    with hub_with() as hub:
        client = Raw(hub)
        assert client.call("math.sqrt", 4.0, keep=True)["code"] == "INVALID_ARGUMENT"


def test_warm_interpreters_start_at_the_beginning() -> None:
    with hub_with(warm=2, recycle=1) as hub:
        hub.pools.warm()
        until(lambda: len(hub.sessions) == 2, "two interpreters are warm")
        warm = {one.transport.greeting.pid for one in hub.sessions}
        client = Raw(hub)
        assert client.call("os.getpid")["value"] in warm
        until(lambda: len(hub.sessions) >= 2, "the stock is filled again")


def test_crash_of_a_worker_affects_one_session() -> None:
    with hub_with() as hub:
        one, _ = session(hub)
        other, _ = session(hub)
        with one, other:
            other["kept"] = 7
            one.run("import os")
            one["lost"] = 1
            waiting = other.submit("time.sleep", 0.3)
            with pytest.raises(EnvironmentCrashed):
                one.call("os._exit", 3)
            assert waiting.result(20) is None
            assert other["kept"] == 7
            assert other.info["generation"] == 1
            assert "lost" not in one
            assert one.info["generation"] == 2


def test_handles_are_owned_by_a_session() -> None:
    with hub_with() as hub:
        one, _ = session(hub)
        other, _ = session(hub)
        with one, other:
            kept = one.call("collections.Counter", "aab", keep=True)
            other.call("collections.Counter", "xyz", keep=True)
            assert one.call("len", kept) == 2
            with pytest.raises(RemoteError, match="no len"):
                other.call("len", kept)  # the object stays where it is
            assert other.call("list", [kept])[0] is kept
            assert one.call("len", kept) == 2


def test_a_release_that_waits_does_not_keep_a_session_from_closing() -> None:
    with hub_with() as hub:
        remote, _ = session(hub)
        pid = remote.info["pid"]
        running = remote.submit("time.sleep", 60)
        until(lambda: hub.sessions[0].busy and not hub.sessions[0].queued, "the call runs")
        hub.sessions[0].release(read(messages.build("release", 0, {"handles": ["1"]})))
        assert hub.sessions[0].queued == 0  # it takes no place in the queue
        hub.sessions[0].close()
        with pytest.raises(SessionClosed):
            running.result(20)
        until(lambda: not hub.sessions, "the session is over")
        assert not alive(pid)


def test_a_session_is_closed_in_the_instant_before_a_call_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session has the call then, and its interpreter does not know of it: it must not run to its end."""
    with hub_with() as hub:
        remote, _ = session(hub)
        pid = remote.info["pid"]
        transport = hub.sessions[0].transport
        about, closed = threading.Event(), threading.Event()
        exchange = transport.exchange

        def late(*args: Any) -> Any:
            about.set()
            assert closed.wait(20)
            return exchange(*args)

        monkeypatch.setattr(transport, "exchange", late)
        running = remote.submit("time.sleep", 60)
        assert about.wait(20)
        hub.sessions[0].close()
        closed.set()
        with pytest.raises(SessionClosed):
            running.result(20)
        until(lambda: not hub.sessions, "the session is over")
        assert not alive(pid)


def test_the_clock_goes_on_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stops would never again end the session of a client that is gone."""
    with hub_with(grace_seconds=0) as hub:
        remote, link = session(hub)
        pid = remote.info["pid"]
        failed = threading.Event()

        def fail(now: float) -> None:
            failed.set()
            raise RuntimeError("the clock fails here")

        with monkeypatch.context() as patch:
            patch.setattr(hub.pools, "trim", fail)
            assert failed.wait(20)
        link.cut()
        until(lambda: not hub.sessions, "the session is given up")
        until(lambda: not alive(pid), "its interpreter ends")


def test_drain_lets_running_calls_finish_and_begins_nothing() -> None:
    with hub_with(drain_seconds=20.0) as hub:
        remote, _ = session(hub)
        idle, _ = session(hub)
        running = remote.submit("time.sleep", 0.5)
        until(lambda: any(one.busy for one in hub.sessions), "the call runs")
        done: list[bool] = []
        draining = threading.Thread(target=lambda: done.append(hub.drain()))
        draining.start()
        until(lambda: hub.draining, "the hub drains")
        with pytest.raises(Unavailable):
            session(hub)
        with pytest.raises(Unavailable) as caught:
            idle.call("math.sqrt", 4.0)
        assert caught.value.executed == "no"
        assert Raw(hub).call("math.sqrt", 4.0)["code"] == "UNAVAILABLE"
        assert running.result(20) is None
        draining.join()
        assert done == [True]


def test_what_does_not_finish_in_time_ends_with_unavailable() -> None:
    with hub_with(drain_seconds=0.2) as hub:
        remote, _ = session(hub)
        pid = remote.info["pid"]
        running = remote.submit("time.sleep", 60)
        until(lambda: any(one.busy for one in hub.sessions), "the call runs")
        assert not hub.drain()
        hub.close()
        with pytest.raises(Unavailable) as caught:
            running.result(20)
        assert caught.value.executed == "maybe"
        assert not alive(pid)


@pytest.mark.parametrize("way", WAYS[1:])
def test_output_of_a_stateless_call_beyond_the_limit(way: str) -> None:
    """What does not fit is dropped, and the client is told how much, before the reply."""
    code = "import warnings\nfor number in range(100): warnings.warn(str(number))"
    with place(way, events=50) as found:
        link = found.link()
        try:
            link.connect(20)
            greet(link, None, 20)
            link.send(messages.build("run", 7, {"code": code, "environment": "python"}))
            heard: list[dict[str, Any]] = []
            while not heard or heard[-1]["op"] == "event":
                message = link.receive(20)
                assert message is not None
                heard.append(messages.fields(message))
        finally:
            link.close()
    *events, dropped, reply = heard
    assert [(one["type"], one["text"].strip()) for one in events] == [("warning", str(n)) for n in range(50)]
    assert (dropped["op"], dropped["id"], dropped["type"], dropped["count"]) == ("event", 7, "dropped", 50)
    assert (reply["op"], reply["id"]) == ("reply", 7)


def test_output_that_a_client_never_acknowledges(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the client once, not with each line: the call comes to its end."""
    monkeypatch.setattr(session_module, "_BACK_PRESSURE", 0.5)
    with hub_with(events=50) as hub:
        client = Raw(hub)
        client.ask("open", environment="python")
        code = "import warnings\nfor number in range(100): warnings.warn(str(number))"
        number = client.send("run", code=code)
        begun = time.monotonic()
        heard = [client.read()]
        while heard[-1]["op"] == "event":
            heard.append(client.read())
        assert time.monotonic() - begun < 10
        assert (heard[-1]["op"], heard[-1]["id"]) == ("reply", number)
        assert (heard[-2]["type"], heard[-2]["count"]) == ("dropped", 50)
        client.send("ack", seen=heard[-1]["seq"])
        number = client.send("run", code=code)  # it does listen after all: everything waits for it again
        heard = [client.read()]
        while heard[-1]["op"] == "event":
            client.send("ack", seen=heard[-1]["seq"])
            heard.append(client.read())
        assert [one["type"] for one in heard[:-1]] == ["warning"] * 100


def test_a_hub_without_that_environment() -> None:
    with hub_with() as hub:
        assert Raw(hub).call("f", environment="cobol")["code"] == "ENVIRONMENT_NOT_FOUND"
    assert isinstance(MemoryLink(hub), MemoryLink)
