"""The connector: files of one system below one address."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from arcuate.connector import Connector, ConnectorConfig, DataError, IntegrationError, NotFoundError
from arcuate.errors import InvalidArgument, SessionClosed
from arcuate.storage import transfer
from arcuate.storage.base import System
from arcuate.storage.confined import Confined
from arcuate.storage.faults import translating
from arcuate.storage.opened import Reader, TextWriter, Writer
from arcuate.storage.paths import inside
from arcuate.storage.records import Entry, Progress, Transfer
from arcuate.storage.settings import StorageConfig, place_of, system_of

__all__ = ["Storage"]

T = TypeVar("T")


class Storage(Connector):
    """Files below an address, whose scheme chooses the system.

    Paths are relative to the address, with ``/``; one that climbs out of it is refused. Reading is repeated
    after a failure that may pass; so is writing, for a file is there when all of it has come, or not at all.

    Args:
        config: settings; or the address.
        **arguments: settings of :class:`StorageConfig`.
    """

    Config: ClassVar[type[ConnectorConfig]] = StorageConfig
    default_name = "storage"

    def __init__(
        self, config: ConnectorConfig | Mapping[str, Any] | str | None = None, /, **arguments: Any
    ) -> None:
        if isinstance(config, str):
            config, arguments = None, {"url": config, **arguments}
        super().__init__(config, **arguments)
        self.place = place_of(self.config.url)
        self._make = system_of(self.place.kind)
        self._system: System | None = None

    # --- Life

    def _open(self) -> None:
        with translating(self.name, "opening", self.conceal):
            self._system = self._make(self.config, self.place, self.name)

    def _close(self) -> None:
        system, self._system = self._system, None
        if system is not None:
            system.close()

    def _check(self) -> Mapping[str, Any]:
        with self.system("health") as system:
            return {"kind": self.place.kind, **system.facts()}

    @contextmanager
    def system(self, what: str) -> Iterator[System]:
        """The open system; what its library raises becomes an error of connectors."""
        super().open()
        system = self._system
        if system is None:
            raise self._ended()
        try:
            with translating(self.name, what, self.conceal):
                yield system
        except IntegrationError as error:
            if self._closed:  # it failed because another thread closed it
                raise self._ended() from error
            raise

    def _ended(self) -> SessionClosed:
        return SessionClosed(f"{self.name} was closed; make a new {type(self).__name__}")

    def attempt(self, name: str, work: Callable[[], T], *, repeatable: bool = True) -> T:
        """Carries work out with the connector's resilience; a fallback is no file, so there is none."""
        return self.resilience.run(work, name=name, repeatable=repeatable, fallback=False).value

    def _asked(self, name: str, path: str, work: Callable[[System], T], *, repeatable: bool = True) -> T:
        def attempt() -> T:
            with self.system(f"{name} of {path!r}") as system:
                return work(system)

        return self.attempt(name, attempt, repeatable=repeatable)

    def _path(self, path: str | os.PathLike[str], *, file: bool = True) -> str:
        found = inside(path, self.name)
        if file and not found:
            raise InvalidArgument(f"{self.name}: a path is wanted, and it is empty")
        return found

    @property
    def filesystem(self) -> Any:
        """Fsspec's filesystem, with paths as here; what it raises is its library's."""
        with self.system("opening") as system:
            return Confined(system)

    # --- Looking

    def info(self, path: str | os.PathLike[str] = "") -> Entry:
        """What the system tells of a file or a folder.

        Raises:
            NotFoundError: there is none.
        """
        found = self._path(path, file=False)
        return self._asked("info", found, lambda system: system.info(found))

    def exists(self, path: str | os.PathLike[str] = "") -> bool:
        """Whether there is a file or a folder."""
        try:
            self.info(path)
        except NotFoundError:
            return False
        return True

    def pages(self, path: str | os.PathLike[str] = "", *, page: int = 1000) -> Iterator[Sequence[Entry]]:
        """The entries of a folder in pages, each asked for when it is wanted.

        Args:
            path: the folder.
            page: so many entries at most; some systems give at most 1000.
        """
        if page < 1:
            raise InvalidArgument(f"page is 1 or more; got {page}")
        found, mark = self._path(path, file=False), None
        folders: set[str] = set()  # some systems tell of a folder on each page
        while True:
            here = mark

            def work(system: System, here: Any = here) -> tuple[Sequence[Entry], Any]:
                return system.page(found, page, here)

            entries, mark = self._asked("list", found, work)
            entries = [one for one in entries if not (one.folder and one.path in folders)]
            folders |= {one.path for one in entries if one.folder}
            for begin in range(0, len(entries), page):
                yield entries[begin : begin + page]
            if mark is None:
                return

    def list(
        self, path: str | os.PathLike[str] = "", *, page: int = 1000, recursive: bool = False
    ) -> Iterator[Entry]:
        """The entries of a folder, by :meth:`pages`; with ``recursive`` also those of the folders in it.

        Links to folders are not followed.

        Raises:
            DataError: a folder of an object store has a name to which no path leads, such as ``..``.
        """
        for entries in self.pages(path, page=page):
            for entry in entries:
                yield entry
                if recursive and entry.folder and not self._link(entry):
                    yield from self.list(entry.path, page=page, recursive=True)

    def _link(self, entry: Entry) -> bool:
        try:
            plain = self._path(entry.path) == entry.path
        except InvalidArgument:
            plain = False
        if not plain:
            raise DataError(
                f"{self.name}: there is a folder {entry.path!r}, to which no path leads here (an empty part, "
                "'.', '..', '\\'), so that what is in it cannot be listed; 'filesystem', or the vendor's own "
                "tools, list and rename it",
                service=self.name,
                recoverable=False,
            )
        with self.system("list") as system:
            return system.link(entry.path)

    # --- Files

    def download(
        self,
        path: str | os.PathLike[str],
        local: str | os.PathLike[str],
        *,
        progress: Progress | None = None,
        resume: bool = True,
    ) -> Transfer:
        """Writes a file here, piece by piece.

        It is there when all of it has come and was checked. Until then it is ``LOCAL.part``, which a later
        download goes on with, if the system says that the file is still the same.

        Args:
            path: the file.
            local: where it goes; one that is there is replaced.
            progress: is told the bytes that are there and the bytes in all, ``None`` if that is not known.
            resume: whether what an earlier call left is used.

        Raises:
            NotFoundError: there is no such file.
            DataError: what came is not what the system says it has; it is not kept.
            InvalidArgument: nothing can be written at ``local``.
            IntegrationError: others of :mod:`arcuate.connector`, after as many attempts as ``retry`` says.
        """
        return transfer.download(self, self._path(path), Path(local), progress, resume)

    def upload(
        self,
        local: str | os.PathLike[str],
        path: str | os.PathLike[str],
        *,
        progress: Progress | None = None,
        resume: bool = True,
    ) -> Transfer:
        """Sends a file, in parts where the system has such.

        It is there when all of it has come; one that was there is replaced. An upload that was interrupted
        goes on with the parts that are there, if the file has not been changed since.

        Args:
            local: the file.
            path: where it goes.
            progress: is told the bytes that are there and the bytes in all.
            resume: whether what an earlier call left is used, and what this one leaves when it fails is kept
                there for a later one; otherwise it is removed.

        Raises:
            InvalidArgument: the file cannot be read, or was changed while it was sent.
            DataError: what came there is not what was sent.
            IntegrationError: others of :mod:`arcuate.connector`, after as many attempts as ``retry`` says.
        """
        return transfer.upload(self, Path(local), self._path(path), progress, resume)

    def open(self, path: str | os.PathLike[str] | None = None, mode: str = "rb", **options: Any) -> Any:
        """Opens a file; without a path, the connector itself.

        Args:
            path: the file.
            mode: ``rb``, ``wb``, ``r``, ``w``. What is written is sent when it is closed, and not at all
                after an exception in its ``with``.
            **options: ``encoding`` for text; UTF-8 by default.
        """
        if path is None:
            return super().open()
        found, encoding = self._path(path), options.pop("encoding", "utf-8")
        if mode not in ("rb", "wb", "r", "w") or options:
            wrong = (
                f"mode {mode!r}" if mode not in ("rb", "wb", "r", "w") else f"option {sorted(options)[0]!r}"
            )
            raise InvalidArgument(
                f"{self.name}: there is no {wrong}; modes are rb, wb, r, w, options encoding"
            )
        self._still_open()  # and connected by the first request, which is repeated if that fails
        if "w" in mode:
            if not self._make.writes:
                raise InvalidArgument(f"{self.name}: {self.place.kind} storage is only read")
            writer = Writer(self, found)
            return writer if "b" in mode else TextWriter(writer, encoding)
        reader = io.BufferedReader(Reader(self, found), 1 << 16)
        return reader if "b" in mode else io.TextIOWrapper(reader, encoding=encoding, newline="")

    def abandon(self, path: str | os.PathLike[str]) -> int:
        """Removes what unfinished uploads to a path left, which nobody shall go on with.

        S3: the parts of all of them, whoever began them. Google: the uploads of which there is a note here.
        SFTP: the files with the beginnings. Azure itself removes blocks after a week. The file that is
        under this path, if there is one, stays.

        Returns:
            How many unfinished uploads there were.
        """
        found = self._path(path)
        return self._asked("abandoning", found, lambda system: system.abandon(found))

    def delete(self, path: str | os.PathLike[str]) -> None:
        """Removes a file.

        Raises:
            NotFoundError: there is none.
        """
        found = self._path(path)
        self._asked("delete", found, lambda system: system.delete(found), repeatable=False)

    def copy(self, path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        """Copies a file within the system; but for SFTP its bytes do not leave it.

        Raises:
            NotFoundError: there is none.
        """
        found, there = self._path(path), self._path(target)
        self._asked("copy", found, lambda system: system.copy(found, there))

    # --- For asyncio

    async def ainfo(self, path: str | os.PathLike[str] = "") -> Entry:
        """As :meth:`info`, for asyncio."""
        return await asyncio.to_thread(self.info, path)

    async def aexists(self, path: str | os.PathLike[str] = "") -> bool:
        """As :meth:`exists`, for asyncio."""
        return await asyncio.to_thread(self.exists, path)

    async def alist(self, path: str | os.PathLike[str] = "", **options: Any) -> Any:
        """As :meth:`list`, for asyncio; gives a list, which is there when all entries have come."""
        return await asyncio.to_thread(lambda: [*self.list(path, **options)])

    async def adownload(
        self, path: str | os.PathLike[str], local: str | os.PathLike[str], **options: Any
    ) -> Transfer:
        """As :meth:`download`, for asyncio; progress is told in another thread.

        When it is cancelled, so is the download, at its next piece; it can be gone on with.
        """
        return await _cancellable(lambda told: self.download(path, local, **told), options)

    async def aupload(
        self, local: str | os.PathLike[str], path: str | os.PathLike[str], **options: Any
    ) -> Transfer:
        """As :meth:`upload`, for asyncio; progress is told in another thread.

        When it is cancelled, so is the upload, at its next piece; with ``resume`` it can be gone on with.
        """
        return await _cancellable(lambda told: self.upload(local, path, **told), options)

    async def adelete(self, path: str | os.PathLike[str]) -> None:
        """As :meth:`delete`, for asyncio."""
        await asyncio.to_thread(self.delete, path)

    async def acopy(self, path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        """As :meth:`copy`, for asyncio."""
        await asyncio.to_thread(self.copy, path, target)


async def _cancellable(work: Callable[[dict[str, Any]], Transfer], options: Mapping[str, Any]) -> Transfer:
    """A transfer in a thread, which ends at its next piece when it is cancelled here."""
    given, cancelled = options.get("progress"), threading.Event()

    def progress(done: int, total: int | None) -> None:
        if cancelled.is_set():
            raise asyncio.CancelledError
        if given is not None:
            given(done, total)

    try:
        return await asyncio.to_thread(work, {**options, "progress": progress})
    except asyncio.CancelledError:
        cancelled.set()
        raise
