"""Addresses of hubs: ``grpc://host:50051/r``, ``zmq+ipc:///run/arcuate.sock/r``, ``https://host:8080/r``."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from arcuate.client.net.link import Link
from arcuate.errors import EnvironmentNotFound, InvalidArgument
from arcuate.values.limits import Limits
from arcuate.values.record import record

__all__ = ["SCHEMES", "Target", "open_link"]

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
