"""The ASGI application: the routes of the Production Server interface."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.errors import NameNotFound, Unavailable
from arcuate.http.guard import Guard
from arcuate.http.request import Incoming
from arcuate.http.router import Router, route
from arcuate.hub import rights
from arcuate.hub.archives import name_of
from arcuate.mps.archives import Archive, archives
from arcuate.mps.calls import CallFailed, ask, message_of
from arcuate.mps.discovery import archive_entry
from arcuate.mps.failures import Refusal
from arcuate.mps.functions import Functions

if TYPE_CHECKING:
    from arcuate.hub import Hub

__all__ = ["Application"]


class Application(Router):
    """A hub as MATLAB Production Server's clients see one.

    Args:
        hub: the hub.
        loop: the loop that runs it.
        guard: who may speak.
    """

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop, guard: Guard) -> None:
        super().__init__(hub, guard)
        self._archives: Mapping[str, Archive] = {}
        self._described: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.reload()
        self.functions = functions = Functions(hub, loop, self._archive)
        requests = functions.requests.prefix
        self.open = {"/api/health": self._health}
        self.routes = [
            route("/api/discovery", GET=self._discovery),
            route("/api/metrics", GET=self.metrics),
            route(requests, GET=functions.collection),
            route(requests + "/{id}", GET=functions.state, DELETE=functions.delete),
            route(requests + "/{id}/result", GET=functions.result),
            route(requests + "/{id}/cancel", POST=functions.cancel),
            route("/~{rest:path}", GET=self._unknown, POST=self._unknown, DELETE=self._unknown),
            route("/{archive}/{function}", POST=functions.call),
        ]

    def reload(self) -> None:
        """Reads the folders of archives anew."""
        languages = {name: one.language for name, one in self.hub.environments.offered.items()}
        self._archives = archives(self.hub.config, languages)
        self._described = {}

    def tick(self) -> None:
        self.functions.requests.tick()

    def close(self) -> None:
        self.functions.requests.close()

    def missing(self, path: str) -> Refusal:
        error = NameNotFound(f"the path {path[:200]!r} is not of the form /ARCHIVE/FUNCTION")
        return Refusal(404, "InvalidURIPath", error)

    async def fail(self, incoming: Incoming, error: Exception) -> None:
        await self.functions.fail(incoming, error)

    def _archive(self, incoming: Incoming, name: str) -> Archive:
        """The archive of a name.

        Raises:
            PermissionDenied: the principal may not use it, whether there is one or not.
            Refusal: there is none.
        """
        self.hub.guard.may_use(incoming.principal, name_of(name))
        archive = self._archives.get(name)
        if archive is None:
            raise Refusal(404, "ComponentNotFound", NameNotFound(f"there is no archive {name[:80]!r} here"))
        return archive

    async def _unknown(self, incoming: Incoming) -> None:
        """Requests of another hub, or of this one before it was started anew."""
        raise Refusal(404, "RequestNotFound", NameNotFound("there is no such request"))

    async def _health(self, incoming: Incoming) -> None:
        if self.hub.draining:
            raise Unavailable("the hub is shutting down")
        await incoming.answer_json(200, {"status": "ok"})

    # --------------------------------------------------------------- discovery

    async def _discovery(self, incoming: Incoming) -> None:
        offered = {one["name"] for one in self.hub.listing(incoming.principal)}
        found = {}
        for archive in list(self._archives.values()):
            if archive.environment in offered:
                found[archive.name] = archive_entry(archive, await self._functions_of(incoming, archive))
        await incoming.answer_json(200, {"discoverySchemaVersion": "1.0.0", "archives": found})

    async def _functions_of(self, incoming: Incoming, archive: Archive) -> dict[str, Mapping[str, Any]]:
        """What is known of the functions of an archive that a principal may call."""
        principal = incoming.principal
        channel = None
        found: dict[str, Mapping[str, Any]] = {}
        known = self._described
        try:
            for name, target in archive.functions.items():
                if not principal.eval and rights.resolve(principal, target, archive.language) is None:
                    continue
                key = (archive.name, name)
                if key not in known:
                    channel = channel or self.functions.channel(incoming)
                    message = message_of("describe", channel.number(), archive, {"name": target})
                    known[key] = await _described(channel, message, incoming)
                found[name] = known[key]
        finally:
            if channel is not None:
                channel.close()
                channel.lost()
        return found


async def _described(channel: Any, message: Any, incoming: Incoming) -> Mapping[str, Any]:
    try:
        value = messages.fields(await ask(channel, message, incoming)).get("value")
    except CallFailed as failed:
        if isinstance(failed.error, NameNotFound):
            return {}  # a function that is listed and is not there
        raise failed.error from None
    return value if isinstance(value, Mapping) else {}
