"""``MatlabEngine``: one Octave, used as MathWorks' engine for Python uses one MATLAB."""

from __future__ import annotations

import concurrent.futures
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from arcuate.client.dropped import end_later
from arcuate.compat.matlab.engine.errors import (
    EngineError,
    MatlabExecutionError,
    RejectedExecutionError,
    translated,
)
from arcuate.compat.matlab.engine.futures import FutureResult
from arcuate.compat.matlab.engine.incoming import incoming
from arcuate.compat.matlab.engine.outgoing import PLAIN, detached, outgoing
from arcuate.compat.matlab.engine.statements import is_statement
from arcuate.compat.matlab.engine.workspace import Workspace
from arcuate.errors import ArcuateError, ConversionError, RemoteError

if TYPE_CHECKING:
    from arcuate.client.submit import CallFuture
    from arcuate.compat.matlab.engine.session import EngineSession

__all__ = ["ABSENT", "MatlabEngine", "MatlabFunc", "background_wanted", "live", "refuse_keywords"]

ABSENT: Any = type("_Absent", (), {"__repr__": lambda self: "False"})()
"""Stands for a ``background`` that was not given."""
live: weakref.WeakSet[MatlabEngine] = weakref.WeakSet()
"""The engines that have not ended."""
_SPECIAL = frozenset({"eval", "feval"})
_NONE: dict[str, Any] = {}
_NO_OUTPUT = "called with too many outputs"
_NOTHING = "element number 1 undefined in return list"


class Writable(Protocol):
    """What output can be written to: an ``io.StringIO``, or any other text stream."""

    def write(self, text: str, /) -> object: ...


def refuse_keywords(given: dict[str, Any], background: Any) -> NoReturn:
    """Raises the error for keywords that nothing takes."""
    if "async" in given:
        if background is ABSENT:
            raise SyntaxError("'async' is a keyword of Python; use background=True")
        raise KeyError("'async' and 'background' are the same; use background alone")
    name = next(iter(given))
    raise TypeError(f"there is no keyword {name!r}; name-value pairs are arguments: 'name', value")


def background_wanted(background: Any) -> bool:
    """The keyword ``background``, checked."""
    if background is ABSENT:
        return False
    if not isinstance(background, bool):
        raise TypeError(f"background is True or False, not {type(background).__name__}")
    return background


class MatlabFunc:
    """A function of an engine, by name; dotted for what stands in a package.

    Whether it exists shows in the call.
    """

    __slots__ = ("_engine", "_name")

    def __init__(self, engine: MatlabEngine, name: str) -> None:
        self._engine: MatlabEngine = engine  # or mypy takes __getattr__ for its type
        self._name: str = name

    def __call__(
        self,
        *args: Any,
        nargout: Any = 1,
        background: Any = ABSENT,
        stdout: Writable | None = None,
        stderr: Writable | None = None,
        timeout: float | None = None,
        **others: Any,
    ) -> Any:
        """Calls it.

        Args:
            args: its arguments.
            nargout: how many results are wanted: 0 gives ``None``, 1 the value, more a tuple; ``"auto"``
                gives what there is: a value, or ``None``.
            background: ``True`` returns a :class:`FutureResult` at once.
            stdout: where what it prints is written, as it comes; ``sys.stdout`` if ``None``.
            stderr: the same for warnings and errors.
            timeout: seconds after which it is interrupted.
            others: refused.
        """
        if others:
            refuse_keywords(others, background)
        return self._engine._call(self._name, args, nargout, background, stdout, stderr, timeout)

    def __getattr__(self, name: str) -> MatlabFunc:
        if name.startswith("_"):
            raise AttributeError(name)
        return MatlabFunc(self._engine, f"{self._name}.{name}")

    def __repr__(self) -> str:
        return f"<matlab.engine function {self._name}>"


