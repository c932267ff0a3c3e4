"""The environment ``python``:

another Python interpreter, also another virtual environment's, which needs neither Arcuate nor numpy. Its
worker imports this package too, and its start should wait for nothing of the caller's side: that is imported
when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arcuate.python.reporting import progress

if TYPE_CHECKING:
    from arcuate.python.environment import PythonEnvironment

__all__ = ["PythonEnvironment", "progress"]


def __getattr__(name: str) -> Any:
    if name == "PythonEnvironment":
        from arcuate.python.environment import PythonEnvironment

        return PythonEnvironment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
