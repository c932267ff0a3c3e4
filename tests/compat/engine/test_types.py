"""What becomes what, in both directions: every row of MathWorks' tables.

Octave's own literals are the judge.
"""

from __future__ import annotations

import array
import collections
import datetime as dt
import enum
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arcuate.compat import matlab
from arcuate.compat.matlab.engine import MatlabEngine
from arcuate.compat.matlab.engine.arrays import to_numpy
from arcuate.values import StructArray


class Colour(enum.IntEnum):
    RED = 7


class Text(str):
    pass


class Word(str, enum.Enum):
    ONE = "one"


Point = collections.namedtuple("Point", "x y")

TO_MATLAB = [
    # what is sent, and the Octave expression that it must be identical to, class and size included
    (2.5, "2.5"),
    (float("inf"), "Inf"),
    (-0.0, "-0"),
    (3, "int64 (3)"),
    (-(2**63), "intmin ('int64')"),
    (2**53 + 1, "int64 (9007199254740993)"),
    (Colour.RED, "int64 (7)"),
    (True, "true"),
    (1 + 2j, "complex (1, 2)"),
    (complex(3, 0), "complex (3, 0)"),
    ("text", "'text'"),
    (Text("text"), "'text'"),
    (Word.ONE, "'one'"),
    (b"", "uint8 (zeros (1, 0))"),
    ("", "''"),
    ("žluť 猫", "char ([197 190 108 117 197 165 32 231 140 171])"),
    ({"a": 1, "b": "x"}, "struct ('a', int64 (1), 'b', 'x')"),
    (collections.OrderedDict(z=1.0, a=2.0), "struct ('z', 1, 'a', 2)"),
    ({}, "struct ()"),
    ({"l": [1.0, "x"]}, "struct ('l', {{1, 'x'}})"),
    ([1.0, 2.0], "{1, 2}"),
    ([1, 2], "{int64(1), int64(2)}"),
    (["a", "b"], "{'a', 'b'}"),
    ([True], "{true}"),
    ([], "cell (1, 0)"),
    ((1.0, (2.0, "x")), "{1, {2, 'x'}}"),
    (Point(1.0, 2.0), "{1, 2}"),
    ({4.0}, "{4}"),
    (frozenset({4.0}), "{4}"),
    (range(1, 4), "{int64(1), int64(2), int64(3)}"),
    (b"\x01\xff", "uint8 ([1 255])"),
    (bytearray(b"\x01"), "uint8 (1)"),
    (array.array("d", [1, 2]), "[1 2]"),
    (array.array("h", [-1, 2]), "int16 ([-1 2])"),
    (memoryview(b"ab"), "uint8 ([97 98])"),
    (np.float64(1.5), "1.5"),
    (np.float32(1.5), "single (1.5)"),
    (np.int8(-3), "int8 (-3)"),
    (np.uint64(2**64 - 1), "intmax ('uint64')"),
    (np.bool_(True), "true"),
    (np.str_("ab"), "'ab'"),
    (np.arange(3.0), "[0 1 2]"),
    (np.array([[1, 2], [3, 4]], "i4"), "int32 ([1 2; 3 4])"),
    (np.array([[1, 2], [3, 4]], ">i4"), "int32 ([1 2; 3 4])"),
    (np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), "[1 2; 3 4]"),
    (np.arange(24.0).reshape(2, 3, 4), "permute (reshape (0:23, 4, 3, 2), [3 2 1])"),
    (np.arange(12.0)[::-2], "[11 9 7 5 3 1]"),
    (np.array([[True, False]]), "[true false]"),
    (np.array([1 + 1j], "c8"), "single (1 + i)"),
    (np.zeros((0, 3)), "zeros (0, 3)"),
    (matlab.double([1, 2, 3]), "[1 2 3]"),
    (matlab.double([[1, 2], [3, 4]]), "[1 2; 3 4]"),
    (matlab.double([[1, 2], [3, 4]])[0], "[1 2]"),
    (matlab.double([[1, 2], [3, 4]])[1:], "[3 4]"),
    (matlab.double([]), "[]"),
    (matlab.double([1 + 2j], is_complex=True), "complex (1, 2)"),
    (matlab.single([1.5]), "single (1.5)"),
    (matlab.int8([[1], [2]]), "int8 ([1; 2])"),
    (matlab.uint64([2**63]), "uint64 (9223372036854775808)"),
    (matlab.logical([True, False]), "[true false]"),
    (matlab.double(size=(2, 3, 2)), "zeros (2, 3, 2)"),
    ([matlab.double([1, 2]), {"a": "x"}], "{[1 2], struct('a', 'x')}"),
    (scipy.sparse.csc_matrix([[0, 2.0]]), "sparse ([0 2])"),
    (StructArray([{"a": 1}, {"a": 2}]), "struct ('a', {int64(1), int64(2)})"),
]


