"""Records behave like the dataclasses that type checkers see."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from arcuate.values.record import field, record


@record(frozen=True)
class Frozen:
    a: int
    b: str = "x"


@record
class Open:
    a: Any
    b: dict[str, int] = field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class FrozenAsKnown:
    a: int
    b: str = "x"


def test_as_a_dataclass() -> None:
    assert repr(Frozen(1)) == repr(FrozenAsKnown(1)).replace("AsKnown", "")
    assert Frozen(1) == Frozen(1, "x") == Frozen(b="x", a=1)
    assert Frozen(1) != Frozen(2)
    assert Frozen(1) != FrozenAsKnown(1)
    assert hash(Frozen(1)) == hash(Frozen(1))
    assert {Frozen(1): 2}[Frozen(1)] == 2
    for wrong in ({}, {"a": 1, "c": 2}):
        with pytest.raises(TypeError):
            Frozen(**wrong)
    match Frozen(1, "y"):
        case Frozen(a, b):
            assert (a, b) == (1, "y")


def test_frozen() -> None:
    one = Frozen(1)
    with pytest.raises(AttributeError, match="'a'"):
        one.a = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del one.a
    assert one == Frozen(1)


def test_defaults_are_made_anew() -> None:
    first, second = Open(1), Open(1)
    first.b["x"] = 1
    assert second.b == {}
    assert first != second
    with pytest.raises(TypeError, match="unhashable"):
        hash(first)


@pytest.mark.parametrize("one", [Frozen(1, "é"), Open([1], {"a": 2})])
def test_copies(one: Any) -> None:
    for found in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
        assert found == one
        assert type(found) is type(one)
