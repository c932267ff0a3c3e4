"""Nothing stays behind, however the runner ends: a small process of its own tidies up after it.

The runner tells it of each process group that it starts, and of its folder. Where the runner can tidy up
itself, nothing is left to do. Where it is killed, the janitor's stdin ends: it kills the programs, gives hubs
a few seconds to end by themselves, so that they remove what is theirs, and removes the folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

__all__ = ["finish", "folder", "forget", "watch"]

_CODE = """
import os, shutil, signal, sys, time
found = {}
for line in sys.stdin:
    kind, _, what = line.rstrip("\\n").partition(" ")
    if kind == "forget":
        found.pop(what, None)
    else:
        found[what] = kind
def there(group):
    try:
        os.killpg(int(group), 0)
        with open(f"/proc/{group}/stat") as file:  # who reaps orphans may be slow
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return not os.path.isdir("/proc/self")
    except OSError:
        return False
def kill(group):
    try:
        os.killpg(int(group), signal.SIGKILL)
    except OSError:
        pass
for what, kind in found.items():
    if kind == "program":
        kill(what)
hubs = [what for what, kind in found.items() if kind == "hub"]
end = time.monotonic() + 15.0
while any(map(there, hubs)) and time.monotonic() < end:
    time.sleep(0.05)
for hub in hubs:
    kill(hub)
for what, kind in found.items():
    if kind == "folder":
        shutil.rmtree(what, ignore_errors=True)
"""

_lock = threading.Lock()
_process: subprocess.Popen[str] | None = None
_known: set[str] = set()


def _tell(kind: str, what: str) -> None:
    """Tells the janitor something: there is one as long as there is something to tidy up."""
    global _process
    with _lock:
        if kind == "forget":
            _known.discard(what)
        else:
            _known.add(what)
        if _process is None and _known:
            _process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _CODE],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                start_new_session=True,  # Ctrl-C is not for it
            )
        if _process is None:
            return
        assert _process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody has killed it
            _process.stdin.write(f"{kind} {what}\n")
            _process.stdin.flush()
        if not _known:
            with contextlib.suppress(BrokenPipeError):
                _process.stdin.close()
            _process.wait()
            _process = None


def watch(pid: int, *, hub: bool = False) -> None:
    """Has a process group ended with the runner; ``hub``: it is given time to end by itself."""
    _tell("hub" if hub else "program", str(pid))


def folder(path: Path) -> None:
    """Has a folder removed with the runner."""
    _tell("folder", str(path))


def forget(what: int | Path) -> None:
    """A process group has ended, or a folder is gone."""
    _tell("forget", str(what))


def finish(command: Sequence[str], place: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, in a group of its own that ends with it, whatever interrupts us.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it took too long.
    """
    process = subprocess.Popen(
        command,
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    watch(process.pid)
    with process:
        try:
            said, told = process.communicate(timeout=seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            forget(process.pid)
    return subprocess.CompletedProcess(command, process.returncode, said, told)
