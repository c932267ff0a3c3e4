"""Files over SSH, by fsspec and paramiko; a host whose key is not known is refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import posixpath
import stat
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from arcuate.storage.base import Remote, Source, System, Written
from arcuate.storage.local import slices
from arcuate.storage.records import Entry

__all__ = ["SFTP"]

_PIECE = 128 << 10  # what of a piece has come when the connection breaks is lost


class _Known(SFTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's, which accepts any host by default, with those that are known."""

    def __init__(self, host: str, *, known_hosts: str, waits: float, **options: Any) -> None:
        self._known_hosts, self._waits = known_hosts, waits
        super().__init__(host, **options)

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        try:
            self.client.load_system_host_keys(self._known_hosts or None)
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **self.ssh_kwargs)
            transport = self.client.get_transport()
            assert transport is not None
            transport.set_keepalive(15)
            self.ftp = self.client.open_sftp()
            channel = self.ftp.get_channel()
            assert channel is not None
            channel.settimeout(self._waits)
        except BaseException:
            self.client.close()
            raise


class SFTP(System):
    """A folder of an SSH server."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._parts = urlsplit(self.config.url)
        self.root = self.place.root.rstrip("/") or "/"
        self._found: _Known | None = None
        self._connected()

    def _connected(self) -> _Known:
        """The connection, a new one if the last one broke."""
        if self._found is not None:
            transport = self._found.client.get_transport()
            channel = self._found.ftp.get_channel()
            if transport is not None and transport.is_active() and channel is not None and not channel.closed:
                return self._found
            self.broken()
        config, parts = self.config, self._parts
        password = self.secret("secret") or (unquote(parts.password) if parts.password else None)
        user = self.secret("key") or (unquote(parts.username) if parts.username else None)
        self._found = self.filesystem = _Known(
            parts.hostname or "",
            known_hosts=config.known_hosts,
            waits=config.timeouts.read,
            port=parts.port or 22,
            username=user,
            password=None if config.key_file else password,
            passphrase=password if config.key_file else None,
            key_filename=config.key_file or None,
            allow_agent=not config.key_file and password is None,
            look_for_keys=not config.key_file and password is None,
            timeout=config.timeouts.connect,
            banner_timeout=config.timeouts.connect,
            auth_timeout=config.timeouts.connect,
            channel_timeout=config.timeouts.connect,
            skip_instance_cache=True,
        )
        return self._found

    @property
    def _ftp(self) -> paramiko.SFTPClient:
        found: paramiko.SFTPClient = self._connected().ftp
        return found

    def broken(self) -> None:
        """The next request makes a new connection."""
        if self._found is not None:
            transport = self._found.client.get_transport()
            self._found.client.close()
            if transport is not None:
                transport.join(5)

    def close(self) -> None:
        self.broken()

    def _whole(self, path: str) -> str:
        return posixpath.join(self.root, path) if path else self.root

    def facts(self) -> dict[str, Any]:
        self._ftp.stat(self.root)
        transport = self._connected().client.get_transport()
        return {"server": str(getattr(transport, "remote_version", ""))}

    def look(self, path: str) -> Remote:
        found = self._ftp.stat(self._whole(path))
        if stat.S_ISDIR(found.st_mode or 0):
            raise IsADirectoryError(path)
        return Remote(found.st_size, f"{found.st_mtime}-{found.st_size}")

    def info(self, path: str) -> Entry:
        return self._entry(path, self._ftp.stat(self._whole(path)))

    @staticmethod
    def _entry(path: str, found: paramiko.SFTPAttributes) -> Entry:
        folder = stat.S_ISDIR(found.st_mode or 0)
        when = dt.datetime.fromtimestamp(found.st_mtime or 0, dt.timezone.utc)
        return Entry(path, None if folder else found.st_size, folder, when)

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        entries, begin = mark or ([], 0)
        if mark is None:
            found = sorted(self._ftp.listdir_attr(self._whole(path)), key=lambda one: one.filename)
            entries = [self._entry(f"{path}/{one.filename}" if path else one.filename, one) for one in found]
        page, following = slices(entries, size, begin)
        return page, (entries, following) if following is not None else None

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        with self._ftp.open(self._whole(path), "rb") as file:
            file.seek(start)
            _quiet(file)
            file.prefetch(remote.size, max_concurrent_requests=64)
            while data := file.read(_PIECE):
                yield data

    def write(self, path: str, source: Source, resume: bool) -> Written:
        ftp, target = self._ftp, self._whole(path)
        self._folders(ftp, posixpath.dirname(target))
        # The name says of which state of which file it is the beginning.
        part = posixpath.join(posixpath.dirname(target), f".{posixpath.basename(target)[:180]}.{source.mark}")
        there = 0
        if resume:
            try:
                there = ftp.stat(part).st_size or 0
            except FileNotFoundError:
                pass
        there = min(there, source.size)
        source.begin(there)
        with ftp.open(part, "r+b" if there else "wb") as file:
            file.seek(there)
            file.set_pipelined(True)
            for data in source.pieces(there):
                file.write(data)
                source.sent(len(data))
        size = ftp.stat(part).st_size
        source.unchanged()
        if size != source.size:
            ftp.remove(part)
            raise OSError(f"{size} bytes are there instead of {source.size}")
        ftp.posix_rename(part, target)
        return Written(resumed=there)

    @staticmethod
    def _folders(ftp: paramiko.SFTPClient, folder: str) -> None:
        try:
            ftp.stat(folder)
        except FileNotFoundError:
            SFTP._folders(ftp, posixpath.dirname(folder))
            ftp.mkdir(folder)

    def delete(self, path: str) -> None:
        self._ftp.remove(self._whole(path))

    def copy(self, path: str, target: str) -> None:
        raise self.unable("copies (the protocol cannot; download and upload it)")


def _quiet(file: Any) -> None:
    """Whoever reads learns that the connection broke; the thread that asks ahead need not tell of it too."""
    ask = file._prefetch_thread

    def asking(*arguments: Any) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            ask(*arguments)

    file._prefetch_thread = asking
