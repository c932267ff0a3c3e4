"""fsspec's filesystem of a storage, of which no path climbs out of its folder."""

from __future__ import annotations

from typing import Any

from fsspec.implementations.dirfs import DirFileSystem

from arcuate.storage.base import System
from arcuate.storage.paths import inside

__all__ = ["Confined"]


class Confined(DirFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Paths are relative to the storage's address."""

    def __init__(self, system: System) -> None:
        super().__init__(path=system.root, fs=system.filesystem, skip_instance_cache=True)
        self._system = system

    def _join(self, path: Any) -> Any:
        if not isinstance(path, str):
            return super()._join(path)
        found = inside(path.removeprefix("/") if path != "/" else "", self._system.name)
        self._system.within(found)
        return super()._join(found)
