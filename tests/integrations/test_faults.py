"""Copies: secrets in addresses, SQL in names, a full disk, libraries that are not installed."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import metadata
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from tests.nosql import servers

from arcuate.connector import IntegrationError, NotFoundError
from arcuate.integrations import DatabaseConnector, copy, save_data
from arcuate.integrations.kinds import SCHEMES as KINDS_OF

SCHEMES = {kind: scheme for scheme, kind in KINDS_OF.items()} | {
    "graphql": "http", "redis-stream": "redis", "websocket-stream": "ws", "storage": "file"
}  # fmt: skip
EVIL = """x"; DROP TABLE "seen"; --"""


def test_a_password_in_an_address_is_in_no_error(tmp_path: Path) -> None:
    word = "s3cret-of-ours"
    with servers.redis(f"requirepass {word}", password=False) as server:
        url = f"redis://:{quote(word)}@127.0.0.1:{server.port}/0"
        with pytest.raises(NotFoundError, match="there is no key 'none' in redis://") as caught:
            copy(f"{url}#none", str(tmp_path / "a.json"))
        assert word not in str(caught.value)
    with pytest.raises(IntegrationError) as down:
        copy(f"{url}#none", str(tmp_path / "a.json"), source_settings={"retry": None})
    assert word not in str(down.value)


def test_sql_in_the_name_of_a_table_and_of_a_column(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    frame = pd.DataFrame({EVIL: [1, 2], "b'c": ["%s", "'); DELETE FROM seen; --"]})
    save_data(frame, tmp_path / "a.parquet")
    with DatabaseConnector(url=url) as db:
        db.execute_query("CREATE TABLE seen (a INTEGER)")
        copy(str(tmp_path / "a.parquet"), f"{url}#{EVIL}")
        assert db.has_table("seen")
    other = f"sqlite:///{tmp_path}/b.db"
    copy(f"{url}#{EVIL}", f"{other}#again", key=EVIL)
    with DatabaseConnector(url=other) as db:
        assert db.execute_query("SELECT COUNT(*) AS n FROM again") == [{"n": 2}]
    copy(f"{url}#{EVIL}", str(tmp_path / "b.parquet"))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "b.parquet"), frame)


@contextmanager
def full(size: int) -> Iterator[None]:
    """No file becomes larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, kept)


@pytest.mark.parametrize("target", ["b.parquet", "b.csv", "b.arrow"])
def test_a_full_disk(target: str, tmp_path: Path) -> None:
    """What was there stays, and nothing half is left beside it."""
    save_data(pd.DataFrame({"a": range(20_000)}), tmp_path / "a.parquet")
    copy(str(tmp_path / "a.parquet"), str(tmp_path / target))
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    save_data(pd.DataFrame({"a": range(100_000, 400_000)}), tmp_path / "more.parquet")
    large = str(tmp_path / "more.parquet")
    with full(140_000), pytest.raises(IntegrationError, match=r"(?i)large|room|full|written"):
        copy(large, str(tmp_path / target), exists="replace")
    (tmp_path / "more.parquet").unlink()
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


_WITHOUT = """
import importlib, sys
from arcuate.errors import ArcuateError
from arcuate.integrations import kinds
from arcuate.integrations.copying import copy
for kind, package, url in [words.split("=") for words in sys.argv[1:]]:
    before = dict(sys.modules)
    sys.modules[package] = None
    try:
        kinds.load(kinds.KINDS[kind], kind)
        kinds.connector(url, type=kind).health()
        print(kind, "loaded")
    except ArcuateError as error:
        print(kind, error)
    for name in set(sys.modules) - set(before):
        if name.startswith("arcuate."):
            del sys.modules[name]
    sys.modules.update(before)
    sys.modules.pop(package, None) if package not in before else None
for source in ("a.parquet", "sqlite:///a.db#t"):
    sys.modules["pyarrow"] = None
    try:
        copy(source, "b.csv")
    except ArcuateError as error:
        print("copy", error)
"""


def test_names_and_commands_without_their_library(tmp_path: Path) -> None:
    """What is typed brings the library; a bare name of a module helps nobody."""
    code = (
        "import sys; sys.modules['pyarrow'] = sys.modules['stamina'] = None\n"
        "try:\n    from arcuate.integrations import DatabaseConnector\n"
        "except ModuleNotFoundError as error: print(error)\n"
        "sys.argv = ['arcuate', 'convert', 'a.csv', 'b.nc']\nimport arcuate.cli; arcuate.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert "DatabaseConnector needs the library" in done.stdout
    assert "'arcuate[sql]'" in done.stdout
    assert "pip install 'arcuate[formats]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_library_that_is_not_installed_is_said_with_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    kinds = {
        "rest": "httpx2", "graphql": "gql",  "sql": "sqlalchemy", "redis": "redis",
        "documents": "pymongo", "nats": "nats", "mqtt": "paho", "kafka": "confluent_kafka",
        "storage": "fsspec",
        "redis-stream": "redis", "websocket-stream": "websockets",
    }  # fmt: skip
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _WITHOUT,
            *(f"{kind}={package}={SCHEMES[kind]}://127.0.0.1:1/x" for kind, package in kinds.items()),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    extras = set(metadata("arcuate").get_all("Provides-Extra") or ())
    assert [line.split()[0] for line in lines] == [*kinds, "copy", "copy"]
    for line in lines:
        before, said, extra = line.rstrip("'").partition("type: pip install 'arcuate[")
        assert said, line
        assert "need" in before, line
        assert extra.rstrip("]") in extras, line
