"""Every system the same: there and back, listed in pages, opened, interrupted and gone on with."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest
from tests.storage.conftest import Make, Sample

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import InvalidArgument, SessionClosed

KINDS = ("s3", "azure", "gcs", "sftp", "file", "memory")
every = pytest.mark.parametrize("make", KINDS, indirect=True)
CHECKED = {"s3": "parts", "azure": "md5", "gcs": "md5", "sftp": "size", "file": "size", "memory": "size"}
NAME = "läb/a b+%41#?&=.bin"


@every
def test_there_and_back(make: Make, file: Sample, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    told: list[tuple[int, int | None]] = []
    with make() as storage:
        up = storage.upload(file.path, NAME, progress=lambda *both: told.append(both))
        assert (up.size, up.resumed) == (len(file.data), 0)
        assert told[0] == (0, len(file.data))
        assert told[-1] == (len(file.data), len(file.data))
        assert len(told) >= 3
        down = storage.download(NAME, tmp_path / "down", progress=lambda *both: told.append(both))
        assert (tmp_path / "down").read_bytes() == file.data
        assert down.checked == CHECKED[storage.place.kind]
        assert told[-1] == (len(file.data), len(file.data))
        assert sorted(one.name for one in tmp_path.glob("down*")) == ["down"]
        assert storage.info(NAME).size == len(file.data)
        assert storage.info("läb").folder
        assert storage.exists(NAME)
        assert not storage.exists("nothing")
        with pytest.raises(NotFoundError, match="no such thing"):
            storage.download("nothing", tmp_path / "nothing")
        assert not (tmp_path / "nothing").exists()
        health = storage.health()
        assert health.status == "ok", health
    with pytest.raises(SessionClosed):
        storage.info(NAME)
    assert not [one.name for one in threading.enumerate() if one.name.startswith("storage ")]


@every
def test_empty_and_small(make: Make, tmp_path: Path) -> None:
    with make() as storage:
        for content in (b"", b"x", b"0123456789"):
            (tmp_path / "small").write_bytes(content)
            assert storage.upload(tmp_path / "small", "small").size == len(content)
            storage.download("small", tmp_path / "down")
            assert (tmp_path / "down").read_bytes() == content
        storage.delete("small")
        with pytest.raises(NotFoundError):
            storage.delete("small")


@every
def test_a_file_to_which_is_written_while_it_is_sent(make: Make, tmp_path: Path) -> None:
    """A small one too, which goes in one piece: what is there would be a beginning of it."""
    local = tmp_path / "log"
    local.write_bytes(b"one line\n")

    def append(_done: int, _total: int | None) -> None:
        with local.open("ab") as opened:
            opened.write(b"another line\n")

    with make() as storage:
        with pytest.raises(InvalidArgument, match="was changed while it was sent"):
            storage.upload(local, "log", progress=append)
        assert not storage.exists("log")


@every
def test_listed_in_pages(make: Make) -> None:
    with make() as storage:
        names = [f"deep/{number:02d}.txt" for number in range(7)] + ["deep/er/x.txt", "top.txt"]
        for name in names:
            with storage.open(name, "w") as opened:
                opened.write(name)
        pages = list(storage.pages("deep", page=3))
        assert all(1 <= len(page) <= 3 for page in pages)
        found = sorted(one.path for page in pages for one in page)
        assert found == [f"deep/{number:02d}.txt" for number in range(7)] + ["deep/er"]
        assert sorted(one.path for one in storage.list(page=3, recursive=True) if not one.folder) == sorted(
            names
        )
        assert {one.path for one in storage.list() if one.folder} == {"deep"}
        assert storage.filesystem.cat("deep/03.txt") == b"deep/03.txt"
        with pytest.raises(InvalidArgument, match="page is 1 or more"):
            list(storage.pages(page=0))


@every
def test_opened(make: Make, file: Sample) -> None:
    with make() as storage:
        storage.upload(file.path, "x.bin")
        with storage.open("x.bin") as opened:
            assert opened.read(10) == file.data[:10]
            assert opened.seek(-7, 2) == len(file.data) - 7
            assert opened.read() == file.data[-7:]
            opened.seek(file.part + 3)
            assert opened.read(100) == file.data[file.part + 3 : file.part + 103]
        with storage.open("t.txt", "w", encoding="utf-16") as opened:
            opened.write("grüße\r\n")
        with storage.open("t.txt", "r", encoding="utf-16") as opened:
            assert opened.read() == "grüße\r\n"
        with pytest.raises(KeyError), storage.open("never", "wb") as opened:
            opened.write(b"half")
            raise KeyError("of the program")
        assert not storage.exists("never")
        with pytest.raises(InvalidArgument, match="mode 'a'"):
            storage.open("t.txt", "a")


@every
def test_copied(make: Make, file: Sample, tmp_path: Path) -> None:
    with make() as storage:
        storage.upload(file.path, "one.bin")
        storage.copy("one.bin", "there/two.bin")
        storage.download("there/two.bin", tmp_path / "two")
        assert hashlib.md5((tmp_path / "two").read_bytes()).digest() == hashlib.md5(file.data).digest()


@every
@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "a/..", "/etc/passwd", "a//b", "./x", "a\\..\\b", "nul\0", ""]
)
def test_paths_stay_inside(make: Make, path: str, file: Sample, tmp_path: Path) -> None:
    storage = make()
    for ask in (
        lambda: storage.upload(file.path, path),
        lambda: storage.download(path, tmp_path / "x"),
        lambda: storage.delete(path),
        lambda: storage.copy(path, "y"),
        lambda: storage.copy("y", path),
        lambda: storage.open(path, "wb"),
    ):
        with pytest.raises(InvalidArgument):
            ask()
    assert "not opened" in repr(storage)


@pytest.mark.parametrize("make", ["s3", "azure", "gcs", "sftp"], indirect=True)
def test_an_interrupted_upload_goes_on(make: Make, file: Sample, tmp_path: Path) -> None:
    def stop(done: int, _total: int | None) -> None:
        if done >= file.part:
            raise KeyboardInterrupt

    with make(parallel=1) as storage, pytest.raises(KeyboardInterrupt):
        storage.upload(file.path, "x.bin", progress=stop)
    told: list[int] = []
    with make() as storage:
        assert not storage.exists("x.bin")
        up = storage.upload(file.path, "x.bin", progress=lambda done, _: told.append(done))
        assert up.resumed >= file.part
        assert told[0] == up.resumed
        assert told[-1] == len(file.data)
        storage.download("x.bin", tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == file.data


@pytest.mark.parametrize("make", ["s3", "azure", "gcs", "sftp"], indirect=True)
def test_what_was_changed_since_is_sent_anew(make: Make, file: Sample, tmp_path: Path) -> None:
    def stop(done: int, _total: int | None) -> None:
        if done >= file.part:
            raise KeyboardInterrupt

    local = tmp_path / "local"
    local.write_bytes(file.data)
    with make(parallel=1) as storage:
        with pytest.raises(KeyboardInterrupt):
            storage.upload(local, "x.bin", progress=stop)
        other, before = bytes(reversed(file.data)), local.stat()
        local.write_bytes(other)
        os.utime(local, ns=(before.st_atime_ns, before.st_mtime_ns))  # as archives do that keep times
        assert storage.upload(local, "x.bin").resumed == 0
        storage.download("x.bin", tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == other


@every
def test_an_interrupted_download_goes_on_if_it_is_the_same(make: Make, file: Sample, tmp_path: Path) -> None:
    def stop(done: int, _total: int | None) -> None:
        if done >= file.part:
            raise KeyboardInterrupt

    target = tmp_path / "down"
    with make() as storage:
        storage.upload(file.path, "x.bin")
        with pytest.raises(KeyboardInterrupt):
            storage.download("x.bin", target, progress=stop)
        assert not target.exists()
        there = (tmp_path / "down.part").stat().st_size
        assert there >= file.part
        told: list[int] = []
        down = storage.download("x.bin", target, progress=lambda done, _: told.append(done))
        assert down.resumed == told[0] == there
        assert target.read_bytes() == file.data

        with pytest.raises(KeyboardInterrupt):
            storage.download("x.bin", target, progress=stop)
        assert target.read_bytes() == file.data  # what was there is there until the new one is whole
        other = tmp_path / "other"
        other.write_bytes(bytes(reversed(file.data)) + b"more")
        storage.upload(other, "x.bin")
        assert storage.download("x.bin", target).resumed == 0
        assert target.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("make", ["s3", pytest.param("azure", marks=pytest.mark.soak), "gcs"], indirect=True)
def test_a_beginning_that_was_spoilt_is_not_kept(make: Make, file: Sample, tmp_path: Path) -> None:
    def stop(done: int, _total: int | None) -> None:
        if done >= file.part:
            raise KeyboardInterrupt

    with make(retry=None) as storage:
        storage.upload(file.path, "x.bin")
        with pytest.raises(KeyboardInterrupt):
            storage.download("x.bin", tmp_path / "down", progress=stop)
        with (tmp_path / "down.part").open("r+b") as part:
            part.write(b"spoilt")
        with pytest.raises(DataError, match="not those that the system says it has"):
            storage.download("x.bin", tmp_path / "down")
        assert list(tmp_path.glob("down.part")) == []
        storage.download("x.bin", tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == file.data


@pytest.mark.parametrize("make", ["file", pytest.param("s3", marks=pytest.mark.soak)], indirect=True)
def test_asyncio(make: Make, file: Sample, tmp_path: Path) -> None:
    async def work() -> None:
        async with make() as storage:
            await storage.aupload(file.path, "x.bin")
            assert [one.path for one in await storage.alist()] == ["x.bin"]
            await storage.acopy("x.bin", "y.bin")
            assert (await storage.adownload("y.bin", tmp_path / "y")).size == len(file.data)
            await storage.adelete("x.bin")
            assert not await storage.aexists("x.bin")
            assert (await storage.ainfo("y.bin")).size == len(file.data)
            assert (await storage.ahealth()).status == "ok"

    asyncio.run(work())
