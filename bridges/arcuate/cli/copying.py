"""``arcuate copy``: from any system to any other, with a bar that shows how far it is."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from arcuate.cli.failure import VERBOSE, orderly

__all__ = ["copy"]


def copy(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="A path, URL, URL#PART or NAME#PART; see below.")],
    target: Annotated[str, typer.Argument(help="The same.")],
    query: Annotated[
        str | None, typer.Option("--query", metavar="SQL", help="Read this of a database, not a whole table.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="COLUMN", help="Copy in the order of a column that grows; keep each piece."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on: at the next byte of a file, or after the largest --key.")
    ] = False,
    append: Annotated[bool, typer.Option("--append", help="Add to a table that is there.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace what is there.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="So many blocks of a stream, at most.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", "-t", metavar="SECONDS", min=0.001, help="A stream that is silent so long has ended."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="Where a stream begins: new, all, or a number or identifier."),
    ] = None,
    tidy: Annotated[
        bool, typer.Option("--tidy", help="A labelled array becomes a table, a row for each element.")
    ] = False,
    variable: Annotated[
        str | None, typer.Option("--variable", metavar="NAME", help="One of several things in a file.")
    ] = None,
    from_format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="Where a name does not say it.")
    ] = None,
    to_format: Annotated[str | None, typer.Option("--to", metavar="FORMAT", help="The target's.")] = None,
    lossy: Annotated[
        bool, typer.Option("--lossy", help="Leave out what the target cannot keep, and list it.")
    ] = False,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-O", metavar="KEY=VALUE", help="A setting of the source; repeatable."),
    ] = None,
    to_option: Annotated[
        list[str] | None, typer.Option("--to-option", metavar="KEY=VALUE", help="Of the target; repeatable.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Tables \\[connector.NAME]; by default arcuate.toml."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was copied as JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="With an error, also the stack.")] = False,
) -> None:
    """Copy between any two of files, stores, databases, documents, keys and streams.

    [bold]arcuate copy data.csv postgresql://me@db/lab#measurements[/]
    [bold]arcuate copy lab#measurements s3://bucket/measurements.parquet[/]
    [bold]arcuate copy nats://localhost#eeg eeg.nc --limit 600[/]
    """
    from arcuate.cli.flows import settings
    from arcuate.cli.missing import integrations
    from arcuate.errors import InvalidArgument

    ctx.meta[VERBOSE] = verbose
    if append and replace:
        raise InvalidArgument("--append and --replace exclude each other")
    exists: Literal["error", "append", "replace"] = "append" if append else "replace" if replace else "error"
    if config is not None:
        os.environ["ARCUATE_CONNECTORS"] = str(config)
    with integrations("arcuate copy", "formats"):
        from arcuate.cli.losses import beside, noted
        from arcuate.integrations.copying import Ask, copy
    with orderly(), _as_options(), _bar(as_json) as tell, noted() as warned:
        done = copy(
            source,
            target,
            Ask(
                query=query,
                key=key,
                resume=resume,
                exists=exists,
                limit=limit,
                timeout=timeout,
                start=int(start) if start is not None and start.isdigit() else start,
                tidy=tidy,
                lossy=lossy,
                variable=variable,
                from_format=from_format,
                to_format=to_format,
                source_settings=settings(option),
                target_settings=settings(to_option),
                progress=tell,
            ),
        )
    lost = beside(done.lost, warned)
    if as_json:
        print(json.dumps({**vars(done), "lost": lost}, indent=2))
        return
    print(_summary(done))
    for one in lost:
        print(f"  not kept: {one}")


_OPTIONS = {
    "exists='append' or 'replace', or resume with a key": "--append, --replace, or --key COLUMN --resume",
    "exists='append' or 'replace'": "--append or --replace",
    "exists='replace'": "--replace",
}


@contextlib.contextmanager
def _as_options() -> Iterator[None]:
    """What a program would write, as it is written here."""
    from arcuate.errors import InvalidArgument

    try:
        yield
    except InvalidArgument as error:
        found = next((text for text in _OPTIONS if text in error.message), None)
        if found is None:
            raise
        raise InvalidArgument(error.message.replace(found, _OPTIONS[found])) from None


def _summary(done: Any) -> str:
    if done.bytes is not None:
        what = f"{done.bytes:,} bytes"
        if done.resumed:
            what += f", {done.resumed:,} of them were there"
    elif done.rows is not None:
        what = f"{done.rows:,} rows"
    else:
        what = f"{done.pieces:,} {'piece' if done.pieces == 1 else 'pieces'}"
    return f"{done.source} -> {done.target}: {what} in {done.seconds:.1f} s"


class _bar:
    """A bar on stderr where that is a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._shown: Any = None
        self._wanted = not quiet and sys.stderr.isatty()

    def __enter__(self) -> Any:
        if not self._wanted:
            return None
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._shown = Progress(
            SpinnerColumn(),
            BarColumn(),
            TextColumn("{task.completed:,}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._shown.start()
        task = self._shown.add_task("", total=None)
        return lambda done, total: self._shown.update(task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self._shown is not None:
            self._shown.stop()
