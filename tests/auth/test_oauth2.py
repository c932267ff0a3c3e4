# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""OAuth 2.0 against oauth2-mock-server: both grants, renewal, faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.auth.conftest import Server
from tests.connector.scripted import answer, scripted

from arcuate.auth import EncryptedStore
from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
)
from arcuate.errors import InvalidArgument
from arcuate.integrations import OAuth2Authenticator, RESTAPIClient


def made(server: Server, **arguments: Any) -> OAuth2Authenticator:
    usual = {"issuer": server.issuer, "client_id": "us", "client_secret": "right", "retry": None}
    return OAuth2Authenticator({**usual, **arguments.pop("config", {})}, **arguments)


@pytest.fixture
def auth(server: Server) -> Iterator[OAuth2Authenticator]:
    with made(server) as one:
        yield one


def token_of(headers: dict[str, str]) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


def test_client_credentials(server: Server, auth: OAuth2Authenticator) -> None:
    before = server.issued()
    headers = auth.authenticate()
    assert auth.authenticate() == headers
    assert server.who(headers).status_code == 200
    assert server.issued() == before + 1
    assert token_of(auth.refresh_token()) != token_of(headers)
    assert auth.health().status == "ok"


def test_credentials_of_the_call(server: Server) -> None:
    with OAuth2Authenticator(issuer=server.issuer, retry=None) as auth:
        with pytest.raises(InvalidArgument, match="set 'client_id'"):
            auth.authenticate()
        assert auth.authenticate({"client_id": "us", "client_secret": "right"})
        with pytest.raises(AuthenticationError, match="wrong secret"):
            auth.authenticate({"client_id": "us", "client_secret": "wrong-secret-of-ours"})
        with pytest.raises(InvalidArgument, match="no 'password'"):
            auth.authenticate({"password": "x"})
    with made(server, client_auth="client_secret_post") as auth:
        assert auth.authenticate()


def test_many_threads_lead_to_one_refresh(server: Server, auth: OAuth2Authenticator) -> None:
    """Each thread is refused with the same token at about the same time."""
    old = token_of(auth.authenticate())
    server.revoke(old)
    before = server.issued()
    ready = threading.Barrier(8)
    with RESTAPIClient(url=server.issuer, auth=auth, retry=None) as client, ThreadPoolExecutor(8) as pool:

        def ask(_: int) -> int:
            ready.wait(20)
            return int(client.get("userinfo")["issued"])

        found = list(pool.map(ask, range(8)))
    assert found == [before + 1] * 8
    assert server.issued() == before + 1


def test_a_token_is_renewed_before_it_ends(server: Server) -> None:
    with made(server, parameters={"lifetime": "100"}, leeway=10) as auth:
        first = auth.authenticate()
        assert auth.authenticate() == first
        assert auth._token is not None
        auth._token["expires_at"] -= 95
        before = server.issued()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: token_of(auth.authenticate()), range(16)))
        assert len(set(found)) == 1
        assert found[0] != token_of(first)
        assert server.issued() == before + 1


def test_asyncio(server: Server, auth: OAuth2Authenticator) -> None:
    async def main() -> Any:
        async with RESTAPIClient(url=server.issuer, auth=auth, retry=None) as client:
            await client.aget("userinfo")
            server.revoke(token_of(auth.authenticate()))
            return await client.aget("userinfo")

    assert "issued" in asyncio.run(main())


def browser(url: str) -> None:
    """A person who agrees at once."""
    assert httpx2.get(url, follow_redirects=True).status_code == 200


def test_a_person_agrees(server: Server, tmp_path: Path) -> None:
    """The server checks the verifier against the challenge; a refresh token is good for one use there."""
    store = EncryptedStore(tmp_path / "tokens", "a long passphrase")
    config = {"client_id": "public", "client_secret": None, "grant": "authorization_code"}
    with made(server, config=config, store=store) as auth:
        with pytest.raises(AuthenticationError, match=r"call login\(\)"):
            auth.authenticate()
        asked: list[str] = []
        auth.login(lambda url: (asked.append(url), browser(url)))
        query = httpx2.URL(asked[0]).params
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"].startswith("http://127.0.0.1:")
        assert server.who(auth.authenticate()).status_code == 200
    with made(server, config=config, store=store) as auth:
        first = auth.authenticate()
        second = auth.refresh_token()
        assert auth.refresh_token() not in (first, second)
        server.revoke(token_of(auth.authenticate()))
        with RESTAPIClient(url=server.issuer, auth=auth, retry=None) as client:
            assert "issued" in client.get("userinfo")
        with pytest.raises(AuthenticationError, match="invalid_grant"):
            auth.refresh_token("not-one-of-theirs")
        auth.logout()
    assert list((tmp_path / "tokens").iterdir()) == []


