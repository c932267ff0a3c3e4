"""Files down and up, piece by piece: in bounded memory, with progress, and going on after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from arcuate.connector import DataError, IntegrationError, deadline, partial
from arcuate.connector.authorization import Authorization
from arcuate.errors import InvalidArgument
from arcuate.rest.exchange import MOVES

if TYPE_CHECKING:
    from arcuate.rest.client import RESTAPIClient
    from arcuate.rest.request import Request
    from arcuate.rest.response import Response

__all__ = ["adownload", "aupload", "download", "upload"]

_PIECE = 256 << 10
Progress = Callable[[int, int | None], object]


def download(
    client: RESTAPIClient,
    endpoint: str,
    target: Path,
    params: Mapping[str, Any] | None,
    progress: Progress | None,
) -> Path:
    """See :meth:`RESTAPIClient.download`."""
    client.open()
    first = _Download(client, client.asking(endpoint, params), target, progress)

    def attempt(work: _Download) -> Path:
        with work.held() as file, _opened(work.client, work.one, work.resumed(file), None) as response:
            if response.status_code >= 300:
                work.refused(response, next(response.iter_bytes(2000), b""))
            work.begun(file, response)
            for piece in response.iter_bytes():
                work.piece(file, piece)
            return work.done()

    others = client._elsewhere(lambda other: attempt(first.at(other)))
    return client.resilience.run(
        lambda: attempt(first), name="download", repeatable=True, others=others, fallback=False
    ).value


async def adownload(
    client: RESTAPIClient,
    endpoint: str,
    target: Path,
    params: Mapping[str, Any] | None,
    progress: Progress | None,
) -> Path:
    """See :meth:`RESTAPIClient.adownload`."""
    await client.aopen()
    first = _Download(client, client.asking(endpoint, params), target, progress)

    async def attempt(work: _Download) -> Path:
        with work.held() as file:
            async with _aopened(work.client, work.one, work.resumed(file), None) as response:
                if response.status_code >= 300:
                    work.refused(response, await anext(response.aiter_bytes(2000), b""))
                work.begun(file, response)
                async for piece in response.aiter_bytes():
                    work.piece(file, piece)
                return work.done()

    others = client._aelsewhere(lambda other: attempt(first.at(other)))
    found = await client.resilience.arun(
        lambda: attempt(first), name="download", repeatable=True, others=others, fallback=False
    )
    return found.value


class _Download:
    """A file that comes, in one or several attempts."""

    def __init__(self, client: RESTAPIClient, one: Request, target: Path, progress: Progress | None) -> None:
        self.client, self.one, self._target, self._progress = client, one, target, progress
        self._part = target.with_name(target.name + ".part")
        self._mark = target.with_name(target.name + ".part.json")
        self._there, self._validator = 0, ""
        self._total: int | None = None

    def at(self, other: RESTAPIClient) -> _Download:
        """The same from another address, from the beginning: nothing says that both have the same version."""
        return _Download(other, self.one.at(other), self._target, self._progress)

    @contextlib.contextmanager
    def held(self) -> Iterator[Any]:
        """The file to which the pieces are written, for one attempt."""
        with contextlib.ExitStack() as stack:
            with _writable(self.client, self._part):
                file = stack.enter_context(partial.locked(self.client.name, self._part, self._target, 0))
            try:
                yield file
            except BaseException:
                if not os.fstat(file.fileno()).st_size:
                    self._part.unlink(missing_ok=True)
                    self._mark.unlink(missing_ok=True)
                raise

    def resumed(self, file: Any) -> dict[str, str]:
        """The headers by which the rest alone is asked for, if there is a beginning of the same."""
        self._there = partial.begun(self.client.name, file, self._part, self._mark, self._target)
        known = _mark(self._mark) if self._there else None
        if known is None or known["url"] != self._where() or not known["validator"]:
            self._there = 0
            return {}
        self._validator = known["validator"]
        return {"range": f"bytes={self._there}-", "if-range": self._validator}

    def _where(self) -> str:
        """What the part is of, query included; a digest, for there may be a key in it."""
        return hashlib.sha256(self.one.asked().encode()).hexdigest()

    def refused(self, response: httpx2.Response, body: bytes) -> None:
        """Raises what a status of 300 or more means."""
        client, one = self.client, self.one
        if response.status_code == 416:
            raise self._another()
        headers = {name.lower(): value for name, value in response.headers.items()}
        client.judge(one, {"status": response.status_code, "headers": headers, "content": body})

    def _another(self) -> DataError:
        """What was there is no beginning of what the system has: it is gone after this."""
        self._mark.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)
        return DataError(
            f"{self.client.name}: {self.one.what}: what was there is no beginning of it; it is begun anew",
            service=self.client.name,
            recoverable=True,
        )

    def begun(self, file: Any, response: httpx2.Response) -> None:
        """Before the first piece is written: whether it goes on with what is there, or all is new."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code != 206:
            self._there = 0
        elif not self._there:
            raise DataError(
                f"{self.client.name}: {self.one.what}: all of it was asked for, and a part came (206)",
                service=self.client.name,
                status=206,
            )
        encoded = headers.get("content-encoding", "identity") != "identity"  # though it was not asked for
        self._total = None if encoded else _total(headers, self._there, self.one, self.client)
        tag = headers.get("etag", "W/")
        validator = headers.get("last-modified", "") if tag.startswith("W/") else tag
        if self._there and validator not in ("", self._validator):
            raise self._another()  # the system does not know If-Range
        if self._progress is not None:
            self._progress(self._there, self._total)
        with _writable(self.client, self._part):
            if not self._there:
                if os.fstat(file.fileno()).st_size:
                    file.truncate(0)
                known = {"url": self._where(), "validator": "" if encoded else validator}
                self._mark.write_text(json.dumps(known), encoding="utf-8")

    def piece(self, file: Any, piece: bytes) -> None:
        """Writes a piece."""
        self.client._still_open()
        with _writable(self.client, self._part):
            _write(file, piece)
        self._there += len(piece)
        if self._progress is not None:
            self._progress(self._there, self._total)

    def done(self) -> Path:
        """The file in its place, unless it is not as long as was said, or somebody else wrote there too."""
        with _writable(self.client, self._part):
            size = self._part.stat().st_size
        if size != self._there:
            raise DataError(
                f"{self.client.name}: {self._part} has {size} bytes, and {self._there} came: another "
                "download goes to the same place",
                service=self.client.name,
                executed="yes",
            )
        if self._total is not None and self._there != self._total:
            raise DataError(
                f"{self.client.name}: {self.one.what}: {self._there} bytes came instead of {self._total}",
                service=self.client.name,
                recoverable=True,
            )
        with _writable(self.client, self._target):
            os.replace(self._part, self._target)
        self._mark.unlink(missing_ok=True)
        return self._target


