"""Starting and ending worker processes, as the kernel sees it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.processes import children, descriptors, finished, group, python, runs, until

from arcuate.errors import EnvironmentNotFound
from arcuate.worker import Launch
from arcuate.worker.process import Process, start

Start = Callable[..., Process]
SLEEP = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def run() -> Iterator[Start]:
    """Starts a Python program as a worker and ends it afterwards."""
    started: list[Process] = []

    def make(code: str, **options: object) -> Process:
        launch = Launch([sys.executable, "-I", "-S", "-c", code], **options)  # type: ignore[arg-type]
        started.append(start(launch))
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.close()


def read(fd: int, size: int) -> bytes:
    """So many bytes of a descriptor that does not block, or what there is at its end."""
    data = b""
    os.set_blocking(fd, True)
    while len(data) < size:
        got = os.read(fd, size - len(data))
        if not got:
            break
        data += got
    return data


def test_the_channel_is_apart_from_the_standard_streams(run: Start) -> None:
    process = run(
        "import os, sys\n"
        "data = os.read(int(os.environ['ARCUATE_IN']), 5)\n"
        "os.write(int(os.environ['ARCUATE_OUT']), data.upper())\n"
        "print('out'); print('err', file=sys.stderr); print(repr(sys.stdin.read()))"
    )
    os.write(process.send, b"hello")
    assert read(process.receive, 5) == b"HELLO"
    assert process.wait(30) == 0
    assert read(process.stdout, 100) == b"out\n''\n"
    assert read(process.stderr, 100) == b"err\n"


def test_it_holds_no_other_descriptor_of_ours(run: Start, tmp_path: Path) -> None:
    with open(tmp_path / "secret", "w") as secret:
        os.set_inheritable(secret.fileno(), True)
        process = run(
            "import os\n"
            "for fd in sorted(map(int, os.listdir('/proc/self/fd')))[3:]:\n"
            "    try: print(os.readlink('/proc/self/fd/%d' % fd))\n"
            "    except FileNotFoundError: pass"
        )
        assert process.wait(30) == 0
        found = read(process.stdout, 10_000).decode().split()
        assert [one.split(":")[0] for one in found] == ["pipe", "pipe"], "the two ends of the channel"


def test_environment_variables(run: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCUATE_TEST_A", "caller's")
    monkeypatch.setenv("ARCUATE_TEST_B", "caller's")
    code = "import os; print([os.environ.get('ARCUATE_TEST_' + x) for x in 'ABC'])"
    process = run(code, env={"ARCUATE_TEST_B": None, "ARCUATE_TEST_C": "žluť"})
    assert process.wait(30) == 0
    assert read(process.stdout, 1000).decode() == "[\"caller's\", None, 'žluť']\n"


def test_directory_and_first_input(run: Start, tmp_path: Path) -> None:
    process = run("import os; print(os.getcwd(), input())", cwd=str(tmp_path), start=b"go\n")
    assert process.wait(30) == 0
    assert read(process.stdout, 1000).decode() == f"{tmp_path} go\n"


@pytest.mark.parametrize("dies_alone", [True, False])
@pytest.mark.parametrize("program", ["no-such-program-anywhere", "/no/such/program", __file__])
def test_a_program_that_is_not_there(program: str, dies_alone: bool) -> None:
    first = start(Launch([sys.executable, "-c", "pass"]))  # and with it the thread that starts workers
    first.kill()
    first.close()
    before, running = descriptors(), children()
    with pytest.raises(EnvironmentNotFound, match=r"cannot start.*(install|Permission)") as caught:
        start(Launch([program], dies_alone=dies_alone))
    assert program in str(caught.value)
    assert descriptors() == before
    assert children() <= running


def test_it_has_a_process_group_of_its_own(run: Start) -> None:
    process = run(SLEEP)
    read(process.stdout, 3)
    assert os.getpgid(process.pid) == os.getsid(process.pid) == process.pid
    assert process.alive


def test_interrupt_and_kill_reach_what_it_has_started(run: Start) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('hit', flush=True))\n"
        "child = subprocess.Popen([sys.executable, '-c', '''\n"
        "import signal, time, os\n"
        "signal.signal(signal.SIGINT, lambda *_: os.write(1, b'child'))\n"
        "os.write(1, b'ready')\n"
        "while True: time.sleep(600)'''])\n"
        "while True: time.sleep(600)"
    )
    process = run(code)
    assert read(process.stdout, 5) == b"ready"
    assert len(group(process.pid)) == 2
    process.interrupt()
    assert sorted(read(process.stdout, 9).decode()) == sorted("hit\nchild")
    assert process.kill() == -signal.SIGKILL
    until(lambda: not group(process.pid), "its child is gone")


def test_what_outlives_the_worker_is_killed(run: Start) -> None:
    process = run(
        "import subprocess, sys; subprocess.Popen(['sleep', '600']); print('up', flush=True)",
    )
    assert process.wait(30) == 0
    assert len(group(process.pid)) == 1
    process.kill()
    until(lambda: not group(process.pid), "its child is gone")


def test_resuming_after_an_interrupt(run: Start) -> None:
    process = run(
        "import signal\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"
        "print('up', flush=True)\n"
        "print(input(), flush=True)",
        start=b"",
        resume=b"again\n",
    )
    assert read(process.stdout, 3) == b"up\n"
    process.interrupt()
    assert read(process.stdout, 6) == b"again\n"


def test_closing_twice_closes_nothing_else(run: Start) -> None:
    process = run("pass")
    process.wait(30)
    process.close()
    other = os.open(os.devnull, os.O_RDONLY)
    process.close()
    os.close(other)


def test_it_outlives_the_thread_that_asked_for_it(run: Start) -> None:
    """The kernel's signal at the parent's end is tied to a thread: not to the caller's."""
    found: list[Process] = []
    thread = threading.Thread(target=lambda: found.append(run(SLEEP)))
    thread.start()
    thread.join()
    assert read(found[0].stdout, 3) == b"up\n"
    assert found[0].alive
    assert found[0].wait(0.2) is None


