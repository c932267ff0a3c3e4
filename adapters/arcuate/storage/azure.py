"""Azure Blob Storage, by adlfs and Microsoft's own client."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from adlfs import AzureBlobFileSystem
from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContentSettings
from azure.storage.blob.aio import BlobServiceClient

from arcuate.errors import InvalidArgument
from arcuate.storage.aside import AsyncSystem, b64
from arcuate.storage.base import Remote, Source, Written
from arcuate.storage.records import Entry

__all__ = ["Azure"]

_MOST = 50_000  # blocks
_CHUNK = 4 << 20
_PAUSE = 0.5  # seconds between questions whether a copy is ready


class _Files(AzureBlobFileSystem):  # type: ignore[misc]  # adlfs has no types
    """adlfs with a client of ours: its own waits a quarter of a minute before it tries again."""

    def __init__(self, client: BlobServiceClient, loop: Any, **options: Any) -> None:
        self._ours = client
        super().__init__(**options)  # remembers fsspec's own loop, for it closes itself when Python ends
        self._loop = loop

    def do_connect(self) -> None:
        self.service_client = self._ours


class Azure(AsyncSystem):
    """A container, or a prefix in one."""

    goes_on = True

    async def _begin(self) -> None:
        config, times = self.config, self.config.timeouts
        account, key, sas = (self.secret(one) for one in ("key", "secret", "token"))
        if not account:
            raise InvalidArgument(f"{self.name}: the setting 'key' is the storage account; it is not set")
        endpoint = config.endpoint or f"https://{account}.blob.core.windows.net"
        credential: Any = sas or ({"account_name": account, "account_key": key} if key else None)
        self._identity: Any = None
        if credential is None and not config.anonymous:
            from azure.identity.aio import DefaultAzureCredential

            credential = self._identity = DefaultAzureCredential()
        self._service = BlobServiceClient(
            endpoint,
            credential,
            retry_total=0,  # the connector repeats
            connection_timeout=times.connect,
            read_timeout=times.read,
            max_single_get_size=_CHUNK,
            max_chunk_get_size=_CHUNK,
        )
        self.filesystem = _Files(
            self._service,
            self.loop.loop,
            account_name=account,
            account_key=key,
            anon=True,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._container = self._service.get_container_client(self.place.host)

    async def _end(self) -> None:
        await self._service.close()
        if self._identity is not None:
            await self._identity.close()

    def _blob(self, path: str) -> Any:
        return self._container.get_blob_client(self.key(path))

    # --- Looking

    def look(self, path: str) -> Remote:
        found = self.loop.run(self._blob(path).get_blob_properties())
        if _folder(found):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        digest: Any = None
        if found.content_settings.content_md5:
            md5 = bytes(found.content_settings.content_md5)
            digest = ("md5", lambda: hashlib.md5(usedforsecurity=False), md5)
        return Remote(found.size, found.etag, digest)

    def info(self, path: str) -> Entry:
        if path:
            try:
                found = self.loop.run(self._blob(path).get_blob_properties())
            except ResourceNotFoundError:
                if not self.loop.run(self._below(path)):
                    raise
                return Entry(path, None, True)
            if not _folder(found):
                return Entry(path, found.size, False, found.last_modified, found.etag)
        else:
            self.loop.run(self._container.get_container_properties())
        return Entry(path, None, True)

    async def _below(self, path: str) -> bool:
        """Whether anything is below a path, be it only a marker of a folder."""
        async for _ in self._container.list_blob_names(name_starts_with=f"{self.key(path)}/"):
            return True
        return False

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        prefix = f"{self.key(path)}/" if self.key(path) else ""
        cut = len(f"{self.place.root}/") if self.place.root else 0

        async def one() -> tuple[list[Entry], Any]:
            found = self._container.walk_blobs(
                prefix, include=["metadata"], delimiter="/", results_per_page=size
            )
            pages: Any = found.by_page(mark)
            entries: dict[tuple[str, bool], Entry] = {}
            try:
                async for blob in await pages.__anext__():
                    path = blob.name[cut:].removesuffix("/") if hasattr(blob, "prefix") else blob.name[cut:]
                    if hasattr(blob, "prefix") or _folder(blob):
                        entries[path, True] = Entry(path, None, True)
                    elif blob.name != prefix:
                        entries[path, False] = Entry(
                            path, blob.size, False, blob.last_modified, f'"{blob.etag}"'
                        )
            except StopAsyncIteration:
                return [], None
            return [*entries.values()], pages.continuation_token or None

        return self.loop.run(one())

    # --- Down

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        if not remote.size or start == remote.size:
            return iter(())

        async def begin(at: int, count: int | None = None) -> AsyncIterator[bytes]:
            found = await self._blob(path).download_blob(
                offset=at,
                length=count,
                etag=remote.etag,
                match_condition=MatchConditions.IfNotModified,
                max_concurrency=1,
                decompress=False,  # what is stored, be it said to be packed
            )
            pieces: AsyncIterator[bytes] = found.chunks()
            return pieces

        if self.config.ranges > 1:
            return self.ranges(start, remote.size, begin)
        return self.stream(lambda: begin(start))

    # --- Up

    def write(self, path: str, source: Source, resume: bool) -> Written:
        part = max(self.config.part, -(-source.size // _MOST))
        whole, names, sizes = hashlib.md5(usedforsecurity=False), [], []
        for number, start in enumerate(range(0, source.size, part)):
            digest = source.md5(start, part, whole)
            # A name that says what is in the block: what is there under it need not be sent again.
            block = f"{number:05d}{digest.hex()}"
            names.append(b64(block.encode()))
            sizes.append(min(part, source.size - start))
        settings = ContentSettings("application/octet-stream", content_md5=bytearray(whole.digest()))
        blob = self._blob(path)
        if len(names) < 2:
            source.begin(0)
            source.unchanged()
            found = self.loop.run(
                blob.upload_blob(
                    source.window(0, source.size),
                    length=source.size,
                    overwrite=True,
                    content_settings=settings,
                    validate_content=True,
                )
            )
            source.sent(source.size)
            return Written(found["etag"], 0, "md5")
        there = self.loop.run(self._there(blob)) if resume else {}
        done = {number for number, name in enumerate(names) if there.get(name) == sizes[number]}
        resumed = sum(sizes[number] for number in done)
        source.begin(resumed)

        async def send(number: int) -> None:
            data = source.window(number * part, part)
            await blob.stage_block(names[number], data, length=len(data), validate_content=True)
            source.sent(len(data))

        async def all_blocks() -> Any:
            await self.each([number for number in range(len(names)) if number not in done], send)
            source.unchanged()
            return await blob.commit_block_list(
                [BlobBlock(name) for name in names], content_settings=settings
            )

        found = self.loop.run(all_blocks())
        return Written(found["etag"], resumed, "parts")

    @staticmethod
    async def _there(blob: Any) -> dict[str, int]:
        """Blocks that were sent and are in no blob yet: name, size."""
        try:
            _, waiting = await blob.get_block_list("uncommitted")
        except ResourceNotFoundError:
            return {}
        return {b64(one.id.encode()) if len(one.id) == 37 else one.id: one.size for one in waiting}

    # --- The rest

    def delete(self, path: str) -> None:
        self.loop.run(self._blob(path).delete_blob())

    def copy(self, path: str, target: str) -> None:
        """Azure copies large blobs after it has answered: it is asked until it has done so."""
        source, blob = self._blob(path), self._blob(target)

        async def copied() -> None:
            state = (await blob.start_copy_from_url(source.url))["copy_status"]
            while state == "pending":
                await asyncio.sleep(_PAUSE)
                copy = (await blob.get_blob_properties()).copy
                state = copy.status
            if state != "success":
                raise OSError(f"the copy ended as {state}")

        self.loop.run(copied())


def _folder(found: Any) -> bool:
    """Whether a blob stands for a folder, as those of accounts with folders do."""
    return str((found.metadata or {}).get("hdi_isfolder", "")).lower() == "true"
