"""The client: queries, mutations and pages by HTTP, subscriptions by WebSocket, for threads and asyncio."""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, ClassVar

from typing_extensions import Self

from arcuate.connector import Connector, ConnectorConfig, Result, tls
from arcuate.connector.authorization import Authorization, Authorizer, identity
from arcuate.connector.background import Background
from arcuate.connector.link import Dialer
from arcuate.connector.network import private_of, revealed
from arcuate.errors import InvalidArgument, Unsupported
from arcuate.graphql.config import GraphQLConfig
from arcuate.graphql.http import Exchange
from arcuate.graphql.pages import Walk
from arcuate.graphql.result import Fault, GraphQLResult

try:
    from arcuate.graphql.document import Operation
    from arcuate.graphql.subscription import PROTOCOL, Events, Subscription
except ModuleNotFoundError as error:
    raise Unsupported(
        f"GraphQL needs the library {error.name}; type: pip install 'arcuate[graphql]'"
    ) from None

__all__ = ["GraphQLClient"]

_NOTHING = Authorization()


class GraphQLClient(Connector):
    """A system with a GraphQL interface.

    Values are never part of a document: they are variables, and travel beside it::

        with GraphQLClient(url="https://api.example/graphql") as client:
            client.query("query ($id: ID!) { station(id: $id) { name height } }", {"id": 3})

    Args:
        config: settings.
        **arguments: settings (:class:`GraphQLConfig`).

    Attributes:
        headers: sent with each request.
    """

    Config: ClassVar[type[ConnectorConfig]] = GraphQLConfig
    default_name = "graphql"

    def __init__(
        self, config: ConnectorConfig | Mapping[str, Any] | None = None, /, **arguments: Any
    ) -> None:
        super().__init__(config, **arguments)
        self.headers: dict[str, str] = revealed(self.config.headers)
        self.authorizer: Authorizer | None = self.config.auth
        self._background = Background(f"arcuate-{self.name}")
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._known: Any = None
        self._http: Exchange | None = None

    # --- Requests

    def query(
        self, document: Any, variables: Mapping[str, Any] | None = None, *, operation: str | None = None
    ) -> Any:
        """Asks; the data by field. Repeated when it fails for a reason that may pass.

        Args:
            document: the text, or a request of gql's.
            variables: by name, without ``$``.
            operation: which one, if the document has several.

        Raises:
            GraphQLError: the answer has errors; data that came beside them are in it.
            IntegrationError: the system failed or refused; says how, and what to do.
            InvalidArgument: the document is no query, or the variables do not fit.
        """
        return self._run(self._of(document, variables, operation, "query"), True).complete()

    def mutate(
        self,
        document: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        repeatable: bool = False,
    ) -> Any:
        """Changes something; the data by field. Never repeated, unless ``repeatable=True``.

        A :class:`FileVar` among the variables is uploaded: a path, whose file is read while it is sent,
        bytes, or a file that is open in binary mode, which is sent from its beginning::

            client.mutate("mutation ($f: Upload!) { keep(file: $f) { id } }", {"f": FileVar("a.nii")})
        """
        return self._run(self._of(document, variables, operation, "mutation"), repeatable).complete()

    def execute(
        self,
        document: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        repeatable: bool | None = None,
    ) -> GraphQLResult:
        """A query or a mutation; the answer with data and errors side by side, whatever they are.

        Raises:
            IntegrationError: there is no answer.
        """
        one = self._of(document, variables, operation, "")
        return self._run(one, one.kind == "query" if repeatable is None else repeatable)

    async def aquery(
        self, document: Any, variables: Mapping[str, Any] | None = None, *, operation: str | None = None
    ) -> Any:
        """As :meth:`query`, for asyncio."""
        one = await self._aof(document, variables, operation, "query")
        return (await self._arun(one, True)).complete()

    async def amutate(
        self,
        document: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        repeatable: bool = False,
    ) -> Any:
        """As :meth:`mutate`, for asyncio."""
        one = await self._aof(document, variables, operation, "mutation")
        return (await self._arun(one, repeatable)).complete()

    async def aexecute(
        self,
        document: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        repeatable: bool | None = None,
    ) -> GraphQLResult:
        """As :meth:`execute`, for asyncio."""
        one = await self._aof(document, variables, operation, "")
        return await self._arun(one, one.kind == "query" if repeatable is None else repeatable)

    # --- Long lists

    def pages(
        self,
        document: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        at: str,
        backward: bool = False,
        after: str | None = None,
        items: str = "",
        next: str | None = None,  # noqa: A002  (what it is called in the answer)
        more: str | None = None,
        limit: int | None = None,
    ) -> Iterator[list[Any]]:
        """The pages of a connection, each asked for when it is wanted.

        Backward, the last page comes first: the document has the variables ``$last`` and ``$before``, and
        asks for ``pageInfo { hasPreviousPage startCursor }``. Within a page the order is the system's.

        Args:
            document: a query with a variable for the place after which a page begins (before which it ends).
            variables: the others.
            at: where the connection is in the data, such as ``stations``.
            backward: from the end to the beginning.
            after: the variable's name; by default ``after``, or ``before``.
            items: where the list is in the connection; by default ``nodes`` or ``edges.node``.
            next: where the next page's mark is in it; by default ``pageInfo.endCursor``, or
                ``pageInfo.startCursor``.
            more: where it says whether there is one; by default ``pageInfo.hasNextPage``, or
                ``pageInfo.hasPreviousPage``; "" if only by its mark.
            limit: so many pages at most.

        Raises:
            DataError: the document does not ask for what is needed, or the pages go in a circle.
        """
        one = self._of(document, variables, None, "query")
        walk = Walk(self.name, one, at, backward, after, items, next, more, limit)
        while walk.more():
            yield walk.page(self._run(walk.operation, True))

    async def apages(
        self, document: Any, variables: Mapping[str, Any] | None = None, *, at: str, **options: Any
    ) -> AsyncIterator[list[Any]]:
        """As :meth:`pages`, for asyncio."""
        walk = Walk(self.name, await self._aof(document, variables, None, "query"), at, **options)
        while walk.more():
            yield walk.page(await self._arun(walk.operation, True))

    def nodes(
        self, document: Any, variables: Mapping[str, Any] | None = None, *, at: str, **options: Any
    ) -> Iterator[Any]:
        """The items of all pages; arguments as of :meth:`pages`. Backward, the last item comes first."""
        for page in self.pages(document, variables, at=at, **options):
            yield from reversed(page) if options.get("backward") else page

    async def anodes(
        self, document: Any, variables: Mapping[str, Any] | None = None, *, at: str, **options: Any
    ) -> AsyncIterator[Any]:
        """As :meth:`nodes`, for asyncio."""
        async for page in self.apages(document, variables, at=at, **options):
            for one in reversed(page) if options.get("backward") else page:
                yield one

    # --- Subscriptions

    def subscribe(
        self,
        document: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        resume: Callable[[GraphQLResult], Mapping[str, Any]] | None = None,
    ) -> Events:
        """The events of a subscription, as answers with data and errors side by side.

        A connection that is lost is made again. What happened in between is asked for by ``resume``; without
        it, a :class:`GapWarning` says that something may be missing::

            with client.subscribe(document, resume=lambda last: {"after": last.data["tick"]["id"]}) as events:
                for event in events:
                    ...

        Args:
            document: the text, or a request of gql's.
            variables: by name.
            operation: which one, if the document has several.
            resume: given the last event, the variables with which it goes on.

        Raises:
            GraphQLError: the system refuses the subscription, or ends it with errors.
            IntegrationError: the connection is lost and could not be made again.
        """
        one = self._of(document, variables, operation, "subscription")
        return Events(self._background.run(self._made(one, resume)), self._background)

    async def asubscribe(
        self,
        document: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        resume: Callable[[GraphQLResult], Mapping[str, Any]] | None = None,
    ) -> Subscription:
        """As :meth:`subscribe`, for asyncio."""
        return await self._made(await self._aof(document, variables, operation, "subscription"), resume)

    async def _made(self, one: Operation, resume: Any) -> Subscription:
        dialer = Dialer(
            self.name,
            self.config.socket_url,
            settings=self.config,
            timeouts=self.config.timeouts,
            headers=lambda: self.headers,
            authorizer=self.authorizer,
            ca_file=self.config.ca_file,
            subprotocols=[PROTOCOL],
            conceal=self.conceal,
        )
        found = Subscription(one, dialer, self.resilience, self.config.connection, resume)
        self._subscriptions.add(found)
        return found

    # --- The schema

    def schema(self) -> Any:
        """What the system offers, as a ``graphql.GraphQLSchema`` of graphql-core; asked for once.

        Raises:
            GraphQLError: the system does not tell.
        """
        if self._known is None:
            self._known = _schema_of(self._run(self._introspection(), True).complete())
        return self._known

    async def aschema(self) -> Any:
        """As :meth:`schema`, for asyncio."""
        if self._known is None:
            self._known = _schema_of((await self._arun(self._introspection(), True)).complete())
        return self._known

    def sdl(self) -> str:
        """The schema as text."""
        from graphql import print_schema

        return print_schema(self.schema())

    def check(self, document: Any) -> list[str]:
        """What the schema does not allow in a document; nothing if all is well."""
        return _wrong(self.schema(), Operation.parsed(document))

    @staticmethod
    def _introspection() -> Operation:
        from graphql import get_introspection_query

        return Operation(get_introspection_query(), None, None)

    # --- One request

    def _of(self, document: Any, variables: Any, operation: str | None, kind: str) -> Operation:
        self.open()
        one = _fitting(Operation(document, variables, operation), kind)
        if self.config.check_documents:
            _refuse(_wrong(self.schema(), one.document))
        return one

    async def _aof(self, document: Any, variables: Any, operation: str | None, kind: str) -> Operation:
        await self.aopen()
        one = _fitting(Operation(document, variables, operation), kind)
        if self.config.check_documents:
            _refuse(_wrong(await self.aschema(), one.document))
        return one

    def _run(self, one: Operation, repeatable: bool) -> GraphQLResult:
        self.open()
        payload, reads = one.payload(), one.kind == "query"

        def attempt(client: GraphQLClient) -> Any:
            return _plain(client._attempt(one, payload))

        result = self.resilience.run(
            lambda: attempt(self),
            name=one.kind,
            repeatable=repeatable,
            key=self._key(one, payload),
            others=self._elsewhere(attempt) if reads else (),
            fallback=reads,
            good=lambda value: value["data"] is not None,
        )
        return self._result(result)

    async def _arun(self, one: Operation, repeatable: bool) -> GraphQLResult:
        await self.aopen()
        payload, reads = one.payload(), one.kind == "query"

        async def attempt(client: GraphQLClient) -> Any:
            return _plain(await client._aattempt(one, payload))

        result = await self.resilience.arun(
            lambda: attempt(self),
            name=one.kind,
            repeatable=repeatable,
            key=self._key(one, payload),
            others=self._aelsewhere(attempt) if reads else (),
            fallback=reads,
            good=lambda value: value["data"] is not None,
        )
        return self._result(result)

    def _attempt(self, one: Operation, payload: str) -> GraphQLResult:
        assert self._http is not None
        auth = self.authorizer.authorization() if self.authorizer is not None else _NOTHING
        try:
            found = self._http.post(payload, auth, one.files)
        except Exception as error:
            if self.authorizer is None or not _refused(error):
                raise
        else:
            if self.authorizer is None or not _unknown(one, found):
                return found
        return self._http.post(payload, self.authorizer.authorization(auth), one.files)

    async def _aattempt(self, one: Operation, payload: str) -> GraphQLResult:
        assert self._http is not None
        ask = self.authorizer.authorization if self.authorizer is not None else None
        auth = await asyncio.to_thread(ask) if ask is not None else _NOTHING
        try:
            found = await self._http.apost(payload, auth, one.files)
        except Exception as error:
            if ask is None or not _refused(error):
                raise
        else:
            if ask is None or not _unknown(one, found):
                return found
        return await self._http.apost(payload, await asyncio.to_thread(ask, auth), one.files)

    def _key(self, one: Operation, payload: str) -> str | None:
        """Under which its last good answer is kept: another user's is not given."""
        if one.kind != "query" or self.config.fallback is None or one.files:
            return None
        whose = identity(self.authorizer)
        if whose is None:
            return None
        who = (sorted(self.headers.items()), whose)
        return hashlib.sha256(repr((self.config.url, who, payload)).encode()).hexdigest()

    def _result(self, result: Result[Any]) -> GraphQLResult:
        value = result.value
        if result.source == "default":
            value = {"data": value, "errors": [], "extensions": {}}
        faults = tuple(
            Fault(message, tuple(path), code, tuple((line, column) for line, column in places), extensions)
            for message, path, code, places, extensions in value["errors"]
        )
        return GraphQLResult(
            value["data"], faults, value["extensions"], result.degraded, result.age, self.name, result.source
        )

    # --- Life

    def _open(self) -> None:
        certificate = self.authorizer.certificate if self.authorizer else None
        context = tls.context(self.config.ca_file, certificate)
        self._http = Exchange(self.name, self.config, context, lambda: self.headers, self.conceal)

    def _equip(self, sibling: Self) -> None:
        sibling.headers, sibling.authorizer = self.headers, self.authorizer

    async def aopen(self) -> Self:
        """As :meth:`open`, for asyncio."""
        if not self._opened or self._closed:
            await asyncio.to_thread(self.open)
        return self

    def close(self) -> None:
        """Closes all connections; subscriptions end."""
        try:
            super().close()
        finally:
            self._background.close()

    async def aclose(self) -> None:
        """As :meth:`close`, for asyncio."""
        for one in list(self._subscriptions):
            if one.loop is asyncio.get_running_loop():
                await one.aclose()
        if self._http is not None and self._http.loop is asyncio.get_running_loop():
            await self._http.aclose()
        await super().aclose()

    def _close(self) -> None:
        assert self._http is not None
        self._http.close()
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        for one in self._subscriptions:
            one.end()
        works = [(one.loop, one.aclose) for one in self._subscriptions if one.connections]
        for loop, work in [*works, (self._http.loop, self._http.aclose)]:
            if loop is None or not loop.is_running():
                continue
            if loop is here:
                raise InvalidArgument(f"{self.name} was used by asyncio; close it by 'await aclose()'")
            asyncio.run_coroutine_threadsafe(work(), loop).result(10)

    def _check(self) -> Mapping[str, Any]:
        one = Operation("{ __typename }", None, None)
        self._attempt(one, one.payload()).complete()
        return {}

    def secrets(self) -> list[str]:
        """Also those that are in :attr:`headers`, in ``config.extra`` and the authenticator's."""
        found = super().secrets()
        found += private_of(
            self.headers, self.config.extra, self.config.connection, authorizer=self.authorizer
        )
        return [text for text in found if text]


