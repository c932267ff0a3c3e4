"""The OpenAPI description of the plain routes."""

from __future__ import annotations

from typing import Any

__all__ = ["description"]


def description() -> dict[str, Any]:
    """The description."""
    return {"openapi": "3.1.0", "info": {"title": "Arcuate", "version": "1"}, "paths": {}}
