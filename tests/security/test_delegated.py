"""Delegated tokens: the caller's rights at most, and one way out of a confined session.

What a session says of itself is not trusted where something can be seen from outside: listeners see that
nobody comes, the hub says what it takes.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.hub.inside import apart, lines, post, serving, session, until, variable

from arcuate.client.session import Session
from arcuate.errors import ArcuateError, AuthenticationFailed, PermissionDenied, RemoteError, SessionClosed
from arcuate.hub import Credentials
from arcuate.hub.pool import _STOCK
from arcuate.hub.server import Server
from arcuate.hub.tokens import create, revoke
from arcuate.worker.confine import unavailable
from arcuate.worker.gate import gate

RUNS = ["builtins.eval", "builtins.exec"]
"""Functions that somebody without eval may use here, to see how far code gets that is confined."""
LIMITED = {"environments": ["python", "r"], "eval": False, "functions": [*RUNS, "sum", "builtins.sum"]}
ENDS = ("expired", "fewer rights")
CALLS = "from arcuate.client import connect"

needs_confinement = pytest.mark.skipif(bool(unavailable()), reason=f"confinement: {unavailable()}")


class Site:
    """A hub with tokens, and one session of somebody whose interpreters are confined."""

    def __init__(self, server: Server, folder: Path, tokens: dict[str, str]) -> None:
        self.server = server
        self.folder = folder
        self.tokens = tokens

    @property
    def inner(self) -> str:
        """The address for code in interpreters."""
        return str(self.server.hub.delegations.endpoints["http"])

    def session(self, name: str, environment: str = "python") -> Session:
        return session(self.server, environment, token=self.tokens[name])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("delegated")
    file = folder / "tokens.toml"
    rights: dict[str, dict[str, Any]] = {
        "ann": {"environments": ["python", "r"], "publish": ["lab/*"], "subscribe": ["lab/*"]},
        "bob": {},
        "eve": {**LIMITED, "publish": [], "subscribe": [], "workspace": False},
    }
    tokens = {name: create(file, name, **one) for name, one in rights.items()}
    with serving(tokens=file, audit=folder / "audit.jsonl", zmq=["127.0.0.1:0"]) as server:
        yield Site(server, folder, tokens)


@pytest.fixture(scope="module")
def confined(site: Site) -> Iterator[Session]:
    if unavailable():
        pytest.skip(f"confinement: {unavailable()}")
    with site.session("eve") as found:
        yield found


def inside(one: Session, code: str) -> Any:
    """The value of an expression in a session that may not be sent any, by a function that it may call."""
    return one.call("builtins.eval", code)


def attempt(one: Session, code: str) -> str:
    """The name of the error of a line of code, or ``"done"``."""
    body = f"import socket, os\ntry:\n {code}\n said = 'done'\nexcept OSError as e: said = type(e).__name__"
    return str(inside(one, f"(lambda d: (exec({body!r}, d), d['said'])[1])({{}})"))


# ------------------------------------------------------------------------ rights


def test_the_callers_rights_and_no_more(site: Site) -> None:
    with site.session("ann") as p:
        p.run(CALLS)
        with pytest.raises(PermissionDenied, match="'token:ann' may not use the environment 'octave'"):
            p.run("connect('hub:///octave')")
        with pytest.raises(PermissionDenied, match="secret"):
            p.run("from arcuate.client import publish\npublish('secret', 1, 'hub://')")
        p.run("publish('lab/x', 1, 'hub://')\nwith connect('hub:///r') as r: x = r.eval('1 + 1')")
        assert p["x"] == 2


@needs_confinement
def test_somebody_without_eval_calls_back_confined(confined: Session) -> None:
    begin = "(lambda c: (c, c.close()))(__import__('arcuate.client').client.connect('hub:///python'))"
    assert inside(confined, begin.replace("(c, c.close())", "(c.call('sum', [1, 2, 4]), c.close())[0]")) == 7
    for what in ("c.eval('1')", "c.call('abs', -1)", "list(c)", "c.__setitem__('x', 1)"):
        with pytest.raises(PermissionDenied, match="may not"):
            inside(confined, begin.replace("(c, c.close())", f"({what}, c.close())"))
    with pytest.raises(PermissionDenied, match="may not use the environment"):
        inside(confined, begin.replace("///python", "///octave"))


R_ASKS = """
ask <- function(url = Sys.getenv("ARCUATE_DELEGATED_HTTP")) {
  h <- curl::new_handle()
  curl::handle_setheaders(h, "Content-Type" = "application/json",
    Authorization = paste("Bearer", Sys.getenv("ARCUATE_DELEGATED_TOKEN")))
  curl::handle_setopt(h, copypostfields = '{"args": [[1, 2, 4]]}')
  rawToChar(curl::curl_fetch_memory(paste0(url, "/v1/environments/python/call/sum"), h)$content)
}
"""
OCTAVE_ASKS = r"""
function answer = ask (port)
  pkg load sockets
  own = str2double (regexp (getenv ("ARCUATE_DELEGATED_HTTP"), '\d+$', "match"){1});
  s = socket (AF_INET, SOCK_STREAM, 0);
  connect (s, struct ("addr", "127.0.0.1", "port", own + port));
  body = '{"args": [[1, 2, 4]]}';
  send (s, sprintf (["POST /v1/environments/python/call/sum HTTP/1.1\r\nHost: localhost\r\n" ...
                     "Connection: close\r\nAuthorization: Bearer %s\r\n" ...
                     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"],
                    getenv ("ARCUATE_DELEGATED_TOKEN"), numel (body), body));
  answer = "";
  while (isempty (strfind (answer, "}")))
    [part, count] = recv (s, 4096);
    if (count <= 0) break; end
    answer = [answer, char(part)];
  end
  disconnect (s);
end
"""


@contextmanager
def asking(folder: Path, language: str, name: str, code: str, **options: str) -> Iterator[tuple[Any, Server]]:
    """A confined session that has the function ``ask``, which calls ``sum`` of Python."""
    file = folder / "tokens.toml"
    token = create(file, "eve", eval=False, functions=["ask", "sum", "builtins.sum"])
    source = folder / "lib" / name
    source.parent.mkdir()
    source.write_text(code)
    known = {key: [str(source if value == "file" else source.parent)] for key, value in options.items()}
    environments = {"it": {"language": language, "options": known}, "python": {"language": "python"}}
    before = len(gate())
    with (
        serving(tokens=file, environments=environments) as server,
        session(server, "it", token=token) as one,
    ):
        yield one, server
    until(lambda: len(gate()) == before, "nobody is left who could ask for a connection")


@needs_confinement
def test_r_calls_back_confined(tmp_path: Path) -> None:
    with asking(tmp_path, "r", "ask.R", R_ASKS, source="file") as (r, server):
        assert json.loads(r.call("ask")) == {"value": 7}
        with pytest.raises(RemoteError, match="connect"):  # the hub's public port is another way
            r.call("ask", server.endpoints["http"])


@needs_confinement
def test_octave_calls_back_confined_by_sockets(tmp_path: Path) -> None:
    """Octave can start no curl there; its package of sockets is a way that remains."""
    with asking(tmp_path, "octave", "ask.m", OCTAVE_ASKS, path="folder") as (o, _):
        try:
            found = o.call("ask", 0.0)
        except RemoteError as error:
            if "sockets" not in error.message:
                raise
            pytest.skip(f"octave: its package of sockets is not installed: {error.message[:80]}")
        assert found.endswith('{"value":7}')
        with pytest.raises(RemoteError, match="Permission denied"):
            o.call("ask", 1.0)


# ------------------------------------------------------------- what stays closed


@needs_confinement
def test_no_other_port_and_no_other_host(site: Site, confined: Session) -> None:
    port = int(site.inner.rpartition(":")[2])
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        other.settimeout(0.2)
        for where in (
            other.getsockname(),
            ("127.0.0.2", port),
            ("192.0.2.1", port),
            ("127.0.0.1", int(site.server.endpoints["http"].rpartition(":")[2])),
            ("127.0.0.1", int(site.server.endpoints["zmq"].rpartition(":")[2])),
        ):
            assert attempt(confined, f"socket.socket().connect({where!r})") == "PermissionError", where
        with pytest.raises(TimeoutError):
            other.accept()
        fast = f"s = socket.socket(); s.sendto(b'x', 0x20000000, {other.getsockname()!r})"
        assert attempt(confined, fast) == "PermissionError"
        with pytest.raises(TimeoutError):
            other.accept()


@needs_confinement
def test_no_other_kind_of_socket(confined: Session, tmp_path: Path) -> None:
    for kind in (
        "AF_INET, socket.SOCK_DGRAM",
        "AF_INET, socket.SOCK_RAW",
        "AF_INET6, socket.SOCK_STREAM",
        "AF_UNIX, socket.SOCK_STREAM",
        "AF_UNIX, socket.SOCK_DGRAM",
        "AF_NETLINK, socket.SOCK_RAW",
        "AF_INET, socket.SOCK_STREAM, 262",  # MPTCP
    ):
        assert attempt(confined, f"socket.socket(socket.{kind})") == "PermissionError", kind
    assert attempt(confined, "socket.socket().bind(('127.0.0.1', 0))") == "PermissionError"
    assert attempt(confined, "socket.socket().listen()") == "PermissionError"
    assert attempt(confined, "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)") == "PermissionError"


@needs_confinement
def test_a_pair_of_sockets_leads_nowhere(confined: Session, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as other:
        other.bind(str(tmp_path / "s"))
        other.listen()
        other.settimeout(0.2)
        for kind in ("SOCK_STREAM", "SOCK_SEQPACKET"):
            pair = f"a, b = socket.socketpair(socket.AF_UNIX, socket.{kind})"
            attempt(confined, f"{pair}; a.connect({str(tmp_path / 's')!r})")
            attempt(confined, f"{pair}; a.sendto(b'x', {str(tmp_path / 's')!r})")
        with pytest.raises(TimeoutError):
            other.accept()


@needs_confinement
def test_a_connection_that_is_there_is_not_turned_elsewhere(site: Site, confined: Session) -> None:
    """Nor is one that was made dissolved and made anew; and an address that changes meanwhile is not used."""
    port = int(site.inner.rpartition(":")[2])
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        other.settimeout(0.2)
        there = f"s = socket.socket(); s.connect(('127.0.0.1', {port}))"
        assert attempt(confined, there) == "done"
        assert attempt(confined, f"{there}; s.connect({other.getsockname()!r})") == "PermissionError"
        good = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + bytes([127, 0, 0, 1]) + bytes(8)
        bad = good[:2] + struct.pack("!H", other.getsockname()[1]) + good[4:]
        race = (
            "import ctypes, threading, socket, os\n"
            f"good, bad = {good!r}, {bad!r}\n"
            "where = ctypes.create_string_buffer(good, 16)\n"
            "c = ctypes.CDLL(None)\n"
            "over = []\n"
            "def turn():\n"
            "    while not over:\n"
            "        ctypes.memmove(where, bad, 16); ctypes.memmove(where, good, 16)\n"
            "thread = threading.Thread(target=turn); thread.start()\n"
            "ports = set()\n"
            "for _ in range(150):\n"
            "    s = socket.socket()\n"
            "    if c.connect(s.fileno(), where, 16) == 0: ports.add(s.getpeername()[1])\n"
            "    s.close()\n"
            "over.append(1); thread.join()\n"
        )
        reached = inside(confined, f"(lambda d: (exec({race!r}, d), sorted(d['ports']))[1])({{}})")
        assert list(reached if isinstance(reached, list) else [reached]) == [port]
        with pytest.raises(TimeoutError):
            other.accept()


@needs_confinement
def test_it_does_not_take_all_of_the_hubs_descriptors(site: Site, confined: Session) -> None:
    """Those that it closes count no longer, and a question that cannot be looked at is answered."""
    port = int(site.inner.rpartition(":")[2])
    many = (
        "import socket\n"
        "held, refused = [], ''\n"
        "try:\n"
        " for _ in range(200):\n"
        f"  s = socket.socket(); s.connect(('127.0.0.1', {port})); held.append(s)\n"
        "except OSError as e: refused = e.strerror\n"
        "said = [len(held), refused]\n"
        "for one in held: one.close()\n"
    )
    code = f"(lambda d: (exec({many!r}, d), d['said'])[1])({{}})"
    number, refused = inside(confined, code)
    assert 60 <= number <= 64
    assert refused == os.strerror(errno.EMFILE)
    until(lambda: inside(confined, code)[0] >= 60, "those that were closed are free again")
    assert attempt(confined, f"socket.socket().connect_ex(('127.0.0.1', {port}))") == "done"


def test_a_question_is_answered_whatever_happens(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    if unavailable():
        pytest.skip(f"confinement: {unavailable()}")
    port = int(site.inner.rpartition(":")[2])

    def broken(*_: object) -> bool:
        raise OSError(errno.ENFILE, "no room")

    with site.session("eve") as own:
        monkeypatch.setattr("arcuate.worker.gate._Worker.full", broken)
        began = time.monotonic()
        assert attempt(own, f"socket.socket().connect(('127.0.0.1', {port}))") == "OSError"
        assert time.monotonic() - began < 10


@needs_confinement
def test_programs_files_and_processes_stay_closed(site: Site, confined: Session) -> None:
    with site.session("bob") as bob:
        pid = bob.info["pid"]
        assert variable(bob, "TOKEN").encode() in Path(f"/proc/{pid}/environ").read_bytes()
        for path in (site.folder / "tokens.toml", f"/proc/{pid}/environ", f"/proc/{os.getpid()}/environ"):
            assert attempt(confined, f"open({str(path)!r}).read()") == "PermissionError", path
    for program in ("os.execv('/bin/true', ['true'])", "__import__('subprocess').run(['/bin/true'])"):
        assert attempt(confined, program) == "PermissionError"


# ------------------------------------------------------------ where a token counts


def ask(url: str, token: str | None) -> int:
    return post(url, "/v1/environments/python/call/sum", {"args": [[1]]}, token)[0]


def test_the_inner_address_takes_delegated_tokens_only(site: Site) -> None:
    with site.session("bob") as bob:
        token = variable(bob, "TOKEN")
        assert [ask(site.inner, one) for one in (token, site.tokens["bob"], None, "", "arcd_x")] == [
            200, 401, 401, 401, 401,
        ]  # fmt: skip
        assert ask(site.server.endpoints["http"], token) == 200
        wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
        assert ask(site.inner, wrong) == ask(site.server.endpoints["http"], wrong) == 401
    assert ask(site.inner, token) == ask(site.server.endpoints["http"], token) == 401


def test_without_a_tokens_file_a_dead_token_is_nobody() -> None:
    """Anybody on the machine may come then, but not by a token that is over."""
    with serving() as server:
        with session(server) as p:
            token = variable(p, "TOKEN")
            inner = variable(p, "HTTP")
            assert ask(server.endpoints["http"], token) == 200
        assert ask(server.endpoints["http"], token) == 401
        assert ask(server.endpoints["http"], None) == 200
        assert ask(inner, None) == 401


def test_a_token_does_not_count_on_another_machine(site: Site) -> None:
    with site.session("bob") as bob:
        token = variable(bob, "TOKEN")
        here = Credentials(token=token, local=True, protected=True)
        assert site.server.hub.authenticate(here).name == "token:bob"
        with pytest.raises(AuthenticationFailed, match="own machine"):
            site.server.hub.authenticate(Credentials(token=token, protected=True))


def test_each_interpreter_has_its_own_and_a_new_one_a_new_one(site: Site) -> None:
    with site.session("bob") as one, site.session("bob") as other:
        first = variable(one, "TOKEN")
        assert first != variable(other, "TOKEN")
        one.restart()
        assert variable(one, "TOKEN") != first
        assert ask(site.inner, first) == 401


def test_a_token_of_the_pool_counts_during_a_call(site: Site) -> None:
    url, token = site.server.endpoints["http"], site.tokens["ann"]
    name = "ARCUATE_DELEGATED_TOKEN"
    call = "/v1/environments/python/call/os.getenv"
    _, first = post(url, call, {"args": [name]}, token)
    _, again = post(url, call, {"args": [name]}, token)
    assert first == again  # the same interpreter, of the same principal
    _, other = post(url, call, {"args": [name]}, site.tokens["bob"])
    assert other["value"] not in (None, first["value"])
    assert ask(site.inner, first["value"]) == ask(site.inner, other["value"]) == 401
    during = {"code": "__import__('arcuate.client').client.connect('hub:///r').eval('40 + 2')"}
    assert post(url, "/v1/environments/python/eval", during, token) == (200, {"value": 42})


def test_an_interpreter_that_nobody_uses_yet_has_no_rights() -> None:
    environments = {"python": {"language": "python", "warm": 1}}
    with serving(environments=environments) as server:
        server.hub.pools.warm()
        [ready] = until(lambda: server.hub.pools._stock.get("python"), "one is warm")
        assert ready.principal is _STOCK
        started = Path(f"/proc/{ready.transport.greeting.pid}/environ").read_bytes().split(b"\0")
        token = next(one for one in started if one.startswith(b"ARCUATE_DELEGATED_TOKEN=")).partition(b"=")[2]
        assert server.hub.delegations.find(token.decode()) is ready.delegation
        assert ask(server.endpoints["http"], token.decode()) == 401


# ------------------------------------------------------------------- how it ends


@pytest.mark.parametrize("how", ["revoked", *(pytest.param(one, marks=pytest.mark.soak) for one in ENDS)])
def test_it_ends_with_the_callers_own(tmp_path: Path, how: str) -> None:
    file = tmp_path / "tokens.toml"
    soon = {"expires": time.time() + 3} if how == "expired" else {}
    own = create(file, "ann", **soon)
    with serving(tokens=file) as server:
        p = session(server, token=own)
        inner = str(server.hub.delegations.endpoints["http"])
        p.run(f"{CALLS}\nr = connect('hub:///python')\nr.eval('1')")
        token = variable(p, "TOKEN")
        sleeping = apart(lambda: p.run("r.run('import time\\nwhile True: time.sleep(0.01)')"))
        if how == "revoked":
            revoke(file, "ann")
        elif how == "fewer rights":
            revoke(file, "ann")
            create(file, "ann", environments=["r"])
        until(lambda: ask(inner, token) == 401, "the delegated token is refused")
        with pytest.raises((SessionClosed, AuthenticationFailed)):
            sleeping()
        until(lambda: not server.hub.sessions, "what it opened is closed")
        with suppress(ArcuateError):
            p.close()


def test_tokens_are_written_nowhere(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), site.session("ann") as p:
        token = variable(p, "TOKEN")
        p.run(f"{CALLS}\nwith connect('hub:///r') as r: r.eval('1')")
        assert ask(site.inner, token) == 200
    assert token not in caplog.text
    audit = (site.folder / "audit.jsonl").read_text()
    assert token not in audit
    assert "arcd_" not in audit
    assert any(one.get("via") for one in lines(site.folder / "audit.jsonl") if one["op"] == "open")