def _fitting(one: Operation, kind: str) -> Operation:
    """The operation, if it is of a kind that is meant."""
    way = {"query": "query()", "mutation": "mutate()", "subscription": "subscribe()"}[one.kind]
    if one.kind != kind and (kind or one.kind == "subscription"):
        raise InvalidArgument(f"the operation is a {one.kind}: use {way}")
    if one.files and one.kind == "subscription":
        raise InvalidArgument("a subscription takes no files: upload them by mutate()")
    return one


def _refused(error: Exception) -> bool:
    return getattr(error, "status", None) == 401


def _unknown(one: Operation, found: GraphQLResult) -> bool:
    """Whether nothing was done because the system does not know us: another token may do."""
    codes = [fault.code in ("UNAUTHENTICATED", "UNAUTHORIZED") for fault in found.errors]
    asked = one.kind == "query" or not any(fault.path for fault in found.errors)
    return bool(codes) and all(codes) and found.data is None and asked


def _plain(found: GraphQLResult) -> dict[str, Any]:
    """An answer as values that can be kept on disk."""
    errors = [
        [
            one.message,
            list(one.path),
            one.code,
            [list(place) for place in one.locations],
            dict(one.extensions),
        ]
        for one in found.errors
    ]
    return {"data": found.data, "errors": errors, "extensions": dict(found.extensions)}


def _schema_of(data: Any) -> Any:
    from graphql import build_client_schema

    return build_client_schema(data)


def _wrong(schema: Any, document: Any) -> list[str]:
    from graphql import validate

    return [
        error.message + "".join(f" (line {one.line}, column {one.column})" for one in error.locations or [])
        for error in validate(schema, document)
    ]


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise InvalidArgument("the system's schema does not allow the document: " + "; ".join(wrong))
