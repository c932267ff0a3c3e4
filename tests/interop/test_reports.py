"""The reports: the smoke selection of all clients as a user runs it, each report read by another program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from tests.interop.conftest import client, run

from arcuate.matrix.client import checkout, find, read
from arcuate.matrix.outcome import OUTCOMES, Verdict, shorten
from arcuate.matrix.report import result, write_junit
from arcuate.matrix.servers import Servers
from arcuate.matrix.vectors import Case

TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
SECONDS: dict[str, Any] = {"type": "number", "minimum": 0}


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


CASE = _object(
    case=TEXT,
    what={"enum": ["echo", "observe", "produce", "decode", "feature", "error", "secure", "fault"]},
    outcome={"enum": list(OUTCOMES)},
    changes=TEXTS,
    received={"type": ["object", "null"]},
    expected={"type": ["object", "null"]},
    detail=TEXT,
    seconds=SECONDS,
)
CELL = _object(
    client=TEXT,
    transport=TEXT,
    environment=TEXT,
    counts=_object(**{name: {"type": "integer", "minimum": 0} for name in OUTCOMES}),
    seconds=SECONDS,
    cases={"type": "array", "items": CASE, "minItems": 1},
)
CLIENT = _object(
    name=TEXT, version=TEXT, runtime=TEXT, encoding={"enum": ["frame", "protobuf"]}, transports=TEXTS,
    unsupported={"type": "object", "additionalProperties": TEXT}, missing=TEXT,
)  # fmt: skip
RESULT = _object(
    version={"const": 1},
    made=TEXT,
    arcuate=TEXT,
    machine={"type": "object", "additionalProperties": TEXT},
    seconds=SECONDS,
    clients={"type": "array", "items": CLIENT},
    environments={
        "type": "array",
        "items": _object(name=TEXT, language=TEXT, version=TEXT, missing=TEXT),
    },
    vectors={"type": "object", "additionalProperties": {"type": "object", "required": ["kind"]}},
    cells={"type": "array", "items": CELL},
    pairs={"type": "array"},
    measures={"type": "array"},
)


def judged(file: Path) -> tuple[int, int, int, int]:
    """Tests, failures, errors and skips of a JUnit file: as its attributes say, and as they are counted."""
    root = ET.parse(file).getroot()
    names = ("tests", "failures", "errors", "skipped")
    said = tuple(int(root.attrib[name]) for name in names)
    cases = root.findall("testsuite/testcase")
    counted = (len(cases), *(len(root.findall(f".//{tag}")) for tag in ("failure", "error", "skipped")))
    sums = tuple(sum(int(suite.attrib[name]) for suite in root.findall("testsuite")) for name in names)
    assert said == counted == sums
    assert all(case.attrib["classname"] and case.attrib["name"] for case in cases)
    return said[0], said[1], said[2], said[3]


def test_smoke(tmp_path: Path) -> None:
    """Every client that is built here, a few cases of each kind, by the command line."""
    command = [sys.executable, "-m", "arcuate.cli", "matrix", "--smoke", "--no-build"]
    command += ["--json", "out.json", "--junit", "out.xml", "--html", "out.html"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, RESULT)
    tests, failures, errors, _ = judged(tmp_path / "out.xml")
    assert (failures, errors) == (0, 0)
    assert tests == sum(len(cell["cases"]) for cell in found["cells"])
    cells = re.findall(
        '<button type="button" class="cell', (tmp_path / "out.html").read_text(encoding="utf-8")
    )
    peers = json.loads((checkout() / "docs" / "peers.json").read_text(encoding="utf-8"))["peers"]
    assert len(cells) == len(found["cells"]) + sum(one["peer"] != "Arcuate" for one in peers)
    python = [cell for cell in found["cells"] if cell["client"] == "python"]
    here = {one["name"] for one in found["environments"] if not one["missing"]}
    assert {cell["environment"] for cell in python if cell["counts"]["exact"]} >= here
    whats = {case["what"] for cell in python for case in cell["cases"]}
    assert whats >= {"decode", "echo", "observe", "feature", "error", "fault"}


def test_a_report_of_failures(vectors: dict[str, Case], servers: Servers, tmp_path: Path) -> None:
    cases = [vectors["float/seventeen-digits"], vectors["bool/true"]]
    found = result(run(client("round"), cases, servers), 1.0)
    found["cells"][0]["cases"][0]["detail"] += (
        "\0\x1b]\ud800<&"  # what XML cannot hold, or means something in it
    )
    write_junit(found, tmp_path / "out.xml")
    assert judged(tmp_path / "out.xml") == (3, 1, 0, 0)
    failure = ET.parse(tmp_path / "out.xml").getroot().find(".//failure")
    assert failure is not None
    assert "undeclared change" in failure.attrib["message"]
    assert '"received"' in (failure.text or "")
    del found["cells"][0]["cases"][0]["detail"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, RESULT)


def test_every_client_declares_itself_well() -> None:
    found = {one.client: one for one in find(checkout())}
    assert next(iter(found)) == "python"
    for one in found.values():
        assert {name for name in one.secure if name not in [way.name for way in one.transports]} == set()
        assert all(reason.strip() for reason in one.unsupported.values()), "each with its reason"


def test_a_conformance_json_with_a_mistake(tmp_path: Path) -> None:
    from arcuate.errors import InvalidArgument

    for text, said in (('{"client": "x"}', "command: Field required"), ("[", "no JSON")):
        (tmp_path / "conformance.json").write_text(text)
        with pytest.raises(InvalidArgument, match=said):
            read(tmp_path / "conformance.json")


def test_patterns_of_what_is_unsupported() -> None:
    one = client("x", unsupported={"array/c8*": "no complex singles", "subscribe@http": "no streams there"})
    assert one.reason(("array/c8/cube",)) == "no complex singles"
    assert one.reason(("array/c16/cube",)) == ""
    assert [bool(one.reason(("subscribe",), way)) for way in ("http", "zmq")] == [True, False]


def test_long_renderings_are_shortened() -> None:
    found = shorten({"kind": "array", "shape": [1000], "data": ("0x1p+0",) * 1000})  # any sequence
    assert (len(found["data"]), found["shortened"]) == (64, 1000)
    assert json.loads(json.dumps(found)) == found
    assert Verdict("exact").outcome in OUTCOMES


def test_a_name_that_is_not_known() -> None:
    command = [sys.executable, "-m", "arcuate.cli", "matrix", "--client", "cobol"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "there is no client 'cobol'; there are python" in done.stderr
