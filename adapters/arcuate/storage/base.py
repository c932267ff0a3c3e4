"""What a storage system is to :class:`~arcuate.storage.Storage`: a few operations on paths."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import io
import os
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from fsspec import AbstractFileSystem

from arcuate.connector import DataError, reveal
from arcuate.errors import InvalidArgument, SessionClosed, Unsupported
from arcuate.storage.records import Entry, Progress
from arcuate.storage.settings import Place, StorageConfig
from arcuate.values.record import field, record

__all__ = ["PIECE", "Loop", "Refused", "Remote", "Source", "System", "Written", "changed"]

T = TypeVar("T")
PIECE = 1 << 20
"""Bytes that are read and written at once."""


class Refused(Exception):
    """A status of HTTP that is an error; becomes one of connectors.

    Attributes:
        status: the status.
        headers: by name in lower case.
        body: what the system said.
    """

    def __init__(self, status: int, headers: dict[str, str], body: str) -> None:
        super().__init__(f"{status} {body[:300]}")
        self.status, self.headers, self.body = status, headers, body


@record(frozen=True)
class Remote:
    """What is known of a file before it is read.

    Attributes:
        size: bytes, ``None`` if the system does not say.
        etag: what a later read gives to the system, so that it is the same state; "" if there is no such.
        digest: makes what is fed with the bytes and then says whether they are right, with its name.
    """

    size: int | None
    etag: str = ""
    digest: tuple[str, Callable[[], Any], bytes] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@record(frozen=True)
class Written:
    """What an upload brought; as in :class:`~arcuate.storage.Transfer`."""

    etag: str = ""
    resumed: int = 0
    checked: str = "size"


class Source:
    """A local file that is sent, which must stay as it is meanwhile.

    Args:
        path: the file.
        progress: is told the bytes that are there and the bytes in all.
    """

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self.path = path
        try:
            if not stat.S_ISREG(
                path.stat().st_mode
            ):  # of a device no size is known, a pipe would be waited for
                raise InvalidArgument(
                    f"{path} is no file, but a folder, a device or a pipe; write it to a file first"
                )
            self._file = path.open("rb")
            found = os.fstat(self._file.fileno())
        except OSError as error:
            raise InvalidArgument(f"the file {path} cannot be read: {error.strerror}") from None
        self.size = found.st_size
        self._state = (found.st_mtime_ns, found.st_size)
        # What is gone on with is surely the same: archives unpack another content with the same time.
        state = (*self._state, found.st_ctime_ns, found.st_ino)
        self.mark = hashlib.sha256(f"{path.resolve()}\0{state}".encode()).hexdigest()[:32]
        self._progress = progress
        self._lock = threading.Lock()
        self.done = 0

    def close(self) -> None:
        self._file.close()

    def begin(self, done: int) -> None:
        """An attempt begins with so many bytes there."""
        self.done = done
        self._tell()

    def sent(self, count: int) -> None:
        """So many more bytes are there."""
        with self._lock:
            self.done += count
            self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.done, self.size)

    def piece(self, start: int, size: int) -> bytes:
        """A piece of the file; any thread may ask."""
        data = os.pread(self._file.fileno(), min(size, self.size - start), start)
        while len(data) < min(size, self.size - start):
            more = os.pread(self._file.fileno(), min(size, self.size - start) - len(data), start + len(data))
            if not more:
                raise InvalidArgument(f"the file {self.path} became shorter while it was sent")
            data += more
        return data

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """The rest of the file."""
        while start < self.size:
            data = self.piece(start, PIECE)
            start += len(data)
            yield data

    def unchanged(self) -> None:
        """Refuses a file that was changed while it was sent."""
        found = os.fstat(self._file.fileno())
        if (found.st_mtime_ns, found.st_size) != self._state:
            raise InvalidArgument(f"the file {self.path} was changed while it was sent; send it again")

    def window(self, start: int, size: int) -> Window:
        """A part of the file as a file of its own: of it no more is in memory than is just sent."""
        return Window(self, start, max(0, min(size, self.size - start)))

    def md5(self, start: int = 0, size: int | None = None, whole: Any = None) -> bytes:
        """The MD5 of a part of the file; ``whole`` is fed with its bytes too."""
        digest = hashlib.md5(usedforsecurity=False)
        end = self.size if size is None else min(start + size, self.size)
        while start < end:
            data = self.piece(start, min(PIECE, end - start))
            start += len(data)
            digest.update(data)
            if whole is not None:
                whole.update(data)
        return digest.digest()


class Window(io.RawIOBase):
    """A part of a source."""

    def __init__(self, source: Source, start: int, size: int) -> None:
        self._source, self._start, self._size, self._at = source, start, size, 0

    def __len__(self) -> int:
        return self._size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._source.piece(self._start + self._at, max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def changed(service: str, path: str) -> DataError:
    """A file is no longer the one that was looked at."""
    return DataError(
        f"{service}: {path!r} was changed while it was read; read it again",
        service=service,
        recoverable=True,
        status="changed",
    )


class Loop:
    """An event loop in a thread of its own, for libraries that are asynchronous."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._name, self._closed = name, False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.loop.run_forever, name=f"storage {name}", daemon=True)
        self._thread.start()

    def run(self, work: Awaitable[T]) -> T:
        """The result of a coroutine; it is given up when the caller is interrupted.

        Raises:
            SessionClosed: it was closed, be it meanwhile.
            InvalidArgument: it is called from the loop's own thread, which would wait for itself.
        """

        async def wrapped() -> T:
            return await work

        # Under the lock: what comes before the end is cancelled by it, and nothing comes after.
        with self._lock:
            own = threading.current_thread() is self._thread
            future = None if own or self._closed else asyncio.run_coroutine_threadsafe(wrapped(), self.loop)
        if future is None:
            getattr(work, "close", lambda: None)()
            if own:
                raise InvalidArgument(
                    f"{self._name}: a function for progress asks its own storage for something, which would "
                    "wait for ever; ask another Storage, or after the transfer"
                )
            raise SessionClosed(f"{self._name} was closed")
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            if self._closed:
                raise SessionClosed(f"{self._name} was closed meanwhile") from None
            raise
        except BaseException:
            future.cancel()
            raise

    def close(self, last: Callable[[], Awaitable[None]] | None = None) -> None:
        """Ends its tasks, then does what is last, and ends its thread."""

        async def end() -> None:
            tasks = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.loop.shutdown_asyncgens()
            try:
                if last is not None:
                    await last()
            finally:
                await self.loop.shutdown_default_executor()

        with self._lock:
            if self._closed:
                return
            self._closed = True
            ended = asyncio.run_coroutine_threadsafe(end(), self.loop)
        try:
            ended.result()
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()


