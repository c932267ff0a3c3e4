"""The worker process of the environment ``python``.

Runs in any Python from 3.10 on, with or without numpy, and imports only the standard library,
``arcuate.values``, ``arcuate.errors`` and ``arcuate.worker.child``.
"""

from __future__ import annotations

import builtins
import os
import platform
import signal
import sys
import types
import warnings
import weakref
from collections import deque
from collections.abc import Mapping
from types import FrameType
from typing import Any

from arcuate.errors import ArcuateError, CallCancelled, ProtocolError, RemoteError, to_mapping
from arcuate.python import figures, lookup
from arcuate.python.failure import failure
from arcuate.python.handles import Handles
from arcuate.values import codes, frames
from arcuate.values.encode import encode_into
from arcuate.values.nodes import Nodes
from arcuate.values.options import DecodeOptions, EncodeOptions
from arcuate.values.types import List
from arcuate.worker.child import Channel, die_with_parent, join_trace, message, read_fields

__all__ = ["Worker", "main"]

running: Worker | None = None
"""The worker that this process is."""


class Proxy:
    """A function of the host. Calling it runs it there."""

    def __init__(self, worker: Worker, number: str, info: Mapping[str, Any]) -> None:
        self._worker = worker
        self._number = number
        self._info = info
        self.__name__ = str(info.get("name", number))

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._worker.call_back(self._number, args, named)

    def __repr__(self) -> str:
        return f"<function {self.__name__} of the caller>"


class Foreign:
    """An object of another session, which stays there."""

    def __init__(self, worker: Worker, number: str, info: Mapping[str, Any]) -> None:
        self._worker = worker
        self._number = number
        self._info = {key: value for key, value in info.items() if key != "class"}
        self._info["class"] = _names(info)
        weakref.finalize(self, worker.dropped.append, number).atexit = False

    def __repr__(self) -> str:
        kind = self._info["class"][0]
        text = f"<{self._info.get('language', '')} {kind} of another session>".replace("< ", "<")
        return f"{text} {self._info.get('summary', '')}".rstrip()

    def __reduce__(self) -> Any:
        raise TypeError("an object of another session cannot be pickled or copied; it stays there")


