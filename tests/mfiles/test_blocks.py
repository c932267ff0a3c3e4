"""Tests that others wrote for packages of Octave: through Arcuate they come out as in plain Octave."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.mfiles.blocks import Block, blocks

from arcuate.client import Session, connect
from arcuate.errors import RemoteError
from arcuate.octave import OctaveEnvironment

ROOT = Path("/usr/share/octave/packages")
PACKAGES = ("linear-algebra", "miscellaneous", "splines", "struct")
RANDOM = "rand ('seed', 1); randn ('seed', 1); rand ('twister', 1); randn ('twister', 1);"


@pytest.fixture(scope="module")
def found() -> list[Block]:
    """The blocks of the packages that are here."""
    missing = [name for name in PACKAGES if not list(ROOT.glob(f"{name}-*"))]
    if missing:
        pytest.skip(f"octave: its packages {', '.join(missing)} are not installed (Debian: octave-NAME)")
    files = sorted(file for name in PACKAGES for file in ROOT.glob(f"{name}-*/*.m"))
    return [block for file in files for block in blocks(file)]


@pytest.fixture(scope="module")
def plain(found: list[Block], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For each block what Octave alone says: ``""``, or the message of the error."""
    folder = tmp_path_factory.mktemp("blocks")
    lines = [f"pkg load {name}" for name in PACKAGES]
    for number, block in enumerate(found):
        (folder / f"arcuate_b{number}.txt").write_text(block.code + "\n", encoding="utf-8")
        lines += [
            f"clear -variables; {RANDOM}",
            f"try, eval (fileread ('{folder}/arcuate_b{number}.txt')); arcuate_said = '';",
            "catch arcuate_error, arcuate_said = arcuate_error.message; end",
            f"arcuate_file = fopen ('{folder}/said', 'a');",
            "fwrite (arcuate_file, [arcuate_said, char(1)]); fclose (arcuate_file);",
        ]
    (folder / "arcuate_blocks.m").write_text("1;\n" + "\n".join(lines), encoding="utf-8")
    command = [OctaveEnvironment().executable(), "--norc", "--quiet", str(folder / "arcuate_blocks.m")]
    subprocess.run(command, capture_output=True, check=False, cwd=folder)
    said = (folder / "said").read_text(encoding="utf-8", errors="replace").split("\1")[:-1]
    return dict(zip((block.name for block in found), said, strict=True))


@pytest.fixture(scope="module", params=[True, False], ids=["helper", "plain"])
def session(request: pytest.FixtureRequest, found: list[Block]) -> Any:
    """A session with the packages."""
    with connect("octave", packages=PACKAGES, helper=None if request.param else False) as opened:
        yield opened


def outcome(session: Session, block: Block) -> str:
    """What a block says in a session."""
    session.run(f"clear -variables; {RANDOM}")
    try:
        session.run(block.code, on_output=lambda *_: None)
    except RemoteError as error:
        return error.message
    return ""


def test_they_come_out_as_in_plain_octave(
    found: list[Block], plain: dict[str, str], session: Session
) -> None:
    assert len(found) >= 200
    assert sum(not said for said in plain.values()) >= 200
    assert {block.name: outcome(session, block) for block in found} == plain


def test_with_all_values_through_python(found: list[Block], plain: dict[str, str], session: Session) -> None:
    """What ``assert`` compares goes to Python and back before it is compared."""
    chosen = [block for block in found if block.values and not plain[block.name]]
    assert len(chosen) >= 100
    session.run("function c = arcuate_given (varargin)\n c = varargin;\nend")
    for block in chosen:
        session.run(f"clear -variables; {RANDOM}")
        values = session.eval(f"arcuate_given ({block.values})", on_output=lambda *_: None)
        given = values.ravel() if isinstance(values, np.ndarray) else values
        session.call("assert", *given, nargout=0)
