"""Asynchronous requests: MathWorks' asynchronous client, and the RESTful routes beside it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.mps.waiting import until

from arcuate.hub import Config, Server
from arcuate.hub.session import HubSession


def begin(http: httpx.Client, path: str, rhs: list[Any], client: str = "me", nargout: int = 1) -> Any:
    answer = http.post(
        f"{path}?mode=async&client={client}",
        json={"nargout": nargout, "rhs": rhs, "outputFormat": {"mode": "small"}},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def ended(http: httpx.Client, request: Any) -> Any:
    """The request when it has ended."""
    return until(
        lambda: (
            found
            if (found := http.get(request["self"]).json())["state"] in ("READY", "ERROR", "CANCELLED")
            else None
        )
    )


# ------------------------------------------------------------ MathWorks' client


def test_their_client_waits_and_fetches(client: Any) -> None:
    client("f = a.tools.addmul(2.0, 3.0, nargout=2)")
    assert client.value("f.wait(interval=0.02).name")["value"] == "READY"
    found = client.value("f.fetch_outputs()")
    assert [one["value"] for one in found["items"]] == [5.0, 6.0]
    assert client.value("fetch(a.py.len([1, 2, 3]))")["value"] == 3
    assert client.value("fetch(a.stats.scaled(matlab.double([1, 2])))")["parts"] == [[2.0, 4.0]]


def test_their_client_is_told_of_errors(client: Any) -> None:
    found = client("fetch(a.tools.fails(4.0))")
    assert (found["error"], found["identifier"], found["message"]) == (
        "MATLABException",
        "Toolbox:bad",
        "n is 4",
    )
    assert client("a.tools.nothing(1)") == {"error": "HTTPException", "message": "Not Found"}
    client("f = a.tools.dies(nargout=0)")
    assert client.value("f.wait(interval=0.02).name")["value"] == "ERROR"
    found = client("f.fetch_outputs()")
    assert found["error"] == "UnexpectedHttpCode"
    assert "status 502" in found["message"]
    assert "ended" in found["message"] or "died" in found["message"] or "killed" in found["message"]


def test_their_client_cancels(client: Any, tmp_path: Path, folder: Path) -> None:
    begun = tmp_path / "begun"
    client(f"f = a.tools.naps({str(begun)!r})")
    until(begun.exists)
    assert client.value("f.state.name")["value"] == "PROCESSING"
    # release 26.1 of the client posts the cancel and then fails to read its own answer
    found = client("f.cancel()")
    assert found.get("value", {}).get("value") is True or found["error"] == "ValueError"
    assert client.value("f.state.name")["value"] == "CANCELLED"
    assert client("f.fetch_outputs()") == {"error": "HTTPException", "message": "Gone"}
    until(
        lambda: any(
            '"naps"' in line and "CALL_CANCELLED" in line
            for line in (folder / "audit.jsonl").read_text().splitlines()
        )
    )


def test_their_client_deletes_what_it_forgets(client: Any, http: httpx.Client) -> None:
    client("f = a.tools.addmul(1.0, 2.0)")
    assert client.value("fetch(f)")["value"] == 3.0
    path = client.value("f._request")["value"]
    assert http.get(path).status_code == 200
    client("del f")
    gone = http.get(path)
    assert (gone.status_code, gone.json()["error"]["messageId"]) == (410, "RequestAlreadyDeleted")


# --------------------------------------------------------------------- RESTful


def test_a_request_from_beginning_to_end(http: httpx.Client) -> None:
    made = begin(http, "/tools/addmul", [[1, 2], 3], nargout=2)
    assert made.keys() == {"id", "self", "up", "lastModifiedSeq", "state", "client"}
    assert made["client"] == "me"
    assert made["self"] == f"{made['up']}/{made['id']}"
    assert ended(http, made)["state"] == "READY"
    found = http.get(made["self"] + "/result")
    assert (found.status_code, found.json()) == (200, {"lhs": [[[4, 5]], [[3, 6]]]})
    late = http.post(made["self"] + "/cancel")
    assert (late.status_code, late.json()["error"]["messageId"]) == (410, "RequestAlreadyCompleted")
    assert http.delete(made["self"]).status_code == 204
    for path in ("", "/result"):
        assert http.get(made["self"] + path).json()["error"]["messageId"] == "RequestAlreadyDeleted"
    assert http.delete(made["self"]).status_code == 410
    other = http.get(made["up"] + "/00000000-0000-0000-0000-000000000000")
    assert (other.status_code, other.json()["error"]["messageId"]) == (404, "RequestNotFound")


def test_a_request_that_is_cancelled(http: httpx.Client, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    made = begin(http, "/tools/naps", [str(begun)])
    until(begun.exists)
    assert http.get(made["self"]).json()["state"] == "PROCESSING"
    assert http.get(made["self"] + "/result").status_code == 204
    early = http.delete(made["self"])
    assert (early.status_code, early.json()["error"]["messageId"]) == (409, "RequestNotCompleted")
    assert http.post(made["self"] + "/cancel").status_code == 204
    assert http.get(made["self"]).json()["state"] == "CANCELLED"
    assert http.post(made["self"] + "/cancel").json()["error"]["messageId"] == "RequestAlreadyCancelled"
    assert http.get(made["self"] + "/result").json()["error"]["messageId"] == "RequestAlreadyCancelled"
    assert http.delete(made["self"]).status_code == 204


def test_the_collection_tells_what_changed(http: httpx.Client) -> None:
    first = begin(http, "/tools/addmul", [1, 2], client="one")
    second = begin(http, "/tools/fails", [1], client="two")
    assert ended(http, first)["state"] == ended(http, second)["state"] == "READY"

    def listed(query: str) -> Any:
        answer = http.get(f"{first['up']}?{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    both = listed("since=0&clients=one,two")
    assert {one["id"] for one in both["data"]} == {first["id"], second["id"]}
    assert [one["id"] for one in listed("since=0&clients=two")["data"]] == [second["id"]]
    assert [one["id"] for one in listed(f"since=0&ids={first['id']}")["data"]] == [first["id"]]
    assert listed(f"since={both['createdSeq']}&clients=one,two")["data"] == []
    error = http.get(second["self"] + "/result").json()["error"]
    assert (error["type"], error["id"], error["message"]) == ("matlaberror", "Toolbox:bad", "n is 1")
    for query in ("clients=one", "since=0", "since=x&clients=one", f"since={'9' * 30}&clients=one"):
        answer = http.get(f"{first['up']}?{query}")
        assert (answer.status_code, answer.json()["error"]["messageId"]) == (400, "InvalidInput"), query


def test_a_result_that_is_kept_does_not_change(http: httpx.Client) -> None:
    """It lies in memory that is shared with the interpreter, which goes on to other calls."""
    made = begin(http, "/tools/made", ["repmat (7, 1, 100000)"])
    assert ended(http, made)["state"] == "READY"
    for number in range(3):
        code = f"repmat ({number}, 1, 100000)"
        answer = http.post("/tools/made", json={"nargout": 1, "rhs": [code]}).json()
        assert set(answer["lhs"][0]["mwdata"]) == {number}
    (found,) = http.get(made["self"] + "/result").json()["lhs"]
    assert (set(found[0]), len(found[0])) == ({7}, 100000)


def test_a_failure_is_an_error_with_its_reason(http: httpx.Client) -> None:
    made = begin(http, "/tools/dies", [], nargout=0)
    assert ended(http, made)["state"] == "ERROR"
    found = http.get(made["self"] + "/result")
    assert found.status_code == 200
    assert found.json()["error"]["type"] == "httperror"
    assert found.json()["error"]["code"] == 502


# ---------------------------------------------------------------------- limits


@pytest.fixture
def small() -> Iterator[tuple[Server, httpx.Client]]:
    """A hub that keeps two results of a few bytes."""
    config = Config(
        mps=["127.0.0.1:0"],
        archives={"py": {"environment": "python", "functions": ["len", "abs", "time.sleep"]}},  # type: ignore[dict-item]  # pydantic reads the mapping
        limits={"results": 2, "result_bytes": 5000, "result_seconds": 3600.0, "pool": 1},  # type: ignore[arg-type]
    )
    with Server(config) as server, httpx.Client(base_url=server.endpoints["mps"], timeout=30) as http:
        yield server, http


def test_the_oldest_result_makes_room(small: tuple[Server, httpx.Client]) -> None:
    _, http = small
    made = []
    for number in range(3):
        made.append(begin(http, "/py/abs", [-number]))
        ended(http, made[-1])
    gone = http.get(made[0]["self"] + "/result")
    assert (gone.status_code, gone.json()["error"]["messageId"]) == (410, "RequestAlreadyDeleted")
    assert "make room" in gone.json()["error"]["message"]
    assert [http.get(one["self"] + "/result").json()["lhs"] for one in made[1:]] == [[1], [2]]


def test_a_request_is_refused_where_nothing_has_ended(small: tuple[Server, httpx.Client]) -> None:
    _, http = small
    for _ in range(2):
        begin(http, "/py/sleep", [600])
    refused = http.post("/py/abs?mode=async", json={"nargout": 1, "rhs": [1]})
    assert refused.status_code == 429
    assert "'results'" in refused.json()["error"]["message"]
    # synchronous calls wait for the one interpreter; here it is enough that the bridge still answers
    assert http.get("/api/health").status_code == 200


def test_results_are_bounded_in_bytes(small: tuple[Server, httpx.Client]) -> None:
    _, http = small
    large = http.post("/py/len?mode=async", json={"nargout": 1, "rhs": ["x" * 6000]})
    assert large.status_code == 429
    assert "result_bytes" in large.json()["error"]["message"]
    kept = begin(http, "/py/abs", [{"mwdata": [1] * 400, "mwsize": [1, 400], "mwtype": "double"}])
    assert ended(http, kept)["state"] == "READY"
    other = begin(http, "/py/abs", [{"mwdata": [1] * 700, "mwsize": [1, 700], "mwtype": "double"}])
    assert ended(http, other)["state"] == "ERROR"  # its result has no room
    assert "result_bytes" in http.get(other["self"] + "/result").json()["error"]["message"]


def test_results_are_forgotten_in_time(small: tuple[Server, httpx.Client]) -> None:
    server, http = small
    made = begin(http, "/py/abs", [-1])
    ended(http, made)
    limits = server.config.limits.model_copy(update={"result_seconds": 0.01})
    server.hub.reconfigure(server.config.model_copy(update={"limits": limits}))
    gone = until(lambda: found if (found := http.get(made["self"])).status_code == 410 else None)
    assert "result_seconds" in gone.json()["error"]["message"]


def test_nothing_is_left_when_the_hub_stops(small: tuple[Server, httpx.Client]) -> None:
    server, http = small
    begin(http, "/py/sleep", [600])
    until(lambda: any(session.busy for session in server.hub.sessions))
    server.stop(0.0)
    assert not server.hub.connections
    assert not [one.name for one in threading.enumerate() if one.name.startswith("arcuate-mps")]


def test_a_late_cancel_meets_no_other_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call ends while it is being cancelled, and the interpreter has the next one when that gets there."""
    archives = {"py": {"environment": "python", "functions": ["made=builtins.eval"]}}
    config = Config(mps=["127.0.0.1:0"], archives=archives, limits={"pool": 1})  # type: ignore[arg-type]
    held, arrived, go = HubSession.cancel, threading.Event(), threading.Event()

    def late(session: HubSession, *args: Any) -> None:
        arrived.set()
        assert go.wait(30)
        held(session, *args)

    def code(name: str) -> str:
        os.mkfifo(tmp_path / name)
        return f"open({str(tmp_path / name)!r}).read()"

    def let_end(name: str) -> None:
        def opened() -> int | None:
            try:
                return os.open(tmp_path / name, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads yet
                return None

        pipe = until(opened)
        os.write(pipe, b"whole")
        os.close(pipe)

    with Server(config) as server, httpx.Client(base_url=server.endpoints["mps"], timeout=30) as http:
        first = begin(http, "/py/made", [code("first")])
        until(lambda: http.get(first["self"]).json()["state"] == "PROCESSING")
        (job,) = [job for one in server.hub.connections for job in one._stateless.values()]
        monkeypatch.setattr(HubSession, "cancel", late)
        cancelling = threading.Thread(target=server.hub.pools.cancel, args=(job,))
        cancelling.start()
        assert arrived.wait(30)
        let_end("first")
        assert ended(http, first)["state"] == "READY"
        second = begin(http, "/py/made", [code("second")])
        until(lambda: http.get(second["self"]).json()["state"] == "PROCESSING")
        go.set()
        cancelling.join()
        let_end("second")
        assert ended(http, second)["state"] == "READY"
        assert http.get(second["self"] + "/result").json() == {"lhs": ["whole"]}
