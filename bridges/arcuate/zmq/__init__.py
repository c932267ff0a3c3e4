"""The ZeroMQ bridge: the hub's messages on ROUTER sockets (``protos/zeromq.md``).

``bridge`` has the thread that serves all sockets, ``port`` one socket with its clients, ``peer`` one client,
``curve`` keys and who may connect.
"""

from __future__ import annotations

from arcuate.zmq.bridge import ZmqBridge

__all__ = ["ZmqBridge"]
