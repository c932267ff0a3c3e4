"""Values in files: ``.nc .npy .csv .parquet .json .mat``, read as arguments and written with ``-o``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from arcuate.cli.readers import READ
from arcuate.cli.writers import WRITE
from arcuate.errors import InvalidArgument, Unsupported

__all__ = ["MORE", "READ", "WRITE", "known", "read", "write", "writer_of"]

MORE = (
    ".arrow", ".arrows", ".feather", ".ipc", ".pq", ".jsonl", ".ndjson", ".csv.gz", ".json.gz", ".tsv",
    ".nc4", ".h5", ".hdf5", ".zarr", ".zarr.zip", ".rds", ".rdata", ".rda", ".nii", ".nii.gz", ".edf",
    ".bdf", ".nwb",
)  # fmt: skip
"""Kinds that :mod:`arcuate.formats` reads and writes, which is imported only then."""


def known(path: str) -> bool:
    """Whether the name ends like a file that can be read."""
    path = path.partition("#")[0]
    return _extension(path) in READ or _format_of(path)


def read(text: str) -> Any:
    """The value in a file.

    Args:
        text: its path, and after ``#`` the name of one part: a variable (.nc, .mat), a column (.csv,
            .parquet), a key (.json).

    Raises:
        InvalidArgument: another kind of file, or no such part.
        OSError: it cannot be read.
    """
    path, _, part = text.partition("#") if not os.path.exists(text) else (text, "", "")
    path = os.path.expanduser(path)
    reader = READ.get(_extension(path)) or (_open if _format_of(path) else None)
    if reader is None:
        raise InvalidArgument(
            f"files of the kind {_extension(path) or 'without extension'!r} are not read; "
            f"there are {', '.join(READ)}. A text that begins with @ is written as JSON: '\"@...\"'"
        )
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path!r} in {os.getcwd()!r}")
    value = _guarded(lambda: reader(path))
    return _part(value, part, path) if part else value


def write(value: Any, path: str) -> list[str]:
    """Writes a value to a file.

    Returns:
        What the format does not keep, one sentence each.

    Raises:
        InvalidArgument: another kind of file.
        Unsupported: the value does not fit into such a file; the message says which one takes it.
    """
    writer = writer_of(path)
    lost: list[str] | None = _guarded(lambda: writer(value, os.path.expanduser(path)))
    return lost or []


def writer_of(path: str) -> Callable[[Any, str], list[str] | None]:
    """What writes files whose name ends like this one's.

    Raises:
        InvalidArgument: nothing does.
    """
    writer = WRITE.get(_extension(path)) or (_save if _format_of(path) else None)
    if writer is None:
        raise InvalidArgument(
            f"-o cannot write files of the kind {_extension(path) or 'without extension'!r}; "
            f"there are {', '.join(WRITE)}"
        )
    return writer


def _format_of(path: str) -> bool:
    """Whether the connector of files knows this kind."""
    return path.lower().endswith(MORE)


def _open(path: str) -> Any:
    from arcuate.formats import open_data

    return open_data(path)


def _save(value: Any, path: str) -> list[str]:
    from arcuate.formats import save_data

    return list(save_data(value, path).lost)


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _guarded(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"this needs the package {error.name}; type: pip install 'arcuate[files]'"
        ) from None


def _part(value: Any, part: str, path: str) -> Any:
    names = [str(name) for name in (value if hasattr(value, "keys") else ())]
    if part not in names:
        raise InvalidArgument(f"{path} has no part {part!r}; it has {', '.join(names) or 'none'}")
    return value[part]
