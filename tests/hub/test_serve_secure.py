"""Tokens, certificates and keys as an operator gives them out: by the command line, to a real hub."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from tests.cli.support import shell
from tests.hub.certificates import Files
from tests.hub.process import Served, served

from arcuate.client import Session, connect, publish, subscribe
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    CallTimeout,
    ConnectionLost,
    LimitExceeded,
    PermissionDenied,
)
from arcuate.hub.server import Server
from arcuate.hub.settings import load
from arcuate.hub.tokens import create
from arcuate.worker.confine import unavailable

LOCAL = "127.0.0.1:0"
WAYS = ("grpc", "zmq", "http")
needs_confinement = pytest.mark.skipif(bool(unavailable()), reason=f"confinement: {unavailable()}")


LIMITS = {"sessions": 1, "call_seconds": 1, "message": 200_000, "array": 500_000, "memory": 500_000_000}
TOKENS = {
    "all": "",
    "calls": "--no-eval --allow math.* --allow len --environment py*",
    "code": "--no-workspace",
    "few": " ".join(f"--limit {key}={value}" for key, value in LIMITS.items()),
    "reader": "--subscribe lab/* --publish none",
    "revoked": "",
    "writer": "--publish lab/* --subscribe none",
}
"""Tokens by name, and the options that they are made with."""


class Site:
    """A hub with everything that ``arcuate serve`` has flags for.

    Attributes:
        tokens: those of :data:`TOKENS`.
    """

    def __init__(self, folder: Path, hub: Served, authority: Files, tokens: dict[str, str]) -> None:
        self.folder, self.hub, self.authority = folder, hub, authority
        self.file = folder / "tokens.toml"
        self.tokens = tokens

    def security(self, way: str) -> dict[str, Any]:
        """How the hub is known to be the one that is meant."""
        return {"curve": self.hub.ready["zmq_server_key"]} if way == "zmq" else {"tls": self.authority.ca}

    def connect(self, way: str, name: str, environment: str = "python") -> Session:
        """A session over one of the protocols, by somebody's token."""
        url = f"{self.hub.ready[way]}/{environment}"
        return connect(url, token=self.tokens[name], **self.security(way))


