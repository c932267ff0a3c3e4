"""Clients that are made for a test, and one run of the matrix with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from arcuate.matrix.client import Client
from arcuate.matrix.outcome import CaseResult, Cell
from arcuate.matrix.runner import EnvironmentReport, Run, Selection
from arcuate.matrix.servers import Servers
from arcuate.matrix.vectors import Case, load

BAD = Path(__file__).with_name("bad.py")
PYTHON = EnvironmentReport("python", "Python")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Hubs, each started when it is first needed."""
    with Servers() as found:
        yield found


@pytest.fixture(scope="session")
def vectors() -> dict[str, Case]:
    """The golden vectors by name."""
    return {one.name: one for one in load(large=False)}


def client(kind: str, **more: Any) -> Client:
    """A client whose program is one of the bad ones."""
    fields: dict[str, Any] = {
        "client": kind,
        "command": [sys.executable, str(BAD), kind],
        "runtime": {"name": "Python"},
        "encoding": "frame",
        "values": "python",
        "transports": [],
    }
    return Client(**{**fields, **more}, folder=BAD.parent)


def run(
    one: Client,
    cases: Sequence[Case],
    servers: Servers,
    whats: Sequence[str] = ("decode",),
    names: Sequence[str] = (),
    patience: float = 20.0,
) -> Run:
    """Runs some cases of one client in the python environment."""
    found = Run([one], [PYTHON], [], Selection(whats=whats, cases=names, patience=patience))
    found.vectors = list(cases)
    found.prepare(build=False)
    found.run(servers)
    return found


def results(found: Run) -> dict[str, CaseResult]:
    """The cases of a run, by their names."""
    return {f"{one.what} {one.case}": one for cell in found.cells for one in cell.cases}


def cell(found: Run) -> Cell:
    """The only cell."""
    (one,) = found.cells
    return one
