"""The hub itself: sessions, pools, and everything that outlives a connection."""

from __future__ import annotations

import logging
import secrets
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from typing import Any

from arcuate.errors import ArcuateError, LimitExceeded, SessionClosed, Unavailable
from arcuate.hub.config import Config
from arcuate.hub.delegation import Delegation, Delegations
from arcuate.hub.environments import Environments
from arcuate.hub.guard import Guard
from arcuate.hub.logs import event
from arcuate.hub.metrics import Metrics
from arcuate.hub.pool import Pools
from arcuate.hub.principal import Credentials, Principal
from arcuate.hub.relay import Request
from arcuate.hub.session import HubSession
from arcuate.hub.streams import Streams
from arcuate.hub.traces import Traces
from arcuate.values.limits import Limits

__all__ = ["Hub"]

log = logging.getLogger(__name__)

_TICK = 0.1
_OPENERS = 16
_REMEMBERED = 10_000
"""Sessions that are over of which the hub still knows whose they were."""

Observer = Callable[[Principal, str, str, Request, str, float], None]
"""Told of each request that ended: principal, environment, session, request, code ("" if well), seconds."""


class Hub:
    """Environments of this machine, for any number of clients.

    Args:
        config: what the operator wants.

    Attributes:
        id: tells one hub from another.
        guard: who may connect, and do what.
        delegations: what code in interpreters may do.
        observers: told of each request that ended.
        meter: what counts for Prometheus, if that is wanted.
        tracing: what makes spans of requests, if that is wanted.
        opened: interpreters that were started, by environment.
        restarts: interpreters that were replaced in sessions that are over, by environment.
        draining: no session is opened any more.
        connections: the clients that are connected.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.id = secrets.token_hex(8)
        self.environments = Environments(self.config)
        self.delegations = Delegations()
        self.guard = Guard(self.config, self.delegations)
        self.observers: list[Observer] = [] if self.guard.audit is None else [self.guard.audit]
        self.meter: Metrics | None = None
        self.tracing: Traces | None = None
        self.opened: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self.draining = False
        self.started = time.time()
        self._lock = threading.Lock()
        self._sessions: dict[str, HubSession] = {}
        self._past: dict[str, str] = {}  # sessions that are over, and whose they were
        self._opening: list[str] = []  # names of those whose interpreters start now
        self._openers = ThreadPoolExecutor(_OPENERS, thread_name_prefix="arcuate-open")
        self.pools = Pools(self)
        self.streams = Streams(lambda: self.config.limits)
        self.connections: weakref.WeakSet[object] = weakref.WeakSet()
        self._stop = threading.Event()
        self._watch()
        self._ticker = threading.Thread(target=self._tick, name="arcuate-hub", daemon=True)
        self._ticker.start()

    def reconfigure(self, config: Config) -> None:
        """Takes over a changed configuration; sessions that are open keep their limits.

        Raises:
            EnvironmentNotFound: it names a language that is not installed; nothing is changed then.
        """
        environments = Environments(config)
        self.config, self.environments = config, environments
        self._watch()

    def _watch(self) -> None:
        """Begins or ends to count and to trace, as the configuration says."""
        wanted = self.config.telemetry.metrics
        if wanted and self.meter is None:
            self.meter = Metrics(self)
            self.observers.append(self.meter)
        elif not wanted and self.meter is not None:
            self.observers.remove(self.meter)
            self.meter = None
        if self.config.telemetry.traces and self.tracing is None:
            self.trace(Traces())
        elif not self.config.telemetry.traces and self.tracing is not None:
            self.trace(None)

    def trace(self, tracing: Traces | None) -> None:
        """Makes spans of requests from now on, or no longer with ``None``."""
        before, self.tracing = self.tracing, tracing
        if tracing is not None:
            self.observers.append(tracing)
        for session in self.sessions:
            session.tracing = tracing
        if before is not None:
            self.observers.remove(before)
            before.close()

    def metrics_text(self) -> str | None:
        """The figures of this hub in Prometheus' text format; ``None`` when nothing is counted."""
        return None if self.meter is None else self.meter.text()

    # --------------------------------------------------------------- sessions

    def limits_for(self, principal: Principal, asked: Mapping[str, Any] | None = None) -> Limits:
        """The limits of a channel: the lowest of the hub's, the principal's and what the client asked for."""
        own = self.config.limits
        found: dict[str, int] = {}
        for name in ("message", "array", "nodes", "text", "depth"):
            value = int(getattr(own, name))
            for more in (principal.limits, asked or {}):
                wanted = more.get(name)
                if isinstance(wanted, int) and not isinstance(wanted, bool) and 0 < wanted < value:
                    value = wanted
            found[name] = value
        return Limits(**found)

    def open(
        self,
        principal: Principal,
        environment: str,
        options: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        grace: float = 3.0,
        above: Delegation | None = None,
        *,
        nested: bool = False,
    ) -> HubSession:
        """Starts an interpreter for a principal. Blocks while it starts.

        Args:
            principal: whose it is.
            environment: its environment.
            options: what the client wants of it.
            limits: what the client wants of the channel.
            grace: seconds that it has to stop when interrupted.
            above: that of the interpreter whose code asks for it.
            nested: it is for a call that is made inside a call.

        Raises:
            Unavailable: the hub is draining.
            LimitExceeded: there are as many sessions as may be.
            EnvironmentNotFound: there is no such environment.
        """
        if above is not None:
            above.deeper(self.config.limits.nesting)
        delegation = Delegation(self.delegations, above)
        if above is not None:
            above.lasting(delegation.within)
            nested = delegation.within is not None
        self._reserve(principal, nested)
        try:
            transport = self.environments.open(
                environment,
                options or {},
                principal,
                self.limits_for(principal, limits),
                min(max(grace, 0.1), 60.0),
                delegation,
            )
            session = HubSession(
                principal, environment, transport, self.config.limits, self._finished, self._forget
            )
        except BaseException:
            with self._lock:
                self._opening.remove(principal.name)
            raise
        with self._lock:
            self._opening.remove(principal.name)
            self._sessions[session.id] = session
            self.opened[environment] += 1
            session.tracing = self.tracing
            session.proxies.hub = self
            session.delegation, delegation.session = delegation, session
        if above is not None:
            above.opened(session)
        event(
            log,
            logging.INFO,
            "session opened",
            session=session.id,
            environment=environment,
            principal=principal.name,
            pid=transport.greeting.pid,
        )
        if self._stop.is_set():
            session.close(Unavailable("the hub has been stopped", executed="no"))
        return session

    def _reserve(self, principal: Principal, nested: bool) -> None:
        limits = self.config.limits
        with self._lock:
            if self.draining and not nested:  # what runs may come to its end
                raise Unavailable("the hub is shutting down and opens no more sessions; try again later")
            total = len(self._sessions) + len(self._opening)
            if total >= limits.sessions:
                raise LimitExceeded(
                    f"{total} sessions are open, as many as this hub may have; close some, or raise the "
                    "setting 'sessions'",
                    setting="sessions",
                )
            self._check_own(principal)
            self._opening.append(principal.name)

    def _check_own(self, principal: Principal) -> None:
        """Refuses a principal that has as many sessions as it may have; the lock is held."""
        own = sum(1 for one in self._sessions.values() if one.principal.name == principal.name)
        own += self._opening.count(principal.name)
        allowed = principal.limits.get("sessions")
        most = int(self.config.limits.sessions_each if allowed is None else allowed)
        if own >= most:
            setting = "sessions_each" if allowed is None else "sessions"
            what = "the setting" if allowed is None else "its limit"
            raise LimitExceeded(
                f"{principal.name!r} has {own} sessions open, as many as it may have; close some, or have "
                f"{what} '{setting}' raised",
                setting=setting,
            )

    def hand_over(self, session: HubSession, principal: Principal) -> None:
        """Gives an interpreter that nobody has used yet to a principal.

        Raises:
            LimitExceeded: the principal has as many as it may have; the interpreter is ended then.
        """
        try:
            with self._lock:
                self._check_own(principal)
                session.principal = principal
        except LimitExceeded:
            session.close()
            raise

    def find(self, session: str) -> HubSession | None:
        """The open session of an id."""
        return self._sessions.get(session)

    def was(self, session: str) -> str | None:
        """Whose the session of an id was that is over; of the last ones."""
        return self._past.get(session)

    def admit(self, connection: object) -> None:
        """Counts a client that said who it is.

        Raises:
            LimitExceeded: there are as many connections as may be.
        """
        with self._lock:
            most = self.config.limits.connections
            if connection not in self.connections and len(self.connections) >= most:
                raise LimitExceeded(
                    f"{most} clients are connected, as many as this hub serves (setting 'connections'); try "
                    "again later",
                    setting="connections",
                )
            self.connections.add(connection)

    def leave(self, connection: object) -> None:
        """A client is gone."""
        with self._lock:
            self.connections.discard(connection)

    def in_background(self, work: Callable[[], None]) -> None:
        """Does something that may take long away from a bridge's own thread."""

        def guarded() -> None:
            try:
                work()
            except Exception:  # an executor keeps it to itself
                log.exception("work of the hub failed")

        try:
            self._openers.submit(guarded)
        except RuntimeError:
            raise Unavailable("the hub has been stopped") from None

    @property
    def sessions(self) -> list[HubSession]:
        """The open sessions, those of pools included."""
        with self._lock:
            return list(self._sessions.values())

    def _forget(self, session: HubSession) -> None:
        session.delegation.close()
        with self._lock:
            if self._sessions.pop(session.id, None) is not None:
                self.restarts[session.environment] += session.restarts
            self._past[session.id] = session.principal.name
            while len(self._past) > _REMEMBERED:
                del self._past[next(iter(self._past))]
        event(
            log,
            logging.INFO,
            "session closed",
            session=session.id,
            environment=session.environment,
            principal=session.principal.name,
            calls=session.calls,
            restarts=session.restarts,
            seconds=round(time.monotonic() - session.created, 3),
            reason="" if session.reason is None else session.reason.message,
        )

    def _finished(self, session: HubSession, request: Request, code: str, seconds: float) -> None:
        self.observe(session.principal, session.environment, session.id, request, code, seconds)

    def observe(
        self,
        principal: Principal,
        environment: str,
        session: str,
        request: Request,
        code: str,
        seconds: float,
    ) -> None:
        """Tells the observers of a request that ended; streams have no environment and no session."""
        if log.isEnabledFor(logging.INFO):
            function = {"function": request.name} if request.op == "call" and request.name else {}
            event(
                log,
                logging.INFO,
                "call",
                operation=request.op,
                **function,
                environment=environment,
                session=session,
                principal=principal.name,
                code=code or "OK",
                seconds=round(seconds, 6),
            )
        for observer in self.observers:
            try:
                observer(principal, environment, session, request, code, seconds)
            except Exception:
                log.exception("an observer of the hub failed")

    # ------------------------------------------------------------ who may what

    def authenticate(self, credentials: Credentials) -> Principal:
        """Who the other side is.

        Raises:
            AuthenticationFailed: it could not be established.
        """
        return self.guard.authenticate(credentials)

    def still_valid(self, principal: Principal) -> None:
        """Refuses a principal whose time is over, or who was revoked."""
        self.guard.still_valid(principal)

    def permit(
        self, principal: Principal, environment: str, request: Request, session: HubSession | None
    ) -> None:
        """Refuses what a principal may not do.

        Raises:
            PermissionDenied: it may not.
        """
        self.guard.permit(
            principal,
            environment,
            lambda: self.environments.find(environment).language,
            request,
            session,
        )

    def listing(self, principal: Principal) -> list[dict[str, Any]]:
        """The environments that a principal may use."""
        return [
            one
            for one in self.environments.listing(principal)
            if any(fnmatchcase(one["name"], pattern) for pattern in principal.environments)
        ]

    def reload(self) -> None:
        """Reads the tokens again, and opens the audit log again."""
        self.guard.reload()

    # ------------------------------------------------------------------- time

    def _tick(self) -> None:
        while not self._stop.wait(_TICK):
            try:
                self._pass(time.monotonic())
            except Exception:  # or no session would ever be given up again
                log.exception("the hub's clock failed")

    def _pass(self, now: float) -> None:
        """Does what time brings."""
        limits = self.config.limits
        self.pools.trim(now)
        self.streams.tick(now)
        self.guard.tick(now, lambda: self.sessions)
        for session in self.sessions:
            session.tick(now)
            dropped = session.dropped
            if dropped is not None and now - dropped >= limits.grace_seconds:
                session.close(SessionClosed("its client did not come back in time", executed="maybe"))
            elif (
                limits.idle_seconds is not None
                and session.resumable  # those of pools have a time of their own
                and not session.busy
                and now - session.used >= limits.idle_seconds
            ):
                session.close(
                    SessionClosed(
                        f"the session had no call for {limits.idle_seconds:g} s (setting 'idle_seconds')",
                        executed="no",
                    )
                )

    def drain(self, seconds: float | None = None) -> bool:
        """Opens nothing new and waits until nothing runs any more.

        Returns:
            Whether everything came to its end in time.
        """
        self.draining = True
        end = time.monotonic() + (self.config.limits.drain_seconds if seconds is None else seconds)
        while any(session.busy for session in self.sessions) or any(self.pools.waiting.values()):
            if time.monotonic() >= end or self._stop.wait(0.02):
                return False
        return True

    def hurry(self) -> None:
        """Ends a drain early."""
        self.draining = True
        self._stop.set()

    def close(self) -> None:
        """Ends all sessions. Idempotent."""
        self.draining = True
        self._stop.set()
        self.pools.close()
        self.streams.close()
        sessions = self.sessions
        for session in sessions:
            session.close(Unavailable("the hub is shutting down", executed="maybe"))
        for session in sessions:
            session.join(15.0)
        self._openers.shutdown(wait=False, cancel_futures=True)
        if self.tracing is not None:
            self.tracing.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def error_of(error: BaseException) -> ArcuateError:
    """Any exception as one that can be sent."""
    from arcuate.errors import InternalError

    if isinstance(error, ArcuateError):
        return error
    return InternalError(f"{type(error).__name__}: {error}")
