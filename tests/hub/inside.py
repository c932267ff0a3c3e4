"""A server whose interpreters call back, and clients to look at it with."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arcuate.client import connect
from arcuate.client.session import Session
from arcuate.hub import Config
from arcuate.hub.server import Server

PATIENCE = 30.0


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:
    """A server over HTTP, with the environments python, r and octave if no others are named."""
    with Server(Config(http=["127.0.0.1:0"], **settings)) as server:
        yield server


def session(server: Server, environment: str = "python", **options: Any) -> Session:
    """A session, as a client from outside opens one."""
    return connect(f"{server.endpoints['http']}/{environment}", **options)


def post(
    url: str, path: str, body: Mapping[str, Any], token: str | None = None, **headers: str
) -> tuple[int, Any]:
    """What a hub answers to JSON, by a client that is not Arcuate's."""
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers, method="POST")
    request.add_header("Content-Type", "application/json")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def stateless(url: str, environment: str, code: str, token: str | None = None, **more: Any) -> Any:
    """The value of an expression, or the error, in an interpreter of a pool."""
    _, found = post(url, f"/v1/environments/{environment}/eval", {"code": code, **more}, token)
    return found.get("value", found.get("error"))


def variable(one: Session, name: str) -> str:
    """A variable of the environment of a Python session."""
    return str(one.eval(f"__import__('os').environ.get('ARCUATE_DELEGATED_{name}', '')"))


def until(condition: Callable[[], Any], what: str) -> Any:
    """Waits for something that another process does."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.005)
    return found


def apart(work: Callable[[], Any]) -> Callable[[], Any]:
    """Does something on a thread; what is returned waits for its result or its exception."""
    box: list[Any] = []

    def run() -> None:
        try:
            box.append((True, work()))
        except BaseException as error:  # it is raised where it is waited for
            box.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait() -> Any:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "it hangs"
        good, found = box[0]
        if not good:
            raise found
        return found

    return wait


def lines(file: Path) -> list[dict[str, Any]]:
    """An audit log."""
    return [json.loads(line) for line in file.read_text().splitlines()]
