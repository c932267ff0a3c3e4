"""Calls that code in one session makes of an object that another session has.

The hub answers the callback itself: it has the other session's thread make the call, next in its queue, or at
once while that session waits for a callback of its own. So a circle of sessions that call each other goes on:
whoever waits also serves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from arcuate.client.callbacks import MAX_NESTED
from arcuate.client.transport import Call
from arcuate.errors import ArcuateError, InternalError, InvalidArgument
from arcuate.hub.proxies import NOTHING_KNOWN, failed
from arcuate.hub.relay import Request, read, with_id
from arcuate.values import codes
from arcuate.values.nodes import Nodes, Row

if TYPE_CHECKING:
    from arcuate.hub.session import HubSession

__all__ = ["Errand", "errand_for"]


class Errand:
    """One such call.

    Args:
        source: the session whose code calls.
        number: the callback that it made.
        call: its own call, in which that happened.
        target: the session that has the object.
        request: the call that is to be made there.
    """

    def __init__(
        self, source: HubSession, number: int, call: Call, target: HubSession, request: Request
    ) -> None:
        self._source = source
        self._number = number
        self._outer = call
        self._target = target
        self._request = request
        self._lock = threading.Lock()
        self._over = False
        self._begun = False
        self._call = Call(request.id, call.deadline, self._event, _unanswered)

    def begin(self) -> None:
        """Hands it to the session that has the object.

        Raises:
            StaleHandle: that session is over.
        """
        try:
            self._target.proxies.begin(self)
        except ArcuateError:
            self._target.proxies.undo(self._request.message)
            raise

    def run(self) -> None:
        """Does it, on the thread of the session that has the object."""
        target, request = self._target, self._request
        with self._lock:
            self._begun = not self._over
        if not self._begun:
            target.proxies.undo(request.message)
            return
        call = self._call
        call.on_callback = lambda message: target.call_back(message, call, client=False)
        begun = time.monotonic()
        code = ""
        found: Nodes | ArcuateError
        try:
            found = target.serve(request, call)
        except ArcuateError as error:
            found, code = target.proxies.original(request.id, error), error.code
        except Exception as error:
            code = "INTERNAL"
            found = InternalError(f"{type(error).__name__}: {error}", executed="maybe")
        target.observe(request, code, time.monotonic() - begun)
        self._end(found)
        target.proxies.settle()

    def _event(self, event: Mapping[str, Any]) -> None:
        """What is printed there belongs to the call that called."""
        if event.get("type") == "released":
            if not self._target.proxies.dropped(event):
                self._target.tell(self._request.id, event)  # functions of its own client are among them
        else:
            self._source.tell(self._outer.id, event)

    def _end(self, found: Nodes | ArcuateError) -> None:
        """Answers the callback."""
        source, target = self._source, self._target
        with self._lock:
            late, self._over = self._over, True
        target.proxies.ended(self)
        if isinstance(found, Nodes):
            if late:
                target.proxies.discard(found)
                return
            try:
                target.proxies.carry(found, source)
                source.put(_answer(found, self._number))
                return
            except ArcuateError as error:
                target.proxies.discard(found)
                found = error
        if not late:
            found = _elsewhere(found)
            source.proxies.failed(self._outer.id, found)
            source.put(failed(self._number, found))

    def fail(self, error: ArcuateError) -> None:
        """Ends it before it was done: the session that has the object is over."""
        if not self._begun:
            self._end(error)

    def cancel(self) -> None:
        """Nobody waits for it any more. Idempotent."""
        with self._lock:
            if self._over:
                return
            self._over = True
            begun = self._begun
        self._call.cancelled = True  # the session may not know yet that it runs
        self._target.proxies.ended(self)
        if begun:
            self._target.cancel(self._request.id)


def errand_for(source: HubSession, message: Nodes, number: int, call: Call, depth: int) -> Errand | None:
    """The errand that answers a callback; ``None`` when the client has to answer it.

    Args:
        source: the session whose code calls.
        message: the callback.
        number: its id for the session.
        call: the call in which it happens.
        depth: how many callbacks wait in that session.

    Raises:
        PermissionDenied: the principal may not call that there.
        StaleHandle: the session that has the object is over.
        InvalidArgument: it nests too deep.
    """
    head = read(Nodes(message.rows.copy(), message.pool, message.buffers))
    held = source.proxies.held.get(head.text("function") or "")
    hub = source.proxies.hub
    if held is None or hub is None:
        return None
    target = held.owner
    if depth > MAX_NESTED:
        raise InvalidArgument(f"calls and callbacks nest deeper than {MAX_NESTED} levels")
    request = read(_call(message, head.places["function"], target.proxies.number(), held.id))
    request.peer, request.via = source.peer_of(call.id), source.delegation.chain
    try:
        hub.still_valid(source.principal)
        hub.permit(source.principal, target.environment, request, target)
        source.proxies.carry(request.message, target, request.places["target"] + 1)
    except ArcuateError as error:
        source.proxies.discard(message)
        target.observe(request, error.code, 0.0)
        raise
    return Errand(source, number, call, target, request)


def _call(message: Nodes, at: int, number: int, handle: str) -> Nodes:
    """The callback's message as a call of an object: ``at`` is the row of its function."""
    rows: list[Row] = [
        message.rows[0],
        (codes.TEXT, 0, 0, 0, 0, 0, "op", "call"),
        (codes.INT, 0, 0, 0, 0, number, "id", ""),
        (codes.HANDLE, 0, 0, 0, 1, 0, "target", handle),
        NOTHING_KNOWN,
        *message.rows[3:at],
        *message.rows[at + 1 :],
    ]
    return Nodes(rows, message.pool, message.buffers)


def _answer(reply: Nodes, number: int) -> Nodes:
    """A reply as what a callback returns."""
    answer = with_id(reply, number)
    answer.rows[1] = (codes.TEXT, 0, 0, 0, 0, 0, "op", "return")
    return answer


def _elsewhere(error: ArcuateError) -> ArcuateError:
    """An error as it concerns the session that called: its own workspace is intact."""
    found = copy(error)
    if found.workspace is False:
        found.workspace = True
    return found


def _unanswered(message: Nodes) -> Nodes:
    raise AssertionError("replaced at once")
