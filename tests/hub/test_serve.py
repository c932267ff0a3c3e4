"""``arcuate serve``: endpoints, the ready file, signals, configuration, logs: each in its own process."""

from __future__ import annotations

import gzip
import ipaddress
import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.cli.support import shell
from tests.hub.process import served

from arcuate.client import connect
from arcuate.errors import ArcuateError, Unavailable

LOCAL = "127.0.0.1:0"
ALL = ("--grpc", LOCAL, "--zmq", LOCAL, "--http", LOCAL)


@pytest.mark.parametrize("scheme", ["grpc", "zmq", "http"])
def test_a_protocol_at_a_port_that_the_system_chose(scheme: str, tmp_path: Path) -> None:
    with served(tmp_path, f"--{scheme}", LOCAL) as hub:
        assert set(hub.ready) == {scheme}
        endpoint = hub.ready[scheme]
        assert endpoint.startswith(f"{scheme}://127.0.0.1:")
        assert not endpoint.endswith(":0")
        assert hub.lines() == [endpoint]
        with connect(f"{endpoint}/python") as session:
            assert session.call("math.sqrt", 4.0) == 2.0
        assert hub.stop() == 0
        assert not hub.ready_file.exists()


def test_all_three_with_one_line_each(tmp_path: Path) -> None:
    with served(tmp_path, *ALL, "--http", LOCAL) as hub:
        assert set(hub.ready) == {"grpc", "zmq", "http"}
        lines = hub.lines()
        assert len(lines) == 4  # an address flag can be repeated; the ready file has the first
        assert set(hub.ready.values()) <= set(lines)
        for endpoint in lines:
            with connect(f"{endpoint}/python") as session:
                assert session.call("math.sqrt", 9.0) == 3.0


