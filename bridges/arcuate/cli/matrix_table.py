"""The table that ``arcuate matrix`` prints, and the list of what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["print_measures", "print_result"]

_SHORT = {
    "exact": ("exact", "green"), "permitted": ("permitted", "cyan"), "unsupported": ("unsupported", "yellow"),
    "fail": ("fail", "bold red"), "errored": ("errored", "bold magenta"), "missing": ("missing", "dim"),
}  # fmt: skip
_MOST = 40


def print_result(found: Mapping[str, Any], console: Console | None = None) -> None:
    """Prints a line for each client and transport, a column for each environment, then what went wrong."""
    console = console or Console(highlight=False)
    names = [one["name"] for one in found["environments"]]
    table = Table("client", "transport", "alone", *names, title=None, header_style="bold")
    cells = {(one["client"], one["transport"], one["environment"]): one for one in found["cells"]}
    for client in found["clients"]:
        ways = sorted(
            {way for who, way, _ in cells if who == client["name"]}, key=lambda way: (way != "", way)
        )
        for way in ways:
            row = [_shown(cells.get((client["name"], way, name))) for name in ("", *names)]
            label = f"{client['name']} {client['version']}" if way == ways[0] else ""
            table.add_row(label, way or "none", *row)
    pairs = found.get("pairs", [])
    if found["cells"] or not pairs:
        console.print(table)
    if pairs:
        console.print(_pairs(pairs))
    for one in (*found["clients"], *found["environments"]):
        if one["missing"]:
            console.print(Text.assemble((f"{one['name']}: missing runtime. ", "yellow"), one["missing"]))
    bad = [
        (cell, case)
        for cell in (*found["cells"], *pairs)
        for case in cell["cases"]
        if case["outcome"] in ("fail", "errored")
    ]
    for cell, case in bad[:_MOST]:
        where = (
            f"{cell['caller']} calls {cell['called']}"
            if "caller" in cell
            else " ".join(part for part in (cell["client"], cell["transport"], cell["environment"]) if part)
        )
        style = _SHORT[case["outcome"]][1]
        head = (f"{case['outcome']} ", style), (f"{where} {case['what']} {case['case']}", "bold")
        console.print(Text.assemble(*head, f": {case['detail'][:600]}"), soft_wrap=True)
    if len(bad) > _MOST:
        console.print(f"... and {len(bad) - _MOST} more; --json FILE has all of them")
    total = {name: sum(cell["counts"][name] for cell in (*found["cells"], *pairs)) for name in _SHORT}
    console.print(Text("in all: ") + _counts(total) + Text(f" in {found['seconds']:.0f} s"))


def _pairs(pairs: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each caller, a column for each that is called."""
    called = list(dict.fromkeys(one["called"] for one in pairs))
    table = Table("code in", *(f"calls {name}" for name in called), header_style="bold")
    for caller in dict.fromkeys(one["caller"] for one in pairs):
        cells = {one["called"]: one for one in pairs if one["caller"] == caller}
        table.add_row(caller, *(_shown(cells.get(name)) for name in called))
    return table


def _shown(cell: Mapping[str, Any] | None) -> Text:
    if cell is None:
        return Text("")
    return _counts(cell["counts"], "\n")


def _counts(counts: Mapping[str, int], between: str = ", ") -> Text:
    parts = [
        Text(f"{counts[name]} {label}", style) for name, (label, style) in _SHORT.items() if counts[name]
    ]
    return Text(between).join(parts)


def print_measures(measures: list[dict[str, Any]], console: Console | None = None) -> None:
    """Prints times beside the Python client's."""
    console = console or Console(highlight=False)
    table = Table("client", "transport", "work", "time", "Python", "ratio", "target", "own share")
    for one in measures:
        if one.get("detail"):
            table.add_row(one["client"], one["transport"], one["work"], Text(one["detail"], "red"))
            continue
        met = one["target"] is None or one["ratio"] <= one["target"]
        table.add_row(
            one["client"],
            one["transport"],
            one["work"],
            _time(one["seconds"]),
            _time(one["python"]),
            Text(f"{one['ratio']:.2f}", "green" if met else "red"),
            "" if one["target"] is None else f"{one['target']:g}",
            "" if one["own"] is None else f"{100 * one['own'] / one['seconds']:.0f} %",
        )
    console.print(table)


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"
