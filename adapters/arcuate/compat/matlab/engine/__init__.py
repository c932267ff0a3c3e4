"""``matlab.engine`` on Octave: MathWorks' engine for Python, its rules and its names.

::

    from arcuate.compat.matlab import engine

    eng = engine.start_matlab()
    eng.sqrt(4.0)  # 2.0

With :func:`arcuate.compat.install_as_matlab` the import is ``import matlab.engine``,
as in scripts for MATLAB.
"""

from __future__ import annotations

from arcuate.compat.matlab.engine.errors import (
    CancelledError,
    EngineError,
    InterruptedError,  # noqa: A004  (the names are MathWorks')
    MatlabExecutionError,
    RejectedExecutionError,
    TimeoutError,  # noqa: A004
)
from arcuate.compat.matlab.engine.futures import FutureResult
from arcuate.compat.matlab.engine.matlabengine import MatlabEngine
from arcuate.compat.matlab.engine.starting import connect_matlab, find_matlab, start_matlab

__all__ = [
    "CancelledError",
    "EngineError",
    "FutureResult",
    "InterruptedError",
    "MatlabEngine",
    "MatlabExecutionError",
    "RejectedExecutionError",
    "TimeoutError",
    "connect_matlab",
    "find_matlab",
    "start_matlab",
]
