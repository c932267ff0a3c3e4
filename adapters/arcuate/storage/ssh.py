"""Connections over SSH: a host that is not known is refused, and each request has a session for itself."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from arcuate.errors import SessionClosed

__all__ = ["KnownFileSystem", "Sessions", "connected"]

_BROKEN = (TimeoutError, EOFError, paramiko.SSHException)


def connected(host: str, known_hosts: str, options: Mapping[str, Any]) -> paramiko.SSHClient:
    """A connection to a host that is known."""
    client = paramiko.SSHClient()
    try:
        client.load_system_host_keys(known_hosts or None)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(host, **options)
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(15)
    except BaseException:
        client.close()
        raise
    return client


def _session(client: paramiko.SSHClient, waits: float) -> paramiko.SFTPClient:
    """A session of SFTP, of which no request waits longer for a byte."""
    transport = client.get_transport()
    if transport is None:
        raise paramiko.SSHException("the connection is closed")
    # Paramiko itself waits without a bound for the answer to some of what begins a session.
    late = threading.Timer(waits, transport.close)
    late.start()
    try:
        ftp = client.open_sftp()
    finally:
        late.cancel()
        late.join()
    channel = ftp.get_channel()
    assert channel is not None
    channel.settimeout(waits)
    return ftp


class KnownFileSystem(SFTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's, which accepts any host by default, with those that are known."""

    def __init__(self, host: str, *, known_hosts: str, waits: float, **options: Any) -> None:
        self._known_hosts, self._waits = known_hosts, waits
        super().__init__(host, **options)

    def _connect(self) -> None:
        self.client = connected(self.host, self._known_hosts, self.ssh_kwargs)
        self.ftp = _session(self.client, self._waits)


class Sessions:
    """Sessions of SFTP, each used by one request at a time: paramiko mixes up the answers of two.

    They share a connection as far as the server allows (OpenSSH: ten), else there is another one.

    Args:
        connect: makes a connection.
        waits: seconds without a byte, at most.
        name: the storage's.
    """

    def __init__(self, connect: Callable[[], paramiko.SSHClient], waits: float, name: str) -> None:
        self._connect, self._waits, self._name = connect, waits, name
        self._lock = threading.Lock()
        self._clients: list[paramiko.SSHClient] = []
        self._idle: list[tuple[paramiko.SSHClient, paramiko.SFTPClient]] = []
        self._closed = False

    @contextlib.contextmanager
    def one(self) -> Iterator[paramiko.SFTPClient]:
        """A session, which is kept for the next request unless its connection broke."""
        client, ftp = self._taken()
        try:
            yield ftp
        except _BROKEN:  # it may be half-open: the next request would wait as long
            self._drop(client)
            raise
        except (Exception, GeneratorExit):
            self._back(client, ftp)
            raise
        except BaseException:  # an interrupt may have left half of an answer unread
            ftp.close()
            raise
        self._back(client, ftp)

    def server(self) -> str:
        """What the server says it is."""
        with self._lock:
            transports = [client.get_transport() for client in self._clients]
        return str(getattr(transports[-1], "remote_version", "")) if transports else ""

    def close(self) -> None:
        """Ends all connections, also those that are used."""
        with self._lock:
            self._closed = True
            clients, self._clients, self._idle = self._clients, [], []
        for client in clients:
            _ended(client)

    def _taken(self) -> tuple[paramiko.SSHClient, paramiko.SFTPClient]:
        with self._lock:
            self._refuse()
            while self._idle:
                client, ftp = self._idle.pop()
                if _alive(client, ftp):
                    return client, ftp
            clients = [*self._clients]
        for client in reversed(clients):
            transport = client.get_transport()
            if transport is None or not transport.is_active():
                self._drop(client)
                continue
            with contextlib.suppress(paramiko.ChannelException):  # it has as many as the server allows
                return client, _session(client, self._waits)
        client = self._connect()
        try:
            with self._lock:
                self._refuse()
                self._clients.append(client)
            return client, _session(client, self._waits)
        except BaseException:
            self._drop(client)
            raise

    def _refuse(self) -> None:
        if self._closed:
            raise SessionClosed(f"{self._name} was closed")

    def _back(self, client: paramiko.SSHClient, ftp: paramiko.SFTPClient) -> None:
        with self._lock:
            if not self._closed and _alive(client, ftp):
                self._idle.append((client, ftp))
                return
        ftp.close()

    def _drop(self, client: paramiko.SSHClient) -> None:
        with self._lock:
            self._clients = [one for one in self._clients if one is not client]
            self._idle = [one for one in self._idle if one[0] is not client]
        _ended(client)


def _alive(client: paramiko.SSHClient, ftp: paramiko.SFTPClient) -> bool:
    transport, channel = client.get_transport(), ftp.get_channel()
    return transport is not None and transport.is_active() and channel is not None and not channel.closed


def _ended(client: paramiko.SSHClient) -> None:
    transport = client.get_transport()
    client.close()
    if transport is not None:
        transport.join(5)
