# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""What the GraphQL connector makes of servers and networks that fail, by HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from tests.connector.proxy import Fault, FaultProxy
from tests.connector.scripted import answer, dripping, scripted
from tests.graphql.conftest import QUICK, STATIONS, Server

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    DegradedWarning,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
)
from arcuate.errors import LimitExceeded
from arcuate.integrations import APIKeyAuthenticator, BearerAuthenticator, GraphQLClient, GraphQLError

JSON = "Content-Type: application/graphql-response+json"
NAMES = "{ stations(first: 23) { nodes { id name height } } }"


@pytest.mark.parametrize(
    ("status", "kind", "recoverable"),
    [
        (301, IntegrationError, False),
        (400, IntegrationError, False),
        (401, AuthenticationError, False),
        (403, AuthenticationError, False),
        (404, NotFoundError, False),
        (429, RateLimitError, True),
        (500, IntegrationError, True),
        (503, IntegrationError, True),
    ],
)
def test_statuses(status: int, kind: type[IntegrationError], recoverable: bool) -> None:
    for body in ("so it is", '{"errors": [{"message": "so it is"}]}'):
        with (
            scripted(answer(status, body, JSON)) as server,
            GraphQLClient(url=server.url, retry=None) as client,
        ):
            with pytest.raises(kind, match="so it is") as raised:
                client.query("{ x }")
            assert (raised.value.status, raised.value.recoverable) == (status, recoverable)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html>", "is no JSON: .* at line 1"),
        ('{"data": {"a": 1, "a": 2}}', "'a' is there twice"),
        (b'{"data": "\xff"}', "byte 10 is not UTF-8"),
        ("[]", "neither 'data' nor 'errors'"),
        ("{}", "neither 'data' nor 'errors'"),
        ('{"data": [1]}', "'data' is a mapping"),
        ("", "is no JSON"),
    ],
)
def test_what_is_no_answer(body: bytes | str, said: str) -> None:
    with scripted(answer(200, body, JSON)) as server, GraphQLClient(url=server.url) as client:
        with pytest.raises(DataError, match=said):
            client.query("{ x }")
        assert len(server.asked) == 1


def test_a_bomb() -> None:
    body = gzip.compress(b'{"data": {"x": "' + bytes(50_000_000) + b'"}}')
    with scripted(answer(200, body, JSON, "Content-Encoding: gzip")) as server:
        with GraphQLClient(url=server.url, retry=None, limit=1 << 20) as client:
            with pytest.raises(LimitExceeded, match="'limit'"):
                client.query("{ x }")


def test_errors_of_any_shape_are_shown() -> None:
    body = {"data": None, "errors": ["plain", {"message": "m", "path": None, "extensions": None}, {}, 7]}
    with scripted(answer(200, json.dumps(body), JSON)) as server, GraphQLClient(url=server.url) as client:
        assert [one.message for one in client.execute("{ x }").errors] == ["plain", "m", "", "7"]
        with pytest.raises(GraphQLError, match="4 errors: plain; m; ; and 1 more"):
            client.query("{ x }")


@pytest.mark.parametrize(
    "body",
    [
        '{"errors": [{"message": "m", "path": 5, "locations": 7, "extensions": [1]}]}',
        '{"errors": [{"message": "m", "path": "abc", "locations": {"line": 1}}], "extensions": [1]}',
    ],
)
def test_errors_that_are_not_as_they_should_be_are_shown_too(body: str) -> None:
    with scripted(answer(200, body, JSON)) as server, GraphQLClient(url=server.url) as client:
        with pytest.raises(GraphQLError, match="1 error: m"):
            client.query("{ x }")


def test_a_mark_that_is_none() -> None:
    body = '{"data": {"a": {"nodes": [], "pageInfo": {"hasNextPage": true, "endCursor": [1]}}}}'
    with scripted(answer(200, body, JSON)) as server, GraphQLClient(url=server.url) as client:
        with pytest.raises(DataError, match=r"a\.pageInfo\.endCursor"):
            list(client.nodes("query ($after: String) { a(after: $after) { nodes } }", at="a"))


