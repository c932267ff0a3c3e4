"""GraphQL, on gql: queries and mutations by HTTP (httpx2), subscriptions by WebSocket (websockets).

:class:`GraphQLClient` is used as it is or subclassed; :class:`GraphQLResult` is an answer with its errors.
"""

from __future__ import annotations

from arcuate.graphql.client import GraphQLClient
from arcuate.graphql.config import GraphQLConfig
from arcuate.graphql.result import Fault, GraphQLError, GraphQLResult
from arcuate.graphql.upload import FileVar

__all__ = [
    "Fault",
    "FileVar",
    "GraphQLClient",
    "GraphQLConfig",
    "GraphQLError",
    "GraphQLResult",
]
