"""One interpreter in the hub, on behalf of one principal.

A session has a thread of its own that carries out its requests one after the other, and, while a callback
waits for the client, those that are made from inside it. What it sends is numbered and kept until the client
has acknowledged it, so a connection may drop and another take its place.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Set
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.client.transport import Call, Transport
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    ConnectionLost,
    InternalError,
    LimitExceeded,
    NameNotFound,
    PermissionDenied,
    ProtocolError,
    RemoteError,
    SessionClosed,
    Unavailable,
    Unsupported,
)
from arcuate.hub.delegation import Delegation
from arcuate.hub.errands import Errand, errand_for
from arcuate.hub.logs import event
from arcuate.hub.outbox import Outbox
from arcuate.hub.proxies import Proxies, failed, references
from arcuate.hub.relay import (
    Request,
    error_message,
    event_message,
    parent_of,
    raise_message,
    reply_message,
    traced,
    unnumbered,
    with_call,
    with_id,
)
from arcuate.hub.traces import Traces, parent
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub.config import LimitsConfig
    from arcuate.hub.principal import Principal

__all__ = ["HubSession", "Outcome"]

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""Ids of past requests that a session remembers, so that none is carried out twice."""
_RELEASES = 1000
"""And ids of releases: a client sends those again that went before a lost connection."""
_BACK_PRESSURE = 5.0
"""Seconds that output waits for a connected client that does not acknowledge it, before it is dropped."""
_NO_MEMORY = ("memoryerror", "out of memory", "cannot allocate", "bad_alloc", "memory exhausted")
"""What interpreters say that cannot have as much memory as they want."""
_STOP = object()
_WAKE = object()

Send = Callable[[Nodes], None]
Outcome = Callable[["HubSession", Request, str, float], None]
"""Told of each request that ended: session, request, code ("" for a reply), seconds it took."""


