"""Every row of the type table: as round trip, as seen from there (*observe*), and as made there (*produce*).

The table (``arcuate.values.table``) says what a round trip must give; ``observations.py`` says what a foreign
expression sees; ``productions.py`` says what a foreign literal is here. Both are data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from tests.contract.compare import same
from tests.contract.conftest import NAMES
from tests.contract.observations import OBSERVATIONS
from tests.contract.productions import PRODUCTIONS, REMOTES
from tests.contract.quirks import Quirks

from arcuate.client import Remote, Session
from arcuate.errors import ConversionError
from arcuate.values import table

Fresh = Callable[..., Session]
ROWS = {f"{row.section}: {row.name}": row for row in table.rows()}


HINTS = {
    "list: forced list",
    "list: struct array",
    "mapping: map, keys sorted",
    "mapping: map, keys in another order",
    "sparse matrix: float64, csr",
    "sparse matrix: float64, coo",
}
"""What wraps a value is a hint (SEMANTICS.md), which a language that has no such thing may drop."""


def test_every_environment_is_in_the_table_and_has_cases() -> None:
    for name in NAMES:
        assert name in table.ENVIRONMENTS
        assert len(OBSERVATIONS.get(name, ())) > 30
        assert len(PRODUCTIONS.get(name, ())) > 30


@pytest.mark.parametrize("name", ROWS)
def test_round_trip(session: Session, quirks: type[Quirks], name: str) -> None:
    """As an argument and result, and as a variable."""
    row = ROWS[name]
    trip = row.trip(quirks.name)
    value = row.example()
    if trip.to.kind == "error":
        with pytest.raises(ConversionError) as caught:
            session.call("arcuate_id", [value, "x"])
        assert caught.value.path.startswith("$.args[0][0]")
        assert trip.to.detail in str(caught.value)
        return
    wanted = table.expected(row, quirks.name)
    same(session.call("arcuate_id", value), wanted)
    session["x"] = value
    same(session["x"], wanted)
    if trip.to.kind == trip.back.kind == "exact" and name not in HINTS:
        same(wanted, row.example())


@pytest.mark.parametrize("name", ROWS)
def test_round_trip_inside_a_mapping(session: Session, quirks: type[Quirks], name: str) -> None:
    """What surrounds a value changes nothing about it."""
    row = ROWS[name]
    trip = row.trip(quirks.name)
    if trip.to.kind == "error":
        return
    wanted = table.expected(row, quirks.name)
    got = session.call("arcuate_id", {"before": 1.5, "it": row.example(), "after": "é"})
    same(got, {"before": 1.5, "it": wanted, "after": "é"})


@pytest.fixture(scope="session")
def strict(quirks: type[Quirks]) -> Any:
    from tests.contract.processes import open_session

    session = open_session(quirks, strict=True)
    yield session
    session.close()


@pytest.mark.parametrize("name", ROWS)
def test_strict(strict: Session, quirks: type[Quirks], name: str) -> None:
    """With strict=True what the table declares as changed on its way is an error; the rest goes through."""
    row = ROWS[name]
    trip = row.trip(quirks.name)
    if trip.to.kind == "exact" and trip.back.kind != "error":
        same(strict.call("arcuate_id", row.example()), table.expected(row, quirks.name))
    else:
        with pytest.raises(ConversionError) as caught:
            strict.call("arcuate_id", row.example())
        assert caught.value.path.startswith("$.args[0]")


def _cases(data: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(name, *case[1:], id=f"{name}-{case[0]}") for name in NAMES for case in data.get(name, ())
    ]


@pytest.mark.parametrize(("environment", "make", "sees"), _cases(OBSERVATIONS))
def test_observe(
    session_of: Callable[[str], Session], environment: str, make: Callable[[], Any], sees: dict[str, Any]
) -> None:
    session = session_of(environment)
    session["x"] = make()
    wrong = {}
    for expression, expected in sees.items():
        got = session.eval(expression)
        if isinstance(got, np.ndarray):
            got = got.ravel().tolist()
        if got != expected or isinstance(got, bool) is not isinstance(expected, bool):
            wrong[expression] = got
    assert not wrong


@pytest.mark.parametrize(("environment", "expression", "expected"), _cases(PRODUCTIONS))
def test_produce(
    session_of: Callable[[str], Session], environment: str, expression: str, expected: Callable[[], Any]
) -> None:
    """As the value of an expression, and inside a list or cell of the language."""
    session = session_of(environment)
    same(session.eval(expression), expected())


@pytest.mark.parametrize(("environment", "expression", "classes"), _cases(REMOTES))
def test_produce_handles(
    session_of: Callable[[str], Session], environment: str, expression: str, classes: str
) -> None:
    """What has no faithful value elsewhere stays there."""
    got = session_of(environment).eval(expression)
    assert isinstance(got, Remote)
    assert classes in repr(got).splitlines()[0]


COMPLEX = {
    "scalar": lambda: 1 + 0j,
    "negative zeros": lambda: complex(-0.0, -0.0),
    "single": lambda: np.array([[2 + 0j, 0]], "c8"),
    "matrix": lambda: np.array([[1 + 0j, 2], [3, -0.0]]),
    "column-major": lambda: np.asfortranarray(np.array([[1 + 0j, 2], [3, 4]])),
    "3-d": lambda: np.zeros((2, 3, 4), "c16"),
    "empty": lambda: np.zeros((2, 0), "c16"),
    "masked": lambda: np.ma.array([[1 + 0j, 2], [3, 4]], mask=[[False, True], [False, False]]),
    "labelled": lambda: xr.DataArray(np.array([1 + 0j, 2]), dims="t", coords={"t": ["a", "b"]}),
    "in a list": lambda: [np.array([[1 + 0j, 2]]), "x"],
    "in a dict": lambda: {"a": np.array([[1 + 0j, 2]]), "b": 2 + 0j},
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_without_imaginary_parts(session: Session, quirks: type[Quirks], name: str) -> None:
    """Octave likes to make such arrays real; that would be a silent change."""
    value = COMPLEX[name]()
    wanted = value.astype("c16") if name == "single" and quirks.name == "r" else value
    same(session.call("arcuate_id", value), wanted)
    session["x"] = value
    same(session["x"], wanted)


@pytest.mark.parametrize("size", [0, 1, 7, 8191, 8192, 8193, 65536, 300_000])
def test_sizes_around_the_shared_memory_threshold(session: Session, quirks: type[Quirks], size: int) -> None:
    for dtype in ("f8", "u1", "?"):
        value = (np.arange(size) % 2).astype(dtype).reshape(size, 1)
        value = np.hstack([value, value[::-1]])
        got = session.call("arcuate_id", value)
        assert np.array_equal(got, value)
        text = np.array([f"é{i}" for i in range(size % 20_000)], dtype=str).reshape(-1, 1)
        if text.size > 1:
            assert np.array_equal(np.asarray(session.call("arcuate_id", text)).ravel(), text.ravel())


@pytest.mark.parametrize("layout", ["C", "F", "reversed", "strided", "transposed", "broadcast", "big-endian"])
def test_memory_layouts(session: Session, quirks: type[Quirks], layout: str) -> None:
    base = np.arange(24.0).reshape(2, 3, 4)
    value = {
        "C": base,
        "F": np.asfortranarray(base),
        "reversed": base[::-1, :, ::-1],
        "strided": np.arange(96.0).reshape(4, 6, 4)[::2, ::2],
        "transposed": base.transpose(2, 0, 1),
        "broadcast": np.broadcast_to(np.arange(3.0)[:, None], (2, 3, 4)),
        "big-endian": base.astype(">f8"),
    }[layout]
    got = session.call("arcuate_id", value)
    assert got.dtype == np.float64
    assert np.array_equal(got, value)
    session["x"] = value
    if quirks.name == "r":
        assert session.eval("x[2, 1, 3]") == value[1, 0, 2]
    elif quirks.name == "octave":
        assert session.eval("x(2, 1, 3)") == value[1, 0, 2]


def test_results_do_not_change_later(session: Session) -> None:
    """An array that came back is the caller's own, whatever is sent afterwards."""
    first = session.call("arcuate_id", np.full((100, 100), 1.0))
    kept = first.copy()
    for i in range(5):
        session.call("arcuate_id", np.full((100, 100), float(i)))
    assert np.array_equal(first, kept)
    if first.flags.writeable:
        first[:] = -1.0
        assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_variables_do_not_change_when_the_array_does(session: Session) -> None:
    array = np.full((100, 100), 1.0)
    session["x"] = array
    array[:] = 2.0
    session["y"] = array
    array[:] = 3.0
    assert np.all(session["x"] == 1.0)
    assert np.all(session["y"] == 2.0)
