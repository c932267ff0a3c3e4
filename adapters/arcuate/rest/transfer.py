"""Files down and up, piece by piece: in bounded memory, with progress, and going on after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from arcuate.connector import DataError, IntegrationError, deadline
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

    def attempt(work: _Download) -> _Download:
        with _opened(work.client, work.one, work.resumed(), None) as response:
            if response.status_code == 416 or response.status_code >= 300:
                work.refused(response, next(response.iter_bytes(2000), b""))
            with work.begun(response) as file:
                for piece in response.iter_bytes():
                    work.piece(file, piece)
            work.complete()
        return work

    others = client._elsewhere(lambda other: attempt(first.at(other)))
    found = client.resilience.run(
        lambda: attempt(first), name="download", repeatable=True, others=others, fallback=False
    )
    return found.value.done()


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

    async def attempt(work: _Download) -> _Download:
        async with _aopened(work.client, work.one, work.resumed(), None) as response:
            if response.status_code == 416 or response.status_code >= 300:
                work.refused(response, await anext(response.aiter_bytes(2000), b""))
            with work.begun(response) as file:
                async for piece in response.aiter_bytes():
                    work.piece(file, piece)
            work.complete()
        return work

    others = client._aelsewhere(lambda other: attempt(first.at(other)))
    found = await client.resilience.arun(
        lambda: attempt(first), name="download", repeatable=True, others=others, fallback=False
    )
    return found.value.done()


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

    def resumed(self) -> dict[str, str]:
        """The headers by which the rest alone is asked for, if there is a beginning of the same."""
        self._there = self._part.stat().st_size if self._part.exists() else 0
        known = _mark(self._mark) if self._there else None
        if known is None or known["url"] != self._where():
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

    def begun(self, response: httpx2.Response) -> Any:
        """The file to which the pieces are written."""
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
                self._mark.unlink(missing_ok=True)  # it would vouch for other bytes
            file = self._part.open("ab" if self._there else "wb", buffering=0)
            if validator and not encoded and not self._there:
                known = {"url": self._where(), "validator": validator}
                try:
                    self._mark.write_text(json.dumps(known), encoding="utf-8")
                except OSError:
                    file.close()
                    raise
        return file

    def piece(self, file: Any, piece: bytes) -> None:
        """Writes a piece."""
        self.client._still_open()
        with _writable(self.client, self._part):
            _write(file, piece)
        self._there += len(piece)
        if self._progress is not None:
            self._progress(self._there, self._total)

    def complete(self) -> None:
        """Raises if it is shorter or longer than the system said, or if somebody else wrote there too."""
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

    def done(self) -> Path:
        """The file in its place."""
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
    one, size = _sent(client, method, endpoint, source, media_type, params)

    def attempt() -> dict[str, Any]:
        with (
            source.open("rb") as file,
            _opened(client, one, {}, lambda: _pieces(file, size, progress, client)) as found,
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
    one, size = _sent(client, method, endpoint, source, media_type, params)

    async def attempt() -> dict[str, Any]:
        with source.open("rb") as file:
            pieces = lambda: _apieces(file, size, progress, client)  # noqa: E731
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
) -> tuple[Request, int]:
    """The request for a file, and the file's size."""
    from arcuate.rest.request import Request

    try:
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise InvalidArgument(f"the file {source} cannot be read: {error.strerror}") from None
    headers = {"content-type": media_type, "content-length": str(size)}
    return Request(client, method, endpoint, params, None, headers), size


def _answered(
    client: RESTAPIClient, one: Request, response: httpx2.Response, content: bytes
) -> dict[str, Any]:
    answer = one.answer(response, content, None)
    assert answer is not None
    return client.judge(one, answer)


async def _apieces(
    file: Any, size: int, progress: Progress | None, client: RESTAPIClient
) -> AsyncIterator[bytes]:
    for piece in _pieces(file, size, progress, client):
        yield piece


def _pieces(file: Any, size: int, progress: Progress | None, client: RESTAPIClient) -> Iterator[bytes]:
    file.seek(0)
    sent = 0
    if progress is not None:
        progress(0, size)
    while sent < size:
        client._still_open()
        piece = file.read(min(_PIECE, size - sent))
        if not piece:
            raise InvalidArgument(f"the file {file.name} became shorter while it was sent")
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
