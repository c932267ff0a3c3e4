"""An R session for the tests of the R environment, and a second R that knows nothing of Arcuate."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from arcuate.client import Session, connect


@pytest.fixture(scope="module")
def r() -> Iterator[Session]:
    with connect("r") as session:
        session.run("id <- function(x) x")
        yield session


@pytest.fixture(scope="module")
def raw() -> Iterator[Session]:
    """A session that does not make scalars of results of length 1."""
    with connect("r", simplify=False) as session:
        session.run("id <- function(x) x")
        yield session


@pytest.fixture
def rscript() -> Callable[[str], str]:
    """Runs R code in a process of its own and returns what it prints."""

    def run(code: str) -> str:
        done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    return run


def same(session: Session, value: Any, literal: str) -> None:
    """The value is, in R, identical to the R literal."""
    session["given"] = value
    assert session.eval(f"identical(given, {literal})"), session.eval(
        "paste(capture.output(str(given)), collapse = '\\n')"
    )