def test_queries_are_repeated_and_mutations_are_not() -> None:
    good = answer(200, '{"data": {"x": 1}}', JSON)
    with scripted(answer(503), b"", good) as server, GraphQLClient(url=server.url, retry=QUICK) as client:
        assert client.query("{ x }") == {"x": 1}
        assert len(server.asked) == 3
    for repeatable, times in ((False, 1), (True, 3)):
        with scripted(answer(503)) as server, GraphQLClient(url=server.url, retry=QUICK) as client:
            with pytest.raises(IntegrationError) as raised:
                client.mutate("mutation { x }", repeatable=repeatable)
            assert (raised.value.executed, len(server.asked)) == ("maybe", times)


@pytest.fixture
def proxied(yoga: Server) -> Any:
    with FaultProxy(yoga.port) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("fault", "kind", "patience"),
    [
        (Fault(silent=True), IntegrationTimeout, 0.2),
        (Fault(cut=40), ConnectionError, 20),
        (Fault(cut=300, reset=True), ConnectionError, 20),
        (Fault(garbage=b"no\r\n\r\n"), ConnectionError, 20),
    ],
    ids=["half-open", "cut", "reset", "garbage"],
)
def test_networks(proxied: FaultProxy, fault: Fault, kind: type[IntegrationError], patience: float) -> None:
    url = f"http://127.0.0.1:{proxied.port}/graphql"
    proxied.fault = fault
    with GraphQLClient(url=url, retry=QUICK, timeouts={"read": patience}) as client:
        with pytest.raises(kind) as raised:
            client.query(NAMES)
        assert raised.value.recoverable
        assert proxied.connections == 3
        proxied.fault = Fault()
        assert client.query(NAMES)["stations"]["nodes"] == STATIONS


def test_a_call_ends_in_time(proxied: FaultProxy) -> None:
    async def main() -> None:
        times = {"call": 0.2}
        url = f"http://127.0.0.1:{proxied.port}/graphql"
        async with GraphQLClient(url=url, retry=None, timeouts=times) as client:
            await client.aquery("{ echo }")
            proxied.strike = Fault(silent=True)
            with pytest.raises(IntegrationTimeout, match=r"more than 0\.2 s"):
                await client.aquery("{ echo }")

    asyncio.run(main())


