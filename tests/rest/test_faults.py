# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""What a REST connector makes of servers and networks that fail."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import ssl
import threading
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import trustme
from tests.connector.proxy import Fault, FaultProxy
from tests.connector.scripted import answer, scripted
from tests.rest.conftest import FILE, STATIONS

from arcuate.auth import BearerAuthenticator
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
from arcuate.connector.statuses import retry_after
from arcuate.errors import LimitExceeded
from arcuate.rest import RESTAPIClient

QUICK = {"attempts": 3, "initial": 0.01, "jitter": 0.0, "maximum": 0.05}
JSON = "Content-Type: application/json"


@pytest.mark.parametrize(
    ("status", "kind", "recoverable", "said"),
    [
        (301, IntegrationError, False, "it is elsewhere"),
        (400, IntegrationError, False, "does not understand"),
        (401, AuthenticationError, False, "does not accept the credentials"),
        (403, AuthenticationError, False, "refuses this"),
        (404, NotFoundError, False, "no such thing"),
        (408, IntegrationTimeout, True, "waited too long"),
        (409, IntegrationError, False, "conflicts"),
        (410, NotFoundError, False, "no longer"),
        (418, IntegrationError, False, "it refused"),
        (422, IntegrationError, False, "its values wrong"),
        (429, RateLimitError, True, "set 'rate'"),
        (500, IntegrationError, True, "it failed"),
        (501, IntegrationError, False, "it failed"),
        (502, IntegrationError, True, "it failed"),
        (503, IntegrationError, True, "it failed"),
        (504, IntegrationError, True, "it failed"),
    ],
)
def test_statuses(status: int, kind: type[IntegrationError], recoverable: bool, said: str) -> None:
    with scripted(answer(status, '{"detail": "so it is"}')) as server:
        with RESTAPIClient(url=server.url, retry=None) as client:
            with pytest.raises(kind, match=f"GET .*/x gave {status}: .*{said}.*so it is") as raised:
                client.get("x")
            assert type(raised.value) is kind
            assert (raised.value.status, raised.value.recoverable) == (status, recoverable)
            with pytest.raises(kind, match=said):
                asyncio.run(_asked(client.config))


async def _asked(config: Any) -> Any:
    async with RESTAPIClient(config) as client:
        return await client.aget("x")


def test_what_is_safe_is_repeated_and_nothing_else() -> None:
    with scripted(answer(503), answer(503), answer(200, "[1]", JSON)) as server:
        with RESTAPIClient(url=server.url, retry=QUICK) as client:
            assert client.get("x") == [1]
        assert len(server.asked) == 3
    for repeatable, times in ((None, 1), (True, 3)):
        with scripted(answer(503)) as server, RESTAPIClient(url=server.url, retry=QUICK) as client:
            with pytest.raises(IntegrationError, match="503") as raised:
                client.post("x", {"a": 1}, repeatable=repeatable)
            assert raised.value.executed == "maybe"
            assert len(server.asked) == times


def test_retry_after_is_kept() -> None:
    with scripted(answer(429, "", "Retry-After: 1"), answer(200, "1", JSON)) as server:
        with RESTAPIClient(url=server.url, retry=QUICK) as client:
            begun = dt.datetime.now()
            assert client.get("x") == 1
            assert (dt.datetime.now() - begun).total_seconds() >= 0.99
    with scripted(answer(503, "", "Retry-After: 7200")) as server:
        with RESTAPIClient(url=server.url, retry=QUICK) as client:
            with pytest.raises(IntegrationError) as raised:
                client.get("x")
            assert raised.value.retry_after == 7200
            assert len(server.asked) == 1


def test_both_forms_of_retry_after() -> None:
    now = dt.datetime(2026, 11, 28, 12, 0, 0, tzinfo=dt.timezone.utc)
    assert retry_after({"retry-after": "120"}) == 120
    assert retry_after({"retry-after": "Sat, 28 Nov 2026 12:01:30 GMT"}, now) == 90
    assert retry_after({"retry-after": "Sat, 28 Nov 2026 11:00:00 GMT"}, now) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "-1"}) is None


@pytest.mark.parametrize(
    ("body", "header", "said"),
    [
        (b'{"a": 1', JSON, "is no JSON: .* line 1, column 8"),
        (b"<html>", "Content-Type: text/html", r"is no JSON.*text/html.*request\(...\).content"),
        (b'{"a": 1, "a": 2}', JSON, "the key 'a' is there twice"),
        (b'{"a": "\xe4"}', JSON, "byte 7 is not UTF-8"),
        (b'"\xff"', f"{JSON}; charset=ascii", "byte 1 is not"),
        (b'"a"', f"{JSON}; charset=no-such", "'no-such', a character set that Python has not"),
        (b"[" * 200_000, JSON, "nested too deeply"),
    ],
    ids=["cut", "html", "twice", "bytes", "ascii", "charset", "deep"],
)
def test_what_is_no_json(body: bytes, header: str, said: str) -> None:
    with scripted(answer(200, body, header)) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(DataError, match=said):
            client.get("x")
        assert len(server.asked) == 1


