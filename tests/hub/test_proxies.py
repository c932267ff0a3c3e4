"""Objects of one session in the interpreter of another: on a hub, over each transport, and without one."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.hub.places import place
from tests.hub.proxied import CODE, COLLECT, GONE, SHOWN, Sessions, function, need, sessions
from tests.hub.raw import Raw

from arcuate.client import Remote, Session, aio, messages
from arcuate.client.transport import Call
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    EnvironmentCrashed,
    RemoteError,
    StaleHandle,
    Unavailable,
    Unsupported,
)
from arcuate.hub.relay import Request, read
from arcuate.values import codes
from arcuate.values.nodes import Nodes

PAIRS = [
    *((one, "zmq", two) for one, two in itertools.product(CODE, CODE)),
    ("r", "grpc", "octave"),
    ("octave", "http", "python"),
    ("r", "", "octave"),
    ("octave", "", "r"),
]
MIXED = [("grpc", "zmq"), ("http", "grpc")]


@pytest.fixture(scope="module")
def served() -> Iterator[Sessions]:
    with sessions("zmq", "grpc", "http") as found:
        yield found


@pytest.fixture(scope="module")
def local() -> Iterator[Sessions]:
    with sessions() as found:
        yield found


@pytest.fixture
def pair(request: pytest.FixtureRequest, served: Sessions, local: Sessions) -> tuple[Session, Session]:
    """A session that has objects, and one that gets them; without a hub where no way to one is named."""
    one, way, two = request.param
    place = served if way else local
    return place.get(way, one, "has"), place.get(way, two, "gets")


def language(session: Session) -> str:
    return str(session.info["environment"])


def gone(session: Session, wanted: float) -> bool:
    """Whether so many objects have ended in a session; Octave keeps the arguments of its last call."""
    return any(session.eval(GONE[language(session)]) == wanted for _ in range(4))


def collect(session: Session) -> None:
    """Has an interpreter let go of what it does not use, and say so."""
    for _ in range(3):
        session.eval(COLLECT[language(session)])


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(filter(None, pair)), indirect=True)
def test_a_function_there_and_back(pair: tuple[Session, Session]) -> None:
    has, gets = pair
    before = float(has.eval(GONE[language(has)]))
    line = has.call("make")
    assert isinstance(line, Remote)
    assert gets.call("same", line) is line
    assert gets.call("wrap", line)["inner"][0] is line
    assert gets.call("use", line, 3.0) == 7.0
    numbers = np.arange(40_000.0)
    assert (np.ravel(gets.call("use", line, numbers)) == numbers * 2 + 1).all()
    gets["held"] = line
    assert gets["held"] is line
    shown = gets.eval(SHOWN[language(gets)])
    assert f"{has.info['language']} " in shown
    assert "of another session" in shown

    del line
    gc.collect()
    assert gone(has, before), "it is held there"
    assert gets.eval("use(held, 2.0)") == 5.0
    del gets["held"]
    collect(gets)
    assert gone(has, before + 1), "nobody has it any more"


@pytest.mark.parametrize(
    "pair", [PAIRS[1], PAIRS[5], *PAIRS[-2:]], ids=lambda p: "-".join(filter(None, p)), indirect=True
)
def test_errors_arrive_as_they_are(pair: tuple[Session, Session]) -> None:
    has, gets = pair
    refuse = function(has, "refuse")
    with pytest.raises(RemoteError, match="not this one") as caught:
        gets.call("use", refuse, 1.0)
    assert caught.value.language == has.info["language"], "the original"
    assert "not this one" in gets.call("guarded", refuse, 1.0), "the language may handle it"
    assert gets.call("use", function(has, "same"), 1.5) == 1.5


HANDLED = {
    "python": "def careful(f):\n    try: f(1.0)\n    except Exception: pass\n    raise OSError('disk full')",
    "r": "careful <- function(f) { tryCatch(f(1), error = function(e) NULL); stop('disk full') }",
    "octave": "function careful (f), try, f (1); catch, end, error ('disk full'); end",
}


@pytest.mark.parametrize("name", HANDLED)
def test_an_error_that_was_handled_is_over(served: Sessions, name: str) -> None:
    """What ends the call later is told, also where its message has that of the other in it."""
    gets, has = served.fresh("zmq", name), served.get("zmq", "python", "has")
    gets.run(HANDLED[name])
    for message in ("", "disk", "full"):
        has.run(f"def bad(x): raise ValueError({message!r})")
        with pytest.raises(RemoteError, match="disk full") as caught:
            gets.call("careful", function(has, "bad"), nargout=0)
        assert caught.value.language == gets.info["language"]
    gets.close()


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_the_hub_counts(served: Sessions, way: str) -> None:
    has, gets = served.get(way, "python", "has"), served.get(way, "python", "gets")
    line = has.call("make")
    name = f"{has.info['session']}/{line._arcuate[1]}"
    assert served.held(gets) == {}
    gets["one"], gets["two"] = line, [line, line]
    assert served.held(gets) == {name: 1}, "one object, of which Python has one proxy"
    assert served.lent(has)[line._arcuate[1]] == 1
    back = [gets["one"] for _ in range(5)]
    assert all(one is line for one in back)
    before = has.eval("gone")
    del back, line
    gc.collect()
    collect(has)
    assert has.eval("gone") == before, "the client has given back its own, and no more"
    gets.restart()
    gets.run(CODE["python"])
    assert served.held(gets) == {}
    assert name.partition("/")[2] not in served.lent(has)
    assert gone(has, before + 1)


def test_what_the_own_client_gave_goes_in_a_call_of_another(served: Sessions, local: Sessions) -> None:
    """An object that the hub does not know, of a session elsewhere: the client has to hear of its end."""
    one, two = served.fresh("zmq", "python"), served.get("zmq", "python", "gets")
    elsewhere = local.fresh("", "python")
    one.run("def drop(x):\n    global caller\n    caller = None\n    return x")
    one["caller"] = elsewhere.call("make")
    gc.collect()
    assert elsewhere.eval("gone") == 0
    assert two.call("use", function(one, "drop"), 1.0) == 1.0
    assert one.eval("1") == 1
    gc.collect()
    assert elsewhere.eval("gone") == 1
    assert served.session(one).proxies._dropped == []
    one.close()
    elsewhere.close()


def test_many_that_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their owner is told once, and its queue stays free."""
    with sessions("zmq", limits={"queue": 4}) as found:
        one, two = found.get("zmq", "python", "has"), found.get("zmq", "python", "gets")
        two["many"] = [one.call("make") for _ in range(20)]
        gc.collect()
        assert one.eval("gone") == 0
        owner, told = found.session(one), []
        usual = owner.release
        monkeypatch.setattr(owner, "release", lambda request: (told.append(request), usual(request)))
        running = one.submit("nap", 30.0)
        until(lambda: owner.busy and not owner.queued, "it runs")
        two.restart()
        assert len(told) == 1
        assert owner.queued == 0
        for number in range(20):
            owner.release(read(messages.build("release", 5000 + number, {"handles": []})))
        waiting = one.submit("same", 2.5)
        running.cancel()
        with pytest.raises(CallCancelled):
            running.result(20)
        assert waiting.result(20) == 2.5
        assert gone(one, 20)


