"""What of a value R's classes of time do not hold, said before a file is written."""

from __future__ import annotations

from arcuate.formats.format import Losses
from arcuate.formats.node import Node, step
from arcuate.values import codes

__all__ = ["note"]

_FINE = {"ns", "ps", "fs", "as"}


def note(node: Node, losses: Losses, path: str) -> None:
    """Gives to ``losses`` what comes back from R changed in its values: nanoseconds of times without zone."""
    if node.dtype == codes.D_DATETIME and not node.text and node.unit_name in _FINE:
        fine = 1000 if node.unit_name == "ns" else 1
        counts = node.values() if node.kind == codes.ARRAY else None
        lost = (counts % fine).any() if counts is not None else node.value % fine
        if lost or node.unit_name != "ns":
            losses.add(
                path, "parts of a microsecond are not kept", "round to microseconds, or save it as .nc"
            )
    for k, (key, each) in enumerate(node.children):
        note(each, losses, path + (step(key) if key else f"[{k}]"))
