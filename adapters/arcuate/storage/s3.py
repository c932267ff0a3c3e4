"""S3 and what speaks its protocol, by s3fs and aiobotocore."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiobotocore.session import AioSession  # type: ignore[import-untyped]
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from s3fs import S3FileSystem

from arcuate.connector import DataError
from arcuate.storage.aside import AsyncSystem, Parts, b64
from arcuate.storage.base import PIECE, Remote, Source, Written
from arcuate.storage.notes import Notes
from arcuate.storage.records import Entry

__all__ = ["S3"]

_LEAST = 5 << 20  # bytes of a part, but for the last one
_MOST = 10_000  # parts
_PLAIN = re.compile(r"[0-9a-f]{32}")
_PARTS = re.compile(r"([0-9a-f]{32})-([0-9]+)")


class S3(AsyncSystem):
    """A bucket, or a prefix in one."""

    goes_on = True

    async def _begin(self) -> None:
        config, times = self.config, self.config.timeouts
        self._notes = Notes(config.state)
        region = config.region or ("us-east-1" if config.endpoint else None)
        self.filesystem = S3FileSystem(
            session=_session(),
            anon=config.anonymous,
            key=self.secret("key"),
            secret=self.secret("secret"),
            token=self.secret("token"),
            endpoint_url=config.endpoint or None,
            client_kwargs={"region_name": region} if region else {},
            config_kwargs={
                "connect_timeout": times.connect,
                "read_timeout": times.read,
                "retries": {"total_max_attempts": 1},  # the connector repeats
                "max_pool_connections": max(10, config.parallel + 2),
                "request_checksum_calculation": "when_required",  # MD5 is given and compared
                "response_checksum_validation": "when_required",
                "s3": {"addressing_style": "path" if config.endpoint else "auto"},
            },
            loop=self.loop.loop,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._client = await self.filesystem.set_session()

    async def _end(self) -> None:
        await self.filesystem._s3creator.__aexit__(None, None, None)

    def _of(self, path: str) -> dict[str, str]:
        return {"Bucket": self.place.host, "Key": self.key(path)}

    def _call(self, operation: str, **named: Any) -> Any:
        async def call() -> Any:
            return await getattr(self._client, operation)(**named)

        return self.loop.run(call())

    # --- Looking

    def _head(self, path: str) -> Any:
        try:
            return self._call("head_object", **self._of(path))
        except ClientError as error:
            if _status(error) == 400:  # no body says why, such as a token that has expired
                found = self._call("get_object", **self._of(path), Range="bytes=0-0")
                found["Body"].close()
            raise

    def look(self, path: str) -> Remote:
        found = self._head(path)
        size, etag = int(found["ContentLength"]), found.get("ETag", "")
        digest: Any = None
        bare = etag.strip('"')
        if not _encrypted(found):
            if _PLAIN.fullmatch(bare):
                digest = ("md5", lambda: hashlib.md5(usedforsecurity=False), bytes.fromhex(bare))
            elif match := _PARTS.fullmatch(bare):
                part = self._part_of(path, size, int(match[2]))
                if part:
                    digest = ("parts", lambda: Parts(part), bytes.fromhex(match[1]))
        return Remote(size, etag, digest)

    def _part_of(self, path: str, size: int, count: int) -> int:
        """Bytes of the parts of an object; 0 if they cannot be known, or are not of one size."""

        def bytes_of(number: int) -> int:
            return int(self._call("head_object", **self._of(path), PartNumber=number)["ContentLength"])

        try:
            first = bytes_of(1)
            rest = size - first * (count - 1)
            even = 0 < rest <= first and (count < 3 or bytes_of(count) == rest)
        except ClientError:
            return 0
        return first if even else 0

    def info(self, path: str) -> Entry:
        if path:
            try:
                found = self._head(path)
            except ClientError as error:
                if _status(error) != 404 or not self._folder(path):
                    raise
            else:
                return Entry(
                    path, int(found["ContentLength"]), False, found.get("LastModified"), found.get("ETag", "")
                )
        else:
            self._call("head_bucket", Bucket=self.place.host)
        return Entry(path, None, True)

    def _folder(self, path: str) -> bool:
        """Whether anything is below a path, be it only a marker of a folder."""
        found = self._call("list_objects_v2", Bucket=self.place.host, Prefix=f"{self.key(path)}/", MaxKeys=1)
        return bool(found.get("Contents"))

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        prefix = f"{self.key(path)}/" if self.key(path) else ""
        named = {"ContinuationToken": mark} if mark else {}
        found = self._call(
            "list_objects_v2",
            Bucket=self.place.host,
            Prefix=prefix,
            Delimiter="/",
            MaxKeys=min(size, 1000),
            **named,
        )
        cut = len(f"{self.place.root}/") if self.place.root else 0
        entries = [Entry(one["Prefix"][cut:-1], None, True) for one in found.get("CommonPrefixes", ())]
        entries += [
            Entry(one["Key"][cut:], int(one["Size"]), False, one.get("LastModified"), one.get("ETag", ""))
            for one in found.get("Contents", ())
            if one["Key"] != prefix
        ]
        return entries, found.get("NextContinuationToken") if found.get("IsTruncated") else None

    # --- Down

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        if start and start == remote.size:
            return iter(())
        same = {"IfMatch": remote.etag} if remote.etag else {}

        async def begin(at: int, count: int | None = None) -> AsyncIterator[bytes]:
            named = dict(same)
            if at or count is not None:
                named["Range"] = f"bytes={at}-" + (str(at + count - 1) if count is not None else "")
            found = await self._client.get_object(**self._of(path), **named)
            if "Range" in named and not found.get("ContentRange", "").startswith(f"bytes {at}-"):
                found["Body"].close()
                raise OSError(
                    f"bytes from {at} on were asked for, and others came: the server knows no ranges"
                )
            return _pieces(found["Body"])

        if same and remote.size is not None and self.config.ranges > 1:
            return self.ranges(start, remote.size, begin)
        return self.stream(lambda: begin(start))

    # --- Up

    def write(self, path: str, source: Source, resume: bool) -> Written:
        if source.size <= self.config.part:
            return self._whole(path, source)
        return self._parts(path, source, resume)

    def _whole(self, path: str, source: Source) -> Written:
        source.begin(0)
        digest = source.md5()
        source.unchanged()
        body = source.window(0, source.size)
        found = self._call("put_object", **self._of(path), Body=body, ContentMD5=b64(digest))
        try:
            self._same(found, digest.hex())
        except DataError:  # a server that does not compare: it is not to be taken for the file
            self._call("delete_object", **self._of(path))
            raise
        source.sent(source.size)
        return Written(found.get("ETag", ""), 0, "md5")

    def _place(self, path: str, source: Source) -> tuple[str, ...]:
        return (self.config.endpoint, *self._of(path).values(), str(source.path.resolve()))

    def _parts(self, path: str, source: Source, resume: bool) -> Written:
        of, place = self._of(path), self._place(path, source)
        part = max(self.config.part, _LEAST, -(-source.size // _MOST))
        starts = range(0, source.size, part)
        note, there = self._notes.get(*place), {}
        if note is not None:
            if resume and note.get("mark") == source.mark and note.get("part") == str(part):
                found = self._there(of, note["id"])
                if found is None and (done := self._done(path, source, part)) is not None:
                    self._notes.drop(*place)
                    return done
                there, note = found or {}, note if found is not None else None
            else:
                self.forget(path, source)
                note = None
        if note is None:
            identity = self._call("create_multipart_upload", **of)["UploadId"]
            note = {"id": identity, "mark": source.mark, "part": str(part)}
            self._notes.put(note, *place)
        parts: dict[int, str] = {}
        resumed = 0
        for number, start in enumerate(starts, 1):
            if number in there:
                size, digest = min(part, source.size - start), source.md5(start, part).hex()
                if there[number] == (digest, size):
                    parts[number] = digest
                    resumed += size
        source.begin(resumed)
        upload = note["id"]

        async def send(number: int) -> None:
            body = source.window(starts[number - 1], part)
            digest = await asyncio.to_thread(source.md5, starts[number - 1], part)
            found = await self._client.upload_part(
                **of, UploadId=upload, PartNumber=number, Body=body, ContentMD5=b64(digest)
            )
            self._same(found, digest.hex())
            parts[number] = found["ETag"].strip('"')
            source.sent(len(body))

        missing = [number for number in range(1, len(starts) + 1) if number not in parts]
        self.loop.run(self.each(missing, send))
        source.unchanged()
        listed = [{"PartNumber": number, "ETag": f'"{parts[number]}"'} for number in sorted(parts)]
        found = self._call(
            "complete_multipart_upload", **of, UploadId=upload, MultipartUpload={"Parts": listed}
        )
        self._notes.drop(*place)
        return Written(found.get("ETag", ""), resumed, "parts")

    def _same(self, found: Any, digest: str) -> None:
        etag = found.get("ETag", "").strip('"')
        if _PLAIN.fullmatch(etag) and etag != digest and not _encrypted(found):
            raise DataError(
                f"{self.name}: the system has other bytes than were sent: MD5 {etag} instead of {digest}",
                service=self.name,
                recoverable=True,
            )

    def _there(self, of: dict[str, str], upload: str) -> dict[int, tuple[str, int]] | None:
        """The parts of an upload that are there, by number; ``None`` if it is gone."""
        found: dict[int, tuple[str, int]] = {}
        mark = 0
        while True:
            try:
                page = self._call("list_parts", **of, UploadId=upload, PartNumberMarker=mark)
            except ClientError as error:
                if _status(error) == 404 and error.response["Error"].get("Code") == "NoSuchUpload":
                    return None
                raise
            found |= {
                one["PartNumber"]: (one["ETag"].strip('"'), int(one["Size"])) for one in page.get("Parts", ())
            }
            if not page.get("IsTruncated"):
                return found
            mark = int(page["NextPartNumberMarker"])

    def _done(self, path: str, source: Source, part: int) -> Written | None:
        """What an upload brought that was completed although its answer was lost."""
        try:
            etag = self.look(path).etag
        except ClientError as error:
            if _status(error) != 404:
                raise
            return None
        digest = Parts(part)
        for data in source.pieces():
            digest.update(data)
        if etag.strip('"') != f"{digest.digest().hex()}-{-(-source.size // part)}":
            return None
        source.begin(source.size)
        return Written(etag, source.size, "parts")

    # --- The rest

    def forget(self, path: str, source: Source) -> None:
        place = self._place(path, source)
        note = self._notes.get(*place)
        if note is not None:
            with contextlib.suppress(ClientError):
                self._call("abort_multipart_upload", **self._of(path), UploadId=note["id"])
            self._notes.drop(*place)

    def abandon(self, path: str) -> int:
        of, count = self._of(path), 0
        named: dict[str, Any] = {}
        while True:
            found = self._call("list_multipart_uploads", Bucket=of["Bucket"], Prefix=of["Key"], **named)
            for one in found.get("Uploads", ()):
                if one["Key"] == of["Key"]:
                    self._call("abort_multipart_upload", **of, UploadId=one["UploadId"])
                    count += 1
            if not found.get("IsTruncated"):
                return count
            named = {"KeyMarker": found["NextKeyMarker"], "UploadIdMarker": found["NextUploadIdMarker"]}

    def delete(self, path: str) -> None:
        self._head(path)
        self._call("delete_object", **self._of(path))

    def copy(self, path: str, target: str) -> None:
        whole = [f"{self.place.host}/{self.key(one)}" for one in (path, target)]
        self.loop.run(self.filesystem._cp_file(*whole))


def _session() -> AioSession:
    """A session whose descriptions of Amazon's services are read once a process: they take 0.1 s."""
    session = AioSession()
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return session


@functools.cache
def _loader(path: str | None) -> Any:
    return create_loader(path)


async def _pieces(body: Any) -> AsyncIterator[bytes]:
    try:
        while data := await body.read(PIECE):
            yield data
    finally:
        body.close()


def _encrypted(found: Any) -> bool:
    """Whether the ETag is no MD5, for the object is encrypted by a key of its own."""
    return "SSECustomerAlgorithm" in found or str(found.get("ServerSideEncryption", "")).startswith("aws:kms")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