def test_other_character_sets() -> None:
    latin = answer(200, '{"a": "Grüße"}'.encode("latin-1"), f"{JSON}; charset=ISO-8859-1")
    marked = answer(200, b'\xef\xbb\xbf{"a": "Gr\xc3\xbc\xc3\x9fe"}', JSON)
    with scripted(latin, marked) as server, RESTAPIClient(url=server.url) as client:
        assert client.get("x") == client.get("x") == {"a": "Grüße"}
    with scripted(answer(200, b"\xff", "Content-Type: text/plain; charset=utf-8")) as server:
        with RESTAPIClient(url=server.url) as client, pytest.raises(DataError, match="byte 0 is not"):
            _ = client.request("GET", "x").text


def test_columns_lose_nothing() -> None:
    rows = '[{"a": 9007199254740993, "b": true}, {"b": null, "c": 1.5}]'
    mixed = '[{"a": 9007199254740993}, {"a": 0.5}]'
    with scripted(answer(200, rows), answer(200, mixed), answer(200, "[1]"), answer(200, "{}")) as server:
        with RESTAPIClient(url=server.url) as client:
            frame = client.request("GET", "x").frame()
            assert [str(kind) for kind in frame.dtypes] == ["Int64", "boolean", "Float64"]
            assert frame["a"][0] == 2**53 + 1
            assert frame["c"][0] is pd.NA  # not NaN, which R and others keep apart
            with pytest.raises(DataError, match="column 'a'"):
                client.request("GET", "x").frame()
            with pytest.raises(DataError, match=r"an? int where a record is expected, at 0"):
                client.request("GET", "x").table()
            with pytest.raises(DataError, match="no list as its body, but a dict"):
                client.request("GET", "x").table()


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1, 2", ConnectionError, "connection broke"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1, 2", ConnectionError, "broke"),
        (b"", ConnectionError, "connection broke"),
        (b"SSH-2.0-OpenSSH_9\r\n", ConnectionError, "connection broke"),
        (answer(200, b"no gzip", "Content-Encoding: gzip"), DataError, "cannot be decompressed"),
        (answer(200, gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip"), LimitExceeded, "'limit'"),
    ],
    ids=["length", "chunked", "nothing", "ssh", "gzip", "bomb"],
)
def test_what_is_cut_or_no_http(data: bytes, kind: type[Exception], said: str) -> None:
    with scripted(data) as server, RESTAPIClient(url=server.url, retry=None, limit=1 << 20) as client:
        with pytest.raises(kind, match=said):
            client.get("x")


@pytest.fixture
def proxied(address: str) -> Any:
    with FaultProxy(int(address.rpartition(":")[2])) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("fault", "kind", "patience"),
    [
        (Fault(silent=True), IntegrationTimeout, 0.3),
        (Fault(delay=5), IntegrationTimeout, 0.3),
        (Fault(cut=40), ConnectionError, 20),
        (Fault(cut=200, reset=True), ConnectionError, 20),
    ],
    ids=["half-open", "slow", "cut", "reset"],
)
def test_networks(proxied: FaultProxy, fault: Fault, kind: type[IntegrationError], patience: float) -> None:
    url = f"http://127.0.0.1:{proxied.port}"
    with RESTAPIClient(url=url, retry=QUICK, timeouts={"read": patience}) as client:
        proxied.fault = fault
        with pytest.raises(kind) as raised:
            client.get("stations")
        assert raised.value.recoverable
        assert proxied.connections == 3
        proxied.fault = Fault()
    with RESTAPIClient(url=url) as client:
        assert client.get("stations") == STATIONS


def test_a_call_ends_in_time(proxied: FaultProxy) -> None:
    proxied.fault = Fault(silent=True)

    async def main() -> None:
        times = {"call": 0.2}
        async with RESTAPIClient(
            url=f"http://127.0.0.1:{proxied.port}", retry=None, timeouts=times
        ) as client:
            with pytest.raises(IntegrationTimeout, match=r"more than 0\.2 s"):
                await client.aget("stations")

    asyncio.run(main())


def test_a_download_outlives_a_cut(proxied: FaultProxy, tmp_path: Path) -> None:
    proxied.fault = Fault(cut=2_000_000)
    seen: list[int] = []
    with RESTAPIClient(url=f"http://127.0.0.1:{proxied.port}", retry=QUICK) as client:
        client.download("signal.bin", tmp_path / "f", progress=lambda done, _: seen.append(done))
    assert (tmp_path / "f").read_bytes() == FILE
    assert seen.count(0) == 1
    assert proxied.connections == 2


def test_a_full_disk(address: str, tmp_path: Path) -> None:
    """/dev/full has no room for a byte; a folder that is none cannot be written to either."""
    (tmp_path / "f.part").symlink_to("/dev/full")
    (tmp_path / "no").write_bytes(b"")
    with RESTAPIClient(url=address) as client:
        for target in (tmp_path / "f", tmp_path / "no" / "f"):
            with pytest.raises(IntegrationError, match=r"f\.part cannot be written: .*goes on") as raised:
                client.download("signal.bin", target)
            assert not raised.value.recoverable
            assert not target.exists()


