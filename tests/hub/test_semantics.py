"""``protos/SEMANTICS.md``, as far as it is about calls: every sentence has a test.

The list is in ``semantics.txt``; here is what no other test shows, written as a client in another language
would be, message by message.
"""

from __future__ import annotations

import ast
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.hub.memory import MemoryLink, session
from tests.hub.places import place
from tests.hub.raw import Raw
from tests.hub.semantics import PAGE, PROOFS, ROOT, sentences

from arcuate import errors
from arcuate.client import Session, connect, environments, messages
from arcuate.client.net import bus
from arcuate.client.net.bus import BusTransport
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    ConversionError,
    InternalError,
    LimitExceeded,
    ProtocolError,
    Unsupported,
)
from arcuate.hub import Hub
from arcuate.hub import session as hub_session
from arcuate.values import codes, frames
from arcuate.values.nodes import Nodes

PATIENCE = 20.0
HELPERS = """
import time
kept = [1, 2]
def same(): return kept
def apply(function, *args): return function(*args)
def loud(x):
    print('begin', flush=True)
    return x
"""


# ------------------------------------------------------------------- the list


def test_every_sentence_has_a_test_and_every_entry_a_sentence() -> None:
    beginnings = list(PROOFS)
    lines = sentences()
    assert len(lines) > 60
    without = [line for line in lines if not any(line.startswith(one) for one in beginnings)]
    assert not without, "add them to tests/hub/semantics.txt"
    stale = [one for one in beginnings if not any(line.startswith(one) for line in lines)]
    assert not stale, f"{PAGE.name} has no such sentence"


@functools.cache
def functions(path: str) -> set[str]:
    """The tests of a module."""
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {
        one.name
        for one in ast.walk(tree)
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and one.name.startswith("test_")
    }


@pytest.mark.parametrize("sentence", PROOFS)
def test_its_tests_exist(sentence: str) -> None:
    assert PROOFS[sentence]
    for one in PROOFS[sentence]:
        path, _, name = one.partition("::")
        assert name in functions(path), one


# ---------------------------------------------------------------------- hello


@pytest.fixture
def hub() -> Iterator[Hub]:
    with place("memory") as found:
        yield found.hub


def hello(hub: Hub, **changes: Any) -> tuple[MemoryLink, dict[str, Any]]:
    """A connection whose hello is another one, and its answer."""
    link = MemoryLink(hub)
    link.connect(1)
    fields: dict[str, Any] = {
        "major": frames.MAJOR,
        "minor": frames.MINOR,
        "kinds": list(codes.KIND_NAMES),
        "features": [],
        "limits": {},
        "agent": "test",
        **changes,
    }
    link.send(messages.build("hello", 0, fields))
    answer = link.receive(PATIENCE)
    assert answer is not None
    return link, messages.fields(answer)


@pytest.mark.parametrize("way", ["memory", "zmq", "grpc", "http"])
def test_hello_both_ways(way: str) -> None:
    with place(way) as found:
        link = found.link()
        link.connect(PATIENCE)
        answer = bus.greet(link, None, PATIENCE)
        assert (answer["major"], answer["minor"]) == (frames.MAJOR, frames.MINOR)
        assert answer["kinds"] == list(codes.KIND_NAMES)
        assert set(answer["limits"]) == {"message", "array", "nodes", "text", "depth"}
        assert "resume" in answer["features"]
        link.close()


def test_hello_comes_first(hub: Hub) -> None:
    link = MemoryLink(hub)
    link.connect(1)
    link.send(messages.build("ping", 1))
    answer = link.receive(PATIENCE)
    assert answer is not None
    assert messages.fields(answer)["code"] == "PROTOCOL_ERROR"


def test_another_major(hub: Hub) -> None:
    _, answer = hello(hub, major=frames.MAJOR + 1, minor=7)
    assert answer["code"] == "PROTOCOL_ERROR"
    assert f"{frames.MAJOR}.{frames.MINOR}" in answer["message"]
    assert f"{frames.MAJOR + 1}.7" in answer["message"]


