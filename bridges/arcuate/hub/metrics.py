"""Figures of a hub for Prometheus: counted while it works, or read from it when somebody asks. Never values.

A hub makes one when the setting ``telemetry.metrics`` is on; without it nothing is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from arcuate.errors import EnvironmentNotFound
from arcuate.hub.principal import Principal
from arcuate.hub.relay import Request, sized
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub.core import Hub

__all__ = ["Metrics"]

_BUCKETS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Seconds: a call takes between a fraction of a millisecond and minutes."""


class Metrics:
    """What a hub counts.

    Args:
        hub: the hub.

    Raises:
        EnvironmentNotFound: the library is missing.
    """

    def __init__(self, hub: Hub) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError as error:
            raise EnvironmentNotFound(
                f"metrics need a library that is not installed ({error}); type: pip install 'arcuate[hub]'"
            ) from None
        self._render = prometheus.generate_latest
        self._registry = registry = prometheus.CollectorRegistry()
        self._calls = prometheus.Counter(
            "arcuate_calls",
            "Requests that ended, with the code of their error, or OK",
            ["environment", "operation", "code"],
            registry=registry,
        )
        self._seconds = prometheus.Histogram(
            "arcuate_call_seconds",
            "Time that requests took in their interpreter; without those that never reached one",
            ["environment", "operation"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._refused = prometheus.Counter(
            "arcuate_refusals",
            "Messages that were answered with an error before anything was done",
            ["protocol", "code"],
            registry=registry,
        )
        self._dropped = prometheus.Counter(
            "arcuate_dropped",
            "Clients that a bridge dropped or turned away, such as for garbage, and why",
            ["protocol", "reason"],
            registry=registry,
        )
        self._bytes = prometheus.Counter(
            "arcuate_data_bytes",
            "Bytes of arrays and other data in messages, from clients (in) and to them (out)",
            ["protocol", "direction"],
            registry=registry,
        )
        self._known: dict[tuple[str, str, str], tuple[Any, Any]] = {}
        registry.register(_State(hub))
        prometheus.ProcessCollector(registry=registry)
        prometheus.PlatformCollector(registry=registry)

    def __call__(
        self,
        principal: Principal,
        environment: str,
        session: str,
        request: Request,
        code: str,
        seconds: float,
    ) -> None:
        """Counts a request that ended."""
        key = (environment, request.op, code)
        found = self._known.get(key)
        if found is None:
            counter = self._calls.labels(environment, request.op, code or "OK")
            found = self._known[key] = counter, self._seconds.labels(environment, request.op)
        found[0].inc()
        if seconds:
            found[1].observe(seconds)

    def refused(self, protocol: str, code: str) -> None:
        """Counts an error that was answered at once."""
        self._refused.labels(protocol, code).inc()

    def dropped(self, protocol: str, reason: str) -> None:
        """Counts a client that a bridge got rid of."""
        self._dropped.labels(protocol, reason).inc()

    def expect(self, protocol: str, reasons: Iterable[str]) -> None:
        """Shows reasons with which :meth:`dropped` may be told, as 0 until then."""
        for reason in reasons:
            self._dropped.labels(protocol, reason)

    def incoming(self, protocol: str) -> Callable[[Nodes], None]:
        """What counts the data of messages that arrive."""
        counter = self._bytes.labels(protocol, "in")

        def count(message: Nodes) -> None:
            if message.buffers:
                counter.inc(sized(message))

        return count

    def outgoing(self, protocol: str, send: Callable[[Nodes], None]) -> Callable[[Nodes], None]:
        """A ``send`` that counts the data of messages which it sends."""
        counter = self._bytes.labels(protocol, "out")

        def counting(message: Nodes) -> None:
            size = sized(message)
            send(message)
            if size:
                counter.inc(size)

        return counting

    def text(self) -> str:
        """Everything in Prometheus' text format."""
        found: str = self._render(self._registry).decode()
        return found


class _State:
    """What is read from the hub when somebody asks."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Any]:
        """The figures of this moment."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        hub = self._hub
        sessions: Counter[tuple[str, str]] = Counter()
        queue: Counter[str] = Counter()
        for name in hub.environments.offered:
            sessions[name, "client"] = sessions[name, "pool"] = queue[name] = 0
        for session in hub.sessions:
            sessions[session.environment, "client" if session.resumable else "pool"] += 1
            queue[session.environment] += session.queued
        for (_, environment, _), waiting in hub.pools.waiting.items():
            queue[environment] += waiting
        yield _family(
            GaugeMetricFamily("arcuate_sessions", "Interpreters that run", labels=["environment", "use"]),
            sessions,
        )
        yield _family(
            GaugeMetricFamily("arcuate_queue", "Requests that wait", labels=["environment"]),
            {(name,): count for name, count in queue.items()},
        )
        restarts = Counter(hub.restarts)
        for session in hub.sessions:
            restarts[session.environment] += session.restarts
        for name, help_, found in (
            ("arcuate_opened", "Interpreters started", hub.opened),
            ("arcuate_restarts", "Interpreters replaced after a crash or on request", restarts),
        ):
            names = {*hub.environments.offered, *found}
            family = CounterMetricFamily(name, help_, labels=["environment"])
            yield _family(family, {(one,): found[one] for one in names})
        for name, help_, value in (
            ("arcuate_connections", "Clients that said who they are", len(hub.connections)),
            ("arcuate_stream_bytes", "Memory of samples that topics keep", hub.streams.nbytes),
            ("arcuate_draining", "1 while the hub takes no new sessions", int(hub.draining)),
        ):
            yield GaugeMetricFamily(name, help_, value)


def _family(family: Any, found: Any) -> Any:
    for labels, value in sorted(found.items()):
        family.add_metric(labels, value)
    return family
