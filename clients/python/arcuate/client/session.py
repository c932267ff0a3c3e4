"""The session: one interpreter, its functions, its workspace.

A :class:`Session` turns calls into messages and replies into values. How the messages travel is its
transport's affair.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextvars import copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from arcuate.client.dropped import end_later
from arcuate.client.events import Display, OnOutput
from arcuate.client.function import Function, resolve
from arcuate.client.requests import Requester
from arcuate.errors import ArcuateError, InvalidArgument, NameNotFound

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Session"]


class Session(Requester):
    """An open session with one interpreter; made by :func:`arcuate.client.connect`.

    Calls of several threads are queued in order. Sessions run in parallel.

    Attributes:
        displays: the last figures that calls drew.
    """

    # ------------------------------------------------------------ the public

    def call(
        self,
        name: str,
        /,
        *args: Any,
        nargout: int = 1,
        keep: bool = False,
        timeout: float | None = None,
        named: Mapping[str, Any] | None = None,
        on_output: OnOutput | None = None,
        **keywords: Any,
    ) -> Any:
        """Calls a function by name.

        Args:
            name: the function's name there, such as ``"mean"`` or ``"stats::quantile"``.
            args: its arguments.
            nargout: how many outputs are asked for (Octave, MATLAB); 0 returns ``None``, more than one a
                tuple.
            keep: the result stays there and a :class:`Remote` comes back.
            timeout: seconds after which the call is interrupted.
            named: further named arguments, verbatim, for names that clash with the ones above.
            on_output: receives what the call prints, as (stream, text).
            keywords: named arguments (R), name-value pairs (Octave, MATLAB).

        Raises:
            NameNotFound: there is no such function.
            RemoteError: the function raised an error.
            ConversionError: an argument or the result cannot travel.
            CallTimeout: the time ran out; the session is usable afterwards.
        """
        if named:
            doubled = sorted(set(named) & set(keywords))
            if doubled:
                raise InvalidArgument(
                    f"the argument {doubled[0]!r} is given twice: as a keyword and in named="
                )
            keywords = {**keywords, **named}
        return self._call(name, args, keywords, nargout, keep, timeout, on_output)

    def eval(
        self,
        code: str,
        *,
        nargout: int = 1,
        keep: bool = False,
        timeout: float | None = None,
        on_output: OnOutput | None = None,
    ) -> Any:
        """The value of an expression."""
        plain = self._controls({"code": _text("code", code)}, nargout, keep)
        return self._request("eval", plain, timeout=timeout, on_output=on_output, nargout=nargout)

    def run(self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None) -> None:
        """Runs statements; what they print streams live."""
        self._request("run", {"code": _text("code", code)}, timeout=timeout, on_output=on_output)

    def submit(self, name: str, /, *args: Any, timeout: float | None = None, **keywords: Any) -> Future[Any]:
        """Calls a function on the session's own thread and returns at once.

        Returns:
            A future; its ``cancel()`` interrupts the call when it is running already.
        """
        self._check_open()
        context = copy_context()  # a trace, for example, goes on over there
        return self._submit(lambda: context.run(self.call, name, *args, timeout=timeout, **keywords))

    def function(self, name: str) -> Function:
        """The function of that name, also where the session has an attribute of the same name."""
        return Function(self, name)

    def get(self, name: str, default: Any = None, *, keep: bool = False) -> Any:
        """A variable of the workspace, or ``default`` where there is none;

        ``keep=True`` for a :class:`Remote`.
        """
        try:
            return self._request("get", {"name": name, "keep": True} if keep else {"name": name})
        except NameNotFound:
            return default

    def interrupt(self) -> bool:
        """Interrupts the running call, from any thread;

        the call raises CallCancelled. Says whether one was running.
        """
        return self._transport.interrupt()

    def restart(self) -> None:
        """Replaces the interpreter by a fresh one. Variables are gone, handles are stale."""
        self._check_open()
        self._overtake()
        if not self._lock.acquire():
            raise AssertionError("unreachable")
        try:
            self._check_open()  # it may have been closed meanwhile
            self._transport.restart()
            self._resolved.clear()
            self._released.clear()
            self._callbacks.renew()
            self._prepare()
        finally:
            self._give_back()

    def _overtake(self) -> None:
        """Interrupts the call that is under way, also one that the transport does not know of yet:

        its arguments may still be prepared.
        """
        call = self._current
        if call is not None:
            call.cancelled = True
        self._transport.interrupt()

    def close(self) -> None:
        """Ends the interpreter. Idempotent; also called at the end of a ``with`` block and at exit."""
        if self._closed:
            return
        self._closed = True
        if os.getpid() == self._owner:
            with self._worker_lock:
                worker = self._worker
            if worker is not None:
                worker.end()
            if self._seize():
                try:
                    self._transport.close()
                finally:
                    self._lock.release()
            if worker is not None:
                worker.stop()
        else:
            self._transport.close()
        self._callbacks.clear()

    @property
    def closed(self) -> bool:
        """Whether the session was closed."""
        return self._closed

    @property
    def info(self) -> dict[str, Any]:
        """What is at the other end:

        environment, language, version, pid, transport, and what it says about itself.
        """
        greeting = self._transport.greeting
        return {
            "environment": self._name,
            "language": greeting.language,
            "version": greeting.version,
            "pid": greeting.pid,
            "transport": self._transport.name,
            "generation": self._transport.generation,
            **greeting.info,
        }

    @property
    def displays(self) -> deque[Display]:
        """The last figures that calls drew, oldest first."""
        return self._events.displays

    # ---------------------------------------------------------- the workspace

    def __getitem__(self, name: str) -> Any:
        return self._request("get", {"name": _key(name)})

    def __setitem__(self, name: str, value: Any) -> None:
        self._request("set", {"name": _key(name)}, values={"value": value})

    def __delitem__(self, name: str) -> None:
        self._request("delete", {"name": _key(name)})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._request("exists", {"name": name}))

    def __iter__(self) -> Iterator[str]:
        return iter(_texts(self._request("list", {})))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def keys(self) -> list[str]:
        """The names of the workspace's variables."""
        return list(self)

    # ------------------------------------------------------ the attribute form

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return resolve(self, name)

    def __dir__(self) -> list[str]:
        own = [name for name in object.__dir__(self) if not name.startswith("_")]
        with contextlib.suppress(ArcuateError):
            found = dict.fromkeys([*self, *self.names()])
            return own + [name for name in found if name.isidentifier()]
        return own

    def names(self, of: str = "", prefix: str = "") -> list[str]:
        """Names to choose from: functions and packages of the environment, or what package ``of`` exports."""
        return _texts(self._request("names", {"name": of, "prefix": prefix}))

    def describe(self, name: str) -> dict[str, Any]:
        """What a name stands for: ``kind``, ``doc``, ``signature``, ``parameters``."""
        found = self._request("describe", {"name": name})
        return dict(found) if isinstance(found, Mapping) else {}

    def help(self, name: str) -> None:
        """Prints the help of a function, as its language has it."""
        doc = self.describe(name).get("doc") or f"no help for {name!r}"
        self._events.deliver({"type": "stdout", "text": doc if doc.endswith("\n") else doc + "\n"})

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        greeting = self._transport.greeting
        if self._closed:
            return f"<arcuate session {self._name!r}: closed>"
        who = f"{greeting.language} {greeting.version}"
        return f"<arcuate session {self._name!r}: {who}, process {greeting.pid}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a session cannot be pickled: it is a process of this machine; "
            f"open another with connect({self._name!r}) there"
        )

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            end_later(self.close)


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{what} must be a text, not {type(value).__name__}")
    return value


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise InvalidArgument(f"a variable's name is a text, not {type(name).__name__}")
    return name


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    return [str(item) for item in cast("Sequence[Any]", value)]