class Strange(MemoryLink):
    """A hub that says something else at the beginning, or later."""

    def __init__(self, hub: Hub, greeting: dict[str, Any]) -> None:
        super().__init__(hub)
        self.greeting = greeting
        self.before: list[Nodes] = []

    def receive(self, timeout: float | None) -> Nodes | None:
        """What the hub sends, changed."""
        found = super().receive(timeout)
        if found is None:
            return None
        op, number = messages.head(found)
        if op == "hello":
            return messages.build("hello", number, {**messages.fields(found), **self.greeting})
        if op == "reply" and self.before:
            link_message = self.before.pop(0)
            self.incoming.put(frames.to_bytes(found))
            return link_message
        return found


def test_a_hub_of_another_major(hub: Hub) -> None:
    with pytest.raises(ProtocolError, match=rf"protocol 9\.3, this side {frames.MAJOR}\.{frames.MINOR}"):
        BusTransport(Strange(hub, {"major": 9, "minor": 3}), "python", {})


def test_a_higher_minor_and_unknown_fields(hub: Hub) -> None:
    link, answer = hello(hub, minor=frames.MINOR + 5, colour="red", more={"a": [1]})
    assert answer["op"] == "hello"
    link.send(messages.build("ping", 1, {"colour": "red"}))
    found = link.receive(PATIENCE)
    assert found is not None
    assert messages.head(found) == ("reply", 1)
    newer = Strange(hub, {"minor": frames.MINOR + 5, "colour": "red"})
    with Session(BusTransport(newer, "python", {}), name="python") as remote:
        assert remote.call("math.sqrt", 4.0) == 2.0