@contextlib.contextmanager
def _writable(client: RESTAPIClient, part: Path) -> Iterator[None]:
    """A full disk, or a folder that cannot be written to, says so; what has come is kept."""
    try:
        yield
    except OSError as error:
        raise IntegrationError(
            f"{client.name}: the file {part} cannot be written: {error.strerror}; what has come is kept: "
            "make room, and a download to the same place goes on from there",
            service=client.name,
            executed="yes",
        ) from error


def _write(file: Any, piece: bytes) -> None:
    """All of a piece: a disk that is nearly full takes less of it."""
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def upload(
    client: RESTAPIClient,
    method: str,
    endpoint: str,
    source: Path,
    media_type: str,
    params: Mapping[str, Any] | None,
    progress: Progress | None,
    repeatable: bool | None,
) -> Response:
    """See :meth:`RESTAPIClient.upload`."""
    client.open()
    one, state = _sent(client, method, endpoint, source, media_type, params)

    def attempt() -> dict[str, Any]:
        with (
            source.open("rb") as file,
            _opened(client, one, {}, lambda: _pieces(file, state, progress, client)) as found,
        ):
            return _answered(client, one, found, found.read())

    result = client.resilience.run(attempt, name="upload", repeatable=one.repeats(repeatable), fallback=False)
    return client.response(one, result)


async def aupload(
    client: RESTAPIClient,
    method: str,
    endpoint: str,
    source: Path,
    media_type: str,
    params: Mapping[str, Any] | None,
    progress: Progress | None,
    repeatable: bool | None,
) -> Response:
    """See :meth:`RESTAPIClient.aupload`."""
    await client.aopen()
    one, state = _sent(client, method, endpoint, source, media_type, params)

    async def attempt() -> dict[str, Any]:
        with source.open("rb") as file:
            pieces = lambda: _apieces(file, state, progress, client)  # noqa: E731
            async with _aopened(client, one, {}, pieces) as found:
                return _answered(client, one, found, await found.aread())

    result = await client.resilience.arun(
        attempt, name="upload", repeatable=one.repeats(repeatable), fallback=False
    )
    return client.response(one, result)


