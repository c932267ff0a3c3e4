"""OpenTelemetry spans of remote calls, where the program has set a tracer provider up; nothing otherwise.

Never imports OpenTelemetry: a program that traces has imported it already. A span says which operation, which
environment, which function was called and how it ended; never code, arguments or results.
"""

from __future__ import annotations

import sys
from typing import Any

from arcuate.errors import ArcuateError
from arcuate.values import codes
from arcuate.values.nodes import Nodes

__all__ = ["Span", "begin"]


class Span:
    """A call that is traced.

    Attributes:
        parent: what the hub is told, the W3C ``traceparent``; ``""`` for nothing.
    """

    def __init__(self, api: Any, tracer: Any, op: str, function: str, attributes: dict[str, str]) -> None:
        name = f"{op} {function}" if function else op
        self._api = api
        self._span = tracer.start_span(name, kind=api.SpanKind.CLIENT, attributes=attributes)
        self._current = api.use_span(self._span, record_exception=False, set_status_on_exception=False)
        self._current.__enter__()  # calls made inside callbacks become its children
        context = self._span.get_span_context()
        self.parent = ""
        if context.is_valid:
            self.parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, error: BaseException | None) -> None:
        """Ends it, with the error of the call if there was one."""
        self._current.__exit__(None, None, None)
        if error is not None:
            code = error.code if isinstance(error, ArcuateError) else type(error).__name__
            self._span.set_attribute("error.type", code)
            self._span.set_status(self._api.StatusCode.ERROR, code)
        self._span.end()


def begin(message: Nodes, environment: str, protocol: str) -> Span | None:
    """A span for a request, current until its end; ``None`` where nobody traces."""
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    find = getattr(api, "get_tracer_provider", None)
    if find is None:  # it is being imported in this very moment
        return None
    provider = find()
    if isinstance(provider, (api.ProxyTracerProvider, api.NoOpTracerProvider)):
        return None
    op = message.rows[1][7]
    function = ""
    if op == "call" and len(message.rows) > 3:
        row = message.rows[3]
        if row[6] == "name" and row[0] == codes.TEXT:
            function = row[7]
    attributes = {
        "arcuate.operation": op,
        "arcuate.environment": environment,
        "network.protocol.name": protocol,
    }
    if function:
        attributes["arcuate.function"] = function
    return Span(api, provider.get_tracer("arcuate"), op, function, attributes)
