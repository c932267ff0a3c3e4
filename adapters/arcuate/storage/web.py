"""Files below an address of HTTP, by fsspec's HTTP filesystem and aiohttp: only read."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from fsspec.implementations.http import HTTPFileSystem
from yarl import URL

from arcuate.connector import DataError
from arcuate.storage.aside import AsyncSystem
from arcuate.storage.base import PIECE, Refused, Remote, changed
from arcuate.storage.local import slices
from arcuate.storage.records import Entry

__all__ = ["Web"]


class Web(AsyncSystem):
    """What a web server gives below an address."""

    writes = False

    async def _begin(self) -> None:
        config, times = self.config, self.config.timeouts
        self.root = config.url.rstrip("/")
        from arcuate.connector import reveal

        headers = {name: reveal(value, f"the header {name}") or "" for name, value in config.headers.items()}
        token = self.secret("token")
        if token:
            headers.setdefault("Authorization", f"Bearer {token}")
        self._private = bool(headers)
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=times.connect, sock_read=times.read)
        self.filesystem = HTTPFileSystem(
            loop=self.loop.loop,
            client_kwargs={"headers": headers, "timeout": self._timeout},
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._session = await self.filesystem.set_session()

    async def _end(self) -> None:
        await self._session.close()

    def facts(self) -> dict[str, Any]:
        """A folder that has no page of its own, or shows none, is a sign of life as well."""
        try:
            found, status = self.loop.run(self._head("")), 200
        except Refused as error:
            if error.status != 404 and (error.status != 403 or self._private):
                raise
            found, status = error.headers, error.status
        return {"server": found.get("server", ""), "status": status}

    def _address(self, path: str) -> URL:
        return URL(f"{self.root}/{quote(path, safe='/')}" if path else f"{self.root}/", encoded=True)

    async def _sent(self, method: str, path: str, headers: dict[str, str] | None = None) -> Any:
        # A redirection would take the headers, which are credentials, to another place.
        return await self._session.request(
            method,
            self._address(path),
            headers={"Accept-Encoding": "identity", **(headers or {})},
            allow_redirects=not self._private,
        )

    async def _head(self, path: str) -> dict[str, str]:
        for method in ("HEAD", "GET"):  # some servers, and addresses that are signed, know only GET
            response = await self._sent(method, path)
            headers = {k.lower(): v for k, v in response.headers.items()}
            response.close() if method == "GET" else response.release()
            if response.status < 300 or response.status not in (405, 501):
                break
        if response.status >= 300:
            raise Refused(response.status, headers, "")
        return headers

    def look(self, path: str) -> Remote:
        headers = self.loop.run(self._head(path))
        length = headers.get("content-length", "")
        encoded = headers.get("content-encoding", "identity") != "identity"
        size = int(length) if length.isdigit() and not encoded else None
        return Remote(size, "" if encoded else _validator(headers), None if encoded else _digest(headers))

    def info(self, path: str) -> Entry:
        headers = self.loop.run(self._head(path))
        try:
            when: dt.datetime | None = parsedate_to_datetime(headers.get("last-modified", ""))
        except ValueError:
            when = None
        length = headers.get("content-length", "")
        return Entry(path, int(length) if length.isdigit() else None, False, when, headers.get("etag", ""))

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        """The links of the server's page that lead to what is directly below it."""
        entries, begin = mark or ([], 0)
        if mark is None:
            base = str(self._address(path)).rstrip("/") + "/"
            names: dict[str, bool] = {}
            for link in self.loop.run(self.filesystem._ls(base, detail=False)):
                if link.startswith(base):
                    rest = urlsplit(link)._replace(query="", fragment="").geturl()[len(base) :]
                    name = unquote(rest.rstrip("/"))
                    if name and "/" not in name and name not in (".", ".."):
                        names[name] = rest.endswith("/")
            found = sorted(names.items())
            entries = [Entry(f"{path}/{name}" if path else name, None, folder) for name, folder in found]
        page, following = slices(entries, size, begin)
        return page, (entries, following) if following is not None else None

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        if start and start == remote.size:
            return iter(())
        headers = {"Range": f"bytes={start}-", "If-Range": remote.etag} if start else {}

        async def begin() -> AsyncIterator[bytes]:
            response = await self._sent("GET", path, headers)
            if response.status >= 300:
                said = (await response.content.read(2000)).decode("utf-8", "replace")
                response.close()
                raise Refused(response.status, {k.lower(): v for k, v in response.headers.items()}, said)
            now = response.headers.get("ETag" if remote.etag.startswith('"') else "Last-Modified", "W/")
            if remote.etag and not now.startswith("W/") and now != remote.etag:
                response.close()
                raise changed(self.name, path)
            span = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
            if start and (response.status != 206 or span != str(start)):
                response.close()
                raise DataError(
                    f"{self.name}: the part of {path!r} from byte {start} was asked for and all of it came: "
                    "it was changed in between, or the server gives no parts",
                    service=self.name,
                    recoverable=True,
                    status=response.status,
                )
            return _pieces(response)

        return self.stream(begin)


def _validator(headers: Mapping[str, str]) -> str:
    """What says that a file is the same, byte by byte: a strong ETag, or else when it was changed."""
    tag = headers.get("etag", "W/")
    return headers.get("last-modified", "") if tag.startswith("W/") else tag


def _digest(headers: Mapping[str, str]) -> tuple[str, Callable[[], Any], bytes] | None:
    """The digest of a file, where the server says one: Repr-Digest, the older Digest, or Content-MD5."""
    said = ",".join(headers.get(name, "") for name in ("repr-digest", "digest"))
    said += ",md5=" + headers.get("content-md5", "")
    for name in ("sha-512", "sha-256", "md5"):
        for one in said.split(","):
            algorithm, _, value = one.strip().partition("=")
            if algorithm.lower() == name and value:
                make = {"sha-512": hashlib.sha512, "sha-256": hashlib.sha256, "md5": _md5}[name]
                try:
                    wanted = base64.b64decode(value.strip(":"), validate=True)
                except ValueError:
                    continue
                if len(wanted) == make().digest_size:
                    return name.replace("-", ""), make, wanted
    return None


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


async def _pieces(response: Any) -> AsyncIterator[bytes]:
    try:
        async for data in response.content.iter_chunked(PIECE):
            yield data
    finally:
        response.close()