def token(file: Path, *options: str) -> str:
    """The last line that ``arcuate token create`` prints."""
    done = shell("token", "create", "--file", str(file), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("secure")
    authority = Files(folder, "ours")
    certificate, key = authority.issue("hub", "127.0.0.1")
    with ThreadPoolExecutor(3) as pool:  # several at a time: none gets lost
        made = pool.map(
            lambda name: token(folder / "tokens.toml", "--name", name, *TOKENS[name].split()), TOKENS
        )
        tokens = dict(zip(TOKENS, made, strict=True))
    options = {
        "grpc": LOCAL, "zmq": LOCAL, "http": LOCAL, "tokens": "tokens.toml", "audit": "audit.jsonl",
        "tls-certificate": certificate, "tls-key": key, "curve-key": "curve.key",
    }  # fmt: skip
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    words += ["--set", "environments.python.language=python", "--set", "environments.other.language=python"]
    with served(folder, *words) as hub:
        yield Site(folder, hub, authority, tokens)
        assert hub.stop() == 0


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_what_it_is_started_with(site: Site) -> None:
    ready = site.hub.ready
    assert ready["grpc"].startswith("grpcs://")
    assert ready["http"].startswith("https://")
    assert (mode(site.file), mode(site.folder / "curve.key")) == (0o600, 0o600)
    assert f'public-key = "{ready["zmq_server_key"]}"' in (site.folder / "curve.key").read_text()
    for way in WAYS:
        with site.connect(way, "all") as session:
            assert session.eval("6 * 7") == 42
        with pytest.raises(AuthenticationFailed):
            connect(f"{ready[way]}/python", **site.security(way))
    audit = (site.folder / "audit.jsonl").read_text()
    assert "token:all" in audit
    assert not any(one in audit for one in site.tokens.values())


def test_no_workspace(site: Site) -> None:
    with site.connect("grpc", "code") as session:
        assert session.eval("6 * 7") == 42
        for forbidden in (
            lambda: session.__setitem__("x", 1),
            lambda: session["x"],
            lambda: session.__delitem__("x"),
            lambda: list(session),
        ):
            with pytest.raises(PermissionDenied, match="may not read or write variables"):
                forbidden()


@needs_confinement
def test_no_eval_and_allowed_functions(site: Site) -> None:
    with site.connect("http", "calls") as session:
        assert session.call("math.hypot", 3.0, 4.0) == 5.0
        assert session.call("len", "abc") == 3
        with pytest.raises(PermissionDenied, match=r"may not use the function 'os\.getpid'"):
            session.call("os.getpid")
        with pytest.raises(PermissionDenied, match="may not send code"):
            session.eval("1")
    with pytest.raises(PermissionDenied, match="may not use the environment 'other'; allowed are: py\\*"):
        site.connect("http", "calls", "other")


def test_limits_of_a_token(site: Site) -> None:
    with site.connect("grpc", "few") as session:
        with pytest.raises(LimitExceeded) as found:
            site.connect("zmq", "few")
        assert found.value.setting == "sessions"
        assert "its limit 'sessions'" in found.value.message
        with pytest.raises(CallTimeout):
            session.eval("__import__('time').sleep(60)")
        large = {"array": np.zeros(100_000), "message": {str(i): "x" * 40 for i in range(9000)}}
        for setting, value in large.items():
            with pytest.raises(LimitExceeded, match=f"'{setting}'") as found:
                session.call("len", value)
            assert found.value.setting == setting
        assert session.call("len", np.zeros(50_000)) == 50_000
        with pytest.raises(ArcuateError, match="500,000,000 bytes \\(setting 'memory'\\)"):
            session.eval("len(bytearray(600_000_000))")
    with site.connect("zmq", "few") as session:  # there is room again
        assert session.eval("6 * 7") == 42


def test_topics_of_a_token(site: Site) -> None:
    writer, reader = site.tokens["writer"], site.tokens["reader"]
    for way in WAYS:
        url, more = site.hub.ready[way], site.security(way)
        publish(f"lab/{way}", 1.5, url, token=writer, **more)
        with pytest.raises(PermissionDenied):
            publish("office", 1.5, url, token=writer, **more)
        with pytest.raises(PermissionDenied):
            publish(f"lab/{way}", 1.5, url, token=reader, **more)
        with subscribe(f"lab/{way}", url, start=0, token=reader, **more) as blocks:
            assert blocks.next(timeout=20) == 1.5
        with pytest.raises(PermissionDenied), subscribe(f"lab/{way}", url, token=writer, **more) as blocks:
            blocks.next(timeout=20)


def refused(work: Callable[[], Any]) -> AuthenticationFailed:
    """Waits until something is refused: a hub looks at the file and the clock twice a second."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            work()
        except ArcuateError as error:
            cause = error if isinstance(error, AuthenticationFailed) else error.__cause__
            assert isinstance(cause, AuthenticationFailed) or "revoked" in error.message, repr(error)
            return cause if isinstance(cause, AuthenticationFailed) else AuthenticationFailed(error.message)
        time.sleep(0.05)
    raise AssertionError("it is let in still")


def test_a_token_that_ends(site: Site) -> None:
    for seconds in (2, 4, 8, 16):  # what a session takes to open, on a machine that is busy
        site.tokens["late"] = token(site.file, "--name", f"late{seconds}", "--expires", f"{seconds}s")
        try:
            session = site.connect("grpc", "late")
            break
        except AuthenticationFailed:
            continue
    with session:
        assert "expired" in refused(lambda: session.eval("1")).message
    with pytest.raises(AuthenticationFailed, match="expired"):
        site.connect("zmq", "late")


def test_a_token_that_is_revoked(site: Site) -> None:
    with site.connect("http", "revoked") as session:
        assert session.eval("1") == 1
        done = shell("token", "revoke", "revoked", "--file", str(site.file))
        assert (done.returncode, done.stdout) == (0, "revoked: revoked\n")
        assert "revoked" in refused(lambda: session.eval("1")).message
        begun = time.monotonic()
    assert time.monotonic() - begun < 4  # nobody waits for a hub that says no
    with pytest.raises(AuthenticationFailed, match="not known"):
        site.connect("grpc", "revoked")


# ------------------------------------------------------- certificates and keys


def test_certificates_and_keys_of_the_file(tmp_path: Path) -> None:
    """``[certificate."..."]`` and ``[key.name]`` say what those may do; keys that it lacks may do all."""
    authority = Files(tmp_path, "ours")
    certificate, key = authority.issue("hub", "127.0.0.1")
    own = authority.issue("robot", common_name="robot")
    stranger = authority.issue("stranger", common_name="stranger")
    probe, other, third = (zmq.curve_keypair() for _ in range(3))
    given = token(tmp_path / "tokens.toml", "--name", "alice")
    with (tmp_path / "tokens.toml").open("a") as out:
        out.write(f'[certificate."{authority.subject(own[0])}"]\nworkspace = false\n')
        out.write(f'[key.probe]\npublic = "{probe[0].decode()}"\nenvironments = []\npublish = ["lab/*"]\n')
    (tmp_path / "clients").write_text(f"{probe[0].decode()} the probe\n{other[0].decode()} another\n")
    options = {
        "grpc": LOCAL, "zmq": LOCAL, "http": LOCAL, "tokens": "tokens.toml", "curve-key": "curve.key",
        "tls-certificate": certificate, "tls-key": key, "tls-client-ca": authority.ca,
        "curve-authorised-keys": "clients",
    }  # fmt: skip
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    with served(tmp_path, *words) as hub:
        for way in ("grpc", "http"):
            url = f"{hub.ready[way]}/python"
            with connect(url, tls=_shown(authority, own)) as session:
                assert session.eval("6 * 7") == 42
                with pytest.raises(PermissionDenied, match=r"robot.*variables"):
                    session["x"] = 1
            with pytest.raises(AuthenticationFailed, match=r"certificate of .*stranger.* is not known"):
                connect(url, tls=_shown(authority, stranger))
            with connect(url, tls=_shown(authority, stranger), token=given) as session:
                session["x"] = 1  # a token counts before the certificate
            with pytest.raises((AuthenticationFailed, ConnectionLost)):
                connect(url, tls=authority.ca, token=given, start=5)
        server = hub.ready["zmq_server_key"]
        keys = [
            {"server_key": server, "public_key": public.decode(), "secret_key": secret.decode()}
            for public, secret in (probe, other, third)
        ]
        publish("lab/probe", 1.5, hub.ready["zmq"], curve=keys[0])
        with pytest.raises(PermissionDenied):
            publish("office", 1.5, hub.ready["zmq"], curve=keys[0])
        with pytest.raises(PermissionDenied, match=r"key:probe.*may not use the environment"):
            connect(f"{hub.ready['zmq']}/python", curve=keys[0])
        with connect(f"{hub.ready['zmq']}/python", curve=keys[1]) as session:
            assert session.eval("6 * 7") == 42
        with pytest.raises((AuthenticationFailed, ConnectionLost)):
            connect(f"{hub.ready['zmq']}/python", curve=keys[2], start=3)
        with connect(f"{hub.ready['zmq']}/python", curve=keys[1], token=given) as session:
            assert session.eval("6 * 7") == 42
        assert hub.stop() == 0


def _shown(authority: Files, files: tuple[Path, Path]) -> dict[str, Path]:
    return {"ca": authority.ca, "certificate": files[0], "key": files[1]}


# ----------------------------------------------------------- without confinement

NO_LANDLOCK = """
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7FFF0000)]
data = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, struct.pack("HP", len(code), ctypes.addressof(data)), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
"""A filter of system calls (seccomp) that answers landlock_create_ruleset as an old kernel does: ENOSYS."""


