"""The settings of a hub: gathered from their sources, with where each came from, and described.

Sources, the first wins: the command line, environment variables (``ARCUATE_HUB_...``), a file (``--config``,
or ``arcuate.toml`` in the working directory, or ``~/.config/arcuate/arcuate.toml``), defaults.
"""

from __future__ import annotations

import difflib
import os
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from arcuate.errors import InvalidArgument
from arcuate.hub import variables
from arcuate.hub.config import Config
from arcuate.values.record import field, record

__all__ = ["Loaded", "Setting", "find_file", "load", "settings"]

_FILE = "arcuate.toml"


@record(frozen=True)
class Setting:
    """One key that a configuration may have.

    Attributes:
        key: with dots: ``limits.sessions``; ``<name>`` stands for a name of the operator's.
        default: its default; ``None`` for none.
        example: a value to show.
        kind: what it may be, in words.
        help: what it does.
    """

    key: str
    default: Any
    example: Any
    kind: str
    help: str


@record(frozen=True)
class Loaded:
    """A configuration and where it comes from.

    Attributes:
        config: the configuration.
        origins: for each key that was set, where.
        file: the file that was read, or ``None``.
    """

    config: Config
    origins: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None


def settings(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[Setting]:
    """All keys, in the order of the file."""
    for name, info in model.model_fields.items():
        key = prefix + name
        below, named = _table(info.annotation)
        if below is not None:
            yield from settings(below, f"{key}.<name>." if named else f"{key}.")
        else:
            default = info.get_default(call_default_factory=True) if not info.is_required() else None
            example = info.examples[0] if info.examples else default
            yield Setting(key, default, example, _kind(info), info.description or "")


def _table(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model behind a field that is a table, and whether it is a table of named tables."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    if get_origin(annotation) is dict:
        inner = get_args(annotation)[1]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, True
    return None, False


def _kind(info: FieldInfo) -> str:
    annotation = info.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    origin = get_origin(annotation)
    if origin is list:
        return "list of files" if Path in get_args(annotation) else "list of text"
    if origin is dict:
        return "table"
    if origin is not None:
        return " | ".join(map(str, get_args(annotation)))
    names = {int: "whole number", float: "number", bool: "true | false", str: "text", Path: "file"}
    return names.get(annotation, "value")  # type: ignore[arg-type]


# ---------------------------------------------------------------------- sources


def find_file(file: Path | None = None) -> Path | None:
    """The file that is read: the one that was named, or the first that exists in the usual places.

    Raises:
        InvalidArgument: the named one does not exist.
    """
    if file is not None:
        file = file.expanduser()
        if not file.is_file():
            raise InvalidArgument(f"there is no file {str(file)!r}; arcuate config prints one to start from")
        return file
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    for place in (Path(_FILE), Path(os.path.expanduser(home)) / "arcuate" / _FILE):
        if place.is_file():
            return place
    return None


def load(
    arguments: Mapping[str, Any] | None = None, file: Path | None = None, *, environ: bool = True
) -> Loaded:
    """Gathers the configuration.

    Args:
        arguments: what the command line says, as tables.
        file: the file to read instead of the usual ones.
        environ: whether environment variables count.

    Raises:
        InvalidArgument: a key is not known or its value is not allowed; the message says where it stands.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    found = find_file(file)
    if found is not None:
        _merge(merged, _relative(_read(found), found.absolute().parent), str(found), origins)
    if environ:
        try:
            _merge(merged, variables.read(), "environment", origins)
        except ValueError as error:
            raise InvalidArgument(str(error)) from None
    _merge(merged, arguments or {}, "command line", origins)
    try:
        config = (Config if environ else _FileOnly)(**merged)
    except ValidationError as error:
        raise InvalidArgument(_mistakes(error, origins)) from None
    return Loaded(config, origins, found)


class _FileOnly(Config):
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _read(file: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef,import-not-found,unused-ignore]
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{file} is no TOML: {error}") from None


def _paths() -> set[str]:
    return {one.key for one in settings() if one.kind in ("file", "list of files")}


def _relative(tables: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Names of files in a file are relative to its folder."""

    def absolute(value: Any) -> Any:
        if isinstance(value, list):
            return [absolute(one) for one in value]
        return str(folder / Path(value).expanduser()) if isinstance(value, str) else value

    for key in _paths():
        *above, last = key.split(".")
        found: list[Any] = [tables]
        for one in above:
            found = [table for table in found if isinstance(table, dict)]
            if one == "<name>":
                found = [below for table in found for below in table.values()]
            else:
                found = [table.get(one) for table in found]
        for table in found:
            if isinstance(table, dict) and last in table:
                table[last] = absolute(table[last])
    return tables


def _merge(
    into: dict[str, Any],
    tables: Mapping[str, Any],
    source: str,
    origins: dict[str, str],
    model: type[BaseModel] | None = Config,
    prefix: str = "",
) -> None:
    """Lays one source over those before it; tables are merged, everything else is replaced."""
    for key, value in tables.items():
        info = model.model_fields.get(key) if model is not None else None
        below, named = _table(info.annotation) if info is not None else (None, False)
        path = f"{prefix}{key}"
        if below is None or not isinstance(value, Mapping):
            into[key] = value
            origins[path] = _origin(source, path)
        elif named:
            for name, one in value.items():
                if isinstance(one, Mapping):
                    inner = into.setdefault(key, {}).setdefault(name, {})
                    _merge(inner, one, source, origins, below, f"{path}.{name}.")
                else:
                    into.setdefault(key, {})[name] = one
                    origins[f"{path}.{name}"] = _origin(source, f"{path}.{name}")
        else:
            _merge(into.setdefault(key, {}), value, source, origins, below, f"{path}.")


def _origin(source: str, key: str) -> str:
    if source == "environment":
        return variables.PREFIX + key.upper().replace(".", "__")
    return source


# --------------------------------------------------------------------- mistakes


def _mistakes(error: ValidationError, origins: Mapping[str, str]) -> str:
    return "; ".join(_mistake(one, origins) for one in error.errors(include_url=False))


def _mistake(error: Any, origins: Mapping[str, str]) -> str:
    where = [str(one) for one in error["loc"]]
    key = ".".join(where)
    source = next(
        (found for at in range(len(where), 0, -1) if (found := origins.get(".".join(where[:at])))), ""
    )
    place = f" ({source})" if source else ""
    if error["type"] == "extra_forbidden":
        return f"the setting {key!r} is not known{place}; {_nearest(where)}"
    if error["type"] == "missing":
        return f"the setting {key!r} is missing{place}"
    text = error["msg"].removeprefix("Value error, ")
    found = "" if error["type"] == "value_error" else f", not {str(error.get('input'))[:80]!r}"
    return f"the setting {key!r}{place}: {text[:1].lower() + text[1:]}{found}"


def _nearest(where: list[str]) -> str:
    """The keys that may have been meant: of the same table first, of any other then."""
    table = where[:-1]
    if len(table) == 2 and table[0] in ("environments", "archives"):
        table = [table[0], "<name>"]
    known = {one.key: one for one in settings()}
    first = {key.split(".")[0] for key in known}
    same = {key: key.rpartition(".")[2] for key in known if key.split(".")[:-1] == table}
    if not table:
        same.update({one: one for one in first})
    for names in (same, {key: key.rpartition(".")[2] for key in known}):
        close = difflib.get_close_matches(where[-1], set(names.values()), 1, 0.6)
        if close:
            meant = next(key for key, last in names.items() if last == close[0])
            return f"did you mean {meant!r}?"
    return f"known here: {', '.join(sorted(same.values())) or ', '.join(sorted(first))}"
