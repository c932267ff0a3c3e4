"""Foreign errors as a user of that language knows them; names; strict and simplify."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
from tests.contract.quirks import Quirks

from arcuate.client import Session
from arcuate.errors import ArcuateError, ConversionError, NameNotFound, RemoteError

Fresh = Callable[..., Session]


def test_class_message_and_language(session: Session, quirks: type[Quirks]) -> None:
    with pytest.raises(RemoteError) as caught:
        session.call("arcuate_fail", "žluť: 100% wrong", nargout=0)
    error = caught.value
    assert error.remote_message == "žluť: 100% wrong"
    assert error.classes[: len(quirks.error_classes)] == quirks.error_classes
    assert error.identifier == quirks.identifier
    assert error.language == quirks.language
    assert error.executed == "yes"
    assert "žluť: 100% wrong" in str(error)


@pytest.mark.parametrize("way", ["call", "eval", "run"])
def test_stack_is_the_users_own(session: Session, quirks: type[Quirks], way: str) -> None:
    with pytest.raises(RemoteError) as caught:
        if way == "call":
            session.call("arcuate_outer", "boom", nargout=0)
        elif way == "eval":
            session.eval('arcuate_outer("boom")', nargout=0)
        else:
            session.run('arcuate_outer("boom")')
    stack = caught.value.stack
    places = [next(i for i, frame in enumerate(stack) if name in frame) for name in quirks.outer_frames]
    assert places == sorted(places), stack
    for frame in stack:
        for ours in ("arcuate__", "arcuate/", "rpy2", "withCallingHandlers", "tryCatch", "do.call"):
            assert ours not in frame, stack
    for frame in stack:
        assert frame in str(caught.value)


@pytest.mark.parametrize("text", ["x", " spaced ", "two\nlines", "%s %d \\n", "'\"`", "😀", "x" * 5000])
def test_message_arrives_as_it_is(session: Session, text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        session.call("arcuate_fail", text, nargout=0)
    assert caught.value.remote_message == text


def test_parse_errors_tell_line_and_column(session: Session, quirks: type[Quirks]) -> None:
    assert quirks.parse_errors
    for code, line, column in quirks.parse_errors:
        with pytest.raises(RemoteError) as caught:
            session.run(code)
        message = caught.value.remote_message
        assert f"{line}" in message, message
        if column is not None:
            assert f"{line}:{column}" in message.replace(", column ", ":") or f"column {column}" in message, (
                message
            )


def test_parse_error_of_an_expression(session: Session) -> None:
    with pytest.raises(RemoteError):
        session.eval("1 +* 2)")
    with pytest.raises(RemoteError):
        session.eval("((")


def test_unknown_function(session: Session, quirks: type[Quirks]) -> None:
    for name in quirks.missing_function:
        with pytest.raises(NameNotFound) as caught:
            session.call(name, 1.5)
        assert name.split("::")[-1] in str(caught.value) or name.split("::")[0] in str(caught.value)
        assert caught.value.executed == "no"


def test_unknown_variable(session: Session) -> None:
    with pytest.raises(NameNotFound, match="nothing_of_that_name"):
        session["nothing_of_that_name"]


def test_unknown_name_inside_code_is_the_codes_error(session: Session) -> None:
    with pytest.raises(ArcuateError, match="nothing_of_that_name"):
        session.eval("nothing_of_that_name + 1")


def test_calling_something_that_is_no_function(session: Session) -> None:
    session["number"] = 4.5
    with pytest.raises(ArcuateError):
        session.call("number", "a", "b", "c", 1, 2, 3)


def test_many_errors_leave_the_session_in_order(session: Session) -> None:
    for i in range(50):
        with pytest.raises(RemoteError, match=rf"number {i}\b"):
            session.eval(f'arcuate_fail("number {i}")', nargout=0) if i % 2 else _fail(session, f"number {i}")
        assert session.call("arcuate_add", float(i), 1.0) == i + 1.0


def _fail(session: Session, text: str) -> None:
    try:
        session.call("arcuate_fail", text, nargout=0)
    except RemoteError as error:
        raise RemoteError(error.remote_message) from error


def test_errors_can_be_pickled(session: Session) -> None:
    """Process pools send them."""
    with pytest.raises(RemoteError) as caught:
        session.call("arcuate_outer", "boom", nargout=0)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(copy, RemoteError)
    assert str(copy) == str(caught.value)
    assert (copy.classes, copy.stack, copy.language) == (
        caught.value.classes,
        caught.value.stack,
        caught.value.language,
    )


def test_strict_refuses_declared_changes(fresh: Fresh, quirks: type[Quirks]) -> None:
    """What the type table declares as changed on its way is an error; what is exact is not."""
    session = fresh(strict=True)
    changed: dict[str, list[object]] = {
        "r": [
            np.array([1, 2], "i2"),
            np.float32(1.5),
            np.array([1.5], "f4"),
            np.array(1.5),
            np.array([-(2**31)], "i4"),
        ],
        "octave": [np.arange(3.0), 5, np.zeros((2, 2, 1)), np.array([1.5], "f2"), np.zeros(0), b"ab", None],
    }
    for value in changed.get(quirks.name, []):
        with pytest.raises(ConversionError) as caught:
            session.call("arcuate_id", {"a": [value, "x"]})
        assert caught.value.path == "$.args[0].a[0]", caught.value
        assert "strict" in str(caught.value)
        assert caught.value.executed == "no"
    exact: list[object] = [1.5, True, "é", {"a": 1.5}, np.array([[1.5, 2.5], [3.5, 4.5]])]
    for value in exact:
        found = session.call("arcuate_id", value)
        assert np.array_equal(found, value) if isinstance(value, np.ndarray) else found == value


def test_simplify_makes_scalars(session: Session, quirks: type[Quirks]) -> None:
    value = session.call("arcuate_id", np.array([2.5]))
    if quirks.name == "python":
        assert isinstance(value, np.ndarray)  # Python has scalars of its own: nothing is simplified
    else:
        assert type(value) is float
        assert value == 2.5


def test_without_simplify_arrays_stay(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh(simplify=False)
    value = session.call("arcuate_add", 1.5, 2.0)
    if quirks.name == "python":
        assert value == 3.5
    else:
        assert isinstance(value, np.ndarray)
        assert value.shape == ((1,) if quirks.name == "r" else (1, 1))
        assert value.item() == 3.5
        text = session.call("arcuate_id", "abc")
        assert (text.item() if isinstance(text, np.ndarray) else text) == "abc"
        inside = session.call("arcuate_id", {"a": 1.5})["a"]
        assert isinstance(inside, np.ndarray)
