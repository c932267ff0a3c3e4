"""numpy arrays of every dtype, shape and memory order there and back."""

from __future__ import annotations

import mmap

import numpy as np
import numpy.ma as ma
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.values.judge import assert_equal, through

from arcuate.errors import ConversionError, ProtocolError
from arcuate.values import DecodeOptions, EncodeOptions, codes, decode, encode, frames
from arcuate.values.nodes import Nodes

relaxed = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # other work shares the machine
NUMBERS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
orders = st.sampled_from(["any", "C", "F"])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
dtypes = st.one_of(
    st.sampled_from(NUMBERS).map(np.dtype),
    st.sampled_from([">i4", ">f8", ">c16", ">u2"]).map(np.dtype),
    st.sampled_from(["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"]).flatmap(
        lambda unit: st.sampled_from([np.dtype(f"M8[{unit}]"), np.dtype(f"m8[{unit}]")])
    ),
)


@st.composite
def laid_out(draw):
    """An array in any memory order: transposed, with steps, reversed."""
    dtype = draw(dtypes)
    array = draw(hnp.arrays(dtype, draw(shapes)))
    if array.ndim and draw(st.booleans()):
        array = array[tuple(slice(None, None, draw(st.sampled_from([1, 2, -1]))) for _ in range(array.ndim))]
    return np.transpose(array, draw(st.permutations(range(array.ndim))))


@relaxed
@given(laid_out(), orders)
def test_arrays_come_back_equal(array, order):
    found = through(array, EncodeOptions(order=order))
    if array.dtype == "M8[D]" and array.size and not np.isnat(array).all():
        days = array[~np.isnat(array)].astype("i8")
        kind = codes.D_DATE if (days >= -(2**31)).all() and (days < 2**31).all() else codes.D_DATETIME
        assert encode(array).rows[0][1] == kind
    assert_equal(found, array)


@relaxed
@given(hnp.arrays(object, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0), elements=texts), orders)
def test_texts_come_back_equal(array, order):
    options = EncodeOptions(order=order)
    wide = array.astype(f"<U{max([len(x) for x in array.reshape(-1)] + [1])}")
    assert_equal(through(wide, options).astype(object), wide.astype(object))
    if array.size:
        assert_equal(through(array, options), array)
    found = through(array.astype(np.dtypes.StringDType()), options)
    np.testing.assert_array_equal(found.astype(object), array)


@relaxed
@given(hnp.arrays(object, hnp.array_shapes(max_dims=3), elements=st.one_of(texts, st.none())), orders)
def test_texts_with_none_come_back_equal(array, order):
    if all(item is None for item in array.reshape(-1)):
        with pytest.raises(ConversionError, match="only texts"):
            encode(array)
    else:
        assert_equal(through(array, EncodeOptions(order=order)), array)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_what_marks_a_missing_text_is_kept(missing):
    found = through(np.array(["a", missing], dtype=object))
    assert found[0] == "a"
    assert found[1] is missing or (missing is np.nan and np.isnan(found[1]))


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("order", "CF")
def test_masked_arrays_keep_mask_and_dtype(dtype, order):
    data = np.asarray(np.arange(6).reshape(2, 3), dtype=dtype, order=order)
    mask = [[0, 1, 0], [1, 0, 0]]
    array = ma.MaskedArray(data, mask)
    assert_equal(through(array), array)
    assert_equal(through(array, EncodeOptions(order="F")), array)
    nodes = encode(array)
    laid = "F" if nodes.rows[0][2] & codes.ARRAY_FORTRAN else "C"
    hidden = np.frombuffer(nodes.buffers[0], dtype).reshape((2, 3), order=laid)
    np.testing.assert_array_equal(hidden[np.array(mask, bool)], np.zeros(2, dtype))  # nothing hidden leaks
    assert_equal(through(array[0]), array[0])


def test_masks_from_elsewhere_become_nullable_arrays():
    """One dimension without hints, as R and Octave send it."""
    gone = np.array([False, False, True])
    for array, wanted in [
        (ma.MaskedArray([1.0, np.nan, 3.0], gone), pd.arrays.FloatingArray(np.array([1.0, np.nan, 0]), gone)),
        (ma.MaskedArray(np.array([1, 2], "i4"), [0, 1]), pd.array([1, None], dtype="Int32")),
        (ma.MaskedArray([True, False], [1, 0]), pd.array([None, False], dtype="boolean")),
    ]:  # fmt: skip
        nodes = encode(array)
        row = nodes.rows[0]
        nodes.rows[0] = (*row[:2], codes.ARRAY_MASK, *row[3:])
        found = decode(nodes)
        pd.testing.assert_extension_array_equal(found, wanted)
        np.testing.assert_array_equal(found.isna(), ma.getmaskarray(array))


@pytest.mark.parametrize("scalar", [np.dtype(kind).type(1) for kind in NUMBERS])
def test_numpy_scalars_keep_their_class(scalar):
    assert_equal(through(scalar), scalar)


@relaxed
@given(
    hnp.from_dtype(np.dtype("M8[us]")),
    hnp.from_dtype(np.dtype("m8[ns]")),
    st.floats(width=16),
    st.floats(width=32),
)
def test_numpy_scalars_come_back_equal(moment, span, half, single):
    for value in (moment, span, np.float16(half), np.float32(single), np.datetime64("2020-02", "M")):
        assert_equal(through(value), value)


def test_missing_scalars():
    assert through(np.ma.masked) is pd.NA
    assert np.isnat(through(np.datetime64("NaT")))
    assert_equal(through([pd.NaT, pd.NA]), [pd.NaT, pd.NA])


