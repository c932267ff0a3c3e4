"""What others may try against a hub: each item of a list is refused with its code and audited.

Nobody else notices anything. An item without a test fails.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.hub.certificates import Files
from tests.hub.raw import Raw

from arcuate.client import Session, connect, messages
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    ConnectionLost,
    LimitExceeded,
    PermissionDenied,
    Unavailable,
)
from arcuate.hub import Config, Credentials
from arcuate.hub.server import Server
from arcuate.hub.tokens import SKEW, create
from arcuate.values import codes

ITEMS = {
    "a wrong token": "AUTHENTICATION_FAILED",
    "an expired token": "AUTHENTICATION_FAILED",
    "a forbidden function by a detour": "PERMISSION_DENIED",
    "an unknown session": "SESSION_CLOSED",
    "a handle of another principal's session": "PERMISSION_DENIED",
    "a message over the limit": "LIMIT_EXCEEDED",
    "a truncated stream": "PROTOCOL_ERROR",
    "two replies for one id": "PROTOCOL_ERROR",
    "a client that stops reading": "OK",
    "10,000 connections": "",
    "clock skew": "AUTHENTICATION_FAILED",
    "a certificate of another authority": "",
    "a non-UTF-8 name": "PROTOCOL_ERROR",
    "a path where a name belongs": "PERMISSION_DENIED",
}
"""The items, and the outcome in the audit log; none where no client got so far as to ask for anything."""
WAYS = ("grpc", "zmq", "http")
Test = Callable[["Site"], None]
TESTS: dict[str, Test] = {}


def item(name: str) -> Callable[[Test], Test]:
    """Names the item that a function tests."""

    def register(test: Test) -> Test:
        TESTS[name] = test
        return test

    return register


class Site:
    """A hub with all its bridges that asks for tokens, and a bystander's session."""

    def __init__(self, folder: Path) -> None:
        self.tokens, self.audit = folder / "tokens.toml", folder / "audit.jsonl"
        self.alice = create(self.tokens, "alice")
        self.bob = create(
            self.tokens, "bob", eval=False, functions=["math.*", "len"], environments=["python"]
        )
        self.late = create(self.tokens, "late", expires=time.time() - 1)
        here = ["127.0.0.1:0"]
        config = Config(
            tokens=self.tokens, audit=self.audit, grpc=here, zmq=here, http=here,
            environments={"python": {"language": "python"}}, limits={"message": 1 << 20},
        )  # type: ignore[arg-type,unused-ignore]  # pydantic reads the mappings  # fmt: skip
        self.server = Server(config)
        self.server.start()

    def url(self, way: str) -> str:
        """Where Python is reached."""
        return f"{self.server.endpoints[way].rstrip('/')}/python"

    def connect(self, token: str, way: str = "zmq") -> Session:
        """A session with a token."""
        return connect(self.url(way), token=token)

    def raw(self, token: str) -> Raw:
        """Messages by hand."""
        return Raw(self.server.hub, Credentials(token=token, local=True, protected=True))

    def plain(self) -> http.client.HTTPConnection:
        """A connection to the HTTP bridge."""
        found = urlsplit(self.server.endpoints["http"])
        return http.client.HTTPConnection(str(found.hostname), found.port, timeout=20)

    def records(self) -> list[dict[str, Any]]:
        """The audit log."""
        return [json.loads(line) for line in self.audit.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("site"))
    yield found
    found.server.stop(1.0)


@pytest.mark.parametrize("name", ITEMS)
def test_item(site: Site, name: str) -> None:
    with site.connect(site.alice, "grpc") as bystander:
        bystander["x"] = 41
        before = len(site.records())
        TESTS[name](site)
        outcomes = [one["outcome"] for one in site.records()[before:]]
        assert not ITEMS[name] or ITEMS[name] in outcomes, outcomes
        assert bystander.eval("x + 1") == 42
        assert bystander.info["generation"] == 1


def test_the_list_is_complete() -> None:
    assert set(TESTS) == set(ITEMS)


def told(error: type[ArcuateError], match: str, work: Callable[[], Any]) -> None:
    """Asserts that something is refused so."""
    with pytest.raises(error, match=match):
        work()


@item("a wrong token")
def wrong_token(site: Site) -> None:
    for way in WAYS:
        before = len(site.records())
        told(AuthenticationFailed, "not known", lambda way=way: site.connect(site.alice[:-2] + "xx", way))  # type: ignore[misc]
        assert [one["outcome"] for one in site.records()[before:]] == ["AUTHENTICATION_FAILED"]


