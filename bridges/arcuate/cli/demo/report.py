"""What the demo prints: the hops, the results and where the figure is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arcuate.cli.demo.hops import Journey
    from arcuate.cli.demo.steps import Found

__all__ = ["print_report"]


def print_report(
    console: Console, found: Found, journey: Journey, path: str, seconds: Mapping[str, float]
) -> None:
    """Prints the report."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title="Every hop between the languages",
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("hop", no_wrap=True)
    table.add_column("what")
    for name in ("time", "data"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("transport", no_wrap=True)
    for hop in journey.hops:
        moved = hop.there + hop.back
        how = "shared memory" if hop.shared else "pipe" if moved else ""
        time = f"{hop.seconds * 1000:,.0f} ms" if hop.seconds >= 0.0995 else f"{hop.seconds * 1000:.1f} ms"
        table.add_row(hop.way, hop.what, time, _size(moved), how)
    console.print(table)
    trend, cycle = found.parts.sel(part="trend"), found.parts.sel(part="seasonal")
    years = float(trend.time[-1] - trend.time[0])
    error = float(((found.forecast.sel(bound="fit").values - found.co2.values[-60:]) ** 2).mean() ** 0.5)
    swing = float(cycle.max() - cycle.min())
    for label, text in (
        (
            "stl (R)",
            f"trend +{float(trend[-1] - trend[0]):.1f} ppm in {years:.0f} years, swing {swing:.2f} ppm",
        ),
        (
            "fft (Octave)",
            f"largest amplitude at {found.peak:.3f} cycles per year: {float(found.spectrum.max()):.2f} ppm",
        ),
        (
            "lm (R handle)",
            f"one year ahead, 5 unseen years: RMSE {error:.2f} ppm, {found.covered:.0%} in the 95% interval",
        ),
    ):
        console.print(Text.assemble((f"{label:<14}", "bold"), text))
    console.print(
        Text.assemble(
            ("✓ " if console.encoding.lower().startswith("utf") else "", "green"),
            f"{journey.checks} checks held: labels of every kind, sums, and numpy's own results",
        )
    )
    console.print(Text.assemble("figure: ", (path, "bold")), soft_wrap=True)
    console.print(
        Text(f"{seconds['total']:.1f} s, of which {seconds['figure']:.1f} s for the figure", style="dim")
    )


def _size(count: int) -> str:
    if not count:
        return ""
    return (
        f"{count} B" if count < 1000 else f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
    )