class MatlabEngine:
    """A running Octave. Its functions are attributes, its variables are in :attr:`workspace`.

    Made by :func:`start_matlab` and :func:`connect_matlab`.
    """

    _session: EngineSession
    _end: Callable[[], None]
    _reason: str
    _last: CallFuture | None

    def __init__(self, session: EngineSession, end: Callable[[], None]) -> None:
        put = object.__setattr__
        put(self, "_session", session)
        put(self, "_end", end)
        put(self, "_reason", "")
        put(self, "_last", None)
        live.add(self)

    def __getattr__(self, name: str) -> MatlabFunc:
        if name.startswith("_"):
            raise AttributeError(f"{name!r}: use feval for names that begin with an underscore")
        return MatlabFunc(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"{name!r} cannot be set on an engine; use eng.workspace[{name!r}] for variables"
        )

    @property
    def workspace(self) -> Workspace:
        """The variables of the base workspace."""
        if self._reason:
            self._reject()
        return Workspace(self)  # not kept: an engine that nobody uses ends at once

    def exit(self) -> None:
        """Ends the engine, or leaves a shared one that another process started. Idempotent."""
        self._finish("it was quit")

    def quit(self) -> None:
        """Ends the engine, or leaves a shared one that another process started. Idempotent."""
        self._finish("it was quit")

    def __enter__(self) -> MatlabEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.quit()

    def __del__(self) -> None:
        if not getattr(self, "_reason", "never begun"):
            end_later(self._end)

    def __dir__(self) -> list[str]:
        return ["eval", "exit", "feval", "quit", "workspace"]

    def __repr__(self) -> str:
        state = f"ended: {self._reason}" if self._reason else f"process {self._session.info['pid']}"
        return f"<matlab.engine.MatlabEngine on Octave, {state}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "an engine cannot be pickled; share it, and connect_matlab(name) in the other process"
        )

    # ------------------------------------------------------------ the inside

    def _finish(self, reason: str) -> None:
        """Ends it, once."""
        if not self._reason:
            object.__setattr__(self, "_reason", reason)
            live.discard(self)
            self._end()

    def _reject(self) -> NoReturn:
        raise RejectedExecutionError(
            f"the engine has ended: {self._reason}; start another with start_matlab()"
        )

    def _call(
        self,
        name: str,
        args: tuple[Any, ...],
        nargout: Any = 1,
        background: Any = ABSENT,
        stdout: Writable | None = None,
        stderr: Writable | None = None,
        timeout: float | None = None,
    ) -> Any:
        """A call as :class:`MatlabFunc` makes it."""
        if self._reason:
            self._reject()
        if nargout.__class__ is not int:
            nargout = _outputs(nargout)
        elif nargout < 0:
            raise ValueError(f"nargout is 0, 1, 2, ..., not {nargout}")
        on_output = None if stdout is None and stderr is None else _listener(stdout, stderr)
        later = background is not ABSENT and background_wanted(background)
        values = [
            value if value.__class__ in PLAIN else _argument(value, number)
            for number, value in enumerate(args)
        ]
        if later:
            values = [detached(value) for value in values]
        if not later and self._last is None:
            try:
                if name in _SPECIAL or nargout == "auto":
                    value = self._request(name, values, nargout, timeout, on_output)
                else:
                    value = self._session._call(name, values, _NONE, nargout, False, timeout, on_output)
            except ArcuateError as error:
                raise self._failure(error, stderr) from None
            return value if value.__class__ in PLAIN else _result(value, nargout)

        def work() -> Any:
            try:
                return _result(self._request(name, values, nargout, timeout, on_output), nargout)
            except ArcuateError as error:
                raise self._failure(error, stderr) from None

        return self._queue(work, later)

    def _queue(self, work: Callable[[], Any], later: bool = False) -> Any:
        """Runs something after the calls in the background that were made before.

        Returns:
            what it returns, or, ``later``, a :class:`FutureResult` of it.
        """
        last = self._last
        if not later and (last is None or last.done()):
            object.__setattr__(self, "_last", None)
            return work()
        try:
            future = self._session._submit(work)
        except ArcuateError as error:
            raise self._failure(error) from None
        object.__setattr__(self, "_last", future)
        if later:
            return FutureResult(future, self)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            if self._reason:  # it was quit before the call had begun
                self._reject()
            raise
        except BaseException:
            future.cancel()  # after Ctrl-C; nothing where it is over
            raise

    def _do(self, request: Callable[[EngineSession], Any]) -> Any:
        """Makes a request of the workspace."""
        if self._reason:
            self._reject()

        def work() -> Any:
            try:
                return request(self._session)
            except ArcuateError as error:
                raise self._failure(error) from None

        return work() if self._last is None else self._queue(work)

    def _request(
        self, name: str, values: list[Any], nargout: Any, timeout: float | None, on_output: Any
    ) -> Any:
        """One call of the session: of those that need more than passing on."""
        if nargout == "auto":
            return self._automatic(name, values, timeout, on_output)
        session = self._session
        if name == "eval" and len(values) == 1 and isinstance(values[0], str):
            if nargout and is_statement(values[0]):
                raise MatlabExecutionError(
                    f"a statement has no value: {values[0]!r}; call eval with nargout=0", language="Octave"
                )
            return session.eval(values[0], nargout=nargout, timeout=timeout, on_output=on_output)
        if name == "feval" and values and isinstance(values[0], str):
            name, values = values[0], values[1:]
        return session._call(name, values, _NONE, nargout, False, timeout, on_output)

    def _automatic(self, name: str, values: list[Any], timeout: float | None, on_output: Any) -> Any:
        """A call with ``nargout="auto"``: a value, or ``None`` where there is none."""
        count = int(not (name == "eval" and len(values) == 1 and is_statement(str(values[0]))))
        try:
            return self._request(name, values, count, timeout, on_output)
        except RemoteError as error:
            if error.message.startswith(_NOTHING) and not error.stack:
                return None  # a built-in function: it has run
            if not error.message.endswith(_NO_OUTPUT) or len(error.stack) > 1:
                raise
        return self._request(name, values, 0, timeout, on_output)  # refused before it ran

    def _failure(self, error: ArcuateError, stderr: Writable | None = None) -> Exception:
        """The error to raise; the engine ends with its Octave."""
        found = translated(error)
        if error.workspace is False or isinstance(found, (EngineError, RejectedExecutionError)):
            self._finish(error.message.partition("\n")[0])
        if stderr is not None and isinstance(found, (MatlabExecutionError, SyntaxError)):
            stderr.write(f"error: {found}\n")
        return found


