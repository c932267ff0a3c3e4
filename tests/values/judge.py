"""How the tests judge values: numpy's, pandas' and xarray's own assertions, never Arcuate's code."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import xarray as xr

from arcuate.values import DecodeOptions, EncodeOptions, decode, encode, frames
from arcuate.values.check import check


def through(value: Any, encoding: EncodeOptions | None = None, decoding: DecodeOptions | None = None) -> Any:
    """A value through rows, bytes, the check, rows and back."""
    nodes = frames.load(frames.to_bytes(encode(value, encoding or EncodeOptions())))
    check(nodes)
    return decode(nodes, decoding or DecodeOptions())


def assert_equal(found: Any, wanted: Any) -> None:
    """Equal in type, value and labels; NaN equals NaN, NA equals NA, -0 is not 0."""
    assert type(found) is type(wanted), f"{type(found)} is not {type(wanted)}"
    if isinstance(wanted, xr.DataArray | xr.Dataset):
        xr.testing.assert_identical(found, wanted)
    elif isinstance(wanted, pd.DataFrame):
        pd.testing.assert_frame_equal(found, wanted, check_freq=False)
    elif isinstance(wanted, pd.Series):
        pd.testing.assert_series_equal(found, wanted, check_freq=False)
    elif isinstance(wanted, pd.Categorical):
        pd.testing.assert_series_equal(pd.Series(found), pd.Series(wanted))
    elif isinstance(wanted, pd.api.extensions.ExtensionArray):
        pd.testing.assert_extension_array_equal(found, wanted)
    elif isinstance(wanted, np.ma.MaskedArray):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(wanted))
        np.testing.assert_array_equal(found.filled(0), wanted.filled(0))
    elif isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype.newbyteorder("=")
        assert found.shape == wanted.shape
        np.testing.assert_array_equal(found, wanted)
        if wanted.dtype.kind == "f":
            np.testing.assert_array_equal(
                np.signbit(found[~np.isnan(found)]), np.signbit(wanted[~np.isnan(wanted)])
            )
    elif sp.issparse(wanted):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found.toarray(), wanted.toarray())
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key in wanted:
            assert_equal(found[key], wanted[key])
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_equal(one, other)
    elif wanted is pd.NA or wanted is pd.NaT:
        assert found is wanted
    elif isinstance(wanted, complex | np.complexfloating):
        _same_float(found.real, wanted.real)
        _same_float(found.imag, wanted.imag)
    elif isinstance(wanted, float | np.floating):
        _same_float(found, wanted)
    elif isinstance(wanted, np.datetime64 | np.timedelta64):
        assert found.dtype == wanted.dtype or np.isnat(wanted)
        assert np.isnat(found) if np.isnat(wanted) else found == wanted
    elif isinstance(wanted, dt.datetime) and wanted.tzinfo is not None:
        # The instant counts: a local time that the zone skips comes back as the one that it stands for.
        instant = wanted.astimezone(dt.timezone.utc)
        assert found.astimezone(dt.timezone.utc) == instant
        assert found.utcoffset() == instant.astimezone(wanted.tzinfo).utcoffset()
    else:
        assert found == wanted


def _same_float(found: Any, wanted: Any) -> None:
    if math.isnan(wanted):
        assert math.isnan(found)
    else:
        assert (found, math.copysign(1, found)) == (wanted, math.copysign(1, wanted))
