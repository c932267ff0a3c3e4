"""A plugin of pytest for the process in which oct2py's own tests run: there ``oct2py`` is Arcuate's face.

Leaves out what left_out.py names and writes what became of every test into the file ``FACE_OUTCOMES``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

import pytest
from left_out import LEFT_OUT, STAND_INS

import arcuate.compat

arcuate.compat.install_as_oct2py()

outcomes: dict[str, str] = {}
messages: dict[str, str] = {}


def absent(name: str) -> Any:
    def stand_in(*_: object, **__: object) -> None:
        raise AssertionError(f"{name} is an internal of oct2py, and the face has none of that name")

    return stand_in


for module, names in STAND_INS.items():
    for name in names:
        setattr(importlib.import_module(module), name, absent(name))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = [item for item in items if item.nodeid in LEFT_OUT]
    outcomes.update({item.nodeid: "left out" if item in left else "not reached" for item in items})
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item.nodeid not in LEFT_OUT]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        expected = hasattr(report, "wasxfail")
        found = (
            {"passed": "xpassed", "skipped": "xfailed"}.get(report.outcome) if expected else report.outcome
        )
        if outcomes.get(report.nodeid) != "failed":
            outcomes[report.nodeid] = found or report.outcome
        if report.outcome != "passed":
            messages[report.nodeid] = str(report.longrepr)[-3000:]


def pytest_sessionfinish() -> None:
    modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "oct2py"}
    with open(os.environ["FACE_OUTCOMES"], "w") as file:
        json.dump(
            {
                "outcomes": outcomes,
                "messages": messages,
                "files": sorted({str(getattr(module, "__file__", None)) for module in modules.values()}),
            },
            file,
        )
