"""Calls of functions, synchronous and asynchronous, and what becomes of the latter."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    ConversionError,
    EnvironmentCrashed,
    InvalidArgument,
    LimitExceeded,
    NameNotFound,
    RemoteError,
    Unsupported,
)
from arcuate.http.channel import Channel
from arcuate.http.codec import JSON_BYTES, dumps
from arcuate.http.request import JSON, Incoming, wrong_type
from arcuate.hub.core import error_of
from arcuate.mps import v1
from arcuate.mps.archives import Archive
from arcuate.mps.bodies import Call, answer_body, error_body, read_body
from arcuate.mps.calls import CallFailed, ask, message_of, results, trace_of
from arcuate.mps.failures import Refusal, as_remote, http_body, http_message
from arcuate.mps.matrix import Matrix
from arcuate.mps.notation import Format
from arcuate.mps.requests import ERROR, READY, TERMINAL, Request, Requests
from arcuate.mps.wire import PROTOBUF

if TYPE_CHECKING:
    from collections.abc import Callable

    from arcuate.hub import Hub
    from arcuate.values.nodes import Nodes

__all__ = ["Functions", "is_protobuf"]

log = logging.getLogger(__name__)

_LARGE = 1 << 16
"""Bodies from this size on are read and written in another thread."""

_TOLD = (CallCancelled, CallTimeout, ConversionError, EnvironmentCrashed, Unsupported)
"""Errors that a synchronous protobuf call is told of as if its function had raised them: MathWorks' client
reads nothing of an answer but its status otherwise."""


def is_protobuf(incoming: Incoming) -> bool:
    """Whether a client wants its answer as protobuf: it says so, or sent its call in that form."""
    return _asks_protobuf(incoming) or incoming.content_type == PROTOBUF


def _asks_protobuf(incoming: Incoming) -> bool:
    wanted = _parameter(incoming, "format").lower() == "protobuf"
    return wanted or PROTOBUF in incoming.headers.get("accept", "").lower()


def _parameter(incoming: Incoming, name: str) -> str:
    """A parameter of the address; ``""`` also where the address cannot be read, which is told elsewhere."""
    try:
        return incoming.query.get(name, "")
    except InvalidArgument:
        return ""


class Functions:
    """The routes of calls.

    Args:
        hub: the hub.
        loop: the bridge's loop.
        find: gives the archive that a request names.
    """

    def __init__(
        self, hub: Hub, loop: asyncio.AbstractEventLoop, find: Callable[[Incoming, str], Archive]
    ) -> None:
        self.hub = hub
        self.requests = Requests(lambda: hub.config.limits, self._shared)
        self._loop = loop
        self._find = find

    def _shared(self) -> bool:
        """Whether there may be several principals."""
        return self.hub.guard.tokens is not None or self.hub.config.tls.client_ca is not None

    def channel(self, incoming: Incoming) -> Channel:
        """A connection to the hub on behalf of a client."""
        return Channel(self.hub, self._loop, incoming.principal, incoming.credentials, transport="mps")

    # ------------------------------------------------------------------- calls

    async def call(self, incoming: Incoming) -> None:
        """POST /{archive}/{function}."""
        archive = self._find(incoming, incoming.path("archive"))
        name = incoming.path("function")
        target = archive.functions.get(name)
        if target is None:
            raise Refusal(
                404,
                "FunctionNotFound",
                NameNotFound(f"the archive {archive.name!r} has no function {name[:80]!r}"),
            )
        mode = incoming.query.get("mode", "sync")
        if mode not in ("sync", "async"):
            raise InvalidArgument(f"mode is 'async' or left out, not {mode[:40]!r}")
        kind = incoming.content_type
        if kind not in (JSON, PROTOBUF):
            raise wrong_type(kind, JSON, PROTOBUF)
        limits = self.hub.limits_for(incoming.principal)
        data = await incoming.body(min(limits.message, JSON_BYTES) if kind == JSON else limits.message)
        channel = self.channel(incoming)
        started = False
        try:
            number = channel.number()
            fields = {"name": target, **trace_of(incoming)}

            def prepare() -> tuple[Call, Nodes]:
                call = read_body(data, kind, limits.nodes)
                plain = {**fields, "nargout": call.nargout}
                return call, message_of("call", number, archive, plain, call.arguments)

            call, message = await asyncio.to_thread(prepare) if len(data) >= _LARGE else prepare()
            if mode == "async":
                started = True
                await self._begin(incoming, channel, archive, call, message, len(data))
                return
            await self._wait(incoming, channel, archive, call, message)
        finally:
            if not started:
                channel.close()
                channel.lost()

    async def _wait(
        self, incoming: Incoming, channel: Channel, archive: Archive, call: Call, message: Nodes
    ) -> None:
        """Carries out a synchronous call."""
        kind = incoming.content_type
        try:
            reply = await ask(channel, message, incoming)
            found = await results(reply, call.nargout, archive.language)
            body = await self._written(found, call.format, kind)
        except CallFailed as failed:
            await self.fail(incoming, failed.error)
            return
        await incoming.answer(200, kind, body)

    async def _written(self, found: list[Matrix], wanted: Format, kind: str) -> bytes:
        try:
            if _size(found) < _LARGE:
                return answer_body(found, wanted, kind)
            return await asyncio.to_thread(answer_body, found, wanted, kind)
        except ConversionError as error:
            error.executed = "yes"
            raise CallFailed(error) from None

    async def fail(self, incoming: Incoming, error: BaseException) -> None:
        """Answers with an error: of the function, or of HTTP."""
        protobuf = is_protobuf(incoming)
        waits = incoming.method == "POST" and _parameter(incoming, "mode") != "async"
        if waits and incoming.content_type == PROTOBUF and isinstance(error, _TOLD):
            error = as_remote(error)
        if isinstance(error, RemoteError):
            kind, body = error_body(error, PROTOBUF if protobuf else JSON)
            await incoming.answer(200, kind, body)
            return
        status, said, headers = http_body(error)
        if protobuf:
            await incoming.answer(status, PROTOBUF, http_message(status, said), headers)
        else:
            await incoming.answer_json(status, said, headers)

    # ------------------------------------------------------------ asynchronous

    async def _begin(
        self, incoming: Incoming, channel: Channel, archive: Archive, call: Call, message: Nodes, size: int
    ) -> None:
        """Begins an asynchronous call and says where to ask for it."""
        try:
            client = incoming.query.get("client", "")[:256]
            request = self.requests.add(incoming.principal.name, client, size)
        except BaseException:
            channel.close()
            channel.lost()
            raise
        number = messages.head(message)[1]
        request.begun = lambda: channel.connection.begun(number)
        request.task = asyncio.ensure_future(self._carry_out(request, channel, archive, call, message))
        if is_protobuf(incoming):
            made = v1.RequestCreated(request_url=self._self(request), info=_info(request))
            await incoming.answer(201, PROTOBUF, bytes(made.SerializeToString()))
        else:
            await incoming.answer_json(201, self._entry(request))

    async def _carry_out(
        self, request: Request, channel: Channel, archive: Archive, call: Call, message: Nodes
    ) -> None:
        try:
            try:
                reply = await ask(channel, message)
                found = await results(reply, call.nargout, archive.language)
                self.requests.finish(request, READY, (call.format, found), _size(found))
            except CallFailed as failed:
                state = READY if isinstance(failed.error, RemoteError) else ERROR
                self.requests.finish(request, state, failed.error, 0)
            except LimitExceeded as error:
                error.executed = "yes"
                self.requests.finish(request, ERROR, error, 0)
            except Exception as error:  # nobody else would ever hear of it
                log.exception("an asynchronous request failed")
                self.requests.finish(request, ERROR, error_of(error), 0)
        finally:
            channel.close()
            channel.lost()

    def _self(self, request: Request) -> str:
        return f"{self.requests.prefix}/{request.id}"

    def _entry(self, request: Request) -> dict[str, Any]:
        return {
            "id": request.id,
            "self": self._self(request),
            "up": self.requests.prefix,
            "lastModifiedSeq": request.changed,
            "state": request.state,
            "client": request.client,
        }

    def _request(self, incoming: Incoming) -> Request:
        self.hub.still_valid(incoming.principal)
        return self.requests.find(incoming.principal.name, incoming.path("id"))

    async def collection(self, incoming: Incoming) -> None:
        """GET of all requests of some clients that have changed since a number."""
        text = incoming.query.get("since", "")
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise InvalidArgument("since is missing, the number from which on changes are wanted; 0: all")
        lists = {
            key: set(incoming.query[key].split(",")) if key in incoming.query else None
            for key in ("clients", "ids")
        }
        if lists["clients"] is None and lists["ids"] is None:
            raise InvalidArgument("clients or ids is missing: whose requests, or which")
        found = self.requests.since(incoming.principal.name, int(text), **lists)
        data = [self._entry(one) for one in found]
        await incoming.answer_json(200, {"createdSeq": self.requests.sequence, "data": data})

    async def state(self, incoming: Incoming) -> None:
        """GET of a request: how far it is."""
        request = self._request(incoming)
        if _asks_protobuf(incoming):
            await incoming.answer(200, PROTOBUF, bytes(_info(request).SerializeToString()))
        else:
            await incoming.answer_json(200, self._entry(request))

    async def result(self, incoming: Incoming) -> None:
        """GET of what a request has come to."""
        request = self._request(incoming)
        if request.state == "CANCELLED":
            raise Refusal(410, "RequestAlreadyCancelled", InvalidArgument("the request was cancelled"))
        if request.state not in TERMINAL:
            await incoming.answer(204, "", b"")
            return
        kind = PROTOBUF if is_protobuf(incoming) else JSON
        result = request.result
        if isinstance(result, ArcuateError):
            await self._answer_failed(incoming, result, kind)
        else:
            wanted, found = result
            try:
                body = await self._written(found, wanted, kind)
            except CallFailed as failed:
                await self._answer_failed(incoming, failed.error, kind)
                return
            await incoming.answer(200, kind, body)

    async def _answer_failed(self, incoming: Incoming, error: ArcuateError, kind: str) -> None:
        """What a request failed of, with status 200: the request for the result did not fail."""
        if isinstance(error, RemoteError):
            kind, body = error_body(error, kind)
        else:
            status, said, _ = http_body(error)
            body = http_message(status, said) if kind == PROTOBUF else dumps(said)
        await incoming.answer(200, kind, body)

    async def cancel(self, incoming: Incoming) -> None:
        """POST: ends a request that has not been completed."""
        self.requests.cancel(self._request(incoming))
        await incoming.answer(204, "", b"")

    async def delete(self, incoming: Incoming) -> None:
        """DELETE: forgets a request that has been completed."""
        self.requests.delete(self._request(incoming))
        await incoming.answer(204, "", b"")


def _info(request: Request) -> Any:
    return v1.RequestInfo(last_modified=request.changed, state=f"REQUEST_STATE_{request.state}")


def _size(found: list[Matrix]) -> int:
    """Bytes that arrays take, about."""
    total = 0
    for one in found:
        total += 200
        if one.kind in ("cell", "struct"):
            total += sum(_size(item if one.kind == "struct" else [item]) for item in one.data)
        else:
            total += len(one.data) if isinstance(one.data, str) else int(getattr(one.data, "nbytes", 64))
    return total
