"""The channels of a bridge: sessions by id and secret, connections without one, and who may use them."""

from __future__ import annotations

import asyncio
import hmac
import time
from typing import TYPE_CHECKING

from arcuate.errors import InvalidArgument, PermissionDenied, ProtocolError, SessionClosed
from arcuate.http.channel import LEASE, Channel
from arcuate.http.request import Incoming

if TYPE_CHECKING:
    from arcuate.hub import Hub

__all__ = ["CHANNEL", "SECRET", "Resources"]

SECRET = "arcuate-secret"  # noqa: S105
"""The field with the secret of a session."""
CHANNEL = "arcuate-channel"
"""The field that names a connection of the bus outside sessions."""
_SHORT = 60.0
"""Lease of a channel without a session."""
_LONGEST = 86400.0


class Resources:
    """All channels.

    Args:
        hub: the hub.
        loop: the bridge's loop.
    """

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self.hub = hub
        self.loop = loop
        self.sessions: dict[str, Channel] = {}
        self._named: dict[tuple[str, str], Channel] = {}
        self._over: set[str] = set()  # sessions that have ended, whose last answers may be on their way

    def fresh(self, incoming: Incoming, lease: float = LEASE) -> Channel:
        """A channel of its own for a request."""
        channel = Channel(
            self.hub, self.loop, incoming.principal, incoming.credentials, self.lease(incoming, lease)
        )
        channel.hold(incoming.protocol)
        return channel

    def lease(self, incoming: Incoming, default: float) -> float:
        """How long a client may not be heard of, as it says itself."""
        text = incoming.headers.get("arcuate-lease")
        if text is None:
            return default
        try:
            found = float(text)
        except ValueError:
            found = -1.0
        if not 0 <= found <= _LONGEST:
            raise InvalidArgument(
                f"Arcuate-Lease is a number of seconds up to {_LONGEST:g}, not {text[:40]!r}"
            )
        return found

    def session(self, incoming: Incoming) -> Channel:
        """The channel of the session that a request names.

        Raises:
            SessionClosed: there is none, or the secret is another.
            PermissionDenied: it belongs to somebody else.
        """
        number = incoming.path("session")
        session = self.hub.find(number)
        secret = incoming.headers.get(SECRET, "")
        known = session is not None and hmac.compare_digest(secret.encode(), session.secret.encode())
        if session is None or not known or session.closed or not session.resumable:
            raise SessionClosed(
                "there is no such session, or it is over, or the secret in Arcuate-Secret is another"
            )
        if session.principal.name != incoming.principal.name:
            raise PermissionDenied("the session belongs to another principal")
        self.hub.delegations.apart(incoming.credentials.token, session)
        self.hub.still_valid(incoming.principal)
        channel = self.sessions.get(number)
        if channel is None or channel.session is not session:
            channel = self.fresh(incoming)
            channel.take(session)
            self.sessions[number] = channel
        elif channel.gone or not channel.attached:
            channel.revive()
        channel.hold(incoming.protocol)
        return channel

    def adopt(self, channel: Channel) -> None:
        """Keeps the channel on which a session was opened or resumed."""
        session = channel.session
        if session is None:
            return
        before = self.sessions.get(session.id)
        self.sessions[session.id] = channel
        if before is not None and before is not channel:
            before.lost()

    def loose(self, incoming: Incoming) -> tuple[Channel, bool]:
        """The channel of a request outside sessions, and whether it outlives the request."""
        name = incoming.headers.get(CHANNEL)
        if name is None:
            return self.fresh(incoming), False
        if not 16 <= len(name) <= 128:
            raise ProtocolError("Arcuate-Channel has 16 to 128 random characters")
        key = (incoming.principal.name, name)
        channel = self._named.get(key)
        if channel is None or channel.gone:
            channel = self.fresh(incoming, _SHORT)
            self._named[key] = channel
        channel.hold(incoming.protocol)
        return channel, True

    def tick(self) -> None:
        """Lets go of channels that nobody uses any more."""
        now = time.monotonic()
        for number, channel in list(self.sessions.items()):
            channel.tick(now)
            session = channel.session
            if session is None or self.hub.find(number) is not session:
                if number not in self._over and any(reader.call for reader in channel._readers):
                    self._over.add(number)
                    continue
                channel.lost()
                del self.sessions[number]
                self._over.discard(number)
        for key, channel in list(self._named.items()):
            channel.tick(now)
            if channel.gone:
                del self._named[key]

    def close(self) -> None:
        """Ends all of them, after what is under way has been handed out."""
        for channel in (*self.sessions.values(), *self._named.values()):
            channel.close()

    def __len__(self) -> int:
        return len(self.sessions) + len(self._named)
