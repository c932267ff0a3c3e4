"""The value model: Python objects to flat rows and back, and rows to bytes.

::

    from arcuate.values import encode, decode, frames

    frame = frames.to_bytes(encode({"x": [1.0, 2.0]}))
    value = decode(frames.load(frame))

Importing this loads no numpy, pandas, xarray or scipy; they are imported when a value of theirs is met.
"""

from __future__ import annotations

from arcuate.values.decode import decode, decode_next
from arcuate.values.encode import encode, encode_into
from arcuate.values.options import DecodeOptions, EncodeOptions
from arcuate.values.types import (
    NA,
    Array,
    Cell,
    Dataset,
    Day,
    Duration,
    Factor,
    Instant,
    Labelled,
    List,
    Map,
    Missing,
    Sparse,
    StructArray,
    Table,
)

__all__ = [
    "NA",
    "Array",
    "Cell",
    "Dataset",
    "Day",
    "DecodeOptions",
    "Duration",
    "EncodeOptions",
    "Factor",
    "Instant",
    "Labelled",
    "List",
    "Map",
    "Missing",
    "Sparse",
    "StructArray",
    "Table",
    "decode",
    "decode_next",
    "encode",
    "encode_into",
]
