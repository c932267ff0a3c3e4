"""Where the bridge listens: tcp addresses, and socket files in folders that only this user can enter."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from typing import Any
from urllib.parse import quote

from arcuate.errors import InvalidArgument, PermissionDenied, Unavailable
from arcuate.worker.folders import PrivateFolder

__all__ = ["Place", "place"]

_LONGEST = 96
"""Bytes of a socket's path: the system allows 107."""


class Place:
    """An address to listen on.

    Attributes:
        text: as it was written.
        path: the socket's file, or ``""`` for tcp.
        six: whether IPv6 is needed.
    """

    def __init__(self, text: str, host: str = "", port: int = 0, path: str = "") -> None:
        self.text = text
        self.path = path
        self.six = ":" in host
        self._host = host
        self._port = port
        self._folder: PrivateFolder | None = None

    def prepare(self) -> str:
        """The address as ZeroMQ binds it; of a socket file, its folder is there and private.

        Raises:
            PermissionDenied: others can enter the folder.
            Unavailable: somebody listens on the socket already.
        """
        if not self.path:
            host = f"[{self._host}]" if self.six else self._host
            return f"tcp://{host}:{self._port or '*'}"
        if self.path.endswith("/*"):
            base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
            self._folder = PrivateFolder("arcuate-hub-", base)
            self.path = os.path.join(self._folder.path, "hub")
        folder = os.path.dirname(self.path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.stat(folder)
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise PermissionDenied(
                f"the folder {folder!r} of the socket has mode {stat.S_IMODE(found.st_mode):04o} and "
                f"belongs to user {found.st_uid}; it must belong to this user and be closed to others: "
                f"choose another, or type: chmod 700 {folder}"
            )
        if os.path.exists(self.path) and _answers(self.path):
            raise Unavailable(f"something listens on {self.path!r} already; stop it, or choose another path")
        return f"ipc://{self.path}"

    def endpoint(self, bound: str) -> str:
        """The address as a client writes it.

        Args:
            bound: what ZeroMQ says after it has bound it.
        """
        if not self.path:
            return "zmq" + bound.removeprefix("tcp")
        os.chmod(self.path, 0o600)
        return "zmq+ipc://" + quote(self.path)

    def beside(self, bound: str, port: int = 0) -> str:
        """The address, as ZeroMQ binds it, of the socket for samples beside one that was bound.

        Args:
            bound: what ZeroMQ says after it has bound it.
            port: the wanted port; 0: any.
        """
        return f"ipc://{self.path}.samples" if self.path else f"{bound.rpartition(':')[0]}:{port or '*'}"

    def told(self, bound: str) -> dict[str, Any]:
        """What a client is told to find that socket."""
        if not self.path:
            return {"port": int(bound.rpartition(":")[2])}
        path = bound.removeprefix("ipc://")
        os.chmod(path, 0o600)
        return {"path": path}

    def clear(self) -> None:
        """Removes what was made for it."""
        if self._folder is not None:
            self._folder.close()


def place(text: str) -> Place:
    """Reads ``host:port``, ``tcp://host:port`` or ``ipc:///folder/socket`` (``ipc://*``: a fresh folder).

    Raises:
        InvalidArgument: it is none of them.
    """
    if text.startswith("ipc://"):
        path = text[6:]
        if path == "*":
            return Place(text, path="/*")
        if not path.startswith("/") or path.endswith("/") or "\0" in path:
            raise InvalidArgument(
                f"{text!r}: write ipc:///folder/socket, or ipc://* for a socket in a fresh folder"
            )
        if len(os.fsencode(path)) > _LONGEST:
            raise InvalidArgument(f"{path!r} has more than {_LONGEST} bytes; a socket needs a shorter path")
        return Place(text, path=path)
    rest = text.removeprefix("tcp://")
    host, colon, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if "://" in rest or not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise InvalidArgument(
            f"{text!r} is no address; write host:port, tcp://host:port or ipc:///folder/socket"
        )
    if ":" not in host and not _numeric(host):
        try:
            host = str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
        except OSError as error:
            raise InvalidArgument(f"the host {host!r} of {text!r} is not known: {error}") from None
    return Place(text, host, int(port))


def _numeric(host: str) -> bool:
    return host == "*" or host.replace(".", "").isdecimal()


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
