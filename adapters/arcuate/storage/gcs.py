"""Google Cloud Storage, by gcsfs; transfers are requests of its session that it does not repeat itself."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import google_crc32c
from gcsfs.core import GCSFileSystem
from google.oauth2.credentials import Credentials

from arcuate.connector import DataError
from arcuate.errors import InvalidArgument
from arcuate.storage.aside import AsyncSystem, b64
from arcuate.storage.base import PIECE, Refused, Remote, Source, Written
from arcuate.storage.notes import Notes
from arcuate.storage.records import Entry

__all__ = ["GCS"]

_STEP = 256 << 10  # a part is a multiple of this


class GCS(AsyncSystem):
    """A bucket, or a prefix in one."""

    goes_on = True

    async def _begin(self) -> None:
        config, times = self.config, self.config.timeouts
        self._notes = Notes(config.state)
        secret, token = self.secret("secret"), self.secret("token")
        access: Any = Credentials(token) if token else None  # type: ignore[no-untyped-call]
        if secret:
            try:
                access = json.loads(secret)
            except ValueError:
                raise InvalidArgument(
                    f"{self.name}: the setting 'secret' is the JSON of a service account, or file:PATH of it "
                    "in one line"
                ) from None
        self.filesystem = await asyncio.to_thread(
            GCSFileSystem,
            project=config.project or "none",
            token="anon" if config.anonymous else access,
            endpoint_url=config.endpoint.rstrip("/") or None,
            loop=self.loop.loop,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=times.connect, sock_read=times.read)
        await self.filesystem._set_session()

    async def _end(self) -> None:
        await self.filesystem.session.close()

    def _object(self, path: str, kind: str = "storage") -> str:
        return f"{self._bucket(kind)}/o/{quote(self.key(path), safe='')}"

    def _bucket(self, kind: str = "storage") -> str:
        return f"{self.filesystem._location}/{kind}/v1/b/{quote(self.place.host, safe='')}"

    async def _sent(self, method: str, url: str, **named: Any) -> aiohttp.ClientResponse:
        headers = self.filesystem._get_headers(named.pop("headers", None))
        session: aiohttp.ClientSession = self.filesystem.session
        return await session.request(
            method,
            _exact(url),
            headers=headers,
            timeout=self._timeout,
            allow_redirects=False,
            auto_decompress=False,  # what is stored, be it said to be packed
            **named,
        )

    async def _json(self, method: str, url: str, **named: Any) -> Any:
        async with await self._sent(method, url, **named) as response:
            data = await response.read()
            if response.status >= 300:
                raise _refused(response, data)
            return json.loads(data) if data else {}

    # --- Looking

    def look(self, path: str) -> Remote:
        found = self.loop.run(self._json("GET", self._object(path)))
        digest: Any = None
        if "md5Hash" in found:
            digest = (
                "md5",
                lambda: hashlib.md5(usedforsecurity=False),
                b64decode(found["md5Hash"]),
            )
        elif "crc32c" in found:
            digest = ("crc32c", google_crc32c.Checksum, b64decode(found["crc32c"]))
        return Remote(int(found["size"]), str(found["generation"]), digest)

    def _entry(self, found: Any) -> Entry:
        cut = len(f"{self.place.root}/") if self.place.root else 0
        when = dt.datetime.fromisoformat(found["updated"].replace("Z", "+00:00")[:19] + "+00:00")
        return Entry(found["name"][cut:], int(found["size"]), False, when, str(found.get("generation", "")))

    def info(self, path: str) -> Entry:
        if path:
            try:
                return self._entry(self.loop.run(self._json("GET", self._object(path))))
            except Refused as error:
                if error.status != 404 or not self._folder(path):
                    raise
        else:
            self.page("", 1, None)
        return Entry(path, None, True)

    def _folder(self, path: str) -> bool:
        """Whether anything is below a path, be it only a marker of a folder."""
        asked = f"maxResults=1&prefix={quote(self.key(path) + '/', safe='')}"
        return bool(self.loop.run(self._json("GET", f"{self._bucket()}/o?{asked}")).get("items"))

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        prefix = f"{self.key(path)}/" if self.key(path) else ""
        query = {"delimiter": "/", "maxResults": str(min(size, 1000))}
        query |= {"prefix": prefix} if prefix else {}
        query |= {"pageToken": mark} if mark else {}
        asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        found = self.loop.run(self._json("GET", f"{self._bucket()}/o?{asked}"))
        cut = len(f"{self.place.root}/") if self.place.root else 0
        entries = [Entry(one[cut:-1], None, True) for one in found.get("prefixes", ())]
        entries += [self._entry(one) for one in found.get("items", ()) if one["name"] != prefix]
        return entries, found.get("nextPageToken")

    # --- Down

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        if start and start == remote.size:
            return iter(())
        url = f"{self._object(path)}?alt=media&ifGenerationMatch={remote.etag}&generation={remote.etag}"

        async def begin(at: int, count: int | None = None) -> AsyncIterator[bytes]:
            headers = {"Accept-Encoding": "gzip"}
            if at or count is not None:
                headers["Range"] = f"bytes={at}-" + (str(at + count - 1) if count is not None else "")
            response = await self._sent("GET", url, headers=headers)
            if response.status != (206 if "Range" in headers else 200):
                with_body = await response.read()
                response.close()
                raise _refused(response, with_body)
            return _pieces(response)

        if self.config.ranges > 1 and remote.size:
            return self.ranges(start, remote.size, begin)
        return self.stream(lambda: begin(start))

    # --- Up

    def _place(self, path: str, source: Source) -> tuple[str, ...]:
        return (self.config.endpoint, self.place.host, self.key(path), str(source.path.resolve()))

    def write(self, path: str, source: Source, resume: bool) -> Written:
        digest = b64(source.md5())
        place = self._place(path, source)
        note, there, where = self._notes.get(*place), 0, ""
        if note is not None and resume and note.get("mark") == source.mark:
            there, where = int(note["there"]), note["id"]
        elif note is not None:
            self.forget(path, source)
        if not where:
            where = self.loop.run(self._started(path, source, digest))

        def kept(count: int) -> None:
            note = {"id": where, "mark": source.mark, "there": str(count), "to": self._object(path)}
            self._notes.put(note, *place)

        kept(there)
        source.begin(there)
        try:
            found = self.loop.run(self._rest(where, source, there, kept))
        except Refused as error:
            if error.status not in (400, 404, 410, 416, 499):
                raise
            self._notes.drop(*place)
            raise DataError(
                f"{self.name}: the upload of {path!r} that was begun is gone ({error}); it is begun anew",
                service=self.name,
                recoverable=bool(there) or "hash" in error.body.lower(),
                status=error.status,
            ) from error
        self._notes.drop(*place)
        if found.get("md5Hash", digest) != digest or int(found.get("size", -1)) != source.size:
            # A server that does not compare: it is not to be taken for the file.
            self.loop.run(self._json("DELETE", f"{self._object(path)}?generation={found['generation']}"))
            raise DataError(
                f"{self.name}: the upload of {path!r}: the system has other bytes than were sent",
                service=self.name,
                recoverable=True,
            )
        checked = "md5" if "md5Hash" in found else "size"
        return Written(str(found.get("generation", "")), there, checked)

    async def _started(self, path: str, source: Source, digest: str) -> str:
        """The address to which the parts are sent; whoever knows it may send."""
        name = self.key(path)
        async with await self._sent(
            "POST",
            f"{self._bucket('upload/storage')}/o?uploadType=resumable&name={quote(name, safe='')}",
            json={"name": name, "md5Hash": digest, "contentType": "application/octet-stream"},
            headers={"X-Upload-Content-Length": str(source.size)},
        ) as response:
            data = await response.read()
            if response.status >= 300:
                raise _refused(response, data)
            where = response.headers.get("Location", "")
        base = urlsplit(self.filesystem._location)
        if urlsplit(where)[:2] != base[:2]:
            where = base._replace(path=urlsplit(where).path, query=urlsplit(where).query).geturl()
        return where

    async def _rest(self, where: str, source: Source, start: int, note: Callable[[int], None]) -> Any:
        """Sends what is missing. What is there already and comes again is ignored by the system."""
        part = max(_STEP, self.config.part // _STEP * _STEP)
        while True:
            data = source.window(start, part)
            end = start + len(data)
            if end == source.size:
                source.unchanged()
            span = f"bytes {start}-{end - 1}/{source.size}" if len(data) else f"bytes */{source.size}"
            async with await self._sent(
                "PUT", where, data=data, headers={"Content-Range": span, "Content-Length": str(len(data))}
            ) as response:
                body = await response.read()
                if response.status in (200, 201):
                    source.sent(len(data))
                    return json.loads(body)
                if response.status != 308:
                    raise _refused(response, body)
                kept = _range(response)
            if not start <= kept <= end or kept == start:
                raise OSError(f"the system kept {kept} bytes of {end} that were sent")
            note(kept)
            source.sent(kept - start)
            start = kept

    # --- The rest

    def forget(self, path: str, source: Source) -> None:
        place = self._place(path, source)
        note = self._notes.get(*place)
        if note is not None:
            self._ended(note)
            self._notes.drop(*place)

    def _ended(self, note: dict[str, str]) -> None:
        with contextlib.suppress(Refused):  # Google says 499 to what it has done
            self.loop.run(self._json("DELETE", note["id"]))

    def abandon(self, path: str) -> int:
        count = 0
        for note in self._notes.taken(lambda one: one.get("to") == self._object(path)):
            self._ended(note)
            count += 1
        return count

    def delete(self, path: str) -> None:
        self.loop.run(self._json("DELETE", self._object(path)))

    def copy(self, path: str, target: str) -> None:
        url = f"{self._object(path)}/rewriteTo/b/{quote(self.place.host, safe='')}/o/"
        url += quote(self.key(target), safe="")
        found = self.loop.run(self._json("POST", url))
        while not found.get("done", True):
            token = quote(found["rewriteToken"], safe="")
            found = self.loop.run(self._json("POST", f"{url}?rewriteToken={token}"))


def _exact(url: str) -> Any:
    """The address as it is: yarl would decode what is quoted."""
    from yarl import URL

    return URL(url, encoded=True)


def _range(response: aiohttp.ClientResponse) -> int:
    text = response.headers.get("Range", "")
    return int(text.rpartition("-")[2]) + 1 if text else 0


def _refused(response: aiohttp.ClientResponse, data: bytes) -> Refused:
    said = data[:2000].decode("utf-8", "replace")
    try:
        said = str(json.loads(said)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        pass
    return Refused(response.status, {k.lower(): v for k, v in response.headers.items()}, said)


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for data in response.content.iter_chunked(PIECE):
            yield data
    finally:
        response.close()
