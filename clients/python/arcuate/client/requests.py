"""The inside of a session: turns requests into messages and replies into values.

:class:`Requester` holds the state of a session; :class:`arcuate.client.session.Session` is its public face.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from arcuate.client import messages
from arcuate.client.callbacks import MAX_NESTED, Callbacks, describe_exception
from arcuate.client.events import Events, OnEvent, OnOutput
from arcuate.client.function import Function
from arcuate.client.lock import FairLock
from arcuate.client.remote import Remote, is_remote
from arcuate.client.transport import Call, Transport
from arcuate.errors import (
    CallCancelled,
    CallTimeout,
    ConversionError,
    EnvironmentCrashed,
    InvalidArgument,
    NameNotFound,
    ProtocolError,
    RemoteError,
    SessionClosed,
    StaleHandle,
)
from arcuate.values import codes
from arcuate.values.decode import decode_next
from arcuate.values.encode import encode_into
from arcuate.values.nodes import Cursor, Nodes, step
from arcuate.values.options import DecodeOptions, EncodeOptions

if TYPE_CHECKING:
    from arcuate.client.session import Session
    from arcuate.client.submit import CallFuture, Frame, Worker

__all__ = ["Requester"]

_NONE: Mapping[str, Any] = {}
_CLOSE_SECONDS = (10.0, 1.0)
"""That closing leaves to a call that is interrupted, and to one whose transport has been told to give up."""
_CLOSE_SLICE = 0.05
_LENDERS: weakref.WeakValueDictionary[tuple[str, str], Requester] = weakref.WeakValueDictionary()
"""Sessions of hubs of which other sessions got an object, by hub and name."""


class Requester:
    """State and requests of a session."""

    def __init__(
        self,
        transport: Transport,
        *,
        name: str,
        strict: bool = False,
        simplify: bool = True,
        on_output: OnOutput | None = None,
        on_event: OnEvent | None = None,
        timeout: float | None = None,
        depth: int = codes.MAX_DEPTH,
    ) -> None:
        self._transport = transport
        self._name = name
        self._strict = strict
        self._simplify = simplify
        self._timeout = timeout
        self._events = Events(on_output, on_event)
        self._callbacks = Callbacks()
        self._lock = FairLock()
        self._number = 0
        self._nested = 0
        self._current: Call | None = None
        self._released: deque[str] = deque()
        self._lent: weakref.WeakValueDictionary[str, Remote] = weakref.WeakValueDictionary()
        self._events.released = self._callbacks.release
        self._worker: Worker | None = None
        self._worker_lock = threading.Lock()
        self._closed = False
        self._owner = os.getpid()
        self._resolved: dict[str, Any] = {}
        self._depth = depth
        self._prepare()

    def _prepare(self) -> None:
        greeting = self._transport.greeting
        self._generation = self._transport.generation
        self._vectors = greeting.vectors
        self._encode = EncodeOptions(
            order=greeting.order,
            vectors=greeting.vectors,
            function=self._register,
            handle=self._recognise,
            depth=self._depth,
        )
        self._decode = DecodeOptions(
            simplify=self._simplify and greeting.vectors, function=self._function, handle=self._object
        )

    def _call(
        self,
        name: str | Remote,
        args: Sequence[Any],
        keywords: Mapping[str, Any],
        nargout: int = 1,
        keep: bool = False,
        timeout: float | None = None,
        on_output: OnOutput | None = None,
    ) -> Any:
        plain: dict[str, Any] = {}
        target: Remote | None = None
        if isinstance(name, str):
            plain["name"] = name
        else:
            target = name
        return self._request(
            "call",
            self._controls(plain, nargout, keep) if nargout != 1 or keep else plain,
            target=target,
            args=args,
            named=keywords,
            timeout=timeout,
            on_output=on_output,
            nargout=nargout,
        )

    def _controls(self, plain: dict[str, Any], nargout: Any, keep: bool) -> dict[str, Any]:
        if not isinstance(nargout, int) or isinstance(nargout, bool) or nargout < 0:
            raise InvalidArgument(f"nargout must be 0, 1, 2, ..., not {nargout!r}")
        if nargout != 1:
            plain["nargout"] = nargout
        if keep:
            plain["keep"] = True
        return plain

    def _request(
        self,
        op: str,
        plain: Mapping[str, Any],
        *,
        target: Remote | None = None,
        args: Sequence[Any] | None = None,
        named: Mapping[str, Any] = _NONE,
        values: Mapping[str, Any] = _NONE,
        timeout: float | None = None,
        on_output: OnOutput | None = None,
        nargout: int = 1,
    ) -> Any:
        """Sends one request and returns its value."""
        if self._closed:
            self._check_open()
        if timeout is None:
            timeout = self._timeout
        deadline = None
        if timeout is not None:
            if timeout <= 0:
                raise InvalidArgument(f"timeout must be positive, not {timeout!r}; leave it out for no limit")
            deadline = time.monotonic() + timeout
        if os.getpid() != self._owner:
            self._check_open()
        if not self._lock.acquire(timeout):
            raise CallTimeout(
                "the call's time ran out while it waited for others on this session", executed="no"
            )
        nested, outer = self._nested, self._current
        try:
            events = self._events
            deliver = events.deliver if on_output is None else lambda event: events.deliver(event, on_output)
            call = self._current = Call(0, deadline, deliver, self._serve)
            if self._closed:  # while this call waited
                self._check_open()
            if self._nested >= MAX_NESTED:
                raise InvalidArgument(f"calls and callbacks nest deeper than {MAX_NESTED} levels")
            self._flush()
            self._number += 1
            number = call.id = self._number  # the arguments may need requests of their own
            extra = (target is not None) + (args is not None) + bool(named) + len(values)
            message = messages.build(op, number, plain, extra)
            self._fill(message, target, args, named, values)
            if self._strict:
                self._check_strict(message)
            if self._worker is not None:
                self._worker.begin(call, nested)
            self._callbacks.failed = None if not self._nested else self._callbacks.failed
            try:
                reply = self._transport.exchange(message, call)
            except RemoteError as error:
                raise self._original(error) from error
            except (CallCancelled, EnvironmentCrashed) as error:
                if error.workspace is False:
                    self._callbacks.renew()
                failed = self._callbacks.failed
                if isinstance(failed, (KeyboardInterrupt, SystemExit)):
                    raise failed from error
                if self._closed and isinstance(error, EnvironmentCrashed):
                    raise SessionClosed(
                        "this session was closed while the call ran", executed="maybe"
                    ) from error
                raise
            finally:
                if self._generation != self._transport.generation:
                    self._resolved.clear()
                    self._prepare()
            return self._value(reply, nargout)
        finally:
            self._nested = nested  # a Ctrl-C may have struck while it was counted down
            self._current = outer
            if self._callbacks.dropped:
                self._callbacks.settle()
            self._give_back()
            if self._events.trouble is not None and not nested:
                trouble, self._events.trouble = self._events.trouble, None
                raise trouble

    def _fill(
        self,
        message: Nodes,
        target: Remote | None,
        args: Sequence[Any] | None,
        named: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> None:
        """Appends the values of a request."""
        options = self._encode
        if target is not None:
            encode_into(target, message, "target", options)
        for key, value in values.items():
            _into(value, message, key, options, f"$.{key}")
        if args is not None:
            message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, len(args), 0, "args", ""))
            for index, arg in enumerate(args):
                _into(arg, message, "", options, f"$.args[{index}]")
        if named:
            message.rows.append((codes.MAPPING, 0, 0, 0, len(named), 0, "named", ""))
            for key, value in named.items():
                _into(value, message, key, options, f"$.named{step(key)}")

    def _value(self, reply: Nodes, nargout: int) -> Any:
        """The value of a ``reply``."""
        rows = reply.rows
        if len(rows) > 3 and rows[3][6] == "value" and rows[0][4] == 3:
            cursor = Cursor(reply)
            cursor.next(), cursor.next(), cursor.next()
            cursor.depth = 1
            value = decode_next(cursor, self._decode)[1]
        else:
            found = messages.fields(reply, self._decode)
            if "values" in found:
                return tuple(self._arrays(item) for item in found["values"])
            value = found.get("value")
        if nargout == 0:
            return None
        return value if self._simplify else self._arrays(value)

    def _arrays(self, value: Any) -> Any:
        """With ``simplify=False``:

        scalars of a language that has none come back as the 1-by-1 arrays they are.
        """
        if (
            self._simplify
            or not self._vectors
            or self._transport.greeting.features.get("scalars", True) is False
        ):
            return value
        return _boxed(value)

    def _serve(self, message: Nodes) -> Nodes:
        """Runs a Python function that the other side calls back."""
        self._nested += 1
        try:
            found = messages.fields(message, self._decode)
            number = int(found["id"])
            function = self._callbacks.find(str(found["function"]))
            if function is None:
                raise NameNotFound(f"no Python function {found['function']!r} in this session")
            end = self._transport.deadline
            if end is not None and isinstance(function, Remote):  # the call's time is that of what it calls
                function = function.options(timeout=max(0.001, end - time.monotonic()))
            result = self._invoke(function, found.get("args", ()), found.get("named") or {})
            answer = messages.build("return", number, None, 1)
            encode_into(result, answer, "value", self._encode)
            return answer
        except BaseException as error:
            self._callbacks.failed = error
            return messages.build("raise", messages.head(message)[1], describe_exception(error))
        finally:
            self._nested -= 1

    def _invoke(self, function: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Calls a function of the caller's; asyncio does it in its loop."""
        return function(*args, **named)

    def _original(self, error: RemoteError) -> BaseException:
        """The Python exception of a callback that came back as a foreign error, or the error itself."""
        failed = self._callbacks.failed
        if failed is not None and (str(failed) or type(failed).__name__) in error.message:
            if not self._nested:
                self._callbacks.failed = None
            return failed
        if isinstance(failed, (KeyboardInterrupt, SystemExit)):
            return failed
        return error

    def _flush(self) -> None:
        """Tells the other side which handles are no longer used."""
        if not self._released:
            return
        names = []
        while self._released:
            names.append(self._released.popleft())
        message = messages.build("release", 0, None, 1)
        message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, len(names), 0, "handles", ""))
        message.rows.extend((codes.TEXT, 0, 0, 0, 0, 0, "", name) for name in names)
        self._transport.post(message)

    def _object(self, number: str, info: Mapping[str, Any]) -> Remote:
        return self._borrowed(number, info) if "/" in number else self._remote(number, info)

    def _remote(self, number: str, info: Mapping[str, Any]) -> Remote:
        return self._keep(Remote(cast("Session", self), number, info), number)

    def _keep(self, remote: Remote, number: str) -> Remote:
        """Has the other side let go of an object when it is collected here."""
        generation = self._generation
        released = self._released
        session = weakref.ref(self)

        def release() -> None:
            alive = session()
            if alive is not None and alive._generation == generation:
                released.append(number)

        weakref.finalize(remote, release).atexit = False
        return remote

    def _recognise(self, value: Any) -> tuple[str, Mapping[str, Any]] | None:
        if isinstance(value, Function):
            value = value._remote()
        if not is_remote(value):
            return None
        session, number = value._arcuate
        if number.split(":", 1)[0] != str(session._generation):
            raise StaleHandle(
                "the object lived in an interpreter that is gone; make it again after the restart"
            )
        if session is self:
            return number, _NONE
        if session._closed:
            raise StaleHandle("the object lived in a session that is closed; make it again in another")
        there, here = session._transport.place, self._transport.place
        if there is None or here is None or there[0] != here[0]:
            return None  # a function of this process, which makes the call there
        session._lent[number] = value
        _LENDERS[there] = session
        return f"{there[1]}/{number}", value._info

    def _register(self, function: Callable[..., Any]) -> tuple[str, Mapping[str, Any] | None]:
        """Keeps a function that the other side may call; an object of another session is one, too."""
        if isinstance(function, Function):
            function = function._remote()
        if not isinstance(function, Remote):
            return self._callbacks.register(function)
        number, _ = self._callbacks.register(function, foreign=True)
        return number, {**function._info, "foreign": True}

    def _borrowed(self, name: str, info: Mapping[str, Any]) -> Remote:
        """An object of another session of the same hub that came back."""
        place, _, number = name.rpartition("/")
        hub = self._transport.place
        session = None if hub is None else _LENDERS.get((hub[0], place))
        if session is None or session._closed:
            self._released.append(name)
            raise StaleHandle("the object lives in a session that is not open here")
        known = session._lent.get(number)
        if known is not None:
            session._released.append(number)  # counted once more for the one that is here already
            return known
        return session._remote(number, info)

    def _function(self, number: str, info: Mapping[str, Any]) -> Any:
        function = self._callbacks.find(number)
        if function is None:
            raise ProtocolError(f"a function {number!r} came back that this session never sent")
        return function

    def _check_strict(self, message: Nodes) -> None:
        from arcuate.values.table import check_strict

        check_strict(message, self._transport.greeting.language.lower())

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosed(f"this session is closed; open another with connect({self._name!r})")
        if os.getpid() != self._owner:
            raise SessionClosed(
                f"this session belongs to process {self._owner}; a forked child cannot use it: "
                f"open a session of its own in the child with connect({self._name!r})"
            )

    def _give_back(self) -> None:
        """Releases the lock after a call; closes, where close() could not wait for it."""
        self._lock.release()
        if self._closed and not self._lock.held and self._lock.acquire(0.0):
            try:
                self._transport.close()
            finally:
                self._lock.release()

    def _seize(self) -> bool:
        """Takes the lock in order to close. ``False``: a call does not end, and closes when it does."""
        for patience in _CLOSE_SECONDS:
            end = time.monotonic() + patience
            while time.monotonic() < end:
                # Again and again: the transport does not know of a call whose arguments are still prepared.
                if not self._lock.held:
                    self._transport.interrupt()
                if self._lock.acquire(_CLOSE_SLICE):
                    return True
            self._transport.abort()
        return False

    def _submit(self, work: Callable[[], Any], frame: Frame | None = None) -> CallFuture:
        return self._thread().submit(work, self._transport.interrupt, frame)

    def _thread(self) -> Worker:
        """The session's own thread."""
        from arcuate.client.submit import Worker

        with self._worker_lock:
            if self._worker is None:
                self._check_open()
                self._worker = Worker(self._name)
            return self._worker


def _boxed(value: Any) -> Any:
    """A value with 1-by-1 arrays in place of its numbers."""
    if isinstance(value, dict):
        for key, item in value.items():
            value[key] = _boxed(item)
    elif isinstance(value, list):
        value[:] = [_boxed(item) for item in value]
    elif isinstance(value, (bool, int, float, complex)) or type(value).__module__ == "numpy":
        import numpy as np

        return np.array([[value]]) if np.ndim(value) == 0 else value
    return value


def _into(value: Any, message: Nodes, key: str, options: EncodeOptions, path: str) -> None:
    """Encodes one value; an error's path starts at the message."""
    try:
        encode_into(value, message, key, options)
    except ConversionError as error:
        error.prepend(path)
        raise
