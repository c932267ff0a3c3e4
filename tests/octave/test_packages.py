"""Packages of Octave, and figures in every format."""

from __future__ import annotations

import subprocess

import pytest

from arcuate.client import Session, connect
from arcuate.errors import NameNotFound
from arcuate.octave import OctaveEnvironment

BEGINNINGS = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.fixture
def package() -> str:
    """A package of Octave that is installed here."""
    code = "cellfun (@(p) printf ('%s\\n', p.name), pkg ('list'))"
    command = [OctaveEnvironment.doctor().where, "--norc", "--quiet", "--eval", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    if "struct" not in done.stdout.split():
        pytest.skip("octave: its package struct is not installed (Debian: octave-struct)")
    return "struct"


@pytest.mark.parametrize("helper", [False, True])
def test_a_package(package: str, helper: bool) -> None:
    record = {"first": 1.5, "second": 2.5, "third": 3.5}
    with connect("octave", helper=helper) as session, pytest.raises(NameNotFound, match="getfields"):
        session.call("getfields", record, "third")
    with connect("octave", packages=package, helper=helper) as session:
        assert session.call("getfields", record, "third", "first", nargout=2) == (3.5, 1.5)
        session.run("clear all")
        assert session.call("getfields", record, "second") == 2.5
        session.restart()
        assert session.call("getfields", record, "second") == 2.5


@pytest.mark.parametrize("form", sorted(BEGINNINGS))
def test_figures(shared: Session, form: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Two figures are two displays, a change is one more, and nothing is drawn in letters."""
    with connect("octave", figures=form, helper=bool(shared.info["helper"])) as session:
        session.run("plot ([1 3 2]); title ('one'); figure; bar ([1 2])")
        shown = [display.data for display in session.displays]
        assert [data.startswith(BEGINNINGS[form]) for data in shown] == [True, True]
        assert min(map(len, shown)) > 1000
        session.run("figure (1); xlabel ('changed'); close (2)")
        assert len(session.displays) == 3
        session.run("figure (3); plot ([2 1]); drawnow")
        assert len(session.displays) == 4
        session.run("x = 1;")
        assert len(session.displays) == 4
    out = capfd.readouterr()
    assert out.out == ""
    assert out.err == ""


def test_no_figures() -> None:
    with connect("octave", figures=None) as session:
        session.run("plot ([1 3 2])")
        assert not session.displays
