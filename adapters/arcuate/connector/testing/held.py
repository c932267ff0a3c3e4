"""What this process holds: open files and sockets, and threads; to see whether a connector gave all back."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import Counter

__all__ = ["Held"]


class Held:
    """What is held now.

    Attributes:
        files: where open descriptors lead, each as often as it is open.
        threads: those that run.
    """

    def __init__(self) -> None:
        folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
        self.files: Counter[str] = Counter()
        for name in os.listdir(folder):
            try:
                self.files[os.readlink(f"{folder}/{name}")] += 1
            except OSError:  # the one that lists them, or a system without such links
                self.files[name] += os.path.exists(f"{folder}/{name}")
        self.threads = set(threading.enumerate())

    def more_since(self, before: Held) -> list[str]:
        """What is held now and was not then."""
        files = (self.files - before.files).elements()
        return sorted([*files, *(f"thread {one.name}" for one in self.threads - before.threads)])

    def left(self, patience: float) -> list[str]:
        """What is still held that is not held in this record, after waiting so long for it to end."""
        end = time.monotonic() + patience
        while (more := Held().more_since(self)) and time.monotonic() < end:
            gc.collect()
            time.sleep(0.01)
        return more
