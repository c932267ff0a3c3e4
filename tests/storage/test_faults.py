"""Networks and servers that fail: what is gone on with, what is said, and what is never said."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.connector.proxy import Fault, FaultProxy
from tests.connector.scripted import Scripted
from tests.storage import servers
from tests.storage.conftest import Make, Sample

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
)

KINDS = ("s3", "azure", "gcs", "sftp")
remote = pytest.mark.parametrize("make", KINDS, indirect=True)
QUICK = {"attempts": 3, "initial": 0.01, "jitter": 0.01}
SECRETS = ("s3cret", servers.KEY)
Port = Callable[[str], int]


def _kind(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["make"])


@remote
@pytest.mark.parametrize("reset", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_a_download_that_breaks_goes_on(
    make: Make, port_of: Port, file: Sample, tmp_path: Path, request: pytest.FixtureRequest, reset: bool
) -> None:
    with make() as direct:
        direct.upload(file.path, "x.bin")
    told: list[int] = []
    often = {
        "retry": {**QUICK, "attempts": 20},
        "breaker": None,
    }  # of what was sent a reset may lose the most
    with FaultProxy(port_of(_kind(request))) as proxy, make(proxy.port, **often) as storage:
        storage.info("x.bin")
        proxy.fault = Fault(cut=int(1.2 * file.part), reset=reset)
        if _kind(request) == "sftp":
            storage.close()
            storage = make(proxy.port, **often)
        with storage:
            down = storage.download("x.bin", tmp_path / "down", progress=lambda done, _: told.append(done))
        if _kind(request) == "sftp":
            assert proxy.connections >= 3
        assert (tmp_path / "down").read_bytes() == file.data
        assert down.size == len(file.data)
        assert sorted(told) == told  # nothing was begun anew


@remote
def test_an_upload_that_breaks_goes_on(
    make: Make, port_of: Port, file: Sample, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    told: list[int] = []
    kind = _kind(request)
    with FaultProxy(port_of(kind)) as proxy:

        def tell(done: int, _total: int | None) -> None:
            if told and done == told[-1]:
                proxy.fault = Fault()  # it goes on
            elif done >= file.part and len(set(told)) < 3 and kind != "sftp":
                proxy.fault = Fault(
                    sent=file.part // 5, reset=True
                )  # of those who make a connection for each part
            told.append(done)

        proxy.fault = Fault(sent=int(1.6 * file.part), reset=True)
        with make(proxy.port, retry=QUICK, parallel=1) as storage:
            up = storage.upload(file.path, "x.bin", progress=tell)
        assert up.resumed >= file.part
        assert proxy.connections >= 2
        assert kind == "sftp" or told == sorted(told)  # SFTP is told before the server has said yes
    with make() as direct:
        direct.download("x.bin", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == file.data


@remote
def test_a_server_that_says_nothing(make: Make, port_of: Port, request: pytest.FixtureRequest) -> None:
    with FaultProxy(port_of(_kind(request))) as proxy:
        proxy.fault = Fault(silent=True)
        storage = make(proxy.port, retry=None, timeouts={"connect": 0.4, "read": 0.4})
        with pytest.raises((IntegrationTimeout, ConnectionError)) as caught:
            storage.info("x.bin")
        assert caught.value.recoverable
        health = storage.health()
        assert health.status == "down"
        assert not [one for one in SECRETS if one in str(caught.value) + health.detail + repr(storage)]
        storage.close()


@remote
def test_a_server_that_is_away(make: Make, request: pytest.FixtureRequest) -> None:
    storage = make(servers.free_port(), retry=QUICK)
    with pytest.raises(ConnectionError, match="is the server running") as caught:
        storage.info("x.bin")
    assert caught.value.recoverable
    assert not [one for one in SECRETS if one in str(caught.value)]
    storage.close()


def test_wrong_key_of_azure(azurite: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "d3Jvbmcta2V5LXdyb25nLWtleQ=="
    with (
        servers.az(azurite, secret=wrong, retry=QUICK) as storage,
        pytest.raises(AuthenticationError, match="'secret'") as caught,
    ):
        storage.info("x.bin")
    assert not caught.value.recoverable
    assert caught.value.status == 403
    assert wrong not in str(caught.value) + caplog.text


def test_wrong_key_of_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "0")
    with (
        servers.moto() as port,
        servers.s3(port, retry=QUICK) as storage,
        pytest.raises(AuthenticationError, match="'secret'") as caught,
    ):
        list(storage.list())
    assert not caught.value.recoverable
    assert caught.value.status == 403
    assert not [one for one in SECRETS if one in str(caught.value)]


def test_wrong_key_of_ssh(ssh: servers.Host) -> None:
    with (
        pytest.raises(AuthenticationError, match="'key'"),
        servers.sftp(ssh, key_file=str(ssh.other), retry=QUICK) as storage,
    ):
        storage.info()


def test_a_host_that_is_not_known(ssh: servers.Host, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("")
    with (
        pytest.raises(AuthenticationError, match="known_hosts"),
        servers.sftp(ssh, known_hosts=str(tmp_path / "known"), retry=QUICK) as storage,
    ):
        storage.info()
    other = (ssh.folder.parent / "other.pub").read_text().split()[:2]
    (tmp_path / "known").write_text(f"[127.0.0.1]:{ssh.port} {' '.join(other)}\n")
    with (
        pytest.raises(AuthenticationError, match="not the one that is known"),
        servers.sftp(ssh, known_hosts=str(tmp_path / "known"), retry=QUICK) as storage,
    ):
        storage.info()


def _answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("kind", ["s3", "azure", "gcs"])
@pytest.mark.parametrize(
    ("status", "error", "recoverable"),
    [
        ("401 Unauthorized", AuthenticationError, False),
        ("403 Forbidden", AuthenticationError, False),
        ("404 Not Found", NotFoundError, False),
        ("429 Too Many Requests", RateLimitError, True),
        ("503 Slow Down", RateLimitError, True),
        ("500 Internal Server Error", IntegrationError, True),
    ],
)
def test_statuses(kind: str, status: str, error: type[IntegrationError], recoverable: bool) -> None:
    made = {"s3": servers.s3, "azure": servers.az, "gcs": servers.gs}[kind]
    server = Scripted(tuple(_answer(status) for _ in range(20)))
    try:
        with made(server.port, retry=QUICK) as storage, pytest.raises(error) as caught:
            list(storage.list())
        assert caught.value.recoverable is recoverable
        assert caught.value.status == int(status[:3])
        assert len(server.asked) == (3 if recoverable else 1)
        assert not [one for one in SECRETS if one in str(caught.value)]
    finally:
        server.close()


@pytest.mark.parametrize("kind", ["s3", "azure", "gcs"])
@pytest.mark.parametrize("body", [b"<html>hello", b"\xff\xfe{", b"[]"], ids=["html", "bytes", "list"])
def test_what_is_no_listing(kind: str, body: bytes) -> None:
    """It is not taken for an empty one."""
    made = {"s3": servers.s3, "azure": servers.az, "gcs": servers.gs}[kind]
    server = Scripted((_answer("200 OK", body),))
    try:
        with made(server.port, retry=QUICK) as storage, pytest.raises(IntegrationError) as caught:
            list(storage.list())
        assert not [one for one in SECRETS if one in str(caught.value)]
    finally:
        server.close()


def test_a_session_that_is_gone_is_begun_anew(google: int, file: Sample, tmp_path: Path) -> None:
    state = tmp_path / "state"

    def stop(done: int, _total: int | None) -> None:
        if done >= file.part:
            raise KeyboardInterrupt

    with servers.gs(google, "work/gone", part=file.part, state=str(state), retry=QUICK) as storage:
        with pytest.raises(KeyboardInterrupt):
            storage.upload(file.path, "x.bin", progress=stop)
        (note,) = state.glob("*.json")
        assert note.stat().st_mode & 0o077 == 0  # the address in it is a credential
        found = json.loads(note.read_text())
        note.write_text(json.dumps({**found, "id": found["id"].replace("upload_id=", "upload_id=no")}))
        assert storage.upload(file.path, "x.bin").resumed == 0
        storage.download("x.bin", tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == file.data
        assert list(state.glob("*")) == []


def test_bytes_that_changed_on_the_way_are_refused(tmp_path: Path) -> None:
    tag = 'ETag: "5d41402abc4b2a76b9719d911017c592"'  # of "hello"
    head, get = (
        _answer("200 OK", b"", tag).replace(b"Length: 0", b"Length: 5"),
        _answer("200 OK", b"hellO", tag),
    )
    server = Scripted((head, get))
    try:
        with (
            servers.s3(server.port, retry=None) as storage,
            pytest.raises(DataError, match="not those that the system says it has") as caught,
        ):
            storage.download("x", tmp_path / "x")
        assert caught.value.recoverable
        assert list(tmp_path.iterdir()) == []
    finally:
        server.close()