def test_the_last_good_value(proxied: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    url = f"http://127.0.0.1:{proxied.port}/graphql"
    document = "{ stations(first: 1) { nodes { id broken } } }"
    with GraphQLClient(url=url, retry=None, fallback={"kind": "cache"}) as client:
        live = client.execute(document)
        proxied.strike = Fault(cut=1)
        with pytest.warns(DegradedWarning, match="from cache"):
            kept = client.execute(document)
        assert (live.degraded, kept.degraded) == (False, True)
        assert (kept.data, kept.errors) == (live.data, live.errors)
        with pytest.raises(ConnectionError):
            client.mutate("mutation { fail { id } }")
    with GraphQLClient(url=url, retry=None, fallback={"kind": "default", "default": {"a": 1}}) as client:
        with pytest.warns(DegradedWarning, match="from default"):
            assert client.query(document) == {"a": 1}


@pytest.mark.parametrize("how", ["threads", "asyncio"])
def test_an_answer_with_errors_is_no_good_value(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    good, bad = '{"data": {"x": 1}}', '{"data": null, "errors": [{"message": "no"}]}'

    async def later(config: dict[str, Any]) -> list[Any]:
        async with GraphQLClient(config) as client:
            return [await client.aexecute("{ x }") for _ in range(3)]

    def now(config: dict[str, Any]) -> list[Any]:
        with GraphQLClient(config) as client:
            return [client.execute("{ x }") for _ in range(3)]

    with scripted(answer(200, good, JSON), answer(200, bad, JSON), answer(503)) as server:
        config = {"url": server.url, "retry": None, "fallback": {"kind": "cache"}}
        with pytest.warns(DegradedWarning, match="from cache"):
            found = asyncio.run(later(config)) if how == "asyncio" else now(config)
    assert [one.data for one in found] == [{"x": 1}, None, {"x": 1}]
    assert [one.source for one in found] == ["live", "live", "cache"]


def test_another_endpoint(proxied: FaultProxy, yoga: Server) -> None:
    """For queries alone; the first one is dead."""
    proxied.fault = Fault(cut=1)
    config = {"url": f"http://127.0.0.1:{proxied.port}/graphql", "fallback": {"urls": [yoga.url]}}

    async def main() -> Any:
        async with GraphQLClient(config, retry=None) as client:
            return await client.aexecute("{ echo }")

    with GraphQLClient(config, retry=None) as client:
        with pytest.warns(DegradedWarning, match=f"from {yoga.url}"):
            found = client.execute("{ echo }")
        with pytest.raises(ConnectionError):
            client.mutate("mutation { fail { id } }")
    with pytest.warns(DegradedWarning, match=f"from {yoga.url}"):
        assert asyncio.run(main()) == found
    assert (found.degraded, found.source, "echo" in found.data) == (True, yoga.url, True)


async def _alater(config: dict[str, Any]) -> None:
    async with GraphQLClient(config) as client:
        await client.aquery("{ echo }")


def _now(config: dict[str, Any]) -> None:
    with GraphQLClient(config) as client:
        client.query("{ echo }")


@pytest.mark.parametrize("how", ["threads", "asyncio"])
def test_what_drips_is_given_up(how: str) -> None:
    """By the limit that is named; health() has it too."""
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as url:
        config: dict[str, Any] = {"url": url, "timeouts": {"read": 5, "call": 0.1}, "retry": None}
        ask = _now if how == "threads" else lambda config: asyncio.run(_alater(config))
        begun = time.monotonic()
        with pytest.raises(IntegrationTimeout, match=r"more than 0\.1 s .*'timeouts\.call'"):
            ask(config)
        assert time.monotonic() - begun < 3
        with GraphQLClient(config) as client:
            assert client.health().status == "down"
        total = {"total": 0.1, "attempts": 9, "initial": 0.01}
        with pytest.raises(IntegrationTimeout, match=r"'retry\.total'"):
            ask({"url": url, "timeouts": {"read": 5}, "retry": total})
        assert time.monotonic() - begun < 6


def test_secrets_are_in_no_error() -> None:
    secret = "s3cret-of-ours"
    said = json.dumps({"errors": [{"message": f"the key {secret} is wrong"}]})
    for status in (200, 400, 500):
        with scripted(answer(status, said, JSON)) as server:
            config = {"url": server.url, "headers": {"X-API-Key": secret}, "retry": None}
            with GraphQLClient(config, connection={"token": secret}) as client:
                with pytest.raises(IntegrationError) as raised:
                    client.query("{ x }")
                texts = [str(raised.value), str(raised.value.detail), repr(client), repr(client.config)]
                assert not [text for text in texts if secret in text]


def test_a_library_s_error_with_a_secret_is_no_cause() -> None:
    secret = "s3cret-of-ours"
    with scripted(f"HTTP/1.1 200 OK\r\nX-Echo {secret}\r\n\r\n".encode()) as server:
        with GraphQLClient(url=server.url, auth=BearerAuthenticator(secret), retry=None) as client:
            with pytest.raises(IntegrationError) as raised:
                client.query("{ x }")
    said = "".join(traceback.format_exception(raised.value))
    assert secret not in said
    assert "***" in said


def test_a_key_in_the_query_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """httpx2 logs the address of each request, stamina the error of each attempt."""
    secret = "s3cret-of-ours"
    caplog.set_level("DEBUG")
    with scripted(answer(503, secret), answer(200, '{"data": {"x": 1}}', JSON)) as server:
        auth = APIKeyAuthenticator(secret, "appid", "query")
        with GraphQLClient(url=server.url, auth=auth, retry=QUICK) as client:
            client.query("{ x }")
        assert secret.encode() in server.asked[1]
    logged = "".join(repr(vars(one)) for one in caplog.records)
    assert "stamina.caused_by" in logged
    assert "appid=***" in logged
    assert secret not in logged
