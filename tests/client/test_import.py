"""``import arcuate.client`` brings in nothing that is not needed before the first call."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"numpy", "pandas", "xarray", "scipy", "google.protobuf", "tqdm"}
SLOW = {
    "inspect",
    "dataclasses",
    "concurrent.futures",
    "logging",
    "traceback",
    "subprocess",
    "importlib.metadata",
}


def modules(code: str) -> set[str]:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; before = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_client_is_light() -> None:
    found = modules("import arcuate.client")
    assert not found & HEAVY
    assert not found & SLOW
    assert len(found) < 90


@pytest.mark.parametrize(
    "code", ["py.call('math.hypot', 3.0, 4.0)", 'py.eval(\'[1.5, "a", None, {"b": True}]\')']
)
def test_a_session_of_plain_values_needs_no_numpy(code: str) -> None:
    assert not modules(f"from arcuate.client import connect\nwith connect('python') as py: {code}\n") & HEAVY
