"""Large buffers of a client of this machine through files: offered to the same user only, on a socket file.

The kernel says whose process the client is. The hub makes a private folder for each connection that asks for
one, and holds a lock on it as long as it lives: whoever is left removes the folder of one that was killed.
``protos/zeromq.md`` has the rules, :mod:`arcuate.client.net.shelf` the files.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import zmq

from arcuate.client.net import shelf
from arcuate.client.net.parts import Part, pack
from arcuate.client.net.shelf import FEATURE, Lent, Shelf
from arcuate.errors import ArcuateError, ConnectionLost, ProtocolError
from arcuate.values.nodes import Nodes
from arcuate.worker.folders import PrivateFolder, sweep
from arcuate.worker.segments import memory_folder

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["Segments", "clean", "owner", "same_user", "settle"]

log = logging.getLogger(__name__)

PREFIX = "arcuate-bus-"
LARGE = 1 << 20
"""Bytes of buffers from which on another thread copies them: who sends holds the lock of a session."""
IDLE_SECONDS = 30.0
"""A file that was not used for so long is removed."""
_LATER = frozenset(("call", "set", "setattr", "index"))
"""Messages whose buffers are copied only when the interpreter gets them."""
_OWNER = re.compile(r"(?:localhost)?:(\d+):\d+:\d+")


def owner(frame: zmq.Frame) -> int | None:
    """Whose process has sent a part, where it came through a socket file: the kernel says so.

    libzmq writes ``localhost:uid:gid:pid`` then, and the number of an address otherwise, never a name.
    """
    try:
        found = _OWNER.fullmatch(str(frame.get("Peer-Address")))
    except zmq.ZMQError:
        return None
    return None if found is None else int(found[1])


def clean() -> None:
    """Removes what hubs have left behind that were killed."""
    if shelf.POSSIBLE:
        sweep(PREFIX, memory_folder())


class Segments:
    """The files of one connection.

    Args:
        post: sends the parts of a message.
        executor: copies large buffers.
        spoilt: told when the client has changed a buffer after it was sent.
    """

    def __init__(
        self, post: Callable[[list[Part]], None], executor: Executor, spoilt: Callable[[ArcuateError], None]
    ) -> None:
        self._post = post
        self._executor = executor
        self._spoilt = spoilt
        self._shelf: Shelf | None = None
        self._sending = False
        self._closed = False
        self._lock = threading.Lock()
        self._queue: deque[Nodes] = deque()
        self._writing = False

    def offer(self, hello: Mapping[str, Any], answer: dict[str, Any]) -> None:
        """Adds the folder to the answer to a ``hello`` that asks for it."""
        wanted = hello.get("features")
        if not shelf.POSSIBLE or self._shelf is not None or self._closed:
            return
        if not isinstance(wanted, list) or FEATURE not in wanted:
            return
        try:
            folder = PrivateFolder(PREFIX, memory_folder())
        except OSError as error:
            log.warning("no folder for segments can be made: %s", error)
            return
        try:
            self._shelf = Shelf(folder.path, "h", spoilt=self._spoilt, ended=folder.close)
        except BaseException:
            folder.close()
            raise
        answer["features"] = [*answer["features"], FEATURE]
        answer[FEATURE] = {"folder": folder.path, "files": shelf.FILES, "bytes": shelf.BYTES}

    @property
    def offered(self) -> bool:
        """Whether the client was told of a folder."""
        return self._shelf is not None

    def ready(self) -> None:
        """The client says that it can open the folder."""
        self._sending = True

    # ----------------------------------------------------------------- arrival

    def find(self, place: int, length: int) -> Lent:
        """A buffer that is said to be in a file of the client."""
        if self._shelf is None:
            raise ProtocolError("malformed message: a buffer in a segment, which were not offered")
        return self._shelf.lend(place, length)

    # ----------------------------------------------------------------- leaving

    def send(self, message: Nodes) -> None:
        """Sends a message; large buffers are copied by another thread. The order is kept."""
        if not self._sending or self._shelf is None:
            self._post(pack(message))
            return
        if self._writing or message.buffers:
            size = sum(len(one) if isinstance(one, bytes) else one.nbytes for one in message.buffers)
            with self._lock:
                if self._writing or size >= LARGE:
                    self._queue.append(message)
                    if not self._writing:
                        self._begin()
                    return
        self._post(self._shelf.pack(message))

    def _begin(self) -> None:
        try:
            self._executor.submit(self._catch_up)
        except RuntimeError:
            self._queue.clear()
            raise ConnectionLost("the bridge has stopped") from None
        self._writing = True

    def _catch_up(self) -> None:
        kept = self._shelf
        assert kept is not None
        while True:
            with self._lock:
                if self._closed:
                    self._queue.clear()
                if not self._queue:
                    self._writing = False
                    return
                message = self._queue.popleft()
            try:
                self._post(kept.pack(message))
            except ConnectionLost:
                self._closed = True  # the session is told otherwise
            except Exception:
                log.exception("a message could not be sent")
                self._spoilt(ProtocolError("a message could not be sent"))
            del message

    # --------------------------------------------------------------------- end

    def tidy(self) -> None:
        """Removes files that nobody has needed for a while."""
        if self._shelf is not None:
            self._shelf.tidy(time.monotonic() - IDLE_SECONDS)

    @property
    def over(self) -> bool:
        """Whether nothing is left of it."""
        return self._closed and (self._shelf is None or self._shelf.over)

    def close(self, *, now: bool = False) -> None:
        """The client is gone. What it had sent can still be read, unless all ends ``now``."""
        self._closed = True
        if self._shelf is not None:
            self._shelf.close(now=now)


def settle(message: Nodes) -> None:
    """Copies the buffers of a message now, unless an interpreter is the only one who reads them."""
    if message.buffers and not (message.rows[1][6] == "op" and message.rows[1][7] in _LATER):
        shelf.settle(message)


def same_user(frame: zmq.Frame) -> bool:
    """Whether a part comes from a process of this user, through a socket file."""
    return owner(frame) == os.getuid()