PARENT = """
    import os, sys, time
    from arcuate.worker import Launch
    from arcuate.worker.process import start
    code = "import time; print('up', flush=True); time.sleep(600)"
    process = start(Launch([sys.executable, "-I", "-S", "-c", code]))
    os.set_blocking(process.stdout, True)
    assert os.read(process.stdout, 3) == b"up\\n"  # so the launcher has done its part
    print(process.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("launcher", ["setpriv", "python"])
def test_it_dies_with_its_parent(launcher: str, tmp_path: Path) -> None:
    if launcher == "setpriv":
        if shutil.which("setpriv") is None:
            pytest.fail("this system has no setpriv: take it out of this test's list")
        path = os.environ["PATH"]
    else:
        path = str(tmp_path)  # nothing is there, so Python itself is the launcher
    child = python(PARENT, env={**os.environ, "PATH": path})
    assert child.stdout is not None
    pid = int(child.stdout.readline())
    assert runs(pid)
    os.kill(child.pid, signal.SIGKILL)
    finished(child, -signal.SIGKILL)
    until(lambda: not runs(pid), "the worker is gone")


def test_the_launcher_in_python_becomes_the_program(
    run: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    process = run("import os, sys; print(os.getpid(), sys.argv, os.environ['PATH'])")
    assert process.wait(30) == 0
    assert read(process.stdout, 1000).decode() == f"{process.pid} ['-c'] {tmp_path}\n"


def test_a_forked_child_starts_workers_of_its_own() -> None:
    code = """
        import os, sys
        from arcuate.worker import Launch
        from arcuate.worker.process import start
        def once():
            process = start(Launch([sys.executable, "-c", "import os; print(os.getppid())"]))
            assert process.wait(30) == 0
            os.set_blocking(process.stdout, True)
            assert int(os.read(process.stdout, 100)) == os.getpid()
            process.close()
        once()
        child = os.fork()
        if child == 0:
            once()
            os._exit(0)
        print(os.waitpid(child, 0)[1])
    """
    assert finished(python(code)) == "0\n"
