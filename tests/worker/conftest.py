"""Perl, an environment that Arcuate does not ship, installed for these tests as a package of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest

from arcuate.client import Session, connect, environments

PERL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "perl")
"""A folder with a package and its dist-info: what an installer would put into site-packages."""


@pytest.fixture(scope="module")
def perl_package() -> Iterator[str]:
    """The folder, on ``sys.path``."""
    sys.path.insert(0, PERL)
    try:
        report = environments()["perl"].load().doctor()
        if not report.found:
            pytest.skip(f"perl: {'; '.join(report.missing)}")
        yield PERL
    finally:
        sys.path.remove(PERL)


@pytest.fixture
def perl(perl_package: str) -> Iterator[Callable[..., Session]]:
    """Opens sessions with Perl and closes them afterwards."""
    opened: list[Session] = []

    def make(**options: object) -> Session:
        opened.append(connect("perl", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for session in opened:
        session.close()
