"""Files down and up, piece by piece: in bounded memory, with progress, and going on after a failure."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from arcuate.connector import DataError
from arcuate.connector.authorization import Authorization
from arcuate.errors import InvalidArgument
from arcuate.rest.exchange import MOVES

if TYPE_CHECKING:
    from arcuate.rest.client import Request, RESTAPIClient
    from arcuate.rest.response import Response

__all__ = ["download", "upload"]

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
    from arcuate.rest.client import Request

    client.open()
    one = Request(client, "GET", endpoint, params, None, {"accept": "*/*", "accept-encoding": "identity"})
    part, mark = target.with_name(target.name + ".part"), target.with_name(target.name + ".part.json")

    def attempt() -> None:
        there = part.stat().st_size if part.exists() else 0
        known = _mark(mark) if there else None
        if known is None or known["url"] != one.url:
            there, known = 0, None
        extra = {"range": f"bytes={there}-", "if-range": known["validator"]} if known else {}
        with _opened(client, one, extra, None) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            if response.status_code == 416:
                part.unlink(missing_ok=True)
                mark.unlink(missing_ok=True)
                raise DataError(
                    f"{client.name}: {one.what}: what was there is no beginning of it; it is begun anew",
                    service=client.name,
                    recoverable=True,
                )
            if response.status_code >= 300:
                body = next(response.iter_bytes(2000), b"")
                client.judge(one, {"status": response.status_code, "headers": headers, "content": body})
            if response.status_code != 206:
                there = 0
            encoded = headers.get("content-encoding", "identity") != "identity"  # though it was not asked for
            total = None if encoded else _total(headers, there, one, client)
            tag = headers.get("etag", "W/")
            validator = headers.get("last-modified", "") if tag.startswith("W/") else tag
            if validator and not encoded:
                mark.write_text(json.dumps({"url": one.url, "validator": validator}), encoding="utf-8")
            else:
                mark.unlink(missing_ok=True)  # nothing would say that it is the same
            with part.open("ab" if there else "wb") as file:
                if progress is not None:
                    progress(there, total)
                for piece in response.iter_bytes(_PIECE):
                    file.write(piece)
                    there += len(piece)
                    if progress is not None:
                        progress(there, total)
            if total is not None and there != total:
                raise DataError(
                    f"{client.name}: {one.what}: {there} bytes came instead of {total}",
                    service=client.name,
                    recoverable=True,
                )

    client.resilience.run(attempt, name="download", repeatable=True)
    os.replace(part, target)
    mark.unlink(missing_ok=True)
    return target


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
    from arcuate.rest.client import Request

    client.open()
    try:
        size = source.stat().st_size
    except OSError as error:
        raise InvalidArgument(f"the file {source} cannot be read: {error.strerror}") from None
    headers = {"content-type": media_type, "content-length": str(size)}
    one = Request(client, method, endpoint, params, None, headers)

    def attempt() -> dict[str, Any]:
        with (
            source.open("rb") as file,
            _opened(client, one, {}, lambda: _pieces(file, size, progress)) as found,
        ):
            content = found.read()
            answer = one.answer(found, content, None)
            assert answer is not None
            return client.judge(one, answer)

    result = client.resilience.run(attempt, name="upload", repeatable=one.repeats(repeatable))
    return client.response(one, result)


def _pieces(file: Any, size: int, progress: Progress | None) -> Iterator[bytes]:
    file.seek(0)
    sent = 0
    if progress is not None:
        progress(0, size)
    while sent < size:
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
    for last in (False, True):
        try:
            request: httpx2.Request | None = one.built(client.sync(), auth, content() if content else None)
            assert request is not None
            request.headers.update(extra)
            response = client.sync().send(request, stream=True)
            try:
                for _ in range(MOVES):
                    request = client.moved(response)
                    if request is None:
                        break
                    response.close()
                    response = client.sync().send(request, stream=True)
                if response.status_code != 401 or client.authorizer is None or last:
                    yield response
                    return
                auth = client.authorizer.authorization(refused=auth)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            client.fail(one, error)


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
        return int(whole) if whole.isdigit() else None
    length = headers.get("content-length", "")
    return int(length) if length.isdigit() else None
