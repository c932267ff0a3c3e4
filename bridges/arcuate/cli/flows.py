"""``arcuate stream``: each block of a stream through functions of R, Octave or Python, and on to a sink."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arcuate.cli.failure import VERBOSE
from arcuate.cli.missing import integrations
from arcuate.errors import InvalidArgument, SessionClosed

if TYPE_CHECKING:
    from arcuate.client import Session

__all__ = ["remembered", "settings", "stream"]

_TELL = 0.5
_AT_ONCE = 1.0
"""Seconds that a second signal leaves for closing: a server that says nothing would take longer."""


def stream(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="URL#TOPIC, or NAME#TOPIC of a configured connector.")],
    through: Annotated[
        list[str] | None,
        typer.Option(
            "--through",
            metavar="ENV:FUNCTION",
            help="Each block goes through it, such as r:detrend; repeatable.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="DST", help="A stream, a file with %d in its name, or - for lines of JSON."
        ),
    ] = None,
    aside: Annotated[
        str | None,
        typer.Option(
            "--aside",
            metavar="DST",
            help="Where blocks go for which a function fails; without, it ends then.",
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="NAME", help="Go on where the last run under this name had come to."
        ),
    ] = None,
    load: Annotated[
        list[str] | None,
        typer.Option("--load", metavar="ENV=FILE", help="Run this script there first; repeatable."),
    ] = None,
    window: Annotated[
        float | None, typer.Option("--window", metavar="SECONDS", help="Cut into windows of this length.")
    ] = None,
    step: Annotated[
        float | None, typer.Option("--step", metavar="SECONDS", help="From one window to the next.")
    ] = None,
    deadline: Annotated[
        float | None, typer.Option("--deadline", metavar="SECONDS", help="A block that takes longer is late.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", help="Where it begins: new, all, or a number or identifier.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="Stop after so many blocks.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", "-t", metavar="SECONDS", min=0.001, help="Stop after this time."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-O", metavar="KEY=VALUE", help="A setting of the source; repeatable."),
    ] = None,
    to_option: Annotated[
        list[str] | None,
        typer.Option("--to-option", metavar="KEY=VALUE", help="A setting of the sink; repeatable."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Tables \\[connector.NAME]; by default arcuate.toml."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON, on stderr with --to -.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="With an error, also the stack.")] = False,
) -> None:
    """Run a stream through functions and on to a sink, until Ctrl-C, --limit or --timeout.

    [bold]arcuate stream nats://localhost#eeg --load r=clean.R --through r:detrend_block --to mqtt://localhost#clean[/]

    A block is acknowledged when the sink has what became of it. With --resume NAME the system remembers that
    (JetStream, Kafka, Redis, MQTT): the same command goes on there, after a crash too.
    At the end comes a report.
    """
    ctx.meta[VERBOSE] = verbose
    if config is not None:
        os.environ["ARCUATE_CONNECTORS"] = str(config)
    if step is not None and window is None:
        raise InvalidArgument("--step needs --window")
    if start is not None:
        option = [*(option or ()), f"start={start}"]
    with integrations("arcuate stream", "formats,streaming"), contextlib.ExitStack() as stack:
        from arcuate.integrations.copying.flows import opened_stream
        from arcuate.streaming.pipeline import Pipeline
        from arcuate.streaming.window import Window

        given = settings(option)
        begin = opened_stream(source, **given)
        if resume is not None:
            begin = opened_stream(source, **{**remembered(begin, resume, start), **given})
        stack.enter_context(contextlib.closing(begin))
        line = Pipeline(begin, deadline=deadline)
        if window is not None:
            line = line | Window(window, step=step)
        for step_ in _functions(stack, through or (), load or ()):
            line = line | step_
        line = line | _sink(stack, to, settings(to_option))
        if aside is not None:
            line = line.aside(_sink(stack, aside, {}))
        report = _run(line, begin, limit, timeout, quiet=as_json)
    _say(report, as_json, sys.stderr if to in (None, "-") else sys.stdout)


def settings(texts: Sequence[str] | None) -> dict[str, Any]:
    """Texts ``key=value`` as settings of a connector."""
    from arcuate.cli.sessions import setting

    return dict(setting(text) for text in texts or ())


def remembered(stream: Any, name: str, start: str | None) -> dict[str, Any]:
    """The settings by which a stream's system remembers under a name what was acknowledged.

    Raises:
        InvalidArgument: it has no memory.
    """
    kind = type(stream)
    if not kind.memory:
        raise InvalidArgument(
            f"--resume: a {kind.__name__} remembers nothing; JetStream, Kafka, Redis and MQTT do. "
            "--start may say where to begin"
        )
    found: dict[str, Any] = dict.fromkeys(kind.memory, name)
    if start is None and kind.replays:
        found["start"] = "all"  # the first time; after that it goes on
    return found


def _functions(stack: contextlib.ExitStack, through: Sequence[str], load: Sequence[str]) -> Iterator[Any]:
    """The functions, each environment opened once."""
    from arcuate.cli.sessions import Opening, opened

    scripts: list[tuple[str, str]] = []
    for text in load:
        name, mark, path = text.partition("=")
        if not mark or not Path(path).is_file():
            raise InvalidArgument(f"--load is ENV=FILE with a file that is there; got {text!r}")
        scripts.append((name, path))
    sessions: dict[str, Session] = {}
    for text in through:
        name, mark, function = text.partition(":")
        if not mark or not function:
            raise InvalidArgument(f"--through is ENV:FUNCTION, such as r:detrend_block; got {text!r}")
        if name not in sessions:
            sessions[name] = stack.enter_context(opened(Opening(name, quiet_stdout=True)))
            for where, path in scripts:
                if where == name:
                    sessions[name].run(Path(path).read_text(encoding="utf-8"))
        yield sessions[name].function(function)
    unused = [name for name, _ in scripts if name not in sessions]
    if unused:
        raise InvalidArgument(f"--load {unused[0]}=...: no --through uses {unused[0]}")


class _Lines:
    """Prints each block as a line of JSON, with what is known of it as in a file."""

    def write(self, block: Any) -> None:
        from arcuate.cli.show import deliver
        from arcuate.streaming.block import labelled

        deliver(labelled(block), as_json=True, output=None)
        sys.stdout.flush()


class _Files:
    """Writes each block to a file of its own, with what is known of it; goes on after those that are there.

    A block's own number would not do: many systems count from 0 in each run.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        folder, _, last = name.rpartition("/")
        if last.count("%d") != 1 or "%d" in folder:
            raise InvalidArgument(f"%d is once in the name of the file, and not in its folder; got {name!r}")
        before, _, after = last.partition("%d")
        there = Path(folder or ".")
        if "://" not in name and not there.is_dir():
            raise InvalidArgument(f"the folder {str(there)!r} of {name!r} is not there; make it first")
        names = [one.name for one in there.iterdir()] if "://" not in name else []
        pattern = re.compile(rf"{re.escape(before)}(\d+){re.escape(after)}")
        self._next = max((int(one[1]) + 1 for text in names if (one := pattern.fullmatch(text))), default=0)

    def write(self, block: Any) -> None:
        from arcuate.formats import save_data
        from arcuate.streaming.block import labelled

        save_data(labelled(block), self._name.replace("%d", str(self._next)))
        self._next += 1


