"""OAuth 2.0 on Authlib: tokens that are fetched, kept, and renewed before they end, once for all threads."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import httpx2
from pydantic import Field

from arcuate.auth.base import BaseAuthenticator
from arcuate.auth.callback import Callback
from arcuate.auth.device import DeviceCode
from arcuate.auth.store import TokenStore
from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    Connector,
    ConnectorConfig,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
    Secret,
    bounded,
    deadline,
    reveal,
    tls,
)
from arcuate.connector.authorization import Authorization
from arcuate.connector.secrets import cause
from arcuate.connector.statuses import retry_after
from arcuate.errors import ArcuateError, InvalidArgument, SessionClosed

__all__ = ["OAuth2Authenticator", "OAuth2Config"]


_ENDPOINTS = ("token", "authorization", "device_authorization")
_TOKENS = ("access_token", "refresh_token", "id_token")
_LOGIN = "arcuate_login"
"""In a kept token: tells one login from others."""
_STATUSES: dict[int, tuple[type[IntegrationError], bool]] = {
    401: (AuthenticationError, False),
    403: (AuthenticationError, False),
    404: (NotFoundError, False),
    408: (IntegrationTimeout, True),
    429: (RateLimitError, True),
}


def _answered(response: Any) -> Any:
    """The answer of the token endpoint, unless its status says more than its body."""
    if response.status_code >= 400:
        try:
            said = "error" in response.json()  # RFC 6749, 5.2
        except ValueError:
            said = False
        if not said:
            response.raise_for_status()
    return response


def _headers(token: Mapping[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {token['access_token']}"}


class OAuth2Config(ConnectorConfig):
    """Where the authorization server is, and who we are for it. ``url`` is not used."""

    issuer: str = Field(default="", description="its address: the endpoints are asked for there")
    token_url: str = Field(default="", description="its token endpoint, if not by 'issuer'")
    authorization_url: str = Field(default="", description="its authorization endpoint, if not by 'issuer'")
    device_authorization_url: str = Field(default="", description="its device endpoint, if not by 'issuer'")
    client_id: str = ""
    client_secret: Secret | None = None
    client_auth: Literal["", "client_secret_basic", "client_secret_post", "none"] = Field(
        default="", description="how the secret is sent; by default basic, or none without a secret"
    )
    grant: Literal["client_credentials", "authorization_code", "device_code"] = "client_credentials"
    scope: str = Field(default="", description="what is asked for, divided by spaces")
    parameters: dict[str, str] = Field(
        default_factory=dict, description="more for the token endpoint, such as audience"
    )
    leeway: float = Field(
        default=60.0, ge=0, description="seconds before its end at which a token is renewed"
    )
    callback_port: int = Field(default=0, ge=0, le=65535, description="of login(); 0: one that is free")
    ca_file: str | None = Field(default=None, description="PEM file of authorities that are trusted")


class OAuth2Authenticator(BaseAuthenticator, Connector):
    """Gets tokens from an authorization server.

    ``grant="client_credentials"`` needs nothing more; ``"authorization_code"`` begins with :meth:`login`, in
    which a person agrees in a browser, ``"device_code"`` with :meth:`login_device`, in which they do so on
    another device; both go on by refresh tokens.

    Args:
        config: settings (:class:`OAuth2Config`).
        store: where the token is between two runs; ``None``: nowhere.
        **arguments: settings.
    """

    Config: ClassVar[type[ConnectorConfig]] = OAuth2Config
    default_name = "oauth2"

    def __init__(
        self,
        config: ConnectorConfig | Mapping[str, Any] | None = None,
        /,
        *,
        store: TokenStore | None = None,
        **arguments: Any,
    ) -> None:
        BaseAuthenticator.__init__(self)
        Connector.__init__(self, config, **arguments)
        self._store = store
        self._token: dict[str, Any] | None = None
        self._former: deque[dict[str, Any]] = deque(
            maxlen=4
        )  # requests that are under way may still have them
        self._http: Any = None
        self._endpoints: dict[str, str] = {}
        self._renewing = threading.RLock()

    __repr__ = Connector.__repr__

    # --- Headers

    def authenticate(self, credentials: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The header with a token that is good for a while.

        Args:
            credentials: ``client_id`` and ``client_secret``, if they are not in the configuration.

        Raises:
            AuthenticationError: the server refuses, or :meth:`login` is needed.
        """
        if credentials:
            with self._renewing:
                self._adopt(credentials)
        return dict(self.authorization().headers)

    def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
        """The header with a new token.

        Args:
            refresh_token: with which it is asked for; by default the last one that the server gave.
        """
        with self._renewing:
            self._renew(refresh_token)
            assert self._token is not None
            return _headers(self._token)

    def authorization(self, refused: Authorization | None = None) -> Authorization:
        token = self._token
        if token is not None and refused is None and not self._ending(token):
            return Authorization(headers=_headers(token))
        with self._renewing:
            token = self._token
            if token is None or self._unfit(token, refused):
                token = self._token = self._kept() or token  # another process may have been faster
            if token is None:
                self._obtain()
            elif self._unfit(token, refused):
                self._renew(None)
            assert self._token is not None
            return Authorization(headers=_headers(self._token))

    def _unfit(self, token: Mapping[str, Any], refused: Authorization | None) -> bool:
        return self._ending(token) or (refused is not None and refused.headers == _headers(token))

    def _kept(self) -> dict[str, Any] | None:
        return self._store.load(self._entry()) if self._store is not None else None

    def secrets(self) -> list[str]:
        """Also the tokens."""
        shown = [one.get(name) for one in (self._token or {}, *tuple(self._former)) for name in _TOKENS]
        return [*Connector.secrets(self), *(text for text in shown if isinstance(text, str))]

    def _ending(self, token: Mapping[str, Any]) -> bool:
        end, life = token.get("expires_at"), token.get("expires_in")
        leeway = min(self.config.leeway, float(life) / 2) if life else self.config.leeway
        return end is not None and time.time() + leeway >= end

    def _adopt(self, credentials: Mapping[str, Any]) -> None:
        other = [name for name in credentials if name not in ("client_id", "client_secret")]
        if other:
            raise InvalidArgument(f"credentials are client_id and client_secret; there is no {other[0]!r}")
        update = {
            "client_id": self.config.client_id,
            "client_secret": self.config.client_secret,
            **credentials,
        }
        if isinstance(update["client_secret"], str):
            update["client_secret"] = Secret(update["client_secret"])
        if any(update[name] != getattr(self.config, name) for name in update):
            self.config = self.config.model_copy(update=update)
            self._token = None
            self._shut()

    # --- Tokens

    def _obtain(self) -> None:
        if self.config.grant != "client_credentials":
            raise AuthenticationError(
                f"{self.name}: nobody has logged in; call {self._way}", service=self.name, status=401
            )
        self._keep(self._fetched(grant_type="client_credentials"))

    def _renew(self, refresh_token: str | None) -> None:
        before = self._token or {}
        known = refresh_token or before.get("refresh_token")
        if known is None:
            if self.config.grant == "client_credentials":
                return self._obtain()
            raise AuthenticationError(
                f"{self.name}: the token has ended, and the server gave none to renew it by; call "
                f"{self._way}",
                service=self.name,
                status=401,
            )
        try:
            found = self._asked(
                lambda client: client.refresh_token(self._endpoint("token"), refresh_token=known),
                repeatable=False,  # a refresh token may be good for one use
            )
        except AuthenticationError as error:
            if self.config.grant == "client_credentials":
                self._forget()
                return self._obtain()
            if error.detail == "invalid_grant" and refresh_token is None:  # RFC 6749, 5.2: this one is over
                newer = self._kept()
                if newer is not None and newer.get("refresh_token") != known:
                    self._token = newer  # another process was faster
                    return None
                self._forget()
            raise
        found.setdefault("refresh_token", known)
        if before.get("refresh_token") == known and _LOGIN in before:
            found[_LOGIN] = before[_LOGIN]
        self._keep(found)
        return None

    def _fetched(self, **what: Any) -> dict[str, Any]:
        if what["grant_type"] == "client_credentials" and not self.config.client_id:
            raise InvalidArgument(f"{self.name}: set 'client_id' and 'client_secret'")
        return self._asked(
            lambda client: client.fetch_token(self._endpoint("token"), **what, **self.config.parameters),
            repeatable=what["grant_type"] == "client_credentials",
        )

    def _asked(self, question: Callable[[Any], Any], repeatable: bool) -> dict[str, Any]:
        self.open()

        def attempt() -> dict[str, Any]:
            with self._faults():
                return dict(question(self._client()))

        found: dict[str, Any] = self.resilience.run(
            attempt, name="token", repeatable=repeatable, fallback=False
        ).value
        access, kind = found.get("access_token"), str(found.get("token_type", "bearer"))
        if not isinstance(access, str) or not access or any(ord(one) < 33 for one in access):
            raise DataError(f"{self.name}: the answer of the token endpoint has no token", service=self.name)
        if kind.lower() != "bearer":
            raise DataError(f"{self.name}: a token of type {kind!r}; only Bearer is known", service=self.name)
        return found

    def _keep(self, token: dict[str, Any]) -> None:
        token.setdefault(_LOGIN, secrets.token_hex(8))
        if self._token is not None:
            self._former.append(self._token)
        self._token = token
        if self._store is not None:
            self._store.save(self._entry(), token)

    def _forget(self) -> None:
        if self._token is not None:
            self._former.append(self._token)
        self._token = None
        if self._store is not None:
            self._store.remove(self._entry())

    @property
    def identity(self) -> str | None:
        """Also who has logged in: that is said when they do, and kept with their token."""
        if self.config.grant == "client_credentials":
            return self._entry()
        token = self._token or self._kept() or {}
        return f"{self._entry()} {token[_LOGIN]}" if _LOGIN in token else None

    def _entry(self) -> str:
        """The token's name in the store: no two servers, clients or scopes share one."""
        config = self.config
        server = config.issuer or config.token_url
        return " ".join(
            (server, config.client_id, config.grant, config.scope, *sorted(config.parameters.values()))
        )

    # --- A person agrees

    def login(self, open_browser: Callable[[str], object] | None = None, *, wait: float = 300.0) -> None:
        """Has a person agree in a browser: authorization code with PKCE and a callback on this machine.

        Args:
            open_browser: shows an address; by default the system's browser.
            wait: seconds until it is given up.

        Raises:
            AuthenticationError: the person, or the server, refuses.
            IntegrationTimeout: nobody agreed in time.
        """
        if open_browser is None:
            import webbrowser

            open_browser = webbrowser.open
        verifier = secrets.token_urlsafe(64)
        self.open()
        with self._renewing, Callback(self.config.callback_port) as callback:
            with self._faults():
                client = self._client()
                client.code_challenge_method = "S256"
                address, state = client.create_authorization_url(
                    self._endpoint("authorization"), code_verifier=verifier, redirect_uri=callback.url
                )
            callback.expect(state)
            open_browser(address)
            answer = callback.wait(wait)
            if answer is None:
                raise IntegrationTimeout(
                    f"{self.name}: nobody agreed within {wait:g} s", service=self.name, recoverable=False
                )
            if "code" not in answer:
                said = self.conceal(answer.get("error_description") or answer.get("error") or "no code")
                raise AuthenticationError(f"{self.name}: the server refuses: {said}", service=self.name)
            found = self._fetched(
                grant_type="authorization_code",
                code=answer["code"],
                code_verifier=verifier,
                redirect_uri=callback.url,
            )
            self._keep(found)

    def login_device(
        self,
        show: Callable[[DeviceCode], object] | None = None,
        *,
        wait: float | None = None,
        interval: float = 5.0,
    ) -> None:
        """Has a person agree on another device, by a code that they type there.

        Args:
            show: shows them the code and where; by default a line on stderr.
            wait: seconds until it is given up; ``None``: as long as the code is good.
            interval: seconds between two questions, if the server names none.

        Raises:
            AuthenticationError: the person, or the server, refuses.
            IntegrationTimeout: nobody agreed in time.
        """
        from arcuate.auth import device

        self.open()
        with self._renewing:
            self._keep(device.login(self, show, wait, interval))

    @property
    def _way(self) -> str:
        return "login_device()" if self.config.grant == "device_code" else "login()"

    def logout(self) -> None:
        """Forgets the token, in the store too."""
        with self._renewing:
            if self._token is None and self._store is None:
                return
            self._forget()

    # --- The server

    def _client(self) -> Any:
        with self._renewing:
            if self._http is None:
                try:
                    from authlib.integrations.httpx_client import OAuth2Client
                except ModuleNotFoundError:
                    raise InvalidArgument(
                        "OAuth 2.0 needs a package; type: pip install 'arcuate[auth]'"
                    ) from None
                times, secret = self.config.timeouts, reveal(self.config.client_secret, "the client's secret")
                self._http = OAuth2Client(
                    client_id=self.config.client_id,
                    client_secret=secret,
                    token_endpoint_auth_method=self.config.client_auth or None,
                    scope=self.config.scope or None,
                    timeout=httpx2.Timeout(times.read, connect=times.connect),
                    verify=tls.context(self.config.ca_file, None),
                )
                bounded.bound(self._http)
                for which in ("access_token_response", "refresh_token_response"):
                    self._http.register_compliance_hook(which, _answered)
                if self._closed:  # by another thread, meanwhile
                    self._shut()
            self._still_open()
            return self._http

    def _endpoint(self, which: str) -> str:
        given: str = getattr(self.config, f"{which}_url")
        if given:
            return given
        if not self._endpoints:
            if not self.config.issuer:
                raise InvalidArgument(f"{self.name}: set 'issuer' or '{which}_url'")
            found = self._discovered()
            self._endpoints = {name: found.get(f"{name}_endpoint", "") for name in _ENDPOINTS}
        if not self._endpoints[which]:
            raise InvalidArgument(f"{self.name}: the server names no {which} endpoint; set '{which}_url'")
        return self._endpoints[which]

    def _discovered(self) -> Mapping[str, Any]:
        issuer = self.config.issuer.rstrip("/")
        with self._faults():
            answer = self._client().get(f"{issuer}/.well-known/openid-configuration", auth=None)
            answer.raise_for_status()
            found = answer.json()
        if not isinstance(found, dict) or str(found.get("issuer", "")).rstrip("/") != issuer:
            raise DataError(
                f"{self.name}: {issuer} describes another server; look at 'issuer'", service=self.name
            )
        return found

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """One question to the server: in time, and what goes wrong as errors of connectors."""
        try:
            with deadline.until(deadline.end_within(self.config.timeouts.call)):
                yield
        except (ArcuateError, KeyboardInterrupt):
            raise
        except Exception as error:
            found = self._fault(error)
            if found is None:
                raise
            raise found from cause(error, self.conceal)

    def _fault(self, error: Exception) -> ArcuateError | None:
        """What an exception of a library means; ``None``: a defect."""
        from authlib.common.errors import AuthlibBaseError

        if isinstance(error, RuntimeError):
            return (
                SessionClosed(f"{self.name} was closed in the middle of a request") if self._closed else None
            )
        if isinstance(error, AuthlibBaseError):
            said = self.conceal(f"{error.error}: {error.description}" if error.description else error.error)
            return AuthenticationError(
                f"{self.name}: the authorization server refuses: {said}; look at 'client_id', "
                "'client_secret', 'grant' and 'scope'",
                service=self.name,
                detail=error.error,
            )
        if isinstance(error, httpx2.HTTPStatusError):
            status = error.response.status_code
            kind, recoverable = _STATUSES.get(status, (IntegrationError, status >= 500))
            return kind(
                f"{self.name}: the authorization server gave {status}",
                service=self.name,
                status=status,
                recoverable=recoverable,
                retry_after=retry_after(error.response.headers),
            )
        if isinstance(error, httpx2.TimeoutException):
            return IntegrationTimeout(
                f"{self.name}: the authorization server did not answer in time (setting 'timeouts')",
                service=self.name,
            )
        if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
            return InvalidArgument(
                f"{self.name}: the authorization server has no such address: {self.conceal(error)}; look at "
                "'issuer' and 'token_url'"
            )
        if isinstance(error, httpx2.HTTPError):
            return ConnectionError(
                f"{self.name}: the authorization server cannot be reached: {self.conceal(error)}",
                service=self.name,
                recoverable="CERTIFICATE_VERIFY_FAILED" not in str(error),
            )
        if isinstance(error, (ValueError, KeyError, TypeError, AttributeError)):
            return DataError(
                f"{self.name}: the authorization server's answer cannot be read: {self.conceal(error)}",
                service=self.name,
            )
        return None

    # --- Life

    def _check(self) -> Sequence[Any] | Mapping[str, Any]:  # type: ignore[override]
        self.authorization()
        end = (self._token or {}).get("expires_at")
        return {"expires_in": None if end is None else round(end - time.time())}

    def _shut(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            http.close()

    def _close(self) -> None:
        self._shut()
