"""Sessions and processes: opening, what the kernel says, and waiting for an event, never for a time.

Imports little, since the child processes of the suite import it too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.contract.quirks import Quirks

from arcuate.client import Session, connect

PATIENCE = 30.0
"""Seconds after which a wait for something that must happen fails."""


def open_session(quirks: type[Quirks], **options: Any) -> Session:
    """A session with the functions of :mod:`tests.contract.quirks` defined."""
    session = connect(quirks.target(), **options)
    try:
        session.run(quirks.prelude)
    except BaseException:
        session.close()
        raise
    return session


def runs(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int | None = None) -> set[int]:
    """The processes that this process (or that one) has started and that still run."""
    parent = os.getpid() if pid is None else pid
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == parent and fields[0] not in "ZX":
                found.add(int(entry))
    return found


def group(pid: int) -> set[int]:
    """The processes of a process group that still run."""
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == pid and fields[0] not in "ZX":
                found.add(int(entry))
    return found


def shared(*pids: int) -> set[str]:
    """What processes have in /dev/shm, by the number in the names. Other runs on this machine have theirs."""
    own = {f"-{pid}-" for pid in pids}
    return {name for name in os.listdir("/dev/shm") if any(part in name for part in own)}


def temporary(pid: int) -> str:
    """The folder in which a process has its temporary files."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        pairs = dict(one.partition(b"=")[::2] for one in file.read().split(b"\0"))
    return os.fsdecode(pairs.get(b"TMPDIR", b"/tmp"))


def until(condition: Callable[[], Any], what: str) -> None:
    """Polls until something holds; fails after :data:`PATIENCE` seconds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.005)


def descriptors() -> dict[int, str]:
    """The open descriptors of this process and what they are; not those that gRPC renews after each fork."""
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            what = os.readlink(f"/proc/self/fd/{entry}")
            if what != "anon_inode:[eventfd]":
                found[int(entry)] = what
        except FileNotFoundError:
            pass  # the one that listed the directory
    return found


class Background:
    """A call on a thread of its own. ``started`` is a function that the foreign code calls when it runs."""

    def __init__(self, session: Session, name: str, *args: Any, **controls: Any) -> None:
        self.running = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None
        self._call = lambda: session.call(name, self.started, *args, nargout=0, **controls)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def started(self) -> None:
        """What the foreign function calls first."""
        self.running.set()

    def wait_running(self) -> Background:
        """Waits until the foreign function runs."""
        assert self.running.wait(PATIENCE), f"the call did not start: {self.error!r}"
        return self

    def finish(self) -> BaseException | None:
        """Waits for the end of the call; the error it raised."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the call did not end"
        return self.error

    def _run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error


def python(code: str, *args: str, **options: Any) -> subprocess.Popen[str]:
    """A child Python process that runs ``code``; ended by its own id."""
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code), *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
        **options,
    )


def finished(child: subprocess.Popen[str], code: int = 0) -> str:
    """What a child printed; fails when it did not end with that status."""
    try:
        out, err = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGABRT)  # it writes where each of its threads is
        out, err = child.communicate()
        raise AssertionError(f"the child did not end\n{out}\n{err}") from None
    assert child.returncode == code, f"status {child.returncode}\n{out}\n{err}"
    return out
