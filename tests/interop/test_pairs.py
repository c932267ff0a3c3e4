"""Code in one environment calls another through the hub: judged, reported, and counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.interop.test_reports import judged

from arcuate.matrix import client as clients
from arcuate.matrix import pairs
from arcuate.matrix.page import page
from arcuate.matrix.report import result, write_junit
from arcuate.matrix.runner import EnvironmentReport, Run, Selection
from arcuate.matrix.servers import Servers
from arcuate.matrix.vectors import Case

SENT = ["labelled/plain", "array/f8/nan-beside-missing"]


def _run(vectors: dict[str, Case], servers: Servers, *names: str, cases: list[str]) -> Run:
    found = clients.find(clients.checkout())
    places = [EnvironmentReport(name, name) for name in names]
    run = Run(found, places, [vectors[name] for name in SENT], Selection(whats=["pair"], cases=cases))
    run.run(servers)
    return run


def test_r_and_octave_call_each_other(vectors: dict[str, Case], servers: Servers, tmp_path: Path) -> None:
    root = clients.checkout()
    for name, program in (("r", "Rscript"), ("octave", "octave-cli")):
        if shutil.which(program) is None or pairs.missing(name, clients.find(root), root):
            pytest.skip(f"{name}: not installed, or its client is not built (make -C clients/{name} build)")
    run = _run(vectors, servers, "r", "octave", cases=SENT)
    assert {(one.client, one.environment) for one in run.pairs} == {
        (caller, called) for caller in ("r", "octave") for called in ("r", "octave")
    }
    assert not run.failed(), [c.verdict.detail for cell in run.pairs for c in cell.cases]
    done = [one.case for one in run.pairs[1].cases]
    assert done == [
        "open", *(name for name in SENT for _ in "ab"), "handle/octave", "handle/r", "foreign-error"
    ]  # fmt: skip
    found = result(run, 1.0)
    assert {row["outcome"] for row in found["pairs"]} <= {"exact", "permitted"}
    write_junit(found, tmp_path / "out.xml")
    assert judged(tmp_path / "out.xml")[0] == sum(len(row["cases"]) for row in found["pairs"])
    assert "Any language calls any other" in page(found)


def test_what_changes_on_the_way_is_found_out(
    vectors: dict[str, Case], servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossy = pairs._PYTHON.replace(
        "return _others[name].call(function, *args)",
        "return _others[name].call(function, *[a.fillna(0) if hasattr(a, 'fillna') else a for a in args])",
    ).replace('error.message', '"something else"')  # fmt: skip
    monkeypatch.setitem(pairs._PRELUDES, "python", lossy.replace("2.5, 4.0", "2.5, 5.0"))
    case = vectors["array/f8/nan-beside-missing"]
    run = _run(vectors, servers, "python", cases=[case.name])
    outcomes = {f"{one.what} {one.case}": one.verdict.outcome for one in run.pairs[0].cases}
    assert outcomes == {
        "pair open": "exact", f"echo {case.name}": "fail", f"observe {case.name}": "fail",
        "pair handle/python": "fail", "pair foreign-error": "fail",
    }  # fmt: skip
    assert run.failed()
