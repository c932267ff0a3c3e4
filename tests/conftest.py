"""What the whole suite shares: the mark `soak`, and `ARCUATE_REQUIRE`, which turns a skip into a failure.

A skip says why by a reason that begins with the environment it needs: `matlab: not installed`.

- `ARCUATE_REQUIRE=all`: every skip is a failure, except for `matlab: ...`, which cannot be installed freely.
- `ARCUATE_REQUIRE=r,octave`: the same, except for environments that are not in the list. A reason that does
  not begin with the name of an environment is a failure here too.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Generator
from importlib.metadata import entry_points

import pytest
from hypothesis import HealthCheck, settings

# how fast an example is made says something about the machine, not about the code
settings.register_profile("arcuate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arcuate")

REQUIRED = os.environ.get("ARCUATE_REQUIRE", "").strip()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Fourteen thousand tests and the modules that they import stay: no search for garbage looks at them.

    Many tests collect garbage themselves, to see what is left, and each would take a second for it.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `soak` are left out of the everyday run, not skipped."""
    if os.environ.get("ARCUATE_SOAK") or "soak" in (config.option.markexpr or ""):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def may_skip(reason: str, required: str = REQUIRED) -> bool:
    """Tell whether a test may be skipped for this reason."""
    if not required:
        return True
    match = re.match(r"(?:Skipped: )?(\w+):", reason)
    name = match.group(1) if match else ""
    if required == "all":
        return name == "matlab"
    known = {"matlab", *entry_points(group="arcuate.environments").names}
    return name in known and name not in {one.strip() for one in required.split(",")}


def _reason(longrepr: object) -> str:
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = _reason(report.longrepr)
        if not may_skip(reason):
            report.outcome = "failed"
            report.longrepr = f"ARCUATE_REQUIRE={REQUIRED} allows no skip here. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test into a failure."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure."""
    report = yield
    _refuse(report)
    return report
