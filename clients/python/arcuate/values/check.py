"""Structural validation of rows that come from outside, whichever encoding brought them.

One walk verifies what ``protos/frames.md`` states and a codec alone cannot see: which children, keys and
dtypes a kind has, that every buffer is as long as its shape says, that masks, codes, indices and texts are
what they should be. After it a decoder may trust the rows.
"""

from __future__ import annotations

from arcuate.errors import LimitExceeded, ProtocolError
from arcuate.values import check_leaves as leaves
from arcuate.values import check_parts as parts
from arcuate.values import codes
from arcuate.values.check_walk import Checker, Walk
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

__all__ = ["check"]

_CHECKERS: tuple[Checker, ...] = (
    leaves.null,
    leaves.bool_,
    leaves.int_,
    leaves.float_,
    leaves.complex_,
    leaves.text,
    leaves.bytes_,
    leaves.missing,
    parts.list_,
    parts.mapping,
    leaves.array,
    parts.labelled,
    parts.dataset,
    parts.table,
    parts.categorical,
    leaves.datetime,
    leaves.date,
    leaves.duration,
    leaves.sparse,
    parts.function,
    parts.handle,
)
"""One checker per kind, at the place of its number."""

_DEFAULT = Limits()


def check(nodes: Nodes, limits: Limits = _DEFAULT, *, levels: int = codes.MESSAGE_DEPTH) -> None:
    """Verifies rows that come from outside.

    Args:
        nodes: the rows, as the ``load`` of one of the codecs built them.
        limits: what is accepted.
        levels: how many levels a message may add to the depth of a value.

    Raises:
        ProtocolError: the value is malformed; the message ends with the path.
        LimitExceeded: it exceeds the limit that ``setting`` names.
        ConversionError: it nests too deep, or has too many dimensions.
        Unsupported: it holds an unknown kind; the message ends with the path.
    """
    if len(nodes.rows) > limits.nodes:
        raise LimitExceeded(
            f"a message of {len(nodes.rows):,} values exceeds the limit of {limits.nodes:,}; "
            f"raise the setting 'nodes'",
            setting="nodes",
        )
    if nodes.rows and nodes.rows[0][6]:
        raise ProtocolError("malformed value: its root has a key - at $")
    walk = Walk(nodes, limits, levels, _CHECKERS)
    walk.value(0)
    walk.finish()
