"""The machine that a run was made on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["machine"]


def machine() -> dict[str, str]:
    """System, processor, memory and Python; no names of the machine or its users."""
    model = platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    try:
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30):.0f} GiB"
    except (ValueError, OSError):
        memory = ""
    return {
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "processor": f"{os.cpu_count()} cores, {model}",
        "memory": memory,
        "python": platform.python_version(),
    }
