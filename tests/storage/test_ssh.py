"""SSH: whose keys are asked, servers that know less, connections that fall silent, and copies."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import pytest
from tests.connector.proxy import Fault, FaultProxy
from tests.storage import servers
from tests.storage.conftest import DATA

from arcuate.connector import AuthenticationError, ConnectionError, IntegrationError, IntegrationTimeout  # noqa: A004
from arcuate.errors import InvalidArgument
from arcuate.storage import Storage

QUICK = {"attempts": 3, "initial": 0.01, "jitter": 0.01}


def test_no_agent_is_asked_where_there_is_a_key(
    ssh: servers.Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        agent.listen()
        agent.setblocking(False)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        with servers.sftp(ssh) as storage:
            assert storage.health()
        with pytest.raises(AuthenticationError):
            servers.sftp(ssh, key_file="", secret="wrong", retry=None).open()
        with pytest.raises(BlockingIOError):
            agent.accept()


def test_nothing_to_say_who_one_is(
    ssh: servers.Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / "spoilt").write_text("no key")
    for options in ({"key_file": ""}, {"key_file": str(tmp_path / "spoilt")}):
        storage = servers.sftp(ssh, retry=QUICK, **options)
        with pytest.raises(AuthenticationError) as caught:
            storage.info()
        assert not caught.value.recoverable
        storage.close()
    for setting in ("key_file", "known_hosts"):
        storage = servers.sftp(ssh, **{setting: str(tmp_path / "none")})
        with pytest.raises(InvalidArgument, match=f"'{setting}' names"):
            storage.info()
        storage.close()


def test_a_connection_that_fell_silent_is_not_used_again(ssh: servers.Host) -> None:
    (ssh.folder / "silent").write_text("x")
    with FaultProxy(ssh.port) as proxy:
        ssh.knows(proxy.port)
        with servers.sftp(ssh, proxy.port, retry=None, timeouts={"connect": 5, "read": 0.3}) as storage:
            assert storage.exists("silent")
            proxy.strike = Fault(silent=True)  # of the connection that is there, for ever
            with pytest.raises(IntegrationTimeout):
                storage.info("silent")
            proxy.strike = None
            assert storage.exists("silent")


@pytest.mark.parametrize("there", [False, True])
def test_a_server_that_puts_no_file_in_place_of_another(there: bool, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA[:100_000])
    with servers.sshd(denied="posix-rename") as host, servers.sftp(host) as storage:
        if there:
            (host.folder / "x").write_text("old")
        storage.upload(tmp_path / "x", "x")
        assert (host.folder / "x").read_bytes() == DATA[:100_000]
        assert [one.name for one in host.folder.iterdir()] == ["x"]
        (host.folder / "folder").mkdir()
        with pytest.raises(IntegrationError, match="directory"):
            storage.upload(tmp_path / "x", "folder", resume=False)
        assert sorted(one.name for one in host.folder.iterdir()) == ["folder", "x"]


def test_copies(ssh: servers.Host, tmp_path: Path) -> None:
    """Within a server, between two, and what is there is replaced at once or not at all."""
    (ssh.folder / "one").write_bytes(DATA[:2_000_000])
    with servers.sftp(ssh) as storage:
        (ssh.folder / "there").mkdir()
        (ssh.folder / "there/two").write_text("old")
        storage.copy("one", "there/two")
        assert (ssh.folder / "there/two").read_bytes() == DATA[:2_000_000]
        assert [one.name for one in (ssh.folder / "there").iterdir()] == ["two"]
        with pytest.raises(IntegrationError, match="no such thing"):
            storage.copy("none", "there/two")
        assert (ssh.folder / "there/two").stat().st_size == 2_000_000


def test_what_an_upload_left(ssh: servers.Host, tmp_path: Path) -> None:
    local, folder = tmp_path / "x", ssh.folder / "left"
    folder.mkdir()
    local.write_bytes(DATA[:2_000_000])

    def stop(done: int, _total: int | None) -> None:
        if done > 1_000_000:
            raise KeyboardInterrupt

    with servers.sftp(ssh, state=str(tmp_path / "state")) as storage:
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                storage.upload(local, "left/x", progress=stop)
            assert len(list(folder.iterdir())) == 1
            local.write_bytes(hashlib.sha256(local.read_bytes()).digest() + DATA[:2_000_000])
        storage.upload(local, "left/x")
        assert [one.name for one in folder.iterdir()] == ["x"]  # not the beginnings of what it was
        with pytest.raises(KeyboardInterrupt):
            storage.upload(local, "left/y", progress=stop)
        (folder / ".y.tmp").touch()  # somebody else's
        assert storage.abandon("left/y") == 1
        assert storage.abandon("nowhere/y") == 0
        assert sorted(one.name for one in folder.iterdir()) == [".y.tmp", "x"]
        with pytest.raises(KeyboardInterrupt):
            storage.upload(local, "left/z", progress=stop, resume=False)
        assert sorted(one.name for one in folder.iterdir()) == [".y.tmp", "x"]


def test_from_one_server_to_another(ssh: servers.Host, tmp_path: Path) -> None:
    (ssh.folder / "source.bin").write_bytes(DATA[:1_000_000])
    with servers.sshd() as other, servers.sftp(ssh) as one, servers.sftp(other) as two:
        with one.open("source.bin") as reading, two.open("deep/target.bin", "wb") as writing:
            while piece := reading.read(1 << 18):
                writing.write(piece)
        assert (other.folder / "deep/target.bin").read_bytes() == DATA[:1_000_000]
        assert isinstance(one, Storage)


def test_a_host_that_is_away_is_said_to_be(ssh: servers.Host) -> None:
    with FaultProxy(ssh.port) as proxy:
        ssh.knows(proxy.port)
        storage = servers.sftp(ssh, proxy.port, retry=None)
        storage.info()
    with pytest.raises(ConnectionError) as caught, storage:
        storage.info()
    assert caught.value.recoverable
