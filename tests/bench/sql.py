"""Reading 1,000,000 x 6 rows of PostgreSQL to Arrow: the connector beside ADBC alone, in the same run.

    python -m tests.bench.sql [ROWS]

Prints a line of JSON: seconds of both (median of 5, by turns), their ratio, and how many MB of memory
are taken at most while the same rows are streamed, in a process of its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import psutil
from adbc_driver_postgresql import dbapi
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.sql import DatabaseConnector

QUERY = "SELECT * FROM wide"
TABLE = (
    "CREATE TABLE wide AS SELECT i::int8 AS id, i * 0.5::float8 AS x, (i % 100)::int4 AS k, "
    "'name ' || i AS s, "
    "i % 2 = 0 AS b, timestamptz '2026-01-01' + i * interval '1 s' AS t FROM generate_series(1, %s) AS i"
)


def memory() -> float:
    """What this process has resident, in MB."""
    return psutil.Process().memory_info().rss / 2**20


def streamed(url: str) -> None:
    """Reads batch after batch and keeps none."""
    with DatabaseConnector(url=url) as db:
        list(db.stream_arrow("SELECT * FROM wide LIMIT 1000"))
        before = most = memory()
        count = 0
        for batch in db.stream_arrow(QUERY):
            count += batch.num_rows
            most = max(most, memory())
        print(json.dumps({"rows": count, "megabytes": round(most - before, 1)}))


def main(rows: int) -> None:
    """Measures."""
    with servers.postgresql() as server:
        url = address("postgresql", server)
        with DatabaseConnector(url=url) as db:
            db.execute_query(TABLE.replace("%s", str(rows)).replace("%%", "%"))
            db.execute_query("ANALYZE wide")

            def alone() -> int:
                with dbapi.connect(url) as connection, connection.cursor() as cursor:
                    cursor.execute(QUERY)
                    return int(cursor.fetch_arrow_table().num_rows)

            def ours() -> int:
                return int(db.read_arrow(QUERY).num_rows)

            times: dict[str, list[float]] = {"adbc": [], "arcuate": []}
            for _ in range(6):
                for name, read in (("adbc", alone), ("arcuate", ours)):
                    begun = time.perf_counter()
                    assert read() == rows
                    times[name].append(time.perf_counter() - begun)
            found = {name: round(statistics.median(taken[1:]), 3) for name, taken in times.items()}
            size = db.read_arrow(QUERY).nbytes / 2**20
        command = [sys.executable, "-m", "tests.bench.sql", "--stream", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        ratio = round(found["arcuate"] / found["adbc"], 3)
        print(
            json.dumps(
                {**found, "ratio": ratio, "table_mb": round(size, 1), "streamed": json.loads(done.stdout)}
            )
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stream"]:
        streamed(sys.argv[2])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
