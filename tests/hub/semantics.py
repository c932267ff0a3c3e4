"""The sentences of ``protos/SEMANTICS.md`` about calls, and which tests prove them (``semantics.txt``)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "protos" / "SEMANTICS.md"
SECTIONS = (10, 11, 12, 13, 14, 15, 16, 18, 19)


def read() -> dict[str, list[str]]:
    """The beginnings of sentences, and the tests of each."""
    found: dict[str, list[str]] = {}
    last = ""
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            found[last].append(line.strip())
        elif line and not line.startswith("#"):
            last = line
            assert last not in found, f"twice: {last}"
            found[last] = []
    return found


PROOFS = read()


def sentences() -> list[str]:
    """The sentences of the page's sections about calls, without tables and marks."""
    found = []
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]:
        head, body = part.split("\n", 1)
        if int(head.split(".")[0]) not in SECTIONS:
            continue
        body = re.sub(r"^\|.*$", "", body, flags=re.M)
        body = re.sub(r"^- ", "\n\n", body, flags=re.M)
        for paragraph in re.split(r"\n\s*\n", body):
            text = " ".join(paragraph.split()).replace("**", "")
            found += [one for one in re.split(r"(?<=[.:])\s+(?=[A-Z])", text) if one]
    return found
