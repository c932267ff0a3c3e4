"""Values through files: the golden vectors and random values, judged by renderings and the libraries."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.formats.golden import FORMATS, KINDS, TABULAR, cases, measure, table, trip
from tests.values.judge import assert_equal

from arcuate.errors import ConversionError
from arcuate.formats import open_data, save_data

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/connectors/formats.md").read_text(encoding="utf-8")
FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


def told(kind: str, suffix: str) -> str:
    """What the table of the documentation says of a kind in a format."""
    rows = [line for line in PAGE.splitlines() if line.count("|") == len(FORMATS) + 2]
    (row,) = (line for line in rows if line.startswith(f"| {kind} | "))
    return row.split("|")[2 + list(FORMATS).index(suffix)].strip()


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_golden_vectors(suffix: str, tmp_path: Path) -> None:
    """Every vector as JSON, those with labels in more formats, the others in some."""
    common = ("table", "labelled", "dataset", "categorical")
    if suffix in TABULAR:  # the other kinds are refused
        turn = TABULAR.index(suffix)
        chosen = [case for at, case in enumerate(cases()) if case.kind in common or at % 4 == turn]
    elif suffix == "json":
        chosen = cases()
    else:
        slow = ["nc", "h5", "zarr"].index(suffix)
        chosen = [
            case
            for at, case in enumerate(cases())
            if at % 9 == slow or (case.kind in common and at % 3 == slow)
        ]
    assert len(chosen) > 80
    for number, case in enumerate(chosen):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = trip(case, folder / f"x.{suffix}")
        said = told(case.kind, suffix)
        allowed = {"exact": ("kept",), "refused": ("refused",)}.get(said, ("kept", "refused"))
        assert outcome in allowed, (case.name, outcome, said)


@pytest.mark.soak
def test_the_table_of_the_page_is_what_is_measured() -> None:
    assert "\n".join(table(measure())) in PAGE


def test_the_page_has_every_kind_and_format() -> None:
    for kind in KINDS:
        for suffix in FORMATS:
            assert told(kind, suffix).startswith(("exact", "refused"))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NAMES = st.lists(TEXT.filter(bool), min_size=1, max_size=4, unique=True)
COLUMNS = [
    hnp.arrays("i8", 5), hnp.arrays("u1", 5), hnp.arrays("f8", 5), hnp.arrays("f4", 5), hnp.arrays("?", 5),
    hnp.arrays("M8[ns]", 5), hnp.arrays("m8[us]", 5, elements=st.integers(-(1 << 62), 1 << 62)),
    st.lists(TEXT, min_size=5, max_size=5).map(lambda one: pd.array(one, dtype="str")),
    st.lists(TEXT | st.none(), min_size=5, max_size=5).map(lambda one: pd.array(one, dtype="string")),
    st.lists(st.integers(-9, 1 << 62) | st.none(), min_size=5, max_size=5).map(
        lambda one: pd.array(one, dtype="Int64")
    ),
    st.lists(st.integers(-1, 2), min_size=5, max_size=5).map(
        lambda one: pd.Categorical.from_codes(one, ["lo", "", "hi é"], ordered=True)
    ),
]  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    return pd.DataFrame({name: draw(st.one_of(COLUMNS)) for name in draw(NAMES)})


@st.composite
def arrays(draw: st.DrawFn) -> xr.DataArray:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4, min_side=0))
    dtype = draw(st.sampled_from(["i2", "u8", "f4", "f8", "c16", "?", "M8[s]", "<U4"]))
    data = draw(hnp.arrays(dtype, shape, elements=TEXT.map(lambda one: one[:4]) if dtype == "<U4" else None))
    dims = draw(st.lists(TEXT.filter(bool), min_size=len(shape), max_size=len(shape), unique=True))
    labels = draw(hnp.arrays("f8", shape[0], unique=True))
    attrs = draw(st.dictionaries(TEXT.filter(bool), TEXT | st.integers(-9, 9) | st.booleans(), max_size=3))
    found = xr.DataArray(data.astype(object) if dtype == "<U4" else data, dims=dims, attrs=attrs)
    return found.assign_coords({dims[0]: labels}) if draw(st.booleans()) else found


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow", "nc", "h5", "zarr.zip", "json"])
@FEW
@given(tables())
def test_random_tables(suffix: str, frame: pd.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        save_data(frame, Path(folder, f"x.{suffix}"))
        assert_equal(open_data(Path(folder, f"x.{suffix}")), frame)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "nc", "h5", "zarr.zip", "json"])
@FEW
@given(arrays())
def test_random_labelled_arrays(suffix: str, array: xr.DataArray) -> None:
    with TemporaryDirectory() as folder:
        save_data(array, Path(folder, f"x.{suffix}"))
        assert_equal(open_data(Path(folder, f"x.{suffix}")), array)


@pytest.mark.parametrize("suffix", ["nc", "h5", "zarr", "zarr.zip"])
def test_trees_of_datasets(suffix: str, tmp_path: Path) -> None:
    below = xr.Dataset({"v": ("t", [1.5, np.nan])}, {"t": [10, 20]}, {"depth": 2, "list": [1, "a"]})
    tree = xr.DataTree.from_dict(
        {"/": xr.Dataset(attrs={"top": True}), "/run 1": below, "/run 1/raw": below * 2}
    )
    save_data(tree, tmp_path / f"x.{suffix}")
    xr.testing.assert_identical(open_data(tmp_path / f"x.{suffix}"), tree)


@pytest.mark.parametrize("suffix", TABULAR)
def test_what_is_no_table_names_what_takes_it(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"is no table.*save it as \.json, \.h5 or \.zarr"):
        save_data({"a": [1, {"b": 2}]}, tmp_path / f"x.{suffix}")
    uneven = xr.Dataset({"a": ("x", [1]), "b": ("y", [2, 3])})
    with pytest.raises(ConversionError, match=r"'a' has \['x'\].*\.nc, \.zarr or \.h5.*\$\.vars\['a'\]"):
        save_data(uneven, tmp_path / f"x.{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_losses_are_listed_only_where_they_are_allowed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.array([1, 2], "i2")})
    with pytest.raises(ConversionError, match=r"dtypes.*leave sidecar=True, or write it with lossy=True"):
        save_data(frame, tmp_path / "x.csv", sidecar=False)
    with pytest.warns(UserWarning, match=r"x\.csv: \$: dtypes"):
        kept = save_data(frame, tmp_path / "x.csv", sidecar=False, lossy=True)
    assert len(kept.lost) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_a_variable_alone(tmp_path: Path) -> None:
    from arcuate.connector import NotFoundError

    dataset = xr.Dataset({"a": ("x", [1, 2]), "b": ("y", [0.5])}, {"x": [3, 4]})
    for suffix in ("nc", "h5", "zarr", "json"):
        save_data(dataset, tmp_path / f"x.{suffix}")
        xr.testing.assert_identical(open_data(tmp_path / f"x.{suffix}", variable="a"), dataset["a"])
        with pytest.raises(NotFoundError, match=r"no variable 'c'; it has a, b"):
            open_data(tmp_path / f"x.{suffix}", variable="c")
    save_data({"a": 1, "b": np.arange(3)}, tmp_path / "m.h5")
    np.testing.assert_array_equal(open_data(tmp_path / "m.h5", variable="b"), np.arange(3))
