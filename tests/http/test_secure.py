"""Tokens and TLS over HTTPS, as curl, httpx and websockets see them: clients that nobody here wrote."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.hub.certificates import Files
from tests.hub.process import Served, served
from websockets.sync.client import connect

from arcuate.http import HttpBridge
from arcuate.hub import Config, Hub
from arcuate.hub.tokens import create

LEN = "/v1/environments/python/call/len"
EVAL = "/v1/environments/python/eval"
Answer = tuple[int, dict[str, str], Any]


class Site:
    """A hub of its own process over TLS that wants tokens.

    Attributes:
        tokens: by name: ``alice``, and ``late``, whose time is over.
    """

    def __init__(self, hub: Served, ours: Files, theirs: Files, tokens: dict[str, str]) -> None:
        self.hub = hub
        self.ours, self.theirs = ours, theirs
        self.tokens = tokens
        self.url = hub.ready["http"]


def options(folder: Path, authority: Files) -> tuple[str, ...]:
    """What a hub is started with."""
    certificate, key = authority.issue("hub", "localhost", "127.0.0.1")
    files = {"tls-certificate": certificate, "tls-key": key, "tokens": folder / "tokens.toml"}
    named = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    return ("--http", "127.0.0.1:0", *named)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    file = folder / "tokens.toml"
    tokens = {"alice": create(file, "alice"), "late": create(file, "late", expires=time.time() - 1)}
    ours, theirs = Files(folder, "ours"), Files(folder, "theirs")
    with served(folder, *options(folder, ours)) as hub:
        yield Site(hub, ours, theirs, tokens)


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One that wants a certificate as well; the file says what those with one may do."""
    folder = tmp_path_factory.mktemp("mutual")
    file = folder / "tokens.toml"
    tokens = {"alice": create(file, "alice")}
    ours, theirs = Files(folder, "ours"), Files(folder, "theirs")
    with file.open("a") as out:
        robot, _ = ours.issue("robot", "robot@example.org", common_name="robot")
        out.write(f'[certificate."{ours.subject(robot)}"]\nworkspace = false\n')
    with served(folder, *options(folder, ours), "--tls-client-ca", str(ours.ca)) as hub:
        yield Site(hub, ours, theirs, tokens)


# ----------------------------------------------------------------- two clients


class Refused(Exception):
    """No connection came about."""


def by_curl(url: str, path: str, body: Any, fields: dict[str, str], ca: Path, own: list[Path]) -> Answer:
    """One request by curl."""
    more = [word for name, value in fields.items() for word in ("-H", f"{name}: {value}")]
    more += [word for option, file in zip(("--cert", "--key"), own) for word in (option, str(file))]  # noqa: B905
    command = ["curl", "-sS", "-i", "--noproxy", "*", "--cacert", str(ca), "-m", "30", *more, "--json", "@-"]
    done = subprocess.run([*command, url + path], input=json.dumps(body), capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"{done.returncode}: {done.stderr}")
    head, _, text = done.stdout.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.splitlines()
    found = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), found, json.loads(text)


def by_httpx(url: str, path: str, body: Any, fields: dict[str, str], ca: Path, own: list[Path]) -> Answer:
    """One request by httpx."""
    context = trusting(ca, own)
    try:
        with httpx.Client(base_url=url, verify=context, trust_env=False, timeout=30) as client:
            found = client.post(path, json=body, headers=fields)
    except httpx.TransportError as error:
        raise Refused(str(error)) from None
    return found.status_code, dict(found.headers), found.json()


def trusting(ca: Path, own: list[Path] | None = None) -> ssl.SSLContext:
    """Python's own TLS."""
    context = ssl.create_default_context(cafile=str(ca))
    if own:
        context.load_cert_chain(*map(str, own))
    return context


Asking = Callable[..., Answer]


@pytest.fixture(params=[by_curl, by_httpx], ids=["curl", "httpx"])
def ask(request: pytest.FixtureRequest) -> Asking:
    """Asks a hub by one of the clients: ``ask(site, path, body, token=, ca=, own=, fields=)``."""

    def asking(
        site: Site, path: str, body: Any, token: str | None = None, ca: Path | None = None, **more: Any
    ) -> Answer:
        fields = dict(more.get("fields", {}))
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        found: Answer = request.param(
            more.get("url", site.url), path, body, fields, ca or site.ours.ca, list(more.get("own", ()))
        )
        return found

    return asking