def test_a_token_that_ends_in_mid_flight(address: str, tmp_path: Path) -> None:
    """Refused between two pages, and at the beginning of a download: asked again with another one."""

    class Renewed(BearerAuthenticator):
        def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
            self.credentials = {"token": "the-second-one"}
            return self.authenticate()

    first, second = answer(200, "[1]", 'Link: </x?page=2>; rel="next"'), answer(200, "[2]")
    for answers, work in (
        ((first, answer(401), second), lambda client: list(client.items("x"))),
        (
            (answer(401), answer(200, b"all of it")),
            lambda client: client.download("f", tmp_path / "f").read_bytes(),
        ),
    ):
        with scripted(*answers) as server:
            with RESTAPIClient(url=server.url, auth=Renewed("the-first-one"), retry=None) as client:
                assert work(client) in ([1, 2], b"all of it")
            assert [b"the-second-one" in asked for asked in server.asked][-2:] == [False, True]


def test_the_last_good_value(proxied: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    url = f"http://127.0.0.1:{proxied.port}"
    with RESTAPIClient(url=url, retry=None, fallback={"kind": "cache"}) as client:
        live = client.request("GET", "stations")
    proxied.fault = Fault(cut=1)
    with RESTAPIClient(url=url, retry=None, fallback={"kind": "cache"}) as client:
        with pytest.warns(DegradedWarning, match="from cache"):
            kept = client.request("GET", "stations")
        assert (live.degraded, kept.degraded) == (False, True)
        assert kept.json() == live.json() == STATIONS
        with pytest.raises(ConnectionError):
            client.get("stations/1")
    with RESTAPIClient(url=url, retry=None, fallback={"kind": "default", "default": {"a": 1}}) as client:
        with pytest.warns(DegradedWarning, match="from default"):
            assert client.get("stations") == {"a": 1}


def test_secrets_are_in_no_error() -> None:
    secret = "s3cr3t-key-of-ours"
    with scripted(answer(400, f"the key {secret} is wrong")) as server:
        config = {"base_url": server.url, "headers": {"X-API-Key": secret}, "retry": None}
        with RESTAPIClient(config) as client:
            with pytest.raises(IntegrationError) as raised:
                client.get(f"x?api_key={secret}", {"token": secret})
            texts = [str(raised.value), str(raised.value.detail), repr(client), repr(client.config)]
            assert not [text for text in texts if secret in text]


def test_credentials_go_nowhere_else() -> None:
    with scripted(answer(200, "1")) as other:
        with scripted(answer(302, "", f"Location: {other.url}/y")) as server:
            with RESTAPIClient(url=server.url, headers={"X-API-Key": "k" * 9}) as client:
                with pytest.raises(IntegrationError, match="not followed"):
                    client.get("x")
        linked = answer(200, "[1]", f'Link: <{other.url}/y>; rel="next"')
        with scripted(linked) as server, RESTAPIClient(url=server.url) as client:
            with pytest.raises(Exception, match="credentials"):
                list(client.items("x"))
        assert other.asked == []
    with scripted(answer(302, "", "Location: /y"), answer(200, "1")) as server:
        with RESTAPIClient(url=server.url) as client:
            assert client.get("x") == 1
    with scripted(answer(302, "", "Location: /x")) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(DataError, match="redirected 10 times"):
            client.get("x")


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1")
        self.end_headers()
        self.wfile.write(b"1")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def secure(tmp_path: Path) -> Any:
    """A TLS server, and another authority's: makes (url, ca file, client certificate)."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hello)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    mine = authority.issue_cert("me@example.org")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    yield f"https://localhost:{server.server_port}", tmp_path, context
    server.shutdown()
    thread.join()
    server.server_close()


def test_certificates(secure: tuple[str, Path, ssl.SSLContext]) -> None:
    url, folder, _ = secure
    with RESTAPIClient(url=url) as client:
        with pytest.raises(ConnectionError, match=r"not trusted.*set 'ca_file'") as raised:
            client.get()
        assert not raised.value.recoverable
    with RESTAPIClient(url=url, ca_file=str(folder / "ca.pem")) as client:
        assert client.get() == 1
    with pytest.raises(Exception, match="cannot be used"):
        RESTAPIClient(url=url, ca_file=str(folder / "none.pem")).open()


def test_threads_share_a_client(client: RESTAPIClient) -> None:
    found: list[Any] = []
    ask: Callable[[], None] = lambda: found.append(client.get("stations/1"))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [STATIONS[0]] * 8


def test_nothing_stays_open(address: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with RESTAPIClient(url=address) as client:
            client.get("stations/1")
            with client.lent() as pool:
                assert not pool.is_closed
        assert pool.is_closed