def test_an_unknown_kind(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    message = messages.build("set", 99, {"name": "x", "value": [1, {"a": 2}]})
    at = next(at for at, row in enumerate(message.rows) if row[6] == "a")
    message.rows[at] = (77, *message.rows[at][1:])
    client.link.connection.receive(message)  # type: ignore[union-attr]
    answer = client.answer(99)
    assert answer["code"] == "UNSUPPORTED"
    assert "$.value[1].a" in answer["message"]
    assert client.ask("ping")["op"] == "reply"


def test_kinds_that_a_client_does_not_know(hub: Hub) -> None:
    link, _ = hello(hub, kinds=["null", "bool", "int", "float", "text", "list", "mapping"])
    client = Raw.__new__(Raw)
    client.link, client.number = link, 0
    client.ask("open", environment="python")
    answer = client.ask("eval", code="{'a': [1, b'bytes']}")
    assert (answer["code"], answer["executed"]) == ("UNSUPPORTED", "yes")
    assert "'bytes'" in answer["message"]
    assert "$.value.a[1]" in answer["message"]
    assert client.ask("eval", code="{'a': [1, 'text']}")["value"] == {"a": [1, "text"]}


def test_kinds_that_a_hub_does_not_know(hub: Hub) -> None:
    older = Strange(hub, {"kinds": [name for name in codes.KIND_NAMES if name != "array"]})
    with Session(BusTransport(older, "python", {}), name="python") as remote:
        with pytest.raises(Unsupported, match=r"'array'.*\$\.args\[0\]"):
            remote.call("len", np.zeros(3))
        assert remote.call("math.sqrt", 4.0) == 2.0


def test_an_unknown_error_code(hub: Hub) -> None:
    link = Strange(hub, {})
    with Session(BusTransport(link, "python", {}), name="python") as remote:
        link.before.append(
            messages.build("error", 1, {"code": "FROM_LATER", "message": "something new", "executed": "no"})
        )
        with pytest.raises(InternalError, match="something new"):
            remote.call("math.sqrt", 4.0)
        assert remote.call("math.sqrt", 4.0) == 2.0


def test_an_unknown_event(hub: Hub) -> None:
    link = Strange(hub, {})
    with Session(BusTransport(link, "python", {}), name="python") as remote:
        link.before.append(messages.build("event", 1, {"type": "from later", "value": 99.0}))
        assert remote.call("math.sqrt", 4.0) == 2.0


def test_a_client_without_features(hub: Hub) -> None:
    for features in ([], ["from later"]):
        link, answer = hello(hub, features=features)
        assert answer["op"] == "hello"
        client = Raw.__new__(Raw)
        client.link, client.number = link, 0
        client.ask("open", environment="python")
        assert client.ask("call", name="math.sqrt", args=[4.0])["value"] == 2.0


def test_a_sender_fails_before_it_sends() -> None:
    with place("memory", array=1_000_000) as found:
        remote, link = session(found.hub)
        sent: list[str] = []
        send = link.send

        def note(message: Nodes) -> None:
            sent.append(messages.head(message)[0])
            send(message)

        link.send = note
        with remote, pytest.raises(LimitExceeded, match="the hub's limit of 1,000,000") as caught:
            remote.call("len", np.zeros(200_000))
        assert caught.value.setting == "array"
        assert "call" not in sent


# ---------------------------------------------------------------------- calls


@pytest.fixture(scope="module")
def session_of() -> Iterator[Callable[[str], Session]]:
    """Sessions on this machine, by language."""
    opened: dict[str, Session] = {}

    def find(name: str) -> Session:
        report = environments()[name].load().doctor()
        if not report.found:
            pytest.skip(f"{name}: {'; '.join(report.missing) or 'not installed'}")
        if name not in opened:
            opened[name] = connect(name)
        return opened[name]

    yield find
    for one in opened.values():
        one.close()


def test_only_what_was_not_executed_is_tried_again(hub: Hub) -> None:
    remote, link = session(hub)
    with remote:
        remote.run("count = 0\ndef step():\n global count\n count += 1\n import os; os._exit(3)")
        with pytest.raises(errors.EnvironmentCrashed) as caught:
            remote.call("step")
        assert caught.value.executed == "maybe"
        assert remote.call("math.sqrt", 4.0) == 2.0
        assert remote.info["generation"] == 2  # it ran once: no second interpreter has ended
        link.refuse = True
        link.cut()
        running = remote.submit("math.sqrt", 16.0)
        threading.Event().wait(0.02)
        link.refuse = False
        assert running.result(PATIENCE) == 4.0  # it had not begun


UNSENDABLE = {
    "python": "[1, (a := []).append(a) or a]",
    "r": "{x <- rawToChar(as.raw(c(255, 254))); Encoding(x) <- 'bytes'; x}",
    "octave": "char ([255 254])",
}
"""Code whose value cannot travel."""


@pytest.mark.parametrize("language", UNSENDABLE)
def test_a_result_that_cannot_travel(language: str, session_of: Callable[[str], Session]) -> None:
    with pytest.raises(ConversionError) as caught:
        session_of(language).eval(UNSENDABLE[language])
    assert caught.value.executed == "yes"
    assert caught.value.path.startswith("$.value")


def test_calls_run_in_the_order_of_their_arrival(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    client.ask("run", code="seen = []")
    sent = [client.send("call", name="seen.append", args=[number]) for number in range(30)]
    for number in sent:
        assert client.answer(number)["op"] == "reply"
    assert client.ask("get", name="seen")["value"] == list(range(30))


def call_with_function(client: Raw, number: int, name: str, *args: Any) -> None:
    """Sends a call whose first argument is a function of the client's."""
    message = messages.build("call", number, {"name": name}, 1)
    message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, 1 + len(args), 0, "args", ""))
    message.rows.append((codes.FUNCTION, 0, 0, 0, 0, 0, "", "f1"))
    for one in args:
        message.rows.append((codes.INT, 0, 0, 0, 0, one, "", ""))
    client.link.send(message)


