"""An EEG through a function of R, block by block, and cut into windows."""

import threading

import numpy as np
import xarray as xr

from arcuate.client import connect
from arcuate.hub import Config, Server
from arcuate.integrations import Block, StreamingClient


def block(number):
    """A tenth of a second of two channels at 1 kHz, with an offset."""
    times = number / 10 + np.arange(100) / 1000
    data = 5 + np.sin(2 * np.pi * 10 * times)[:, None] * [1.0, 2.0]
    array = xr.DataArray(data, {"channel": ["C3", "Cz"]}, ("time", "channel"))
    return Block.of(array, sampling_rate=1000.0, timestamp=1_700_000_000 + number / 10)


with Server(Config(zmq=["127.0.0.1:0"], limits={"replay": 100})) as server, connect("r") as r:
    url = server.endpoints["zmq"]  # elsewhere: "nats://host:4222", "mqtt://host", "redis://host", ...
    r.eval("center <- function(block) sweep(block, 2, colMeans(block))")

    raw = StreamingClient(url=url, topic="eeg.raw", start="all")
    clean = StreamingClient(url=url, topic="eeg.clean", start="all")
    with raw, clean, StreamingClient(url=url, topic="eeg.raw") as amplifier:
        for number in range(10):
            amplifier.write(block(number))

        report = (raw | r.function("center") | clean).run(limit=10)
        print(report.blocks, "blocks,", report.lost, "lost")

        for window in clean.window(seconds=0.4, step=0.3):
            print(window.sequence, window.timestamp, window.samples, window.channels)
            print(
                "   range",
                window.data.max("time").round(2).values,
                "mean",
                window.data.mean().round(6).item() + 0.0,
            )
            if window.sequence == 2:
                break


class Recording(StreamingClient):
    """Messages are dispatched by their type."""

    seen = threading.Event()

    def process_stream_data(self, message):
        if message["type"] == "raw":
            print("raw", message["data"].shape)
        elif message["type"] == "event":
            print("event", message["label"])
            self.seen.set()


with Server(Config(zmq=["127.0.0.1:0"])) as server, Recording({"url": server.endpoints["zmq"]}) as recording:
    recording.connect_stream()
    recording.subscribe_to_topics(["eeg.raw"])
    recording.write(block(0), topic="eeg.raw")
    recording.write({"type": "event", "label": "target"}, topic="eeg.raw")
    recording.seen.wait(60)
