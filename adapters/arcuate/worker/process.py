"""Starting and ending a worker process.

A worker runs in a session and process group of its own, so that a Ctrl-C in the terminal reaches only the
caller, and a signal or a kill reaches everything that the worker has started.
It dies with its parent: the kernel sends it SIGKILL (Linux). That signal is tied to the *thread* that started
the process, so one thread that lives as long as the caller starts them all.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future

from arcuate.errors import EnvironmentNotFound
from arcuate.worker.environment import Launch

__all__ = ["Process", "start"]

_PIPE_SIZE = 1 << 20


class Process:
    """A running worker and the pipes to it.

    Attributes:
        pid: its process id, which is also its process group.
        send: descriptor that requests are written to (non-blocking).
        receive: descriptor that replies come from (non-blocking).
        stdout: descriptor of its standard output (non-blocking).
        stderr: descriptor of its standard error (non-blocking).
        tidy: called when it has ended: removes what it may have left.
    """

    def __init__(self, popen: subprocess.Popen[bytes], send: int, receive: int, resume: bytes | None) -> None:
        assert popen.stdout is not None
        assert popen.stderr is not None
        self._popen = popen
        self._resume = resume
        self.pid = popen.pid
        self.send = send
        self.receive = receive
        self.stdout = popen.stdout.fileno()
        self.stderr = popen.stderr.fileno()
        self.tidy: Callable[[], None] = lambda: None
        self._closed = False
        for fd in (send, receive, self.stdout, self.stderr):
            os.set_blocking(fd, False)

    def interrupt(self) -> None:
        """Sends SIGINT to the worker and all that it started; tells it to go on where it has to be told."""
        self._signal(signal.SIGINT)
        if self._resume is not None and self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.write(self._resume)
                self._popen.stdin.flush()

    def kill(self) -> int | None:
        """Ends the worker and all that it started, at once."""
        self._signal(signal.SIGKILL)
        return self.wait(10)

    def wait(self, seconds: float) -> int | None:
        """Its exit status (negative: the signal), or ``None`` when it still runs after that time."""
        code = self._popen.poll()
        if code is not None:
            return code
        ended = self._watch(seconds)
        if ended is False:
            return None
        try:
            return self._popen.wait(seconds if ended is None else 1.0)
        except subprocess.TimeoutExpired:
            return None

    def _watch(self, seconds: float) -> bool | None:
        """Waits for its end on a descriptor of it, since ``Popen.wait`` only looks in ever longer pauses.

        Returns:
            Whether it has ended; ``None``, at once, where this cannot be seen.
        """
        if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
            return None
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:  # an old kernel, or a sandbox that does not allow it
            return None
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            return bool(poll.poll(max(0.0, seconds) * 1000))
        finally:
            os.close(fd)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._popen.poll() is None

    def close(self) -> None:
        """Closes the pipes and tidies up. The worker must have ended before."""
        if self._closed:
            return
        self._closed = True
        for fd in (self.send, self.receive):
            with contextlib.suppress(OSError):
                os.close(fd)
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.tidy()

    def _signal(self, number: int) -> None:
        # After poll() has reaped the process its number may belong to somebody else.
        if self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
        elif number == signal.SIGKILL:
            # The worker is gone, its children may live on in the group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


def start(launch: Launch, memory: int | None = None) -> Process:
    """Starts a worker.

    Args:
        launch: how.
        memory: bytes of memory of its own that it may take; shared memory does not count (Linux only).

    Raises:
        EnvironmentNotFound: the program cannot be started.
    """
    down_read, down_write = os.pipe()
    up_read, up_write = os.pipe()
    try:
        if sys.platform == "linux":
            for fd in (down_read, up_read):
                with contextlib.suppress(OSError, AttributeError):
                    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        env = dict(os.environ)
        for name, value in launch.env.items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = value
        env["ARCUATE_IN"] = str(down_read)
        env["ARCUATE_OUT"] = str(up_write)
        env["ARCUATE_PARENT"] = str(os.getpid())
        argv = list(launch.argv)
        program = os.path.join(launch.cwd or "", argv[0]) if os.sep in argv[0] else argv[0]
        if shutil.which(program, path=env.get("PATH")) is None:  # the launcher could not say so
            raise EnvironmentNotFound(
                f"cannot start {argv[0]!r}: there is no such program; "
                "install it, or put its folder on the PATH"
            )
        if not launch.dies_alone and sys.platform == "linux":
            argv = _dying_with_parent(argv)
        popen = _spawner().run(argv, env, launch, (down_read, up_write))
        if memory is not None and sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(popen.pid, resource.RLIMIT_DATA, (memory, memory))
    except OSError as error:
        os.close(down_write)
        os.close(up_read)
        raise EnvironmentNotFound(f"cannot start {launch.argv[0]!r}: {error.strerror or error}") from error
    except BaseException:
        os.close(down_write)
        os.close(up_read)
        raise
    finally:
        os.close(down_read)
        os.close(up_write)
    if launch.start is not None and popen.stdin is not None:
        with contextlib.suppress(OSError):
            popen.stdin.write(launch.start)
            popen.stdin.flush()
    return Process(popen, down_write, up_read, launch.resume)


def _dying_with_parent(argv: list[str]) -> list[str]:
    """The command line under a launcher that sets PR_SET_PDEATHSIG and becomes the program."""
    setpriv = shutil.which("setpriv")
    if setpriv:
        return [setpriv, "--pdeathsig", "KILL", "--", *argv]
    code = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
        "os.getppid() == int(os.environ['ARCUATE_PARENT']) or os._exit(1); "
        "os.execvp(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-I", "-S", "-c", code, *argv]


class _Spawner:
    """The thread that starts all workers of this process."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[
            tuple[list[str], dict[str, str], Launch, tuple[int, int], Future[subprocess.Popen[bytes]]]
        ] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="arcuate-spawner", daemon=True).start()

    def run(
        self, argv: list[str], env: dict[str, str], launch: Launch, fds: tuple[int, int]
    ) -> subprocess.Popen[bytes]:
        future: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((argv, env, launch, fds, future))
        return future.result()

    def _serve(self) -> None:
        while True:
            argv, env, launch, fds, future = self._jobs.get()
            try:
                popen = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE if launch.start is not None else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=env,
                    cwd=launch.cwd,
                    pass_fds=(*fds, *launch.fds),
                    start_new_session=True,
                    bufsize=0,
                )
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(popen)
            del future  # keeps nothing alive while it waits


_lock = threading.Lock()
_current: tuple[int, _Spawner] | None = None


def _spawner() -> _Spawner:
    """The spawner of this process; a forked child gets one of its own."""
    global _current
    with _lock:
        if _current is None or _current[0] != os.getpid():
            _current = (os.getpid(), _Spawner())
        return _current[1]


def _renew() -> None:
    global _lock, _current
    _lock = threading.Lock()
    _current = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
