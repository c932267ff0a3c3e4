"""Messages that are well formed and mean nothing: each is a message for the hub, or an error of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcuate.errors import ArcuateError, ProtocolError
from arcuate.http.status import HttpError
from arcuate.mps import v1
from arcuate.mps.archives import Archive
from arcuate.mps.bodies import read_body
from arcuate.mps.calls import message_of
from arcuate.mps.wire import PROTOBUF
from arcuate.values.check import check
from arcuate.values.limits import Limits

SIZES = st.lists(st.one_of(st.integers(0, 3), st.sampled_from((1 << 20, 1 << 40, 2**64 - 1))), max_size=4)
INTS = st.integers(-(2**63), 2**63 - 1)
UNSIGNED = st.integers(0, 2**64 - 1)
FLOATS = st.floats(width=32)
BYTES = st.binary(max_size=4)
NAMES = st.sampled_from(("a", "b c", "", "é"))
UNITS = st.integers(0, 2**32 - 1)


def some(values: Any) -> Any:
    return st.lists(values, max_size=4)


def parts(values: Any) -> Any:
    return st.fixed_dictionaries({"real": some(values)}, optional={"imaginary": some(values)})


def arrays(below: Any) -> Any:
    fields = {
        "layout": st.integers(0, 4),
        "uint8": st.fixed_dictionaries({"real": BYTES}, optional={"imaginary": BYTES}),
        "int8": st.fixed_dictionaries({"real": BYTES}),
        "uint16": parts(UNSIGNED),
        "int16": parts(INTS),
        "uint32": parts(st.integers(0, 2**32 - 1)),
        "int32": parts(st.integers(-(2**31), 2**31 - 1)),
        "uint64": parts(UNSIGNED),
        "int64": parts(INTS),
        "single": parts(FLOATS),
        "double": parts(FLOATS),
        "logical": st.fixed_dictionaries({"values": some(st.booleans())}),
        "char": parts(st.one_of(st.integers(0, 0x11FFFF), st.sampled_from((0, 0xD83D, 0xDE00, 2**40)))),
        "cell": st.fixed_dictionaries({"values": some(below)}),
        "struct": st.fixed_dictionaries({"names": some(NAMES), "values": some(below)}),
        "string": st.fixed_dictionaries({"units": some(UNITS), "sizes": some(st.integers(0, 4))}),
    }  # fmt: skip

    def build(kind: int, size: list[int], chosen: dict[str, Any]) -> bytes:
        return v1.Array(array_class=kind, size=size, **chosen).SerializeToString()  # type: ignore[arg-type]

    chosen = st.fixed_dictionaries({}, optional=fields)
    return st.builds(build, st.integers(0, 25), SIZES, chosen)


MESSAGES = st.recursive(st.one_of(st.just(b""), st.binary(max_size=6)), arrays, max_leaves=6)
WORDS = ("NaN", "-Inf", "double", "single", "int8", "uint64", "logical", "char", "cell", "struct", "string")
MARKS = ("mwdata", "mwsize", "mwtype", "mwcomplex", "a")


def values(below: Any) -> Any:
    listed = st.lists(below, max_size=3)
    data = st.one_of(listed, st.dictionaries(st.text(max_size=2), listed, max_size=2))
    large = {"mwdata": data, "mwsize": SIZES, "mwtype": st.sampled_from(WORDS)}
    return st.one_of(
        listed, st.dictionaries(st.sampled_from(MARKS), below, max_size=4), st.fixed_dictionaries(large)
    )


FINITE = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), FINITE, st.text(max_size=3), st.sampled_from(WORDS)
)
VALUES = st.recursive(LEAVES, values, max_leaves=8)


def carried_on(data: bytes, kind: str, language: str) -> None:
    """Reads a body and makes the message for the hub, which checks it."""
    archive = Archive("x", "archive.x", language, {}, "")
    try:
        call = read_body(data, kind, 1000)
        message = message_of("call", 1, archive, {"name": "f", "nargout": call.nargout}, call.arguments)
        check(message, Limits())
    except HttpError as error:
        assert error.error.message
    except ArcuateError as error:
        assert error.message


@settings(max_examples=150, deadline=None)
@given(
    st.lists(MESSAGES, max_size=2),
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from(("octave", "r", "python")),
)
def test_protobuf(arguments: list[bytes], nargout: int, language: str) -> None:
    call = v1.CallParameters(nargout=nargout if nargout % 2 else 1, arguments=arguments)
    carried_on(call.SerializeToString(), PROTOBUF, language)


@settings(max_examples=150, deadline=None)
@given(st.lists(VALUES, max_size=2), st.sampled_from(("octave", "r", "python")))
def test_json(rhs: list[Any], language: str) -> None:
    carried_on(json.dumps({"nargout": 1, "rhs": rhs}).encode(), "application/json", language)


@pytest.mark.parametrize("cut", range(3, 36, 4))
def test_a_message_that_is_cut_off(cut: int) -> None:
    one = v1.Array(array_class="ARRAY_CLASS_DOUBLE", size=[1, 3], double={"real": [1, 2, 3]})
    data = v1.CallParameters(nargout=1, arguments=[one.SerializeToString()]).SerializeToString()
    assert len(data) > 36
    with pytest.raises(ProtocolError):
        read_body(data[:cut], PROTOBUF, 1000)