def test_objects_that_are_no_functions(served: Sessions) -> None:
    need("r")
    r, other = served.get("zmq", "r", "has"), served.get("zmq", "python", "gets")
    fit = r.eval("lm(dist ~ speed, cars)")
    other["held"] = fit
    assert other.eval("repr(held)").startswith("<R lm of another session>")
    assert other.eval("callable(held)") is False
    assert other["held"] is fit
    assert np.allclose(r.call("coef", other.call("wrap", fit)["inner"][0]), r.call("coef", fit))
    with pytest.raises(RemoteError, match="not callable"):
        other.call("use", fit, 1.0)
    with pytest.raises(RemoteError):
        other.call("copy.copy", fit)
    del other["held"]


def test_what_code_makes_on_the_way(served: Sessions) -> None:
    """Objects without values pass between the sessions as arguments and results of such calls."""
    one, two = served.get("zmq", "python", "has"), served.get("zmq", "python", "gets")
    made = two.call("use", one.eval("lambda x: (lambda y: x + y)", keep=True), 4.0)
    assert isinstance(made, Remote)
    assert made._arcuate[0] is one
    assert made(1.5) == 5.5, "of the session that made it"
    assert two.call("use", made, 2.0) == 6.0
    two.run("adder = lambda y: y + 10.0")
    two.call("keep_other", function(one, "same"), nargout=0)
    found = two.eval("other(adder)")
    assert isinstance(found, Remote)
    assert found._arcuate[0] is two, "what came back to its own session is the object itself"
    assert found(1.0) == 11.0
    assert two.eval("other(adder) is adder")


