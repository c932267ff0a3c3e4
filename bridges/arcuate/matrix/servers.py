"""Hubs for the runner: ``arcuate serve`` in a process of its own, on ports that the system chooses.

============  ===========================================================================
``plain``     gRPC, ZeroMQ, a socket file and HTTP, open
``token``     the same; whoever has no token is refused
``tls``       gRPC and HTTP with a certificate of an authority made for the run
``curve``     ZeroMQ with CURVE
``small``     a message may have 1 MiB
============  ===========================================================================
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arcuate.errors import Unavailable, Unsupported
from arcuate.matrix import janitor

__all__ = ["SMALL", "Endpoint", "Servers"]

SMALL = 1 << 20
"""Bytes that the hub ``small`` allows."""
_START_SECONDS = 60.0
_LOCAL = "127.0.0.1:0"
_WATCHED = """
import os, signal, threading
def watch():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
from arcuate.cli import main
main()
"""
"""``arcuate serve`` that ends with the runner, also where that is killed: its stdin ends then."""


@dataclass(frozen=True)
class Endpoint:
    """Where a hub listens with one transport, and what a client needs to be let in.

    Attributes:
        url: without an environment, as ``grpc://127.0.0.1:4321``.
        options: further fields of ``connect``: ``token``, ``ca``, ``server_key``.
    """

    url: str
    options: dict[str, str] = field(default_factory=dict)

    def connect(self, environment: str) -> dict[str, Any]:
        """The fields of ``connect``."""
        return {"url": f"{self.url}/{environment}", **self.options}

    @property
    def address(self) -> tuple[int, Any]:
        """Family and address of its socket."""
        scheme, _, rest = self.url.partition("://")
        if scheme == "zmq+ipc":
            return socket.AF_UNIX, rest
        host, _, port = rest.rpartition(":")
        return socket.AF_INET, (host, int(port))


class _Hub:
    def __init__(self, folder: Path, arguments: list[str]) -> None:
        folder.mkdir()
        self.error = folder / "stderr"
        self.file = folder / "ready.json"
        command = [sys.executable, "-c", _WATCHED, "serve", "--ready-file", str(self.file), *arguments]
        env = {key: value for key, value in os.environ.items() if not key.startswith("ARCUATE_HUB")}
        with self.error.open("wb") as error:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=error,
                cwd=folder,
                env={**env, "XDG_CONFIG_HOME": str(folder)},
                start_new_session=True,
            )
        janitor.watch(self.process.pid, hub=True)

    def ready(self) -> dict[str, str]:
        end = time.monotonic() + _START_SECONDS
        while not self.file.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Unavailable(f"the hub did not start: {self.error.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)
        found: dict[str, str] = json.loads(self.file.read_text(encoding="utf-8"))
        return found

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10.0)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        janitor.forget(self.process.pid)


class Servers:
    """The hubs of a run, each started when it is first needed.

    Attributes:
        folder: for their files, and for values that go by file; removed at the end.
    """

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="arcuate-matrix-")
        self.folder = Path(self._place.name)
        janitor.folder(self.folder)
        self._hubs: dict[str, tuple[_Hub, dict[str, str], dict[str, str]]] = {}
        self._lock = threading.Lock()

    def endpoint(self, kind: str, transport: str) -> Endpoint:
        """Where the hub of a kind listens with ``grpc``, ``zmq``, ``ipc`` or ``http``."""
        with self._lock:
            if kind not in self._hubs:
                arguments, options = getattr(self, f"_{kind}")()
                hub = _Hub(self.folder / kind, [*arguments, "--set", "limits.grace_seconds=2"])
                try:
                    self._hubs[kind] = (hub, hub.ready(), options)
                except BaseException:
                    hub.stop()
                    raise
            _, ready, options = self._hubs[kind]
        if transport == "ipc":
            return Endpoint(f"zmq+ipc://{self.folder / f'{kind}.sock'}", options)
        if kind == "curve":
            options = {"server_key": ready["zmq_server_key"]}
        return Endpoint(ready[transport], options)

    def _ways(self, kind: str, *names: str) -> list[str]:
        found = [word for name in names if name != "ipc" for word in (f"--{name}", _LOCAL)]
        return found + (["--zmq", f"ipc://{self.folder / f'{kind}.sock'}"] if "ipc" in names else [])

    def _plain(self) -> tuple[list[str], dict[str, str]]:
        return self._ways("plain", "grpc", "zmq", "ipc", "http"), {}

    def _small(self) -> tuple[list[str], dict[str, str]]:
        limits = ["--set", f"limits.message={SMALL}", "--set", f"limits.array={SMALL}"]
        return self._ways("small", "grpc", "zmq", "ipc", "http") + limits, {}

    def _token(self) -> tuple[list[str], dict[str, str]]:
        from arcuate.hub.tokens import create

        file = self.folder / "tokens.toml"
        token = create(file, "matrix")
        return [*self._ways("token", "grpc", "zmq", "ipc", "http"), "--tokens", str(file)], {"token": token}

    def _tls(self) -> tuple[list[str], dict[str, str]]:
        certificate, key, ca = certificates(self.folder)
        files = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
        return self._ways("tls", "grpc", "http") + files, {"ca": str(ca)}

    def _curve(self) -> tuple[list[str], dict[str, str]]:
        return [*self._ways("curve", "zmq"), "--curve-key", str(self.folder / "curve.key")], {}

    def close(self) -> None:
        """Ends the hubs and removes their files. Idempotent."""
        with self._lock:
            for hub, _, _ in self._hubs.values():
                hub.stop()
            self._hubs.clear()
            self._place.cleanup()
            janitor.forget(self.folder)

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A certificate for this machine, its key, and the authority that is to be trusted.

    Raises:
        Unsupported: the package that makes them is not installed.
    """
    try:
        import trustme
    except ImportError:
        raise Unsupported("the secure cases need the package trustme; type: pip install trustme") from None
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key, ca = (folder / name for name in ("hub.pem", "hub.key", "ca.pem"))
    authority.cert_pem.write_to_path(str(ca))
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    return certificate, key, ca
