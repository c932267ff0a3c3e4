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

from arcuate.errors import EnvironmentNotFound, Unsupported

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
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise Unsupported(
            "the demo draws with matplotlib, which is missing; type: pip install 'arcuate[demo]'"
        ) from None
    from rich.console import Console

    from arcuate.cli.demo.hops import Journey
    from arcuate.cli.demo.report import print_report
    from arcuate.cli.demo.steps import analyse

    journey = Journey()
    with Console(stderr=True).status("R and Octave are working ..."):
        try:
            found = analyse(journey)
        except EnvironmentNotFound as error:
            problems = _missing() or [error.message]
            found = None
    if found is None:
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
        return 1
    drawing = time.perf_counter()
    from arcuate.cli.demo.figure import draw

    os.makedirs(out, exist_ok=True)
    path = os.path.abspath(out / "arcuate-demo.png")
    draw(found, path)
    finished = time.perf_counter()
    seconds = {"figure": finished - drawing, "total": finished - started}
    if as_json:
        from arcuate.jsonform import dumps

        run = {"hops": journey.rows(), "checks": journey.checks, "figure": path, "seconds": seconds}
        print(dumps({**found.numbers(), **run}))
    else:
        print_report(
            Console(highlight=False, soft_wrap=not sys.stdout.isatty()), found, journey, path, seconds
        )
    return 0


def _missing() -> list[str]:
    """What to type for each of R and Octave that is not here."""
    from arcuate.client import environments

    problems = []
    points = environments()
    for name, language in (("r", "R"), ("octave", "Octave")):
        if name not in points:
            problems.append(f"the environment {name!r} is not announced; reinstall arcuate")
            continue
        report = points[name].load().doctor()
        if not report.found:
            missing = "; ".join(report.missing) or f"{language} was not found"
            problems.append(
                f"{language}: {missing}"
                + (f"; type: {report.install}" if report.install not in missing else "")
            )
    return problems
