# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""What a REST connector does not let a server do: take for ever, fill the memory, see or show a secret."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import socket
import threading
import time
import traceback
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.connector.scripted import answer, dripping, scripted

from arcuate.connector import (
    AuthenticationError,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    partial,
)
from arcuate.errors import ArcuateError, InvalidArgument, LimitExceeded, SessionClosed
from arcuate.integrations import (
    APIKeyAuthenticator,
    BasicAuthenticator,
    BearerAuthenticator,
    Cursor,
    GraphQLClient,
    Link,
    Page,
    RESTAPIClient,
    Storage,
)

JSON = "Content-Type: application/json"


# --- Time


HEADS = {
    "headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
    "status": b"HTTP",
}


@pytest.mark.parametrize("how", ["threads", "asyncio"])
@pytest.mark.parametrize("head", HEADS)
def test_a_server_that_drips_is_given_up(head: str, how: str) -> None:
    """Each byte is in time for 'timeouts.read'; all of it never ends."""
    with dripping(HEADS[head]) as url:
        begun = time.monotonic()
        with pytest.raises(IntegrationTimeout, match=r"took more than 0\.3 s .*'timeouts\.call'") as raised:
            ask({"url": url, "timeouts": {"read": 5, "call": 0.3}, "retry": None}, how)
        assert 0.25 < time.monotonic() - begun < 3
        assert raised.value.executed == "maybe"


@pytest.mark.parametrize("how", ["threads", "asyncio"])
def test_all_attempts_together_end_in_time(how: str) -> None:
    """The last attempt has only the time that is left."""
    retry = {"attempts": 100, "initial": 0.01, "jitter": 0.0, "maximum": 0.02, "total": 0.7}
    with dripping(HEADS["headers"]) as url:
        begun = time.monotonic()
        with pytest.raises(IntegrationTimeout) as raised:
            ask({"url": url, "timeouts": {"read": 5, "call": 0.3}, "retry": retry, "breaker": None}, how)
        assert 0.5 < time.monotonic() - begun < 0.7 + 1
        begun = time.monotonic()
        with pytest.raises(IntegrationTimeout, match=r"'retry\.total'"):
            ask({"url": url, "timeouts": {"read": 5, "call": 9}, "retry": {**retry, "total": 0.2}}, how)
        assert time.monotonic() - begun < 2
    assert raised.value.recoverable


