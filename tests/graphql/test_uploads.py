"""Files among the variables, against graphql-yoga and against gql's own uploads; pages from the end."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import gql.transport.httpx
import pytest
from tests.graphql.conftest import QUICK, STATIONS, Server

from arcuate.errors import InvalidArgument
from arcuate.graphql import FileVar, GraphQLClient

KEEP = """mutation ($files: [File!]!, $text: String) {
  keep(files: $files, text: $text) { name type size sha256 } }"""
BACK = """query ($last: Int, $before: String) { stations(last: $last, before: $before) {
  nodes { id name height } pageInfo { hasPreviousPage startCursor } } }"""


def _kept(name: str, kind: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "type": kind, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_what_is_uploaded_is_what_gql_uploads(yoga: Server, client: GraphQLClient, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    path = tmp_path / 'Größe "1".bin'
    path.write_bytes(data)
    files = lambda: [FileVar(str(path)), FileVar(io.BytesIO(data[:7]), filename="b.csv")]  # noqa: E731
    found = client.mutate(KEEP, {"files": files(), "text": "Grüße"})
    transport = gql.transport.httpx.HTTPXTransport(yoga.url)
    with gql.Client(transport=transport) as theirs:
        request = gql.GraphQLRequest(KEEP, variable_values={"files": files(), "text": "Grüße"})
        assert theirs.execute(request, upload_files=True) == found
    assert found["keep"][0] == _kept('Größe "1".bin'.replace('"', "%22"), "application/octet-stream", data)
    assert yoga.state()["notes"].count("Grüße") >= 2


def test_paths_bytes_and_open_files(client: GraphQLClient, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"[]")
    with path.open("rb") as opened:
        opened.read()  # it is sent from its beginning all the same
        given = [
            FileVar(path),
            FileVar(b"", filename="empty.txt"),
            FileVar(opened, content_type="x/y"),
            FileVar(b"ab"),
        ]
        found = client.mutate(KEEP, {"files": given})["keep"]
        assert not opened.closed
    assert [(one["name"], one["type"], one["size"]) for one in found] == [
        ("a.json", "application/json", 2),
        ("empty.txt", "text/plain", 0),
        ("a.json", "x/y", 2),
        ("upload", "application/octet-stream", 2),
    ]

    async def main() -> Any:
        async with GraphQLClient(url=client.config.url) as other:
            return await other.amutate(KEEP, {"files": [FileVar(path)]})

    assert asyncio.run(main())["keep"] == [_kept("a.json", "application/json", b"[]")]


def test_each_attempt_sends_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"first words" * 1000)
    bodies = []

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            said = b'{"data": {"x": 1}}'
            self.send_response(503 if len(bodies) == 1 else 200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    variables = {"f": FileVar(tmp_path / "a.bin"), "g": FileVar(io.BytesIO(b"second words"))}
    document = "mutation ($f: Upload!, $g: Upload!) { x(f: $f, g: $g) }"
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            with GraphQLClient(url=url, retry=QUICK) as client:
                assert client.mutate(document, variables, repeatable=True) == {"x": 1}
        finally:
            server.shutdown()
            thread.join()
    for body in bodies:
        assert body.count(b"first words") == 1000
        assert body.count(b"second words") == 1
        assert b'{"0":["variables.f"],"1":["variables.g"]}' in body
    assert len(bodies) == 2


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("nowhere.bin", r"variables\.files\.0 cannot be read"),
        ("x" * 300, r"variables\.files\.0 cannot be read.*too long"),
        (io.StringIO("text"), "binary mode.*StringIO"),
        (7, "got int"),
    ],
)
def test_what_is_no_file(yoga: Server, client: GraphQLClient, file: Any, said: str) -> None:
    before = yoga.state()["posts"]
    with pytest.raises(InvalidArgument, match=said):
        client.mutate(KEEP, {"files": [FileVar(file)]})
    with pytest.raises(InvalidArgument, match="takes no files"):
        client.subscribe("subscription ($f: Int) { quiet(f: $f) { id } }", {"f": FileVar(b"")})
    assert yoga.state()["posts"] == before


def test_pages_from_the_end(client: GraphQLClient) -> None:
    pages = list(client.pages(BACK, {"last": 10}, at="stations", backward=True))
    assert pages == [STATIONS[13:], STATIONS[3:13], STATIONS[:3]]
    assert list(client.nodes(BACK, {"last": 9}, at="stations", backward=True)) == STATIONS[::-1]
    assert list(client.pages(BACK, {"last": 5}, at="stations", backward=True, limit=1)) == [STATIONS[-5:]]

    async def main() -> list[Any]:
        async with GraphQLClient(url=client.config.url) as other:
            found = other.anodes(BACK, {"last": 9}, at="stations", backward=True)
            return [one async for one in found]

    assert asyncio.run(main()) == STATIONS[::-1]
    with pytest.raises(InvalidArgument, match=r"variable \$after; it declares \$last, \$before"):
        list(client.nodes(BACK, at="stations"))
