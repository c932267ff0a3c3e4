"""What every authenticator is, and how a program writes one of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from arcuate.connector import AuthenticationError, Secret, reveal
from arcuate.connector.authorization import Authorization, Certificate
from arcuate.errors import InvalidArgument

__all__ = ["BaseAuthenticator"]


class BaseAuthenticator:
    """Gives headers for credentials.

    A subclass writes :meth:`authenticate`, and :meth:`refresh_token` if what it gives can become old::

        class Signed(BaseAuthenticator):
            def authenticate(self, credentials=None):
                return {"X-Signature": sign((credentials or self.credentials)["key"])}

    Given to a connector, it is asked once; and for other headers, once, when the system refuses those (401).

    Args:
        credentials: for :meth:`authenticate`, when that is given none.
    """

    def __init__(self, credentials: Mapping[str, Any] | None = None) -> None:
        self.credentials: dict[str, Any] = dict(credentials or {})
        self._known: Authorization | None = None
        self._former: Any = None
        self._changing = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The headers that prove who we are."""
        raise NotImplementedError(f"{type(self).__name__} writes authenticate(credentials) -> headers")

    def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
        """Other headers, after the system has refused those that :meth:`authenticate` gave.

        Raises:
            AuthenticationError: there are no others.
        """
        raise AuthenticationError(
            f"the system refuses the credentials of {type(self).__name__}, which has no others",
            service=type(self).__name__,
            status=401,
        )

    @property
    def identity(self) -> str | None:
        """What tells our user from others, whatever headers they have at the moment; may hold secrets.

        It is made of :attr:`credentials`. Without any nobody can tell, so that no last good value is kept: a
        subclass that has them elsewhere writes this too.
        """
        if not self.credentials:
            return None
        known = [
            (name, reveal(one) if isinstance(one, (str, Secret)) else one)
            for name, one in sorted(self.credentials.items())
        ]
        return repr((type(self).__name__, known))

    @property
    def certificate(self) -> Certificate | None:
        """What new connections show; most authenticators have none."""
        return None

    def authorization(self, refused: Authorization | None = None) -> Authorization:
        """What the next request carries. Many threads that were refused lead to one refresh."""
        with self._changing:
            if self._known is None:
                self._known = self._first()
            elif refused is not None and refused == self._known:
                self._former = self._known  # requests that are under way may still have it
                self._known = self._made(self.refresh_token())
            return self._known

    def _first(self) -> Authorization:
        return self._made(self.authenticate(self.credentials or None))

    def _made(self, headers: Any) -> Authorization:
        if not isinstance(headers, Mapping):
            raise InvalidArgument(
                f"{type(self).__name__} gives headers, a mapping of texts; got a {type(headers).__name__}"
            )
        for name, value in headers.items():
            if not isinstance(value, str):
                raise InvalidArgument(
                    f"{type(self).__name__} gives the header {name!r} as a {type(value).__name__}, not a text"
                )
        return Authorization(headers=dict(headers))

    def secrets(self) -> Sequence[str]:
        """Credentials, and what was made of them."""
        found = [reveal(one) or "" for one in self.credentials.values() if isinstance(one, (str, Secret))]
        for one in (self._known, self._former):
            if isinstance(one, Authorization):
                for value in [*one.headers.values(), *one.params.values()]:
                    found += [value, value.rpartition(" ")[2]]
        return found
