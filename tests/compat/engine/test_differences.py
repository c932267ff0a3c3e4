"""What docs/compat/octave-and-matlab.md says of Octave is true of this one."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from arcuate.compat import matlab
from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import MatlabEngine

PAGE = Path(__file__).resolve().parents[3] / "docs" / "compat" / "octave-and-matlab.md"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ('"a" + "b"', 195.0),
        ('["ab", "cd"]', "abcd"),
        ('"a\\n"', "a\n"),
        ("numel ('é')", 2.0),
    ],
)
def test_other_results(eng: MatlabEngine, code: str, value: Any) -> None:
    assert eng.eval(code) == value
    assert code.replace("numel (", "numel(") in PAGE.read_text(encoding="utf-8")


def test_name_value_syntax_assigns(eng: MatlabEngine) -> None:
    eng.eval("function r = first_ (a), r = a; end", nargout=0)
    eng.eval("r_ = first_ (x_ = 1);", nargout=0)
    assert eng.workspace["r_"] == eng.workspace["x_"] == 1.0


def test_arguments_blocks_are_not_carried_out(eng: MatlabEngine, tmp_path: Path) -> None:
    (tmp_path / "checked_.m").write_text(
        "function r = checked_ (x)\n  arguments\n    x (1,1) double\n  end\n  r = x;\nend\n"
    )
    eng.addpath(str(tmp_path), nargout=0)
    err = io.StringIO()
    assert eng.checked_("no number", stderr=err) == "no number"
    assert "not supported" in err.getvalue()
    eng.rmpath(str(tmp_path), nargout=0)


def test_what_is_missing(eng: MatlabEngine) -> None:
    section = PAGE.read_text(encoding="utf-8").split("## What Octave does not have")[1].split("##")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(names) > 10
    for name in names:
        assert eng.exist(name) == 0.0, name
        with pytest.raises(engine.MatlabExecutionError, match=name):
            eng.feval(name)
    for code in ("sum ([1 2], 'all')", "max ([1 2], [], 'all')"):
        with pytest.raises(engine.MatlabExecutionError):
            eng.eval(code)


def test_what_looks_different(eng: MatlabEngine) -> None:
    with pytest.raises(engine.MatlabExecutionError) as caught:
        eng.no_such_thing_(nargout=0)
    assert caught.value.identifier == "Octave:undefined-function"
    assert type(eng.plot(1.0)) is float
    eng.close("all", nargout=0)
    with pytest.raises(engine.MatlabExecutionError):
        eng.plus(2, matlab.int32([3]))
    with pytest.raises(TypeError, match="NA"):
        eng.eval("[1 NA]")
