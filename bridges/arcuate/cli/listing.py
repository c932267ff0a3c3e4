"""``arcuate environments`` and ``arcuate types``."""

from __future__ import annotations

import json
from typing import Any

from arcuate.errors import EnvironmentNotFound, Unsupported

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
    """Prints the type table of the value model."""
    try:
        from arcuate.values import table  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        raise Unsupported("this installation has no type table (arcuate.values.table)") from None
    del table, as_json
    raise EnvironmentNotFound(str(environment))
