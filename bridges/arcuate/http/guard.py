"""Who may speak to the bridge at all: no browser page that nobody allowed, no name that points elsewhere.

A hub on loopback trusts whoever is on the machine. A web page in a browser on that machine is not its user:
it must not reach the hub by a request of its own (``Origin``, ``Sec-Fetch-Site``), nor by a name of its own
that resolves to 127.0.0.1 (``Host``; "DNS rebinding").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from arcuate.errors import PermissionDenied, ProtocolError
from arcuate.http.status import HttpError
from arcuate.hub import Credentials

__all__ = ["Guard"]

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Fields that a proxy adds: what comes through one does not come from this machine, whatever its address."""


class Guard:
    """Checks heads of requests.

    Args:
        hosts: names under which the hub is reached, beside ``localhost`` and addresses.
        origins: origins of web pages that may use it, such as ``https://lab.example.org``.
        inside: only code in interpreters may, by delegated tokens.
    """

    def __init__(self, hosts: Iterable[str] = (), origins: Iterable[str] = (), inside: bool = False) -> None:
        self.inside = inside
        self.hosts = frozenset(name.lower() for name in hosts)
        self.origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    def credentials(self, scope: MutableMapping[str, Any], token: str | None, secure: bool) -> Credentials:
        """What is known of a client by its connection."""
        client = scope.get("client") or ("", 0)
        protocol = scope.get("arcuate.protocol")
        names = {name for name, _ in scope["headers"]}
        proxied = any(name.encode() in names for name in _FORWARDED)
        local = _loopback(client[0]) and not proxied
        return Credentials(
            token=token,
            certificate=protocol.certificate() if secure and protocol is not None else None,
            peer=f"{client[0]}:{client[1]}",
            local=local,
            protected=secure or local,
            inside=self.inside,
        )

    def check(self, headers: Mapping[str, str]) -> str | None:
        """Refuses what a browser was tricked into; returns the origin of a page that is allowed.

        Raises:
            HttpError: 403 or 400.
        """
        host = headers.get("host")
        if host is None:
            raise HttpError(400, ProtocolError("the request has no Host"))
        if not self._known(host):
            raise HttpError(
                403,
                PermissionDenied(
                    f"this hub is not reached as {host[:80]!r}; use its address or localhost, or have the "
                    "operator add the name to http_hosts"
                ),
            )
        origin = headers.get("origin")
        if origin is not None:
            if origin.rstrip("/").lower() in self.origins:
                return origin
            raise HttpError(
                403,
                PermissionDenied(
                    f"pages of {origin[:80]!r} may not use this hub; the operator can add it to http_origins"
                ),
            )
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise HttpError(403, PermissionDenied("pages of other sites may not use this hub"))
        return None

    def _known(self, host: str) -> bool:
        name = host.strip().lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        name = name.rstrip(".")
        if name == "localhost" or name.endswith(".localhost") or name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return "*" in self.hosts
        return True


def _loopback(host: str) -> bool:
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)
