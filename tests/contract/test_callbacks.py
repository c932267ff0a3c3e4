"""Python functions that the other language calls."""

from __future__ import annotations

import functools
import threading

import numpy as np
import pytest
from tests.contract.quirks import Quirks

from arcuate.client import Remote, Session
from arcuate.errors import InvalidArgument, RemoteError


class Own(Exception):
    """An exception class that no other language has."""


def test_arguments_and_result(session: Session) -> None:
    seen = []

    def add(a: float, b: float) -> float:
        seen.append((a, b))
        return a + b

    assert session.call("arcuate_apply", add, 1.5, 2.25) == 3.75
    assert seen == [(1.5, 2.25)]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 1.0,
        functools.partial(lambda by, x: x + by, 1.0),
        functools.partial(np.add, 1.0),
        (1.0).__add__,
    ],
    ids=["lambda", "partial", "ufunc", "bound"],
)
def test_kinds_of_callables(session: Session, function: object) -> None:
    assert session.call("arcuate_apply", function, 2.5) == 3.5


def test_runs_on_the_thread_that_waits(session: Session) -> None:
    assert (
        session.call("arcuate_apply", lambda _: float(threading.get_ident() == here), 1.0) == 1.0
        if (here := threading.get_ident())
        else False
    )
    where: list[int] = []
    future = session.submit("arcuate_apply", lambda _: where.append(threading.get_ident()) or 1.0, 1.0)
    assert future.result(30) == 1.0
    assert where[0] != threading.get_ident()


def test_the_session_may_be_used_inside(session: Session, quirks: type[Quirks]) -> None:
    session["inner"] = 3.0

    def work(x: float) -> float:
        session["left"] = x
        return session["inner"] + session.call("arcuate_add", x, 1.0) + session.eval("1 + 1")

    assert session.call("arcuate_apply", work, 10.0) == 16.0
    assert session["left"] == 10.0


@pytest.mark.parametrize("depth", [1, 2, 10, 49])
def test_nesting(session: Session, depth: int) -> None:
    def down(n: float) -> float:
        return 0.0 if n == 0 else 1.0 + session.call("arcuate_apply", down, n - 1)

    assert session.call("arcuate_apply", down, float(depth)) == depth


def test_nesting_beyond_fifty_is_refused(session: Session) -> None:
    def down(n: float) -> float:
        return session.call("arcuate_apply", down, n + 1)

    with pytest.raises(InvalidArgument, match="50"):
        session.call("arcuate_apply", down, 0.0)


def test_nesting_inside_the_language(session: Session) -> None:
    """A foreign function that calls Python that calls a foreign function by its handle."""
    add = session.call("arcuate_id", session.arcuate_add, keep=True)
    assert session.call("arcuate_apply", lambda x: add(x, 1.0), 1.0) == 2.0


def test_original_exception_comes_back(session: Session) -> None:
    error = Own("a peculiar mishap")

    def fail(_: object) -> None:
        raise error

    with pytest.raises(Own) as caught:
        session.call("arcuate_apply", fail, 1.0)
    assert caught.value is error
    assert isinstance(caught.value.__cause__, RemoteError)
    assert "a peculiar mishap" in caught.value.__cause__.message


@pytest.mark.parametrize("kind", [ValueError, KeyError, ZeroDivisionError, StopIteration, AssertionError])
def test_original_exception_of_builtin_classes(session: Session, kind: type[Exception]) -> None:
    def fail(_: object) -> None:
        raise kind("peculiar")

    with pytest.raises(kind, match="peculiar"):
        session.call("arcuate_apply", fail, 1.0)


def test_exception_without_a_message(session: Session) -> None:
    def fail(_: object) -> None:
        raise Own

    with pytest.raises(Own):
        session.call("arcuate_apply", fail, 1.0)


def test_exception_with_odd_text(session: Session) -> None:
    def fail(_: object) -> None:
        raise Own("100% 'žluť' \"猫\" 😀\nsecond line\\n %s {x}")

    with pytest.raises(Own, match="second line"):
        session.call("arcuate_apply", fail, 1.0)


