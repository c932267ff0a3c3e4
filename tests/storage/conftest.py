"""One server of each kind for the tests of a file, with a bucket or container; and data to send."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from azure.storage.blob import BlobServiceClient
from tests.connector.servers import node
from tests.storage import servers

from arcuate.storage import Storage

DATA = random.Random(5).randbytes(11 << 20)


@dataclass(frozen=True)
class Sample:
    """A file to send, of three parts.

    Attributes:
        path: where it is.
        data: what is in it.
        part: bytes of a part.
    """

    path: Path
    data: bytes
    part: int


@pytest.fixture
def file(tmp_path: Path) -> Sample:
    path, data = tmp_path / "signal.bin", DATA[: 2 * servers.PART + 234_567]
    path.write_bytes(data)
    return Sample(path, data, servers.PART)


@pytest.fixture(scope="package")
def moto() -> Iterator[int]:
    with servers.moto() as port:
        amazon(port).create_bucket(Bucket="work")
        yield port


def amazon(port: int) -> Any:
    """Amazon's own client."""
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="other",
        aws_secret_access_key="other",
        region_name="us-east-1",
    )


@pytest.fixture(scope="package")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with servers.azurite(tmp_path_factory.mktemp("azurite")) as port:
        with microsoft(port) as client:
            client.create_container("work")
        yield port


def microsoft(port: int) -> BlobServiceClient:
    """Microsoft's own client."""
    credential = {"account_name": servers.ACCOUNT, "account_key": servers.KEY}
    return BlobServiceClient(f"http://127.0.0.1:{port}/{servers.ACCOUNT}", credential)


@pytest.fixture(scope="package")
def google() -> Iterator[int]:
    with servers.google() as port:
        address = f"http://127.0.0.1:{port}/storage/v1/b?project=arcuate"
        requests.post(address, json={"name": "work"}, timeout=20).raise_for_status()
        yield port


@pytest.fixture(scope="package")
def ssh() -> Iterator[servers.Host]:
    with servers.sshd() as host:
        yield host


@pytest.fixture(scope="package")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The files of express, which is what json-server gives files by."""
    files, data = tmp_path_factory.mktemp("web"), tmp_path_factory.mktemp("data") / "db.json"
    (files / "a b").mkdir()
    (files / "a b" / "signal.bin").write_bytes(DATA[:3_000_000])
    (files / "a b" / "index.html").write_text(
        '<a href="signal.bin">s</a> <a href="../../etc">up</a> <a href="more/">m</a>'
    )
    data.write_text("{}")
    script = Path(__file__).parents[1] / "rest" / "server.cjs"
    with node("json-server", script, data, files) as port:
        yield port, files


Make = Callable[..., Storage]


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes storages of the kind that the test is parametrized by; ``port`` is that of a proxy."""
    kind: str = request.param
    common = {"part": servers.PART, "state": str(tmp_path / "state"), "parallel": 2}
    if kind == "s3":  # tests of test_whole.py have parts of the size that Amazon wants
        monkeypatch.setattr("arcuate.storage.s3._LEAST", servers.PART)
    prefix = "".join(one if one.isalnum() else "-" for one in request.node.name)

    def made(port: int | None = None, **options: object) -> Storage:
        options = {**common, **options}
        if kind == "s3":
            return servers.s3(port or request.getfixturevalue("moto"), f"work/{prefix}", **options)
        if kind == "azure":
            return servers.az(port or request.getfixturevalue("azurite"), f"work/{prefix}", **options)
        if kind == "gcs":
            return servers.gs(port or request.getfixturevalue("google"), f"work/{prefix}", **options)
        if kind == "sftp":
            host = request.getfixturevalue("ssh")
            (host.folder / prefix).mkdir(exist_ok=True)
            if port is not None:
                host.knows(port)
            return servers.sftp(host, port, url=f"{servers.sftp_url(host, port)}/{prefix}", **options)
        if kind == "memory":
            return Storage({"url": f"memory://{prefix}", **options})
        (tmp_path / "root").mkdir(exist_ok=True)
        return Storage({"url": str(tmp_path / "root"), **options})

    return made


@pytest.fixture
def port_of(request: pytest.FixtureRequest) -> Callable[[str], int]:
    """The port of the server of a kind."""

    def found(kind: str) -> int:
        name = {"s3": "moto", "azure": "azurite", "gcs": "google", "sftp": "ssh"}[kind]
        value = request.getfixturevalue(name)
        return int(getattr(value, "port", value))

    return found
