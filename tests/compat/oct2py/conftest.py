"""All of this folder needs Octave."""

from __future__ import annotations

import pytest

from arcuate.octave import OctaveEnvironment


@pytest.fixture(scope="session", autouse=True)
def _octave() -> None:
    if not OctaveEnvironment.doctor().found:
        pytest.skip("octave: not installed")
