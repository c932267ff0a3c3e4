"""Files, here or in a store, as ends of a copy."""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from arcuate.connector import AuthenticationError, DataError, IntegrationError, NotFoundError, partial
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.integrations.copying.ask import Ask, Copied
from arcuate.integrations.copying.ends import End
from arcuate.integrations.copying.values import one_value
from arcuate.integrations.kinds import configured, connector
from arcuate.worker.folders import passing

__all__ = ["FileEnd", "between"]

_PIECE = 1 << 20
_DESCRIPTION = "-metadata.json"


class FileEnd(End):
    """A file: a local path, or an address or a configured store with a path.

    Attributes:
        path: the local path, or the path in the store.
        store: the store; ``None`` for a local file.
        options: of the format of a local file; of one in a store the settings are the store's.
    """

    def __init__(self, where: str, part: str, settings: dict[str, Any]) -> None:
        super().__init__(where, part, settings)
        self.store: Any = None
        self.options: dict[str, Any] = {}
        if where in configured() and part:
            self.store, self.path = connector(where, **settings), part
        elif "://" in where and not where.startswith("file://"):
            from arcuate.storage import Storage

            if "?" in where and where.startswith("http"):
                raise InvalidArgument(
                    f"{self.name}: a store has no place for a query, such as a signature; arcuate convert "
                    "and open_data read such an address"
                )
            folder, _, name = where.rpartition("/")
            if not name or folder.endswith(":/"):
                raise InvalidArgument(f"{self.name} names no file")
            if folder.startswith(("http://", "https://")):
                name = unquote(name)  # Storage quotes it
            self.store, self.path = Storage(url=folder, **settings), name
        else:
            self.path, self.options = str(Path(where.removeprefix("file://")).expanduser()), settings
        self._folder = contextlib.ExitStack()
        if self.store is not None and self.path.rstrip("/").lower().endswith(".zarr"):
            raise InvalidArgument(
                f"{self.name} is a folder, and single files are copied from and into a store; use .zarr.zip, "
                "or arcuate convert, which takes such folders at any address"
            )
        if self.store is None and where in configured() and not Path(where).exists():
            raise InvalidArgument(f"{where} is a connector; say what of it: {where}#PATH")

    def close(self) -> None:
        self._folder.close()
        if self.store is not None:
            self.store.close()

    @property
    def ending(self) -> str:
        """How the name ends, such as ``.csv.gz``."""
        return "".join(PurePosixPath(self.path).suffixes[-2:]).lower()

    def here(self, wanted: str | None = None, progress: Any = None) -> Path:
        """A local path of the file: for one in a store a copy that goes when this end is closed."""
        if self.store is None:
            if not Path(self.path).exists():
                raise NotFoundError(f"there is no file {self.path!r} in {os.getcwd()!r}", service="copy")
            return Path(self.path)
        if wanted == "bids":
            raise InvalidArgument(
                f"{self.name}: sidecars in the folders above it would be left out; arcuate convert and "
                "open_data bring them along"
            )
        local = self.beside()
        self.store.download(self.path, local, progress=progress, resume=False)
        self.description(local, wanted)
        return local

    def beside(self) -> Path:
        """A path for a local copy."""
        folder = self._folder.enter_context(passing())
        return Path(folder, os.path.basename(self.path))

    def there(self) -> bool:
        """Whether the file exists."""
        return bool(self.store.exists(self.path) if self.store is not None else Path(self.path).exists())

    def free(self, ask: Ask) -> None:
        """Refuses to write over a file that nobody said may be replaced."""
        if ask.exists == "append":
            raise InvalidArgument(f"{self.name} is a file: nothing is appended to it")
        if ask.exists == "error" and not ask.resume and self.there():
            raise InvalidArgument(f"{self.name} is there already; say exists='replace'")

    # --- What describes a table of texts, in a file beside it

    def description(self, local: Path, wanted: str | None = None) -> None:
        """Copies the description, if there is one, to where a local file would have its own."""
        mine = _described(self.path, wanted)
        if mine is None:
            return
        target = local.with_name(f"{local.name}{_DESCRIPTION}")
        if self.store is None:
            if Path(mine).exists():
                shutil.copyfile(mine, target)
            return
        try:
            there = self.store.exists(mine)
        except AuthenticationError:  # where nothing may be listed, this is said of what is not there
            there = False
        if there:
            self.store.download(mine, target, resume=False)

    def describe(self, local: Path, wanted: str | None = None) -> None:
        """Puts the description of a local file beside this one; without one, that of before goes."""
        mine = _described(self.path, wanted)
        if mine is None:
            return
        made = local.with_name(f"{local.name}{_DESCRIPTION}")
        if self.store is None:
            if made.exists():
                shutil.copyfile(made, mine)
            else:
                Path(mine).unlink(missing_ok=True)
        elif made.exists():
            self.store.upload(made, mine, resume=False)
        elif self.there() and self.store.exists(mine):
            self.store.delete(mine)

    # --- Pieces

    def pieces(self, ask: Ask) -> Iterator[Any]:
        from arcuate.formats import open_batches, open_data
        from arcuate.formats.format import guarded, has_options
        from arcuate.formats.table import find

        ask.only("reading a file", "variable", "key", "tidy")
        path = self.here(ask.from_format)
        name, kind = find(str(path), ask.from_format, local=path)
        named: dict[str, Any] = {"format": ask.from_format, "variable": ask.variable, **self.options}
        streams = not self.whole and kind.streams and has_options(kind.batches, self.options)
        with guarded(path, name):
            streams = streams and kind.in_pieces(path, ask.variable)
        if streams:
            yield from open_batches(path, **named)
        else:
            yield open_data(path, **named)

    def put(self, pieces: Iterator[Any], ask: Ask) -> tuple[Any, ...]:
        from arcuate.formats import save_batches, save_data
        from arcuate.formats.format import PiecesDiffer, has_options
        from arcuate.formats.table import find

        if ask.key is not None:
            raise InvalidArgument(f"'key' means nothing for writing {self.name}: a file is written whole")
        self.free(ask)
        local = Path(self.path) if self.store is None else self.beside()
        kind = find(str(local), ask.to_format)[1]
        named: dict[str, Any] = {"format": ask.to_format, "lossy": ask.lossy, **self.options}
        lost: tuple[str, ...] = ()
        if kind.streams and has_options(kind.write_batches, self.options):
            first = next(pieces, None)
            if first is None:
                raise InvalidArgument(f"there is nothing to be written to {self.name}: the source is empty")
            if kind.takes(first) and not (ask.lossy and hasattr(first, "dims")):
                if "time" in getattr(first, "dims", ()):
                    named["along"] = "time"  # as blocks of a stream follow each other
                try:
                    kept = save_batches(_chain(first, pieces), local, **named)
                except PiecesDiffer as error:
                    raise ConversionError(
                        f"{error.message}. With lossy=True attributes that differ are left out and listed"
                    ) from None
            else:
                value, lost = one_value(_chain(first, pieces), self.name, lossy=ask.lossy)
                kept = save_data(value, local, **named)
        else:
            value, lost = one_value(pieces, self.name, lossy=ask.lossy)
            kept = save_data(value, local, **named)
        if self.store is not None:
            self.describe(local, ask.to_format)
            self.store.upload(local, self.path, resume=False)
        return (*lost, *kept.lost)


