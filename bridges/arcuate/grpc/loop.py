"""The event loop of all gRPC servers of this process, in a thread of its own.

gRPC for asyncio has one poller per process, which is meant for one loop: a second one works, but makes noise.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["get", "run"]

T = TypeVar("T")

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def get() -> asyncio.AbstractEventLoop:
    """The loop of this process; its thread is started when it is first needed."""
    pid = os.getpid()
    with _lock:
        found = _loops.get(pid)
        if found is None:
            found = _loops[pid] = asyncio.new_event_loop()
            threading.Thread(target=_main, args=(found,), name="arcuate-grpc", daemon=True).start()
        return found


def run(work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
    """Has the loop do something, and waits for it. Not from the loop's own thread."""
    return asyncio.run_coroutine_threadsafe(work, get()).result(timeout)


def _main(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
