"""What comes from outside is accepted when it is well-formed and refused with its path when it is not."""

from __future__ import annotations

import contextlib
import importlib
import struct
import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.values import rows
from tests.values.rows import Tree, listing, mapping, nodes_of, text_list

from arcuate.errors import ConversionError, LimitExceeded, ProtocolError, Unsupported
from arcuate.values.check import check
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes


@given(rows.values)
def test_accepts_every_well_formed_value(nodes: Nodes) -> None:
    check(nodes)


def array(
    dtype: int, shape: list[int], *buffers: bytes, flags: int = 0, unit: int = 0, text: str = ""
) -> Tree:
    return Tree(10, dtype, flags, unit, len(shape), 0, text, shape, list(buffers))


def i4(*numbers: int) -> Tree:
    return array(4, [len(numbers)], struct.pack(f"<{len(numbers)}i", *numbers))


def variable(dims: list[str | None], data: Tree) -> Tree:
    return mapping({"dims": text_list(dims), "data": data, "attrs": mapping({})})


def composite(kind: int, value: int = 0, **parts: Tree) -> Tree:
    return Tree(kind, value=value, items=list(parts.items()))


def labelled(dims: list[str | None], data: Tree, **coords: Tree) -> Tree:
    return composite(
        11, name=Tree(0), dims=text_list(dims), data=data, coords=mapping(coords), attrs=mapping({})
    )


def table(rows: int, index: Tree | None = None, **columns: Tree) -> Tree:
    return composite(13, rows, columns=mapping(columns), index=index or Tree(0), attrs=mapping({}))


def index(names: list[str | None], *levels: Tree) -> Tree:
    return mapping({"names": text_list(names), "levels": listing(list(levels))})


def categorical(codes: Tree, categories: Tree) -> Tree:
    return composite(14, codes=codes, categories=categories)


