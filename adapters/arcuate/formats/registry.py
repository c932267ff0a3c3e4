"""Values from files and into files: the functions that people call."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arcuate.connector import ConnectionError as Unreachable
from arcuate.connector import IntegrationError, NotFoundError
from arcuate.connector.partial import may_be_replaced
from arcuate.connector.secrets import cause, conceal, redacted
from arcuate.errors import ArcuateError, InvalidArgument, Unsupported
from arcuate.formats.format import (
    LIMIT,
    Format,
    Kept,
    LossyWarning,
    PiecesDiffer,
    checked_options,
    guarded,
    has_options,
    library,
)
from arcuate.formats.table import find
from arcuate.worker.folders import passing

__all__ = ["convert", "open_batches", "open_data", "save_batches", "save_data"]

_PIECE = 1 << 20
Progress = Callable[[int, "int | None"], object]


def open_data(
    source: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002  (what it is called everywhere)
    filesystem: Any = None,
    variable: str | None = None,
    limit: int | None = LIMIT,
    **options: Any,
) -> Any:
    """The value in a file: a labelled array, a dataset, a table, or a mapping of them.

    Args:
        source: a path, or a url that fsspec knows (``s3://...``), or a path in ``filesystem``.
        format: its format, where the name does not say it.
        filesystem: an fsspec filesystem, such as ``Storage(...).filesystem``.
        variable: one of several things in the file.
        limit: the most bytes that it may take in memory; ``None``: any number.
        **options: of the format.

    Raises:
        NotFoundError: there is no such file, or no such variable in it.
        DataError: the file is damaged or of another format.
        LimitExceeded: it takes more memory than ``limit``.
        InvalidArgument: an unknown format or option.
    """
    with _local(source, filesystem, format) as (path, name, kind):
        checked_options(kind.read, options, name)
        with guarded(path, name):
            return kind.read(path, variable=variable, limit=limit, **options)


def open_batches(
    source: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    filesystem: Any = None,
    variable: str | None = None,
    limit: int | None = LIMIT,
    **options: Any,
) -> Iterator[Any]:
    """The file piece by piece, in bounded memory: record batches of a table, or parts of a labelled array.

    Arguments and errors are those of :func:`open_data`; ``Unsupported`` where the format does not stream. A
    damaged file is noticed when the damaged part is reached. ``limit`` is as in :func:`convert`.
    """
    with _local(source, filesystem, format) as (path, name, kind):
        checked_options(kind.batches, options, name)
        with guarded(path, name):
            yield from _batches(kind, path, limit, variable=variable, **options)


def save_data(
    value: Any,
    target: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    filesystem: Any = None,
    lossy: bool = False,
    **options: Any,
) -> Kept:
    """Writes a value to a file, so that :func:`open_data` gives an equal one.

    The file appears when it is complete; one that was there before is replaced then, and kept if writing
    fails.

    Args:
        value: what to write.
        target: a path, a url that fsspec knows, or a path in ``filesystem``.
        format: the format, where the name does not say it.
        filesystem: an fsspec filesystem.
        lossy: what the format cannot keep is left out, listed in the result and warned of: no error.
        **options: of the format.

    Raises:
        ConversionError: the format cannot keep the value; the message says where and what would work.
        IntegrationError: the file cannot be written.
        InvalidArgument: an unknown format or option.
    """
    name, kind = find(_named(str(target)), format)
    checked_options(kind.write, options, name)
    return _written(
        target, filesystem, name, kind, lambda path: kind.write(value, path, lossy=lossy, **options)
    )


def save_batches(
    batches: Iterable[Any],
    target: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    filesystem: Any = None,
    lossy: bool = False,
    **options: Any,
) -> Kept:
    """Writes a table or array that comes piece by piece, in bounded memory; else as :func:`save_data`.

    What ``batches`` raises is raised as it is, and nothing is written.
    """
    name, kind = find(_named(str(target)), format)
    checked_options(kind.write_batches, options, name)
    with _Callers() as own:
        return _written(
            target,
            filesystem,
            name,
            kind,
            lambda path: kind.write_batches(own.each(batches), path, lossy=lossy, **options),
        )


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    from_format: str | None = None,
    to_format: str | None = None,
    filesystem: Any = None,
    target_filesystem: Any = None,
    variable: str | None = None,
    lossy: bool = False,
    limit: int | None = LIMIT,
    options: Mapping[str, Any] | None = None,
    target_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Kept:
    """Writes what one file holds to another, in the format of its name.

    Where both formats have the same kind of pieces it goes piece by piece, in bounded memory: record batches
    of tables, parts of a labelled array, and whatever HDF5, NetCDF and Zarr hold. Else through memory.

    Args:
        source: as for :func:`open_data`.
        target: as for :func:`save_data`.
        from_format: the format of the source, where its name does not say it.
        to_format: that of the target.
        filesystem: an fsspec filesystem that has the source.
        target_filesystem: one that gets the target.
        variable: one of several things in the source.
        lossy: as for :func:`save_data`.
        limit: as for :func:`open_data`; pieces need none, but a file that says to hold more than it and
            2,000 times what it has bytes is taken for one that is made to fill the disk.
        options: of the source's format, such as ``{"encoding": "latin-1"}``.
        target_options: of the target's.
        progress: called with the rows or elements done so far, and how many there are if that is known. What
            it raises ends the conversion, and nothing is written.
    """
    with _Callers() as own, _local(source, filesystem, from_format) as (path, first_name, first):
        progress = None if progress is None else partial(own.call, progress)
        name, second = find(_named(str(target)), to_format)
        there = Path(os.fspath(target).removeprefix("file://")).expanduser()
        if target_filesystem is None and there.exists() and there.samefile(path):
            raise InvalidArgument(f"{source} and {target} are the same file; write to another one")
        read, wrote = dict(options or {}), dict(target_options or {})
        variable = read.pop("variable", variable)
        if read or wrote:
            checked_options(first.read, read, first_name)
            checked_options(second.write, wrote, name)
        if progress is not None:
            progress(0, None)

        def whole(to: Path) -> Kept:
            with guarded(path, first_name):
                value = first.read(path, variable=variable, limit=limit, **read)
            return second.write(value, to, lossy=lossy, **wrote)

        def pieces(to: Path) -> Kept:
            batches = _batches(first, path, limit, variable=variable, **read)
            found = _counted(batches, path, first_name, progress)
            head = next(found, None)
            batches = itertools.chain([head], found)
            if hasattr(head, "encoding") and not second.takes(head):
                from arcuate.formats.tabular import tidy_batches

                batches = tidy_batches(batches, name)
                head = next(batches, None)
                batches = itertools.chain([head], batches)
            if head is None or not second.takes(head):
                found.close()
                return whole(to)
            try:
                return second.write_batches(batches, to, lossy=lossy, **wrote)
            except PiecesDiffer:
                found.close()
                shutil.rmtree(to) if to.is_dir() else to.unlink(missing_ok=True)
                return whole(to)

        def grouped(to: Path) -> Kept:
            from arcuate.formats.lazily import check_growth, watched

            with contextlib.ExitStack() as stack:
                try:
                    with guarded(path, first_name):
                        group = stack.enter_context(first.lazily(path))
                        if group is not None:
                            check_growth(path, group, limit)
                    if group is not None:
                        second.write_group(watched(group, path, first_name, progress), to)
                        return Kept(name, redacted(str(target)))
                except PiecesDiffer:
                    shutil.rmtree(to) if to.is_dir() else to.unlink(missing_ok=True)
            return whole(to)

        if (
            second.grouped
            and variable is None
            and not read
            and not wrote
            and type(first).lazily is not Format.lazily
        ):
            return _written(target, target_filesystem, name, second, grouped)
        with guarded(path, first_name):
            streams = (
                first.streams
                and second.streams
                and has_options(first.batches, read)
                and has_options(second.write_batches, wrote)
                and first.in_pieces(path, variable)
            )
        return _written(target, target_filesystem, name, second, pieces if streams else whole)


class _Callers:
    """Runs what a caller gave; what that raises is raised as it is, and not as the fault of a file."""

    def __init__(self) -> None:
        self._raised: Exception | None = None

    def __enter__(self) -> _Callers:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None and self._raised is not None and error is not self._raised:
            raise self._raised from self._raised.__cause__

    def call(self, work: Callable[..., Any], *given: Any) -> Any:
        """What a function gives."""
        try:
            return work(*given)
        except Exception as error:
            self._raised = error
            raise

    def each(self, things: Iterable[Any]) -> Iterator[Any]:
        """The same things."""
        try:
            yield from things
        except Exception as error:
            self._raised = error
            raise


def _batches(kind: Format, path: Path, limit: int | None, **options: Any) -> Iterator[Any]:
    if kind.grouped:
        options["limit"] = limit
    return kind.batches(path, **options)


def _counted(batches: Iterable[Any], path: Path, name: str, progress: Progress | None) -> Any:
    """The pieces, with their errors as those of reading and their rows reported."""
    done = 0
    with guarded(path, name):
        for batch in batches:
            done += int(getattr(batch, "num_rows", 0) or getattr(batch, "size", 0))
            yield batch
            if progress is not None:
                progress(done, None)


# ------------------------------------------------------------------ where files are


@contextlib.contextmanager
def _local(
    source: str | os.PathLike[str], filesystem: Any, wanted: str | None
) -> Iterator[tuple[Path, str, Format]]:
    """The path of a file, or of a copy of it for as long as it is needed, and its format."""
    given = text = os.fspath(source)
    if filesystem is None and "://" in text and not text.startswith("file://"):
        filesystem, text = _filesystem(text)
    if filesystem is None:
        path = Path(text.removeprefix("file://")).expanduser()
        if not path.exists():
            raise NotFoundError(f"there is no file {str(path)!r} in {os.getcwd()!r}", service="formats")
        if not path.is_file() and not path.is_dir():
            raise InvalidArgument(
                f"{path} is a pipe or a device, and a file is read more than once; save it first"
            )
        yield path, *find(text, wanted, local=path)
        return
    with passing() as folder:
        copy = Path(folder, _named(text).rstrip("/").rpartition("/")[2] or "data")
        with _reached(given):
            _fetch(filesystem, text, copy)
        name, kind = find(_named(text), wanted, local=copy)
        with _reached(given):
            if "?" not in text:  # who may read a file by a signature reads one
                copy = _with_others(filesystem, text, copy, kind)
        yield copy, name, kind


def _named(text: str) -> str:
    """An address fit to be shown, as far as it is a name: without password and query."""
    return redacted(text.partition("?")[0] if text.startswith(("http://", "https://")) else text)


@contextlib.contextmanager
def _reached(text: str) -> Iterator[None]:
    """Errors of another filesystem, which is no damage of a file, without the secrets of its address."""
    shown = redacted(text)

    def hidden(said: object) -> str:
        return conceal(said, [urlsplit(text).password])

    try:
        yield
    except ArcuateError:
        raise
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {shown}", service="formats") from cause(error, hidden)
    except NotImplementedError as error:
        raise Unsupported(f"{shown}: the library of such addresses cannot do this") from cause(error, hidden)
    except Exception as error:
        told = " ".join(hidden(f"{type(error).__name__}: {error}").split())[:400]
        kind = Unreachable if isinstance(error, OSError) else IntegrationError
        raise kind(f"{shown} could not be reached: {told}", service="formats") from cause(error, hidden)


def _fetch(filesystem: Any, text: str, copy: Path) -> None:
    if not filesystem.isdir(text):
        with filesystem.open(text, "rb") as reading, copy.open("wb") as writing:
            shutil.copyfileobj(reading, writing, _PIECE)
        return
    top = filesystem._strip_protocol(text).rstrip("/")
    for name in filesystem.find(text):
        below = os.path.relpath(name, top)
        if below.startswith(".."):
            raise InvalidArgument(f"{_named(text)} lists {name!r}, which is outside of it")
        target = copy / below
        target.parent.mkdir(parents=True, exist_ok=True)
        with filesystem.open(name, "rb") as reading, target.open("wb") as writing:
            shutil.copyfileobj(reading, writing, _PIECE)


def _with_others(filesystem: Any, text: str, copy: Path, kind: Format) -> Path:
    """Fetches what belongs to a file; where the copy is then."""
    *folders, name = text.rstrip("/").split("/")
    above = kind.above(folders) if copy.is_file() else None
    top = len(folders) - (above or 0)
    try:
        if above is None:
            listed = []
        else:
            listed = [
                filesystem.ls("/".join(folders[:depth]), detail=False)
                for depth in range(top, len(folders) + 1)
            ]
    except Exception as error:
        if not _lists_nothing(error):
            raise
        said = "its server lists no folders: sidecars of upper folders are not read"
        warnings.warn(f"{_named(text)}: {said}", LossyWarning, stacklevel=5)
        listed = []
    if not listed:
        for one in kind.beside(copy):
            other = "/".join([*folders, one.name])
            if filesystem.exists(other):
                _fetch(filesystem, other, one)
        return copy
    local = copy.with_name("data set")
    for depth, names in enumerate(listed, top):
        local = local.joinpath(*folders[max(top, depth - 1) : depth])
        local.mkdir()
        for one in names:
            below = one.rstrip("/").rpartition("/")[2]
            if below.endswith((".json", ".tsv")):
                _fetch(filesystem, one, local / below)
    return copy.rename(local / name)


def _lists_nothing(error: Exception) -> bool:
    """Whether a server says that it shows no folders, as many do that hand out files."""
    refused = isinstance(
        error, FileNotFoundError | NotADirectoryError | PermissionError | NotImplementedError
    )
    return refused or getattr(error, "status", None) in (401, 403, 404, 405)


def _filesystem(url: str) -> tuple[Any, str]:
    """The filesystem of a url, and the path in it."""
    fsspec = library("fsspec")
    with _reached(url):
        try:
            filesystem, path = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            scheme = url.partition("://")[0]
            why = f" ({error})" if isinstance(error, ImportError) else ""  # others show parts of the address
            raise InvalidArgument(
                f"{scheme}:// needs a filesystem: give filesystem=Storage(...).filesystem{why}"
            ) from None
    return filesystem, path


def _written(
    target: str | os.PathLike[str], filesystem: Any, name: str, kind: Format, work: Callable[[Path], Kept]
) -> Kept:
    """Writes beside the target and puts the result into its place."""
    given = text = os.fspath(target)
    if filesystem is None and "://" in text and not text.startswith("file://"):
        filesystem, text = _filesystem(text)
    if filesystem is not None:
        with passing() as folder:
            local = Path(folder, _named(text).rstrip("/").rpartition("/")[2])
            with _reached(given):
                before = _there(filesystem, text, kind, local)
            with guarded(Path(_named(text)), name, writing=True):
                kept = work(local)
            with _reached(given):
                _bring(filesystem, Path(folder), local, text, before)
        return Kept(kept.format, redacted(text), kept.lost)
    path = Path(text.removeprefix("file://")).expanduser()
    may_be_replaced(path)
    if not path.absolute().parent.is_dir():
        raise NotFoundError(f"there is no folder for {str(path)!r}", service="formats")
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise IntegrationError(
            f"{path} could not be written: there is no right to write in {str(path.absolute().parent)!r}; "
            "choose another folder",
            service="formats",
            status="EACCES",
        )
    names = set(os.listdir(path)) if path.is_dir() else set()
    if path.is_dir() and not (kind.folder and (kind.owns(names) or not names)):
        raise InvalidArgument(f"{path} is a folder that holds something else; choose another name")
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:40]}.", dir=path.absolute().parent) as folder:
        made = Path(folder, path.name)
        with guarded(path, name, writing=True):
            kept = work(made)
            produced = sorted(
                Path(folder).iterdir(), key=lambda one: one == made
            )  # the file itself comes last
            for stale in kind.beside(path):
                if Path(folder, stale.name) not in produced:
                    stale.unlink(missing_ok=True)
            for one in produced:
                if path.is_file() and one.is_file():
                    shutil.copymode(path, one)  # who may not read what was there may not read this
                _replace(one, path.with_name(one.name), Path(folder))
    return Kept(kept.format, str(path), kept.lost)


def _replace(made: Path, target: Path, folder: Path) -> None:
    if target.is_dir():
        target.rename(folder / ".before")  # a folder replaces no folder; it goes with the temporary one
    elif made.is_dir():
        target.unlink(missing_ok=True)
    os.replace(made, target)


def _there(filesystem: Any, text: str, kind: Format, local: Path) -> set[str]:
    """The files of what is to be replaced on another filesystem."""
    parent = text.rstrip("/").rpartition("/")[0]
    beside = [f"{parent}/{one.name}" if parent else one.name for one in kind.beside(local)]
    found = [one for one in beside if filesystem.exists(one)]
    if kind.folder and filesystem.isdir(text):
        names = {one.rstrip("/").rpartition("/")[2] for one in filesystem.ls(text, detail=False)}
        if names and not kind.owns(names):
            raise InvalidArgument(
                f"{_named(text)} is a folder that holds something else; choose another name"
            )
        found += filesystem.find(text)
    return {str(filesystem._strip_protocol(one)) for one in found}


def _bring(filesystem: Any, folder: Path, local: Path, text: str, before: set[str]) -> None:
    """Copies what was written to another filesystem, the file last; then what is left of before goes."""
    parent = text.rstrip("/").rpartition("/")[0]
    made = [one for one in sorted(folder.rglob("*"), key=lambda one: one == local) if one.is_file()]
    below = [one.relative_to(folder).as_posix() for one in made]
    targets = [f"{parent}/{one}" if parent else one for one in below]
    for one, target in zip(made, targets, strict=True):
        with contextlib.suppress(NotImplementedError, FileExistsError):
            filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        with one.open("rb") as reading, filesystem.open(target, "wb") as writing:
            shutil.copyfileobj(reading, writing, _PIECE)
    for stale in before.difference(str(filesystem._strip_protocol(one)) for one in targets):
        filesystem.rm_file(stale)
