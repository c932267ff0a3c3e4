"""Plain JSON for curl: calls, code, variables, callbacks and cancel, in environments and in sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arcuate.client import messages
from arcuate.errors import InvalidArgument
from arcuate.http.answers import reply
from arcuate.http.bus import Bus, answer_json
from arcuate.http.channel import Channel
from arcuate.http.codec import JSON_BYTES, from_json
from arcuate.http.request import Incoming
from arcuate.http.resources import Resources

__all__ = ["REQUEST", "Plain"]

REQUEST = "arcuate-request"
"""The field in which a client states the id of a request."""
_NUMBER = (int,)
_FIELDS: dict[str, tuple[tuple[type, ...], str]] = {
    "args": ((list,), "a list"),
    "named": ((dict,), "an object"),
    "nargout": (_NUMBER, "an integer of 0 or more"),
    "keep": ((bool,), "true or false"),
    "deadline": (_NUMBER, "an integer: milliseconds"),
    "parent": (_NUMBER, "an integer: the id of a callback"),
    "seen": (_NUMBER, "an integer"),
    "code": ((str,), "a text"),
    "name": ((str,), "a text"),
    "prefix": ((str,), "a text"),
    "brief": ((bool,), "true or false"),
    "trace": ((str,), "a text"),
}
_COMMON = ("deadline", "parent", "seen", "trace")
CALL = ("args", "named", "nargout", "keep", *_COMMON)
CODE = ("code", "nargout", "keep", *_COMMON)


class Plain:
    """The routes that need nothing but JSON."""

    def __init__(self, resources: Resources, bus: Bus) -> None:
        self.resources = resources
        self.hub = resources.hub
        self.bus = bus

    # ------------------------------------------------------------------ helpers

    async def _fields(
        self, incoming: Incoming, known: tuple[str, ...], need: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The fields of a body that a route knows, checked."""
        body = await incoming.json(min(self.bus.limits_of(incoming).message, JSON_BYTES))
        found: dict[str, Any] = {}
        for key in known:
            if key not in body:
                continue
            types, what = _FIELDS[key]
            value = body[key]
            wrong = not isinstance(value, types) or (isinstance(value, bool) and bool not in types)
            if wrong or (isinstance(value, int) and not 0 <= value <= 1 << 53):
                raise InvalidArgument(f"{key!r} must be {what}")
            found[key] = value
        for key in need:
            if key not in found:
                raise InvalidArgument(f"{key!r} is missing: {_FIELDS[key][1]}")
        return found

    def _number(self, incoming: Incoming, channel: Channel) -> int:
        text = incoming.headers.get(REQUEST)
        if text is None:
            return channel.number()
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:20]) <= 1 << 53:
            raise InvalidArgument(f"Arcuate-Request is an integer of 1 to 2**53, not {text[:40]!r}")
        return int(text)

    async def _ask(
        self,
        incoming: Incoming,
        channel: Channel,
        op: str,
        fields: Mapping[str, Any],
        environment: str,
        *,
        status: int = 200,
    ) -> None:
        """Asks the hub and answers with the reply as JSON."""
        number = self._number(incoming, channel)
        if channel.session is not None and REQUEST not in incoming.headers and "seen" not in fields:
            channel.settle()  # a client that names no request cannot ask for its answer again
        language = self.hub.environments.find(environment).language
        message = from_json(op, number, fields, language=language)
        reader = channel.read(number, only=True)
        await channel.receive(message)
        found, events = await reply(incoming, channel, reader)
        await answer_json(incoming, found, events, status, lambda _: {"arcuate-request": str(number)})

    # ------------------------------------------------------------- environments

    async def environments(self, incoming: Incoming) -> None:
        """GET /v1/environments."""
        await incoming.answer_json(200, {"environments": self.hub.listing(incoming.principal)})

    async def _stateless(self, incoming: Incoming, op: str, fields: dict[str, Any]) -> None:
        environment = incoming.path("environment")
        self.hub.environments.find(environment)
        channel, lasting = self.resources.loose(incoming)
        try:
            await self._ask(incoming, channel, op, {**fields, "environment": environment}, environment)
        finally:
            if not lasting:
                channel.close()
                channel.lost()

    async def call(self, incoming: Incoming) -> None:
        """POST /v1/environments/{environment}/call/{function}."""
        fields = await self._fields(incoming, CALL)
        await self._stateless(incoming, "call", {"name": incoming.path("function"), "args": [], **fields})

    async def eval(self, incoming: Incoming) -> None:
        """POST /v1/environments/{environment}/eval."""
        await self._stateless(incoming, "eval", await self._fields(incoming, CODE, ("code",)))

    async def run(self, incoming: Incoming) -> None:
        """POST /v1/environments/{environment}/run."""
        await self._stateless(incoming, "run", await self._fields(incoming, ("code", *_COMMON), ("code",)))

    async def describe(self, incoming: Incoming) -> None:
        """GET /v1/environments/{environment}/describe/{name}."""
        await self._stateless(incoming, "describe", {"name": incoming.path("name")})

    async def names(self, incoming: Incoming) -> None:
        """GET /v1/environments/{environment}/names."""
        fields = {"name": incoming.query.get("of", ""), "prefix": incoming.query.get("prefix", "")}
        await self._stateless(incoming, "names", fields)

    # ----------------------------------------------------------------- sessions

    async def _in_session(self, incoming: Incoming, op: str, fields: Mapping[str, Any], **more: Any) -> None:
        channel = self.resources.session(incoming)
        session = channel.session
        assert session is not None
        await self._ask(incoming, channel, op, fields, session.environment, **more)

    async def session_call(self, incoming: Incoming) -> None:
        """POST /v1/sessions/{session}/call/{function}."""
        self.resources.session(incoming)
        fields = await self._fields(incoming, CALL)
        await self._in_session(incoming, "call", {"name": incoming.path("function"), "args": [], **fields})

    async def session_eval(self, incoming: Incoming) -> None:
        """POST /v1/sessions/{session}/eval."""
        self.resources.session(incoming)
        await self._in_session(incoming, "eval", await self._fields(incoming, CODE, ("code",)))

    async def session_run(self, incoming: Incoming) -> None:
        """POST /v1/sessions/{session}/run."""
        self.resources.session(incoming)
        fields = await self._fields(incoming, ("code", *_COMMON), ("code",))
        await self._in_session(incoming, "run", fields)

    async def restart(self, incoming: Incoming) -> None:
        """POST /v1/sessions/{session}/restart."""
        self.resources.session(incoming)
        await self._fields(incoming, ())
        await self._in_session(incoming, "restart", {})

    async def close(self, incoming: Incoming) -> None:
        """DELETE /v1/sessions/{session}."""
        await self._in_session(incoming, "close", {})

    async def variables(self, incoming: Incoming) -> None:
        """GET /v1/sessions/{session}/variables."""
        await self._in_session(incoming, "list", {})

    async def get(self, incoming: Incoming) -> None:
        """GET /v1/sessions/{session}/variables/{name}."""
        await self._in_session(incoming, "get", {"name": incoming.path("name")})

    async def set(self, incoming: Incoming) -> None:
        """PUT /v1/sessions/{session}/variables/{name}."""
        self.resources.session(incoming)
        body = await incoming.json(min(self.bus.limits_of(incoming).message, JSON_BYTES))
        if "value" not in body:
            raise InvalidArgument("'value' is missing")
        await self._in_session(incoming, "set", {"name": incoming.path("name"), "value": body["value"]})

    async def delete(self, incoming: Incoming) -> None:
        """DELETE /v1/sessions/{session}/variables/{name}."""
        await self._in_session(incoming, "delete", {"name": incoming.path("name")})

    async def cancel(self, incoming: Incoming) -> None:
        """POST /v1/sessions/{session}/calls/{call}/cancel."""
        channel = self.resources.session(incoming)
        await self._fields(incoming, ())
        await channel.receive(messages.build("cancel", 0, {"call": int(incoming.path("call"))}))
        await incoming.answer(204, "", b"")

    async def callback(self, incoming: Incoming) -> None:
        """POST /v1/sessions/{session}/callbacks/{callback}: its value, or an error."""
        channel = self.resources.session(incoming)
        session = channel.session
        assert session is not None
        body = await incoming.json(min(self.bus.limits_of(incoming).message, JSON_BYTES))
        number = int(incoming.path("callback"))
        if ("value" in body) == ("error" in body):
            raise InvalidArgument("a callback is answered with either 'value' or 'error'")
        if "value" in body:
            language = self.hub.environments.find(session.environment).language
            message = from_json("return", number, {"value": body["value"]}, language=language)
        else:
            error = body["error"]
            if not isinstance(error, dict):
                raise InvalidArgument("'error' must be an object with 'message' and what else is known")
            said = {
                "code": "REMOTE_ERROR",
                "message": "",
                **{
                    key: error[key]
                    for key in ("code", "message", "language")
                    if isinstance(error.get(key), str)
                },
            }
            lists = {
                key: [one for one in error[key] if isinstance(one, str)]
                for key in ("class", "stack")
                if isinstance(error.get(key), list)
            }
            message = from_json("raise", number, {**said, **lists})
        await channel.receive(message)
        await incoming.answer(204, "", b"")
