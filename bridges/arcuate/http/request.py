"""One HTTP request: its head, who sent it, its body within limits, and ways to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from arcuate.errors import InvalidArgument, LimitExceeded, ProtocolError
from arcuate.http.codec import dumps, loads
from arcuate.http.status import HttpError, error_of
from arcuate.values import frames
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub import Credentials, Principal
    from arcuate.values.limits import Limits

__all__ = ["FRAMES", "JSON", "NDJSON", "Disconnected", "Incoming", "wrong_type"]

FRAMES = "application/vnd.arcuate.frames"
JSON = "application/json"
NDJSON = "application/x-ndjson"
SINK = 1 << 20
"""Bytes from which on a body is read straight into its place."""
PIECE = 1 << 20
"""Bytes that are handed to the socket at once."""
_BODY_SECONDS = 30.0
"""A body that does not go on for so long is given up."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Disconnected(Exception):
    """The client went away while its request was read."""


class Incoming:
    """One HTTP request.

    Attributes:
        scope: as ASGI gives it.
        headers: header fields, names in lower case; of a repeated field the last.
        query: the parameters of the address.
        credentials: what is known of the client.
        principal: who it is.
        protocol: the connection it came on, or ``None``.
        reading: its body is being read.
    """

    credentials: Credentials
    principal: Principal

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self.headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.protocol: Any = scope.get("arcuate.protocol")
        self._query: dict[str, str] | None = None
        self.started = False
        self.reading = False

    # -------------------------------------------------------------------- head

    @property
    def method(self) -> str:
        """GET, POST, ..."""
        return str(self.scope["method"])

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address."""
        if self._query is None:
            try:
                text = self.scope.get("query_string", b"").decode("ascii")
                self._query = dict(
                    parse_qsl(text, keep_blank_values=True, max_num_fields=50, errors="strict")
                )
            except ValueError as error:
                raise InvalidArgument(f"the parameters of the address cannot be read: {error}") from None
        return self._query

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.scope["path_params"][name])

    def number(self, name: str, default: float, most: float) -> float:
        """A parameter that is a number from 0 to ``most``."""
        text = self.query.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= most:
            raise InvalidArgument(f"the parameter {name!r} is a number from 0 to {most:g}, not {text[:40]!r}")
        return value

    @property
    def content_type(self) -> str:
        """The type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def wants(self) -> str:
        """The type of the answer that the client prefers: by ``Accept``, else that of its own body."""
        accept = self.headers.get("accept", "")
        if accept and accept != "*/*":
            best, found = 0.0, ""
            for part in accept.lower().split(","):
                kind, _, parameters = part.partition(";")
                weight = 1.0
                for parameter in parameters.split(";"):
                    key, _, value = parameter.partition("=")
                    if key.strip() == "q":
                        try:
                            weight = float(value)
                        except ValueError:
                            weight = 0.0
                kind = kind.strip()
                if kind in (FRAMES, JSON, NDJSON) and weight > best:
                    best, found = weight, kind
            if found:
                return found
        return FRAMES if self.content_type == FRAMES else JSON

    @property
    def token(self) -> str | None:
        """The bearer token."""
        given = self.headers.get("authorization")
        if given is None:
            return None
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ""
        return token.strip()

    @property
    def asynchronous(self) -> bool:
        """Whether the client wants its reply from the output and not from this request."""
        return "respond-async" in self.headers.get("prefer", "").lower()

    # -------------------------------------------------------------------- body

    async def body(self, limit: int) -> bytes | bytearray | memoryview:
        """The body.

        Raises:
            LimitExceeded: it is, or says that it will be, longer than ``limit``.
            HttpError: it came too slowly.
            Disconnected: the client went away.
        """
        size = -1
        given = self.headers.get("content-length")
        if given is not None:
            size = int(given)  # the parser of the server has accepted it
            if size > limit:
                raise _too_long(size, limit)
        self.reading = True
        found = await (self._sink(size) if self.protocol is not None and size >= SINK else self._parts(limit))
        self.reading = False
        return found

    async def _parts(self, limit: int) -> bytes:
        """A body of any size, part by part."""
        parts: list[bytes] = []
        got = 0
        while True:
            try:
                message = await asyncio.wait_for(self._receive(), _BODY_SECONDS)
            except asyncio.TimeoutError:
                raise _too_slow() from None
            if message["type"] != "http.request":
                raise Disconnected
            part = message.get("body", b"")
            got += len(part)
            if got > limit:
                raise _too_long(got, limit)
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _sink(self, size: int) -> memoryview:
        """A large body of known size, straight into its place."""
        import numpy as np

        target = np.empty(size, np.uint8).data.cast("B")  # no page is touched before data comes
        done = self.protocol.sink(self.scope, target)
        before = -1
        while True:
            try:
                if not await asyncio.wait_for(asyncio.shield(done), _BODY_SECONDS):
                    raise Disconnected
                return target
            except asyncio.TimeoutError:
                if self.protocol.filled == before:
                    raise _too_slow() from None
                before = self.protocol.filled

    async def json(self, limit: int) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            HttpError: its type is not JSON: a page in a browser could send others without being asked.
            InvalidArgument: it is no JSON object.
        """
        if self.content_type != JSON:
            raise wrong_type(self.content_type, JSON)
        data = await self.body(limit)
        found = loads(data) if len(data) < 1 << 16 else await asyncio.to_thread(loads, data)
        if not isinstance(found, dict):
            raise InvalidArgument("the body must be a JSON object")
        return found

    async def frame(self, limits: Limits) -> Nodes:
        """The body as one frame."""
        data = await self.body(limits.message + frames.HEADER_SIZE)
        return frames.load(data, limits=limits)

    # ------------------------------------------------------------------ answer

    async def start(
        self, status: int, kind: str, headers: Mapping[str, str] | None = None, length: int | None = None
    ) -> None:
        """Sends the head of an answer."""
        self.started = True
        fields = [(b"content-type", kind.encode())] if kind else []
        fields.append((b"cache-control", b"no-store"))
        fields.append((b"x-content-type-options", b"nosniff"))
        if length is not None:
            fields.append((b"content-length", str(length).encode()))
        for name, value in (headers or {}).items():
            fields.append((name.encode(), value.encode("latin-1", "replace")))
        for name, value in self.scope.get("arcuate.headers", ()):
            fields.append((name, value))
        await self._send({"type": "http.response.start", "status": status, "headers": fields})

    async def write(self, part: bytes | memoryview, more: bool = True) -> None:
        """Sends a part of the body; waits while the client does not read."""
        await self._send({"type": "http.response.body", "body": part, "more_body": more})

    async def answer(
        self, status: int, kind: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Sends a whole answer."""
        await self.start(status, kind, headers, len(body) if status not in (204, 304) else None)
        await self.write(body, False)

    async def answer_json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        """Sends a JSON answer."""
        await self.answer(status, JSON, dumps(value), headers)

    async def answer_parts(
        self, status: int, kind: str, parts: Iterable[memoryview], headers: Mapping[str, str] | None = None
    ) -> None:
        """Sends an answer of several parts without joining them."""
        listed = list(parts)
        await self.start(status, kind, headers, sum(map(len, listed)))
        for number, part in enumerate(listed, 1):
            final = number == len(listed)
            # piece by piece: what the client has not taken yet would be copied into the queue of the socket
            for at in range(0, max(1, len(part)), PIECE):
                await self.write(part[at : at + PIECE], not final or at + PIECE < len(part))

    async def fail(self, error: BaseException, number: int = 0) -> None:
        """Sends an error, as a frame or as JSON by what the client wants."""
        from arcuate.client import messages

        status, fields, headers = error_of(error)
        if self.wants == FRAMES:
            frame = frames.to_bytes(messages.build("error", number, fields))
            await self.answer(status, FRAMES, frame, headers)
        else:
            await self.answer_json(status, {"error": fields}, headers)


def _too_long(size: int, limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"a body of {size:,} bytes exceeds the limit of {limit:,} bytes; raise the setting 'message'",
        setting="message",
    )


def _too_slow() -> HttpError:
    error = ProtocolError(f"the body did not go on for {_BODY_SECONDS:g} s")
    return HttpError(408, error, {"connection": "close"})


def wrong_type(found: str, *allowed: str) -> HttpError:
    """The refusal of a body of another type."""
    error = ProtocolError(f"the body's Content-Type is {found or 'missing'}; send {' or '.join(allowed)}")
    return HttpError(415, error)
