"""The analysis of the demo, step by step, each with its checks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from arcuate.cli.demo.hops import Journey
from arcuate.client import Remote, Session, connect

__all__ = ["Found", "analyse"]

HELD_OUT = 60
"""Months at the end that the forecast has not seen."""

REPLICATES = 1000
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
PY, R, OCTAVE = "Python", "R", "Octave"


@dataclass
class Found:
    """What the analysis found; arrays carry the labels of the series they come from.

    Attributes:
        co2: the series, ppm, over ``time`` in decimal years, with ``date`` and ``month``.
        parts: stl's seasonal, trend and remainder of it, over ``time`` and ``part``.
        nottem: the temperatures, degrees Celsius, and ``nottem_parts``.
        curve: Octave's polynomial.
        polynomial: its coefficients in standardised time, highest first.
        standard: mean and deviation of time.
        spectrum: amplitudes of the series without the polynomial.
        noise: what 95 of 100 red noises stay below.
        forecast: ``fit``, ``lwr`` and ``upr`` for the months held out.
        coefficients: of the linear model, by name.
        covered: share of the months held out that lie in the interval.
        summary: how the handle of the fit prints.
        versions: of R and Octave.
    """

    co2: xr.DataArray
    parts: xr.DataArray
    nottem: xr.DataArray
    nottem_parts: xr.DataArray
    curve: xr.DataArray
    polynomial: list[float]
    standard: list[float]
    spectrum: xr.DataArray
    noise: xr.DataArray
    forecast: xr.DataArray
    coefficients: dict[str, float]
    covered: float
    summary: str
    versions: dict[str, str]

    @property
    def peak(self) -> float:
        """The frequency of the largest amplitude, per year."""
        return float(self.spectrum.frequency[int(self.spectrum.values.argmax())])

    def numbers(self) -> dict[str, Any]:
        """The results in figures."""
        return {
            "versions": self.versions,
            "co2": {"n": self.co2.size, "first": float(self.co2[0]), "last": float(self.co2[-1])},
            "stl": {
                str(part): {"first": float(one[0]), "sum": float(one.sum())}
                for part, one in ((name, self.parts.sel(part=name)) for name in self.parts.part.values)
            },
            "polynomial": self.polynomial,
            "standard": self.standard,
            "peak": self.peak,
            "peak_amplitude": float(self.spectrum.max()),
            "lm": self.coefficients,
            "forecast": {
                name: [float(one) for one in self.forecast.sel(bound=name)] for name in ("fit", "lwr", "upr")
            },
            "covered": self.covered,
        }


def analyse(journey: Journey) -> Found:
    """Runs the whole analysis.

    Raises:
        InternalError: a label was lost or a number is wrong.
    """
    with as_file(files("arcuate.cli.demo")) as folder:
        with journey.hop(f"{PY} → {R}", "start R"):
            r = connect("r")
        with r:
            with journey.hop(f"{PY} → {OCTAVE}", "start Octave"):
                octave = connect("octave", path=[str(folder / "octave")])
            with octave:
                r.run((folder / "noise.R").read_text(encoding="utf-8"))
                return _analyse(journey, r, octave)


def _analyse(journey: Journey, r: Session, octave: Session) -> Found:
    co2 = _series(journey, r, "co2", 468, 1959.0, "ppm")
    nottem = _series(journey, r, "nottem", 240, 1920.0, "degF")
    celsius = _celsius(nottem)
    _there_and_back(journey, r, R, co2)
    _there_and_back(journey, octave, OCTAVE, co2)
    parts = _decompose(journey, r, co2)
    cold = _decompose(journey, r, celsius)
    fit, train = _fit(journey, r, co2)
    curve, polynomial, standard = _polynomial(journey, octave, co2)
    spectrum, noise = _spectrum(journey, r, octave, co2, curve, parts)
    forecast, covered = _predict(journey, r, fit, co2)
    coefficients = _coefficients(journey, fit, train)
    versions = {str(one.info["language"]): str(one.info["version"]) for one in (r, octave)}
    return Found(
        co2,
        parts,
        celsius,
        cold,
        curve,
        polynomial,
        standard,
        spectrum,
        noise,
        forecast,
        coefficients,
        covered,
        repr(fit),
        versions,
    )


def _series(journey: Journey, r: Session, name: str, n: int, start: float, units: str) -> xr.DataArray:
    """A monthly series of R's datasets with its time, and what R does not say: name, units, dates, months."""
    with journey.hop(f"{R} → {PY}", f"{name}: a ts, as a labelled array") as hop:
        series: xr.DataArray = r.eval(f"datasets::{name}")
        hop.receives(series)
    journey.check(isinstance(series, xr.DataArray), f"{name} is a labelled array")
    journey.check(series.dims == ("time",) and series.shape == (n,), f"{name} has one dimension, time")
    journey.check(np.allclose(series.time, start + np.arange(n) / 12, rtol=0, atol=1e-9), f"{name}'s months")
    journey.check(series.attrs["frequency"] == 12, f"{name}'s frequency")
    first = pd.Period(year=int(start), month=1, freq="M")
    dates = pd.period_range(first, periods=n, freq="M").to_timestamp().to_numpy().astype("M8[s]")
    return (
        series.rename(name)
        .assign_attrs(units=units)
        .assign_coords(
            date=("time", dates), month=("time", np.array([MONTHS[number % 12] for number in range(n)]))
        )
    )


