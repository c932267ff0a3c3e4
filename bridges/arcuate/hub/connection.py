"""One client's connection: what it says, turned into sessions, calls and subscriptions.

A bridge makes one for each connection, hands it every message that arrives (one at a time) and sends what it
is given. Nothing here blocks: starting an interpreter goes to a thread of the hub.
"""

from __future__ import annotations

import functools
import hmac
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    ConnectionLost,
    InvalidArgument,
    PermissionDenied,
    ProtocolError,
    SessionClosed,
    Unsupported,
)
from arcuate.hub.core import Hub, error_of
from arcuate.hub.feeds import HANDLERS, Feeds
from arcuate.hub.logs import event
from arcuate.hub.principal import Credentials, Principal
from arcuate.hub.relay import Request, error_message, numbered, read, reply_message
from arcuate.hub.session import HubSession
from arcuate.values import codes, frames
from arcuate.values.check import check
from arcuate.values.known import check_known, lacking
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.client.transport import Call
    from arcuate.hub.delegation import Delegation

__all__ = ["OPERATIONS", "STATELESS", "Connection"]

log = logging.getLogger(__name__)

OPERATIONS = frozenset(
    (
        "call", "eval", "run", "get", "set", "delete", "exists", "list",
        "attr", "index", "setattr", "show", "names", "describe", "restart",
    )
)  # fmt: skip
"""Requests that go to an interpreter."""
STATELESS = frozenset(("call", "eval", "run", "names", "describe"))
"""Those of them that may name an environment instead of having a session."""

Send = Callable[[Nodes], None]