def _argument(value: Any, number: int) -> Any:
    try:
        return outgoing(value)
    except ConversionError as error:
        raise error.prepend(f"$.args[{number}]") from None


def _result(value: Any, nargout: Any) -> Any:
    """A session's value or values as the user gets them."""
    if isinstance(value, tuple) and isinstance(nargout, int) and nargout > 1:
        return tuple(incoming(item) for item in value)
    return incoming(value)


def _outputs(nargout: Any) -> Any:
    """``nargout`` where it is no plain int."""
    if nargout == "auto":
        return nargout
    if not isinstance(nargout, int):
        raise TypeError(f"nargout is an int (or 'auto'), not {type(nargout).__name__}")
    return int(nargout)


def _listener(stdout: Writable | None, stderr: Writable | None) -> Callable[[str, str], None]:
    """Takes what a call prints to where it is wanted."""
    for name, stream in (("stdout", stdout), ("stderr", stderr)):
        if stream is not None and not callable(getattr(stream, "write", None)):
            raise TypeError(
                f"{name} is an io.StringIO or another stream to write to, not {type(stream).__name__}"
            )

    def write(name: str, text: str) -> None:
        given, console = (stdout, sys.stdout) if name == "stdout" else (stderr, sys.stderr)
        if given is not None:
            given.write(text)
        elif console is not None:
            console.write(text)
            console.flush()

    return write
