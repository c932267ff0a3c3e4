"""``arcuate demo``: R and Octave called from Python on real data, labels intact at every hop.

Monthly CO2 at Mauna Loa and temperatures at Nottingham come out of R as labelled arrays. R's ``stl``
decomposes them, Octave's ``polyfit`` and ``fft`` find trend and spectrum, and an ``lm`` fit that stays in R
predicts five years that it has not seen. Every step checks labels and numbers; a wrong one ends the demo.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from arcuate.errors import ArcuateError, EnvironmentNotFound

__all__ = ["demonstrate"]


def demonstrate(out: Path, *, as_json: bool = False) -> int:
    """Runs the demo.

    Args:
        out: folder of the figure; made where it is not there.
        as_json: print what was computed as JSON instead of tables.

    Returns:
        The exit status.
    """
    started = time.perf_counter()
    if not _ready():
        return 1
    from rich.console import Console

    from arcuate.cli.demo.hops import Journey
    from arcuate.cli.demo.report import print_report
    from arcuate.cli.demo.steps import analyse

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    journey = Journey()
    with Console(stderr=True).status("R and Octave are working ..."):
        found = analyse(journey)
    figure_started = time.perf_counter()
    from arcuate.cli.demo.figure import draw

    os.makedirs(out, exist_ok=True)
    path = os.path.abspath(out / "arcuate-demo.png")
    draw(found, path)
    finished = time.perf_counter()
    times = {"figure": finished - figure_started, "total": finished - started}
    if as_json:
        from arcuate.cli.jsonform import dumps

        print(
            dumps(
                {
                    **found.numbers(),
                    "hops": journey.rows(),
                    "checks": journey.checks,
                    "figure": path,
                    "seconds": times,
                }
            )
        )
    else:
        print_report(console, found, journey, path, times)
    return 0


def _ready() -> bool:
    """Whether R, Octave and matplotlib are here; says what to type where they are not."""
    problems = []
    try:
        import matplotlib
        import matplotlib.pyplot  # noqa: F401
    except ModuleNotFoundError:
        problems.append("matplotlib draws the figure and is not installed; type: pip install 'arcuate[demo]'")
    from arcuate.client import environments

    points = environments()
    for name, language in (("r", "R"), ("octave", "Octave")):
        try:
            if name not in points:
                raise EnvironmentNotFound(f"the environment {name!r} is not announced; reinstall arcuate")
            report = points[name].load().doctor()
        except (ArcuateError, ImportError) as error:
            problems.append(f"{language}: {error}")
            continue
        if not report.found:
            missing = "; ".join(report.missing) or "it was not found"
            problems.append(
                f"{language}: {missing}" + (f"; type: {report.install}" if report.install else "")
            )
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return not problems
