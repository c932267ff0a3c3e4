"""`arcuate repl`: piped, and typed on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.support import ARCUATE, needs_octave, needs_r, octave, rscript, shell


def test_piped_python() -> None:
    code = (
        "import math\ndef f(x):\n    y = x + 1\n    return y\n\nf(2); 'a'\n"
        "for i in range(2):\n    print(i)\nx = f(1)\nx\n"
    )
    done = shell("repl", "python", given=code)
    assert done.stdout == "3\n'a'\n0\n1\n2\n"
    assert done.returncode == 0


def test_piped_code_stops_at_its_first_error() -> None:
    done = shell("repl", "python", given="1\n1/0\n2\n")
    assert done.stdout == "1\n"
    assert done.returncode == 1
    assert done.stderr == "error: RemoteError: ZeroDivisionError: division by zero\n"
    assert shell("repl", "python", given="x = (\n").returncode == 1


@needs_r
def test_piped_r_prints_what_rscript_prints() -> None:
    code = "x <- c(a = 1,\n  b = NA)\nx\nf <- function(x) {\n  x + 1\n}\nf(x)\ninvisible(3)\n'é'\nq()\n5\n"
    done = shell("repl", "r", given=code)
    assert done.stdout == rscript(code.replace("q()\n5\n", ""))
    assert done.returncode == 0


@needs_octave
def test_piped_octave_prints_what_octave_prints() -> None:
    code = "x = [1 2\n3 4]\nfor i = 1:2\n  disp(i)\nend\ny = x';\ny\n% done\n"
    done = shell("repl", "octave", given=code)
    assert done.stdout == octave(code)
    assert done.returncode == 0


class Terminal:
    """The REPL on a pseudo-terminal."""

    def __init__(self, environment: str, home: Path) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [ARCUATE, "repl", environment],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "dumb", "NO_COLOR": "1", "XDG_STATE_HOME": str(home)},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.text = ""

    def expect(self, pattern: str, seconds: float = 40) -> str:
        """Reads until the pattern appears in what was not yet expected; returns what stood before it."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} did not appear in {self.text!r}"
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode(errors="replace").replace("\r", "")
                except OSError:
                    raise AssertionError(f"the REPL ended; {pattern!r} is not in {self.text!r}") from None
        before, self.text = self.text[: found.start()], self.text[found.end() :]
        return before

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def drop_line(self) -> None:
        """Ctrl-C at the prompt; CPython's readline may miss one that comes just before it waits."""
        self.type("\x03")
        if not select.select([self.master], [], [], 2)[0]:
            self.type("\x03")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        os.close(self.master)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


SLEEP = {
    "python": ("import time; print('begun', flush=True); time.sleep(60)", "x = 41", "x + 1", r"\n42\n"),
    "r": ("cat('begun\\n'); Sys.sleep(60)", "x <- 41", "x + 1", r"\n\[1\] 42\n"),
    "octave": ("disp('begun'); pause(60)", "x = 41;", "x + 1", r"\nans = 42\n"),
}


@pytest.fixture(
    params=[
        "python",
        pytest.param("r", marks=needs_r),
        pytest.param("octave", marks=needs_octave),
    ]
)
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Terminal]]:
    made = Terminal(request.param, tmp_path)
    yield request.param, made
    made.close()


def test_typed(terminal: tuple[str, Terminal], tmp_path: Path) -> None:
    """Values, an interrupted call after which the workspace is whole, an error, leaving, and the history."""
    name, repl = terminal
    sleep, assign, use, shown = SLEEP[name]
    repl.expect(f"{name}> ")
    repl.type(f"{assign}\n")
    repl.expect(f"{name}> ")
    repl.type(f"{sleep}\n")
    repl.expect("\nbegun\n")  # not the echo of what was typed
    repl.type("\x03")
    assert "Traceback" not in repl.expect(f"{name}> ")
    repl.type(f"{use}\n")
    repl.expect(shown)
    repl.expect(f"{name}> ")
    repl.type("nosuch_thing\n")
    repl.expect("\nerror: ")
    repl.expect(f"{name}> ")
    repl.type("half a line")
    repl.expect("half a line")
    repl.drop_line()
    repl.expect(f"{name}> ")
    repl.type("\x04")
    assert repl.process.wait(20) == 0
    assert assign in (tmp_path / "arcuate" / f"history-{name}").read_text()


@needs_r
def test_lines_that_belong_together(tmp_path: Path) -> None:
    repl = Terminal("r", tmp_path)
    try:
        repl.expect("r> ")
        repl.type("f <- function(x) {\n")
        repl.expect(r"\+> ")
        repl.type("x + 1 }\n")
        repl.expect("r> ")
        repl.type("f(1)\n")
        repl.expect(r"\n\[1\] 2\n")
        repl.type("quit()\n")
        assert repl.process.wait(20) == 0
    finally:
        repl.close()


def test_completion(tmp_path: Path) -> None:
    from arcuate.cli.repl import Repl
    from arcuate.client import connect

    with connect("python") as session:
        session.run("length_of_day = 24")
        repl = Repl(session)
        assert repl._complete("length_", 0) == "length_of_day"
        assert repl._complete("length_", 1) is None
        assert repl._complete("math.hyp", 0) == "math.hypot"
        assert repl._complete("no.such.thing", 0) is None