def test_without_flags_it_is_at_the_default_ports_of_this_machine(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for port in (50051, 5555, 8080):
            try:
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                pytest.skip(f"ports: {port} is in use on this machine")
    with served(tmp_path) as hub:
        assert hub.ready == {
            "grpc": "grpc://127.0.0.1:50051", "zmq": "zmq://127.0.0.1:5555", "http": "http://127.0.0.1:8080",
        }  # fmt: skip
        pid = hub.process.pid
        listening = {address for address in _listening(pid) if address[1] in (50051, 5555, 8080)}
        assert {address for address, _ in listening} == {"127.0.0.1"}  # and nowhere else, as the kernel says


def _listening(pid: int) -> list[tuple[str, int]]:
    """Where a process listens with TCP, as the kernel says."""
    own = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            own.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            continue
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
                host = ipaddress.ip_address(b"".join(words))
                found.append((str(getattr(host, "ipv4_mapped", None) or host), int(port, 16)))
    return found


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for scheme in ("zmq", "http", "grpc"):
            done = shell("serve", f"--{scheme}", f"127.0.0.1:{port}", cwd=tmp_path)
            assert done.returncode == 1
            assert str(port) in done.stderr
            assert "port 0" in done.stderr
            assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--http", "nowhere"], "write host:port"),
        (["--http", "http://127.0.0.1:99999"], "write host:port"),
        (["--set", "limits.sesions=3"], "did you mean 'limits.sessions'?"),
        (["--set", "limits.sessions=0"], "limits.sessions"),
        (["--set", "nonsense"], "--set limits.sessions=10"),
        (["--config", "missing.toml"], "missing.toml"),
        (["--log-level", "loud"], "log.level"),
        (["--set", 'environments.x.language="cobol"'], "cobol"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = shell("serve", "--http", LOCAL, *arguments, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_sigterm_lets_a_running_call_finish(tmp_path: Path) -> None:
    with served(tmp_path, "--zmq", LOCAL) as hub:
        target = f"{hub.ready['zmq']}/python"
        with connect(target) as session, connect(target) as idle:
            begun = threading.Event()
            session.run("def work(said):\n import time\n said()\n time.sleep(1)\n return 'done'")
            running = session.submit("work", begun.set)
            assert begun.wait(20)
            hub.send(signal.SIGTERM)
            hub.until(lambda: "draining" in hub.err.read_text(), "it drains")
            with pytest.raises(Unavailable, match="shutting down"):
                idle.call("math.sqrt", 4.0)
            with pytest.raises(ArcuateError):
                connect(target, start=5.0)
            assert running.result(20) == "done"
            assert hub.process.wait(20) == 0


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with served(tmp_path, "--zmq", LOCAL) as hub, connect(f"{hub.ready['zmq']}/python") as session:
        pid = session.info["pid"]
        begun = threading.Event()
        session.run("def work(said):\n import time\n said()\n time.sleep(60)")
        running = session.submit("work", begun.set)
        assert begun.wait(20)
        hub.send(signal.SIGINT)
        hub.until(lambda: "draining" in hub.err.read_text(), "it drains")
        hub.send(signal.SIGTERM)
        with pytest.raises(ArcuateError):
            running.result(20)
        assert hub.process.wait(20) == 1
        assert not os.path.exists(f"/proc/{pid}")


def test_kill_leaves_no_interpreter_behind(tmp_path: Path) -> None:
    with served(tmp_path, "--zmq", LOCAL) as hub, connect(f"{hub.ready['zmq']}/python") as session:
        pid = session.info["pid"]
        hub.process.kill()
        hub.process.wait()
        end = threading.Event()
        for _ in range(500):
            if not os.path.exists(f"/proc/{pid}"):
                return
            end.wait(0.02)
        pytest.fail("the interpreter outlives its hub")


def test_sighup_reloads_and_a_mistake_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "arcuate.toml"  # found in the working directory
    file.write_text("[environments.first]\nlanguage = 'python'\ndoc = 'the first'\n")
    with served(tmp_path, "--http", LOCAL) as hub:
        assert _environments(hub.ready["http"]) == ["first"]
        file.write_text("[environments.second]\nlanguage = 'python'\n[limits]\nsessions = 1\n")
        hub.send(signal.SIGHUP)
        hub.until(lambda: _environments(hub.ready["http"]) == ["second"], "the file is read again")
        file.write_text("[environments.third]\nlanguage = 'cobol'\n")
        hub.send(signal.SIGHUP)
        hub.until(lambda: "not reloaded: " in hub.err.read_text(), "the mistake is told")
        assert "cobol" in hub.err.read_text()
        assert _environments(hub.ready["http"]) == ["second"]
        with connect(f"{hub.ready['http']}/second") as session:
            assert session.call("math.sqrt", 4.0) == 2.0
        assert hub.stop() == 0


def _environments(endpoint: str) -> list[str]:
    with urllib.request.urlopen(f"{endpoint}/v1/environments") as answer:
        return [one["name"] for one in _listed(json.load(answer))]


def _listed(found: Any) -> list[dict[str, Any]]:
    return found if isinstance(found, list) else found.get("environments", found.get("value"))


def test_where_a_setting_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("tokens = 'tokens.toml'\n[limits]\nsessions = 1\nqueue = 2\npool = 3\n")
    done = shell(
        "config",
        "--show",
        "--config",
        str(file),
        cwd=tmp_path,
        ARCUATE_HUB_LIMITS__QUEUE="20",
        ARCUATE_HUB_GRPC="[::1]:0",
    )
    assert done.returncode == 0, done.stderr
    assert f"sessions = 1  # {file}" in done.stdout
    assert "queue = 20  # ARCUATE_HUB_LIMITS__QUEUE" in done.stdout
    assert "recycle = 100  # default" in done.stdout
    assert 'grpc = ["[::1]:0"]  # ARCUATE_HUB_GRPC' in done.stdout
    assert f'tokens = "{tmp_path / "tokens.toml"}"' in done.stdout  # relative to the file


def test_the_printed_file_is_right_and_complete(tmp_path: Path) -> None:
    import tomllib

    text = shell("config").stdout
    assert tomllib.loads(text) == {
        name: {} for name in ("tls", "curve", "limits", "log", "telemetry") if f"[{name}]" in text
    }  # only comments
    on = [
        line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in text.splitlines()
    ]
    file = tmp_path / "all.toml"
    file.write_text("\n".join(on))
    found = tomllib.loads(file.read_text())
    assert found["limits"]["sessions"] == 256
    done = shell("config", "--check", str(file))
    assert done.returncode == 0, done.stderr
    assert "well" in done.stdout
    (tmp_path / "bad.toml").write_text("[limits]\nsesions = 3\n")
    done = shell("config", "--check", str(tmp_path / "bad.toml"))
    assert done.returncode != 0
    assert "limits.sessions" in done.stderr


def test_the_help_of_serve_has_every_key() -> None:
    from arcuate.hub.config import Config

    done = shell("serve", "--help", COLUMNS="300")
    assert done.returncode == 0
    for key in _keys(Config):
        assert re.search(rf"^\s*{re.escape(key)}\s+\S", done.stdout, re.M), key


def _keys(model: Any, prefix: str = "") -> list[str]:
    """The keys of the model, found without the code under test."""
    schema = model.model_json_schema()

    def walk(node: dict[str, Any], prefix: str) -> list[str]:
        found: list[str] = []
        for name, one in node["properties"].items():
            target = one.get("$ref") or next(iter(one.get("allOf", [])), {}).get("$ref")
            inner = one.get("additionalProperties")
            if target:
                found += walk(schema["$defs"][target.rpartition("/")[2]], f"{prefix}{name}.")
            elif isinstance(inner, dict) and "$ref" in inner:
                found += walk(schema["$defs"][inner["$ref"].rpartition("/")[2]], f"{prefix}{name}.<name>.")
            else:
                found.append(prefix + name)
        return found

    return walk(schema, prefix)


def test_silent_by_default(tmp_path: Path) -> None:
    with served(tmp_path, "--http", LOCAL) as hub:
        with connect(f"{hub.ready['http']}/python") as session:
            session.call("math.sqrt", 4.0)
            with pytest.raises(ArcuateError):
                session.call("math.sqrt", -1.0)
        assert hub.err.read_text() == ""
        assert hub.lines() == [hub.ready["http"]]


def test_a_structured_log(tmp_path: Path) -> None:
    with served(tmp_path, "--zmq", LOCAL, "--log-level", "info", "--log-format", "json") as hub:
        with connect(f"{hub.ready['zmq']}/python") as session:
            pid = session.info["pid"]
            session["secret_variable"] = "secret value"
            with pytest.raises(ArcuateError):
                session.call("nothing\nof that\u2028name", "secret value")
        assert hub.stop() == 0
        log = hub.log()
        for one in log:
            assert set(one) >= {"time", "level", "logger", "message"}
        opened = next(one for one in log if one["message"] == "session opened")
        closed = next(one for one in log if one["message"] == "session closed")
        assert (opened["environment"], opened["principal"], opened["pid"]) == ("python", "local", pid)
        assert closed["session"] == opened["session"]
        assert closed["calls"] >= 2
        calls = [one for one in log if one["message"] == "call"]
        assert [one["operation"] for one in calls][:1] == ["set"]
        failed = next(one for one in calls if one["code"] != "OK")
        assert failed["function"] == "nothing\nof that\u2028name"
        assert failed["seconds"] >= 0
        assert any(one["message"] == "client connected" and one["protocol"] == "zmq" for one in log)
        assert "secret" not in hub.err.read_text()


def test_the_manager_of_services_is_told(tmp_path: Path) -> None:
    """What systemd hears from a service of ``Type=notify``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        with served(tmp_path, "--http", LOCAL, NOTIFY_SOCKET=str(tmp_path / "notify")) as hub:
            assert manager.recv(100) == b"READY=1"
            hub.send(signal.SIGHUP)
            assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert manager.recv(100) == b"READY=1"
            hub.send(signal.SIGTERM)
            assert manager.recv(100) == b"STOPPING=1"
            assert hub.process.wait(20) == 0


def test_the_key_of_a_zeromq_hub_is_in_the_ready_file(tmp_path: Path) -> None:
    with served(tmp_path, "--zmq", LOCAL, "--set", "curve.key=curve.key") as hub:
        key = hub.ready["zmq_server_key"]
        assert len(key) == 40  # Z85
        with connect(f"{hub.ready['zmq']}/python", curve={"server_key": key}) as session:
            assert session.call("math.sqrt", 4.0) == 2.0


def test_it_needs_no_terminal_and_no_home(tmp_path: Path) -> None:
    with served(tmp_path, "--http", LOCAL, HOME="/nonexistent") as hub:
        assert subprocess.run(["true"], check=True).returncode == 0
        assert _environments(hub.ready["http"])


class Collector:
    """A collector of spans, as OpenTelemetry's protocol has it: HTTP with protobuf."""

    def __init__(self) -> None:
        outer = self
        self.spans: list[tuple[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    names = {one.key: one.value.string_value for one in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        outer.spans += [(names["service.name"], span) for span in scope.spans]
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_spans_arrive_at_a_collector(tmp_path: Path) -> None:
    collector = Collector()
    try:
        more = ("--set", "telemetry.traces=true")
        with served(tmp_path, "--zmq", LOCAL, *more, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address) as hub:
            with connect(f"{hub.ready['zmq']}/python") as session:
                session.call("math.sqrt", 4.0)
                with pytest.raises(ArcuateError):
                    session.call("math.sqrt", -1.0)
            assert hub.stop() == 0  # what was not sent yet is sent at the end
    finally:
        collector.close()
    found = [(service, span.name, span.status.code) for service, span in collector.spans]
    assert found == [("arcuate-hub", "call math.sqrt", 0), ("arcuate-hub", "call math.sqrt", 2)]
