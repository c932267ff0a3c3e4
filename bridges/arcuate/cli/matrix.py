"""``arcuate matrix``: every client over every transport in every environment, and the reports of it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from arcuate.errors import InvalidArgument

__all__ = ["matrix"]

_Names = list[str] | None


def _option(name: str, told: str, metavar: str = "NAME") -> Any:
    return typer.Option(name, metavar=metavar, help=f"{told}; repeatable.")


def matrix(
    client: Annotated[
        _Names, _option("--client", "Only this client; a folder with a conformance.json is one, too")
    ] = None,
    environment: Annotated[_Names, _option("--environment", "Only in this environment")] = None,
    transport: Annotated[_Names, _option("--transport", "Only over this transport")] = None,
    case: Annotated[
        _Names,
        _option("--case", "Only these cases, such as 'array/*' or lost", "PATTERN"),
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(
            "--what",
            metavar="KINDS",
            help="Only these kinds: decode,echo,observe,produce,feature,error,secure,fault,pair.",
        ),
    ] = None,
    require_all: Annotated[
        bool, typer.Option("--require-all", help="A missing runtime is a failure (MATLAB's is not).")
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A few cases of each kind over one transport, in seconds.")
    ] = False,
    no_build: Annotated[bool, typer.Option("--no-build", help="Use the clients as they are built.")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure a scalar call and 80 MB beside the Python client too.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the result as JUnit XML.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the result as one HTML page.")
    ] = None,
) -> None:
    """Prove that what one language sends is what another receives; needs a checkout of the repository.

    Every client that is built here runs every golden vector and every feature over each of its transports in
    each environment. The exit status is 1 when something came out that is not declared.
    """
    from arcuate.matrix.runner import WHATS, Selection

    kinds = [one for one in (what or "").split(",") if one]
    unknown = sorted(set(kinds) - set(WHATS))
    if unknown:
        raise typer.BadParameter(
            f"there is no kind {unknown[0]!r}; there are {', '.join(WHATS)}", param_hint="--what"
        )
    for file in (json, junit, html):
        if file is not None:
            file.expanduser().absolute().parent.mkdir(parents=True, exist_ok=True)
    selection = Selection(client or (), environment or (), transport or (), case or (), kinds, smoke)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that hubs and programs end too
    files = (json, junit, html)
    status = _run(selection, build=not no_build, require_all=require_all, measure=measure, files=files)
    raise typer.Exit(status)


def _run(
    selection: Any,
    *,
    build: bool,
    require_all: bool,
    measure: bool,
    files: tuple[Path | None, Path | None, Path | None],
) -> int:
    from arcuate.cli.matrix_table import print_measures, print_result
    from arcuate.matrix import client as clients
    from arcuate.matrix import vectors
    from arcuate.matrix.measure import measure as measured
    from arcuate.matrix.page import with_peers, write
    from arcuate.matrix.report import result, write_json, write_junit
    from arcuate.matrix.runner import Run, environments
    from arcuate.matrix.servers import Servers

    began = time.monotonic()
    found, names = clients.choose(clients.checkout(), selection.clients)
    selection = replace(selection, clients=names)
    places = environments()
    _known("client", selection.clients, [one.client for one in found])
    _known("environment", selection.environments, [one.name for one in places])
    ways = [name for one in found for way in one.transports for name in (way.name, way.url)]
    _known("transport", selection.transports, ways)
    with _Bar() as bar, Servers() as servers:
        run = Run(found, places, vectors.load(), selection, bar.advance)
        run.prepare(build, bar.tell)
        bar.tell("cases")
        run.run(servers)
        times: list[dict[str, Any]] = []
        if measure:
            times = measured(run.clients, servers, transports=selection.transports, told=bar.tell)
    made = result(run, time.monotonic() - began, times)
    print_result(made)
    if not run.judged:
        print("no case was run: nothing on this machine fits what was asked for", file=sys.stderr)
    if times:
        print_measures(times)
    json, junit, html = files
    if json is not None:
        write_json(made, json)
    if junit is not None:
        write_junit(made, junit)
    if html is not None:
        write(with_peers(made, clients.checkout()), html)
    return int(run.failed(require_all))


def _known(what: str, wanted: Sequence[str], known: Sequence[str]) -> None:
    for one in wanted:
        if one not in known:
            raise InvalidArgument(f"there is no {what} {one!r}; there are {', '.join(dict.fromkeys(known))}")


class _Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.completed:.0f} cases"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("starting", total=None)

    @property
    def advance(self) -> Callable[[int], None]:
        """Counts cases."""
        return lambda count: self._progress.advance(self._task, count)

    def tell(self, text: str) -> None:
        """Says what goes on."""
        self._progress.update(self._task, description=text)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
