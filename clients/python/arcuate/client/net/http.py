"""The link to a hub over HTTP/1.1, as ``protos/http.md`` describes it.

A request is a POST whose answer brings everything that the hub sends, up to the reply: events and callbacks
as they come. What has to be said meanwhile (answers to callbacks, ``cancel``, nested calls) goes by a second
connection; what is to be answered of it comes with the answer that is open. Both connections are kept.
"""

from __future__ import annotations

import json
import secrets
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from arcuate.client import messages
from arcuate.client.net.httpwire import FRAMES, Wire
from arcuate.client.net.link import Link
from arcuate.client.net.target import Target
from arcuate.client.net.waking import Waking
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    ConnectionLost,
    ConversionError,
    InvalidArgument,
    LimitExceeded,
    ProtocolError,
)
from arcuate.values import frames
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

__all__ = ["HttpLink", "open_link"]

_SILENT = frozenset(("return", "raise", "cancel", "release", "ack", "credit"))
"""Messages without an answer."""
_SILENCE = 60.0
"""Seconds after which an open answer that says nothing counts as lost: a hub gives a sign every 15 s."""
_POLL = 30
_SETTLE = 30.0


class HttpLink(Link):
    """Messages over HTTP.

    Args:
        target: the hub's address.
        limits: what is accepted.
        token: says who we are, in each request.
        context: for TLS; ``None``: without.
    """

    name = "http"

    def __init__(
        self, target: Target, limits: Limits, token: str | None, context: ssl.SSLContext | None
    ) -> None:
        self.limits = limits
        self._target = target
        self._context = context
        self._most = limits.message
        self._main: Wire | None = None
        self._side: Wire | None = None
        self._side_call = 0
        self._arrived: deque[Nodes] = deque()
        self._refused: ArcuateError | None = None  # why what came after them is not taken
        self._waiting: set[int] = set()  # ids of requests that were not answered yet
        self._exchange = 0  # the id of the request whose answer is open
        self._busy = False  # whether one is
        self._opening = -1
        self._session = ""
        self._waking = Waking()
        host = target.address
        fields = f"Host: {host}\r\nAccept: {FRAMES}\r\nArcuate-Lease: 0\r\n"
        if token is not None:
            if not token.isascii() or not token.isprintable():
                raise AuthenticationFailed("a token is printable ASCII text")
            fields += f"Authorization: Bearer {token}\r\n"
        self._fields = fields
        self._secret = ""

    # -------------------------------------------------------------------- life

    def connect(self, timeout: float) -> None:
        self._drop()
        self._main = self._dial(timeout)
        self._fields = self._fields.partition("Arcuate-Channel")[0]
        self._fields += f"Arcuate-Channel: {secrets.token_hex(16)}\r\n"

    def _dial(self, timeout: float) -> Wire:
        where = (self._target.host, self._target.port)
        try:
            sock = socket.create_connection(where, timeout)
        except OSError as error:
            raise ConnectionLost(
                f"no hub answers at {self._target.address}: {error.strerror or error}; is 'arcuate serve' "
                "running there?",
                executed="no",
            ) from None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_hostname=self._target.host)
        except ssl.SSLCertVerificationError as error:
            sock.close()
            raise AuthenticationFailed(
                f"the hub at {self._target.address} does not show a certificate that is trusted here: "
                f"{error.verify_message}; give its authority as tls='ca.pem'"
            ) from None
        except (ssl.SSLError, OSError) as error:
            sock.close()
            raise ConnectionLost(
                f"no TLS connection with {self._target.address}: {error}", executed="no"
            ) from None
        return Wire(sock, self.limits, lambda: self.ending)

    def _drop(self) -> None:
        for wire in (self._main, self._side):
            if wire is not None:
                wire.close()
        self._main = self._side = None
        self._arrived.clear()
        self._refused = None
        self._waiting.clear()
        self._busy = False
        self._session = self._secret = ""

    def close(self) -> None:
        self._drop()
        self._waking.close()

    def wake(self) -> None:
        self._waking.wake()

    # ----------------------------------------------------------------- sending

    def send(self, message: Nodes) -> None:
        main = self._main
        if main is None:
            raise ConnectionLost("not connected", executed="no")
        op, number = messages.head(message)
        body = frames.dump(message, checksum=False)
        size = len(body[0]) if len(body) == 1 else sum(map(len, body))
        if size > self._most:
            raise LimitExceeded(
                f"a message of {size:,} bytes exceeds the limit of {self._most:,} bytes; raise the setting "
                "'message' of the hub, or send the data in parts",
                setting="message",
            )
        path = self._path(op, number, message)
        silent = op in _SILENT
        try:
            if self._busy:
                self._aside(path, body, size, number, silent)
            else:
                self._settle()
                main = self._main
                assert main is not None
                self._busy, self._exchange = not silent, number
                if not silent:
                    self._waiting.add(number)
                got: list[Nodes] = []
                main.request(self._head("POST", path, size), body, got)
                self._take(got)
        except ProtocolError:
            self._drop()
            raise
        except ConnectionLost:
            if not self._ended():
                raise

    def _ended(self) -> bool:
        """Lets go of a connection that is lost. Whether the hub ended something in what it had said before.

        That is received then; after it there is no connection.
        """
        main, got = self._main, list[Nodes]()
        try:
            if main is not None and main.open:
                main.pump(got)
        except (ConnectionLost, ProtocolError):
            pass
        self._take(got)
        said = list(self._arrived)
        self._drop()
        if not any(messages.head(one)[0] == "error" for one in said):
            return False
        self._arrived.extend(said)
        return True

    def _path(self, op: str, number: int, message: Nodes) -> str:
        if op == "hello":
            return "/v1/hello"
        if op == "open":
            self._opening = number
            return "/v1/sessions"
        if op == "resume":
            self._opening = number
            fields = messages.fields(message)
            self._secret = f"Arcuate-Secret: {fields.get('secret')}\r\n"
            return f"/v1/sessions/{quote(str(fields.get('session')), safe='')}/resume"
        return f"/v1/sessions/{self._session}/messages" if self._session else "/v1/messages"

    def _head(self, method: str, path: str, size: int = 0, more: str = "") -> bytes:
        body = f"Content-Type: {FRAMES}\r\nContent-Length: {size}\r\n" if method == "POST" else ""
        return f"{method} {path} HTTP/1.1\r\n{self._fields}{self._secret}{more}{body}\r\n".encode("latin-1")

    def _settle(self) -> None:
        """Waits for the end of an answer that says nothing."""
        main = self._main
        if main is not None and main.open:
            self._finish(main)
        if main is None or not main.usable:
            if main is not None:
                main.close()
            self._main = self._dial(_SETTLE)

    def _finish(self, wire: Wire) -> list[Nodes]:
        got: list[Nodes] = []
        end = time.monotonic() + _SETTLE
        while wire.open:
            if not wire.pump(got):
                poll = select.poll()
                poll.register(wire, select.POLLIN)
                if not poll.poll(1000) and time.monotonic() > end:
                    raise ConnectionLost(f"the hub has not answered for {_SETTLE:g} s", executed="maybe")
        return got

    def _aside(self, path: str, body: list[memoryview], size: int, number: int, silent: bool) -> None:
        """Sends by the second connection while an answer is open on the first."""
        if not silent:
            self._waiting.add(number)
        head = self._head("POST", path, size, "" if silent else "Prefer: respond-async\r\n")
        fresh = self._side is None
        while True:
            got: list[Nodes] = []
            try:
                if self._side is not None and self._side.open:
                    self._beside(self._finish(self._side))
                    self._said(self._side)
                if self._side is None or not self._side.usable:
                    if self._side is not None:
                        self._side.close()
                    self._side, fresh = self._dial(_SETTLE), True
                self._side_call = 0 if silent else number
                self._side.request(head, body, got)
                self._beside(got)
                return
            except ConnectionLost:
                if self._side is not None:
                    self._side.close()
                    self._side = None
                if fresh:
                    raise

    def _beside(self, got: list[Nodes]) -> None:
        """Takes what the second connection has brought.

        Where the session is over, a message without an answer is refused; why it is, the open answer says.
        """
        for one in got:
            if self._side_call or messages.fields(one).get("code") != "SESSION_CLOSED":
                self._take([one])

    # --------------------------------------------------------------- receiving

    def receive(self, timeout: float | None) -> Nodes | None:
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while not self._arrived:
                if self._refused is not None:
                    raise self._refused
                main = self._main
                if main is None:
                    raise ConnectionLost("not connected", executed="maybe")
                if self._waiting and not self._busy:
                    main = self._follow()
                left = None if end is None else end - time.monotonic()
                if left is not None and left < 0:
                    left = 0.0
                if not self._wait(main, left):
                    return None
        except ProtocolError:
            self._drop()
            raise
        except ConnectionLost:
            if not self._ended():
                raise
        return self._arrived.popleft()

    def _wait(self, main: Wire, left: float | None) -> bool:
        """Waits for data and reads it; ``False`` when it is time to return."""
        poll = select.poll()
        poll.register(main, select.POLLIN)
        poll.register(self._waking.fd, select.POLLIN)
        side = self._side
        if side is not None and side.open:
            poll.register(side, select.POLLIN)
        if self._busy:
            silent = time.monotonic() - main.heard
            if silent > _SILENCE:
                raise ConnectionLost(f"the hub has said nothing for {silent:.0f} s", executed="maybe")
            left = _SILENCE if left is None else min(left, _SILENCE)
        ready = {main.fileno()} if main.pending else set()
        if not ready:
            ready = {fd for fd, _ in poll.poll(None if left is None else left * 1000)}
        if not ready:
            return self._busy and left == _SILENCE
        if self._waking.fd in ready:
            self._waking.clear()
            return False
        got: list[Nodes] = []
        if side is not None and side.fileno() in ready:
            beside: list[Nodes] = []
            try:
                side.pump(beside)
                self._beside(beside)
                if not side.open:
                    self._said(side)
            except ConnectionLost:
                side.close()
                self._side = None
                if self._side_call:
                    raise
        try:
            if main.fileno() in ready:
                main.pump(got)
                if self._busy and not main.open:
                    self._busy = False
                    self._said(main, self._exchange)
        except (LimitExceeded, ConversionError) as error:
            self._refused = error
        finally:
            self._take(got)
        return True

    def _follow(self) -> Wire:
        """Asks for what an answer that has ended did not bring."""
        self._settle()
        main = self._main
        assert main is not None
        path = f"/v1/sessions/{self._session}/output" if self._session else "/v1/messages"
        self._busy, self._exchange = True, 0
        main.request(self._head("GET", f"{path}?wait={_POLL}"), (), [])
        return main

    def _take(self, got: list[Nodes]) -> None:
        """Takes messages that have arrived."""
        for message in got:
            op, number = messages.head(message)
            if op == "event" and number == 0:
                continue  # a sign of life
            if op in ("reply", "error"):
                self._waiting.discard(number)
                if op == "error" and number == 0:
                    self._waiting.clear()
                if number == self._opening and op == "reply":
                    self._opening = -1
                    self._greeted(messages.fields(message).get("value"))
            elif op == "hello":
                self._waiting.clear()
                self._hello(messages.fields(message))
            self._arrived.append(message)

    def _greeted(self, greeting: Any) -> None:
        if isinstance(greeting, Mapping) and greeting.get("session"):
            self._session = quote(str(greeting["session"]), safe="")
            self._secret = f"Arcuate-Secret: {greeting.get('secret')}\r\n"

    def _hello(self, hello: Mapping[str, Any]) -> None:
        limits = hello.get("limits")
        most = limits.get("message") if isinstance(limits, Mapping) else None
        if isinstance(most, int):
            self._most = min(self.limits.message, most)

    def _said(self, wire: Wire, number: int | None = None) -> None:
        """Makes an error of an answer that is none of a hub: one of a proxy, of another server."""
        if wire.status < 400 and (not wire.other or wire.kind == FRAMES):
            return
        if wire.kind == FRAMES:
            return
        number = self._side_call if number is None else number
        text = bytes(wire.other).decode("utf-8", "replace")
        fields: dict[str, Any] = {}
        try:
            found = json.loads(text)
            fields = found["error"]
            fields["code"] = str(fields["code"])
        except (ValueError, KeyError, TypeError):
            said = " ".join(text.split())[:200]
            code = {401: "AUTHENTICATION_FAILED", 403: "PERMISSION_DENIED", 429: "RATE_LIMITED"}.get(
                wire.status, "PROTOCOL_ERROR"
            )
            if wire.status in (408, 502, 503, 504):
                raise ConnectionLost(
                    f"{self._target.address} answers {wire.status}: {said or 'nothing more'}",
                    executed="maybe",
                ) from None
            fields = {"code": code, "message": f"{self._target.address} answers {wire.status}: {said}"}
        self._take([messages.build("error", number, fields)])


