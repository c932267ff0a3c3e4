"""Members of a zip file: only read, and only when none of them can do harm."""

from __future__ import annotations

import datetime as dt
import os
import zipfile
from collections.abc import Iterator
from typing import Any

from fsspec.implementations.zip import ZipFileSystem

from arcuate.connector import DataError
from arcuate.errors import InvalidArgument
from arcuate.storage.base import PIECE, Remote, System
from arcuate.storage.local import slices
from arcuate.storage.paths import inside
from arcuate.storage.records import Entry

__all__ = ["Archive"]

_SMALL = 1 << 20  # a member below is no bomb, whatever its ratio


class Archive(System):
    """A zip file of this machine."""

    writes = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.root = ""
        self.filesystem = ZipFileSystem(self.place.root, mode="r", skip_instance_cache=True)
        self._zip: zipfile.ZipFile = self.filesystem.zip
        self._folders: list[str] = []
        try:
            self._members = self._judged()
        except BaseException:
            self.close()
            raise
        self._entries = self._tree()

    def close(self) -> None:
        self._zip.close()
        self.filesystem.fo.close()

    def facts(self) -> dict[str, Any]:
        return {"members": len(self._members), "bytes": os.stat(self.place.root).st_size}

    def _judged(self) -> dict[str, zipfile.ZipInfo]:
        """The members that are files, by path; refuses the whole archive if one of them is unfit."""
        limits, found, total = self.config, {}, 0
        infos = self._zip.infolist()
        if len(infos) > limits.zip_members:
            self._refuse(f"has {len(infos)} members, more than 'zip_members' ({limits.zip_members}) allows")
        for one in infos:
            try:
                path = inside(one.filename, self.name)
            except InvalidArgument as error:
                self._refuse(f"has a member that may not be there: {error}")
            total += one.file_size
            if total > limits.zip_bytes:
                self._refuse(f"unpacks to more than {limits.zip_bytes} bytes; see 'zip_bytes'")
            if one.file_size > max(_SMALL, limits.zip_ratio * one.compress_size):
                self._refuse(
                    f"may be a bomb: {path!r} unpacks {one.compress_size} bytes to {one.file_size}; see "
                    "'zip_ratio'"
                )
            if one.is_dir():
                self._folders.append(path)
                continue
            if path in found:
                self._refuse(f"has two members of the name {path!r}")
            found[path] = one
        return found

    def _refuse(self, why: str) -> None:
        raise DataError(f"{self.name}: the archive {self.place.root} {why}", service=self.name)

    def _tree(self) -> dict[str, dict[str, Entry]]:
        """The entries of each folder."""
        tree: dict[str, dict[str, Entry]] = {"": {}}

        def folders(parts: list[str]) -> None:
            for depth in range(1, len(parts) + 1):
                folder = "/".join(parts[:depth])
                tree.setdefault(folder, {})
                tree["/".join(parts[: depth - 1])].setdefault(folder, Entry(folder, None, True))

        for path in self._folders:
            folders(path.split("/") if path else [])
        for path, one in self._members.items():
            parts = path.split("/")
            folders(parts[:-1])
            try:
                when = dt.datetime(*one.date_time)
            except ValueError:
                when = None
            entry = Entry(path, one.file_size, False, when, f"{one.CRC:08x}")
            tree["/".join(parts[:-1])][path] = entry
        return tree

    def look(self, path: str) -> Remote:
        if path not in self._members:
            raise FileNotFoundError(path)
        one = self._members[path]
        return Remote(one.file_size, f"{one.CRC:08x}", extra={"checked": "crc32"})

    def info(self, path: str) -> Entry:
        if path in self._entries:
            return Entry(path, None, True)
        folder = self._entries.get(path.rpartition("/")[0], {})
        if path not in folder:
            raise FileNotFoundError(path)
        return folder[path]

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        if path not in self._entries:
            raise FileNotFoundError(path)
        entries = sorted(self._entries[path].values(), key=lambda one: one.path)
        return slices(entries, size, mark)

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        """All of it is read, for the checksum is that of the whole member."""
        with self._zip.open(self._members[path]) as file:
            passed = 0
            while data := file.read(PIECE):
                passed += len(data)
                if passed > start:
                    yield data[max(0, start - (passed - len(data))) :]
