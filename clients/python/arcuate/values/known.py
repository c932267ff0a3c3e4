"""Kinds that the other side does not know: nothing of them is sent to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arcuate.errors import Unsupported
from arcuate.values import codes
from arcuate.values.nodes import Nodes
from arcuate.values.paths import row_path

__all__ = ["check_known", "lacking"]

_MESSAGES = frozenset((codes.NULL, codes.BOOL, codes.INT, codes.FLOAT, codes.TEXT, codes.LIST, codes.MAPPING))
"""Kinds that messages themselves are made of: whoever speaks the protocol knows them."""


def lacking(kinds: Any) -> frozenset[int]:
    """The kinds that a hello does not list.

    Args:
        kinds: the field ``kinds`` of the hello; where it is no list of names, all are known.
    """
    if not isinstance(kinds, Sequence) or isinstance(kinds, (str, bytes)):
        return frozenset()
    named = set(map(str, kinds))
    return frozenset(
        kind for kind, name in enumerate(codes.KIND_NAMES) if name not in named and kind not in _MESSAGES
    )


def check_known(message: Nodes, unknown: frozenset[int]) -> None:
    """Refuses a message with values of such kinds.

    Raises:
        Unsupported: it has one; the message ends with the path.
    """
    for at, row in enumerate(message.rows):
        if row[0] in unknown:
            raise Unsupported(
                f"the other side does not know values of the kind {codes.KIND_NAMES[row[0]]!r}; send another "
                f"form, or update it - at {row_path(message.rows, at)}"
            )