class Connection:
    """What a bridge needs of the hub for one client.

    Args:
        hub: the hub.
        send: sends a message to the client. Called from any thread, one at a time per session; must not block
            and raises ConnectionLost when the client is gone.
        transport: the protocol, for logs and metrics.
        credentials: what is known of the client so far.
        end: called when the hub wants the connection closed, after the last message.

    Attributes:
        limits: what a bridge checks before it decodes: the hub's, and lower ones of a principal.
        principal: who the client is, once it is known.
        delegation: that of the interpreter whose code the client is, if it is one.
        offer: adds to the answer to a ``hello`` what only this bridge has.
    """

    def __init__(
        self,
        hub: Hub,
        send: Send,
        *,
        transport: str,
        credentials: Credentials | None = None,
        end: Callable[[], None] | None = None,
    ) -> None:
        self.hub = hub
        self.transport = transport
        self.credentials = credentials or Credentials()
        self.principal: Principal | None = None
        self.session: HubSession | None = None
        self.delegation: Delegation | None = None
        self.offer: Callable[[Mapping[str, Any], dict[str, Any]], None] | None = None
        self.feeds = Feeds(self)
        self._meter = meter = hub.meter
        self._send = send if meter is None else meter.outgoing(transport, send)
        self._arrived = None if meter is None else meter.incoming(transport)
        self._end = end
        self._lock = threading.Lock()
        self._lost = False
        self._stateless: dict[int, Any] = {}
        own = hub.config.limits
        self.limits = Limits(
            message=own.message, array=own.array, nodes=own.nodes, text=own.text, depth=own.depth
        )

    # ---------------------------------------------------------------- arrival

    def receive(self, message: Nodes, *, checked: bool = False) -> None:
        """Takes a message. What is wrong with it is answered, never raised.

        Args:
            message: as it was decoded from the wire.
            checked: whether its values were checked already, as :mod:`arcuate.values.protobuf` does.
        """
        number, request = 0, None
        if self._arrived is not None:
            self._arrived(message)
        try:
            number = max(0, messages.head(message)[1])
            if not checked:
                check(message, self.limits)
            request = read(message)
            request.peer = self.peer
            if self.delegation is not None:
                request.via = self.delegation.chain
            if self.principal is None:
                if request.op != "hello":
                    raise ProtocolError("the first message of a connection is 'hello'")
                self._hello(messages.fields(message))
                return
            self._dispatch(request)
        except Exception as error:
            self.refuse(number, error_of(error), request)
            if self.principal is None:
                self.end()

    def authenticate(self, token: str | None = None) -> Principal:
        """Finds out who the client is, without a hello: for bridges whose requests carry the token.

        Raises:
            AuthenticationFailed: it cannot be established.
        """
        if token is not None:
            known = self.credentials
            self.credentials = Credentials(
                token,
                known.curve,
                known.certificate,
                known.peer,
                known.local,
                known.protected,
                known.inside,
            )
        principal = self.hub.authenticate(self.credentials)
        self.hub.admit(self)
        self.recognise(principal)
        event(
            log,
            logging.INFO,
            "client connected",
            protocol=self.transport,
            peer=self.credentials.peer,
            principal=principal.name,
        )
        self.hub.guard.note(principal, "hello", self.peer, **self._via())
        return principal

    def recognise(self, principal: Principal) -> None:
        """Takes over who the client is; its messages are within the limits that it has from now on."""
        self.principal = principal
        self.limits = self.hub.limits_for(principal)
        if self.delegation is None:
            self.delegation = self.hub.delegations.find(self.credentials.token)
            if self.delegation is not None:
                self.delegation.connected(self)

    def _via(self) -> dict[str, list[str]]:
        """For the audit log: the interpreters whose code the client is."""
        return {} if self.delegation is None else {"via": list(self.delegation.chain)}

    @property
    def peer(self) -> str:
        """Where the client is, for logs."""
        return f"{self.transport} {self.credentials.peer}".rstrip()

    def _hello(self, fields: Mapping[str, Any]) -> None:
        if fields.get("major") != frames.MAJOR:
            raise ProtocolError(
                f"this hub speaks protocol {frames.MAJOR}.{frames.MINOR}, the client "
                f"{fields.get('major')}.{fields.get('minor')}; install matching versions of Arcuate"
            )
        token = fields.get("token")
        if token is not None and not isinstance(token, str):
            raise AuthenticationFailed("a token is a text")
        self.authenticate(token)
        unknown = lacking(fields.get("kinds"))
        if unknown:
            self._send = functools.partial(_send_known, self._send, unknown)
        answer = self.hello()
        if self.offer is not None:
            self.offer(fields, answer)
        self.answer(messages.build("hello", 0, answer))

    def hello(self) -> dict[str, Any]:
        """What the hub says of itself."""
        limits = self.limits
        return {
            "major": frames.MAJOR,
            "minor": frames.MINOR,
            "kinds": list(codes.KIND_NAMES),
            "features": ["sessions", "resume", "stateless", "callbacks", "streams"],
            "limits": {
                name: getattr(limits, name) for name in ("message", "array", "nodes", "text", "depth")
            },
            "agent": "arcuate-hub",
            "hub": self.hub.id,
        }

    def _dispatch(self, request: Request) -> None:
        op = request.op
        if op in OPERATIONS:
            self._operate(request)
        elif op in ("return", "raise"):
            if self.session is not None and not self.session.answer(request.message):
                late = ProtocolError("nobody waits for this answer of a callback; it is dropped")
                self.hub.guard.refused(self.principal, self.peer, late, request)
        elif op == "cancel":
            self._cancel(request)
        elif op == "release":
            if self.session is not None:
                self.session.release(request)
        elif op == "ack":
            if self.session is not None:
                self.session.acknowledge(request.controls.get("seen", 0))
        else:
            handler = _HANDLERS.get(op)
            if handler is None:
                raise ProtocolError(f"the hub does not know the request {op[:40]!r}")
            handler(self, request)

    def _operate(self, request: Request) -> None:
        principal = self.recognised()
        if self.delegation is not None:
            self.delegation.begin(request)
        environment = request.controls.pop("environment", None)
        if environment is not None:
            if request.op not in STATELESS:
                raise InvalidArgument(f"{request.op!r} needs a session; open one")
            self.hub.permit(principal, environment, request, None)
            self._pooled(principal, environment, request)
            return
        session = self.session
        if session is None:
            raise SessionClosed("there is no session on this connection; send 'open' or name an environment")
        self.hub.permit(principal, session.environment, request, session)
        session.submit(request, draining=self.hub.draining and request.outer is None)
        if _overtaken(request):
            session.cancel(request.id, request)

    def _pooled(self, principal: Principal, environment: str, request: Request) -> None:
        number = request.id

        def send(message: Nodes) -> None:
            if message.rows[1][7] in ("reply", "error"):
                self._stateless.pop(number, None)
            self.answer(message)

        if number in self._stateless:
            return
        self._stateless[number] = None
        try:
            job = self.hub.pools.submit(principal, environment, request, send, self.delegation)
        except BaseException:
            self._stateless.pop(number, None)
            raise
        if number in self._stateless:
            self._stateless[number] = job
            if _overtaken(request):
                self.hub.pools.cancel(job)

    def _cancel(self, request: Request) -> None:
        number = messages.fields(request.message).get("call")
        if not isinstance(number, int):
            return
        job = self._stateless.get(number)
        if job is not None:
            self.hub.pools.cancel(job)
        elif self.session is not None:
            self.session.cancel(number)

    def begun(self, number: int) -> bool:
        """Whether a stateless call has been given an interpreter."""
        return getattr(self._stateless.get(number), "session", None) is not None

    def recognised(self) -> Principal:
        """Who the client is; refuses one that has not said so, or whose time is over."""
        principal = self.principal
        if principal is None:
            raise AuthenticationFailed("say hello first")
        if self.delegation is not None:
            self.delegation.principal()
        self.hub.still_valid(principal)
        return principal

    # ------------------------------------------------------------ the hub's own

    def _open(self, request: Request) -> None:
        principal = self.recognised()
        if self.session is not None and not self.session.closed:
            raise InvalidArgument("this connection has a session already; one connection carries one")
        fields = messages.fields(request.message)
        environment = fields.get("environment", request.controls.get("environment"))
        if not isinstance(environment, str):
            raise InvalidArgument("'open' needs the name of an environment")
        options = fields.get("options") or {}
        limits = fields.get("limits") or {}
        if not isinstance(options, Mapping) or not isinstance(limits, Mapping):
            raise InvalidArgument("'options' and 'limits' must be mappings")
        grace = fields.get("grace", 3.0)
        if not isinstance(grace, (int, float)) or not grace > 0:
            raise InvalidArgument(f"'grace' must be a number of seconds, not {grace!r}")
        self.hub.permit(principal, environment, request, None)
        above = self.delegation

        def work() -> None:
            try:
                session = self.hub.open(principal, environment, options, limits, float(grace), above)
            except Exception as error:
                self.refuse(request.id, error_of(error), request)
                return
            self._give(session, request.id)
            known = {"environment": environment, "session": session.id, **self._via()}
            self.hub.guard.note(principal, "open", self.peer, **known)

        self.hub.in_background(work)

    def _give(self, session: HubSession, number: int, seen: int = 0) -> None:
        """Binds a session to this connection."""
        with self._lock:
            lost = self._lost
            if not lost:
                self.session = session
        if lost:
            session.attach(self._send)
            session.detach(self._send)
            return
        self.answer(reply_message(number, session.greeting()))
        session.attach(self._send, seen)

    def _resume(self, request: Request) -> None:
        principal = self.recognised()
        fields = messages.fields(request.message)
        session = self.hub.find(str(fields.get("session", "")))
        secret = str(fields.get("secret", ""))
        known = session is not None and hmac.compare_digest(secret.encode(), session.secret.encode())
        if session is None or not known or session.closed or not session.resumable:
            raise SessionClosed("there is no such session, or it is over, or the secret is another")
        if session.principal.name != principal.name:
            raise PermissionDenied("the session belongs to another principal")
        self.hub.delegations.apart(self.credentials.token, session)
        self._give(session, request.id, request.controls.get("seen", 0))

    def _close(self, request: Request) -> None:
        session = self.session
        if session is None:
            self.answer(reply_message(request.id, None))
            return

        def work() -> None:
            session.close()
            session.join(10.0)
            with self._lock:
                if self.session is session:  # until then: a bridge gives those up that have none
                    self.session = None
            self.answer(reply_message(request.id, None))

        self.hub.in_background(work)

    def _environments(self, request: Request) -> None:
        principal = self.recognised()
        self.answer(reply_message(request.id, self.hub.listing(principal)))

    def _ping(self, request: Request) -> None:
        self.answer(reply_message(request.id, None))

    # ---------------------------------------------------------------- leaving

    def answer(self, message: Nodes) -> None:
        """Sends a message of the connection itself."""
        try:
            self._send(message)
        except ConnectionLost:
            self.lost()

    def refuse(self, number: int, error: ArcuateError, request: Request | None = None) -> None:
        """Answers a request of which nothing was done; 0 as its number means the connection as a whole."""
        self.hub.guard.refused(self.principal, self.peer, error, request)
        if self._meter is not None:
            self._meter.refused(self.transport, error.code)
        self.answer(error_message(number, error))

    def send(self, message: Nodes) -> None:
        """Sends a message; raises ConnectionLost when the client is gone."""
        self._send(message)

    def withdraw(self, over: Callable[[Call | None], bool]) -> None:
        """Cancels the stateless calls that were made inside calls that are over."""
        for job in list(self._stateless.values()):
            if job is not None and job.request.outer is not None and over(job.request.outer):
                self.hub.pools.cancel(job)

    @property
    def gone(self) -> bool:
        """Whether the client is gone."""
        return self._lost

    def end(self) -> None:
        """Has the bridge close the connection."""
        if self._end is not None:
            self._end()

    def lost(self) -> None:
        """The bridge says that the client is gone. Idempotent."""
        with self._lock:
            if self._lost:
                return
            self._lost = True
            session = self.session
        self.hub.leave(self)
        if self.principal is not None:
            event(
                log,
                logging.INFO,
                "client gone",
                protocol=self.transport,
                peer=self.credentials.peer,
                principal=self.principal.name,
            )
        self.feeds.close()
        for job in list(self._stateless.values()):
            if job is not None:
                self.hub.pools.cancel(job)
        if session is not None:
            session.detach(self._send)


def _overtaken(request: Request) -> bool:
    """Whether the call inside which it is made ended while it was on its way, and did not see it."""
    outer = request.outer
    return outer is not None and (outer.cancelled or outer.stopped)


def _send_known(send: Send, unknown: frozenset[int], message: Nodes) -> None:
    """Sends a message to a client that does not know all kinds of values."""
    try:
        check_known(message, unknown)
    except Unsupported as error:
        op, number = messages.head(message)
        if op == "event":
            return
        if op in ("reply", "sample"):
            error.executed = "yes"
            last = message.rows[-1]
            answer = error_message(number, error)
            send(numbered(answer, last[5]) if last[6] == "seq" else answer)
            if op == "sample":
                raise  # which ends the subscription
            return
    send(message)  # arguments of a callback are refused by the client itself


_HANDLERS: dict[str, Callable[[Connection, Request], None]] = {
    "open": Connection._open,
    "resume": Connection._resume,
    "close": Connection._close,
    "environments": Connection._environments,
    "ping": Connection._ping,
    **HANDLERS,
}
