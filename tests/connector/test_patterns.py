"""The patterns of the design documents, with only the import changed, and what they do when it gets hard."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.connector.scripted import answer, scripted

from arcuate.connector import ConnectorConfig, Secret
from arcuate.connector.network import NetworkConfig
from arcuate.errors import InvalidArgument
from arcuate.integrations import (
    AuthenticationError,
    BaseAuthenticator,
    BearerAuthenticator,
    ConnectionError,  # noqa: A004
    DatabaseConnector,
    DegradedWarning,
    IntegrationError,
    NATSStream,
    OAuth2Authenticator,
    RateLimitError,
    ResilientIntegration,
    RESTAPIClient,
    retry_on_failure,
)


def test_an_address_in_the_log_of_repetitions(caplog: pytest.LogCaptureFixture) -> None:
    """stamina logs the error, which is the program's own."""

    @retry_on_failure(1, 0.0)
    def ask() -> None:
        raise OSError("http://me:s3cret@db.example/?token=s3cret is away")

    with pytest.raises(OSError, match="s3cret"):
        ask()
    (one,) = [vars(one) for one in caplog.records if one.name == "stamina"]
    assert "http://me:***@db.example/?token=*** is away" in one["stamina.caused_by"]
    assert "s3cret" not in repr(one)


def test_a_client_of_an_interface() -> None:
    class DataService(RESTAPIClient):
        def __init__(self, api_config: Mapping[str, Any]) -> None:
            super().__init__(api_config)
            self.base_url = api_config["base_url"]
            self.headers = {
                "Authorization": f"Bearer {api_config['token']}",
                "Content-Type": "application/json",
            }

        def get_data(self, number: int) -> Any:
            return self.get(f"/data/{number}")

        def save(self, data: Any) -> Any:
            return self.post("/data", data=data)

    with scripted(answer(200, '{"id": 7}'), answer(201, '{"id": 8}')) as server:
        service = DataService({"base_url": f"{server.url}/v1", "token": "t-123456"})
        assert service.get_data(7) == {"id": 7}
        assert service.save({"values": [1, 2]}) == {"id": 8}
        service.close()
        first, second = server.asked
    assert first.startswith(b"GET /v1/data/7 HTTP/1.1")
    assert b"authorization: bearer t-123456" in first.lower()
    assert second.startswith(b"POST /v1/data HTTP/1.1")
    assert second.endswith(b'{"values":[1,2]}')
    assert second.lower().count(b"content-type: application/json") == 1


def test_an_authenticator() -> None:
    class Session(BaseAuthenticator):
        def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
            return {"X-Session": f"first of {(credentials or self.credentials)['user']}"}

        def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
            return {"X-Session": f"second by {refresh_token}"}

    assert Session().authenticate({"user": "me"}) == {"X-Session": "first of me"}
    assert Session().refresh_token("r") == {"X-Session": "second by r"}
    with scripted(answer(401), answer(200, "1")) as server:
        with RESTAPIClient(url=server.url, auth=Session({"user": "me"})) as client:
            assert client.get("x") == 1
        assert [b"first of me" in server.asked[0], b"second by None" in server.asked[1]] == [True, True]


def test_an_authenticator_for_oauth2() -> None:
    """As the token endpoint of RFC 6749 has it, 4.4 and 6."""
    first = '{"access_token": "t-1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r-1"}'
    with scripted(answer(200, first), answer(200, first.replace("-1", "-2"))) as server:
        with OAuth2Authenticator({"token_url": f"{server.url}/token"}) as auth:
            found = auth.authenticate({"client_id": "us", "client_secret": "s3cret"})
            assert found == {"Authorization": "Bearer t-1"}
            assert auth.refresh_token("r-1") == {"Authorization": "Bearer t-2"}
        assert b"grant_type=client_credentials" in server.asked[0]
        assert b"refresh_token=r-1" in server.asked[1]


# --- retry_on_failure


