"""Values that hypothesis makes up: each arrives equal, or changed as the type table permits.

What a round trip must give is computed here, from the rules of values.md, with numpy alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import xarray.testing.strategies as xrst
from hypothesis import given
from tests.contract.compare import same
from tests.contract.conftest import PROFILE
from tests.contract.processes import open_session
from tests.contract.quirks import Quirks

from arcuate.client import Session

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
FLOATS = st.floats(allow_nan=True)
SMALL = st.integers(-(2**31) + 1, 2**31 - 1)
NUMPY = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]


@pytest.fixture(scope="module")
def long(quirks: type[Quirks]) -> Iterator[Session]:
    """One session for all examples of an environment."""
    session = open_session(quirks)
    yield session
    session.close()


def plain(environment: str, value: Any) -> Any:
    """What a nested value of None, bool, int, float, text, lists and dicts must be after a round trip."""
    if environment == "python":
        return value
    if isinstance(value, dict):
        return {key: plain(environment, item) for key, item in value.items()}
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        if (len(kinds) == 1 and kinds <= {bool, int, float, str}) or kinds == {int, float}:
            return vector(environment, value, kinds)
        return [plain(environment, item) for item in value]
    if value is None:
        return None if environment == "r" else np.zeros((0, 0))
    if type(value) is int:
        return value if environment == "r" else float(value)
    return value


def vector(environment: str, value: list[Any], kinds: set[type]) -> Any:
    if kinds <= {int, float}:
        array = np.array(value, "i4" if environment == "r" and kinds == {int} else "f8")
    else:
        array = np.array(value)
    if len(value) == 1:
        return array[0].item()
    return array if environment == "r" else array.reshape(1, -1)


LEAVES = st.none() | st.booleans() | SMALL | FLOATS | TEXTS
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)


@PROFILE
@given(value=NESTED)
def test_nested(long: Session, quirks: type[Quirks], value: Any) -> None:
    same(long.call("arcuate_id", value), plain(quirks.name, value))


@PROFILE
@given(value=TEXTS)
def test_text(long: Session, value: str) -> None:
    same(long.call("arcuate_id", value), value)
    long["x"] = value
    same(long["x"], value)


@PROFILE
@given(value=st.lists(TEXTS, min_size=2, max_size=20))
def test_text_arrays(long: Session, quirks: type[Quirks], value: list[str]) -> None:
    wanted = np.array(value, dtype=object).reshape((1, -1) if quirks.name == "octave" else (-1,))
    got = long.call("arcuate_id", np.array(value, dtype=np.dtypes.StringDType()))
    assert got.shape == wanted.shape
    assert got.tolist() == wanted.tolist()


@PROFILE
@given(keys=st.lists(TEXTS, unique=True, max_size=12))
def test_keys(long: Session, keys: list[str]) -> None:
    value = {key: float(i) for i, key in enumerate(keys)}
    same(long.call("arcuate_id", value), value)


@st.composite
def arrays(draw: Callable[..., Any]) -> np.ndarray:
    dtype = np.dtype(draw(st.sampled_from(NUMPY)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    array = draw(hnp.arrays(dtype, shape))
    way = draw(st.sampled_from(["C", "F", "reversed", "big"]))
    if way == "F":
        return np.asfortranarray(array)
    if way == "reversed" and array.ndim:
        return array[::-1]
    if way == "big":
        return array.astype(array.dtype.newbyteorder(">"))
    return array


def array(environment: str, value: np.ndarray) -> Any:
    """What an array must be after a round trip, or None where it must be refused."""
    value = value.astype(value.dtype.newbyteorder("="))
    if environment == "python":
        return value
    kind = value.dtype
    if environment == "r":
        value = _r_array(value)
        if value is None:
            return None
    elif kind == np.float16:
        value = value.astype("f4")
    if value.size == 1:
        return (
            value.ravel()[0]
            if environment == "octave" and kind.name not in ("float64", "bool", "complex128")
            else value.item()
        )
    if environment == "octave":
        if value.ndim == 1:
            value = value.reshape(1, -1)
        while value.ndim > 2 and value.shape[-1] == 1:
            value = value[..., 0]
    return value


def _r_array(value: np.ndarray) -> np.ndarray | None:
    kind = value.dtype
    if kind.kind in "iu":
        wide = [int(item) for item in value.ravel()]
        if kind.itemsize < 4 or (all(-(2**31) < item < 2**31 for item in wide) and kind.kind == "i"):
            return value.astype("i4")
        if kind.kind == "u" and all(item < 2**31 for item in wide):
            return value.astype("i4")
        return value.astype("f8") if all(int(float(item)) == item for item in wide) else None
    if kind.kind == "f":
        return value.astype("f8")
    return value.astype("c16") if kind.kind == "c" else value


@PROFILE
@given(value=arrays())
def test_arrays(long: Session, quirks: type[Quirks], value: np.ndarray) -> None:
    from arcuate.errors import ConversionError

    wanted = array(quirks.name, value)
    if wanted is None:
        with pytest.raises(ConversionError, match="bit64"):
            long.call("arcuate_id", value)
        return
    got = long.call("arcuate_id", value)
    if (
        isinstance(wanted, np.ndarray)
        and quirks.name == "r"
        and isinstance(got, np.ndarray)
        and wanted.dtype.kind in "if"
    ):
        # integer or double: both are permitted, as long as every element is exact
        assert got.dtype in (np.dtype("i4"), np.dtype("f8"))
        wanted = wanted.astype(got.dtype)
    elif quirks.name == "r" and type(wanted) is int:
        got = int(got) if float(got).is_integer() else got
    same(got, wanted)


@PROFILE
@given(data=st.data(), shape=hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=4))
def test_masked_arrays(
    long: Session, quirks: type[Quirks], data: st.DataObject, shape: tuple[int, ...]
) -> None:
    dtype = data.draw(st.sampled_from(["i4", "f8", "?"]))
    values = data.draw(hnp.arrays(dtype, shape, elements=None if dtype != "i4" else SMALL))
    mask = data.draw(hnp.arrays("?", shape))
    value = np.ma.array(values, mask=mask)
    got = long.call("arcuate_id", value)
    shape = shape if quirks.name != "octave" or dtype != "f8" else _drop(shape)
    if np.size(value) == 1 or not mask.any():
        return  # a scalar or a plain array: judged elsewhere
    same(got, np.ma.array(values.reshape(shape), mask=mask.reshape(shape)))


def _drop(shape: tuple[int, ...]) -> tuple[int, ...]:
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


@st.composite
def frames(draw: Callable[..., Any]) -> pd.DataFrame:
    rows = draw(st.integers(0, 8))

    def many(item: Any) -> Any:
        return draw(st.lists(item, min_size=rows, max_size=rows))

    makers: dict[str, Callable[[], Any]] = {
        "float": lambda: np.array(many(FLOATS), "f8"),
        "int": lambda: pd.array(many(SMALL | st.none()), "Int32"),
        "bool": lambda: pd.array(many(st.booleans() | st.none()), "boolean"),
        "text": lambda: pd.array(many(TEXTS | st.none()), "str"),
        "kind": lambda: pd.Categorical(
            many(st.sampled_from(["u", "v"]) | st.none()), ["v", "u", "w"], ordered=draw(st.booleans())
        ),
        "when": lambda: pd.DatetimeIndex(
            np.array(many(st.integers(0, 4 * 10**9)), "M8[s]").astype("M8[us]"),
            tz=draw(st.sampled_from(["UTC", "Asia/Tokyo"])),
        ),
    }
    names = draw(st.lists(TEXTS.filter(bool), unique=True, min_size=1, max_size=5))
    return pd.DataFrame({name: makers[draw(st.sampled_from(sorted(makers)))]() for name in names})


@PROFILE
@given(value=frames())
def test_tables(long: Session, value: pd.DataFrame) -> None:
    same(long.call("arcuate_id", value), value)


def variables(dtypes: list[str]) -> Any:
    names = st.text(st.characters(categories=["L", "N"], codec="utf-8"), min_size=1, max_size=8)
    return xrst.variables(
        dims=xrst.dimension_names(name_strategy=names, min_dims=1, max_dims=3),
        dtype=st.sampled_from([np.dtype(name) for name in dtypes]),
        attrs=st.dictionaries(names, TEXTS | st.floats(allow_nan=False), max_size=3),
    )


@PROFILE
@given(value=variables(["f8", "i4", "?"]), name=st.none() | TEXTS.filter(bool))
def test_labelled_arrays(long: Session, quirks: type[Quirks], value: xr.Variable, name: str | None) -> None:
    """xarray's own strategies; dtypes that every language has, so that labels are what is tested."""
    if quirks.name == "r" and value.dtype == np.dtype("i4") and (value.values == -(2**31)).any():
        return  # widened, see test_arrays
    made = xr.DataArray(value, name=name)
    made = made.assign_coords(
        {dim: (dim, np.arange(size) * 0.5) for dim, size in made.sizes.items() if len(dim) % 2}
    )
    got = long.call("arcuate_id", made)
    xr.testing.assert_identical(got, made)
    assert got.dtype == made.dtype
    assert list(got.coords) == list(made.coords)


@PROFILE
@given(
    value=st.lists(
        st.booleans() | SMALL.filter(lambda n: n != 0) | FLOATS.filter(lambda x: not math.isnan(x)),
        max_size=8,
    )
)
def test_arguments_arrive_in_order(long: Session, value: list[Any]) -> None:
    """Many arguments, as the foreign function sees them."""
    for item in value:
        assert long.call("arcuate_apply", lambda got, item=item: got == item or 0.0, item) in (True, 1.0)
