"""Streams beside the bare library, in one run: python -m tests.bench.streams [messages] [--eeg seconds]

Messages of 1 KB through NATS, written by one process and read by another: with nats-py alone and with
NATSStream, in turns; without JetStream, and with it (stored, read by a durable consumer, acknowledged).
``--eeg``: 256 channels at 1 kHz in blocks of 100 ms through a function of R, for so many seconds.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nats

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.streaming.nats_server import NATSServer, nats_server  # noqa: E402

from arcuate.streaming import NATSStream  # noqa: E402

PAYLOAD = bytes(range(256)) * 4
ROUNDS = 5


async def bare_read(url: str, topic: str, count: int, kept: bool) -> None:
    client = await nats.connect(url)
    left, done = count, asyncio.Event()

    async def take(message: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    if kept:
        subscription = await client.jetstream().pull_subscribe(topic, durable="bare")
        print("ready", flush=True)
        while left:
            for message in await subscription.fetch(256, timeout=30):
                await message.ack()
                left -= 1
        await client.flush()
    else:
        await client.subscribe(topic, cb=take, pending_msgs_limit=0, pending_bytes_limit=0)
        await client.flush()
        print("ready", flush=True)
        await done.wait()
    print("done", flush=True)
    await client.close()


def our_read(url: str, topic: str, count: int, kept: bool) -> None:
    settings: dict[str, Any] = {"durable": "ours", "start": "all"} if kept else {}
    with NATSStream(url=url, topic=topic, **settings) as stream, stream.blocks() as reader:
        print("ready", flush=True)
        for block in reader:
            block.ack()
            count -= 1
            if not count:
                break
        stream.flush()
        print("done", flush=True)


async def bare_write(url: str, topic: str, count: int, kept: bool) -> None:
    client = await nats.connect(url)
    if kept:
        js = client.jetstream(publish_async_max_pending=2048)
        for _ in range(count):
            await js.publish_async(topic, PAYLOAD)
        await js.publish_async_completed()
    else:
        for number in range(count):
            await client.publish(topic, PAYLOAD)
            if not number & 255:
                await asyncio.sleep(0)
        await client.flush()
    await client.close()


def our_write(url: str, topic: str, count: int, kept: bool) -> None:
    with NATSStream(url=url, topic=topic, jetstream=kept) as stream:
        for _ in range(count):
            stream.write(PAYLOAD)
        stream.flush()


def measured(server: NATSServer, way: str, count: int, kept: bool, turn: int) -> float:
    """Messages a second, from the first that is written until the last is read."""
    topic = f"{way}.{turn}.{'kept' if kept else 'plain'}"
    if kept:

        async def make() -> None:
            client = await nats.connect(server.url)
            await client.jetstream().add_stream(name=topic.replace(".", "_"), subjects=[topic])
            await client.close()

        asyncio.run(make())
    command = [sys.executable, "-m", "tests.bench.streams", "--read", way, server.url, topic, str(count)]
    reader = subprocess.Popen([*command, str(int(kept))], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    begun = time.perf_counter()
    if way == "bare":
        asyncio.run(bare_write(server.url, topic, count, kept))
    else:
        our_write(server.url, topic, count, kept)
    assert reader.stdout.readline() == "done\n"
    seconds = time.perf_counter() - begun
    reader.wait()
    reader.stdout.close()
    return count / seconds


def main(count: int) -> dict[str, Any]:
    """Both ways in turns."""
    found: dict[str, Any] = {}
    with nats_server() as server:
        for kept in (False, True):
            rates: dict[str, list[float]] = {"bare": [], "ours": []}
            for turn in range(ROUNDS):
                for way, one in rates.items():
                    one.append(measured(server, way, count // (4 if kept else 1), kept, turn))
            medians = {way: round(statistics.median(one)) for way, one in rates.items()}
            ratio = round(medians["ours"] / medians["bare"], 2)
            found["jetstream" if kept else "nats"] = {**medians, "ratio": ratio}
    return found


def eeg(seconds: float) -> dict[str, Any]:
    """The report of a pipeline with R in the middle."""
    from tests.streaming.test_functions import LENGTH, RATE, real_time

    with nats_server() as server:
        return real_time(server, seconds, LENGTH / RATE).to_dict()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        _, _, who, address, subject, number, jetstream = sys.argv
        if who == "bare":
            asyncio.run(bare_read(address, subject, int(number), jetstream == "1"))
        else:
            our_read(address, subject, int(number), jetstream == "1")
    elif sys.argv[1:2] == ["--eeg"]:
        print(json.dumps(eeg(float(sys.argv[2])), indent=2))
    else:
        print(json.dumps(main(int(sys.argv[1]) if sys.argv[1:] else 100_000), indent=2))
