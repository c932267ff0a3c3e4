# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""Another endpoint as the fallback: two real servers, of which one is down, refuses or is slow."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.connector.scripted import answer, scripted
from tests.connector.test_config import Probe
from tests.rest.conftest import FILE, STATIONS

from arcuate.connector import (
    ConnectionError,  # noqa: A004
    DegradedWarning,
    Fallback,
    IntegrationError,
    NotFoundError,
)
from arcuate.errors import InvalidArgument
from arcuate.integrations import BaseAuthenticator, BearerAuthenticator, GraphQLClient
from arcuate.rest import Link, RESTAPIClient

ONCE: dict[str, Any] = {"retry": None, "breaker": None}
SLOW = ("slow", "drips")


class Primary(ThreadingHTTPServer):
    """Python's own web server: well, or not, as a test says."""

    daemon_threads = True
    mode = "well"
    asked: list[str]

    def __init__(self) -> None:
        self.asked = []
        self.ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(f"{self.command} {self.path}")
                if outer.mode in SLOW:
                    self._late()
                    return
                body = json.dumps([{"id": 0}]).encode()
                self.send_response(200 if outer.mode == "well" else int(outer.mode))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_DELETE = do_GET

            def _late(self) -> None:
                with contextlib.suppress(OSError):
                    for one in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
                        if outer.ended.wait(30 if outer.mode == "slow" else 0.03):
                            return
                        self.wfile.write(bytes([one]))

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def primary() -> Iterator[Primary]:
    server = Primary()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ask(config: dict[str, Any], how: str) -> Any:
    """Asks for the stations."""
    if how == "threads":
        with RESTAPIClient(config) as client:
            return client.request("GET", "stations")

    async def main() -> Any:
        async with RESTAPIClient(config) as client:
            return await client.arequest("GET", "stations")

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("mode", "how"),
    [
        ("down", "threads"),
        ("down", "asyncio"),
        ("503", "threads"),
        ("503", "asyncio"),
        ("429", "threads"),
        ("slow", "threads"),
        ("slow", "asyncio"),
        ("drips", "threads"),
    ],
)
def test_another_endpoint_answers(address: str, primary: Primary, mode: str, how: str) -> None:
    primary.mode = mode
    url = "http://127.0.0.1:1" if mode == "down" else primary.url
    config = {"base_url": url, "fallback": {"urls": [address]}, **ONCE}
    if mode in SLOW:
        config["timeouts"] = {"read": 20 if mode == "drips" else 0.8, "call": 0.8}
    with pytest.warns(DegradedWarning, match=f"the value is from {address}$"):
        found = ask(config, how)
    assert found.json() == STATIONS
    assert (found.degraded, found.source, found.url) == (True, address, f"{address}/stations")


@pytest.mark.parametrize("how", ["threads", "asyncio"])
def test_what_is_well_is_asked_alone(primary: Primary, how: str) -> None:
    config = {"base_url": primary.url, "fallback": {"urls": "http://127.0.0.1:1"}, **ONCE}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ask(config, how)
    assert found.json() == [{"id": 0}]
    assert (found.degraded, found.source, found.url) == (False, "live", f"{primary.url}/stations")


def test_a_refusal_is_an_answer(address: str, primary: Primary) -> None:
    """404 says that the question is wrong: nobody else is asked."""
    primary.mode = "404"
    with RESTAPIClient(url=primary.url, fallback={"urls": [address]}, **ONCE) as client:
        with pytest.raises(NotFoundError, match="gave 404"):
            client.get("stations")


def test_both_are_down(address: str, primary: Primary) -> None:
    primary.mode = "503"
    urls = ["http://127.0.0.1:1", f"{address}/there-is-none"]
    with RESTAPIClient(url=primary.url, fallback={"urls": urls}, **ONCE) as client:
        said = (
            r"gave 503: .*; and http://127.0.0.1:1 does not .*is it running.*; and http.*none does not.*404"
        )
        with pytest.raises(IntegrationError, match=said) as raised:
            client.get("stations")
        assert raised.value.status == 503
        assert re.search(said, str(raised.value.args[0]))