def _described(path: str, wanted: str | None) -> str | None:
    """Where the description of a file is, if files of its format may have one."""
    from arcuate.formats.table import by_suffix

    name = by_suffix(path.lower() if wanted is None else f".{wanted.lower().lstrip('.')}")
    return f"{path}{_DESCRIPTION}" if name in ("csv", "jsonl") else None


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def between(one: FileEnd, other: FileEnd, ask: Ask) -> Copied:
    """From a file to a file: the bytes where the format stays, else converted."""
    from arcuate.formats import convert

    ask.only("a copy between files", "variable")
    other.free(ask)
    if one.ending == other.ending and ask.from_format == ask.to_format:
        if ask.variable is not None:
            raise InvalidArgument("'variable' means nothing where the bytes of a file are copied")
        if options := [*one.options, *other.options]:
            raise InvalidArgument(f"{options[0]!r} means nothing where the bytes of a file are copied")
        return _bytes(one, other, ask)
    if ask.resume:
        raise InvalidArgument(
            f"a conversion is not resumed: {one.ending or one.name} becomes {other.ending or other.name}"
        )
    local = Path(other.path) if other.store is None else other.beside()
    kept = convert(
        one.here(ask.from_format),
        local,
        from_format=ask.from_format,
        to_format=ask.to_format,
        variable=ask.variable,
        lossy=ask.lossy,
        options=one.options,
        target_options=other.options,
        progress=ask.progress,
    )
    if other.store is not None:
        other.describe(local, ask.to_format)
        other.store.upload(local, other.path, resume=False)
    return Copied(one.name, other.name, pieces=1, lost=tuple(kept.lost))


