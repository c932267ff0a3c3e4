"""The client of the page "Add a client": given to the matrix by its folder, a selection of cases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from arcuate.errors import InvalidArgument
from arcuate.matrix import client as clients
from arcuate.matrix.runner import Run, Selection, environments
from arcuate.matrix.servers import Servers
from arcuate.matrix.vectors import Case

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "examples" / "perl_client"
CASES = (
    "null/*", "bool/*", "int/i8-greatest", "int/u8-greatest", "float/negative-zero", "float/nan*",
    "text/astral", "bytes/all", "missing/i4", "list/mixed", "mapping/keys-of-several-scripts",
    "array/sequence/*", "call",
    "eval", "foreign-error", "unknown-function", "hub-down", "probe/*",
)  # fmt: skip


def test_scalars_and_errors(vectors: dict[str, Case], servers: Servers) -> None:
    if shutil.which("perl") is None:
        pytest.skip("perl: not installed")
    found, names = clients.choose(ROOT, [str(FOLDER)])
    assert names == ["perl"]
    places = [one for one in environments() if one.name in ("python", "r")]
    whats = ("decode", "echo", "feature", "error", "fault")
    run = Run(found, places, list(vectors.values()), Selection(names, whats=whats, cases=CASES))
    run.prepare(build=True)
    run.run(servers)
    bad = [
        f"{cell.environment} {one.what} {one.case}: {one.verdict.detail}"
        for cell in run.cells
        for one in cell.cases
        if one.verdict.outcome in ("fail", "errored")
    ]
    assert not bad
    here = {one.name for one in places if not one.missing}
    assert {cell.environment for cell in run.cells if cell.counts["exact"] > 15} >= here


def test_every_malformed_frame_of_a_scalar_is_refused(vectors: dict[str, Case], servers: Servers) -> None:
    if shutil.which("perl") is None:
        pytest.skip("perl: not installed")
    found, names = clients.choose(ROOT, [str(FOLDER)])
    wrong = [one for one in vectors.values() if one.error]
    run = Run(found, [], wrong, Selection(names, whats=("decode",)))
    run.prepare(build=True)
    run.run(servers)
    (cell,) = run.cells
    assert (cell.counts["fail"], cell.counts["errored"]) == (0, 0)
    assert cell.counts["exact"] > 50
    assert cell.counts["unsupported"] < 30


def test_a_folder_without_a_client() -> None:
    with pytest.raises(InvalidArgument, match=r"no conformance\.json in the folder 'docs/guide'"):
        clients.choose(ROOT, ["docs/guide"])
    assert clients.choose(ROOT, ["go"])[1] == ["go"]
