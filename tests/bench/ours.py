"""Measures Arcuate, or with --bare the bare interpreters' start. Prints one JSON object."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
import work

from arcuate.client import connect


def starts(action: Any, quick: bool) -> dict[str, float]:
    """Seconds that a start takes."""
    times = []
    for _ in range(3 if quick else 7):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return {"median": statistics.median(times), "low": min(times), "high": max(times)}


def bare(language: str, quick: bool) -> dict[str, Any]:
    """The interpreter alone, from its start to its first answer."""
    programs = {
        "r": [shutil.which("Rscript") or "Rscript", "-e", "cat(sin(1))"],
        "octave": [shutil.which("octave-cli") or "octave-cli", "--norc", "--quiet", "--eval", "disp(sin(1))"],
    }

    def start() -> None:
        subprocess.run(programs[language], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    return {f"{language} start": starts(start, quick)}


def session(language: str, quick: bool, options: dict[str, Any]) -> dict[str, Any]:
    """The calls of one language."""
    out: dict[str, Any] = {}
    with connect(language, **options) as foreign:
        suffix = " helper" if options.get("helper") else ""
        out["versions"] = {foreign.info["language"]: foreign.info["version"]}
        big = work.array() if language == "r" else work.array().reshape(1, -1)
        foreign.run({"r": "same <- function(x) x", "octave": "same = @(x) x;"}[language])
        same = "same" if language == "r" else "deal"

        def echo(value: Any) -> None:
            back = foreign.call(same, value)
            assert len(back) == len(value)

        if not suffix:
            out[f"{language} scalar"] = work.median(
                lambda: foreign.call("sin", 1.0), 5, 200 if quick else 2000
            )
        if language == "octave" and not suffix:
            record = work.struct()

            def echo_struct() -> None:
                foreign["s_"] = record
                assert len(foreign["s_"]) == len(record)

            out["octave struct"] = work.median(echo_struct, 5, 20 if quick else 100)
        out[f"{language} 80 MB{suffix}"] = work.median(lambda: echo(big), 5 if quick else 9)
        assert np.array_equal(foreign.call(same, big), big)
        if language == "r":
            table = work.frame()
            out["r data.frame"] = work.median(lambda: echo(table), 5 if quick else 9)
    return out


def everything(quick: bool) -> dict[str, Any]:
    """All figures of Arcuate."""
    out: dict[str, Any] = {"versions": {}}
    plans: list[tuple[str, dict[str, Any]]] = [("octave", {"helper": False}), ("r", {})]
    from arcuate.octave import helper

    if helper.find(shutil.which("octave-cli") or "octave-cli") is not None:
        plans.append(("octave", {"helper": True}))
    for language, options in plans:
        found = session(language, quick, options)
        out["versions"].update(found.pop("versions"))
        out.update(found)
    from arcuate.compat.oct2py import Oct2Py

    with Oct2Py() as face:
        out["octave scalar face"] = work.median(lambda: face.feval("sin", 1.0), 5, 200 if quick else 2000)
    for language in ("octave", "r"):

        def start(language: str = language) -> None:
            with connect(language) as foreign:
                foreign.call("sin", 1.0)

        out[f"{language} start"] = starts(start, quick)
    return out


# All memory that a call with one large array costs: the growth of the process at its peak, and segments.
MEMORY = """
import gc, numpy as np
from arcuate.client import connect
def status(name):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))
with connect("octave") as octave:
    octave.call("sin", 1.0)
    octave._transport._segments.keep = 1 << 40  # so that it can be counted afterwards
    x = np.ones(125_000_000 // SCALE)
    gc.collect()
    base = status("VmRSS")
    octave.call("numel", x)
    store = octave._transport._segments
    shared = sum(segment.size for segment in [*store._idle, *store._busy.values()])
    print((max(0, status("VmHWM") - base) + shared) / x.nbytes)
"""


def extra(quick: bool) -> dict[str, Any]:
    """Import time and memory."""
    times = []
    for _ in range(5 if quick else 15):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        empty = time.perf_counter() - begin
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import arcuate.client"], check=True)
        times.append(time.perf_counter() - begin - empty)
    code = MEMORY.replace("SCALE", "10" if quick else "1")
    share = float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    return {
        "`import arcuate.client`": (f"{statistics.median(times) * 1e3:.0f} ms", "150 ms"),
        "memory above the payload on the Python side, shared segment included, 1 GB array one way": (
            f"{share:.2f} of the payload",
            "1.1",
        ),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bare")
    parser.add_argument("--extra", action="store_true")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.bare:
        result: Any = bare(args.bare, args.quick)
    elif args.extra:
        result = extra(args.quick)
    else:
        result = everything(args.quick)
    print(json.dumps(result))
