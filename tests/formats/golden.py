"""The golden vectors through files, and the table of the documentation that is measured with them.

``python -m tests.formats.golden`` prints the table.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from arcuate.errors import ConversionError
from arcuate.formats import open_data, save_data
from arcuate.matrix import Case, load, render, same
from arcuate.values import decode, encode, frames

KINDS = (
    "table", "labelled", "dataset", "array", "categorical", "sparse", "mapping", "list", "text", "bytes",
    "bool", "int", "float", "complex", "missing", "null", "datetime", "date", "duration",
)  # fmt: skip
FORMATS = {
    "csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet", "arrow": "Arrow", "json": "JSON",
    "nc": "NetCDF", "h5": "HDF5", "zarr": "Zarr",
}  # fmt: skip
TABULAR = ("csv", "jsonl", "parquet", "arrow")


@cache
def cases() -> list[Case]:
    """Every value but those that mean nothing outside of a session, and the large ones."""
    return [
        case for case in load() if case.frame and not case.error and not case.large and case.kind in KINDS
    ]


def trip(case: Case, path: Path) -> str:
    """``kept``, ``refused``, or the first difference. Nothing else is in the folder."""
    assert case.frame is not None
    value = decode(frames.load(case.frame))
    try:
        assert save_data(value, path).lost == ()
    except ConversionError:
        assert not path.exists()
        return "refused"
    return same_as(case, open_data(path)) or "kept"


def same_as(case: Case, found: Any) -> str:
    """The first difference between a value and a vector; empty if there is none."""
    wanted = case.value
    assert wanted is not None
    return same(render(frames.to_bytes(encode(found)), "frame"), wanted)


def measure() -> dict[str, dict[str, tuple[int, int]]]:
    """Per kind and format how many vectors are kept, and how many there are."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for suffix in FORMATS:
            for case in cases():
                with TemporaryDirectory() as folder:
                    outcome = trip(case, Path(folder, f"x.{suffix}"))
                assert outcome in ("kept", "refused"), (suffix, case.name, outcome)
                tally = found[case.kind][suffix]
                tally[0] += outcome == "kept"
                tally[1] += 1
    return {kind: {key: (one[0], one[1]) for key, one in row.items()} for kind, row in found.items()}


def table(measured: dict[str, dict[str, tuple[int, int]]]) -> Iterator[str]:
    """The lines of the table."""
    yield "| value | " + " | ".join(FORMATS.values()) + " |"
    yield "|---|" + "---|" * len(FORMATS)
    for kind in KINDS:
        cells = []
        for suffix in FORMATS:
            kept, total = measured[kind][suffix]
            cells.append("exact" if kept == total else "refused" if not kept else f"exact {kept} of {total}")
        yield f"| {kind} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    print("\n".join(table(measure())))
