"""A file is whole or not there: what comes wrong is found, what failed is gone on with or leaves nothing."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import requests
from azure.storage.blob import ContentSettings
from tests.connector.proxy import Fault, FaultProxy
from tests.connector.scripted import answer, scripted
from tests.storage import servers
from tests.storage.conftest import DATA, Make, Sample, amazon, microsoft

from arcuate.connector import AuthenticationError, ConnectionError, DataError, IntegrationError  # noqa: A004
from arcuate.errors import InvalidArgument
from arcuate.storage import Storage
from arcuate.storage.aside import _in_order

objects = pytest.mark.parametrize("make", ["s3", "azure", "gcs"], indirect=True)
Port = Callable[[str], int]
QUICK = {"attempts": 3, "initial": 0.01, "jitter": 0.01}


def _kind(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["make"])


# --- A bit that is wrong


@objects
def test_a_bit_that_is_wrong_is_found(
    make: Make, port_of: Port, file: Sample, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with FaultProxy(port_of(_kind(request))) as proxy, make(proxy.port, retry=None) as storage:
        proxy.fault = Fault(flip_sent=file.part // 2)
        with pytest.raises(DataError) as caught:
            storage.upload(file.path, "x.bin")
        assert caught.value.recoverable
        assert not storage.exists("x.bin")
        proxy.fault = Fault()
        proxy.drop()
    with make(retry=None) as storage:
        storage.upload(file.path, "x.bin")
    with FaultProxy(port_of(_kind(request))) as proxy, make(proxy.port, retry=None) as storage:
        proxy.fault = Fault(flip=file.part // 2)
        with pytest.raises(DataError, match="not those that the system says it has") as caught:
            storage.download("x.bin", tmp_path / "down")
        assert caught.value.recoverable
        assert list(tmp_path.glob("down*")) == []
        proxy.drop()
        with pytest.raises(DataError, match="not those"), storage.open("x.bin") as opened:
            opened.read()


def test_a_small_object_that_came_wrong_is_removed(moto: int, tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(DATA[:300_000])
    with FaultProxy(moto) as proxy, servers.s3(proxy.port, "work/wrong", retry=None) as storage:
        proxy.fault = Fault(flip_sent=150_000)
        with pytest.raises(DataError, match="other bytes than were sent"):
            storage.upload(tmp_path / "small", "x.bin")
        assert not storage.exists("x.bin")


def test_ssh_finds_it_itself(ssh: servers.Host, tmp_path: Path) -> None:
    (ssh.folder / "flip.bin").write_bytes(DATA[:1_000_000])
    with FaultProxy(ssh.port) as proxy:
        ssh.knows(proxy.port)
        proxy.fault = Fault(flip=600_000)
        with servers.sftp(ssh, proxy.port, retry=None) as storage:
            with pytest.raises(ConnectionError) as caught:
                storage.download("flip.bin", tmp_path / "down")
            assert caught.value.recoverable
            proxy.fault = Fault()
            storage.download("flip.bin", tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == DATA[:1_000_000]


@pytest.mark.parametrize(
    "said",
    [
        "Repr-Digest: sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",  # of "hello"
        "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==",
        "Digest: SHA-256=LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    ],
)
@pytest.mark.parametrize("body", [b"hello", b"hellO"])
def test_a_digest_of_a_web_server(said: str, body: bytes, tmp_path: Path) -> None:
    get = answer(200, body, said)
    with scripted(get.removesuffix(body), get) as server, Storage(url=server.url, retry=None) as storage:
        if body == b"hello":
            assert storage.download("x", tmp_path / "x").checked in ("sha256", "md5")
        else:
            with pytest.raises(DataError, match="not those that the system says it has"):
                storage.download("x", tmp_path / "x")
            assert list(tmp_path.iterdir()) == []


def test_a_web_server_that_knows_only_get(tmp_path: Path) -> None:
    get = answer(200, b"hello", 'ETag: "1"')
    with (
        scripted(answer(405), get, get) as server,
        Storage(url=server.url, retry=None) as storage,
    ):
        assert storage.download("x", tmp_path / "x").size == 5
    assert [one[:4] for one in server.asked] == [b"HEAD", b"GET ", b"GET "]


def test_a_web_file_that_was_changed_between_question_and_answer(tmp_path: Path) -> None:
    old, new = answer(200, b"hello", 'ETag: "1"'), answer(200, b"HELLO", 'ETag: "2"')
    answers = (old.removesuffix(b"hello"), new, new.removesuffix(b"HELLO"), new)
    with scripted(*answers) as server, Storage(url=server.url, retry=QUICK) as storage:
        assert storage.download("x", tmp_path / "x").etag == '"2"'
    assert len(server.asked) == 4


# --- What failed


def _unfinished(port: int, prefix: str) -> list[str]:
    found = amazon(port).list_multipart_uploads(Bucket="work", Prefix=prefix)
    return [one["Key"] for one in found.get("Uploads", ())]


def test_a_failed_upload_says_what_it_left_or_leaves_nothing(moto: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    state = tmp_path / "state"
    with FaultProxy(moto) as proxy:
        named = {"part": 256 << 10, "parallel": 1, "retry": None, "state": str(state)}  # S3 wants larger ones
        with servers.s3(proxy.port, "work/failed", **named) as storage:

            def fail(done: int, _total: int | None) -> None:
                proxy.strike = Fault(cut=1, reset=True) if done else None

            with pytest.raises(ConnectionError, match=r"up to 5242880 of 11534336 .*abandon\('x'\)"):
                storage.upload(tmp_path / "x", "x", progress=fail)
            proxy.strike = None
            proxy.drop()
            assert _unfinished(moto, "failed/") == ["failed/x"]
            assert storage.abandon("x") == 1
            assert _unfinished(moto, "failed/") == []
            assert storage.abandon("x") == 0

            def stop(done: int, _total: int | None) -> None:
                if done:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                storage.upload(tmp_path / "x", "x", progress=stop, resume=False)
            assert _unfinished(moto, "failed/") == []

            def change(done: int, _total: int | None) -> None:
                if done:
                    (tmp_path / "x").write_bytes(DATA[:100])

            with pytest.raises(InvalidArgument):
                storage.upload(tmp_path / "x", "x", progress=change)
            assert _unfinished(moto, "failed/") == []
            assert list(state.glob("*")) == []


def test_an_open_file_whose_sending_failed_leaves_nothing(moto: int, tmp_path: Path) -> None:
    """It was a file for now, so nobody could ever go on with its parts."""
    state = tmp_path / "state"
    with servers.s3(moto, "work/opened", part=5 << 20, parallel=1, retry=None, state=str(state)) as storage:
        client = amazon(moto)
        opened = storage.open("x", "wb")
        opened.write(DATA)
        system = storage._system
        assert system is not None
        real, sent = system._client.upload_part, []

        async def once(**named: object) -> object:
            if sent:
                raise ConnectionResetError("the line")
            sent.append(1)
            return await real(**named)

        system._client.upload_part = once
        with pytest.raises(ConnectionError):
            opened.close()
        assert sent
        assert not client.list_multipart_uploads(Bucket="work", Prefix="opened/").get("Uploads")
        assert list(state.glob("*")) == []


def test_credentials_that_expire_on_the_way(moto: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    said = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
    expired = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        len(said),
        said,
    )
    named = {"part": 5 << 20, "parallel": 1, "retry": QUICK, "state": str(tmp_path / "state")}
    with FaultProxy(moto) as proxy:

        def expire(done: int, _total: int | None) -> None:
            if done:
                proxy.strike = Fault(garbage=expired)

        with servers.s3(proxy.port, "work/expired", token="old", **named) as storage:
            with pytest.raises(AuthenticationError, match=r"ExpiredToken.*'token'.*are kept there") as caught:
                storage.upload(tmp_path / "x", "x", progress=expire)
            assert not caught.value.recoverable
        proxy.strike = None
        proxy.drop()
        with servers.s3(proxy.port, "work/expired", token="new", **named) as storage:
            assert storage.upload(tmp_path / "x", "x").resumed == 5 << 20


def test_credentials_that_expire_on_the_way_here(tmp_path: Path) -> None:
    """S3 answers HEAD without a body: its reason is asked for, after botocore has asked for the region."""
    data, part = DATA[:3_000_000], tmp_path / "x.part"
    tag = f'ETag: "{hashlib.md5(data).hexdigest()}"'
    said = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
    whole = answer(200, data, tag)
    head, broken = whole.removesuffix(data), whole[:-1_000_000]
    with (
        scripted(head, broken, answer(400), answer(400), answer(400, said)) as server,
        servers.s3(server.port, token="old", retry=QUICK) as storage,
    ):
        with pytest.raises(AuthenticationError, match=r"ExpiredToken.* are kept in 'x\.part'") as caught:
            storage.download("x", tmp_path / "x")
        assert not caught.value.recoverable
    kept = part.stat().st_size
    assert kept > 100_000
    rest = answer(206, data[kept:], tag, f"Content-Range: bytes {kept}-2999999/3000000")
    with scripted(head, rest) as server, servers.s3(server.port, token="new", retry=None) as storage:
        assert storage.download("x", tmp_path / "x").resumed == kept
        assert f"bytes={kept}-".encode() in server.asked[-1]
    assert (tmp_path / "x").read_bytes() == data


@pytest.mark.parametrize("make", ["file", "sftp", "memory"], indirect=True)
def test_a_file_that_is_changed_while_it_comes(make: Make, file: Sample, tmp_path: Path) -> None:
    with make() as storage:
        storage.upload(file.path, "x.bin")
        changed: list[int] = []

        def change(done: int, _total: int | None) -> None:
            if done and not changed:
                changed.append(done)
                _rewritten(storage, DATA[-len(file.data) :], tmp_path)

        storage.download("x.bin", tmp_path / "down", progress=change)
        found = (tmp_path / "down").read_bytes()
        assert found == DATA[-len(file.data) :] if storage.place.kind != "memory" else found == file.data

        with storage.open("x.bin") as opened:
            opened.read(10)
            _rewritten(storage, b"short", tmp_path)
            if storage.place.kind != "memory":
                with pytest.raises(DataError, match=r"changed|ended after"):
                    opened.read()


def _rewritten(storage: Storage, data: bytes, tmp_path: Path) -> None:
    """As another program does it, in place."""
    if storage.place.kind == "memory":
        with storage.open("x.bin", "wb") as opened:
            opened.write(data)
        return
    path = Path(storage.place.root, "x.bin")
    path.write_bytes(data)
    os.utime(path, (1, 1))


def test_two_downloads_to_one_file(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/x").write_bytes(DATA[:3_000_000])
    with Storage(str(tmp_path / "root")) as storage:
        said: list[BaseException] = []

        def other() -> None:
            try:
                storage.download("x", tmp_path / "down")
            except InvalidArgument as error:
                said.append(error)

        def tell(done: int, _total: int | None) -> None:
            if done and not said:
                thread = threading.Thread(target=other)
                thread.start()
                thread.join()

        storage.download("x", tmp_path / "down", progress=tell)
    assert "another download writes" in str(said[0])
    assert (tmp_path / "down").read_bytes() == DATA[:3_000_000]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/x").write_bytes(b"x")
    with Storage(str(tmp_path / "root")) as storage:
        for target in (tmp_path / "none" / "x", tmp_path, tmp_path / "root/x/y"):
            with pytest.raises(InvalidArgument, match=r"is in no folder|is a folder"):
                storage.download("x", target)


def test_a_password_of_an_address_is_in_no_file(tmp_path: Path) -> None:
    size = 8_000_000  # of which the first pieces are written before the connection ends
    whole = answer(200, DATA[:size], 'ETag: "1"')
    with (
        scripted(whole.removesuffix(DATA[:size]), whole[: size // 2]) as server,
        Storage(f"http://me:s3cret@127.0.0.1:{server.port}", retry=None) as storage,
        pytest.raises(IntegrationError, match="are kept in") as caught,
    ):
        storage.download("x", tmp_path / "x")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in (tmp_path / "x.part.json").read_text()


def test_a_file_that_has_the_name_of_a_beginning(tmp_path: Path) -> None:
    """It is another one of the user's, and was lost."""
    (tmp_path / "root").mkdir()
    for name in ("x", "x.part"):
        (tmp_path / "root" / name).write_text(name)
    with Storage(str(tmp_path / "root")) as storage:
        storage.download("x.part", tmp_path / "x.part")
        with pytest.raises(InvalidArgument, match=r"x\.part', which would be lost"):
            storage.download("x", tmp_path / "x")
        assert (tmp_path / "x.part").read_text() == "x.part"
        (tmp_path / "y").touch(0o600)
        storage.download("x", tmp_path / "y")
        assert (tmp_path / "y").stat().st_mode & 0o777 == 0o600  # as private as what was there
        assert sorted(one.name for one in tmp_path.iterdir()) == ["root", "x.part", "y"]


