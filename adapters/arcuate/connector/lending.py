"""One httpx2 client for all threads of a connector, which another thread may close."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2

from arcuate.connector import bounded
from arcuate.errors import SessionClosed

__all__ = ["Lending"]


class Lending:
    """Lends the client, which is made when it is first needed.

    It is closed when all who have it are done: one that is closed in the middle of a request may lose a
    connection, which stays open.

    Args:
        make: makes the client.
    """

    def __init__(self, make: Callable[[], httpx2.Client]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None
        self._users, self._closed = 0, False

    @contextmanager
    def lent(self, service: str) -> Iterator[httpx2.Client]:
        """The client, whose requests keep the :mod:`~arcuate.connector.deadline`.

        Raises:
            SessionClosed: it was closed.
        """
        with self._lock:
            if self._closed:
                raise SessionClosed(f"{service} was closed while it was asked")
            if self._client is None:
                self._client = bounded.bound(self._make())
            client = self._client
            self._users += 1
        try:
            yield client
        finally:
            with self._lock:
                self._users -= 1
            self._shut()

    def close(self) -> None:
        """Lends it to nobody any more; does not wait for those who have it."""
        with self._lock:
            self._closed = True
        self._shut()

    def _shut(self) -> None:
        with self._lock:
            over = self._closed and not self._users
        if over and self._client is not None:
            self._client.close()
