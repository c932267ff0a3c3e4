"""json-server for the tests of REST, with data of its own, and a client of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.connector.servers import node

from arcuate.rest import RESTAPIClient

STATIONS = [{"id": number, "name": f"station {number}", "height": number * 1.5} for number in range(1, 24)]
FILE = random.Random(6).randbytes(3_000_000)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of files that the server gives."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "signal.bin").write_bytes(FILE)
    return folder


@pytest.fixture(scope="session")
def address(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where json-server is."""
    data = tmp_path_factory.mktemp("data") / "db.json"
    data.write_text(json.dumps({"stations": STATIONS, "notes": [], "texts": [{"id": "ä/b"}]}))
    with node("json-server", Path(__file__).with_name("server.cjs"), data, files) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(address: str) -> Iterator[RESTAPIClient]:
    """A client of it that does not try again."""
    with RESTAPIClient({"base_url": address}, retry=None) as one:
        yield one
