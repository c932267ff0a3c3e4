"""The audit log: one line of JSON for each request, appended and never changed; no values and no code."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from arcuate.errors import InvalidArgument
from arcuate.hub.principal import Principal
from arcuate.hub.relay import Request
from arcuate.hub.rights import plain

__all__ = ["Audit"]

log = logging.getLogger(__name__)

_OBSERVED = frozenset(("publish", "subscribe"))
"""Streams tell of their refusals themselves."""


class Audit:
    """Writes who did what, when, and what came of it.

    Args:
        path: the file; made for this user alone if it does not exist.

    Raises:
        InvalidArgument: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._fd = _open(path)

    def __call__(
        self,
        principal: Principal,
        environment: str,
        session: str,
        request: Request,
        code: str,
        seconds: float,
    ) -> None:
        """Takes a request that ended."""
        self.write(
            who=principal.name,
            op=request.op,
            environment=environment,
            session=session,
            name=_name(request),
            outcome=code or "OK",
            seconds=round(seconds, 6),
            peer=request.peer or "",
            **_via(request.via),
        )

    def refused(self, principal: Principal | None, peer: str, code: str, request: Request | None) -> None:
        """Takes a request that was refused before anything was done; it may have been no request at all."""
        if request is not None and request.op in _OBSERVED:
            return
        self.write(
            who="?" if principal is None else principal.name,
            op="?" if request is None else request.op[:40],
            environment="" if request is None else _environment(request),
            name="" if request is None else _name(request),
            outcome=code,
            peer=peer,
            **_via(() if request is None else request.via),
        )

    def write(self, **fields: Any) -> None:
        """Appends a line. A disk that is full stops no call; the log says so."""
        now = datetime.fromtimestamp(time.time(), timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, **{key: value for key, value in fields.items() if value != ""}})
        with self._lock:
            try:
                os.write(self._fd, line.encode() + b"\n")  # one write: lines of two hubs do not mix
            except OSError as error:
                log.error("the audit log %s cannot be written: %s", self.path, error)

    def reload(self) -> None:
        """Opens the file again: it may have been moved away."""
        fresh = _open(self.path)
        with self._lock:
            old, self._fd = self._fd, fresh
            os.close(old)

    def close(self) -> None:
        """Ends it; idempotent."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InvalidArgument(f"the audit log {str(path)!r} cannot be written: {error.strerror}") from None


def _via(chain: Sequence[str]) -> dict[str, Any]:
    """The interpreters whose code calls on behalf of whoever is named."""
    return {"via": list(chain)} if chain else {}


def _environment(request: Request) -> str:
    found = request.text("environment") or request.controls.get("environment") or ""
    return found if not found or re.fullmatch(r"[\w.-]{1,64}", found) else "<no name>"


def _name(request: Request) -> str:
    """What it is about: a name. Whatever is no plain name might be a value or code."""
    name = request.name
    if name in ("", "<handle>") or plain(name, "r") or plain(name, ""):
        return name
    return "<no name>"