@pytest.mark.parametrize(("value", "code"), TO_MATLAB, ids=[code for _, code in TO_MATLAB])
def test_to_matlab(eng: MatlabEngine, value: Any, code: str) -> None:
    eng.workspace["sent"] = value
    eng.eval(f"want = {code};", nargout=0)
    same = "isequal (sent, want) && isequal (size (sent), size (want)) && strcmp (class (sent), class (want))"
    same += " && issparse (sent) == issparse (want)"
    if "complex" not in code:
        same += " && (! isnumeric (sent) || iscomplex (sent) == iscomplex (want))"
    if code.startswith("struct"):
        same += " && isequal (fieldnames (sent), fieldnames (want))"
    assert eng.eval(same) is True, eng.evalc("sent, want")
    if isinstance(value, float):
        assert eng.eval("num2hex (sent)") == eng.eval("num2hex (want)")
    # the same as an argument of a call, and of one in the background
    same_class = eng.feval("class", value)
    assert same_class == eng.eval("class (want)")
    assert eng.feval("class", value, background=True).result() == same_class


def _refused() -> list[Any]:
    return [
        None,
        len,
        lambda: 3,
        object(),
        object,
        [1, None],
        {"a": None},
        (1, [len]),
        sys,
        Exception("x"),
        iter([1]),
        dt.date(2020, 1, 1),
        np.array(["a"]),
        np.array([None]),
        np.float16(1.0),
        np.zeros(2, np.float16),
        np.longdouble(1),
        np.ma.masked_array([1.0], [True]),
        {1: 2},
        {None: 1},
        pd.Series([1.0]),
        np.zeros(1, "i4,f8"),
        matlab.int8([1, 2], is_complex=True),
        MatlabEngine.quit,
    ]


@pytest.mark.parametrize("value", _refused(), ids=lambda value: type(value).__name__)
def test_what_matlab_has_no_class_for_is_a_type_error(eng: MatlabEngine, value: Any) -> None:
    with pytest.raises(TypeError, match=r"at \$\.args\[1\]"):
        eng.isequal(1.0, value)
    with pytest.raises(TypeError):
        eng.isequal(value, background=True)
    with pytest.raises(TypeError):
        eng.workspace["x"] = value
    assert "x" not in eng.workspace


def test_an_engine_and_its_functions_and_futures_are_no_values(eng: MatlabEngine) -> None:
    for value in (eng, eng.sqrt, eng.workspace, eng.sqrt(4.0, background=True)):
        with pytest.raises(TypeError, match="cannot be passed"):
            eng.isequal(value, 1.0)


def test_the_path_leads_to_the_place(eng: MatlabEngine) -> None:
    with pytest.raises(TypeError, match=r"NoneType|None has no value.* - at \$\.args\[0\]\.a\[1\]"):
        eng.isequal({"a": [1, None]})


def test_an_int_beyond_64_bits(eng: MatlabEngine) -> None:
    for value in (2**63, -(2**63) - 1):
        with pytest.raises(OverflowError, match="int64"):
            eng.isequal(value, value)


@pytest.mark.parametrize("key", ["", "a b", "1a", "ž", "a-b", "_a"])
def test_a_key_that_is_no_name_of_a_field(eng: MatlabEngine, key: str) -> None:
    with pytest.raises(ValueError, match="field"):
        eng.isequal({key: 1}, 1.0)


def test_a_text_with_a_nul(eng: MatlabEngine) -> None:
    with pytest.raises(TypeError, match="NUL"):
        eng.isequal("a\0b", 1.0)


# ------------------------------------------------------------ MATLAB to Python