def test_an_endpoint_then_the_last_good_value(
    address: str, primary: Primary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with scripted(answer(503), answer(200, "[3]")) as other:
        fallback = {"kind": "cache", "urls": [other.url]}
        with RESTAPIClient(url=primary.url, fallback=fallback, **ONCE) as client:
            assert client.get("x") == [{"id": 0}]
            primary.mode = "503"
            for source, value in (("cache", [{"id": 0}]), (other.url, [3])):
                with pytest.warns(DegradedWarning, match=f"from {source}"):
                    found = client.request("GET", "x")
                assert (found.source, found.json()) == (source, value)


def test_what_changes_something_has_no_fallback(address: str, primary: Primary, tmp_path: Path) -> None:
    """No other endpoint is written to, and no fixed value says that it was done."""
    primary.mode = "503"
    source = tmp_path / "x"
    source.write_bytes(b"1")
    with scripted(answer(200, "1")) as other:
        for fallback in ({"urls": [other.url]}, {"kind": "default", "default": {"id": 1}}):
            with RESTAPIClient(url=primary.url, fallback=fallback, **ONCE) as client:
                for work in (
                    lambda client: client.post("x", {"a": 1}),
                    lambda client: client.post("x", {"a": 1}, repeatable=True),
                    lambda client: client.put("x", {"a": 1}),
                    lambda client: client.delete("x"),
                    lambda client: client.upload("x", source),
                    lambda client: asyncio.run(_apost(client.config)),
                ):
                    with pytest.raises(IntegrationError, match="503"):
                        work(client)
        assert other.asked == []


async def _apost(config: Any) -> None:
    async with RESTAPIClient(config) as client:
        await client.apost("x", {"a": 1})


def test_a_file_from_another_endpoint(address: str, tmp_path: Path) -> None:
    """What the first one had begun to send is not the beginning of what the second one sends."""
    cut = b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 3000000\r\n\r\n' + b"x" * 1000
    for how in ("threads", "asyncio"):
        with scripted(cut) as server:
            config = {"url": server.url, "fallback": {"urls": [address]}, **ONCE}
            target = tmp_path / how
            with pytest.warns(DegradedWarning):
                _downloaded(config, target, how)
            assert target.read_bytes() == FILE
    assert sorted(one.name for one in tmp_path.iterdir()) == ["asyncio", "threads"]


def _downloaded(config: dict[str, Any], target: Path, how: str) -> None:
    if how == "threads":
        with RESTAPIClient(config) as client:
            client.download("signal.bin", target)
    else:
        asyncio.run(_download(config, target))


async def _download(config: dict[str, Any], target: Path) -> None:
    async with RESTAPIClient(config) as client:
        await client.adownload("signal.bin", target)


def test_half_a_file_is_no_file(tmp_path: Path) -> None:
    """A fixed value is no file: what came in part stays a part."""
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 1000
    fallback = {"kind": "default", "default": b""}
    with scripted(cut) as server, RESTAPIClient(url=server.url, fallback=fallback, retry=None) as client:
        with pytest.raises(ConnectionError, match="broke"):
            client.download("f", tmp_path / "f")
        with pytest.raises(ConnectionError, match="broke"):
            asyncio.run(_download({"url": server.url, "fallback": fallback, "retry": None}, tmp_path / "f"))
    assert not (tmp_path / "f").exists()


def test_pages_go_on_at_another_endpoint(address: str) -> None:
    """And come back: the next page of the other one is asked for at the first one first."""
    query = "stations?_page={}&_limit=10"
    first = answer(200, json.dumps(STATIONS[:10]), f'Link: </api/{query.format(2)}>; rel="next"')
    third = answer(200, json.dumps(STATIONS[20:]))
    with scripted(first, answer(503), third) as server:
        base = f"{server.url}/api"
        with RESTAPIClient(url=base, fallback={"urls": [address]}, **ONCE) as client:
            with pytest.warns(DegradedWarning, match=f"from {address}"):
                found = list(client.items("stations", {"_page": 1, "_limit": 10}, paging=Link()))
        asked = [one.split(b" ")[1] for one in server.asked]
    assert found == STATIONS
    assert asked == [f"/api/{query.format(number)}".encode() for number in (1, 2, 3)]


def test_the_other_endpoint_gets_what_the_first_one_gets(primary: Primary) -> None:
    """Also what a subclass sets after it was made; and its connections end with the connector."""

    class Weather(RESTAPIClient):
        def __init__(self, api_config: dict[str, Any]) -> None:
            super().__init__(api_config)
            self.base_url = api_config["base_url"]
            self.headers = {"X-API-Key": api_config["api_key"]}

    primary.mode = "503"
    with scripted(answer(200, "1")) as other:
        config = {"base_url": primary.url, "api_key": "k-12345", "fallback": {"urls": [other.url]}, **ONCE}
        with Weather(config) as weather:
            with pytest.warns(DegradedWarning):
                assert weather.get("x", {"a": 1}) == 1
            (sibling,) = weather._siblings.values()
            with sibling.lent() as pool:
                assert not pool.is_closed
        assert b"x-api-key: k-12345" in other.asked[0].lower()
        assert b"GET /x?a=1 " in other.asked[0]
        assert pool.is_closed


def test_health_says_that_another_endpoint_answers(address: str, primary: Primary) -> None:
    primary.mode = "503"
    config: dict[str, Any] = {"url": primary.url, "check": "stations/1", **ONCE}
    with RESTAPIClient(config, fallback={"urls": [address]}) as client:
        found = client.health()
        assert found.status == "degraded"
        said = f"{address} answers instead: rest: GET {primary.url}/stations/1 gave 503"
        assert found.detail.startswith(said)
    with RESTAPIClient(config, fallback={"urls": ["http://127.0.0.1:1"]}) as client:
        assert client.health().status == "down"


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "connectors.toml"
    path.write_text('[connector.w]\nurl = "https://a.example"\nfallback = {urls = ["https://b.example"]}\n')
    monkeypatch.setenv("ARCUATE_CONNECTORS", str(path))
    assert RESTAPIClient(name="w").config.fallback == Fallback(kind="endpoint", urls=("https://b.example",))
    monkeypatch.setenv("ARCUATE_V_FALLBACK__URLS", '["http://b.example", "http://c.example"]')
    monkeypatch.setenv("ARCUATE_V_FALLBACK__KIND", "cache")
    found = RESTAPIClient(name="v", url="http://a.example").config.fallback
    assert found == Fallback(kind="cache", urls=("http://b.example", "http://c.example"))
    for settings, said in (
        ({"kind": "endpoint"}, "needs 'urls'"),
        ({"urls": ["b.example"]}, "http://HOST"),
        ({"urls": ["https://me:s3cret@b.example"]}, "no user or password"),
        ({"urls": ["http://b.example"]}, "without TLS"),
    ):
        with pytest.raises(InvalidArgument, match=f"setting 'fallback.*{said}") as raised:
            RESTAPIClient(url="https://a.example", fallback=settings)
        assert "s3cret" not in str(raised.value)
    with pytest.raises(InvalidArgument, match="asks no other address"):
        Probe(fallback={"urls": ["http://b.example"]})
    with RESTAPIClient(fallback={"urls": ["http://127.0.0.1:1"]}, retry=None) as client:
        client.base_url = "https://127.0.0.1:1"
        with pytest.raises(InvalidArgument, match="no TLS"):
            client.get("x")


def test_the_last_good_value_is_that_of_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user gets nothing of it; the same one does, also after the token was renewed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    class Renewed(BearerAuthenticator):
        def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
            return {"Authorization": "Bearer renewed"}

    def made(kind: Any, url: str, token: str) -> Any:
        return kind(url=url, auth=Renewed(token), retry=None, fallback={"kind": "cache"})

    data = '{"data": {"x": 1}}'
    for kind, ask in ((RESTAPIClient, "get"), (GraphQLClient, "query")):
        with scripted(answer(200, data), answer(401), answer(503)) as server:
            words = "{ x }" if ask == "query" else "x"
            with made(kind, server.url, "of alice") as alice, made(kind, server.url, "of bob") as bob:
                live = getattr(alice, ask)(words)
                with pytest.warns(DegradedWarning, match="from cache"):
                    assert getattr(alice, ask)(words) == live
                with pytest.raises(IntegrationError):
                    getattr(bob, ask)(words)


def test_who_cannot_be_told_from_others_gets_no_last_good_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authenticator of a program's own, which keeps its credentials somewhere else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    class Signed(BaseAuthenticator):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

        def authenticate(self, credentials: Any = None) -> dict[str, str]:
            return {"X-Key": self.key}

    with scripted(answer(200, '{"data": {"x": 1}}'), answer(503)) as server:
        for kind, ask in ((RESTAPIClient, "get"), (GraphQLClient, "query")):
            for key in ("of alice", "of bob"):
                config = {"url": server.url, "retry": None, "fallback": {"kind": "cache"}}
                with kind(config, auth=Signed(key)) as one:  # type: ignore[operator]
                    if key == "of alice" and kind is RESTAPIClient:
                        getattr(one, ask)("x")
                    else:
                        with pytest.raises(IntegrationError, match="503"):
                            getattr(one, ask)("{ x }" if ask == "query" else "x")


@pytest.mark.parametrize(
    "default", [{"content": []}, {"content": "a"}, {"data": 1, "errors": [{}], "extensions": 0}]
)
def test_a_default_is_given_as_it_is(default: Any) -> None:
    """Whatever the names of its keys are."""
    config = {"url": "http://127.0.0.1:1", "retry": None, "fallback": {"kind": "default", "default": default}}
    with RESTAPIClient(config) as client, GraphQLClient(config) as other:
        with pytest.warns(DegradedWarning, match="from default"):
            assert client.get("x") == default
        with pytest.warns(DegradedWarning, match="from default"):
            assert other.query("{ x }") == default


def test_an_address_that_is_refused_shows_no_password() -> None:
    with RESTAPIClient() as client:
        client.base_url = "http://me:s3cret@a.example"
        for endpoint in ("http://me:s3cret@b.example/x", "http://me:s3cret@b.example:99999/"):
            with pytest.raises(InvalidArgument, match=r"me:\*\*\*@") as raised:
                client.get(endpoint)
            assert "s3cret" not in str(raised.value)


def test_what_a_request_cannot_be_made_of() -> None:
    with RESTAPIClient({"baseurl": "http://me:s3cret@127.0.0.1:1"}) as client:
        with pytest.raises(InvalidArgument, match=r"no address: set 'url'.*; 'baseurl' of the mapping"):
            client.get("x")
    with RESTAPIClient(url="http://127.0.0.1:1/v1?code=s3cret", retry=None) as client:
        with pytest.raises(InvalidArgument, match=r"/v1' has a query .*place='query'") as raised:
            client.get("stations")
        assert "s3cret" not in str(raised.value)
    with RESTAPIClient(url="http://127.0.0.1:1", retry=None) as client:
        for wrong, said in (
            ((3,), "an endpoint is a text; got a int"),
            (("x", [("a", 1)]), "params are a map"),
        ):
            with pytest.raises(InvalidArgument, match=said):
                client.get(*wrong)  # type: ignore[arg-type]
            if len(wrong) > 1:
                with pytest.raises(InvalidArgument, match=said):
                    client.download("x", "never", params=wrong[1])  # type: ignore[arg-type]
        client.headers = {"X-Station": 3}  # type: ignore[dict-item]
        with pytest.raises(InvalidArgument, match="the header 'X-Station' is a int, and not a text"):
            client.get("stations")


@pytest.mark.parametrize("how", ["get", "download", "aget", "query", "aquery"])
def test_a_redirection_to_what_is_no_address(how: str, tmp_path: Path) -> None:
    kind: Any = GraphQLClient if how.endswith("query") else RESTAPIClient

    async def later(url: str) -> None:
        async with kind(url=url, retry=None) as client:
            await getattr(client, how)("{ x }")

    with scripted(answer(302, b"", "Location: //:99999999/x")) as server:
        with pytest.raises(IntegrationError, match="it is elsewhere"):
            if how.startswith("a"):
                asyncio.run(later(server.url))
            with kind(url=server.url, retry=None) as client:
                getattr(client, how)("{ x }", *([tmp_path / "f"] if how == "download" else []))
