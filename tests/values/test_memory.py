"""Memory that is used again: never while somebody looks at it, and not without bounds."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest

from arcuate.values.memory import Memory

MIB = 1 << 20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="linux: huge pages")


def address(view: memoryview) -> int:
    return int(np.frombuffer(view, np.uint8).ctypes.data)


def test_it_comes_back_when_no_view_is_left() -> None:
    memory = Memory()
    view = memory.take(4 * MIB)
    where = address(view)
    array = np.frombuffer(view, "f8")[10:20]  # a small part keeps the whole
    del view
    gc.collect()
    other = memory.take(4 * MIB)
    assert address(other) != where
    del array
    gc.collect()
    assert address(memory.take(4 * MIB)) == where


def test_what_is_held_does_not_change() -> None:
    memory = Memory()
    rng = np.random.default_rng(1)
    held: list[tuple[np.ndarray, int]] = []
    for round_ in range(200):
        view = memory.take(int(rng.integers(MIB, 3 * MIB)))
        array = np.frombuffer(view, np.uint8)
        array[:] = round_ % 251
        held.append((array, round_ % 251))
        if rng.random() < 0.6:
            held.pop(int(rng.integers(len(held))))
        for one, number in held:
            assert one[0] == one[-1] == number
            assert (one[:: MIB // 7] == number).all()


def test_small_and_very_large_ones_are_not_kept() -> None:
    memory = Memory(largest=8 * MIB)
    for size in (100, MIB - 1, 9 * MIB):
        view = memory.take(size)
        assert view.nbytes == size
        assert not view.readonly
        del view
    gc.collect()
    assert memory._idle == []


def test_idle_memory_is_bounded() -> None:
    memory = Memory(largest=8 * MIB, keep=16 * MIB)
    views = [memory.take(6 * MIB) for _ in range(6)]
    del views
    gc.collect()
    assert sum(map(len, memory._idle)) <= 16 * MIB
    assert memory._leases == {}


def test_a_much_larger_area_is_not_taken_for_a_small_buffer() -> None:
    memory = Memory()
    where = address(memory.take(32 * MIB))
    gc.collect()
    small = memory.take(2 * MIB)
    assert address(small) != where


def test_many_threads() -> None:
    memory = Memory()
    wrong: list[str] = []

    def work(number: int) -> None:
        for _ in range(60):
            view = memory.take(2 * MIB)
            array = np.frombuffer(view, np.uint8)
            array[:] = number
            if not (array == number).all():
                wrong.append(f"thread {number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nothing_idle_where_memory_is_limited() -> None:
    """What lies idle counts for the limit, and would be missing to the code that runs."""
    code = (
        "import gc, resource\n"
        "from arcuate.values.memory import Memory\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20))\n"
        "memory = Memory()\n"
        "for size in (128, 120, 100):\n"
        "    memory.take(size << 20)\n"
        "    gc.collect()\n"
        "bytearray(200 << 20)\n"
        "print(memory.take(200 << 20).nbytes)\n"
        "try: memory.take(900 << 20)\n"
        "except MemoryError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{200 << 20}\nthere is no room for a buffer of {900 << 20:,} bytes")


def test_idle_memory_gives_way() -> None:
    """It is let go of where the system has no more for a new area."""
    code = (
        "import gc, resource\n"
        "from arcuate.values.memory import Memory\n"
        "memory = Memory()\n"
        "for _ in range(2):\n"
        "    memory.take(128 << 20)\n"
        "gc.collect()\n"
        "assert memory._idle\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20))\n"
        "print(memory.take(200 << 20).nbytes)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{200 << 20}\n"
