"""Notes on uploads that were begun, on disk, so that another process can go on with them.

A folder with mode 0700 of the user's cache, one file a target and source, mode 0600: Google's address of an
upload is itself a credential.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from arcuate.connector.keep import cache_folder

__all__ = ["Notes"]


class Notes:
    """Notes in a folder; the default is ``$XDG_CACHE_HOME/arcuate/uploads``."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).expanduser() if folder else cache_folder("uploads")

    def _path(self, *key: str) -> Path:
        return self._folder / (hashlib.sha256("\0".join(key).encode()).hexdigest() + ".json")

    def get(self, *key: str) -> dict[str, str] | None:
        """A note, ``None`` if there is none, or one that cannot be read."""
        try:
            found = json.loads(self._path(*key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def put(self, note: dict[str, str], *key: str) -> None:
        """Writes a note; where that is not possible, the upload goes on and cannot be resumed."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, part = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(note, file)
            os.replace(part, self._path(*key))

    def drop(self, *key: str) -> None:
        with contextlib.suppress(OSError):
            self._path(*key).unlink(missing_ok=True)

    def taken(self, wanted: Callable[[dict[str, str]], bool]) -> Iterator[dict[str, str]]:
        """The notes that are wanted; each is dropped after it was looked at."""
        for path in [*self._folder.glob("*.json")]:
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(found, dict) and wanted(found):
                yield found
                path.unlink(missing_ok=True)
