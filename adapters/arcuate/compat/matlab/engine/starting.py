"""``start_matlab``, ``connect_matlab``, ``find_matlab``: where engines come from."""

from __future__ import annotations

import atexit
import concurrent.futures
import os
import shlex
import threading
import weakref
from collections.abc import Callable
from typing import Any

from arcuate.compat.matlab.engine.errors import EngineError
from arcuate.compat.matlab.engine.futures import FutureResult
from arcuate.compat.matlab.engine.matlabengine import (
    ABSENT,
    MatlabEngine,
    background_wanted,
    live,
    refuse_keywords,
)
from arcuate.compat.matlab.engine.session import EngineSession, open_octave
from arcuate.compat.matlab.engine.sharing import Server, attach, names
from arcuate.errors import ArcuateError

__all__ = ["connect_matlab", "find_matlab", "start_matlab"]


def start_matlab(option: str = "-nodesktop", *, background: Any = ABSENT, **others: Any) -> Any:
    """Starts an Octave of its own.

    Args:
        option: start-up options of MATLAB. ``-sd folder`` is the working directory, ``-r statement`` is run;
            what concerns windows, licences and Java, such as ``-nodesktop``, has no meaning here and is
            ignored.
        background: ``True`` returns a :class:`FutureResult` of the engine at once.
        others: refused.

    Raises:
        EngineError: Octave is not installed, or does not start.
        TypeError: ``option`` is no text, ``background`` no bool, or there is another keyword.
    """
    if others:
        refuse_keywords(others, background)
    if not isinstance(option, str):
        raise TypeError(f"option is a text such as '-nodesktop', not {type(option).__name__}")
    later = background_wanted(background)
    folder, statement = _options(option)
    return _made(lambda: _start(folder, statement), later)


def connect_matlab(name: str | None = None, *, background: Any = ABSENT, **others: Any) -> Any:
    """Connects to an engine that another process shares, or this one.

    Args:
        name: its name; ``None`` takes the first that is shared, and where there is none starts one and
            shares it.
        background: as for :func:`start_matlab`.
        others: refused.

    Raises:
        EngineError: no engine is shared under this name.
        TypeError: ``name`` is no text, ``background`` no bool, or there is another keyword.
    """
    if others:
        refuse_keywords(others, background)
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name is a text or None, not {type(name).__name__}")
    return _made(lambda: _connect(name), background_wanted(background))


def find_matlab() -> tuple[str, ...]:
    """The names of the engines that are shared now by processes of this user."""
    return names()


def _made(make: Callable[[], MatlabEngine], later: bool) -> Any:
    """An engine, or with ``later`` its future."""
    if not later:
        return make()
    future: concurrent.futures.Future[MatlabEngine] = concurrent.futures.Future()

    def work() -> None:
        try:
            engine = make()
        except BaseException as error:
            if not future.cancelled():
                future.set_exception(error)
            return
        try:
            future.set_result(engine)
        except concurrent.futures.InvalidStateError:  # cancelled meanwhile
            engine.quit()

    threading.Thread(target=work, name="arcuate-start", daemon=True).start()
    return FutureResult(future)


def _start(folder: str | None, statement: str | None) -> MatlabEngine:
    owner = _Owner()
    try:
        session = open_octave(owner.answer, folder)
    except ArcuateError as error:
        raise EngineError(f"the engine cannot be started: {error}") from error
    engine = MatlabEngine(session, owner.end)
    owner.own(engine, session)
    if statement is not None:
        try:
            engine.eval(statement, nargout=0)
        except BaseException:
            engine.quit()
            raise
    return engine


def _connect(name: str | None) -> MatlabEngine:
    if name is not None:
        return _attached(name)
    for found in names():
        try:
            return _attached(found)
        except EngineError:
            continue  # ended in this moment
    engine = _start(None, None)
    try:
        engine.matlab.engine.shareEngine(nargout=0)
    except BaseException:
        engine.quit()
        raise
    return engine


def _attached(name: str) -> MatlabEngine:
    session = attach(name)
    return MatlabEngine(session, session.close)


class _Owner:
    """What an engine's own process does for it: shares it, and ends it.

    It refers to the engine weakly, so that an engine nobody uses any more ends.
    """

    def __init__(self) -> None:
        self._server: Server | None = None
        self._session: EngineSession | None = None
        self._engine: Callable[[], MatlabEngine | None] = lambda: None

    def own(self, engine: MatlabEngine, session: EngineSession) -> None:
        """Notes whom it serves."""
        self._engine = weakref.ref(engine)
        self._session = session

    def answer(self, what: str, text: str) -> str:
        """Answers m-code: shares the engine, or says under which name it is shared.

        Raises:
            EngineError: it is shared already, or cannot be under this name.
        """
        if what == "name":
            return "" if self._server is None else self._server.name
        if self._server is not None:
            raise EngineError(f"this engine is shared already, under the name {self._server.name!r}")
        assert self._session is not None
        name = text or f"MATLAB_{self._session.info['pid']}"
        self._server = Server(self._session, name, self._lost)
        return name

    def end(self) -> None:
        """Ends the sharing and Octave."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._session is not None:
            self._session.close()

    def _lost(self, error: ArcuateError) -> None:
        engine = self._engine()
        if engine is not None:
            threading.Thread(target=engine._finish, args=(error.message,), daemon=True).start()


def _options(option: str) -> tuple[str | None, str | None]:
    """The folder and the statement of MATLAB's start-up options."""
    try:
        words = shlex.split(option)
    except ValueError as error:
        raise EngineError(f"the options {option!r} cannot be read: {error}") from None
    found: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word in ("-sd", "-r", "-batch"):
            if not words:
                raise EngineError(f"the option {word} needs something behind it")
            found[word] = words.pop(0)
    folder = found.get("-sd")
    if folder is not None and not os.path.isdir(folder):
        raise EngineError(f"-sd {folder}: there is no such folder")
    return folder, found.get("-r", found.get("-batch"))


def _quit_all() -> None:
    for engine in list(live):
        engine.quit()


atexit.register(_quit_all)
