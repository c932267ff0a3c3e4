"""Files that are open: read in pieces from where one is, written to the system when they are closed."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from arcuate.connector import DataError
from arcuate.storage.base import Remote, changed
from arcuate.worker.folders import passing

if TYPE_CHECKING:
    from arcuate.storage.storage import Storage

__all__ = ["Reader", "TextWriter", "Writer"]


class Reader(io.RawIOBase):
    """A file of a storage for reading, at any place. What was changed since it was opened is refused.

    Read from its beginning to its end, it is compared with the system's digest, if there is one.
    """

    def __init__(self, storage: Storage, path: str) -> None:
        self._storage, self._path, self._what = storage, path, f"reading of {path!r}"
        self._at = 0
        self._pieces: Iterator[bytes] | None = None
        self._rest = memoryview(b"")

        def look() -> Remote:
            with storage.system(self._what) as system:
                return system.look(path)

        self._remote = storage.attempt("open", look)
        self._fed, self._digest = 0, self._remote.digest[1]() if self._remote.digest else None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._remote.size is not None

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if self._remote.size is None:
            raise io.UnsupportedOperation("the system does not say how long the file is")
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._remote.size}[whence]
        if at < 0:
            raise ValueError(f"there is no place {at} in a file")
        if at != self._at:
            self._drop()
            self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        if not len(self._rest):
            piece = self._storage.attempt("read", self._next)
            if self._digest is not None and self._at == self._fed:
                self._digest.update(piece)
                self._fed += len(piece)
                self._compared()
            self._rest = memoryview(piece)
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self._at += count
        return count

    def _next(self) -> bytes:
        size = self._remote.size
        if size is not None and self._at >= size:
            return b""
        try:
            with self._storage.system(self._what) as system:
                if self._pieces is None:
                    self._pieces = system.read(self._path, self._at, self._remote)
                piece = next(self._pieces, b"")
                if size is not None:
                    if not piece:
                        raise self._wrong(f"it ended after {self._at} bytes of {size}", again=True)
                    end = self._at + len(piece)
                    # Some systems compare at the end whether the file is still the same.
                    if end > size or (end == size and next(self._pieces, b"")):
                        raise changed(self._storage.name, self._path)
                return piece
        except DataError as error:
            self._drop()
            if error.status is not None:  # it is another file now, and will not be this one again
                error.recoverable = False
            raise
        except BaseException:
            self._drop()
            raise

    def _compared(self) -> None:
        assert self._remote.digest is not None
        assert self._digest is not None
        name, _, wanted = self._remote.digest
        if self._fed == self._remote.size and self._digest.digest() != wanted:
            raise self._wrong(f"the bytes that came are not those that the system says it has ({name})")

    def _wrong(self, what: str, *, again: bool = False) -> DataError:
        name = self._storage.name
        return DataError(f"{name}: {self._what}: {what}", service=name, recoverable=again)

    def _drop(self) -> None:
        close = getattr(self._pieces, "close", None)
        self._pieces, self._rest = None, memoryview(b"")
        if close is not None:
            close()

    def close(self) -> None:
        if not self.closed:
            self._drop()
        super().close()


class Writer(io.BufferedWriter):
    """A file that is written here and sent when it is closed, but not after an exception in its ``with``."""

    def __init__(self, storage: Storage, path: str) -> None:
        self._storage, self._path, self._kept = storage, path, True
        self._folder = contextlib.ExitStack()
        self._local = self._folder.enter_context(passing()) / "data"
        super().__init__(io.FileIO(self._local, "wb"))

    def discard(self) -> None:
        """Closing it sends nothing."""
        self._kept = False

    def close(self) -> None:
        if self.closed:
            return
        with self._folder:
            super().close()
            if self._kept:
                self._storage.upload(self._local, self._path, resume=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
        self.close()


class TextWriter(io.TextIOWrapper):
    """As :class:`Writer`, for text."""

    def __init__(self, writer: Writer, encoding: str) -> None:
        self._writer = writer
        super().__init__(writer, encoding=encoding, newline="")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._writer.discard()
        self.close()
