"""Which addresses a hub may listen on: this machine's own, and others only if they are protected."""

from __future__ import annotations

import ipaddress
import logging
import socket
from typing import TYPE_CHECKING

from arcuate.errors import PermissionDenied

if TYPE_CHECKING:
    from arcuate.hub.config import Config

__all__ = ["check", "measures", "own"]

log = logging.getLogger(__name__)


def check(address: str, *, authenticated: bool, protected: bool, insecure: bool) -> None:
    """Refuses an address that others can reach if they need not say who they are, or can be overheard.

    Args:
        address: ``host:port`` or ``ipc:///path``.
        authenticated: whether clients have to show a token, a certificate or a key.
        protected: whether the connection is encrypted.
        insecure: the operator wants it all the same; the log says so.

    Raises:
        PermissionDenied: it may not be.
    """
    if own(address):
        return
    if not authenticated:
        missing = "anybody who can reach it could run code here: clients need not say who they are"
        cure = "give --tokens FILE, authorities of certificates (tls.client_ca) or authorised CURVE keys"
    elif not protected:
        missing = "tokens could be read on the way, since nothing is encrypted"
        cure = "give a certificate (--tls-certificate, --tls-key), or a CURVE key for ZeroMQ (curve.key)"
    else:
        return
    if not insecure:
        raise PermissionDenied(
            f"the hub does not listen on {address}: {missing}; {cure}, or use 127.0.0.1, or --insecure"
        )
    log.warning("listening on %s, insecure as it was asked for: %s", address, missing)


def measures(config: Config, protocol: str) -> dict[str, bool]:
    """What protects a protocol: the arguments of :func:`check`."""
    if protocol == "zmq":
        keys = config.curve.authorised_keys is not None
        return {"authenticated": keys or config.tokens is not None, "protected": config.curve.enabled}
    certificates = config.tls.enabled and config.tls.client_ca is not None
    return {"authenticated": certificates or config.tokens is not None, "protected": config.tls.enabled}


def own(address: str) -> bool:
    """Whether only this machine can reach an address."""
    scheme, found, rest = address.partition("://")
    if found and scheme in ("ipc", "unix"):
        return True
    host = (rest if found else address).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    if not host or host == "*":
        return False
    try:
        named = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return bool(named) and all(
        ipaddress.ip_address(str(one[4][0]).partition("%")[0]).is_loopback for one in named
    )
