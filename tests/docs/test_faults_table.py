"""The page of faults: each test that it names is there, each kind of fault has a cell for each connector."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from arcuate.formats import formats

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/connectors/faults.md").read_text()
KIT = ROOT / "adapters/arcuate/connector/testing"
NOT_APPLICABLE = "–"


def tables() -> list[list[list[str]]]:
    """The tables of the page: rows of cells."""
    found: list[list[list[str]]] = []
    before = ""
    for line in PAGE.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not set("".join(cells)) <= set("-: "):
                found[-1].append(cells)
        before = line
    return found


@functools.cache
def names_in(file: Path) -> dict[str, str]:
    """The tests of a file: name, or Class::name, and the text of each with its decorators."""
    text = file.read_text()
    lines = text.splitlines()
    found: dict[str, str] = {}

    def add(body: list[ast.stmt], before: str) -> None:
        for one in body:
            if isinstance(one, ast.ClassDef):
                found[one.name] = ""
                add(one.body, f"{one.name}::")
            elif isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                first = min([one.lineno, *(each.lineno for each in one.decorator_list)])
                found[before + one.name] = "\n".join(lines[first - 1 : one.end_lineno])

    add(ast.parse(text).body, "")
    return found


KITS = {name: text for file in ("contract.py", "network.py") for name, text in names_in(KIT / file).items()}
GENERAL, *AREAS = (table for table in tables() if table[0][0] == "fault")
(FORMATS,) = (table for table in tables() if table[0][0] == "format")


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_each_fault_of_the_kit_is_a_check_of_it() -> None:
    for _, checks in GENERAL[1:]:
        for name in named(checks):
            assert any(one.endswith(f"::{name}") for one in KITS), name


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area[0][1].split(" ")[0])
def test_each_test_that_is_named_is_there(area: list[list[str]]) -> None:
    head, *rows = area
    by_kit = {row[0] for row in GENERAL[1:]}
    assert [row[0] for row in rows] == [row[0] for row in AREAS[0][1:]], "each area has the same faults"
    for row in rows:
        assert len(row) == len(head), row
        for title, cell in zip(head[1:], row[1:], strict=True):
            where = f"{title}, {row[0]}: {cell}"
            (place, *classes) = named(title)
            assert cell, f"{where}: neither a test nor {NOT_APPLICABLE}"
            if re.search(r"\bkit\b", cell):
                assert row[0] in by_kit, f"{where}: the kit has no check of this"
                assert classes, f"{where}: the title names no class with the kit"
            for one in classes:
                file, _, name = one.partition("::")
                assert name in names_in(ROOT / place / file), where
            for one in named(cell):
                look_for(one, place, where)


def look_for(test: str, place: str, where: str) -> None:
    """A test that is named as ``file.py::name[case]``, or a file of tests."""
    file, _, name = test.partition("::")
    path = ROOT / (file if file.startswith("tests/") else f"{place}/{file}")
    assert path.is_file(), f"{where}: there is no {path.relative_to(ROOT)}"
    name, _, case = name.partition("[")
    assert not name or name in names_in(path), f"{where}: {file} has no {name}"
    assert not case or f'"{case.rstrip("]")}"' in path.read_text(), f"{where}: no case {case}"


def test_each_format_has_its_tests() -> None:
    for row in FORMATS[1:]:
        assert len(row) == len(FORMATS[0]), row
        for cell in row[1:]:
            assert cell, row
            for one in named(cell):
                look_for(one, "tests/formats", row[0])
    told = " ".join(row[0].lower() for row in FORMATS[1:])
    assert [
        name for name in formats() if name not in told.replace(" ", "").replace("jsonlines", "jsonl")
    ] == []


def test_no_fault_is_missing() -> None:
    told = " ".join(row[0] for row in AREAS[0][1:])
    for word in (
        "down", "slow", "half-open", "reset", "401", "403", "404", "429", "500", "503", "malformed",
        "character set", "truncated", "expired", "certificate", "deadlock", "lost transaction", "disk full",
        "corrupt", "bomb", "climbs out", "SQL", "secrets",
    ):  # fmt: skip
        assert word in told, word
    assert "MISSING" not in PAGE
