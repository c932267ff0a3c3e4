"""A call through the `matlab.engine`-compatible engine beside one through oct2py, in one run.

python compat_engine.py --peers ../../.venv-bench/bin/python [--quick]

`make bench` makes the environment of the peers. Rounds alternate. Prints one JSON object: per work the
medians in seconds and the ratio (oct2py over engine). The engine is measured without the compiled helper of
the Octave environment and, where it is built, with it; the plain session beside it shows the layer's cost.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import work

HERE = Path(__file__).resolve().parent
TARGET = 30.0
"""How many times faster than oct2py a call has to be."""


def ours(quick: bool) -> dict[str, float]:
    """Seconds of calls through the engine, and through a plain session."""
    from arcuate.client import connect
    from arcuate.compat import matlab
    from arcuate.compat.matlab import engine

    calls = 500 if quick else 5000
    out: dict[str, float] = {}
    with engine.start_matlab() as eng:
        out["scalar"] = work.median(lambda: eng.sin(1.0), calls)["median"]
        big = matlab.double(work.array().reshape(1, -1))
        out["80 MB"] = work.median(lambda: eng.deal(big), 3 if quick else 7)["median"]
        assert np.array_equal(np.asarray(eng.deal(big)), np.asarray(big))
    with connect("octave") as session:
        out["scalar, plain session"] = work.median(lambda: session.call("sin", 1.0), calls)["median"]
    return out


def peer(quick: bool) -> dict[str, float]:
    """Seconds of the same calls through oct2py."""
    from oct2py import Oct2Py

    octave = Oct2Py()
    out = {"scalar": work.median(lambda: octave.feval("sin", 1.0), 20 if quick else 200)["median"]}
    big = work.array().reshape(1, -1)
    out["80 MB"] = work.median(lambda: octave.feval("deal", big), 3 if quick else 7)["median"]
    octave.exit()
    return out


def run(python: str, side: str, quick: bool, **variables: str) -> dict[str, float]:
    """One side in a process of its own."""
    done = subprocess.run(
        [python, "compat_engine.py", "--side", side, *["--quick"] * quick],
        cwd=HERE, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stdout}{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def compare(peers: str, quick: bool) -> dict[str, Any]:
    """Both sides in turns."""
    octave = shutil.which("octave-cli") or "octave"
    rounds: dict[str, list[dict[str, float]]] = {"engine": [], "engine, compiled helper": [], "oct2py": []}
    with tempfile.TemporaryDirectory() as nothing:  # a cache without the helper
        for _ in range(1 if quick else 3):
            rounds["engine"].append(run(sys.executable, "ours", quick, XDG_CACHE_HOME=nothing))
            rounds["engine, compiled helper"].append(run(sys.executable, "ours", quick))
            rounds["oct2py"].append(run(peers, "peer", quick, OCTAVE_EXECUTABLE=octave))
    merged = {
        side: {name: statistics.median(one[name] for one in found) for name in found[0]}
        for side, found in rounds.items()
    }
    return {
        "seconds": merged,
        "ratios": {
            side: {name: round(merged["oct2py"][name] / merged[side][name], 1) for name in merged["oct2py"]}
            for side in ("engine", "engine, compiled helper")
        },
        "target of a scalar call": TARGET,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="the Python of the environment that oct2py is installed in")
    parser.add_argument("--side", choices=["ours", "peer"])
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.side:
        print(json.dumps({"ours": ours, "peer": peer}[args.side](args.quick)))
    elif args.peers:
        print(json.dumps(compare(os.path.abspath(args.peers), args.quick), indent=1))
    else:
        parser.error("--peers is needed: .venv-bench/bin/python, which `make bench` makes")
