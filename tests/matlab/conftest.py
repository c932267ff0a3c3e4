"""The MATLAB adapter with Arcuate's own engine, which runs Octave, where ``matlab.engine`` belongs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from arcuate.client import Session, connect, environments

STAND_IN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_in")
"""A folder with a package and its dist-info: what an installer would put into site-packages."""


@pytest.fixture(scope="module")
def stand_in() -> Iterator[str]:
    """The folder, first on ``sys.path``: its ``matlab`` counts instead of Arcuate's."""
    sys.path.insert(0, STAND_IN)
    try:
        report = environments()["matlab"].load().doctor()
        if not report.found:
            pytest.skip(f"octave: {'; '.join(report.missing)}")
        yield STAND_IN
    finally:
        sys.path.remove(STAND_IN)


@pytest.fixture
def matlab(stand_in: str) -> Iterator[Callable[..., Session]]:
    """Opens sessions and closes them afterwards."""
    opened: list[Session] = []

    def make(**options: Any) -> Session:
        opened.append(connect("matlab", **options))
        return opened[-1]

    yield make
    for session in opened:
        session.close()
