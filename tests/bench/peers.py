"""Measures rpy2 and oct2py. Runs in the environment `.venv-bench`; prints one JSON object.

python peers.py {rpy2|oct2py} [--quick]
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time

import work


def rpy2(quick: bool) -> dict[str, object]:
    """In-process R."""
    import numpy as np
    import rpy2.robjects as ro
    from rpy2.robjects import conversion, default_converter, numpy2ri, pandas2ri

    numbers = conversion.Converter("numbers", template=default_converter + numpy2ri.converter)
    tables = conversion.Converter(
        "tables", template=default_converter + numpy2ri.converter + pandas2ri.converter
    )
    sin = ro.r["sin"]
    ro.r("identity_ <- function(x) x")
    out: dict[str, object] = {"versions": {"rpy2": importlib.metadata.version("rpy2")}}
    out["r scalar"] = work.median(lambda: sin(1.0)[0], 5, 200 if quick else 2000)
    big = work.array()

    def echo() -> None:
        with conversion.localconverter(numbers):
            ro.globalenv["x_"] = big
            assert np.asarray(ro.globalenv["x_"]).shape == big.shape

    out["r 80 MB"] = work.median(echo, 3 if quick else 7)
    table = work.frame()

    def echo_table() -> None:
        with conversion.localconverter(tables):
            ro.globalenv["d_"] = table
            assert len(ro.globalenv["d_"]) == len(table)

    out["r data.frame"] = work.median(echo_table, 2 if quick else 3)
    return out


def oct2py(quick: bool) -> dict[str, object]:
    """Octave through files."""
    from oct2py import Oct2Py

    start = time.perf_counter()
    octave = Oct2Py()
    octave.feval("sin", 1.0)
    out: dict[str, object] = {"versions": {"oct2py": importlib.metadata.version("oct2py")}}
    out["octave start"] = {"median": time.perf_counter() - start}
    out["octave scalar"] = work.median(lambda: octave.feval("sin", 1.0), 5, 20 if quick else 100)
    record = work.struct()

    def echo_struct() -> None:
        octave.push("s_", record)
        assert len(octave.pull("s_")) == len(record)

    out["octave struct"] = work.median(echo_struct, 5, 10 if quick else 40)
    big = work.array().reshape(1, -1)

    def echo() -> None:
        octave.push("x_", big)
        assert octave.pull("x_").shape == big.shape

    out["octave 80 MB"] = work.median(echo, 3 if quick else 7)
    octave.exit()
    return out


if __name__ == "__main__":
    print(json.dumps({"rpy2": rpy2, "oct2py": oct2py}[sys.argv[1]]("--quick" in sys.argv)))
