"""Reads a group of a Redis stream, says each block that it was given, and acknowledges every second one."""

from __future__ import annotations

import sys

from arcuate.streaming.redis import RedisStream

with RedisStream(url=sys.argv[1], topic="signal", group="work", consumer=sys.argv[2]) as stream:
    for number, block in enumerate(stream):
        if number % 2 == 0:
            print(int(block.data[0]), flush=True)  # before: what is acknowledged was said
            block.ack()
        else:
            print("-", flush=True)
