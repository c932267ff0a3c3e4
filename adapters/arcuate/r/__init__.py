"""The R environment: finds R on this machine and starts its worker.

The worker is a Python process in which rpy2-rinterface runs R (:mod:`arcuate.r.worker`). It imports this
package too, and its start should wait for nothing of the caller's side: that is imported when it is asked
for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arcuate.r.environment import REnvironment

__all__ = ["REnvironment"]


def __getattr__(name: str) -> Any:
    if name == "REnvironment":
        from arcuate.r.environment import REnvironment

        return REnvironment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
