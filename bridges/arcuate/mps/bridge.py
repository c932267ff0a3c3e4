"""The bridge: the HTTP server of :mod:`arcuate.http` with another application."""

from __future__ import annotations

import asyncio

from arcuate.http.bridge import HttpBridge
from arcuate.http.guard import Guard
from arcuate.mps.app import Application

__all__ = ["MpsBridge"]


class MpsBridge(HttpBridge):
    """A hub as MATLAB Production Server's clients see one; arguments as for :class:`HttpBridge`."""

    name = "mps"
    # MathWorks' client connects when it is made, keeps that one connection, and does not survive its end
    idle = patience = 3600.0

    def make(self, loop: asyncio.AbstractEventLoop, guard: Guard) -> Application:
        return Application(self.hub, loop, guard)

    def reload(self) -> None:
        """Reads the certificate and the archives' folders anew."""
        super().reload()
        if isinstance(self.application, Application):
            self.application.reload()
