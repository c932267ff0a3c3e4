"""Python's own types there and back, and the errors for what cannot travel."""

from __future__ import annotations

import array
import collections
import contextlib
import datetime as dt
import decimal
import enum
import functools
import json
import operator
import random
import subprocess
import sys
import threading
import types
import zoneinfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.values.judge import assert_equal, through

from arcuate.errors import ArcuateError, ConversionError
from arcuate.values import (
    Array,
    Cell,
    DecodeOptions,
    EncodeOptions,
    List,
    Map,
    Missing,
    StructArray,
    codes,
    decode,
    encode,
    encode_into,
    frames,
    table,
)
from arcuate.values.decode import decode_next
from arcuate.values.nodes import Cursor, Nodes

relaxed = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # other work shares the machine
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]).map(
    zoneinfo.ZoneInfo
)
offsets = st.integers(-86399, 86399).map(lambda seconds: dt.timezone(dt.timedelta(seconds=seconds)))
moments = st.datetimes(
    dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1), timezones=st.one_of(st.none(), zones, offsets)
)
spans = st.one_of(
    st.timedeltas(dt.timedelta(days=-(10**8)), dt.timedelta(days=10**8)),
    st.integers(-(10**9) + 1, 10**9 - 1).map(lambda days: dt.timedelta(days=days)),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 64) - 1), st.floats(), st.complex_numbers(), text,
    st.binary(), st.dates(), spans, moments, st.just(pd.NA), st.just(Missing("i4")),
)  # fmt: skip
plain_lists = st.one_of(
    st.lists(st.floats()), st.lists(st.integers(-(1 << 63), (1 << 63) - 1)), st.lists(st.booleans()),
    st.lists(text), st.lists(st.complex_numbers()),
)  # fmt: skip
nested = st.recursive(
    st.one_of(scalars, plain_lists, plain_lists.map(tuple), plain_lists.map(List)),
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(text, inner),
        st.dictionaries(text, inner).map(Map),
    ),
    max_leaves=12,
)


@relaxed
@given(nested)
def test_nested_values_come_back_equal(value):
    assert_equal(through(value), value)


@relaxed
@given(st.dictionaries(text, st.floats(), min_size=5, max_size=20))
def test_mappings_of_floats_come_back_equal(value):
    assert_equal(through(value), value)


@relaxed
@given(st.lists(st.one_of(scalars, plain_lists), max_size=4), st.integers(1, 4))
def test_cells_keep_their_shape(items, columns):
    items = items[: len(items) // columns * columns]
    cell = Cell(items, (len(items) // columns, columns))
    found = through(cell)
    assert found.shape == cell.shape
    assert_equal(list(found), items)


@pytest.mark.parametrize(
    "value", [StructArray([], (0, 3), ["a", "b"]), StructArray([{"a": 1, "b": "x"}, {"a": None, "b": 2}])]
)
def test_struct_arrays_keep_fields_and_shape(value):
    found = through(value)
    assert (found.shape, found.fields, list(found)) == (value.shape, value.fields, list(value))


def test_int_and_float_mix_stays_a_list_unless_vectors_are_wanted():
    assert encode([1, 2.5]).rows[0][0] == codes.LIST
    rows = encode([1, 2.5], EncodeOptions(vectors=True)).rows
    assert rows[0][:2] == (codes.ARRAY, codes.D_F8)
    assert encode([2**53 + 1, 2.5], EncodeOptions(vectors=True)).rows[0][0] == codes.LIST
    assert encode([2**54, 2.5], EncodeOptions(vectors=True)).rows[0][0] == codes.ARRAY
    assert encode([True, 1], EncodeOptions(vectors=True)).rows[0][0] == codes.LIST
    assert encode(List([1, 2])).rows[0][:3] == (codes.LIST, 0, codes.LIST_FORCED)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (array.array("h", [1, -2]), np.array([1, -2], "i2")),
        (memoryview(np.arange(6.0).reshape(2, 3)), np.arange(6.0).reshape(2, 3)),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.defaultdict(list, x=[1]), {"x": [1]}),
        (collections.namedtuple("P", "x y")(1, 2), (1, 2)),
        (enum.IntEnum("E", "A B").B, 2),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
    ],
)  # fmt: skip
def test_relatives_of_plain_types(value, wanted):
    assert_equal(through(value), wanted)


