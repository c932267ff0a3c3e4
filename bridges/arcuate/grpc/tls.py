"""Certificates of the server, read again when their files have changed."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Mapping
from typing import Any

import grpc

from arcuate.errors import InvalidArgument

__all__ = ["Certificates"]

log = logging.getLogger(__name__)


class Certificates:
    """The files, and what gRPC is told of them. Connections made after a change see the new ones.

    Args:
        tls: has ``certificate``, ``key`` and ``client_ca``, as attributes or keys.

    Raises:
        InvalidArgument: they cannot be read, or do not belong together.
    """

    def __init__(self, tls: Any) -> None:
        def get(name: str) -> str | None:
            found = tls.get(name) if isinstance(tls, Mapping) else getattr(tls, name, None)
            return None if found is None else os.fspath(found)

        certificate = get("certificate")
        if certificate is None:
            raise InvalidArgument("TLS needs 'certificate', a PEM file, and 'key' if that is in another")
        self._certificate, self._key, self._client = certificate, get("key") or certificate, get("client_ca")
        self._lock = threading.Lock()
        self._seen = self._state()
        try:
            self._current = self._load()
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(f"the certificate {certificate!r} cannot be used: {error}") from None

    def credentials(self) -> grpc.ServerCredentials:
        """What a port is opened with."""
        fetch: Any = self._fetch  # the stubs do not know that it may answer None
        return grpc.dynamic_ssl_server_credentials(
            self._current, fetch, require_client_authentication=self._client is not None
        )

    def reload(self) -> None:
        """Reads the files at the next connection, even where their times say nothing new."""
        with self._lock:
            self._seen = ()

    def _state(self) -> tuple[int, ...]:
        paths = [path for path in (self._certificate, self._key, self._client) if path is not None]
        try:
            return tuple(os.stat(path).st_mtime_ns for path in paths)
        except OSError:
            return ()

    def _load(self) -> grpc.ServerCertificateConfiguration:
        """Reads the files.

        Raises:
            OSError: they cannot be read, or are no certificates that belong together (``ssl.SSLError``).
        """
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._certificate, self._key)
        key, chain = _read(self._key), _read(self._certificate)
        client = None if self._client is None else _read(self._client)
        if client is not None:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=client.decode("ascii"))
        return grpc.ssl_server_certificate_configuration([(key, chain)], client)

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Asked by gRPC at each connection; ``None``: as before."""
        with self._lock:
            state = self._state()
            if not state or state == self._seen:
                return None
            try:
                self._current = self._load()
            except (OSError, ValueError) as error:  # half written, or a key that does not fit yet: later
                log.warning("the certificate %s cannot be read: %s", self._certificate, error)
                return None
            self._seen = state
            return self._current


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
