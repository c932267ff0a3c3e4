"""The result of a run as JSON and as JUnit XML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from arcuate.matrix.outcome import shorten
from arcuate.matrix.pairs import INSIDE, rows
from arcuate.matrix.runner import Run

__all__ = ["result", "write_json", "write_junit"]

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


def result(run: Run, seconds: float, measures: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Everything that the reports show, as one JSON object; ``docs/matrix.md`` describes it."""
    from arcuate.matrix.machine import machine

    return {
        "version": 1,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "arcuate": version("arcuate"),
        "machine": machine(),
        "seconds": round(seconds, 2),
        "clients": [vars(one) for one in run.reports],
        "environments": [vars(one) for one in run.environments],
        "vectors": {one.name: shorten(one.value) for one in run.vectors if not one.error and not one.large},
        "cells": [cell.mapping() for cell in run.cells],
        "pairs": rows(run.pairs),
        "measures": list(measures),
    }


def write_json(found: Mapping[str, Any], file: Path) -> None:
    """Writes the result."""
    file.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_junit(found: Mapping[str, Any], file: Path) -> None:
    """Writes the result as JUnit XML: a suite for each cell and each pair, a test for each case.

    ``unsupported`` and ``missing`` are skipped tests.
    """
    root = ET.Element("testsuites", name="arcuate matrix", time=str(found["seconds"]))
    total = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    pairs = [
        {**pair, "client": pair["caller"], "transport": INSIDE, "environment": pair["called"]}
        for pair in found.get("pairs", [])
    ]
    for cell in (*found["cells"], *pairs):
        counts = cell["counts"]
        numbers = {
            "tests": sum(counts.values()),
            "failures": counts["fail"],
            "errors": counts["errored"],
            "skipped": counts["unsupported"] + counts["missing"],
        }
        for key, number in numbers.items():
            total[key] += number
        name = ".".join(part for part in (cell["client"], cell["transport"], cell["environment"]) if part)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=name,
            time=str(cell["seconds"]),
            timestamp=found["made"],
            **_texts(numbers),
        )
        for case in cell["cases"]:
            _case(suite, name, case)
    root.attrib.update(_texts(total))
    ET.indent(root)
    ET.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def _texts(numbers: Mapping[str, int]) -> dict[str, Any]:
    return {key: str(number) for key, number in numbers.items()}


def _case(suite: ET.Element, cell: str, case: Mapping[str, Any]) -> None:
    one = ET.SubElement(
        suite,
        "testcase",
        classname=f"{cell}.{case['what']}",
        name=_clean(case["case"]),
        time=str(case["seconds"]),
    )
    tags = {"fail": "failure", "errored": "error", "unsupported": "skipped", "missing": "skipped"}
    tag = tags.get(case["outcome"])
    detail = _clean(case["detail"])
    if tag is not None:
        told = ET.SubElement(one, tag, message=detail[:500])
        if tag != "skipped":
            shown = {key: case[key] for key in ("received", "expected") if case[key] is not None}
            told.text = _clean(f"{detail}\n{json.dumps(shown, ensure_ascii=False)}" if shown else detail)
    elif case["changes"]:
        ET.SubElement(one, "system-out").text = _clean(f"permitted: {', '.join(case['changes'])}")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
