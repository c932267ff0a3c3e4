"""What a connector asks of whoever proves who we are; :mod:`arcuate.auth` knows how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from arcuate.values.record import field, record

__all__ = ["Authorization", "Authorizer", "Certificate", "identity"]


@record(frozen=True)
class Authorization:
    """What a request carries.

    Attributes:
        headers: by name.
        params: parts of the query, by name.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Authorization(headers={sorted(self.headers)}, params={sorted(self.params)})"


@record(frozen=True)
class Certificate:
    """What a connection shows: a certificate of ours, for mutual TLS.

    Attributes:
        certificate: path of a PEM file, the chain included.
        key: path of its key's PEM file, ``None`` if it is in the same file.
        password: of the key, ``None`` if it has none.
    """

    certificate: str
    key: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Certificate({self.certificate!r})"


@runtime_checkable
class Authorizer(Protocol):
    """Proves who we are. Its methods may be called by many threads."""

    @property
    def certificate(self) -> Certificate | None:
        """For each new connection."""

    def authorization(self, refused: Authorization | None = None) -> Authorization:
        """What the next request carries.

        Args:
            refused: what the system no longer takes, if anything; another one is wanted.

        Raises:
            AuthenticationError: there is none, or no other.
        """

    def secrets(self) -> Sequence[str]:
        """What must not be in any error."""


def identity(authorizer: Authorizer | None) -> str | None:
    """What tells the user of an authorizer from others, for keys of what is kept; may hold secrets.

    It is the authorizer's ``identity``: the same before and after a token is renewed. ``None``: it has none,
    so that nothing may be kept.
    """
    if authorizer is None:
        return ""
    found = getattr(authorizer, "identity", None)
    return None if found is None else str(found)
