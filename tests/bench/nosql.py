"""RedisStore and DocumentStore beside their bare libraries, by turns: python -m tests.bench.nosql."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pymongo
import redis as bare
from tests.nosql import servers

from arcuate.integrations import DocumentStore, RedisStore, RedisStream

CALLS, DOCUMENTS, BLOCKS = 2_000, 20_000, 2_000
VALUE = b"x" * 1000


def ratio(name: str, ours: Callable[[], object], theirs: Callable[[], object], count: int) -> None:
    """Prints the median of five times, each by turns, and their ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(5):
        for work, found in zip((ours, theirs), times, strict=True):
            begun = time.perf_counter()
            work()
            found.append(time.perf_counter() - begun)
    a, b = map(statistics.median, times)
    print(f"{name}: {count / a:,.0f}/s, bare {count / b:,.0f}/s, time {a / b:.2f} of the bare one's")


def main() -> None:
    with (
        servers.redis() as server,
        RedisStore(url=f"redis://127.0.0.1:{server.port}", password=servers.PASSWORD) as store,
        bare.Redis(port=server.port, password=servers.PASSWORD) as other,
        RedisStream(
            url=f"redis://127.0.0.1:{server.port}", password=servers.PASSWORD, topic="s", start="all"
        ) as stream,
    ):
        store.set("k", VALUE)
        ratio(
            "get of 1,000 bytes",
            lambda: [store.get("k") for _ in range(CALLS)],
            lambda: [other.get("k") for _ in range(CALLS)],
            CALLS,
        )

        def piped() -> None:
            pipeline = store.pipeline(atomic=False)
            for i in range(CALLS):
                pipeline.set(f"k{i}", VALUE)
            pipeline.execute()

        def bare_piped() -> None:
            pipeline = other.pipeline(transaction=False)
            for i in range(CALLS):
                pipeline.set(f"k{i}", VALUE)
            pipeline.execute()

        ratio("set of 1,000 bytes in a pipeline", piped, bare_piped, CALLS)
        for _ in range(BLOCKS):
            other.xadd("s", {"data": VALUE})

        def read() -> None:
            with stream.blocks() as reader:
                for _ in range(BLOCKS):
                    next(reader)

        def bare_read() -> None:
            after, count = b"0", 0
            while count < BLOCKS:
                ((_, entries),) = other.xread({"s": after}, count=100)
                after, count = entries[-1][0], count + len(entries)

        ratio("blocks of 1,000 bytes read from a stream", read, bare_read, BLOCKS)
    with (
        servers.mongo() as server,
        DocumentStore(url=f"mongodb://127.0.0.1:{server.port}/work") as db,
        pymongo.MongoClient(port=server.port) as client,
    ):
        db.insert("c", [{"_id": i, "x": i * 0.5, "name": f"n{i}"} for i in range(DOCUMENTS)])
        bare_find = client.work.c.find
        ratio("documents found", lambda: db.find("c"), lambda: list(bare_find()), DOCUMENTS)


if __name__ == "__main__":
    main()
