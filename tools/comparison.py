"""The tables of docs/comparison.md, from what `make peers` wrote into docs/peers.json."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import environment

FILE = environment.ROOT / "docs" / "peers.json"
LANGUAGES = {"python": "Python", "r": "R", "octave": "Octave", "matlab": "MATLAB"}
COLUMNS = {
    "exact": "exact",
    "changed": "reshaped or widened",
    "refused": "refused",
    "silent": "changed silently",
    "crashed": "crashed",
    "none": "no such value",
}
EXAMPLES = 8
"""Silent changes shown for each bridge."""
WIDE = 70

Entry = Mapping[str, Any]


def load(path: Path = FILE) -> list[Entry]:
    """Return the entries of the report."""
    found: list[Entry] = json.loads(path.read_text(encoding="utf-8"))["peers"]
    return found


def name(entry: Entry) -> str:
    """Return what a bridge is called in a table."""
    return f"{entry['peer']}, {LANGUAGES[entry['host']]} to {LANGUAGES[entry['environment']]}"


def summary(entries: Iterable[Entry]) -> str:
    """One line a bridge: how many values came back how."""
    lines = [f"| bridge | {' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    for entry in entries:
        cells = (str(entry["counts"][column]) for column in COLUMNS)
        basis = " (documented, not run)" if entry.get("documented") else ""
        lines.append(f"| {name(entry)}{basis} | {' | '.join(cells)} |")
    return "\n".join(lines)


def measured(entries: Iterable[Entry]) -> str:
    """When, with which versions, and how each bridge was used."""
    lines = ["| bridge | date | versions | used with |", "|---|---|---|---|"]
    for entry in entries:
        versions = ", ".join(f"{what} {number}" for what, number in entry.get("versions", {}).items())
        lines.append(f"| {name(entry)} | {entry['date']} | {versions} | {entry['how']} |")
    return "\n".join(lines)


def kinds(entries: list[Entry]) -> str:
    """By kind of value: how many of those that could be sent came back with every element, and what else."""
    found: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
    for entry in entries:
        for case in entry["cases"]:
            kind = _kind(case["case"])
            found[kind].setdefault(name(entry), Counter())[case["outcome"]] += 1
    lines = [f"| kind | {' | '.join(map(name, entries))} |", f"|---|{'---|' * len(entries)}"]
    for kind, bridges in sorted(found.items()):
        lines.append(f"| {kind} | {' | '.join(_cell(bridges.get(name(e), Counter())) for e in entries)} |")
    return "\n".join(lines)


def _kind(case: str) -> str:
    """The part of a case's name that says what kind of value it is; arrays by what they hold."""
    kind, inside, *_ = [*case.split("/"), ""]
    if kind != "array":
        return kind
    if inside == "sequence":
        return "plain list of scalars"
    letters = {"i": "integers", "u": "integers", "f": "floats", "c": "complex numbers"}
    sized = inside[1:].isdigit()
    return f"array of {letters[inside[0]] if sized else inside}"


def _cell(counts: Counter[str]) -> str:
    tried = counts.total() - counts["none"]
    if not tried:
        return "–"
    kept = counts["exact"] + counts["changed"]
    worse = [f"{counts[one]} {one}" for one in ("silent", "crashed", "refused") if counts[one]]
    return f"{kept} of {tried}" + (f"; {', '.join(worse)}" if worse else "")


def examples(entries: Iterable[Entry]) -> str:
    """What arrived instead: for each bridge some silent changes, one of a kind, as sent and as received."""
    from arcuate.matrix import load as vectors
    from arcuate.matrix.notation import notation

    values = {case.name: case.value for case in vectors(large=False)}
    out = []
    for entry in entries:
        silent: dict[str, Entry] = {}
        for case in entry["cases"]:
            if case["outcome"] == "silent" and case["case"] in values:
                silent.setdefault(_kind(case["case"]), case)
        if not silent:
            continue
        out += [f"\n**{name(entry)}**\n", "| value | sent | received |", "|---|---|---|"]
        for case in list(silent.values())[:EXAMPLES]:
            sent = notation(case.get("expected") or values[case["case"]])
            out.append(f"| `{case['case']}` | {_short(sent)} | {_short(notation(case['received']))} |")
    return "\n".join(out).strip()


def _short(text: str) -> str:
    """A value on one line, in a cell of a table."""
    line = " ".join(text.split())
    line = line if len(line) <= WIDE else line[: WIDE - 1] + "…"
    return "`" + line.replace("|", "\\|").replace("`", "'") + "`"
