"""``arcuate environments`` and ``arcuate types``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from arcuate.cli.sessions import names
from arcuate.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.text import Text

    from arcuate.values.table import Outcome

__all__ = ["list_environments", "list_types"]


def list_environments(*, as_json: bool = False) -> None:
    """Prints the installed environments with their options."""
    from arcuate.client import environments

    found: list[dict[str, Any]] = []
    for name, point in sorted(environments().items()):
        try:
            adapter = point.load()
        except Exception as error:
            found.append(
                {"name": name, "language": "", "from": point.value, "error": str(error), "options": {}}
            )
            continue
        found.append(
            {
                "name": name,
                "language": adapter.language,
                "from": point.value,
                "error": "",
                "options": dict(adapter.options),
            }
        )
    if as_json:
        print(json.dumps(found, indent=2))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for one in found:
        console.print(
            Text.assemble((one["name"], "bold"), f"  {one['language']}", (f"  {one['from']}", "dim"))
        )
        if one["error"]:
            console.print(Text(f"    does not load: {one['error']}", style="red"))
        width = max((len(name) for name in one["options"]), default=0)
        for name, help_text in one["options"].items():
            console.print(Text.assemble("    ", (name.ljust(width), "cyan"), f"  {help_text}"))


def list_types(environment: str | None = None, *, as_json: bool = False) -> None:
    """Prints the type table of the value model.

    Args:
        environment: only its column, there and back apart; those that are installed when left out.
        as_json: print JSON.
    """
    from arcuate.values import table

    if environment is not None and environment not in table.ENVIRONMENTS:
        raise InvalidArgument(
            f"the table has no column {environment!r}; it has {', '.join(table.ENVIRONMENTS)}"
        )
    installed = names()
    columns = [environment] if environment else [name for name in table.ENVIRONMENTS if name in installed]
    if as_json:
        found = [
            {
                "section": row.section,
                "value": row.name,
                "environments": {
                    name: {"to": vars(row.trip(name).to), "back": vars(row.trip(name).back)}
                    for name in columns
                },
            }
            for row in table.rows()
        ]
        print(json.dumps(found, indent=2))
        return
    _print_types(columns)


def _print_types(columns: list[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from arcuate.values import table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("value", max_width=44)
    for name in [f"to {columns[0]}", "back"] if len(columns) == 1 else columns:
        shown.add_column(name, overflow="fold")
    section = ""
    for row in table.rows():
        if row.section != section:
            section = row.section
            shown.add_section()
            shown.add_row(Text(section, style="bold"))
        cells = []
        for name in columns:
            to, back = row.trip(name).to, row.trip(name).back
            if len(columns) == 1:
                cells += [_outcome(to), _outcome(back) if to.kind != "error" else Text("")]
            elif to == back or to.kind == "error":
                cells.append(_outcome(to))
            else:
                cells.append(Text.assemble(_outcome(to), " → ", _outcome(back)))
        shown.add_row(Text(f"  {row.name}"), *cells)
    Console(highlight=False).print(shown)


def _outcome(outcome: Outcome) -> Text:
    from rich.text import Text

    styles = {"exact": "green", "widened": "yellow", "reshaped": "cyan", "error": "red"}
    return Text(str(outcome), style=styles.get(outcome.kind, ""))