def test_a_callback_by_hand(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    client.ask("run", code=HELPERS)
    call_with_function(client, 100, "apply", 5)
    callback = client.read()
    assert (callback["op"], callback["call"], callback["function"], callback["args"]) == (
        "callback", 100, "f1", [5],
    )  # fmt: skip
    waiting, inside, stranger = 101, 102, 103
    client.link.send(messages.build("call", waiting, {"name": "math.sqrt", "args": [4.0]}))
    client.link.send(
        messages.build("call", stranger, {"name": "math.sqrt", "args": [9.0], "parent": callback["id"] + 77})
    )
    client.link.send(
        messages.build("call", inside, {"name": "math.sqrt", "args": [16.0], "parent": callback["id"]})
    )
    assert client.read()["id"] == inside  # at once; the others wait for their turn
    client.link.send(messages.build("return", callback["id"], {"value": 7}))
    assert [(one["id"], one["value"]) for one in (client.read(), client.read(), client.read())] == [
        (100, 7),
        (waiting, 2.0),
        (stranger, 3.0),
    ]
    call_with_function(client, 110, "apply", 5)
    callback = client.read()
    client.link.send(
        messages.build("raise", callback["id"], {"code": "REMOTE_ERROR", "message": "no", "class": ["Odd"]})
    )
    answer = client.answer(110)
    assert (answer["code"], answer["executed"]) == ("REMOTE_ERROR", "yes")
    assert "no" in answer["message"]


def test_events_have_the_id_of_their_call(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    code = (
        "import sys, warnings\nprint('a', flush=True)\n"
        "print('b', file=sys.stderr, flush=True)\nwarnings.warn('c')"
    )
    number = client.send("run", code=code)
    events = []
    while (found := client.read())["op"] == "event":
        events.append(found)
    assert (found["op"], found["id"]) == ("reply", number)
    assert {one["id"] for one in events} == {number}
    texts = {
        kind: "".join(one["text"] for one in events if one["type"] == kind) for kind in ("stdout", "stderr")
    }
    assert texts == {"stdout": "a\n", "stderr": "b\n"}
    assert [one["text"].strip() for one in events if one["type"] == "warning"] == ["c"]
    assert [one["seq"] for one in (*events, found)] == list(range(events[0]["seq"], found["seq"] + 1))


# ---------------------------------------------------------------- flow control


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_output_passes_between_the_parts_of_a_large_array(way: str) -> None:
    """Output is live, callbacks run and a cancel arrives, whatever large arrays travel beside them."""
    with place(way) as found, connect(f"{found.url.rstrip('/')}/python") as remote:
        remote.run(HELPERS)
        large = np.arange(4_000_000.0)
        printed: list[str] = []
        back = remote.call("loud", large, on_output=lambda _, text: printed.append(text))
        assert (back == large).all()
        assert "".join(printed) == "begin\n"
        assert (remote.call("apply", lambda x: x + 1, large) == large + 1).all()
        began = threading.Event()

        def begin(x: Any) -> Any:
            began.set()
            return x

        remote.run("def forth(function, x):\n while True: x = function(x)")
        running = remote.submit("forth", begin, large)
        assert began.wait(PATIENCE)
        running.cancel()
        assert isinstance(running.exception(PATIENCE), CallCancelled)
        assert remote.call("math.sqrt", 4.0) == 2.0


def test_a_client_that_does_not_read_holds_up_its_own_session_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_session, "_BACK_PRESSURE", 0.3)
    with place("memory", events=100) as found:
        lazy, other = Raw(found.hub), Raw(found.hub)
        for client in (lazy, other):
            client.ask("open", environment="python")
        number = lazy.send("run", code="for part in range(3000): print(part, flush=True)")
        for _ in range(20):
            assert other.ask("call", name="math.sqrt", args=[4.0])["value"] == 2.0
        lost = 0
        while (one := lazy.read())["op"] == "event":
            lost += one.get("count", 0)
        assert (one["op"], one["id"]) == ("reply", number)


# -------------------------------------------------------------------- handles


def test_handles_by_hand(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    client.ask("run", code=HELPERS)

    def kept(name: str) -> str:
        number = client.send("call", name=name, keep=True)
        while True:
            found = client.link.receive(PATIENCE)
            assert found is not None
            if messages.head(found) == ("reply", number):
                row = next(row for row in found.rows if row[0] == codes.HANDLE)
                return row[7]

    def length(handle: str) -> Any:
        client.number += 1
        message = messages.build("call", client.number, {"name": "len"}, 1)
        message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, 1, 0, "args", ""))
        message.rows.append((codes.HANDLE, 0, 0, 0, 1, 0, "", handle))
        message.rows.append((codes.MAPPING, 0, 0, 0, 0, 0, "info", ""))
        client.link.send(message)
        found = client.answer(client.number)
        return found.get("value", found.get("code"))

    def release(*handles: str) -> None:
        client.link.send(messages.build("release", 0, {"handles": list(handles)}))

    first, second = kept("same"), kept("same")
    assert first == second  # the same object, sent twice
    assert length(first) == 2
    release(first)  # one of two
    assert length(first) == 2
    release(first)
    assert length(first) == "STALE_HANDLE"
    release(first, first, "nonsense")  # not answered, and harmless
    assert client.ask("ping")["op"] == "reply"
    old = kept("same")
    greeting = client.ask("restart")["value"]
    assert greeting["generation"] == 2
    client.ask("run", code=HELPERS)
    new = kept("same")
    assert new != old
    assert (length(old), length(new)) == ("STALE_HANDLE", 2)