def _celsius(series: xr.DataArray) -> xr.DataArray:
    return ((series - 32) / 1.8).assign_attrs({**series.attrs, "units": "degC"})


def _there_and_back(journey: Journey, session: Session, language: str, series: xr.DataArray) -> None:
    with journey.hop(f"{PY} → {language} → {PY}", "co2 there and back") as hop:
        session["x"] = series
        back = session["x"]
        hop.sends(series)
        hop.receives(back)
    journey.check(
        back.identical(series), f"co2 comes back from {language} with name, dims, coords, attrs and values"
    )


def _decompose(journey: Journey, r: Session, series: xr.DataArray) -> xr.DataArray:
    """R's ``stl``: seasonal, trend and remainder by loess (Cleveland et al. 1990)."""
    with journey.hop(f"{PY} → {R} → {PY}", f"stl({series.name})") as hop:
        decomposed = r.call("stl", series, named={"s.window": "periodic"}, keep=True)
        parts: xr.DataArray = decomposed["time.series"]
        hop.sends(series)
        hop.receives(parts)
    journey.check(isinstance(decomposed, Remote), "the decomposition stays in R")
    journey.check(parts.dims[0] == "time" and parts.shape == (series.size, 3), "stl's dims")
    parts = parts.rename({parts.dims[1]: "part"})
    names = [str(name) for name in parts.part.values]
    journey.check(names == ["seasonal", "trend", "remainder"], "stl's column names")
    journey.check(np.array_equal(parts.time, series.time), "stl's time is the series' time, bit for bit")
    whole = parts.sum("part")
    journey.check(np.allclose(whole, series, rtol=0, atol=1e-9), "trend + seasonal + remainder == data")
    return parts.assign_coords(date=series.date, month=series.month).assign_attrs(units=series.attrs["units"])


def _design(series: xr.DataArray) -> pd.DataFrame:
    """The table that the linear model takes: each month with the value of the year before."""
    return pd.DataFrame(
        {
            "co2": series.values[12:],
            "before": series.values[:-12],
            "year": series.time.values[12:] - 1959.0,
            "month": pd.Categorical(series.month.values[12:], categories=MONTHS),
        }
    )


def _fit(journey: Journey, r: Session, co2: xr.DataArray) -> tuple[Remote, pd.DataFrame]:
    """``lm`` on all but the last months; the fit stays in R."""
    train = _design(co2[:-HELD_OUT])
    with journey.hop(f"{PY} → {R}", "lm(...): the fit stays in R") as hop:
        fit = r.call("lm", "co2 ~ before + year + month", data=train, keep=True)
        hop.sends(train)
    journey.check(isinstance(fit, Remote), "the fit is a handle")
    return fit, train


def _polynomial(
    journey: Journey, octave: Session, co2: xr.DataArray
) -> tuple[xr.DataArray, list[float], list[float]]:
    """Octave's ``polyfit``, in standardised time."""
    with journey.hop(f"{PY} → {OCTAVE} → {PY}", "polyfit(co2, 2)") as hop:
        curve, p, mu = octave.call("fit_trend", co2, 2, nargout=3)
        hop.sends(co2)
        hop.receives(curve, p, mu)
    p, mu = np.ravel(p), np.ravel(mu)
    journey.check(curve.name == "trend" and curve.dims == co2.dims, "the curve's name and dims")
    journey.check(curve.drop_attrs().coords.identical(co2.drop_attrs().coords), "the curve's coordinates")
    journey.check(curve.attrs == co2.attrs, "the curve's attributes")
    expected = np.polyfit((co2.time.values - mu[0]) / mu[1], co2.values, 2)
    journey.check(np.allclose(p, expected, rtol=1e-8), "polyfit's coefficients are numpy's")
    return curve, [float(one) for one in p], [float(one) for one in mu]


