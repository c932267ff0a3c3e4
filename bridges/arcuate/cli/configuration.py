"""``arcuate config``: the settings of a hub, as a file to start from, as they are in force, or checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arcuate.hub.settings import Loaded, Setting, load, settings

__all__ = ["check_file", "default_file", "effective", "listing", "print_configuration"]

_HEAD = """\
# Configuration of a hub (arcuate serve). Every setting with its default; take the # off to change one.
# It is read from --config FILE, ./arcuate.toml or ~/.config/arcuate/arcuate.toml. Environment variables come
# before it (ARCUATE_HUB_LIMITS__SESSIONS=10 is limits.sessions), the command line before both. Names of files
# are relative to this file. SIGHUP has a running hub read it again.
"""
_SECRET = re.compile(r"token|secret|passw|credential|api_?key|private", re.I)
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_NAMED = {"environments": ("An environment", "r-spm"), "archives": ("An archive of functions", "toolbox")}
"""Tables of tables, what one is, and the name of an example."""


def print_configuration(show: bool, check: Path | None, file: Path | None) -> int:
    """Does what the command was asked; the exit status."""
    if check is not None:
        print(check_file(check))
    elif show:
        print(effective(load(file=file)), end="")
    else:
        print(default_file(), end="")
    return 0


def default_file() -> str:
    """The commented file of all settings."""
    lines = [_HEAD]
    table = ""
    for one in settings():
        above, _, last = one.key.rpartition(".")
        if above != table:
            table = above
            if "<name>" in above:
                what, name = _NAMED[above.partition(".")[0]]
                lines.append(f"\n# {what} under a name of your choice; as many as you like.")
                lines.append(f"#[{above.replace('<name>', name)}]")
            else:
                lines.append(f"\n[{above}]")
        lines.append(f"# {one.help} ({_about(one)})")
        lines.append(f"#{last} = {toml(one.example)}")
    return "\n".join(lines) + "\n"


def _about(one: Setting) -> str:
    default = "none" if one.default in (None, [], {}, "") else toml(one.default)
    return f"{one.kind}; default: {default}"


def listing() -> Iterator[tuple[str, str]]:
    """Each key with one line about it."""
    for one in settings():
        yield one.key, f"{one.help} ({_about(one)})"


def effective(loaded: Loaded) -> str:
    """The settings in force, with where each comes from. Secrets are hidden."""
    found = loaded.config.model_dump(mode="python")
    lines = [f"# file: {loaded.file or 'none'}"]
    tables: dict[str, list[tuple[str, Any]]] = {}
    for key, value in _leaves(found, loaded):
        above, _, last = key.rpartition(".")
        tables.setdefault(above, []).append((last, value))
    for table, rows in tables.items():
        if table:
            lines.append("\n[" + ".".join(_quoted(one) for one in _split(table)) + "]")
        for last, value in rows:
            key = f"{table}.{last}" if table else last
            origin = loaded.origins.get(key, "default")
            if value is None:
                lines.append(f"# {last} is not set")
            else:
                lines.append(f"{_quoted(last)} = {toml(_hidden(value))}  # {origin}")
    return "\n".join(lines) + "\n"


def _leaves(found: Mapping[str, Any], loaded: Loaded) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if name in _NAMED:
            for own, table in value.items():
                for key, one in table.items():
                    yield f"{name}.{own}.{key}", one
        elif isinstance(value, Mapping):
            for key, one in value.items():
                yield f"{name}.{key}", one
        else:
            yield name, value


def _split(table: str) -> list[str]:
    first, dot, rest = table.partition(".")
    return [first, rest] if dot else [first]  # the name of an environment may have dots in it


def _hidden(value: Any) -> Any:
    """A value without its secrets: what stands under a name that sounds like one."""
    if isinstance(value, Mapping):
        return {key: "***" if _SECRET.search(str(key)) else _hidden(one) for key, one in value.items()}
    return [_hidden(one) for one in value] if isinstance(value, (list, tuple)) else value


def check_file(file: Path) -> str:
    """Reads a file; says that it is well.

    Raises:
        InvalidArgument: it is not, and why.
    """
    from arcuate.hub.environments import Environments

    loaded = load(file=file, environ=False)
    offered = Environments(loaded.config).offered
    return f"{file}: well; environments: {', '.join(sorted(offered))}"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_quoted(str(key))} = {toml(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _quoted(key: str) -> str:
    return key if _BARE.match(key) else json.dumps(key, ensure_ascii=False)
