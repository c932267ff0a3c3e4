"""OAuth 2.0 on another device, against oidc-provider: a person goes through its pages and agrees, or not."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from tests.connector.scripted import answer, scripted
from tests.connector.servers import node

from arcuate.auth import DeviceCode, EncryptedStore
from arcuate.connector import AuthenticationError, DataError, IntegrationTimeout
from arcuate.integrations import OAuth2Authenticator, RESTAPIClient


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Where the server is."""
    with node("oidc-provider", Path(__file__).with_name("device.mjs")) as port:
        yield f"http://localhost:{port}"


def made(issuer: str, **arguments: Any) -> OAuth2Authenticator:
    usual = {"issuer": issuer, "client_id": "device", "grant": "device_code", "retry": None}
    return OAuth2Authenticator(**{**usual, "scope": "openid offline_access", **arguments})


def person(shown: DeviceCode, answer: str = "confirm") -> None:
    """Opens the page and fills in each form that comes, until there is none."""
    with httpx2.Client(follow_redirects=True) as browser:
        page = browser.get(shown.complete)
        for _ in range(8):
            form = re.search(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', page.text, re.DOTALL)
            if form is None:
                return
            inputs = [
                dict(re.findall(r'(\w+)="([^"]*)"', one)) for one in re.findall("<input[^>]*>", form[2])
            ]
            data = {one["name"]: one.get("value", "") for one in inputs}
            if "op.deviceConfirmForm" in form[0]:
                data[answer] = "yes"
            if "login" in data:
                data |= {"login": "somebody", "password": "any"}
            page = browser.post(urljoin(str(page.url), form[1]), data=data)
            if "abort" in data:
                return
        raise AssertionError(page.text)


@pytest.mark.parametrize("who", ["public", "secret"])
def test_a_person_agrees(issuer: str, tmp_path: Path, who: str) -> None:
    secret = {"client_id": "secret", "client_secret": "right-secret"} if who == "secret" else {}
    store = EncryptedStore(tmp_path, "a long passphrase")
    with made(issuer, store=store, **secret) as auth:
        with pytest.raises(AuthenticationError, match=r"call login_device\(\)"):
            auth.authenticate()
        shown: list[DeviceCode] = []
        auth.login_device(lambda one: (shown.append(one), person(one)), interval=0.05)
        assert shown[0].url == f"{issuer}/device"
        assert shown[0].code in shown[0].complete
        with RESTAPIClient(url=issuer, auth=auth) as client:
            assert client.get("me") == {"sub": "somebody"}
    with made(issuer, store=store, **secret) as auth:
        first = auth.authenticate()
        assert auth.refresh_token() != first
        with RESTAPIClient(url=issuer, auth=auth) as client:
            assert client.get("me") == {"sub": "somebody"}


def test_a_person_agrees_later(issuer: str) -> None:
    """The program asks meanwhile, and is told that it is pending."""
    asked = threading.Event()
    with made(issuer) as auth:
        fetch = auth._fetched

        def counted(**what: Any) -> dict[str, Any]:
            try:
                return fetch(**what)
            except AuthenticationError as error:
                assert error.detail == "authorization_pending"
                asked.set()
                raise

        auth._fetched = counted  # type: ignore[method-assign]
        threads: list[threading.Thread] = []

        def later(shown: DeviceCode) -> None:
            threads.append(threading.Thread(target=lambda: (asked.wait(20), person(shown))))
            threads[0].start()

        auth.login_device(later, interval=0.05)
        threads[0].join()
        assert asked.is_set()
        assert auth.authenticate()


def test_a_person_refuses_or_is_away(issuer: str, capfd: pytest.CaptureFixture[str]) -> None:
    with made(issuer) as auth:
        with pytest.raises(AuthenticationError, match="access_denied"):
            auth.login_device(lambda one: person(one, "abort"), interval=0.05)
        with pytest.raises(IntegrationTimeout, match="nobody agreed"):
            auth.login_device(wait=0.1, interval=0.04)
        assert re.search(r"open http://localhost:\S+ and enter the code \S+", capfd.readouterr().err)


def test_a_server_that_refuses_or_says_nothing_of_use(issuer: str) -> None:
    for wrong in ({"client_id": "nobody"}, {"client_id": "secret", "client_secret": "wrong-secret"}):
        with made(issuer, **wrong) as auth, pytest.raises(AuthenticationError, match="refuses") as raised:
            auth.login_device(lambda _: None)
        assert "wrong-secret" not in str(raised.value)
    for body in ("{}", "[]", '{"user_code": "a", "verification_uri": "b", "expires_in": "soon"}'):
        with scripted(answer(200, body, "Content-Type: application/json")) as server:
            config = {"device_authorization_url": server.url, "token_url": server.url}
            with made("", **config) as auth, pytest.raises(DataError, match="device endpoint lacks"):
                auth.login_device(lambda _: None)


def test_slow_down_and_an_end() -> None:
    """RFC 8628, 3.5: after slow_down five seconds more, which here are more than there are."""
    kind = "Content-Type: application/json"
    code = (
        '{"user_code": "A", "device_code": "B", "verification_uri": "x", "expires_in": 5, "interval": 0.01}'
    )
    for error in ("slow_down", "expired_token"):
        said = (answer(200, code, kind), answer(400, f'{{"error": "{error}"}}', kind))
        with scripted(*said) as server:
            config = {"device_authorization_url": server.url, "token_url": server.url}
            with made("", **config) as auth, pytest.raises(IntegrationTimeout):
                auth.login_device(lambda _: None)
            assert len(server.asked) == 2
