"""Names: strange ones on every system, markers of folders, links, and more entries than fit on a page."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
import requests
from tests.storage import servers
from tests.storage.conftest import Make, amazon, microsoft
from tests.storage.test_systems import NAME

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import InvalidArgument
from arcuate.storage import Storage

STRANGE = (
    NAME,
    "日本/ü~$!*(){}[]|^`@,:;'\"",
    "trailing ",
    "%2e%2e",
    "per%20cent",
    "q?x=1#y",
    "-rf",
    "a=b&c",
)


@pytest.mark.parametrize(
    "make",
    [
        "s3",
        "sftp",
        "file",
        "memory",
        *(pytest.param(one, marks=pytest.mark.soak) for one in ("azure", "gcs")),
    ],
    indirect=True,
)
def test_strange_names(make: Make, tmp_path: Path) -> None:
    with make() as storage:
        names = STRANGE if storage.place.kind == "file" else STRANGE[:5]  # each takes a dozen requests
        for name in names:
            with storage.open(name, "w") as opened:
                opened.write(name)
        found = sorted(one.path for one in storage.list(recursive=True) if not one.folder)
        assert found == sorted(names)
        for name in names:
            assert storage.info(name).size == len(name.encode())
            storage.copy(name, f"copies/{name}")
            storage.download(f"copies/{name}", tmp_path / "x")
            assert (tmp_path / "x").read_text() == name
            storage.delete(name)
            assert not storage.exists(name)
            assert storage.exists(f"copies/{name}")


@pytest.mark.parametrize("make", ["sftp", "file"], indirect=True)
def test_a_name_as_long_as_systems_allow(make: Make) -> None:
    """While it comes it has a longer one, of which 255 bytes are allowed, not letters."""
    with make() as storage:
        name = "語" * 85
        with storage.open(name, "w") as opened:
            opened.write(name)
        storage.copy(name, f"deep/{name}")
        assert [one.path for one in storage.list("deep")] == [f"deep/{name}"]


def test_strange_names_of_a_web_server(web: tuple[int, Path], tmp_path: Path) -> None:
    port, files = web
    names = [name for name in STRANGE if name != "trailing "]  # express takes that away
    for name in names:
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_text(name)
    with Storage(f"http://127.0.0.1:{port}") as storage:
        for name in names:
            storage.download(name, tmp_path / "x")
            assert (tmp_path / "x").read_text() == name
            (files / name).unlink()


def test_strange_names_of_members(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("empty/", "")
        for name in STRANGE:
            archive.writestr(name, name)
    with Storage(f"zip://{tmp_path}/a.zip") as storage:
        assert sorted(one.path for one in storage.list(recursive=True) if not one.folder) == sorted(STRANGE)
        assert [one.path for one in storage.list() if one.folder] == ["empty", "läb", "日本"]
        assert list(storage.list("empty")) == []
        for name in STRANGE:
            storage.download(name, tmp_path / "x")
            assert (tmp_path / "x").read_text() == name


# --- Markers of folders, and names to which no path leads


def _marked(kind: str, port: int) -> Storage:
    """Objects that stand for folders, as the vendors' own pages make them: with and without members."""
    names = ("empty/", "full/", "full/x", "full/y")
    if kind == "s3":
        for name in names:
            amazon(port).put_object(Bucket="work", Key=f"marked/{name}", Body=b"")
        return servers.s3(port, "work/marked")
    if kind == "azure":
        with microsoft(port) as client:
            for name in names:
                client.get_blob_client("work", f"marked/{name}").upload_blob(b"")
        return servers.az(port, "work/marked")
    for name in names:
        address = f"http://127.0.0.1:{port}/upload/storage/v1/b/work/o?uploadType=media"
        requests.post(address, params={"name": f"marked/{name}"}, data=b"", timeout=20).raise_for_status()
    return servers.gs(port, "work/marked")


@pytest.mark.parametrize(("kind", "server"), [("s3", "moto"), ("azure", "azurite"), ("gcs", "google")])
def test_markers_of_folders(kind: str, server: str, request: pytest.FixtureRequest) -> None:
    with _marked(kind, request.getfixturevalue(server)) as storage:
        assert storage.info("empty").folder
        assert storage.info("full").folder
        assert {one.path: one.folder for one in storage.list()} == {"empty": True, "full": True}
        assert list(storage.list("empty")) == []
        assert [one.path for one in storage.list("full")] == ["full/x", "full/y"]
        assert [one.path for page in storage.pages("full", page=1) for one in page] == ["full/x", "full/y"]
        assert not storage.exists("ful")


