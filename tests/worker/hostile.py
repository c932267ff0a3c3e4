"""A worker that misbehaves: ``python hostile.py WHEN WHAT``.

It answers the greeting (unless WHEN is ``start``) and every call with 1, except that it does WHAT to the call
of a function ``evil``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from arcuate.values import frames
from arcuate.worker.child import Channel, message, read_fields

WHEN, WHAT = sys.argv[1:3]
channel = Channel()
OUT = channel._out


def raw(data: bytes) -> None:
    while data:
        data = data[os.write(OUT, data) :]


def hello(**other: Any) -> None:
    channel.write(
        message("hello", 0, {"major": 1, "minor": 0, "language": "Evil", "version": "6.6.6", **other})
    )


def frame(number: int) -> bytes:
    return frames.to_bytes(message("reply", number, {"value": 1.0}), checksum=False)


def header(**fields: int) -> bytes:
    """A header that announces what is not true."""
    data = bytearray(frame(1)[:64])
    places = {
        "total": (8, 8),
        "n": (16, 4),
        "m": (20, 4),
        "p": (24, 8),
        "t": (32, 8),
        "head": (40, 8),
        "major": (4, 2),
    }
    for name, value in fields.items():
        at, width = places[name]
        data[at : at + width] = value.to_bytes(width, "little")
    return bytes(data)


def misbehave(number: int) -> None:
    if WHAT == "garbage":
        raw(b"Segmentation fault, but I go on talking\n" * 20)
    elif WHAT == "zeros":
        raw(bytes(64))
    elif WHAT == "too large":
        raw(header(total=1 << 50, head=1 << 10))
    elif WHAT == "too many nodes":
        raw(header(total=1 << 20, n=0xFFFF_FFFF))
    elif WHAT == "stops in the middle":
        raw(frame(number)[:100])
    elif WHAT == "stops in the header":
        raw(frame(number)[:10])
    elif WHAT == "damaged":
        data = bytearray(frame(number))
        data[64 + 8 * 4 + 4 * 4 : 64 + 8 * 4 + 4 * 5] = b"\xff\xff\xff\x7f"  # the length of the first key
        raw(bytes(data))
    elif WHAT == "wrong major":
        raw(header(major=7))
    elif WHAT == "unknown op":
        channel.write(message("dance", number))
    elif WHAT == "no op":
        channel.write(message("", number))
    elif WHAT == "another id":
        channel.write(message("reply", number + 5, {"value": 1.0}))
    elif WHAT == "another error id":
        channel.write(message("error", number + 5, {"code": "REMOTE_ERROR", "message": "x"}))
    elif WHAT in ("foreign segment", "own descriptor"):
        nodes = message("reply", number, {"value": bytes(10)})
        ref = 4711 if WHAT == "foreign segment" else OUT
        for part in frames.dump(nodes, place=lambda *_: ref, checksum=False):
            raw(bytes(part))
    elif WHAT in ("segment too short", "segment twice"):
        channel.write(message("alloc", 0, {"size": 70_000}))
        ref = int(read_fields(channel.read())["ref"])
        if WHAT == "segment too short":
            data = bytearray(
                b"".join(frames.dump(message("reply", number, {"value": bytes(10)}), checksum=False))
            )
            data[frames_blen(data) : frames_blen(data) + 16] = (1 << 20).to_bytes(8, "little") + ref.to_bytes(
                8, "little"
            )
            raw(bytes(data[: int.from_bytes(data[40:48], "little")]).replace(data[8:16], data[40:48], 1))
        else:
            nodes = message("reply", number, {"value": [bytes(10), bytes(10)]})
            for part in frames.dump(nodes, place=lambda *_: ref, checksum=False):
                raw(bytes(part))
    elif WHAT == "alloc of nothing":
        channel.write(message("alloc", 0, {"size": "much"}))
    elif WHAT == "silence":
        pass
    elif WHAT == "closes its pipe":
        os.close(OUT)
    elif WHAT == "closes both pipes":
        os.close(OUT)
        os.close(channel._in)
    elif WHAT == "real-time signal":
        os.kill(os.getpid(), signal.SIGRTMIN + 2)
    elif WHAT == "unknown error code":
        channel.write(message("error", number, {"code": "TEA_TIME", "message": "later"}))
        return
    elif WHAT == "too many answers":
        raw(frame(number) * 3)
        return
    elif WHAT == "function nobody sent":
        channel.write(message("callback", 1, {"function": "f99", "args": []}))
        answer = read_fields(channel.read())
        channel.write(message("error", number, {"code": "REMOTE_ERROR", "message": answer["message"]}))
        return
    elif WHAT == "does not read":
        pass
    else:
        raise AssertionError(WHAT)
    while True:  # lives on
        time.sleep(600)


def frames_blen(data: bytearray) -> int:
    """Offset of ``blen`` in a frame with one buffer; ``bloc`` follows it."""
    n, p = int.from_bytes(data[16:20], "little"), int.from_bytes(data[24:32], "little")
    return 64 + 8 * (n + p)


def serve() -> None:
    while True:
        nodes = channel.read()
        op, number = nodes.rows[1][7], nodes.rows[2][5]
        if op == "bye":
            return
        fields = read_fields(nodes)
        if fields.get("name") == "evil":
            misbehave(number)
        else:
            channel.write(message("reply", number, {"value": 1.0}))
            if WHAT == "does not read" and fields.get("name") == "stop reading":
                time.sleep(600)


print("last words", flush=True)
if WHAT != "dies on SIGINT":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
if WHEN == "start":
    channel.greet(read_fields(channel.read()))
    if WHAT == "wrong protocol":
        hello(major=2)
    elif WHAT == "refuses":
        channel.write(message("error", 0, {"code": "ENVIRONMENT_NOT_FOUND", "message": "Evil 7 is needed"}))
        sys.exit(1)
    elif WHAT == "exits":
        sys.exit(3)
    else:
        misbehave(0)
channel.greet(read_fields(channel.read()))
hello()
serve()
