"""What a principal may ask of an interpreter, decided at the boundary of the call: from names, not values.

A name is plain (``mean``, ``stats::sd``, ``numpy.linalg.norm``) or refused, so code cannot hide in it. In a
pattern ``*`` stands for one part of a name: ``numpy.*`` is ``numpy.mean``, not ``numpy.linalg.norm``; alone
it is every function. What a wildcard never means is in :mod:`arcuate.hub.detours`.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from arcuate.errors import PermissionDenied
from arcuate.hub.detours import DETOURS
from arcuate.hub.principal import Principal
from arcuate.hub.relay import Request
from arcuate.values import codes

__all__ = ["check", "matches", "plain", "resolve"]

_WORD = r"[^\W\d]\w*"
_NAMES = {
    "r": re.compile(r"(?:[A-Za-z][A-Za-z0-9.]*:::?)?(?:[^\W\d]|\.(?!\d))[\w.]*"),
    "": re.compile(rf"{_WORD}(?:\.{_WORD})*"),
}
_CODE = frozenset(("eval", "run"))
_WORKSPACE = frozenset(("get", "set", "delete", "exists", "list", "setattr"))
_NAMED = frozenset(("get", "set", "delete", "exists"))
_VARIABLE = re.compile(r"(?:[^\W\d]|\.(?!\d))[\w.]*")
_SHOWN = 80


def plain(name: str, language: str) -> bool:
    """Whether it is a name of that language and nothing else."""
    return len(name) <= 256 and _NAMES.get(language, _NAMES[""]).fullmatch(name) is not None


def matches(pattern: str, name: str, language: str) -> bool:
    """Whether a pattern means the function of that name."""
    if pattern == name:
        return True
    if ":::" in name:
        return False  # what a package of R does not export is allowed by its whole name only
    separator = "::" if language == "r" else "."
    parts = name.split(separator)
    hidden = any(part.startswith(("_", ".")) for part in parts)
    if hidden or parts[-1] in DETOURS.get(language, ()):
        return False
    if pattern == "*":
        return True
    wanted = pattern.split(separator)
    return len(wanted) == len(parts) and all(map(fnmatchcase, parts, wanted))


def resolve(principal: Principal, name: str, language: str) -> str | None:
    """The name under which a function may be called: with its package, where only that is allowed.

    Returns:
        ``None`` when it may not be called.
    """
    patterns = principal.functions
    if patterns is None:
        return name
    if name in patterns:
        return name
    if not plain(name, language):
        return None
    if any(matches(one, name, language) for one in patterns):
        return name
    if language == "r" and ":" not in name:
        packages = {one.partition("::")[0] for one in patterns if "::" in one and ":::" not in one}
        found = [
            full
            for package in sorted(packages)
            if not re.search(r"[*?\[]", package)
            for full in [f"{package}::{name}"]
            if any(matches(one, full, language) for one in patterns)
        ]
        return found[0] if len(found) == 1 else None
    if language == "python":
        other = name.removeprefix("builtins.") if name.startswith("builtins.") else f"builtins.{name}"
        if "." not in name and any(matches(one, other, language) for one in patterns):
            return other
    return None


def check(principal: Principal, language: str, request: Request) -> None:
    """Refuses a request that its sender may not make; writes the package into the name of a call.

    Raises:
        PermissionDenied: it may not.
    """
    op = request.op
    if op in _CODE and not principal.eval:
        raise _refusal(principal, "may not send code; it may call functions")
    if op in _WORKSPACE and not principal.workspace:
        raise _refusal(principal, "may not read or write variables")
    if principal.eval:
        return
    name, target = request.text("name"), request.handle("target")
    if op == "call":
        _call(principal, language, request, name)
    elif op == "get" and _true(request, "function"):
        if name is None or resolve(principal, name, language) is None:
            raise _function(principal, name)
    elif op in ("attr", "setattr"):
        attribute = request.text("attribute") or ""
        if target is None:
            raise _refusal(
                principal, "may not read what is in packages; fetch a variable with keep=True and use that"
            )
        if attribute.startswith("_") or not re.fullmatch(r"[\w. -]{1,256}", attribute):
            raise _refusal(principal, f"may not use the attribute {attribute[:_SHOWN]!r}")
    elif op in ("describe", "names") and name:
        _describe(principal, language, name)
    elif name is not None and op in _NAMED and not _VARIABLE.fullmatch(name):
        raise _refusal(principal, f"may use plain names of variables only, not {name[:_SHOWN]!r}")
    if op in ("set", "setattr"):
        value = request.row("value")
        if value is not None and value[0] in (codes.HANDLE, codes.FUNCTION):
            raise _refusal(principal, "may not give functions or handles a name that calls could reach")


def _call(principal: Principal, language: str, request: Request, name: str | None) -> None:
    if name is None:
        raise _refusal(principal, "may call functions by their names only, not by handles")
    found = resolve(principal, name, language)
    if found is None:
        raise _function(principal, name)
    if found != name:
        at = request.places["name"]
        row = request.message.rows[at]
        request.message.rows[at] = (*row[:7], found)
        request.resolved = found


def _describe(principal: Principal, language: str, name: str) -> None:
    if resolve(principal, name, language) is not None:
        return
    separator = "::" if language == "r" else "."
    patterns = principal.functions or ()
    if name in {one.rpartition(separator)[0] for one in patterns} or (
        "*" in patterns and plain(name, language)
    ):
        return
    if principal.workspace and re.fullmatch(_WORD, name) and language != "python":
        return
    raise _function(principal, name)


def _true(request: Request, key: str) -> bool:
    row = request.row(key)
    return row is not None and row[0] == codes.BOOL and bool(row[5])


def _function(principal: Principal, name: str | None) -> PermissionDenied:
    allowed = ", ".join((principal.functions or ())[:20]) or "none"
    return _refusal(principal, f"may not use the function {(name or '')[:_SHOWN]!r}; allowed are: {allowed}")


def _refusal(principal: Principal, what: str) -> PermissionDenied:
    return PermissionDenied(f"{principal.name!r} {what}")
