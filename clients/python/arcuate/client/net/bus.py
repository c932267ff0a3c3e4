"""The transport of a session over the network: messages of the bus on a link that may break.

The thread that makes a call also waits for it, as with a worker on this machine: it reads events, answers
callbacks, and sends ``cancel`` when the call was interrupted or its time is over. When the connection is lost
the thread connects again, resumes the session by its secret and sends the request once more with the same id:
the hub carries out an id once only.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from arcuate.client import messages
from arcuate.client.net.link import Link
from arcuate.client.net.tracing import begin
from arcuate.client.sigint import Guard
from arcuate.client.transport import Call, Greeting, Transport, own_call
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    ConnectionLost,
    ConversionError,
    LimitExceeded,
    ProtocolError,
    SessionClosed,
    from_mapping,
    to_mapping,
)
from arcuate.values import codes, frames
from arcuate.values.known import check_known, lacking
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

__all__ = ["BusTransport", "greet"]

_OWN = 1 << 52
"""Ids from here on belong to the transport itself; calls have smaller ones."""
_ACK_BYTES = 1 << 16
"""A reply with more data than this is acknowledged at once, so that the hub can forget it."""
_ACK_EVERY = 256
"""Messages after which the hub is told that they have arrived: it holds back output that nobody reads."""
_SLICE = 0.25
"""Seconds of one wait: a Ctrl-C in the instant before a wait begins would go unnoticed otherwise."""
_SLACK = 10.0
"""Seconds beyond deadline and grace after which a hub that does not answer counts as lost."""
_SILENCE, _DEAD = 20.0, 60.0
"""Seconds of silence in a call until the hub is asked for a sign of life, and until it counts as lost."""
_FIRST_DELAY, _LAST_DELAY = 0.05, 2.0


def greet(link: Link, token: str | None, timeout: float) -> dict[str, Any]:
    """Says hello on a fresh connection and returns what the hub says.

    Raises:
        ProtocolError: it speaks another major version.
        AuthenticationFailed: it does not know the token.
        ConnectionLost: it does not answer.
    """
    limits = link.limits
    hello: dict[str, Any] = {
        "major": frames.MAJOR,
        "minor": frames.MINOR,
        "kinds": list(codes.KIND_NAMES),
        "features": list(link.features),
        "limits": {name: getattr(limits, name) for name in ("message", "array", "nodes", "text", "depth")},
        "agent": "arcuate-python",
    }
    if token is not None:
        hello["token"] = token
    link.send(messages.build("hello", 0, hello))
    end = time.monotonic() + timeout
    while True:
        answer = link.receive(max(0.0, end - time.monotonic()))
        if answer is not None:
            break
        if time.monotonic() >= end:
            raise ConnectionLost(f"the hub did not answer the greeting within {timeout:g} s", executed="no")
    op, _ = messages.head(answer)
    found = messages.fields(answer)
    if op == "error":
        raise from_mapping(found)
    if op != "hello" or found.get("major") != frames.MAJOR:
        raise ProtocolError(
            f"the hub speaks protocol {found.get('major')}.{found.get('minor')}, this side "
            f"{frames.MAJOR}.{frames.MINOR}; install matching versions of Arcuate"
        )
    link.greeted(found)
    return found


class BusTransport(Transport):
    """A session that lives in a hub.

    Args:
        link: carries the messages; not connected yet.
        environment: the environment's name there.
        options: the environment's own options.
        token: says who we are.
        grace: seconds that an interrupted interpreter has to stop before it is killed.
        start: seconds that connecting and opening may take.
    """

    def __init__(
        self,
        link: Link,
        environment: str,
        options: Mapping[str, Any],
        *,
        token: str | None = None,
        grace: float = 3.0,
        start: float = 60.0,
    ) -> None:
        self.name = link.name
        self.generation = 0
        self._link = link
        self._environment = environment
        self._token = token
        self._grace = grace
        self._start = start
        self._owner = os.getpid()
        self._state = threading.Lock()
        self._running: list[Call] = []
        self._pending: list[Nodes] = []
        self._releases: deque[tuple[int, Nodes]] = deque()  # that the hub may not have
        self._orphans: list[int] = []  # calls that were given up, for the next connection to cancel
        self._parents: list[int] = []  # ids of the callbacks that run now
        self._early: dict[int, Nodes] = {}  # answers that came while a callback of their call ran, by id
        self._seen = 0  # the last message that arrived
        self._told = 0  # and the last that the hub was told of
        self._next = _OWN
        self._closed = self._aborted = False
        self._gone: ArcuateError | None = None
        self._connected = False
        self._heard = self._pinged = 0.0
        try:
            self._connect(start)
            self._open(options, link.limits)
        except BaseException as error:
            if isinstance(error, ConnectionLost):
                error.executed = "no"  # there was no call yet
            self.close()
            raise

    # ------------------------------------------------------------------ life

    def _connect(self, timeout: float) -> None:
        self._connected = False
        self._link.connect(timeout)
        self.hub = greet(self._link, self._token, timeout)
        self._unknown = lacking(self.hub.get("kinds"))
        self._connected = True
        self._heard = time.monotonic()

    def _open(self, options: Mapping[str, Any], limits: Limits) -> None:
        fields: dict[str, Any] = {
            "environment": self._environment,
            "options": {key: _sendable(value) for key, value in options.items()},
            "limits": {"message": limits.message, "array": limits.array, "depth": limits.depth},
            "grace": self._grace,
        }
        self._greeted(self._ask("open", fields, self._start))

    def _greeted(self, data: Mapping[str, Any]) -> None:
        """Takes over a greeting."""
        self.session = str(data.get("session", ""))
        hub = self.hub.get("hub")
        self.place = (hub, self.session) if isinstance(hub, str) else None
        if data.get("secret"):
            self._secret = str(data["secret"])
        self._window = float(data.get("window", 0.0))
        features: Mapping[str, Any] = data.get("features") or {}
        self.generation = int(data.get("generation", 1))
        self.greeting = Greeting(
            language=str(data.get("language", "")),
            version=str(data.get("version", "")),
            pid=int(data.get("pid", 0)),
            order=str(features.get("order", "any")),
            vectors=bool(features.get("vectors", False)),
            features=features,
            info={
                **(data.get("info") or {}),
                "environment": self._environment,
                "session": self.session,
            },
        )

    def _ask(self, op: str, fields: Mapping[str, Any], timeout: float | None) -> Any:
        """Asks something of the hub itself, outside the calls of the session."""
        self._next += 1
        call = own_call(self._next, None if timeout is None else time.monotonic() + timeout)
        found = messages.fields(self.exchange(messages.build(op, call.id, fields), call))
        return found.get("value")

    def restart(self) -> None:
        self._check_owner()
        self._greeted(self._ask("restart", {}, self._start))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if os.getpid() == self._owner and self._connected and self._gone is None:
            try:
                self._next += 1
                self._link.send(messages.build("close", self._next))
                end = time.monotonic() + 5.0
                while time.monotonic() < end:
                    answer = self._link.receive(end - time.monotonic())
                    if answer is None:
                        continue
                    op, number = messages.head(answer)
                    if number == self._next or (op == "error" and number == 0):
                        break
            except ArcuateError:
                pass
        self._link.close()

    def _check_owner(self) -> None:
        if os.getpid() != self._owner:
            raise SessionClosed(
                f"this session belongs to process {self._owner}; a forked child cannot use it: open a "
                "session of its own in the child"
            )
        if self._closed:
            raise SessionClosed("this session is closed; open another with connect(...)")
        if self._gone is not None:
            raise SessionClosed(f"this session is lost: {self._gone.message}; open another with connect(...)")

    # ----------------------------------------------------------------- calls

    def exchange(self, message: Nodes, call: Call) -> Nodes:
        self._check_owner()
        if message.buffers:
            self._check_arrays(message)
        if self._unknown:
            check_known(message, self._unknown)
        wake = self._link.wake
        guard = Guard.enter(wake)
        with self._state:
            outer = self._running[-1].deadline if self._running else None
            if outer is not None and (call.deadline is None or outer < call.deadline):
                call.deadline = outer
            self._running.append(call)
        span = begin(message, self._environment, self.name)
        self._control(message, call, "" if span is None else span.parent)
        before = self._next if self._releases else 0
        mine = len(self._pending)
        self._pending.append(message)
        failed: BaseException | None = None
        try:
            reply = self._exchange(message, call, mine)
            while before and self._releases and self._releases[0][0] <= before:
                self._releases.popleft()  # they went before the request, so they have arrived
            return reply
        except BaseException as error:
            failed = error
            raise
        finally:
            if span is not None:
                span.end(failed)
            del failed
            del self._pending[mine:]
            self._early.pop(call.id, None)
            with self._state:
                self._running.remove(call)
            if guard is not None:
                guard.leave()

    def _check_arrays(self, message: Nodes) -> None:
        """Fails before anything is sent where the hub, or this session, would not take it."""
        largest = max(len(one) if isinstance(one, bytes) else one.nbytes for one in message.buffers)
        if largest > self._link.limits.array:
            raise LimitExceeded(
                f"an array of {largest:,} bytes exceeds this session's limit of {self._link.limits.array:,} "
                "bytes; raise it with connect(..., limits=Limits(array=...)) or send the array in parts",
                setting="array",
            )
        hub = (self.hub.get("limits") or {}).get("array")
        if isinstance(hub, int) and largest > hub:
            raise LimitExceeded(
                f"an array of {largest:,} bytes exceeds the hub's limit of {hub:,} bytes; its operator can "
                "raise the setting 'array', or send the array in parts",
                setting="array",
            )

    def _control(self, message: Nodes, call: Call, trace: str) -> None:
        """Adds what the hub must know beside the request itself."""
        rows = message.rows
        extra: list[Any] = []
        if call.deadline is not None:
            left = max(1, int((call.deadline - time.monotonic()) * 1000))
            extra.append((codes.INT, 0, 0, 0, 0, left, "deadline", ""))
        if self._parents:
            extra.append((codes.INT, 0, 0, 0, 0, self._parents[-1], "parent", ""))
        elif self._seen:
            self._told = self._seen
            extra.append((codes.INT, 0, 0, 0, 0, self._seen, "seen", ""))
        if trace:
            extra.append((codes.TEXT, 0, 0, 0, 0, 0, "trace", trace))
        if extra:
            root = rows[0]
            rows[0] = (*root[:4], root[4] + len(extra), *root[5:])
            rows[3:3] = extra

    def _exchange(self, message: Nodes, call: Call, mine: int) -> Nodes:
        """Sends a request and serves what comes until its reply is there.

        Args:
            message: the request.
            call: what the caller knows of it.
            mine: its place among the messages that a new connection must carry again.
        """
        self._transmit(message, call)
        asked = False
        while True:
            if self._aborted:
                self._connected = False
                raise _aborted()
            patience = _SLICE
            if call.cancelled or call.deadline is not None:
                now = time.monotonic()
                if call.cancelled and not asked:
                    asked = True
                    end = now + self._grace + _SLACK
                    self._cancel(call)
                elif not asked and call.deadline is not None and now > call.deadline + self._grace + _SLACK:
                    asked = True
                    end = now + _SLACK
                    self._cancel(call)
                if asked and now > end:
                    raise self._unanswered(call)
                if not asked and call.deadline is not None and now < call.deadline:
                    patience = min(patience, call.deadline - now)
            early = self._early.pop(call.id, None)
            try:
                incoming = self._link.receive(patience) if early is None else early
                if incoming is None and self._silent():
                    raise ConnectionLost("the hub gives no sign of life", executed="maybe")
            except ConnectionLost as error:
                self._recover(error, call)
                asked = False
                continue
            except (LimitExceeded, ConversionError) as error:
                if self._link.refused:  # what was sent, not what came
                    self._connected = False
                    raise
                self._refuse(call)
                error.executed = "maybe"
                raise
            if incoming is None:
                if Guard.struck(self._link.wake):
                    call.cancelled = True
                continue
            self._heard = time.monotonic()
            if early is None and not self._fresh(incoming):
                continue
            op, number = messages.head(incoming)
            if op == "reply" and number == call.id:
                if incoming.buffers and _large(incoming):
                    self._acknowledge()
                return incoming
            if op == "error" and number in (call.id, 0):
                raise self._judge(call, from_mapping(messages.fields(incoming)))
            if op == "event":
                self._event(call, messages.fields(incoming))
            elif op == "callback":
                self._callback(call, incoming, mine)
            elif any(one.id == number for one in self._running):
                self._early.setdefault(number, incoming)  # the hub did not wait for the callback we are in
            # Anything else answers a call that was given up, or is of a newer minor version.

    def _refuse(self, call: Call) -> None:
        """Passes over a message that this side does not take; its call is stopped, if it goes on."""
        self._seen += 1
        self._orphans.append(call.id)
        self._connected = False  # the rest of the message may still be on its way

    def _silent(self) -> bool:
        """Whether the hub has been silent for too long; asks it before."""
        now = time.monotonic()
        quiet = now - self._heard
        if quiet < _SILENCE:
            return False
        if self._pinged < self._heard:
            self._pinged = now
            self._next += 1
            self._link.send(messages.build("ping", self._next))
        return quiet >= _DEAD

    def _transmit(self, message: Nodes, call: Call) -> None:
        if not self._connected:
            self._recover(ConnectionLost("the connection was lost before this call", executed="no"), call)
            return
        try:
            self._link.send(message)
            self._heard = time.monotonic()  # silence begins now: nobody listened before
        except ConnectionLost as error:
            self._recover(error, call)

    def _fresh(self, incoming: Nodes) -> bool:
        """Takes the sequence number off a message; ``False`` for one that came before."""
        last = incoming.rows[-1]
        if last[6] != "seq":
            return True
        incoming.rows.pop()
        root = incoming.rows[0]
        incoming.rows[0] = (*root[:4], root[4] - 1, *root[5:])
        if last[5] <= self._seen:
            return False
        self._seen = last[5]
        if self._seen - self._told >= _ACK_EVERY:
            self._acknowledge()
        return True

    def _event(self, call: Call, event: dict[str, Any]) -> None:
        if event.get("type") == "restarted":
            self._greeted(event)
        else:
            call.on_event(event)

    def _callback(self, call: Call, incoming: Nodes, mine: int) -> None:
        del self._pending[mine + 1 :]  # the hub goes on, so it has the answer to the callback before
        number = messages.head(incoming)[1]
        self._parents.append(number)
        try:
            answer, struck = Guard.aside(lambda: call.on_callback(incoming))
        finally:
            self._parents.pop()
        call.cancelled = call.cancelled or struck
        if answer is None:
            answer = messages.build("raise", number)
        if self._aborted:
            raise _aborted()
        if self._gone is not None:
            raise SessionClosed(f"this session is lost: {self._gone.message}", executed="maybe")
        late = call.deadline is not None and time.monotonic() >= call.deadline
        if call.cancelled or late:
            call.stopped = True
            over = CallCancelled("the call was stopped while a callback ran", executed="maybe")
            answer = messages.build("raise", number, to_mapping(over))
        self._pending.append(answer)  # a connection that is lost before the hub has it must carry it again
        self._transmit(answer, call)

    def _judge(self, call: Call, error: ArcuateError) -> ArcuateError:
        if call.stopped and not isinstance(error, (CallCancelled, CallTimeout)):
            return CallCancelled("the call was cancelled inside a callback", executed="maybe")
        return error

    @property
    def deadline(self) -> float | None:
        with self._state:
            return self._running[-1].deadline if self._running else None

    def post(self, message: Nodes) -> None:
        self._check_owner()
        if messages.head(message)[0] == "release":
            # Nothing answers it. Its id has the hub pass over it when it comes once more.
            self._next += 1
            message.rows[2] = (codes.INT, 0, 0, 0, 0, self._next, "id", "")
            self._releases.append((self._next, message))
        if self._connected:
            try:
                self._link.send(message)
            except ConnectionLost:
                self._connected = False

    def _acknowledge(self) -> None:
        self._told = self._seen
        self.post(messages.build("ack", 0, {"seen": self._seen}))

    def _cancel(self, call: Call) -> None:
        try:
            self._link.send(messages.build("cancel", 0, {"call": call.id}))
        except ConnectionLost:
            self._connected = False

    def interrupt(self, number: int | None = None) -> bool:
        with self._state:
            if not self._running or (number is not None and all(call.id != number for call in self._running)):
                return False
            for call in self._running:
                call.cancelled = True
        self._link.wake()
        return True

    def abort(self) -> None:
        self._aborted = self._link.ending = True
        self._link.wake()

    def _unanswered(self, call: Call) -> ArcuateError:
        """The hub answers neither the call nor its cancel: the connection is given up, the session kept."""
        self._connected = False
        cls = CallCancelled if call.cancelled else CallTimeout
        return cls(
            "the hub did not answer in time, and not when asked to stop either; what became of the call is "
            "not known",
            executed="maybe",
        )

    # --------------------------------------------------------- lost and found

    def _recover(self, error: ConnectionLost, call: Call) -> None:
        """Connects again, resumes the session, and sends what was under way once more."""
        self._connected = False
        if not hasattr(self, "_secret"):
            raise error
        begun = time.monotonic()
        end = begun + self._window
        delay = _FIRST_DELAY
        while True:
            if call.cancelled or (call.deadline is not None and time.monotonic() >= call.deadline):
                cls = CallCancelled if call.cancelled else CallTimeout
                raise cls(
                    f"the connection was lost ({error.message}) and not back in time; "
                    "what became of the call is not known",
                    executed="maybe",
                )
            try:
                self._connect(max(0.5, min(5.0, end - time.monotonic())))
                self._resume()
                stops = [messages.build("cancel", 0, {"call": number}) for number in self._orphans]
                for message in (*stops, *[one for _, one in self._releases], *self._pending):
                    self._link.send(message)
                self._orphans.clear()
                return
            except ConnectionLost as again:
                self._connected = False
                if time.monotonic() + delay >= end:
                    self._gone = ConnectionLost(
                        f"the connection was lost ({error.message}) and could not be made again within "
                        f"{self._window:g} s ({again.message})",
                        executed="maybe",
                        workspace=False,
                    )
                    raise self._gone from None
            except ArcuateError as refused:
                self._connected = False
                self._gone = ConnectionLost(
                    f"the connection was lost ({error.message}), and the hub does not resume the session: "
                    f"{refused.message}",
                    executed="maybe",
                    workspace=False,
                )
                raise self._gone from refused
            self._pause(delay * (0.5 + random.random() / 2))  # noqa: S311
            delay = min(delay * 2, _LAST_DELAY)

    def _pause(self, seconds: float) -> None:
        threading.Event().wait(seconds)

    def _resume(self) -> None:
        self._next += 1
        number = self._next
        fields = {"session": self.session, "secret": self._secret, "seen": self._seen}
        self._link.send(messages.build("resume", number, fields))
        end = time.monotonic() + _SLACK
        while True:
            answer = self._link.receive(max(0.0, end - time.monotonic()))
            if answer is None:
                if time.monotonic() >= end:
                    raise ConnectionLost("the hub did not answer", executed="maybe")
                continue
            op, got = messages.head(answer)
            if got not in (number, 0):
                continue
            found = messages.fields(answer)
            if op == "error":
                raise from_mapping(found)
            self._greeted(found.get("value") or {})
            return


def _aborted() -> SessionClosed:
    return SessionClosed("this session was closed while the call ran", executed="maybe")


def _sendable(option: Any) -> Any:
    """An option's value, with paths as texts."""
    if isinstance(option, os.PathLike):
        return os.fspath(option)
    if isinstance(option, (list, tuple)):
        return [_sendable(item) for item in option]
    return option


def _large(message: Nodes) -> bool:
    return any(
        (len(buffer) if isinstance(buffer, bytes) else buffer.nbytes) >= _ACK_BYTES
        for buffer in message.buffers
    )
