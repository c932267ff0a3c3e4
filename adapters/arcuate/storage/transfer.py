"""Files down and up: in bounded memory, with progress, going on after a failure, and checked at the end."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arcuate.connector import DataError, IntegrationError, NotFoundError, partial, redacted
from arcuate.errors import ArcuateError, InvalidArgument
from arcuate.storage.base import PIECE, Remote, Source
from arcuate.storage.records import Progress, Transfer

if TYPE_CHECKING:
    from arcuate.storage.storage import Storage

__all__ = ["download", "upload"]

T = TypeVar("T")
_WORTH = 256 << 10  # bytes that an attempt brought, so that it was not in vain


class _Halted(ArcuateError):
    """The program's own function for progress raised."""


class _Teller:
    """Tells a program of progress; what it raises comes out as it is."""

    def __init__(self, storage: Storage, progress: Progress | None) -> None:
        self._breaker, self._progress = storage.resilience.breaker, progress
        self.done = self._counted = 0
        self._raised: BaseException | None = None

    def __call__(self, done: int, total: int | None) -> None:
        self.done = done
        if done >= self._counted + _WORTH:  # it works, however often it breaks
            self._counted = done
            self._breaker.succeeded()
        if self._progress is None:
            return
        try:
            self._progress(done, total)
        except BaseException as error:
            self._raised = error
            raise _Halted("progress") from None

    def through(self, storage: Storage, name: str, attempt: Callable[[], T]) -> T:
        """Attempts, as often as they bring the transfer on."""
        while True:
            before = self.done
            try:
                return storage.attempt(name, attempt)
            except _Halted:
                if self._raised is None:
                    raise
                raise self._raised from None
            except IntegrationError as error:
                if storage.config.retry is None or not error.recoverable or self.done < before + _WORTH:
                    raise


def download(storage: Storage, path: str, target: Path, progress: Progress | None, resume: bool) -> Transfer:
    """See :meth:`Storage.download`."""
    if target.is_dir() or not target.parent.is_dir():
        wrong = "is a folder" if target.is_dir() else f"is in no folder: there is no {str(target.parent)!r}"
        raise InvalidArgument(f"{storage.name}: the file to be written, {str(target)!r}, {wrong}")
    part, mark = target.with_name(target.name + ".part"), target.with_name(target.name + ".part.json")
    tell = _Teller(storage, progress)
    url, what = f"{redacted(storage.config.url)} {path}", f"download of {path!r}"
    first: list[int] = []

    def attempt() -> Transfer:
        with storage.system(what) as system:
            remote = system.look(path)
            with contextlib.ExitStack() as stack:
                with _writing(storage, part):
                    file = stack.enter_context(partial.locked(storage.name, part, target))
                there = partial.begun(storage.name, file, part, mark, target)
                same = remote.etag and _mark(mark) == {"url": url, "etag": remote.etag}
                if not (resume or first) or not same or (remote.size is not None and there > remote.size):
                    there = 0
                if not first or not there:
                    first[:] = [there]
                try:
                    digest = remote.digest[1]() if remote.digest else None
                    if there and digest is not None:
                        _fed(digest, part)
                    if not there:
                        file.truncate(0)
                        mark.write_text(json.dumps({"url": url, "etag": remote.etag}), encoding="utf-8")
                    tell(there, remote.size)
                    with contextlib.closing(_closable(system.read(path, there, remote))) as pieces:
                        for data in pieces:
                            file.write(data)
                            there += len(data)
                            if digest is not None:
                                digest.update(data)
                            tell(there, remote.size)
                    file.flush()
                    os.fsync(file.fileno())  # else a crash might leave the name and not the bytes
                    checked = _checked(storage, what, remote, there, digest, part, mark)
                except BaseException:
                    if not there:
                        part.unlink(missing_ok=True)
                        mark.unlink(missing_ok=True)
                    raise
                os.replace(part, target)  # before the lock is given back
                mark.unlink(missing_ok=True)
            return Transfer(path, there, first[0], checked, remote.etag)

    try:
        return tell.through(storage, "download", attempt)
    except IntegrationError as error:
        if _mark(mark).get("etag") and part.exists() and not isinstance(error, NotFoundError):
            _said(error, f"{part.stat().st_size} bytes are kept in {part.name!r}: the same download goes on")
        raise


@contextlib.contextmanager
def _writing(storage: Storage, part: Path) -> Iterator[None]:
    """What this machine does not allow is no failure of the system."""
    try:
        yield
    except (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise InvalidArgument(
            f"{storage.name}: {str(part)!r}, which keeps a download until it is whole, cannot be written: "
            f"{error.strerror}"
        ) from error


def _said(error: IntegrationError, what: str) -> None:
    """The message of an error says more."""
    error.message = f"{error.message}; {what}"
    error.args = (error.message,)


def _closable(pieces: Any) -> Any:
    return pieces if hasattr(pieces, "close") else (one for one in pieces)


def _fed(digest: Any, part: Path) -> None:
    with part.open("rb") as file:
        while data := file.read(PIECE):
            digest.update(data)


def _checked(
    storage: Storage, what: str, remote: Remote, there: int, digest: Any, part: Path, mark: Path
) -> str:
    """By what the bytes were found to be right; what is wrong is not kept."""
    if remote.size is not None and there != remote.size:
        raise DataError(
            f"{storage.name}: {what}: {there} bytes came instead of {remote.size}",
            service=storage.name,
            recoverable=True,
        )
    if remote.digest is None or digest is None:
        return str(remote.extra.get("checked") or ("nothing" if remote.size is None else "size"))
    if digest.digest() != remote.digest[2]:
        part.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
        raise DataError(
            f"{storage.name}: {what}: the bytes that came are not those that the system says it has "
            f"({remote.digest[0]}); they are not kept",
            service=storage.name,
            recoverable=True,
        )
    return remote.digest[0]


def _mark(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def upload(storage: Storage, local: Path, path: str, progress: Progress | None, resume: bool) -> Transfer:
    """See :meth:`Storage.upload`."""
    tell = _Teller(storage, progress)
    source = Source(local, tell)
    what, first = f"upload of {path!r}", [resume]

    def attempt() -> Transfer:
        with storage.system(what) as system:
            go_on = first[0]
            first[0] = True
            done = system.write(path, source, go_on)
            return Transfer(path, source.size, done.resumed, done.checked, done.etag)

    try:
        return tell.through(storage, "upload", attempt)
    except BaseException as error:
        if not resume or isinstance(error, InvalidArgument):  # nobody can go on with it
            with contextlib.suppress(ArcuateError), storage.system(what) as system:
                system.forget(path, source)
        elif isinstance(error, IntegrationError) and tell.done and _goes_on(storage, what):
            _said(
                error,
                f"up to {tell.done} of {source.size} bytes are kept there: the same upload goes on with "
                f"them, abandon({path!r}) removes them",
            )
        raise
    finally:
        source.close()


def _goes_on(storage: Storage, what: str) -> bool:
    with contextlib.suppress(ArcuateError), storage.system(what) as system:
        return system.goes_on
    return False
