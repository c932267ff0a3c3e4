"""``arcuate convert``: what one file holds, in another format."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import typer

from arcuate.cli.failure import orderly

__all__ = ["convert"]


def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="The file, or a url such as s3://...")],
    target: Annotated[
        str, typer.Argument(metavar="OUT", help="The file to write; its suffix is the format.")
    ],
    lossy: Annotated[
        bool, typer.Option("--lossy", help="Leave out what the format cannot keep, and list it.")
    ] = False,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="The format of IN, if its name says none.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", help="The format of OUT, if its name says none.")
    ] = None,
    variable: Annotated[
        str | None, typer.Option("--variable", metavar="NAME", help="One variable, column or key of IN.")
    ] = None,
    limit: Annotated[
        float | None,
        typer.Option("--limit", metavar="GIB", min=0.0, help="The most memory for IN; default 4."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-O", metavar="KEY=VALUE", help="Of IN's format, as encoding=latin-1; repeatable."
        ),
    ] = None,
    to_option: Annotated[
        list[str] | None,
        typer.Option("--to-option", metavar="KEY=VALUE", help="Of OUT's format; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
) -> None:
    """Write a file in another format, losing nothing unless you say so: [bold]arcuate convert x.csv x.nc[/]

    Formats: csv, json, jsonl, parquet, arrow, netcdf, hdf5, zarr, mat, mat73 (version 7.3), rds, rdata,
    nifti, edf, nwb, bids.
    """
    import math

    from arcuate.cli.flows import settings
    from arcuate.cli.missing import integrations
    from arcuate.errors import InvalidArgument

    with integrations("arcuate convert", "formats"):
        from arcuate.cli.losses import beside, noted
        from arcuate.connector.secrets import redacted
        from arcuate.formats import convert as run

    if limit is not None and not math.isfinite(limit):
        raise InvalidArgument(f"--limit is a number of GiB, not {limit}; give a large one")
    options: dict[str, Any] = {} if limit is None else {"limit": int(limit * (1 << 30))}
    began = time.monotonic()
    with orderly(), _Bar(redacted(source)) as bar, noted() as warned:
        kept = run(
            source,
            target,
            from_format=from_,
            to_format=to,
            variable=variable,
            lossy=lossy,
            options=settings(option),
            target_options=settings(to_option),
            progress=bar.show,
            **options,
        )
    seconds, lost = time.monotonic() - began, beside(kept.lost, warned)
    if as_json:
        names = {"source": redacted(source), "target": redacted(target), "format": kept.format}
        print(json.dumps({**names, "count": bar.done or None, "seconds": seconds, "lost": lost}, indent=2))
        return
    what = f"{bar.done:,} rows or elements, " if bar.done else ""
    where = f"{redacted(source)} -> {redacted(target)} ({kept.format})"
    print(f"{where}: {what}{_size(target)}, {seconds:.1f} s")
    for sentence in lost:
        print(f"lost: {sentence}")


class _Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self, name: str) -> None:
        from tqdm import tqdm

        self.done = 0
        self._bar = tqdm(
            desc=name, unit=" rows", unit_scale=True, disable=not sys.stderr.isatty(), leave=False
        )

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, done: int, total: int | None) -> None:
        self._bar.total = total
        self._bar.update(done - self.done)
        self.done = done


def _size(target: str) -> str:
    from pathlib import Path

    from arcuate.formats.format import sized

    path = Path(target.removeprefix("file://")).expanduser()
    if not path.exists():
        return "elsewhere"
    count = float(sized(path))
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"