@pytest.mark.parametrize("ways", MIXED)
def test_sessions_over_different_protocols(served: Sessions, ways: tuple[str, str]) -> None:
    has, gets = served.get(ways[0], "python", "has"), served.get(ways[1], "python", "gets")
    line = has.call("make")
    assert gets.call("use", line, 1.0) == 3.0
    assert gets.call("same", line) is line


def test_one_here_and_one_in_a_hub(served: Sessions, local: Sessions) -> None:
    here, there = local.get("", "python", "has"), served.get("zmq", "python", "gets")
    for has, gets in ((here, there), (there, here)):
        line = has.call("make")
        assert gets.call("use", line, 1.0) == 3.0
        assert gets.call("same", line) is line


def test_stale_after_the_end(served: Sessions) -> None:
    gets, has = served.get("zmq", "python", "gets"), served.fresh("zmq", "python")
    before = served.held(gets)
    line = has.call("make")
    gets["held"] = line
    has.restart()
    with pytest.raises(StaleHandle):
        gets.eval("held(1.0)")
    with pytest.raises(StaleHandle):
        gets.call("use", line, 1.0)
    has.run(CODE["python"])
    line = has.call("make")
    gets["held"] = line
    has.close()
    with pytest.raises(StaleHandle):
        gets.eval("held(1.0)")
    with pytest.raises(StaleHandle):
        gets.call("use", line, 1.0)
    with pytest.raises(StaleHandle):
        assert gets["held"]
    del gets["held"]
    assert served.held(gets) == before


def test_the_one_that_holds_it_crashes(served: Sessions) -> None:
    has, gets = served.get("zmq", "python", "has"), served.fresh("zmq", "python")
    before = has.eval("gone")
    line = has.call("make")
    gets["held"] = line
    with pytest.raises(EnvironmentCrashed):
        gets.run("import os; os._exit(3)")
    assert served.held(gets) == {}
    gets.run(CODE["python"])
    assert gets.call("use", line, 1.0) == 3.0
    del line
    gc.collect()
    collect(has)
    gets.close()
    assert gone(has, before + 1)


@pytest.mark.parametrize("name", CODE)
def test_the_one_that_has_it_crashes(served: Sessions, name: str) -> None:
    """The error arrives; the session that called loses nothing, and its client forgets nothing."""
    has, gets = served.fresh("zmq", "python"), served.fresh("zmq", name)
    gets.call("keep_other", lambda x: x + 1.0, nargout=0)
    has.run("def crash(x): import os; os._exit(3)")
    with pytest.raises(EnvironmentCrashed) as caught:
        gets.call("use", function(has, "crash"), 1.0)
    assert caught.value.workspace is True
    assert gets.call("down", 5.0) == 6.0, "of the client: 1 + (5 - 1 + 1)"
    gets.close()
    has.close()


