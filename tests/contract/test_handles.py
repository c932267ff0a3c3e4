"""Objects that stay in their environment."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest
from tests.contract.quirks import Quirks

from arcuate.client import Remote, Session
from arcuate.errors import ArcuateError, StaleHandle

Fresh = Callable[..., Session]


def test_keep(session: Session) -> None:
    kept = session.call("arcuate_add", 1.5, 2.0, keep=True)
    assert isinstance(kept, Remote)
    assert session.call("arcuate_add", kept, 1.0) == 4.5
    assert session.call("arcuate_id", kept) == 3.5
    assert isinstance(session.eval("1 + 1", keep=True), Remote)
    session["number"] = 2.5
    got = session.get("number", keep=True)
    assert isinstance(got, Remote)
    assert session.call("arcuate_id", got) == 2.5


def test_large_objects_stay(session: Session) -> None:
    kept = session.call("arcuate_id", np.arange(1e6), keep=True)
    assert np.sum(session.call("arcuate_add", kept, 1.0)) == np.sum(np.arange(1e6) + 1)


def test_passed_inside_values(session: Session) -> None:
    kept = session.call("arcuate_id", 1.5, keep=True)
    assert session.call("arcuate_id", {"a": [kept, "x"]}) == {"a": [1.5, "x"]}
    session["kept"] = kept
    assert session["kept"] == 1.5


def test_an_object_without_a_value_elsewhere(session: Session, quirks: type[Quirks]) -> None:
    held = session.eval(quirks.hold)
    assert isinstance(held, Remote)
    assert quirks.hold_text in str(held)
    assert quirks.hold_text in repr(held)
    assert quirks.language in repr(held)
    back = session.call("arcuate_id", held)
    assert isinstance(back, Remote)
    inside = session.call("arcuate_id", [1.5, held])
    assert isinstance(inside[1], Remote)
    if quirks.hold_attribute:
        assert held.weight == 4.5
        held.weight = 5.5
        assert back.weight == 5.5, "the same object"
        assert "weight" in dir(held)
    with pytest.raises(AttributeError, match="no_such_thing"):
        held.no_such_thing  # noqa: B018
    with pytest.raises(TypeError, match="index"):
        iter(held)


def test_identity(session: Session, quirks: type[Quirks]) -> None:
    session.run(quirks.variable.format(name="holder").replace("7.5", quirks.hold))
    first, second = session["holder"], session["holder"]
    if quirks.hold_attribute:
        assert first._arcuate[1] == second._arcuate[1]


def test_functions_are_called(session: Session, quirks: type[Quirks]) -> None:
    function = session.eval(quirks.function_value)
    assert isinstance(function, Remote)
    assert function(1.5, 2.0) == 3.5
    assert function.options(timeout=30)(1.5, 2.0) == 3.5
    assert isinstance(function.options(keep=True)(1.5, 2.0), Remote)
    assert session.call("arcuate_apply", function, 1.5, 2.0) == 3.5
    assert session.call("arcuate_apply", session.arcuate_add, 1.5, 2.0) == 3.5


def test_calling_what_cannot_be_called(session: Session, quirks: type[Quirks]) -> None:
    kept = session.call("arcuate_id", "text", keep=True)
    with pytest.raises(ArcuateError):
        kept()


def test_index(session: Session, quirks: type[Quirks]) -> None:
    kept = session.call("arcuate_id", np.array([10.0, 20.0, 30.0]), keep=True)
    assert kept[0 if quirks.name == "python" else 1] == 10.0
    matrix = session.call("arcuate_id", np.array([[1.0, 2.0], [3.0, 4.0]]), keep=True)
    assert matrix[(1, 0) if quirks.name == "python" else (2, 1)] == 3.0
    with pytest.raises(ArcuateError):
        kept[99]


def test_released_when_collected(fresh: Fresh, quirks: type[Quirks]) -> None:
    """Large objects are gone from the interpreter's memory after the next call."""
    session = fresh()
    pid = session.info["pid"]
    kept = [session.call("arcuate_id", np.full(2_000_000, float(i)), keep=True) for i in range(8)]
    held = _memory(pid)
    assert len(kept) == 8
    del kept
    gc.collect()
    session.call("arcuate_add", 1.0, 2.0)
    for _ in range(3):
        session.eval({"r": "invisible(gc())", "python": "__import__('gc').collect()"}.get(quirks.name, "1"))
    kept = [session.call("arcuate_id", np.full(2_000_000, float(i)), keep=True) for i in range(8)]
    assert _memory(pid) < held + 4 * 16 * 2**20, "what was released is used again"
    assert len(kept) == 8


def _memory(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def test_a_released_id_is_stale(session: Session) -> None:
    kept = session.call("arcuate_id", 1.5, keep=True)
    number = kept._arcuate[1]
    again = Remote(session, number, {})
    del kept
    gc.collect()
    session.call("arcuate_add", 1.0, 2.0)
    with pytest.raises(StaleHandle):
        session.call("arcuate_id", again)


def test_stale_after_a_restart(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    kept = session.call("arcuate_id", 1.5, keep=True)
    session.restart()
    session.run(quirks.prelude)
    new = session.call("arcuate_id", 2.5, keep=True)
    with pytest.raises(StaleHandle, match="again"):
        session.call("arcuate_id", kept)
    with pytest.raises(StaleHandle):
        kept()
    assert "gone" in repr(kept)
    del kept
    gc.collect()
    assert session.call("arcuate_id", new) == 2.5, "the old id releases nothing new"


def test_another_sessions_object_comes_back_as_itself(session: Session, fresh: Fresh) -> None:
    other = fresh()
    kept = other.call("arcuate_id", 1.5, keep=True)
    assert session.call("arcuate_id", kept) is kept
    assert session.call("arcuate_id", [kept, "x"])[0] is kept
    assert other.call("arcuate_id", kept) == 1.5


def test_many_handles(session: Session) -> None:
    kept = [session.call("arcuate_id", float(i), keep=True) for i in range(150)]
    assert [session.call("arcuate_id", one) for one in kept[::50]] == [float(i) for i in range(0, 150, 50)]
    del kept
    gc.collect()
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_a_model_stays_and_predicts(session: Session, quirks: type[Quirks]) -> None:
    if quirks.name != "r":
        return
    import pandas as pd

    data = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.1, 3.9, 6.2, 7.8]})
    fit = session.call("lm", "y ~ x", data=data, keep=True)
    slope, intercept = np.polyfit(data["x"], data["y"], 1)
    assert "lm" in repr(fit)
    coefficients = fit.coefficients
    assert np.allclose(np.ravel(coefficients), [intercept, slope])
    new = session.call("predict", fit, pd.DataFrame({"x": [10.0, 20.0]}))
    assert np.allclose(np.ravel(new), [intercept + 10 * slope, intercept + 20 * slope])
