"""The one way out that is left to a confined worker: to one TCP port of this machine.

Its seccomp filter (:mod:`arcuate.worker.sandbox`) asks before each ``connect``, and a thread here answers. It
does not let the call go on, since the worker could change the address after it was looked at, and Landlock
would refuse it anyway. It makes a connection of its own, always to the same port, and puts it in the place
of the worker's socket. So the worker has no connection that was not made here.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import select
import socket
import struct
import threading

from arcuate.worker import sandbox

__all__ = ["Gate", "Pass", "gate"]

log = logging.getLogger(__name__)

_PUT = 0x40182103
"""The request that puts a descriptor into a process that asks."""
_SECONDS = 1.0
"""What a connection on this machine may take."""
_HOST = "127.0.0.1"
_MOST = 64
"""Connections that a worker has at once: each holds a descriptor of the hub, of which others need some."""
_LIVE = frozenset(("01", "04", "05"))
"""States of Linux's table of connections in which the other end may still hold a descriptor."""


class Pass:
    """What a worker needs to be let through.

    Args:
        port: where it may connect to.

    Attributes:
        fd: to be inherited by the launcher of the worker, which sends the listener of its filter by it.
    """

    def __init__(self, port: int) -> None:
        ours, self._theirs = socket.socketpair()
        self.fd = self._theirs.fileno()
        gate().watch(ours, port)

    def close(self) -> None:
        """Lets go of the descriptor once the launcher has it. Idempotent."""
        self._theirs.close()


class _Worker:
    """A confined worker whose filter asks."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.begun = False
        self.ends: set[int] = set()

    def full(self) -> bool:
        """Whether it has as many connections as it may have."""
        if len(self.ends) >= _MOST:
            self.ends &= _live()
        return len(self.ends) >= _MOST


class Gate:
    """The thread that answers all of them."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._poll = select.epoll()
        self._coming: dict[int, tuple[socket.socket, int]] = {}
        self._workers: dict[int, _Worker] = {}
        threading.Thread(target=self._serve, name="arcuate-gate", daemon=True).start()

    def __len__(self) -> int:
        """How many workers can ask."""
        return len(self._workers) + len(self._coming)

    def watch(self, ours: socket.socket, port: int) -> None:
        """Takes the listener that a launcher will send."""
        self._coming[ours.fileno()] = ours, port
        self._poll.register(ours, select.EPOLLIN)

    def _serve(self) -> None:
        while True:
            for fd, events in self._poll.poll():
                if fd in self._coming:
                    self._welcome(fd)
                elif events & select.EPOLLIN:
                    try:
                        self._answer(fd, self._workers[fd])
                    except OSError:
                        pass  # it was killed, or interrupted, while it asked
                    except Exception:  # the others still need the thread
                        log.exception("a confined worker's question could not be answered")
                else:  # nobody is left who could ask
                    self._poll.unregister(fd)
                    del self._workers[fd]
                    os.close(fd)

    def _welcome(self, fd: int) -> None:
        ours, port = self._coming.pop(fd)
        self._poll.unregister(fd)
        with ours, contextlib.suppress(OSError):
            for listener in socket.recv_fds(ours, 1, 1)[1]:
                self._workers[listener] = _Worker(port)
                self._poll.register(listener, select.EPOLLIN)

    def _answer(self, listener: int, worker: _Worker) -> None:
        """Answers one question: the first program, or a connection."""
        question = bytearray(80)
        fcntl.ioctl(listener, sandbox.RECEIVE, question)
        number, pid, _, call = struct.unpack_from("<QIIi", question)
        target, address, length = struct.unpack_from("<QQQ", question, 32)
        allowed, failed = 0, errno.EPERM
        if call in sandbox.programs():
            allowed, worker.begun = int(not worker.begun), True
        else:
            where = target & 0xFFFFFFFF, address, length
            try:
                failed = self._connect(listener, number, worker, pid, *where)
            except Exception as error:  # without an answer, it would wait for ever
                failed = (error.errno if isinstance(error, OSError) else 0) or errno.EACCES
        said = struct.pack("<QqiI", number, 0, 0 if allowed else -failed, allowed)
        fcntl.ioctl(listener, sandbox.ANSWER, said)

    def _connect(
        self, listener: int, number: int, worker: _Worker, pid: int, target: int, address: int, length: int
    ) -> int:
        """Gives the worker a connection; the error number, or 0."""
        port = worker.port
        wanted = struct.pack("<H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(_HOST)
        try:
            with open(f"/proc/{pid}/mem", "rb", 0) as memory:
                if length < len(wanted) or os.pread(memory.fileno(), len(wanted), address) != wanted:
                    return errno.EACCES
            with open(f"/proc/{pid}/fdinfo/{target}", encoding="ascii") as info:
                flags = int(next(line for line in info if line.startswith("flags:")).split()[1], 8)
        except (OSError, StopIteration):
            return errno.EACCES
        if worker.full():
            return errno.EMFILE
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as fresh:
            fresh.settimeout(_SECONDS)
            try:
                fresh.connect((_HOST, port))
            except OSError as error:
                return error.errno or errno.ETIMEDOUT
            fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fresh.setblocking(not flags & os.O_NONBLOCK)
            put = struct.pack("<QIIII", number, 1, fresh.fileno(), target, flags & os.O_CLOEXEC)
            try:
                fcntl.ioctl(listener, _PUT, put)
            except OSError as error:
                return error.errno or errno.EACCES
            worker.ends.add(fresh.getsockname()[1])
        return 0


def _live() -> set[int]:
    """The ports of this machine's ends of connections over IPv4."""
    with open("/proc/thread-self/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] in _LIVE}


_lock = threading.Lock()
_current: Gate | None = None


def gate() -> Gate:
    """The gate of this process."""
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = Gate()
        return _current
