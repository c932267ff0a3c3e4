"""A channel for each thread: paramiko's client of SFTP gives an answer to whoever reads first."""

from __future__ import annotations

import threading
from typing import Any

import paramiko

from arcuate.connector import ConnectionError  # noqa: A004

__all__ = ["Channels"]


class Channels:
    """Looks like one client, and is one for each thread that uses it; all share a connection.

    Args:
        client: the connection.
        waits: seconds for an answer.
    """

    def __init__(self, client: paramiko.SSHClient, waits: float) -> None:
        self._client, self._waits = client, waits
        self._threads = threading.local()
        self._first = self._here()

    def _here(self) -> paramiko.SFTPClient:
        found: paramiko.SFTPClient | None = getattr(self._threads, "client", None)
        if found is None:
            try:
                found = self._client.open_sftp()
            except paramiko.ChannelException as error:
                raise ConnectionError(
                    "the server opens no more channels in this connection: use it from fewer threads, or "
                    "raise MaxSessions there"
                ) from error
            channel = found.get_channel()
            assert channel is not None
            channel.settimeout(self._waits)
            self._threads.client = found  # it ends with the thread
        return found

    def get_channel(self) -> Any:
        """This thread's, or another's: to see whether the connection lives."""
        return getattr(self._threads, "client", self._first).get_channel()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._here(), name)
