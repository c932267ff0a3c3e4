"""The bus beside what it is built on: the rows of `make bench` that are about gRPC, ZeroMQ, HTTP and the hub.

Each figure comes from a process of its own, which starts its hub and its peer and measures them in turns.
Prints one JSON object: the name of a row, and what was measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        module: where it is measured.
        function: the function there, with its arguments.
        key: what of the result is compared with the target.
        text: the work.
        target: the figure to reach.
        most: the target is the most that is allowed, otherwise the least.
        quick: arguments of the short run, or ``None`` where there is none.
    """

    module: str
    function: str
    key: str
    text: str
    target: float
    most: bool
    quick: str | None


ROWS = [
    Row(
        "bus_grpc", "scalar()", "ratio", "scalar call over gRPC beyond the local call, in raw grpcio echoes",
        2.0, True, "scalar(rounds=2, calls=300)",
    ),
    Row(
        "bus_zmq", "scalar()", "ratio", "scalar call over ZeroMQ beyond the local call, in raw pyzmq echoes",
        2.0, True, "scalar(rounds=2, calls=300)",
    ),
    Row(
        "bus_grpc", "large()", "speed", "80 MB there and back over gRPC, speed of a raw echo = 1",
        0.6, False, "large(times=5)",
    ),
    Row(
        "bus_grpc", "large()", "flight", "the same, speed of an Arrow Flight exchange = 1",
        1.0, False, "large(times=5)",
    ),
    Row(
        "bus_zmq", "large()", "speed", "80 MB there and back over ZeroMQ, raw multipart echo = 1",
        0.6, False, "large(times=5)",
    ),
    Row(
        "bus_http", "large()", "speed", "80 MB there and back over HTTP, raw uvicorn echo = 1",
        0.4, False, "large(times=5)",
    ),
]  # fmt: skip
for over in ("grpc", "zmq", "http"):
    ROWS += [
        Row(
            "bus_hub", f"passing('{over}')", "median", f"GB in the hub while 1 GB passes over {over}",
            2.2, True, f"passing('{over}', 200)",
        ),
        Row(
            "bus_hub", f"idle_sessions('{over}')", "median", f"call over {over} beside 100 idle sessions",
            1.5, True, None,
        ),
    ]  # fmt: skip


def measure(quick: bool) -> list[dict[str, Any]]:
    """Runs every row; rows of one function are measured once."""
    done: dict[tuple[str, str], dict[str, Any]] = {}
    out = []
    for row in ROWS:
        function = row.quick if quick else row.function
        if function is None:
            continue
        if (row.module, function) not in done:
            print(f"{row.module}.{function}", file=sys.stderr, flush=True)
            code = f"import json, {row.module}; print(json.dumps({row.module}.{function}))"
            ran = subprocess.run(
                [sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=False
            )
            if ran.returncode:
                sys.exit(f"{row.module}.{function} failed:\n{ran.stdout}{ran.stderr}")
            done[row.module, function] = json.loads(ran.stdout.strip().splitlines()[-1])
        found = done[row.module, function]
        value = found[row.key]
        met = value <= row.target if row.most else value >= row.target
        goal = f"{'at most' if row.most else 'at least'} {row.target:g}"
        out.append({"text": row.text, "value": value, "goal": goal, "met": met, "figures": found})
    return out


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines of Markdown."""
    lines = ["| the bus | measured | target |", "|---|---|---|"]
    lines += [f"| {row['text']} | {row['value']:.2f} | {row['goal']} |" for row in rows]
    return lines


def main() -> int:
    """Measures, and prints the table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, smaller arrays")
    found = measure(parser.parse_args().quick)
    print("\n".join(table(found)), file=sys.stderr)
    print(json.dumps({"rows": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
