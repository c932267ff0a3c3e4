"""Warm interpreters for stateless calls, per principal and environment.

An interpreter serves one call at a time and only one principal ever. It is replaced after a number of calls,
and at once after code was run in it, which may have left anything behind.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from arcuate.errors import ArcuateError, Unavailable
from arcuate.hub.relay import Request, error_message
from arcuate.hub.session import HubSession, Send
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub.core import Hub
    from arcuate.hub.principal import Principal

__all__ = ["Pools"]

_IDLE_SECONDS = 300.0
"""An interpreter that nobody used for so long is ended."""
_Key = tuple[str, str]


class _Waiting:
    """A call that waits for an interpreter."""

    __slots__ = ("end", "request", "send")

    def __init__(self, request: Request, send: Send, end: float | None) -> None:
        self.request = request
        self.send = send
        self.end = end


class _Pool:
    def __init__(self, principal: Principal, environment: str) -> None:
        self.principal = principal
        self.environment = environment
        self.idle: list[tuple[float, HubSession]] = []
        self.size = 0
        self.waiting: deque[_Waiting] = deque()


class Pools:
    """All pools of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._pools: dict[_Key, _Pool] = {}
        self._closed = False

    def submit(self, principal: Principal, environment: str, request: Request, send: Send) -> Any:
        """Carries out a stateless call on some interpreter; the answer goes to ``send``.

        Returns:
            An object for :meth:`cancel`.

        Raises:
            EnvironmentNotFound: there is no such environment.
            LimitExceeded: too many wait already.
        """
        from arcuate.errors import LimitExceeded

        self._hub.environments.find(environment)
        limits = self._hub.config.limits
        milliseconds = request.controls.pop("deadline", None)
        end = None if milliseconds is None else time.monotonic() + milliseconds / 1000
        job = _Waiting(request, send, end)
        with self._lock:
            if self._closed or self._hub.draining:
                raise Unavailable("the hub is shutting down and takes no more calls; try again later")
            pool = self._pools.setdefault((principal.name, environment), _Pool(principal, environment))
            pool.principal = principal
            if len(pool.waiting) >= limits.queue:
                raise LimitExceeded(
                    f"{len(pool.waiting)} calls wait for an interpreter of {environment!r} already; wait for "
                    "replies, or open a session",
                    setting="queue",
                )
            if pool.idle:
                _, session = pool.idle.pop()
            else:
                pool.waiting.append(job)
                grow = pool.size < limits.pool
                if grow:
                    pool.size += 1
                session = None
        if session is not None:
            self._run(pool, session, job)
        elif grow:
            self._hub.in_background(lambda: self._grow(pool))
        return job

    def cancel(self, job: Any) -> None:
        """Cancels a call that was submitted."""
        from arcuate.errors import CallCancelled

        with self._lock:
            for pool in self._pools.values():
                if job in pool.waiting:
                    pool.waiting.remove(job)
                    break
            else:
                session = job.request.peer
                if isinstance(session, HubSession):
                    session.cancel(job.request.id)
                return
        error = CallCancelled("the call was cancelled before it began", executed="no")
        job.send(error_message(job.request.id, error))

    def _grow(self, pool: _Pool) -> None:
        try:
            session = self._hub.open(pool.principal, pool.environment)
            session.resumable = False
        except Exception as error:
            from arcuate.hub.core import error_of

            with self._lock:
                pool.size -= 1
                stranded = list(pool.waiting) if not pool.size else []
                if stranded:
                    pool.waiting.clear()
            for job in stranded:
                job.send(error_message(job.request.id, error_of(error)))
            return
        self._next(pool, session)

    def _next(self, pool: _Pool, session: HubSession) -> None:
        """Gives an interpreter that is free its next call."""
        while True:
            with self._lock:
                if self._closed:
                    session.close()
                    return
                if not pool.waiting:
                    pool.idle.append((time.monotonic(), session))
                    return
                job = pool.waiting.popleft()
            if job.end is not None and time.monotonic() >= job.end:
                from arcuate.errors import CallTimeout

                late = CallTimeout("the call's time ran out before an interpreter was free", executed="no")
                job.send(error_message(job.request.id, late))
                continue
            self._run(pool, session, job)
            return

    def _run(self, pool: _Pool, session: HubSession, job: _Waiting) -> None:
        request = job.request
        if job.end is not None:
            request.controls["deadline"] = max(1, int((job.end - time.monotonic()) * 1000))
        request.peer = session
        spent = request.op in ("eval", "run")

        def send(message: Nodes) -> None:
            op = message.rows[1][7]
            job.send(message)
            if op in ("reply", "error") and message.rows[2][5] == request.id:
                session.acknowledge(1 << 62)
                self._done(pool, session, spent)

        session.attach(send)
        session.forget_ids()
        try:
            session.submit(request)
        except ArcuateError as error:
            job.send(error_message(request.id, error))
            self._done(pool, session, True)

    def _done(self, pool: _Pool, session: HubSession, spent: bool) -> None:
        if spent or session.closed or session.calls >= self._hub.config.limits.recycle:
            self._hub.in_background(lambda: self._replace(pool, session))
        else:
            self._hub.in_background(lambda: self._next(pool, session))

    def _replace(self, pool: _Pool, session: HubSession) -> None:
        session.close()
        with self._lock:
            needed = bool(pool.waiting) or pool.size <= self._hub.environments.find(pool.environment).warm
            if not needed:
                pool.size -= 1
        if needed:
            self._grow(pool)

    def trim(self, now: float) -> None:
        """Ends interpreters that have been idle for long, but for those that are kept warm."""
        spare: list[HubSession] = []
        with self._lock:
            for pool in self._pools.values():
                warm = self._hub.environments.find(pool.environment).warm
                while pool.idle and pool.size > warm and now - pool.idle[0][0] >= _IDLE_SECONDS:
                    spare.append(pool.idle.pop(0)[1])
                    pool.size -= 1
        for session in spare:
            session.close()

    def close(self) -> None:
        """Takes no more calls."""
        with self._lock:
            self._closed = True
            waiting = [job for pool in self._pools.values() for job in pool.waiting]
            for pool in self._pools.values():
                pool.waiting.clear()
        over = Unavailable("the hub is shutting down", executed="no")
        for job in waiting:
            job.send(error_message(job.request.id, over))
