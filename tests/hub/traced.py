"""A program that traces: a client and a hub in one process, whose spans stay in memory.

Prints what it saw as JSON. ``tests/hub/test_traces.py`` runs it: OpenTelemetry is set up once per process.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.hub.memory import session

from arcuate.errors import ArcuateError
from arcuate.hub import Config, Hub

READ = {
    "python": "__import__('os').environ.get('TRACEPARENT', '')",
    "r": "Sys.getenv('TRACEPARENT')",
    "octave": "getenv('TRACEPARENT')",
}
ROOT = {"python": "math.sqrt", "r": "sqrt", "octave": "sqrt"}


def main(environment: str) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("program")
    seen: dict[str, Any] = {}
    with Hub(Config(telemetry={"traces": True})) as hub:  # type: ignore[arg-type]
        remote, _ = session(hub, environment)
        with remote, tracer.start_as_current_span("program"):
            seen["worker"] = remote.eval(READ[environment])
            remote.call(ROOT[environment], 4.0)
            remote.submit(ROOT[environment], 9.0).result(20)
            try:
                remote.call("no_such_function", "a secret value")
            except ArcuateError as error:
                seen["code"] = error.code
            if environment == "python":
                remote.run("def apply(f): return f(1.0)")
                remote.call("apply", lambda x: remote.call("math.floor", x))
        hub.trace(None)
        remote, _ = session(hub, environment)
        with remote:
            with tracer.start_as_current_span("untraced hub") as span:
                seen["passed on"] = remote.eval(READ[environment])
                seen["trace"] = f"{span.get_span_context().trace_id:032x}"
            trace._TRACER_PROVIDER = None  # the client no longer traces
            seen["afterwards"] = remote.eval(READ[environment])
    seen["spans"] = [json.loads(one.to_json()) for one in exporter.get_finished_spans()]
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    os.environ.pop("TRACEPARENT", None)
    main(sys.argv[1])
