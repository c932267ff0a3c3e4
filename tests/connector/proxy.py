"""The fault proxy, which is part of the test kit."""

from __future__ import annotations

from arcuate.connector.testing.proxy import Fault, FaultProxy

__all__ = ["Fault", "FaultProxy"]
