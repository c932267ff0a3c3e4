"""Streams, functions and sinks in a row: ``stream | r.function("detrend_block") | sink``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol

from typing_extensions import Self

from arcuate.errors import InvalidArgument
from arcuate.streaming.block import Block
from arcuate.streaming.report import Meter, Report
from arcuate.streaming.source import Blocks, Sink, Source
from arcuate.streaming.window import Window

__all__ = ["Pipeline"]

_BATCH = 256
"""Results that a sink may have without having said so, while others wait to be taken."""
Step = Callable[[Block], "list[Block] | None"]


class Writer(Protocol):
    """What a pipeline can end in."""

    def write(self, block: Block) -> object:
        """Takes a block."""


class Pipeline:
    """A source, functions, and a sink; made with ``|``. It does nothing until it is run, started or read.

    Each block goes through all of it before the next one is taken, so that nothing piles up here: the system
    keeps what is not taken. A block is acknowledged when the sink has what became of it; when something
    fails, or the process dies, the system gives it out again. It may be seen twice then, but is not lost.

    Args:
        source: where blocks come from.
        steps: functions of the data, and windows.
        sink: what takes the results, if anything.
        deadline: seconds after which a block counts as late; left out, as long as its samples cover.
    """

    def __init__(
        self,
        source: Source,
        steps: tuple[Any, ...] = (),
        sink: Writer | None = None,
        *,
        deadline: float | None = None,
    ) -> None:
        self._source = source
        self._steps = steps
        self._sink = sink
        self._deadline = deadline
        self._meter = Meter(deadline)
        self._reader: Blocks | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._error: BaseException | None = None

    def __or__(self, stage: Any) -> Pipeline:
        if self._sink is not None:
            raise InvalidArgument("the pipeline ends in a sink already; nothing comes after it")
        if isinstance(stage, Sink) or (not callable(stage) and callable(getattr(stage, "write", None))):
            return self._with(self._steps, stage)
        if callable(stage) or isinstance(stage, Window):
            return self._with((*self._steps, stage), None)
        raise InvalidArgument(
            f"a pipeline has functions and ends in a sink; got a {type(stage).__name__}, which is neither"
        )

    def _with(self, steps: tuple[Any, ...], sink: Writer | None) -> Pipeline:
        return Pipeline(self._source, steps, sink, deadline=self._deadline)

    def window(
        self,
        seconds: float | None = None,
        *,
        samples: int | None = None,
        step: float | int | None = None,
    ) -> Pipeline:
        """Cut into windows of the same length; see :class:`~arcuate.streaming.window.Window`."""
        return self | Window(seconds, samples=samples, step=step)

    def within(self, seconds: float) -> Pipeline:
        """With a deadline: a block that takes longer counts as late."""
        return Pipeline(self._source, self._steps, self._sink, deadline=seconds)

    # --- Running

    def run(self, limit: int | None = None, timeout: float | None = None) -> Report:
        """Runs here until the stream ends.

        Args:
            limit: or until so many blocks were taken.
            timeout: or until so many seconds have passed.

        Raises:
            IntegrationError: a system failed.
            Exception: what a function raised. The block that it was given is not acknowledged.
        """
        self._begin()
        self._work(limit, timeout)
        if self._error is not None:
            raise self._error
        return self.report()

    def start(self) -> Self:
        """Runs in a thread of its own until :meth:`stop`. It has subscribed when this returns."""
        self._begin()
        self._thread = threading.Thread(
            target=self._work, name=f"arcuate-{self._source.name}-pipeline", daemon=True
        )
        self._thread.start()
        return self

    def stop(self, timeout: float | None = 60.0) -> Report:
        """Ends it, when the block that is under way is done; how it went.

        Raises:
            Exception: what ended it before.
        """
        self._stopped.set()
        reader, thread = self._reader, self._thread
        if reader is not None:
            reader.stop()
        if thread is not None:
            thread.join(timeout)
            if thread.is_alive():
                raise InvalidArgument(f"a function of the pipeline did not return within {timeout:g} s")
            self._thread = None
        if self._error is not None:
            raise self._error
        return self.report()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it has ended by itself; whether it has."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    def report(self) -> Report:
        """How it is doing, or how it went."""
        lost = self._reader.lost if self._reader is not None else 0
        return self._meter.report(lost, self._error)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Block]:
        """The results, for a pipeline without a sink. Who reads them acknowledges them."""
        if self._sink is not None:
            raise InvalidArgument("a pipeline with a sink is run: run(), or start() and stop()")
        with self._source.blocks() as reader:
            steps = self._made()
            for block in reader:
                results, gone = _through(steps, block)
                for one in gone:
                    one.ack()
                yield from results

    # --- Its parts

    def _begin(self) -> None:
        if self._thread is not None:
            raise InvalidArgument("the pipeline runs already")
        reader = self._source.blocks()
        self._reader, self._meter, self._error = reader, Meter(self._deadline), None
        self._stopped.clear()

    def _made(self) -> list[Step]:
        return [one.begin() if isinstance(one, Window) else _of_function(one) for one in self._steps]

    def _work(self, limit: int | None, timeout: float | None) -> None:
        reader, meter = self._reader, self._meter
        assert reader is not None
        try:
            self._pump(reader, meter, limit, timeout)
        except BaseException as error:
            self._error = error
        finally:
            meter.end()
            reader.close()

    def _pump(self, reader: Blocks, meter: Meter, limit: int | None, timeout: float | None) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        steps, waiting = self._made(), _Waiting(self._sink, meter)
        block: Block | None = None
        try:
            while not self._stopped.is_set() and (limit is None or meter.blocks < limit):
                if end is not None and time.monotonic() >= end:
                    break
                block = None
                try:
                    block = reader.next(0.0)
                    if block is None:
                        waiting.settle()
                        block = reader.next(None if end is None else max(0.0, end - time.monotonic()))
                except StopIteration:
                    break
                if block is None:
                    break
                meter.blocks += 1
                results, gone = _through(steps, block)
                meter.dropped += len(gone)
                for one in results:
                    waiting.write(one)
                for one in gone:
                    waiting.nothing(one)
                block = None
                if len(waiting) >= _BATCH:
                    waiting.settle()
        except BaseException:
            if block is not None:
                block.nack()
            waiting.settle_what_can_be()
            raise
        waiting.settle()


class _Waiting:
    """Results that a sink was given and that are not acknowledged yet."""

    def __init__(self, sink: Writer | None, meter: Meter) -> None:
        self._sink = sink
        self._flush = getattr(sink, "flush", None)
        self._meter = meter
        self._blocks: list[Block] = []
        self._written: list[Block] = []

    def __len__(self) -> int:
        return len(self._blocks)

    def write(self, block: Block) -> None:
        if self._sink is not None:
            self._sink.write(block)
        self._blocks.append(block)
        self._written.append(block)

    def nothing(self, block: Block) -> None:
        """A block of which nothing is left for the sink."""
        self._blocks.append(block)

    def settle(self) -> None:
        """Waits until the sink has all of them; then they are acknowledged."""
        if not self._blocks:
            return
        if self._flush is not None and self._written:
            self._flush()
        blocks, written = self._blocks, self._written
        self._blocks, self._written = [], []
        self._meter.took(written)
        for block in blocks:
            block.ack()

    def settle_what_can_be(self) -> None:
        """As :meth:`settle`, after a failure that is told anyway; what the sink has not is wanted again."""
        try:
            self.settle()
        except Exception:
            for block in self._blocks:
                block.nack()
            self._blocks, self._written = [], []


def _of_function(function: Callable[[Any], Any]) -> Step:
    def step(block: Block) -> list[Block] | None:
        result = function(block.data)
        return None if result is None else [block.with_data(result)]

    return step


def _through(steps: list[Step], block: Block) -> tuple[list[Block], list[Block]]:
    """What becomes of a block, and for what of it a function gave ``None``. Both empty: a window keeps it."""
    current, gone = [block], []
    for step in steps:
        following: list[Block] = []
        for one in current:
            made = step(one)
            if made is None:
                gone.append(one)
            else:
                following += made
        current = following
    return current, gone
