"""The life of a connector, its health, and the patterns for code that is none."""

from __future__ import annotations

import asyncio

import pytest
from tests.connector.test_config import Probe

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    Fallback,
    IntegrationError,
    ResilientIntegration,
    retry_on_failure,
)
from arcuate.errors import SessionClosed


def test_life() -> None:
    with Probe() as probe:
        assert probe.open() is probe
        assert repr(probe) == "<Probe probe, open>"
    probe.close()
    assert probe.closed == 1
    with pytest.raises(SessionClosed, match="make a new Probe"):
        probe.open()
    assert probe.health().status == "unknown"


def test_life_in_asyncio() -> None:
    async def main() -> Probe:
        async with Probe() as probe:
            assert (await probe.ahealth()).status == "ok"
            return probe

    assert asyncio.run(main()).closed == 1


def test_what_was_never_opened_is_not_closed() -> None:
    probe = Probe()
    probe.close()
    assert probe.closed == 0


def test_health_says_since_when() -> None:
    with Probe() as probe:
        first = probe.health()
        assert (first.status, first.facts) == ("ok", {"version": "1"})
        assert first.latency is not None
        assert probe.health().since == first.since
        probe.fails = ConnectionError("it is away")
        down = probe.health()
        assert (down.status, down.latency, down.detail) == ("down", None, "it is away")
        assert down.since is not None
        assert first.since is not None
        assert down.since > first.since
        assert down.to_dict()["since"] == down.since.isoformat()


def test_health_after_failures() -> None:
    with Probe() as probe:
        for _ in range(5):
            with pytest.raises(ConnectionError):
                probe.resilience.run(_fail)
        found = probe.health()
        assert found.status == "degraded"
        assert "after failures" in found.detail


def _fail() -> None:
    raise ConnectionError("away")


def test_a_configuration_is_shared() -> None:
    probe = Probe(size=9)
    assert Probe(probe.config).config.size == 9
    assert Probe(probe.config, size=10).config.size == 10


def test_retry_on_failure() -> None:
    calls = []

    @retry_on_failure(max_retries=2, delay=0.001)
    def work(x: int, *, y: int = 0) -> int:
        """Doc."""
        calls.append(x)
        if len(calls) < 3:
            raise OSError("network")
        return x + y

    assert work(1, y=2) == 3
    assert len(calls) == 3
    assert work.__doc__ == "Doc."


@pytest.mark.parametrize("error", [FileNotFoundError("x"), ValueError("x"), AuthenticationError("x")])
def test_retry_on_failure_knows_what_lasts(error: Exception) -> None:
    calls = []

    @retry_on_failure(3, 0.001)
    def work() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        work()
    assert len(calls) == 1


def test_a_resilient_integration() -> None:
    """As the pattern has it: a mapping of settings, execute_with_retry, handle_error."""
    handled: list[str] = []

    class Lab(ResilientIntegration):
        def handle_error(self, error: Exception) -> None:
            handled.append(str(error))

    answers = [TimeoutError("slow"), IntegrationError("busy", recoverable=True), 5]

    def operation(factor: int) -> int:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found * factor

    with Lab({"max_retries": 3, "retry_delay": 0.001}) as lab:
        assert lab.execute_with_retry(operation, 2) == 10
        assert handled == ["slow", "busy"]
        answers.append(ValueError("a defect"))
        with pytest.raises(ValueError, match="a defect"):
            lab.execute_with_retry(operation, 2)
        answers.extend([OSError("gone")] * 4)
        with pytest.raises(IntegrationError, match="integration: gone") as caught:
            lab.execute_with_retry(operation, 2)
        assert caught.value.recoverable
        assert not answers


def test_a_resilient_integration_falls_back() -> None:
    with (
        ResilientIntegration(
            {"max_retries": 0}, fallback=Fallback(kind="default", default=0), breaker=None
        ) as lab,
        pytest.warns(UserWarning, match="does not answer"),
    ):
        assert lab.execute_with_retry(_fail) == 0
