"""The tests that m-files of Octave carry: lines that begin with ``%!``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"^%!(\w+)")


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        name: its file and the line where it begins.
        code: what it runs.
        values: the arguments of ``assert``, where it is nothing but one.
    """

    name: str
    code: str
    values: str = ""


def blocks(file: Path) -> list[Block]:
    """The blocks ``test`` and ``assert`` of a file; those of files that share variables are left out."""
    found: list[Block] = []
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    parts: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(lines, 1):
        if not line.startswith("%!"):
            continue
        head = _HEAD.match(line)
        if head:
            parts.append((number, head.group(1), [line[head.end() :]]))
        elif parts:
            parts[-1][2].append(line[2:])
    if any(kind in ("shared", "function", "testif", "xtest") for _, kind, _ in parts):
        return []
    for number, kind, text in parts:
        name = f"{file.stem}:{number}"
        code = "\n".join(text).strip()
        if kind == "test":
            found.append(Block(name, re.sub(r"\A<[^>]*>", "", code)))
        elif kind == "assert":
            code = re.sub(r"\A\s*<[^>]*>", "", code).strip()
            inside = re.fullmatch(r"\((.*)\)\s*;?", code, re.DOTALL)
            found.append(Block(name, f"assert {code}", inside.group(1) if inside else ""))
    return found
