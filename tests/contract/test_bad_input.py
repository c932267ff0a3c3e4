"""The bad-input list: each item gets the right error, a message that tells what to do; the session goes on.

:data:`ITEMS` is the list; a test is made of each, so that one without an implementation fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.contract.processes import finished, open_session, python
from tests.contract.quirks import Quirks

from arcuate.client import Session, connect
from arcuate.errors import (
    ArcuateError,
    ConversionError,
    EnvironmentNotFound,
    InvalidArgument,
    LimitExceeded,
    NameNotFound,
    RemoteError,
    SessionClosed,
    StaleHandle,
)
from arcuate.values.limits import Limits

ITEMS = [
    "an unknown environment",
    "an unknown function",
    "an unknown variable",
    "an unknown keyword",
    "a reference cycle",
    "a value that cannot travel, deep inside a nested one",
    "nesting beyond 64",
    "text with NUL",
    "a 65-dimensional array",
    "a dtype=object array of mixed things",
    "an argument of 3 GB with a limit of 1 GB",
    "a result of 3 GB with a limit of 1 GB",
    "a syntax error",
    "an error inside a callback",
    "a call on a closed session",
    "a call from a forked child",
    "text with a lone surrogate",
    "keys that are no texts",
    "a class, a module, a set, a generator, a Decimal, a lock",
    "a handle of a session that is over",
    "an integer beyond 64 bits",
]

Check = Callable[[Session, type[Quirks]], None]
CHECKS: dict[str, Check] = {}


def item(name: str) -> Callable[[Check], Check]:
    assert name in ITEMS

    def register(check: Check) -> Check:
        CHECKS[name] = check
        return check

    return register


@pytest.mark.parametrize("name", ITEMS)
def test_bad_input(session: Session, quirks: type[Quirks], name: str) -> None:
    assert name in CHECKS, f"no test is written for {name!r}"
    session["kept"] = 4.5
    pid = session.info["pid"]
    CHECKS[name](session, quirks)
    assert session["kept"] == 4.5
    assert session.info["pid"] == pid
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def refused(
    session: Session,
    value: Any,
    says: str,
    path: str = "$.args[0]",
    kind: type[ArcuateError] = ConversionError,
) -> None:
    """The value is refused as an argument, as a keyword, as a variable, and as the result of a callback."""
    with pytest.raises(kind, match=says) as caught:
        session.call("arcuate_id", value)
    if isinstance(caught.value, ConversionError):
        assert caught.value.path == path
        assert str(caught.value).endswith(f" - at {path}")
    assert caught.value.executed == "no"
    with pytest.raises(kind, match=says):
        session.call("arcuate_id", x=value)
    with pytest.raises(kind, match=says):
        session["kept"] = value
    with pytest.raises(kind, match=says):
        session.call("arcuate_apply", lambda _: value, 1.0)


@item("an unknown environment")
def _(session: Session, quirks: type[Quirks]) -> None:
    with pytest.raises(EnvironmentNotFound, match=rf"'cobol'.*{quirks.name}"):
        connect("cobol")
    with pytest.raises(EnvironmentNotFound, match="MATLAB"):
        connect("matlab")
    with pytest.raises(LookupError):
        connect("")


@item("an unknown function")
def _(session: Session, quirks: type[Quirks]) -> None:
    for name in quirks.missing_function:
        with pytest.raises(NameNotFound):
            session.call(name, 1.5)
        with pytest.raises(NameNotFound):
            session.call(name, 1.5, nargout=0)
        with pytest.raises(NameNotFound):
            session.call(name, 1.5, keep=True)
    with pytest.raises(ArcuateError):
        session.call("")
    with pytest.raises(ArcuateError):
        session.call("1 + 1")


@item("an unknown variable")
def _(session: Session, quirks: type[Quirks]) -> None:
    with pytest.raises(NameNotFound, match="nowhere_to_be_found"):
        session["nowhere_to_be_found"]
    with pytest.raises(NameNotFound, match="nowhere_to_be_found"):
        del session["nowhere_to_be_found"]
    assert "nowhere_to_be_found" not in session
    with pytest.raises(AttributeError, match="nowhere_to_be_found"):
        session.nowhere_to_be_found  # noqa: B018


@item("an unknown keyword")
def _(session: Session, quirks: type[Quirks]) -> None:
    with pytest.raises(InvalidArgument, match=r"colour.*cwd"):
        connect(quirks.target(), colour="red")
    with pytest.raises(InvalidArgument, match=r"colour.*timeout"):
        session.function("arcuate_id").options(colour="red")
    with pytest.raises(RemoteError):
        session.call("arcuate_add", 1.0, 2.0, colour=1.0)


@item("a reference cycle")
def _(session: Session, quirks: type[Quirks]) -> None:
    cycle: list[Any] = [1, "a"]
    cycle.append({"again": cycle})
    refused(session, cycle, "cycle", "$.args[0][2].again")
    around: dict[str, Any] = {}
    around["self"] = around
    refused(session, around, "cycle", "$.args[0].self")
    shared = [1.5, "x"]
    assert session.call("arcuate_id", {"a": shared, "b": shared}) == {"a": [1.5, "x"], "b": [1.5, "x"]}


@item("a value that cannot travel, deep inside a nested one")
def _(session: Session, quirks: type[Quirks]) -> None:
    value = {"weights": [1, "two", {"1 a": (None, [object()], 2)}]}
    refused(session, value, "object", "$.args[0].weights[2]['1 a'][1][0]")
    with pytest.raises(ConversionError) as caught:
        session.call("arcuate_id", 1.5, [2.5, {3, 4}])
    assert caught.value.path == "$.args[1][1]"
    with pytest.raises(ConversionError) as caught:
        session.call("arcuate_id", x={"y": {3}})
    assert caught.value.path == "$.named.x.y"


def nested(depth: int) -> Any:
    value: Any = 1.5
    for level in range(depth):
        value = [value, "x"] if level % 2 else {"a": value}
    return value


@item("nesting beyond 64")
def _(session: Session, quirks: type[Quirks]) -> None:
    for depth in (65, 66, 200, 5000):
        refused_depth(session, nested(depth))
    assert session.call("arcuate_id", nested(60)) == nested(60)
    assert session.call("arcuate_id", nested(64)) == nested(64)


def refused_depth(session: Session, value: Any) -> None:
    with pytest.raises(ConversionError, match="64"):
        session.call("arcuate_id", value)
    with pytest.raises(ConversionError, match="64"):
        session["kept"] = value


@item("text with NUL")
def _(session: Session, quirks: type[Quirks]) -> None:
    refused(session, "a\0b", "NUL")
    refused(session, ["a", "b\0"], "NUL", "$.args[0][1]")
    refused(session, {"k": np.array(["x", "a\0b"])}, "NUL", "$.args[0].k[1]")
    refused(session, {"a\0b": 1}, "NUL", "$.args[0]['a\\x00b']")


@item("a 65-dimensional array")
def _(session: Session, quirks: type[Quirks]) -> None:
    class Many(np.ndarray):
        pass

    try:
        many = np.zeros((1,) * 65)
    except ValueError:  # numpy itself has no more than 64
        import arcuate.values as values

        many = values.Array("f8", (1,) * 65, memoryview(bytes(8)))  # type: ignore[assignment]
    refused(session, many, "64")
    assert np.size(session.call("arcuate_id", np.zeros((1,) * 64))) == 1


@item("a dtype=object array of mixed things")
def _(session: Session, quirks: type[Quirks]) -> None:
    mixed = np.array([1, "a", None, {2}], dtype=object)
    refused(session, mixed, r"object.*(list|dtype)", "$.args[0][0]")
    refused(session, {"deep": [mixed, 1]}, r"object.*(list|dtype)", "$.args[0].deep[0][0]")


@item("an argument of 3 GB with a limit of 1 GB")
def _(session: Session, quirks: type[Quirks]) -> None:
    limited = open_session(quirks, limits=Limits(array=1 << 30))
    try:
        for big in (
            np.zeros(3 << 27),
            np.broadcast_to(1.5, (3 << 17, 1024)),
            np.zeros((3 << 17, 1024), order="F"),
        ):
            with pytest.raises(LimitExceeded, match=r"1,073,741,824.*Limits\(array=") as caught:
                limited.call("arcuate_id", big)
            assert caught.value.setting == "array"
            assert caught.value.executed == "no"
        with pytest.raises(LimitExceeded):
            limited["x"] = np.zeros(3 << 27)
        assert limited.call("arcuate_add", 1.5, 2.0) == 3.5
        assert limited.info["generation"] == 1
    finally:
        limited.close()


@item("a result of 3 GB with a limit of 1 GB")
def _(session: Session, quirks: type[Quirks]) -> None:
    """A sample: 64 MB with a limit of 16 MB."""
    limited = open_session(quirks, limits=Limits(array=16 << 20))
    code = {"python": "bytearray(64 << 20)", "r": "numeric(8 * 2^20)", "octave": "zeros(1, 8 * 2^20)"}
    try:
        with pytest.raises(LimitExceeded, match=r"limit"):
            limited.eval(code.get(quirks.name, "arcuate_no_code"))
        assert limited.call("arcuate_add", 1.5, 2.0) == 3.5
        assert limited.info["generation"] == 1
    finally:
        limited.close()


@item("a syntax error")
def _(session: Session, quirks: type[Quirks]) -> None:
    for code in [code for code, _, _ in quirks.parse_errors] + ["((", "'open"]:
        with pytest.raises(RemoteError):
            session.run(code)
        with pytest.raises(RemoteError):
            session.eval(code)


@item("an error inside a callback")
def _(session: Session, quirks: type[Quirks]) -> None:
    def fail(_: object) -> None:
        raise LookupError("no luck")

    with pytest.raises(LookupError, match="no luck"):
        session.call("arcuate_apply", fail, 1.0)


@item("a call on a closed session")
def _(session: Session, quirks: type[Quirks]) -> None:
    closed = connect(quirks.target())
    closed.close()
    with pytest.raises(SessionClosed, match=rf"connect\('{quirks.target()}'\)"):
        closed.call("arcuate_id", 1.5)


@item("a call from a forked child")
def _(session: Session, quirks: type[Quirks]) -> None:
    child = python(
        """
        import os, sys
        from tests.contract.processes import open_session
        from tests.contract.quirks import find
        from arcuate.errors import SessionClosed
        quirks = find(sys.argv[1])
        session = open_session(quirks)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                session.call("arcuate_add", 1.0, 2.0)
            except SessionClosed as error:
                code = 0 if "fork" in str(error) and "connect(" in str(error) else 2
            session.close()
            os._exit(code)
        print(os.waitpid(pid, 0)[1], session.call("arcuate_add", 1.5, 2.0))
        session.close()
        """,
        quirks.id(),
    )
    assert finished(child) == "0 3.5\n"


@item("text with a lone surrogate")
def _(session: Session, quirks: type[Quirks]) -> None:
    refused(session, "a\ud800", "surrogate")
    refused(session, ["x", os.fsdecode(b"\xff")], "surrogate", "$.args[0][1]")


@item("keys that are no texts")
def _(session: Session, quirks: type[Quirks]) -> None:
    refused(session, {1: "a"}, r"key.*int.*str|key.*text", "$.args[0][1]")
    refused(session, {"x": {None: 1}}, "key", "$.args[0].x[None]")


@item("a class, a module, a set, a generator, a Decimal, a lock")
def _(session: Session, quirks: type[Quirks]) -> None:
    import decimal
    import threading

    refused(session, int, r"class.*lambda")
    refused(session, os, "module")
    refused(session, {1, 2}, r"set.*list")
    refused(session, (i for i in range(3)), r"generator.*list")
    refused(session, decimal.Decimal("1.1"), r"Decimal.*(float|str)")
    refused(session, threading.Lock(), "lock")
    refused(session, np.zeros(2, "i4,f8"), "dtype|structured|record|fields")


@item("a handle of a session that is over")
def _(session: Session, quirks: type[Quirks]) -> None:
    other = open_session(quirks)
    kept = other.call("arcuate_id", 1.5, keep=True)
    other.close()
    with pytest.raises(StaleHandle, match="closed"):
        session.call("arcuate_id", kept)
    with pytest.raises(StaleHandle, match="closed"):
        session.call("arcuate_id", [1, {"a": kept}])


@item("an integer beyond 64 bits")
def _(session: Session, quirks: type[Quirks]) -> None:
    refused(session, 2**64, "64|integer")
    refused(session, [1, "a", -(2**63) - 1], "64|integer", "$.args[0][2]")