def test_a_function_of_asyncio_is_repeated() -> None:
    calls = []

    @retry_on_failure(max_retries=2, delay=0.001)
    async def work(x: int) -> int:
        calls.append(x)
        await asyncio.sleep(0)
        if len(calls) < 3:
            raise OSError("network")
        return x

    assert asyncio.run(work(4)) == 4
    assert calls == [4, 4, 4]
    with pytest.raises(OSError, match="always"):
        asyncio.run(_always())


@retry_on_failure(1, 0.001)
async def _always() -> None:
    raise OSError("always")


def test_a_day_is_not_waited_for() -> None:
    calls = []

    @retry_on_failure(3, 0.001)
    def work() -> None:
        calls.append(1)
        raise RateLimitError("busy", retry_after=86400.0)

    begun = time.monotonic()
    with pytest.raises(RateLimitError):
        work()
    assert time.monotonic() - begun < 5
    assert len(calls) == 1


@pytest.mark.parametrize("wrong", [{"max_retries": -1}, {"delay": -1.0}, {"delay": float("nan")}])
def test_what_is_no_number_of_repetitions(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="max_retries is 0 or more"):
        retry_on_failure(**wrong)


def test_mistakes_of_users() -> None:
    """Else there was an error of Python's, or silence: a database in memory, a server that is here."""

    class Mine(BaseAuthenticator):
        def authenticate(self, credentials: Mapping[str, Any] | None = None) -> Any:
            return "token"

    class Numbered(BaseAuthenticator):
        def authenticate(self, credentials: Mapping[str, Any] | None = None) -> Any:
            return {"X-Id": 5}

    wrong: list[tuple[Callable[[], Any], str]] = [
        (
            lambda: DatabaseConnector({"uri": "postgresql://me:s3cret@h/x"}),
            "no 'url', and .* none 'uri'; if 'sqlite",
        ),
        (lambda: NATSStream({"host": "10.0.0.1", "port": 1}), "no 'url', and .* none 'host', 'port'; if"),
        (lambda: DatabaseConnector("sqlite://"), "are a mapping, or arguments.*; got a str"),  # type: ignore[arg-type]
        (lambda: DatabaseConnector(url="sqlite://x.db"), "are three slashes"),
        (DatabaseConnector(password="s3cret").open, "has no password; is 'url' right"),
        (lambda: DatabaseConnector(url="duckdb://me:s3cret@x.db"), "are three slashes"),
        (
            lambda: OAuth2Authenticator(token_url="https://h", client_id="a", ca_file="/no").authenticate(),
            "ca_file",
        ),
        (lambda: RESTAPIClient(timeout=True), "there is no setting 'timeout'"),
        (lambda: RESTAPIClient({"timeout": "soon"}), "'timeouts.connect': input should be a valid number"),
        (lambda: RESTAPIClient(auth=Mine), "not the class Mine"),
        (lambda: Mine().authorization(), "Mine gives headers, a mapping of texts; got a str"),
        (
            lambda: RESTAPIClient(url="http://127.0.0.1:1", auth=Numbered()).get("x"),
            "Numbered gives the header 'X-Id' as a int, not a text",
        ),
        (lambda: retry_on_failure(lambda: 1), "write the parentheses"),  # type: ignore[arg-type]
        (lambda: OAuth2Authenticator(token_url="h/x", client_id="a").authenticate(), "look at 'issuer'"),
    ]
    for work, said in wrong:
        with pytest.raises(InvalidArgument, match=said) as raised:
            work()
        assert "s3cret" not in str(raised.value)


# --- ResilientIntegration


def reading(channel: int, down: bool = False) -> int:
    if down:
        raise ConnectionError("down")
    return channel * 10


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with ResilientIntegration({"max_retries": 0}, fallback={"kind": "cache"}, breaker=None) as one:
        yield one


