"""Traces: one tree of spans over client, hub and interpreter, recorded by OpenTelemetry's own SDK."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.hub.raw import Raw

from arcuate.client import messages
from arcuate.hub import Hub
from arcuate.hub.relay import read
from arcuate.hub.traces import parent


@pytest.fixture(scope="module", params=["python", "r", "octave"])
def seen(request: pytest.FixtureRequest) -> Any:
    program = {"r": "R", "octave": "octave-cli"}.get(request.param)
    if program is not None and shutil.which(program) is None:
        pytest.skip(f"{request.param}: not installed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.hub.traced", request.param],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    found["environment"] = request.param
    return found


def spans(seen: Any, **wanted: str) -> list[Any]:
    return [one for one in seen["spans"] if all(one[key] == value for key, value in wanted.items())]


def test_client_hub_and_worker_are_one_tree(seen: Any) -> None:
    (program,) = spans(seen, name="program")
    trace = program["context"]["trace_id"]
    servers = [one for one in spans(seen, kind="SpanKind.SERVER") if one["context"]["trace_id"] == trace]
    clients = {one["context"]["span_id"]: one for one in spans(seen, kind="SpanKind.CLIENT")}
    assert len(servers) == (7 if seen["environment"] == "python" else 4)
    for server in servers:
        client = clients[server["parent_id"]]
        assert client["name"] == server["name"]
        assert client["context"]["trace_id"] == trace
        assert client["attributes"]["arcuate.environment"] == seen["environment"]
        assert client["start_time"] <= server["start_time"] <= server["end_time"]
    version, told, above, _ = seen["worker"].split("-")
    assert version == "00"
    assert f"0x{told}" == trace
    assert f"0x{above}" in {one["context"]["span_id"] for one in servers if one["name"] == "eval"}


def test_calls_inside_a_callback_belong_to_the_call(seen: Any) -> None:
    if seen["environment"] != "python":
        return
    (inner,) = spans(seen, name="call math.floor", kind="SpanKind.CLIENT")
    (outer,) = spans(seen, name="call apply", kind="SpanKind.CLIENT")
    assert inner["parent_id"] == outer["context"]["span_id"]


def test_a_submitted_call_belongs_to_the_span_in_which_it_was_submitted(seen: Any) -> None:
    (program,) = spans(seen, name="program")
    name = next(one["name"] for one in spans(seen, kind="SpanKind.CLIENT") if "sqrt" in one["name"])
    found = spans(seen, name=name, kind="SpanKind.CLIENT")
    assert len(found) == 2
    assert {one["parent_id"] for one in found} == {program["context"]["span_id"]}


def test_errors_have_their_code(seen: Any) -> None:
    found = spans(seen, name="call no_such_function")
    assert {one["kind"] for one in found} == {"SpanKind.CLIENT", "SpanKind.SERVER"}
    for one in found:
        assert one["status"]["status_code"] == "ERROR"
        assert one["attributes"]["error.type"] == seen["code"]


def test_no_values_and_no_code(seen: Any) -> None:
    text = json.dumps(seen["spans"])
    assert "secret" not in text
    assert "TRACEPARENT" not in text


def test_a_hub_that_does_not_trace_passes_the_trace_on(seen: Any) -> None:
    assert seen["passed on"].split("-")[1] == seen["trace"]
    assert seen["afterwards"] == ""  # the next call does not belong to it any more


GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (GOOD, True),
        (GOOD.replace("00-", "cc-", 1), True),  # of a later version
        (GOOD.replace("00-", "ff-", 1), False),
        (GOOD.upper(), False),
        (GOOD + "-x", False),
        (GOOD + "\n", False),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01", False),
        ("", False),
        ("$(reboot)", False),
    ],
)
def test_only_what_w3c_defines_is_passed_on(text: str, good: bool) -> None:
    request = read(messages.build("call", 1, {"name": "f", "trace": text}))
    assert parent(request) == (text if good else "")


def test_off_by_default() -> None:
    with Hub() as hub:
        assert hub.tracing is None
        client = Raw(hub)
        reading = {"name": "os.getenv", "args": ["TRACEPARENT"], "environment": "python"}
        assert client.ask("call", **reading)["value"] is None
        assert client.ask("call", **reading, trace=GOOD)["value"] == GOOD
        assert client.ask("call", **reading)["value"] is None  # nothing leaks to the next one
        assert client.ask("call", **reading, trace="nonsense")["value"] is None
