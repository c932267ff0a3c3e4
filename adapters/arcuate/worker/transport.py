"""The transport to a worker process on this machine: frames on pipes, large buffers in shared memory.

The thread that makes a call also waits for it: it polls the reply pipe, the worker's stdout and stderr and a
wake-up pipe, and so serves output, events and callbacks live without a thread of its own. Replies are polled
before outputs: a worker flushes its output before it replies, so what was printed before is seen with it.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.client.sigint import Guard
from arcuate.client.transport import Call, Greeting, Transport, own_call
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    EnvironmentCrashed,
    LimitExceeded,
    ProtocolError,
    SessionClosed,
    from_mapping,
    to_mapping,
)
from arcuate.values import frames
from arcuate.values.limits import Limits
from arcuate.values.nodes import Buffer, Nodes
from arcuate.worker.endings import Malformed, crashed, lost
from arcuate.worker.environment import Environment
from arcuate.worker.folders import remover
from arcuate.worker.output import Output
from arcuate.worker.process import Process, start
from arcuate.worker.restrictions import Restrictions
from arcuate.worker.segments import Segment, SegmentStore
from arcuate.worker.waiting import Lookout

if TYPE_CHECKING:
    from arcuate.worker.confine import Jail

__all__ = ["THRESHOLD", "WorkerTransport"]

THRESHOLD = 65536
"""Bytes from which on a buffer goes through shared memory."""
START_SECONDS, GRACE_SECONDS = 60.0, 3.0
_READ = 1 << 18
_ATOMIC = 4096
_AGAIN = 0.1  # seconds after which a worker that has not answered is interrupted again; doubled each time
_SETTLE = 1 << 50  # ids from here on are settle requests: no call has them
_LAST_SECONDS = 0.5  # that a worker has to end after it has closed its channel, before it counts as living on
_SLICE = 250
"""Milliseconds of one wait. A Ctrl-C in the instant before a wait begins would otherwise go unnoticed, since
Python runs its handlers between bytecodes only."""
_DOUBT = 0.2  # seconds in which a signal that seems to be lost may still strike
_FIRST_PATIENCE = 0.25  # seconds after which an interrupted worker that has not settled is interrupted again


class WorkerTransport(Transport):
    """Runs one interpreter and talks to it.

    Args:
        environment: how it is started.
        limits: what a session accepts and sends.
        grace: seconds that an interrupted interpreter has to stop before it is killed.
        start: seconds that the worker has to answer the greeting.
        restrictions: what the worker is kept from.

    Attributes:
        restarts: whether a call starts a fresh interpreter where the last one has ended.
    """

    name = "worker"
    restarts = True

    def __init__(
        self,
        environment: Environment,
        limits: Limits,
        grace: float = GRACE_SECONDS,
        start: float = START_SECONDS,
        restrictions: Restrictions | None = None,
    ) -> None:
        self.environment = environment
        self.start = start
        self.limits = limits
        self.grace = grace
        self.generation = 0
        self._owner = os.getpid()
        self._restrictions = restrictions or Restrictions()
        self._jail: Jail | None = None
        self._segments = SegmentStore(limits.array, files=self._restrictions.confined)
        self._process: Process | None = None
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._closed = False
        self._state = threading.Lock()
        self._running: list[Call] = []
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------------ life

    def _open(self) -> None:
        launch = self.environment.launch()
        options = self.environment.hello()  # before the process: it may refuse an option
        self.generation += 1
        self._epoch = object()
        self._map = False
        self._interrupted: float | None = None
        self._again = _AGAIN
        self._twice = False  # whether a call was interrupted a second time
        self._received: bytes | bytearray = b""
        self._granted: dict[int, Segment] = {}
        launch = self._restrictions.with_variables(launch)
        if self._restrictions.confined:
            folder = os.path.dirname(self._segments.prefix)
            self._jail = self._restrictions.jail(launch, self.environment, folder)
            launch = self._jail.launch
        process = start(launch, self._restrictions.memory)
        if self._jail is not None:
            self._jail.begun()
        self._process = process
        self._resumes = launch.resume is not None
        self._output = Output(process.stdout, process.stderr, self.limits.output, launch.quiet)
        self._poll = select.poll()
        for fd in (process.receive, process.stdout, process.stderr, self._wake_read):
            self._poll.register(fd, select.POLLIN)
        self._lookout = Lookout(self._poll.poll)
        hello = {
            "major": frames.MAJOR,
            "minor": frames.MINOR,
            "segments": self._segments.prefix,
            "threshold": THRESHOLD,
            "limits": {name: getattr(self.limits, name) for name in ("array", "message", "depth")},
            "options": {**options, "generation": self.generation},
        }
        call = own_call(0, time.monotonic() + self.start)
        try:
            reply = messages.fields(self._exchange(messages.build("hello", 0, hello), call))
        except CallTimeout:
            self._end(kill=True)
            raise EnvironmentCrashed(
                f"{self.environment.language} did not answer within {self.start:g} s of its start",
                output=self._output.last,
            ) from None
        except BaseException:
            self._end(kill=True)
            raise
        if reply.get("major") != frames.MAJOR:
            self._end(kill=True)
            raise ProtocolError(
                f"the {self.environment.language} worker speaks protocol "
                f"{reply.get('major')}.{reply.get('minor')}, this side {frames.MAJOR}.{frames.MINOR}; "
                "install matching versions of Arcuate"
            )
        features: Mapping[str, Any] = reply.get("features") or {}
        self._map = bool(features.get("map", False))
        self.greeting = Greeting(
            language=str(reply.get("language", "")),
            version=str(reply.get("version", "")),
            pid=int(reply.get("pid", process.pid)),
            order=str(features.get("order", "any")),
            vectors=bool(features.get("vectors", False)),
            features=features,
            info=reply.get("info") or {},
        )
        process.tidy = remover(self.greeting.info.get("tempdir"))

    def restart(self) -> None:
        self._check_owner()
        self._end(kill=True)
        self._open()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._owner:
            return  # a forked child holds copies; the process belongs to the parent
        self._end(kill=False)
        if self._jail is not None:  # also that of a worker which could not be started
            self._jail.close()
        self._segments.close()
        with self._state:  # nobody writes to what has this number next
            for fd in (self._wake_read, self._wake_write):
                os.close(fd)
            self._wake_read = self._wake_write = -1

    def _end(self, *, kill: bool) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        code: int | None = None
        if not kill:
            try:
                self._write(process, messages.build("bye", 0))
            except (ArcuateError, OSError):
                pass
            os.close(process.send)
            process.send = -1
            code = self._output.drain_until(process.wait, 2.0)
        killed = process.kill()  # also what the worker has started and left running
        code = killed if code is None else code
        self._output.read()
        process.close()
        for segment in self._granted.values():
            self._segments.give_up(segment)
        self._granted = {}
        if self._jail is not None:
            self._jail.close()
        return code

    def _check_owner(self) -> None:
        if os.getpid() != self._owner:
            raise SessionClosed(
                f"this session belongs to process {self._owner}; a forked child cannot use it: "
                f"open a session of its own in the child with connect({self.environment.name!r})"
            )
        if self._closed:
            raise SessionClosed(
                f"this session is closed; open another with connect({self.environment.name!r})"
            )

    # ----------------------------------------------------------------- calls

    def exchange(self, message: Nodes, call: Call) -> Nodes:
        self._check_owner()
        if self._process is None:
            if not self.restarts:
                raise SessionClosed(f"{self.environment.language} has ended, and its variables with it")
            self._open()
        guard = Guard.enter(self._wake_write)
        try:
            with self._state:
                outer = self._running[-1].deadline if self._running else None
                if outer is not None and (call.deadline is None or outer < call.deadline):
                    call.deadline = outer  # the time of a call includes its callbacks and what they call
                self._running.append(call)
            return self._exchange(message, call)
        finally:
            with self._state:
                if call in self._running:
                    self._running.remove(call)
            if guard is not None:
                guard.leave()  # raises KeyboardInterrupt if Ctrl-C came meanwhile

    @property
    def deadline(self) -> float | None:
        with self._state:
            return self._running[-1].deadline if self._running else None

    def post(self, message: Nodes) -> None:
        self._check_owner()
        if self._process is not None:
            self._write(self._process, message)

    def interrupt(self, number: int | None = None) -> bool:
        with self._state:
            running = self._running
            first = next((i for i, call in enumerate(running) if number in (None, call.id)), None)
            if first is None:
                return False
            for call in running[first:]:  # those inside it as well
                call.cancelled = True
            self._wake()
        return True

    def abort(self) -> None:
        process = self._process
        if process is not None:
            process.kill()

    def _wake(self) -> None:
        try:
            if self._wake_write >= 0:
                os.write(self._wake_write, b"c")
        except BlockingIOError:
            pass

    def _exchange(self, message: Nodes, call: Call) -> Nodes:
        """Sends, then serves whatever comes until the reply is there."""
        process = self._process
        assert process is not None
        epoch = self._epoch
        sent: list[Segment] = []
        answers: list[Segment] = []  # of callbacks
        mapped: set[int] = set()
        try:
            if not message.buffers and not self._received and call.deadline is None:
                first = self._quick(process, message, call)
            else:
                first = None
                self._write(process, message, call, sent)
            while True:
                incoming = first or self._next(process, call, epoch)
                first = None
                op, number = messages.head(incoming)
                if op == "reply" and number == call.id:
                    if self._map and any(row[6] == "mapped" for row in incoming.rows[3:]):
                        mapped.update(int(ref) for ref in messages.fields(incoming)["mapped"])
                    if self._interrupted is not None:
                        self._settle(process, call)
                        raise self._judge(
                            call, CallCancelled("the call was interrupted as it ended", executed="yes")
                        )
                    return incoming
                if op == "hello" and call.id == 0:
                    return incoming
                if op == "callback" and answers and not self._map:  # it has read the last answer
                    while answers:
                        self._segments.release(answers.pop())
                self._serve(process, call, op, number, incoming, epoch, answers)
        except (BrokenPipeError, ConnectionResetError):
            raise self._crash(call) from None
        except Malformed as found:
            raise self._break_off(found.error) from None
        finally:
            for segment in (*sent, *answers):
                if segment.ref in mapped or self._process is not process:
                    self._segments.give_up(segment)
                else:
                    self._segments.release(segment)

    def _quick(self, process: Process, message: Nodes, call: Call) -> Nodes | None:
        """The usual small call in few steps: one write, and a first message that comes alone, in one piece.

        Whatever comes otherwise is left for the general way; ``None`` says so.
        """
        frame = frames.dump(message, checksum=False)[0]
        if len(frame) > _ATOMIC:
            self._write(process, message, call)
            return None
        try:
            os.write(process.send, frame)  # a pipe takes so few bytes whole or not at all
        except BlockingIOError:
            self._write(process, message, call)
            return None
        if call.cancelled or self._lookout.wait(_SLICE) != [(process.receive, select.POLLIN)]:
            return None
        data = os.read(process.receive, _READ)
        if len(data) < frames.HEADER_SIZE or frames.total_size(data) != len(data):
            if not data:
                raise self._crash(call)
            self._received = data
            return None
        incoming = self._load(data)
        if messages.head(incoming)[0] == "resumed":
            self._received = data
            return None
        return incoming

    def _serve(
        self,
        process: Process,
        call: Call,
        op: str,
        number: int,
        incoming: Nodes,
        epoch: object,
        answers: list[Segment],
    ) -> None:
        """Handles one message that is not the awaited reply."""
        if op == "error":
            data = self._fields(incoming)
            if number not in (call.id, -1):
                raise Malformed(f"the worker answered call {number} while {call.id} was running")
            if self._interrupted is not None:
                self._settle(process, call)
            raise self._judge(call, from_mapping(data))
        if op == "event":
            call.on_event(self._fields(incoming))
        elif op == "callback":
            self._callback(process, call, incoming, epoch, answers)
        elif op == "alloc":
            self._allocate(process, self._fields(incoming))
        elif op == "reply":
            raise Malformed(f"the worker answered call {number} while {call.id} was running")
        elif op != "resumed":
            raise Malformed(f"the worker sent a message that nobody expects: {op!r}")

    def _callback(
        self, process: Process, call: Call, incoming: Nodes, epoch: object, answers: list[Segment]
    ) -> None:
        answer, struck = Guard.aside(lambda: call.on_callback(incoming))
        call.cancelled = call.cancelled or struck
        if answer is None:  # Ctrl-C at the very end, where the client could not put it into the answer
            answer = messages.build("raise", messages.head(incoming)[1])
        if self._process is not process:
            raise EnvironmentCrashed(
                f"{self.environment.language} ended in a call that a callback made; its variables are lost, "
                "the next call starts a fresh one",
                output=self._output.last,
            )
        if self._epoch is not epoch:
            raise self._judge(
                call, CallCancelled("the call was interrupted inside a callback", executed="maybe")
            )
        if call.cancelled or (call.deadline is not None and time.monotonic() >= call.deadline):
            call.stopped = True
            over = CallCancelled("the call was stopped while a callback ran", executed="maybe")
            answer = messages.build("raise", messages.head(answer)[1], to_mapping(over))
        self._write(process, answer, call, answers)

    def _allocate(self, process: Process, data: Mapping[str, Any]) -> None:
        size = data.get("size")
        if not isinstance(size, int) or size < 0:
            raise Malformed(f"the worker asked for a segment of {size!r} bytes")
        try:
            segment = self._segments.take(max(1, size))
        except LimitExceeded as error:
            self._write(process, messages.build("raise", 0, to_mapping(error)))
            return
        except OSError as error:
            limit = LimitExceeded(f"no shared memory for {size:,} bytes: {error}", setting="memory")
            self._write(process, messages.build("raise", 0, to_mapping(limit)))
            return
        self._granted[segment.ref] = segment
        self._write(process, messages.build("segment", 0, {"ref": segment.ref, "size": segment.size}))

    def _judge(self, call: Call, error: ArcuateError) -> ArcuateError:
        """The error that the caller gets for what the worker reported."""
        if call.stopped and not isinstance(error, CallCancelled):
            error = CallCancelled("the call was cancelled inside a callback", executed="maybe")
        if isinstance(error, CallCancelled):
            error.workspace = True if error.workspace is None else error.workspace
            if call.deadline is not None and time.monotonic() >= call.deadline and not call.cancelled:
                return CallTimeout(
                    "the call took longer than its timeout and was interrupted; "
                    "the session and its variables are intact",
                    executed="maybe",
                    workspace=error.workspace,
                )
        return error

    def _settle(self, process: Process, call: Call, resumed: bool = False) -> None:
        """After an interrupt: makes sure that it cannot strike a later call, and that no late answer is left.

        The worker answers a question that was asked after the last signal. One whose loop is started again
        (Octave) may lose the question with the loop, may carry out a request that it had not read yet, may
        notice the signal some questions later, and may not have seen it at all (``system()`` ignores it): it
        is asked, and interrupted, again.
        """
        self._interrupted = None
        begun = time.monotonic()
        end = begun + self.grace
        again = begun + _FIRST_PATIENCE if self._resumes and not self._twice else end
        seen = (resumed and not self._twice) or not self._resumes
        number = self._ask(process, _SETTLE)
        while True:
            incoming = self._parse()
            if incoming is None:
                now = time.monotonic()
                if now >= end:
                    raise self._lose(call)
                if now >= again:  # once: at the third signal Octave exits
                    process.interrupt()
                    again, begun, seen = end, now, False
                    number = self._ask(process, number)
                self._wait(process, call, (min(again, end) - now) * 1000 + 1)
                continue
            op, got = messages.head(incoming)
            if op == "event":
                call.on_event(self._fields(incoming))
                continue
            if op == "resumed":
                seen = True
                self._epoch = object()
            elif op == "callback":
                over = CallCancelled("the call was interrupted", executed="maybe")
                self._write(process, messages.build("raise", got, to_mapping(over)))
            elif op == "alloc":
                self._allocate(process, self._fields(incoming))
            elif got != number:
                continue
            elif seen or time.monotonic() > begun + _DOUBT:
                while self._granted:
                    self._segments.release(self._granted.popitem()[1])
                return
            else:
                self._wait(process, call, 2)
            # Asked again, since an answer may come from within a callback, before the call itself has ended.
            number = self._ask(process, number)

    def _ask(self, process: Process, number: int) -> int:
        self._write(process, messages.build("settle", number + 1))
        return number + 1

    # --------------------------------------------------------------- waiting

    def _next(self, process: Process, call: Call, epoch: object | None) -> Nodes:
        """The next message, while output streams and time and interrupts are watched."""
        while True:
            nodes = self._parse()
            if nodes is not None:
                if messages.head(nodes)[0] == "resumed":
                    self._epoch = object()
                    self._settle(process, call, resumed=True)
                if epoch is not None and self._epoch is not epoch:
                    self._output.settle()
                    self._deliver(call)
                    raise self._judge(
                        call, CallCancelled("the call was interrupted", executed="maybe", workspace=True)
                    )
                self._output.settle()
                self._deliver(call)
                return nodes
            patience = self._patience(process, call)
            self._wait(process, call, _SLICE if patience is None or patience > _SLICE else patience)

    def _wait(self, process: Process, call: Call, milliseconds: float | None) -> bool:
        """Takes what comes first; ``False`` when nothing came."""
        ready = self._poll.poll(milliseconds)
        for fd, _ in ready:
            if fd == process.receive:
                self._fill(process, call)
            elif fd == self._wake_read:
                os.read(self._wake_read, 4096)
                if Guard.struck(self._wake_write):  # and not at the end of an earlier call
                    call.cancelled = True
            elif not self._output.read_one(fd):
                self._poll.unregister(fd)
        self._deliver(call)
        return bool(ready)

    def _fill(self, process: Process, call: Call) -> None:
        try:
            data = os.read(process.receive, _READ)
        except BlockingIOError:
            return
        if not data:
            raise self._crash(call)
        if self._received:
            self._received += data
        else:
            self._received = data

    def _deliver(self, call: Call) -> None:
        if self._output.pending:
            for stream, text in self._output.take():
                call.on_event({"type": stream, "text": text})

    def _patience(self, process: Process, call: Call) -> float | None:
        """How long to poll, in milliseconds; interrupts the worker, and kills it, when it is time."""
        if self._interrupted is None:
            if not call.cancelled and call.deadline is None:
                return None
            now = time.monotonic()
            if not call.cancelled and call.deadline is not None and now < call.deadline:
                return (call.deadline - now) * 1000 + 1
            self._interrupted = now
            self._again, self._twice = self.grace / 2 if self._resumes else _AGAIN, False
            process.interrupt()
        now = time.monotonic()
        left = self._interrupted + self.grace - now
        if left > 0:
            # The signal may have come before the worker had read the request, or to a child of it between
            # fork and exec, and meant nothing then. Octave gets two, since it exits at the third.
            if now >= self._interrupted + self._again:
                self._again, self._twice = self._again * 2, True
                process.interrupt()
            return min(left, self._interrupted + self._again - now) * 1000 + 1
        raise self._lose(call)

    def _lose(self, call: Call) -> ArcuateError:
        """Kills a worker that does not react; the error that says so."""
        self._end(kill=True)
        return lost(self.environment.language, self.grace, call)

    def _crash(self, call: Call) -> EnvironmentCrashed:
        process = self._process
        lived = process is not None and process.wait(_LAST_SECONDS) is None
        code = self._end(kill=lived)
        self._output.settle()
        self._deliver(call)
        return crashed(self.environment.language, code, lived, self._output.last)

    def _break_off(self, error: ArcuateError) -> ArcuateError:
        """Kills a worker whose messages cannot be understood; what follows could not be told apart."""
        self._end(kill=True)
        error.message += (
            f"; the {self.environment.language} worker was ended: its variables are lost, "
            f"the next call starts a fresh one"
        )
        error.executed = "maybe"
        error.workspace = False
        return error

    # ---------------------------------------------------------------- frames

    def _write(
        self, process: Process, message: Nodes, call: Call | None = None, sent: list[Segment] | None = None
    ) -> None:
        place = None
        if message.buffers:
            leased: list[Segment] = [] if sent is None else sent
            place = self._placer(leased, passing=sent is not None and not self._map)
        end = 0.0
        parts = frames.dump(message, place=place, checksum=False)
        if place is not None:
            message.buffers.clear()  # they are in the segments or in the parts: 1 GB need not be there twice
        for part in parts:
            while part.nbytes:
                try:
                    part = part[os.write(process.send, part) :]
                    end = 0.0
                except BlockingIOError:
                    end = end or time.monotonic() + self.grace
                    self._await_writable(process, call, end)

    def _placer(self, sent: list[Segment], passing: bool) -> Callable[[int, Buffer], int]:
        """Puts large buffers into segments; those in a file already are passed on, if that may be."""

        def place(_: int, buffer: Buffer) -> int:
            size = len(buffer) if isinstance(buffer, bytes) else buffer.nbytes
            if size < THRESHOLD:
                return 0
            found = self._segments.adopt(buffer) if passing else None
            segment = found or self._segments.take(size, exact=self._map)
            sent.append(segment)
            if found is None:
                segment.fill(buffer)
            return segment.ref

        return place

    def _await_writable(self, process: Process, call: Call | None, end: float) -> None:
        """Waits until the worker reads on, taking its output so that it can.

        A call's own time and its cancellation count; without a call, ``end``.
        """
        left = (end - time.monotonic()) * 1000 if call is None else self._patience(process, call)
        if left is not None and left <= 0:
            raise BrokenPipeError(f"the worker has not read for {self.grace:g} s")
        poll = select.poll()
        poll.register(process.send, select.POLLOUT)
        for fd in (process.stdout, process.stderr, self._wake_read):
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(1000 if left is None else min(left, 1000)):
            if fd == self._wake_read:
                if call is not None and b"i" in os.read(fd, 4096):
                    call.cancelled = True
            elif fd != process.send:
                self._output.read_one(fd)
        if call is not None:
            self._deliver(call)

    def _parse(self) -> Nodes | None:
        """A whole message, if one has arrived."""
        received = self._received
        have = len(received)
        if have < frames.HEADER_SIZE:
            return None
        total = frames.total_size(received)
        if not frames.HEADER_SIZE <= total <= have:
            try:
                frames.frame_size(received, self.limits)
            except ArcuateError as error:
                raise Malformed(error) from None
            if isinstance(received, bytes):
                self._received = bytearray(received)
            return None
        if have == total:
            self._received = b""
        else:
            self._received = bytearray(received[total:])
            received = received[:total]
        return self._load(received)

    def _load(self, frame: bytes | bytearray) -> Nodes:
        try:
            return frames.load(frame, limits=self.limits, external=self._external)
        except ProtocolError as error:
            raise Malformed(error) from None

    def _fields(self, message: Nodes) -> dict[str, Any]:
        try:
            return messages.fields(message)
        except ArcuateError as error:
            raise Malformed(error) from None

    def _external(self, ref: int, length: int) -> Buffer:
        segment = self._granted.get(ref)
        if segment is None:
            raise ProtocolError(f"the worker names the shared segment {ref}, which it was not given")
        if length > segment.size:
            raise ProtocolError(f"the worker claims {length} bytes in a segment of {segment.size}")
        del self._granted[ref]
        return segment.lease(length, self._segments.release)
