"""Copies between any two of files, stores of files, databases, documents, key-value stores and streams.

    copy("data.csv", "postgresql://me@db/lab#measurements")
    copy("lab#measurements", "s3://bucket/measurements.parquet")
    copy("nats://localhost#eeg", "eeg.zarr", limit=600)

What travels are tables piece by piece, labelled arrays and blocks; between two files of one format the bytes
themselves. What a target cannot hold exactly is an error, or listed (``lossy``).
"""

from __future__ import annotations

from arcuate.integrations.copying.ask import Ask, Copied
from arcuate.integrations.copying.work import copy

__all__ = ["Ask", "Copied", "copy"]
