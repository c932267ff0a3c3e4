"""Random programs over the array classes, as text: what fails can be read, and typed elsewhere."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

from hypothesis import strategies as st

INTEGERS = {
    f"{sign}int{bits}": (0 if sign else -(1 << (bits - 1)), (1 << (bits if sign else bits - 1)) - 1)
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}
CLASSES = ("double", "single", *INTEGERS, "logical")
CODES = dict(zip(CLASSES, ("f8", "f4", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"), strict=True))
WILD = (
    "None",
    "'a'",
    "''",
    "b'ab'",
    "b''",
    "bytearray(b'ab')",
    "{1, 2}",
    "object()",
    "range(3)",
    "range(0)",
    "iter([1])",
    "np.float64(1.5)",
    "np.float32(1.5)",
    "np.int64(7)",
    "np.int8(7)",
    "np.bool_(True)",
    "np.array(2.5)",
    "array.array('d', [1.0, 2.0])",
    "array.array('f', [1.0, 2.0])",
    "array.array('q', [1, 2])",
    "array.array('B', [1, 2])",
    "memoryview(b'abc')",
    "memoryview(np.arange(6.0).reshape(2, 3))",
    "Ellipsis",
    "1j",
    "complex(nan, 1)",
    "2 ** 63",
    "2 ** 64 - 1",
    "2 ** 70",
    "-(2 ** 63) - 1",
    "m.double([1, 2])",
    "m.single([1.5])",
    "m.int16([[1, 200], [3, 4]])",
    "m.logical([True])",
    "m.double([[1, 2], [3, 4]])[0]",
    "m.double([[1, 2], [3, 4]])[::-1]",
    "m.double([1j], is_complex=True)",
)

NO_SEQUENCE = (
    "None",
    "'a'",
    "1.5",
    "1j",
    "object()",
    "{1}",
    "np.float64(1.5)",
    "np.int64(7)",
    "2 ** 70",
    "300",
    "-1",
    "nan",
)

classes = st.sampled_from(CLASSES)
wild = st.sampled_from(WILD)
calm = wild.filter(lambda text: text not in ("np.array(2.5)", "memoryview(np.arange(6.0).reshape(2, 3))"))
"""Those that end no genuine process where they are elements."""


@functools.cache
def floats() -> st.SearchStrategy[str]:
    """Numbers of every size, with those that are none."""
    return st.one_of(
        st.sampled_from(["0.0", "-0.0", "1.0", "nan", "inf", "-inf", "0.1", "1e300"]), st.floats().map(repr)
    )


@functools.cache
def integers(low: int, high: int) -> st.SearchStrategy[str]:
    """Integers of a range, often at its ends."""
    near = st.sampled_from([low, low + 1, 0, 1, high - 1, high])
    return st.one_of(st.integers(max(low, -3), 3), near, st.integers(low, high)).map(str)


@functools.cache
def numbers(cls: str, is_complex: bool = False) -> st.SearchStrategy[str]:
    """Numbers that a class takes."""
    whole = integers(*INTEGERS.get(cls, (-(2**63), 2**63 - 1)))
    if cls in INTEGERS:
        small = integers(*(max(min(end, 2**50), -(2**50)) for end in INTEGERS[cls]))
        pairs = st.tuples(small, small).map(lambda pair: f"complex({pair[0]}, {pair[1]})")
        return st.one_of(small, pairs) if is_complex else st.one_of(whole, st.sampled_from(["True", "False"]))
    real = st.one_of(floats(), whole, st.sampled_from(["True", "False"]))
    pairs = st.tuples(floats(), floats()).map(lambda pair: f"complex({pair[0]}, {pair[1]})")
    return st.one_of(real, pairs) if is_complex else real


@functools.cache
def shapes(least: int = 0, most: int = 3, rank: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Dimensions of two and more."""
    return st.lists(st.integers(least, most), min_size=2, max_size=rank).map(tuple)


@st.composite
def nested(draw: st.DrawFn, elements: st.SearchStrategy[str], shape: tuple[int, ...]) -> str:
    """Return nested lists, or tuples, of given dimensions: a few elements, repeated."""
    open_, close = draw(st.sampled_from(["[]", "[]", "[]", "()"]))
    pool = itertools.cycle(draw(st.lists(elements, min_size=1, max_size=7)))

    def part(dims: tuple[int, ...]) -> str:
        if not dims:
            return next(pool)
        return open_ + "".join(part(dims[1:]) + ", " for _ in range(dims[0])) + close

    return part(shape)


@st.composite
def ragged(draw: st.DrawFn, cls: str) -> str:
    """Return nested lists of any form, with anything in them."""
    leaf = st.one_of(
        numbers(cls),
        numbers(cls),
        calm,
    )
    lists = st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        max_leaves=6,
    )
    return draw(lists)


