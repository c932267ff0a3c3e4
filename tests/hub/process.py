"""A hub as ``arcuate serve`` runs it: a process of its own, with files to look into."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 30.0


class Served:
    """A running ``arcuate serve``.

    Attributes:
        ready: what the ready file says.
        process: the process.
    """

    def __init__(
        self, folder: Path, arguments: tuple[str, ...], env: dict[str, str], under: tuple[str, ...] = ()
    ) -> None:
        self.out, self.err = folder / "out", folder / "err"
        self.ready_file = folder / "ready.json"
        command = [*under, sys.executable, "-m", "arcuate.cli", "serve", "--ready-file", str(self.ready_file)]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env={**_clean(), **env},
            )
        self.ready: dict[str, str] = {}

    def wait_ready(self) -> Served:
        """Waits for the ready file, which is there when calls are answered."""
        self.until(self.ready_file.exists, "it is ready")
        self.ready = json.loads(self.ready_file.read_text())
        return self

    def until(self, condition: Any, what: str) -> None:
        """Waits for something that the hub does."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, f"the hub ended: {self.err.read_text()}"
            assert time.monotonic() < end, f"not in time: {what}; {self.err.read_text()}"
            time.sleep(0.01)

    def lines(self) -> list[str]:
        """What it printed on stdout."""
        return self.out.read_text().splitlines()

    def log(self) -> list[dict[str, Any]]:
        """Its log, as JSON."""
        lines = self.err.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def send(self, number: int) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def _clean() -> dict[str, str]:
    """The environment without settings of a hub, and without a home that has some."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("ARCUATE_HUB", "OTEL_"))}


@contextmanager
def served(folder: Path, *arguments: str, under: tuple[str, ...] = (), **env: str) -> Iterator[Served]:
    """Runs a hub, ready, under another program if wanted; it is killed if the test did not end it."""
    hub = Served(folder, arguments, {"XDG_CONFIG_HOME": str(folder / "config"), **env}, under)
    try:
        yield hub.wait_ready()
    finally:
        if hub.process.poll() is None:
            hub.process.kill()
        hub.process.wait()
