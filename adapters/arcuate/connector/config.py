"""The configuration of a connector: typed, from arguments, a mapping, environment variables and TOML.

What comes first wins::

    arguments           RESTAPIClient(url="https://api.example", timeouts={"read": 5})
    a mapping           RESTAPIClient({"url": "https://api.example"})
    the environment     ARCUATE_WEATHER_URL, ARCUATE_WEATHER_TIMEOUTS__READ  (name="weather")
    TOML                [connector.weather]  in the file that ARCUATE_CONNECTORS names, or arcuate.toml

Keys that no field has are an error, except in a mapping: programs keep settings of their own there, and find
them in ``config.extra``.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from arcuate.connector.policies import Breaker, Fallback, Rate, Retry, Timeouts
from arcuate.connector.secrets import redacted
from arcuate.errors import InvalidArgument

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["ConnectorConfig", "connectors_of", "explained", "load"]

C = TypeVar("C", bound="ConnectorConfig")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class ConnectorConfig(BaseModel):
    """What every connector has. Connectors add fields of their own."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    elsewhere: ClassVar[bool] = False
    """Whether the connector asks the other addresses of a fallback."""

    name: str = Field(default="", description="how it is called in health, logs and settings")
    url: str = Field(default="", description="the system's address; its scheme may choose the library")
    timeouts: Timeouts = Timeouts()
    retry: Retry | None = Retry()
    rate: Rate | None = None
    breaker: Breaker | None = Breaker()
    fallback: Fallback | None = None
    extra: dict[str, Any] = Field(
        default_factory=dict, repr=False, description="keys of a mapping that no field has"
    )

    @field_validator("fallback")
    @classmethod
    def _endpoints(cls, fallback: Fallback | None) -> Fallback | None:
        if fallback is not None and fallback.urls and not cls.elsewhere:
            raise ValueError(
                "this connector asks no other address: 'kind' is 'cache' or 'default', without 'urls'"
            )
        return fallback

    def __repr_args__(self) -> Any:
        for key, value in super().__repr_args__():
            yield key, redacted(value) if key == "url" and isinstance(value, str) else value

    def __str__(self) -> str:
        return repr(self)


def load(
    kind: type[C],
    mapping: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    *,
    name: str = "",
) -> C:
    """A configuration from all its sources.

    Args:
        kind: its class.
        mapping: keys that no field has go into ``extra``.
        arguments: keys that no field has are an error.
        name: the connector's name, which says which variables and which table of TOML are its.

    Raises:
        InvalidArgument: says which key is wrong, what was found (never a secret) and what is allowed.
    """
    if not isinstance(mapping, (Mapping, type(None))):
        raise InvalidArgument(
            f"settings are a mapping, or arguments such as url='...'; got a {type(mapping).__name__}"
        )
    given, arguments = dict(mapping or {}), dict(arguments or {})
    name = str(arguments.get("name") or given.get("name") or name)
    if name and not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"a connector's name is 1 to 64 of A-Z a-z 0-9 _ -, beginning with a letter; got {name!r}"
        )
    fields = set(kind.model_fields) - {"extra"}
    extra = {key: given.pop(key) for key in list(given) if key not in fields}
    merged: dict[str, Any] = {}
    for source in (_of_toml(name), _of_environment(kind, name), given, arguments):
        _merge(merged, source)
    if name:
        merged["name"] = name
    if extra:
        merged["extra"] = extra
        usual = kind.model_fields["url"].default
        if usual and "url" not in merged:  # they mean a system, and not the one that is used without
            raise InvalidArgument(
                f"the configuration of {name or kind.__name__} has no 'url', and of its settings is none "
                f"{', '.join(map(repr, extra))}; if {usual!r} is meant, say so"
            )
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        raise explained(kind, name, error) from None


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _of_environment(kind: type[ConnectorConfig], name: str) -> dict[str, Any]:
    if not name:
        return {}
    from pydantic_settings import BaseSettings, EnvSettingsSource

    settings = type("Settings", (kind, BaseSettings), {"model_config": ConfigDict(extra="ignore")})
    prefix = f"ARCUATE_{name.upper().replace('-', '_')}_"
    source = EnvSettingsSource(settings, env_prefix=prefix, env_nested_delimiter="__")
    found = source()
    found.pop("extra", None)
    return found


def _file() -> Path | None:
    asked = os.environ.get("ARCUATE_CONNECTORS")
    if asked:
        return Path(asked).expanduser()
    here = Path("arcuate.toml")
    return here if here.is_file() else None


def connectors_of(path: Path | None = None) -> dict[str, dict[str, Any]]:
    """The tables ``[connector.NAME]`` of a file, the one that is used here by default.

    Raises:
        InvalidArgument: it cannot be read.
    """
    path = path if path is not None else _file()
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"the configuration {path} cannot be read: {error}") from None
    near = difflib.get_close_matches("connector", found, 1, 0.88)
    if "connector" not in found and near:
        raise InvalidArgument(f"{path}: connectors are tables [connector.NAME], and not [{near[0]}.NAME]")
    tables = found.get("connector", {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise InvalidArgument(f"{path}: connectors are tables [connector.NAME]")
    return tables


def _of_toml(name: str) -> dict[str, Any]:
    if not name:
        return {}
    table = dict(connectors_of().get(name, {}))
    table.pop("type", None)
    return table


def explained(kind: type[ConnectorConfig], name: str, error: ValidationError) -> InvalidArgument:
    """The error for settings that are wrong: which, and what is allowed; never what was given."""
    lines = []
    for one in error.errors(include_input=False, include_url=False):
        place = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden":
            allowed = ", ".join(sorted(set(kind.model_fields) - {"extra"}))
            lines.append(f"there is no setting {place!r}; there are {allowed}")
        else:
            lines.append(f"setting {place!r}: {one['msg'][:1].lower()}{one['msg'][1:]}")
    return InvalidArgument(f"the configuration of {name or kind.__name__}: " + "; ".join(lines))
