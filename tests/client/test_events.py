"""Where the events of a call go, and what a receiver's own error does."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import pytest

from arcuate.client import connect
from arcuate.client.events import Display, Events, RemoteWarning
from arcuate.errors import RemoteError
from arcuate.python import progress


def test_progress_of_a_python_worker() -> None:
    found: list[Any] = []
    with connect("python", on_event=found.append) as session:
        session.run("from arcuate.python import progress\nimport threading")
        for wrong in ("-0.1", "1.1", "float('nan')", "'much'"):
            with pytest.raises(RemoteError):
                session.run(f"progress({wrong})")
        session.run("t = threading.Thread(target=progress, args=(0.5,)); t.start(); t.join()")
        session.run("progress(True, 'all of it')")
    told = [(one["type"], one["fraction"], one["text"]) for one in found]
    assert told == [("progress", 1.0, "all of it")]  # only what the thread of the call says
    progress(0.5)  # nobody listens here
    with pytest.raises(ValueError, match="0 to 1"):
        progress(50)


def test_without_receivers(capsys: pytest.CaptureFixture[str]) -> None:
    events = Events(None, None)
    events.deliver({"type": "stdout", "text": "žluť"})
    events.deliver({"type": "stderr", "text": "grumble"})
    events.deliver({"type": "message", "text": "loading"})
    events.deliver({"type": "of the future", "text": "?"})
    assert capsys.readouterr() == ("žluť", "grumbleloading\n")
    assert events.trouble is None


def test_receivers() -> None:
    out: list[tuple[str, str]] = []
    other: list[Any] = []
    own: list[tuple[str, str]] = []
    events = Events(lambda *args: out.append(args), other.append)
    events.deliver({"type": "stdout", "text": "a"})
    events.deliver({"type": "stdout", "text": "b"}, lambda *args: own.append(args))
    events.deliver({"type": "message", "text": "m\n"})
    events.deliver({"type": "progress", "fraction": 0.5})
    assert out == [("stdout", "a"), ("stderr", "m\n")]
    assert own == [("stdout", "b")]
    assert [event["type"] for event in other] == ["message", "progress"]


def test_a_receiver_that_returns_true_keeps_an_event() -> None:
    """Then a warning is no Python warning, which would be an error here."""
    events = Events(None, lambda event: event["type"] == "warning" and event["text"] == "kept")
    events.deliver({"type": "warning", "text": "kept"})
    assert events.trouble is None
    with pytest.warns(RemoteWarning, match="passed on"):
        events.deliver({"type": "warning", "text": "passed on"})
    assert events.trouble is None


def test_a_warning_belongs_to_the_line_that_calls() -> None:
    """With a line of Arcuate's, Python would show the same text once in a program."""
    with connect("python") as session, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        session.run("import warnings; warnings.simplefilter('always')")
        session.call("warnings.warn", "take care")
        session.warnings.warn("take care")
    assert [(str(one.message), one.filename) for one in caught] == [("take care", __file__)] * 2


def test_closed_standard_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """pythonw and daemons have none."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    events = Events(None, None)
    for kind in ("stdout", "stderr", "message"):
        events.deliver({"type": kind, "text": "x"})
    assert events.trouble is None


def test_the_first_trouble_is_kept() -> None:
    """It cannot break the channel in the middle of a call: the session raises it afterwards."""
    errors = [OSError("disk full"), ValueError("later")]
    left = list(errors)

    def broken(*_: object) -> None:
        raise left.pop(0)

    events = Events(broken, None)
    events.deliver({"type": "stdout", "text": "x"})
    events.deliver({"type": "stdout", "text": "y"})
    assert events.trouble is errors[0]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_exit_is_trouble_too(error: BaseException) -> None:
    def leave(_: object) -> None:
        raise error

    events = Events(None, leave)
    events.deliver({"type": "progress", "fraction": 1.0})
    assert events.trouble is error


def test_a_warning_that_is_an_error() -> None:
    events = Events(None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        events.deliver({"type": "warning", "text": "take care\n", "class": ["simpleWarning", "warning"]})
    assert isinstance(events.trouble, RemoteWarning)
    assert str(events.trouble) == "take care"
    assert events.trouble.classes == ("simpleWarning", "warning")


@pytest.mark.parametrize(
    ("given", "expected"), [("one", ("one",)), (None, ()), ([], ()), (["a", "b"], ("a", "b"))]
)
def test_classes_of_a_warning(given: object, expected: tuple[str, ...]) -> None:
    events = Events(None, None)
    with pytest.warns(RemoteWarning) as caught:
        events.deliver({"type": "warning", "text": "x", "class": given})
    assert caught[0].message.classes == expected  # type: ignore[union-attr]


def test_displays_are_kept_up_to_a_number(tmp_path: Any) -> None:
    events = Events(None, None)
    for i in range(70):
        events.deliver({"type": "display", "mime": "image/png", "data": bytes([i])})
    assert len(events.displays) == 64
    assert [display.data[0] for display in events.displays] == list(range(6, 70))
    events.displays[-1].save(str(tmp_path / "figure.png"))
    assert (tmp_path / "figure.png").read_bytes() == bytes([69])


def test_a_display_in_a_notebook() -> None:
    assert Display("image/png", b"\x89")._repr_mimebundle_() == {"image/png": b"\x89"}
    svg = Display("image/svg+xml", "<svg>é</svg>".encode())
    assert svg._repr_mimebundle_(include=None) == {"image/svg+xml": "<svg>é</svg>"}
