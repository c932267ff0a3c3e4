"""The equality of `protos/SEMANTICS.md`: what is the same, what is not, where the first difference lies."""

from __future__ import annotations

import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import rows
from tests.values.rows import Tree, listing, mapping, nodes_of, text_list

from arcuate.values.check import check
from arcuate.values.equal import assert_same, equal
from arcuate.values.nodes import Nodes

NAN, R_NA_BITS, MINUS_NAN = 0x7FF8000000000000, 0x7FF00000000007A2, 0xFFF8000000000000


def difference(a: Tree, b: Tree, *, hints: bool = False) -> str | None:
    first, second = nodes_of(a), nodes_of(b)
    check(first)
    check(second)
    found = equal(first, second, hints=hints)
    assert (found is None) == (equal(second, first, hints=hints) is None)
    return found


def f8(*numbers: float, mask: bytes | None = None, flags: int = 0, shape: list[int] | None = None) -> Tree:
    shape = [len(numbers)] if shape is None else shape
    buffers = [struct.pack(f"<{len(numbers)}d", *numbers), *([mask] if mask is not None else [])]
    return Tree(10, 12, flags | (mask is not None), count=len(shape), pool=shape, buffers=buffers)


def i(dtype: int, *numbers: int, mask: bytes | None = None, flags: int = 0) -> Tree:
    data = struct.pack(f"<{len(numbers)}{'bhiq'[dtype - 2]}", *numbers)
    buffers = [data, *([mask] if mask is not None else [])]
    return Tree(10, dtype, flags | (mask is not None), count=1, pool=[len(numbers)], buffers=buffers)


def texts(*elements: str, flags: int = 0) -> Tree:
    data = "".join(text + "\0" for text in elements).encode()
    return Tree(10, 15, flags, count=1, pool=[len(elements)], buffers=[data])


def categorical(codes: Tree, categories: Tree, flags: int = 0) -> Tree:
    return Tree(14, flags=flags, items=[("codes", codes), ("categories", categories)])


def sparse(form: int, letter: str, data: bytes, first: list[int], second: list[int]) -> Tree:
    buffers = [data, *(struct.pack(f"<{len(x)}{letter}", *x) for x in (first, second))]
    return Tree(18, 2, int(letter == "q"), unit=form, value=len(data), pool=[2, 3], buffers=buffers)


def table(text: str) -> Tree:
    return Tree(13, text=text, items=[("columns", mapping({})), ("index", Tree(0)), ("attrs", mapping({}))])


def handle(id_: str, summary: str) -> Tree:
    return Tree(20, text=id_, items=[("info", mapping({"summary": Tree(5, text=summary)}))])