@st.composite
def numpy_arrays(draw: st.DrawFn, cls: str) -> str:
    """Return an array of numpy's: of the right type mostly, and mostly one whose memory is whole."""
    code = (
        CODES[cls]
        if draw(st.integers(0, 4))
        else draw(st.sampled_from([*CODES.values(), "c16", "c8", ">f8", ">i2"]))
    )
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    order = draw(st.sampled_from("CF"))
    text = f"np.arange({math.prod(shape)}).astype('{code}').reshape({tuple(shape)}, order='{order}')"
    return text + draw(st.sampled_from([""] * 6 + [".T", "[::2]", "[::-1]", "[:1]", "[..., :1]"]))


@st.composite
def sizes(draw: st.DrawFn) -> str:
    """Return a `size`: nearly always dimensions."""
    if draw(st.integers(0, 9)) == 0:
        return draw(
            st.sampled_from(
                ["()", "[]", "2", "(-1, 2)", "(1.0, 2)", "(True, 2)", "'ab'", "b'ab'", "(None, 1)", "0"]
            )
        )
    dims = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    return repr(draw(st.sampled_from([tuple, list]))(dims))


@st.composite
def constructions(draw: st.DrawFn) -> str:
    """Return the text of a construction that may fail."""
    cls = draw(classes)
    is_complex = draw(st.integers(0, 4)) == 0
    arguments = []
    options = [f"is_complex={is_complex}"] if is_complex or draw(st.integers(0, 9)) == 0 else []
    elements = numbers(cls, is_complex)
    form = draw(st.integers(0, 9))
    flat = st.lists(elements, max_size=6).map(lambda parts: f"[{', '.join(parts)}]")
    if form <= 2:
        arguments.append(draw(nested(elements, draw(shapes(rank=3)))))
    elif form == 3:
        arguments.append(draw(flat))
    elif form == 4:
        options.append(f"vector={draw(st.one_of(flat, calm))}")
    elif form == 5:
        arguments.append(draw(ragged(cls)))
    elif form == 6:
        arguments.append(draw(numpy_arrays(cls)))
    elif form == 7:
        arguments.append(draw(wild))
    elif form == 8:
        arguments.append(draw(elements))
    if draw(st.integers(0, 2)) == 0 and not any("vector" in one for one in options):
        options.append(f"size={draw(sizes())}")
    return f"m.{cls}({', '.join(arguments + sorted(options))})"


@st.composite
def filled(draw: st.DrawFn, least: int = 0) -> tuple[str, str, tuple[int, ...], bool]:
    """Return the text of an array that can be made, its class, its dimensions and whether it is complex."""
    cls = draw(classes)
    is_complex = cls != "logical" and draw(st.integers(0, 4)) == 0
    shape = draw(shapes(least))
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    elements = numbers(cls, is_complex)
    if cls in ("double", "single") and draw(st.booleans()):
        elements = integers(-9, 9)
    flat = draw(nested(elements, (math.prod(shape),)))
    return (
        f"m.{cls}({flat}, {shape}{', is_complex=True' if is_complex else ''})",
        cls,
        shape,
        is_complex,
    )


@st.composite
def indices(draw: st.DrawFn, length: int) -> str:
    """Return one index: mostly one that is there."""
    form = draw(st.integers(0, 11))
    if form == 0:
        return draw(
            st.sampled_from(
                ["0, 1", "'a'", "None", "1.0", "...", "np.int64(0)", "[0]", "::0", "'a':", "True", "7"]
            )
        )
    if form <= 5 and length:
        return str(draw(st.integers(-length, length - 1)))
    if form == 6:
        return str(draw(st.integers(-length - 1, length)))
    part = st.one_of(st.just(""), st.integers(-4, 4).map(str))
    step = st.sampled_from(["", "", "", ":1", ":2", ":-1", ":-2", ":3"])
    return f"{draw(part)}:{draw(part)}{draw(step)}"


@st.composite
def places(
    draw: st.DrawFn, shape: tuple[int, ...], plain: bool = False
) -> tuple[str, tuple[int, ...] | None]:
    """Return a chain of indices and the dimensions of what it names; None where that is an error.

    Args:
        draw: Hypothesis's.
        shape: The dimensions of the array.
        plain: Whether a slice comes last.
    """
    import numpy as np

    text, found = "", np.empty(shape)
    for _ in range(draw(st.integers(1, len(shape) + 1))):
        index = draw(indices(len(found) if found.ndim else 0))
        text += f"[{index}]"
        try:
            key: Any = eval(f"_[{index}]", {"_": _Key(), "np": np})
            if not isinstance(key, (int, slice)) or isinstance(key, np.generic):
                return text, None
            found = np.asarray(found[int(key) if isinstance(key, int) else key])
        except (IndexError, ValueError, TypeError):
            return text, None
        if not found.size or not found.ndim or (plain and isinstance(key, slice)):
            break
    return text, found.shape


class _Key:
    def __getitem__(self, key: object) -> object:
        return key