def test_simplify_turns_one_element_into_a_scalar():
    simple = DecodeOptions(simplify=True)
    assert_equal(through(np.array([[2.5]], "f4"), decoding=simple), 2.5)
    assert_equal(through(np.array([3], "i1"), decoding=simple), 3)
    assert_equal(through(np.array(True), decoding=simple), True)
    assert_equal(through(np.array(["é"]), decoding=simple), "é")
    assert_equal(through(np.array([1 + 2j], "c8"), decoding=simple), 1 + 2j)
    assert_equal(through(np.array(["2020-01-02"], "M8[D]"), decoding=simple), dt.date(2020, 1, 2))
    assert_equal(through(pd.array([None], "Int64"), decoding=simple), pd.NA)
    assert_equal(through(np.array([1.0, 2.0]), decoding=simple), np.array([1.0, 2.0]))
    assert_equal(through([1.0], decoding=simple), [1.0])  # a list of one is a list


def test_functions_and_handles():
    seen = []

    class Remote:
        def __call__(self):
            raise AssertionError("a handle is not called when it is sent")

    remote = Remote()
    info = {"class": ["lm"], "summary": "s", "callable": True, "language": "R"}
    options = EncodeOptions(
        function=lambda f: (seen.append(f), (f"f{len(seen)}", {"name": "x"}))[1],
        handle=lambda value: ("1:7", info) if value is remote else None,
    )  # fmt: skip
    back = DecodeOptions(
        function=lambda ident, info: ("function", ident, info),
        handle=lambda ident, info: ("handle", ident, info),
    )
    functions = [len, lambda: 1, "a".upper, functools.partial(max, 1), np.sin, operator.itemgetter(1)]
    assert through(functions, options, back) == [("function", f"f{i + 1}", {"name": "x"}) for i in range(6)]
    assert seen == functions
    found = through({"m": remote}, options, back)
    assert found["m"] == (
        "handle",
        "1:7",
        {"class": ["lm"], "summary": "s", "callable": True, "language": "R"},
    )
    with pytest.raises(ConversionError, match="cannot travel here"):
        encode(len)
    with pytest.raises(ConversionError, match="outside its session"):
        decode(encode(remote, options))


def test_hook_for_other_types():
    options = EncodeOptions(hook={decimal.Decimal: float})
    assert_equal(through([decimal.Decimal("1.5"), "x"], options), [1.5, "x"])


class Color(enum.Enum):
    RED = 1


CYCLE: list = [1, {"a": None}]
CYCLE[1]["a"] = CYCLE
DEEP: object = 1
for _ in range(65):
    DEEP = {"k": DEEP}

