"""The sessions that plain calls use: they outlive the calls, and are found by their id and secret."""

from __future__ import annotations

import asyncio
import hmac
import time

from arcuate.client import messages
from arcuate.errors import InvalidArgument, PermissionDenied, SessionClosed
from arcuate.grpc.channel import Channel
from arcuate.grpc.gate import Caller
from arcuate.hub import Hub
from arcuate.v1.session_pb2 import Greeting, Scope

__all__ = ["IDLE", "Sessions"]

IDLE = 300.0
"""Seconds without a call after which a session counts as left; it can be resumed for the grace period."""


class Sessions:
    """Channels with a session, by the session's id.

    Args:
        hub: the hub.
        loop: the loop that serves them.
    """

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop
        self._channels: dict[str, Channel] = {}

    def loose(self, caller: Caller) -> Channel:
        """A channel without a session.

        Raises:
            LimitExceeded: there are as many connections as may be.
        """
        channel = Channel(self._hub, caller.credentials, self._loop)
        channel.become(caller.principal)
        self._hub.admit(channel.connection)
        return channel

    def keep(self, channel: Channel, greeting: Greeting) -> None:
        """Has a channel be found by the session that it has got."""
        before = self._channels.get(greeting.session)
        self._channels[greeting.session] = channel
        if before is not None:
            before.close()

    def find(self, scope: Scope, caller: Caller) -> Channel:
        """The channel of a session.

        Raises:
            InvalidArgument: the scope names none.
            SessionClosed: there is none, or the secret is another.
            PermissionDenied: it belongs to somebody else.
        """
        if not scope.session:
            raise InvalidArgument(
                "scope.session is missing: open a session with Open, and give its id and secret"
            )
        channel = self._channels.get(scope.session)
        session = None if channel is None else channel.connection.session
        principal = caller.principal
        if scope.secret:
            known = session is not None and hmac.compare_digest(
                scope.secret.encode(), session.secret.encode()
            )
        else:
            known = (
                session is not None
                and session.principal.name == principal.name
                and principal.kind not in ("local", "anonymous")
            )
        if channel is None or session is None or session.closed or not known:
            raise SessionClosed(
                "there is no such session for plain calls, or it is over, or the secret is another; open one "
                "with Open, or take one over with Resume"
            )
        if session.principal.name != principal.name:
            raise PermissionDenied("the session belongs to another principal")
        self._hub.delegations.apart(caller.credentials.token, session)
        channel.become(principal)
        channel.used = time.monotonic()
        return channel

    def drop(self, session: str) -> None:
        """Forgets a session."""
        channel = self._channels.pop(session, None)
        if channel is not None:
            channel.close()

    def sweep(self, now: float) -> None:
        """Lets go of sessions that nobody uses, and of those that are over."""
        for name, channel in list(self._channels.items()):
            session = channel.connection.session
            over = session is None or session.closed
            if over or (not channel.running and now - channel.used >= IDLE):
                self.drop(name)

    def close(self) -> None:
        """Lets go of all."""
        for name in list(self._channels):
            self.drop(name)


def interrupt(channel: Channel, number: int) -> None:
    """Interrupts one call of a session, or all (0)."""
    for one in [number] if number else channel.running:
        channel.connection.receive(messages.build("cancel", 0, {"call": one}))
