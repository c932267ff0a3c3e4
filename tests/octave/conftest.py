"""Sessions of Octave: one with the compiled helper and one in plain Octave code, so that both do the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from arcuate.client import Session, connect
from arcuate.octave import OctaveEnvironment, helper

REPORT = OctaveEnvironment.doctor()


@pytest.fixture(scope="session", params=["plain", "helper"])
def shared(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session that all tests of this folder share."""
    if not REPORT.found:
        pytest.skip("; ".join(REPORT.missing))
    compiled = request.param == "helper"
    if compiled and helper.compiler(REPORT.where) is None:
        pytest.skip("mkoctfile is missing")
    with connect("octave", helper=compiled) as session:
        assert session.info["helper"] is compiled
        yield session


@pytest.fixture
def octave(shared: Session) -> Session:
    """The shared session with an empty workspace."""
    shared.run("clear -variables\nfunction varargout = same (varargin)\n varargout = varargin;\nend")
    return shared