class System(ABC):
    """One kind of storage. Its methods raise what its library raises.

    Attributes:
        filesystem: fsspec's.
        root: what paths are relative to, as :attr:`filesystem` has it.
        writes: whether there are uploads.
        goes_on: whether an upload that failed can be gone on with.
    """

    writes: ClassVar[bool] = True
    goes_on: ClassVar[bool] = False
    filesystem: AbstractFileSystem

    def __init__(self, config: StorageConfig, place: Place, name: str) -> None:
        self.config, self.place, self.name = config, place, name
        self.root = f"{place.host}/{place.root}".rstrip("/")

    def secret(self, setting: str) -> str | None:
        """A secret of the configuration, fetched from where it is kept."""
        return reveal(getattr(self.config, setting), f"the setting {setting!r}")

    def key(self, path: str) -> str:
        """A path below the bucket, container or host."""
        return "/".join(part for part in (self.place.root, path) if part)

    def facts(self) -> dict[str, Any]:
        """A sign of life; raises if there is none."""
        self.page("", 1, None)
        return {}

    def close(self) -> None:  # noqa: B027  (some hold nothing)
        """Gives back what the system holds."""

    def within(self, path: str) -> None:  # noqa: B027  (most have no links)
        """Refuses a path that leads out by a link."""

    def link(self, path: str) -> bool:
        """Whether a folder is there by a link, which a list of all that is below does not follow."""
        return False

    @abstractmethod
    def look(self, path: str) -> Remote:
        """What is known of a file."""

    @abstractmethod
    def info(self, path: str) -> Entry:
        """A file or a folder."""

    @abstractmethod
    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        """So many entries of a folder, from a mark on (``None``: from the beginning), and the next mark."""

    @abstractmethod
    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        """The bytes from a place on; refused when it is no longer the state that ``remote`` tells of."""

    def write(self, path: str, source: Source, resume: bool) -> Written:
        """Sends a file; it is there under this name when all of it has come, or not at all."""
        raise self.unable("writes")

    def forget(self, path: str, source: Source) -> None:  # noqa: B027  (some keep nothing)
        """Removes what the upload of this file to this path left, which failed."""

    def abandon(self, path: str) -> int:
        """Removes what unfinished uploads to a path left; how many there were."""
        return 0

    def delete(self, path: str) -> None:
        raise self.unable("deletes")

    def copy(self, path: str, target: str) -> None:
        raise self.unable("copies")

    def unable(self, what: str) -> Unsupported:
        return Unsupported(f"{self.name}: {self.place.scheme or self.place.kind} storage never {what}")
