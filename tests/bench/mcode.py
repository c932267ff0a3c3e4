"""The rows of `make bench` that are about MATLAB code: the faces of other bridges, their arrays, MATPOWER.

Prints one JSON object: {"further": {work: [measured, target]}, "power": lines of Markdown}.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import compat_engine
import power

import compat


def measure(peers: str, quick: bool) -> dict[str, Any]:
    """Everything, one after the other."""
    further: dict[str, tuple[str, str]] = {}
    print("compat_engine", file=sys.stderr, flush=True)
    ratios = compat_engine.compare(peers, quick)["ratios"]
    for side, found in ratios.items():
        further[f"scalar call through the compatible {side}, times faster than oct2py"] = (
            f"{found['scalar']:.0f}",
            f"{compat_engine.TARGET:.0f}",
        )
    print("compat", file=sys.stderr, flush=True)
    further |= compat.rows(quick)
    print("power", file=sys.stderr, flush=True)
    cases = ["case9", "case300"] if quick else list(power.CASES)
    found = power.compare(peers, cases, 1 if quick else 5)
    if any(found["different"].values()):
        sys.exit(f"MATPOWER's results differ: {found['different']}")
    return {"further": further, "power": power.table(found).splitlines()}


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True, help="the Python that oct2py and matpower are installed in")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    print(json.dumps(measure(args.peers, args.quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
