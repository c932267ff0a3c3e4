"""What all connectors promise, of the GraphQL connector."""

from __future__ import annotations

from typing import Any

import pytest
from tests.graphql.conftest import Server

from arcuate.auth import BearerAuthenticator
from arcuate.connector.testing import NetworkContract
from arcuate.graphql import GraphQLClient


class TestGraphQL(NetworkContract):
    secret = "s3cret-of-ours"

    @pytest.fixture
    def address(self, yoga: Server) -> str:
        return yoga.url

    def connector(self, url: str, **settings: Any) -> GraphQLClient:
        return GraphQLClient(url=url, auth=BearerAuthenticator(self.secret), **settings)

    def use(self, connector: GraphQLClient) -> object:
        return connector.query("{ echo }")
