"""The gRPC bridge: the services of ``protos/arcuate/v1`` in front of a hub.

``bridge`` has the server, ``attach`` the bidirectional stream that Arcuate's own clients use, ``loop`` the
thread that serves both.
"""

from __future__ import annotations

import os

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # it would speak at each fork

from arcuate.grpc.bridge import GrpcBridge

__all__ = ["GrpcBridge"]
