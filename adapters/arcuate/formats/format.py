"""What a format is, what writing to one loses, and the errors of files that cannot be read."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from arcuate.connector import DataError, IntegrationError, NotFoundError
from arcuate.errors import (
    ArcuateError,
    ConversionError,
    InvalidArgument,
    LimitExceeded,
    ProtocolError,
    Unsupported,
)

__all__ = [
    "LIMIT",
    "Format",
    "Kept",
    "Losses",
    "LossyWarning",
    "PiecesDiffer",
    "check_size",
    "first_of",
    "guarded",
    "library",
    "sized",
]

LIMIT = 4 << 30
"""The most bytes that reading a file into memory may make, unless ``limit=`` says otherwise."""


class LossyWarning(UserWarning):
    """A file was written with ``lossy=True`` and does not hold all of the value."""


class PiecesDiffer(ConversionError):
    """The pieces of a value need different descriptions: it has to be written as a whole."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of writing a value.

    Attributes:
        format: the format's name.
        path: the file.
        lost: what the file does not keep, one sentence each, beginning with the path in the value; empty when
            the value comes back equal.
    """

    format: str
    path: str
    lost: tuple[str, ...] = ()


@dataclass(slots=True)
class Losses:
    """Gathers what a format cannot keep while a value is written: an error at once, or a list with ``lossy``.

    A writer calls :meth:`add` for every loss and ends with ``return losses.kept()``.
    """

    format: str
    path: Path
    lossy: bool
    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str, instead: str) -> None:
        """Notes a loss.

        Args:
            where: the path in the value, ``$.columns["a"]``.
            what: what is lost, as a clause: ``the zone 'Europe/Prague' is not kept``.
            instead: what would work, as a clause: ``save it as .parquet``.

        Raises:
            ConversionError: unless losses are allowed.
        """
        if not self.lossy:
            raise ConversionError(
                f"{self.path.name}: {what} by {self.format}; {instead}, or write it with lossy=True",
                path=where,
            )
        sentence = f"{where}: {what}"
        if sentence not in self.found:
            self.found.append(sentence)

    def refuse(self, where: str, what: str, instead: str) -> ConversionError:
        """The error for what the format cannot hold at all, ``lossy`` or not."""
        return ConversionError(f"{self.path.name}: {what}; {instead}", path=where)

    def kept(self) -> Kept:
        """The result of writing; warns of losses."""
        for sentence in self.found:
            warnings.warn(f"{self.path.name}: {sentence}", LossyWarning, stacklevel=4)
        return Kept(self.format, str(self.path), tuple(self.found))


class Format(ABC):
    """One file format. Paths are local: :mod:`arcuate.formats.registry` brings what is elsewhere.

    Attributes:
        name: as it stands in the table of formats.
        streams: whether :meth:`batches` and :meth:`write_batches` work, in bounded memory.
        folder: whether the data may be a folder.
    """

    name: ClassVar[str]
    streams: ClassVar[bool] = False
    folder: ClassVar[bool] = False

    @abstractmethod
    def read(self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT) -> Any:
        """The value in a file; with ``variable`` one of several that it holds.

        Subclasses add options as keywords. What a library raises becomes a ``DataError`` in the registry; a
        reader checks by :func:`check_size` what a file says that it holds before memory is taken for it.
        """

    @abstractmethod
    def write(self, value: Any, path: Path, *, lossy: bool = False) -> Kept:
        """Writes a value to a path where nothing is; what does not fit is given to a :class:`Losses`."""

    def batches(self, path: Path, *, variable: str | None = None) -> Iterator[Any]:
        """The file piece by piece: record batches of Arrow for tables, DataArrays for arrays."""
        raise Unsupported(f"{self.name} files are not read piece by piece; use open_data")

    def write_batches(self, batches: Iterable[Any], path: Path, *, lossy: bool = False) -> Kept:
        """Writes what :meth:`batches` of a format gave, piece by piece."""
        raise Unsupported(f"{self.name} files are not written piece by piece; use save_data")

    @contextlib.contextmanager
    def lazily(self, path: Path) -> Iterator[Any]:
        """The file as a :class:`~arcuate.formats.groups.Group` whose arrays are read by the block.

        Gives ``None`` where the file is none, or the format has no groups.
        """
        del path
        yield None

    grouped: ClassVar[bool] = False
    """Whether :meth:`write_group` works."""

    def write_group(self, group: Any, path: Path) -> None:
        """Writes a group, block by block."""
        raise Unsupported(f"{self.name} files have no groups")

    def in_pieces(self, path: Path, variable: str | None) -> bool:
        """Whether this file, whose format streams, is one that can be read piece by piece."""
        del path, variable
        return self.streams

    def takes(self, piece: Any) -> bool:
        """Whether :meth:`write_batches` takes such pieces."""
        return self.streams and type(piece).__name__ == "RecordBatch"

    def owns(self, names: set[str]) -> bool:
        """Whether a folder with these names in it is such a data set, which writing may replace."""
        del names
        return False

    def above(self, folders: list[str]) -> int | None:
        """How many folders above that of a file may hold JSON and tables for it; ``None``: not even that.

        Args:
            folders: the names of those that the file is in, its own the last.
        """
        del folders
        return None

    def beside(self, path: Path) -> list[Path]:
        """Files beside a file that belong to it."""
        del path
        return []


def first_of(pieces: Iterator[Any], path: Path) -> Any:
    """The first of the pieces that are to be written.

    Raises:
        InvalidArgument: there is none.
    """
    for piece in pieces:
        return piece
    raise InvalidArgument(f"{path.name}: there is nothing to be written, no piece came")


def library(name: str, extra: str = "formats") -> Any:
    """Imports what a format is read with.

    Raises:
        Unsupported: it is not installed; the message says what to type.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        top = error.name or name
        raise Unsupported(f"this needs the package {top}; type: pip install 'arcuate[{extra}]'") from None


