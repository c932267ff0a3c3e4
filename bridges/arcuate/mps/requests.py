"""Asynchronous requests: what is known of each, for a limited time and within limited memory.

Every change of a state has a number, so that a client can ask for what changed since another. Requests that
have ended are let go of by age; where there is no room for another, the oldest of the principal that takes
most of it goes. Those under way cannot go, so nobody may have more than half of all. All of it runs in the
bridge's own loop.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from arcuate.errors import LimitExceeded, NameNotFound, SessionClosed
from arcuate.mps.failures import Refusal

if TYPE_CHECKING:
    from arcuate.hub.config import LimitsConfig

__all__ = ["Request", "Requests"]

READING, IN_QUEUE, PROCESSING = "READING", "IN_QUEUE", "PROCESSING"
READY, ERROR, CANCELLED, DELETED = "READY", "ERROR", "CANCELLED", "DELETED"
TERMINAL = frozenset((READY, ERROR, CANCELLED))
_REMEMBERED = 10_000
"""Ids of requests that are gone: their clients are told so."""


class Request:
    """One of them.

    Attributes:
        id: its id.
        owner: name of the principal whose it is.
        client: what the client calls itself.
        state: how far it is.
        changed: the number of its last change.
        size: bytes that it takes.
        result: what :attr:`state` ``READY`` or ``ERROR`` has come to.
        begun: tells whether an interpreter has taken it up.
        task: carries it out.
    """

    def __init__(self, owner: str, client: str, size: int) -> None:
        self.id = str(uuid.uuid4())
        self.owner = owner
        self.client = client
        self.size = size
        self.state = IN_QUEUE
        self.changed = 0
        self.ended = 0.0
        self.result: Any = None
        self.begun: Callable[[], bool] = bool
        self.task: asyncio.Task[None] | None = None


class Requests:
    """All requests of a bridge.

    Args:
        limits: gives the limits that are in force.
        shared: tells whether there are several principals, of whom none may take the room of the others.
    """

    def __init__(self, limits: Callable[[], LimitsConfig], shared: Callable[[], bool] = bool) -> None:
        self.prefix = f"/~{uuid.uuid4()}/requests"
        self.sequence = 0
        self._limits = limits
        self._shared = shared
        self._all: OrderedDict[str, Request] = OrderedDict()
        self._gone: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._all)

    def add(self, owner: str, client: str, size: int) -> Request:
        """A new request.

        Args:
            owner: name of the principal whose it is.
            client: what the client calls itself.
            size: bytes of its arguments.

        Raises:
            LimitExceeded: there are as many as may be, or they take as much memory as they may; or those of
                this principal do.
        """
        if self._shared():
            self._check_share(owner, size)
        self._make_room(1, size)
        request = Request(owner, client, size)
        self._all[request.id] = request
        self._size += size
        self.move(request, IN_QUEUE)
        return request

    def finish(self, request: Request, state: str, result: Any, size: int) -> None:
        """Keeps what a request has come to; nothing where it was cancelled meanwhile.

        Args:
            request: the request.
            state: READY or ERROR.
            result: what it has come to.
            size: bytes of it.

        Raises:
            LimitExceeded: there is no room for the result.
        """
        if request.state in TERMINAL or request.id not in self._all:
            return
        self._size -= request.size
        request.size = 0
        self._make_room(0, size)
        request.size, request.result = size, result
        self._size += size
        self.move(request, state)

    def move(self, request: Request, state: str) -> None:
        """Notes a change of state."""
        self.sequence += 1
        request.state, request.changed = state, self.sequence
        if state in TERMINAL:
            request.ended = time.monotonic()
            self._all.move_to_end(request.id)  # the order of their ends: the first goes first

    def cancel(self, request: Request) -> None:
        """Cancels a request.

        Raises:
            Refusal: it has ended.
        """
        if request.state == CANCELLED:
            raise _gone("RequestAlreadyCancelled", "the request was cancelled before")
        if request.state in TERMINAL:
            raise _gone("RequestAlreadyCompleted", "the request has been completed")
        self._size -= request.size
        request.size = 0
        self.move(request, CANCELLED)
        if request.task is not None:
            request.task.cancel()

    def delete(self, request: Request) -> None:
        """Forgets a request that has ended.

        Raises:
            Refusal: it has not.
        """
        if request.state not in TERMINAL:
            error = SessionClosed("the request has not been completed; cancel it first")
            raise Refusal(409, "RequestNotCompleted", error)
        self._drop(request, "deleted")

    def find(self, owner: str, number: str) -> Request:
        """The request of an id, of the same principal.

        Raises:
            Refusal: there is none, or none any more.
        """
        request = self._all.get(number)
        if request is None or request.owner != owner:
            was, why = self._gone.get(number, ("", ""))
            if was == owner and why:
                raise _gone("RequestAlreadyDeleted", f"the request was {why}")
            raise Refusal(404, "RequestNotFound", NameNotFound("there is no such request"))
        self._look(request)
        return request

    def since(
        self, owner: str, after: int, *, clients: set[str] | None, ids: set[str] | None
    ) -> Iterator[Request]:
        """The requests of a principal that have changed since a number."""
        for request in list(self._all.values()):
            if request.owner != owner:
                continue
            self._look(request)
            wanted = clients is None or request.client in clients
            wanted = wanted and (ids is None or request.id in ids)
            if wanted and request.changed > after:
                yield request

    def _look(self, request: Request) -> None:
        """Notices that an interpreter has taken a request up."""
        if request.state == IN_QUEUE and request.begun():
            self.move(request, PROCESSING)

    def tick(self) -> None:
        """Forgets those that were kept for long enough."""
        end = time.monotonic() - self._limits().result_seconds
        for request in list(self._all.values()):
            if request.state in TERMINAL and request.ended <= end:
                self._drop(request, "kept for as long as the hub keeps results (setting 'result_seconds')")

    def close(self) -> None:
        """Ends those that are carried out."""
        for request in self._all.values():
            if request.task is not None:
                request.task.cancel()

    def _check_share(self, owner: str, size: int) -> None:
        """Refuses another request of a principal that has half of what all may have under way."""
        limits = self._limits()
        begun = [one for one in self._all.values() if one.owner == owner and one.state not in TERMINAL]
        most = max(1, limits.results // 2)
        if len(begun) >= most:
            raise LimitExceeded(
                f"{len(begun)} of your asynchronous requests are under way, and nobody may have more than "
                f"half of what may be kept (setting 'results': {limits.results:,}); wait for some",
                setting="results",
            )
        taken = sum(one.size for one in begun)
        if taken + size > limits.result_bytes // 2:
            raise LimitExceeded(
                f"your asynchronous requests under way take {taken:,} bytes, this one {size:,}, and nobody "
                f"may have more than half of what may be kept (setting 'result_bytes': "
                f"{limits.result_bytes:,}); wait for some, or make a synchronous one",
                setting="result_bytes",
            )

    def _make_room(self, count: int, size: int) -> None:
        limits = self._limits()
        if size > limits.result_bytes:
            raise LimitExceeded(
                f"{size:,} bytes are more than an asynchronous request may take (setting 'result_bytes': "
                f"{limits.result_bytes:,}); make a synchronous one",
                setting="result_bytes",
            )
        while len(self._all) + count > limits.results or self._size + size > limits.result_bytes:
            crowded = len(self._all) + count > limits.results
            oldest = self._oldest(by_size=not crowded)
            if oldest is None:
                setting = "results" if crowded else "result_bytes"
                raise LimitExceeded(
                    f"{len(self._all)} asynchronous requests of {self._size:,} bytes are kept, and there "
                    f"is no room for another of {size:,} bytes (setting {setting!r}); try again later",
                    setting=setting,
                )
            self._drop(oldest, "let go of to make room for others (settings 'results', 'result_bytes')")

    def _oldest(self, *, by_size: bool) -> Request | None:
        """The oldest request that has ended, of the principal whose requests take most room."""
        ended = [one for one in self._all.values() if one.state in TERMINAL and (one.size or not by_size)]
        taken: Counter[str] = Counter()
        for one in ended:
            taken[one.owner] += one.size if by_size else 1
        if not taken:
            return None
        ((most, _),) = taken.most_common(1)
        return next(one for one in ended if one.owner == most)

    def _drop(self, request: Request, why: str) -> None:
        del self._all[request.id]
        self._size -= request.size
        self.sequence += 1
        self._gone[request.id] = (request.owner, why)
        while len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)


def _gone(name: str, message: str) -> Refusal:
    return Refusal(410, name, SessionClosed(message))