def test_the_language_may_catch_it(session: Session) -> None:
    def fail() -> None:
        raise Own("caught there")

    assert session.call("arcuate_guard", fail).startswith("caught: ")
    assert "caught there" in session.call("arcuate_guard", fail)


def test_a_handled_exception_does_not_stick(session: Session) -> None:
    """An exception that the language handled must not replace a later error with another cause."""

    def fail() -> None:
        raise Own("boom")

    session.call("arcuate_guard", fail)
    with pytest.raises(RemoteError):
        session.call("arcuate_fail", "boom", nargout=0)


def test_exception_two_levels_deep(session: Session) -> None:
    def fail(_: object) -> None:
        raise Own("deep")

    def middle(x: float) -> float:
        return session.call("arcuate_apply", fail, x)

    with pytest.raises(Own, match="deep"):
        session.call("arcuate_apply", middle, 1.0)


def test_exception_handled_in_the_middle(session: Session) -> None:
    def fail(_: object) -> None:
        raise Own("deep")

    def middle(x: float) -> float:
        with pytest.raises(Own):
            session.call("arcuate_apply", fail, x)
        return x + 1.0

    assert session.call("arcuate_apply", middle, 1.0) == 2.0


def test_keyboard_interrupt_inside(session: Session) -> None:
    def fail(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.call("arcuate_apply", fail, 1.0)


def test_identity(session: Session) -> None:
    def function(x: float) -> float:
        return x

    session["f"] = function
    assert session["f"] is function
    assert session.call("arcuate_id", function) is function
    back = session.call("arcuate_id", {"f": function, "n": 1.5})
    assert back["f"] is function


def test_a_stored_function_is_callable_later(session: Session) -> None:
    session["f"] = lambda x: x * 2.0
    assert session.eval("f(21)") == 42.0
    assert session.call("f", 1.5) == 3.0


def test_arrays_of_any_size(session: Session) -> None:
    """Below and above the size from which on shared memory is used, inside a call that uses it too."""
    outer = np.random.default_rng(1).normal(size=(300, 400))
    big = np.random.default_rng(2).normal(size=(200, 500))

    def work(x: np.ndarray) -> np.ndarray:
        assert np.array_equal(x, outer)
        x = x.copy()
        assert np.array_equal(session.call("arcuate_id", big), big)
        return np.vstack([x, x])

    assert np.array_equal(session.call("arcuate_apply", work, outer), np.vstack([outer, outer]))


def test_a_result_that_cannot_travel(session: Session) -> None:
    from arcuate.errors import ConversionError

    with pytest.raises(ConversionError, match=r"set.*list"):
        session.call("arcuate_apply", lambda _: {1, 2}, 1.0)


def test_many_callbacks_in_one_call(session: Session, quirks: type[Quirks]) -> None:
    loops = {
        "python": "sum(f(float(i)) for i in range(1, 201))",
        "r": "sum(sapply(1:200, function(i) f(as.numeric(i))))",
        "octave": "sum(arrayfun(@(i) f(i), 1:200))",
    }
    session["f"] = lambda x: x * 2.0
    code = loops.get(quirks.name)
    if code is None:
        for i in range(200):
            assert session.call("f", float(i)) == 2.0 * i
    else:
        assert session.eval(code) == 200 * 201


def test_remote_objects_in_callbacks(session: Session, quirks: type[Quirks]) -> None:
    kept = session.eval(quirks.hold, keep=True)
    seen = []

    def look(x: object) -> float:
        seen.append(x)
        return 1.0

    assert session.call("arcuate_apply", look, kept) == 1.0
    assert isinstance(seen[0], Remote)


def test_output_inside_a_callback(session: Session) -> None:
    """What a call inside a callback prints goes to that call; the outer call's goes to the outer."""
    outer: list[str] = []
    inner: list[str] = []

    def work(_: object) -> float:
        session.call("arcuate_say", "inside", nargout=0, on_output=lambda _, text: inner.append(text))
        return 1.0

    session.call("arcuate_apply", work, 1.0, on_output=lambda _, text: outer.append(text))
    assert "".join(inner) == "inside"
    assert "".join(outer) == ""
