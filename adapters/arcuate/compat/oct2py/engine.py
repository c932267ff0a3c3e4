"""The session of Arcuate that stands behind an :class:`~arcuate.compat.oct2py.Oct2Py`, and its figures."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from arcuate import errors
from arcuate.client import Session, connect
from arcuate.compat.oct2py.outgoing import Refused
from arcuate.compat.oct2py.utils import Oct2PyError

__all__ = ["OctaveEngine", "raise_as_oct2py"]

FOLDER = Path(__file__).parent / "octave"
_HELPER = "arcuate__oct2py"
OnOutput = Callable[[str, str], object]


class OctaveEngine:
    """Octave, started.

    Args:
        executable: the program, with arguments of its own where it needs some; ``None``: as
            ``connect("octave")`` finds it.
        cli_options: further options on Octave's command line.
        load_octaverc: the file ``~/.octaverc`` is read.
        temp_dir: folder in which it makes one of its own.

    Attributes:
        executable: the program.
        plot_settings: how figures are printed: name, format, width, height, resolution.
        session: the session.
        tmp_dir: a folder of its own.
    """

    def __init__(
        self,
        *,
        executable: str | None = None,
        cli_options: str = "",
        load_octaverc: bool = True,
        temp_dir: str | None = None,
    ) -> None:
        self.tmp_dir = tempfile.mkdtemp(prefix="arcuate-", dir=temp_dir)
        self.plot_settings: dict[str, Any] = {}
        self.executable = executable or _found()
        self._load_octaverc = load_octaverc
        try:
            program = _program(self.executable, cli_options, self.tmp_dir)
            self.session: Session = connect(
                "octave",
                executable=program,
                path=[str(FOLDER)],
                figures=None,
                simplify=False,
                on_event=_printed,
            )
            self._read_octaverc()
        except BaseException:
            shutil.rmtree(self.tmp_dir, ignore_errors=True)
            raise

    def _read_octaverc(self) -> None:
        file = os.path.expanduser("~/.octaverc")
        if self._load_octaverc and os.path.isfile(file):
            self.session.run(f"source ('{file}')", on_output=_silent)

    def call(
        self,
        name: str,
        args: Sequence[Any],
        nout: int,
        timeout: float | None,
        on_output: OnOutput,
        keep: bool = False,
    ) -> Any:
        """Calls a function."""
        return self.session.call(name, *args, nargout=nout, timeout=timeout, on_output=on_output, keep=keep)

    def ask(self, op: str, *args: Any, keep: bool = False) -> Any:
        """Something that the helper in Octave does; its output is dropped."""
        return self.session.call(_HELPER, op, *args, keep=keep, on_output=_silent)

    def eval(self, code: str, timeout: float | None, on_output: OnOutput, fetch: bool = True) -> Any:
        """Runs statements in the base workspace.

        Returns:
            The value of ``ans``, or ``None`` where they did not set it or it is not to be fetched.
        """
        if not fetch:
            return self.session.run(code, timeout=timeout, on_output=on_output)
        found = self.session.call(_HELPER, "eval", code, timeout=timeout, on_output=on_output)
        return found.get("value")

    def revive(self) -> None:
        """Prepares the interpreter that Arcuate starts after a crash."""
        with contextlib.suppress(errors.ArcuateError):
            self._read_octaverc()

    def make_figures(self, plot_dir: str, *, changed: bool = False, close: bool = False) -> list[str]:
        """Prints the open figures into files.

        Args:
            plot_dir: the folder.
            changed: only those that were drawn since the last time.
            close: closes them afterwards.
        """
        given = self.plot_settings
        wanted = {
            "name": given.get("name") or "plot",
            "format": given.get("format") or "svg",
            **{key: _number(given.get(key)) for key in ("width", "height", "resolution")},
        }
        files = [str(file) for file in _flat(self.ask("figures", plot_dir, wanted, changed, close))]
        for file in files:
            if file.endswith(".svg"):
                _size_svg(file, given.get("width"), given.get("height"))
        return files

    def extract_figures(self, plot_dir: str, remove: bool = False) -> list[Any]:
        """The figures in a folder as objects that IPython displays."""
        from IPython.display import SVG, Image

        found: list[Any] = []
        for name in sorted(os.listdir(plot_dir)):
            file = os.path.join(plot_dir, name)
            kind = os.path.splitext(name)[1].lower()
            if kind == ".svg":
                found.append(SVG(filename=file))  # type: ignore[no-untyped-call]
            elif kind in (".png", ".jpg", ".jpeg"):
                found.append(Image(filename=file))  # type: ignore[no-untyped-call]
        if remove:
            shutil.rmtree(plot_dir, ignore_errors=True)
        return found

    def close(self) -> None:
        """Ends Octave and removes the folder."""
        self.session.close()
        shutil.rmtree(self.tmp_dir, ignore_errors=True)


def raise_as_oct2py(error: errors.ArcuateError) -> NoReturn:
    """Raises the error that oct2py's users expect in place of one of Arcuate."""
    if isinstance(error, errors.CallTimeout):
        raise Oct2PyError(f"Timed out, interrupting: {error}") from error
    if isinstance(error, errors.EnvironmentCrashed):
        raise Oct2PyError(f"Session died, restarting: {error}") from error
    if isinstance(error, errors.SessionClosed):
        raise Oct2PyError("Session is not open") from error
    if isinstance(error, errors.ConversionError):
        raise Refused(str(error)) from error
    if not isinstance(error, (errors.RemoteError, errors.NameNotFound)):
        raise Oct2PyError(str(error)) from error
    message = error.message.split(": there is no ")[0]  # what to do about it is said in Arcuate's own terms
    text = message if message.startswith("parse error") else f"error: {message}"
    stack = error.stack if isinstance(error, errors.RemoteError) else ()
    if stack:
        places = "".join(f"\n    {re.sub(r' [(][^()]*[)]$', '', frame)}" for frame in reversed(stack))
        text += f"\nerror: called from:{places}"
    raise Oct2PyError(f"Octave evaluation error:\n{text}") from error


