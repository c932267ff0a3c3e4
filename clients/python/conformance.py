"""The conformance program of the Python client: clients/CONFORMANCE.md says how it talks.

It uses what a user has: ``arcuate.client``, ``arcuate.values`` and ``arcuate.errors``.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import struct
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

from arcuate import errors
from arcuate.client import Remote, Session, connect, offered, publish, subscribe
from arcuate.values import decode, encode, frames
from arcuate.values.check import check

_CLASSES = [getattr(errors, name) for name in errors.__all__ if name[:1].isupper() and name != "ArcuateError"]


class Unsupported(Exception):
    """A request that this program does not know."""


class Where(Exception):
    """An error of the values' code, and on which way it came."""

    def __init__(self, where: str, error: errors.ArcuateError) -> None:
        super().__init__(where)
        self.where, self.error = where, error


def caught(error: errors.ArcuateError) -> str:
    """By which ``except`` the error is recognised."""
    for cls in _CLASSES:
        try:
            raise error
        except cls:
            return f"except errors.{cls.__name__}"
        except errors.ArcuateError:
            continue
    return ""


def identity(value: Any) -> Any:
    """The function that the runner passes as an argument."""
    return value


def fail(*_: Any) -> None:
    """The function that fails natively."""
    raise RuntimeError("native failure")


def native(value: dict[str, str]) -> Any:
    """The Python value of an encoded one."""
    data = Path(value["file"]).read_bytes() if "file" in value else base64.b64decode(value["bytes"])
    try:
        nodes = frames.load(data)
        check(nodes, levels=0)  # as the client does with what comes from a hub
        return decode(nodes)
    except errors.ArcuateError as error:
        raise Where("decode", error) from None


def encoded(value: Any, out: str | None = None) -> dict[str, str]:
    """A Python value, encoded."""
    try:
        data = frames.to_bytes(encode(value))
    except errors.ArcuateError as error:
        raise Where("encode", error) from None
    if out is not None:
        Path(out).write_bytes(data)
        return {"file": out}
    return {"bytes": base64.b64encode(data).decode()}


