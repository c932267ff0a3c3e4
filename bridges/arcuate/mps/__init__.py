"""The Production Server bridge: clients of MATLAB Production Server call functions of the hub instead.

It serves the RESTful interface with its JSON, and the protobuf form that MathWorks' own clients speak, both
synchronous and asynchronous, in front of archives (:class:`arcuate.hub.config.ArchiveConfig`).
"""

from __future__ import annotations

from arcuate.mps.bridge import MpsBridge

__all__ = ["MpsBridge"]
