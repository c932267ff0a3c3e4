"""What a reader accepts: the limits that protect it from what comes from outside."""

from __future__ import annotations

from arcuate.values.record import record

__all__ = ["Limits"]

GIB = 1 << 30


@record(frozen=True)
class Limits:
    """Limits of a session, checked before anything is allocated.

    Attributes:
        message: bytes of one frame, inline buffers included.
        array: bytes of one buffer, wherever it lies.
        nodes: values in one message.
        text: bytes of all keys and short texts of one message.
        depth: levels of nesting of a value.
        output: characters of the worker's last output kept for error messages.
    """

    message: int = 2 * GIB
    array: int = 64 * GIB
    nodes: int = 20_000_000
    text: int = 1 * GIB
    depth: int = 64
    output: int = 64 * 1024
