"""How the bridge is configured, who may use it, and its limits."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.hub.certificates import Files
from tests.mps.waiting import until

from arcuate.cli.configuration import default_file, effective
from arcuate.client import connect
from arcuate.errors import ArcuateError, InvalidArgument, PermissionDenied
from arcuate.http import protocol
from arcuate.hub import Config, Server
from arcuate.hub.settings import load
from arcuate.hub.tokens import create
from arcuate.mps import v1
from arcuate.mps.wire import PROTOBUF
from arcuate.worker.confine import unavailable

HERE = Path(__file__).parent
PY = {"environment": "python", "functions": ["len", "abs", "made=builtins.eval", "sleep=time.sleep"]}
needs_confinement = pytest.mark.skipif(bool(unavailable()), reason=f"confinement: {unavailable()}")


@contextmanager
def serving(**settings: Any) -> Iterator[tuple[Server, httpx.Client]]:
    """A hub with the bridge, and a client of it."""
    settings.setdefault("archives", {"py": PY})
    server = Server(Config(mps=["127.0.0.1:0"], **settings))
    with server, httpx.Client(base_url=server.endpoints["mps"], timeout=30) as http:
        yield server, http


def body(*rhs: Any, nargout: int = 1) -> dict[str, Any]:
    return {"nargout": nargout, "rhs": list(rhs), "outputFormat": {"mode": "small"}}


# --------------------------------------------------------------- configuration


def test_it_is_served_only_where_it_is_asked_for(tmp_path: Path) -> None:
    assert "mps" not in Config().addresses()
    assert Config(mps=["9910"]).addresses() == {"mps": ["127.0.0.1:9910"]}
    file = tmp_path / "arcuate.toml"
    file.write_text('mps = "127.0.0.1:0"\n[archives.py]\nenvironment = "python"\nfunctions = ["len"]\n')
    command = [sys.executable, "-m", "arcuate.cli", "serve", "--config", str(file)]
    ready = tmp_path / "ready.json"
    with subprocess.Popen([*command, "--ready-file", str(ready)], stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        line = hub.stdout.readline().strip()
        hub.stdout.close()  # it prints its addresses before it writes the file, and nothing after
        url = _ready(ready, hub)["mps"]
        try:
            assert line == url
            assert httpx.get(f"{url}/api/health").json() == {"status": "ok"}
            assert httpx.post(f"{url}/py/len", json=body("abc")).json() == {"lhs": [
                {"mwdata": [3], "mwsize": [1, 1], "mwtype": "int64"},
            ]}  # fmt: skip
        finally:
            hub.terminate()
            assert hub.wait(20) == 0


def _ready(file: Path, hub: subprocess.Popen[str]) -> Any:
    until(lambda: file.exists() or hub.poll() is not None)
    return json.loads(file.read_text())


@pytest.mark.parametrize(
    ("archives", "words"),
    [
        ({"x": {"environment": "python"}}, "'directories' or 'functions'"),
        ({"x": {"environment": "nothing", "functions": ["f"]}}, "does not offer"),
        ({"x": {"environment": "octave", "directories": ["/nowhere/at/all"]}}, "no folder"),
        ({"api": {"environment": "python", "functions": ["f"]}}, "no name of an archive"),
        ({"a/b": {"environment": "python", "functions": ["f"]}}, "no name of an archive"),
        ({"x": {"environment": "python", "function": ["f"]}}, "did you mean 'archives.<name>.functions'?"),
        ({"x": {"functions": ["f"]}}, "missing"),
    ],
)
def test_a_wrong_archive_is_refused(archives: Any, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Server(load({"mps": ["127.0.0.1:0"], "archives": archives}, environ=False).config)
    assert words in caught.value.message


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    file = tmp_path / "arcuate.toml"
    file.write_text('[archives.x]\nenvironment = "octave"\ndirectories = ["m"]\n')
    assert load({}, file, environ=False).config.archives["x"].directories == [tmp_path / "m"]


def test_archives_are_in_the_files_that_arcuate_config_prints(tmp_path: Path) -> None:
    shown = tmp_path / "shown.toml"
    archives = {"tools": {"environment": "python", "functions": ["len", "n=abs"]}}
    first = load({"archives": archives, "limits": {"results": 7}}, environ=False)
    shown.write_text(effective(first))
    assert load(file=shown, environ=False).config == first.config
    example = tmp_path / "example.toml"
    example.write_text(re.sub(r"^#(?=[\w\[])", "", default_file(), flags=re.M))
    tools = load(file=example, environ=False).config.archives["toolbox"]
    assert tools.directories == [tmp_path]
    assert tools.functions == ["stats::sd", "total=sum"]


def test_another_machine_needs_to_say_who_it_is(tmp_path: Path) -> None:
    config = Config(mps=["0.0.0.0:0"], archives={"py": PY})  # type: ignore[dict-item]
    with pytest.raises(PermissionDenied, match="need not say who they are"):
        Server(config).start()
    create(tmp_path / "tokens.toml", "alice")
    config = Config(mps=["0.0.0.0:0"], archives={"py": PY}, tokens=tmp_path / "tokens.toml")  # type: ignore[dict-item]
    with pytest.raises(PermissionDenied, match="nothing is encrypted"):
        Server(config).start()


def test_a_reload_finds_new_functions(tmp_path: Path) -> None:
    if shutil.which("octave-cli") is None:
        pytest.skip("octave: not installed")
    (tmp_path / "one.m").write_text("function x = one ()\n x = 1;\nend\n")
    archives = {"m": {"environment": "octave", "directories": [str(tmp_path)]}}
    with serving(archives=archives) as (server, http):
        assert http.post("/m/one", json=body()).json() == {"lhs": [1]}
        (tmp_path / "two.m").write_text("function x = two ()\n x = one () + 1;\nend\n")
        assert http.post("/m/two", json=body()).status_code == 404
        server.reload()
        assert http.post("/m/two", json=body()).json() == {"lhs": [2]}


def test_modules_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def price(n): return 3 * n\n")
    archives = {"py": {"environment": "python", "directories": [tmp_path], "functions": ["shop.price"]}}
    with serving(archives=archives) as (_, http):
        assert http.post("/py/price", json=body(2)).json() == {"lhs": [6]}
        assert http.post("/py/shop", json=body(2)).status_code == 404


def test_an_archive_is_an_environment_for_other_bridges(tmp_path: Path) -> None:
    if shutil.which("R") is None:
        pytest.skip("r: not installed")
    archives = {"stats": {"environment": "r", "directories": [str(HERE / "stats")]}}
    with (
        serving(archives=archives, http=["127.0.0.1:0"]) as (server, _),
        connect(server.endpoints["http"] + "/archive.stats") as session,
    ):
        assert session.call("scaled", 2.0, by=5.0) == 10.0


def test_code_that_fails_at_the_start_is_told_of(tmp_path: Path) -> None:
    if shutil.which("R") is None:
        pytest.skip("r: not installed")
    (tmp_path / "bad.R").write_text("f <- function() 1\nstop('cannot be loaded')\n")
    with pytest.raises(ArcuateError, match="cannot be loaded"):
        connect("r", source=[str(tmp_path / "bad.R")])
    with pytest.raises(InvalidArgument, match="no file and no folder"):
        connect("r", source=str(tmp_path / "absent.R"))


# ----------------------------------------------------------------------- rights


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


def test_tokens_are_bearer_tokens(tokens: Path) -> None:
    alice = create(tokens, "alice")
    bob = create(tokens, "bob", environments=["archive.other"])
    archives = {"py": PY, "other": {"environment": "python", "functions": ["abs"]}}
    with serving(tokens=tokens, archives=archives) as (_, http):
        assert http.get("/api/health").status_code == 200
        for headers in ({}, {"authorization": "Bearer nothing"}, {"authorization": f"Basic {alice}"}):
            for answer in (
                http.post("/py/len", json=body("abc"), headers=headers),
                http.get("/api/discovery", headers=headers),
                http.get("/api/metrics", headers=headers),
                http.post("/nothing/at", json=body(), headers=headers),
            ):
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.json()["error"]["messageId"] == "AccessDenied"
        call = httpx.Client(base_url=http.base_url, headers={"authorization": f"Bearer {alice}"})
        other = httpx.Client(base_url=http.base_url, headers={"authorization": f"Bearer {bob}"})
        with call, other:
            assert call.post("/other/abs", json=body(-1)).json() == {"lhs": [1]}
            assert call.post("/v1/hello", json=body()).json()["error"]["messageId"] == "ComponentNotFound"
            assert other.post("/other/abs", json=body(-1)).json() == {"lhs": [1]}
            for name in ("py", "nothing"):  # whether there is one or not
                refused = other.post(f"/{name}/len", json=body("abc"))
                assert (refused.status_code, refused.json()["error"]["messageId"]) == (403, "AccessDenied")
            assert list(other.get("/api/discovery").json()["archives"]) == ["other"]
            made = call.post("/other/abs?mode=async", json=body(-1)).json()
            for path in (made["self"], made["self"] + "/result"):
                assert other.get(path).status_code == 404  # it is another's
            assert other.get(f"{made['up']}?since=0&clients=").json()["data"] == []


def test_who_keeps_most_makes_room(tokens: Path) -> None:
    alice, bob = ({"authorization": f"Bearer {create(tokens, name)}"} for name in ("alice", "bob"))
    with serving(tokens=tokens, limits={"results": 3}) as (_, http):

        def begin(who: dict[str, str]) -> str:
            path = str(http.post("/py/abs?mode=async", json=body(-1), headers=who).json()["self"])
            until(lambda: http.get(path, headers=who).json()["state"] == "READY")
            return path

        mine, first, second = begin(alice), begin(bob), begin(bob)
        third = begin(bob)
        status = {path: http.get(path, headers=who).status_code
                  for path, who in ((mine, alice), (first, bob), (second, bob), (third, bob))}  # fmt: skip
        assert status == {mine: 200, first: 410, second: 200, third: 200}


def test_nobody_takes_all_room_with_requests_under_way(tokens: Path) -> None:
    alice, bob = ({"authorization": f"Bearer {create(tokens, name)}"} for name in ("alice", "bob"))
    limits = {"results": 6, "result_bytes": 20_000, "pool": 1}
    with serving(tokens=tokens, limits=limits) as (_, http):

        def begin(who: dict[str, str], size: int = 0) -> httpx.Response:
            content = json.dumps(body(600)).ljust(size)
            headers = {"content-type": "application/json", **who}
            return http.post("/py/sleep?mode=async", content=content, headers=headers)

        def refused(answer: httpx.Response, setting: str) -> bool:
            said = answer.json()["error"]["message"]
            return answer.status_code == 429 and f"'{setting}'" in said and "more than half" in said

        first = begin(alice, 6000)
        assert first.status_code == 201
        assert refused(begin(alice, 4001), "result_bytes")
        assert begin(bob, 9000).status_code == 201
        assert [begin(alice).status_code for _ in range(2)] == [201, 201]
        assert refused(begin(alice), "results")
        assert [begin(bob).status_code for _ in range(2)] == [201, 201]
        http.post(first.json()["self"] + "/cancel", headers=alice).raise_for_status()
        assert begin(alice, 9000).status_code == 201  # what has ended does not count


@needs_confinement
@pytest.mark.parametrize(
    ("language", "archive", "path", "program"),
    [
        (
            "octave",
            {"environment": "octave", "directories": [str(HERE / "tools")]},
            "/x/addmul",
            "octave-cli",
        ),
        ("r", {"environment": "r", "directories": [str(HERE / "stats")]}, "/x/scaled", "R"),
    ],
)
def test_functions_of_folders_run_confined(
    language: str, archive: Any, path: str, program: str, tokens: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{language}: not installed")
    name = path.rpartition("/")[2]
    token = create(tokens, "carol", eval=False, functions=[name])
    with serving(tokens=tokens, archives={"x": archive}) as (_, http):
        http.headers["authorization"] = f"Bearer {token}"
        assert http.post(path, json=body(2, 3)).json() == {"lhs": [5 if name == "addmul" else 6]}
        refused = http.post("/x/made", json=body("1"))
        assert (refused.status_code, refused.json()["error"]["messageId"]) == (403, "AccessDenied")
        assert list(http.get("/api/discovery").json()["archives"]["x"]["functions"]) == [name]


def test_their_client_shows_a_certificate(client: Callable[[str], Any], tmp_path: Path) -> None:
    hub, people = Files(tmp_path, "hub"), Files(tmp_path, "people")
    certificate, key = hub.issue("server", "127.0.0.1")
    mine, mine_key = people.issue("alice", common_name="alice")
    tls = {"certificate": certificate, "key": key, "client_ca": people.ca}
    audit = tmp_path / "audit.jsonl"
    with Server(Config(mps=["127.0.0.1:0"], archives={"py": PY}, tls=tls, audit=audit)) as server:  # type: ignore[arg-type,dict-item]
        url = server.endpoints["mps"]
        assert url.startswith("https://")
        client(f"import ssl; context = ssl.create_default_context(cafile={str(hub.ca)!r})")
        found = client(f"new({url!r}, ssl_context=context).py.len('abc')")
        assert "error" in found  # without a certificate
        client(f"context.load_cert_chain({str(mine)!r}, {str(mine_key)!r})")
        assert client(f"new({url!r}, ssl_context=context).py.len('abc')")["value"]["value"] == 3
    assert '"who": "certificate:' in audit.read_text()


def test_pages_that_the_operator_names_are_let_in() -> None:
    with serving(http_origins=["https://lab.example"]) as (_, http):
        asked = http.options("/py/len", headers={"origin": "https://lab.example"})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == "https://lab.example"
        answer = http.post("/py/len", json=body("abc"), headers={"origin": "https://lab.example"})
        assert answer.headers["access-control-allow-origin"] == "https://lab.example"
        assert answer.json()["lhs"][0]["mwdata"] == [3]
        assert http.options("/py/len", headers={"origin": "https://other.example"}).status_code == 403


# ----------------------------------------------------------------------- limits


def protobuf(answer: httpx.Response) -> Any:
    message = v1.HttpErrorInfo()
    assert answer.headers["content-type"] == PROTOBUF
    message.ParseFromString(answer.content)
    return message


def test_bodies_are_limited() -> None:
    with serving(limits={"message": 20_000}) as (_, http):
        answer = http.post("/py/len", json=body("x" * 30_000))
        assert (answer.status_code, answer.json()["error"]["messageId"]) == (413, "LimitExceeded")
        assert "'message'" in answer.json()["error"]["message"]
        answer = http.post("/py/len", content=b"x" * 30_000, headers={"content-type": PROTOBUF})
        found = protobuf(answer)
        assert (answer.status_code, found.code) == (413, 413)
        assert "'message'" in found.message
        answer = http.post("/py/len", content=iter([b"x" * 30_000]), headers={"content-type": PROTOBUF})
        assert answer.status_code == 413
        answer = http.post("/py/len", content=b"\x0a\xff", headers={"content-type": PROTOBUF})
        assert (answer.status_code, protobuf(answer).code) == (400, 400)


def test_a_token_may_have_lower_limits(tokens: Path) -> None:
    token = create(tokens, "dora", limits={"message": 20_000, "nodes": 100})
    with serving(tokens=tokens) as (_, http):
        http.headers["authorization"] = f"Bearer {token}"
        assert http.post("/py/len", json=body("x" * 10_000)).json()["lhs"][0]["mwdata"] == [10_000]
        for value in ("x" * 30_000, {"mwdata": [1] * 200, "mwsize": [1, 200], "mwtype": "cell"}):
            answer = http.post("/py/len", json=body(value))
            assert (answer.status_code, answer.json()["error"]["messageId"]) == (413, "LimitExceeded")


def test_values_are_limited() -> None:
    with serving(limits={"nodes": 100}) as (_, http):
        cell = {"mwdata": [1] * 200, "mwsize": [1, 200], "mwtype": "cell"}
        answer = http.post("/py/len", json=body(cell))
        assert (answer.status_code, answer.json()["error"]["messageId"]) == (413, "LimitExceeded")
        deep: Any = 1
        for _ in range(70):
            deep = {"mwdata": [deep], "mwsize": [1, 1], "mwtype": "cell"}
        answer = http.post("/py/len", json=body(deep))
        assert answer.status_code == 400
        assert "deeper" in answer.json()["error"]["message"]


def test_a_call_may_take_so_long() -> None:
    with serving(limits={"call_seconds": 0.3}) as (_, http):
        http.post("/py/abs", json=body(1))  # an interpreter is there
        answer = http.post("/py/sleep", json=body(60))
        assert (answer.status_code, answer.json()["error"]["messageId"]) == (504, "RequestTimeout")
        one = v1.Array(array_class="ARRAY_CLASS_DOUBLE", size=[1, 1], double={"real": [60.0]})
        call = v1.CallParameters(nargout=1, arguments=[one.SerializeToString()])
        answer = http.post("/py/sleep", content=call.SerializeToString(), headers={"content-type": PROTOBUF})
        result = v1.CallResult()
        result.ParseFromString(answer.content)
        assert (answer.status_code, result.error.identifier) == (200, "Arcuate:CallTimeout")


def test_a_trace_goes_on() -> None:
    parent = f"00-{'a1' * 16}-{'b2' * 8}-01"
    with serving() as (_, http):
        code = body("__import__('os').environ.get('TRACEPARENT', '')")
        assert http.post("/py/made", json=code, headers={"traceparent": parent}).json() == {"lhs": [parent]}
        assert http.post("/py/made", json=code, headers={"traceparent": "odd"}).json() == {"lhs": [""]}


def test_a_hub_that_drains_takes_no_more() -> None:
    with serving() as (server, http):
        server.hub.draining = True
        assert http.get("/api/health").status_code == 503
        answer = http.post("/py/abs", json=body(1))
        assert (answer.status_code, answer.json()["error"]["messageId"]) == (503, "ServerUnavailable")


def test_row_major_arrays_and_string_arrays_are_read() -> None:
    code = {"environment": "python", "functions": ["told=builtins.repr"]}
    with serving(archives={"py": code}) as (_, http):

        def told(**array: Any) -> str:
            call = v1.CallParameters(arguments=[v1.Array(**array).SerializeToString()])
            data = call.SerializeToString()
            answer = http.post("/py/told", content=data, headers={"content-type": PROTOBUF})
            result = v1.CallResult.FromString(answer.content)
            if result.outputs:
                return "".join(map(chr, v1.Array.FromString(result.outputs[0]).char.real))
            return str(result.error.message)

        halves: dict[str, Any] = {"array_class": "ARRAY_CLASS_CHAR", "size": [1, 3]}
        assert told(**halves, char={"real": [0x61, 0xD83D, 0xDE00]}) == "'a😀'"  # as clients with UTF-16 send
        assert "surrogate" in told(**halves, char={"real": [0x61, 0xD83D, 0x61]})
        rows = {"array_class": "ARRAY_CLASS_DOUBLE", "size": [2, 3], "layout": "MEMORY_LAYOUT_ROW_MAJOR"}
        found = told(**rows, double={"real": range(6)})
        assert found.replace("\n", "").replace(" ", "") == "array([[0.,1.,2.],[3.,4.,5.]])"
        text: dict[str, Any] = {"array_class": "ARRAY_CLASS_STRING", "size": [1, 1]}
        units = [0x61, 0xD83D, 0xDE00]
        assert told(**text, string={"units": units, "sizes": [3]}) == "'a😀'"
        error = told(**text, string={"units": units, "sizes": [4]})
        assert error == "an element of a string array is no UTF-16 text - at $.rhs[0]"
        for sizes in ([1], [2], []):
            error = told(
                array_class=text["array_class"],
                size=[1, len(sizes)],
                string={"units": [0x61, 0x62, 0x63], "sizes": sizes},
            )
            assert f"3 UTF-16 units, and {sum(sizes)} " in error
        assert "'object'" in told(array_class="ARRAY_CLASS_OBJECT", size=[1, 1])
        assert "do not fill" in told(array_class="ARRAY_CLASS_DOUBLE", size=[0, 1 << 62])


def test_arrays_are_counted_before_they_are_made() -> None:
    """A cell of two million arrays takes four megabytes in the message, and three hundred as objects."""
    with serving(limits={"nodes": 1000}) as (_, http):
        empty = v1.Array(array_class="ARRAY_CLASS_DOUBLE", size=[0, 0]).SerializeToString()
        cell = v1.Array(array_class="ARRAY_CLASS_CELL", size=[1, 2000], cell={"values": [empty] * 2000})
        call = v1.CallParameters(arguments=[cell.SerializeToString()])
        answer = http.post("/py/len", content=call.SerializeToString(), headers={"content-type": PROTOBUF})
        assert answer.status_code == 413
        assert "'nodes'" in protobuf(answer).message


def test_a_connection_may_wait_for_its_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """MathWorks' client connects when it is made, and may have its first call much later."""
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.3)
    with serving() as (server, _):
        host, _, port = server.endpoints["mps"].removeprefix("http://").rpartition(":")
        with (
            socket.create_connection((host, int(port)), 20) as idle,
            socket.create_connection((host, int(port)), 20) as slow,
        ):
            slow.sendall(b"GET /api/he")
            assert slow.recv(100).startswith(b"HTTP/1.1 408")  # a head that has begun has to go on
            idle.sendall(b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert idle.recv(100).startswith(b"HTTP/1.1 200")


def test_connections_that_do_nothing_make_room(tokens: Path) -> None:
    """Each may wait for an hour, and costs whoever makes it nothing."""
    token = create(tokens, "alice")
    health = b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n"
    known = f"GET /api/discovery HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
    with serving(tokens=tokens, limits={"connections": 4}) as (server, _), ExitStack() as opened:
        host, _, port = server.endpoints["mps"].removeprefix("http://").rpartition(":")

        def new(*requests: bytes) -> socket.socket:
            one = opened.enter_context(socket.create_connection((host, int(port)), 20))
            for request in requests:
                assert answered(one, request)
            return one

        def answered(one: socket.socket, request: bytes) -> bool:
            try:
                one.sendall(request)
                with HTTPResponse(one) as answer:
                    answer.begin()
                    answer.read()
                    return answer.status == 200
            except OSError:  # it was cut
                return False

        mine = new(known.encode())
        silent = [new() for _ in range(8)]
        latest = new(health)  # in spite of them
        assert not answered(silent[0], health)
        assert answered(silent[-1], health)
        more = [new(health) for _ in range(4)]  # nor is it enough to have asked for what anybody may read
        assert not answered(latest, health)
        assert answered(more[-1], health)
        assert answered(mine, health)
        for _ in range(3):
            new(known.encode())
        refused = new()  # all others are somebody's
        assert refused.recv(100).startswith(b"HTTP/1.1 503")
        assert answered(mine, health)


def test_many_calls_at_once_leave_nothing_behind() -> None:
    with serving() as (server, http):

        def one(number: int) -> Any:
            if number % 10 == 9:
                made = http.post("/py/abs?mode=async", json=body(-number)).json()
                until(lambda: http.get(made["self"]).json()["state"] == "READY")
                found = http.get(made["self"] + "/result").json()
                assert http.delete(made["self"]).status_code == 204
                return found
            if number % 10 == 8:
                return http.post("/py/made", json=body("1 / 0")).json()["error"]["id"]
            return http.post("/py/abs", json=body(-number)).json()

        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(one, range(60)))
        for number, answer in enumerate(found):
            assert answer == ("Python:ZeroDivisionError" if number % 10 == 8 else {"lhs": [number]})
        until(lambda: not server.hub.connections)
        assert len(server.hub.sessions) <= server.config.limits.pool
        assert len(server.bridges["mps"].application.functions.requests) == 0  # type: ignore[attr-defined]
