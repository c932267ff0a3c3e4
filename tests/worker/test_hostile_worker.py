"""Workers that misbehave: the right error, a message that helps, no hang, no process or descriptor left."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.processes import children, descriptors, until

from arcuate.client.session import Session
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    EnvironmentCrashed,
    EnvironmentNotFound,
    InternalError,
    LimitExceeded,
    ProtocolError,
    RemoteError,
)
from arcuate.values.limits import Limits
from arcuate.worker import Environment, Launch, Report
from arcuate.worker.transport import WorkerTransport

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile.py")
GRACE = 0.3


class Evil(Environment):
    name = "evil"
    language = "Evil"
    options = {"when": "start or call", "what": "its misdeed"}  # noqa: RUF012

    def launch(self) -> Launch:
        return Launch([sys.executable, PROGRAM, self.given["when"], self.given["what"]])

    @classmethod
    def doctor(cls) -> Report:
        return Report(cls.name, found=True)


def open_session(when: str, what: str, **options: Any) -> Session:
    transport = WorkerTransport(Evil(when=when, what=what), Limits(), GRACE, **options)
    return Session(transport, name="evil", on_output=lambda *_: None)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    open_session("call", "silence").close()  # the thread that starts workers
    gc.collect()
    before, running = descriptors(), children()
    yield
    gc.collect()
    until(lambda: children() <= running, "every worker is gone")
    assert descriptors() == before


MALFORMED = {
    "garbage": (ProtocolError, "no Arcuate frame.*Segm"),
    "zeros": (ProtocolError, "no Arcuate frame"),
    "too large": (LimitExceeded, "1,125,899,906,842,624 bytes.*'message'"),
    "too many nodes": (LimitExceeded, "4,294,967,295.*'nodes'"),
    "damaged": (ProtocolError, "malformed frame"),
    "wrong major": (ProtocolError, r"7\.0.*1\.0.*install"),
    "unknown op": (ProtocolError, "nobody expects.*dance"),
    "no op": (ProtocolError, "nobody expects"),
    "another id": (ProtocolError, r"answered call \d+ while \d+"),
    "another error id": (ProtocolError, r"answered call \d+ while \d+"),
    "foreign segment": (ProtocolError, "segment 4711.*not given"),
    "own descriptor": (ProtocolError, r"segment \d+.*not given"),
    "segment too short": (ProtocolError, r"1048576 bytes in a segment of \d+"),
    "segment twice": (ProtocolError, r"segment \d+.*not given"),
    "alloc of nothing": (ProtocolError, "segment of 'much' bytes"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_cannot_be_understood_ends_the_worker(what: str) -> None:
    kind, message = MALFORMED[what]
    with open_session("call", what) as session:
        assert session.call("good") == 1.0
        pid = session.info["pid"]
        with pytest.raises(kind, match=message) as caught:
            session.call("evil")
        assert type(caught.value) is kind
        assert "the Evil worker was ended" in str(caught.value)
        assert "the next call starts a fresh one" in str(caught.value)
        assert (caught.value.executed, caught.value.workspace) == ("maybe", False)
        assert pid not in children()
        assert session.call("good") == 1.0
        assert session.info["generation"] == 2


@pytest.mark.parametrize("what", ["stops in the middle", "stops in the header", "silence"])
def test_silence_ends_with_the_timeout(what: str) -> None:
    with open_session("call", what) as session:
        begun = time.monotonic()
        with pytest.raises(CallTimeout, match=r"did not react.*0\.3 s.*lost") as caught:
            session.call("evil", timeout=0.2)
        assert time.monotonic() - begun < 5
        assert caught.value.workspace is False
        assert session.call("good") == 1.0


def test_silence_ends_with_an_interrupt() -> None:
    with open_session("call", "silence") as session:
        future = session.submit("evil")
        until(session.interrupt, "the call runs")
        with pytest.raises(CallCancelled, match="did not react"):
            future.result(30)
        assert session.call("good") == 1.0


def test_closing_ends_a_silent_call() -> None:
    session = open_session("call", "silence")
    future = session.submit("evil")
    until(lambda: session._transport._running, "the call runs")  # type: ignore[attr-defined]
    session.close()
    assert isinstance(future.exception(30), ArcuateError)


@pytest.mark.parametrize(
    ("what", "how", "code"),
    [
        ("closes its pipe", "closed its channel to this side and was killed", -9),
        ("closes both pipes", "closed its channel to this side and was killed", -9),
        ("real-time signal", r"was ended by signal \d+", None),
    ],
)
def test_a_worker_that_goes_away(what: str, how: str, code: int | None) -> None:
    with open_session("call", what) as session:
        with pytest.raises(EnvironmentCrashed, match=f"Evil {how}.*\n.*last output:\nlast words") as caught:
            session.call("evil")
        assert code is None or caught.value.returncode == code
        assert session.call("good") == 1.0


def test_a_request_that_is_never_read() -> None:
    """A message larger than the pipe: the time of the call runs while it is being sent."""
    with open_session("call", "does not read") as session:
        assert session.call("stop reading") == 1.0
        begun = time.monotonic()
        with pytest.raises(CallTimeout, match="did not react"):
            session.call("good", [str(i) for i in range(200_000)] + [None], timeout=0.2)
        assert time.monotonic() - begun < 10
        assert session.call("good") == 1.0


def test_closing_a_worker_that_does_not_read() -> None:
    session = open_session("call", "does not read")
    session.call("stop reading")
    future = session.submit("good", [str(i) for i in range(200_000)] + [None])
    until(lambda: session._transport._running, "the call runs")  # type: ignore[attr-defined]
    begun = time.monotonic()
    session.close()
    assert time.monotonic() - begun < 10
    assert isinstance(future.exception(30), ArcuateError)


def test_an_unknown_error_code_is_an_internal_error() -> None:
    with open_session("call", "unknown error code") as session:
        with pytest.raises(InternalError, match="later"):
            session.call("evil")
        assert session.info["generation"] == 1


def test_answers_that_nobody_asked_for() -> None:
    with open_session("call", "too many answers") as session:
        assert session.call("evil") == 1.0
        with pytest.raises(ProtocolError, match="answered call 1 while 2 was running"):
            session.call("good")
        assert session.call("good") == 1.0


def test_a_callback_that_was_never_given() -> None:
    with open_session("call", "function nobody sent") as session:
        with pytest.raises((RemoteError, ArcuateError), match="no Python function 'f99'"):
            session.call("evil")
        assert session.info["generation"] == 1


AT_START = {
    "silence": (EnvironmentCrashed, "did not answer within 0.5 s of its start.*\n.*\nlast words"),
    "stops in the middle": (EnvironmentCrashed, "did not answer within 0.5 s of its start"),
    "garbage": (ProtocolError, "no Arcuate frame.*Segm"),
    "too large": (LimitExceeded, "'message'"),
    "wrong major": (ProtocolError, r"7\.0.*1\.0.*install"),
    "wrong protocol": (
        ProtocolError,
        r"Evil worker speaks protocol 2\.0, this side 1\.0; install matching versions",
    ),
    "unknown op": (ProtocolError, "dance"),
    "closes its pipe": (EnvironmentCrashed, "closed its channel"),
    "refuses": (EnvironmentNotFound, "Evil 7 is needed"),
    "exits": (EnvironmentCrashed, "ended with status 3.*\n.*\nlast words"),
}


@pytest.mark.parametrize("what", AT_START)
def test_at_the_start(what: str) -> None:
    kind, message = AT_START[what]
    begun = time.monotonic()
    with pytest.raises(kind, match=message):
        open_session("start", what, start=0.5 if kind is EnvironmentCrashed and "0.5" in message else 30.0)
    assert time.monotonic() - begun < 10