class Program:
    """What is open: one session, and the objects that were kept."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.hub = ""
        self.security: dict[str, Any] = {}
        self.kept: dict[int, Remote] = {}
        self.count = 0

    # ------------------------------------------------------------- requests

    def hello(self, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "client": "python",
            "version": version("arcuate"),
            "runtime": f"python{platform.python_version()}",
            "protocol": 1,
        }

    def decode(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"value": encoded(native(request["value"]), request.get("out"))}

    def connect(self, request: dict[str, Any]) -> dict[str, Any]:
        self.close({})
        known = {"token": "token", "ca": "tls", "server_key": "curve"}
        self.security = {name: request[key] for key, name in known.items() if request.get(key)}
        url = request["url"]
        self.hub = url.rpartition("/")[0]
        options = {**self.security, **request.get("options", {})}
        self.session = connect(url, start=request.get("timeout", 60.0), **options)
        info = self.session.info
        return {"language": info["language"], "version": info["version"]}

    def environments(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"environments": [one["name"] for one in offered(self.hub, **self.security)]}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self.open.describe(request["name"])
        return {"signature": str(found.get("signature", "")), "help": str(found.get("doc", ""))}

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        args = [self.argument(one) for one in request.get("args", ())]
        named = {key: self.argument(one) for key, one in request.get("named", {}).items()}
        session = self.open
        if "target" in request:
            target = self.kept[request["target"]]
            return self.result(request, lambda **options: target.options(**options)(*args, **named))
        return self.result(
            request, lambda **options: session.call(request["name"], *args, named=named, **options)
        )

    def eval(self, request: dict[str, Any]) -> dict[str, Any]:
        session = self.open
        return self.result(request, lambda **options: session.eval(request["code"], **options))

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        began, first = time.monotonic(), []

        def heard(stream: str, text: str) -> None:
            first.append(time.monotonic())
            said[stream].append(text)

        self.open.run(request["code"], timeout=request.get("timeout"), on_output=heard)
        ended = time.monotonic()
        live = bool(first) and ended - first[0] > 0.1 * (ended - began)  # the code waits in its middle
        return {"output": {key: "".join(parts) for key, parts in said.items()}, "live": live}

    def set(self, request: dict[str, Any]) -> dict[str, Any]:
        self.open[request["name"]] = native(request["value"])
        return {}

    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"value": encoded(self.open[request["name"]], request.get("out"))}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        del self.open[request["name"]]
        return {}

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"names": list(self.open)}

    def release(self, request: dict[str, Any]) -> dict[str, Any]:
        del self.kept[request["handle"]]
        return {}

    def cancel(self, request: dict[str, Any]) -> dict[str, Any]:
        session, begun = self.open, threading.Event()

        def interrupt() -> None:
            begun.wait()
            session.interrupt()

        def heard(stream: str, text: str) -> None:
            if "begun" in text:
                begun.set()

        other = threading.Thread(target=interrupt, daemon=True)
        other.start()
        try:
            session.run(request["code"], on_output=heard)
        finally:
            begun.set()
            other.join()
        return {}

    def publish(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"sequence": publish(request["topic"], native(request["value"]), self.hub, **self.security)}

    def subscribe(self, request: dict[str, Any]) -> dict[str, Any]:
        samples = []
        options = {**self.security, "start": request.get("from"), "timeout": 10.0}
        with subscribe(request["topic"], self.hub, **options) as blocks:
            for _ in range(request["count"]):
                value = encoded(next(blocks))
                samples.append({"sequence": blocks.sequence, "lost": blocks.lost, "value": value})
        return {"samples": samples}

    def measure(self, request: dict[str, Any]) -> dict[str, Any]:
        """``own``: what encoding the argument and decoding the result take, measured beside the call."""
        function, value = self.open.function(request["name"]), native(request["value"])
        seconds, own = [], []
        result = function(value)
        for _ in range(request["repeat"]):
            began = time.perf_counter()
            result = function(value)
            seconds.append(time.perf_counter() - began)
            began = time.perf_counter()
            decode(frames.load(b"".join(frames.dump(encode(value)))))
            own.append(time.perf_counter() - began)
        del result
        return {"seconds": seconds, "own": own}

    def close(self, request: dict[str, Any]) -> dict[str, Any]:
        self.kept.clear()
        if self.session is not None:
            self.session.close()
            self.session = None
        return {}

    # ------------------------------------------------------------- their parts

    @property
    def open(self) -> Session:
        if self.session is None:
            raise errors.SessionClosed("there is no session: connect first")
        return self.session

    def argument(self, value: dict[str, Any]) -> Any:
        if "handle" in value:
            return self.kept[value["handle"]]
        if "function" in value:
            return {"identity": identity, "fail": fail}[value["function"]]
        return native(value)

    def result(self, request: dict[str, Any], perform: Callable[..., Any]) -> dict[str, Any]:
        said: list[str] = []
        nargout = request.get("nargout", 1)
        found = perform(
            nargout=nargout,
            keep=request.get("keep", False),
            timeout=request.get("timeout"),
            on_output=lambda _, text: said.append(text),
        )
        answer: dict[str, Any] = {"output": "".join(said)}
        if isinstance(found, Remote):
            self.count += 1
            self.kept[self.count] = found
            head = repr(found).splitlines()[0].strip("<>").partition(" ")[2]
            return {**answer, "handle": self.count, "class": head.split(", "), "summary": str(found)}
        if nargout > 1:
            return {**answer, "values": [encoded(one) for one in found]}
        return {**answer, "value": encoded(found, request.get("out"))} if nargout else answer

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request, whatever happens."""
        number = request.get("id", 0)
        perform = {
            name: getattr(self, name)
            for name in (
                "hello", "decode", "connect", "environments", "describe", "call", "eval", "run", "set", "get",
                "delete", "list", "release", "cancel", "publish", "subscribe", "measure", "close",
            )
        }.get(str(request.get("op")))  # fmt: skip
        if perform is None or "feature" in request:
            return {"id": number, "unsupported": f"unknown: {request.get('feature', request.get('op'))}"}
        try:
            return {"id": number, **perform(request)}
        except Where as found:
            return {"id": number, **failure(found.error, found.where)}
        except errors.ArcuateError as error:
            return {"id": number, **failure(error, "call")}
        except Exception as error:
            return {"id": number, "crashed": f"{type(error).__name__}: {error}"}


def failure(error: errors.ArcuateError, where: str) -> dict[str, Any]:
    """An error as an answer."""
    found = {
        "code": error.code,
        "message": error.message,
        "class": list(getattr(error, "classes", ())),
        "stack": list(getattr(error, "stack", ())),
        "executed": error.executed,
        "path": getattr(error, "path", ""),
        "setting": getattr(error, "setting", ""),
    }
    return {"error": found, "caught": caught(error), "where": where}


def read(stream: BinaryIO) -> dict[str, Any] | None:
    """The next request; ``None`` at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    found: dict[str, Any] = json.loads(stream.read(struct.unpack("<I", head)[0]))
    return found


def main() -> None:
    """Answers requests until the end of stdin."""
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed goes to stderr
    program = Program()
    while (request := read(source)) is not None:
        data = json.dumps(program.answer(request)).encode()
        target.write(struct.pack("<I", len(data)) + data)
        target.flush()
    program.close({})


if __name__ == "__main__":
    main()
