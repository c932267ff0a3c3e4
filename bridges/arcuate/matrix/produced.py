"""What the writers of literals share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from arcuate.matrix.permitted import Node

__all__ = ["LARGEST", "Made", "Unwritable", "comma", "small"]

LARGEST = 20000
"""More elements than that make no literal that an interpreter should be asked to parse."""


class Unwritable(Exception):
    """The language cannot write such a value; the message says why."""


@dataclass(frozen=True)
class Made:
    """A literal.

    Attributes:
        source: the expression.
        node: the rendering that it must arrive as, in wire form.
    """

    source: str
    node: Node


def comma(items: Iterable[Any]) -> str:
    """Joins what stands between commas."""
    return ", ".join(map(str, items))


def small(data: list[Any]) -> list[Any]:
    """The elements, when a literal can hold so many."""
    if len(data) > LARGEST:
        raise Unwritable("too many elements for a literal")
    return data