def _sink(stack: contextlib.ExitStack, to: str | None, given: dict[str, Any]) -> Any:
    from arcuate.integrations.copying.flows import opened_stream

    if to in (None, "-"):
        return _Lines()
    assert to is not None
    if "://" not in to and "%d" in to:
        return _Files(to)
    if "://" not in to and "#" not in to:
        raise InvalidArgument(f"--to is a stream (URL#TOPIC), a file with %d in its name, or -; got {to!r}")
    return stack.enter_context(contextlib.closing(opened_stream(to, **given)))


def _run(line: Any, source: Any, limit: int | None, timeout: float | None, *, quiet: bool) -> Any:
    """Runs it; Ctrl-C and SIGTERM end it after the block that is under way, a second one at once.

    Once there was a first one this holds for what comes after it too: closing may wait for a server.
    """
    before: dict[signal.Signals, Any] = {}
    ended = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            line.run(limit, timeout)
        except BaseException as error:
            failed.append(error)
        finally:
            ended.set()

    def asked(*_: Any) -> None:
        if asked_before.is_set():
            last = threading.Timer(_AT_ONCE, _leave)
            last.daemon = True
            last.start()
            raise KeyboardInterrupt
        asked_before.set()
        ended.set()

    asked_before = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, asked)
    shown = _shown() if not quiet and sys.stderr.isatty() else None
    thread = threading.Thread(target=work, name="arcuate-stream", daemon=True)
    try:
        thread.start()
        while not ended.wait(_TELL):
            if shown is not None:
                shown(line.report())
        with contextlib.suppress(Exception):
            line.stop()
        if asked_before.is_set() and not line.reading:
            with contextlib.suppress(Exception):
                source.close()  # it still connects, perhaps to a server that says nothing
        while thread.is_alive():
            thread.join(_TELL)  # in pieces: a second signal ends it
        if failed and not (asked_before.is_set() and isinstance(failed[0], SessionClosed)):
            raise failed[0]
        return line.report()
    finally:
        if not asked_before.is_set():
            for number, handler in before.items():
                signal.signal(number, handler)
        if shown is not None:
            print(file=sys.stderr)


def _leave() -> None:
    """Ends the process whatever it waits for; workers end with it."""
    os.write(2, b"interrupted\n")
    os._exit(130)


def _shown() -> Callable[[Any], None]:
    def show(report: Any) -> None:
        print(f"\r{_text(report)}\x1b[K", end="", file=sys.stderr, flush=True)

    return show


def _text(report: Any) -> str:
    found = f"{report.blocks:,} blocks, {report.lost:,} lost, {report.late:,} late"
    if report.failed:
        found += f", {report.failed:,} put aside"
    if report.latency is not None:
        found += f", latency {report.latency.p50 * 1000:.1f} ms (p99 {report.latency.p99 * 1000:.1f} ms)"
    return found


def _say(report: Any, as_json: bool, file: Any) -> None:
    print(
        json.dumps(report.to_dict()) if as_json else f"{_text(report)} in {report.seconds:.1f} s", file=file
    )
