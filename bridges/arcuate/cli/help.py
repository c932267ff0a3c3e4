"""The help of ``arcuate serve``, with every setting of a hub below its options."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

__all__ = ["WithSettings"]


class WithSettings(TyperCommand):
    """A command whose help lists the settings; they are looked up when somebody asks for it."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help."""
        super().format_help(ctx, formatter)
        from rich.console import Console
        from rich.table import Table

        try:
            from arcuate.cli.configuration import listing
        except ImportError:
            return  # without arcuate[hub]
        table = Table.grid(padding=(0, 2))
        for key, text in listing():
            table.add_row(key, text)
        console = Console(highlight=False, markup=False)
        console.print(
            " Settings: in arcuate.toml, as ARCUATE_HUB_LIMITS__SESSIONS=10 in the environment, or --set:"
        )
        console.print(table)
