"""What all connectors promise, of the WebSocket connector."""

from __future__ import annotations

from typing import Any

import pytest
from tests.websocket.conftest import Server

from arcuate.auth import BearerAuthenticator
from arcuate.connector.testing import NetworkContract
from arcuate.websocket import WebSocketClient


class TestWebSocket(NetworkContract):
    secret = "s3cret-of-ours"

    @pytest.fixture
    def address(self, sockets: Server) -> str:
        return f"{sockets.url}/echo"

    def connector(self, url: str, **settings: Any) -> WebSocketClient:
        alert = {"ping_interval": 0.2, "ping_timeout": 0.3}
        auth = BearerAuthenticator(self.secret)
        return WebSocketClient(url=url, auth=auth, identify=lambda message: message, **alert, **settings)

    def use(self, connector: WebSocketClient) -> object:
        connector.send("a", repeatable=True)
        return connector.receive()
