"""``speed_check``: what a call and the transfer of arrays cost on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from arcuate.compat.oct2py.core import Oct2Py

__all__ = ["speed_check"]


def speed_check() -> None:
    """Prints the time of a call, and of arrays of growing size there and back."""
    with Oct2Py() as session:
        print(f"call: {_seconds(lambda: session.feval('sin', 1.0)) * 1e6:9.1f} us")  # noqa: T201
        print("  elements        push        pull")  # noqa: T201
        for side in (1, 10, 100, 1000):
            array = np.random.default_rng(0).normal(size=(side, side))
            there = _seconds(lambda array=array: session.push("x", array), 20)  # type: ignore[misc]
            back = _seconds(lambda: session.pull("x"), 20)
            print(f"{array.size:10} {there * 1e6:8.1f} us {back * 1e6:8.1f} us")  # noqa: T201


def _seconds(action: Callable[[], object], repeat: int = 100) -> float:
    action()
    start = time.perf_counter()
    for _ in range(repeat):
        action()
    return (time.perf_counter() - start) / repeat
