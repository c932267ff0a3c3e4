"""Tokens, rights and the audit log over a link in memory, with real interpreters."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.hub.memory import MemoryLink

from arcuate.client import Session, messages
from arcuate.client.net.bus import BusTransport
from arcuate.client.transport import Call
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    NameNotFound,
    PermissionDenied,
    RemoteError,
)
from arcuate.hub import Config, Credentials, Hub, exposure
from arcuate.hub.relay import read
from arcuate.hub.rights import matches
from arcuate.hub.server import Server
from arcuate.hub.tokens import SKEW, Tokens, create, entries, revoke
from arcuate.values import codes
from arcuate.worker.confine import unavailable

LOCAL = {"local": True, "protected": True}
Opener = Callable[..., Session]

needs_confinement = pytest.mark.skipif(bool(unavailable()), reason=f"confinement: {unavailable()}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


@pytest.fixture
def opener(file: Path, tmp_path: Path) -> Iterator[Opener]:
    """Opens sessions with a token on a hub that asks for one."""
    hubs: list[Hub] = []
    opened: list[Session] = []

    def open_session(token: str | None, environment: str = "python", **known: Any) -> Session:
        if not hubs:
            hubs.append(Hub(Config(tokens=file, audit=tmp_path / "audit.jsonl")))
        link = MemoryLink(hubs[0], Credentials(token=token, **{**LOCAL, **known}))
        opened.append(Session(BusTransport(link, environment, {}), name=environment))
        return opened[-1]

    yield open_session
    for session in opened:
        session.close()
    for hub in hubs:
        hub.close()


def records(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]


def test_a_token_is_kept_as_a_hash_only(file: Path) -> None:
    token = create(file, "alice")
    secret = token[17:]
    assert secret not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert Tokens(file).of_token(token).name == "token:alice"
    assert "hash" not in entries(file)["alice"]


@pytest.mark.parametrize(
    "wrong", [lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"), lambda t: "x", lambda t: ""]
)
def test_a_wrong_token(file: Path, opener: Opener, tmp_path: Path, wrong: Callable[[str], str]) -> None:
    token = create(file, "alice")
    with pytest.raises(AuthenticationFailed):
        opener(wrong(token))
    assert any(one["outcome"] == "AUTHENTICATION_FAILED" for one in records(tmp_path))
    assert opener(token).eval("1+1") == 2


def test_an_expired_token_and_clocks_that_differ(file: Path) -> None:
    old = create(file, "old", expires=int(time.time()) - 1)
    with pytest.raises(AuthenticationFailed, match="expired"):
        Tokens(file).of_token(old)
    ahead = create(file, "ahead")
    made = str(entries(file)["ahead"]["created"])
    file.write_text(file.read_text().replace(f"created = {made}", f"created = {int(time.time() + SKEW / 2)}"))
    assert Tokens(file).of_token(ahead).name == "token:ahead"
    text = file.read_text().split("[token.")
    text[-1] = text[-1].replace("created = ", "created = 9")
    file.write_text("[token.".join(text))
    with pytest.raises(AuthenticationFailed, match="clocks"):
        Tokens(file).of_token(ahead)


def test_a_revoked_token_ends_its_sessions(file: Path, opener: Opener) -> None:
    session = opener(create(file, "alice"))
    assert session.eval("1+1") == 2
    revoke(file, "alice")
    end = time.monotonic() + 10
    with pytest.raises(ArcuateError) as found:
        while time.monotonic() < end:
            session.eval("1+1")
    assert found.value.code in ("AUTHENTICATION_FAILED", "SESSION_CLOSED")


def test_others_must_not_write_the_file(file: Path) -> None:
    create(file, "alice")
    os.chmod(file, 0o666)
    with pytest.raises(PermissionDenied, match="chmod 600"):
        Tokens(file)
    os.chmod(file, 0o600)
    with pytest.raises(NameNotFound):
        revoke(file, "bob")


def test_a_token_in_the_clear_is_not_taken(file: Path, opener: Opener) -> None:
    with pytest.raises(AuthenticationFailed, match="not encrypted"):
        opener(create(file, "alice"), local=False, protected=False)


DETOURS = (
    ("system", ["true"]),
    ("base::system", ["true"]),
    ("do.call", ["system", ["true"]]),
    ("base::do.call", ["system", ["true"]]),
    ("eval", ["1"]),
    ("get", ["system"]),
    ("match.fun", ["system"]),
    ("sapply", ["true", "system"]),
    ("`system`", ["true"]),
    ("stats::`sd`", [1]),
    ("stats:::sd", [1]),
    ("stats::sd; system", ["true"]),
    ("function(x) x", [1]),
    ("stats::sd(1)", []),
    ("/etc/passwd", []),
    ("stats::system", ["true"]),
    ("stats::sd::system", ["true"]),
)


@needs_confinement
def test_only_what_is_allowed_is_called(file: Path, opener: Opener, tmp_path: Path) -> None:
    session = opener(create(file, "a", environments=["r"], functions=["stats::*"], eval=False), "r")
    assert float(session.call("stats::sd", [1.0, 2.0, 3.0])) == 1.0
    assert float(session.call("sd", [1.0, 2.0, 3.0])) == 1.0  # with its package
    for name, args in DETOURS:
        with pytest.raises((PermissionDenied, NameNotFound)) as found:
            session.call(name, *args)
        assert isinstance(found.value, PermissionDenied) or name == "stats::system", name
    for code in (session.eval, session.run):
        with pytest.raises(PermissionDenied, match="may not send code"):
            code("1+1")
    kept = session.call("stats::ecdf", [1.0, 2.0], keep=True)
    with pytest.raises(PermissionDenied, match="not by handles"):
        kept(1.0)
    with pytest.raises(PermissionDenied):
        session["sd"] = kept
    with pytest.raises(PermissionDenied):
        opener(create(file, "b", environments=["octave"]), "r")
    found = records(tmp_path)
    assert [one["outcome"] for one in found if one.get("name") == "stats::sd"] == ["OK", "OK"]
    assert any(one.get("name") == "base::system" and one["outcome"] == "PERMISSION_DENIED" for one in found)
    assert "function(x)" not in (tmp_path / "audit.jsonl").read_text()


@needs_confinement
@pytest.mark.filterwarnings("ignore::arcuate.client.RemoteWarning")
@pytest.mark.parametrize(
    ("language", "name", "args"),
    [
        ("r", "sapply", lambda c: [c, "system"]),
        ("r", "aggregate", lambda c: [[1.0], [1.0], "system"]),
        ("octave", "cellfun", lambda c: ["system", [c]]),
        ("python", "os.system", lambda c: [c]),
    ],
)
def test_functions_that_call_functions_meet_the_confinement(
    file: Path, opener: Opener, tmp_path: Path, language: str, name: str, args: Callable[[str], list[Any]]
) -> None:
    session = opener(create(file, "a", functions=[name], eval=False), language)
    mark = tmp_path / "mark"
    try:
        session.call(name, *args(f"/usr/bin/touch {mark}"))
    except PermissionDenied:
        raise
    except ArcuateError:
        pass
    assert not mark.exists()


def test_patterns() -> None:
    assert matches("numpy.*", "numpy.mean", "python")
    assert not matches("numpy.*", "numpy.linalg.norm", "python")
    assert not matches("*", "os.system", "python")
    assert not matches("*", "numpy._core", "python")
    assert matches("os.system", "os.system", "python")
    assert not matches("base::*", "base::eval", "r")
    assert not matches("*", "feval", "octave")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:1", "192.0.2.1:80", "*:5555"])
def test_addresses_of_others(address: str) -> None:
    for authenticated, protected in ((False, False), (False, True), (True, False)):
        with pytest.raises(PermissionDenied, match="--insecure"):
            exposure.check(address, authenticated=authenticated, protected=protected, insecure=False)
        exposure.check(address, authenticated=authenticated, protected=protected, insecure=True)
    exposure.check(address, authenticated=True, protected=True, insecure=False)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.1.2.3:5", "[::1]:0", "localhost:1", "ipc:///run/x"])
def test_addresses_of_this_machine(address: str) -> None:
    exposure.check(address, authenticated=False, protected=False, insecure=False)


def test_a_server_does_not_open_itself() -> None:
    with pytest.raises(PermissionDenied, match="need not say who they are"):
        Server(Config(zmq=["0.0.0.0:0"])).start()


def test_handles_of_another_principal(file: Path, opener: Opener) -> None:
    alice = opener(create(file, "alice"))
    opener(create(file, "bob"))
    kept = alice.eval("[1, 2]", keep=True)
    assert alice.call("len", kept) == 2
    hub = alice._transport._link.hub  # type: ignore[attr-defined]
    owner = next(one.id for one in hub.sessions if one.principal.name == "token:alice")
    message = messages.build("show", 5, {})
    root = message.rows[0]
    message.rows[0] = (*root[:4], root[4] + 1, *root[5:])
    message.rows.append((codes.HANDLE, 0, 0, 0, 0, 0, "target", f"{owner}/{kept._arcuate[1]}"))
    theirs = next(one for one in hub.sessions if one.principal.name == "token:bob")
    with pytest.raises(PermissionDenied, match="another principal"):
        hub.permit(theirs.principal, "python", read(message), theirs)


def test_objects_of_another_principal_reach_no_code(file: Path, opener: Opener, tmp_path: Path) -> None:
    alice, bob = opener(create(file, "alice")), opener(create(file, "bob"))
    secret = alice.eval("lambda: 'secret'", keep=True)
    for attempt in (
        lambda: bob.call("len", secret),
        lambda: bob.call("len", {"deep": [1, secret]}),
        lambda: bob.__setitem__("x", secret),
        lambda: bob.call("print", end=secret),
    ):
        with pytest.raises(PermissionDenied, match="another principal"):
            attempt()
    bob.run("def use(f): return f()()")
    with pytest.raises(RemoteError, match="another principal"):
        bob.call("use", lambda: secret)
    denied = [one for one in records(tmp_path) if one["outcome"] == "PERMISSION_DENIED"]
    assert len(denied) == 5
    assert {one["who"] for one in denied} == {"token:bob"}
    # whoever makes up the id of a proxy gets a function of his own
    name = f"{alice.info['session']}/{secret._arcuate[1]}"
    message = messages.build("call", 1 << 40, {"name": "use"}, 1)
    message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, 1, 0, "args", ""))
    message.rows.append((codes.FUNCTION, 0, 0, 0, 0, 0, "", name))
    asked: list[Any] = []

    def answer(callback: Any) -> Any:
        asked.append(messages.fields(callback)["function"])
        return messages.build("raise", messages.head(callback)[1], {"message": "made up"})

    call = Call(1 << 40, None, lambda event: None, answer)
    with pytest.raises(RemoteError, match="made up"):
        bob._transport.exchange(message, call)
    assert asked == [name], "the one who made it up is asked, nobody else"
    assert secret() == "secret"


@needs_confinement
def test_no_way_round_through_another_session(file: Path, opener: Opener, tmp_path: Path) -> None:
    token = create(file, "a", functions=["operator.itemgetter", "sorted", "len"], eval=False)
    one, two = opener(token), opener(token)
    getter = one.call("operator.itemgetter", 0)
    with pytest.raises(PermissionDenied, match="not by handles"):
        getter([1, 2])
    with pytest.raises(PermissionDenied, match="not by handles"):
        two.call("sorted", [[2], [1]], key=getter)
    found = [line for line in records(tmp_path) if line["outcome"] == "PERMISSION_DENIED"]
    assert [line["name"] for line in found] == ["<handle>", "<handle>", "sorted"]
    assert {(line["who"], line["op"]) for line in found} == {("token:a", "call")}
    assert found[1]["session"] == one.info["session"], "where the object is"
    assert found[2]["session"] == two.info["session"], "and where the call was that failed by it"
    assert two.call("len", [getter]) == 1
