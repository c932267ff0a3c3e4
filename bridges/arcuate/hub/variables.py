"""Settings in environment variables: ``ARCUATE_HUB_LIMITS__SESSIONS=10``, ``ARCUATE_HUB_GRPC=[::1]:0``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

__all__ = ["PREFIX", "Variables", "read"]

PREFIX = "ARCUATE_HUB_"
"""What the variables begin with; two underscores stand for the dot of a key."""


def read(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The settings in environment variables, as tables. A value may be JSON: a list, a table.

    Raises:
        ValueError: a key is a value and a table at once.
    """
    found: dict[str, Any] = {}
    for name, text in sorted((os.environ if environ is None else environ).items()):
        if not name.upper().startswith(PREFIX):
            continue
        *tables, key = name[len(PREFIX) :].lower().split("__")
        table = found
        for one in tables:
            table = table.setdefault(one, {})
            if not isinstance(table, dict):
                raise ValueError(f"{name}: {one!r} is set as a whole by another variable")
        table[key] = _value(text)
    return found


def _value(text: str) -> Any:
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text  # and not [::1]:0, an address
    return text


class Variables(PydanticBaseSettingsSource):
    """The same as a source of pydantic-settings."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One setting; the base class wants this."""
        return read().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return read()