# ---------------------------------------------------------------------- tokens


def test_the_right_token(site: Site, ask: Asking) -> None:
    assert site.url.startswith("https://")
    status, _, said = ask(site, LEN, {"args": [[1, 2, 3]]}, site.tokens["alice"])
    assert (status, said) == (200, {"value": 3})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Authorization": "Bearer {alice}x"}, "not known"),
        ({"Authorization": "Bearer arc_000000000000_" + 43 * "A"}, "not known"),
        ({"Authorization": "Basic {alice}"}, "token"),
        ({"Authorization": "{alice}"}, "token"),
        ({}, "arcuate token create"),
        ({"Authorization": "Bearer {late}"}, "expired"),
    ],
    ids=["one character more", "another", "another scheme", "no scheme", "none", "expired"],
)
def test_what_is_no_token(site: Site, ask: Asking, fields: dict[str, str], reason: str) -> None:
    given = {name: value.format(**site.tokens) for name, value in fields.items()}
    status, found, said = ask(site, LEN, {"args": [[1]]}, fields=given)
    assert (status, found["www-authenticate"].lower().split()[0]) == (401, "bearer")
    assert said["error"]["code"] == "AUTHENTICATION_FAILED"
    assert reason in said["error"]["message"]
    assert site.tokens["alice"] not in json.dumps(said)
    assert ask(site, LEN, {"args": [[1]]}, site.tokens["alice"])[0] == 200


def test_a_token_by_websocket(site: Site) -> None:
    """In the head, or in the hello."""
    right, wrong = site.tokens["alice"], site.tokens["alice"] + "x"
    cases = [({"Authorization": f"Bearer {right}"}, {}, "hello"), ({}, {"token": right}, "hello")]
    cases += [({"Authorization": f"Bearer {wrong}"}, {}, "error"), ({}, {"token": wrong}, "error")]
    cases += [({}, {}, "error"), ({}, {"token": site.tokens["late"]}, "error")]
    for fields, hello, op in cases:
        with websocket(site, fields) as socket:
            socket.send(json.dumps({"op": "hello", "id": 0, "major": 1, "minor": 0, **hello}))
            heard = json.loads(socket.recv(30))
            assert heard["op"] == op, heard
            assert op == "hello" or heard["code"] == "AUTHENTICATION_FAILED"


def websocket(site: Site, fields: dict[str, str] | None = None, own: list[Path] | None = None) -> Any:
    """A WebSocket of the websockets library."""
    address = "wss" + site.url.removeprefix("https") + "/v1/socket"
    kind: Any = "arcuate.json.v1"
    context = trusting(site.ours.ca, own)
    return connect(address, ssl=context, additional_headers=fields, subprotocols=[kind], proxy=None)


# ------------------------------------------------------------------------- TLS


def test_a_client_that_trusts_another_authority(site: Site, ask: Asking) -> None:
    with pytest.raises(Refused, match=r"60:|self-signed|unable to get"):
        ask(site, LEN, {"args": [[1]]}, site.tokens["alice"], site.theirs.ca)
    assert ask(site, LEN, {"args": [[1]]}, site.tokens["alice"])[0] == 200


def test_without_tls_where_tls_is_spoken(site: Site, ask: Asking) -> None:
    with pytest.raises(Refused):
        ask(site, LEN, {"args": [[1]]}, site.tokens["alice"], url=site.url.replace("https", "http"))
    assert ask(site, LEN, {"args": [[1]]}, site.tokens["alice"])[0] == 200


def test_a_certificate_says_who_a_client_is(mutual: Site, ask: Asking) -> None:
    own = [mutual.ours.folder / f"robot.{end}" for end in ("pem", "key")]
    assert ask(mutual, EVAL, {"code": "6 * 7"}, own=own)[2] == {"value": 42}
    opened = ask(mutual, "/v1/sessions", {"environment": "python"}, own=own)
    secret = {"Arcuate-Secret": opened[2]["value"]["secret"]}
    path = opened[1]["location"] + "/messages"
    status, _, said = ask(mutual, path, {"op": "list", "id": 2}, own=own, fields=secret)
    assert (status, said["error"]["code"]) == (403, "PERMISSION_DENIED"), said
    with websocket(mutual, own=own) as socket:
        socket.send(json.dumps({"op": "hello", "id": 0, "major": 1, "minor": 0}))
        assert json.loads(socket.recv(30))["op"] == "hello"
        socket.send(json.dumps({"op": "open", "id": 1, "environment": "python"}))
        assert json.loads(socket.recv(30))["op"] == "reply"
        socket.send(json.dumps({"op": "list", "id": 2}))
        heard = json.loads(socket.recv(30))
        assert (heard["op"], heard["code"]) == ("error", "PERMISSION_DENIED"), heard


