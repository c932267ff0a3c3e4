"""Hypothesis strategies for well-formed rows of every kind, from `protos/frames.md` and not from the code."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from hypothesis import strategies as st

from arcuate.values.nodes import Nodes

NULL, BOOL, INT, FLOAT, COMPLEX, TEXT, BYTES, MISSING, LIST, MAPPING, ARRAY = range(11)
LABELLED, DATASET, TABLE, CATEGORICAL, DATETIME, DATE, DURATION, SPARSE, FUNCTION, HANDLE = range(11, 21)
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 2,
    8: 4,
    9: 8,
    10: 2,
    11: 4,
    12: 8,
    13: 8,
    14: 16,
    16: 8,
    17: 4,
    18: 8,
}


@dataclass
class Tree:
    """One node with its descendants."""

    kind: int
    dtype: int = 0
    flags: int = 0
    unit: int = 0
    count: int = 0
    value: int = 0
    text: str = ""
    pool: list[int] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=list)
    items: list[tuple[str, Tree]] = field(default_factory=list)


def nodes_of(tree: Tree) -> Nodes:
    """Lays a tree out in pre-order."""
    nodes = Nodes()

    def add(tree: Tree, key: str) -> None:
        count = tree.count if tree.kind == ARRAY else len(tree.items)
        nodes.rows.append((tree.kind, tree.dtype, tree.flags, tree.unit, count, tree.value, key, tree.text))
        nodes.pool.extend(tree.pool)
        nodes.buffers.extend(tree.buffers)
        for key_below, item in tree.items:
            add(item, key_below)

    add(tree, "")
    return nodes


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
bits = st.floats(width=64).map(lambda x: struct.unpack("<Q", struct.pack("<d", x))[0])
i64 = st.integers(-(1 << 63), (1 << 63) - 1).map(lambda x: x & (1 << 64) - 1)
zones = st.sampled_from(["", "UTC", "Europe/Prague", "+05:30"])
units = st.integers(1, 13)


def mapping(items: dict[str, Tree], flags: int = 0) -> Tree:
    return Tree(MAPPING, flags=flags, items=list(items.items()))


def listing(items: list[Tree], flags: int = 0) -> Tree:
    return Tree(LIST, flags=flags, items=[("", item) for item in items])


def text_list(names: list[str | None]) -> Tree:
    return listing([Tree(NULL) if name is None else Tree(TEXT, text=name) for name in names])


@st.composite
def ints(draw: st.DrawFn) -> Tree:
    dtype = draw(st.sampled_from([0, *range(2, 10)]))
    if dtype == 0:
        if draw(st.booleans()):
            return Tree(INT, flags=1, value=draw(st.integers(1 << 63, (1 << 64) - 1)))
        return Tree(INT, value=draw(i64))
    width = 8 * SIZES[dtype]
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if dtype < 6 else (0, (1 << width) - 1)
    return Tree(INT, dtype, value=draw(st.integers(low, high)) & (1 << 64) - 1)


@st.composite
def floats(draw: st.DrawFn) -> Tree:
    dtype, width = draw(st.sampled_from([(0, 64), (10, 16), (11, 32), (12, 64)]))
    return Tree(FLOAT, dtype, value=struct.unpack("<Q", struct.pack("<d", draw(st.floats(width=width))))[0])


scalars = st.one_of(
    st.just(Tree(NULL)),
    st.builds(
        lambda dtype, value: Tree(BOOL, dtype, value=value), st.sampled_from([0, 1]), st.integers(0, 1)
    ),
    ints(),
    floats(),
    st.builds(lambda re, im: Tree(COMPLEX, pool=[re, im]), bits, bits),
    texts.map(lambda text: Tree(TEXT, text=text)),
    st.binary(max_size=70).map(lambda data: Tree(BYTES, buffers=[data])),
    st.integers(0, 18).map(lambda dtype: Tree(MISSING, dtype)),
    st.builds(lambda u, v, z: Tree(DATETIME, unit=u, value=v, text=z), units, i64, zones),
    st.integers(-(1 << 31), (1 << 31) - 1).map(lambda day: Tree(DATE, value=day & (1 << 64) - 1)),
    st.builds(lambda u, v: Tree(DURATION, unit=u, value=v), units, i64),
    texts.filter(bool).map(lambda text: Tree(FUNCTION, text=text)),
)


@st.composite
def arrays(
    draw: st.DrawFn, shape: tuple[int, ...] | None = None, dtypes: tuple[int, ...] = tuple(range(1, 19))
) -> Tree:
    """An array; under its mask the data is zero."""
    dtype = draw(st.sampled_from(dtypes))
    if shape is None:
        shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    size = 1
    for extent in shape:
        size *= extent
    mask = draw(st.none() | st.lists(st.integers(0, 1), min_size=size, max_size=size))
    shown = [not missing for missing in mask] if mask is not None else [True] * size
    if dtype == 15:
        elements = [draw(texts).encode() + b"\0" if show else b"\0" for show in shown]
    elif dtype == 1:
        elements = [bytes([draw(st.integers(0, 1)) if show else 0]) for show in shown]
    else:
        width = SIZES[dtype]
        elements = [
            draw(st.binary(min_size=width, max_size=width)) if show else bytes(width) for show in shown
        ]
    flags = draw(st.sampled_from([0, 2, 16]))
    if len(shape) == 1 and dtype in (1, 5, 12, 14, 15):
        flags = draw(st.sampled_from([0, 4, 12]))
    buffers = [b"".join(elements)]
    if mask is not None:
        flags |= 1
        buffers.append(bytes(mask))
    return Tree(
        ARRAY,
        dtype,
        flags,
        unit=draw(units) if dtype in (16, 18) else 0,
        count=len(shape),
        text=draw(zones) if dtype == 16 else "",
        pool=list(shape),
        buffers=buffers,
    )


@st.composite
def categoricals(draw: st.DrawFn, shape: tuple[int, ...] | None = None) -> Tree:
    count = draw(st.integers(0, 3))
    categories = draw(arrays((count,), (5, 12, 15)))
    if shape is None:
        shape = (draw(st.integers(0, 4)),)
    size = 1
    for extent in shape:
        size *= extent
    dtype, form = draw(st.sampled_from([(2, "b"), (3, "h"), (4, "i"), (5, "q")]))
    numbers = draw(st.lists(st.integers(-1, count - 1), min_size=size, max_size=size))
    data = struct.pack(f"<{size}{form}", *(max(number, 0) for number in numbers))
    mask = bytes(number < 0 for number in numbers)
    codes = Tree(ARRAY, dtype, 1, count=len(shape), pool=list(shape), buffers=[data, mask])
    return Tree(
        CATEGORICAL, flags=draw(st.integers(0, 1)), items=[("codes", codes), ("categories", categories)]
    )


def data(shape: tuple[int, ...]) -> st.SearchStrategy[Tree]:
    return arrays(shape) | categoricals(shape)


@st.composite
def variables(draw: st.DrawFn, sizes: dict[str, int]) -> Tree:
    dims = draw(st.lists(st.sampled_from(sorted(sizes)), unique=True, max_size=2)) if sizes else []
    content = draw(data(tuple(sizes[dim] for dim in dims)))
    return mapping({"dims": text_list(dims), "data": content, "attrs": mapping({})})


@st.composite
def labelled(draw: st.DrawFn) -> Tree:
    sizes = draw(st.dictionaries(texts, st.integers(0, 3), max_size=2))
    name = draw(st.none() | texts)
    parts = {
        "name": Tree(NULL) if name is None else Tree(TEXT, text=name),
        "dims": text_list(list(sizes)),
        "data": draw(data(tuple(sizes.values()))),
        "coords": mapping(draw(st.dictionaries(texts, variables(sizes), max_size=2))),
        "attrs": mapping(draw(st.dictionaries(texts, scalars, max_size=2))),
    }
    return Tree(LABELLED, items=list(parts.items()))


@st.composite
def datasets(draw: st.DrawFn) -> Tree:
    sizes = draw(st.dictionaries(texts, st.integers(0, 3), max_size=2))
    names = draw(st.lists(texts, unique=True, max_size=4))
    both = [(name, draw(variables(sizes))) for name in names]
    cut = draw(st.integers(0, len(names)))
    parts = {"vars": mapping(dict(both[:cut])), "coords": mapping(dict(both[cut:])), "attrs": mapping({})}
    return Tree(DATASET, items=list(parts.items()))


@st.composite
def tables(draw: st.DrawFn) -> Tree:
    rows = draw(st.integers(0, 3))
    column = data((rows,)) | st.lists(scalars, min_size=rows, max_size=rows).map(listing)
    index = Tree(NULL)
    names = draw(st.none() | st.lists(st.none() | texts, min_size=1, max_size=2))
    if names is not None:
        levels = [draw(data((rows,))) for _ in names]
        index = mapping({"names": text_list(names), "levels": listing(levels)})
    columns = mapping(draw(st.dictionaries(texts, column, max_size=3)))
    parts = {"columns": columns, "index": index, "attrs": mapping({})}
    text = draw(st.sampled_from(["", "pandas", "arrow"]))
    return Tree(TABLE, value=rows, text=text, items=list(parts.items()))


@st.composite
def sparse(draw: st.DrawFn) -> Tree:
    rows, columns = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    places = (
        draw(st.sets(st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1))))
        if rows * columns
        else set()
    )
    form = draw(st.integers(0, 2))
    order = sorted(places, key=lambda at: at[::-1]) if form == 0 else sorted(places)
    dtype = draw(st.sampled_from([1, 4, 11, 12, 14]))
    content = b"".join(
        bytes([draw(st.integers(0, 1))])
        if dtype == 1
        else draw(st.binary(min_size=SIZES[dtype], max_size=SIZES[dtype]))
        for _ in order
    )
    wide = draw(st.booleans())
    letter = "q" if wide else "i"

    def pack(numbers: list[int]) -> bytes:
        return struct.pack(f"<{len(numbers)}{letter}", *numbers)

    row_numbers, column_numbers = [row for row, _ in order], [column for _, column in order]
    if form == 0:
        buffers = [pack(row_numbers), pack([sum(c < i for c in column_numbers) for i in range(columns + 1)])]
    elif form == 1:
        buffers = [pack(column_numbers), pack([sum(r < i for r in row_numbers) for i in range(rows + 1)])]
    else:
        buffers = [pack(row_numbers), pack(column_numbers)]
    return Tree(
        SPARSE,
        dtype,
        int(wide),
        unit=form,
        value=len(order),
        pool=[rows, columns],
        buffers=[content, *buffers],
    )


@st.composite
def handles(draw: st.DrawFn) -> Tree:
    info = {
        "class": text_list(draw(st.lists(texts, max_size=2))),
        "summary": Tree(TEXT, text=draw(texts)),
        "callable": Tree(BOOL, value=draw(st.integers(0, 1))),
        "language": Tree(TEXT, text="R"),
    }
    return Tree(HANDLE, text=draw(texts.filter(bool)), items=[("info", mapping(info))])


leaves = st.one_of(scalars, arrays(), categoricals(), labelled(), datasets(), tables(), sparse(), handles())


@st.composite
def shaped(draw: st.DrawFn, inner: st.SearchStrategy[Tree]) -> Tree:
    shape = draw(st.lists(st.integers(0, 2), max_size=3))
    size = 1
    for extent in shape:
        size *= extent
    if draw(st.booleans()):
        tree = listing([draw(inner) for _ in range(size)], flags=4)
    else:
        fields = draw(st.lists(texts, unique=True, max_size=3))
        tree = listing([mapping({name: draw(scalars) for name in fields}) for _ in range(size)], flags=12)
        tree.text = "".join(name + "\0" for name in fields)
    tree.pool = [len(shape), *shape]
    return tree


def _around(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.builds(listing, st.lists(inner, max_size=4), st.sampled_from([0, 1, 2])),
        st.builds(mapping, st.dictionaries(texts, inner, max_size=4), st.integers(0, 1)),
        shaped(inner),
    )


trees = st.recursive(leaves, _around, max_leaves=6)
values = trees.map(nodes_of)
