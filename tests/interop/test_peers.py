"""The harness that sends golden values through other bridges: its judge, known losses, bridges that die."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.interop.peers import engine, judge
from tests.interop.peers import run as peers

from arcuate.matrix import load, same

ROOT = Path(__file__).resolve().parents[2]


def array(dtype: str, shape: list[int], data: list[Any], **more: Any) -> dict[str, Any]:
    return {"kind": "array", "dtype": dtype, "shape": shape, "data": data, **more}


def scalar(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "value": value, **more}


FLOAT = scalar("float", "0x1.8p+0")
SEQUENCE = {"hints": ["sequence"]}
TABLE = {"kind": "table", "rows": 2, "columns": [["a", array("i4", [2], ["1", "2"])]]}


@pytest.mark.parametrize(
    ("sent", "received", "outcome"),
    [
        (FLOAT, FLOAT, "exact"),
        (FLOAT, array("f8", [1], ["0x1.8p+0"]), "changed"),
        (FLOAT, array("f8", [1, 1], ["0x1.8p+0"]), "changed"),
        (FLOAT, array("f4", [1], ["0x1.8p+0"]), "changed"),
        (FLOAT, scalar("float", "0x1.8000000000001p+0"), "silent"),
        (scalar("bool", True), scalar("int", "1"), "changed"),
        (scalar("int", "9007199254740993"), scalar("float", "0x1p+53"), "silent"),
        (scalar("int", "9007199254740992"), scalar("float", "0x1p+53"), "changed"),
        (scalar("float", "-0x0p+0"), scalar("float", "0x0p+0"), "silent"),
        (scalar("float", "-0x0p+0"), scalar("int", "0"), "silent"),
        (scalar("complex", ["0x1p+0", "0x0p+0"]), scalar("float", "0x1p+0"), "changed"),
        (scalar("complex", ["0x1p+0", "-0x0p+0"]), scalar("float", "0x1p+0"), "silent"),
        ({"kind": "missing", "dtype": "f8"}, scalar("float", "nan"), "silent"),
        (array("i4", [2], ["1", None]), array("i4", [2], ["1", "-2147483648"]), "silent"),
        (array("i4", [2, 3], list("123456")), array("i8", [2, 3], list("123456")), "changed"),
        (array("i4", [2, 3], list("123456")), array("i4", [3, 2], list("123456")), "silent"),
        (array("i4", [2, 3], list("123456")), array("i4", [2, 3], list("142536")), "silent"),
        (array("f8", [0, 3], []), array("f8", [0, 0], []), "silent"),
        (array("f8", [0], []), array("f8", [0, 0], []), "changed"),
        (array("i8", [2], ["1", "2"], **SEQUENCE), array("f8", [1, 2], ["0x1p+0", "0x1p+1"]), "changed"),
        (scalar("text", "é"), scalar("text", "e"), "silent"),
        (scalar("bytes", "01ff"), array("u1", [1, 2], ["1", "255"]), "changed"),
        ({"kind": "null"}, array("f8", [0, 0], []), "changed"),
        ({"kind": "null"}, scalar("float", "nan"), "silent"),
        (
            {"kind": "mapping", "items": [["a", FLOAT]]},
            {"kind": "mapping", "items": [["x", FLOAT]]},
            "silent",
        ),
        (TABLE, {**TABLE, "index": {"levels": [array("text", [2], ["1", "2"])]}}, "changed"),
        (TABLE, {**TABLE, "index": {"levels": [array("text", [2], ["1", "b"])]}}, "silent"),
        (
            scalar("datetime", "1", unit="s", zone="Europe/Prague"),
            scalar("datetime", "1", unit="s", zone="UTC"),
            "silent",
        ),
        (scalar("datetime", "1", unit="s"), scalar("datetime", "1000", unit="ms", zone="UTC"), "changed"),
        (scalar("datetime", "1", unit="ns"), scalar("datetime", "0", unit="us"), "silent"),
    ],
)
def test_the_judge(sent: dict[str, Any], received: dict[str, Any], outcome: str) -> None:
    found, difference = judge.outcome(sent, received)
    assert found == outcome
    assert bool(difference) == (outcome != "exact")


def test_every_golden_value_is_itself_to_the_judge() -> None:
    """It sees no loss where there is none, and every kind has a form."""
    for case in peers.cases_of([]):
        assert judge.form(case.value or {}) == judge.form(json.loads(json.dumps(case.value)))
        assert judge.outcome(case.value or {}, case.value or {}) == ("exact", "")


def found(peer: str, *names: str) -> dict[str, dict[str, Any]]:
    report = peers.PEERS[peer](peers.cases_of(list(names)))
    assert report["versions"][peer]
    assert sum(report["counts"].values()) == len(report["cases"]) == len(names)
    return {line["case"]: line for line in report["cases"]}


@pytest.mark.soak  # their environments take a minute to make: `make peers` does
def test_rpy2_loses_what_is_known() -> None:
    if not peers.PYTHON.exists():
        pytest.skip("rpy2: .venv-bench is not made")
    lines = found("rpy2", "float/zero", "mapping/plain", "table/pandas")
    assert lines["float/zero"]["outcome"] == "changed"
    assert lines["mapping/plain"]["outcome"] == "refused"
    assert "py2rpy" in lines["mapping/plain"]["detail"]
    assert lines["table/pandas"]["outcome"] == "silent"
    assert "-2147483648" in lines["table/pandas"]["detail"]


@pytest.mark.soak  # their environments take a minute to make: `make peers` does
def test_oct2py_loses_what_is_known() -> None:
    if not peers.PYTHON.exists():
        pytest.skip("oct2py: .venv-bench is not made")
    lines = found("oct2py", "float/zero", "int/two-to-53-plus-1", "mapping/key-long")
    assert lines["float/zero"]["outcome"] == "exact"
    assert lines["int/two-to-53-plus-1"]["outcome"] == "silent"
    assert lines["mapping/key-long"]["outcome"] == "refused"
    assert same(lines["int/two-to-53-plus-1"]["received"], scalar("float", "0x1p+53")) == ""


@pytest.mark.soak  # their environments take a minute to make: `make peers` does
def test_reticulate_loses_what_is_known() -> None:
    if not peers.OLDER.exists():
        pytest.skip("reticulate: .venv-reticulate is not made")
    lines = found("reticulate", "float/zero", "missing/text", "int/u8-greatest")
    assert lines["float/zero"]["outcome"] == "exact"
    assert lines["missing/text"]["outcome"] == "silent"
    assert same(lines["missing/text"]["received"], scalar("text", "NA")) == ""
    assert lines["int/u8-greatest"]["outcome"] == "none"


@pytest.mark.parametrize("ending", ["kill -9 $$", "sleep 60"])
def test_a_bridge_that_dies_or_hangs_costs_one_case(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case in which it died has crashed; the next process goes on behind it."""
    cases = peers.cases_of(["bool/true", "bool/false", "null/plain"])
    names = [case.name for case in cases]
    program = tmp_path / "python"
    lines = [
        "#!/bin/bash",
        'first=${4}; echo "{\\"versions\\": {}}"',
        f"names=({' '.join(names)})",
        "for ((i = first; i < 3; i++)); do",
        '  echo "{\\"began\\": \\"${names[i]}\\"}"',
        f"  if ((i == 1)); then {ending}; fi",
        '  echo "{\\"case\\": \\"${names[i]}\\", \\"refused\\": \\"no\\"}"',
        "done",
    ]
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)
    monkeypatch.setattr(peers, "PATIENCE", 1.0)
    answers, _ = peers.python_host("fake", cases, program)
    assert [next(key for key in ("refused", "crashed") if key in answers[name]) for name in names] == [
        "refused",
        "crashed",
        "refused",
    ]


def test_the_documented_column_has_an_answer_to_everything() -> None:
    for case in load(large=False):
        if case.value:
            outcome, reason = engine.documented(case.value)
            assert outcome in ("exact", "changed", "refused")
            assert reason


def test_the_committed_report_is_of_these_vectors() -> None:
    """It was made by `make peers` from cases that are still there, and says when and with what."""
    report = json.loads((ROOT / "docs" / "peers.json").read_text(encoding="utf-8"))["peers"]
    assert [one["peer"] for one in report] == [*peers.PEERS, "Arcuate", "Arcuate"]
    known = {case.name for case in peers.cases_of([])}
    for one in report:
        names = {line["case"] for line in one["cases"]}
        assert len(names) > 300
        assert len(names & known) > 0.9 * max(len(names), len(known)), "run: make peers"
        assert one["date"] >= "2026-11-28"
        assert sum(one["counts"].values()) == len(one["cases"])


def test_nothing_is_left_running() -> None:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(ROOT / "tests" / "interop" / "peers") not in listed
