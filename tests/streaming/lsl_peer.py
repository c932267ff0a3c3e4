"""A program of bare pylsl, told by lines of JSON what to do: the independent other side of the tests.

Run by itself, it imports nothing of Arcuate.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

from __future__ import annotations

import base64
import json
import sys
import time

import numpy as np
import pylsl

outlets: dict[str, pylsl.StreamOutlet] = {}
inlets: dict[str, pylsl.StreamInlet] = {}


def outlet(name, kind="", rate=0.0, form="float32", count=1, channels=(), source=""):
    info = pylsl.StreamInfo(name, kind, count, rate, form, source)
    if channels:
        listed = info.desc().append_child("channels")
        for one in channels:
            channel = listed.append_child("channel")
            for key, value in one.items():
                channel.append_child_value(key, value)
    outlets[name] = pylsl.StreamOutlet(info)


def clocks():
    """LSL's clock, and the other one just before and just after."""
    found = [(time.time(), pylsl.local_clock(), time.time()) for _ in range(9)]
    before, now, after = min(found, key=lambda one: one[2] - one[0])
    return now, (before, after)


def push(name, values):
    assert outlets[name].wait_for_consumers(10)
    if isinstance(values[0][0], dict):
        values = [[base64.b64decode(one["bytes"]) for one in row] for row in values]
    outlets[name].push_chunk(values)


def ramp(name, parts, channels, start, rate):
    """Samples whose values are their numbers, and whose times are as if all had been sampled.

    Each part is (number of its first sample, how many); sample 0 is stamped so many seconds from now.
    """
    assert outlets[name].wait_for_consumers(10)
    now, around = clocks()
    for first, count in parts:
        values = np.arange(first * channels, (first + count) * channels).reshape(count, channels)
        outlets[name].push_chunk(values, (now + start + np.arange(first, first + count) / rate).tolist())
    return around


def inlet(name):
    found = pylsl.resolve_byprop("name", name, timeout=10)
    inlets[name] = pylsl.StreamInlet(found[0])
    inlets[name].open_stream(10)
    info = inlets[name].info(10)
    return {
        "labels": info.get_channel_labels(),
        "units": info.get_channel_units(),
        "type": info.type(),
        "rate": info.nominal_srate(),
        "format": info.channel_format(),
        "source": info.source_id(),
    }


def pull(name, count):
    values, times = [], []
    end = time.monotonic() + 10
    while len(values) < count and time.monotonic() < end:
        some, when = inlets[name].pull_chunk(0.5, count - len(values))
        values += some
        times += when
    now, around = clocks()
    return {"values": values, "times": times, "ahead": around[0] - now}


def main():
    for line in sys.stdin:
        command, arguments = json.loads(line)
        print(json.dumps(globals()[command](**arguments)), flush=True)


main()