square = np.arange(6.0).reshape(2, 3)
MATRIX = [  # [[0, 5, 0], [0, 7, 9]] in three formats
    sparse(0, "i", bytes([5, 7, 9]), [0, 1, 1], [0, 0, 2, 3]),
    sparse(1, "i", bytes([5, 7, 9]), [1, 1, 2], [0, 1, 3]),
    sparse(2, "q", bytes([9, 5, 7]), [1, 0, 1], [2, 1, 1]),
]
SAME = {
    "NaN payloads": (Tree(3, value=NAN), Tree(3, value=R_NA_BITS)),
    "NaN sign": (Tree(3, value=NAN), Tree(3, value=MINUS_NAN)),
    "NaN in complex": (Tree(4, pool=[NAN, 0]), Tree(4, pool=[R_NA_BITS, 0])),
    "NaN in arrays": (f8(float("nan"), 1), f8(-float("nan"), 1)),
    "mask of zeros": (f8(1, 2), f8(1, 2, mask=b"\0\0")),
    "data under a mask": (f8(1, 0, mask=b"\0\1"), f8(1, 7, mask=b"\0\1")),
    "memory order": (f8(*square.ravel(), shape=[2, 3]), f8(*square.ravel("F"), shape=[2, 3], flags=2)),
    "boxed": (f8(1), f8(1, flags=16)),
    "tuple": (listing([Tree(0)]), listing([Tree(0)], 1)),
    "forced": (listing([Tree(0)]), listing([Tree(0)], 2)),
    "tuple sequence": (f8(1, flags=4), f8(1, flags=12)),
    "map": (mapping({"a": Tree(0)}), mapping({"a": Tree(0)}, 1)),
    "list and sequence of floats": (listing([Tree(3, value=0x3FF8000000000000)], 2), f8(1.5, flags=4)),
    "list and sequence of ints": (listing([Tree(2, value=(1 << 64) - 1)]), i(5, -1, flags=4)),
    "list and sequence of texts": (text_list(["é", ""]), texts("é", "", flags=4)),
    "list and sequence of bools": (
        listing([Tree(1, value=1)]),
        Tree(10, 1, 4, count=1, pool=[1], buffers=[b"\1"]),
    ),
    "list and sequence of complex": (
        listing([Tree(4, pool=[0, 1 << 63])]),
        Tree(10, 14, 4, count=1, pool=[1], buffers=[struct.pack("<dd", 0.0, -0.0)]),
    ),
    "list and sequence with missing": (
        listing([Tree(3), Tree(7)]),
        f8(0, 0, mask=b"\0\1", flags=4),
    ),
    "list and empty sequence": (listing([]), texts(flags=4)),
    "two empty sequences": (f8(flags=4), texts(flags=4)),
    "numpy datetime": (Tree(15, unit=4, value=1), Tree(15, flags=1, unit=4, value=1)),
    "pandas duration": (Tree(17, unit=4, value=1), Tree(17, flags=2, unit=4, value=1)),
    "table container": (table("pandas"), table("arrow")),
    "csc and csr": (MATRIX[0], MATRIX[1]),
    "csc and coo": (MATRIX[0], MATRIX[2]),
    "width of codes": (categorical(i(2, 0, 1), texts("a", "b")), categorical(i(5, 0, 1), texts("a", "b"))),
    "missing codes": (
        categorical(i(2, 0, 0, mask=b"\0\1"), texts("a")),
        categorical(i(4, 0, -1, mask=b"\0\1"), texts("a")),
    ),
    "handles of one id": (handle("1:1", "x"), handle("1:1", "y")),
    "unsigned flag": (Tree(2, flags=1, value=3), Tree(2, value=3)),
}
HINTS = {
    "memory order",
    "boxed",
    "tuple",
    "forced",
    "tuple sequence",
    "map",
    "numpy datetime",
    "pandas duration",
    "table container",
    "csc and csr",
    "csc and coo",
    "width of codes",
    "missing codes",
}


@pytest.mark.parametrize("case", SAME)
def test_the_same(case: str) -> None:
    a, b = SAME[case]
    assert difference(a, b) is None
    assert difference(mapping({"x": listing([a])}), mapping({"x": listing([b])})) is None
    if case in HINTS:
        assert difference(a, b, hints=True)
    elif "list and" not in case:
        assert difference(a, b, hints=True) is None


