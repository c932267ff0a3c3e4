"""The genuine array classes in a process of their own, as something to compare with."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from pathlib import Path

from tests.compat.arrays.machine import Outcome

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-oracle" / "bin" / "python"
CRASH: Outcome = ("crash",)


class NotHere(Exception):
    """The genuine classes cannot be had on this machine."""


def install() -> None:
    """Make the environment of the genuine classes, unless it is there, and see that they can be imported."""
    made = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "setup.py"), "oracle"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise NotHere((made.stderr.strip().splitlines() or ["tools/setup.py oracle failed"])[-1])
    tried = subprocess.run([str(PYTHON), "-c", "import matlab"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise NotHere((tried.stderr.strip().splitlines() or ["no message"])[-1])


class Oracle:
    """Runs programs beside the genuine classes. A program that ends the process is answered by `CRASH`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, program: list[str]) -> list[Outcome]:
        """Return the outcome of each step."""
        if self._process is None:
            self._process = subprocess.Popen(
                [str(PYTHON), str(Path(__file__).with_name("machine.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        pickle.dump(program, process.stdin)
        process.stdin.flush()
        head = process.stdout.read(4)
        if len(head) < 4:
            self.close()
            return [CRASH] * len(program)
        outcomes: list[Outcome] = pickle.loads(process.stdout.read(struct.unpack("<I", head)[0]))
        return outcomes

    def close(self) -> None:
        """End the process; the next program starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate()  # closes its input, on which it ends
