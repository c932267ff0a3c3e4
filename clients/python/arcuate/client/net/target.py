"""Addresses of hubs: ``grpc://host:50051/r``, ``zmq+ipc:///run/arcuate.sock/r``, ``https://host:8080/r``."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from arcuate.client.net.link import Link
from arcuate.errors import EnvironmentNotFound, InvalidArgument
from arcuate.values.limits import Limits
from arcuate.values.record import record

__all__ = ["INSIDE", "SCHEMES", "Target", "inside", "open_link"]

INSIDE = "hub://"
"""The hub that has started this interpreter."""
_ADDRESS, _TOKEN = "ARCUATE_DELEGATED_HTTP", "ARCUATE_DELEGATED_TOKEN"
"""Where a hub tells its interpreters how they reach it, and as whom."""

SCHEMES = {
    "grpc": ("grpc", "a gRPC hub", False, 50051),
    "grpcs": ("grpc", "a gRPC hub, over TLS", True, 50051),
    "zmq": ("zmq", "a ZeroMQ hub", False, 5555),
    "zmq+ipc": ("zmq", "a ZeroMQ hub on this machine, through a socket file", False, 0),
    "http": ("http", "an HTTP hub", False, 8080),
    "https": ("http", "an HTTP hub, over TLS", True, 8080),
}
"""Scheme: (module of the link, what it is, whether TLS is on, default port)."""


@record(frozen=True)
class Target:
    """An address, read.

    Attributes:
        scheme: one of :data:`SCHEMES`.
        host: host name or address; the socket's path for ``zmq+ipc``.
        port: port number; 0 for ``zmq+ipc``.
        path: what follows: the name of an environment, or ``""``.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def secure(self) -> bool:
        """Whether the scheme asks for TLS."""
        return SCHEMES[self.scheme][2]

    @property
    def address(self) -> str:
        """``host:port``, with brackets where they belong."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else self.host

    @classmethod
    def parse(cls, text: str) -> Target:
        """Reads an address.

        Raises:
            InvalidArgument: it is none, or its scheme is not known.
        """
        scheme, found, _ = text.partition("://")
        if not found or scheme not in SCHEMES:
            known = ", ".join(f"{name}://" for name in SCHEMES)
            raise InvalidArgument(f"{text!r} is no address of a hub; one begins with {known}")
        if scheme == "zmq+ipc":
            socket, slash, name = text[len(scheme) + 3 :].rpartition("/")
            if not slash or not socket.startswith("/"):
                raise InvalidArgument(f"{text!r}: write zmq+ipc:///folder/socket/environment")
            return cls(scheme, unquote(socket), 0, unquote(name))
        try:
            parts = urlsplit(text)
            port = parts.port or SCHEMES[scheme][3]
        except ValueError as error:
            raise InvalidArgument(f"{text!r} is no address: {error}") from None
        if parts.query or parts.fragment or parts.username or parts.password:
            raise InvalidArgument(
                f"{scheme}://{parts.hostname}: an address has a host, a port and the name of an "
                "environment only; give a token as connect(..., token=...)"
            )
        if not parts.hostname:
            raise InvalidArgument(f"{text!r} has no host; write {scheme}://host:{port}/environment")
        return cls(scheme, parts.hostname, port, unquote(parts.path.strip("/")))


def inside(text: str, token: str | None) -> tuple[str, str | None]:
    """What an address stands for that may be ``hub:///r``: the hub that has started this interpreter.

    Args:
        text: any address.
        token: the token that was given with it.

    Returns:
        An address that :meth:`Target.parse` reads, and the token for it.

    Raises:
        InvalidArgument: no hub has started this interpreter.
    """
    if not text.startswith(INSIDE):
        return text, token
    place = text[len(INSIDE) :]
    if place and not place.startswith("/"):
        raise InvalidArgument(
            f"{text!r} names a host; the hub that started this interpreter is {INSIDE}/{place}"
        )
    url, own = os.environ.get(_ADDRESS), os.environ.get(_TOKEN)
    if not url or not own:
        raise InvalidArgument(
            f"{text!r} is the hub that has started this interpreter, and none has, or it does not allow that "
            f"({_ADDRESS} and {_TOKEN} are not set); give the address of a hub"
        )
    return url + place, token or own


def open_link(target: Target, limits: Limits, **security: Any) -> Link:
    """The link for an address; it is not connected yet.

    Args:
        target: the address.
        limits: what is accepted.
        security: ``token``, ``tls``, ``curve``; each link refuses what its protocol does not have.

    Raises:
        EnvironmentNotFound: the library of the protocol is not installed; the message says what to type.
        InvalidArgument: an option that the protocol does not have.
    """
    from importlib import import_module

    module, what, _, _ = SCHEMES[target.scheme]
    try:
        found = import_module(f"arcuate.client.net.{module}")
    except ImportError as error:
        raise EnvironmentNotFound(
            f"{target.scheme}:// reaches {what}, which needs a library that is not installed ({error}); "
            f"type: pip install 'arcuate[{module}]'"
        ) from None
    link: Link = found.open_link(target, limits, **security)
    return link
