"""Damaged copies of a file: each gives a value or an error of Arcuate that names the file."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from typing import Any

from arcuate.errors import ArcuateError
from arcuate.formats import open_data


def cut(path: Path, count: int = 20, **options: Any) -> list[int]:
    """Lengths at which a copy that was cut there is still read without an error."""
    data = path.read_bytes()
    places = sorted(
        {0, 1, 7, len(data) - 1, *random.Random(1).sample(range(len(data)), min(count, len(data)))}
    )
    return [place for place in places if _reads(path, data[:place], options)]


def flipped(path: Path, count: int = 30, **options: Any) -> None:
    """Copies with a few wrong bits, most of them near the start, where the headers are."""
    data = path.read_bytes()
    rng = random.Random(2)
    for _ in range(count):
        wrong = bytearray(data)
        for _ in range(rng.choice((1, 1, 4))):
            wrong[rng.randrange(min(len(data), 2048 if rng.random() < 0.7 else len(data)))] ^= (
                1 << rng.randrange(8)
            )
        _reads(path, bytes(wrong), options)


def _reads(path: Path, data: bytes, options: dict[str, Any]) -> bool:
    copy = path.with_name(f"damaged_{path.name}")
    copy.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            open_data(copy, **options)
    except ArcuateError as error:
        assert copy.name in str(error), error
        return False
    return True
