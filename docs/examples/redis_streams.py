"""Blocks through a Redis stream: shared by a group, acknowledged, and put through R."""

import subprocess
from pathlib import Path

import numpy as np
import xarray as xr

from arcuate.client import connect
from arcuate.integrations import RedisStream

socket = Path("redis.sock").resolve()
command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", ""]
server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
for line in server.stdout:
    if "ready to accept connections" in line:
        break

try:
    url = f"unix://{socket}"
    with RedisStream(url=url, topic="eeg") as recorder:
        for i in range(4):
            data = np.arange(50.0).reshape(25, 2) + i
            recorder.write(
                xr.DataArray(
                    data,
                    dims=("time", "channel"),
                    coords={"channel": ["Fz", "Cz"]},
                    attrs={"sampling_rate": 250.0},
                )
            )

    # A reader of a group takes two blocks, and acknowledges one.
    with RedisStream(url=url, topic="eeg", group="detrend", consumer="a", start="all") as stream:
        blocks = stream.blocks(timeout=5)
        first, second = next(blocks), next(blocks)
        print(first.sequence, first.channels, first.duration)
        first.ack()

    # Coming back under its name it gets what it had not acknowledged, and then the rest.
    with connect("r") as r, RedisStream(url=url, topic="means") as means:
        r.eval("centre <- function(x) x - mean(x)")
        with RedisStream(url=url, topic="eeg", group="detrend", consumer="a") as stream:
            report = (stream | r.function("centre") | means).run(limit=3)
            print(report.blocks, report.lost)

    with RedisStream(url=url, topic="means", start="all") as stream:
        blocks = stream.blocks(timeout=5)
        for _ in range(3):
            block = next(blocks)
            print(block.sequence, block.data.dims, float(block.data.mean()))
finally:
    server.kill()
    server.communicate()
