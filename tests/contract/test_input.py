"""Code that asks a person fails, with an error that says so. It never hangs."""

from __future__ import annotations

import pytest
from tests.contract.quirks import Quirks

from arcuate.client import Session
from arcuate.errors import CallTimeout, EnvironmentCrashed, RemoteError

COUNT = 8


@pytest.mark.parametrize("number", range(COUNT))
@pytest.mark.parametrize("way", ["run", "eval"])
def test_reading_input_fails(session: Session, quirks: type[Quirks], number: int, way: str) -> None:
    assert len(quirks.read_input) <= COUNT, "raise COUNT"
    if number >= len(quirks.read_input):
        return
    code = quirks.read_input[number]
    try:
        (session.run if way == "run" else session.eval)(code, timeout=15)
    except RemoteError as error:
        assert not isinstance(error, (CallTimeout, EnvironmentCrashed))
        assert error.remote_message
        return
    pytest.fail(f"{code} did not fail")


def test_inside_a_function_and_a_callback(session: Session, quirks: type[Quirks]) -> None:
    def ask(_: object) -> float:
        with pytest.raises(RemoteError):
            session.run(quirks.read_input[0], timeout=15)
        return 2.5

    assert session.call("arcuate_apply", ask, 1.0) == 2.5


def test_error_is_not_the_beginning_of_a_debugger(session: Session, quirks: type[Quirks]) -> None:
    for _ in range(3):
        with pytest.raises(RemoteError):
            session.call("arcuate_outer", "boom", nargout=0, timeout=15)
        assert session.call("arcuate_add", 1.5, 2.0) == 3.5
