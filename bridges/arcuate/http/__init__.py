"""The HTTP bridge: the hub for everything that speaks HTTP/1.1 (``protos/http.md``).

Frames for programs (R, Octave, MATLAB), plain JSON for curl, a WebSocket for browsers.
"""

from __future__ import annotations

from arcuate.http.bridge import HttpBridge

__all__ = ["HttpBridge"]