DIFFERENT = {
    "-0 and 0": (Tree(3), Tree(3, value=1 << 63), "$: "),
    "-0 and 0 in complex": (Tree(4, pool=[0, 0]), Tree(4, pool=[0, 1 << 63]), "$: "),
    "-0 and 0 in arrays": (f8(1, 0.0), f8(1, -0.0), "$[1]: "),
    "NaN and missing": (Tree(3, value=NAN), Tree(7, 12), "$: float is not missing"),
    "NaN and missing in arrays": (f8(float("nan")), f8(0, mask=b"\1"), "$[0]: "),
    "missing and null": (Tree(7), Tree(0), "$: missing is not null"),
    "missing of two types": (Tree(7, 5), Tree(7, 12), "$: "),
    "int and float": (Tree(2, value=1), Tree(3, value=0x3FF0000000000000), "$: int is not float"),
    "int and bool": (Tree(2, value=1), Tree(1, value=1), "$: "),
    "text and bytes": (Tree(5, text="a"), Tree(6, buffers=[b"a"]), "$: "),
    "ints of two classes": (Tree(2, 2, value=1), Tree(2, 3, value=1), "$: "),
    "-1 and 2^64-1": (Tree(2, value=(1 << 64) - 1), Tree(2, flags=1, value=(1 << 64) - 1), "$: "),
    "texts not normalised": (Tree(5, text="é"), Tree(5, text="e\u0301"), "$: "),
    "order of keys": (
        mapping({"a": Tree(0), "b": Tree(0)}),
        mapping({"b": Tree(0), "a": Tree(0)}),
        "$: key 0 is 'a', not 'b'",
    ),
    "length": (listing([Tree(0)]), listing([]), "$: 1 elements"),
    "shape": (f8(1, 2), f8(1, 2, shape=[1, 2]), "$: shape (2,) is not (1, 2)"),
    "shape of empty": (f8(shape=[0, 3]), f8(shape=[3, 0]), "$: shape"),
    "dtype": (f8(1), i(5, 1), "$: dtype f8 is not i8"),
    "text element": (texts("a", "b"), texts("a", "c"), "$[1]: b'b' is not b'c'"),
    "place of an element": (f8(1, 2, 3, 4, shape=[2, 2]), f8(1, 3, 2, 4, shape=[2, 2]), "$[0][1]: "),
    "array and sequence": (f8(1), f8(1, flags=4), "$: array of f8 is not sequence of f8"),
    "ints and floats": (i(5, 1, flags=4), f8(1, flags=4), "$[0]: int is not float"),
    "list of int, sequence of float": (listing([Tree(2, value=1)]), f8(1, flags=4), "$[0]: int is not float"),
    "shaped list": (listing([]), Tree(8, flags=4, pool=[2, 0, 1]), "$: flags"),
    "shape of a list": (Tree(8, flags=4, pool=[2, 1, 0]), Tree(8, flags=4, pool=[2, 0, 1]), "$: "),
    "fields of empty struct arrays": (
        Tree(8, flags=12, text="a\0", pool=[1, 0]),
        Tree(8, flags=12, text="b\0", pool=[1, 0]),
        "$: ",
    ),
    "naive and zoned": (Tree(15, unit=4), Tree(15, unit=4, text="UTC"), "$: "),
    "units": (Tree(15, unit=1), Tree(15, unit=4), "$: "),
    "zones of arrays": (
        Tree(10, 16, unit=1, pool=[], buffers=[bytes(8)]),
        Tree(10, 16, unit=1, pool=[], buffers=[bytes(8)], text="UTC"),
        "$: unit 's' and zone '' are not unit 's' and zone 'UTC'",
    ),
    "categories": (categorical(i(2, 0), texts("a")), categorical(i(2, 0), texts("b")), "$.categories[0]: "),
    "codes": (
        categorical(i(2, 0), texts("a", "b")),
        categorical(i(4, 1), texts("a", "b")),
        "$.codes[0]: ",
    ),
    "ordered": (categorical(i(2, 0), texts("a")), categorical(i(2, 0), texts("a"), 1), "$: flags"),
    "sparse value": (MATRIX[0], sparse(0, "i", bytes([5, 7, 8]), [0, 1, 1], [0, 0, 2, 3]), "$.data[2]: "),
    "sparse place": (MATRIX[0], sparse(0, "i", bytes([5, 7, 9]), [0, 1, 0], [0, 0, 2, 3]), "$: "),
    "handles": (handle("1:1", "x"), handle("1:2", "x"), "$: "),
    "path": (
        mapping({"a": listing([Tree(0), mapping({"1 b": Tree(2, value=1)})])}),
        mapping({"a": listing([Tree(0), mapping({"1 b": Tree(2, value=2)})])}),
        "$.a[1]['1 b']: int (0, 1) is not (0, 2)",
    ),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_different(case: str) -> None:
    a, b, message = DIFFERENT[case]
    found = difference(a, b)
    assert found is not None
    assert found.startswith(message)


@given(rows.values)
def test_every_value_equals_itself(nodes: Nodes) -> None:
    assert equal(nodes, nodes, hints=True) is None


@given(rows.values, rows.values)
def test_symmetric(a: Nodes, b: Nodes) -> None:
    assert (equal(a, b) is None) == (equal(b, a) is None)


@given(rows.values, st.data())
def test_a_changed_text_or_key_is_noticed(nodes: Nodes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(nodes.rows) - 1))
    kind, dtype, flags, unit, count, value, key, text = nodes.rows[at]
    other = list(nodes.rows)
    if kind == 5:
        other[at] = (kind, dtype, flags, unit, count, value, key, text + "x")
    elif kind in (16, 17):
        other[at] = (kind, dtype, flags, unit, count, value ^ 1, key, text)
    else:
        return
    inside = any(row[0] == 20 for row in nodes.rows)  # what describes a handle does not matter
    found = equal(nodes, Nodes(other, nodes.pool, nodes.buffers))
    assert inside or found is not None


def test_python_values() -> None:
    assert_same({"a": [1.0, None]}, {"a": [1.0, None]})
    assert_same(square, np.asfortranarray(square))
    with pytest.raises(AssertionError, match=r"^\$\.a\[1\]: "):
        assert_same({"a": np.array([1.0, 0.0])}, {"a": np.array([1.0, -0.0])})


def test_importing_needs_no_numpy() -> None:
    code = "import sys; import arcuate.values.equal; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
