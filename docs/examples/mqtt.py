"""A reader that fails in the middle of its work: what it did not acknowledge comes again."""

import shutil
import socket
import subprocess

import numpy as np
import xarray as xr

from arcuate.integrations import IntegrationError, MQTTStream

with socket.create_server(("127.0.0.1", 0)) as asked:
    port = asked.getsockname()[1]
mosquitto = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
broker = subprocess.Popen([mosquitto, "-p", str(port)], stderr=subprocess.DEVNULL)
url = f"mqtt://127.0.0.1:{port}"

samples = xr.DataArray(
    np.arange(6.0).reshape(3, 2),
    dims=("time", "channel"),
    coords={"channel": ["Fz", "Cz"]},
    attrs={"units": "microvolts", "sampling_rate": 250.0},
)

try:
    with MQTTStream(url=url, topic="lab/+/eeg", client_id="analysis", retry={"attempts": 20}) as reader:
        blocks = reader.blocks(timeout=10)  # from now on the broker keeps what "analysis" misses
        with MQTTStream(url=url) as writer:
            writer.write(samples, topic="lab/room1/eeg")
            writer.write({"type": "stimulus", "n": 3}, topic="lab/room2/eeg")
        first = next(blocks)
        print(first.topic, first.channels, first.sampling_rate, first.data.attrs["units"])
        # ... and here the process ends, without first.ack()

    with MQTTStream(url=url, topic="lab/+/eeg", client_id="analysis") as reader:
        for block in reader.blocks(timeout=10):
            print("again:", block.topic, type(block.data).__name__)
            block.ack()
            if block.topic == "lab/room2/eeg":
                break

    try:
        MQTTStream(url=url).write(samples, topic="lab/#")
    except ValueError as error:
        print(error)
    print(MQTTStream(url=url).health().status)
finally:
    broker.terminate()
    broker.wait()

try:
    MQTTStream(url=url, topic="lab/#", retry=None).blocks()
except IntegrationError as error:
    print(type(error).__name__, "recoverable:", error.recoverable)