def test_what_is_no_file_is_not_sent(tmp_path: Path) -> None:
    """A device seems to be empty, and a pipe waits for whoever writes to it."""
    os.mkfifo(tmp_path / "pipe")
    with Storage(str(tmp_path)) as storage:
        for source in (Path("/dev/zero"), tmp_path / "pipe", tmp_path):
            with pytest.raises(InvalidArgument, match="is no file, but a folder, a device or a pipe"):
                storage.upload(source, "x")
        assert not storage.exists("x")


# --- What is said to be packed


def test_packed_objects_come_as_they_are(moto: int, azurite: int, google: int, tmp_path: Path) -> None:
    packed = gzip.compress(DATA[:100_000])
    amazon(moto).put_object(Bucket="work", Key="packed/x", Body=packed, ContentEncoding="gzip")
    with microsoft(azurite) as client:
        settings = ContentSettings(content_encoding="gzip")
        client.get_blob_client("work", "packed/x").upload_blob(packed, content_settings=settings)
    _google_packed(google, packed)
    for storage in (
        servers.s3(moto, "work/packed"),
        servers.az(azurite, "work/packed"),
        servers.gs(google, "work/packed"),
    ):
        with storage:
            storage.download("x", tmp_path / "x")
            assert (tmp_path / "x").read_bytes() == packed, storage.place.kind


