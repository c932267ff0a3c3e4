"""Which MATLAB, Engine API and Python fit together, on folders laid out as an installed MATLAB's."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from arcuate.client import connect
from arcuate.errors import EnvironmentNotFound
from arcuate.matlab import MatlabEnvironment
from arcuate.matlab.releases import RELEASES, Found, find, problem


def found(release: str, python: tuple[int, int], engine: str, module: bool = True) -> Found:
    return Found(f"/opt/{release}", release, sys.executable, python, engine, module)


def installed(folder: Path, release: str, with_file: bool = True) -> Path:
    """A folder with what Arcuate looks at in an installed MATLAB."""
    root = folder / release
    (root / "bin").mkdir(parents=True)
    program = root / "bin" / "matlab"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    if with_file:
        (root / "VersionInfo.xml").write_text(
            f"<?xml version='1.0'?>\n<MathWorks_version_info>\n<version>24.2.0</version>\n"
            f"<release>{release}</release>\n</MathWorks_version_info>\n"
        )
    return root


def test_what_fits() -> None:
    assert problem(found("R2024b", (3, 12), "24.2.2")) is None
    assert problem(found("R2023b", (3, 11), "23.2.3")) is None
    assert problem(found("", (3, 12), "24.2.2")) is None  # a MATLAB that is not on the PATH may be found yet


@pytest.mark.parametrize(
    ("state", "message", "command"),
    [
        (
            found("R2024b", (3, 13), "24.2.2"),
            r"R2024b works with Python 3\.10 to 3\.12.*3\.13.*executable",
            "",
        ),
        (found("R2024b", (3, 12), "9.15.2"), r"9\.15\.2 is installed, MATLAB R2024b needs 24\.2", "24.2.*"),
        (found("R2021b", (3, 9), "9.11.0"), r"R2021b works with Python up to 3\.9.*R2022b or later", ""),
        (found("", (3, 9), "", module=True), r"Python 3\.9, and Arcuate needs 3\.10", ""),
        (found("R2022b", (3, 10), "", module=False), "matlabengine is not installed", "9.13.*"),
    ],
)
def test_what_does_not_fit(state: Found, message: str, command: str) -> None:
    wrong = problem(state)
    assert wrong is not None
    assert re.search(message, wrong[0])
    assert command in wrong[1]


@pytest.mark.parametrize("with_file", [True, False])
def test_a_matlab_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_file: bool) -> None:
    root = installed(tmp_path, "R2024b", with_file)
    monkeypatch.setenv("PATH", str(root / "bin"))
    state = find(None)
    assert (state.root, state.release) == (str(root), "R2024b")
    assert state.version == sys.version_info[:2]
    report = MatlabEnvironment.doctor()
    assert not report.found  # matlabengine is missing here
    assert report.version == "R2024b"
    if RELEASES["R2024b"].first <= state.version <= RELEASES["R2024b"].last:
        assert "matlabengine==24.2.*" in report.install


def test_no_matlab_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MATLAB_ROOT", raising=False)
    with pytest.raises(EnvironmentNotFound, match=r"no MATLAB on the PATH.*connect\('octave'\)"):
        connect("matlab")
    with pytest.raises(EnvironmentNotFound, match="is no program"):
        connect("matlab", executable="no-such-python")


def test_on_a_real_matlab() -> None:
    """Where there is one, the contract suite itself runs on it."""
    report = MatlabEnvironment.doctor()
    if not report.found:
        pytest.skip(f"matlab: {'; '.join(report.missing)}")
    with connect("matlab") as session:
        assert session.call("sqrt", 16.0) == 4.0
