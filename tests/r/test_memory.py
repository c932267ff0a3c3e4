"""R's collector runs at (nearly) every allocation: an object that nobody protects does not survive that."""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.r.test_values import OBSERVED, TABLE

from arcuate.client import connect
from arcuate.errors import NameNotFound, RemoteError

EVERY = 23 if os.environ.get("ARCUATE_SOAK") else 401


@pytest.fixture(scope="module")
def tortured():
    with connect("r") as session:
        session.run("id <- function(x) x")
        for _, literal in OBSERVED.values():
            session.eval(literal, keep=True)
        session.run(f"invisible(gctorture2({EVERY}))")
        yield session


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", OBSERVED)
def test_arguments_and_results_survive(tortured, name):
    value, literal = OBSERVED[name]
    back = tortured.call("id", value)
    tortured["x"] = back
    if name not in ("row names", "forced"):  # a list of two numbers goes back as a vector
        assert tortured.eval(f"identical(x, {literal})")


@pytest.mark.timeout(600)
def test_everything_else_survives(tortured):
    assert len(tortured.eval(TABLE)) == 2
    assert tortured.call("sapply", [1.0, 2.0], lambda x: x + 1).tolist() == [2.0, 3.0]
    with pytest.raises(RemoteError, match="mine"):
        tortured.eval("stop('mine')")
    with pytest.raises(NameNotFound):
        tortured.call("no_such")
    with pytest.warns(UserWarning, match="odd"):
        tortured.eval("warning('odd')")
    assert tortured.eval("HairEyeColor").dims == ("Hair", "Eye", "Sex")
    x = np.arange(20_000.0)
    assert (tortured.call("id", x) == x).all()
