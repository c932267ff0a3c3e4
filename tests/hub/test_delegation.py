"""Code in an interpreter calls back into the hub that runs it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.hub.inside import PATIENCE, apart, lines, post, serving, session, stateless, until, variable

from arcuate.client import connect, publish
from arcuate.client.net.target import inside
from arcuate.client.streams import topics
from arcuate.errors import (
    CallCancelled,
    CallTimeout,
    EnvironmentCrashed,
    InvalidArgument,
    LimitExceeded,
    RemoteError,
)
from arcuate.hub import Config, Hub
from arcuate.hub.delegation import Delegation, Delegations
from arcuate.hub.server import Server
from arcuate.hub.session import HubSession

WAITS = "import time\nwhile True: time.sleep(0.005)"
ASK = """
import json, os, urllib.request, urllib.error

def post(environment, what, body, seconds=60):
    url = os.environ["ARCUATE_DELEGATED_HTTP"]
    request = urllib.request.Request(
        f"{url}/v1/environments/{environment}/{what}", json.dumps(body).encode(),
        {"Content-Type": "application/json",
         "Authorization": "Bearer " + os.environ["ARCUATE_DELEGATED_TOKEN"]})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        return json.load(error)["error"]

def ask(environment, code, **more):
    return post(environment, "eval", {"code": code, **more})

def chain(*names):
    return post(names[0], "call/asking.chain", {"args": names[1:]}) if names else 42
