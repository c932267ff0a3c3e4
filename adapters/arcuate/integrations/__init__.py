"""Every connector and what goes with it, by one import.

    from arcuate.integrations import RESTAPIClient, DatabaseConnector, StreamingClient

A name is imported from its own package when it is first used: what is not used need not be installed.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "APIKeyAuthenticator",
    "AuthenticationError",
    "BaseAuthenticator",
    "BasicAuthenticator",
    "BearerAuthenticator",
    "Block",
    "CertificateAuthenticator",
    "CircuitOpenError",
    "ConnectionError",
    "Connector",
    "ConnectorConfig",
    "Copied",
    "Cursor",
    "DataError",
    "DatabaseConfig",
    "DatabaseConnector",
    "DegradedWarning",
    "DocumentConfig",
    "DocumentStore",
    "EncryptedStore",
    "Entry",
    "FileVar",
    "GapWarning",
    "GraphQLClient",
    "GraphQLError",
    "Health",
    "IntegrationError",
    "IntegrationTimeout",
    "KafkaStream",
    "KeyringStore",
    "LSLStream",
    "Link",
    "MQTTStream",
    "NATSStream",
    "NotFoundError",
    "OAuth2Authenticator",
    "Page",
    "Pipeline",
    "RESTAPIClient",
    "RateLimitError",
    "RedisStore",
    "RedisStream",
    "ResilientIntegration",
    "Result",
    "Storage",
    "StorageConfig",
    "StoreConfig",
    "StreamConfig",
    "StreamingClient",
    "TopicStream",
    "TransactionError",
    "Transfer",
    "WebSocketClient",
    "WebSocketStream",
    "Window",
    "connector",
    "convert",
    "copy",
    "open_batches",
    "open_data",
    "retry_on_failure",
    "save_batches",
    "save_data",
]

_PLACES: dict[str, tuple[str, ...]] = {
    "arcuate.auth": (
        "APIKeyAuthenticator",
        "BaseAuthenticator",
        "BasicAuthenticator",
        "BearerAuthenticator",
        "CertificateAuthenticator",
        "EncryptedStore",
        "KeyringStore",
        "OAuth2Authenticator",
    ),
    "arcuate.client.streams": ("GapWarning",),
    "arcuate.connector": (
        "AuthenticationError",
        "CircuitOpenError",
        "ConnectionError",
        "Connector",
        "ConnectorConfig",
        "DataError",
        "DegradedWarning",
        "Health",
        "IntegrationError",
        "IntegrationTimeout",
        "NotFoundError",
        "RateLimitError",
        "ResilientIntegration",
        "Result",
        "retry_on_failure",
    ),
    "arcuate.formats": ("convert", "open_batches", "open_data", "save_batches", "save_data"),
    "arcuate.integrations.copying": ("Copied", "copy"),
    "arcuate.integrations.kinds": ("connector",),
    "arcuate.nosql": ("DocumentConfig", "DocumentStore", "RedisStore", "StoreConfig"),
    "arcuate.graphql": ("FileVar", "GraphQLClient", "GraphQLError"),
    "arcuate.rest": ("Cursor", "Link", "Page", "RESTAPIClient"),
    "arcuate.streaming": (
        "Block",
        "KafkaStream",
        "LSLStream",
        "MQTTStream",
        "NATSStream",
        "Pipeline",
        "RedisStream",
        "StreamConfig",
        "StreamingClient",
        "TopicStream",
        "WebSocketStream",
        "Window",
    ),
    "arcuate.storage": ("Entry", "Storage", "StorageConfig", "Transfer"),
    "arcuate.sql": ("DatabaseConfig", "DatabaseConnector", "TransactionError"),
    "arcuate.websocket": ("WebSocketClient",),
}
_EXTRAS = {
    "arcuate.connector": "integrations",
    "arcuate.integrations.copying": "formats",
    "arcuate.integrations.kinds": "integrations",
}
"""What brings their libraries; the others are called like their extra."""
_OF = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    place = _OF.get(name)
    if place is None:
        raise AttributeError(f"module 'arcuate.integrations' has no attribute {name!r}")
    try:
        found = getattr(importlib.import_module(place), name)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(place, place.rpartition(".")[2])
        raise ModuleNotFoundError(
            f"{name} needs the library {error.name!r}; type: pip install 'arcuate[{extra}]'", name=error.name
        ) from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
