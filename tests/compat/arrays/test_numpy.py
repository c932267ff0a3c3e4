"""The array classes judged by numpy and by the buffer protocol's other users."""

from __future__ import annotations

import gc
import hashlib
import io
import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.compat.arrays import programs
from tests.compat.arrays.oracle import ROOT, Oracle

from arcuate.compat import matlab

SETTINGS = settings(
    max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
BY_COLUMNS = np.asfortranarray(np.arange(6.0).reshape(2, 3))


def ours(array: np.ndarray[Any, Any]) -> Any:
    """The array of the class that has this dtype."""
    name = {"f8": "double", "f4": "single", "b1": "logical"}.get(array.dtype.str[1:], array.dtype.name)
    return getattr(matlab, name)(array)


@pytest.mark.parametrize("code", programs.CODES.values())
@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 3), (3, 2, 4), (0, 3), (5,), (1030, 700), (700, 1030), (3, 300_000)]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_there_and_back(code: str, shape: tuple[int, ...], order: Any) -> None:
    source = np.asarray(np.arange(math.prod(shape)).astype(code).reshape(shape), order=order)
    made = ours(source)
    back = np.asarray(made)
    assert back.dtype == source.dtype
    assert np.array_equal(back, np.atleast_2d(source))
    assert back.flags.f_contiguous
    assert not back.flags.writeable
    assert not np.shares_memory(back, source)


def test_back_without_a_copy() -> None:
    made = matlab.double(BY_COLUMNS)
    assert np.shares_memory(np.asarray(made), np.asarray(made))
    before = np.asarray(made)
    made[1][2] = 50
    assert before[1, 2] == 50
    assert made.buffer_info() == (before.ctypes.data, 6)


@SETTINGS
@given(data=st.data())
def test_reading_and_writing_through_any_chain(data: st.DataObject) -> None:
    """Rows, slices, slices of slices and their rows name the elements that numpy says, and are views."""
    shape = data.draw(programs.shapes(least=1))
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    place, target = data.draw(programs.places(shape))
    assume(target is not None and math.prod(target) > 0)
    model = np.arange(math.prod(shape), dtype="i4").reshape(shape)
    x = matlab.int32(model)
    found: Any = eval(f"x{place}", {"x": x, "np": np})
    assert found.size == target if target else type(found) is int
    assert str(found) == str(eval(f"model{place}.tolist()", {"model": model, "np": np})).replace(" ", "")
    new = (-1 - np.arange(math.prod(target), dtype="i4")).reshape(target)
    exec(f"x{place} = new.tolist()", {"x": x, "new": new, "np": np})
    exec(f"model{place} = new", {"model": model, "new": new, "np": np})
    assert np.array_equal(np.asarray(x), model)
    if target:
        assert np.array_equal(np.asarray(found), np.atleast_2d(new))


def test_memory_is_read_only_and_kept() -> None:
    made = matlab.double(BY_COLUMNS)
    lent = memoryview(made)
    with pytest.raises(TypeError, match="read-only"):
        lent[0, 0] = 1.0
    with pytest.raises(TypeError, match="read-write"):
        io.BytesIO(b"x" * 48).readinto(made)
    owner = made._array if made._array.base is None else made._array.base
    counts = []
    for _ in range(100):
        memoryview(made).release()
        np.asarray(made)
        counts.append(sys.getrefcount(owner))
    assert set(counts) == {counts[0]}
    del owner
    del made
    gc.collect()
    assert lent.tolist() == BY_COLUMNS.tolist()


def test_what_python_312_calls() -> None:
    """`__buffer__` is the way from Python 3.12 on, and gives what the slot gives before."""
    made = matlab.double(BY_COLUMNS)
    asked = made.__buffer__(0)
    assert (asked.shape, asked.strides, asked.readonly) == ((2, 3), (8, 16), True)
    assert asked == memoryview(made)


def test_numpy_without_the_buffer_protocol() -> None:
    """`__array__` serves where the slot of the type cannot be filled."""
    made = matlab.double(BY_COLUMNS)
    assert np.shares_memory(made.__array__(), np.asarray(made))
    assert made.__array__(np.dtype("f4")).dtype == "f4"
    assert not np.shares_memory(made.__array__(copy=True), np.asarray(made))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="python: 3.12 and later refuse these by themselves")
def test_bytes_lie_column_by_column() -> None:
    made = matlab.double(BY_COLUMNS)
    stream = io.BytesIO()
    stream.write(made)
    assert stream.getvalue() == b"".join([made]) == BY_COLUMNS.tobytes("A")
    for action in (lambda: hashlib.sha256(made), lambda: np.frombuffer(made)):
        with pytest.raises(BufferError):  # they take one dimension
            action()


def test_genuine_pickles_are_read(oracle: Oracle) -> None:
    """A pickle of the genuine package is read once the name `matlab` leads here."""

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return getattr(matlab, name) if module == "matlab" else super().find_class(module, name)

    for text in ("m.int16([[1, 2], [3, 4]])", "m.double([[1j, 2]], is_complex=True)", "m.logical([True])"):
        (outcome,) = oracle.run([f"pickle.dumps({text})"])
        assert Reader(io.BytesIO(outcome[1])).load() == eval(text, {"m": matlab})


def test_import_needs_numpy_alone() -> None:
    code = "import sys, arcuate.compat.matlab; print(sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(eval(done.stdout))
    assert loaded & {"pandas", "xarray", "matlab", "google", "rpy2"} == set()


def test_large_lists_and_wrong_elements_in_them() -> None:
    numbers = list(range(200_000))
    assert np.array_equal(np.asarray(matlab.int32([numbers, numbers])), np.array([numbers, numbers]))
    with pytest.raises(OverflowError, match=r"value \(300\) cannot be stored in a variable of type int8"):
        matlab.int8([*([1] * 1000), 300, 400])
    with pytest.raises(TypeError, match=r"found Fraction|found object"):
        matlab.double([*([1.0] * 1000), object()])


def test_example_of_the_page() -> None:
    page = (ROOT / "docs" / "compat" / "matlab-arrays.md").read_text(encoding="utf-8")
    space: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], space)
    assert str(space["a"]) == "[[5.0,6.0],[3.0,4.0]]"
    assert str(matlab.int8([1, 2, 3, 4], size=(2, 2))) in page
