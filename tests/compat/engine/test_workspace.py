"""The variables of an engine."""

from __future__ import annotations

from typing import Any

import pytest

from arcuate.compat import matlab
from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import MatlabEngine


def test_put_and_get(eng: MatlabEngine) -> None:
    eng.workspace["y"] = 4.0
    assert eng.eval("sqrt (y)") == 2.0
    eng.eval("z = [y, 1];", nargout=0)
    assert eng.workspace["z"] == matlab.double([4, 1])


@pytest.mark.parametrize("name", ["nothing", "sin", "two words", "", "1a", "a.b", "a'); exit(3); ("])
def test_a_variable_that_is_not_there(eng: MatlabEngine, name: str) -> None:
    with pytest.raises(NameError):
        eng.workspace[name]
    with pytest.raises(NameError):
        del eng.workspace[name]
    assert name not in eng.workspace
    assert eng.sqrt(4.0) == 2.0


@pytest.mark.parametrize("key", [1, None, b"x", ("x",), 1.5])
def test_a_key_that_is_no_text(eng: MatlabEngine, key: Any) -> None:
    with pytest.raises(TypeError):
        eng.workspace[key]
    with pytest.raises(TypeError):
        eng.workspace[key] = 1.0
    assert key not in eng.workspace


@pytest.mark.parametrize("name", ["", "1a", "a b", "a.b", "ž", "for", "end", "_x", "x'", "x\n"])
def test_a_name_that_cannot_be_one(eng: MatlabEngine, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        eng.workspace[name] = 1.0
    assert len(eng.workspace) == 0


def test_it_is_a_mapping(eng: MatlabEngine) -> None:
    space = eng.workspace
    assert len(space) == 0
    assert space
    space["b"], space["a"] = 1.0, "x"
    assert len(space) == 2
    assert sorted(space) == ["a", "b"] == sorted(space.keys())
    assert "a" in space
    del space["a"]
    assert "a" not in space
    with pytest.raises(NameError):
        space["a"]


def test_it_shows_whos(eng: MatlabEngine) -> None:
    eng.workspace["first"] = matlab.double([[1, 2], [3, 4]])
    shown = repr(eng.workspace)
    assert "first" in shown
    assert "2x2" in shown
    assert "double" in shown
    assert len(eng.workspace) == 1


def test_a_value_that_has_no_form_stays_there(eng: MatlabEngine) -> None:
    eng.eval("f = @(x) x + 1;", nargout=0)
    with pytest.raises(TypeError, match="function handle"):
        eng.workspace["f"]
    assert eng.eval("f (3)") == 4.0
    with pytest.raises(engine.MatlabExecutionError):
        eng.eval("g_undefined (3)")
