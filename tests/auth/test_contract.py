"""What all connectors promise, of the one that gets tokens."""

from __future__ import annotations

from typing import Any

import pytest
from tests.auth.conftest import Server

from arcuate.auth import OAuth2Authenticator
from arcuate.connector.testing import NetworkContract


class TestOAuth2(NetworkContract):
    secret = "right-and-secret"

    @pytest.fixture
    def address(self, server: Server) -> str:
        return f"{server.issuer}/token"

    def connector(self, url: str, **settings: Any) -> OAuth2Authenticator:
        return OAuth2Authenticator(token_url=url, client_id="us", client_secret=self.secret, **settings)

    def use(self, connector: OAuth2Authenticator) -> object:
        return connector.refresh_token()

    def stranger(self, url: str) -> OAuth2Authenticator:
        return OAuth2Authenticator(token_url=url, client_id="us", client_secret="wrong", retry=None)
