"""What every plain call passes on its way in: who calls, how much, and as part of which trace."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio

from arcuate.client.net.parts import too_large
from arcuate.errors import ArcuateError, ProtocolError
from arcuate.grpc.identity import credentials, metadata_of
from arcuate.grpc.status import refuse, refused
from arcuate.hub import Credentials, Hub, Principal
from arcuate.values.record import record

__all__ = ["Authentication", "Caller", "Limiter", "Tracing", "caller", "parse", "trace"]

log = logging.getLogger(__name__)

PREFIX = "/arcuate.v1."
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Behaviour = Callable[[Any, Any], Any]


@record(frozen=True)
class Caller:
    """Who makes a call.

    Attributes:
        principal: who it is.
        credentials: how that is known.
    """

    principal: Principal
    credentials: Credentials


caller: ContextVar[Caller] = ContextVar("caller")
trace: ContextVar[str] = ContextVar("trace", default="")


class _Wrapping(grpc.aio.ServerInterceptor):
    """An interceptor that does something before the behaviour of a plain call begins."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming or not handler_call_details.method.startswith(PREFIX):
            return handler
        if handler.response_streaming:
            inner = handler.unary_stream

            async def streaming(request: bytes, context: Any) -> None:
                await self._guarded(request, context)
                await inner(request, context)

            return grpc.unary_stream_rpc_method_handler(streaming)
        behaviour = handler.unary_unary

        async def unary(request: bytes, context: Any) -> Any:
            await self._guarded(request, context)
            return await behaviour(request, context)

        return grpc.unary_unary_rpc_method_handler(unary)

    async def _guarded(self, request: bytes, context: Any) -> None:
        try:
            await self.before(request, context)
        except ArcuateError as error:
            await refuse(context, error)

    async def before(self, request: bytes, context: Any) -> None:
        """What is done; an ArcuateError ends the call."""
        raise NotImplementedError


class Authentication(_Wrapping):
    """Finds out who calls, before the message is looked at.

    Args:
        hub: knows tokens and certificates.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def before(self, request: bytes, context: Any) -> None:
        known = credentials(context)
        if known.token is None:
            principal = self._hub.authenticate(known)
        else:  # hashing takes its time
            principal = await asyncio.to_thread(self._hub.authenticate, known)
        self._hub.still_valid(principal)
        caller.set(Caller(principal, known))
        refused.set(lambda error: self._hub.guard.refused(principal, known.peer, error, None))


class Limiter(_Wrapping):
    """Refuses messages that are too large, with the setting's name.

    Args:
        hub: has the limits.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def before(self, request: bytes, context: Any) -> None:
        limits = self._hub.limits_for(caller.get().principal)
        if len(request) > limits.message:
            raise too_large(len(request), limits)


class Tracing(_Wrapping):
    """Takes over the trace that a call belongs to, from ``traceparent`` of W3C Trace Context."""

    async def before(self, request: bytes, context: Any) -> None:
        given = metadata_of(context.invocation_metadata()).get("traceparent", "")
        trace.set(given if _TRACE.fullmatch(given) else "")


def parse(kind: Any, data: bytes) -> Any:
    """Reads a request.

    Raises:
        ProtocolError: it is none.
    """
    try:
        return kind.FromString(data)
    except Exception as error:
        name = kind.DESCRIPTOR.full_name
        raise ProtocolError(f"malformed message: {len(data)} bytes are no {name} ({error})") from None
