"""The demo's figure: data and trend, seasonal cycle, spectrum, forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from arcuate.cli.demo.steps import HELD_OUT, MONTHS

if TYPE_CHECKING:
    from arcuate.cli.demo.steps import Found

__all__ = ["draw"]

# Okabe and Ito (2008), told apart also by the colour-blind.
BLUE, ORANGE, GREEN, RED, GREY, INK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8C8C8C", "#222222"
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": "#666666",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
}


def draw(found: Found, path: str) -> None:
    """Writes the figure as PNG, 2000 by 1600 pixels."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(10, 8), layout="constrained")
        grid = figure.add_gridspec(3, 2, height_ratios=[1.15, 1, 1.05])
        _trend(figure.add_subplot(grid[0, :]), found)
        _cycle(figure.add_subplot(grid[1, 0]), found)
        _spectrum(figure.add_subplot(grid[1, 1]), found)
        _forecast(figure.add_subplot(grid[2, :]), found)
        figure.suptitle(
            "Atmospheric CO$_2$ at Mauna Loa, 1959–1997: one analysis in three languages",
            x=0.012,
            ha="left",
            fontsize=13,
            fontweight="bold",
            color=INK,
        )
        made = " · ".join(f"{name} {version}" for name, version in found.versions.items())
        credit = f"stl, lm and red noise: R · polyfit and fft: Octave · figure: Python   ({made})"
        figure.supxlabel(credit, x=0.995, ha="right", fontsize=7.5, color="#777777")
        figure.savefig(path, dpi=200)
        plt.close(figure)


def _trend(axes: Any, found: Found) -> None:
    axes.plot(found.co2.time, found.co2, color=GREY, lw=0.8, label="monthly mean (R's co2)")
    trend = found.parts.sel(part="trend")
    axes.plot(trend.time, trend, color=BLUE, lw=1.8, label="trend, R's stl")
    axes.plot(
        found.curve.time, found.curve, color=RED, lw=1.2, ls=(0, (4, 2)), label="quadratic, Octave's polyfit"
    )
    axes.set(title="a  Data and trend", ylabel="CO$_2$ (ppm)", xlim=(1958.6, 1998.4))
    axes.legend(loc="upper left", ncols=3)
    slope = np.gradient(trend.values, trend.time.values)
    early = slope[trend.time.values < 1969].mean()
    late = slope[trend.time.values >= 1988].mean()
    axes.text(
        0.995,
        0.06,
        f"growth of the trend: {early:.2f} ppm/yr in 1959–68, {late:.2f} ppm/yr in 1988–97",
        transform=axes.transAxes,
        ha="right",
        color=BLUE,
        fontsize=8.5,
    )


def _cycle(axes: Any, found: Found) -> None:
    """The periodic component of both series, one year of it."""
    months = np.arange(12)
    cycle = found.parts.sel(part="seasonal")[:12]
    rest = (found.parts.sel(part="seasonal") + found.parts.sel(part="remainder")).values.reshape(-1, 12)
    low, high = np.percentile(rest, [5, 95], axis=0)
    axes.fill_between(months, low, high, color=BLUE, alpha=0.15, lw=0, label="5–95% of the years")
    axes.plot(months, cycle, color=BLUE, lw=1.8, marker="o", ms=3.5, label="CO$_2$")
    axes.axhline(0, color="#999999", lw=0.7)
    axes.set(title="b  Seasonal component (stl)", ylabel="CO$_2$ (ppm)", xlim=(-0.4, 11.4))
    axes.set_xticks(months, [name[0] for name in MONTHS])
    axes.yaxis.label.set_color(BLUE)
    other = axes.twinx()
    warm = found.nottem_parts.sel(part="seasonal")[:12]
    other.plot(months, warm, color=ORANGE, lw=1.8, marker="s", ms=3.2, label="Nottingham air temperature")
    other.set_ylabel("temperature (°C)", color="#B87700")
    other.spines["right"].set_visible(True)
    other.grid(visible=False)
    span = 1.15 * max(abs(low).max(), abs(high).max())
    axes.set_ylim(-span, span * 1.35)
    warmth = 1.15 * float(abs(warm).max())
    other.set_ylim(-warmth, warmth * 1.35)
    lines = [*axes.get_legend_handles_labels()[0], *other.get_legend_handles_labels()[0]]
    lines = [lines[1], lines[0], lines[2]]
    axes.legend(
        lines,
        [line.get_label() for line in lines],
        loc="upper left",
        ncols=3,
        columnspacing=1,
        handlelength=1.4,
    )


def _spectrum(axes: Any, found: Found) -> None:
    frequency = found.spectrum.frequency
    axes.fill_between(
        frequency, 1e-4, found.noise, color="#BBBBBB", alpha=0.5, lw=0, label="95% of red noise, AR(1)"
    )
    axes.plot(frequency, found.spectrum, color=GREEN, lw=1.1, label="CO$_2$ less the quadratic")
    axes.set_yscale("log")
    for number, name in ((1.0, "1 year"), (2.0, "½ year")):
        at = int(np.abs(frequency.values - number).argmin())
        height = float(found.spectrum[at])
        axes.plot(frequency[at], height, "o", color=RED, ms=5, zorder=5)
        axes.annotate(
            f"{name}\n{height:.2f} ppm",
            (float(frequency[at]), height),
            xytext=(8, -3),
            textcoords="offset points",
            fontsize=8,
            color=RED,
            va="center",
        )
    axes.set(
        title="c  Amplitude spectrum (fft)",
        xlabel="cycles per year",
        ylabel="amplitude (ppm)",
        xlim=(0, 6),
        ylim=(1e-3, 12),
    )
    axes.legend(loc="upper right")


def _forecast(axes: Any, found: Found) -> None:
    recent = found.co2[-(HELD_OUT + 60) :]
    seen, unseen = recent[:-HELD_OUT], recent[-HELD_OUT:]
    fit, low, high = (found.forecast.sel(bound=name) for name in ("fit", "lwr", "upr"))
    axes.fill_between(fit.time, low, high, color=ORANGE, alpha=0.3, lw=0, label="95% prediction interval")
    axes.plot(fit.time, fit, color=RED, lw=1.4, label="predict(lm), one year ahead")
    axes.plot(seen.time, seen, color=GREY, lw=1, label="seen by the fit")
    axes.plot(unseen.time, unseen, "o", color=INK, ms=2.6, label="not seen by the fit")
    axes.axvline(float(unseen.time[0]) - 1 / 24, color="#999999", lw=0.8, ls=":")
    error = float(np.sqrt(np.mean((unseen.values - fit.values) ** 2)))
    axes.set(
        title="d  One year ahead, by a linear model that lives in R", ylabel="CO$_2$ (ppm)", xlabel="year"
    )
    axes.set_xlim(float(recent.time[0]) - 0.15, float(recent.time[-1]) + 0.15)
    axes.legend(loc="upper left", ncols=2)
    axes.text(
        0.995,
        0.07,
        f"root mean square error {error:.2f} ppm; "
        f"{found.covered:.0%} of the unseen months lie in the interval",
        transform=axes.transAxes,
        ha="right",
        fontsize=8.5,
        color=INK,
    )
