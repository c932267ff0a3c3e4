"""The command line: ``arcuate doctor``, ``call``, ``eval``, ``run``, ``repl``, ``demo`` and more.

Needs the extra ``arcuate[cli]``; without it, :func:`main` says what to type.
"""

from __future__ import annotations

import io
import sys

__all__ = ["main"]


def main() -> None:
    """The ``arcuate`` command."""
    try:
        import rich
        import typer
    except ModuleNotFoundError as error:
        print(
            f"error: the arcuate command needs the package {(error.name or 'typer').split('.')[0]}, "
            "which is not installed; type: pip install 'arcuate[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
    del rich, typer
    from arcuate.cli.app import app

    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files that are no text, other terminals
    app(prog_name="arcuate")