def _google_packed(port: int, data: bytes) -> None:
    requests.post(
        f"http://127.0.0.1:{port}/upload/storage/v1/b/work/o?uploadType=media&name=packed/x&contentEncoding=gzip",
        data=data,
        timeout=20,
    ).raise_for_status()


# --- Side by side


@pytest.mark.parametrize("make", ["s3", pytest.param("azure", marks=pytest.mark.soak), "gcs"], indirect=True)
def test_a_download_in_ranges(
    make: Make, port_of: Port, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    size, cut = 3_300_007, 1_300_000
    data, local, down = DATA[:size], tmp_path / "local", tmp_path / "down"
    told: list[int] = []
    changed: list[int] = []
    local.write_bytes(data)

    def tell(done: int, _total: int | None) -> None:
        told.append(done)

    def change(done: int, _total: int | None) -> None:
        if done > 1_000_000 and not changed:
            changed.append(done)
            local.write_bytes(data[::-1])
            with make() as other:
                other.upload(local, "x.bin")

    with FaultProxy(port_of(_kind(request))) as proxy, make(proxy.port, ranges=8, retry=QUICK) as storage:
        storage.upload(local, "x.bin")
        proxy.drop()
        before = proxy.connections
        storage.download("x.bin", down, progress=tell)
        assert down.read_bytes() == data
        assert proxy.connections >= before + 2
        assert told == sorted(told)
        told.clear()
        proxy.fault = Fault(cut=cut, reset=True)
        proxy.drop()
        storage.download("x.bin", down, progress=tell)
        assert down.read_bytes() == data
        assert told == sorted(told)
        proxy.fault = Fault()
        proxy.drop()
        storage.download("x.bin", down, progress=change)
        assert down.read_bytes() in (data[::-1], data)  # one of them, and no mixture
        with storage.open("x.bin") as opened:
            opened.seek(-9, 2)
            assert opened.read() == data[::-1][-9:]


def test_a_range_that_does_not_end_is_not_kept_in_memory() -> None:
    """A server that knows no ranges sends all of the file for each."""
    sent: list[int] = []

    async def fetch(at: int, _count: int) -> AsyncIterator[bytes]:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(100):
                sent.append(number)
                yield bytes([at & 1]) * 400

        return pieces()

    async def main() -> None:
        async for _ in _in_order(0, 3000, 1000, 3, fetch):
            await asyncio.sleep(0)

    with pytest.raises(OSError, match="longer than was asked for"):
        asyncio.run(main())
    assert len(sent) <= 9


# --- Cancelled


def test_a_task_that_is_cancelled_ends_its_transfer(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/x").write_bytes(DATA)
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def tell(done: int, _total: int | None) -> None:
        if done:
            began.set()
            go_on.wait(10)

    async def main() -> None:
        async with Storage(str(tmp_path / "root")) as storage:
            task = asyncio.create_task(storage.adownload("x", tmp_path / "down", progress=tell))
            await asyncio.to_thread(began.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()
            ended.set()

    asyncio.run(main())  # it waits for the threads that are still busy
    assert ended.is_set()
    assert not (tmp_path / "down").exists()
    assert 0 < (tmp_path / "down.part").stat().st_size < len(DATA)
