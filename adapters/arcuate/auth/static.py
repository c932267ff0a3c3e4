"""Credentials that do not change: a key, a token, a name with a password, a certificate."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from arcuate.auth.base import BaseAuthenticator
from arcuate.connector import Secret, reveal
from arcuate.connector.authorization import Authorization, Certificate
from arcuate.errors import InvalidArgument

__all__ = ["APIKeyAuthenticator", "BasicAuthenticator", "BearerAuthenticator", "CertificateAuthenticator"]


class _Static(BaseAuthenticator):
    """Credentials by name; those that are given to :meth:`authenticate` win."""

    def _value(self, name: str, credentials: Mapping[str, Any] | None) -> str:
        found = {**self.credentials, **(credentials or {})}.get(name)
        if not isinstance(found, (str, Secret)):
            raise InvalidArgument(f"{type(self).__name__} needs the credential {name!r}, which is a text")
        value = reveal(found, f"the credential {name!r}") or ""
        if not value or any(ord(one) < 32 or ord(one) == 127 for one in value):
            raise InvalidArgument(f"the credential {name!r} is empty, or has a line break or the like in it")
        return value


class APIKeyAuthenticator(_Static):
    """A key in a header or in the query.

    Args:
        key: the key; ``env:NAME``, ``file:PATH`` and ``keyring:SERVICE/USER`` say where it is.
        name: the header or the part of the query.
        place: ``header`` or ``query``. Queries are in the logs of servers: prefer the header.
    """

    def __init__(
        self,
        key: str | Secret | None = None,
        name: str = "X-API-Key",
        place: Literal["header", "query"] = "header",
    ) -> None:
        super().__init__({"api_key": key} if key is not None else None)
        if place not in ("header", "query"):
            raise InvalidArgument(f"an API key is in the 'header' or in the 'query', not in {place!r}")
        self._name, self._place = name, place

    def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The header; none for a key in the query. Credential: ``api_key``."""
        value = self._value("api_key", credentials)
        return {self._name: value} if self._place == "header" else {}

    def _first(self) -> Authorization:
        if self._place == "query":
            return Authorization(params={self._name: self._value("api_key", None)})
        return super()._first()


class BearerAuthenticator(_Static):
    """A token.

    Args:
        token: the token, or where it is.
    """

    def __init__(self, token: str | Secret | None = None) -> None:
        super().__init__({"token": token} if token is not None else None)

    def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The header. Credential: ``token``."""
        return {"Authorization": f"Bearer {self._value('token', credentials)}"}


class BasicAuthenticator(_Static):
    """A name with a password (RFC 7617, in UTF-8).

    Args:
        user: the name, without ``:``.
        password: the password, or where it is.
    """

    def __init__(self, user: str | None = None, password: str | Secret | None = None) -> None:
        given = {"username": user, "password": password}
        super().__init__({name: value for name, value in given.items() if value is not None})

    def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The header. Credentials: ``username``, ``password``."""
        user, password = self._value("username", credentials), self._value("password", credentials)
        if ":" in user:
            raise InvalidArgument("a user name for basic authentication has no ':'")
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class CertificateAuthenticator(BaseAuthenticator):
    """A certificate of ours, which connections show (mutual TLS).

    Args:
        certificate: path of its PEM file, the chain included.
        key: path of its key, if that is another file.
        password: of the key, or where it is.
        inner: another authenticator, for what requests carry beside it.
    """

    def __init__(
        self,
        certificate: str,
        key: str | None = None,
        password: str | Secret | None = None,
        *,
        inner: BaseAuthenticator | None = None,
    ) -> None:
        super().__init__({"password": password} if password is not None else None)
        self._certificate, self._key, self._inner = certificate, key, inner

    @property
    def identity(self) -> str | None:
        inner = self._inner.identity if self._inner is not None else ""
        return None if inner is None else repr((self._certificate, inner))

    @property
    def certificate(self) -> Certificate:
        return Certificate(self._certificate, self._key, reveal(self.credentials.get("password")))

    def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The inner authenticator's headers; the certificate itself is in none."""
        return self._inner.authenticate(credentials) if self._inner is not None else {}

    def authorization(self, refused: Authorization | None = None) -> Authorization:
        if self._inner is not None:
            return self._inner.authorization(refused)
        return super().authorization(refused)

    def secrets(self) -> Sequence[str]:
        """Also the inner authenticator's."""
        return [*super().secrets(), *(self._inner.secrets() if self._inner is not None else ())]
