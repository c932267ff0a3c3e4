"""The client: one request with everything around it, in a sync and an async face."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import httpx2
from typing_extensions import Self

from arcuate.connector import (
    Connector,
    ConnectorConfig,
    DataError,
    IntegrationTimeout,
    NotFoundError,
    Result,
    deadline,
    httpfaults,
    redacted,
    statuses,
    tls,
)
from arcuate.connector.authorization import Authorization, Authorizer
from arcuate.connector.base import secrets_of
from arcuate.connector.lending import Lending
from arcuate.connector.network import is_downgrade, private_of, revealed
from arcuate.connector.secrets import cause
from arcuate.errors import InvalidArgument, LimitExceeded
from arcuate.rest import exchange, transfer
from arcuate.rest.cache import Validators
from arcuate.rest.config import RESTConfig, renamed
from arcuate.rest.paging import Link, Paging
from arcuate.rest.request import Request
from arcuate.rest.response import Response
from arcuate.rest.walk import Walk

__all__ = ["RESTAPIClient"]

_NOTHING = Authorization()
Progress = Callable[[int, int | None], object]


class RESTAPIClient(Connector):
    """A system with an HTTP interface.

    A subclass may set :attr:`base_url` and :attr:`headers` itself::

        class Weather(RESTAPIClient):
            def __init__(self, api_config):
                super().__init__(api_config)
                self.base_url = api_config["base_url"]
                self.headers = {"Authorization": f"Bearer {api_config['api_key']}"}

            def station(self, number):
                return self.get(f"stations/{number}")

    Args:
        api_config: settings; ``base_url`` is another name of ``url``. Keys that are no setting are the
            program's own, and in ``config.extra``.
        **arguments: settings (:class:`RESTConfig`).

    Attributes:
        base_url: what endpoints are relative to.
        headers: sent with each request.
    """

    Config: ClassVar[type[ConnectorConfig]] = RESTConfig
    default_name = "rest"

    def __init__(
        self, api_config: ConnectorConfig | Mapping[str, Any] | None = None, /, **arguments: Any
    ) -> None:
        if isinstance(api_config, Mapping):
            api_config = renamed(api_config)
        super().__init__(api_config, **renamed(arguments))
        self.base_url: str = self.config.url
        self.headers: dict[str, str] = revealed(self.config.headers)
        self.authorizer: Authorizer | None = self.config.auth
        self._validators = Validators(self.config.cache)
        self._lending = Lending(lambda: httpx2.Client(**self._options(httpfaults.heard)))
        self._aclient: httpx2.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shown: tuple[Any, str] | None = None

    # --- Verbs

    def get(self, endpoint: str = "", params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Asks for a thing; its JSON. Repeated when it fails for a reason that may pass.

        Args:
            endpoint: relative to :attr:`base_url`.
            params: the query; what is ``None`` is left out.
            **options: as of :meth:`request`.

        Raises:
            IntegrationError: the system failed or refused; says how, and what to do.
        """
        return self.request("GET", endpoint, params=params, **options).json()

    def post(self, endpoint: str = "", data: Any = None, **options: Any) -> Any:
        """Sends data; the answer's JSON. Never repeated, unless ``repeatable=True``."""
        return self.request("POST", endpoint, data=data, **options).json()

    def put(self, endpoint: str = "", data: Any = None, **options: Any) -> Any:
        """Replaces a thing; the answer's JSON."""
        return self.request("PUT", endpoint, data=data, **options).json()

    def patch(self, endpoint: str = "", data: Any = None, **options: Any) -> Any:
        """Changes a thing; the answer's JSON. Never repeated, unless ``repeatable=True``."""
        return self.request("PATCH", endpoint, data=data, **options).json()

    def delete(self, endpoint: str = "", **options: Any) -> Any:
        """Removes a thing; the answer's JSON."""
        return self.request("DELETE", endpoint, **options).json()

    async def aget(self, endpoint: str = "", params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """As :meth:`get`, for asyncio."""
        return (await self.arequest("GET", endpoint, params=params, **options)).json()

    async def apost(self, endpoint: str = "", data: Any = None, **options: Any) -> Any:
        """As :meth:`post`, for asyncio."""
        return (await self.arequest("POST", endpoint, data=data, **options)).json()

    async def aput(self, endpoint: str = "", data: Any = None, **options: Any) -> Any:
        """As :meth:`put`, for asyncio."""
        return (await self.arequest("PUT", endpoint, data=data, **options)).json()

    async def apatch(self, endpoint: str = "", data: Any = None, **options: Any) -> Any:
        """As :meth:`patch`, for asyncio."""
        return (await self.arequest("PATCH", endpoint, data=data, **options)).json()

    async def adelete(self, endpoint: str = "", **options: Any) -> Any:
        """As :meth:`delete`, for asyncio."""
        return (await self.arequest("DELETE", endpoint, **options)).json()

    # --- One request

    def request(
        self,
        method: str,
        endpoint: str = "",
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> Response:
        """Carries a request out.

        Args:
            method: such as ``GET``.
            endpoint: relative to :attr:`base_url`.
            params: the query; what is ``None`` is left out.
            data: bytes, or what is sent as JSON.
            headers: of this request.
            repeatable: whether it may be carried out twice; by default what HTTP says of the method.

        Returns:
            The answer; ``source`` says whether the system gave it, or what of the setting ``fallback``, which
            stands in for ``GET``, ``HEAD`` and ``OPTIONS`` alone.

        Raises:
            IntegrationError: the system failed or refused.
            InvalidArgument: the request cannot be sent.
            ConversionError: ``data`` is no JSON.
        """
        self.open()
        one = Request(self, method, endpoint, params, data, headers)
        result = self.resilience.run(
            lambda: self._attempt(one),
            name=one.method,
            repeatable=one.repeats(repeatable),
            key=one.key(),
            others=self._elsewhere(lambda other: other._attempt(one.at(other))) if one.reads else (),
            fallback=one.reads,
        )
        return self.response(one, result)

    async def arequest(
        self,
        method: str,
        endpoint: str = "",
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> Response:
        """As :meth:`request`, for asyncio."""
        await self.aopen()
        one = Request(self, method, endpoint, params, data, headers)
        result = await self.resilience.arun(
            lambda: self._aattempt(one),
            name=one.method,
            repeatable=one.repeats(repeatable),
            key=one.key(),
            others=self._aelsewhere(lambda other: other._aattempt(one.at(other))) if one.reads else (),
            fallback=one.reads,
        )
        return self.response(one, result)

    def response(self, one: Request, result: Result[Any]) -> Response:
        if result.source == "default":
            default, _ = exchange.body_of(result.value)
            found: dict[str, Any] = {"status": 200, "headers": {}, "content": default or b"", "links": {}}
        else:
            found = {**result.value, "content": bytes(result.value["content"])}
        return Response(
            **{"url": one.shown, **found},
            degraded=result.degraded,
            source=result.source,
            age=result.age,
            service=self.name,
        )

    def asking(self, endpoint: str, params: Mapping[str, Any] | None) -> Request:
        """The request for a file, as it is."""
        return Request(self, "GET", endpoint, params, None, {"accept": "*/*", "accept-encoding": "identity"})

    def _attempt(self, one: Request) -> dict[str, Any]:
        auth = self.authorizer.authorization() if self.authorizer is not None else _NOTHING
        answer = self._sent(one, auth)
        if answer["status"] == 401 and self.authorizer is not None:
            answer = self._sent(one, self.authorizer.authorization(refused=auth))
        return self.judge(one, answer)

    async def _aattempt(self, one: Request) -> dict[str, Any]:
        auth = (
            await asyncio.to_thread(self.authorizer.authorization)
            if self.authorizer is not None
            else _NOTHING
        )
        answer = await self._asent(one, auth)
        if answer["status"] == 401 and self.authorizer is not None:
            answer = await self._asent(one, await asyncio.to_thread(self.authorizer.authorization, auth))
        return self.judge(one, answer)

    def _sent(self, one: Request, auth: Authorization) -> dict[str, Any]:
        with self.lent() as client:
            return self._asked(one, auth, client)

    def _asked(self, one: Request, auth: Authorization, client: httpx2.Client) -> dict[str, Any]:
        end = deadline.end_within(self.config.timeouts.call)
        request = one.built(client, auth)
        key = one.conditional(request)
        try:
            with deadline.until(end):
                for _ in range(exchange.MOVES + 1):
                    response = client.send(request, stream=True)
                    try:
                        there = self.moved(response)
                        if there is not None:
                            request = there
                            continue
                        size, parts = 0, []
                        for part in response.iter_bytes():
                            size += len(part)
                            self._bounded(one, size, end)
                            parts.append(part)
                    finally:
                        response.close()
                    answer = one.answer(response, b"".join(parts), key)
                    if answer is None:
                        return self._asked(one.unconditional(), auth, client)
                    return answer
        except httpx2.TimeoutException as error:
            if time.monotonic() >= end:
                raise self._late(one) from cause(error, self.conceal)
            self.fail(one, error)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            self.fail(one, error)
        raise self._lost(one)

    async def _asent(self, one: Request, auth: Authorization) -> dict[str, Any]:
        left = deadline.end_within(self.config.timeouts.call) - time.monotonic()
        try:
            return await asyncio.wait_for(self._alone(one, auth), max(left, 0.0))
        except asyncio.TimeoutError as error:
            if isinstance(error, IntegrationTimeout):
                raise
            raise self._late(one) from None

    async def _alone(self, one: Request, auth: Authorization) -> dict[str, Any]:
        client = self.asynchronous()
        request = one.built(client, auth)
        key = one.conditional(request)
        try:
            for _ in range(exchange.MOVES + 1):
                response = await client.send(request, stream=True)
                try:
                    there = self.moved(response)
                    if there is not None:
                        request = there
                        continue
                    size, parts = 0, []
                    async for part in response.aiter_bytes():
                        size += len(part)
                        self._bounded(one, size, None)
                        parts.append(part)
                finally:
                    await response.aclose()
                answer = one.answer(response, b"".join(parts), key)
                return answer if answer is not None else await self._alone(one.unconditional(), auth)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            self.fail(one, error)
        except RuntimeError:
            self._still_open()  # or another task closed it in the middle of this
            raise
        raise self._lost(one)

    def moved(self, response: httpx2.Response) -> httpx2.Request | None:
        """The request that follows a redirection, if it is followed."""
        there = response.next_request
        if there is None or self.config.redirects == "none":
            return None
        same = exchange.origin(str(there.url)) == exchange.origin(str(response.request.url))
        return there if same else None

    def _bounded(self, one: Request, size: int, end: float | None) -> None:
        if size > self.config.limit:
            raise LimitExceeded(
                f"{self.name}: the answer to {one.what} has more than {self.config.limit} bytes; raise "
                "the setting 'limit', or use download()",
                setting="limit",
                executed="yes",
            )
        if end is not None and time.monotonic() > end:
            raise httpx2.ReadTimeout("")

    def judge(self, one: Request, answer: dict[str, Any]) -> dict[str, Any]:
        status = answer["status"]
        if status < 300:
            return answer
        body = self.conceal(answer["content"][:2000].decode("utf-8", "replace"))
        raise statuses.of_status(self.name, one.what, status, answer["headers"], body)

    def fail(self, one: Request, error: Exception) -> NoReturn:
        found = httpfaults.of_exception(self.name, one.what, error, self.conceal)
        raise found from cause(error, self.conceal)

    def _late(self, one: Request) -> IntegrationTimeout:
        return httpfaults.late(self.name, one.what, self.config.timeouts.call)

    def _lost(self, one: Request) -> DataError:
        return DataError(
            f"{self.name}: {one.what} was redirected {exchange.MOVES} times and not answered",
            service=self.name,
        )

    # --- Long lists

    def pages(
        self,
        endpoint: str = "",
        params: Mapping[str, Any] | None = None,
        *,
        paging: Paging | None = None,
        limit: int | None = None,
        **options: Any,
    ) -> Iterator[list[Any]]:
        """The pages of a long list, each asked for when it is wanted.

        Args:
            endpoint: relative to :attr:`base_url`.
            params: the query.
            paging: how the system divides it; by default by its ``Link`` header.
            limit: so many pages at most.
            **options: as of :meth:`request`.

        Raises:
            DataError: a page comes twice, is at no address, or 1000 in a row have no items.
            InvalidArgument: a page is at another origin, which would get the credentials.
        """
        walk = Walk(self, paging or Link(), endpoint, params, limit)
        while walk.more():
            yield walk.page(self.request("GET", walk.endpoint, params=walk.params, **options))

    async def apages(
        self,
        endpoint: str = "",
        params: Mapping[str, Any] | None = None,
        *,
        paging: Paging | None = None,
        limit: int | None = None,
        **options: Any,
    ) -> AsyncIterator[list[Any]]:
        """As :meth:`pages`, for asyncio."""
        walk = Walk(self, paging or Link(), endpoint, params, limit)
        while walk.more():
            yield walk.page(await self.arequest("GET", walk.endpoint, params=walk.params, **options))

    def items(
        self, endpoint: str = "", params: Mapping[str, Any] | None = None, **options: Any
    ) -> Iterator[Any]:
        """The items of all pages; arguments as of :meth:`pages`."""
        for page in self.pages(endpoint, params, **options):
            yield from page

    async def aitems(
        self, endpoint: str = "", params: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncIterator[Any]:
        """As :meth:`items`, for asyncio."""
        async for page in self.apages(endpoint, params, **options):
            for one in page:
                yield one

    # --- Files

    def download(
        self,
        endpoint: str,
        target: str | Path,
        *,
        params: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Writes an answer to a file, piece by piece; after a failure it goes on where it was.

        The file is there when all of it has come. Until then it is ``TARGET.part``, which a later download
        continues if the system says by its validators that the thing is the same.

        Args:
            endpoint: relative to :attr:`base_url`.
            target: the file; one that is there is replaced.
            params: the query.
            progress: is told the bytes that are there and the bytes in all, ``None`` if that is not known.
        """
        return transfer.download(self, endpoint, Path(target), params, progress)

    def upload(
        self,
        endpoint: str,
        source: str | Path,
        *,
        method: str = "PUT",
        media_type: str = "application/octet-stream",
        params: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        repeatable: bool | None = None,
    ) -> Response:
        """Sends a file as the body of a request, piece by piece.

        Args:
            endpoint: relative to :attr:`base_url`.
            source: the file.
            method: ``PUT`` is repeated after a failure, ``POST`` is not.
            media_type: what the file is.
            params: the query.
            progress: is told the bytes that were sent and the bytes in all.
            repeatable: as of :meth:`request`.
        """
        return transfer.upload(self, method, endpoint, Path(source), media_type, params, progress, repeatable)

    async def adownload(
        self,
        endpoint: str,
        target: str | Path,
        *,
        params: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """As :meth:`download`, for asyncio; pieces are written in the loop's thread."""
        return await transfer.adownload(self, endpoint, Path(target), params, progress)

    async def aupload(
        self,
        endpoint: str,
        source: str | Path,
        *,
        method: str = "PUT",
        media_type: str = "application/octet-stream",
        params: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        repeatable: bool | None = None,
    ) -> Response:
        """As :meth:`upload`, for asyncio."""
        return await transfer.aupload(
            self, method, endpoint, Path(source), media_type, params, progress, repeatable
        )

    # --- Life

    def _open(self) -> None:
        self._tls = tls.context(self.config.ca_file, self.authorizer.certificate if self.authorizer else None)

    def _options(self, hook: Callable[[httpx2.Response], Any]) -> dict[str, Any]:
        times = self.config.timeouts
        return {
            "verify": self._tls,
            "timeout": httpx2.Timeout(times.read, connect=times.connect, pool=times.connect),
            "follow_redirects": False,
            "event_hooks": {"response": [hook]},
        }

    def _equip(self, sibling: Self) -> None:
        if is_downgrade(self.base_url, sibling.base_url):
            raise InvalidArgument(
                f"{self.name}: {redacted(sibling.base_url)} of 'fallback' has no TLS: the credentials would "
                "be sent in clear"
            )
        sibling.headers, sibling.authorizer = self.headers, self.authorizer

    def _here(self, url: str) -> str:
        """An address that an endpoint of the fallback gave, as it is at this one."""
        policy = self.config.fallback
        for other in policy.urls if policy is not None else ():
            if (found := exchange.rebased(url, other, self.base_url)) is not None:
                return found
        return url

    def lent(self) -> AbstractContextManager[httpx2.Client]:
        return self._lending.lent(self.name)

    def asynchronous(self) -> httpx2.AsyncClient:
        self._still_open()
        loop = asyncio.get_running_loop()
        if self._aclient is None:
            self._aclient, self._loop = httpx2.AsyncClient(**self._options(httpfaults.aheard)), loop
        elif self._loop is not loop:
            raise InvalidArgument(
                f"{self.name} is open in another event loop; close it there by aclose(), or make "
                "one for each loop"
            )
        return self._aclient

    async def aopen(self) -> Self:
        """As :meth:`open`, for asyncio."""
        if not self._opened or self._closed:
            await asyncio.to_thread(self.open)
        return self

    async def aclose(self) -> None:
        """As :meth:`close`, for asyncio."""
        client, self._aclient = self._aclient, None
        if client is not None:
            await client.aclose()
        await super().aclose()

    def _close(self) -> None:
        self._lending.close()
        client, loop = self._aclient, self._loop
        if client is not None and loop is not None and loop.is_running():
            closing = client.aclose()
            try:
                here = asyncio.get_running_loop()
            except RuntimeError:
                here = None
            if here is loop:
                closing.close()
                raise InvalidArgument(f"{self.name} was used by asyncio; close it by 'await aclose()'")
            asyncio.run_coroutine_threadsafe(closing, loop).result(self.config.timeouts.call)
        self._aclient = None

    def _check(self) -> Mapping[str, Any]:
        one = Request(self, "GET", self.config.check, None, None, None)
        try:
            answer = self._attempt(one)
        except NotFoundError as error:
            error.message += "; the setting 'check' names the endpoint that is asked for health"
            raise
        return {"status": answer["status"], "server": answer["headers"].get("server", "")}

    # --- Secrets

    def shown(self, url: str) -> str:
        """An address without secrets; remembered for the last one, for concealing takes a while."""
        key = (url, tuple(self.headers.items()))
        last = self._shown
        if last is None or last[0] != key:
            self._shown = last = (key, self.conceal(redacted(url)))
        return last[1]

    def secrets(self) -> list[str]:
        """Also those that are in :attr:`headers`, in ``config.extra`` and the authenticator's."""
        found = [*super().secrets(), *secrets_of(self.base_url)]
        found += private_of(self.headers, self.config.extra, authorizer=self.authorizer)
        return [text for text in found if text]