def test_the_last_good_value_is_that_of_the_same_call(lab: ResilientIntegration) -> None:
    away: list[bool] = []

    def of(channel: int) -> Callable[[], int]:
        return lambda: reading(channel, bool(away))

    assert lab.execute_with_retry(reading, 1) == 10
    assert lab.execute_with_retry(reading, 2) == 20
    assert lab.execute_with_retry(of(3)) == 30
    away.append(True)
    with pytest.raises(ConnectionError):  # the kept value of another channel is none of this one
        lab.execute_with_retry(reading, 1, down=True)
    with pytest.raises(ConnectionError):  # nothing tells two closures apart
        lab.execute_with_retry(of(4))


class Meter(ResilientIntegration):
    away = False

    def read(self, channel: int) -> int:
        return reading(channel, self.away)

    def get(self, channel: int) -> int:
        return self.execute_with_retry(self.read, channel)


class ToldConfig(ConnectorConfig):
    api_key: Secret


class Told(Meter):
    Config = ToldConfig


class Proven(Meter):
    Config = NetworkConfig


def test_a_method_has_its_last_good_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Meter({"max_retries": 0, "fallback": {"kind": "cache"}}) as meter:
        assert meter.get(1) == 10
        meter.away = True
        with pytest.warns(DegradedWarning, match="from cache"):
            assert meter.get(1) == 10
        with pytest.raises(ConnectionError):
            meter.get(2)
    for kind in (Meter, Told, Proven):  # of another user
        for key in ("a", "b"):
            who = {"auth": BearerAuthenticator(key)} if kind is Proven else {"api_key": key}
            with kind({"max_retries": 0, "fallback": {"kind": "cache"}, **who}) as meter:
                if kind is not Meter and key == "a":
                    meter.get(1)
                meter.away = True
                with pytest.raises(ConnectionError):
                    meter.get(1 if key == "b" else 2)


def test_as_many_repetitions_as_were_asked_for() -> None:
    """More than the failures after which a system is left alone."""
    with ResilientIntegration({"max_retries": 8, "retry_delay": 0.001}, retry={"jitter": 0.0}) as one:
        away = [ConnectionError("down") for _ in range(8)]

        def ask() -> int:
            if away:
                raise away.pop()
            return 7

        assert one.execute_with_retry(ask) == 7


def test_what_cannot_be_carried_out(lab: ResilientIntegration) -> None:
    with warnings.catch_warnings(), pytest.raises(InvalidArgument, match="plain functions"):
        warnings.simplefilter("error")
        lab.execute_with_retry(_always)
    for wrong in ({"max_retries": "many"}, {"max_retries": -1}, {"retry_delay": "soon"}):
        with pytest.raises(InvalidArgument, match="max_retries is 0 or more"):
            ResilientIntegration(wrong)


def test_errors_say_whether_it_may_pass() -> None:
    assert issubclass(AuthenticationError, IntegrationError)
    found = [kind("x").recoverable for kind in (ConnectionError, RateLimitError, AuthenticationError)]
    assert found == [True, True, False]


def test_arguments_beside_a_configuration_that_are_wrong() -> None:
    """As everywhere else: our own error, which names the setting and hides what was given."""
    config = RESTAPIClient(url="http://a.example").config
    with pytest.raises(InvalidArgument, match="there is no setting 'nonsense'"):
        RESTAPIClient(config, nonsense=1)
    with pytest.raises(InvalidArgument, match="setting 'url'") as raised:
        RESTAPIClient(config, url="ftp://me:s3cret@a.example")
    assert "s3cret" not in str(raised.value)


def test_a_connector_whose_secrets_cannot_be_found_disturbs_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its token is in a variable that is not set: that is its own affair."""
    with scripted(answer(503, "s3cret"), answer(200, "1")) as server:
        retry = {"attempts": 2, "initial": 0.001, "jitter": 0.0}
        with (
            RESTAPIClient(url=server.url, auth=BearerAuthenticator("env:NO_SUCH_VARIABLE")),
            RESTAPIClient(url=server.url, headers={"X-API-Key": "s3cret"}, retry=retry) as one,
        ):
            assert one.get("x") == 1
    assert [one.name for one in caplog.records].count("stamina") == 1
    assert "s3cret" not in "".join(repr(vars(one)) for one in caplog.records)