def _printed(event: Mapping[str, Any]) -> bool:
    """Whether nothing more is to be done with an event: a warning is among the lines that Octave prints."""
    return event.get("type") == "warning" and bool(event.get("printed"))


def _silent(stream: str, text: str) -> None:
    """Drops output."""


def _number(value: Any) -> Any:
    import numpy as np

    return np.zeros((0, 0)) if value is None else float(value)


def _flat(value: Any) -> list[Any]:
    return value.ravel().tolist() if hasattr(value, "ravel") else list(value)


def _found() -> str:
    return os.environ.get("OCTAVE_EXECUTABLE") or shutil.which("octave-cli") or shutil.which("octave") or ""


def _program(given: str, options: str, folder: str) -> str | None:
    """One program for what may be a command with arguments: a script, where it is more than a program."""
    if not given:
        return None  # connect() says how to install it
    words = [given] if shutil.which(given) else shlex.split(given)
    if not shutil.which(words[0]) or (len(words) == 1 and not options):
        return given  # where it is no program, connect() says so
    script = os.path.join(folder, "octave")
    with open(script, "w") as file:
        file.write(f'#!/bin/sh\nexec {shlex.join(words)} "$@" {options}\n')
    os.chmod(script, stat.S_IRWXU)
    return script


def _size_svg(file: str, width: Any, height: Any) -> None:
    """Says the size of a picture in pixels: as it was asked for, otherwise as it was drawn."""
    text = Path(file).read_text(encoding="utf-8")
    head = re.search(r"<svg\b[^>]*>", text)
    box = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', text)
    if head is None or box is None:
        return
    new = re.sub(r'\s(?:width|height)="[^"]*"', "", head.group())
    size = f'<svg width="{int(width or float(box[1]))}px" height="{int(height or float(box[2]))}px"'
    new = new.replace("<svg", size, 1)
    Path(file).write_text(text[: head.start()] + new + text[head.end() :], encoding="utf-8")
