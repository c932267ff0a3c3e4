"""Strict equality of Python values, by the testing functions of numpy, pandas, xarray and scipy.

Knows nothing of Arcuate's own notion of equality.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import pandas.testing as pdt
import scipy.sparse
import xarray as xr
import xarray.testing as xrt

__all__ = ["same"]


def same(got: Any, expected: Any, where: str = "$") -> None:
    """Raises AssertionError unless both are of one type and equal: labels, missing values, signs of zero."""
    if isinstance(expected, xr.Dataset):
        assert isinstance(got, xr.Dataset), f"{where}: {type(got)}"
        xrt.assert_identical(got, expected)
        for name in expected.variables:
            same(got[name].values, expected[name].values, f"{where}.{name}")
    elif isinstance(expected, xr.DataArray):
        assert isinstance(got, xr.DataArray), f"{where}: {type(got)} {got!r}"
        xrt.assert_identical(got, expected)
        same(got.values, expected.values, f"{where}.values")
        assert list(got.coords) == list(expected.coords), where
        for name in expected.coords:
            same(got[name].values, expected[name].values, f"{where}.coords[{name!r}]")
            assert got[name].dims == expected[name].dims
    elif isinstance(expected, pd.DataFrame):
        assert isinstance(got, pd.DataFrame), f"{where}: {type(got)} {got!r}"
        pdt.assert_frame_equal(got, expected, check_exact=True, check_freq=False, check_column_type=False)
        assert got.attrs == expected.attrs
    elif isinstance(expected, pd.Series):
        assert isinstance(got, pd.Series), f"{where}: {type(got)} {got!r}"
        pdt.assert_series_equal(got, expected, check_exact=True, check_freq=False)
    elif isinstance(expected, pd.Index):
        assert isinstance(got, pd.Index), f"{where}: {type(got)} {got!r}"
        pdt.assert_index_equal(got, expected, exact=True)
    elif isinstance(expected, pd.Categorical):
        assert isinstance(got, pd.Categorical), f"{where}: {type(got)} {got!r}"
        assert got.ordered == expected.ordered, where
        pdt.assert_index_equal(got.categories, expected.categories, exact=True)
        assert got.codes.tolist() == expected.codes.tolist(), where
    elif isinstance(expected, pd.api.extensions.ExtensionArray):
        assert type(got) is type(expected), f"{where}: {type(got)} {got!r}"
        pdt.assert_extension_array_equal(got, expected, check_exact=True)
    elif isinstance(expected, np.ma.MaskedArray):
        assert isinstance(got, np.ma.MaskedArray), f"{where}: {type(got)} {got!r}"
        same(np.ma.getmaskarray(got), np.ma.getmaskarray(expected), f"{where}.mask")
        kept = ~np.ma.getmaskarray(expected)
        same(got.data[kept], expected.data[kept], f"{where}.data")
    elif isinstance(expected, np.ndarray):
        assert isinstance(got, np.ndarray), f"{where}: {type(got)} {got!r}"
        assert not isinstance(got, np.ma.MaskedArray), where
        assert got.shape == expected.shape, f"{where}: shape {got.shape}, not {expected.shape}"
        _same_array(got, expected, where)
    elif scipy.sparse.issparse(expected):
        assert scipy.sparse.issparse(got), f"{where}: {type(got)} {got!r}"
        assert (got.format, got.shape, got.dtype) == (expected.format, expected.shape, expected.dtype), where
        same(got.toarray(), expected.toarray(), where)
    elif isinstance(expected, dict):
        assert isinstance(got, dict), f"{where}: {type(got)} {got!r}"
        assert list(got) == list(expected), f"{where}: {list(got)}"
        for key, value in expected.items():
            same(got[key], value, f"{where}[{key!r}]")
    elif isinstance(expected, (list, tuple)):
        assert type(got) is type(expected), f"{where}: {type(got)} {got!r}, not {type(expected)}"
        assert len(got) == len(expected), f"{where}: {len(got)} items, not {len(expected)}"
        assert getattr(got, "shape", None) == getattr(expected, "shape", None), where
        for i, (a, b) in enumerate(zip(got, expected, strict=True)):
            same(a, b, f"{where}[{i}]")
    elif expected is None or expected is pd.NA or expected is pd.NaT or expected is np.ma.masked:
        assert got is expected, f"{where}: {got!r}, not {expected!r}"
    else:
        _same_scalar(got, expected, where)


def _same_array(got: np.ndarray, expected: np.ndarray, where: str) -> None:
    if expected.dtype.kind in "UT":
        assert got.dtype.kind in "UT", f"{where}: {got.dtype}"
        assert got.tolist() == expected.tolist(), where
        return
    if expected.dtype.kind == "O":
        assert got.dtype.kind == "O", f"{where}: {got.dtype}"
        same(got.ravel().tolist(), expected.ravel().tolist(), where)
        return
    assert got.dtype == expected.dtype, f"{where}: {got.dtype}, not {expected.dtype}"
    np.testing.assert_array_equal(got, expected, strict=True, err_msg=where)
    if expected.dtype.kind == "f":
        present = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got[present]), np.signbit(expected[present]), err_msg=where)
    elif expected.dtype.kind == "c":
        _same_array(got.real, expected.real, where)
        _same_array(got.imag, expected.imag, where)


def _same_scalar(got: Any, expected: Any, where: str) -> None:
    assert type(got) is type(expected), f"{where}: {type(got)} {got!r}, not {type(expected)} {expected!r}"
    if isinstance(expected, (float, np.floating)):
        assert (math.isnan(got) and math.isnan(expected)) or (
            got == expected and math.copysign(1, got) == math.copysign(1, expected)
        ), f"{where}: {got!r}, not {expected!r}"
    elif isinstance(expected, (complex, np.complexfloating)):
        _same_scalar(float(got.real), float(expected.real), where)
        _same_scalar(float(got.imag), float(expected.imag), where)
    else:
        assert got == expected, f"{where}: {got!r}, not {expected!r}"
        if isinstance(expected, dt.datetime):
            assert str(got.tzinfo) == str(expected.tzinfo), f"{where}: {got.tzinfo}, not {expected.tzinfo}"
            assert got.utcoffset() == expected.utcoffset(), where
