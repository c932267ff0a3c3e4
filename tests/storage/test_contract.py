"""What all connectors promise, of storages: an object store, a web server, an SSH server, a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from tests.storage import servers
from tests.storage.conftest import DATA, amazon

from arcuate.connector.testing import ConnectorContract, NetworkContract
from arcuate.storage import Storage

BIG = DATA[:3_000_000]


class _Files:
    """A storage is used by reading a small file, and begins with a large one."""

    def use(self, connector: Storage) -> object:
        with connector.open("small") as opened:
            found = opened.read()
        assert found == b"small"
        return found

    def begin(self, connector: Storage) -> Iterator[object]:
        opened = connector.open("big")

        def pieces() -> Iterator[object]:
            with opened:
                while data := opened.read(1 << 16):
                    yield data

        stream = pieces()
        next(stream)
        return stream


class TestS3(_Files, NetworkContract):
    secret = "s3cret/of+ours"

    @pytest.fixture(scope="class")
    @classmethod
    def address(cls, moto: int) -> str:
        client = amazon(moto)
        client.put_object(Bucket="work", Key="contract/small", Body=b"small")
        client.put_object(Bucket="work", Key="contract/big", Body=BIG)
        return f"http://127.0.0.1:{moto}"

    def connector(self, url: str, **settings: Any) -> Storage:
        return Storage(
            url="s3://work/contract", endpoint=url, key="AKIAEXAMPLE", secret=self.secret, **settings
        )


class TestHTTP(_Files, NetworkContract):
    secret = "t0ken-of-ours"

    @pytest.fixture(scope="class")
    @classmethod
    def address(cls, web: tuple[int, Path]) -> Iterator[str]:
        port, files = web
        for name, data in (("small", b"small"), ("big", BIG)):
            (files / name).write_bytes(data)
        yield f"http://127.0.0.1:{port}/"
        (files / "small").unlink()
        (files / "big").unlink()

    def connector(self, url: str, **settings: Any) -> Storage:
        return Storage(url=url, token=self.secret, **settings)


class TestSFTP(_Files, NetworkContract):
    secret = "passphrase-of-ours"
    times: ClassVar[dict[str, float]] = {"connect": 1.5, "read": 0.5}  # the handshake is slow
    host: ClassVar[servers.Host]

    @pytest.fixture(scope="class")
    @classmethod
    def address(cls, ssh: servers.Host) -> str:
        folder = ssh.folder / "contract"
        folder.mkdir(exist_ok=True)
        for name, data in (("small", b"small"), ("big", BIG)):
            (folder / name).write_bytes(data)
        cls.host = ssh
        return f"{servers.sftp_url(ssh)}/contract"

    def connector(self, url: str, **settings: Any) -> Storage:
        self.host.knows(urlsplit(url).port or 0)  # behind a proxy it is at another port
        keys = {"key_file": str(self.host.key), "known_hosts": str(self.host.known), "secret": self.secret}
        return Storage({"url": url, **keys, **settings})

    def stranger(self, url: str) -> Storage:
        return self.connector(url, key_file=str(self.host.other))


class TestFolder(_Files, ConnectorContract):
    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        (tmp_path / "small").write_bytes(b"small")
        (tmp_path / "big").write_bytes(BIG)
        return str(tmp_path)

    @pytest.fixture
    def nowhere(self, tmp_path: Path) -> str:
        return str(tmp_path / "none")

    def connector(self, url: str, **settings: Any) -> Storage:
        return Storage(url=url, **settings)