"""


@pytest.fixture
def helper(tmp_path: Path) -> dict[str, str]:
    """Variables with which Python finds ``ask``, a client of its own in the module ``asking``."""
    (tmp_path / "asking.py").write_text(ASK)
    return {"PYTHONPATH": str(tmp_path)}


def python(helper: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"language": "python", "options": {"env": helper}, **more}


def opened(server: Server) -> list[Any]:
    """The sessions of clients; those of pools stay."""
    return [one for one in server.hub.sessions if one.resumable]


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    """A server of which nothing is left open."""
    yield shared
    until(lambda: not opened(shared), "all sessions end")


def test_a_session_from_inside_with_labels_and_handles(server: Server) -> None:
    with session(server) as p:
        p.run(
            "import numpy as np, xarray as xr\n"
            "from arcuate.client import connect\n"
            "a = xr.DataArray(np.arange(6.).reshape(2, 3), dims=('time', 'unit'),"
            " coords={'unit': ['a', 'b', 'c']}, attrs={'units': 'mV'})\n"
            "with connect('hub:///r') as r:\n"
            "    r['a'] = a\n"
            "    same = r['a']\n"
            "    fit = r.call('lm', 'dist ~ speed', data=r.eval('cars', keep=True), keep=True)\n"
            "    slope = float(r.call('coef', fit)[1])\n"
        )
        same, a = p["same"], p["a"]
        assert same.identical(a)
        assert p["slope"] == pytest.approx(3.932409, abs=1e-6)


def test_objects_go_between_sessions_that_were_opened_inside(server: Server) -> None:
    with session(server) as p:
        p.run(
            "from arcuate.client import connect\n"
            "with connect('hub:///r') as r, connect('hub:///octave') as o:\n"
            "    twice = o.eval('@(x) 2 * x', keep=True)\n"
            "    found = r.call('sapply', [1.0, 2.5], twice)\n"
            "    mine = r.call('sapply', [1.0, 2.5], lambda x: float(o.call('sqrt', x * x)) + 1)\n"
        )
        assert list(p["found"]) == [2.0, 5.0]
        assert list(p["mine"]) == [2.0, 3.5]


def test_r_and_octave_call_back_with_what_they_have(server: Server) -> None:
    with session(server, "r") as r:
        r.run(
            "ask <- function(path, body) {\n"
            "  h <- curl::new_handle()\n"
            "  curl::handle_setheaders(h, 'Content-Type' = 'application/json',\n"
            "    Authorization = paste('Bearer', Sys.getenv('ARCUATE_DELEGATED_TOKEN')))\n"
            "  curl::handle_setopt(h, copypostfields = body)\n"
            "  answer <- curl::curl_fetch_memory(paste0(Sys.getenv('ARCUATE_DELEGATED_HTTP'), path), h)\n"
            "  jsonlite::fromJSON(rawToChar(answer$content))\n"
            "}\n"
        )
        asked = r.eval("ask('/v1/environments/octave/call/det', '{\"args\": [[[4, 2], [1, 3]]]}')$value")
        assert asked == pytest.approx(10.0)
    with session(server, "octave") as o:
        o.run(
            "function found = ask(path, body)\n"
            "  [status, text] = system(sprintf(['curl -s -H \"Authorization: Bearer %s\" ', ...\n"
            "    '-H \"Content-Type: application/json\" -d ''%s'' %s%s'], ...\n"
            "    getenv('ARCUATE_DELEGATED_TOKEN'), body, getenv('ARCUATE_DELEGATED_HTTP'), path));\n"
            "  found = jsondecode(text);\n"
            "end\n"
        )
        asked = o.eval("ask('/v1/environments/r/call/median', '{\"args\": [[1, 5, 7]]}').value")
        assert float(asked) == 5.0


def test_streams_from_inside(server: Server) -> None:
    with session(server) as p:
        p.run(
            "from arcuate.client import publish, subscribe\n"
            "publish('inner', 41, 'hub://')\n"
            "with subscribe('inner', 'hub://', start=0) as blocks: got = next(iter(blocks))\n"
        )
        assert p["got"] == 41


def test_outside_of_an_interpreter_there_is_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP", "TOKEN"):
        monkeypatch.delenv(f"ARCUATE_DELEGATED_{name}", raising=False)
    with pytest.raises(InvalidArgument, match="none has"):
        connect("hub:///r")
    with pytest.raises(InvalidArgument, match="hub:///r"):
        inside("hub://r", None)


def test_a_local_interpreter_gets_nothing_and_a_hub_without_delegation_gives_nothing() -> None:
    with serving(delegation=False) as server, session(server) as p:
        assert variable(p, "TOKEN") == variable(p, "HTTP") == ""


def test_variables_of_the_hub_itself_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCUATE_DELEGATED_TOKEN", "somebody else's")
    with serving(delegation=False) as server, session(server) as p:
        assert variable(p, "TOKEN") == ""


# ------------------------------------------------------------------ no deadlock


@pytest.mark.parametrize("pool", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_a_full_pool_calls_itself(helper: dict[str, str], pool: int) -> None:
    with serving(environments={"python": python(helper)}, limits={"pool": pool}) as server:
        code = "__import__('asking').ask('python', '40 + 2')"
        url = server.endpoints["http"]
        waiting = [apart(lambda: stateless(url, "python", code)) for _ in range(2 * pool)]
        assert [wait() for wait in waiting] == [42] * (2 * pool)


def nest(levels: int) -> str:
    """A call in a call in a call."""
    code = "40 + 2"
    for _ in range(levels):
        code = f"__import__('asking').ask('python', {code!r})"
    return code


@pytest.mark.soak
def test_many_that_call_each_other_never_wait_for_each_other(helper: dict[str, str]) -> None:
    environments = {name: python(helper) for name in ("a", "b")}
    with serving(environments=environments, limits={"pool": 2, "nesting": 3}) as server:
        url = server.endpoints["http"]

        def go(name: str) -> Any:
            return post(url, f"/v1/environments/{name}/call/asking.chain", {"args": ["b", "a", "b"]})

        for _ in range(20):
            waiting = [apart(lambda name=name: go(name)) for name in "ab" * 12]  # type: ignore[misc]
            assert [wait() for wait in waiting] == [(200, {"value": 42})] * len(waiting)


def test_nesting_ends_at_the_limit(helper: dict[str, str]) -> None:
    with serving(environments={"python": python(helper)}, limits={"pool": 1, "nesting": 2}) as server:
        url = server.endpoints["http"]
        assert stateless(url, "python", nest(2)) == 42
        refused = stateless(url, "python", nest(3))
        assert (refused["code"], refused["setting"]) == ("LIMIT_EXCEEDED", "nesting")
        assert "python > python > python" in refused["message"]


def test_a_circle_ends_with_an_error(helper: dict[str, str]) -> None:
    """Each calls the other, for ever."""
    environments = {"a": python(helper), "b": python(helper)}
    (Path(helper["PYTHONPATH"]) / "circle.py").write_text(
        "from arcuate.client import connect\nimport os\n"
        "def go(other, mine):\n"
        "    with connect('hub:///' + other) as there:\n"
        "        return there.call('circle.go', mine, other)\n"
    )
    with serving(environments=environments, limits={"nesting": 3}) as server, session(server, "a") as a:
        with pytest.raises(LimitExceeded, match="'nesting'"):
            a.call("circle.go", "b", "a")
        until(lambda: len(opened(server)) == 1, "the sessions of the circle are closed")
        assert a.eval("6 * 7") == 42


def test_a_session_cannot_be_called_by_what_it_waits_for(server: Server) -> None:
    """Not even by code that was told its secret."""
    with session(server) as p:
        [own] = opened(server)
        url = variable(p, "HTTP")
        header: Any = {"Arcuate-Secret": own.secret}
        asked = post(url, f"/v1/sessions/{own.id}/eval", {"code": "1"}, variable(p, "TOKEN"), **header)
        assert asked[0] == 400
        assert "waits for the call that makes this one" in asked[1]["error"]["message"]
        assert post(url, f"/v1/sessions/{own.id}/eval", {"code": "1"}, None, **header)[0] == 401


def test_sessions_from_inside_count_for_the_principal() -> None:
    with serving(limits={"sessions_each": 2}) as server, session(server) as p:
        p.run("from arcuate.client import connect\none = connect('hub:///python')")
        with pytest.raises(LimitExceeded, match="'sessions_each'"):
            p.run("connect('hub:///python')")
        p.run("one.close()\nconnect('hub:///python').close()")


# -------------------------------------------------------------- time and cancel


def asleep(server: Server) -> list[Any]:
    """The sessions, beside the first, in which something runs."""
    return [one for one in server.hub.sessions if one.delegation.depth and one.busy]


@pytest.mark.parametrize("kind", ["session", pytest.param("stateless", marks=pytest.mark.soak)])
def test_the_time_of_a_call_holds_for_what_it_calls(helper: dict[str, str], kind: str) -> None:
    calls = {
        "session": f"from arcuate.client import connect\nconnect('hub:///python').run({WAITS!r})",
        "stateless": f"from asking import ask\nask('python', {f'exec({WAITS!r})'!r})",
    }
    with serving(environments={"python": python(helper)}) as server, session(server) as p:
        p.eval("1")
        with pytest.raises(CallTimeout):
            p.run(calls[kind], timeout=1.0)
        until(lambda: not asleep(server), "the inner call ends")
        assert p.eval("6 * 7") == 42
        if kind == "session":
            until(lambda: len(opened(server)) == 1, "the inner session is reclaimed")


@pytest.mark.soak
def test_the_time_of_the_outer_call_is_told_to_the_inner_one(helper: dict[str, str]) -> None:
    with serving(environments={"python": python(helper)}) as server:
        begun = time.monotonic()
        code = (
            "__import__('asking').ask('python', \"__import__('asking').ask('python', "
            '\'__import__(\\"time\\").sleep(60)\', deadline=60000)")'
        )
        found = stateless(server.endpoints["http"], "python", code, deadline=1500)
        assert found["code"] == "CALL_TIMEOUT"
        assert time.monotonic() - begun < 15
        until(lambda: not any(one.busy for one in server.hub.sessions), "all of them end")


def test_cancelling_reaches_the_innermost_call(server: Server) -> None:
    with session(server) as p:
        deep = f"from arcuate.client import connect\nconnect('hub:///python').run({WAITS!r})"
        p.run(f"from arcuate.client import connect\ndef go(): connect('hub:///python').run({deep!r})")
        future = p.submit("go")
        until(lambda: [one for one in asleep(server) if one.delegation.depth == 2], "it is deep")
        future.cancel()
        with pytest.raises((CallCancelled, CancelledError)):
            future.result(20)
        until(lambda: len(opened(server)) == 1, "all that was opened is reclaimed")
        assert p.eval("6 * 7") == 42


def test_code_that_ignores_the_interrupt_does_not_keep_what_it_called(server: Server) -> None:
    """The hub ends the inner call by itself."""
    with session(server, grace=20.0) as p:
        p.run(
            "import signal\nfrom arcuate.client import connect\n"
            "r = connect('hub:///python')\n"
            "def stubborn():\n"
            "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            f"    r.run({WAITS!r})\n"
        )
        future = p.submit("stubborn")
        until(lambda: asleep(server), "the inner call runs")
        future.cancel()
        until(lambda: not asleep(server), "the inner call ends")


def test_an_interpreter_that_dies_takes_its_sessions_with_it(server: Server) -> None:
    with session(server) as p:
        p.run("from arcuate.client import connect\nkept = connect('hub:///python')")
        assert len(opened(server)) == 2
        pid = p.info["pid"]
        token = variable(p, "TOKEN")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EnvironmentCrashed):
            p.eval("1")
        assert p.eval("6 * 7") == 42
        until(lambda: len(opened(server)) == 1, "its session is closed")
        assert variable(p, "TOKEN") not in ("", token)
        assert server.hub.delegations.find(token) is None


def test_a_session_may_stay_for_the_next_call_and_ends_with_its_opener(server: Server) -> None:
    with session(server) as p:
        p.run("from arcuate.client import connect\nkept = connect('hub:///python')\nkept['x'] = 5")
        p.run("found = kept.eval('x + 1')")
        assert p["found"] == 6
    until(lambda: not opened(server), "both are closed")


def test_a_stateless_call_leaves_nothing(helper: dict[str, str]) -> None:
    (Path(helper["PYTHONPATH"]) / "leaving.py").write_text(
        "from arcuate.client import connect\nkept = []\n"
        "def leave():\n    kept.append(connect('hub:///python'))\n    return kept[-1].eval('6 * 7')\n"
    )
    with serving(environments={"python": python(helper)}, limits={"pool": 1}) as server:
        url = server.endpoints["http"]
        for _ in range(2):
            status, found = post(url, "/v1/environments/python/call/leaving.leave", {"args": []})
            assert (status, found) == (200, {"value": 42})
            until(lambda: not opened(server), "what it opened is closed")


LATE = """
import builtins, threading
def late():
    import arcuate.client, builtins
    try:
        with {begin} as found:
            for one in found: builtins.got = one
    except Exception as error: builtins.said = type(error).__name__
