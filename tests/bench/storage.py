"""Storage beside the bare libraries, in one run: python tests/bench/storage.py [MB of S3] [MB of the others]

One file up and down again, 100 small ones, and the list of those; each way in a process of its own,
whose extra memory is what it took at most beyond what it had when it was connected. obstore is measured if
it is installed: pip install obstore. With --ranges [MB]: downloads in several ranges at the same time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import requests  # noqa: E402
from tests.connector.proxy import Fault, FaultProxy  # noqa: E402
from tests.storage import servers  # noqa: E402
from tests.storage.conftest import amazon, microsoft  # noqa: E402

BARE = {"s3": "s3fs", "az": "adlfs", "gs": "gcsfs"}
SMALL, LIMIT = 100, int(os.environ.get("LIMIT", "300"))


def bare(kind: str, port: int) -> Any:
    """The filesystem of s3fs, adlfs or gcsfs."""
    url = f"http://127.0.0.1:{port}"
    if kind == "s3":
        from s3fs import S3FileSystem

        return S3FileSystem(key="a", secret="b", endpoint_url=url, client_kwargs={"region_name": "us-east-1"})
    if kind == "az":
        from adlfs import AzureBlobFileSystem

        parts = f"DefaultEndpointsProtocol=http;AccountName={servers.ACCOUNT};AccountKey={servers.KEY}"
        return AzureBlobFileSystem(connection_string=f"{parts};BlobEndpoint={url}/{servers.ACCOUNT}")
    from gcsfs.core import GCSFileSystem

    return GCSFileSystem(project="x", token="anon", endpoint_url=url)


def obstore(kind: str, port: int) -> Any:
    """obstore's filesystem."""
    from obstore.fsspec import FsspecStore

    url = f"http://127.0.0.1:{port}"
    emulator = {
        "gcs_base_url": url,
        "disable_oauth": True,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    }
    config: dict[str, Any] = {
        "s3": {"access_key_id": "a", "secret_access_key": "b", "endpoint": url, "region": "us-east-1"},
        "az": {
            "account_name": servers.ACCOUNT,
            "account_key": servers.KEY,
            "endpoint": f"{url}/{servers.ACCOUNT}",
        },
        "gs": {"service_account_key": json.dumps(emulator)},
    }[kind]
    protocol: Any = {"s3": "s3", "az": "abfs", "gs": "gs"}[kind]
    return FsspecStore(protocol, config=config, client_options={"allow_http": True})


def memory(field: str) -> float:
    """VmRSS or VmHWM of this process, in MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{field}:")[2].split()[0]) / 1024


def ours(kind: str, port: int) -> dict[str, Callable[..., Any]]:
    """The ways of arcuate."""
    storage = {"s3": servers.s3, "az": servers.az, "gs": servers.gs}[kind](port, "work/arcuate")
    return {
        "up": lambda local, path: storage.upload(local, path, resume=False),
        "down": storage.download,
        "read": lambda path: storage.open(path).read(),
        "list": lambda path: len(list(storage.list(path))),
    }


def theirs(kind: str, way: str, port: int) -> dict[str, Callable[..., Any]]:
    """The ways of a filesystem of fsspec's."""
    fs, prefix = obstore(kind, port) if way == "obstore" else bare(kind, port), f"work/{way}"
    return {
        "up": lambda local, path: fs.put_file(local, f"{prefix}/{path}"),
        "down": lambda path, local: fs.get_file(f"{prefix}/{path}", local),
        "read": lambda path: fs.cat_file(f"{prefix}/{path}"),
        "list": lambda path: len(
            fs.ls(f"{prefix}/{path}", refresh=True) if way != "obstore" else fs.ls(f"{prefix}/{path}")
        ),
    }


