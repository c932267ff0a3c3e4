"""What others may try against a hub: each item of a list is refused with its code and audited.

Nobody else notices anything. An item without a test fails.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from tests.hub.raw import Raw

from arcuate.client import Session, connect, messages
from arcuate.errors import ArcuateError, AuthenticationFailed, ConnectionLost, LimitExceeded, PermissionDenied
from arcuate.hub import Config, Credentials
from arcuate.hub.server import Server
from arcuate.hub.tokens import SKEW, create
from arcuate.values import codes

ITEMS = (
    "a wrong token",
    "an expired token",
    "a forbidden function by a detour",
    "an unknown session",
    "a handle of another principal's session",
    "a message over the limit",
    "a truncated stream",
    "two replies for one id",
    "a client that stops reading",
    "many connections",
    "clock skew",
    "a certificate of another authority",
    "a non-UTF-8 name",
    "a path where a name belongs",
)
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
            environments={"python": {"language": "python"}}, limits={"connections": 12, "message": 1 << 20},
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
        assert bystander.eval("x + 1") == 42
        assert bystander.info["generation"] == 1
        assert name in UNSEEN or any(one["outcome"] != "" for one in site.records()[before:])


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
            told(LimitExceeded, "message", lambda alice=alice: alice.call("len", "x" * (1 << 21)))  # type: ignore[misc]
            assert alice.call("len", "x") == 1


@item("a truncated stream")
def truncated(site: Site) -> None:
    found = urlsplit(site.server.endpoints["http"])
    with socket.create_connection((found.hostname, found.port), timeout=20) as client:
        client.sendall(
            b"POST /v1/hello HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/vnd.arcuate.frames\r\n"
            b"Content-Length: 1000\r\n\r\nUBRA"
        )
        client.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 200" not in client.recv(4096)


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
    client = site.plain()
    body = json.dumps({"args": ["x" * 900_000]})
    client.request("POST", "/v1/environments/python/call/str", body, headers(site.alice))
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()  # a reset in the middle of the answer


@item("many connections")
def many(site: Site) -> None:
    opened, refused = [], 0
    try:
        for _ in range(40):
            try:
                opened.append(site.raw(site.alice))
            except (LimitExceeded, ConnectionLost) as error:
                refused += 1
                assert "connections" in error.message
    finally:
        for one in opened:
            one.link.close()
    assert refused >= 28


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
    found = urlsplit(site.server.endpoints["http"])
    context = ssl.create_default_context()
    trustme.CA().configure_trust(context)
    with (
        socket.create_connection((found.hostname, found.port), timeout=20) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


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


UNSEEN = {"a truncated stream", "a client that stops reading", "a certificate of another authority"}
"""What never becomes a request, so that the audit log has nothing to say."""
