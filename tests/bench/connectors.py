"""Connectors beside the bare libraries, in one run: python tests/bench/connectors.py [requests]

REST: so many requests, one after the other, to json-server, in turns of 50 with httpx2 alone.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.connector.servers import node  # noqa: E402

from arcuate.rest import RESTAPIClient  # noqa: E402

TURN = 50


def rest(requests: int) -> dict[str, float]:
    """Seconds of all requests, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "db.json")
        data.write_text(json.dumps({"stations": [{"id": n, "name": f"station {n}"} for n in range(1, 101)]}))
        with node("json-server", ROOT / "tests/rest/server.cjs", data, folder) as port:
            url = f"http://127.0.0.1:{port}"
            with httpx2.Client() as bare, RESTAPIClient(url=url) as ours:
                ways: dict[str, Callable[[], object]] = {
                    "httpx2": lambda: bare.get(f"{url}/stations/7").json(),
                    "arcuate": lambda: ours.get("stations/7"),
                }
                assert ways["httpx2"]() == ways["arcuate"]()
                times: dict[str, list[float]] = {name: [] for name in ways}
                for _ in range(requests // TURN):
                    for name, way in ways.items():
                        for _ in range(TURN):
                            begun = time.perf_counter()
                            way()
                            times[name].append(time.perf_counter() - begun)
    found = {f"{name}_s": sum(one) for name, one in times.items()}
    found |= {f"{name}_median_ms": statistics.median(one) * 1e3 for name, one in times.items()}
    found["ratio"] = found["arcuate_s"] / found["httpx2_s"]
    found["ratio_of_medians"] = found["arcuate_median_ms"] / found["httpx2_median_ms"]
    return found


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(json.dumps({"rest": rest(count)}, indent=2))