@item("an expired token")
def expired_token(site: Site) -> None:
    for way in WAYS:
        told(AuthenticationFailed, "expired", lambda way=way: site.connect(site.late, way))  # type: ignore[misc]


@item("a forbidden function by a detour")
def detour(site: Site) -> None:
    with site.connect(site.bob) as bob:
        assert bob.call("math.sqrt", 4.0) == 2.0
        for name in (
            "os.system",
            "eval",
            "builtins.eval",
            "math.__loader__.load_module",
            "getattr",
            "len.__call__",
        ):
            told(PermissionDenied, "bob", lambda name=name: bob.call(name, "1"))  # type: ignore[misc]
        told(PermissionDenied, "code", lambda: bob.eval("1"))
        told(PermissionDenied, "code", lambda: bob.run("import os"))


@item("an unknown session")
def unknown_session(site: Site) -> None:
    found = site.raw(site.alice).ask("resume", session="none", secret="guess", seen=0)
    assert found["code"] in ("SESSION_CLOSED", "PERMISSION_DENIED")
    assert "session" in found["message"]


@item("a handle of another principal's session")
def foreign_handle(site: Site) -> None:
    with site.connect(site.alice) as alice:
        kept = alice.eval("[1, 2]", keep=True)
        owner = next(one.id for one in site.server.hub.sessions if alice.info["session"] == one.id)
        client = site.raw(site.bob)
        client.ask("open", environment="python")
        message = messages.build("show", 99, {})
        root = message.rows[0]
        message.rows[0] = (*root[:4], root[4] + 1, *root[5:])
        message.rows.append((codes.HANDLE, 0, 0, 0, 1, 0, "target", f"{owner}/{kept._arcuate[1]}"))
        message.rows.append((codes.MAPPING, 0, 0, 0, 0, 0, "info", ""))
        client.link.send(message)
        found = client.answer(99)
        assert found["code"] == "PERMISSION_DENIED", found["message"]
        client.ask("close")


@item("a message over the limit")
def too_large(site: Site) -> None:
    for way in WAYS:
        with site.connect(site.alice, way) as alice:
            before = len(site.records())
            told(LimitExceeded, "message", lambda alice=alice: alice.call("len", "x" * (1 << 21)))  # type: ignore[misc]
            if way == "http":  # where the client itself sends nothing of that size
                client = site.plain()
                body = json.dumps({"args": ["x" * (1 << 21)]})
                client.request("POST", "/v1/environments/python/call/len", body, headers(site.alice))
                answer = client.getresponse()
                assert answer.status == 413
                assert json.load(answer)["error"]["setting"] == "message"
                client.close()
            assert "LIMIT_EXCEEDED" in [one["outcome"] for one in site.records()[before:]], way
            assert alice.call("len", "x") == 1


@item("a truncated stream")
def truncated(site: Site) -> None:
    found = urlsplit(site.server.endpoints["http"])
    body = b"UBRA" + bytes(996)  # says nothing of its own size that fits
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: {found.netloc}\r\nAuthorization: Bearer {site.alice}\r\n"
        "Content-Type: application/vnd.arcuate.frames\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection((found.hostname, found.port), timeout=20) as client:
        client.sendall(head.encode() + body)
        assert client.recv(4096).startswith(b"HTTP/1.1 400")
    with socket.create_connection((found.hostname, found.port), timeout=20) as client:
        client.sendall(head.encode() + body[:10])
        client.shutdown(socket.SHUT_WR)
        assert not client.recv(4096).startswith(b"HTTP/1.1 2")
    end = time.monotonic() + 20
    while site.records()[-1]["outcome"] != "CONNECTION_LOST":
        assert time.monotonic() < end


@item("two replies for one id")
def two_replies(site: Site) -> None:
    client = site.raw(site.alice)
    client.ask("open", environment="python")
    client.ask("run", code="def twice(f): return f(1) + f(2)")
    message = messages.build("call", 50, {"name": "twice"})
    with_function(message)
    client.link.send(message)
    answers = []
    for _ in range(2):
        asked = client.read()
        while asked["op"] != "callback":
            asked = client.read()
        answers.append(asked["id"])
        for value in (10, 1000):  # the second is one too many
            client.link.send(messages.build("return", asked["id"], {"value": value}))
    assert answers[0] != answers[1]
    assert client.answer(50)["value"] == 20
    client.ask("close")


