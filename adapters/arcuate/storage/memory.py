"""Files in the memory of this process, by fsspec; all storages of one address share them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

from arcuate.storage.base import PIECE, Remote, Source, System, Written, changed
from arcuate.storage.local import slices
from arcuate.storage.records import Entry

__all__ = ["Memory"]


class Memory(System):
    """fsspec's ``memory://``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.filesystem = MemoryFileSystem()
        self.root = "/" + f"{self.place.host}/{self.place.root}".strip("/")

    def _whole(self, path: str) -> str:
        return f"{self.root.rstrip('/')}/{path}".rstrip("/") or "/"

    def facts(self) -> dict[str, Any]:
        return {}

    def look(self, path: str) -> Remote:
        found = self.filesystem.info(self._whole(path))
        if found["type"] == "directory":
            raise IsADirectoryError(path)
        return Remote(found["size"], str(found["created"]))

    def info(self, path: str) -> Entry:
        return self._entry(self.filesystem.info(self._whole(path)))

    def _entry(self, found: Any) -> Entry:
        folder = found["type"] == "directory"
        path = found["name"][len(self.root.rstrip("/")) :].strip("/")
        return Entry(path, None if folder else found["size"], folder, found.get("created"))

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        if not path and not self.filesystem.exists(self._whole(path)):
            return [], None
        found = self.filesystem.ls(self._whole(path), detail=True)
        entries = sorted((self._entry(one) for one in found), key=lambda one: one.path)
        return slices(entries, size, mark)

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        with self.filesystem.open(self._whole(path), "rb") as file:
            if str(self.filesystem.info(self._whole(path))["created"]) != remote.etag:
                raise changed(self.name, path)
            file.seek(start)
            while data := file.read(PIECE):
                yield data

    def write(self, path: str, source: Source, resume: bool) -> Written:
        source.begin(0)
        parts = []
        for data in source.pieces():
            parts.append(data)
            source.sent(len(data))
        source.unchanged()
        self.filesystem.pipe_file(self._whole(path), b"".join(parts))
        return Written()

    def delete(self, path: str) -> None:
        self.filesystem.rm_file(self._whole(path))

    def copy(self, path: str, target: str) -> None:
        self.filesystem.cp_file(self._whole(path), self._whole(target))
