# ruff: noqa: A004  (ConnectionError is part of the public face)
"""What all connectors share: configuration, life, health, resilience, errors, and the test kit for new ones.

A connector is one class in a folder of its own (:mod:`arcuate.rest`, :mod:`arcuate.sql`, ...) that subclasses
:class:`Connector`. Users import them from :mod:`arcuate.integrations`.
"""

from __future__ import annotations

from arcuate.connector.base import Connector
from arcuate.connector.config import ConnectorConfig, connectors_of, load
from arcuate.connector.errors import (
    AuthenticationError,
    CircuitOpenError,
    ConnectionError,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
)
from arcuate.connector.health import Health, Status
from arcuate.connector.keep import Keep
from arcuate.connector.patterns import ResilientIntegration, retry_on_failure
from arcuate.connector.policies import Breaker, Fallback, Rate, Retry, Timeouts
from arcuate.connector.resilience import Resilience
from arcuate.connector.result import DegradedWarning, Result
from arcuate.connector.secrets import Secret, conceal, redacted, reveal

__all__ = [
    "AuthenticationError",
    "Breaker",
    "CircuitOpenError",
    "ConnectionError",
    "Connector",
    "ConnectorConfig",
    "DataError",
    "DegradedWarning",
    "Fallback",
    "Health",
    "IntegrationError",
    "IntegrationTimeout",
    "Keep",
    "NotFoundError",
    "Rate",
    "RateLimitError",
    "Resilience",
    "ResilientIntegration",
    "Result",
    "Retry",
    "Secret",
    "Status",
    "Timeouts",
    "conceal",
    "connectors_of",
    "load",
    "redacted",
    "retry_on_failure",
    "reveal",
]