def with_function(message: Any) -> None:
    """Adds ``args: [function]`` to a call."""
    root = message.rows[0]
    message.rows[0] = (*root[:4], root[4] + 1, *root[5:])
    message.rows.append((codes.LIST, 0, 0, 0, 1, 0, "args", ""))
    message.rows.append((codes.FUNCTION, 0, 0, 0, 0, 0, "", "f1"))


@item("a client that stops reading")
def stops_reading(site: Site) -> None:
    before = len(site.records())
    client = site.plain()
    code = "'x' * 200_000_000"
    client.request("POST", "/v1/environments/python/eval", json.dumps({"code": code}), headers(site.alice))
    end = time.monotonic() + 30  # the answer is not read: the call ends all the same
    while not any(one["op"] == "eval" for one in site.records()[before:]):
        assert time.monotonic() < end
    with site.connect(site.bob) as other:
        assert other.call("len", "abc") == 3
    client.close()


@item("10,000 connections")
def many(site: Site) -> None:
    """Real connections, with another client served meanwhile and a new one let in afterwards."""
    for way in WAYS:
        found = urlsplit(site.server.endpoints[way])
        command = [sys.executable, "-c", KNOCK, str(found.hostname), str(found.port), str(COUNT[way])]
        with (
            site.connect(site.alice, way) as served,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
        ):
            assert other.stdout is not None
            assert int(other.stdout.readline()) == COUNT[way]
            assert served.eval("1 + 1") == 2
            other.communicate("")
        with site.connect(site.alice, way) as late:
            assert late.eval("2 + 2") == 4


KNOCK = """
import socket, sys
held = []
for _ in range(int(sys.argv[3])):
    held.append(socket.create_connection((sys.argv[1], int(sys.argv[2])), 30))
print(len(held), flush=True)
sys.stdin.read()
"""
COUNT = {"grpc": 10_000, "zmq": 10_000, "http": 10_000 if os.environ.get("ARCUATE_SOAK") else 2_000}


@item("clock skew")
def clock_skew(site: Site) -> None:
    text = site.tokens.read_text("utf-8")
    ahead = create(site.tokens, "ahead")
    changed = site.tokens.read_text("utf-8").replace(
        f"created = {int(time.time())}", f"created = {int(time.time() + SKEW + 60)}"
    )
    site.tokens.write_text(changed, "utf-8")
    try:
        site.server.hub.guard.reload()
        told(AuthenticationFailed, "clocks", lambda: site.connect(ahead))
    finally:
        site.tokens.write_text(text, "utf-8")
        site.server.hub.guard.reload()


@item("a certificate of another authority")
def other_authority(site: Site) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs = Files(folder, "ours"), Files(folder, "theirs")
        certificate, key = ours.issue("hub", "localhost", "127.0.0.1")
        here = ["localhost:0"]
        tls = {"certificate": certificate, "key": key, "client_ca": ours.ca}
        server = Server(Config(grpc=here, http=here, tls=tls))  # type: ignore[arg-type]  # pydantic reads the mapping
        server.start()
        try:
            for way in ("grpc", "http"):
                url = f"{server.endpoints[way].rstrip('/')}/python"
                mine = shown(ours.ca, *ours.issue("friend", common_name="friend"))
                with connect(url, tls=mine) as friend:  # what differs below is only who signed
                    assert friend.eval("1 + 1") == 2
                stranger = shown(ours.ca, *theirs.issue("stranger", common_name="friend"))
                deceived = shown(theirs.ca, *ours.issue("deceived", common_name="friend"))
                for tls in (stranger, deceived):
                    with pytest.raises((AuthenticationFailed, ConnectionLost, Unavailable)):
                        connect(url, tls=tls, start=5)
        finally:
            server.stop(1.0)


def shown(ca: Path, certificate: Path, key: Path) -> dict[str, Path]:
    """Options of a client."""
    return {"ca": ca, "certificate": certificate, "key": key}


@item("a non-UTF-8 name")
def not_text(site: Site) -> None:
    client = site.plain()
    client.putrequest("POST", "/v1/environments/python/call/%ff%fe")
    for name, value in headers(site.alice).items():
        client.putheader(name, value)
    client.putheader("Content-Length", "2")
    client.endheaders(b"{}")
    answer = client.getresponse()
    assert 400 <= answer.status < 500
    client.close()


@item("a path where a name belongs")
def path_as_name(site: Site) -> None:
    with site.connect(site.bob) as bob:
        for name in ("../../etc/passwd", "/etc/passwd", "file:///etc/passwd"):
            told(PermissionDenied, "may not use the function", lambda name=name: bob.call(name))  # type: ignore[misc]


def headers(token: str) -> dict[str, str]:
    """What a JSON request carries."""
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
