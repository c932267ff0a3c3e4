"""The plain calls: what generated code and grpcurl use, each a method of a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc

from arcuate import v1
from arcuate.client import messages
from arcuate.errors import ArcuateError, InvalidArgument, LimitExceeded
from arcuate.grpc.channel import Channel
from arcuate.grpc.convert import (
    Builder,
    fill_event,
    fill_greeting,
    items_of,
    parts_of,
    put_value,
)
from arcuate.grpc.gate import caller, parse, trace
from arcuate.grpc.sessions import Sessions, interrupt
from arcuate.grpc.status import refuse
from arcuate.hub import Hub
from arcuate.values import decode
from arcuate.values.nodes import Nodes

__all__ = ["Plain"]

EVENT_BYTES = 1 << 20
"""Bytes of events that the response of one call holds."""
_LARGE = 1 << 17
"""Messages from this size on are read and written in another thread."""
_CREDIT = 64
_POLICIES = {0: "drop", 1: "drop", 2: "block", 3: "disconnect"}


class Plain:
    """The services.

    Args:
        hub: the hub.
        sessions: the sessions that plain calls have opened.
    """

    def __init__(self, hub: Hub, sessions: Sessions) -> None:
        self.hub = hub
        self.sessions = sessions

    def handlers(self) -> dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]]:
        """The methods by service and name; requests and responses are bytes."""
        unary: dict[str, list[tuple[Any, Callable[[Any, Any], Awaitable[Any]]]]] = {
            "EnvironmentService": [
                (v1.ListEnvironmentsRequest, self.list_environments),
                (v1.DescribeRequest, self.describe),
                (v1.ListNamesRequest, self.list_names),
            ],
            "SessionService": [
                (v1.OpenRequest, self.open),
                (v1.ResumeRequest, self.resume),
                (v1.CallRequest, self.call),
                (v1.EvalRequest, self.eval),
                (v1.GetVariableRequest, self.get_variable),
                (v1.SetVariableRequest, self.set_variable),
                (v1.DeleteVariableRequest, self.delete_variable),
                (v1.ListVariablesRequest, self.list_variables),
                (v1.InterruptRequest, self.interrupt),
                (v1.ReleaseRequest, self.release),
                (v1.RestartRequest, self.restart),
                (v1.CloseRequest, self.close),
            ],
            "StreamService": [
                (v1.PublishRequest, self.publish),
                (v1.ListTopicsRequest, self.list_topics),
            ],
        }
        found: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {
            service: {
                kind.DESCRIPTOR.name.removesuffix("Request"): grpc.unary_unary_rpc_method_handler(
                    _unary(kind, behaviour)
                )
                for kind, behaviour in methods
            }
            for service, methods in unary.items()
        }
        found["SessionService"]["Run"] = grpc.unary_stream_rpc_method_handler(
            _streaming(v1.RunRequest, self.run)
        )
        found["StreamService"]["Subscribe"] = grpc.unary_stream_rpc_method_handler(
            _streaming(v1.SubscribeRequest, self.subscribe)
        )
        return found

    # ------------------------------------------------------------------ helpers

    @asynccontextmanager
    async def _channel(self, scope: Any, context: Any) -> AsyncIterator[tuple[Channel, dict[str, Any], int]]:
        """Where a request runs: the channel, the fields that say so, and its id."""
        controls: dict[str, Any] = {}
        left = context.time_remaining()
        if left is not None:
            controls["deadline"] = max(1, min(int(left * 1000), 1 << 52))
        if trace.get():
            controls["trace"] = trace.get()
        if scope.session and scope.environment:
            raise InvalidArgument("scope has both 'session' and 'environment'; give one")
        if scope.call > 1 << 53:
            raise InvalidArgument(f"scope.call is {scope.call}; an id is 1 to 2**53")
        if scope.session:
            channel = self.sessions.find(scope, caller.get())
            yield channel, controls, channel.number(scope.call)
            return
        if not scope.environment:
            raise InvalidArgument("scope is missing: give the name of an environment, or a session")
        async with self._loose() as channel:
            yield channel, {**controls, "environment": scope.environment}, channel.number(scope.call)

    @asynccontextmanager
    async def _loose(self) -> AsyncIterator[Channel]:
        channel = self.sessions.loose(caller.get())
        try:
            yield channel
        finally:
            channel.close()

    async def _ask(
        self,
        request: Any,
        context: Any,
        op: str,
        fields: Mapping[str, Any],
        complete: Callable[[Builder], object] | None = None,
        events: Any = None,
    ) -> Nodes:
        """Asks for something that runs in an interpreter; returns the reply."""
        async with self._channel(request.scope, context) as (channel, controls, number):
            builder = Builder(op, number, {**fields, **controls}, channel.connection.limits)
            if complete is not None:
                await _apart(request, complete, builder)
            keep = None if events is None else _Kept(events)
            reply = await channel.ask(builder.message, keep)
            if keep is not None:
                keep.finish()
            return reply

    async def _ask_hub(
        self, op: str, fields: Mapping[str, Any], complete: Callable[[Builder], object] | None = None
    ) -> Any:
        """Asks the hub itself; returns the value of the reply, decoded."""
        async with self._loose() as channel:
            builder = Builder(op, channel.number(), fields, channel.connection.limits)
            if complete is not None:
                complete(builder)
            return await _value(channel, builder.message)

    # ------------------------------------------------------------- environments

    async def list_environments(self, request: Any, context: Any) -> Any:
        """EnvironmentService.ListEnvironments."""
        response = v1.ListEnvironmentsResponse()
        for one in self.hub.listing(caller.get().principal):
            response.environments.add(
                name=one["name"],
                language=one["language"],
                doc=one.get("doc", ""),
                options=one.get("options", ()),
                eval=bool(one.get("eval")),
            )
        return response

    async def describe(self, request: Any, context: Any) -> Any:
        """EnvironmentService.Describe."""
        found = await self._about(
            request, context, "describe", {"name": request.name, "brief": request.brief}
        )
        response = v1.DescribeResponse(
            name=str(found.get("name") or ""),
            kind=str(found.get("kind") or ""),
            doc=str(found.get("doc") or ""),
            signature=str(found.get("signature") or ""),
        )
        for one in found.get("parameters") or ():
            parameter = response.parameters.add(name=str(one.get("name")), kind=str(one.get("kind")))
            if one.get("default") is not None:
                parameter.default_source = str(one["default"])
        return response

    async def list_names(self, request: Any, context: Any) -> Any:
        """EnvironmentService.ListNames."""
        fields = {"name": request.package, "prefix": request.prefix}
        return v1.ListNamesResponse(names=await self._about(request, context, "names", fields))

    async def _about(self, request: Any, context: Any, op: str, fields: Mapping[str, Any]) -> Any:
        scoped = v1.CallRequest(scope=v1.Scope(environment=request.environment))
        reply = await self._ask(scoped, context, op, fields)
        return decode(parts_of(reply)["value"])

    # ----------------------------------------------------------------- sessions

    async def open(self, request: Any, context: Any) -> Any:
        """SessionService.Open."""
        fields: dict[str, Any] = {"environment": request.environment, "grace": request.grace or 3.0}
        limits = {field.name: value for field, value in request.limits.ListFields()}
        if limits:
            fields["limits"] = limits
        return await self._begin(
            "open", fields, v1.OpenResponse(), lambda to: to.named("options", request.options)
        )

    async def resume(self, request: Any, context: Any) -> Any:
        """SessionService.Resume."""
        fields = {"session": request.session, "secret": request.secret, "seen": 0}
        return await self._begin("resume", fields, v1.ResumeResponse())

    async def _begin(
        self,
        op: str,
        fields: Mapping[str, Any],
        response: Any,
        complete: Callable[[Builder], object] | None = None,
    ) -> Any:
        channel = self.sessions.loose(caller.get())
        try:
            builder = Builder(op, channel.number(), fields, channel.connection.limits)
            if complete is not None:
                complete(builder)
            fill_greeting(response.greeting, await _value(channel, builder.message))
        except BaseException:
            channel.close()
            raise
        self.sessions.keep(channel, response.greeting)
        return response

    async def call(self, request: Any, context: Any) -> Any:
        """SessionService.Call."""
        fields: dict[str, Any] = {"keep": request.keep}
        if request.HasField("name") == request.HasField("target"):
            raise InvalidArgument("a call needs either a 'name' or a 'target'")
        if request.HasField("name"):
            fields["name"] = request.name
        if request.HasField("nargout"):
            fields["nargout"] = request.nargout

        def complete(builder: Builder) -> None:
            if request.HasField("target"):
                builder.value("target", request.target)
            builder.values("args", request.args).named("named", request.named)

        response = v1.CallResponse()
        reply = await self._ask(request, context, "call", fields, complete, response.events)
        return await _results(response, reply)

    async def eval(self, request: Any, context: Any) -> Any:
        """SessionService.Eval."""
        fields: dict[str, Any] = {"code": request.code, "keep": request.keep}
        if request.HasField("nargout"):
            fields["nargout"] = request.nargout
        response = v1.EvalResponse()
        return await _results(
            response, await self._ask(request, context, "eval", fields, None, response.events)
        )

    async def run(self, request: Any, context: Any) -> None:
        """SessionService.Run: what happens meanwhile is sent as it comes."""
        async with self._channel(request.scope, context) as (channel, controls, number):

            async def send(found: Nodes) -> None:
                response = v1.RunResponse()
                if fill_event(response.event, found):
                    await context.write(response.SerializeToString())

            await channel.ask(messages.build("run", number, {"code": request.code, **controls}), send)

    async def get_variable(self, request: Any, context: Any) -> Any:
        """SessionService.GetVariable."""
        fields = {"name": request.name, "keep": request.keep, "function": request.function}
        reply = await self._ask(request, context, "get", fields)
        return await _results(v1.GetVariableResponse(), reply)

    async def set_variable(self, request: Any, context: Any) -> Any:
        """SessionService.SetVariable."""
        await self._ask(
            request, context, "set", {"name": request.name}, lambda to: to.value("value", request.value)
        )
        return v1.SetVariableResponse()

    async def delete_variable(self, request: Any, context: Any) -> Any:
        """SessionService.DeleteVariable."""
        await self._ask(request, context, "delete", {"name": request.name})
        return v1.DeleteVariableResponse()

    async def list_variables(self, request: Any, context: Any) -> Any:
        """SessionService.ListVariables."""
        reply = await self._ask(request, context, "list", {})
        return v1.ListVariablesResponse(names=decode(parts_of(reply)["value"]))

    async def interrupt(self, request: Any, context: Any) -> Any:
        """SessionService.Interrupt."""
        interrupt(self.sessions.find(request.scope, caller.get()), request.scope.call)
        return v1.InterruptResponse()

    async def release(self, request: Any, context: Any) -> Any:
        """SessionService.Release."""
        channel = self.sessions.find(request.scope, caller.get())
        channel.post("release", {"handles": list(request.handles)})
        return v1.ReleaseResponse()

    async def restart(self, request: Any, context: Any) -> Any:
        """SessionService.Restart."""
        self.sessions.find(request.scope, caller.get())
        reply = await self._ask(request, context, "restart", {})
        response = v1.RestartResponse()
        fill_greeting(response.greeting, messages.fields(reply)["value"])
        return response

    async def close(self, request: Any, context: Any) -> Any:
        """SessionService.Close."""
        channel = self.sessions.find(request.scope, caller.get())
        await _value(channel, messages.build("close", channel.number()))
        self.sessions.drop(request.scope.session)
        return v1.CloseResponse()

    # ------------------------------------------------------------------ streams

    async def publish(self, request: Any, context: Any) -> Any:
        """StreamService.Publish."""
        fields: dict[str, Any] = {"topic": request.topic}
        left = context.time_remaining()
        if left is not None:
            fields["deadline"] = max(1, min(int(left * 1000), 1 << 52))
        found = await self._ask_hub("publish", fields, lambda to: to.value("value", request.value))
        return v1.PublishResponse(sequence=found)

    async def list_topics(self, request: Any, context: Any) -> Any:
        """StreamService.ListTopics."""
        response = v1.ListTopicsResponse()
        for one in await self._ask_hub("topics", {}):
            response.topics.add(
                topic=one["topic"], next=one["next"], oldest=one["oldest"], subscribers=one["subscribers"]
            )
        return response

    async def subscribe(self, request: Any, context: Any) -> None:
        """StreamService.Subscribe: samples until the caller cancels or the hub ends it."""
        fields: dict[str, Any] = {"topic": request.topic, "policy": _POLICIES.get(request.policy, "drop")}
        if request.HasField("start"):
            fields["from"] = request.start
        if request.buffer:
            fields["buffer"] = request.buffer
        fields["credit"] = _CREDIT
        async with self._loose() as channel:
            number = channel.number()

            async def send(found: Nodes) -> None:
                parts = parts_of(found)
                response = v1.SubscribeResponse()
                sample = response.sample
                for key in ("topic", "sequence", "time", "lost"):
                    if key in parts:
                        setattr(sample, key, decode(parts[key]))
                await asyncio.to_thread(put_value, sample.value, parts["value"])
                await context.write(response.SerializeToString())
                channel.post("credit", {"subscription": number, "count": 1})

            await channel.follow(messages.build("subscribe", number, fields), send)


class _Kept:
    """Keeps events for a response, up to a limit."""

    def __init__(self, events: Any) -> None:
        self._events = events
        self._size = 0
        self._dropped = 0

    async def __call__(self, message: Nodes) -> None:
        event = v1.Event()
        if fill_event(event, message):
            self._size += event.ByteSize()
            if self._size <= EVENT_BYTES:
                self._events.append(event)
            else:
                self._dropped += 1

    def finish(self) -> None:
        """Counts those that did not fit."""
        if self._dropped:
            self._events.add().dropped.count = self._dropped


async def _value(channel: Channel, request: Nodes) -> Any:
    return messages.fields(await channel.ask(request)).get("value")


async def _apart(request: Any, work: Callable[[Builder], object], builder: Builder) -> None:
    """Converts what a request holds, away from the loop where that takes long."""
    if request.ByteSize() < _LARGE:
        work(builder)
    else:
        await asyncio.to_thread(work, builder)


async def _results(response: Any, reply: Nodes) -> Any:
    """Writes the value or values of a reply into a response."""
    parts = parts_of(reply)

    def work() -> None:
        if "values" in parts:
            for one in items_of(parts["values"]):
                put_value(response.values.add(), one)
        else:
            put_value(response.value, parts.get("value"))

    if any((len(one) if isinstance(one, bytes) else one.nbytes) >= _LARGE for one in reply.buffers):
        await asyncio.to_thread(work)
    else:
        work()
    return response


def _serialized(response: Any) -> bytes:
    try:
        found: bytes = response.SerializeToString()
    except Exception as error:  # which one depends on protobuf's back end
        raise LimitExceeded(
            f"the response does not fit into a message of Protocol Buffers (2 GiB): {error}; use the stream "
            "Attach for values of that size",
            setting="message",
        ) from None
    return found


def _unary(kind: Any, behaviour: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    async def unary(data: bytes, context: Any) -> bytes:
        try:
            request = parse(kind, data) if len(data) < _LARGE else await asyncio.to_thread(parse, kind, data)
            return _serialized(await behaviour(request, context))
        except ArcuateError as error:
            await refuse(context, error)
        except (asyncio.CancelledError, grpc.aio.AbortError):
            raise
        except Exception as error:
            await refuse(context, error)
        raise AssertionError("a refused call has ended")

    return unary


def _streaming(kind: Any, behaviour: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    async def streaming(data: bytes, context: Any) -> None:
        try:
            await behaviour(parse(kind, data), context)
        except (asyncio.CancelledError, grpc.aio.AbortError):
            raise
        except Exception as error:
            await refuse(context, error)

    return streaming
