"""The hub: environments of this machine, for clients that reach it through a bridge.

A bridge (``arcuate.grpc``, ``arcuate.zmq``, ``arcuate.http``, ``arcuate.mps``) turns its wire into messages
of the bus (``protos/messages.md``) and hands them to a :class:`Connection`; everything else is here, once for
all protocols: sessions, pools, permissions, limits, streams.
"""

from __future__ import annotations

from arcuate.hub.config import Config
from arcuate.hub.connection import Connection
from arcuate.hub.core import Hub
from arcuate.hub.principal import Credentials, Principal
from arcuate.hub.server import Server

__all__ = ["Config", "Connection", "Credentials", "Hub", "Principal", "Server"]
