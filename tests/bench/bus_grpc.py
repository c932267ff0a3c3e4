"""gRPC: a scalar call and 80 MB there and back, beside raw grpcio and Arrow Flight in the same run.

Each function returns medians in seconds. The hub, the raw echo and the Flight server are processes of their
own. `raw` echoes through a stub and a server of grpcio as its documentation shows them: a unary call for a
scalar, a stream of 1 MiB chunks for an array. `frameworks()` compares grpcio's two servers
(docs/decisions/grpc-server.md).
"""

from __future__ import annotations

import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pyarrow.flight as flight

from arcuate.client import connect

MIB = 1 << 20
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
HUB = """
import sys
from arcuate.hub import Hub
from arcuate.grpc import GrpcBridge
hub = Hub()
bridge = GrpcBridge(hub, ["127.0.0.1:0"])
bridge.start()
print(bridge.endpoints[0], flush=True)
sys.stdin.read()
hub.close()
bridge.stop(1.0)
"""
THREADS = """
import sys, grpc
from concurrent.futures import ThreadPoolExecutor
server = grpc.server(ThreadPoolExecutor(64), options=[("grpc.max_receive_message_length", -1)])
def unary(request, context):
    return request
def stream(requests, context):
    yield from requests
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo", {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Stream": grpc.stream_stream_rpc_method_handler(stream),
}),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
server.stop(0)
"""
HANDOFF = """
import queue, threading
def session():
    # what a hub has for each stream: a thread that makes the answers
    inbox = queue.SimpleQueue()
    def main():
        while True:
            item = inbox.get()
            if item is None:
                return
            give, request = item
            give(request)
    threading.Thread(target=main, daemon=True).start()
    return inbox
"""
WITH_THREADS = (
    HANDOFF
    + """
import sys, grpc
from concurrent.futures import ThreadPoolExecutor
server = grpc.server(ThreadPoolExecutor(256), options=[("grpc.max_receive_message_length", -1)])
def stream(requests, context):
    inbox, out = session(), queue.SimpleQueue()
    def read():
        try:
            for request in requests:
                inbox.put((out.put, request))
        except grpc.RpcError:
            pass
        inbox.put(None)
        out.put(None)
    threading.Thread(target=read, daemon=True).start()
    yield from iter(out.get, None)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo", {
    "Stream": grpc.stream_stream_rpc_method_handler(stream),
}),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
server.stop(0)
"""
)
WITH_ASYNCIO = (
    HANDOFF
    + """
import asyncio, sys, grpc, grpc.aio
async def stream(_, context):
    loop, inbox, out = asyncio.get_running_loop(), session(), asyncio.Queue()
    async def write():
        while True:
            await context.write(await out.get())
    writer = asyncio.create_task(write())
    def give(answer):
        loop.call_soon_threadsafe(out.put_nowait, answer)
    while True:
        request = await context.read()
        if request is grpc.aio.EOF:
            break
        inbox.put((give, request))
    inbox.put(None)
    writer.cancel()
async def main():
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo", {
        "Stream": grpc.stream_stream_rpc_method_handler(stream),
    }),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)
asyncio.run(main())
"""
)
FLIGHT = """
import sys, threading
import pyarrow.flight as flight
class Echo(flight.FlightServerBase):
    def do_exchange(self, context, descriptor, reader, writer):
        writer.begin(reader.schema)
        for chunk in reader:
            writer.write_batch(chunk.data)
server = Echo("grpc://127.0.0.1:0")
print(server.port, flush=True)
sys.stdin.read()
server.shutdown()
"""


@contextmanager
def process(program: str) -> Iterator[tuple[str, int]]:
    """A program of its own: the line that it prints first, and its process id."""
    found = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert found.stdout is not None
    try:
        yield found.stdout.readline().strip(), found.pid
    finally:
        found.communicate(timeout=30)


@contextmanager
def channel(program: str = THREADS) -> Iterator[grpc.Channel]:
    """A channel to an echo in another process."""
    with process(program) as (port, _), grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as found:
        yield found