@pytest.mark.parametrize("how", ["threads", "asyncio"])
def test_the_limit_that_was_met_is_named(how: str) -> None:
    """Nobody accepts: the connection is made, and nothing comes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = {"url": f"http://127.0.0.1:{silent.getsockname()[1]}", "timeouts": {"read": 0.1}}
        with pytest.raises(IntegrationTimeout, match=r"nothing came in time \(setting 'timeouts\.read'\)"):
            ask({**config, "retry": None}, how)


@pytest.mark.parametrize("how", ["download", "upload"])
def test_a_file_takes_as_long_as_it_takes(how: str, tmp_path: Path) -> None:
    """'retry.total' is for answers; a large file on a slow line has no such end."""
    (tmp_path / "source").write_bytes(b"12")
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n") as url:
        with RESTAPIClient({"url": url, "retry": {"total": 0.05, "attempts": 1}}) as client:
            if how == "download":
                found = client.download("f", tmp_path / "target").read_bytes()
            else:
                found = client.upload("f", tmp_path / "source").content
    assert found == b"y" * 12


def ask(config: dict[str, Any], how: str) -> Any:
    if how == "threads":
        with RESTAPIClient(config) as client:
            return client.get("x")

    async def main() -> Any:
        async with RESTAPIClient(config) as client:
            return await client.aget("x")

    return asyncio.run(main())


# --- Secrets

SECRET = 's3cret"k&y-of ours'
QUICK = {"attempts": 2, "initial": 0.001, "jitter": 0.0}


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        json.dumps({"key": SECRET}),
        "<p>s3cret&quot;k&amp;y-of ours",
        "?key=s3cret%22k%26y-of%20ours",
        f"{SECRET!r}",
    ],
    ids=["plain", "json", "html", "query", "repr"],
)
def test_a_secret_that_the_server_sends_back(echo: str) -> None:
    with scripted(answer(500, echo)) as server:
        for auth in (BearerAuthenticator(SECRET), BasicAuthenticator("me", SECRET)):
            with RESTAPIClient(url=server.url, auth=auth, retry=None) as client:
                with pytest.raises(IntegrationError) as raised:
                    client.get("x")
                said = "".join(traceback.format_exception(raised.value)) + repr(raised.value.detail)
                assert not hidden(said)


@pytest.mark.parametrize("end", ["\n", " ", "\r\nX: y", "\x00"], ids=["line", "blank", "injected", "nul"])
def test_a_header_that_cannot_be_sent_is_not_shown(end: str) -> None:
    """A key from a file with its line break: the libraries below show the value that they refuse."""
    for config in ({"headers": {"X-API-Key": SECRET + end}}, {}):
        with RESTAPIClient({"url": "http://127.0.0.1:1", **config}, retry=None) as client:
            if not config:
                client.headers = {"X-API-Key": SECRET + end}
            with pytest.raises(InvalidArgument, match="'X-API-Key' has a line break or the like") as raised:
                client.get("x")
            assert not hidden("".join(traceback.format_exception(raised.value)))
            with pytest.raises(InvalidArgument, match="line break"):
                asyncio.run(client.aget("x"))


def test_a_library_s_error_with_a_secret_is_no_cause() -> None:
    """The chain of a traceback has only what may be shown."""
    with scripted(b"HTTP/1.1 200 OK\r\nX-Echo s3cret-of-ours\r\n\r\n") as server:
        with RESTAPIClient(url=server.url, auth=BearerAuthenticator("s3cret-of-ours"), retry=None) as client:
            with pytest.raises(IntegrationError) as raised:
                client.get("x")
    said = "".join(traceback.format_exception(raised.value))
    assert "s3cret-of-ours" not in said
    assert "***" in said


def test_a_password_in_the_address_of_a_subclass() -> None:
    with RESTAPIClient(retry=None) as client:
        client.base_url = "http://me:s3cret-of-ours@127.0.0.1:1"
        with pytest.raises(IntegrationError) as raised:
            client.get("x")
        said = "".join(traceback.format_exception(raised.value))
    assert "s3cret-of-ours" not in said


def test_a_token_that_was_replaced_is_a_secret_still() -> None:
    """Another request, which was under way with the old one, may be answered with it."""

    class Renewed(BearerAuthenticator):
        def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
            return {"Authorization": "Bearer the-second-one"}

    with scripted(answer(401), answer(401, "bad: the-first-one, the-second-one")) as server:
        auth = Renewed("the-first-one")
        with RESTAPIClient(url=server.url, auth=auth, retry=None) as client:
            auth.credentials = {}
            auth._known = None
            auth.credentials = {"token": "the-first-one"}
            with pytest.raises(AuthenticationError) as raised:
                client.get("x")
    assert "-one" not in str(raised.value)


@pytest.mark.parametrize("how", ["threads", "asyncio"])
def test_what_is_logged_of_repetitions_shows_no_secret(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """stamina logs the error of each attempt."""
    said = f"the key {SECRET} and http://me:s3cret@db.example/?token=s3cret"
    with scripted(answer(503, said)) as server:
        config = {"url": server.url, "auth": APIKeyAuthenticator(SECRET, "appid", "query"), "retry": QUICK}
        with pytest.raises(IntegrationError) as raised:
            ask({**config, "headers": {"X-Other": "s3cret-of-ours"}}, how)
    logged = "".join(repr(vars(one)) for one in caplog.records)
    assert "stamina.caused_by" in logged
    assert not hidden(logged + repr(raised.value.detail))


def hidden(said: str) -> list[str]:
    """What of the secret is in a text."""
    return [part for part in ("s3cret", "y-of ours", "y-of%20ours") if part in said]


# --- Memory and data


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "deflate"])
def test_a_bomb_ends_at_the_limit(coding: str) -> None:
    """30 MB in 30 KB, or packed twice in a few hundred bytes: the limit and a piece of it are unpacked."""
    body = zlib.compress(bytes(30_000_000)) if coding == "deflate" else gzip.compress(bytes(30_000_000))
    if coding == "gzip, gzip":
        body = gzip.compress(body)
    with scripted(answer(200, body, f"Content-Encoding: {coding}")) as server:
        with RESTAPIClient(url=server.url, retry=None, limit=1 << 20) as client:
            client.open()
            tracemalloc.start()
            try:
                with pytest.raises(LimitExceeded, match="'limit'"):
                    client.get("x")
                assert tracemalloc.get_traced_memory()[1] < 16 << 20
            finally:
                tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "header", "said"),
    [
        (b"1" * 5000, JSON, "more digits than Python reads"),
        (b'{"a": [-1e400]}', JSON, "without loss: the number -1e400 is larger than a float can be"),
        (b'"a"', f"{JSON}; charset=undefined", "'undefined', a character set that Python has not"),
        (b'"a"', f"{JSON}; charset=hex", "'hex', a character set that Python has not"),
        (b'"a"', f"{JSON}; charset=utf-16", "byte 2 is not"),
    ],
    ids=["digits", "infinite", "undefined", "hex", "utf-16"],
)
def test_what_python_does_not_read(body: bytes, header: str, said: str) -> None:
    with scripted(answer(200, body, header)) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(DataError, match=said):
            client.get("x")


@pytest.mark.parametrize("how", ["threads", "asyncio"])
def test_a_server_that_says_304_to_everything(how: str) -> None:
    with scripted(answer(304)) as server:
        with pytest.raises(IntegrationError) as raised:
            ask({"url": server.url, "cache": 4, "retry": None}, how)
        assert (raised.value.status, len(server.asked)) == (304, 2)


# --- Pages


def test_pages_that_never_end_and_hold_nothing() -> None:
    class Endless(RESTAPIClient):
        def request(self, method: str, endpoint: str = "", **options: Any) -> Any:
            from arcuate.rest import Response

            self.asked = getattr(self, "asked", 0) + 1
            return Response(200, {}, json.dumps({"data": [], "next_cursor": self.asked}).encode())

    with Endless(url="http://127.0.0.1:1") as client:
        with pytest.raises(DataError, match="1000 pages of 'x' in a row have no items"):
            list(client.items("x", paging=Cursor()))
        assert client.asked == 1000
        assert len(list(client.pages("x", paging=Cursor(), limit=1500))) == 1500


def test_pages_that_are_alike_are_no_circle() -> None:
    """Three pages of zeros, each at an address of its own; but a circle is one."""
    pages = [answer(200, "[0, 0]", f'Link: </x?after={number}>; rel="next"') for number in (1, 2)]
    with scripted(*pages, answer(200, "[0, 0]")) as server, RESTAPIClient(url=server.url) as client:
        assert list(client.items("x", paging=Link())) == [0] * 6
    marks = [answer(200, json.dumps({"data": [0], "next_cursor": mark})) for mark in (1, 2, None)]
    with scripted(*marks) as server, RESTAPIClient(url=server.url) as client:
        assert list(client.items("x", paging=Cursor())) == [0] * 3
    with scripted(pages[0], pages[1], pages[0]) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(DataError, match="circle"):
            list(client.items("x", paging=Link()))


def test_a_page_number_that_is_ignored_behind_a_clock() -> None:
    """The answers differ, by the time in them; what they list does not."""
    pages = [answer(200, json.dumps({"at": at, "rows": [1, 2]})) for at in (1, 2, 3)]
    with scripted(*pages) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(DataError, match="circle"):
            list(client.items("x", paging=Page(at="rows")))


@pytest.mark.parametrize(
    "there", ["http://[bad", "http://127.0.0.1:99999/", "http://a b/", "//other.example/x", "javascript:1"]
)
def test_a_next_page_that_is_nowhere_or_elsewhere(there: str) -> None:
    with scripted(answer(200, json.dumps({"data": [1], "next": there}))) as server:
        with RESTAPIClient(url=server.url, headers={"X-API-Key": "k" * 9}) as client:
            with pytest.raises((DataError, InvalidArgument)) as raised:
                list(client.items("x", paging=Link("data", "next")))
            assert isinstance(raised.value, ArcuateError)
        assert len(server.asked) == 1


# --- Files


def part(body: bytes, span: str, *headers: str) -> bytes:
    return answer(206, body, f"Content-Range: bytes {span}", *headers)


def cut(body: bytes, length: int, *headers: str) -> bytes:
    lines = "".join(f"{one}\r\n" for one in headers)
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{lines}\r\n".encode() + body


DATE = "Last-Modified: Sat, 28 Nov 2026 12:00:00 GMT"


def test_a_part_of_another_query_is_not_continued(tmp_path: Path) -> None:
    """Two versions of a file that were changed in the same second differ by the query alone."""
    with scripted(cut(b"aaaa", 8, DATE), answer(200, b"bbbbbbbb", DATE)) as server:
        with RESTAPIClient(url=server.url, retry=None) as client:
            with pytest.raises(IntegrationError):
                client.download("f", tmp_path / "f", params={"version": 1, "api_key": "s3cret"})
            assert "s3cret" not in (tmp_path / "f.part.json").read_text()
            client.download("f", tmp_path / "f", params={"version": 2})
        assert b"range:" not in server.asked[1].lower()
    assert (tmp_path / "f").read_bytes() == b"bbbbbbbb"


def test_a_server_that_does_not_know_if_range(tmp_path: Path) -> None:
    """It sends the rest of another version: what was there is thrown away."""
    answers = (
        cut(b"aaaa", 8, 'ETag: "1"'),
        part(b"bbbb", "4-7/8", 'ETag: "2"'),
        answer(200, b"bbbbbbbb", 'ETag: "2"'),
    )
    retry = {"attempts": 3, "initial": 0.01, "jitter": 0.0}
    with scripted(*answers) as server, RESTAPIClient(url=server.url, retry=retry) as client:
        client.download("f", tmp_path / "f")
        assert b"if-range" in server.asked[1].lower()
        assert b"range:" not in server.asked[2].lower()
    assert (tmp_path / "f").read_bytes() == b"bbbbbbbb"


def test_a_part_that_nobody_asked_for(tmp_path: Path) -> None:
    with scripted(part(b"bbbb", "4-7/8")) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(DataError, match="a part came"):
            client.download("f", tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_two_downloads_to_one_place(tmp_path: Path) -> None:
    def disturb(done: int, _: int | None) -> None:
        if done:
            with (tmp_path / "f.part").open("ab") as file:
                file.write(b"theirs")

    with scripted(answer(200, b"ours")) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(DataError, match="another download goes to the same place"):
            client.download("f", tmp_path / "f", progress=disturb)
    assert not (tmp_path / "f").exists()


def test_what_replaces_a_private_file_is_private(tmp_path: Path) -> None:
    (tmp_path / "f").touch(0o600)

    def look(done: int, _: int | None) -> None:
        assert (tmp_path / "f.part").stat().st_mode & 0o777 == 0o600  # also meanwhile

    with scripted(answer(200, b"new")) as server, RESTAPIClient(url=server.url, retry=None) as client:
        client.download("f", tmp_path / "f", progress=look)
    assert (tmp_path / "f").read_bytes() == b"new"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600


def test_a_pipe_or_a_device_is_no_place_for_a_download(tmp_path: Path) -> None:
    """It was replaced by a file, and whoever had it in use learned nothing."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").symlink_to("/proc/self/fd/1")  # as /dev/stdout
    with RESTAPIClient(url="http://127.0.0.1:1") as client, Storage(str(tmp_path)) as storage:
        for name in ("pipe", "out"):
            with pytest.raises(InvalidArgument, match=r"nothing is written to .* a pipe or a device"):
                client.download("f", tmp_path / name)
        (tmp_path / "f").write_bytes(b"new")
        with pytest.raises(InvalidArgument, match="is no file"):
            storage.download("f", tmp_path / "pipe")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["f", "out", "pipe"]
    assert (tmp_path / "pipe").is_fifo()


