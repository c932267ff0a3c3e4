"""Blocks in a topic of Kafka: a reader ends in the middle of its work, and the next of its group goes on."""

import os

import numpy as np
import xarray as xr

from arcuate.integrations import Block, KafkaStream

url = os.environ.get("KAFKA", "kafka://127.0.0.1:9092")
topic = os.environ.get("TOPIC", "eeg")


def block(number):
    """A tenth of a second of two channels at 250 Hz."""
    data = xr.DataArray(np.full((25, 2), float(number)), {"channel": ["Fz", "Cz"]}, ("time", "channel"))
    return Block.of(data, sampling_rate=250.0, timestamp=1_700_000_000 + number / 10, headers={"key": "s1"})


with KafkaStream(url=url, topic=topic, create=True) as recorder:
    for number in range(4):
        recorder.write(block(number))
    recorder.flush()  # Kafka has stored them

group = {"url": url, "topic": topic, "group": "analysis", "start": "all"}
with KafkaStream(group) as reader:
    blocks = reader.blocks(timeout=30)
    first, second = next(blocks), next(blocks)
    print(first.id, first.channels, first.sampling_rate, first.headers["key"])
    first.ack()
    # ... and here the process ends, without second.ack()

with KafkaStream(group) as reader, KafkaStream(url=url, topic=f"{topic}-means", create=True) as means:
    report = (reader | (lambda data: data.mean("time")) | means).run(limit=3)
    print(report.blocks, "blocks,", report.lost, "lost")
    with means.blocks(start="all", timeout=30) as blocks:
        print([next(blocks).data.sel(channel="Cz").item() for _ in range(3)])
