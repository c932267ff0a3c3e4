"""``arcuate wrap``: writes the Python package for a folder of m-files."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from arcuate.errors import InvalidArgument

__all__ = ["write_package"]


def write_package(folder: str, out: str, exclude: Sequence[str]) -> None:
    """Writes the package, and says what was left out.

    Raises:
        InvalidArgument: the package cannot have that name, or there is something else in its place.
    """
    from arcuate.octave.mfiles.wrap import package

    out = os.path.abspath(out)
    name = os.path.basename(out)
    if not name.isidentifier():
        raise InvalidArgument(f"--out {out!r}: {name!r} cannot be the name of a Python package")
    _check_free(out)
    made = package(folder, out, exclude)
    stale = set(_written(out)) - set(made.files)
    for relative, text in sorted(made.files.items()):
        path = os.path.join(out, relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    for relative in sorted(stale):
        os.remove(os.path.join(out, relative))
    for line in made.skipped:
        print(f"left out: {line}", file=sys.stderr)
    print(f"{made.functions} functions in {len(made.files)} files: {out}")


def _check_free(out: str) -> None:
    """Refuses to write where somebody else's files are."""
    if os.path.isfile(out):
        raise InvalidArgument(f"--out {out!r} is a file; name a folder that is not there yet")
    if os.path.isdir(out) and os.listdir(out) and "__init__.py" not in _written(out):
        raise InvalidArgument(
            f"--out {out!r} holds files that arcuate wrap did not write; name another folder"
        )


def _written(out: str) -> list[str]:
    """The modules in a folder that an earlier run wrote."""
    from arcuate.octave.mfiles.wrap import MARK

    found = []
    for here, _, names in os.walk(out):
        for name in names:
            path = os.path.join(here, name)
            if name.endswith(".py"):
                with open(path, encoding="utf-8", errors="replace") as file:
                    if MARK in file.readline():
                        found.append(os.path.relpath(path, out))
    return found