def test_folders_of_azure_with_folders(azurite: int, tmp_path: Path) -> None:
    with microsoft(azurite) as client:
        client.get_blob_client("work", "hns/deep").upload_blob(b"", metadata={"hdi_isfolder": "true"})
        client.get_blob_client("work", "hns/deep/x").upload_blob(b"x")
        client.get_blob_client("work", "hns/empty").upload_blob(b"", metadata={"hdi_isfolder": "true"})
    with servers.az(azurite, "work/hns") as storage:
        assert storage.info("deep").folder
        assert [(one.path, one.folder) for one in storage.list(recursive=True)] == [
            ("deep", True),
            ("deep/x", False),
            ("empty", True),
        ]


def test_keys_to_which_no_path_leads(moto: int) -> None:
    """S3 lets them be; a list of all that is below must end, and not leave them out in silence."""
    client = amazon(moto)
    client.put_object(Bucket="work", Key="odd/a//b", Body=b"")
    with servers.s3(moto, "work/odd") as storage:
        assert [one.path for one in storage.list()] == ["a"]
        assert [one.path for one in storage.list("a")] == ["a/"]
        with pytest.raises(DataError, match="no path leads"):
            list(storage.list(recursive=True))


# --- Many


def test_more_objects_than_one_answer_has(moto: int) -> None:
    with servers.s3(moto, "many") as storage:
        pages = list(storage.pages("objects", page=5000))
        assert [len(page) for page in pages] == [1000, 203]
        found = [one for page in pages for one in page]
        assert [one.path for one in found] == [f"objects/{number:04d}" for number in range(1203)]
        assert sum(one.size or 0 for one in found) == 1203


def test_more_files_than_a_page(ssh: servers.Host) -> None:
    folder = ssh.folder / "many"
    folder.mkdir()
    for number in range(1203):
        (folder / f"{number:04d}").touch()
    with servers.sftp(ssh) as there, Storage(str(ssh.folder)) as here:
        for storage in (there, here):
            pages = list(storage.pages("many"))
            assert [len(page) for page in pages] == [1000, 203]
            assert [one.path for page in pages for one in page] == [
                f"many/{number:04d}" for number in range(1203)
            ]


# --- Links


@pytest.fixture(params=["file", "sftp"])
def linked(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Storage, Path]:
    """A folder with links: within, out, to nothing, and in a circle."""
    if request.param == "sftp":
        host = request.getfixturevalue("ssh")
        base = host.folder / "linked"
        storage = servers.sftp(host, url=f"{servers.sftp_url(host)}/linked/root")
    else:
        base = tmp_path
        storage = Storage(str(tmp_path / "root"))
    (base / "root/in").mkdir(parents=True)
    (base / "outside").mkdir()
    (base / "outside/secret").write_text("s3cret")
    (base / "root/in/x").write_text("12345")
    for name, to in {
        "out": base / "outside",
        "outfile": base / "outside/secret",
        "later": base / "outside/later",
        "circle": base / "root",
        "within": base / "root/in",
        "one": base / "root/in/x",
        "nothing": base / "root/none",
    }.items():
        (base / "root" / name).symlink_to(to)
    return storage, base


def test_links(linked: tuple[Storage, Path], tmp_path: Path) -> None:
    storage, base = linked
    with storage:
        assert [(one.path, one.folder, one.size) for one in storage.list(recursive=True)] == [
            ("circle", True, None),
            ("in", True, None),
            ("in/x", False, 5),
            ("one", False, 5),
            ("within", True, None),
        ]
        assert [one.path for one in storage.list("within")] == ["within/x"]
        local = tmp_path / "local"
        local.write_text("new")
        for path in ("out/secret", "outfile", "out", "later"):
            for work in (
                lambda path=path: storage.info(path),
                lambda path=path: storage.download(path, tmp_path / "down"),
                lambda path=path: storage.upload(local, path),
                lambda path=path: storage.copy("one", path),
                lambda path=path: storage.copy(path, "two"),
                lambda path=path: storage.delete(path),
                lambda path=path: storage.open(path).read(),
            ):
                with pytest.raises(InvalidArgument, match="by a link"):
                    work()
        with pytest.raises(InvalidArgument, match="by a link"):
            list(storage.list("out"))
        with pytest.raises(InvalidArgument, match="by a link"):
            storage.filesystem.cat("outfile")
        storage.upload(local, "within/new")
        assert (base / "root/in/new").read_text() == "new"
        assert sorted(one.name for one in (base / "outside").iterdir()) == ["secret"]


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    with Storage(str(tmp_path)) as storage:
        with pytest.raises(InvalidArgument, match="neither a file nor a folder"):
            storage.download("pipe", tmp_path / "down")
        with pytest.raises(InvalidArgument, match="neither a file nor a folder"):
            storage.copy("pipe", "other")
        assert not storage.exists("file/below")
        with pytest.raises(NotFoundError):
            storage.copy("none", "other")


def test_a_new_file_has_the_rights_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with Storage(str(tmp_path)) as storage, storage.open("x", "w") as opened:
            opened.write("x")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640
