"""``arcuate token``: makes, lists and revokes what lets others into a hub."""

from __future__ import annotations

import json as jsonlib
import re
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from arcuate.errors import InvalidArgument

__all__ = ["create", "list_tokens", "revoke"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}


def create(
    file: Path,
    name: str | None,
    *,
    environments: Sequence[str],
    functions: Sequence[str],
    may_eval: bool,
    workspace: bool,
    publish: Sequence[str] | None,
    subscribe: Sequence[str] | None,
    expires: str | None,
    limits: Sequence[str],
) -> None:
    """Makes a token and prints it as the last line."""
    from arcuate.hub.tokens import create as make

    if functions and may_eval:
        raise InvalidArgument(
            "--allow needs --no-eval: whoever may send code can call every function, whatever is allowed"
        )
    token = make(
        file,
        name,
        environments=list(environments) or None,
        functions=list(functions) or None,
        eval=None if may_eval else False,
        workspace=None if workspace else False,
        publish=None if publish is None else list(publish),
        subscribe=None if subscribe is None else list(subscribe),
        expires=_end(expires),
        limits=_limits(limits) or None,
    )
    if may_eval:
        print("this token may send code, which is as much as a shell on the hub's machine")
    print("the token is shown this once; only a hash of it is kept:")
    print(token)


def list_tokens(file: Path, *, as_json: bool = False) -> None:
    """Prints the tokens of a file."""
    from arcuate.hub.tokens import entries

    found = entries(file)
    if as_json:
        print(jsonlib.dumps(found, indent=2))
        return
    for name, one in found.items():
        print(f"{name}: {'; '.join(_told(one))}")


def revoke(file: Path, name: str) -> None:
    """Takes a token out of a file."""
    from arcuate.hub.tokens import revoke as remove

    remove(file, name)
    print(f"revoked: {name}")


def _told(one: dict[str, Any]) -> list[str]:
    """What a token may do, in words."""
    told = [", ".join(one.get("environments", ["*"]))]
    if one.get("eval", True):
        told.append("may send code")
    else:
        told.append(f"functions: {', '.join(one.get('functions', ['*']))}")
    if not one.get("workspace", True):
        told.append("no variables")
    expires = one.get("expires")
    if expires is not None:
        when = datetime.fromtimestamp(expires, timezone.utc).isoformat(timespec="minutes")
        told.append(f"{'expired' if expires <= time.time() else 'expires'} {when}")
    told += [f"{key} {value}" for key, value in one.get("limits", {}).items()]
    return told


def _end(text: str | None) -> int | None:
    """When it ends, in seconds since 1970: ``90d`` from now, or a date."""
    if text is None or text == "never":
        return None
    found = re.fullmatch(r"(\d+)([smhdwy])", text)
    if found:
        return int(time.time()) + int(found.group(1)) * _UNITS[found.group(2)]
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(
            f"{text!r} is no time; write 30d (s, m, h, d, w, y from now), 2027-01-31, or never"
        ) from None
    return int((when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp())


def _limits(texts: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        key, _, value = text.partition("=")
        try:
            found[key] = int(value) if re.fullmatch(r"\d+", value) else float(value)
        except ValueError:
            raise InvalidArgument(f"{text!r} is no limit; write --limit sessions=2") from None
    return found