class Stream:
    """A stream whose messages come back."""

    def __init__(self, where: grpc.Channel) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        echo: Any = where.stream_stream("/echo/Stream", request_serializer=bytes)
        self._answers = echo(iter(self._queue.get, None))

    def bounce(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """An array in chunks of 1 MiB, put together again from what comes back."""
        view = memoryview(array).cast("B")
        for at in range(0, len(view), MIB):
            self._queue.put(view[at : at + MIB])
        back = np.empty(len(view), np.uint8)
        at = 0
        while at < len(view):
            piece = next(self._answers)
            back[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
        return back.view(array.dtype)

    def small(self) -> None:
        """100 bytes."""
        self._queue.put(b"x" * 100)
        next(self._answers)

    def close(self) -> None:
        """Ends the stream."""
        self._queue.put(None)


def median(work: Callable[[], Any], times: int) -> float:
    """The median of that many runs, in seconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def scalar(rounds: int = 5, calls: int = 1000) -> dict[str, float]:
    """``math.hypot(3.0, 4.0)`` here, through the hub, and 100 bytes through raw grpcio, in turns."""
    found: dict[str, list[float]] = {"local": [], "hub": [], "raw": [], "raw_stream": []}
    with ExitStack() as stack:
        endpoint, _ = stack.enter_context(process(HUB))
        far = stack.enter_context(connect(f"{endpoint}/python"))
        near = stack.enter_context(connect("python"))
        raw = stack.enter_context(channel())
        unary: Any = raw.unary_unary("/echo/Unary")
        stream = Stream(raw)
        work = {
            "local": lambda: near.call("math.hypot", 3.0, 4.0),
            "hub": lambda: far.call("math.hypot", 3.0, 4.0),
            "raw": lambda: unary(b"x" * 100),
            "raw_stream": stream.small,
        }
        for call in work.values():
            median(call, 200)
        for _ in range(rounds):
            for name, call in work.items():
                found[name].append(median(call, calls))
        stream.close()
    result = {name: statistics.median(values) for name, values in found.items()}
    result["beyond"] = result["hub"] - result["local"]
    result["ratio"] = result["beyond"] / result["raw"]
    return result


def large(times: int = 15, elements: int = 10_000_000) -> dict[str, float]:
    """80 MB of float64 to the python environment and back, through a raw stream, and through Arrow Flight."""
    array = np.arange(float(elements))
    batch = pa.RecordBatch.from_arrays([pa.array(array)], ["x"])
    with ExitStack() as stack:
        endpoint, _ = stack.enter_context(process(HUB))
        far = stack.enter_context(connect(f"{endpoint}/python"))
        far.run("def same(x): return x")
        stream = Stream(stack.enter_context(channel()))
        port, _ = stack.enter_context(process(FLIGHT))
        other = stack.enter_context(flight.connect(f"grpc://127.0.0.1:{port}"))

        def there_and_back() -> None:
            assert far.call("same", array)[-1] == array[-1]

        def bounce() -> None:
            assert stream.bounce(array)[-1] == array[-1]

        def exchange() -> None:
            writer, reader = other.do_exchange(flight.FlightDescriptor.for_command(b"echo"))
            with writer:
                writer.begin(batch.schema)
                writer.write_batch(batch)
                writer.done_writing()
                assert reader.read_chunk().data.column(0).to_numpy()[-1] == array[-1]

        work = {"hub": there_and_back, "raw": bounce, "exchange": exchange}
        found: dict[str, list[float]] = {name: [] for name in work}
        for call in work.values():
            median(call, 3)
        for _ in range(times):
            for name, call in work.items():
                found[name].append(median(call, 1))
        stream.close()
    result = {name: statistics.median(values) for name, values in found.items()}
    result["speed"] = result["raw"] / result["hub"]
    result["flight"] = result["exchange"] / result["hub"]
    return result


def frameworks(clients: int = 16, calls: int = 400, idle: int = 200) -> dict[str, dict[str, float]]:
    """grpcio's server with threads, and the one for asyncio, each with what a hub needs around it.

    A client alone, many at once (time of a message, processor time of the server for it), 80 MB, idle ones.
    """
    result = {}
    array = np.arange(10_000_000.0)
    for name, program in (("threads", WITH_THREADS), ("asyncio", WITH_ASYNCIO)):
        times: list[float] = []
        with process(program) as (port, pid):

            def one(port: str = port, times: list[float] = times) -> None:
                options = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
                with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as where:
                    stream = Stream(where)
                    for _ in range(calls):
                        begin = time.perf_counter()
                        stream.small()
                        times.append(time.perf_counter() - begin)
                    stream.close()

            one()
            alone = statistics.median(times)
            times.clear()
            before = _processor(pid)
            running = [threading.Thread(target=one) for _ in range(clients)]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
            spent = (_processor(pid) - before) / clients / calls
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as where:
                stream = Stream(where)
                stream.bounce(array)
                bulk = median(lambda stream=stream: stream.bounce(array), 7)  # type: ignore[misc]
                stream.close()
            empty = _resident(pid)
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as where:
                streams = [Stream(where) for _ in range(idle)]
                for stream in streams:
                    stream.small()
                full = _resident(pid)
                for stream in streams:
                    stream.close()
        result[name] = {
            "alone": alone,
            "median": statistics.median(times),
            "p99": sorted(times)[int(len(times) * 0.99)],
            "processor": spent,
            "80 MB": bulk,
            "threads per idle stream": (full[0] - empty[0]) / idle,
            "kB per idle stream": (full[1] - empty[1]) / idle,
        }
    return result


def _resident(pid: int) -> tuple[int, int]:
    """Threads and kB of memory of a process."""
    with open(f"/proc/{pid}/status") as file:
        found = dict(line.split(":", 1) for line in file)
    return int(found["Threads"]), int(found["VmRSS"].split()[0])


def _processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    chosen = {"scalar": scalar, "large": large, "frameworks": frameworks}
    for title in sys.argv[1:] or chosen:
        print(title)
        for key, value in chosen[title]().items():
            print("  ", key, value)
