"""Files of this machine, below one folder."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from fsspec.implementations.local import LocalFileSystem

from arcuate.errors import InvalidArgument
from arcuate.storage.base import PIECE, Remote, Source, System, Written, changed
from arcuate.storage.paths import beginning, real
from arcuate.storage.records import Entry

__all__ = ["Local", "slices"]


def slices(entries: list[Entry], size: int, mark: Any) -> tuple[list[Entry], Any]:
    """A page of a list that a system gives only as a whole."""
    begin = mark or 0
    return entries[begin : begin + size], begin + size if begin + size < len(entries) else None


class Local(System):
    """A folder. Links in it may not lead out."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.root = self.place.root
        self.filesystem = LocalFileSystem(skip_instance_cache=True)

    def _real(self, path: str) -> str:
        return real(self.root, path, self.name)

    def facts(self) -> dict[str, Any]:
        return {"free": shutil.disk_usage(self.root).free}

    def look(self, path: str) -> Remote:
        found = os.stat(self._real(path))
        self._readable(path, found)
        return Remote(found.st_size, _state(found))

    def _readable(self, path: str, found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(found.st_mode):
            raise InvalidArgument(
                f"{self.name}: {path!r} is neither a file nor a folder, but a device or a pipe"
            )

    def info(self, path: str) -> Entry:
        return self._entry(path, os.stat(self._real(path)))

    @staticmethod
    def _entry(path: str, found: os.stat_result) -> Entry:
        folder = stat.S_ISDIR(found.st_mode)
        when = dt.datetime.fromtimestamp(found.st_mtime, dt.timezone.utc)
        return Entry(path, None if folder else found.st_size, folder, when)

    def within(self, path: str) -> None:
        self._real(path)

    def link(self, path: str) -> bool:
        return os.path.islink(os.path.join(self.root, path))

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        if mark is None:
            mark = (sorted(os.listdir(self._real(path))), 0)
        names, begin = mark
        entries = []
        for name in names[begin : begin + size]:
            below = f"{path}/{name}" if path else name
            whole = os.path.join(self.root, below)
            try:
                if os.path.islink(whole):
                    self._real(below)
                entries.append(self._entry(below, os.stat(whole)))
            except (FileNotFoundError, InvalidArgument):
                continue  # gone meanwhile, a link to nothing, or one that leads out
        return entries, (names, begin + size) if begin + size < len(names) else None

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        with open(self._real(path), "rb") as file:
            self._same(path, file, remote)
            file.seek(start)
            while data := file.read(PIECE):
                yield data
            self._same(path, file, remote)

    def _same(self, path: str, file: IO[bytes], remote: Remote) -> None:
        if _state(os.fstat(file.fileno())) != remote.etag:
            raise changed(self.name, path)

    def write(self, path: str, source: Source, resume: bool) -> Written:
        target = self._real(path)
        folder = os.path.dirname(target)
        os.makedirs(folder, exist_ok=True)
        source.begin(0)
        # Beside the target, for only within one file system a file takes another's place at once.
        part = os.path.join(folder, f".{beginning(os.path.basename(target), 100)}.{secrets.token_hex(8)}")
        try:
            with open(part, "xb") as file:
                for data in source.pieces():
                    file.write(data)
                    source.sent(len(data))
                file.flush()
                os.fsync(file.fileno())
            source.unchanged()
            os.replace(part, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            raise
        _kept(folder)
        return Written()

    def delete(self, path: str) -> None:
        os.unlink(self._real(path))

    def copy(self, path: str, target: str) -> None:
        self.look(path)
        source = Source(Path(self._real(path)), None)
        try:
            self.write(target, source, False)
        finally:
            source.close()


def _state(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"


def _kept(folder: str) -> None:
    """The names in a folder are on the disk, so that a crash does not bring the old ones back."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot
            os.fsync(handle)
    finally:
        os.close(handle)
