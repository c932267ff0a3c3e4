"""Golden values through a bridge whose host is Python. Runs in the environment of the peers.

    python through_python.py {rpy2|oct2py|arrays} JOBS FIRST

JOBS holds a case a line, `{"case": name, "frame": base64}`; FIRST is the line to begin with. Prints a JSON
object for each: `began`, then `frame` (what came back), `refused` (the error), `object` (a class without a
value here), or `none` (plain Python has no class for the value: Arcuate's own stands for it, which no other
bridge can know). Arcuate's codec turns the golden bytes into what a user of Python holds, and back: no other
part of it is used.
"""

from __future__ import annotations

import base64
import copy
import importlib.metadata
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from arcuate.values import decode, encode, frames, types

Trip = Callable[[Any], Any]
OWN = (types.Missing, types.Cell, types.Instant, types.Duration, types.Array, types.Factor, types.Sparse)
"""Classes of Arcuate for what plain Python, numpy, pandas, xarray and scipy cannot hold."""


class Foreign(Exception):
    """What came back is an object of the bridge that stands for a value over there."""


def rpy2() -> tuple[Trip, dict[str, str]]:
    """R in this process, with both converters, as the manual combines them."""
    import pandas as pd
    import rpy2.robjects as ro
    from rpy2.rinterface_lib import callbacks
    from rpy2.robjects import conversion, default_converter, numpy2ri, pandas2ri

    callbacks.consolewrite_warnerror = lambda _: None
    converter = default_converter + numpy2ri.converter + pandas2ri.converter
    identity = ro.r("function(x) x")

    def trip(value: Any) -> Any:
        series = isinstance(value, pd.api.extensions.ExtensionArray) and not isinstance(value, pd.Categorical)
        if series or (isinstance(value, np.ndarray) and value.dtype.kind in "mM" and value.ndim == 1):
            value = pd.Series(value)  # pandas2ri knows a Series, not the array inside it
        with conversion.localconverter(converter):
            back = identity(value)
        back = unwrapped(back)
        return back.array if isinstance(value, pd.Series) and isinstance(back, pd.Series) else back

    version = importlib.metadata.version("rpy2")
    return trip, {"rpy2": version, "R": str(ro.r("as.character(getRversion())")[0])}


def unwrapped(back: Any) -> Any:
    """What stayed an object of rpy2, unpacked as its user would: a vector by its items, a list by names."""
    from rpy2 import rinterface as ri
    from rpy2.rlike import container

    if back is ri.NULL:
        return None
    if isinstance(back, container.NamedList):
        names, items = list(back.names()), [unwrapped(item) for item in back]
        return (
            dict(zip(names, items, strict=True))
            if all(isinstance(n, str) for n in names) and names
            else items
        )
    if isinstance(back, ri.ListSexpVector):
        names = back.names
        items = [unwrapped(item) for item in back]
        return items if names is ri.NULL else dict(zip(map(str, names), items, strict=True))
    if isinstance(back, ri.SexpVector):
        items = [None if item is ri.NULL else item for item in back]
        dim = back.do_slot("dim") if "dim" in back.list_attrs() else None
        return items if dim is None else np.array(items).reshape(tuple(dim), order="F")
    if isinstance(back, ri.Sexp):
        raise Foreign(type(back).__name__)
    return back


def oct2py() -> tuple[Trip, dict[str, str]]:
    """Octave, by files, with its defaults."""
    from oct2py import Oct2Py

    octave = Oct2Py(timeout=20)
    octave.eval("1;")
    octave.eval("function y = arcuate_identity(x)\n y = x;\nend", verbose=False)
    version = str(octave.eval("version()", nout=1, verbose=False))

    def trip(value: Any) -> Any:
        return plain(octave.feval("arcuate_identity", value, nout=1, verbose=False))

    return trip, {"oct2py": importlib.metadata.version("oct2py"), "GNU Octave": version}


def plain(back: Any) -> Any:
    """What oct2py brings, without its own classes: cells are arrays of objects, structs are dicts."""
    from oct2py import Cell, Struct

    if isinstance(back, Cell):
        bare = np.empty(back.shape, dtype=object)
        for place in np.ndindex(back.shape):
            bare[place] = plain(back.view(np.ndarray)[place])
        return bare
    if isinstance(back, Struct):
        return {name: plain(value) for name, value in back.items()}
    return [plain(item) for item in back] if isinstance(back, list) else back


def arrays() -> tuple[Trip, dict[str, str]]:
    """MathWorks' own array classes, without MATLAB: a numeric array becomes one, and numpy reads it again."""
    import matlab

    classes = {
        "f8": matlab.double,
        "f4": matlab.single,
        "c16": matlab.double,
        "c8": matlab.single,
        "b1": matlab.logical,
    }
    classes |= {f"i{n}": getattr(matlab, f"int{8 * n}") for n in (1, 2, 4, 8)}
    classes |= {f"u{n}": getattr(matlab, f"uint{8 * n}") for n in (1, 2, 4, 8)}

    def trip(value: Any) -> Any:
        wanted = classes[value.dtype.str[1:]]
        more = {"is_complex": True} if value.dtype.kind == "c" else {}
        return np.asarray(wanted(value, **more))

    return trip, {"matlab-prodserver-client": importlib.metadata.version("matlab-prodserver-client")}


def main() -> None:
    """Run the cases."""
    peer, jobs, first = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a bridge prints goes elsewhere

    def say(**line: Any) -> None:
        out.write(json.dumps(line) + "\n")

    trip, versions = {"rpy2": rpy2, "oct2py": oct2py, "arrays": arrays}[peer]()
    beside = ("numpy",) if peer == "arrays" else ("numpy", "pandas")
    say(versions=versions | {name: importlib.metadata.version(name) for name in beside})
    for line in Path(jobs).read_text(encoding="utf-8").splitlines()[int(first) :]:
        job = json.loads(line)
        say(began=job["case"])
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            answer = one(trip, base64.b64decode(job["frame"]))
        said = sorted({str(w.message) for w in heard if w.category is UserWarning})
        say(case=job["case"], **answer, **({"warned": said} if said else {}))
    out.close()
    os._exit(0)  # both interpreters have been left tidy enough; some crash while they end


def foreign_to_all(value: Any) -> str:
    """The name of a class of Arcuate's own in a value, "" if there is none."""
    if isinstance(value, OWN):
        return type(value).__name__
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        inside = list(np.ravel(value)) if isinstance(value, np.ndarray) else value
    return next(filter(None, map(foreign_to_all, inside)), "")


def one(trip: Trip, frame: bytes) -> dict[str, str]:
    """Send one value there and back."""
    try:
        value = copy.deepcopy(decode(frames.load(frame)))  # arrays of its own, aligned and writable
    except Exception as unknown:
        return {"none": f"Python has no such value: {unknown}"[:300]}
    own = foreign_to_all(value)
    if own:
        return {"none": f"plain Python has no class for it ({own})"}
    try:
        back = trip(value)
    except Foreign as kept:
        return {"object": str(kept)}
    except (Exception, SystemExit) as refusal:
        return {"refused": f"{type(refusal).__name__}: {str(refusal).strip()[:400]}"}
    try:
        return {"frame": base64.b64encode(frames.to_bytes(encode(back))).decode()}
    except Exception as unknown:
        return {"object": f"{type(back).__module__}.{type(back).__qualname__}: {str(unknown)[:200]}"}


if __name__ == "__main__":
    main()
