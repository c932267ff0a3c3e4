"""Certificates of the server, read again when their files have changed."""

from __future__ import annotations

import ssl
import threading
from typing import Any

import grpc

from arcuate.hub.certificates import CertificateFiles

__all__ = ["Certificates"]


class Certificates(CertificateFiles[grpc.ServerCertificateConfiguration]):
    """What gRPC is told of the files. Connections made after a change see the new ones.

    Args:
        tls: has ``certificate``, ``key`` and ``client_ca``, as attributes or keys.

    Raises:
        InvalidArgument: they cannot be read, or do not belong together.
    """

    def __init__(self, tls: Any) -> None:
        self._lock = threading.Lock()
        self._anew = False
        super().__init__(tls)

    def credentials(self) -> grpc.ServerCredentials:
        """What a port is opened with."""
        fetch: Any = self._fetch  # the stubs do not know that it may answer None
        return grpc.dynamic_ssl_server_credentials(
            self.current, fetch, require_client_authentication=self.client is not None
        )

    def reload(self) -> None:
        """Reads the files at the next connection, even where their times say nothing new."""
        with self._lock:
            self._anew = True

    def load(self) -> grpc.ServerCertificateConfiguration:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
        key, chain = _read(self.key), _read(self.certificate)
        client = None if self.client is None else _read(self.client)
        if client is not None:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=client.decode("ascii"))
        return grpc.ssl_server_certificate_configuration([(key, chain)], client)

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Asked by gRPC at each connection; ``None``: as before."""
        with self._lock:
            if not self.refresh(force=self._anew):
                return None
            self._anew = False
            return self.current


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