class ForeignFunction(Foreign):
    """A function of another session. Calling it runs it there."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._worker.call_back(self._number, args, named)


class Worker:
    """Serves requests until the host says goodbye."""

    def __init__(self) -> None:
        self.channel = Channel()
        self.space = types.ModuleType("__main__")
        self.space.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = self.space
        self.busy = 0
        self.callbacks = 0
        self.current = -1
        self.proxies: dict[str, Proxy] = {}
        self.foreign: weakref.WeakValueDictionary[str, Foreign] = weakref.WeakValueDictionary()
        self.dropped: deque[str] = deque()  # objects of other sessions that are not used any more
        self.figures = "png"
        self.handles = Handles(1)
        self.encode = EncodeOptions(
            function=self._function,
            handle=self._handle,
            hook={Foreign: lambda found: Proxy(self, found._number, found._info)},
        )
        self.decode = DecodeOptions(
            function=self._proxy, handle=lambda number, info: self.handles.find(number)
        )

    # ------------------------------------------------------------------ loop

    def greet(self) -> None:
        """Answers the host's greeting."""
        hello = read_fields(self.channel.read())
        if hello.get("op") != "hello" or hello.get("major") != frames.MAJOR:
            raise ProtocolError(
                f"expected a greeting of protocol {frames.MAJOR}, got {hello.get('op')} {hello.get('major')}"
            )
        self.channel.greet(hello)
        options = hello.get("options") or {}
        self.handles = Handles(int(options.get("generation", 1)))
        self.figures = str(options.get("figures", "png"))
        sys.path[:0] = [str(folder) for folder in options.get("path") or ()]
        answer = {
            "major": frames.MAJOR,
            "minor": frames.MINOR,
            "language": "Python",
            "version": platform.python_version(),
            "pid": os.getpid(),
            "kinds": list(codes.KIND_NAMES),
            "features": {"order": "any", "vectors": False, "map": False},
            "info": {"executable": sys.executable, "implementation": platform.python_implementation()},
        }
        self.channel.write(message("hello", 0, answer))

    def serve(self) -> None:
        """Takes requests until the end."""
        while True:
            nodes = self.channel.read()
            op = nodes.rows[1][7]
            if op == "bye":
                return
            self.handle(op, nodes)

    def handle(self, op: str, nodes: Nodes) -> None:
        """Serves one request."""
        number = nodes.rows[2][5]
        outer, self.current = self.current, number
        done = False
        try:
            fields = read_fields(nodes, self.decode)
            if "trace" in fields:
                join_trace(fields["trace"])
            if op == "release":
                for name in fields["handles"]:
                    self.handles.release(name)
                return
            self.busy += 1
            try:
                value = self.perform(op, fields)
                if self.figures and op in ("call", "eval", "run") and "matplotlib.pyplot" in sys.modules:
                    figures.send(self, self.figures)
            finally:
                self.busy -= 1
            done = True
            reply = self._reply(number, value, bool(fields.get("keep")), int(fields.get("nargout", 1)))
            del value, fields  # objects of other sessions may go with them
        except SystemExit as error:
            self._flush()
            os._exit(error.code if isinstance(error.code, int) else 0 if error.code is None else 1)
        except KeyboardInterrupt:
            reply = self._error(
                number, CallCancelled("the call was interrupted", executed="maybe", workspace=True)
            )
        except ArcuateError as error:
            if done:  # it ran, and what it returned cannot travel
                error.executed = "yes"
            reply = self._error(number, error)
        except BaseException as error:
            reply = self._error(number, failure(error))
        finally:
            self.current = outer
        self._flush()
        if self.dropped:
            self.let_go(number)
        try:
            self.channel.write(reply)
        except ArcuateError as error:  # no place for a large array: nothing was written yet
            error.executed = "yes"
            self.channel.write(self._error(number, error))

    def perform(self, op: str, fields: Mapping[str, Any]) -> Any:
        """The value of a request."""
        space = self.space.__dict__
        if op == "call":
            function = fields["target"] if "target" in fields else lookup.find(fields["name"], space)
            if not callable(function):
                raise RemoteError(
                    f"{fields.get('name', 'the object')!r} is not callable: "
                    f"it is a {type(function).__name__}",
                    classes=["TypeError"],
                    language="Python",
                    executed="no",
                )
            return function(*fields.get("args", ()), **(fields.get("named") or {}))
        if op == "eval":
            return eval(compile(fields["code"], "<eval>", "eval", dont_inherit=True), space)  # noqa: S307  (its job)
        if op == "run":
            exec(compile(fields["code"], "<run>", "exec", dont_inherit=True), space)  # noqa: S102  (its job)
            return None
        if op in ("settle", "ping"):
            return None
        handler = getattr(lookup, f"do_{op}", None)
        if handler is None:
            raise ProtocolError(f"unknown request {op!r}")
        return handler(fields, space)

    def _reply(self, number: int, value: Any, keep: bool, nargout: int) -> Nodes:
        reply = message("reply", number, None, 1)
        if keep:
            ident, info = self.handles.keep(value)
            reply.rows.append((codes.HANDLE, 0, 0, 0, 1, 0, "value", ident))
            encode_into({**info, "class": List(info["class"])}, reply, "info")
        elif nargout > 1:
            if not isinstance(value, (tuple, list)) or len(value) < nargout:
                raise RemoteError(
                    f"{nargout} outputs were asked for, the function returned {_count(value)}",
                    classes=["ValueError"],
                    language="Python",
                )
            reply.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, nargout, 0, "values", ""))
            for item in list(value)[:nargout]:
                encode_into(item, reply, "", self.encode)
        else:
            try:
                encode_into(value, reply, "value", self.encode)
            except ArcuateError as error:
                if hasattr(error, "prepend"):
                    error.prepend("$.value")
                raise
        return reply

    def _error(self, number: int, error: ArcuateError) -> Nodes:
        return message("error", number, to_mapping(error))

    # ------------------------------------------------------------- callbacks

    def call_back(self, function: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Runs a function of the host; serves requests that come meanwhile."""
        self.callbacks += 1
        number = self.callbacks
        call = message("callback", number, {"function": function}, 1 + bool(named))
        call.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, len(args), 0, "args", ""))
        for arg in args:
            encode_into(arg, call, "", self.encode)
        if named:
            encode_into(dict(named), call, "named", self.encode)
        busy, self.busy = self.busy, 0  # no interrupt between the frames
        try:
            self._flush()
            self.channel.write(call)
            while True:
                nodes = self.channel.read()
                op = nodes.rows[1][7]
                if op == "return" and nodes.rows[2][5] == number:
                    return read_fields(nodes, self.decode)["value"]
                if op == "raise":
                    raise lookup.exception(read_fields(nodes))
                self.handle(op, nodes)
        finally:
            self.busy = busy

    def let_go(self, number: int) -> None:
        """Says which objects of other sessions are not used any more."""
        names = [self.dropped.popleft() for _ in range(len(self.dropped))]
        self.channel.write(message("event", number, {"type": "released", "functions": List(names)}))

    def event(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Sends an event."""
        self._flush()
        self.channel.write(message("event", self.current, {"type": kind, **fields}))

    def _function(self, function: Any) -> tuple[str, Mapping[str, Any] | None]:
        assert isinstance(function, Proxy)  # functions of this interpreter travel as handles
        return function._number, function._info or None

    def _handle(self, value: Any) -> tuple[str, Mapping[str, Any]] | None:
        if isinstance(value, (Mapping, Proxy, Foreign)):
            return None
        return self.handles.keep(value)

    def _proxy(self, number: str, info: Mapping[str, Any]) -> Any:
        if info.get("foreign"):
            known = self.foreign.get(number)
            if known is None:
                kind = ForeignFunction if info.get("callable", True) else Foreign
                known = self.foreign[number] = kind(self, number, info)
            else:
                self.dropped.append(number)  # the one that is here already stands for both
            return known
        return self.proxies.setdefault(number, Proxy(self, number, info))

    # ------------------------------------------------------- output and signals

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """SIGINT: stops the user's code; harmless when none runs."""
        if self.busy:
            raise KeyboardInterrupt

    def warn(self, text: Warning | str, category: type[Warning], filename: str, line: int, *_: Any) -> None:
        """A warning, sent as an event."""
        if self.busy:
            self.event("warning", {"text": str(text), "class": [category.__name__]})
        else:
            sys.stderr.write(warnings.formatwarning(text, category, filename, line))


def _names(info: Mapping[str, Any]) -> list[str]:
    names = info.get("class") or ["object"]
    return [names] if isinstance(names, str) else [str(name) for name in names]


def _count(value: Any) -> str:
    return f"{len(value)}" if isinstance(value, (tuple, list)) else f"one {type(value).__name__}"


def _no_input(*_: Any, **__: Any) -> Any:
    raise RuntimeError("input() is not available here: nobody can answer; pass the value as an argument")


def _no_debugger(*_: Any, **__: Any) -> Any:
    raise RuntimeError("breakpoint() is not available here: nobody can answer the debugger")


def main() -> None:
    """Runs the worker."""
    global running
    die_with_parent()
    worker = running = Worker()
    signal.signal(signal.SIGINT, worker.interrupt)
    builtins.input = _no_input
    sys.breakpointhook = _no_debugger
    warnings.showwarning = worker.warn  # type: ignore[assignment]
    if not sys.warnoptions:
        warnings.simplefilter("always", append=True)  # the caller's filters decide
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 5000))
    sys.argv = [""]
    try:
        worker.greet()
        worker.serve()
    except (EOFError, BrokenPipeError):
        pass
    finally:
        worker._flush()
    os._exit(0)