@pytest.mark.parametrize("names", [("python", "python"), ("r", "octave"), ("octave", "r")])
def test_a_circle(served: Sessions, names: tuple[str, str]) -> None:
    one, two = served.get("zmq", names[0], "has"), served.get("zmq", names[1], "gets")
    first, second = function(one, "down"), function(two, "down")
    one.call("keep_other", second, nargout=0)
    two.call("keep_other", first, nargout=0)
    assert first(9.0) == 9.0
    with pytest.raises(ArcuateError) as caught:
        one.call("down", 1000.0, timeout=60)
    assert not isinstance(caught.value, CallTimeout)
    assert second(3.0) == 3.0


@pytest.mark.parametrize("way", ["zmq", ""])
def test_a_circle_through_the_caller(served: Sessions, local: Sessions, way: str) -> None:
    """A call waits for a callback that has another session call an object of the first."""
    place = served if way else local
    one, two = place.get(way, "python", "has"), place.get(way, "python", "gets")
    line = function(one, "make")()

    def back(x: float) -> Any:
        return two.call("use", line, x, timeout=20)

    assert one.call("use", back, 5.0, timeout=20) == 11.0


@pytest.mark.parametrize("way", ["zmq", ""])
def test_two_that_wait_for_each_other(served: Sessions, local: Sessions, way: str) -> None:
    place = served if way else local
    one, two = place.get(way, "python", "has"), place.get(way, "python", "gets")
    meet = threading.Barrier(2)
    naps = function(one, "nap"), function(two, "nap")

    def both(x: float) -> float:
        meet.wait(20)
        return x

    def run(session: Session, other: Any, out: list[Any]) -> None:
        session.run("def work(begin, f): return begin(0.0) + f(0.05)")
        try:
            out.append(session.call("work", both, other))
        except Unavailable:
            out.append("refused")

    found: list[Any] = []
    threads = [
        threading.Thread(target=run, args=(one, naps[1], found)),
        threading.Thread(target=run, args=(two, naps[0], found)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if way:
        assert found == [0.05, 0.05], "the hub serves those who wait"
    else:
        assert sorted(map(str, found)) == ["0.05", "refused"], "one cannot wait for the other, and says so"


def test_an_answer_that_comes_while_another_session_calls(served: Sessions) -> None:
    """The caller answers a callback, or uses the session inside it, while the session serves another."""
    one, two = served.get("zmq", "python", "has"), served.get("zmq", "python", "gets")
    one.run("def busy(n): print('busy', flush=True); return other(n)")
    busy = function(one, "busy")
    one.call("keep_other", function(two, "nap"), nargout=0)
    inside, began = threading.Event(), threading.Event()

    def back(use: bool) -> Any:
        inside.set()
        assert began.wait(20)
        return one.call("same", 4.0) if use else 2.0

    def other() -> None:
        assert inside.wait(20)
        two.call("use", busy, 0.3, timeout=30, on_output=lambda *_: began.set())

    for use, expected in ((False, 2.0), (True, 4.0)):
        inside.clear(), began.clear()
        thread = threading.Thread(target=other)
        thread.start()
        assert one.call("use", back, use, timeout=30) == expected
        thread.join(30)
        assert not thread.is_alive()


def test_a_function_that_is_busy(served: Sessions) -> None:
    """The call waits its turn behind the session's own, and its time and its cancellation hold."""
    one, two = served.get("zmq", "python", "has"), served.get("zmq", "python", "gets")
    line = one.call("make")
    running = one.submit("nap", 30.0)
    until(lambda: served.session(one).busy, "it has come to the session")
    begun = time.monotonic()
    with pytest.raises(CallTimeout):
        two.call("use", line, 1.0, timeout=0.3)
    waiting = two.submit("use", line, 1.0)
    until(lambda: served.waiting(one), "the call waits")
    waiting.cancel()
    with pytest.raises(CallCancelled):
        waiting.result(20)
    assert time.monotonic() - begun < 15
    assert not running.done(), "nothing but the call that was meant"
    running.cancel()
    with pytest.raises(CallCancelled):
        running.result(20)
    assert two.call("use", line, 1.0) == 3.0


def test_a_cancel_just_before_it_runs(served: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs on where the session has taken the call, but does not know yet that it runs."""
    one, two = served.get("zmq", "python", "has"), served.get("zmq", "python", "gets")
    found = served.session(one)
    taken, go_on = threading.Event(), threading.Event()
    usual = found.serve

    def slowly(request: Request, call: Call) -> Nodes:
        taken.set()
        assert go_on.wait(20)
        return usual(request, call)

    monkeypatch.setattr(found, "serve", slowly)
    running = two.submit("use", function(one, "nap"), 30.0)
    assert taken.wait(20)
    running.cancel()
    with pytest.raises(CallCancelled):
        running.result(20)
    go_on.set()
    assert one.call("same", 1.5, timeout=10) == 1.5


def test_an_answer_that_comes_as_the_caller_gives_up(
    served: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object in it goes."""
    one, two = served.get("zmq", "python", "has"), served.fresh("zmq", "python")
    found = served.session(two)
    came, go_on = threading.Event(), threading.Event()
    usual = found.put

    def slowly(item: Any) -> None:
        if isinstance(item, Nodes):
            came.set()
            assert go_on.wait(20)
        usual(item)

    monkeypatch.setattr(found, "put", slowly)
    before = one.eval("gone")
    made = two.submit("use", one.eval("lambda x: make()", keep=True), 1.0)
    assert came.wait(20)
    made.cancel()
    with pytest.raises(CallCancelled):
        made.result(20)
    go_on.set()
    until(lambda: one.eval("gone") == before + 1, "nobody has it")
    two.close()


@pytest.mark.parametrize("names", [("python", "python"), ("r", "octave"), ("octave", "r")])
def test_deadlines_travel_on(served: Sessions, names: tuple[str, str]) -> None:
    one, two = served.get("zmq", names[0], "has"), served.get("zmq", names[1], "gets")
    nap = function(one, "nap")
    begun = time.monotonic()
    with pytest.raises(CallTimeout):
        two.call("use", nap, 40.0, timeout=0.5)
    assert one.call("same", 1.5) == 1.5, "it was interrupted"
    assert two.call("use", nap, 0.0) == 0.0
    assert time.monotonic() - begun < 20


def test_a_cancel_inside_spares_what_waits_outside(served: Sessions) -> None:
    one, two = served.get("zmq", "python", "has"), served.get("zmq", "python", "gets")
    nap = function(one, "nap")

    def back(x: float) -> float:
        with pytest.raises(CallTimeout):
            two.call("use", nap, 30.0, timeout=0.3)
        return x

    assert one.call("use", back, 2.5) == 2.5


def test_output_belongs_to_the_call(served: Sessions) -> None:
    one, two = served.get("zmq", "python", "has"), served.get("zmq", "python", "gets")
    said: list[str] = []
    one.run("def say(x): print('from there'); return x")
    assert two.call("use", function(one, "say"), 1.0, on_output=lambda _, text: said.append(text)) == 1.0
    assert "".join(said) == "from there\n"


def test_what_cannot_pass(served: Sessions) -> None:
    one, two = served.get("zmq", "python", "has"), served.get("zmq", "python", "gets")
    two.run("def hand(f, g): return f(g)")
    with pytest.raises(Unsupported, match=r"function of the caller.*\$\.args\[0\]"):
        two.call("hand", function(one, "same"), lambda x: x)
    one.run("def call_caller(x): return caller(x)")
    one["caller"] = lambda x: x + 1.0
    assert one.call("call_caller", 1.0) == 2.0
    with pytest.raises(Unsupported, match="call back"):
        two.call("use", function(one, "call_caller"), 1.0)
    assert two.call("use", function(one, "same"), 2.0) == 2.0


# ---------------------------------------------------------------------- by hand


class Hand(Raw):
    """A client that writes its own messages with handles in them."""

    def ask_with(self, op: str, plain: dict[str, Any], field: str, handle: str) -> dict[str, Any]:
        """A request with a handle as a field, or as the one argument."""
        self.number += 1
        self.link.send(with_handle(messages.build(op, self.number, plain, 1), field, handle))
        return self.answer(self.number)

    def kept(self, op: str, **fields: Any) -> str:
        """The id of the object that answers a request."""
        number = self.send(op, **fields)
        while True:
            found = self.link.receive(20)
            assert found is not None
            if messages.head(found) == ("reply", number):
                return next(row[7] for row in found.rows if row[0] == codes.HANDLE)


def with_handle(message: Nodes, field: str, handle: str) -> Nodes:
    if field == "args":
        message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, 1, 0, "args", ""))
    message.rows.append((codes.HANDLE, 0, 0, 0, 1, 0, "" if field == "args" else field, handle))
    message.rows.append((codes.MAPPING, 0, 0, 0, 0, 0, "info", ""))
    return message


def test_by_hand() -> None:
    with place("memory") as found:
        one, two, none = Hand(found.hub), Hand(found.hub), Hand(found.hub)
        name = one.ask("open", environment="python")["value"]["session"]
        two.ask("open", environment="python")
        for client in (one, two):
            client.ask("run", code=CODE["python"])
        own = one.kept("call", name="make")
        foreign = f"{name}/{own}"
        assert one.ask_with("call", {"name": "callable"}, "args", foreign)["value"] is True, "its own"
        shown = two.ask_with("call", {"name": "repr"}, "args", foreign)["value"]
        assert shown == "<Python object of another session>", "nothing else was said of it"
        assert two.ask_with("show", {}, "target", foreign)["code"] == "INVALID_ARGUMENT"
        stateless = {"name": "repr", "environment": "python"}
        assert none.ask_with("call", stateless, "args", foreign)["code"] == "UNSUPPORTED"
        assert two.ask_with("call", {"name": "repr"}, "args", "nobody/1:1")["code"] == "PERMISSION_DENIED"

        # what a callback returns
        two.ask("run", code="def back(f): return f()(3.0)")
        message = messages.build("call", 900, {"name": "back"}, 1)
        message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, 1, 0, "args", ""))
        message.rows.append((codes.FUNCTION, 0, 0, 0, 0, 0, "", "mine"))
        two.link.send(message)
        callback = two.read()
        assert callback["function"] == "mine"
        two.link.send(with_handle(messages.build("return", callback["id"], None, 1), "value", foreign))
        assert two.answer(900)["value"] == 7.0

        # sent to the other client and released there, twice, then by its own
        two.ask_with("set", {"name": "held"}, "value", foreign)
        assert two.kept("get", name="held") == foreign
        for _ in range(3):
            two.link.send(messages.build("release", 5000, {"handles": [foreign]}))
        assert two.ask("eval", code="held(1.0)")["value"] == 3.0
        one.link.send(messages.build("release", 5000, {"handles": [own]}))
        assert two.ask("eval", code="held(1.0)")["value"] == 3.0, "it is held"
        assert one.ask("eval", code="gone")["value"] == 0
        two.ask("delete", name="held")
        assert one.ask("eval", code="gone")["value"] == 1


def test_asyncio(served: Sessions) -> None:
    assert served.server is not None
    urls = [f"{served.server.endpoints[way]}/python" for way in ("zmq", "grpc")]

    async def work(one_url: str, two_url: str) -> None:
        async with await aio.connect(one_url) as one, await aio.connect(two_url) as two:
            for session in (one, two):
                await session.run(CODE["python"])
            line = await one.call("make")
            assert await two.call("same", line) is line
            assert await two.call("use", line, 3.0, timeout=20) == 7.0
            back = await two.call("use", await one.eval("lambda x: lambda y: x + y", keep=True), 1.0)
            assert await back(2.0) == 3.0

    asyncio.run(work(*urls))
    asyncio.run(work("python", urls[0]))
