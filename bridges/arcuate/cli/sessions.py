"""Sessions as the command line opens them, and the options that all session commands share."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arcuate.client import Display, Session

__all__ = ["Opening", "names", "opened", "save_figure", "setting", "vectors"]


@dataclass(frozen=True)
class Opening:
    """How a session is opened.

    Attributes:
        environment: its name.
        options: ``key=value`` texts for ``connect``.
        timeout: seconds that one call may take.
        strict: whether a declared change is an error.
        figures: folder for what is drawn.
        quiet_stdout: what the foreign code prints on stdout goes to stderr, since stdout is for the result.
    """

    environment: str
    options: Sequence[str] = field(default=())
    timeout: float | None = None
    strict: bool = False
    quiet_stdout: bool = False
    figures: str | None = None


def names() -> list[str]:
    """The installed environments, for help and completion."""
    from arcuate.announced import announced

    return sorted({point.name for point in announced("arcuate.environments")})


@contextlib.contextmanager
def opened(how: Opening) -> Iterator[Session]:
    """An open session, closed at the end; warnings of the foreign code are one line on stderr."""
    from arcuate.client import connect

    settings = dict(setting(text) for text in how.options)
    on_output = _to_stderr if how.quiet_stdout else None
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = _show_warning
        with connect(
            how.environment, strict=how.strict, timeout=how.timeout, on_output=on_output, **settings
        ) as session:
            yield session
            _save_figures(session, how.figures)


def _save_figures(session: Session, folder: str | None) -> None:
    if session.displays and folder is None:
        print(f"note: {len(session.displays)} figures drawn; --figures DIR saves them", file=sys.stderr)
        return
    for number, display in enumerate(session.displays, 1):
        save_figure(display, folder or "", number)


def save_figure(display: Display, folder: str, number: int) -> None:
    """Writes a figure and says where."""
    ending = {"image/png": "png", "application/pdf": "pdf"}.get(display.mime, "svg")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"figure-{number}.{ending}")
    display.save(path)
    print(f"figure: {path}", file=sys.stderr)


def vectors(session: Session) -> dict[str, bool]:
    """How arguments of the command line are arranged for this environment."""
    greeting = session._transport.greeting
    return {"vectors": greeting.vectors, "floats": greeting.vectors and greeting.language != "R"}


def setting(text: str) -> tuple[str, Any]:
    """An option of ``connect``: JSON where it is some, otherwise a text."""
    from arcuate.cli.arguments import keyword
    from arcuate.cli.literals import Malformed, parse

    key, value = keyword(text, "--option")
    try:
        return key, parse(value)
    except Malformed:
        return key, value


def _to_stderr(_stream: str, text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _show_warning(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
    from arcuate.client import RemoteWarning

    kind = "warning" if issubclass(category, RemoteWarning) else category.__name__
    print(f"{kind}: {message}", file=sys.stderr)
