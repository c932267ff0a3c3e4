"""Calls that code inside an interpreter makes back into the hub, with the rights of its caller.

Each interpreter finds in its environment (:data:`VARIABLES`) where the hub is, and a *delegated token*. The
token is that of one interpreter process: it stands for whoever uses the interpreter when it is shown, and for
nobody before that (an interpreter kept warm) or after. The hub keeps a hash of it, in memory only.

What is called that way is one level deeper than the interpreter itself. Stateless calls of each level have
interpreters of their own, so a call waits only for calls that wait for deeper ones, down to the setting
``nesting``, beyond which it is refused: whatever calls whatever, nothing waits for itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from weakref import WeakSet

from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    CallCancelled,
    CallTimeout,
    InvalidArgument,
    LimitExceeded,
    SessionClosed,
)

if TYPE_CHECKING:
    from arcuate.client.transport import Call
    from arcuate.hub.connection import Connection
    from arcuate.hub.principal import Principal
    from arcuate.hub.relay import Request
    from arcuate.hub.session import HubSession

__all__ = ["STOCK", "VARIABLES", "Delegation", "Delegations", "shaped"]

VARIABLES = {
    "http": "ARCUATE_DELEGATED_HTTP",
    "zmq": "ARCUATE_DELEGATED_ZMQ",
    "grpc": "ARCUATE_DELEGATED_GRPC",
    "token": "ARCUATE_DELEGATED_TOKEN",
}
"""What an interpreter finds in its environment: the hub's addresses by protocol, and its token."""
STOCK = "stock"
"""The kind of the principal that has interpreters which nobody has used yet."""
_MARK = "arcd_"
_TOKEN = re.compile(_MARK + r"([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
_NOBODY = bytes(32)
_BROKEN = frozenset(("CALL_CANCELLED", "CALL_TIMEOUT", "ENVIRONMENT_CRASHED", "SESSION_CLOSED"))
"""How a call ends whose code was broken off, and could not tidy up after itself."""
_Over = Callable[["Call | None"], bool]


class Delegations:
    """The delegated tokens of a hub.

    Attributes:
        endpoints: where interpreters find the hub, by protocol; without any, nothing is delegated.
        port: the port on this machine that ``http`` is at: all that a confined interpreter reaches.
    """

    def __init__(self) -> None:
        self.endpoints: Mapping[str, str] = {}
        self.port = 0
        self._known: dict[str, tuple[bytes, Delegation]] = {}

    def find(self, token: str | None) -> Delegation | None:
        """The delegation of a token; ``None`` when it is no delegated token that lives."""
        found = None if token is None else _TOKEN.fullmatch(token)
        if token is None or found is None:
            return None
        digest, delegation = self._known.get(found.group(1), (_NOBODY, None))
        return delegation if hmac.compare_digest(_hash(token), digest) else None

    def apart(self, token: str | None, session: HubSession) -> None:
        """Refuses to let the code of an interpreter call a session that waits for it.

        Raises:
            InvalidArgument: it is its own, or one whose call it is part of.
        """
        found = self.find(token)
        if found is not None and any(one.endswith(f"/{session.id}") for one in found.chain):
            raise InvalidArgument("that session waits for the call that makes this one; open another")

    def issue(self, delegation: Delegation) -> tuple[str, str]:
        """A new token: its public number, and the token itself, which is kept nowhere."""
        number = secrets.token_hex(8)
        token = f"{_MARK}{number}_{secrets.token_urlsafe(32)}"
        self._known[number] = (_hash(token), delegation)
        return number, token

    def revoke(self, number: str) -> None:
        """Forgets a token."""
        self._known.pop(number, None)

    def __len__(self) -> int:
        return len(self._known)


class Delegation:
    """What the code of one interpreter has begun in the hub, and what it may begin.

    Args:
        office: knows the tokens; ``None``: it may begin nothing.
        above: that of the interpreter whose code asked for this one; ``None``: a client did.

    Attributes:
        session: whose interpreter it is, once there is one.
        depth: how many interpreters wait above this one.
        within: the call above in which this interpreter was asked for.
    """

    def __init__(self, office: Delegations | None = None, above: Delegation | None = None) -> None:
        self.session: HubSession | None = None
        self.within = None if above is None else above.running()
        self._office = office
        self.depth = 0
        self._above: tuple[str, ...] = ()
        self._number = ""
        self._over = False
        self._lock = threading.Lock()
        self._sessions: WeakSet[HubSession] = WeakSet()
        self._connections: WeakSet[Connection] = WeakSet()
        self.under(above)

    def under(self, above: Delegation | None) -> None:
        """Says who uses it next; for interpreters of a pool, call by call."""
        self.depth = 0 if above is None else above.depth + 1
        self._above = () if above is None else above.chain

    # ----------------------------------------------------------------- the token

    def variables(self, confined: bool) -> dict[str, str | None]:
        """What a fresh interpreter process finds in its environment; the token of the one before ends."""
        found: dict[str, str | None] = dict.fromkeys(VARIABLES.values())  # nothing is inherited
        office = self._office
        if office is None or not office.endpoints:
            return found
        with self._lock:
            office.revoke(self._number)
            if not self._over:
                self._number, found[VARIABLES["token"]] = office.issue(self)
        for name, url in office.endpoints.items():
            if name == "http" or not confined:
                found[VARIABLES[name]] = url
        return found

    def principal(self) -> Principal:
        """Whom the token stands for now.

        Raises:
            AuthenticationFailed: nobody: the session, or the stateless call that it was for, is over.
        """
        session = self.session
        if session is None or session.closed or self._over or session.principal.kind == STOCK:
            raise _unknown()
        if not session.resumable and self.running() is None:
            raise _unknown()
        return session.principal

    @property
    def port(self) -> int:
        """The one port of this machine that the interpreter reaches where it is confined; 0: none."""
        return 0 if self._office is None else self._office.port

    @property
    def chain(self) -> tuple[str, ...]:
        """The interpreters whose code calls, the outermost first, as ``environment/session``."""
        session = self.session
        return self._above if session is None else (*self._above, f"{session.environment}/{session.id}")

    def running(self) -> Call | None:
        """The innermost call that the interpreter carries out now."""
        return None if self.session is None else self.session.innermost()

    # ------------------------------------------------------------- what is begun

    def deeper(self, most: int) -> None:
        """Refuses one more level.

        Raises:
            LimitExceeded: there are as many as may be.
        """
        if self.depth + 1 > most:
            raise LimitExceeded(
                f"calls from inside calls nest deeper than {most} levels (setting 'nesting'): "
                + " > ".join(one.partition("/")[0] for one in self.chain),
                setting="nesting",
            )

    def begin(self, request: Request) -> None:
        """Ties a request to the call that makes it: it ends with that call's time, and with the call.

        Raises:
            CallTimeout: that time is over.
            CallCancelled: that call was cancelled.
        """
        outer = self.running()
        if outer is None:
            self.principal()  # a stateless call may have ended this moment
            return
        if outer.cancelled:
            raise CallCancelled("the call inside which this one was made was cancelled", executed="no")
        if outer.deadline is not None:
            left = int((outer.deadline - time.monotonic()) * 1000)
            if left <= 0:
                raise CallTimeout(
                    "the time of the call inside which this one was made is over", executed="no"
                )
            request.controls["deadline"] = min(left, request.controls.get("deadline", left))
        request.outer = outer

    def lasting(self, within: Call | None) -> None:
        """Refuses a session that no call would end: an interpreter of a pool has none between its calls.

        Args:
            within: the call in which it is to be opened.

        Raises:
            AuthenticationFailed: the stateless call that asked for it is over.
        """
        if within is None and (self.session is None or not self.session.resumable):
            raise _unknown()

    def opened(self, session: HubSession) -> None:
        """A session was opened for the interpreter's code."""
        with self._lock:
            self._sessions.add(session)
        within = session.delegation.within
        if self._over or (within is not None and (within.cancelled or within.stopped)):
            session.close(_broken_off())

    def connected(self, connection: Connection) -> None:
        """A client shows the token."""
        with self._lock:
            self._connections.add(connection)

    # ------------------------------------------------------------------ its end

    def cancelled(self) -> None:
        """A call of the interpreter was cancelled: what was begun inside it is, too."""
        self._end(lambda call: call is not None and call.cancelled, _broken_off())

    def ended(self, call: Call, code: str) -> None:
        """A call of the interpreter is over. Code that was not broken off may leave sessions to the next."""
        session = self.session
        if code in _BROKEN or (session is not None and not session.resumable):
            call.stopped = True
            self._end(lambda one: one is call, _broken_off())
        if session is not None and not session.resumable and self._connections:
            with self._lock:
                connections = list(self._connections)
            for connection in connections:
                connection.feeds.end(_unknown())

    def reclaim(self) -> None:
        """The interpreter is gone: everything that its code has begun ends."""
        self._end(lambda _: True, SessionClosed("the interpreter that opened this session has ended"))

    def close(self) -> None:
        """The interpreter's session is over, and the token with it. Idempotent."""
        with self._lock:
            self._over = True
            if self._office is not None:
                self._office.revoke(self._number)
            connections = list(self._connections)
        self.reclaim()
        for connection in connections:
            connection.end()

    def _end(self, over: _Over, reason: ArcuateError) -> None:
        """Ends what was begun in calls that are over."""
        if not self._sessions and not self._connections:
            return
        with self._lock:
            sessions, connections = list(self._sessions), list(self._connections)
        for session in sessions:
            if session.closed:
                continue
            if over(session.delegation.within):
                session.close(reason)
                continue
            for request in session.under_way:
                if request.outer is not None and over(request.outer):
                    session.cancel(request.id, request)
        for connection in connections:
            connection.withdraw(over)


def shaped(token: str | None) -> bool:
    """Whether it looks like a delegated token."""
    return token is not None and token.startswith(_MARK)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _unknown() -> AuthenticationFailed:
    return AuthenticationFailed(
        "the delegated token counts no longer: the session or call that it was for is over"
    )


def _broken_off() -> SessionClosed:
    return SessionClosed("the call that opened this session is over", executed="maybe")
