"""``arcuate mcheck``: what in a folder of m-files Octave cannot run, as a table or as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from arcuate.octave.mfiles.check import Finding, Report

__all__ = ["examine"]

_STYLES = {"error": "red", "warning": "yellow", "note": "dim"}
_BY_PLACE = ("parse", "class", "syntax", "file")


def examine(
    folder: str,
    *,
    path: Sequence[str],
    packages: Sequence[str],
    exclude: Sequence[str],
    as_json: bool,
    notes: bool,
) -> int:
    """Prints what was found.

    Args:
        folder: where the m-files are.
        path: further folders of the load path.
        packages: packages of Octave that will be loaded.
        exclude: folders in it that are not looked at.
        as_json: print JSON, everything in it.
        notes: print also what the code itself provides for.

    Returns:
        0 when Octave can run everything, 1 when not.
    """
    from arcuate.octave.mfiles.check import check

    started = time.perf_counter()
    report = check(folder, path=path, packages=packages, exclude=exclude)
    if as_json:
        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        _print(report, notes, time.perf_counter() - started)
    return 1 if report.errors else 0


def _print(report: Report, notes: bool, seconds: float) -> None:
    from rich.console import Console
    from rich.text import Text

    from arcuate.octave.mfiles.check import install_command

    console = Console(highlight=False)
    shown = [one for one in report.findings if notes or one.level != "note"]
    places = [one for one in shown if one.kind in _BY_PLACE]
    names = [one for one in shown if one.kind not in _BY_PLACE]
    if places:
        console.print(_places(places))
    if names:
        console.print(_names(names))
    running = f"{report.clean} of {report.files} files run on Octave {report.octave}"
    console.print(Text(f"{running}; looked at in {seconds:.1f} s", style="bold"))
    for package, version in report.packages.items():
        state = f"{version} is installed; --package {package} counts it in"
        if not version:
            state = f"is not installed; type: {install_command(package)}"
        console.print(Text(f"needed: the package {package}, which {state}"))
    hidden = len(report.findings) - len(shown)
    if hidden:
        console.print(
            Text(f"{hidden} notes: the code itself provides for it; --notes shows them", style="dim")
        )


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _places(findings: Sequence[Finding]) -> Table:
    """What is wrong at one place each."""
    from rich.text import Text

    table = _table("where", "", "what Octave cannot do")
    for one in findings:
        place = ":".join([one.file, *(str(number) for number in (one.line, one.column) if number)])
        table.add_row(Text(place), Text(one.level, style=_STYLES[one.level]), Text(one.message))
    return table


def _names(findings: Sequence[Finding]) -> Table:
    """Functions that are missing, each once."""
    from rich.text import Text

    groups: dict[tuple[str, str, str], list[Finding]] = {}
    order = list(_STYLES)
    for one in sorted(findings, key=lambda one: (order.index(one.level), one.name, one.file, one.line)):
        groups.setdefault((one.level, one.name, one.message), []).append(one)
    table = _table("function", "", "files", "first", "what to do")
    for (level, name, message), found in groups.items():
        first = f"{found[0].file}:{found[0].line}"
        table.add_row(
            Text(name), Text(level, style=_STYLES[level]), str(len(found)), Text(first), Text(message)
        )
    return table
