"""Conformance programs that are bad on purpose: the Python client's, with one thing wrong.

    python bad.py KIND

What each does wrong says the table at the end.
"""

from __future__ import annotations

import base64
import importlib.util
import math
import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
_spec = importlib.util.spec_from_file_location(
    "conformance", HERE.parents[2] / "clients" / "python" / "conformance.py"
)
assert _spec is not None
assert _spec.loader is not None
conformance = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(conformance)
Answer = Callable[[Any, dict[str, Any]], dict[str, Any]]


def hide() -> None:
    """Sends the frame on as bytes, unread, and gives it back as it was."""
    native, encoded = conformance.native, conformance.encoded

    def raw(value: dict[str, str]) -> Any:
        return base64.b64decode(value["bytes"]) if "bytes" in value else native(value)

    def back(value: Any, out: str | None = None) -> Any:
        if isinstance(value, bytes):
            return {"bytes": base64.b64encode(value).decode()}
        return encoded(value, out)

    conformance.native, conformance.encoded = raw, back


def _changed(change: Callable[[Any], Any]) -> None:
    native = conformance.native
    conformance.native = lambda value: change(native(value))


def lazy(request: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Passes bytes on that it could decode."""
    return {**found, "value": request["value"]} if request["op"] == "decode" and "value" in found else found


def plain() -> None:
    """Has no encryption."""
    connect = conformance.Program.connect

    def other(self: Any, request: dict[str, Any]) -> Any:
        if request.get("ca"):
            raise conformance.errors.Unsupported("there is no TLS here")
        return connect(self, request)

    conformance.Program.connect = other


def clinging() -> None:
    """Releases nothing."""
    conformance.Program.release = lambda self, request: {}


def muddled() -> None:
    """Publishes something else."""
    publish = conformance.publish
    conformance.publish = lambda topic, value, *args, **options: publish(topic, -1.0, *args, **options)


def round4() -> None:
    """Keeps four digits, as a client does that prints numbers into JSON."""
    _changed(lambda value: round(value, 4) if isinstance(value, float) else value)


def merge() -> None:
    """Takes what is missing for NaN."""
    import pandas

    _changed(lambda value: math.nan if value is pandas.NA else value)


def _at_text(act: Callable[[], object]) -> None:
    """Does something when it meets a text."""

    def change(value: Any) -> Any:
        if isinstance(value, str):
            act()
        return value

    _changed(change)


def _answers(change: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]) -> None:
    """Changes the answers of a program that has introduced itself well."""
    answer = conformance.Program.answer

    def other(self: Any, request: dict[str, Any]) -> dict[str, Any]:
        found = answer(self, request)
        return found if request["op"] == "hello" and "feature" not in request else change(request, found)

    conformance.Program.answer = other


def obliging(request: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Says yes to everything."""
    if "unsupported" not in found:
        return found
    return (
        {"id": request["id"], "client": "x", "version": "1", "runtime": "x", "protocol": 1}
        if (request["op"] == "hello")
        else {"id": request["id"]}
    )


def coded(request: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Has one code for all errors."""
    return {**found, "error": {**found["error"], "code": "INTERNAL"}} if "error" in found else found


def uncaught(request: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Recognises no error by the means of its language."""
    return {**found, "caught": ""} if "error" in found else found


def talkative(request: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Answers with a field that nobody knows."""
    return {**found, "opinion": "fine"}


def stubborn() -> None:
    """Ends with a status that says that something went wrong."""
    main = conformance.main

    def other() -> None:
        main()
        sys.stderr.write("could not tidy up\n")
        os._exit(4)

    conformance.main = other


def crash() -> None:
    """Ends without a word."""
    sys.stderr.write("about to end\n")
    sys.stderr.flush()
    os._exit(3)


KINDS: dict[str, Callable[[], object]] = {
    "hide": hide,
    "lazy": lambda: _answers(lazy),
    "plain": plain,
    "clinging": clinging,
    "muddled": muddled,
    "round": round4,
    "merge": merge,
    "crash": lambda: _at_text(crash),
    "hang": lambda: _at_text(lambda: time.sleep(600)),
    "noise": lambda: _at_text(lambda: os.write(TARGET, struct.pack("<I", 7) + b"nothing")),
    "endless": lambda: _at_text(lambda: os.write(TARGET, struct.pack("<I", 0xFFFFFFFF))),
    "late": lambda: _answers(lambda request, found: {**found, "id": request["id"] - 1}),
    "obliging": lambda: _answers(obliging),
    "coded": lambda: _answers(coded),
    "uncaught": lambda: _answers(uncaught),
    "talkative": lambda: _answers(talkative),
    "stubborn": stubborn,
    "good": lambda: None,
}
TARGET = os.dup(1)

if __name__ == "__main__":
    KINDS[sys.argv[1]]()
    conformance.main()