@needs_confinement
def test_allow_unconfined(tmp_path: Path) -> None:
    """On a machine that cannot confine, tokens without eval are refused, unless the operator insists."""
    under = (sys.executable, "-c", NO_LANDLOCK)
    given = token(tmp_path / "tokens.toml", "--no-eval", "--allow", "len")
    options = ("--grpc", LOCAL, "--tokens", "tokens.toml")
    with served(tmp_path, *options, under=under) as hub:
        assert "tokens without eval are refused: confinement needs Landlock" in hub.err.read_text()
        with pytest.raises(PermissionDenied, match="--allow-unconfined"):
            connect(f"{hub.ready['grpc']}/python", token=given)
        assert hub.stop() == 0
    with served(tmp_path, *options, "--allow-unconfined", under=under) as hub:
        assert "run unconfined, as it was asked for" in hub.err.read_text()
        with connect(f"{hub.ready['grpc']}/python", token=given) as session:
            assert session.call("len", "abc") == 3
            with pytest.raises(PermissionDenied):
                session.call("os.getpid")
        assert hub.stop() == 0


# --------------------------------------------------------------------- mistakes


MISTAKES = {
    "--http {local} --tls-client-ca ca.pem": "without 'certificate'",
    "--http {local} --tokens missing.toml": "arcuate token create",
    "--http 0.0.0.0:0": "--insecure",
    "--http 0.0.0.0:0 --tokens tokens.toml": "--tls-certificate",
}


def test_mistakes_are_explained(tmp_path: Path) -> None:
    create(tmp_path / "tokens.toml", "ann")
    with ThreadPoolExecutor(4) as pool:
        words = [text.format(local=LOCAL).split() for text in MISTAKES]
        found = pool.map(lambda given: shell("serve", *given, cwd=tmp_path), words)
        for done, said in zip(found, MISTAKES.values(), strict=True):
            assert done.returncode in (1, 2)
            assert said in done.stderr, done.args
            assert "Traceback" not in done.stderr
            assert done.stdout == ""


@pytest.mark.parametrize(
    "settings",
    [
        {"http": LOCAL, "tls": {"certificate": "missing.pem"}},
        {"grpc": LOCAL, "tls": {"certificate": "missing.pem"}},
        {"zmq": LOCAL, "curve": {"authorised_keys": "missing.pem"}},
    ],
    ids=["http", "grpc", "zmq"],
)
def test_files_that_are_missing(settings: dict[str, Any]) -> None:
    server = Server(load(settings, environ=False).config)
    with pytest.raises(ArcuateError, match=r"missing\.pem"):
        server.start()
