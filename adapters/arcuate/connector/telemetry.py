"""OpenTelemetry spans and metrics of requests, where a program has OpenTelemetry set up; counts in any case.

Never imports OpenTelemetry: a program that uses it has imported it already. A span has the connector's name,
what kind of request it was, how often it was tried, how it ended and what stood in for it (``cache``,
``default``, ``endpoint``); never addresses, bodies or results.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Any

from arcuate.connector.errors import IntegrationError
from arcuate.errors import ArcuateError

__all__ = ["Span", "Telemetry"]


class Telemetry:
    """Of one connector.

    Attributes:
        requests, failures, attempts: how many.
        last: seconds that the last request took.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.requests = self.failures = self.attempts = 0
        self.last: float | None = None
        self._lock = threading.Lock()
        self._instruments: dict[str, Any] = {}

    def span(self, name: str) -> Span:
        """A request begins."""
        return Span(self, name)

    def count(self, name: str, seconds: float, attempts: int, outcome: str) -> None:
        """A request has ended: ``ok``, or by an error, whose code or class this is."""
        with self._lock:
            self.requests += 1
            self.attempts += attempts
            self.failures += outcome != "ok"
            self.last = seconds
        api = sys.modules.get("opentelemetry.metrics")
        if api is None:
            return
        if not self._instruments:
            meter = api.get_meter("arcuate.integrations")
            self._instruments = {
                "seconds": meter.create_histogram(
                    "arcuate.integration.duration",
                    unit="s",
                    description="time of a request, retries included",
                ),
                "attempts": meter.create_counter(
                    "arcuate.integration.attempts", description="attempts, the first of each request included"
                ),
            }
        labels = {"service": self.service, "request": name, "outcome": outcome}
        self._instruments["seconds"].record(seconds, labels)
        self._instruments["attempts"].add(attempts, labels)


class Span:
    """One request."""

    def __init__(self, telemetry: Telemetry, name: str) -> None:
        self._telemetry = telemetry
        self._name = name
        self._attempts = 1
        self._error: BaseException | None = None
        self._source = ""
        api: Any = sys.modules.get("opentelemetry.trace")
        self._api = api
        self._span: Any = None
        self._current: Any = None

    def __enter__(self) -> Span:
        self._begun = time.perf_counter()
        if self._api is not None:
            tracer = self._api.get_tracer("arcuate.integrations")
            self._span = tracer.start_span(
                f"{self._telemetry.service} {self._name}",
                kind=self._api.SpanKind.CLIENT,
                attributes={"arcuate.service": self._telemetry.service},
            )
            self._current = self._api.use_span(
                self._span, record_exception=False, set_status_on_exception=False
            )
            self._current.__enter__()
        return self

    def done(self, attempts: int) -> None:
        """It was answered."""
        self._attempts = attempts

    def failed(self, error: IntegrationError, attempts: int) -> None:
        """It was not."""
        self._attempts, self._error = attempts, error

    def degraded(self, source: str) -> None:
        """Something else stood in for the answer."""
        self._source = source if source in ("cache", "default") else "endpoint"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._begun
        failure = self._error or error
        outcome = "ok" if failure is None else type(failure).__name__
        if isinstance(failure, ArcuateError):
            outcome = failure.code
        if self._span is not None:
            self._current.__exit__(None, None, None)
            self._span.set_attribute("arcuate.attempts", self._attempts)
            if self._source:
                self._span.set_attribute("arcuate.fallback", self._source)
            if failure is not None:
                self._span.set_attribute("error.type", outcome)
                self._span.set_status(self._api.StatusCode.ERROR)
            self._span.end()
        self._telemetry.count(self._name, seconds, self._attempts, outcome)