@st.composite
def assignments(draw: st.DrawFn) -> list[str]:
    """Return a program that assigns to a part of an array."""
    text, cls, shape, is_complex = draw(filled(least=1))
    some = places(shape, plain=True).filter(lambda found: found[1] is None or math.prod(found[1]) > 0)
    place, target = draw(some)
    elements = numbers(cls, is_complex)
    form = draw(st.integers(0, 9))
    if form == 0 or target is None:
        value = draw(nested(elements, draw(shapes(least=1, rank=3))))
    elif form == 1 and not target:
        value = draw(wild)
    elif form == 1:
        value = draw(nested(st.one_of(elements, st.sampled_from(NO_SEQUENCE)), target))
    elif form == 2:
        value = draw(nested(elements, (math.prod(target),)))
    elif form == 3 and target:
        code = draw(st.sampled_from([*CODES.values()]))
        value = f"np.arange({math.prod(target)}).astype('{code}').reshape({target})"
    elif form == 5:
        value = f"m.{cls}({draw(nested(elements, target))}, is_complex={is_complex})"
    else:
        value = draw(nested(elements, target))
    return [f"x = {text}", f"x{place} = {value}", "x"]


METHODS = (
    "len(x)",
    "bool(x)",
    "list(x)",
    "str(x)",
    "x.size, x._size, x.itemsize, x._is_complex",
    "x.real()",
    "x.imag()",
    "x.noncomplex()",
    "x._data",
    "x._real",
    "x._imag",
    "x._data.toarray()",
    "x._data.size",
    "x.toarray()",
    "x[0].toarray()",
    "x.tomemoryview()",
    "memoryview(x)",
    "memoryview(x[0])",
    "memoryview(x[::-1])",
    "bytes(x)",
    "x.get_bytewise_strides()",
    "x.buffer_info()[1]",
    "np.asarray(x) if not x._is_complex else 0",
    "x.clone()",
    "copy.copy(x)",
    "copy.deepcopy([x])",
    "pickle.loads(pickle.dumps(x))",
    "pickle.loads(pickle.dumps(x, 0))",
    "0 in x.size or (x.clone() == x, x.clone() != x)",
    "x == 5, x == None, x == [x], x == x[:]",
    "hash(x)",
    "{x}",
    "x < x",
    "x >= 1",
    "x + x",
    "-x",
    "x.size = (1, 1)",
    "x._data = 1",
    "x.foo = 1",
    "x.foo",
    "del x.size",
    "x.__dict__",
    "x in [x], 1 in x",
    "list(reversed(x))",
    "[list(row) for row in x]",
    "isinstance(x, type(x)), isinstance(x[0:0], type(x))",
    "type('S', (type(x),), {})",
    "x.__init__([5])",
    "x.clone(1)",
    "'{}{!r:>9}'.format(x, x)",
    "m.double(x)",
    "m.int8(x)",
    "m.uint64(x)",
    "m.single(x)",
    "m.logical(x)",
    "m.double(x, is_complex=True)",
    "m.double(x, (2, 2))",
    "m.int16([x, x])",
    "m.double(vector=x)",
    "np.shares_memory(np.asarray(x), np.asarray(x)) if not x._is_complex and x.itemsize else 0",
)


@st.composite
def reshapes(draw: st.DrawFn) -> list[str]:
    """Return a program that reshapes an array."""
    text, _, shape, _ = draw(filled())
    form = draw(st.integers(0, 9))
    if form == 0:
        arguments = draw(
            st.one_of(sizes(), st.sampled_from(["", "-1, 2", "2.0, 2", "None", "(2, 2), 1", "2", "b'ab'"]))
        )
    elif form <= 2:
        arguments = repr(draw(shapes()))
    else:
        dims = draw(st.permutations(list(shape)))
        if draw(st.booleans()) and len(dims) > 2:
            dims = [dims[0] * dims[1], *dims[2:]]
        dims += [1] * draw(st.integers(0, 2))
        arguments = ", ".join(map(str, dims)) if draw(st.booleans()) else repr(tuple(dims))
    return [
        f"x = {text}",
        f"x.reshape({arguments})",
        f"x.reshape({arguments}) is x",
        "x",
        "x.size, memoryview(x)",
    ]


@st.composite
def comparisons(draw: st.DrawFn) -> list[str]:
    """Return a program that compares arrays which are often equal."""
    few = st.sampled_from(["0", "1", "-0.0", "nan", "1.0"])
    texts = []
    for _ in range(2):
        shape = draw(shapes(most=2, rank=3))
        is_complex = draw(st.integers(0, 3)) == 0
        flat = draw(st.lists(few, min_size=math.prod(shape), max_size=math.prod(shape)))
        cls = draw(st.sampled_from(["double", "double", "single"]))
        texts.append(f"m.{cls}([{', '.join(flat)}], {shape}, is_complex={is_complex})")
    return [
        f"x = {texts[0]}",
        f"y = {texts[1]}",
        "x == y, x != y, y == x",
        "x == x",
        "x[0] == y[0]",
        "x[0:1] == y[0:1]",
    ]
