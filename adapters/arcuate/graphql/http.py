"""Payloads by POST, on httpx2: bounded in size and time, in a sync and an async face."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

import httpx2

from arcuate.connector import (
    DataError,
    IntegrationTimeout,
    deadline,
    httpfaults,
    jsontext,
    redacted,
    statuses,
)
from arcuate.connector.authorization import Authorization
from arcuate.connector.lending import Lending
from arcuate.connector.secrets import cause
from arcuate.errors import InvalidArgument, LimitExceeded, SessionClosed
from arcuate.graphql.result import GraphQLResult, of_faults, of_payload
from arcuate.graphql.upload import FileVar, form

__all__ = ["Exchange"]

_ANSWERED = frozenset({400, 422})
"""Statuses beside 2xx with which servers send errors of GraphQL."""
_ACCEPT = "application/graphql-response+json, application/json;q=0.9"


class Exchange:
    """Sends payloads to one address.

    Args:
        service: the connector's name.
        config: its settings.
        tls: of its connections.
        headers: sent each time, asked for each time.
        conceal: takes secrets out of a text.
    """

    def __init__(
        self,
        service: str,
        config: Any,
        tls: Any,
        headers: Callable[[], Mapping[str, str]],
        conceal: Callable[[Any], str],
    ) -> None:
        if not config.url:
            raise InvalidArgument(f"{service}: there is no address: set 'url', such as https://api.example")
        self._service, self._config, self._headers, self._conceal = service, config, headers, conceal
        times = config.timeouts
        self._options: dict[str, Any] = {
            "verify": tls,
            "timeout": httpx2.Timeout(times.read, connect=times.connect, pool=times.connect),
            "follow_redirects": False,
        }
        self.what = f"POST {conceal(redacted(config.url))}"
        hooks = {"response": [httpfaults.heard]}
        self._lending = Lending(lambda: httpx2.Client(**self._options, event_hooks=hooks))
        self._aclient: httpx2.AsyncClient | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def post(self, payload: str, auth: Authorization, files: Mapping[str, FileVar]) -> GraphQLResult:
        """The answer.

        Args:
            payload: of an operation.
            auth: who we are.
            files: those that belong to it, by their place.

        Raises:
            IntegrationError: there is none.
        """
        with self._lending.lent(self._service) as client:
            return self._posted(client, payload, auth, files)

    def _posted(
        self, client: httpx2.Client, payload: str, auth: Authorization, files: Mapping[str, FileVar]
    ) -> GraphQLResult:
        end = deadline.end_within(self._config.timeouts.call)
        try:
            with deadline.until(end):
                with self._content(payload, files) as content:
                    response = client.send(self._request(client, content, auth), stream=True)
                try:
                    size, parts = 0, []
                    for part in response.iter_bytes():
                        size += len(part)
                        self._bounded(size)
                        if time.monotonic() > end:
                            raise httpx2.ReadTimeout("")
                        parts.append(part)
                finally:
                    response.close()
        except httpx2.TimeoutException as error:
            if time.monotonic() >= end:
                raise self._late() from cause(error, self._conceal)
            self._fail(error)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            self._fail(error)
        return self._judge(response, b"".join(parts))

    async def apost(self, payload: str, auth: Authorization, files: Mapping[str, FileVar]) -> GraphQLResult:
        """As :meth:`post`, for asyncio."""
        loop = asyncio.get_running_loop()
        if self._closed:
            raise SessionClosed(f"{self._service} was closed while it was asked")
        if self._aclient is None:
            hooks = {"response": [httpfaults.aheard]}
            self._aclient, self.loop = httpx2.AsyncClient(**self._options, event_hooks=hooks), loop
        elif self.loop is not loop:
            raise InvalidArgument(f"{self._service} is open in another event loop; make one for each loop")
        left = deadline.end_within(self._config.timeouts.call) - time.monotonic()
        try:
            return await asyncio.wait_for(self._alone(self._aclient, payload, auth, files), max(left, 0.0))
        except asyncio.TimeoutError as error:
            if isinstance(error, IntegrationTimeout):
                raise
            raise self._late() from None

    async def _alone(
        self,
        client: httpx2.AsyncClient,
        payload: str,
        auth: Authorization,
        files: Mapping[str, FileVar],
    ) -> GraphQLResult:
        try:
            with self._content(payload, files) as content:
                response = await client.send(self._request(client, content, auth), stream=True)
            try:
                size, parts = 0, []
                async for part in response.aiter_bytes():
                    size += len(part)
                    self._bounded(size)
                    parts.append(part)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            self._fail(error)
        except RuntimeError:
            if client.is_closed:
                raise SessionClosed(f"{self._service} was closed while it was asked") from None
            raise
        return self._judge(response, b"".join(parts))

    def close(self) -> None:
        """Closes the connections of the sync face; those in use when they are done."""
        self._closed = True
        self._lending.close()

    async def aclose(self) -> None:
        """Closes those of the async face."""
        self._closed = True
        client, self._aclient = self._aclient, None
        if client is not None:
            await client.aclose()

    @staticmethod
    def _content(payload: str, files: Mapping[str, FileVar]) -> AbstractContextManager[dict[str, Any]]:
        """What is sent: the payload alone, or a form with files."""
        return form(payload, files) if files else nullcontext({"content": payload.encode()})

    def _request(
        self, client: httpx2.Client | httpx2.AsyncClient, content: dict[str, Any], auth: Authorization
    ) -> httpx2.Request:
        try:
            url = httpx2.URL(self._config.url)
            return client.build_request(
                "POST",
                url.copy_merge_params(auth.params) if auth.params else url,
                **content,
                headers={
                    "accept": _ACCEPT,
                    **({"content-type": "application/json"} if "content" in content else {}),
                    **self._headers(),
                    **auth.headers,
                },
            )
        except (httpx2.InvalidURL, TypeError, ValueError) as error:
            raise InvalidArgument(
                f"{self._service}: {self.what} cannot be sent: {self._conceal(error)}"
            ) from None

    def _judge(self, response: httpx2.Response, content: bytes) -> GraphQLResult:
        status = response.status_code
        answered = 200 <= status < 300 or status in _ANSWERED
        try:
            payload = jsontext.loads(content)
        except jsontext.BadJSON as error:
            if answered and status < 300:
                raise DataError(
                    f"{self._service}: the answer to {self.what} {error} ({len(content)} bytes); look at "
                    "'url'",
                    service=self._service,
                    status=status,
                    executed="maybe",
                ) from None
            payload = None
        isolated = isinstance(payload, Mapping) and isinstance(payload.get("errors"), list)
        if answered and (status < 300 or isolated):
            found = of_payload(self._service, payload, self._conceal)
            if status >= 300:
                raise of_faults(self._service, found.errors, found.data, found.extensions, status)
            return found
        said = content[:2000].decode("utf-8", "replace")
        if isolated and isinstance(payload, Mapping):
            said = "; ".join(map(str, of_payload(self._service, payload).errors))
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise statuses.of_status(self._service, self.what, status, headers, self._conceal(said))

    def _bounded(self, size: int) -> None:
        if size > self._config.limit:
            raise LimitExceeded(
                f"{self._service}: the answer has more than {self._config.limit} bytes; raise the setting "
                "'limit', or ask for less at a time (pages)"
            )

    def _late(self) -> IntegrationTimeout:
        return httpfaults.late(self._service, self.what, self._config.timeouts.call)

    def _fail(self, error: Exception) -> NoReturn:
        found = httpfaults.of_exception(self._service, self.what, error, self._conceal)
        raise found from cause(error, self._conceal)
