"""What foreign code prints, warns and draws: live, given to its call, never in the way of the channel."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.contract.conftest import SOAK
from tests.contract.quirks import Quirks

from arcuate.client import Display, RemoteWarning, Session

Fresh = Callable[..., Session]


class Sink:
    """Collects output."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, str]] = []

    def __call__(self, stream: str, text: str) -> None:
        self.parts.append((stream, text))

    def text(self, stream: str) -> str:
        return "".join(text for name, text in self.parts if name == stream)


def test_to_sys_stdout_and_stderr(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    session.call("arcuate_say", "aloud\n", nargout=0)
    session.call("arcuate_err", "grumble\n", nargout=0)
    captured = capsys.readouterr()
    assert captured.out == "aloud\n"
    assert captured.err == "grumble\n"


def test_to_a_receiver(session: Session) -> None:
    sink = Sink()
    session.call("arcuate_say", "žluť 猫 😀", nargout=0, on_output=sink)
    session.call("arcuate_err", "é", nargout=0, on_output=sink)
    assert sink.text("stdout") == "žluť 猫 😀"
    assert sink.text("stderr") == "é"


def test_receiver_of_the_session(fresh: Fresh) -> None:
    sink, own = Sink(), Sink()
    session = fresh(on_output=sink)
    session.call("arcuate_say", "one", nargout=0)
    session.call("arcuate_say", "two", nargout=0, on_output=own)
    session.eval('arcuate_say("three")', nargout=0)
    assert sink.text("stdout") == "onethree"
    assert own.text("stdout") == "two"


def test_live(session: Session) -> None:
    """Text arrives while the call runs: the foreign code waits for a callback that waits for the text."""
    sink = Sink()
    seen: list[str] = []
    session["look"] = lambda: seen.append(sink.text("stdout")) or 1.0
    session.run('arcuate_say("before"); z = look(); arcuate_say("after");', on_output=sink)
    assert seen == ["before"]
    assert sink.text("stdout") == "beforeafter"


def test_live_without_a_callback(session: Session, quirks: type[Quirks]) -> None:
    """Text of a call that will not end by itself arrives too."""
    got: list[str] = []

    def receive(stream: str, text: str) -> None:
        got.append(text)
        session.interrupt()

    from arcuate.errors import CallCancelled

    session["wait"] = lambda: None
    with pytest.raises(CallCancelled):
        session.run('arcuate_say("here I am\\n"); arcuate_sleep(600);', on_output=receive)
    assert "".join(got).startswith("here I am")


def test_attributed_to_the_call(session: Session) -> None:
    sinks = [Sink() for _ in range(50)]
    for i, sink in enumerate(sinks):
        session.call("arcuate_say", f"call {i}\n", nargout=0, on_output=sink)
    assert [sink.text("stdout") for sink in sinks] == [f"call {i}\n" for i in range(50)]


def test_order_of_the_streams(session: Session) -> None:
    sink = Sink()
    session.run('arcuate_say("1"); arcuate_say("2"); arcuate_say("3");', on_output=sink)
    assert sink.text("stdout") == "123"


def test_output_of_a_failing_call(session: Session) -> None:
    from arcuate.errors import RemoteError

    sink = Sink()
    with pytest.raises(RemoteError, match="boom"):
        session.run('arcuate_say("before the end\\n"); arcuate_fail("boom");', on_output=sink)
    assert sink.text("stdout") == "before the end\n"


def test_trouble_of_the_receiver_is_raised_after_the_call(session: Session) -> None:
    def broken(stream: str, text: str) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        session.call("arcuate_say", "x", nargout=0, on_output=broken)
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_flood(session: Session) -> None:
    """5 MB; 100 MB in the long version."""
    lines = 1_000_000 if SOAK else 50_000
    total = 0
    wrong = 0

    def count(stream: str, text: str) -> None:
        nonlocal total, wrong
        total += len(text)
        wrong += len(text) - text.count("x") - text.count("\n")

    session.call("arcuate_flood", lines, nargout=0, on_output=count)
    assert total == lines * 100
    assert wrong == 0
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_flood_from_a_child_process(session: Session, quirks: type[Quirks]) -> None:
    """A program that the interpreter starts writes to the same descriptors."""
    code = {
        "python": "import subprocess; subprocess.run(['sh', '-c', 'yes | head -c 2000000'])",
        "r": "system('yes | head -c 2000000')",
        "octave": "system('yes | head -c 2000000');",
    }.get(quirks.name)
    if code is None:
        return
    sink = Sink()
    session.run(code, on_output=sink)
    assert sink.text("stdout").count("y") == 1_000_000


def test_raw_writes_in_the_middle_of_a_reply(session: Session, quirks: type[Quirks]) -> None:
    """The channel is not stdout: what is written to descriptor 1 around a large reply is just output."""
    assert quirks.raw_write is not None
    array = np.arange(200_000.0)
    sink = Sink()
    session["x"] = array
    for _ in range(3):
        session.run(quirks.raw_write + ";", on_output=sink)
        assert np.array_equal(np.ravel(session["x"]), array)
    assert sink.text("stdout").count("RAW") == 3


def test_output_that_a_call_leaves_behind(session: Session, quirks: type[Quirks]) -> None:
    """A child process that goes on writing after the call must not disturb the next ones."""
    code = {
        "python": "import subprocess; child = subprocess.Popen('yes late | head -n 99', shell=True)",
        "r": "system('(yes late | head -n 99) &')",
        "octave": "system('(yes late | head -n 99) &');",
    }.get(quirks.name)
    if code is None:
        return
    sink = Sink()
    session.run(code, on_output=sink)
    for i in range(100):
        assert session.call("arcuate_add", float(i), 1.0, on_output=sink) == i + 1.0


def test_a_program_in_the_background_holds_nothing_up(fresh: Fresh, quirks: type[Quirks]) -> None:
    """Closing does not wait for a program that inherited the output descriptors."""
    session = fresh()
    code = {
        "python": "import subprocess; child = subprocess.Popen(['sleep', '600'])",
        "r": "system('sleep 600 &')",
        "octave": "system('sleep 600 &');",
    }.get(quirks.name)
    if code is None:
        return
    from tests.contract.processes import group, until

    pid = session.info["pid"]
    session.run(code)
    until(lambda: len(group(pid)) > 1, "the program starts")
    session.close()
    until(lambda: not group(pid), "the program ends with the session")


def test_warnings(session: Session, quirks: type[Quirks]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session.call("arcuate_warn", "take care", nargout=0)
    ours = [entry for entry in caught if issubclass(entry.category, RemoteWarning)]
    assert len(ours) == 1
    assert "take care" in str(ours[0].message)
    if quirks.warning_class is not None:
        assert ours[0].message.classes[0] == quirks.warning_class  # type: ignore[union-attr]


def test_warnings_as_errors_are_raised_after_the_call(session: Session) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RemoteWarning, match="take care"):
            session.call("arcuate_warn", "take care", nargout=0)
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_a_call_without_warnings_gives_none(session: Session) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for value in (1.5, "é", [1, 2], {"a": 1}, {}, [], None, np.zeros((0, 3))):
            session.call("arcuate_id", value)
    assert not caught


def test_messages(session: Session, quirks: type[Quirks]) -> None:
    if quirks.message is None:
        return
    code, text = quirks.message
    sink = Sink()
    session.run(code, on_output=sink)
    assert sink.text("stderr").rstrip("\n") == text


def test_events_reach_on_event(fresh: Fresh, quirks: type[Quirks]) -> None:
    events: list[Any] = []
    session = fresh(on_event=events.append)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session.call("arcuate_warn", "take care", nargout=0)
    assert [event["type"] for event in events] == ["warning"]
    if quirks.progress is not None:
        session.run(quirks.progress, on_output=Sink())
        told = [event for event in events if event["type"] == "progress"]
        assert [(event["fraction"], event["text"]) for event in told] == [(0.5, "half"), (1.0, "")]
        assert {type(event["fraction"]) for event in told} == {float}
        assert not session.displays  # no window, no figure


def test_displays(session: Session, quirks: type[Quirks]) -> None:
    """A figure arrives as a PNG of a sensible size; nothing opens a window or writes a file."""
    if quirks.figure is None:
        return
    from PIL import Image

    before = len(session.displays)
    session.run(quirks.figure)
    shown = list(session.displays)[before:]
    assert len(shown) == 1
    assert isinstance(shown[0], Display)
    assert shown[0].mime == "image/png"
    assert shown[0].data.startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(io.BytesIO(shown[0].data)) as image:
        image.load()
        assert min(image.size) >= 200
        assert len(image.convert("L").getcolors(256) or range(256)) > 1, "the figure is blank"
    session.call("arcuate_add", 1.0, 2.0)
    assert len(session.displays) == before + 1, "a figure is sent once"


def test_displays_as_svg(fresh: Fresh, quirks: type[Quirks]) -> None:
    if quirks.figure is None:
        return
    session = fresh(figures="svg")
    session.run(quirks.figure)
    (display,) = session.displays
    assert display.mime == "image/svg+xml"
    assert b"<svg" in display.data
