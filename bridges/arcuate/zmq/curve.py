"""CURVE: the hub's key pair, the keys of clients that may connect, and the handler that libzmq asks.

The key file is the one of CZMQ and ``zmq.auth``::

    curve
        public-key = "..."
        secret-key = "..."

The file of authorised keys has a line per client: its public key (40 characters, Z85), and what else the hub
wants to know of it, such as a name. Empty lines and lines that begin with ``#`` are passed over.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from pathlib import Path
from typing import Any

import zmq
from zmq.utils import z85

from arcuate.errors import InvalidArgument, PermissionDenied

__all__ = ["Keys", "ZapServer", "read_authorised", "read_pair", "write_pair"]

log = logging.getLogger(__name__)

_LINE = re.compile(r'^\s*(public|secret)-key\s*=\s*"([^"]{40})"\s*$', re.MULTILINE)
_EMPTY: frozenset[str] = frozenset()


class Keys:
    """The hub's pair, and who may connect.

    Attributes:
        public: the hub's public key.
        secret: and its secret one.
        selective: whether only authorised keys are let in; otherwise all are, and CURVE only encrypts.
        authorised: those keys.
    """

    def __init__(self, pair: tuple[str, str], authorised: Path | None) -> None:
        self.public, self.secret = pair
        self.selective = authorised is not None
        self.authorised: frozenset[str] = _EMPTY
        self._path = authorised
        self._stamp: tuple[int, int, int] | None = None
        self._removed: frozenset[str] = _EMPTY
        self.reload()

    @classmethod
    def of(cls, curve: Any) -> Keys:
        """From the configuration: an object with ``key`` and ``authorised_keys``."""
        key, authorised = getattr(curve, "key", None), getattr(curve, "authorised_keys", None)
        if key is None:
            public, secret = zmq.curve_keypair()
            pair = public.decode(), secret.decode()
        else:
            pair = read_pair(Path(key)) if os.path.exists(key) else write_pair(Path(key))
        return cls(pair, None if authorised is None else Path(authorised))

    def reload(self) -> None:
        """Reads the authorised keys again.

        Raises:
            InvalidArgument: a line is no key; those from before stay in force.
            OSError: the file cannot be read.
        """
        if self._path is None:
            return
        self._stamp = _stamp(self._path)
        fresh = read_authorised(self._path)
        self._removed |= self.authorised - fresh
        self.authorised = fresh

    def changed(self) -> frozenset[str]:
        """Reads the file again if it is another; returns the keys that were taken out since the last time."""
        if self._path is not None and _stamp(self._path) != self._stamp:
            try:
                self.reload()
            except (OSError, InvalidArgument) as error:
                log.warning("authorised keys: %s; those from before stay in force", error)
        removed, self._removed = self._removed, _EMPTY
        return removed - self.authorised

    def allows(self, key: str) -> bool:
        """Whether a client with that key may connect; the file may have changed a moment ago."""
        if not self.selective:
            return True
        if key not in self.authorised:
            self._removed |= self.changed()
        return key in self.authorised


class ZapServer:
    """Answers libzmq's question who may connect (ZAP, RFC 27). Belongs to the bridge's thread."""

    def __init__(self, context: zmq.Context[Any], keys: Keys) -> None:
        self._keys = keys
        self._socket = context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind("inproc://zeromq.zap.01")
        self.fd: int = self._socket.FD

    def serve(self) -> None:
        """Answers what was asked."""
        while self._socket.get(zmq.EVENTS) & zmq.POLLIN:
            asked = self._socket.recv_multipart(zmq.NOBLOCK)
            status, text, user = b"400", b"no CURVE key", b""
            if len(asked) == 7 and asked[5] == b"CURVE" and len(asked[6]) == 32:
                key = z85.encode(asked[6])
                if self._keys.allows(key.decode()):
                    status, text, user = b"200", b"OK", key
                else:
                    text = b"this key is not authorised"
            self._socket.send_multipart(
                [b"1.0", asked[1] if len(asked) > 1 else b"", status, text, user, b""]
            )

    def close(self) -> None:
        """Stops answering."""
        self._socket.close(0)


def read_pair(path: Path) -> tuple[str, str]:
    """A key pair: (public, secret).

    Raises:
        PermissionDenied: others can read the file.
        InvalidArgument: it holds no pair.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise PermissionDenied(
            f"the key file {str(path)!r} has mode {mode:04o}: others can read the secret key; "
            f"type: chmod 600 {path}"
        )
    found = dict(_LINE.findall(path.read_text("utf-8")))
    if set(found) != {"public", "secret"}:
        raise InvalidArgument(
            f'{str(path)!r} holds no CURVE key pair: it needs the lines public-key = "..." and '
            'secret-key = "..." with 40 characters each; remove it, and the hub makes one'
        )
    public, secret = found["public"], found["secret"]
    try:
        right = zmq.curve_public(secret.encode()).decode() == public
    except (zmq.ZMQError, ValueError):
        right = False
    if not right:
        raise InvalidArgument(
            f"the two keys of {str(path)!r} do not belong together; remove it, and the hub makes one"
        )
    return public, secret


def write_pair(path: Path) -> tuple[str, str]:
    """Makes a key pair and a file with it that only this user can read."""
    public, secret = (key.decode() for key in zmq.curve_keypair())
    text = f'# the CURVE key pair of a hub\ncurve\n    public-key = "{public}"\n    secret-key = "{secret}"\n'
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    return public, secret


def read_authorised(path: Path) -> frozenset[str]:
    """The keys in a file of authorised keys.

    Raises:
        InvalidArgument: a line does not begin with a key.
    """
    found = set()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            right = len(words[0]) == 40 and len(z85.decode(words[0].encode())) == 32
        except (ValueError, KeyError):
            right = False
        if not right:
            raise InvalidArgument(
                f"line {number} of {str(path)!r} begins with {words[0][:50]!r}, which is no CURVE public "
                "key of 40 characters (Z85)"
            )
        found.add(words[0])
    return frozenset(found)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
