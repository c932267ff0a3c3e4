"""Who is at the other end of a call, as far as gRPC knows."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from arcuate.hub import Credentials

__all__ = ["credentials", "metadata_of"]

_FORWARDED = frozenset(("forwarded", "via", "x-forwarded-for", "x-real-ip"))
"""What a proxy adds: a call that came through one does not come from this machine, whatever its address."""


def metadata_of(pairs: Iterable[Any] | None) -> dict[str, str]:
    """The text fields of a call's metadata; of a repeated field the last."""
    return {key: value for key, value in pairs or () if isinstance(value, str)}


def credentials(context: Any) -> Credentials:
    """What a call says and shows of its sender.

    Args:
        context: the call's context; its metadata may hold ``authorization: Bearer TOKEN``.
    """
    metadata = metadata_of(context.invocation_metadata())
    token = None
    given = metadata.get("authorization")
    if given is not None:
        scheme, _, rest = given.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else ""
    shown = context.auth_context() or {}
    peer = unquote(context.peer())
    local = _loopback(peer) and not _FORWARDED & metadata.keys()
    return Credentials(
        token=token,
        certificate=_subject(shown),
        peer=peer.partition(":")[2],
        local=local,
        protected=local or bool(shown.get("transport_security_type")),
    )


def _loopback(peer: str) -> bool:
    """Whether ``ipv4:127.0.0.1:50211`` or ``ipv6:[::1]:50211`` is this machine."""
    kind, _, rest = peer.partition(":")
    if kind == "unix":
        return True
    host = rest.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def _subject(shown: Mapping[str, Any]) -> str | None:
    """The subject of the client's certificate, which gRPC has verified."""
    for name, form in (("x509_subject", "{}"), ("x509_common_name", "CN={}")):
        found = shown.get(name)
        if found:
            return form.format(bytes(found[0]).decode("utf-8", "replace"))
    return None