def _spectrum(
    journey: Journey,
    r: Session,
    octave: Session,
    co2: xr.DataArray,
    curve: xr.DataArray,
    parts: xr.DataArray,
) -> tuple[xr.DataArray, xr.DataArray]:
    """Octave's ``fft`` of the series without trend, and of R's red noise for comparison."""
    flat = (co2 - curve).rename("amplitude").assign_attrs(units="ppm")
    with journey.hop(f"{PY} → {OCTAVE} → {PY}", "fft(co2 - trend)") as hop:
        spectrum = octave.call("amplitude", flat, 12)
        hop.sends(flat)
        hop.receives(spectrum)
    expected = 2 * np.abs(np.fft.rfft(flat.values))[1:] / flat.size
    journey.check(spectrum.dims == ("frequency",) and spectrum.name == "amplitude", "the spectrum's labels")
    journey.check(spectrum.frequency.attrs == {"units": "1/year"}, "the attributes of its coordinate")
    journey.check(np.allclose(spectrum.frequency, np.fft.rfftfreq(flat.size, 1 / 12)[1:]), "its frequencies")
    journey.check(np.allclose(spectrum, expected, rtol=0, atol=1e-10), "Octave's fft is numpy's")
    peak = float(spectrum.frequency[int(spectrum.values.argmax())])
    journey.check(math.isclose(peak, 1.0), "the largest amplitude is the year's")

    slow = flat - parts.sel(part="seasonal", drop=True)
    with journey.hop(f"{PY} → {R} → {PY}", f"{REPLICATES:,} series of red noise") as hop:
        surrogates: xr.DataArray = r.call("red_noise", slow.values, REPLICATES, 1958)
        hop.sends(slow.values)
        hop.receives(surrogates)
    journey.check(surrogates.dims == ("time", "replicate"), "the noise's named dims")
    journey.check(
        surrogates.shape == (flat.size, REPLICATES) and 0 < surrogates.attrs["phi"] < 1, "the noise"
    )
    with journey.hop(f"{PY} → {OCTAVE} → {PY}", f"fft of the {REPLICATES:,} series") as hop:
        spectra = octave.call("amplitude", surrogates, 12)
        hop.sends(surrogates)
        hop.receives(spectra)
    journey.check(spectra.dims == ("frequency", "replicate"), "their dims")
    journey.check(np.array_equal(spectra.frequency, spectrum.frequency), "their frequencies")
    one = 2 * np.abs(np.fft.rfft(surrogates.values[:, -1]))[1:] / flat.size
    journey.check(np.allclose(spectra[:, -1], one, rtol=0, atol=1e-10), "the fft of the last of them")
    return spectrum, spectra.quantile(0.95, "replicate").drop_vars("quantile")


def _predict(journey: Journey, r: Session, fit: Remote, co2: xr.DataArray) -> tuple[xr.DataArray, float]:
    """The fit in R predicts months that it has not seen, each from the value of the year before."""
    unseen = co2[-HELD_OUT:]
    new = _design(co2[-HELD_OUT - 12 :]).drop(columns="co2")
    with journey.hop(f"{PY} → {R} → {PY}", "predict(fit, five unseen years)") as hop:
        predicted: xr.DataArray = r.call("predict", fit, new, interval="prediction", level=0.95)
        hop.sends(new)
        hop.receives(predicted)
    bounds = [str(name) for name in predicted[predicted.dims[1]].values]
    journey.check(
        bounds == ["fit", "lwr", "upr"] and predicted.shape == (HELD_OUT, 3), "the names of the bounds"
    )
    numbers = [str(label) for label in predicted[predicted.dims[0]].values]
    journey.check(
        numbers == [str(number + 1) for number in range(HELD_OUT)], "the rows are the table's rows, in order"
    )
    forecast = xr.DataArray(
        predicted.values,
        {"time": unseen.time, "date": unseen.date, "bound": bounds},
        ("time", "bound"),
        "forecast",
        {"units": "ppm", "level": 0.95},
    )
    low, high = forecast.sel(bound="lwr"), forecast.sel(bound="upr")
    journey.check(
        ((low < forecast.sel(bound="fit")) & (forecast.sel(bound="fit") < high)).all(), "lwr < fit < upr"
    )
    inside = (unseen.values >= low.values) & (unseen.values <= high.values)
    return forecast, float(inside.mean())


def _coefficients(journey: Journey, fit: Remote, train: pd.DataFrame) -> dict[str, float]:
    """The coefficients, fetched from the fit that lives in R, against least squares by numpy."""
    with journey.hop(f"{R} → {PY}", "fit$coefficients") as hop:
        named: xr.DataArray = fit.coefficients
        hop.receives(named)
    before, year = train["before"].to_numpy(), train["year"].to_numpy()
    dummies = np.array([[month == name for name in MONTHS[1:]] for month in train["month"]], float)
    design = np.column_stack([np.ones_like(year), before, year, dummies])
    expected = np.linalg.lstsq(design, train["co2"].to_numpy(), rcond=None)[0]
    names = [str(name) for name in named[named.dims[0]].values]
    wanted = ["(Intercept)", "before", "year", *(f"month{name}" for name in MONTHS[1:])]
    journey.check(names == wanted, "the names of the coefficients")
    journey.check(np.allclose(named, expected, rtol=1e-8), "R's coefficients are numpy's least squares")
    return {name: float(value) for name, value in zip(names, named.values, strict=True)}