def test_clients_without_the_right_certificate(mutual: Site, ask: Asking) -> None:
    """None at all, and one of another authority, for the same name, with a good token besides."""
    theirs = list(mutual.theirs.issue("impostor", "robot@example.org", common_name="robot"))
    for own in ([], theirs):
        with pytest.raises(Refused):
            ask(mutual, LEN, {"args": [[1]]}, mutual.tokens["alice"], own=own)
    robot = [mutual.ours.folder / f"robot.{end}" for end in ("pem", "key")]
    assert ask(mutual, LEN, {"args": [[1]]}, own=robot)[0] == 200


SUBJECTS = [
    "/CN=robot,O=ours",
    "/O=ours/CN=robot",
    '/C=DE/ST=Saxony/L=Leipzig/O=A \\+ B; "C" <d>/OU=#1/CN= x \\\\ y ',
    "/DC=org/DC=example/UID=u1/CN=Zo\u00eb \u6f22/emailAddress=z@example.org",
    "/O=one/CN=a+OU=b",
]


@pytest.mark.parametrize("wanted", SUBJECTS)
def test_subjects_are_those_that_openssl_shows(mutual: Site, tmp_path: Path, wanted: str) -> None:
    """So that an entry of the tokens file means one certificate, and the same over each protocol."""
    files = {name: tmp_path / name for name in ("key", "request", "certificate", "authority.key")}
    files["authority.key"].write_bytes(mutual.ours.authority.private_key_pem.bytes())
    commands: list[list[str | os.PathLike[str]]] = [
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-utf8", "-multivalue-rdn",
         "-subj", wanted, "-keyout", files["key"], "-out", files["request"]],
        ["openssl", "x509", "-req", "-in", files["request"], "-CA", mutual.ours.ca, "-CAkey",
         files["authority.key"], "-days", "2", "-out", files["certificate"]],
    ]  # fmt: skip
    for command in commands:
        subprocess.run(command, capture_output=True, check=True)
    own = [files["certificate"], files["key"]]
    status, _, said = by_httpx(mutual.url, LEN, {"args": [[1]]}, {}, mutual.ours.ca, own)
    assert status == 401, said  # nobody the file knows, whatever it looks like
    assert repr(Files.subject(files["certificate"])) in said["error"]["message"]


def test_authorities_of_clients_are_read_again(tmp_path: Path) -> None:
    """One that was added counts for new connections, and one that was taken out does no longer."""
    ours, theirs = Files(tmp_path, "ours"), Files(tmp_path, "theirs")
    certificate, key = ours.issue("hub", "127.0.0.1")
    clients = tmp_path / "clients.pem"
    clients.write_bytes(ours.ca.read_bytes())
    with Hub(Config()) as hub:
        bridge = HttpBridge(hub, tls={"certificate": certificate, "key": key, "client_ca": clients})
        bridge.start()
        try:

            def comes(authority: Files, name: str) -> bool:
                own = [authority.folder / f"{name}.{end}" for end in ("pem", "key")]
                try:
                    return by_httpx(bridge.endpoints[0], LEN, {"args": [[1]]}, {}, ours.ca, own)[0] == 200
                except Refused:
                    return False

            ours.issue("ann", common_name="ann")
            theirs.issue("bob", common_name="bob")
            assert (comes(ours, "ann"), comes(theirs, "bob")) == (True, False)
            clients.write_bytes(ours.ca.read_bytes() + theirs.ca.read_bytes())
            bridge.reload()
            assert (comes(ours, "ann"), comes(theirs, "bob")) == (True, True)
            clients.write_bytes(theirs.ca.read_bytes())
            bridge.reload()
            assert (comes(ours, "ann"), comes(theirs, "bob")) == (False, True)
            clients.write_bytes(b"half a certifi")
            bridge.reload()
            assert (comes(ours, "ann"), comes(theirs, "bob")) == (False, True)
        finally:
            bridge.stop(0.5)