REFUSED = {
    "set": ({1}, "$", "sorted"),
    "nested": ({"a": [1, {"b c": (x for x in [])}]}, "$.a[1]['b c']", "list"),
    "range": (range(3), "$", "list"),
    "decimal": (decimal.Decimal(1), "$", "float"),
    "module": ([sys], "$[0]", "module"),
    "lock": (threading.Lock(), "$", "this process"),
    "time": (dt.time(1), "$", "datetime"),
    "enum": (Color.RED, "$", "value.value"),
    "class": (int, "$", "lambda"),
    "big int": ([2**64], "$[0]", "float"),
    "small int": (-(2**63) - 1, "$", "str"),
    "int key": ({"a": {1: 2}}, "$.a[1]", "str(key)"),
    "nul": (["x", "a\0b"], "$[1]", "NUL"),
    "nul key": ({"a\0": 1}, None, "NUL"),
    "surrogate": ({"k": "\ud800"}, "$.k", "surrogate"),
    "surrogates": (["\ud800", "a"], "$[0]", "surrogate"),
    "cycle": (CYCLE, "$[1].a", "reference cycle"),
    "deep": (DEEP, None, "64"),
    "function": ([len], "$[0]", "function"),
    "object": (object(), "$", "hook"),
    "exception": (ValueError("x"), "$", "str(value)"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_travel_says_where_and_what_to_do(name):
    value, path, remedy = REFUSED[name]
    with pytest.raises(ConversionError) as caught:
        encode(value)
    assert remedy in caught.value.message
    if path is not None:
        assert caught.value.path == path
    assert str(caught.value).endswith(f"- at {caught.value.path}")


def test_open_files_cannot_travel(tmp_path):
    with (tmp_path / "x").open("w") as file, pytest.raises(ConversionError, match=r"file\.read"):
        encode({"f": file})


def test_depth_64_travels():
    value: object = [1.0]
    for _ in range(64):
        value = [value, "x"]
    assert_equal(through(value), value)
    with pytest.raises(ConversionError, match="64"):
        encode([value, "x"])


def test_a_shared_array_is_sent_twice():
    shared = [1.0]
    found = through({"a": shared, "b": [shared, None]})
    assert found == {"a": [1.0], "b": [[1.0], None]}


def test_one_value_after_the_other_in_one_message():
    nodes = Nodes()
    nodes.rows.append((codes.MAPPING, 0, 0, 0, 2, 0, "", ""))
    encode_into(1.5, nodes, "x")
    encode_into({"a": [1, None]}, nodes, "y")
    cursor = Cursor(frames.load(frames.to_bytes(nodes)))
    cursor.next()
    assert decode_next(cursor) == ("x", 1.5)
    assert decode_next(cursor) == ("y", {"a": [1, None]})
    cursor.finish()


BARE = """
import sys, datetime as dt
for name in ("numpy", "pandas", "xarray", "scipy"):
    sys.modules[name] = None
from arcuate.values import decode, encode, frames
data = sys.stdin.buffer.read()
value = decode(frames.load(data))
sys.stdout.buffer.write(frames.to_bytes(encode(value)))
"""


def bare(value):
    """A value through another interpreter that has none of the libraries."""
    done = subprocess.run(
        [sys.executable, "-c", BARE], input=frames.to_bytes(encode(value)), capture_output=True, check=True
    )
    assert not done.stderr
    return decode(frames.load(done.stdout))


def test_an_interpreter_without_libraries_hands_everything_back(everything):
    assert_equal(bare(everything), everything)


@pytest.fixture
def everything():
    import scipy.sparse as sp
    import xarray as xr

    frame = pd.DataFrame(
        {
            "f": [1.5, 2.5],
            "t": ["a", None],
            "c": pd.Categorical(["x", None]),
            "l": [[1], None],
            "i": pd.array([1, None]),
        },
        index=pd.Index(["r1", "r2"], name="row"),
    )
    frame.attrs = {"a": 1}
    array_ = xr.DataArray(
        np.ones((2, 3)), dims=("x", "y"), coords={"x": ["a", "b"]}, name="n", attrs={"u": "m"}
    )
    return {
        "scalars": [np.float32(1.5), np.int8(-3), np.complex64(1j), np.uint64(2**64 - 1)],
        "times": [np.datetime64("2020", "Y"), pd.Timestamp("2020-01-01 00:00:00.123456789", tz="UTC")],
        "spans": [pd.Timedelta("3ns"), np.timedelta64(3, "h"), dt.timedelta(1)],
        "arrays": [np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))],
        "texts": [np.array("x"), np.array(["a", "é"])],
        "masked": [pd.array([1, None]), np.ma.MaskedArray([[1.0, 2.0]], [[True, False]])],
        "dates": np.array(["2020-01-01", "NaT"], "M8[D]"),
        "frame": frame,
        "array": array_,
        "dataset": xr.Dataset({"v": array_}),
        "series": pd.Series([1, 2], name="s"),
        "sparse": sp.csr_array(np.eye(3)),
        "plain": [1, None, {"": (1, 2)}, Map(a=1), Cell([1, 2, 3, 4], (2, 2)), b"x", 2**64 - 1],
    }  # fmt: skip


def test_arrays_without_numpy_behave_like_nested_lists():
    numbers = np.arange(6, dtype="i4").reshape(2, 3)
    for order in "CF":
        view = Array("i4", (2, 3), memoryview(numbers.tobytes(order)), order)
        assert view.tolist() == numbers.tolist()
        assert [view[1, 2], view[-1, 0], len(view), view.size] == [5, 3, 2, 6]
        for wanted in "CF":
            assert_equal(through(view, EncodeOptions(order=wanted)), numbers)
    with pytest.raises(IndexError):
        view[2, 0]
    cube = np.arange(24).reshape(2, 3, 4)
    assert_equal(through(Array("i8", (2, 3, 4), memoryview(cube.tobytes())), EncodeOptions(order="F")), cube)
    assert_equal(
        through(Array("i8", (2, 3, 4), memoryview(cube.tobytes("F")), "F"), EncodeOptions(order="C")), cube
    )


def test_importing_values_loads_no_library():
    names = ["numpy", "pandas", "xarray", "scipy"]
    code = f"import sys, json, arcuate.values; print(json.dumps([m for m in {names} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("seed", range(4))
def test_damaged_rows_raise_an_error_of_ours_or_give_a_value(seed):
    """Without the check in between: the decoder by itself neither crashes nor raises anything else."""
    randomly = random.Random(seed)
    seeds = [frames.to_bytes(encode(row.example()), checksum=False) for row in table.rows()]
    for _ in range(300):
        frame = bytearray(randomly.choice(seeds))
        for _ in range(randomly.choice([1, 1, 3])):
            frame[randomly.randrange(64, len(frame))] = randomly.choice([*range(21), 64, 128, 255])
        with contextlib.suppress(ArcuateError):
            decode(frames.load(frame))
