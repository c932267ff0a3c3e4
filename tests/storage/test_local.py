"""Folders and archives of this machine, and files of a web server: what may not be, what is left behind."""

from __future__ import annotations

import io
import os
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.connector.proxy import Fault, FaultProxy
from tests.storage.conftest import DATA

from arcuate.connector import ConnectorConfig, DataError, IntegrationError, NotFoundError
from arcuate.errors import InvalidArgument, Unsupported
from arcuate.integrations import Storage, Transfer

FILE = DATA[:3_000_000]


# --- A folder


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("s3cret")
    (root / "out").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    (root / "in").mkdir()
    (root / "within").symlink_to(root / "in")
    with Storage(str(root)) as storage:
        for path in ("out/secret", "file", "out"):
            for ask in (
                storage.info,
                storage.delete,
                lambda path=path: storage.download(path, tmp_path / "x"),
            ):
                with pytest.raises(InvalidArgument, match="by a link"):
                    ask(path) if ask in (storage.info, storage.delete) else ask()
        with pytest.raises(InvalidArgument, match="by a link"):
            storage.upload(outside / "secret", "out/new")
        with pytest.raises(InvalidArgument, match="by a link"):
            storage.filesystem.cat("out/secret")
        storage.upload(outside / "secret", "within/new")
        assert (root / "in" / "new").read_text() == "s3cret"


_FULL = """
import sys
from pathlib import Path
from arcuate.connector import IntegrationError
from arcuate.integrations import Storage
folder, source = Path(sys.argv[1]), Path(sys.argv[2])
for work in (
    lambda: Storage(str(folder)).upload(source, "big.bin"),
    lambda: Storage(str(source.parent)).download(source.name, folder / "big.bin"),
):
    try:
        work()
    except IntegrationError as error:
        print(error.status, "no room left" in str(error), sorted(one.name for one in folder.iterdir()))
"""


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    """A file system of 1 MiB in a mount namespace of its own, else a limit on the size of files."""
    small, source = tmp_path / "small", tmp_path / "source.bin"
    small.mkdir()
    source.write_bytes(FILE)
    script = [sys.executable, "-c", _FULL, str(small), str(source)]
    unshare = shutil.which("unshare")
    own = [unshare or "", "-rm", "sh", "-c", f'mount -t tmpfs -o size=1m none {small} && exec "$@"', "sh"]
    may = (
        unshare is not None
        and not subprocess.run([*own, "true"], capture_output=True, check=False).returncode
    )

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = subprocess.run(
        [*own, *script] if may else script,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        preexec_fn=None if may else limited,
    )
    status = "ENOSPC" if may else "EFBIG"
    first, second = done.stdout.splitlines()
    assert first == f"{status} True []"
    assert second == f"{status} True ['big.bin.part', 'big.bin.part.json']"  # from which it goes on


