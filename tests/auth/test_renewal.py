# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""Tokens that are renewed: once for all who ask, never lost, in time, and never shown."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import threading
import time
import traceback
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.auth.conftest import Server
from tests.auth.test_oauth2 import browser, made, token_of
from tests.connector.scripted import answer, dripping, scripted

from arcuate.auth import EncryptedStore
from arcuate.auth.callback import Callback
from arcuate.connector import AuthenticationError, DataError, IntegrationError, IntegrationTimeout
from arcuate.integrations import OAuth2Authenticator, RESTAPIClient

PERSON = {"client_id": "public", "client_secret": None, "grant": "authorization_code"}


def test_many_tasks_lead_to_one_refresh(server: Server) -> None:
    """More tasks than asyncio has threads, all refused with the same token, and threads beside them."""

    async def main() -> list[int]:
        with made(server) as auth:
            async with RESTAPIClient(url=server.issuer, auth=auth, retry=None) as client:
                await client.aget("userinfo")
                server.revoke(token_of(auth.authenticate()))
                tasks = [client.aget("userinfo") for _ in range(60)]
                threads = [asyncio.to_thread(client.get, "userinfo") for _ in range(4)]
                return [int(one["issued"]) for one in await asyncio.gather(*tasks, *threads)]

    before = server.issued()
    assert asyncio.run(main()) == [before + 2] * 64


def test_a_renewal_that_fails_for_another_reason_loses_nothing(server: Server, tmp_path: Path) -> None:
    """Only the server's word that the refresh token is over throws it away."""
    store = EncryptedStore(tmp_path, "a long passphrase")
    with made(server, config=PERSON, store=store) as auth:
        auth.login(browser)
        for said in (answer(403, "<html>blocked"), answer(401, '{"error": "invalid_client"}'), answer(503)):
            with scripted(said) as other:
                good, auth._endpoints = auth._endpoints, {"token": other.url}
                with pytest.raises(IntegrationError):
                    auth.refresh_token()
                auth._endpoints = good
        with pytest.raises(AuthenticationError, match="invalid_grant"):
            auth.refresh_token("not-one-of-theirs")
        assert server.who(auth.refresh_token()).status_code == 200
        auth._token = {**(auth._token or {}), "refresh_token": "over"}
        store.save(auth._entry(), auth._token)
        with pytest.raises(AuthenticationError, match="invalid_grant"):
            auth.refresh_token()
        with pytest.raises(AuthenticationError, match=r"call login\(\)"):
            auth.authenticate()


class Shelf(dict[str, Any]):
    """A store that takes no time."""

    load, save = dict.get, dict.__setitem__

    def remove(self, name: str) -> None:
        self.pop(name, None)


def test_two_persons_are_told_from_each_other(server: Server) -> None:
    """By the one client of a program: what the first one saw is not the second one's."""
    store: Any = Shelf()
    with made(server, config=PERSON, store=store) as auth, made(server, config=PERSON, store=store) as again:
        assert auth.identity is None
        auth.login(browser)
        first = auth.identity
        assert first is not None
        auth.refresh_token()
        assert auth.identity == again.identity == first
        auth.logout()
        auth.login(browser)
        assert auth.identity not in (None, first)


def test_two_processes_share_a_store(server: Server, tmp_path: Path) -> None:
    """What one has renewed the other takes from there: the refresh token was good for one use."""
    store = EncryptedStore(tmp_path, "a long passphrase")
    with made(server, config=PERSON, store=store) as one, made(server, config=PERSON, store=store) as other:
        one.login(browser)
        old = other.authorization()
        new = one.refresh_token()
        assert other.authorization(refused=old).headers == new
        one.refresh_token()
        assert other.refresh_token()  # it was too late: the store knows the newer one
        assert server.who(other.authenticate()).status_code == 200
        assert server.who(one.refresh_token()).status_code == 200


def test_a_token_that_is_taken_away_meanwhile(server: Server) -> None:
    """One thread logs out again and again while others ask."""
    with made(server, parameters={"lifetime": "3600"}) as auth:
        auth.authenticate()
        ended = threading.Event()
        failed: list[BaseException] = []

        def ask() -> None:
            while not ended.is_set():
                try:
                    auth.authorization()
                    auth.secrets()
                except BaseException as error:
                    failed.append(error)
                    return

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            auth._forget()
            auth.authorization()
        ended.set()
        for thread in threads:
            thread.join()
    assert failed == []


def test_retry_after_as_a_date() -> None:
    when = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=100)
    with scripted(answer(429, "", f"Retry-After: {format_datetime(when, usegmt=True)}")) as other:
        with OAuth2Authenticator(token_url=other.url, client_id="us", retry=None) as auth:
            with pytest.raises(IntegrationError) as raised:
                auth.authenticate()
    assert 90 < (raised.value.retry_after or 0) <= 100


def test_a_server_that_drips_is_given_up() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as url:
        times = {"read": 5, "call": 0.3}
        with OAuth2Authenticator(token_url=url, client_id="us", timeouts=times, retry=None) as auth:
            begun = time.monotonic()
            with pytest.raises(IntegrationTimeout):
                auth.authenticate()
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "body", ["[]", '"text"', "null", '{"access_token": ["a"]}', '{"expires_in": "soon"}']
)
def test_answers_that_are_none(body: str) -> None:
    with scripted(answer(200, body, "Content-Type: application/json")) as other:
        config: dict[str, Any] = {"token_url": other.url, "device_authorization_url": other.url}
        with OAuth2Authenticator(config, client_id="us", retry=None) as auth:
            with pytest.raises(DataError):
                auth.authenticate()
            with pytest.raises(DataError):
                auth.login_device(lambda _: None)
    with scripted(answer(400, body, "Content-Type: application/json")) as other:
        config = {"token_url": other.url, "device_authorization_url": other.url}
        with OAuth2Authenticator(config, client_id="us", retry=None) as auth:
            with pytest.raises(IntegrationError):
                auth.login_device(lambda _: None)


def test_the_chain_of_causes_has_no_secret() -> None:
    """The server's words are in Authlib's error, from which ours is raised."""
    said = answer(400, '{"error": "invalid_client", "error_description": "s3cret-of-ours is wrong"}')
    with scripted(said) as other:
        config = {"token_url": other.url, "client_id": "us", "client_secret": "s3cret-of-ours"}
        with OAuth2Authenticator(config, retry=None) as auth:
            with pytest.raises(AuthenticationError, match=r"\*\*\* is wrong") as raised:
                auth.authenticate()
    assert "s3cret" not in "".join(traceback.format_exception(raised.value))


def test_the_callback_is_on_this_machine_alone_and_ends() -> None:
    with Callback() as callback:
        port = httpx2.URL(callback.url).port
        assert port is not None
        assert callback._server.server_address[0] == "127.0.0.1"
        with pytest.raises(OSError):
            socket.create_connection((_outward(), port), 1).close()
        silent = socket.create_connection(("127.0.0.1", port), 1)  # says nothing, and holds up nobody
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    silent.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def _outward() -> str:
    """Another address of this machine; without a network, one of the loopback's that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: nothing is sent
        except OSError:
            return "127.0.0.2"
        found = str(probe.getsockname()[0])
    return "127.0.0.2" if found == "127.0.0.1" else found