def test_a_person_refuses_or_is_away(server: Server) -> None:
    config = {"client_id": "public", "client_secret": None, "grant": "authorization_code"}
    with made(server, config={**config, "scope": "forbidden"}) as auth:
        with pytest.raises(AuthenticationError, match="access_denied"):
            auth.login(browser)
    with made(server, config=config) as auth, pytest.raises(IntegrationTimeout, match="nobody agreed"):
        auth.login(lambda _: None, wait=0.05)


def test_somebody_else_s_answer_is_none(server: Server) -> None:
    """A page that sends the browser to the callback with a code of its own is not believed."""
    config = {"client_id": "public", "client_secret": None, "grant": "authorization_code"}

    def attacked(url: str) -> None:
        back = httpx2.URL(url).params["redirect_uri"]
        for query in ({"code": "theirs", "state": "guessed"}, {"code": "theirs"}):
            assert httpx2.get(back, params=query).status_code == 404

    with made(server, config=config) as auth, pytest.raises(IntegrationTimeout):
        auth.login(attacked, wait=0.05)


def test_faults(server: Server) -> None:
    with made(server, parameters={"fault": "500"}) as auth, pytest.raises(IntegrationError) as raised:
        auth.authenticate()
    assert (raised.value.status, raised.value.recoverable) == (500, True)
    with made(server, parameters={"fault": "mac"}) as auth, pytest.raises(DataError, match="'mac'"):
        auth.authenticate()
    with made(server, config={"issuer": "http://127.0.0.1:1"}) as auth:
        with pytest.raises(ConnectionError, match="cannot be reached"):
            auth.authenticate()
        assert auth.health().status == "down"
    for said, kind, match in (
        (answer(200, "no json", "Content-Type: application/json"), DataError, "cannot be read"),
        (answer(200, '{"issuer": "http://other.example"}'), DataError, "another server"),
        (answer(404), IntegrationError, "gave 404"),
    ):
        with scripted(said) as other, made(server, config={"issuer": other.url}) as auth:
            with pytest.raises(kind, match=match):
                auth.authenticate()
    for said, kind in (
        (answer(200, "{}"), IntegrationError),
        (answer(200, '{"access_token": "a\\r\\nb"}'), DataError),
        (answer(200, "<html>"), DataError),
    ):
        with scripted(said) as other, made(server, config={"token_url": other.url}) as auth:
            with pytest.raises(kind):
                auth.authenticate()


@pytest.mark.parametrize(
    ("status", "kind", "recoverable"),
    [
        (401, AuthenticationError, False),
        (403, AuthenticationError, False),
        (404, NotFoundError, False),
        (429, RateLimitError, True),
        (500, IntegrationError, True),
        (503, IntegrationError, True),
    ],
)
def test_statuses(status: int, kind: type[IntegrationError], recoverable: bool) -> None:
    """Of a server, or of what is before it, that does not answer as OAuth 2.0 has it."""
    for body in ("<html>", "{}"):
        with scripted(answer(status, body, "Retry-After: 7")) as other:
            config = {"token_url": other.url, "client_id": "us", "client_secret": "s3cret-of-ours"}
            with OAuth2Authenticator(config, retry=None) as auth, pytest.raises(kind) as raised:
                auth.authenticate()
            found = raised.value
            assert (type(found), found.status, found.recoverable) == (kind, status, recoverable)
            assert found.retry_after == 7


def test_secrets_are_in_no_error() -> None:
    said = answer(400, '{"error": "invalid_client", "error_description": "s3cret-of-ours is wrong"}')
    with scripted(said) as other:
        config = {"token_url": other.url, "client_id": "us", "client_secret": "s3cret-of-ours"}
        with OAuth2Authenticator(config) as auth:
            with pytest.raises(AuthenticationError) as raised:
                auth.authenticate()
            assert "s3cret" not in f"{raised.value} {auth!r} {auth.config!r}"
