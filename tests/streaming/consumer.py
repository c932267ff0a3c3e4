"""A consumer in a process of its own, which a test kills: reads a durable, writes what it has read."""

from __future__ import annotations

import sys

from arcuate.streaming import NATSStream


def main() -> None:
    url, seconds = sys.argv[1], float(sys.argv[2])
    source = NATSStream(url=url, topic="work", durable="worker", start="all", ack_wait=0.5, buffer=32)
    sink = NATSStream(url=url, topic="done", jetstream=True)

    def tell(message: dict[str, int]) -> dict[str, int]:
        print(message["n"], flush=True)
        return {"n": message["n"] * 10}

    with source, sink:
        (source | tell | sink).run(timeout=seconds)


if __name__ == "__main__":
    main()