threading.Thread(target=late, daemon=True).start()
"""


def test_what_a_stateless_call_begins_late_is_refused(tmp_path: Path) -> None:
    """A thread of its code asks for a session, and the call ends before the hub comes to open it."""
    with serving(limits={"pool": 1}) as server:
        url, real = server.endpoints["http"], server.hub.open
        asked, over = threading.Event(), threading.Event()

        def late(*args: Any, **more: Any) -> Any:
            if len(args) > 5 and args[5] is not None:
                asked.set()
                assert over.wait(PATIENCE)
            return real(*args, **more)

        server.hub.open = late  # type: ignore[method-assign]
        code = LATE.format(begin="arcuate.client.connect('hub:///python')") + until_there(tmp_path / "go")
        call = apart(lambda: post(url, "/v1/environments/python/call/builtins.exec", {"args": [code]}))
        until(asked.is_set, "the session is asked for")
        (tmp_path / "go").touch()
        assert call()[0] == 200
        over.set()
        found = until(lambda: said(url), "the answer to the session that was asked for")
        assert found == "AuthenticationFailed"
        assert len(server.hub.sessions) == 1


def until_there(file: Path) -> str:
    """Code that waits for a file."""
    return f"\nimport os, time\nwhile not os.path.exists({str(file)!r}): time.sleep(0.005)"


def said(url: str) -> Any:
    """What the thread came to."""
    code = "getattr(__import__('builtins'), 'said', None)"
    return post(url, "/v1/environments/python/call/builtins.eval", {"args": [code]})[1]["value"]


def test_a_subscription_of_a_stateless_call_ends_with_it() -> None:
    with serving(limits={"pool": 1}) as server:
        url = server.endpoints["http"]
        subscribed = "\nwhile not hasattr(builtins, 'got'): __import__('time').sleep(0.01)"
        code = LATE.format(begin="arcuate.client.subscribe('lab', 'hub://')") + subscribed
        call = apart(lambda: post(url, "/v1/environments/python/call/builtins.exec", {"args": [code]}))
        until(lambda: any(one["subscribers"] for one in topics(url)), "it is subscribed")
        publish("lab", 1.5, url)
        assert call()[0] == 200
        assert until(lambda: said(url), "the end of the subscription") == "AuthenticationFailed"
        assert not any(one["subscribers"] for one in topics(url))


@pytest.mark.parametrize("path", ["/v1/environments/python/eval", "session"])
def test_a_call_that_is_on_its_way_when_the_outer_one_is_cancelled(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancel looks for what was begun inside, and this is not there yet; it ends all the same."""
    with serving() as server, session(server) as p:
        pools, submitted = server.hub.pools.submit, HubSession.submit

        def overtaken(request: Any) -> None:
            if request.outer is not None:
                request.outer.cancelled = True

        def pooled(*args: Any) -> Any:
            overtaken(args[2])
            return pools(*args)

        def direct(self: HubSession, request: Any, **more: Any) -> None:
            overtaken(request)
            submitted(self, request, **more)

        p.run("from arcuate.client import connect\nr = connect('hub:///python')")
        server.hub.pools.submit = pooled  # type: ignore[method-assign]
        monkeypatch.setattr(HubSession, "submit", direct)
        slow = "__import__('time').sleep(600)"
        if path == "session":
            with pytest.raises((CallCancelled, RemoteError), match="cancel"):
                p.run(f"r.eval({slow!r})", timeout=20)
            return
        inner, token = variable(p, "HTTP"), variable(p, "TOKEN")
        waits = apart(lambda: p.run(until_there(tmp_path / "go"), timeout=20))
        until(lambda: any(one.innermost() for one in server.hub.sessions), "the outer call runs")
        _, found = post(inner, path, {"code": slow}, token)
        (tmp_path / "go").touch()
        assert found["error"]["code"] == "CALL_CANCELLED", found
        with suppress(CallCancelled):
            waits()


