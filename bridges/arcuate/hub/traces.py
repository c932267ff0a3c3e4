"""OpenTelemetry spans of a hub: one for each request, the child of the client's, the parent of the worker's.

A span says who asked for which operation and function, and how it ended; never code, arguments or results.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

from arcuate.errors import EnvironmentNotFound
from arcuate.hub.principal import Principal
from arcuate.hub.relay import Request

if TYPE_CHECKING:
    from arcuate.hub.session import HubSession

__all__ = ["Traces", "parent"]

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")
_SERVICE = "arcuate-hub"


def parent(request: Request) -> str:
    """The W3C ``traceparent`` that came with a request; ``""`` for none, or for something else."""
    found = request.controls.get("trace")
    return found if isinstance(found, str) and _PARENT.match(found) else ""


class Traces:
    """Makes the spans.

    Args:
        provider: makes the tracer; if absent the one that the program has set up, or a new one that sends to
            where the ``OTEL_*`` variables say.

    Raises:
        EnvironmentNotFound: the library is missing.
    """

    def __init__(self, provider: Any = None) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise _missing(error) from None
        self._own: Any = None
        if provider is None:
            provider = trace.get_tracer_provider()
            if isinstance(provider, trace.ProxyTracerProvider):
                provider = self._own = _exporting()
        self._api = trace
        self._extract = TraceContextTextMapPropagator().extract
        self._inject = TraceContextTextMapPropagator().inject
        self._tracer = provider.get_tracer(_SERVICE)

    def begin(self, session: HubSession, request: Request) -> str:
        """Begins the span of a request that is carried out; returns the ``traceparent`` for the worker."""
        now = time.monotonic()
        waited = max(0.0, now - request.arrived) if request.arrived else 0.0
        span = self._start(request, waited)
        span.set_attribute("arcuate.queue_seconds", waited)
        span.set_attribute("process.pid", session.transport.greeting.pid)
        request.span = span
        carrier: dict[str, str] = {}
        self._inject(carrier, self._api.set_span_in_context(span))
        return carrier.get("traceparent", "")

    def __call__(
        self,
        principal: Principal,
        environment: str,
        session: str,
        request: Request,
        code: str,
        seconds: float,
    ) -> None:
        """Ends the span of a request; one that reached no interpreter has its span only now."""
        span = request.span
        if span is None:
            span = self._start(request, seconds)
        request.span = None
        span.set_attribute("enduser.id", principal.name)
        if environment:
            span.set_attribute("arcuate.environment", environment)
        if session:
            span.set_attribute("arcuate.session", session)
        if code:
            span.set_attribute("error.type", code)
            span.set_status(self._api.StatusCode.ERROR, code)
        span.end()

    def _start(self, request: Request, before: float) -> Any:
        above = parent(request)
        function = request.name if request.op == "call" else ""
        attributes = {"arcuate.operation": request.op}
        if function:
            attributes["arcuate.function"] = function
        return self._tracer.start_span(
            f"{request.op} {function}" if function else request.op,
            context=self._extract({"traceparent": above}) if above else self._extract({}),
            kind=self._api.SpanKind.SERVER,
            attributes=attributes,
            start_time=time.time_ns() - int(before * 1e9),
        )

    def close(self) -> None:
        """Sends what has not been sent yet."""
        if self._own is not None:
            self._own.shutdown()


def _exporting() -> Any:
    """A provider that sends to a collector: http://localhost:4318, or where OTEL_* say."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise _missing(error) from None
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    provider = TracerProvider(resource=Resource.create({} if named else {"service.name": _SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _missing(error: ImportError) -> EnvironmentNotFound:
    return EnvironmentNotFound(
        f"traces need a library that is not installed ({error}); type: pip install 'arcuate[telemetry]'"
    )
