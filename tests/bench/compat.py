"""The array classes of `arcuate.compat.matlab` beside copies of numpy's, rounds alternating.

Prints rows for the table "further" of docs/benchmarks.md as one JSON object: {work: [measured, target]}.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from arcuate.compat import matlab


def ratio(action: Callable[[], Any], other: Callable[[], Any], rounds: int) -> float:
    """The median time of one action over that of another."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for found, work in zip(times, (action, other), strict=True):
            begin = time.perf_counter()
            kept = work()
            found.append(time.perf_counter() - begin)
            del kept
    return statistics.median(times[0]) / statistics.median(times[1])


def rows(quick: bool) -> dict[str, tuple[str, str]]:
    """`matlab.double` of 10 million elements from numpy, and back."""
    columns = 400 if quick else 4000
    rounds = 5 if quick else 25
    rng = np.random.default_rng(1)
    by_rows = rng.normal(size=(2500, columns))
    by_columns = np.asfortranarray(by_rows)
    made = matlab.double(by_columns)
    name = f"`matlab.double` of {2500 * columns / 1e6:.0f} million elements"

    def over(source: Any, other: Callable[[], Any]) -> str:
        return f"{ratio(lambda: matlab.double(source), other, rounds):.2f}"

    back = statistics.median(_seconds(lambda: np.asarray(made)) for _ in range(rounds))
    shared = np.shares_memory(np.asarray(made), np.asarray(made))
    return {
        f"{name} from a column-major array, over a plain copy": (
            over(by_columns, lambda: np.copy(by_columns)),
            "1.2",
        ),
        f"{name} from a vector, over a plain copy": (
            over(by_rows.ravel(), lambda: np.copy(by_rows.ravel())),
            "1.2",
        ),
        f"{name} from a row-major array, over numpy's copy to column-major": (
            over(by_rows, lambda: np.array(by_rows, order="F", copy=True)),
            "1.2",
        ),
        f"{name} from a row-major array, over a plain copy that stays row-major": (
            over(by_rows, lambda: np.copy(by_rows)),
            "1.2",
        ),
        f"{name} back, `numpy.asarray`": (
            f"{back * 1e6:.0f} µs, {'no copy' if shared else 'copied'}",
            "no copy",
        ),
    }


def _seconds(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(rows(parser.parse_args().quick)))
