"""The folders that the option ``path`` stands for: one, a tree (``toolbox/**``), all but (``!toolbox/old``).

| written | means |
|---|---|
| ``"toolbox"`` | this folder |
| ``"toolbox/**"`` | it and all folders below, as ``genpath`` counts them |
| ``"lib/*/m"`` | the folders that the pattern matches |
| ``"!toolbox/tests"`` | leaves out this folder and all below, whatever brought them in |
| ``"!**/tests"`` | leaves out every folder of that name |

Folders that Octave finds by itself are never on the path: ``private``, ``@class`` and ``+package``; nor are
those that begin with a dot.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from arcuate.errors import InvalidArgument

__all__ = ["expand", "tree"]

MOST = 10_000
"""How many folders a path may have: more are a mistake such as ``/**``."""

_MAGIC = "*?["


def expand(entries: Sequence[str], base: str | None = None) -> list[str]:
    """The folders of a path, absolute, in their order, each once.

    Args:
        entries: what was written; see the module.
        base: what relative entries start from; the working directory when left out.

    Raises:
        InvalidArgument: an entry names no folder, or one that belongs on no path.
    """
    base = os.path.abspath(base or os.curdir)
    leave = [_Exclusion(entry, base) for entry in entries if _excludes(entry, base)]
    found: dict[str, None] = {}
    for entry in entries:
        if not _excludes(entry, base):
            for folder in _folders(entry, base):
                if not any(one.covers(folder) for one in leave):
                    found.setdefault(folder)
                if len(found) > MOST:
                    raise InvalidArgument(
                        f"path: {_listed(entries)} stands for more than {MOST:,} folders; name fewer"
                    )
    wanted = [entry for entry in entries if not _excludes(entry, base)]
    if wanted and not found:
        raise InvalidArgument(f"path: nothing is left of {_listed(wanted)} without {_listed(_raw(leave))}")
    if leave and not wanted:
        raise InvalidArgument(f"path: {_listed(_raw(leave))} leaves out folders, but no entry brings any in")
    return list(found)


def tree(folder: str) -> Iterator[str]:
    """A folder and all below that belong on a path, as ``genpath`` lists them; links are followed once."""
    seen: set[tuple[int, int]] = set()

    def walk(folder: str) -> Iterator[str]:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        yield folder
        try:
            names = sorted(os.listdir(folder))
        except PermissionError:
            return
        for name in names:
            if not _special(name) and os.path.isdir(os.path.join(folder, name)):
                yield from walk(os.path.join(folder, name))

    yield from walk(folder)


class _Exclusion:
    """An entry that begins with ``!``."""

    def __init__(self, entry: str, base: str) -> None:
        self.entry = entry
        text = entry[1:].removesuffix("/**").rstrip("/") or "/"
        full = os.path.normpath(os.path.join(base, os.path.expanduser(text)))
        if os.path.isdir(full):
            self.parts = glob.escape(full).split(os.sep)
        elif any(mark in text for mark in _MAGIC):
            self.parts = _pattern(text, base).split(os.sep)
        else:
            raise InvalidArgument(f"path: {entry!r} leaves out {full}, which is no folder; correct its name")

    def covers(self, folder: str) -> bool:
        """Whether the folder, or one above it, is left out."""
        parts = folder.split(os.sep)
        return any(_match(tuple(parts[:end]), tuple(self.parts)) for end in range(2, len(parts) + 1))


@lru_cache(maxsize=65536)
def _match(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path matches a pattern part by part; ``**`` stands for any number of parts."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_match(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _match(parts[1:], pattern[1:])


def _folders(entry: str, base: str) -> Iterator[str]:
    """The folders of one entry that brings some in."""
    text = os.path.expanduser(entry)
    recursive = text == "**" or text.endswith("/**")
    start = (text[:-2].rstrip("/") or ("/" if text.startswith("/") else ".")) if recursive else text
    full = os.path.normpath(os.path.join(base, start))
    if os.path.isdir(full):  # a name with a star in it is a name, where there is such a folder
        roots = [full]
        _refuse(entry, full)
    elif any(mark in start for mark in _MAGIC):
        roots = [
            os.path.normpath(one)
            for one in sorted(glob.glob(_pattern(start, base), recursive=True))
            if os.path.isdir(one) and not any(map(_special, os.path.relpath(one, base).split(os.sep)))
        ]
        if not roots:
            raise InvalidArgument(f"path: no folder matches {entry!r} in {base}")
    elif os.path.exists(full):
        raise InvalidArgument(f"path: {entry!r} is a file; name its folder, {os.path.dirname(full)!r}")
    else:
        raise InvalidArgument(f"path: there is no folder {full}{_nearest(full)}")
    for root in roots:
        if os.pathsep in root:
            raise InvalidArgument(f"path: Octave cannot take {root!r}: the name has {os.pathsep!r} in it")
        yield from tree(root) if recursive else [root]


def _pattern(text: str, base: str) -> str:
    """A relative pattern as an absolute one; marks in the name of the base are no marks."""
    return os.path.normpath(os.path.join(glob.escape(base), os.path.expanduser(text)))


def _refuse(entry: str, full: str) -> None:
    """Folders that Octave finds through the folder that holds them."""
    above, name = os.path.split(full)
    if name.startswith(("+", "@")):
        kind = "package" if name[0] == "+" else "class"
        raise InvalidArgument(
            f"path: {entry!r} is the folder of a {kind}; name the folder that holds it, {above!r}"
        )
    if name == "private":
        raise InvalidArgument(
            f"path: {entry!r} holds private functions, which only {above!r} may call; name that one"
        )


def _nearest(full: str) -> str:
    """What is there instead, for a name that was mistyped."""
    above = full
    while not os.path.isdir(above) and os.path.dirname(above) != above:
        above = os.path.dirname(above)
    names = sorted(name for name in os.listdir(above) if os.path.isdir(os.path.join(above, name)))
    names = [name for name in names if not _special(name)]
    more = ", ..." if len(names) > 8 else ""
    return (
        f"; {above} has the folders: {', '.join(names[:8])}{more}" if names else f"; {above} has no folders"
    )


def _excludes(entry: str, base: str) -> bool:
    """Whether an entry leaves out, rather than being a folder whose name begins so."""
    return entry.startswith("!") and not os.path.isdir(os.path.join(base, entry))


def _special(name: str) -> bool:
    return name == "private" or (name.startswith((".", "@", "+")) and name not in (".", ".."))


def _raw(leave: list[_Exclusion]) -> list[str]:
    return [one.entry for one in leave]


def _listed(entries: Sequence[str]) -> str:
    return ", ".join(map(repr, entries))
