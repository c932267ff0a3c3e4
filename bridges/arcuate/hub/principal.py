"""Who calls, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arcuate.values.record import field, record

__all__ = ["Credentials", "Principal"]


@record(frozen=True)
class Credentials:
    """What a bridge knows of the other side before it has said anything, or by what it said.

    Attributes:
        token: a token that was presented.
        curve: the public key (Z85) of a ZeroMQ client whose CURVE handshake succeeded.
        certificate: the subject of a client certificate that was verified.
        peer: the address, for logs.
        local: the connection comes from this machine.
        protected: the connection is encrypted, or never leaves the machine.
        inside: it came where code in interpreters comes, and only a delegated token counts.
    """

    token: str | None = None
    curve: str | None = None
    certificate: str | None = None
    peer: str = ""
    local: bool = False
    protected: bool = False
    inside: bool = False


@record(frozen=True)
class Principal:
    """Somebody who was recognised.

    Attributes:
        name: who; sessions and handles belong to a name.
        kind: ``local``, ``token``, ``curve``, ``certificate``, or ``stock`` (nobody yet).
        environments: patterns of environments that may be used.
        functions: patterns of functions that may be called; ``None``: all.
        eval: whether code may be sent (``eval``, ``run``), and attributes of packages be read.
        workspace: whether variables may be read and written.
        publish: patterns of topics that may be published to.
        subscribe: patterns of topics that may be subscribed to.
        limits: limits of this principal that are lower than the hub's.
        expires: seconds since 1970 at which it ends, or ``None``.
    """

    name: str
    kind: str = "local"
    environments: tuple[str, ...] = ("*",)
    functions: tuple[str, ...] | None = None
    eval: bool = True
    workspace: bool = True
    publish: tuple[str, ...] = ("*",)
    subscribe: tuple[str, ...] = ("*",)
    limits: Mapping[str, Any] = field(default_factory=dict)
    expires: float | None = None
