"""WebSocket, on websockets: a connection that comes back after it was lost, as a sync and an async iterator.

:class:`WebSocketClient` is used as it is or subclassed, to say what is sent after each connection.
"""

from __future__ import annotations

from arcuate.websocket.client import WebSocketClient
from arcuate.websocket.config import WebSocketConfig

__all__ = ["WebSocketClient", "WebSocketConfig"]
