"""Warm interpreters for stateless calls, per principal and environment.

Calls from inside calls have interpreters apart, level by level (:mod:`arcuate.hub.delegation`).
An interpreter serves one call at a time and only one principal ever. It is replaced after a number of calls,
and at once after code was run in it, which may have left anything behind. Those that an environment keeps
``warm`` wait in a stock until some principal needs one.

Locks: a session's lock may be held when the pools' is taken, never the other way round.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    InvalidArgument,
    LimitExceeded,
    SessionClosed,
    Unavailable,
)
from arcuate.hub.delegation import STOCK
from arcuate.hub.principal import Principal
from arcuate.hub.relay import Request, error_message
from arcuate.hub.session import HubSession, Send
from arcuate.values import codes
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub.core import Hub
    from arcuate.hub.delegation import Delegation

__all__ = ["Pools"]

log = logging.getLogger(__name__)

_IDLE_SECONDS = 300.0
"""An interpreter that nobody used for so long is ended."""
_STOCK = Principal("(warm)", STOCK, limits={"sessions": 1 << 30})
"""Whose the interpreters are that nobody has used yet."""
_Key = tuple[str, str, int]


class _Job:
    """A stateless call under way."""

    __slots__ = ("above", "cancelled", "end", "request", "send", "session")

    def __init__(self, request: Request, send: Send, end: float | None, above: Delegation | None) -> None:
        self.above = above
        self.request = request
        self.send = send
        self.end = end
        self.session: HubSession | None = None
        self.cancelled = False


class _Pool:
    """The interpreters of a principal and an environment, for calls that are so many levels deep."""

    def __init__(self, principal: Principal, environment: str, level: int) -> None:
        self.principal = principal
        self.environment = environment
        self.level = level
        self.idle: list[tuple[float, HubSession]] = []
        self.size = 0
        self.waiting: deque[_Job] = deque()

    def take(self) -> HubSession | None:
        """An idle interpreter that lives."""
        while self.idle:
            _, session = self.idle.pop()
            if not session.closed:
                return session
            self.size -= 1
        return None


class Pools:
    """All pools of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._pools: dict[_Key, _Pool] = {}
        self._stock: dict[str, list[HubSession]] = {}
        self._filling: dict[str, int] = {}
        self._closed = False

    # ------------------------------------------------------------------- calls

    def submit(
        self,
        principal: Principal,
        environment: str,
        request: Request,
        send: Send,
        above: Delegation | None = None,
    ) -> Any:
        """Carries out a stateless call on some interpreter; the answer goes to ``send``.

        Args:
            principal: who calls.
            environment: where.
            request: what.
            send: takes the answer.
            above: that of the interpreter whose code calls.

        Returns:
            An object for :meth:`cancel`.

        Raises:
            EnvironmentNotFound: there is no such environment.
            LimitExceeded: too many wait already, or calls nest too deep.
            InvalidArgument: the result should be kept, which needs a session.
        """
        self._hub.environments.find(environment)
        keep = request.row("keep")
        if keep is not None and keep[0] == codes.BOOL and keep[5]:
            raise InvalidArgument("a stateless call cannot keep its result there; open a session")
        limits = self._hub.config.limits
        milliseconds = request.controls.pop("deadline", None)
        end = None if milliseconds is None else time.monotonic() + milliseconds / 1000
        level = 0
        if above is not None:
            above.deeper(limits.nesting)
            level = above.depth + 1
        job = _Job(request, send, end, above)
        with self._lock:
            if self._closed or (self._hub.draining and request.outer is None):
                raise Unavailable("the hub is shutting down and takes no more calls; try again later")
            key = principal.name, environment, level
            pool = self._pools.setdefault(key, _Pool(principal, environment, level))
            pool.principal = principal
            if len(pool.waiting) >= limits.queue:
                raise LimitExceeded(
                    f"{len(pool.waiting)} calls wait for an interpreter of {environment!r}, as many as may "
                    "(setting 'queue'); wait for replies, or open a session",
                    setting="queue",
                )
            session = pool.take()
            grow = session is None and pool.size < limits.pool
            if session is None:
                pool.waiting.append(job)
                pool.size += grow
        if session is not None:
            self._run(pool, session, job)
        elif grow:
            self._hub.in_background(lambda: self._grow(pool))
        return job

    def cancel(self, job: Any) -> None:
        """Cancels a call that was submitted."""
        with self._lock:
            job.cancelled = True
            session = job.session
            pool = next((one for one in self._pools.values() if job in one.waiting), None)
            if pool is not None:
                pool.waiting.remove(job)
        if pool is not None:
            self._refuse(pool, job, CallCancelled("the call was cancelled before it began", executed="no"))
        elif session is not None:
            session.cancel(job.request.id, job.request)

    @property
    def waiting(self) -> dict[_Key, int]:
        """How many calls wait, by principal, environment, and how many levels deep they are."""
        with self._lock:
            return {key: len(pool.waiting) for key, pool in self._pools.items()}

    def _refuse(self, pool: _Pool, job: _Job, error: ArcuateError) -> None:
        """Answers a call that reached no interpreter."""
        self._hub.observe(pool.principal, pool.environment, "", job.request, error.code, 0.0)
        job.send(error_message(job.request.id, error))

    def _run(self, pool: _Pool, session: HubSession, job: _Job) -> None:
        request = job.request
        if job.end is not None:
            request.controls["deadline"] = max(1, int((job.end - time.monotonic()) * 1000))
        spent = request.op in ("eval", "run")
        parked = False

        def send(message: Nodes) -> None:
            """Sends; the session's lock is held, so whoever takes the interpreter now waits for it."""
            nonlocal parked
            if message.rows[1][7] in ("reply", "error"):
                with self._lock:
                    job.session = None
                    if not (spent or pool.waiting or self._worn(session)):
                        pool.idle.append((time.monotonic(), session))
                        parked = True
            job.send(message)

        def freed() -> None:
            if not parked:
                self._done(pool, session, spent)

        session.forget_ids()
        session.delegation.under(job.above)
        session.freed = freed
        session.attach(send)
        with self._lock:
            job.session = session
        try:
            session.submit(request)
        except SessionClosed:  # it ended in this very moment: another one does it
            with self._lock:
                job.session = None
                pool.waiting.appendleft(job)
            self._hub.in_background(lambda: self._replace(pool, session))
            return
        except ArcuateError as error:
            self._refuse(pool, job, error)
            self._done(pool, session, True)
            return
        if job.cancelled:  # while it was on its way here
            session.cancel(request.id, request)

    def _next(self, pool: _Pool, session: HubSession) -> None:
        """Gives an interpreter that is free its next call."""
        while True:
            with self._lock:
                if self._closed:
                    break
                if not pool.waiting:
                    pool.idle.append((time.monotonic(), session))
                    return
                job = pool.waiting.popleft()
            if job.end is None or time.monotonic() < job.end:
                self._run(pool, session, job)
                return
            self._refuse(pool, job, _late())
        session.close()

    # ------------------------------------------------------------ interpreters

    def _worn(self, session: HubSession) -> bool:
        return self._closed or session.closed or session.calls >= self._hub.config.limits.recycle

    def _done(self, pool: _Pool, session: HubSession, spent: bool) -> None:
        if spent or self._worn(session):
            try:
                self._hub.in_background(lambda: self._replace(pool, session))
            except Unavailable:
                session.close()
        else:
            self._next(pool, session)

    def _replace(self, pool: _Pool, session: HubSession) -> None:
        session.close()
        with self._lock:
            needed = not self._closed and (bool(pool.waiting) or pool.size <= self._kept(pool))
            if not needed:
                pool.size -= 1
        if needed:
            self._grow(pool)

    def _grow(self, pool: _Pool) -> None:
        """Gets a pool, which has counted it already, another interpreter. Blocks while it starts."""
        from arcuate.hub.core import error_of

        try:
            session = self._from_stock(pool) or self._fresh(pool.principal, pool.environment, pool.level > 0)
        except Exception as error:
            with self._lock:
                pool.size -= 1
                stranded = list(pool.waiting) if not pool.size else []
                if stranded:
                    pool.waiting.clear()
            for job in stranded:
                self._refuse(pool, job, error_of(error))
            return
        self._next(pool, session)

    def _fresh(self, principal: Principal, environment: str, nested: bool = False) -> HubSession:
        session = self._hub.open(principal, environment, nested=nested)
        session.resumable = False
        return session

    # ------------------------------------------------------------------- stock

    def _warm(self, environment: str) -> int:
        found = self._hub.environments.offered.get(environment)
        return 0 if found is None else found.warm

    def _kept(self, pool: _Pool) -> int:
        """How many interpreters stay though nobody uses them; none for calls from inside calls."""
        return 0 if pool.level else self._warm(pool.environment)

    def warm(self) -> None:
        """Starts the interpreters that are kept ready; does not wait for them."""
        for name in self._hub.environments.offered:
            with self._lock:
                missing = self._warm(name) - len(self._stock.get(name, ())) - self._filling.get(name, 0)
                self._filling[name] = self._filling.get(name, 0) + max(0, missing)
            for _ in range(missing):
                self._hub.in_background(lambda name=name: self._fill(name))  # type: ignore[misc]

    def _fill(self, name: str) -> None:
        session = None
        try:
            session = self._fresh(_STOCK, name)
        except ArcuateError as error:
            log.warning("no warm interpreter of %r: %s", name, error)
        finally:
            with self._lock:
                self._filling[name] -= 1
                kept = session is not None and not self._closed
                if kept and session is not None:
                    self._stock.setdefault(name, []).append(session)
        if session is not None and not kept:
            session.close()

    def _from_stock(self, pool: _Pool) -> HubSession | None:
        """An interpreter that was started in advance, if there is one that this principal may have."""
        principal = pool.principal
        if not principal.eval or principal.limits:
            return None  # it needs one that is confined, or has lower limits
        while True:
            with self._lock:
                stock = self._stock.get(pool.environment)
                session = stock.pop() if stock else None
            if session is None:
                return None
            if not session.closed:
                break
        self._hub.hand_over(session, principal)
        self.warm()
        return session

    # -------------------------------------------------------------------- time

    def trim(self, now: float) -> None:
        """Ends interpreters that have been idle for long, but for those that are kept warm.

        Refuses calls whose time ran out while they waited.
        """
        spare: list[HubSession] = []
        late: list[tuple[_Pool, _Job]] = []
        with self._lock:
            for pool in self._pools.values():
                warm = self._kept(pool)
                while pool.idle and pool.size > warm and now - pool.idle[0][0] >= _IDLE_SECONDS:
                    spare.append(pool.idle.pop(0)[1])
                    pool.size -= 1
                over = [job for job in pool.waiting if job.end is not None and now >= job.end]
                for job in over:
                    pool.waiting.remove(job)
                    late.append((pool, job))
        for session in spare:
            session.close()
        for pool, job in late:
            self._refuse(pool, job, _late())

    def close(self) -> None:
        """Takes no more calls."""
        with self._lock:
            self._closed = True
            waiting = [(pool, job) for pool in self._pools.values() for job in pool.waiting]
            for pool in self._pools.values():
                pool.waiting.clear()
        over = Unavailable("the hub is shutting down", executed="no")
        for pool, job in waiting:
            self._refuse(pool, job, over)


def _late() -> CallTimeout:
    return CallTimeout("the call's time ran out before an interpreter was free", executed="no")