FROM_MATLAB = [
    ("2.5", 2.5),
    ("single (2.5)", 2.5),
    ("1 + 2i", 1 + 2j),
    ("complex (1, 0)", 1 + 0j),
    ("int8 (-3)", -3),
    ("intmax ('uint64')", 2**64 - 1),
    ("true", True),
    ("'text'", "text"),
    ("''", ""),
    ("zeros (1, 0)(:)' == 1", matlab.logical(size=(1, 0))),
    ("'žluť 猫'", "žluť 猫"),
    ("[1 2; 3 4]", matlab.double([[1, 2], [3, 4]])),
    ("1:3", matlab.double([1, 2, 3])),
    ("[]", matlab.double([])),
    ("zeros (0, 3)", matlab.double(size=(0, 3))),
    ("zeros (2, 0, 3)", matlab.double(size=(2, 0, 3))),
    ("eye (2)", matlab.double([[1, 0], [0, 1]])),
    ("[1+2i 3]", matlab.double([[1 + 2j, 3]], is_complex=True)),
    ("single ([1.5; 2])", matlab.single([[1.5], [2]])),
    ("int16 ([1 2])", matlab.int16([1, 2])),
    ("uint64 ([0 18446744073709551615])", matlab.uint64([0, 2**64 - 1])),
    ("[true false]", matlab.logical([True, False])),
    ("reshape (1:8, 2, 2, 2)", matlab.double([[[1, 5], [3, 7]], [[2, 6], [4, 8]]])),
    ("struct ('a', 1, 'b', 'x')", {"a": 1.0, "b": "x"}),
    ("struct ('a', {{1, 'x'}})", {"a": [1.0, "x"]}),
    ("struct ()", {}),
    ("{1, 'x', [1 2]}", [1.0, "x", matlab.double([1, 2])]),
    ("{1; 'x'}", [1.0, "x"]),
    ("{'one'}", ["one"]),
    ("{'one'; 'two'}", ["one", "two"]),
    ("{}", []),
    ("cell (1, 0)", []),
    ("cell (0, 1)", []),
    ("{true, {}}", [True, []]),
    ("cellfun (@(x) x, {1, 2})", matlab.double([1, 2])),
]


