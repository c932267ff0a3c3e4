"""The worker process of an R session: ``python -m arcuate.r.worker``, started by the host
(``arcuate.worker``).

The main thread runs R and the request loop; one daemon thread turns signals into R's own pending interrupt.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Runs the worker until its input ends."""
    receive, send = int(os.environ.pop("ARCUATE_IN")), int(os.environ.pop("ARCUATE_OUT"))
    for fd in (receive, send):
        os.set_inheritable(fd, False)
    _die_with_parent()
    from arcuate.errors import ArcuateError, EnvironmentNotFound
    from arcuate.r.channel import Channel
    from arcuate.values import codes

    channel = Channel(receive, send)
    hello = channel.receive()
    if hello is None:
        return
    session: Any = None
    try:
        try:
            from arcuate.r.session import Session
        except ImportError as error:
            raise EnvironmentNotFound(
                f"the R worker cannot start: {error}; type: pip install 'arcuate[r]'"
            ) from None
        session = Session(channel)
        session.greet(hello)
        _Signals(session).start()  # after R, which would replace the handlers
        session.ready()
    except ArcuateError as error:
        rows = [(codes.MAPPING, 0, 0, 0, 3, 0, "", ""), (codes.TEXT, 0, 0, 0, 0, 0, "op", "error")]
        rows += [
            (codes.TEXT, 0, 0, 0, 0, 0, "code", error.code),
            (codes.TEXT, 0, 0, 0, 0, 0, "message", str(error)),
        ]
        if session is not None:
            session.abandon()
        channel.send(rows)
        sys.exit(1)
    session.loop()
    session.end(0)


def _die_with_parent() -> None:
    """The kernel ends this process when its parent ends (Linux); elsewhere the end of the input does."""
    parent = os.environ.pop("ARCUATE_PARENT", "")
    if sys.platform == "linux":
        # SIGTERM, not SIGKILL: the handler removes R's temporary directory at once, even while R computes.
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
    if parent and os.getppid() != int(parent):
        os._exit(1)


class _Signals(threading.Thread):
    """Reads the numbers of signals that arrived: SIGINT interrupts R, SIGTERM ends the process."""

    def __init__(self, session: Any) -> None:
        super().__init__(name="arcuate-signals", daemon=True)
        self._session = session
        self._main = threading.main_thread().ident or 0
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        os.set_blocking(self._read, False)
        session.wake = self._read
        session.wake_write = write
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGURG):
            signal.signal(number, lambda *_: None)

    def run(self) -> None:
        """Waits for signals."""
        session = self._session
        # All of them come to the main thread, and their numbers here. One that came here, such as SIGCHLD,
        # would have this thread ask for Python's lock just when R makes the next child.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            pause = None
            if session.in_system:
                # The C function system() ignores SIGINT while its command runs; R has blocked it, so that it
                # waits here.
                if signal.sigtimedwait({signal.SIGINT}, 0.05) is not None:
                    with session.signal_lock:
                        session.interrupt()
                    _end_children()
                pause = 0.0
            elif session.waiting():
                # The signal came before R began to sleep: wake it until it has noticed.
                signal.pthread_kill(self._main, signal.SIGURG)
                pause = 0.02
            if select.select([self._read], [], [], pause)[0]:
                with session.signal_lock:
                    session.take_signals()


def _end_children() -> None:
    """Ends the commands that R's system() waits for: children of the main thread in this process group."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as found:
            pids = [int(pid) for pid in found.read().split()]
    except OSError:
        return
    for pid in pids:
        try:
            if os.getpgid(pid) == os.getpgrp():
                os.kill(pid, signal.SIGTERM)
        except OSError:
            continue


if __name__ == "__main__":
    main()
