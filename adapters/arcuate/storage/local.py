"""Files of this machine, below one folder."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from arcuate.storage.base import PIECE, Remote, Source, System, Written
from arcuate.storage.paths import real
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
        self._listed: tuple[str, list[str]] = ("", [])

    def _real(self, path: str) -> str:
        return real(self.root, path, self.name)

    def facts(self) -> dict[str, Any]:
        return {"free": shutil.disk_usage(self.root).free}

    def look(self, path: str) -> Remote:
        found = os.stat(self._real(path))
        return Remote(found.st_size, f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}")

    def info(self, path: str) -> Entry:
        return self._entry(path, os.stat(self._real(path)), os.path.isdir(self._real(path)))

    @staticmethod
    def _entry(path: str, found: os.stat_result, folder: bool) -> Entry:
        when = dt.datetime.fromtimestamp(found.st_mtime, dt.timezone.utc)
        return Entry(path, None if folder else found.st_size, folder, when)

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        if mark is None:
            mark = (sorted(os.listdir(self._real(path))), 0)
        names, begin = mark
        entries = []
        for name in names[begin : begin + size]:
            below = f"{path}/{name}" if path else name
            whole = os.path.join(self.root, below)
            try:
                entries.append(self._entry(below, os.stat(whole), os.path.isdir(whole)))
            except FileNotFoundError:
                continue  # gone meanwhile, or a link to nothing
        return entries, (names, begin + size) if begin + size < len(names) else None

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        with open(self._real(path), "rb") as file:
            file.seek(start)
            while data := file.read(PIECE):
                yield data

    def write(self, path: str, source: Source, resume: bool) -> Written:
        target = self._real(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        source.begin(0)
        handle, part = tempfile.mkstemp(prefix=f".{Path(target).name[:200]}.", dir=os.path.dirname(target))
        try:
            with os.fdopen(handle, "wb") as file:
                for data in source.pieces():
                    file.write(data)
                    source.sent(len(data))
                file.flush()
                os.fsync(file.fileno())
            source.unchanged()
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(part, 0o666 & ~mask)
            os.replace(part, target)
        except BaseException:
            os.unlink(part)
            raise
        return Written()

    def delete(self, path: str) -> None:
        os.unlink(self._real(path))

    def copy(self, path: str, target: str) -> None:
        source = Source(Path(self._real(path)), None)
        try:
            self.write(target, source, False)
        finally:
            source.close()