def open_link(
    target: Target, limits: Limits, *, token: str | None = None, tls: Any = None, **other: Any
) -> HttpLink:
    """The link for an address.

    Args:
        target: the address.
        limits: what is accepted.
        token: says who we are.
        tls: ``True``: the authorities that this machine trusts; the path of a PEM file with authorities; or a
            mapping of ``ca``, ``certificate`` and ``key``, the last two to say who we are.
        other: options of other protocols, which are refused.

    Raises:
        InvalidArgument: an option that HTTP does not have, or files that cannot be read.
    """
    for name, value in other.items():
        if value is not None:
            raise InvalidArgument(f"{target.scheme}:// has no option {name!r}; it has token and tls")
    return HttpLink(target, limits, token, _context(target, tls))


def _context(target: Target, tls: Any) -> ssl.SSLContext | None:
    if not target.secure:
        if tls:
            raise InvalidArgument(f"http:// is not encrypted; write https://{target.address}/...")
        return None
    if tls is False:
        raise InvalidArgument("https:// is encrypted always; write http:// for a hub without TLS")
    chosen: Mapping[str, Any] = {}
    if isinstance(tls, Mapping):
        chosen = tls
    elif tls is not None and tls is not True:
        chosen = {"ca": tls}
    unknown = sorted(set(chosen) - {"ca", "certificate", "key"})
    if unknown:
        raise InvalidArgument(f"tls has no {unknown[0]!r}; it has ca, certificate and key")
    try:
        context = ssl.create_default_context(cafile=chosen.get("ca"))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if chosen.get("certificate") is not None:
            context.load_cert_chain(chosen["certificate"], chosen.get("key"))
    except (OSError, TypeError) as error:
        raise InvalidArgument(f"the certificates in tls={tls!r} cannot be read: {error}") from None
    return context
