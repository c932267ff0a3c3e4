"""Who may connect and what they may do: tokens, certificates and keys, rights, the audit log."""

from __future__ import annotations

import logging
import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from arcuate.errors import ArcuateError, AuthenticationFailed, PermissionDenied, Unsupported
from arcuate.hub import rights
from arcuate.hub.audit import Audit
from arcuate.hub.config import Config
from arcuate.hub.delegation import Delegations, shaped
from arcuate.hub.principal import Credentials, Principal
from arcuate.hub.proxies import references
from arcuate.hub.tokens import Tokens
from arcuate.worker.confine import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from arcuate.hub.relay import Request
    from arcuate.hub.session import HubSession

__all__ = ["Guard"]

log = logging.getLogger(__name__)

_LOOK = 0.5
"""Seconds between two looks at the tokens file."""


class Guard:
    """The decisions of a hub about its clients.

    Args:
        config: what the operator wants.
        delegations: the tokens of code in interpreters.

    Attributes:
        tokens: what the tokens file says, or ``None`` without one.
        audit: the audit log, or ``None``.
    """

    def __init__(self, config: Config, delegations: Delegations | None = None) -> None:
        self._config = config
        self._delegations = Delegations() if delegations is None else delegations
        self.tokens = None if config.tokens is None else Tokens(config.tokens)
        self.audit = None if config.audit is None else Audit(config.audit)
        self._looked = 0.0
        self._told: WeakSet[ArcuateError] = WeakSet()
        if self.tokens is not None and not all(one.eval for one in self.tokens.principals.values()):
            self._report()

    def _report(self) -> None:
        reason = unavailable()
        if reason and self._config.allow_unconfined:
            log.warning("sessions without eval run unconfined, as it was asked for: %s", reason)
        elif reason:
            log.warning("tokens without eval are refused: %s", reason)

    # --------------------------------------------------------------------- who

    def authenticate(self, credentials: Credentials) -> Principal:
        """Who the other side is.

        Raises:
            AuthenticationFailed: it could not be established.
            PermissionDenied: its interpreters would have to be confined, which does not work here.
        """
        try:
            principal = self._who(credentials)
            if not principal.eval and not self._config.allow_unconfined and unavailable():
                raise PermissionDenied(
                    f"{principal.name!r} may not send code and would have to run confined, but "
                    f"{unavailable()}; the operator can allow it with --allow-unconfined"
                )
        except ArcuateError as error:
            self.refused(None, credentials.peer, error, None)
            raise
        return principal

    def _who(self, credentials: Credentials) -> Principal:
        if credentials.inside or shaped(credentials.token):
            return self._delegated(credentials)
        tokens, insecure = self.tokens, self._config.insecure
        if credentials.token and tokens is not None:
            if not (credentials.protected or credentials.local or insecure):
                raise AuthenticationFailed(
                    "a token is not taken over a connection that is not encrypted: others could read it"
                )
            return tokens.of_token(credentials.token)
        if credentials.certificate:
            if tokens is not None:
                return tokens.of_certificate(credentials.certificate)
            return Principal(f"certificate:{credentials.certificate}", "certificate")
        if credentials.curve:
            known = None if tokens is None else tokens.of_key(credentials.curve)
            return known or Principal(f"curve:{credentials.curve}", "curve")
        if tokens is not None:
            raise AuthenticationFailed(
                "this hub wants to know who you are: connect(..., token=...); "
                "its operator makes one with: arcuate token create"
            )
        if credentials.local:
            return Principal("local")
        if insecure:
            return Principal("anonymous", "anonymous")
        raise AuthenticationFailed(
            "this hub serves its own machine only: it has no tokens, certificates or keys of clients"
        )

    def _delegated(self, credentials: Credentials) -> Principal:
        found = self._delegations.find(credentials.token)
        if found is None:
            raise AuthenticationFailed("the delegated token is not known here; it is wrong, or is over")
        if not credentials.local:
            raise AuthenticationFailed("a delegated token counts on the hub's own machine only")
        principal = found.principal()
        self.still_valid(principal)
        return principal

    def still_valid(self, principal: Principal) -> None:
        """Refuses a principal whose time is over, or who was revoked.

        Raises:
            AuthenticationFailed: it is so.
        """
        if self.tokens is not None and principal.name.startswith(("token:", "certificate:", "key:")):
            self.tokens.check(principal)
        elif principal.expires is not None and time.time() >= principal.expires:
            raise AuthenticationFailed(f"the credentials of {principal.name!r} have expired")

    # -------------------------------------------------------------------- what

    def permit(
        self,
        principal: Principal,
        environment: str,
        language: Callable[[], str],
        request: Request,
        session: HubSession | None,
    ) -> None:
        """Refuses what a principal may not do.

        Args:
            principal: who.
            environment: where.
            language: gives the environment's language.
            request: what; a name without package and handles of other sessions are settled in it.
            session: the session that it goes to.

        Raises:
            PermissionDenied: it may not.
            StaleHandle: it has a handle of a session that is over.
        """
        self.may_use(principal, environment)
        if references(request.message):
            if session is None:
                raise Unsupported("a stateless call takes no handles; open a session")
            session.proxies.admit(request)
        if not (principal.eval and principal.workspace):
            rights.check(principal, language(), request)

    def may_use(self, principal: Principal, environment: str) -> None:
        """Refuses an environment.

        Raises:
            PermissionDenied: the principal may not use it, whether there is one or not.
        """
        if not any(fnmatchcase(environment, pattern) for pattern in principal.environments):
            allowed = ", ".join(principal.environments) or "none"
            raise PermissionDenied(
                f"{principal.name!r} may not use the environment {environment[:80]!r}; allowed are: {allowed}"
            )

    # ----------------------------------------------------------------- logging

    def note(self, principal: Principal, op: str, peer: str, **more: Any) -> None:
        """Writes down that somebody came, or opened a session."""
        if self.audit is not None:
            self.audit.write(who=principal.name, op=op, outcome="OK", peer=peer, **more)

    def refused(
        self, principal: Principal | None, peer: str, error: ArcuateError, request: Request | None
    ) -> None:
        """Writes down a request of which nothing was done. Whoever passes the error on may say so again."""
        if self.audit is not None and error not in self._told:
            self._told.add(error)
            self.audit.refused(principal, peer, error.code, request)

    # -------------------------------------------------------------------- time

    def tick(self, now: float, sessions: Callable[[], list[HubSession]]) -> None:
        """Notices a changed tokens file, and ends the sessions of those whose rights are gone."""
        if self.tokens is None or now - self._looked < _LOOK:
            return
        self._looked = now
        try:
            self.tokens.refresh()
        except (ArcuateError, OSError) as error:
            log.error("tokens: %s; what was read before stays in force", error)
        for session in sessions():
            try:
                self.still_valid(session.principal)
            except AuthenticationFailed as error:
                session.close(error)

    def reload(self) -> None:
        """Reads the tokens again and opens the audit log again.

        Raises:
            ArcuateError: one of them is not right; what was there before stays in force.
        """
        if self.tokens is not None:
            self.tokens.reload()
        if self.audit is not None:
            self.audit.reload()

    def close(self) -> None:
        """Ends the audit log."""
        if self.audit is not None:
            self.audit.close()
