"""What all connectors promise, of the REST connector."""

from __future__ import annotations

from typing import Any

from arcuate.auth import APIKeyAuthenticator
from arcuate.connector.testing import NetworkContract
from arcuate.rest import RESTAPIClient


class TestREST(NetworkContract):
    secret = "s3cret-of-ours"

    def connector(self, url: str, **settings: Any) -> RESTAPIClient:
        key = APIKeyAuthenticator(self.secret, "appid", "query")
        return RESTAPIClient(url=url, auth=key, check="stations/1", **settings)

    def use(self, connector: RESTAPIClient) -> object:
        return connector.get("stations/1")
