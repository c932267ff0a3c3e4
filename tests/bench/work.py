"""The work that is measured: values and sizes, the same for Arcuate and its peers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd


def struct(fields: int = 100) -> dict[str, float]:
    """A record of numbers."""
    return {f"field{i}": i + 0.5 for i in range(fields)}


def array(megabytes: int = 80) -> np.ndarray:
    """A vector of float64."""
    return np.random.default_rng(1).normal(size=megabytes * 125_000)


def frame(rows: int = 100_000) -> pd.DataFrame:
    """Six columns: float, int, text, categorical, bool, datetime."""
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "float": rng.normal(size=rows),
            "int": rng.integers(-1000, 1000, size=rows).astype("int32"),
            "text": rng.choice(np.array(["alpha", "beta", "gamma", "délta", "ε"]), size=rows).astype(object),
            "category": pd.Categorical(rng.choice(["low", "middle", "high"], size=rows)),
            "bool": rng.random(rows) > 0.5,
            "time": pd.date_range("2024-01-01", periods=rows, freq="s"),
        }
    )


def median(action: Callable[[], Any], repeat: int, inner: int = 1) -> dict[str, float]:
    """Seconds per call: the median of several rounds, and the lowest and highest round."""
    action()
    rounds = []
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(inner):
            action()
        rounds.append((time.perf_counter() - start) / inner)
    return {"median": statistics.median(rounds), "low": min(rounds), "high": max(rounds)}