def test_one_download_at_a_time(tmp_path: Path) -> None:
    """Two would give a mixture of two versions of the same length; the second one is refused."""
    with scripted(answer(200, b"aaaa"), answer(200, b"bbbb")) as server:
        with RESTAPIClient(url=server.url, retry=None) as client:

            def both(done: int, _: int | None) -> None:
                with pytest.raises(InvalidArgument, match=r"another download writes .*f\.part"):
                    client.download("f", tmp_path / "f")

            assert client.download("f", tmp_path / "f", progress=both).read_bytes() == b"aaaa"
            assert client.download("f", tmp_path / "f").read_bytes() == b"bbbb"
        assert len(server.asked) == 2
    assert [one.name for one in tmp_path.iterdir()] == ["f"]


def test_a_forked_child_does_not_keep_the_place(tmp_path: Path) -> None:
    """It has the lock too, as this copy has, for as long as it lives."""
    with partial.locked("rest", tmp_path / "f.part", tmp_path / "f") as file:
        copy = os.dup(file.fileno())
    try:
        with partial.locked("rest", tmp_path / "f.part", tmp_path / "f") as file:
            assert file.fileno() != copy
    finally:
        os.close(copy)


def test_a_file_of_the_user_is_not_taken_for_a_part(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"mine")
    with RESTAPIClient(url="http://127.0.0.1:1", retry=None) as client:
        with pytest.raises(InvalidArgument, match=r"f\.part', which would be lost"):
            client.download("f", tmp_path / "f")
    assert (tmp_path / "f.part").read_bytes() == b"mine"