@pytest.mark.parametrize(("code", "value"), FROM_MATLAB, ids=[code for code, _ in FROM_MATLAB])
def test_from_matlab(eng: MatlabEngine, code: str, value: Any) -> None:
    found = eng.eval(code)
    assert type(found) is type(value)
    assert found == value
    if isinstance(value, dict):
        assert list(found) == list(value)
    if hasattr(value, "size"):
        assert found.size == value.size
    eng.eval(f"v = {code};", nargout=0)
    assert eng.workspace["v"] == value
    assert eng.eval("{v}") == [value]
    assert eng.eval("struct ('f', {{v}})") == {"f": [value]}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("['ab'; 'cd']", "char array"),
        ("{1 2; 3 4}", "2-by-2"),
        ("cell (2, 2, 2)", "2-by-2-by-2"),
        ("cell (0, 3)", "0-by-3"),
        ("{'a' 'b'; 'c' 'd'}", "2-by-2"),
        ("@sin", "function handle"),
        ("@(x) x + 1", "function handle"),
        ("NA", "NA"),
        ("[1 NA]", "NA"),
        ("{1, ['a'; 'b']}", "char array"),
    ],
)
def test_what_python_has_no_form_for_is_a_type_error(eng: MatlabEngine, code: str, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        eng.eval(code)
    with pytest.raises(TypeError, match=reason):
        eng.eval(f"struct ('field', {{{{1, ({code})}}}})")
    eng.eval(f"kept = {code};", nargout=0)
    with pytest.raises(TypeError, match=reason):
        eng.workspace["kept"]
    assert "kept" in eng.workspace
    assert eng.sqrt(4.0) == 2.0


def test_sparse_and_struct_arrays_arrive_as_an_extension(eng: MatlabEngine) -> None:
    found = eng.eval("sparse ([0 2; 3 0])")
    assert scipy.sparse.issparse(found)
    assert (found.toarray() == [[0, 2], [3, 0]]).all()
    structs = eng.eval("struct ('a', {1; 'x'}, 'b', {{2}; int8(3)})")
    assert list(structs) == [{"a": 1.0, "b": [2.0]}, {"a": "x", "b": 3}]
    assert structs.shape == (2, 1)
    eng.workspace["back"] = structs
    assert eng.eval("isequal (back, struct ('a', {1; 'x'}, 'b', {{2}; int64(3)}))") is True
    assert eng.eval("isequal (size (back), [2 1])") is True


def test_times_and_tables(eng: MatlabEngine) -> None:
    moment = dt.datetime(2020, 2, 29, 1, 2, 3, 456)
    span = dt.timedelta(days=1, microseconds=5)
    table = pd.DataFrame({"n": [1, 2], "t": ["a", "b"]})
    eng.workspace["m"], eng.workspace["s"], eng.workspace["t"] = moment, span, table
    assert eng.workspace["m"] == moment
    assert type(eng.workspace["m"]) is dt.datetime
    assert eng.workspace["s"] == span
    pd.testing.assert_frame_equal(eng.workspace["t"], table)
    assert eng.deal([moment, span]) == [moment, span]


def test_arrays_of_times_are_numpys(eng: MatlabEngine) -> None:
    moments = np.array([["2020-02-29T01:02:03", "NaT"]], "M8[s]")
    spans = np.array([[1, -5]], "m8[us]")
    eng.workspace["m"], eng.workspace["s"] = moments, spans
    for name, value in (("m", moments), ("s", spans)):
        found = eng.workspace[name]
        assert type(found) is np.ndarray
        assert found.dtype == value.dtype
        assert np.array_equal(found.view("i8").reshape(-1), value.view("i8").reshape(-1))


def test_objects_of_the_users_classes(eng: MatlabEngine, tmp_path: Path) -> None:
    (tmp_path / "Tally_.m").write_text(
        "classdef Tally_ < handle\n  properties\n    n = 0;\n  end\n  methods\n"
        "    function add (self, k)\n      self.n += k;\n    end\n"
        "    function r = total (self)\n      r = self.n;\n    end\n  end\nend\n"
    )
    (tmp_path / "@old_").mkdir()
    (tmp_path / "@old_" / "old_.m").write_text(
        "function r = old_ (x)\n  s.x = x;\n  r = class (s, 'old_');\nend\n"
    )
    (tmp_path / "@old_" / "twice.m").write_text("function r = twice (o)\n  r = 2 * o.x;\nend\n")
    eng.addpath(str(tmp_path), nargout=0)
    tally = eng.Tally_()
    eng.add(tally, 3.0, nargout=0)
    eng.add(tally, 4.0, nargout=0)
    assert eng.total(tally) == 7.0
    both = eng.deal([tally, "x"])
    assert eng.total(both[0]) == 7.0  # inside a cell, and the same object
    old = eng.old_(4.0)
    assert repr(old) == "<matlab.object of class old_>"
    assert eng.twice(old) == 8.0
    eng.rmpath(str(tmp_path), nargout=0)


def test_objects_are_references(eng: MatlabEngine) -> None:
    table = eng.containers.Map()
    assert isinstance(table, matlab.object)
    assert "containers.Map" in repr(table)
    assert eng.isobject(table) is True
    eng.workspace["m"] = table
    eng.eval("m('k') = 5;", nargout=0)  # a handle: the same object
    assert eng.keys(table) == ["k"]
    assert eng.isKey(table, "k") is True
    assert eng.eval("m.Count") == 1.0
    numbers = eng.eval("containers.Map ([1 2], {'a', 'b'})")
    assert eng.values(numbers) == ["a", "b"]
    assert eng.deal([1.0, table])[0] == 1.0
    with pytest.raises(TypeError, match="pickled"):
        __import__("pickle").dumps(table)


def test_an_object_is_released_when_it_is_collected(eng: MatlabEngine) -> None:
    eng.sqrt(1.0)
    before = eng.arcuate__handles("count")
    kept = [eng.containers.Map() for _ in range(5)]
    assert eng.arcuate__handles("count") == before + 5
    kept.clear()
    eng.sqrt(1.0)
    assert eng.arcuate__handles("count") == before


def test_an_object_of_another_engine_is_refused(eng: MatlabEngine, fresh: MatlabEngine) -> None:
    table = fresh.containers.Map()
    with pytest.raises(ValueError, match="another session"):
        eng.isobject(table)


DTYPES = [
    np.dtype(name) for name in ("f8", "f4", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c16", "c8")
]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    value=st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=4))
    ),
    order=st.sampled_from("CF"),
)
def test_any_array_comes_back_as_it_was(
    shared: MatlabEngine, value: np.ndarray[Any, Any], order: str
) -> None:
    shared.workspace["x"] = np.asarray(value, order=order)
    found = np.asarray(shared.workspace["x"])
    if value.size == 1:
        assert isinstance(shared.workspace["x"], (float, int, bool, complex))
        assert np.array_equal(
            found.reshape(-1).astype(value.dtype), value.reshape(-1), equal_nan=value.dtype.kind in "fc"
        )
        return
    shape = list(value.shape)
    while len(shape) > 2 and shape[-1] == 1:
        shape.pop()
    assert found.dtype == value.dtype
    assert found.shape == tuple(shape)
    assert found.tobytes("F") == value.tobytes("F") or np.array_equal(
        found, value.reshape(shape), equal_nan=value.dtype.kind in "fc"
    )


def test_large_arrays_travel_without_loss_and_come_back_writable(eng: MatlabEngine) -> None:
    data = np.asfortranarray(np.random.default_rng(3).normal(size=(300, 500)))
    sent = matlab.double(data)
    found = eng.transpose(sent)
    assert np.array_equal(np.asarray(found), data.T)
    assert not to_numpy(found).flags.owndata  # the memory that it arrived in
    found[0][0] = 5.0
    assert found[0][0] == 5.0
    assert np.asarray(found).flags.f_contiguous


def test_a_small_array_can_be_changed_without_changing_another(eng: MatlabEngine) -> None:
    first, second = eng.eval("[1 2 3]"), eng.eval("[1 2 3]")
    first[0][0] = 9.0
    assert second == matlab.double([1, 2, 3])
    assert eng.eval("[1 2 3]") == matlab.double([1, 2, 3])
