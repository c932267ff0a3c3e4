"""Streams, functions and sinks in a row: ``stream | r.function("detrend_block") | sink``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol

from typing_extensions import Self

from arcuate.connector import DataError
from arcuate.errors import ArcuateError, CallTimeout, ConversionError, InvalidArgument, RemoteError
from arcuate.streaming.block import Block
from arcuate.streaming.report import Meter, Report
from arcuate.streaming.source import Blocks, Sink, Source
from arcuate.streaming.steady import steady
from arcuate.streaming.window import Window

__all__ = ["Pipeline"]

log = logging.getLogger(__name__)
_BATCH = 256
"""Results that a sink may have without having said so, while others wait to be taken."""
_HOLD = 0.1
"""Seconds after which it is asked all the same."""
_OF_BLOCKS = (RemoteError, ConversionError, DataError, CallTimeout)
"""Errors of ours that are a block's fault; others, such as a lost session, would come for each."""
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
        aside: what takes the blocks for which a function fails; left out, the pipeline ends then.
    """

    def __init__(
        self,
        source: Source,
        steps: tuple[Any, ...] = (),
        sink: Writer | None = None,
        *,
        deadline: float | None = None,
        aside: Writer | None = None,
    ) -> None:
        self._source = source
        self._steps = steps
        self._sink = sink
        self._deadline = deadline
        self._aside = aside
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
        return Pipeline(self._source, steps, sink, deadline=self._deadline, aside=self._aside)

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
        return Pipeline(self._source, self._steps, self._sink, deadline=seconds, aside=self._aside)

    def aside(self, sink: Writer) -> Pipeline:
        """With a second sink, for the blocks for which a function fails or that are no signal for a window.

        They are written there as the function was given them, with the header ``error``, counted in
        ``report().failed``, and acknowledged; the pipeline goes on. A lost session still ends it.
        """
        if not callable(getattr(sink, "write", None)):
            raise InvalidArgument(f"a {type(sink).__name__} is no sink: it has no write(block)")
        return Pipeline(self._source, self._steps, self._sink, deadline=self._deadline, aside=sink)

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
            target=self._work, args=(None, None), name=f"arcuate-{self._source.name}-pipeline", daemon=True
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
                raise CallTimeout(f"a function of the pipeline did not return within {timeout:g} s")
            self._thread = None
        if self._error is not None:
            raise self._error
        return self.report()

    @property
    def reading(self) -> bool:
        """Whether it has subscribed."""
        return self._reader is not None

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
            steps, waiting = self._made(), _Waiting(None, self._aside, self._meter)
            for block in reader:
                results, gone, failed = _through(steps, block, self._aside is not None)
                for one, error in failed:
                    self._put_aside(one, error)
                    waiting.nothing(one)
                waiting.settle()
                for one in gone:
                    one.ack()
                yield from results

    # --- Its parts

    def _begin(self) -> None:
        if self._thread is not None:
            raise InvalidArgument("the pipeline runs already")
        self._stopped.clear()  # before it subscribes: it may be stopped while that takes its time
        self._reader, self._error = None, None
        reader = self._source.blocks()
        self._reader, self._meter = reader, Meter(self._deadline)

    def _made(self) -> list[Step]:
        return [one.begin() if isinstance(one, Window) else _of_function(one) for one in self._steps]

    def _work(self, limit: int | None, timeout: float | None) -> None:
        reader, meter = self._reader, self._meter
        assert reader is not None
        try:
            with steady():
                self._pump(reader, meter, limit, timeout)
        except BaseException as error:
            self._error = error
        finally:
            meter.end()
            reader.close()

    def _pump(self, reader: Blocks, meter: Meter, limit: int | None, timeout: float | None) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        steps, waiting = self._made(), _Waiting(self._sink, self._aside, meter)
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
                results, gone, failed = _through(steps, block, self._aside is not None)
                meter.dropped += len(gone)
                for one, error in failed:
                    meter.failed += 1
                    self._put_aside(one, error)
                    waiting.nothing(one)
                for one in results:
                    waiting.write(one)
                for one in gone:
                    waiting.nothing(one)
                block = None
                if waiting.due():
                    waiting.settle()
            waiting.settle()
        except BaseException:
            if block is not None:
                block.nack()
            waiting.settle_what_can_be()
            raise

    def _put_aside(self, block: Block, error: Exception) -> None:
        assert self._aside is not None
        said = " ".join(f"{type(error).__name__}: {error}".split())[:1000].rstrip()
        # As a header it may have no control characters, such as colours of a terminal, nor half a character.
        said = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in said)
        log.warning("a block was put aside", extra={"service": self._source.name, "error": said})
        self._aside.write(replace(block, headers={**block.headers, "error": said}))


class _Waiting:
    """Results that sinks were given and that are not acknowledged yet."""

    def __init__(self, sink: Writer | None, aside: Writer | None, meter: Meter) -> None:
        self._sink = sink
        self._flushes = [one.flush for one in (sink, aside) if one is not None and hasattr(one, "flush")]
        self._meter = meter
        self._blocks: list[Block] = []
        self._written: list[Block] = []
        self._since = 0.0

    def due(self) -> bool:
        """Whether what waits has waited for long, or is much."""
        if not self._blocks:
            return False
        return len(self._blocks) >= _BATCH or time.monotonic() - self._since > _HOLD

    def write(self, block: Block) -> None:
        if self._sink is not None:
            self._sink.write(block)
        self._add(block)
        self._written.append(block)

    def _add(self, block: Block) -> None:
        if not self._blocks:
            self._since = time.monotonic()
        self._blocks.append(block)

    def nothing(self, block: Block) -> None:
        """A block of which nothing is left for the sink."""
        self._add(block)

    def settle(self) -> None:
        """Waits until the sinks have all of them; then they are acknowledged."""
        if not self._blocks:
            return
        for flush in self._flushes:
            flush()
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


def _through(
    steps: list[Step], block: Block, spare: bool
) -> tuple[list[Block], list[Block], list[tuple[Block, Exception]]]:
    """What becomes of a block; for what of it a function gave ``None``; and, if asked, for what it failed.

    All empty: a window keeps it.
    """
    current, gone, failed = [block], [], []
    for step in steps:
        following: list[Block] = []
        for one in current:
            try:
                made = step(one)
            except Exception as error:
                if not spare or (isinstance(error, ArcuateError) and not isinstance(error, _OF_BLOCKS)):
                    raise
                failed.append((one, error))
                continue
            if made is None:
                gone.append(one)
            else:
                following += made
        current = following
    return current, gone, failed