def test_the_end_of_a_session_releases_all(hub: Hub) -> None:
    remote, _ = session(hub)
    kept = remote.call("collections.Counter", "aab", keep=True)
    remote.close()
    other, _ = session(hub)
    with other, pytest.raises(ArcuateError):
        other.call("len", kept)
    assert "not reachable" in repr(kept)


# --------------------------------------------------------------------- errors


def test_codes_and_classes() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## 18.")[2].partition("## 19.")[0]
    named = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")} - {"code"}
    classes = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, ArcuateError) and one is not ArcuateError
    ]
    assert {one.code for one in classes} == named
    assert len(classes) == len(named) == 19
    expected = {
        errors.CallTimeout: TimeoutError,
        errors.ConnectionLost: ConnectionError,
        errors.NameNotFound: NameError,
        errors.InvalidArgument: ValueError,
        errors.ConversionError: TypeError,
        errors.EnvironmentNotFound: LookupError,
        errors.PermissionDenied: PermissionError,
    }
    for ours, builtin in expected.items():
        assert issubclass(ours, builtin)
    for one in classes:
        error = one("something")
        again = errors.from_mapping(errors.to_mapping(error))
        assert type(again) is one
        assert again.message == "something"


def test_every_error_has_its_fields(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    for op, fields, code, executed in (
        ("call", {"name": "no_such_function"}, "NAME_NOT_FOUND", None),
        ("call", {"name": "math.sqrt", "args": [-1.0]}, "REMOTE_ERROR", "yes"),
        ("call", {"name": "math.sqrt", "environment": "cobol"}, "ENVIRONMENT_NOT_FOUND", "no"),
        ("fly", {}, "PROTOCOL_ERROR", None),
    ):
        found = client.ask(op, **fields)
        assert found["code"] == code
        assert found["message"]
        assert found["executed"] in ("no", "yes", "maybe")
        assert executed in (None, found["executed"])
    stopped = client.ask("call", name="time.sleep", args=[30.0], deadline=200)
    assert (stopped["code"], stopped["workspace"]) == ("CALL_TIMEOUT", True)
    assert stopped["executed"] != "no"
