"""Sessions over the network: the bus transport and one link per protocol.

``bus`` turns the requests of a session into messages of the bus (``protos/messages.md``) and keeps the
session alive over lost connections. A :class:`~arcuate.client.net.link.Link` carries messages: ``grpc``,
``zmq`` and ``http`` import their libraries when the first session of their kind is opened.
``target`` reads addresses.
"""

from __future__ import annotations

from arcuate.client.net.link import Link
from arcuate.client.net.target import Target

__all__ = ["Link", "Target"]
