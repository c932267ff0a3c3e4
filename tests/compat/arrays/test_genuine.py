"""The array classes beside the genuine ones: random programs, a table, and the known differences.

`ARCUATE_SOAK=1` runs other programs each time, and many more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.compat.arrays import programs
from tests.compat.arrays.compare import check
from tests.compat.arrays.differences import DIFFERENCES, Difference
from tests.compat.arrays.machine import run
from tests.compat.arrays.oracle import Oracle

from arcuate.compat import matlab

SOAK = bool(os.environ.get("ARCUATE_SOAK"))
PAGE = Path(__file__).resolve().parents[3] / "docs" / "compat" / "matlab-arrays.md"


def examples(number: int) -> Callable[[Any], Any]:
    """Say how many programs an everyday run tries; they are the same ones each time."""
    return settings(
        max_examples=number * 20 if SOAK else number,
        derandomize=not SOAK,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@examples(400)
@given(text=programs.constructions())
def test_constructors(oracle: Oracle, text: str) -> None:
    check(oracle, [f"x = {text}", "x", "memoryview(x)"])


@examples(200)
@given(data=st.data())
def test_indices(oracle: Oracle, data: st.DataObject) -> None:
    text, _, shape, _ = data.draw(programs.filled())
    place, _ = data.draw(programs.places(shape))
    check(oracle, [f"x = {text}", f"x{place}", f"y = x{place}", "len(y), list(y)", "x"])


@examples(200)
@given(program=programs.assignments())
def test_assignments(oracle: Oracle, program: list[str]) -> None:
    check(oracle, program)


@examples(150)
@given(program=programs.reshapes())
def test_reshape(oracle: Oracle, program: list[str]) -> None:
    check(oracle, program)


@examples(150)
@given(program=programs.comparisons())
def test_equality(oracle: Oracle, program: list[str]) -> None:
    check(oracle, program)


@examples(300)
@given(
    array=programs.filled(),
    steps=st.lists(st.sampled_from(programs.METHODS), min_size=1, max_size=4),
)
def test_methods(oracle: Oracle, array: tuple[str, str, tuple[int, ...], bool], steps: list[str]) -> None:
    check(oracle, [f"x = {array[0]}", *steps, "x"])


TABLE = [
    "m.double(), m.double([]), m.double(None), m.double(size=(0, 0))",
    "m.double(5), m.double(np.array(5.0)), m.int8(True)",
    "m.double([1, 2]), m.double(range(3)), m.uint8(b'ab'), m.double(np.array([1.0, 2]))",
    "m.double([[[1, 2]], [[3, 4]]]), m.double([[[1], [2]]])",
    "m.double(vector=[1, 2]), m.double(vector=[])",
    "m.double([1], vector=[1])",
    "m.double(size=(2, 3)), m.double(size=(2,)), m.double(size=[2, 0])",
    "m.double(size=())",
    "m.double(size=(-1, 2))",
    "m.double([1, 2, 3, 4], (2, 2))",
    "m.double([1, 2, 3], (2, 2))",
    "m.double([[1, 2], [3, 4]], (4, 1))",
    "m.double([[1, 2], [3]])",
    "m.double('abc')",
    "m.double([None])",
    "m.double(x for x in [1])",
    "m.double({1, 2})",
    "m.double([1j])",
    "m.int8([300])",
    "m.int8([1.5])",
    "m.double(np.array([1, 2]))",
    "m.double(np.arange(4.0)[::2])",
    "m.double(np.asfortranarray([[1.0, 2], [3, 4]]))",
    "m.double(m.double([1, 2])), m.double(m.int8([1, 2]))",
    "m.int8(m.double([1, 2]))",
    "m.logical([1], is_complex=True)",
    "m.double({}, [[1.0, 2.0]]), m.double({'is_complex': True}, [[1j]])",  # the arguments in their pickles
    "m.double({1: 2})",
    "m.double(foo=1)",
    "m.double(None, (2, 2), [1, 2, 3, 4], True)",
    "m.double([1], (1, 1), False)",
]


@pytest.mark.parametrize("step", TABLE)
def test_table_of_constructors(oracle: Oracle, step: str) -> None:
    check(oracle, [step])


def test_same_names(oracle: Oracle) -> None:
    """Each name of theirs is there; those of ours that are not theirs are protocols of Python and numpy."""
    (_, *theirs), (_, *ours) = (
        outcome[0] for outcome in (oracle.run(["dir(m.double)"]), run(matlab, ["dir(m.double)"]))
    )
    names, mine = ({name for _, name in listed} for listed in (theirs, ours))
    assert names <= mine
    public = {name for name in mine - names if not name.startswith("_")}
    assert public == set()


def test_memory_of_all_classes(oracle: Oracle) -> None:
    for name in programs.CLASSES:
        for more in ("", ", is_complex=True") if name != "logical" else ("",):
            check(
                oracle,
                [
                    f"x = m.{name}([[1, 0, 1], [1, 1, 0]]{more})",
                    "memoryview(x)",
                    "x.tomemoryview()",
                    "x.itemsize",
                ],
            )


def test_crash_is_no_crash_here(oracle: Oracle) -> None:
    """What ends the genuine process is an ordinary error, or works; the oracle starts again after it."""
    for program in (
        ["x = m.double([1, 2])", "del x[0][0]"],
        ["m.double([np.array(1.0)])"],
        ["m.double(vector=np.array(1.0))"],
        ["x = []", "x.append(x)", "m.double(x)"],
        ["m.double([]).reshape(2**63 - 1, 0)"],
    ):
        assert oracle.run(program)[-1] == ("crash",)
        assert run(matlab, program)[-1][0] == "error"
    assert oracle.run(["len(m.double([1, 2]))"]) == [("int", 1)]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=[one.reason[:40] for one in DIFFERENCES])
def test_difference(oracle: Oracle, difference: Difference) -> None:
    """Each known difference is one: both sides do what the list says."""
    theirs, ours = oracle.run(difference.program)[-1], run(matlab, difference.program)[-1]
    assert str(theirs).startswith(difference.theirs)
    assert str(ours).startswith(difference.ours)
    assert theirs != ours


def test_differences_are_documented() -> None:
    listed = [line[2:] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    assert listed == [one.reason for one in DIFFERENCES]
