"""The last good values of a connector on disk, as frames: with types, labels and missing values as they were.

A folder with mode 0700 of the user's cache, one file a key. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from arcuate.errors import ArcuateError
from arcuate.values import decode, encode, frames

__all__ = ["Keep", "cache_folder", "default_folder"]

log = logging.getLogger(__name__)

_LIMIT = 64 << 20
_ROOM = 1 << 30
_BLOCK = 4096
"""What a small file takes."""


def cache_folder(name: str) -> Path:
    """A folder of this user's cache, ``$XDG_CACHE_HOME/arcuate/NAME``; without a home, nowhere."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(root):
        root = os.path.expanduser("~/.cache")
    return Path(root if os.path.isabs(root) else os.devnull, "arcuate", name)


def default_folder() -> Path:
    """Where kept values are: ``$XDG_CACHE_HOME/arcuate/kept``."""
    return cache_folder("kept")


class Keep:
    """Kept values of one connector.

    Args:
        service: the connector's name.
        folder: where; the default is :func:`default_folder`.
        limit: bytes of one value; a larger one is not kept.
        room: bytes of all values in the folder, about; the oldest go.
    """

    def __init__(
        self, service: str, folder: str | Path | None = None, limit: int = _LIMIT, room: int = _ROOM
    ) -> None:
        self._folder = Path(folder) if folder is not None else default_folder()
        self._service = service
        self._limit = limit
        self._room = room
        self._due = 0

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(f"{self._service}\0{key}".encode()).hexdigest()
        return self._folder / f"{name}.frame"

    def put(self, key: str, value: Any) -> bool:
        """Keeps a value; ``False`` if it cannot be kept: too large, or no value of Arcuate's."""
        try:
            data = frames.to_bytes(encode({"at": time.time(), "value": value}))
        except ArcuateError:
            return False
        if len(data) > self._limit:
            return False
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._private():
                return False
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".new", delete=False) as file:
                try:
                    file.write(data)
                    file.close()
                    os.replace(file.name, self._path(key))
                except BaseException:
                    with contextlib.suppress(OSError):
                        os.unlink(file.name)
                    raise
            self._due -= max(len(data), _BLOCK)
            if self._due < 0:  # at the first one, then when there may be much more
                self._due = self._room // 64
                self._prune()
        except OSError:
            return False  # a full disk is no reason to lose an answer
        return True

    def _prune(self) -> None:
        """Removes the oldest values, and what a killed program has begun, beyond the room there is."""
        found = []
        with os.scandir(self._folder) as files:
            for one in files:
                if one.name.endswith((".frame", ".new")):
                    with contextlib.suppress(OSError):  # another program was quicker
                        state = one.stat(follow_symlinks=False)
                        found.append((state.st_mtime_ns, state.st_size, one.path))
        room = self._room
        for _, size, path in sorted(found, reverse=True):
            room -= max(size, _BLOCK)
            if room < 0:
                with contextlib.suppress(OSError):
                    os.unlink(path)

    def get(self, key: str) -> tuple[Any, float] | None:
        """The kept value and its age in seconds; ``None`` if there is none that can be read."""
        path = self._path(key)
        try:
            if not self._private():
                return None
            with path.open("rb") as file:
                data = file.read(self._limit + 1)
            kept = decode(frames.load(memoryview(data)))
            return kept["value"], max(0.0, time.time() - kept["at"])
        except (OSError, ArcuateError, KeyError, TypeError):
            return None

    def _private(self) -> bool:
        """Whether nobody else can read or write here: what others could have put there is no value."""
        found = os.stat(self._folder)
        if found.st_uid == os.geteuid() and not found.st_mode & 0o077:
            return True
        log.warning(
            "kept values are not used: others can reach their folder; type: chmod 700 %s", self._folder
        )
        return False