def csc(rows: int, columns: int, data: bytes, indices: list[int], pointers: list[int], **more: int) -> Tree:
    def pack(numbers: list[int]) -> bytes:
        return struct.pack(f"<{len(numbers)}i", *numbers)

    fields = {"dtype": 12, "unit": 0, "value": len(data) // 8, **more}
    return Tree(18, pool=[rows, columns], buffers=[data, pack(indices), pack(pointers)], **fields)


def handle(**info: Tree) -> Tree:
    return Tree(20, text="1:1", items=[("info", mapping(info))])


def structs(text: str, *items: Tree, flags: int = 12) -> Tree:
    tree = listing(list(items), flags)
    tree.text, tree.pool = text, [1, len(items)]
    return tree


F8 = struct.pack("<d", 1.5)
BAD = {
    "null with value": (Tree(0, value=1), "value is 1"),
    "null with dtype": (Tree(0, dtype=1), "dtype"),
    "null with child": (Tree(0, items=[("", Tree(0))]), "count"),
    "null with text": (Tree(0, text="x"), "text"),
    "bool 2": (Tree(1, value=2), "0 or 1"),
    "bool dtype": (Tree(1, dtype=2), "dtype 2"),
    "int dtype": (Tree(2, dtype=12), "dtype 12"),
    "int too large": (Tree(2, dtype=2, value=128), "128 does not fit the dtype i1"),
    "int negative": (Tree(2, dtype=6, value=(1 << 64) - 1), "-1 does not fit"),
    "int unit": (Tree(2, unit=1), "unit"),
    "float dtype": (Tree(3, dtype=5), "dtype 5"),
    "float not f4": (Tree(3, dtype=11, value=0x3FB999999999999A), "0.1 does not fit the dtype f4"),
    "float beyond f2": (Tree(3, dtype=10, value=0x7E37E43C8800759C), "1e\\+300"),
    "float text": (Tree(3, text="x"), "text"),
    "complex dtype": (Tree(4, dtype=12, pool=[0, 0]), "dtype 12"),
    "complex without numbers": (Tree(4, pool=[0]), "pool"),
    "text with NUL": (Tree(5, text="a\0b"), "NUL"),
    "text with value": (Tree(5, text="a", value=1), "value"),
    "bytes without buffer": (Tree(6), "buffers"),
    "missing dtype": (Tree(7, dtype=19), "dtype 19"),
    "list with key": (Tree(8, items=[("a", Tree(0))]), "key 'a'"),
    "list with text": (Tree(8, text="a\0"), "struct array"),
    "list shape": (Tree(8, flags=4, pool=[1, 2], items=[("", Tree(0))]), "1 children in the shape"),
    "structs without shape": (Tree(8, flags=8, text="a\0"), "without shape"),
    "structs without NUL": (structs("a"), "NUL"),
    "structs with a field twice": (structs("a\0a\0"), "same name"),
    "structs with other fields": (structs("a\0", mapping({"b": Tree(0)})), "other fields"),
    "structs in other order": (structs("a\0b\0", mapping({"b": Tree(0), "a": Tree(0)})), "other fields"),
    "structs of null": (structs("", Tree(0)), "other fields"),
    "mapping twice": (Tree(9, items=[("a", Tree(0)), ("a", Tree(0))]), "'a' occurs twice"),
    "mapping NUL": (mapping({"a\0": Tree(0)}), "NUL"),
    "mapping value": (Tree(9, value=1), "value"),
    "array dtype 0": (array(0, [0], b""), "dtype 0"),
    "array dtype 19": (array(19, [0], b""), "dtype 19"),
    "array short": (array(12, [2], F8), "8 bytes of data instead of 16"),
    "array long": (array(12, [], F8 + b"\0"), "9 bytes of data instead of 8"),
    "array overflow": (array(12, [1 << 61, 8], F8), "larger than any memory"),
    "array overflow behind 0": (array(12, [0, 1 << 62, 8], b""), "larger than any memory"),
    "array without shape": (Tree(10, 12, count=2, pool=[1], buffers=[F8]), "pool"),
    "array without data": (Tree(10, 12), "buffers"),
    "array without mask": (array(12, [], F8, flags=1), "buffers"),
    "bool array 2": (array(1, [2], b"\1\2"), "neither 0 nor 1"),
    "mask 2": (array(2, [2], b"ab", b"\0\2", flags=1), "mask"),
    "mask short": (array(2, [2], b"ab", b"\0", flags=1), "1 bytes of mask instead of 2"),
    "unit of a float": (array(12, [], F8, unit=1), "unit 1"),
    "no unit": (array(16, [], bytes(8)), "unit 0"),
    "unit 14": (array(18, [], bytes(8), unit=14), "unit 14"),
    "zone of a float": (array(12, [], F8, text="UTC"), "UTC"),
    "zone that climbs": (array(16, [], bytes(8), unit=1, text="../../etc/passwd"), "time zone"),
    "zone from the root": (array(16, [], bytes(8), unit=1, text="/etc/passwd"), "time zone"),
    "zone with a space": (Tree(15, unit=1, text="a b"), "time zone"),
    "zone too long": (Tree(15, unit=1, text="a" * 129), "time zone"),
    "datetime without unit": (Tree(15), "unit 0"),
    "date beyond": (Tree(16, value=1 << 31), "days"),
    "duration with zone": (Tree(17, unit=1, text="UTC"), "text"),
    "sequence of i4": (array(4, [0], b"", flags=4), "sequence"),
    "sequence 2-d": (array(12, [0, 0], b"", flags=4), "sequence"),
    "tuple without sequence": (array(12, [0], b"", flags=8), "tuple"),
    "texts without NUL": (array(15, [1], b"a"), "last byte"),
    "texts too few": (array(15, [2], b"a\0"), "1 texts instead of 2"),
    "texts too many": (array(15, [1], b"a\0b\0"), "2 texts instead of 1"),
    "texts of none": (array(15, [0], b"\0"), "no elements"),
    "texts none of one": (array(15, [1], b""), "last byte"),
    "texts not UTF-8": (array(15, [1], b"\xff\0"), "UTF-8"),
    "texts cut in a character": (array(15, [2], b"\xc3\0\xa9\0"), "UTF-8"),
    "texts with a surrogate": (array(15, [1], b"\xed\xa0\x80\0"), "UTF-8"),
    "dims too few": (labelled([], i4(1)), "0 names for 1 dimensions"),
    "dims too many": (labelled(["x", "y"], i4(1)), "2 names for 1"),
    "dims with null": (labelled([None], i4(1)), "no list of texts"),
    "dims in conflict": (labelled(["x", "x"], array(2, [1, 2], b"ab")), "1 and 2 long"),
    "coord of unknown dim": (labelled(["x"], i4(1), y=variable(["y"], i4(1))), "no dimension 'y'"),
    "coord too long": (labelled(["x"], i4(1), x=variable(["x"], i4(1, 2))), "1 and 2 long"),
    "coord no variable": (labelled(["x"], i4(1), x=i4(1)), "variable"),
    "coord of a list": (labelled(["x"], i4(1), x=variable(["x"], text_list(["a"]))), "neither array"),
    "labelled name": (
        composite(11, name=Tree(1), dims=Tree(8), data=i4(), coords=Tree(9), attrs=Tree(9)),
        "name",
    ),
    "labelled four": (
        composite(11, name=Tree(0), dims=Tree(8), data=i4(), coords=Tree(9)),
        "4 children instead",
    ),
    "labelled order": (
        composite(11, dims=Tree(8), name=Tree(0), data=i4(), coords=Tree(9), attrs=Tree(9)),
        "'dims' where 'name' belongs",
    ),
    "labelled attrs": (
        composite(11, name=Tree(0), dims=text_list(["x"]), data=i4(), coords=Tree(9), attrs=Tree(8)),
        "'attrs' is no mapping",
    ),
    "dataset in conflict": (
        composite(
            12,
            vars=mapping({"a": variable(["x"], i4(1)), "b": variable(["x"], i4(1, 2))}),
            coords=Tree(9),
            attrs=Tree(9),
        ),
        "1 and 2 long",
    ),
    "dataset name twice": (
        composite(
            12,
            vars=mapping({"a": variable(["x"], i4(1))}),
            coords=mapping({"a": variable(["x"], i4(1))}),
            attrs=Tree(9),
        ),
        "variable and a coordinate",
    ),
    "column too short": (table(2, a=i4(1)), "1 rows in a table of 2"),
    "column 0-d": (table(1, a=array(2, [], b"a")), "no rows"),
    "column scalar": (table(1, a=Tree(2)), "column"),
    "list column too long": (table(1, a=listing([Tree(0), Tree(0)])), "2 rows in a table of 1"),
    "table container": (Tree(13, text="polars", items=table(0).items), "polars"),
    "index too short": (table(2, index([None], i4(1))), "1 rows in a table of 2"),
    "index names": (table(1, index([], i4(1))), "0 names"),
    "index of a list": (table(1, index([None], listing([Tree(0)]))), "neither array"),
    "index 2-d": (table(1, index([None], array(2, [1, 1], b"a"))), "one dimension"),
    "index of texts": (table(1, text_list(["a"])), "index is neither"),
    "code too high": (categorical(i4(0, 2), i4(7, 8)), "code 2 with 2"),
    "code negative": (categorical(i4(-1), i4(7)), "code -1 with 1"),
    "code of none": (categorical(i4(0), i4()), "code 0 with 0"),
    "codes unsigned": (categorical(array(6, [1], b"\0"), i4(7)), "signed"),
    "codes no array": (categorical(Tree(0), i4(7)), "signed"),
    "categories 2-d": (categorical(i4(), array(2, [0, 0], b"")), "one dimension"),
    "sparse dtype": (csc(1, 1, b"", [], [0, 0], dtype=15), "dtype 15"),
    "sparse format": (csc(1, 1, b"", [], [0, 0], unit=3), "format 3"),
    "sparse stored": (csc(1, 1, F8, [0], [0, 1], value=2), "8 bytes of data instead of 16"),
    "sparse stored overflow": (csc(1, 1, F8, [0], [0, 1], value=(1 << 64) - 1), "instead of"),
    "sparse index": (csc(1, 1, F8, [1], [0, 1]), "index 1 is not inside 1 by 1"),
    "sparse index negative": (csc(1, 1, F8, [-1], [0, 1]), "index -1"),
    "sparse pointers fall": (csc(2, 2, F8 * 2, [0, 1], [0, 3, 2]), "decrease|follows"),
    "sparse pointers start": (csc(2, 1, F8 * 2, [0, 1], [1, 2]), "from 1 to 2"),
    "sparse pointers end": (csc(2, 1, F8 * 2, [0, 1], [0, 1]), "from 0 to 1"),
    "sparse pointers few": (csc(2, 2, F8, [0], [0, 1]), "8 bytes of pointers instead of 12"),
    "sparse bool 2": (
        Tree(18, 1, unit=2, value=1, pool=[1, 1], buffers=[b"\2", bytes(4), bytes(4)]),
        "truth",
    ),
    "sparse coo column": (
        Tree(18, 1, unit=2, value=1, pool=[1, 1], buffers=[b"\1", bytes(4), b"\1\0\0\0"]),
        "index 1",
    ),
    "function without id": (Tree(19), "no id"),
    "function with two": (Tree(19, text="1", items=[("info", Tree(9)), ("info", Tree(9))]), "2 children"),
    "function name": (Tree(19, text="1", items=[("info", mapping({"name": Tree(0)}))]), "'name'"),
    "handle without id": (Tree(20, items=[("info", Tree(9))]), "no id"),
    "handle without info": (Tree(20, text="1"), "0 children"),
    "handle info": (Tree(20, text="1", items=[("info", Tree(8))]), "no mapping"),
    "handle class": (handle(**{"class": Tree(5)}), "'class'"),
    "handle class of ints": (handle(**{"class": listing([Tree(2)])}), "'class'"),
    "handle callable": (handle(callable=Tree(2)), "'callable'"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case: str) -> None:
    tree, message = BAD[case]
    with pytest.raises(ProtocolError, match=message):
        check(nodes_of(tree))
    with pytest.raises(ProtocolError, match=r" - at \$\.args\[1\]"):
        check(nodes_of(mapping({"args": listing([Tree(0), tree])})))


@pytest.mark.parametrize("case", [name for name in BAD if "sparse" in name or "code" in name])
def test_refuses_without_numpy(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    tree, message = BAD[case]
    with pytest.raises(ProtocolError, match=message):
        check(nodes_of(tree))


@given(rows.sparse() | rows.categoricals())
def test_accepts_without_numpy(tree: Tree) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "numpy", raising=False)
        check(nodes_of(tree))


def test_codes_under_a_mask_do_not_matter() -> None:
    codes = array(2, [2], b"\x00\x7f", b"\0\1", flags=1)
    check(nodes_of(categorical(codes, i4(7))))
    check(nodes_of(categorical(array(2, [1], b"\x7f", b"\1", flags=1), i4())))


def test_an_unknown_kind_is_unsupported_with_its_path() -> None:
    with pytest.raises(Unsupported, match=r"kind 21 .* - at \$\.a\[0\]\['1 b'\]"):
        check(nodes_of(mapping({"a": listing([mapping({"1 b": Tree(21)})])})))


def test_unknown_flags_are_ignored() -> None:
    check(nodes_of(Tree(0, flags=255)))
    check(nodes_of(mapping({"a": Tree(1)}, flags=254)))


def test_rows_left_over_or_lacking() -> None:
    row = nodes_of(Tree(0)).rows[0]
    with pytest.raises(ProtocolError, match="1 nodes"):
        check(Nodes([row, row]))
    with pytest.raises(ProtocolError, match="0 nodes, but"):
        check(Nodes())
    with pytest.raises(ProtocolError, match="1 pool numbers and 2 buffers"):
        check(Nodes([row], [1], [b"", b""]))
    with pytest.raises(ProtocolError, match="4294967295 children announced, but only 0"):
        check(Nodes([(8, 0, 0, 0, (1 << 32) - 1, 0, "", "")]))
    with pytest.raises(ProtocolError, match="root has a key"):
        check(Nodes([(0, 0, 0, 0, 0, 0, "a", "")]))


def nested(levels: int) -> Nodes:
    rows = [(8, 0, 0, 0, 1, 0, "", "")] * levels
    return Nodes([*rows, (0, 0, 0, 0, 0, 0, "", "")])


def test_depth() -> None:
    check(nested(64), levels=0)
    with pytest.raises(ConversionError, match="deeper than 64") as caught:
        check(nested(65), levels=0)
    assert caught.value.path == "$" + "[0]" * 64
    check(nested(72))
    with pytest.raises(ConversionError, match="deeper than 64"):
        check(nested(100_000))
    with pytest.raises(ConversionError, match="deeper than 3"):
        check(nested(4), Limits(depth=3), levels=0)
    with pytest.raises(ConversionError, match="deeper than 64"):
        check(nested(65), Limits(depth=1000), levels=0)


def test_dimensions() -> None:
    check(nodes_of(array(2, [1] * 64, b"a")))
    with pytest.raises(ConversionError, match="65 dimensions"):
        check(nodes_of(array(2, [1] * 65, b"a")))
    with pytest.raises(ConversionError, match="dimensions"):
        check(nodes_of(Tree(8, flags=4, pool=[(1 << 64) - 1])))


def test_limits_name_their_setting() -> None:
    with pytest.raises(LimitExceeded, match="'nodes'") as caught:
        check(nested(3), Limits(nodes=3))
    assert caught.value.setting == "nodes"
    with pytest.raises(LimitExceeded, match="'array'") as caught:
        check(nodes_of(array(2, [9], b"123456789")), Limits(array=8))
    assert caught.value.setting == "array"


@settings(max_examples=300)
@given(rows.values, st.data())
def test_changed_rows_are_refused_or_harmless(nodes: Nodes, data: st.DataObject) -> None:
    """One field of one row takes another value: the check raises an error of its own or accepts."""
    at = data.draw(st.integers(0, len(nodes.rows) - 1))
    column = data.draw(st.integers(0, 7))
    row = list(nodes.rows[at])
    if column < 4:
        row[column] = data.draw(st.integers(0, 255))
    elif column < 6:
        row[column] = data.draw(st.sampled_from([0, 1, 2, 65, (1 << 32) - 1]))
    else:
        row[column] = data.draw(rows.texts)
    nodes.rows[at] = tuple(row)  # type: ignore[call-overload]
    with contextlib.suppress(ProtocolError, Unsupported, ConversionError):
        check(nodes)


def test_large_buffers_are_not_copied() -> None:
    size = 8 << 20
    values = [
        array(1, [size], bytes(size)),
        array(15, [1], "é".encode() * (size // 2 - 1) + b"a\0"),
        array(15, [size], bytes(size)),
        array(2, [size], bytes(size), bytes(size), flags=1),
    ]
    importlib.import_module("numpy")
    for tree in values:
        nodes = nodes_of(tree)
        tracemalloc.start()
        check(nodes)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < size


def test_a_character_across_two_blocks() -> None:
    text = b"a" * ((1 << 20) - 1) + "é猫😀".encode() + b"\0"
    check(nodes_of(array(15, [1], text)))


def test_needs_no_numpy() -> None:
    code = "import sys; import arcuate.values.check; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
