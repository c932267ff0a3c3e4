"""Clients that nobody here wrote: httpx and websockets. curl runs the examples of protos/http.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from arcuate.client import messages
from arcuate.values import frames

FRAMES = "application/vnd.arcuate.frames"
NDJSON = "application/x-ndjson"


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as found:
        yield found


@pytest.fixture
def session(client: httpx.Client) -> Iterator[str]:
    """The path of a session; the client has its secret."""
    answer = client.post("/v1/sessions", json={"environment": "python"})
    assert answer.status_code == 201
    client.headers["Arcuate-Secret"] = answer.json()["value"]["secret"]
    yield answer.headers["location"]
    client.delete(answer.headers["location"])


def test_health_and_metrics(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    assert client.head("/healthz").content == b""

    def calls() -> float:
        found = text_string_to_metric_families(client.get("/metrics").text)
        wanted = {"environment": "python", "operation": "call", "code": "OK"}
        return sum(
            one.value
            for family in found
            for one in family.samples
            if one.name == "arcuate_calls_total" and one.labels == wanted
        )

    before = calls()
    for _ in range(3):
        client.post("/v1/environments/python/call/len", json={"args": [[1, 2]]}).raise_for_status()
    assert calls() == before + 3


def test_values_that_json_lacks(client: httpx.Client) -> None:
    for value in (
        {"$float": "nan"},
        {"$complex": [1.5, -2.0]},
        {"$bytes": "AAEC"},
        {"$date": "2024-02-29"},
        {"$mapping": [["$date", 1]]},
        {"a": [None, True, "😀", 2**53 + 1]},
    ):
        answer = client.post("/v1/environments/python/call/copy.copy", json={"args": [value]})
        assert answer.json()["value"] == value


def test_output_as_it_comes(client: httpx.Client, session: str) -> None:
    """A line is there before the call that printed it has ended: it waits for the answer to a callback."""
    client.put(session + "/variables/ask", json={"value": {"$function": "ask"}}).raise_for_status()
    body = {"op": "run", "id": 5, "code": "print('before')\nx = ask(1, two=2)\nprint('after', x)"}
    found = []
    with client.stream("POST", session + "/messages", json=body, headers={"Accept": NDJSON}) as answer:
        assert answer.headers["content-type"] == NDJSON
        for line in answer.iter_lines():
            if not line:
                continue
            found.append(json.loads(line))
            if found[-1]["op"] == "callback":
                assert (found[-1]["function"], found[-1]["args"], found[-1]["named"]) == (
                    "ask",
                    [1],
                    {"two": 2},
                )
                # a request from inside the callback is carried out at once
                inside = {"code": "6 * 7", "parent": found[-1]["id"]}
                assert client.post(session + "/eval", json=inside).json() == {"value": 42}
                path = f"{session}/callbacks/{found[-1]['id']}"
                assert client.post(path, json={"value": "said"}).status_code == 204
    text = "".join(one.get("text", "") for one in found)
    assert text == "before\nafter said\n"
    assert [one["op"] for one in found if one["op"] != "event"] == ["callback", "reply"]
    assert [one["seq"] for one in found] == sorted(one["seq"] for one in found)


def test_a_callback_that_fails(client: httpx.Client, session: str) -> None:
    client.put(session + "/variables/ask", json={"value": {"$function": "ask"}})
    body = {"op": "eval", "id": 5, "code": "ask()"}
    assert (
        client.post(session + "/messages", json=body, headers={"Prefer": "respond-async"}).status_code == 202
    )
    (asked,) = client.get(session + "/output", params={"wait": 30}).json()["messages"]
    error = {"message": "no such luck", "class": ["KeyError"]}
    assert client.post(f"{session}/callbacks/{asked['id']}", json={"error": error}).status_code == 204
    (said,) = client.get(session + "/output", params={"wait": 30}).json()["messages"]
    assert (said["op"], said["code"]) == ("error", "REMOTE_ERROR")
    assert "no such luck" in said["message"]


def test_a_frame_there_and_back(client: httpx.Client) -> None:
    fields = {"environment": "python", "name": "sorted", "args": [[3, 1, 2]]}
    body = frames.to_bytes(messages.build("call", 3, fields))
    answer = client.post("/v1/messages", content=body, headers={"Content-Type": FRAMES})
    assert answer.headers["content-type"] == FRAMES
    message = frames.load(answer.content)
    assert messages.head(message) == ("reply", 3)
    assert messages.fields(message)["value"] == [1, 2, 3]


def test_an_answer_is_given_again(client: httpx.Client, session: str) -> None:
    client.put(session + "/variables/x", json={"value": []})
    for _ in range(2):
        answer = client.post(
            session + "/eval", json={"code": "x.append(1) or len(x)"}, headers={"Arcuate-Request": "70"}
        )
        assert answer.json() == {"value": 1}
    assert client.get(session + "/variables/x").json() == {"value": [1]}


def test_what_came_after_a_number(client: httpx.Client, session: str) -> None:
    """Output can be read again until it is acknowledged, and not after that."""
    body = {"op": "run", "id": 5, "code": "print(1)"}
    client.post(session + "/messages", json=body, headers={"Accept": NDJSON}).raise_for_status()
    again = client.get(session + "/output", params={"wait": 5, "after": 0}).json()["messages"]
    assert again[-1]["op"] == "reply"
    last = again[-1]["seq"]
    assert client.get(session + "/output", params={"after": last}).json() == {"messages": []}
    assert client.get(session + "/output", params={"after": 0}).json() == {"messages": []}


def test_output_is_followed(client: httpx.Client, session: str) -> None:
    """One request that goes on, as lines, until the session ends."""
    found = []
    later = {"Prefer": "respond-async"}
    with client.stream("GET", session + "/output", params={"follow": 1}) as answer:
        body = {"op": "run", "id": 5, "code": "print('one', end='')"}
        assert client.post(session + "/messages", json=body, headers=later).status_code == 202
        assert answer.headers["content-type"] == NDJSON
        for line in answer.iter_lines():
            if line:
                found.append(json.loads(line))
                if found[-1]["op"] == "reply":
                    client.delete(session).raise_for_status()  # which ends the answer, whole
    assert "".join(one.get("text", "") for one in found) == "one"


def test_cancel_without_a_session(client: httpx.Client) -> None:
    client.headers["Arcuate-Channel"] = "k" * 20
    code = "import time\nprint('on', end='', flush=True)\nwhile True: time.sleep(0.01)"
    body = {"op": "run", "id": 5, "environment": "python", "code": code}
    with client.stream("POST", "/v1/messages", json=body, headers={"Accept": NDJSON}) as answer:
        lines = (json.loads(line) for line in answer.iter_lines() if line)
        assert next(lines)["text"] == "on"
        stop = {"op": "cancel", "call": 5}
        assert client.post("/v1/messages", json=stop).status_code == 204
        assert [one["code"] for one in lines] == ["CALL_CANCELLED"]


def test_plain_requests_leave_nothing_kept(client: httpx.Client, session: str) -> None:
    for _ in range(20):
        client.post(session + "/eval", json={"code": "1"}).raise_for_status()
    kept = client.get(session + "/output", params={"after": 0}).json()["messages"]
    assert len(kept) <= 1  # the last answer, for whoever lost it


def test_what_nobody_has_fetched_is_kept(client: httpx.Client, session: str) -> None:
    """Plain requests acknowledge what was given out before them: not an older reply that still waits."""
    body = {"op": "eval", "id": 7, "code": "6 * 7"}
    later = {"Prefer": "respond-async"}
    assert client.post(session + "/messages", json=body, headers=later).status_code == 202
    for _ in range(20):  # each is carried out after it, and answered
        client.post(session + "/eval", json={"code": "1"}).raise_for_status()
    kept = client.get(session + "/output", params={"after": 0}).json()["messages"]
    assert [one["value"] for one in kept if one["id"] == 7] == [42]
    assert len(kept) <= 2  # and the last answer, for whoever lost it


def test_strangers(client: httpx.Client, session: str) -> None:
    for secret in ("", "x", "\u00e9".encode()):
        answer = client.get(session + "/variables", headers={"Arcuate-Secret": secret})
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "SESSION_CLOSED")


def test_foreign_pages(client: httpx.Client) -> None:
    own, other = "https://lab.example", "https://page.example"
    for headers in (
        {"Host": "hub.example"},
        {"Host": "127.0.0.1.page.example:80"},
        {"Origin": other},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for path in ("/healthz", "/v1/environments"):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "PERMISSION_DENIED"), headers
    answer = client.options("/v1/environments", headers={"Origin": own})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == own
    assert client.get("/v1/environments", headers={"Origin": own}).status_code == 200


def test_streams(client: httpx.Client) -> None:
    """A topic with a slash in its name, followed while it is published to."""
    path = "/v1/topics/lab%2Feeg"
    assert client.post(path, json={"value": [1]}).json() == {"sequence": 1}
    found = []
    with client.stream("GET", path + "/samples", params={"from": 0}) as answer:
        for line in answer.iter_lines():
            if line:
                found.append(json.loads(line))
                if len(found) < 4:
                    client.post(path, json={"value": [len(found) + 1]}).raise_for_status()
            if len(found) == 4:
                break
    assert found[0]["op"] == "reply"
    assert [(one["topic"], one["sequence"], one["value"]) for one in found[1:]] == [
        ("lab/eeg", number, [number]) for number in (1, 2, 3)
    ]


# ----------------------------------------------------------------- WebSocket


def _socket(url: str, kind: str = "json", **more: Any) -> ClientConnection:
    address = "ws" + url.removeprefix("http") + "/v1/socket"
    return connect(address, subprotocols=[f"arcuate.{kind}.v1"], proxy=None, open_timeout=30, **more)  # type: ignore[list-item]  # a Subprotocol is a text


def _say(socket: ClientConnection, **fields: Any) -> None:
    socket.send(json.dumps(fields))


def _hear(socket: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(socket.recv(30))
    return found


def test_websocket_json(url: str) -> None:
    with _socket(url) as socket:
        _say(socket, op="hello", id=0, major=1, minor=0)
        assert _hear(socket)["op"] == "hello"
        _say(socket, op="open", id=1, environment="python")
        greeting = _hear(socket)["value"]
        _say(socket, op="set", id=2, name="f", value={"$function": "f"})
        assert _hear(socket)["op"] == "reply"
        _say(socket, op="run", id=3, code="print('a', end='', flush=True)\nprint(f(2), end='')")
        assert _hear(socket)["text"] == "a"
        asked = _hear(socket)
        assert (asked["op"], asked["args"]) == ("callback", [2])
        _say(socket, op="return", id=asked["id"], value="b")
        text = ""
        while (heard := _hear(socket))["op"] == "event":
            text += heard["text"]
        assert (text, heard["op"], heard["id"]) == ("b", "reply", 3)
        _say(
            socket,
            op="run",
            id=4,
            code="import time\nprint('on', end='', flush=True)\nwhile True: time.sleep(0.01)",
        )
        assert _hear(socket)["text"] == "on"
        _say(socket, op="cancel", id=0, call=4)
        assert _hear(socket)["code"] == "CALL_CANCELLED"
    with _socket(url) as socket:  # the session is there still
        _say(socket, op="hello", id=0, major=1, minor=0)
        assert _hear(socket)["op"] == "hello"
        _say(socket, op="resume", id=1, session=greeting["session"], secret=greeting["secret"], seen=99)
        assert _hear(socket)["value"]["session"] == greeting["session"]
        _say(socket, op="exists", id=5, name="f")
        found = _hear(socket)
        assert found["value"] is True, found
        _say(socket, op="close", id=6)
        assert _hear(socket)["op"] == "reply"


def test_websocket_streams(url: str) -> None:
    with _socket(url, "frames") as socket:

        def ask(op: str, number: int, **fields: Any) -> Any:
            socket.send(frames.to_bytes(messages.build(op, number, fields)))

        def hear() -> tuple[str, Any]:
            message = frames.load(socket.recv(30))
            return messages.head(message)[0], messages.fields(message)

        ask("hello", 0, major=1, minor=0)
        assert hear()[0] == "hello"
        ask("subscribe", 1, topic="ws", buffer=10, credit=2)
        assert hear()[0] == "reply"
        for number in range(1, 5):
            ask("publish", 1 + number, topic="ws", value=number)
        heard = [hear() for _ in range(6)]
        assert sorted(op for op, _ in heard) == ["reply"] * 4 + ["sample"] * 2
        ask("credit", 0, subscription=1, count=2)  # the other two come when they are asked for
        assert [said["value"] for _, said in (hear(), hear())] == [3, 4]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "no JSON",
        "[]",
        '{"op": 5}',
        '{"op": "eval", "id": 1, "code": "1"}',
        '{"op":"hello","id":0,"major":9}',
    ],
)
def test_websocket_nonsense(url: str, said: str) -> None:
    with _socket(url) as socket:
        socket.send(said)
        heard = _hear(socket)
        assert heard["op"] == "error"
        with pytest.raises(ConnectionClosed):
            socket.recv(30)


def test_websocket_strangers(url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        _socket(url, origin="https://page.example")
    assert refused.value.response.status_code == 403
    with _socket(url, origin="https://lab.example") as socket:  # type: ignore[arg-type]  # an Origin is a text
        _say(socket, op="hello", id=0, major=1, minor=0)
        assert _hear(socket)["op"] == "hello"
