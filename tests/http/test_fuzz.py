"""The decoder of requests takes anything: an answer comes, no failure of the hub, and the hub goes on."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arcuate.client import messages
from arcuate.http.app import Application
from arcuate.http.guard import Guard
from arcuate.hub import Config, Hub
from arcuate.values import frames

EXAMPLES = 100_000 if os.environ.get("ARCUATE_SOAK") else 400
FRAMES = "application/vnd.arcuate.frames"
NOWHERE = {"environment": "nowhere"}
SEEDS = [
    frames.to_bytes(messages.build(op, number, fields))
    for op, number, fields in (
        ("hello", 0, {"major": 1, "minor": 0, "kinds": ["int"], "limits": {"message": 5}, "token": "x"}),
        ("open", 1, {**NOWHERE, "options": {"a": [1, 2.5]}, "limits": {}, "grace": 1.0}),
        (
            "call",
            2,
            {**NOWHERE, "name": "f", "args": [1, "a", b"b", None, 1j], "named": {"x": {"y": [True]}}},
        ),
        ("eval", 3, {**NOWHERE, "code": "1", "deadline": 5, "trace": "00-1-2-3"}),
        ("return", 4, {"value": [[1], {"k": -(2**62)}]}),
        ("raise", 4, {"code": "REMOTE_ERROR", "message": "m", "class": ["a"], "stack": []}),
        ("cancel", 0, {"call": 3}),
        ("release", 0, {"handles": ["1:1"]}),
        ("ack", 0, {"seen": 3}),
        ("publish", 5, {"topic": "t", "value": 1, "publisher": "p", "number": 1}),
        ("resume", 6, {"session": "s", "secret": "x", "seen": 1}),
        ("topics", 7, {}),
        ("ping", 8, {}),
        ("environments", 9, {}),
    )
]
PATHS = [
    ("POST", "/v1/messages"),
    ("POST", "/v1/hello"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/sessions/0/messages"),
    ("POST", "/v1/sessions/0/resume"),
    ("GET", "/v1/sessions/0/output"),
    ("POST", "/v1/environments/nowhere/call/f"),
    ("POST", "/v1/environments/nowhere/eval"),
    ("GET", "/v1/environments/nowhere/names"),
    ("PUT", "/v1/sessions/0/variables/x"),
    ("POST", "/v1/sessions/0/callbacks/1"),
    ("POST", "/v1/topics/t"),
    ("GET", "/v1/topics/t/samples"),
]
WORDS = [
    "op",
    "id",
    "args",
    "named",
    "value",
    "code",
    "environment",
    "topic",
    "call",
    "seen",
    "deadline",
    "error",
]
WORDS += [
    "$array",
    "$float",
    "$bytes",
    "$labelled",
    "$dataset",
    "$table",
    "$categorical",
    "$mapping",
    "$cell",
]
WORDS += [
    "$structs",
    "$datetime",
    "$duration",
    "$complex",
    "$missing",
    "$function",
    "$handle",
    "dtype",
    "shape",
]
WORDS += [
    "data",
    "dims",
    "coords",
    "attrs",
    "columns",
    "index",
    "text",
    "unit",
    "zone",
    "count",
    "major",
    "minor",
]
OPS = [
    "call",
    "eval",
    "open",
    "publish",
    "cancel",
    "ack",
    "return",
    "raise",
    "hello",
    "topics",
    "nowhere",
    "float64",
]


@st.composite
def _broken(draw: st.DrawFn) -> bytes:
    """A frame with some of its bytes changed, cut or doubled."""
    found = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        if not found:
            break
        at = draw(st.integers(0, len(found) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                found[at] = draw(st.sampled_from([0, 1, 2, 127, 128, 254, 255]) | st.integers(0, 255))
            case 1:
                del found[at:]
            case 2:
                found[at:at] = draw(st.binary(max_size=20))
            case _:
                found[at : at + 8] = draw(st.sampled_from([b"\xff" * 8, b"\x00" * 8, b"\x00" * 7 + b"\x7f"]))
    return bytes(found)


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(OPS)
)
_KEYS = st.sampled_from(WORDS) | st.text(max_size=4)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)
_BODIES = st.one_of(
    _broken(),
    st.dictionaries(_KEYS, _JSON, max_size=6).map(lambda one: json.dumps(one).encode()),
    st.tuples(st.sampled_from(OPS), _JSON).map(
        lambda one: json.dumps({"op": one[0], "id": 1, **NOWHERE, "value": one[1], "args": [one[1]]}).encode()
    ),
    _JSON.map(lambda one: json.dumps(one).encode()),
    st.binary(max_size=200),
)
_FIELD = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=20)
_HEADERS = st.fixed_dictionaries(
    {"content-type": st.sampled_from([FRAMES, "application/json", "application/json; charset=x"]) | _FIELD},
    optional={
        "accept": st.sampled_from([FRAMES, "application/x-ndjson", "*/*", "application/json;q=x"]) | _FIELD,
        "prefer": st.just("respond-async") | _FIELD,
        "arcuate-channel": st.just("c" * 16) | _FIELD,
        "arcuate-request": st.sampled_from(["1", "0", "99999999999999999999", "\u00b2"]) | _FIELD,
        "arcuate-lease": st.sampled_from(["0", "nan", "-1", "1e999"]) | _FIELD,
        "arcuate-secret": _FIELD,
        "authorization": _FIELD | st.just("Bearer x"),
    },
)
_QUERY = st.sampled_from(
    ["wait=0", "wait=0&from=0", "wait=0&after=3", "wait=0&buffer=1e9&from=-1", "wait=nan"]
)
_QUERY |= st.binary(max_size=10).map(lambda one: "wait=0&" + one.decode("latin-1"))


@pytest.fixture(scope="module")
def application() -> Iterator[tuple[Application, asyncio.AbstractEventLoop]]:
    config = Config(environments={"python": {"language": "python"}})  # type: ignore[dict-item]  # pydantic reads it
    loop = asyncio.new_event_loop()
    try:
        with Hub(config) as hub:
            yield Application(hub, loop, Guard()), loop
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _ask(
    application: Application, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> int:
    """The status of an answer, after its body has come to its end."""
    fields = {"host": "localhost", "content-length": str(len(body)), **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode("latin-1"),
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await asyncio.wait_for(application(scope, receive, send), 20)
    assert sent[-1]["type"] == "http.response.body"
    assert not sent[-1]["more_body"]
    status: int = sent[0]["status"]
    return status


def test_requests(application: tuple[Application, asyncio.AbstractEventLoop]) -> None:
    seen: set[int] = set()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(PATHS), _QUERY, _HEADERS, _BODIES)
    def run(path: tuple[str, str], query: str, headers: dict[str, str], body: bytes) -> None:
        app, loop = application
        status = loop.run_until_complete(_ask(app, *path, query, headers, body))
        seen.add(status)
        assert status < 500 or status in (501, 504), status

    run()
    assert {200, 400, 404, 410, 415} <= seen  # it gets further than the first check
    app, loop = application
    body = json.dumps({"args": ["abc"]}).encode()
    kind = {"content-type": "application/json"}
    assert (
        loop.run_until_complete(_ask(app, "POST", "/v1/environments/python/call/len", "", kind, body)) == 200
    )
