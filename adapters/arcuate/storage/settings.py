"""The settings of a storage, and the system that the scheme of its address chooses."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import Field, field_validator

from arcuate.connector import ConnectorConfig, Secret, redacted
from arcuate.errors import InvalidArgument, Unsupported

__all__ = ["Place", "StorageConfig", "place_of", "system_of"]

_MIB = 1 << 20


class StorageConfig(ConnectorConfig):
    """Where files are, and how they are transferred."""

    url: str = Field(
        default="",
        description="such as s3://bucket/prefix, az://container, gs://bucket, sftp://user@host/folder, "
        "https://host/folder, zip:///file.zip, memory://name, file:///folder, or a local path",
    )
    key: Secret | None = Field(
        default=None, description="S3: the access key's id; Azure: the account; SFTP: the user"
    )
    secret: Secret | None = Field(
        default=None,
        description="S3: the secret access key; Azure: the account's key; SFTP: the password, or the key "
        "file's; Google: the service account's JSON",
    )
    token: Secret | None = Field(
        default=None, description="S3: a session token; Azure: a SAS; Google and HTTP: a bearer token"
    )
    anonymous: bool = Field(default=False, description="no credentials, not even those of the environment")
    endpoint: str = Field(default="", description="http(s):// of another server than the vendor's own")
    region: str = Field(default="", description="S3: the region; us-east-1 with an endpoint")
    project: str = Field(default="", description="Google: the project")
    key_file: str = Field(default="", description="SFTP: a file with a private key")
    known_hosts: str = Field(
        default="", description="SFTP: the file of hosts that are known; by default ~/.ssh/known_hosts"
    )
    headers: dict[str, Secret] = Field(default_factory=dict, description="HTTP: sent with each request")
    part: int = Field(
        default=8 * _MIB, ge=256 << 10, le=1 << 30, description="bytes of one part of an upload"
    )
    parallel: int = Field(default=3, ge=1, le=64, description="parts of an upload at the same time")
    ranges: int = Field(
        default=1, ge=1, le=64, description="pieces of a download at the same time (S3, Azure, Google)"
    )
    state: str = Field(
        default="", description="folder of notes on interrupted uploads; by default in the user's cache"
    )
    zip_members: int = Field(default=100_000, ge=1, description="zip: members at most")
    zip_bytes: int = Field(default=16 << 30, ge=1, description="zip: bytes of all members, at most")
    zip_ratio: float = Field(
        default=200.0, ge=1, description="zip: how much smaller a member may be, at most"
    )

    @field_validator("endpoint")
    @classmethod
    def _http(cls, endpoint: str) -> str:
        if endpoint:
            parts = urlsplit(endpoint)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
                raise ValueError("is http://HOST... or https://HOST..., without user or password")
        return endpoint


@dataclass(frozen=True)
class Place:
    """What an address says.

    Attributes:
        kind: the system.
        host: the bucket or container, or where the server is.
        root: the folder or prefix, without slashes around it; for files the whole path.
    """

    kind: str
    host: str
    root: str
    scheme: str = ""


KINDS: Mapping[str, tuple[str, str, str]] = {
    "file": ("arcuate.storage.local:Local", "fsspec", "storage"),
    "memory": ("arcuate.storage.memory:Memory", "fsspec", "storage"),
    "zip": ("arcuate.storage.archive:Archive", "fsspec", "storage"),
    "http": ("arcuate.storage.web:Web", "aiohttp", "storage"),
    "sftp": ("arcuate.storage.sftp:SFTP", "paramiko", "sftp"),
    "s3": ("arcuate.storage.s3:S3", "s3fs", "s3"),
    "azure": ("arcuate.storage.azure:Azure", "adlfs", "azure"),
    "gcs": ("arcuate.storage.gcs:GCS", "gcsfs", "gcs"),
}
"""Kind: (class, the module that it needs, the extra that brings it)."""
_SCHEMES = {
    **{one: one for one in ("file", "memory", "zip", "http", "sftp", "s3")},
    "https": "http",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "gs": "gcs",
    "gcs": "gcs",
    "": "file",
    "ssh": "sftp",
    "s3a": "s3",
}


def place_of(address: str) -> Place:
    """What an address says.

    Raises:
        InvalidArgument: it is none, or its scheme is not one of those that are known.
    """
    scheme, found, rest = address.partition("://")
    if not found:
        scheme, rest = "", address
    scheme = scheme.lower()
    kind = _SCHEMES.get(scheme)
    if kind is None:
        allowed = ", ".join(f"{one}://" for one in _SCHEMES if one)
        raise InvalidArgument(f"the scheme of {redacted(address)!r} is not known; there are {allowed}")
    if kind in ("file", "zip"):
        if not rest:
            raise InvalidArgument("the setting 'url' is empty; it is such as s3://bucket/prefix or a folder")
        return Place(kind, "", os.path.abspath(os.path.expanduser(rest)), scheme)
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidArgument(f"{redacted(address)!r} is no address: {error}") from None
    if parts.query or parts.fragment:
        raise InvalidArgument(f"{redacted(address)!r}: an address of a storage has no query and no fragment")
    if not host and kind != "memory":
        raise InvalidArgument(f"{redacted(address)!r} names no bucket, container or host")
    root = parts.path if kind == "http" else unquote(parts.path)
    if ".." in root.split("/"):
        raise InvalidArgument(f"{redacted(address)!r} climbs out of its folder")
    if kind == "sftp":
        return Place(kind, parts.netloc, root or "/", scheme)
    if kind in ("s3", "azure", "gcs"):
        if "@" in parts.netloc:
            host = parts.netloc  # container@account.host of abfs is not one of ours: said below
            raise InvalidArgument(
                f"{redacted(address)!r}: credentials are settings ('key', 'secret'), not part of the address"
            )
        host = parts.netloc
    return Place(kind, parts.netloc if kind == "http" else host, root.strip("/"), scheme)


def system_of(kind: str) -> Any:
    """The class for a kind.

    Raises:
        Unsupported: its library is not installed.
    """
    where, module, extra = KINDS[kind]
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name != module.partition(".")[0]:
            raise
        raise Unsupported(f"{kind} storage needs a library; type: pip install 'arcuate[{extra}]'") from None
    name, _, attribute = where.partition(":")
    return getattr(importlib.import_module(name), attribute)
