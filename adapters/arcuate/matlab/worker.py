"""The worker process of a MATLAB session: requests go on to MATLAB as they are, as bytes.

Runs in the Python that has ``matlab.engine``. MATLAB decodes a request, carries it out and encodes the answer
(``m/+arcuate``); this process moves the bytes, streams what is printed, interrupts, and gives callbacks a way
back, which the Engine API has not: two named pipes.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
from types import FrameType
from typing import Any

from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    EnvironmentNotFound,
    InternalError,
    ProtocolError,
    to_mapping,
)
from arcuate.matlab.link import Ended, Interrupted, Link
from arcuate.matlab.pipes import Pipes
from arcuate.values import codes, frames
from arcuate.values.nodes import Nodes
from arcuate.worker.child import Channel, die_with_parent, message, read_fields

__all__ = ["Worker", "main"]


class _Elsewhere:
    """A buffer that MATLAB reads by itself."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes

    def copy_into(self, target: memoryview) -> None:
        raise ProtocolError("this buffer is not read here")


class Worker:
    """Serves requests until the host says goodbye."""

    def __init__(self) -> None:
        self.channel = Channel()
        self.link: Link | None = None
        self.busy = False

    # ------------------------------------------------------------------ loop

    def greet(self) -> None:
        """Answers the host's greeting: starts MATLAB, or finds the one that is shared."""
        hello = read_fields(self.channel.read())
        if hello.get("op") != "hello" or hello.get("major") != frames.MAJOR:
            raise ProtocolError(
                f"expected a greeting of protocol {frames.MAJOR}, got {hello.get('op')} {hello.get('major')}"
            )
        self.channel.greet(hello)
        options = hello["options"]
        link = self.link = Link(str(options["engine"]), str(options["session"]), str(options["start"]))
        pipes = Pipes.make()
        info = link.greet(
            prefix=self.channel.prefix,
            threshold=self.channel.threshold,
            generation=int(options.get("generation", 1)),
            figures=str(options["figures"]),
            path=[str(folder) for folder in options.get("path") or ()],
            pipes=pipes,
        )
        answer = {
            "major": frames.MAJOR,
            "minor": frames.MINOR,
            "language": "MATLAB",
            "version": info["version"],
            "pid": int(info.pop("pid")),
            "kinds": list(codes.KIND_NAMES),
            "features": {"order": "F", "vectors": True, "map": False},
            "info": {
                **info,
                "python": platform.python_version(),
                "worker": os.getpid(),
                "session": str(options["session"]),
                "tempdir": "" if pipes is None else os.path.dirname(pipes.calls),
            },
        }
        self.channel.write(message("hello", 0, answer))

    def abandon(self) -> None:
        """Removes what was made for a session that does not begin."""
        if self.link is not None:
            self.link.abandon()

    def serve(self) -> None:
        """Takes requests until the end."""
        while True:
            frame = self.channel.read_frame()
            op, number = self._head(frame)
            if op == "bye":
                return
            if op in ("settle", "ping"):
                self.channel.write(message("reply", number, {"value": None}))
            elif op not in ("return", "raise", "segment"):  # which belong to a call that is over
                self._request(op, number, frame)

    def _head(self, frame: bytes | bytearray) -> tuple[str, int]:
        nodes = frames.load(frame, limits=self.channel.limits, external=lambda _, size: _Elsewhere(size))
        return nodes.rows[1][7], nodes.rows[2][5]

    def _request(self, op: str, number: int, frame: bytes | bytearray) -> None:
        link = self.link
        assert link is not None
        link.interrupted = False
        self.busy = True
        try:
            reply, sizes, events = link.call(
                "arcuate.serve", 3, frame, turn=lambda: self._turn(number), output=self._print
            )
            self.busy = False
            self._tell(number, events)
            if op == "release":
                return
            if not reply:
                reply = self._placed(sizes)
            self.channel.write_frame(reply)
        except Interrupted as found:
            self._fail(op, number, CallCancelled(str(found), executed="maybe"))
        except Ended:
            raise
        except EOFError:
            raise
        except ArcuateError as error:
            self._fail(op, number, error)
        except Exception as error:
            self._fail(op, number, InternalError(f"{type(error).__name__}: {error}", executed="maybe"))
        finally:
            self.busy = False

    def _fail(self, op: str, number: int, error: ArcuateError) -> None:
        self.busy = False
        if op != "release":
            self.channel.write(message("error", number, to_mapping(error)))

    def _placed(self, sizes: list[int]) -> bytes:
        """The reply, after its large buffers have got their places."""
        link = self.link
        assert link is not None
        refs = [self.channel.allocate(size) if size >= self.channel.threshold else 0 for size in sizes]
        return link.place(refs)

    # ---------------------------------------------------------------- events

    def _print(self, stream: int, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(stream, data) :]

    def _tell(self, number: int, events: bytes) -> None:
        if not events:
            return
        for event in read_list(frames.load(events, limits=self.channel.limits)):
            self.channel.write(message("event", number, event))

    # ------------------------------------------------------------- callbacks

    def _turn(self, number: int) -> None:
        """While MATLAB works: what it asks of the caller."""
        link = self.link
        assert link is not None
        if link.pipes is None:
            return
        while True:
            frame = link.pipes.read()
            if frame is None:
                return
            nodes = frames.load(frame, limits=self.channel.limits)
            self._ask(nodes, number)

    def _ask(self, nodes: Nodes, number: int) -> None:
        """Has the host run a function; serves its requests in MATLAB meanwhile.

        Raises:
            Interrupted: a request of the function was interrupted. MATLAB has left everything then, also the
                call that asked; the host is told so when the function has ended.
        """
        link = self.link
        assert link is not None
        assert link.pipes is not None
        if nodes.rows[0][0] == codes.LIST:
            for event in read_list(nodes):
                self.channel.write(message("event", number, event))
            return
        waiting = nodes.rows[2][5]
        self.busy = unwound = False  # an interrupt now is the host's own business
        self.channel.write(nodes)
        while True:
            frame = self.channel.read_frame()
            op, got = self._head(frame)
            if op == "bye":
                raise EOFError
            if op in ("return", "raise") and got == waiting:
                self.busy = True
                if unwound:
                    raise Interrupted("the call was interrupted inside a callback")
                link.pipes.write(frame, link.check)
                return
            if op in ("settle", "ping"):
                self.channel.write(message("reply", got, {"value": None}))
            elif unwound:
                self._request(op, got, frame)
            else:
                unwound = not self._nested(op, got, frame)

    def _nested(self, op: str, wanted: int, frame: bytes | bytearray) -> bool:
        """Has MATLAB carry out a request that was made from inside a callback; whether it is still in it."""
        link = self.link
        assert link is not None
        assert link.pipes is not None
        link.interrupted = False
        self.busy = op != "release"
        try:
            link.pipes.write(frame, link.check)
            if op == "release":
                return True
            while True:
                nodes = frames.load(link.pipes.wait(link.check), limits=self.channel.limits)
                if nodes.rows[0][0] == codes.LIST or nodes.rows[1][7] == "callback":
                    self._ask(nodes, wanted)
                    continue
                self.busy = False
                self.channel.write(nodes)
                return True
        except Interrupted as error:
            link.stop()
            self._fail(op, wanted, CallCancelled(str(error), executed="maybe"))
            return False
        finally:
            self.busy = False

    # --------------------------------------------------------------- signals

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """SIGINT."""
        if self.busy and self.link is not None:
            self.link.interrupted = True


def read_list(nodes: Nodes) -> list[dict[str, Any]]:
    """The mappings in a frame whose root is a list."""
    from arcuate.values.decode import decode_next
    from arcuate.values.nodes import Cursor
    from arcuate.values.options import DecodeOptions

    found = decode_next(Cursor(nodes), DecodeOptions())[1]
    return [dict(item) for item in found]


def main() -> None:
    """Runs the worker."""
    die_with_parent()
    worker = Worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # MATLAB, which is started next, must not see Ctrl-C
    try:
        worker.greet()
    except ArcuateError as error:
        worker.abandon()
        worker.channel.write(message("error", 0, to_mapping(error)))
        sys.exit(1)
    except Exception as error:
        worker.abandon()
        found = EnvironmentNotFound(f"MATLAB cannot be started: {type(error).__name__}: {error}")
        worker.channel.write(message("error", 0, to_mapping(found)))
        sys.exit(1)
    signal.signal(signal.SIGINT, worker.interrupt)
    link = worker.link
    assert link is not None
    try:
        worker.serve()
    except Ended as error:
        os.write(2, f"MATLAB has ended: {error}\n".encode())
        link.abandon()
        os._exit(70)
    except EOFError:
        pass
    link.close()


if __name__ == "__main__":
    main()
