"""Names in a Python interpreter:

finding, describing and listing them, and the requests about the workspace.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import pkgutil
import sys
import types
from collections.abc import Mapping
from typing import Any

from arcuate.errors import NameNotFound

__all__ = ["exception", "find"]

_KINDS = {
    "POSITIONAL_ONLY": "positional",
    "POSITIONAL_OR_KEYWORD": "positional",
    "VAR_POSITIONAL": "var",
    "KEYWORD_ONLY": "keyword",
    "VAR_KEYWORD": "var-keyword",
}
"""The kinds of :class:`inspect.Parameter`, by their names."""
Space = dict[str, Any]


def find(name: str, space: Space) -> Any:
    """The object of a dotted name: a variable, a builtin, or something in a module, which is imported.

    Raises:
        NameNotFound: there is none.
    """
    parts = name.split(".")
    first = parts[0]
    if first in space:
        value, rest = space[first], parts[1:]
    elif hasattr(builtins, first):
        value, rest = getattr(builtins, first), parts[1:]
    else:
        value, rest = _import(parts, name)
    for i, part in enumerate(rest):
        try:
            value = getattr(value, part)
        except AttributeError:
            if isinstance(value, types.ModuleType):
                try:
                    value = importlib.import_module(f"{value.__name__}.{part}")
                    continue
                except ModuleNotFoundError:
                    pass
            owner = ".".join(parts[: len(parts) - len(rest) + i])
            raise NameNotFound(f"{owner!r} has no attribute {part!r}") from None
    return value


def _import(parts: list[str], name: str) -> tuple[Any, list[str]]:
    if not all(part.isidentifier() for part in parts):
        raise NameNotFound(
            f"{name!r} is no name of a Python object; write it as in the code, such as 'math.hypot'"
        )
    try:
        return importlib.import_module(parts[0]), parts[1:]
    except ModuleNotFoundError as error:
        if error.name != parts[0]:
            raise
        raise NameNotFound(
            f"no variable, builtin or module {parts[0]!r} in this interpreter ({sys.executable}); "
            f"define it with run(), or install its package there"
        ) from None


def _object(fields: Mapping[str, Any], space: Space) -> Any:
    if "target" in fields:
        return fields["target"]
    return find(fields["name"], space)


def _user_names(space: Space) -> list[str]:
    return [name for name in space if not (name.startswith("__") and name.endswith("__"))]


def do_get(fields: Mapping[str, Any], space: Space) -> Any:
    """A variable, or anything else that a name reaches."""
    name = fields["name"]
    return space[name] if name in space else find(name, space)


def do_set(fields: Mapping[str, Any], space: Space) -> None:
    """Sets a variable."""
    space[fields["name"]] = fields["value"]


def do_delete(fields: Mapping[str, Any], space: Space) -> None:
    """Deletes a variable."""
    try:
        del space[fields["name"]]
    except KeyError:
        raise NameNotFound(
            f"no variable {fields['name']!r}; there are: {', '.join(_user_names(space)) or 'none'}"
        ) from None


def do_exists(fields: Mapping[str, Any], space: Space) -> bool:
    """Whether a variable exists."""
    return fields["name"] in space


def do_list(fields: Mapping[str, Any], space: Space) -> list[str]:
    """The variables."""
    return _user_names(space)


def do_attr(fields: Mapping[str, Any], space: Space) -> Any:
    """An attribute."""
    owner = _object(fields, space)
    try:
        return getattr(owner, fields["attribute"])
    except AttributeError:
        raise NameNotFound(f"{type(owner).__name__} has no attribute {fields['attribute']!r}") from None


def do_setattr(fields: Mapping[str, Any], space: Space) -> None:
    """Sets an attribute."""
    setattr(_object(fields, space), fields["attribute"], fields["value"])


def do_index(fields: Mapping[str, Any], space: Space) -> Any:
    """An item."""
    args = fields["args"]
    return fields["target"][args[0] if len(args) == 1 else tuple(args)]


def do_show(fields: Mapping[str, Any], space: Space) -> str:
    """What printing shows."""
    return str(fields["target"]).replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def do_names(fields: Mapping[str, Any], space: Space) -> list[str]:
    """Names for completion."""
    prefix = fields.get("prefix", "")
    if "target" in fields or fields.get("name"):
        names = dir(_object(fields, space))
    else:
        modules = {module.name for module in pkgutil.iter_modules()} | set(sys.builtin_module_names)
        names = sorted({*_user_names(space), *dir(builtins), *modules})
    return [name for name in names if name.startswith(prefix) and not name.startswith("_")]


def do_describe(fields: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """What a name stands for."""
    import inspect  # takes longer than the rest of this module, and few ask

    name = fields.get("name", "")
    try:
        value = _object(fields, space)
    except NameNotFound:
        return {"name": name, "kind": ""}
    kind = "package" if inspect.ismodule(value) else "function" if callable(value) else "variable"
    found: dict[str, Any] = {"name": name, "kind": kind}
    if fields.get("brief"):
        return found
    found["doc"] = (inspect.getdoc(value) or "").replace("\0", "\\0")
    if kind != "function":
        return found
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        found["signature"] = f"{name}(...)"
        found["parameters"] = []
        return found
    found["signature"] = f"{name}{signature}"
    found["parameters"] = [
        {
            "name": item.name,
            "kind": _KINDS[item.kind.name],
            "default": None if item.default is inspect.Parameter.empty else repr(item.default),
        }
        for item in signature.parameters.values()
    ]
    return found


def exception(fields: Mapping[str, Any]) -> BaseException:
    """The exception for a ``raise`` message: the builtin of that name where there is one."""
    names = fields.get("class") or ()
    first = names if isinstance(names, str) else next(iter(names), "")
    cls = getattr(builtins, str(first), None)
    message = str(fields.get("message", ""))
    if isinstance(cls, type) and issubclass(cls, Exception):
        with contextlib.suppress(Exception):  # a constructor of another form
            return cls(message)
    return RuntimeError(f"{first}: {message}" if first else message)
