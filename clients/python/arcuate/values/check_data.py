"""Checks on the content of buffers: masks, truth values, text arrays, codes, indices and pointers.

numpy is used when it is already loaded; without it the same checks take longer.
No check copies more than a block.
"""

from __future__ import annotations

import codecs
import struct
import sys
from collections.abc import Iterator
from typing import Any

from arcuate.values import codes

__all__ = ["first_gap", "is_text", "outside", "zeros_and_ones"]

_BLOCK = 1 << 20
_FORMATS = {
    codes.D_I1: "b",
    codes.D_I2: "h",
    codes.D_I4: "i",
    codes.D_I8: "q",
}
"""struct's letter of each signed integer; numpy calls them i1, i2, i4 and i8."""


def zeros_and_ones(data: memoryview) -> bool:
    """Whether every byte is 0 or 1."""
    return not any(bytes(block).translate(None, b"\0\1") for block in _blocks(data))


def is_text(data: memoryview, count: int) -> str:
    """What is wrong with the buffer of ``count`` NUL-terminated UTF-8 texts; "" if nothing is.

    No byte of a longer UTF-8 sequence is a NUL, so decoding the whole decodes each element.
    """
    if not count:
        return "bytes in an array of no elements" if len(data) else ""
    if not len(data) or data[-1]:
        return "the last byte is no NUL"
    decoder = codecs.getincrementaldecoder("utf-8")()
    found = 0
    try:
        for block in _blocks(data):
            raw = bytes(block)
            found += raw.count(0)
            if not raw.isascii() or decoder.getstate()[0]:
                decoder.decode(raw)
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 ({error.reason})"
    return "" if found == count else f"{found} texts instead of {count}"


def outside(data: memoryview, dtype: int, low: int, high: int, mask: memoryview | None = None) -> int | None:
    """A number that is not in ``low <= number < high`` where the mask is 0, or ``None`` if there is none."""
    if not len(data):
        return None
    numpy = sys.modules.get("numpy")
    if numpy is None:
        for i, number in enumerate(_numbers(data, dtype)):
            if not low <= number < high and not (mask is not None and mask[i]):
                return number
        return None
    numbers = _array(numpy, data, dtype)
    for chosen in (False, True):
        if chosen:
            if mask is None:
                break
            numbers = numbers[numpy.frombuffer(mask, "u1") == 0]
            if not numbers.size:
                return None
        least, most = int(numbers.min()), int(numbers.max())
        if low <= least and most < high:
            return None
    return least if least < low else most


def first_gap(data: memoryview, dtype: int, last: int) -> str:
    """What is wrong with the pointers of a sparse matrix that has ``last`` entries; "" if nothing is."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        before = start = None
        for number in _numbers(data, dtype):
            if before is None:
                start = number
            elif number < before:
                return f"{number} follows {before}"
            before = number
        end = before
    else:
        numbers = _array(numpy, data, dtype)
        start, end = int(numbers[0]), int(numbers[-1])
        if (numbers[1:] < numbers[:-1]).any():
            return "they decrease"
    if start != 0 or end != last:
        return f"they go from {start} to {end} instead of from 0 to {last}"
    return ""


def _blocks(data: memoryview) -> Iterator[memoryview]:
    for at in range(0, len(data), _BLOCK):
        yield data[at : at + _BLOCK]


def _numbers(data: memoryview, dtype: int) -> Iterator[int]:
    for (number,) in struct.iter_unpack("<" + _FORMATS[dtype], data):
        yield number


def _array(numpy: Any, data: memoryview, dtype: int) -> Any:
    return numpy.frombuffer(data, "<" + codes.DTYPE_NAMES[dtype])