def one(kind: str, way: str, port: int, file: str, folder: str) -> dict[str, float]:
    """All measurements of one way, in this process."""
    small = Path(folder, "small")
    small.write_bytes(b"x" * 10_000)
    down = os.path.join(folder, "down")
    ways = ours(kind, port) if way == "arcuate" else theirs(kind, way, port)
    ways["up"](str(small), "first")
    found: dict[str, float] = {}

    def measured(name: str, work: Callable[[], object]) -> None:
        Path("/proc/self/clear_refs").write_text("5")
        before, begun = memory("VmRSS"), time.perf_counter()
        work()
        found[f"{name}_s"] = round(time.perf_counter() - begun, 3)
        found[f"{name}_mb"] = round(memory("VmHWM") - before, 1)

    measured("up", lambda: ways["up"](file, "big"))
    measured("down", lambda: ways["down"]("big", down))
    assert os.path.getsize(down) == os.path.getsize(file)
    os.unlink(down)
    measured("small_up", lambda: [ways["up"](str(small), f"small/{number}") for number in range(SMALL)])
    measured("small_read", lambda: [ways["read"](f"small/{number}") for number in range(SMALL)])
    measured("list", lambda: [ways["list"]("small") for _ in range(5)])
    return found


def compared(kind: str, size: int) -> dict[str, Any]:
    """Each way beside the others, against one server."""
    ways = ["arcuate", BARE[kind], *(["obstore"] if importlib.util.find_spec("obstore") else [])]
    with tempfile.TemporaryDirectory() as folder:
        server: Any = {"s3": servers.moto, "az": lambda: servers.azurite(Path(folder)), "gs": servers.google}[
            kind
        ]()
        file = Path(folder, "file")
        with file.open("wb") as opened:
            for _ in range(size):
                opened.write(os.urandom(1_000_000))
        with server as port:
            made(kind, port)
            found: dict[str, Any] = {}
            for way in ways:
                command = [sys.executable, __file__, "--one", kind, way, str(port), str(file), folder]
                try:
                    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
                except subprocess.TimeoutExpired:
                    found[way] = f"not done in {LIMIT} s"
                    continue
                failed = f"status {done.returncode}: {done.stderr[-600:]}"
                found[way] = json.loads(done.stdout) if done.returncode == 0 else failed
            return found


def made(kind: str, port: int) -> None:
    """The bucket or container."""
    if kind == "gs":
        address = f"http://127.0.0.1:{port}/storage/v1/b?project=x"
        requests.post(address, json={"name": "work"}, timeout=20).raise_for_status()
    elif kind == "az":
        with microsoft(port) as client:
            client.create_container("work")
    else:
        amazon(port).create_bucket(Bucket="work")


def side_by_side(size: int) -> dict[str, Any]:
    """Downloads from S3 in 1 to 8 ranges, straight and over lines of 13 MB/s a connection."""
    found: dict[str, Any] = {"MB": size}
    with tempfile.TemporaryDirectory() as folder, servers.moto() as port, FaultProxy(port) as proxy:
        made("s3", port)
        file, down = Path(folder, "file"), Path(folder, "down")
        file.write_bytes(os.urandom(size * 1_000_000))
        with servers.s3(port) as storage:
            storage.upload(file, "big")
        for line, at, delay in (("straight", port, 0.0), ("slow", proxy.port, 0.005)):
            proxy.fault = Fault(delay=delay)
            for ranges in (1, 2, 4, 8):
                with servers.s3(at, ranges=ranges) as storage:
                    storage.exists("big")
                    Path("/proc/self/clear_refs").write_text("5")
                    before, begun = memory("VmRSS"), time.perf_counter()
                    storage.download("big", down)
                    took, more = time.perf_counter() - begun, memory("VmHWM") - before
                    found[f"{line}, {ranges}"] = f"{took:.2f} s, {more:.0f} MB"
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ranges"]:
        print(json.dumps(side_by_side(int((sys.argv[2:] or ["100"])[0])), indent=1))
    elif sys.argv[1:2] == ["--one"]:
        kind, way, port, file, folder = sys.argv[2:]
        print(json.dumps(one(kind, way, int(port), file, folder)))
    else:
        sizes = [int(text) for text in sys.argv[1:3]] or [1000, 200]
        for kind in sys.argv[3:] or BARE:
            size = sizes[0] if kind == "s3" else sizes[-1]
            print(json.dumps({kind: {"MB": size, **compared(kind, size)}}, indent=1), flush=True)
