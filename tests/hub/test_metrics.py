"""Metrics: what a hub counts, read by Prometheus' own parser."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import numpy as np
import pytest
import zmq
from prometheus_client.parser import text_string_to_metric_families
from tests.hub.memory import session
from tests.hub.raw import Raw
from tests.hub.test_limits import until

from arcuate.client import connect
from arcuate.errors import ArcuateError, EnvironmentCrashed, RemoteError
from arcuate.hub import Config, Hub, Server


def hub_that_counts() -> Hub:
    return Hub(Config(telemetry={"metrics": True}))  # type: ignore[arg-type]


class Figures:
    """The samples of a hub, parsed."""

    def __init__(self, text: str) -> None:
        self.families = {one.name: one for one in text_string_to_metric_families(text)}
        self.samples = [sample for one in self.families.values() for sample in one.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name with those labels."""
        found = [
            one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items()
        ]
        return sum(found)


def figures(hub: Hub) -> Figures:
    text = hub.metrics_text()
    assert text is not None
    return Figures(text)


def test_off_by_default_and_without_a_trace() -> None:
    with Hub() as hub:
        assert hub.metrics_text() is None
        assert hub.observers == []
        client = Raw(hub)
        assert client.link.connection is not None
        assert client.link.connection._meter is None


def test_calls_errors_latency() -> None:
    with hub_that_counts() as hub:
        remote, _ = session(hub)
        with remote:
            for _ in range(5):
                remote.call("math.sqrt", 4.0)
            remote.call("time.sleep", 0.11)
            for _ in range(2):
                with pytest.raises(RemoteError):
                    remote.call("math.sqrt", -1.0)
            remote["x"] = 1
            now = figures(hub)
        own = {"environment": "python", "operation": "call"}
        assert now("arcuate_calls_total", code="OK", **own) == 6
        assert now("arcuate_calls_total", code="REMOTE_ERROR", **own) == 2
        assert now("arcuate_calls_total", operation="set") == 1
        assert now("arcuate_call_seconds_count", **own) == 8
        assert 0.11 < now("arcuate_call_seconds_sum", **own) < 5
        assert now("arcuate_call_seconds_bucket", le="+Inf", **own) == 8
        assert now("arcuate_call_seconds_bucket", le="0.1", **own) <= 7
        assert now.families["arcuate_call_seconds"].type == "histogram"
        assert now.families["arcuate_calls"].type == "counter"


def test_sessions_queue_restarts() -> None:
    with hub_that_counts() as hub:
        remote, _ = session(hub)
        other, _ = session(hub)
        own = {"environment": "python"}
        assert figures(hub)("arcuate_sessions", use="client", **own) == 2
        assert figures(hub)("arcuate_connections") == 2
        running = remote.submit("time.sleep", 60)
        until(lambda: any(one.busy for one in hub.sessions), "the call runs")
        Raw(hub).call("math.sqrt", 4.0)
        busy = next(one for one in hub.sessions if one.busy)
        busy.submit(_another())
        assert figures(hub)("arcuate_queue", **own) >= 1
        running.cancel()
        with pytest.raises(EnvironmentCrashed):
            other.call("os._exit", 3)
        other.call("math.sqrt", 4.0)
        assert figures(hub)("arcuate_restarts_total", **own) == 1
        other.close()
        until(lambda: figures(hub)("arcuate_sessions", use="client", **own) == 1, "it is closed")
        assert figures(hub)("arcuate_restarts_total", **own) == 1  # also of those that are over
        assert figures(hub)("arcuate_opened_total", **own) == 3  # one for the stateless call
        assert figures(hub)("arcuate_sessions", environment="r") == 0
        remote.close()


def _another() -> Any:
    from arcuate.client import messages
    from arcuate.hub.relay import read

    return read(messages.build("exists", 1000, {"name": "x"}))


def test_bytes_of_data() -> None:
    with hub_that_counts() as hub:
        remote, _ = session(hub)
        with remote:
            before = figures(hub)
            remote["x"] = np.zeros(10_000)
            assert len(remote["x"]) == 10_000
            now = figures(hub)
        for direction in ("in", "out"):
            name, own = "arcuate_data_bytes_total", {"protocol": "memory", "direction": direction}
            assert now(name, **own) - before(name, **own) == 80_000


def test_what_was_refused() -> None:
    with hub_that_counts() as hub:
        client = Raw(hub)
        client.ask("open", environment="cobol")
        client.ask("nonsense")
        client.ask("call", name="math.sqrt", args=[4.0])
        now = figures(hub)
        for code in ("ENVIRONMENT_NOT_FOUND", "PROTOCOL_ERROR", "SESSION_CLOSED"):
            assert now("arcuate_refusals_total", protocol="memory", code=code) == 1


def test_values_and_names_of_functions_are_not_told() -> None:
    with hub_that_counts() as hub:
        remote, _ = session(hub)
        with remote:
            remote["secret_name"] = "secret value"
            with pytest.raises(ArcuateError):
                remote.call("secret_function", "secret value")
        text = hub.metrics_text()
        assert text is not None
        assert "secret" not in text


def test_a_reload_turns_them_on_and_off() -> None:
    with Hub() as hub:
        hub.reconfigure(Config(telemetry={"metrics": True}))  # type: ignore[arg-type]
        assert Raw(hub).call("math.sqrt", 4.0)["value"] == 2.0
        assert figures(hub)("arcuate_calls_total", code="OK") == 1
        hub.reconfigure(Config())
        assert hub.metrics_text() is None
        assert hub.observers == []


def test_at_metrics_of_the_http_bridge() -> None:
    config = Config(http=["127.0.0.1:0"], telemetry={"metrics": True})  # type: ignore[arg-type]
    with Server(config) as server:
        with connect(f"{server.endpoints['http']}/python") as remote:
            remote.call("math.sqrt", 4.0)
        with urllib.request.urlopen(f"{server.endpoints['http']}/metrics") as answer:
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            found = Figures(answer.read().decode())
        assert found("arcuate_calls_total", environment="python", operation="call", code="OK") == 1
        assert found("process_resident_memory_bytes") > 1e6
    with Server(Config(http=["127.0.0.1:0"])) as server, pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server.endpoints['http']}/metrics")
    with caught.value as answer:
        assert answer.code == 404
        assert b"telemetry.metrics" in answer.read()


def test_clients_that_a_bridge_drops() -> None:
    config = Config(zmq=["127.0.0.1:0"], telemetry={"metrics": True})  # type: ignore[arg-type]
    with Server(config) as server, zmq.Context() as context, context.socket(zmq.DEALER) as garbage:
        garbage.linger = 0
        garbage.connect(server.endpoints["zmq"].replace("zmq://", "tcp://"))
        garbage.send(b"this is no message")
        until(
            lambda: figures(server.hub)("arcuate_dropped_total", protocol="zmq", reason="garbage") == 1,
            "the garbage is counted",
        )
