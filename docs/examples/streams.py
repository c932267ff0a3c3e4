"""Blocks of a recording, published by one program and read by others."""

import numpy as np
import xarray as xr

from arcuate.client import publisher, subscribe
from arcuate.hub import Config, Server


def block(number):
    """A second of two channels, four samples long."""
    times = number + np.arange(4) / 4
    data = np.outer([1.0, 10.0], times)
    return xr.DataArray(data, {"channel": ["C3", "Cz"], "time": times}, ("channel", "time"))


with Server(Config(zmq=["127.0.0.1:0"], limits={"replay": 100})) as server:
    hub = server.endpoints["zmq"]  # elsewhere: "zmq://host:5555", or the variable ARCUATE_HUB
    with publisher("eeg", hub) as out:
        with subscribe("eeg", hub) as blocks:
            for number in range(3):
                out.send(block(number))  # returns when the hub has it
            for one in blocks:
                print(blocks.sequence, one.mean("time").sel(channel="Cz").item())
                if blocks.sequence == 3:
                    break

        gaps = []
        with subscribe("eeg", hub, buffer=2, on_gap=gaps.append) as slow:
            for number in range(3, 13):
                out.send(block(number))
            print("first", next(slow).time[0].item())
            while slow.sequence < 13:
                next(slow)
            print("lost", sum(gaps), "of 10")

    with subscribe("eeg", hub, start=0) as late:  # from the oldest that the hub has kept
        print("again", next(late).sel(channel="C3").values)
