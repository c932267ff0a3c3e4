"""The contract suite on the MATLAB adapter, whose engine is Arcuate's own here."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LEFT_OUT = {
    "parse_errors_tell_line": "MATLAB's messages are others than Octave's",
    "attribute_of_a_package": "the suite names the packages of three languages",
    "documentation_and_signature": "MATLAB has functions in files only, the suite defines one on the fly",
    "dir_offers_what": "the same",
    "displays": "the suite's figure is a PNG, for which Octave's print needs Ghostscript",
    "unresponsive": "the engine below ends an Octave that does not react, and starts another",
    "leaving_inside_user_code and (matlab-0 or matlab-1)": "the engine below refuses exit and quit",
    "crash_loops_end": "the same",
    "output_inside_a_callback": "the engine passes on what is printed beside the answers, maybe after one",
    "bad_input and environment": "the suite's list names the environments of this installation",
    "bad_input and result": "the suite has the code of three languages",
}
EVERYDAY = ("values.py::test_round_trip", "errors.py", "callbacks.py", "handles.py")
ALL = tuple(f"{part}.py" for part in ("values", "session", "output", "time", "crash", "bad_input", "input"))


def passed(parts: tuple[str, ...], folder: str) -> int:
    """Runs a part of the suite; how many tests passed."""
    left_out = " or ".join(f"({part})" for part in LEFT_OUT)
    files = [f"tests/contract/test_{part}" for part in parts]
    command = [sys.executable, "-m", "pytest", *files, "-q", "-p", "no:cacheprovider", "--timeout=120"]
    command += ["-k", f"matlab and not ({left_out})"]
    environ = {**os.environ, "PYTHONPATH": folder, "ARCUATE_REQUIRE": "", "ARCUATE_OVER": "none"}
    environ.pop("ARCUATE_SOAK", None)
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return int(done.stdout.rsplit(" passed", 1)[0].rsplit(None, 1)[-1])


@pytest.mark.timeout(300)
def test_the_contract_suite_runs_on_it(stand_in: str) -> None:
    assert passed(EVERYDAY, stand_in) > 150


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_the_rest_of_the_contract_suite_runs_on_it(stand_in: str) -> None:
    assert passed(ALL, stand_in) > 500