@pytest.mark.parametrize("order", "CF")
def test_no_copy_where_the_order_allows(order):
    array = np.asarray(np.arange(12.0).reshape(3, 4), order=order)
    for wanted in ("any", order):
        nodes = encode(array, EncodeOptions(order=wanted))
        assert np.shares_memory(np.frombuffer(nodes.buffers[0]), array)
    found = decode(encode(array))
    assert np.shares_memory(found, array)


def test_a_decoded_array_is_writable_if_its_memory_is():
    frame = bytearray(frames.to_bytes(encode(np.arange(3.0))))
    found = decode(frames.load(frame))
    found[0] = 7
    assert decode(frames.load(frame))[0] == 7
    assert not decode(frames.load(bytes(frame))).flags.writeable


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"])
def test_strict_readers_of_buffers_accept_decoded_arrays(dtype):
    """`memoryview` refuses to index a format such as "<d", and so do other libraries."""
    found = memoryview(through(np.array([1, 2], dtype=dtype)))
    assert found.format == memoryview(np.array([1, 2], dtype=dtype)).format
    assert found[1] == 2


def test_the_option_array_is_asked_for_the_memory():
    seen = []

    def keep(view):
        seen.append(len(view))
        return memoryview(bytearray(view))

    options = DecodeOptions(array=keep)
    assert_equal(
        through([np.arange(3.0), np.array(["a"]), [1.0]], decoding=options),
        [np.arange(3.0), np.array(["a"]), [1.0]],
    )
    assert seen == [24]


def test_memory_maps_travel(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(5.0))
    assert_equal(through(np.load(path, mmap_mode="r")), np.arange(5.0))
    with mmap.mmap(-1, 16) as memory:
        view = np.frombuffer(memory, "f8")
        assert_equal(through(view), np.zeros(2))
        del view


@relaxed
@given(
    st.sampled_from(["?", "i4", "u8", "f4", "f8", "c8", "c16"]),
    st.sampled_from(["csc", "csr", "coo", "dia", "bsr", "lil", "dok"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_sparse_matrices(dtype, form, old, seed):
    dense = np.random.default_rng(seed).integers(0, 3, (4, 6)) * (
        np.random.default_rng(seed + 1).random((4, 6)) < 0.4
    )
    dense = dense.astype(dtype)
    if dtype.startswith("c"):
        dense = dense * np.dtype(dtype).type(1 + 2j)
    matrix = getattr(sp, f"{form}_{'matrix' if old else 'array'}")(dense)
    found = through(matrix)
    assert sp.isspmatrix(found) == old
    assert found.format == (form if form in ("csc", "csr", "coo") else "csc")
    assert found.dtype == dense.dtype
    np.testing.assert_array_equal(found.toarray(), dense)


def test_sparse_duplicates_and_order_are_tidied_in_a_copy():
    matrix = sp.csr_array((np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1]), np.array([0, 3])), shape=(1, 2))
    found = through(matrix)
    np.testing.assert_array_equal(found.indices, [0, 1])
    np.testing.assert_array_equal(found.toarray(), [[2.0, 4.0]])
    assert matrix.nnz == 3


class Quantity(np.ndarray):
    """An array subclass that carries a unit."""


REFUSED = {
    "longdouble": (np.zeros(2, np.longdouble), "astype"),
    "clongdouble": (np.clongdouble(1), "astype"),
    "structured": (np.zeros(2, [("a", "f8")]), "DataFrame"),
    "bytes": (np.array([b"ab"]), r"astype\(str\)"),
    "void": (np.zeros(2, "V3"), "tobytes"),
    "mixed": (np.array([1, "a", None], dtype=object), "astype"),
    "objects": (np.array([1, 2], dtype=object), "astype"),
    "no unit": (np.array([1, 2], "m8"), "unit"),
    "subclass": (np.zeros(2).view(Quantity), "asarray"),
    "1-d sparse": (sp.coo_array(np.array([1.0, 0.0])), "reshape"),
    "sparse longdouble": (sp.csr_array(np.eye(2, dtype=np.longdouble)), "astype"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_arrays_say_what_to_do(name):
    value, remedy = REFUSED[name]
    with pytest.raises(ConversionError, match=remedy) as caught:
        encode([None, {"x": value}])
    assert caught.value.path.startswith("$[1].x")


def test_more_than_64_dimensions_are_refused():
    # numpy itself stops at 64: the array comes as rows, as another client could send it.
    rows = [(codes.ARRAY, codes.D_F8, 0, 0, 65, 0, "", "")]
    with pytest.raises(ProtocolError, match="64 are allowed"):
        decode(Nodes(rows, [1] * 65, [bytes(8)]))
    assert_equal(through(np.zeros((1,) * 64)), np.zeros((1,) * 64))


def test_positions_in_paths_of_text_arrays():
    array = np.array([["a", "b"], ["c", "x\0y"]], dtype=object)
    for order in "CF":
        with pytest.raises(ConversionError, match="NUL") as caught:
            encode(array, EncodeOptions(order=order))
        assert caught.value.path == "$[1, 1]"


def test_transposing_copies_of_large_arrays_are_right():
    """Blocks of every shape; numpy's own copy judges."""
    rng = np.random.default_rng(0)
    for shape in [
        (300, 400),
        (3, 70000),
        (70000, 3),
        (40, 50, 60),
        (2, 2, 40000),
        (40000, 2, 2),
        (1, 512, 300),
    ]:
        array = rng.random(shape)
        buffer = encode(array, EncodeOptions(order="F")).buffers[0]
        target = bytearray(array.nbytes)
        if hasattr(buffer, "copy_into"):
            buffer.copy_into(memoryview(target))
        else:
            target[:] = buffer
        assert bytes(target) == array.tobytes("F")