def decoded(raw: bytes) -> str:
    """The text of an attribute: UTF-8, or what older programs write, in which no byte is lost."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def sized(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(
            os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(path) for name in names
        )
    return path.stat().st_size


_SMALLER = "read it with open_batches, a part of it with variable=, or set limit="


def check_size(path: Path, found: int, limit: int | None, what: str = "it", instead: str = _SMALLER) -> None:
    """Refuses what would take more memory than the limit.

    Args:
        path: the file.
        found: the bytes that ``what`` would take in memory, as the file says or as counted so far.
        limit: the most that is allowed; ``None``: anything.
        what: what would take them.
        instead: what would work, as a clause.

    Raises:
        LimitExceeded: it is more.
    """
    if limit is not None and found > limit:
        raise LimitExceeded(
            f"{path.name}: {what} takes {found:,} bytes in memory (the file has {sized(path):,}) and limit= "
            f"allows {limit:,}; {instead}",
            setting="limit",
        )


@contextlib.contextmanager
def guarded(path: Path, name: str, *, writing: bool = False) -> Iterator[None]:
    """Turns what libraries raise into Arcuate's errors, which name the file and what to do."""
    try:
        yield
    except PiecesDiffer:
        raise  # nothing is damaged
    except ArcuateError as error:
        if writing or path.name in error.message or not isinstance(error, ProtocolError | ConversionError):
            raise
        raise DataError(f"{path}: {error}", service=name) from error  # the value in the file is damaged
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}: {error.strerror or error}", service=name) from error
    except PermissionError as error:
        what = "written" if writing else "read"
        raise IntegrationError(
            f"{path} may not be {what}: {error.strerror or error}", service=name
        ) from error
    except MemoryError as error:
        raise LimitExceeded(
            f"{path.name}: there is not enough memory for it; read it piece by piece with open_batches",
            setting="limit",
        ) from error
    except Exception as error:  # libraries raise anything at all for a broken file
        told = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        if writing and isinstance(error, OSError) and (error.errno or " written" in str(error)):
            why = error.strerror or f"{error}: is there no space left?"  # NumPy says how much was written
            raise IntegrationError(f"{path} could not be written: {why}", service=name) from error
        if writing:
            raise ConversionError(f"{path.name}: {name} cannot hold it ({told}); try .json") from error
        raise DataError(
            f"{path} cannot be read as {name} ({told}); it is damaged, cut short or of another format "
            "(format= names another)",
            service=name,
        ) from error


def _options_of(method: Any) -> list[str]:
    return [
        one.name
        for one in inspect.signature(method).parameters.values()
        if one.kind is one.KEYWORD_ONLY and one.name not in ("lossy", "limit")
    ]


def has_options(method: Any, options: Iterable[str]) -> bool:
    """Whether a format's method has all of these options."""
    return not options or set(options) <= set(_options_of(method))


def checked_options(method: Any, options: dict[str, Any], name: str) -> None:
    """Refuses options that a format's method does not have, and names those that it has."""
    known = _options_of(method)
    strange = [option for option in options if option not in known]
    if strange:
        raise InvalidArgument(f"{name} has no option {strange[0]!r}; it has {', '.join(known) or 'none'}")
