"""``arcuate repl``: code is run as it is typed, with history, completion and lines that belong together."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arcuate.cli.failure import report
from arcuate.cli.incomplete import incomplete
from arcuate.cli.sessions import save_figure
from arcuate.errors import ArcuateError, CallCancelled, EnvironmentCrashed

if TYPE_CHECKING:
    from arcuate.client import Session

__all__ = ["Repl"]

_LEAVE = re.compile(r"(?:exit|quit|(?:q|quit|exit)\s*\([^)]*\))\s*;?\Z")
_HELP = re.compile(r"\?\s*([\w.:]+)\Z")


class Repl:
    """Reads code, runs it in the session and lets its output stream.

    Args:
        session: an open session; an interrupt keeps it.
        verbose: errors are shown with the foreign call stack.
    """

    def __init__(self, session: Session, *, verbose: bool = False) -> None:
        self._session = session
        self._verbose = verbose
        self._language = str(session.info["language"])
        self._figures = 0
        self._folder = ""
        self._matches: list[str] = []

    def interact(self) -> int:
        """Runs until the end of input; returns the exit status.

        On a terminal errors are shown and the next line is asked for; piped code stops at its first, with 1.
        """
        if sys.stdin.isatty():
            return self._typed()
        return self._piped()

    # -------------------------------------------------------------- terminal

    def _typed(self) -> int:
        readline = _readline()
        history = _history(str(self._session.info["environment"]))
        if readline is not None:
            with contextlib.suppress(OSError):
                readline.read_history_file(history)
            readline.set_history_length(5000)
            readline.set_completer(self._complete)
            readline.set_completer_delims(" \t\n\"'()[]{},;=+-*/^<>!&|~@$")
            bind = "bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete"
            readline.parse_and_bind(bind)
        version = self._session.info["version"]
        print(f"{self._language} {version}. Ctrl-C interrupts, Ctrl-D leaves, ?name is help.")
        try:
            self._loop()
        finally:
            if readline is not None:
                with contextlib.suppress(OSError):
                    history.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    readline.write_history_file(history)
        return 0

    def _loop(self) -> None:
        name = str(self._session.info["environment"])
        first, more = f"{name}> ", "+".rjust(len(name)) + "> "
        while True:
            try:
                code = input(first)
                while code.strip() and self._open(code):
                    code += "\n" + input(more)
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                print()
                continue
            if _LEAVE.match(code.strip()):
                return
            if code.strip():
                self._run(code)

    def _complete(self, text: str, state: int) -> str | None:
        if state == 0:
            self._matches = []
            with contextlib.suppress(ArcuateError):
                self._matches = self._candidates(text)
        return self._matches[state] if state < len(self._matches) else None

    def _candidates(self, text: str) -> list[str]:
        separator = "::" if self._language == "R" else "."
        package, found, prefix = text.rpartition(separator)
        if found and (self._language == "R" or package):
            names = self._session.names(package, prefix)
            matches = sorted(f"{package}{separator}{name}" for name in names if name.startswith(prefix))
            if matches or self._language != "R":
                return matches
        names = [*self._session, *self._session.names("", text)]
        return sorted({name for name in names if name.startswith(text)})

    # ------------------------------------------------------------------ piped

    def _piped(self) -> int:
        pieces = self._statements() if self._language == "Python" else self._chunks()
        for code in pieces:
            if _LEAVE.match(code.strip()):
                return 0
            if not self._run(code):
                return 1
        return 0

    def _statements(self) -> Iterator[str]:
        """Python's statements, each to be run as if it were typed."""
        source = sys.stdin.read()
        try:
            nodes = ast.parse(source).body
        except (SyntaxError, ValueError):
            yield source  # the session tells what is wrong
            return
        lines = source.splitlines()
        for node in nodes:
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
            if node.col_offset or (node.end_col_offset or 0) < len(
                lines[(node.end_lineno or first) - 1].encode()
            ):
                yield ast.get_source_segment(source, node) or ""
            else:
                yield "\n".join(lines[first - 1 : node.end_lineno])

    def _chunks(self) -> Iterator[str]:
        """Lines that belong together."""
        code = ""
        for line in sys.stdin:
            code += line
            if not code.strip() or self._open(code.rstrip("\n")):
                continue
            yield code.rstrip("\n")
            code = ""
        if code.strip():
            yield code.rstrip("\n")

    # ------------------------------------------------------------------- both

    def _open(self, code: str) -> bool:
        return incomplete(self._session, self._language, code)

    def _run(self, code: str) -> bool:
        """Runs one piece of code; says whether it went well."""
        asked = _HELP.match(code.strip())
        try:
            if asked:
                self._session.help(asked.group(1))
            elif self._language == "Python":
                self._session.run(f"exec(compile({code + chr(10)!r}, '<stdin>', 'single'))")
            else:
                self._session.run(code)
        except KeyboardInterrupt:
            print("interrupted; the session goes on", file=sys.stderr)
            return False
        except CallCancelled as error:
            report(error)
            return False
        except ArcuateError as error:
            report(error, verbose=self._verbose)
            if isinstance(error, EnvironmentCrashed):
                print("a fresh interpreter takes its place; its variables are gone", file=sys.stderr)
            return False
        finally:
            self._save_figures()
        return True

    def _save_figures(self) -> None:
        displays = self._session.displays
        while displays:
            self._folder = self._folder or tempfile.mkdtemp(prefix="arcuate-")
            self._figures += 1
            save_figure(displays.popleft(), self._folder, self._figures)


def _readline() -> Any:
    try:
        import readline
    except ImportError:  # Windows
        return None
    return readline


def _history(environment: str) -> Path:
    root = os.environ.get("XDG_STATE_HOME")
    folder = Path(root) if root and os.path.isabs(root) else Path.home() / ".local" / "state"
    return folder / "arcuate" / f"history-{environment}"
