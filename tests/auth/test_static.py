# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""Keys, tokens, passwords, certificates; stores of tokens."""

from __future__ import annotations

import ssl
import stat
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import keyring
import keyring.backend
import pytest
import trustme
from tests.connector.scripted import answer, scripted

from arcuate.auth import (
    APIKeyAuthenticator,
    BaseAuthenticator,
    BasicAuthenticator,
    BearerAuthenticator,
    CertificateAuthenticator,
    EncryptedStore,
    KeyringStore,
    TokenStore,
)
from arcuate.connector import AuthenticationError, IntegrationError, Secret
from arcuate.errors import InvalidArgument
from arcuate.rest import RESTAPIClient


def test_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "k1")
    assert APIKeyAuthenticator("env:OUR_KEY").authenticate() == {"X-API-Key": "k1"}
    assert APIKeyAuthenticator(name="Key").authenticate({"api_key": "k2"}) == {"Key": "k2"}
    assert BearerAuthenticator(Secret("t")).authenticate() == {"Authorization": "Bearer t"}
    basic = BasicAuthenticator("Aladdin", "open sesame").authenticate()
    assert basic == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}  # RFC 7617, 2
    theirs = httpx2.BasicAuth("üser", "pässword:1")
    assert BasicAuthenticator("üser", "pässword:1").authenticate()["Authorization"] == theirs._auth_header


def test_what_is_no_credential() -> None:
    for wrong in (
        lambda: APIKeyAuthenticator().authenticate(),
        lambda: APIKeyAuthenticator("a\r\nInjected: yes").authenticate(),
        lambda: APIKeyAuthenticator("a", place="body"),  # type: ignore[arg-type]
        lambda: BearerAuthenticator("").authenticate(),
        lambda: BasicAuthenticator("a:b", "c").authenticate(),
        lambda: RESTAPIClient(url="http://127.0.0.1:1", auth="token"),
    ):
        with pytest.raises(InvalidArgument):
            wrong()


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        (APIKeyAuthenticator("s3cret-key"), b"x-api-key: s3cret-key"),
        (APIKeyAuthenticator("s3cret-key", "key", "query"), b"/x?a=1&key=s3cret-key "),
        (BearerAuthenticator("s3cret-key"), b"authorization: bearer s3cret-key"),
    ],
    ids=["header", "query", "bearer"],
)
def test_what_a_connector_sends(auth: BaseAuthenticator, sent: bytes) -> None:
    refusal = answer(403, "s3cret-key may not")
    with scripted(refusal) as server, RESTAPIClient(url=server.url, auth=auth, retry=None) as client:
        with pytest.raises(AuthenticationError) as raised:
            client.get("x?a=1")
        assert sent in server.asked[0].lower()
        assert "s3cret-key" not in f"{raised.value} {raised.value.detail} {client!r} {auth!r}"


def test_a_refused_key_is_not_tried_again() -> None:
    with scripted(answer(401)) as server:
        with RESTAPIClient(url=server.url, auth=BearerAuthenticator("t" * 8)) as client:
            with pytest.raises(AuthenticationError, match="has no others"):
                client.get("x")
        assert len(server.asked) == 1


class Signed(BaseAuthenticator):
    """A program's own."""

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        super().__init__(credentials)
        self.refreshed = 0

    def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
        return {"X-Signature": f"{(credentials or self.credentials)['key']}-{self.refreshed}"}

    def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
        self.refreshed += 1
        return self.authenticate()


def test_an_authenticator_of_a_program_s_own() -> None:
    auth = Signed({"key": "mine"})
    with scripted(answer(401), answer(200, "1")) as server:
        with RESTAPIClient(url=server.url, auth=auth, retry=None) as client:
            assert client.get("x") == 1
        assert [b"mine-0" in server.asked[0], b"mine-1" in server.asked[1]] == [True, True]
    with pytest.raises(NotImplementedError, match="writes authenticate"):
        BaseAuthenticator().authenticate()


class _Who(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        shown = self.connection.getpeercert()  # type: ignore[attr-defined]
        body = str(shown["subjectAltName"][0][1]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client without a certificate is refused here."""


@pytest.fixture
def demanding(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A TLS server that wants a certificate, and a folder with ca.pem, me.pem, other.pem."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name, who in (("me", authority), ("other", trustme.CA())):
        who.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(
            tmp_path / f"{name}.pem"
        )
    server = _Quiet(("127.0.0.1", 0), _Who)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://localhost:{server.server_port}", tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


def test_mutual_tls(demanding: tuple[str, Path]) -> None:
    url, folder = demanding
    common: dict[str, Any] = {"url": url, "ca_file": str(folder / "ca.pem"), "retry": None}
    with RESTAPIClient(auth=CertificateAuthenticator(str(folder / "me.pem")), **common) as client:
        assert client.request("GET").text == "me@example.org"
    for auth in (None, CertificateAuthenticator(str(folder / "other.pem"))):
        with RESTAPIClient(auth=auth, **common) as client, pytest.raises(IntegrationError):
            client.get()
    with pytest.raises(InvalidArgument, match=r"none\.pem.* cannot be used"):
        RESTAPIClient(auth=CertificateAuthenticator(str(folder / "none.pem")), **common).open()


def test_a_certificate_and_a_token(tmp_path: Path) -> None:
    both = CertificateAuthenticator("me.pem", "me.key", "p4ssword", inner=BearerAuthenticator("t0ken"))
    assert both.authorization().headers == both.authenticate() == {"Authorization": "Bearer t0ken"}
    assert both.certificate.password == "p4ssword"
    assert {"p4ssword", "t0ken"} <= set(both.secrets())
    assert "p4ssword" not in repr(both.certificate)


TOKEN = {"access_token": "Ä" * 2000, "expires_at": 1800000000, "refresh_token": "r"}


class _Memory(keyring.backend.KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture(params=["encrypted", "keyring"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenStore:
    if request.param == "encrypted":
        return EncryptedStore(tmp_path / "tokens", "a long passphrase")
    memory = _Memory()
    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(keyring, name, getattr(memory, name))
    return KeyringStore("arcuate-tests")


def test_stores(store: TokenStore) -> None:
    assert store.load("a") is None
    store.remove("a")
    store.save("a", {"access_token": "old"})
    store.save("a", TOKEN)
    store.save("b", {"access_token": "other"})
    assert store.load("a") == TOKEN
    store.remove("a")
    assert (store.load("a"), store.load("b")) == (None, {"access_token": "other"})


def test_two_users_keep_their_tokens_at_the_same_time(tmp_path: Path) -> None:
    store, names = EncryptedStore(tmp_path, "a long passphrase"), ("a", "b", "c")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda name: store.save(name, {"access_token": name}), names))
    assert [store.load(name) for name in names] == [{"access_token": name} for name in names]


def test_an_encrypted_store_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    EncryptedStore(folder, "a long passphrase").save("a", {"access_token": "s3cret-token"})
    (file,) = folder.iterdir()
    assert b"s3cret" not in file.read_bytes()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert EncryptedStore(folder, "a long passphrase").load("a") == {"access_token": "s3cret-token"}
    with pytest.raises(InvalidArgument, match="another passphrase"):
        EncryptedStore(folder, "another passphrase").load("a")
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    with pytest.raises(InvalidArgument, match="it was changed"):
        EncryptedStore(folder, "a long passphrase").load("a")
    with pytest.raises(InvalidArgument, match="at least 12"):
        EncryptedStore(folder, "short")