# ---------------------------------------------------------------------- the log


def test_the_audit_log_tells_the_chain(helper: dict[str, str], tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    with serving(environments={"python": python(helper)}, audit=audit) as server, session(server) as p:
        p.run(f"from asking import ask\nfound = ask('python', {nest(1)!r})")
        assert p["found"] == 42
        [first] = [one.id for one in opened(server)]
    calls = [one for one in lines(audit) if one["op"] == "eval"]
    assert [len(one.get("via", ())) for one in calls] == [2, 1]
    assert all(one["who"] == "local" and one["via"][0] == f"python/{first}" for one in calls)
    assert calls[0]["via"][1] == f"python/{calls[1]['session']}"
    assert "arcd_" not in audit.read_text()


# ------------------------------------------------------- a cancel that comes early


def test_a_cancel_between_the_queue_and_the_interpreter() -> None:
    """A call is cancelled at each moment of its beginning: none is carried out after that, none is lost."""
    with Hub(Config(environments={"python": {"language": "python"}})) as hub:  # type: ignore[dict-item]  # pydantic reads the mapping
        from tests.hub.memory import MemoryLink

        from arcuate.client import Session
        from arcuate.client.net.bus import BusTransport

        with Session(BusTransport(MemoryLink(hub), "python", {}), name="python") as p:
            inner = hub.sessions[0]
            real = inner.transport.exchange
            entered, go = threading.Event(), threading.Event()

            def late(message: Any, call: Any) -> Any:
                entered.set()
                go.wait(20)
                return real(message, call)

            inner.transport.exchange = late  # type: ignore[method-assign]
            future = p.submit("exec", WAITS)
            assert entered.wait(20)
            future.cancel()
            until(lambda: inner._running and next(iter(inner._running.values()))[1].cancelled, "it arrives")
            go.set()
            with pytest.raises((CallCancelled, CancelledError)):
                future.result(20)
            inner.transport.exchange = real  # type: ignore[method-assign]
            assert p.eval("6 * 7") == 42


def test_tokens_are_forgotten_and_never_shown() -> None:
    office = Delegations()
    one = Delegation(office)
    assert set(one.variables(False).values()) == {None}  # there is no way to the hub
    office.endpoints = {"http": "http://127.0.0.1:1", "zmq": "zmq://127.0.0.1:2"}
    first = one.variables(False)["ARCUATE_DELEGATED_TOKEN"]
    second = one.variables(True)
    assert office.find(first) is None
    assert second["ARCUATE_DELEGATED_ZMQ"] is None
    token = second["ARCUATE_DELEGATED_TOKEN"]
    assert token is not None
    assert office.find(token) is one
    assert office.find(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert token not in repr(office._known) + repr(one) + repr(vars(one))
    one.close()
    assert office.find(token) is None
    assert len(office) == 0