class HubSession:
    """An interpreter with its queue.

    Args:
        principal: whose it is.
        environment: name of the environment.
        transport: the channel to the interpreter.
        limits: the hub's limits.
        outcome: told of each request that ended.
        ended: told when the interpreter has ended.

    Attributes:
        resumable: whether a client may come back to it; an interpreter of a pool answers one call after the
            other and remembers nothing that was sent.
        freed: called after each answer of an interpreter of a pool.
        tracing: makes spans of requests, where that is wanted.
        proxies: the objects of other sessions that the interpreter holds.
        delegation: what its code may begin in the hub.
    """

    def __init__(
        self,
        principal: Principal,
        environment: str,
        transport: Transport,
        limits: LimitsConfig,
        outcome: Outcome,
        ended: Callable[[HubSession], None],
    ) -> None:
        self.id = secrets.token_hex(8)
        self.secret = secrets.token_urlsafe(24)
        self.principal = principal
        self.environment = environment
        self.transport = transport
        self.limits = limits
        self.used = self.created = time.monotonic()
        self.dropped: float | None = None
        self.resumable = True
        self.calls = 0
        self.closed = False
        self.freed: Callable[[], None] | None = None
        self.tracing: Traces | None = None
        self.proxies = Proxies(self)
        self.delegation = Delegation()
        self._traced = False
        self._reason: ArcuateError | None = None
        self._outcome = outcome
        self._ended = ended
        self._generation = transport.generation
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._backlog: deque[Request] = deque()
        self._aside: list[Request | Nodes] = []  # for callbacks that wait, but not innermost
        self._lock = threading.Lock()
        self._space = threading.Condition(self._lock)
        self._outbox = Outbox(limits.events, limits.event_bytes)
        self._send: Send | None = None
        self._ids: OrderedDict[int, bool] = OrderedDict()  # request id: whether it has been answered
        self._floor = -1
        self._releases: dict[int, None] = {}  # ids of past releases
        self._waiting: dict[int, Request] = {}
        self._running: dict[int, tuple[Request, Call]] = {}
        self._parents: list[int] = []
        self._awaited: set[int] = set()  # callbacks whose answers have not come
        self._callback_number = 0
        self._deaf = False  # whether output has waited in vain for the client
        self._thread = threading.Thread(target=self._main, name=f"arcuate-session-{self.id[:6]}", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ connections

    def attach(self, send: Send, seen: int = 0) -> None:
        """Gives the session a connection; what was sent after ``seen`` is sent again."""
        with self._lock:
            self._send = send
            self.dropped = None
            again = list(self._outbox.after(seen))
            for message in again:  # under the lock: nothing newer may overtake them
                self._transmit(message)
            self._space.notify_all()

    def detach(self, send: Send) -> None:
        """A connection was lost; the grace period begins, unless another has taken its place."""
        with self._lock:
            if self._send is send:
                self._send = None
                self.dropped = time.monotonic()
                self._space.notify_all()

    def acknowledge(self, seen: int, others: Set[int] = frozenset()) -> None:
        """The client has everything up to this number, and those beyond it."""
        with self._lock:
            self._outbox.forget(seen, others)
            self._space.notify_all()

    def greeting(self) -> dict[str, Any]:
        """What a client is told of the session."""
        found = self.transport.greeting
        return {
            "session": self.id,
            "secret": self.secret,
            "environment": self.environment,
            "generation": self.transport.generation,
            "language": found.language,
            "version": found.version,
            "pid": found.pid,
            "features": {**found.features, "order": found.order, "vectors": found.vectors},
            "info": dict(found.info),
            "window": self.limits.grace_seconds if self.resumable else 0.0,
        }

    # --------------------------------------------------------------- requests

    def submit(self, request: Request, *, draining: bool = False) -> None:
        """Takes a request; it is answered through the connection.

        Args:
            request: what to do.
            draining: whether only what belongs to a call that runs is still done.

        Raises:
            LimitExceeded: too many wait already.
            Unavailable: it is too late for another call.
            ProtocolError: its id is older than what the session remembers.
            SessionClosed: the session is over.
        """
        now = time.monotonic()
        request.arrived = now
        milliseconds = request.controls.get("deadline")
        if milliseconds is not None:
            request.end = now + milliseconds / 1000
        own = self.principal.limits.get("call_seconds")
        longest = min((one for one in (self.limits.call_seconds, own) if one is not None), default=None)
        if longest is not None and (request.end is None or now + longest < request.end):
            request.end = now + longest
        with self._lock:
            if self.closed:
                raise SessionClosed("this session is closed; open another")
            seen = request.controls.get("seen")
            if seen:
                self._outbox.forget(seen)
            if request.id in self._ids:
                if self._ids[request.id]:
                    self._answer_again(request)
                return
            if request.id <= self._floor:
                raise ProtocolError(
                    f"the request {request.id} is too old: use a new, higher id for each", executed="maybe"
                )
            if draining and not request.controls.get("parent"):
                raise Unavailable("the hub is shutting down and begins no more calls; try again later")
            if len(self._waiting) >= self.limits.queue:
                raise LimitExceeded(
                    f"{len(self._waiting)} requests wait in this session, more than the limit of "
                    f"{self.limits.queue} (setting 'queue'); wait for replies, or open another session",
                    setting="queue",
                )
            self._ids[request.id] = False
            while len(self._ids) > _REMEMBERED:
                past = self._ids.popitem(last=False)[0]
                if past < request.id:  # some clients count requests of their own from elsewhere
                    self._floor = max(self._floor, past)
            self._waiting[request.id] = request
            self.used = now
        self._inbox.put(request)

    def _answer_again(self, request: Request) -> None:
        kept = self._outbox.reply_to(request.id)
        if kept is None:
            raise ProtocolError(
                f"the request {request.id} was answered and the answer acknowledged; use a new id",
                executed="yes",
            )
        self._transmit(kept)

    def forget_ids(self) -> None:
        """Forgets the ids of past requests: the next one comes from another client."""
        with self._lock:
            self._ids.clear()
            self._floor = -1

    def answer(self, message: Nodes) -> bool:
        """Takes a ``return`` or ``raise`` for a callback; says whether anybody waits for it."""
        try:
            self._awaited.remove(messages.head(message)[1])
        except KeyError:
            return False
        if references(message):
            message = self.proxies.answered(message)
        self._inbox.put(message)
        return True

    def cancel(self, number: int, only: Request | None = None) -> None:
        """Cancels a call: one that waits is taken out of the queue, one that runs is interrupted.

        Args:
            number: its id.
            only: the request that is meant: another client's may have the same id by now.
        """
        with self._lock:
            request = self._waiting.get(number)
            if request is not None and only in (None, request):
                del self._waiting[number]
            else:
                request = None
            running = self._running.get(number)
            if request is None and running is not None and only in (None, running[0]):
                if not self.transport.interrupt(number):  # under the lock: no other call can begin before
                    running[1].cancelled = True  # the transport does not know of it yet
                self._inbox.put(_WAKE)
        self.delegation.cancelled()
        if request is not None:
            self._finish(request, CallCancelled("the call was cancelled before it began", executed="no"))

    def tick(self, now: float) -> None:
        """Ends the waiting of requests whose time is over."""
        with self._lock:
            late = [one for one in self._waiting.values() if one.end is not None and now >= one.end]
            for request in late:
                del self._waiting[request.id]
        for request in late:
            self._finish(request, _expired())

    @property
    def restarts(self) -> int:
        """How often the interpreter was replaced."""
        return self.transport.generation - 1

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return bool(self._running or self._waiting)

    @property
    def under_way(self) -> list[Request]:
        """The requests that run or wait."""
        with self._lock:
            return [*self._waiting.values(), *(request for request, _ in self._running.values())]

    def innermost(self) -> Call | None:
        """The call that began last of those that run."""
        with self._lock:
            return next(reversed(self._running.values()), (None, None))[1]

    @property
    def queued(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def close(self, reason: ArcuateError | None = None) -> None:
        """Ends the session: interrupts what runs, refuses what waits, ends the interpreter. Idempotent."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            self._space.notify_all()
            waiting = list(self._waiting.values())
            self._waiting.clear()
            over = self._reason = reason or SessionClosed("the session was closed", executed="no")
            for _, call in self._running.values():
                call.cancelled = True  # also one that the transport does not know of yet
            self.transport.interrupt()
        for request in waiting:
            self._finish(request, over)
        self.delegation.cancelled()
        self._inbox.put(_STOP)

    @property
    def reason(self) -> ArcuateError | None:
        """Why it was closed; ``None`` while it is open, or when its interpreter ended by itself."""
        return self._reason

    def join(self, timeout: float | None = None) -> bool:
        """Waits for the end of the thread and the interpreter; ``False`` when it takes longer."""
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # ------------------------------------------------------------- the thread

    def _main(self) -> None:
        try:
            while True:
                item: Any = self._backlog.popleft() if self._backlog else self._inbox.get()
                if item is _STOP:
                    return
                if isinstance(item, Request):
                    self._perform(item)
                elif isinstance(item, Errand):
                    item.run()
                elif isinstance(item, Nodes):
                    self.proxies.undo(item)  # the answer came as the callback gave up
                del item
        finally:
            self.closed = True
            self.proxies.close()
            try:
                self.transport.close()
            finally:
                self._ended(self)

    def _perform(self, request: Request) -> None:
        """Carries out one request and answers it."""
        if request.op == "release":
            self._release(request)
            return
        number = request.id
        call = Call(number, request.end, lambda event: self._event(number, event), None)  # type: ignore[arg-type]
        call.on_callback = lambda message: self.call_back(message, call)
        with self._lock:
            if self._waiting.get(number) is not request:
                return  # cancelled, or its time was over, while it waited
            del self._waiting[number]
            late = request.end is not None and time.monotonic() >= request.end
            if not late:
                self._running[number] = (request, call)
        if late:
            self._finish(request, _expired())
            return
        begun = time.monotonic()
        self.calls += 1
        code = ""
        try:
            if request.lent:
                self.proxies.take(request.lent)
            if request.op == "restart":
                self.transport.restart()
                self.proxies.renew()
                answer = reply_message(number, self.greeting())
                self._generation = self.transport.generation
            else:
                self._trace(request)
                answer = self._exchange(request, call)
                if self.proxies.held:
                    answer = self.proxies.leave(answer)
                    self.proxies.settle()
        except ArcuateError as error:
            self.proxies.settle()
            if error.workspace is False:
                self.proxies.renew()
            if self._reason is not None and isinstance(error, CallCancelled):
                error = _because(self._reason)
            self._explain(error)
            error = self.proxies.original(number, error)
            if request.resolved and isinstance(error, NameNotFound):
                error = PermissionDenied(f"{request.resolved!r} is no function, and no other may be called")
            code = error.code
            answer = error_message(number, error)
        except Exception as error:
            code = "INTERNAL"
            answer = error_message(
                number, InternalError(f"{type(error).__name__}: {error}", executed="maybe")
            )
        finally:
            with self._lock:
                self._running.pop(number, None)
        request.message.buffers.clear()  # 1 GB that nobody needs any more
        self.delegation.ended(call, code)
        self._regenerated(number)
        self._outcome(self, request, code, time.monotonic() - begun)
        self._deliver(answer, number)
        if self.freed is not None:
            self.freed()

    def _exchange(self, request: Request, call: Call) -> Nodes:
        if call.cancelled:  # before the transport knew of it
            raise CallCancelled("the call was cancelled before it began", executed="no")
        return self.transport.exchange(request.message, call)

    def _trace(self, request: Request) -> None:
        """Tells the interpreter to which trace a request belongs, or that it no longer belongs to one."""
        if self.tracing is not None:
            trace = self.tracing.begin(self, request)
        elif "trace" in request.controls:
            trace = parent(request)
        else:
            trace = ""
        if trace or self._traced:
            traced(request.message, trace)
            self._traced = bool(trace)

    def _explain(self, error: ArcuateError) -> None:
        """Names the setting where an interpreter seems to have met its limit of memory."""
        if not isinstance(error, RemoteError):
            return
        own = self.principal.limits.get("memory")
        most = min((one for one in (self.limits.memory, own) if one is not None), default=None)
        if most is None:
            return
        said = " ".join((*error.classes, error.message)).lower()
        if any(sign in said for sign in _NO_MEMORY):
            error.message += f"; an interpreter of this hub may take {most:,} bytes (setting 'memory')"
            error.remote_message = error.message

    def _regenerated(self, number: int) -> None:
        """Tells the client of a fresh interpreter before the reply that comes from it."""
        if self._generation != self.transport.generation:
            self._generation = self.transport.generation
            event(
                log,
                logging.INFO,
                "interpreter replaced",
                session=self.id,
                environment=self.environment,
                principal=self.principal.name,
                pid=self.transport.greeting.pid,
            )
            if not self.resumable:
                return  # nobody has seen the one before
            greeting = {**self.greeting(), "type": "restarted"}
            del greeting["secret"]
            self._put(event_message(number, greeting), event=False)

    def _finish(self, request: Request, error: ArcuateError) -> None:
        """Answers a request that was not carried out."""
        self._outcome(self, request, error.code, 0.0)
        self._deliver(error_message(request.id, error), request.id)
        if self.freed is not None:
            self.freed()

    def _deliver(self, answer: Nodes, number: int) -> None:
        with self._lock:
            if number in self._ids:
                self._ids[number] = True
            self.used = time.monotonic()
            self._put_locked(answer, event=False)

    def _release(self, request: Request) -> None:
        if self.closed:
            return
        try:
            message = self.proxies.released(request.message)
            if message is not None:
                self.transport.post(message)
        except ArcuateError:
            pass  # the interpreter is gone, and the objects with it

    def release(self, request: Request) -> None:
        """Takes a ``release``; one with an id that came before is passed over.

        Nobody waits for an answer to it, so it is not among the requests that wait.
        """
        with self._lock:
            if self.closed or request.id in self._releases:
                return
            if request.id:
                self._releases[request.id] = None
                if len(self._releases) > _RELEASES:
                    del self._releases[next(iter(self._releases))]
        self._inbox.put(request)

    # ----------------------------------------------------- calls of other sessions

    def put(self, item: Errand | Nodes) -> None:
        """Gives the session's thread something to do, or what it waits for."""
        self._inbox.put(item)

    def serve(self, request: Request, call: Call) -> Nodes:
        """Makes a call for the code of another session; on the session's thread."""
        with self._lock:
            self._running[call.id] = (request, call)
            self.used = time.monotonic()
        self.calls += 1
        try:
            return self._exchange(request, call)
        except ArcuateError as error:
            if error.workspace is False:
                self.proxies.renew()
            raise
        finally:
            with self._lock:
                self._running.pop(call.id, None)
                self.used = time.monotonic()

    def observe(self, request: Request, code: str, seconds: float) -> None:
        """Tells of a call that the code of another session made."""
        self._outcome(self, request, code, seconds)

    def tell(self, number: int, event: Mapping[str, Any]) -> None:
        """Sends an event of another session, whose call one of this session made."""
        self._event(number, event)

    def peer_of(self, number: int) -> Any:
        """Who sent a request that runs."""
        running = self._running.get(number)
        return None if running is None else running[0].peer

    def _event(self, number: int, event: Mapping[str, Any]) -> None:
        """Sends an event of a call to the client."""
        if event.get("type") == "released" and self.proxies.dropped(event):
            return
        message = event_message(number, event)
        with self._space:
            if self._outbox.room:
                self._deaf = False
            elif not self._deaf:
                self._wait_for_room()
            self._put_locked(message, event=True)

    def _wait_for_room(self) -> None:
        """Holds output back from a client that does not acknowledge it; after once in vain it is dropped."""
        end = time.monotonic() + _BACK_PRESSURE
        while self._send is not None and self.resumable and not self.closed and not self._outbox.room:
            left = end - time.monotonic()
            if left <= 0 or not self._space.wait(left):
                self._deaf = True
                return

    def call_back(self, message: Nodes, call: Call, client: bool = True) -> Nodes:
        """Has the client run one of its functions, or another session one of its own.

        Serves the client's requests and those of other sessions meanwhile.

        Args:
            message: the ``callback``.
            call: the call in which it happens.
            client: whether the client waits for that call; it does not know those of other sessions.
        """
        inner = messages.head(message)[1]
        if not self.resumable:
            return raise_message(inner, Unsupported("a stateless call cannot call back; open a session"))
        self._callback_number += 1
        number = self._callback_number
        errand: Errand | None = None
        self._parents.append(number)
        try:
            if self.proxies.held:
                errand = errand_for(self, message, number, call, len(self._parents))
            if errand is not None:
                errand.begin()
            elif client:
                self._awaited.add(number)
                outgoing = with_call(with_id(message, number), call.id)
                self._put(self.proxies.leave(outgoing) if self.proxies.held else outgoing, event=False)
            else:
                raise Unsupported("what another session calls cannot call back a function of its own caller")
            while True:
                if call.cancelled or self.closed:
                    return raise_message(inner, CallCancelled("the call was cancelled", executed="maybe"))
                left = None if call.deadline is None else call.deadline - time.monotonic()
                if left is not None and left <= 0:
                    return raise_message(inner, _expired(executed="maybe"))
                item = self._set_aside(number) if self._aside else None
                try:
                    item = item or self._inbox.get(timeout=left)
                except queue.Empty:
                    continue
                if item is _STOP:
                    self._inbox.put(_STOP)
                    return raise_message(inner, SessionClosed("the session was closed", executed="maybe"))
                if isinstance(item, Nodes):
                    if messages.head(item)[1] == number:
                        return with_id(item, inner)
                    if parent_of(item) in self._parents:
                        self._aside.append(item)
                    else:
                        self.proxies.undo(item)
                elif isinstance(item, Errand):
                    item.run()
                elif isinstance(item, Request):
                    if item.controls.get("parent") == number or item.op == "release":
                        self._perform(item)
                    elif parent_of(item) in self._parents:
                        self._aside.append(item)
                    else:
                        self._backlog.append(item)
        except ArcuateError as error:
            self.proxies.failed(call.id, error)
            return failed(inner, error)
        finally:
            self._parents.pop()
            self._awaited.discard(number)
            if errand is not None:
                errand.cancel()
            while self._aside and (late := self._set_aside(number)) is not None:
                if isinstance(late, Request):
                    self._backlog.append(late)
                else:
                    self.proxies.undo(late)

    def _set_aside(self, number: int) -> Request | Nodes | None:
        """What came for a callback while one inside it waited: another session had called here."""
        for at, item in enumerate(self._aside):
            if parent_of(item) == number:
                return self._aside.pop(at)
        return None

    # ---------------------------------------------------------------- sending

    def _put(self, message: Nodes, *, event: bool) -> None:
        with self._lock:
            self._put_locked(message, event=event)

    def _put_locked(self, message: Nodes, *, event: bool) -> None:
        for one in self._outbox.put(message, event=event):
            self._transmit(one if self.resumable else unnumbered(one))
        if not self.resumable and not event:
            self._outbox.forget(1 << 62)  # the call is over

    def _transmit(self, message: Nodes) -> None:
        """Sends on the connection, if there is one; the lock is held."""
        if self._send is None:
            return
        try:
            self._send(message)
        except ConnectionLost:
            self._send = None
            self.dropped = time.monotonic()


def _expired(executed: str = "no") -> CallTimeout:
    where = "before it began" if executed == "no" else "inside a callback"
    return CallTimeout(f"the call's time ran out {where}", executed=executed)


def _because(reason: ArcuateError) -> ArcuateError:
    """What a call is told that ran when its session was closed."""
    return type(reason)(reason.message, executed="maybe", workspace=False)
