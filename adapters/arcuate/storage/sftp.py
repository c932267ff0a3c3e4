"""Files over SSH, by paramiko: whole or not there, and below one folder."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import posixpath
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import paramiko

from arcuate.errors import InvalidArgument
from arcuate.storage.base import Remote, Source, System, Written, changed
from arcuate.storage.local import slices
from arcuate.storage.notes import Notes
from arcuate.storage.paths import beginning, out
from arcuate.storage.records import Entry
from arcuate.storage.ssh import KnownFileSystem, Sessions, connected

__all__ = ["SFTP"]

_PIECE = 128 << 10  # what of a piece has come when the connection breaks is lost
_MARK = re.compile(r"[0-9a-f]{32}")


class SFTP(System):
    """A folder of an SSH server. Links in it may not lead out."""

    goes_on = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.root = self.place.root.rstrip("/") or "/"
        self._notes = Notes(self.config.state)
        self._base = ""
        self._links: set[str] = set()
        self._files: KnownFileSystem | None = None
        self._host = urlsplit(self.config.url).hostname or ""
        self._known = os.path.expanduser(self.config.known_hosts)
        self._options = self._settings()
        self._sessions = Sessions(
            lambda: connected(self._host, self._known, self._options), self.config.timeouts.read, self.name
        )
        with self._sessions.one():
            pass

    def _settings(self) -> dict[str, Any]:
        config, parts = self.config, urlsplit(self.config.url)
        for setting, path in (("key_file", config.key_file), ("known_hosts", config.known_hosts)):
            if path and not os.path.isfile(os.path.expanduser(path)):
                raise InvalidArgument(
                    f"{self.name}: there is no file {path!r}, which the setting {setting!r} names"
                )
        password = self.secret("secret") or (unquote(parts.password) if parts.password else None)
        user = self.secret("key") or (unquote(parts.username) if parts.username else None)
        # With a key or a password of its own, no agent and no other key is asked.
        own = bool(config.key_file) or password is not None
        times = ("timeout", "banner_timeout", "auth_timeout", "channel_timeout")
        return {
            "port": parts.port or 22,
            "username": user,
            "password": None if config.key_file else password,
            "passphrase": password if config.key_file else None,
            "key_filename": os.path.expanduser(config.key_file) or None,
            "allow_agent": not own,
            "look_for_keys": not own,
            **dict.fromkeys(times, config.timeouts.connect),
        }

    @property
    def filesystem(self) -> Any:
        """fsspec's, with a connection of its own, for it uses one session for all."""
        if self._files is None:
            waits = self.config.timeouts.read
            self._files = KnownFileSystem(
                self._host,
                known_hosts=self._known,
                waits=waits,
                skip_instance_cache=True,
                **self._options,
            )
        return self._files

    def close(self) -> None:
        files, self._files = self._files, None
        if files is not None:
            files.client.close()
        self._sessions.close()

    # --- Paths

    def _whole(self, ftp: paramiko.SFTPClient, path: str) -> str:
        """A path there that is inside of the root when all links are followed."""
        whole = posixpath.join(self.root, path) if path else self.root
        if not self._base:
            self._base = _normal(ftp, self.root).rstrip("/")
        if path and not f"{_normal(ftp, whole)}/".startswith(f"{self._base}/"):
            raise out(self.name, path)
        return whole

    def within(self, path: str) -> None:
        with self._sessions.one() as ftp:
            self._whole(ftp, path)

    def link(self, path: str) -> bool:
        return path in self._links

    # --- Looking

    def facts(self) -> dict[str, Any]:
        with self._sessions.one() as ftp:
            ftp.stat(self.root)
        return {"server": self._sessions.server()}

    def look(self, path: str) -> Remote:
        with self._sessions.one() as ftp:
            found = ftp.stat(self._whole(ftp, path))
        if stat.S_ISDIR(found.st_mode or 0):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return Remote(found.st_size, _state(found))

    def info(self, path: str) -> Entry:
        with self._sessions.one() as ftp:
            return self._info(ftp, path)

    def _info(self, ftp: paramiko.SFTPClient, path: str) -> Entry:
        return self._entry(path, ftp.stat(self._whole(ftp, path)))

    @staticmethod
    def _entry(path: str, found: paramiko.SFTPAttributes) -> Entry:
        folder = stat.S_ISDIR(found.st_mode or 0)
        when = dt.datetime.fromtimestamp(found.st_mtime or 0, dt.timezone.utc)
        return Entry(path, None if folder else found.st_size, folder, when)

    def page(self, path: str, size: int, mark: Any) -> tuple[list[Entry], Any]:
        entries, begin = mark or ([], 0)
        if mark is None:
            with self._sessions.one() as ftp:
                found = sorted(ftp.listdir_attr(self._whole(ftp, path)), key=lambda one: one.filename)
                listed = [self._listed(ftp, path, one) for one in found]
            entries = [one for one in listed if one is not None]
        page, following = slices(entries, size, begin)
        return page, (entries, following) if following is not None else None

    def _listed(self, ftp: paramiko.SFTPClient, path: str, one: paramiko.SFTPAttributes) -> Entry | None:
        """An entry of a folder; of a link what it leads to, ``None`` if that is nothing, or outside."""
        below = f"{path}/{one.filename}" if path else one.filename
        if not stat.S_ISLNK(one.st_mode or 0):
            self._links.discard(below)
            return self._entry(below, one)
        try:
            entry = self._info(ftp, below)
        except (FileNotFoundError, InvalidArgument):
            return None
        if entry.folder:
            self._links.add(below)
        return entry

    # --- Files

    def read(self, path: str, start: int, remote: Remote) -> Iterator[bytes]:
        with self._sessions.one() as ftp, ftp.open(self._whole(ftp, path), "rb") as file:
            self._same(path, file, remote)
            file.seek(start)
            _quiet(file)
            file.prefetch(remote.size, max_concurrent_requests=64)
            while data := file.read(_PIECE):
                yield data
            self._same(path, file, remote)

    def _same(self, path: str, file: paramiko.SFTPFile, remote: Remote) -> None:
        if _state(file.stat()) != remote.etag:
            raise changed(self.name, path)

    def _part(self, target: str, mark: str) -> str:
        """Its name says of which state of which file it is the beginning."""
        folder, name = posixpath.split(target)
        return posixpath.join(folder, f".{beginning(name, 180)}.{mark}")

    def write(self, path: str, source: Source, resume: bool) -> Written:
        with self._sessions.one() as ftp:
            target = self._whole(ftp, path)
            self._folders(ftp, posixpath.dirname(target))
            part, there, place = self._part(target, source.mark), 0, self._place(target, source)
            note = self._notes.get(*place)
            if note is not None and note.get("mark") != source.mark:  # nobody will go on with that state
                with contextlib.suppress(FileNotFoundError):
                    ftp.remove(self._part(target, str(note.get("mark"))))
            self._notes.put({"mark": source.mark}, *place)
            if resume:
                with contextlib.suppress(FileNotFoundError):
                    there = min(ftp.stat(part).st_size or 0, source.size)
            source.begin(there)
            self._filled(ftp, part, there, source.size, source.pieces(there), source.sent)
            source.unchanged()
            self._placed(ftp, part, target)
        self._notes.drop(*place)
        return Written(resumed=there)

    def _place(self, target: str, source: Source) -> tuple[str, ...]:
        return (self.config.url, target, str(source.path.resolve()))

    def _filled(
        self,
        ftp: paramiko.SFTPClient,
        part: str,
        there: int,
        size: int,
        pieces: Iterator[bytes],
        sent: Callable[[int], None] = lambda count: None,
    ) -> None:
        with ftp.open(part, "r+b" if there else "wb") as file:
            file.seek(there)
            file.set_pipelined(True)
            for data in pieces:
                file.write(data)
                sent(len(data))
        found = ftp.stat(part).st_size
        if found != size:  # what the server said to the last pieces is not told
            ftp.remove(part)
            raise OSError(f"{found} bytes are there instead of {size}; is there room left on its disk?")

    def _placed(self, ftp: paramiko.SFTPClient, part: str, target: str) -> None:
        """The file takes its name; what had it is there until then, where the server knows such."""
        try:
            ftp.posix_rename(part, target)
            return
        except FileNotFoundError:
            raise
        except OSError:
            pass  # a server that does not know or allow that request: it puts no file in place of another
        old = f"{part}.old"
        try:
            if stat.S_ISDIR(ftp.stat(target).st_mode or 0):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
            ftp.rename(target, old)
        except FileNotFoundError:
            ftp.rename(part, target)
            return
        try:
            ftp.rename(part, target)
        except BaseException:
            ftp.rename(old, target)
            raise
        ftp.remove(old)

    @staticmethod
    def _folders(ftp: paramiko.SFTPClient, folder: str) -> None:
        try:
            ftp.stat(folder)
        except FileNotFoundError:
            SFTP._folders(ftp, posixpath.dirname(folder))
            try:
                ftp.mkdir(folder)
            except OSError:
                ftp.stat(folder)  # another one made it just now

    def forget(self, path: str, source: Source) -> None:
        with self._sessions.one() as ftp:
            target = self._whole(ftp, path)
            with contextlib.suppress(FileNotFoundError):
                ftp.remove(self._part(target, source.mark))
        self._notes.drop(*self._place(target, source))

    def abandon(self, path: str) -> int:
        with self._sessions.one() as ftp:
            folder, begin = posixpath.split(self._part(self._whole(ftp, path), ""))
            found = []
            with contextlib.suppress(FileNotFoundError):  # no folder, no beginnings
                found = [one for one in ftp.listdir(folder) if one.startswith(begin)]
            found = [one for one in found if _MARK.fullmatch(one[len(begin) :])]
            for one in found:
                ftp.remove(posixpath.join(folder, one))
        return len(found)

    def delete(self, path: str) -> None:
        with self._sessions.one() as ftp:
            ftp.remove(self._whole(ftp, path))

    def copy(self, path: str, target: str) -> None:
        """The protocol has no copying: the bytes come here and go back, piece by piece."""
        remote = self.look(path)
        with self._sessions.one() as ftp:
            there = self._whole(ftp, target)
            self._folders(ftp, posixpath.dirname(there))
            part = self._part(there, secrets.token_hex(16))
            try:
                self._filled(ftp, part, 0, remote.size or 0, self.read(path, 0, remote))
                self._placed(ftp, part, there)
            except BaseException:
                with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                    ftp.remove(part)
                raise


def _state(found: paramiko.SFTPAttributes) -> str:
    return f"{found.st_mtime}-{found.st_size}"


def _normal(ftp: paramiko.SFTPClient, path: str) -> str:
    """Where a path leads when all links are followed; of what is not there, where its folder leads."""
    missing: list[str] = []
    while True:
        try:
            return posixpath.join(ftp.normalize(path), *reversed(missing))
        except FileNotFoundError:
            path, name = posixpath.split(path)
            missing.append(name)
            if not name:
                raise


def _quiet(file: Any) -> None:
    """Whoever reads learns that the connection broke; the thread that asks ahead need not tell of it too."""
    ask = file._prefetch_thread

    def asking(*arguments: Any) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            ask(*arguments)

    file._prefetch_thread = asking
