"""Errors on the command line: one line on stderr, exit status 1, no traceback."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from arcuate.errors import ArcuateError, EnvironmentCrashed, RemoteError

__all__ = ["Commands", "line", "orderly", "report"]

VERBOSE = "arcuate.verbose"


class Commands(TyperGroup):
    """The group of commands; every error that leaves a command becomes a line and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # The reader went away (`arcuate ... | head`): nobody is left to tell. Python flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except ModuleNotFoundError as error:
            told = f"{error}; type: pip install 'arcuate[all]', or the extra that brings it"
            report(error if "pip install" in str(error) else ModuleNotFoundError(told))
            raise typer.Exit(1) from None
        except (ArcuateError, OSError, RecursionError, MemoryError, ImportError) as error:
            report(error, verbose=bool(ctx.meta.get(VERBOSE)))
            raise typer.Exit(1) from None


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """SIGTERM (a batch system, ``timeout``) ends what is inside as Ctrl-C does: nothing half is left."""

    def end(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # ``timeout`` sends a second one, amid what is put away
        sys.exit(143)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def line(error: BaseException) -> str:
    """The error as one line: class and message, without the foreign stack."""
    message = error.message if isinstance(error, ArcuateError) else str(error)
    names = list(dict.fromkeys([type(error).__name__, *getattr(error, "classes", ())[:1]]))
    path = getattr(error, "path", "")
    if path and path != "$":
        message += f" - at {path}"
    return f"{': '.join(names)}: {' '.join(message.split())}"


def report(error: BaseException, *, verbose: bool = False) -> None:
    """Prints an error on stderr, red on a terminal; ``verbose`` adds the foreign stack and last output."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(Text.assemble(("error:", "bold red"), " ", (line(error), "red")))
    if not verbose:
        return
    if isinstance(error, RemoteError):
        if "\n" in error.message:
            console.print(Text(error.message))
        if error.stack:
            console.print(Text(f"  stack in {error.language or 'the environment'}, outermost first:"))
            for frame in error.stack:
                console.print(Text(f"    {frame}"))
    if isinstance(error, EnvironmentCrashed) and error.output.strip():
        console.print(Text(f"  last output:\n{error.output.strip()}"))
