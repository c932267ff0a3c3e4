"""One request of the client: what is sent, and what its answer is as plain values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx2

from arcuate.connector import NotFoundError
from arcuate.connector.authorization import Authorization, identity
from arcuate.errors import InvalidArgument
from arcuate.rest import exchange

if TYPE_CHECKING:
    from arcuate.rest.client import RESTAPIClient

__all__ = ["Request"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # RFC 9110, 9.2.2: idempotent
_READING = frozenset({"GET", "HEAD", "OPTIONS"})  # 9.2.1: nothing is changed by them


class Request:
    """One request, however often it is sent."""

    def __init__(
        self,
        client: RESTAPIClient,
        method: str,
        endpoint: str,
        params: Mapping[str, Any] | None,
        data: Any,
        headers: Mapping[str, str] | None,
    ) -> None:
        if not client.base_url:
            others = ", ".join(map(repr, client.config.extra))
            raise InvalidArgument(
                f"{client.name}: there is no address: set 'url' (or self.base_url), such as https://api.example"
                + (f"; {others} of the mapping is no setting" if others else "")
            )
        if not isinstance(endpoint, str):
            raise InvalidArgument(f"{client.name}: an endpoint is a text; got a {type(endpoint).__name__}")
        for what, given in (("params", params), ("headers", headers)):
            if not isinstance(given, (Mapping, type(None))):
                raise InvalidArgument(f"{client.name}: {what} are a mapping; got a {type(given).__name__}")
        self.method = method.upper()
        self.url = exchange.address(client.base_url, endpoint)
        self._client, self._endpoint, self._params = client, endpoint, params
        self._data, self._headers = data, headers
        self._content, self._sent = exchange.body_of(data)
        self._plain = False
        self.shown = client.shown(self.url)
        self.what = f"{self.method} {self.shown}"

    def repeats(self, asked: bool | None) -> bool:
        return self.method in _SAFE if asked is None else asked

    @property
    def reads(self) -> bool:
        return self.method in _READING

    def at(self, other: RESTAPIClient) -> Request:
        """The same for another address of the system.

        Raises:
            NotFoundError: what it asks for is not below the base, so that nobody knows where it is there.
        """
        endpoint = self._endpoint
        if endpoint == self.url:
            found = exchange.rebased(endpoint, self._client.base_url, other.base_url)
            if found is None:
                raise NotFoundError(
                    f"{other.name}: {self.shown} has no counterpart there", service=other.name, status=404
                )
            endpoint = found
        return Request(other, self.method, endpoint, self._params, self._data, self._headers)

    def key(self) -> str | None:
        """Under which its last good answer is kept: another user's is not given."""
        if self.method != "GET" or self._client.config.fallback is None:
            return None
        client = self._client
        whose = identity(client.authorizer)
        if whose is None:
            return None
        who = (sorted(client.headers.items()), sorted((self._headers or {}).items()), whose)
        return f"{self.asked()} {hashlib.sha256(repr(who).encode()).hexdigest()}"

    def asked(self) -> str:
        """The address with the query, but for what an authenticator adds."""
        return f"{self.url}?{httpx2.QueryParams(exchange.params_of(self._params, {}))}"

    def built(
        self, client: httpx2.Client | httpx2.AsyncClient, auth: Authorization, content: Any = None
    ) -> httpx2.Request:
        """The request; ``content`` is sent piece by piece."""
        try:
            url = httpx2.URL(self.url)
            params = exchange.params_of(self._params, auth.params)
            return client.build_request(
                self.method,
                url.copy_merge_params(params) if params else url,
                content=self._content if content is None else content,
                headers=exchange.asked(self._client.headers, self._sent, self._headers, auth),
            )
        except (httpx2.InvalidURL, AttributeError, TypeError, ValueError) as error:
            said = self._client.conceal(error)
            raise InvalidArgument(f"{self._client.name}: {self.what} cannot be sent: {said}") from None

    def conditional(self, request: httpx2.Request) -> Any:
        """Adds the conditions under which an answer that we have need not come again; its key."""
        key = self._client._validators.key(self.method, str(request.url), request.headers)
        if key is not None and not self._plain:
            request.headers.update(self._client._validators.conditions(key))
        return key

    def unconditional(self) -> Request:
        """The same, once more: what we had is gone meanwhile."""
        self._plain = True
        return self

    def answer(self, response: httpx2.Response, content: bytes, key: Any) -> dict[str, Any] | None:
        """The answer as plain values, which can be kept on disk; ``None``: ask again, unconditionally."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        links = (
            {name: one["url"] for name, one in response.links.items() if "url" in one}
            if "link" in headers
            else {}
        )
        found = {
            "status": response.status_code,
            "headers": headers,
            "content": content,
            "links": links,
            "url": self.shown,
        }
        if key is None:
            return found
        known = self._client._validators.answer(key, found)
        return found if known is None and self._plain else known
