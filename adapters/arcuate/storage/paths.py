"""Paths that stay inside their folder."""

from __future__ import annotations

import os

from arcuate.errors import InvalidArgument

__all__ = ["beginning", "inside", "out", "real"]


def inside(path: str | os.PathLike[str], service: str) -> str:
    """A path relative to the storage's address, in its plain form; "" is the address itself.

    Raises:
        InvalidArgument: it is absolute, climbs out of its folder, or no system could have it.
    """
    text = os.fspath(path)
    if not isinstance(text, str):
        raise InvalidArgument(f"{service}: a path is text, not {type(text).__name__}")
    problem = ""
    if text.startswith("/"):
        problem = "is absolute; paths are relative to 'url'"
    elif "\0" in text or "\\" in text:
        problem = "has a character that not every system can keep"
    elif ".." in text.split("/"):
        problem = "climbs out of its folder"
    elif "." in text.split("/") or "//" in text:
        problem = "has an empty part or '.', which systems read differently"
    if problem:
        raise InvalidArgument(f"{service}: the path {text!r} {problem}")
    return text.rstrip("/")


def real(root: str, path: str, service: str) -> str:
    """A local path that is inside of its root when all links are followed.

    Raises:
        InvalidArgument: a link leads out.
    """
    whole = os.path.join(root, path) if path else root
    found, base = os.path.realpath(whole), os.path.realpath(root)
    if found != base and not found.startswith(base.rstrip(os.sep) + os.sep):
        raise out(service, path)
    return whole


def beginning(name: str, size: int) -> str:
    """So much of a name that so many bytes hold it, for one that is made longer: systems allow 255."""
    return name.encode(errors="surrogateescape")[:size].decode(errors="ignore")


def out(service: str, path: str) -> InvalidArgument:
    """A link leads out."""
    return InvalidArgument(
        f"{service}: the path {path!r} leads out of its folder by a link; if that is meant, let 'url' be the "
        "folder to which it leads"
    )
