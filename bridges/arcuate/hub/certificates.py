"""The files of a hub's TLS, read again when they have changed: for each bridge in the form that it needs."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from arcuate.errors import InvalidArgument

__all__ = ["CertificateFiles"]

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")


class CertificateFiles(ABC, Generic[Loaded]):
    """A certificate, its key, and the authorities of clients.

    Args:
        tls: has ``certificate``, ``key`` and ``client_ca``, as attributes or keys.

    Attributes:
        certificate: the file with the hub's certificate chain.
        key: the file with its key.
        client: the file with the authorities of clients, or ``None``.
        current: what was made of what was read last.

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
        self.certificate, self.key, self.client = certificate, get("key") or certificate, get("client_ca")
        self._seen = self._state()
        try:
            self.current = self.load()
        except OSError as error:  # of which those of OpenSSL are a kind
            raise InvalidArgument(f"the certificate {certificate!r} cannot be used: {error}") from None

    @abstractmethod
    def load(self) -> Loaded:
        """Reads the files.

        Raises:
            OSError: they cannot be read, or are no certificates that belong together (``ssl.SSLError``).
        """

    def _state(self) -> tuple[int, ...]:
        paths = [path for path in (self.certificate, self.key, self.client) if path is not None]
        try:
            return tuple(os.stat(path).st_mtime_ns for path in paths)
        except OSError:
            return ()

    def refresh(self, *, force: bool = False) -> bool:
        """Reads the files again if they have changed; says whether there is something new."""
        state = self._state()
        if not state or (state == self._seen and not force):
            return False
        try:
            self.current = self.load()
        except (OSError, ValueError) as error:  # half written, or a key that does not fit yet: the next time
            log.warning("the certificate %s cannot be read: %s", self.certificate, error)
            return False
        self._seen = state
        return True
