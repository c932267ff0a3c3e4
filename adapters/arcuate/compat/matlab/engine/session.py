"""The session behind an engine: Arcuate's own, reading results as they are and showing warnings as text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arcuate.client import Remote
from arcuate.client.connecting import open_session
from arcuate.client.events import Events, OnOutput
from arcuate.client.session import Session
from arcuate.client.transport import Call, Transport
from arcuate.errors import CallCancelled, InvalidArgument, RemoteError
from arcuate.values.nodes import Nodes, Row
from arcuate.values.options import DecodeOptions
from arcuate.worker.transport import WorkerTransport

__all__ = ["EngineSession", "open_octave"]

MFILES = Path(__file__).parent / "mfiles"
SHADOW = Path(__file__).parent / "shadow"

Owner = Callable[[str, str], Any]
"""Answers what m-code asks of the process that owns its Octave: (``"share"``, name), (``"name"``, ``""``)."""


class _Events(Events):
    """Events of an engine. Octave has printed a warning already: it is no Python warning here."""

    def _deliver(self, event: Mapping[str, Any], on_output: OnOutput | None) -> None:
        if event.get("type") != "warning":
            super()._deliver(event, on_output)
        elif not event.get("printed"):
            super()._deliver({"type": "stderr", "text": f"warning: {event.get('text', '')}\n"}, on_output)


class EngineSession(Session):
    """A session whose results are not simplified: a cell of one text stays a cell."""

    def __init__(self, transport: Transport, **options: Any) -> None:
        super().__init__(transport, **options)
        self._events = _Events(None, None)

    def _prepare(self) -> None:
        super()._prepare()
        self._decode = DecodeOptions(simplify=False, function=self._function, handle=self._remote)

    def _recognise(self, value: Any) -> tuple[str, Mapping[str, Any]] | None:
        """An object of another engine is refused, as in MATLAB: a stand-in for it would be no such object."""
        found = super()._recognise(value)
        if found is None and isinstance(value, Remote):
            raise InvalidArgument(
                "the object lives in another session: engines cannot use objects of each other; make it in "
                "this one, or fetch the values that you need of it"
            )
        return found

    def _original(self, error: RemoteError) -> BaseException:
        """An error of the owner's answer to m-code is an error of the m-code, as in MATLAB."""
        found = super()._original(error)
        return found if isinstance(found, (KeyboardInterrupt, SystemExit)) else error

    def relay(
        self,
        message: Nodes,
        on_event: Callable[[Mapping[str, Any]], None],
        begin: Callable[[Call], bool],
        wait: Callable[[], bool],
    ) -> Nodes:
        """Makes a request of another process that shares this session.

        Args:
            message: the request; its number is replaced by one of this session's own, and restored in the
                reply.
            on_event: receives what happens meanwhile.
            begin: told the call just before it is made; ``False``: it is not wanted any more.
            wait: asked now and then while calls of others are running: ``False``: it is not wanted any more.

        Raises:
            ArcuateError: what came back instead of a reply.
        """
        while not self._lock.acquire(0.1):
            if not wait():
                raise CallCancelled("the call was cancelled while it waited for others", executed="no")
        try:
            self._check_open()
            self._flush()
            self._number += 1
            row = message.rows[2]
            message.rows[2] = _numbered(row, self._number)
            call = Call(self._number, None, on_event, self._serve)
            if not begin(call):
                raise CallCancelled("the call was cancelled before it began", executed="no")
            reply = self._transport.exchange(message, call)
            reply.rows[2] = _numbered(reply.rows[2], row[5])
            return reply
        finally:
            self._give_back()

    def release(self, names: list[str]) -> None:
        """Lets go of objects that another process was given."""
        self._released.extend(names)


def _numbered(row: Row, number: int) -> Row:
    return (*row[:5], number, *row[6:])


def open_octave(owner: Owner, folder: str | None) -> EngineSession:
    """Starts Octave for an engine.

    Args:
        owner: answers ``matlab.engine.shareEngine`` and its companions.
        folder: its working directory; the caller's if ``None``.
    """
    options: dict[str, Any] = {} if folder is None else {"cwd": folder}
    session = open_session(
        EngineSession, "octave", path=[str(MFILES)], figures="png" if _notebook() else None, **options
    )
    assert isinstance(session._transport, WorkerTransport)
    session._transport.restarts = (
        False  # an engine is one MATLAB: a fresh one without its variables is another
    )
    try:
        session.call("arcuate_engine", owner, str(SHADOW), nargout=0)
    except BaseException:
        session.close()
        raise
    return session


def _notebook() -> bool:
    """Whether figures have somewhere to be shown; drawing one for nobody takes half a second."""
    module = sys.modules.get("IPython.core.getipython")
    shell = module.get_ipython() if module is not None else None
    return getattr(shell, "kernel", None) is not None