def test_a_file_that_is_changed_while_it_goes_up(tmp_path: Path) -> None:
    """Of one that grew a part would be there, of another content a mixture."""
    source = tmp_path / "f"
    source.write_bytes(b"a" * 300_000)

    def grow(sent: int, _: int | None) -> None:
        if sent:
            with source.open("ab") as file:
                file.write(b"b")

    with scripted(answer(200)) as server, RESTAPIClient(url=server.url, retry=None) as client:
        with pytest.raises(InvalidArgument, match="was changed while it was sent"):
            client.upload("f", source, progress=grow)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Nobody writes to it: it would be waited for; of /dev/zero nothing at all would be sent."""
    os.mkfifo(tmp_path / "f")
    with RESTAPIClient(url="http://127.0.0.1:1") as client:
        for source in (tmp_path / "f", "/dev/zero"):
            with pytest.raises(InvalidArgument, match="is no file, but a device or a pipe"):
                client.upload("f", source)


def test_a_target_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with scripted(answer(200, b"ours")) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(IntegrationError, match="cannot be written: Is a directory"):
            client.download("g", tmp_path / "f")
        with pytest.raises(InvalidArgument, match="cannot be read: Is a directory"):
            client.upload("g", tmp_path / "f")


def test_a_program_that_wants_no_more_of_a_download(tmp_path: Path) -> None:
    """Its own error comes out, and no file stays open."""

    def stop(done: int, total: int | None) -> None:
        raise KeyError(done)

    with scripted(answer(200, b"ours")) as server, RESTAPIClient(url=server.url) as client:
        with pytest.raises(KeyError):
            client.download("f", tmp_path / "f", progress=stop)
    assert not [one for one in Path("/proc/self/fd").iterdir() if str(tmp_path) in os.path.realpath(one)]


def test_a_size_that_is_no_number(tmp_path: Path) -> None:
    answers = cut(b"aaaa", 8, DATE), part(b"bbbb", "4-7/²", DATE)
    with scripted(*answers) as server, RESTAPIClient(url=server.url, retry=QUICK) as client:
        assert client.download("f", tmp_path / "f").read_bytes() == b"aaaabbbb"


@pytest.mark.parametrize("status", [307, 308])
def test_an_upload_to_an_address_that_moved(status: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"all of it")
    with scripted(answer(status, b"", "Location: /there"), answer(200, b"")) as server:
        with RESTAPIClient(url=server.url, retry=None) as client:
            assert client.upload("here", tmp_path / "f").status == 200
        assert server.asked[1].startswith(b"PUT /there ")
        assert server.asked[1].endswith(b"all of it")


@pytest.mark.parametrize("how", ["aget", "adownload", "aupload", "aquery"])
def test_closed_between_two_tokens(how: str, tmp_path: Path) -> None:
    """While another token is asked for, another task closes the client."""
    refused, closed = threading.Event(), threading.Event()
    (tmp_path / "f").write_bytes(b"1")

    class Slow(BearerAuthenticator):
        def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
            refused.set()
            assert closed.wait(10)
            return {"Authorization": "Bearer another"}

    async def main(url: str) -> None:
        kind: Any = GraphQLClient if how == "aquery" else RESTAPIClient
        client = kind(url=url, auth=Slow("one"), retry=None)
        work = getattr(client, how)("{f}", *([tmp_path / "f"] if how.endswith("load") else []))
        task = asyncio.ensure_future(work)
        await asyncio.to_thread(refused.wait, 10)
        await client.aclose()
        closed.set()
        with pytest.raises(SessionClosed):
            await task

    with scripted(answer(401)) as server:
        asyncio.run(main(server.url))