def _bytes(one: FileEnd, other: FileEnd, ask: Ask) -> Copied:
    if Path(one.path).is_dir() and one.store is None:
        raise InvalidArgument(f"{one.name} is a folder; copy its files, or convert it to a single file")
    size, resumed = 0, 0
    if one.store is None and other.store is None:
        size = _local(one.here(), Path(other.path), ask)
    elif other.store is None:
        done = one.store.download(one.path, Path(other.path), progress=ask.progress, resume=ask.resume)
        size, resumed = done.size, done.resumed
    else:
        resume = ask.resume and one.store is None  # a copy in a folder for now is another file next time
        done = other.store.upload(one.here(), other.path, progress=ask.progress, resume=resume)
        size, resumed = done.size, done.resumed
    try:
        _describe(one, other)
    except OSError as error:
        raise IntegrationError(
            f"{other.name} is there, and what describes it is not: {error.strerror or error}; copy it "
            "again with exists='replace'",
            service="copy",
        ) from error
    return Copied(one.name, other.name, bytes=size, resumed=resumed)


def _describe(one: FileEnd, other: FileEnd) -> None:
    described = other.beside()
    one.description(described)
    made = described.with_name(f"{described.name}{_DESCRIPTION}")
    if made.exists() and Path(one.path).name != described.name:  # it says which file it is about
        old, new = (
            f'"url": {json.dumps(name, ensure_ascii=False)}' for name in (Path(one.path).name, described.name)
        )
        made.write_text(made.read_text("utf-8").replace(old, new, 1), "utf-8")
    other.describe(described)


def _pieces(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as reading:
            while piece := reading.read(_PIECE):
                yield piece
    except OSError as error:
        raise IntegrationError(
            f"{source} cannot be read: {error.strerror or error}", service="copy"
        ) from error


def _local(source: Path, target: Path, ask: Ask) -> int:
    """Copies beside the target and puts the copy into its place."""
    if not target.absolute().parent.is_dir():
        raise NotFoundError(f"there is no folder for {str(target)!r}", service="copy")
    partial.may_be_replaced(target)
    if target.exists() and os.path.samefile(source, target):
        raise InvalidArgument(f"{source} and {target} are the same file")
    if ask.resume and ask.exists == "error" and target.exists():  # a copy that broke leaves nothing there
        if not filecmp.cmp(source, target, shallow=False):
            raise InvalidArgument(f"{target} is there already and holds something else; say exists='replace'")
        return source.stat().st_size
    size = source.stat().st_size
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name[:40]}.", dir=target.absolute().parent
        ) as folder:
            made, done = Path(folder, target.name), 0
            with made.open("wb") as writing:
                for piece in _pieces(source):
                    writing.write(piece)
                    done += len(piece)
                    if ask.progress is not None:
                        ask.progress(done, size)
                writing.flush()
                os.fsync(writing.fileno())
            shutil.copymode(target if target.exists() else source, made)
            os.replace(made, target)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}", service="copy") from error
    return done