def _sent(
    client: RESTAPIClient,
    method: str,
    endpoint: str,
    source: Path,
    media_type: str,
    params: Mapping[str, Any] | None,
) -> tuple[Request, tuple[int, int]]:
    """The request for a file, and the file's state."""
    from arcuate.rest.request import Request

    try:
        if not (source.is_dir() or stat.S_ISREG(source.stat().st_mode)):
            raise InvalidArgument(f"{source} is no file, but a device or a pipe; write it to a file first")
        with source.open("rb") as file:
            state = _state(file)
    except OSError as error:
        raise InvalidArgument(f"the file {source} cannot be read: {error.strerror}") from None
    headers = {"content-type": media_type, "content-length": str(state[0])}
    return Request(client, method, endpoint, params, None, headers), state


def _state(file: Any) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _answered(
    client: RESTAPIClient, one: Request, response: httpx2.Response, content: bytes
) -> dict[str, Any]:
    answer = one.answer(response, content, None)
    assert answer is not None
    return client.judge(one, answer)


async def _apieces(
    file: Any, state: tuple[int, int], progress: Progress | None, client: RESTAPIClient
) -> AsyncIterator[bytes]:
    for piece in _pieces(file, state, progress, client):
        yield piece


def _pieces(
    file: Any, state: tuple[int, int], progress: Progress | None, client: RESTAPIClient
) -> Iterator[bytes]:
    file.seek(0)
    sent, size = 0, state[0]
    if progress is not None:
        progress(0, size)
    while sent < size:
        client._still_open()
        piece = file.read(min(_PIECE, size - sent))
        if not piece or _state(file) != state:  # what is sent of it is never all of a file then
            raise InvalidArgument(f"the file {file.name} was changed while it was sent; send it again")
        sent += len(piece)
        yield piece
        if progress is not None:
            progress(sent, size)


@contextlib.contextmanager
def _opened(
    client: RESTAPIClient,
    one: Request,
    extra: Mapping[str, str],
    content: Callable[[], Iterator[bytes]] | None,
) -> Iterator[httpx2.Response]:
    """A response whose body has not been read; with another authorization if the first is refused."""
    auth = client.authorizer.authorization() if client.authorizer is not None else Authorization()
    with client.lent() as lent, deadline.lifted():
        for last in (False, True):
            try:
                request: httpx2.Request | None = one.built(lent, auth, content() if content else None)
                assert request is not None
                request.headers.update(extra)
                response = lent.send(request, stream=True)
                try:
                    for _ in range(MOVES):
                        request = client.moved(response)
                        if request is None:
                            break
                        response.close()
                        response = lent.send(_anew(lent, one, request, content), stream=True)
                    if response.status_code != 401 or client.authorizer is None or last:
                        yield response
                        return
                    auth = client.authorizer.authorization(refused=auth)
                finally:
                    response.close()
            except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
                client.fail(one, error)


@contextlib.asynccontextmanager
async def _aopened(
    client: RESTAPIClient,
    one: Request,
    extra: Mapping[str, str],
    content: Callable[[], AsyncIterator[bytes]] | None,
) -> AsyncIterator[httpx2.Response]:
    """As :func:`_opened`, for asyncio."""
    ask = client.authorizer.authorization if client.authorizer is not None else None
    auth = await asyncio.to_thread(ask) if ask is not None else Authorization()
    for last in (False, True):
        http = client.asynchronous()
        try:
            request: httpx2.Request | None = one.built(http, auth, content() if content else None)
            assert request is not None
            request.headers.update(extra)
            response = await http.send(request, stream=True)
            try:
                for _ in range(MOVES):
                    request = client.moved(response)
                    if request is None:
                        break
                    await response.aclose()
                    response = await http.send(_anew(http, one, request, content), stream=True)
                if response.status_code != 401 or ask is None or last:
                    yield response
                    return
                auth = await asyncio.to_thread(ask, auth)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            client.fail(one, error)


def _anew(
    http: httpx2.Client | httpx2.AsyncClient,
    one: Request,
    moved: httpx2.Request,
    content: Callable[[], Any] | None,
) -> httpx2.Request:
    """A request that follows a redirection, with its content from the beginning."""
    if content is None or moved.method != one.method:
        return moved
    return http.build_request(moved.method, moved.url, content=content(), headers=moved.headers)


def _mark(path: Path) -> dict[str, str] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"url": str(found["url"]), "validator": str(found["validator"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _total(headers: Mapping[str, str], there: int, one: Request, client: RESTAPIClient) -> int | None:
    """Bytes of the whole thing, ``None`` if the system does not say."""
    if there:
        span = headers.get("content-range", "")
        begin, _, whole = span.removeprefix("bytes ").partition("/")
        if begin.partition("-")[0] != str(there):
            raise DataError(
                f"{client.name}: {one.what}: the part from {there} was asked for; got {span!r}",
                service=client.name,
            )
        return int(whole) if whole.isdecimal() else None
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else None