def test_nothing_is_left_of_an_upload_that_was_given_up(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(FILE)
    (tmp_path / "root").mkdir()

    def stop(done: int, _total: int | None) -> None:
        if done:
            raise ZeroDivisionError("of the program")

    with Storage(str(tmp_path / "root")) as storage:
        with pytest.raises(ZeroDivisionError, match="of the program"):
            storage.upload(tmp_path / "source", "x", progress=stop)
        assert list(storage.list()) == []
        with pytest.raises(InvalidArgument, match="cannot be read"):
            storage.upload(tmp_path / "nothing", "x")

        def change(done: int, _total: int | None) -> None:
            if done:
                (tmp_path / "source").write_bytes(FILE[:100] * 2)

        with pytest.raises(InvalidArgument, match=r"shorter|changed"):
            storage.upload(tmp_path / "source", "x", progress=change)
        assert list(storage.list()) == []


# --- An archive


def _zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_members(tmp_path: Path) -> None:
    packed = _zip(tmp_path / "a.zip", {"a/b.bin": FILE, "a/c/d.txt": b"text", "top": b""})
    with Storage(f"zip://{packed}") as storage:
        assert [one.path for one in storage.list(recursive=True)] == [
            "a",
            "a/b.bin",
            "a/c",
            "a/c/d.txt",
            "top",
        ]
        down = storage.download("a/b.bin", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == FILE
        assert down == Transfer("a/b.bin", len(FILE), 0, "crc32", down.etag)
        with storage.open("a/b.bin") as opened:
            opened.seek(2_000_000)
            assert opened.read(10) == FILE[2_000_000:2_000_010]
        assert storage.info("a").folder
        with pytest.raises(NotFoundError):
            storage.info("a/none")
        with pytest.raises(InvalidArgument, match="only read"):
            storage.open("x", "wb")
        with pytest.raises(Unsupported, match="never deletes"):
            storage.delete("top")
        assert storage.health().facts["members"] == 3


@pytest.mark.parametrize("name", ["../up.txt", "a/../../up.txt", "/etc/passwd", "a\\..\\up.txt"])
def test_a_member_that_climbs_out(tmp_path: Path, name: str) -> None:
    packed = _zip(tmp_path / "a.zip", {"good": b"1", name: b"2"})
    storage = Storage(f"zip://{packed}")
    with pytest.raises(DataError, match="may not be there"):
        storage.info("good")


def test_bombs(tmp_path: Path) -> None:
    packed = _zip(tmp_path / "bomb.zip", {"zeros": bytes(30_000_000)})
    assert packed.stat().st_size < 50_000
    with pytest.raises(DataError, match="may be a bomb: 'zeros'"):
        Storage(f"zip://{packed}").open()
    with pytest.raises(DataError, match="'zip_bytes'"):
        Storage(f"zip://{packed}", zip_bytes=1_000_000, zip_ratio=10_000).open()
    with Storage(f"zip://{packed}", zip_ratio=10_000) as storage:
        assert storage.download("zeros", tmp_path / "zeros").size == 30_000_000
    many = _zip(tmp_path / "many.zip", {str(number): b"" for number in range(50)})
    with pytest.raises(DataError, match="'zip_members'"):
        Storage(f"zip://{many}", zip_members=49).open()


def test_a_size_that_lies(tmp_path: Path) -> None:
    """The directory says 10 bytes; a million come out."""
    packed = _zip(tmp_path / "a.zip", {"x": bytes(1_000_000)})
    data = bytearray(packed.read_bytes())
    for place in (22, data.index(b"PK\x01\x02") + 24):
        data[place : place + 4] = (10).to_bytes(4, "little")
    packed.write_bytes(data)
    with Storage(f"zip://{packed}") as storage, pytest.raises(DataError, match="cannot be read"):
        storage.download("x", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_spoilt_archive(tmp_path: Path) -> None:
    packed = _zip(tmp_path / "a.zip", {"x": FILE}, zipfile.ZIP_STORED)
    data = bytearray(packed.read_bytes())
    data[1000] ^= 1
    (tmp_path / "b.zip").write_bytes(data)
    with Storage(f"zip://{tmp_path}/b.zip") as storage, pytest.raises(DataError, match="CRC"):
        storage.download("x", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    (tmp_path / "c.zip").write_bytes(data[:-30])
    with pytest.raises(DataError, match="not a zip file"):
        Storage(f"zip://{tmp_path}/c.zip").open()


def test_two_members_of_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x", b"2")
    with pytest.raises(DataError, match="two members"):
        Storage(f"zip://{tmp_path}/a.zip").open()


# --- A web server


def test_web(web: tuple[int, Path], tmp_path: Path) -> None:
    port, _ = web
    with Storage(f"http://127.0.0.1:{port}/", token="t0ken-s3cret", retry=None) as storage:
        assert storage.info("a b/signal.bin").size == len(FILE)
        down = storage.download("a b/signal.bin", tmp_path / "x")
        assert (down.size, down.checked) == (len(FILE), "size")
        assert (tmp_path / "x").read_bytes() == FILE
        assert [one.path for one in storage.list("a b")] == ["a b/more", "a b/signal.bin"]
        with storage.open("a b/signal.bin") as opened:
            opened.seek(-5, io.SEEK_END)
            assert opened.read() == FILE[-5:]
        with pytest.raises(NotFoundError):
            storage.download("none", tmp_path / "none")
        with pytest.raises(Unsupported, match="never writes"):
            storage.upload(tmp_path / "x", "x")
        assert "s3cret" not in repr(storage) + repr(storage.config)


def test_web_goes_on_where_it_broke(web: tuple[int, Path], tmp_path: Path) -> None:
    port, files = web
    told: list[int] = []
    quick = {"attempts": 5, "initial": 0.01, "jitter": 0.01}
    with FaultProxy(port) as proxy, Storage(f"http://127.0.0.1:{proxy.port}", retry=quick) as storage:
        proxy.fault = Fault(cut=1_200_000, reset=True)
        down = storage.download("a b/signal.bin", tmp_path / "x", progress=lambda done, _: told.append(done))
        assert (tmp_path / "x").read_bytes() == FILE
        assert down.size == len(FILE)
        assert told == sorted(told)
        assert proxy.connections >= 3

        def change(done: int, _total: int | None) -> None:
            if done > 1_000_000 and len(changed) == 0:
                changed.append(done)
                (files / "a b" / "signal.bin").write_bytes(FILE[::-1])
                os.utime(files / "a b" / "signal.bin", (1, 1))

        changed: list[int] = []
        storage.download("a b/signal.bin", tmp_path / "y", progress=change)
        assert (tmp_path / "y").read_bytes() == FILE[::-1]
    (files / "a b" / "signal.bin").write_bytes(FILE)


# --- Settings


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is empty"),
        ("ftp://host/x", "there are file://"),
        ("s3:///x", "names no bucket"),
        ("s3://user:s3cret@bucket/x", "credentials are settings"),
        ("s3://bucket/../x", "climbs out"),
        ("https://host/x?token=s3cret", "no query"),
        ("http://host:port/", "no address"),
    ],
)
def test_wrong_addresses(url: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        Storage(url=url)
    assert "s3cret" not in str(caught.value)


def test_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARCUATE_LAB_URL", str(tmp_path))
    monkeypatch.setenv("ARCUATE_LAB_SECRET", "s3cret")
    storage = Storage(name="lab")
    assert storage.place.kind == "file"
    assert "s3cret" not in repr(storage.config)
    assert isinstance(storage.config, ConnectorConfig)
    with pytest.raises(InvalidArgument, match="setting 'part'"):
        Storage(url=str(tmp_path), part=1)
    with pytest.raises(InvalidArgument, match="endpoint"):
        Storage(url="s3://bucket", endpoint="localhost:9000")
    with pytest.raises(IntegrationError, match="no such thing"):
        Storage(f"zip://{tmp_path}/none.zip").open()
