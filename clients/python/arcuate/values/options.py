"""How values are turned into rows and back: the options of :func:`encode` and :func:`decode`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from arcuate.values import codes
from arcuate.values.record import record

__all__ = ["DecodeOptions", "EncodeOptions"]


@record(frozen=True)
class EncodeOptions:
    """How Python values become rows.

    Attributes:
        order: memory order of arrays with more than one dimension: ``"F"`` (column-major), ``"C"``
            (row-major), or ``"any"``: as they are.
        vectors: a plain list that mixes int and float becomes a float array too, when every int is exact in
            binary64.
        function: registers a callable and returns its id and what is known about it; ``None``: callables
            cannot travel.
        handle: recognises an object that lives in the other environment and returns its id and what is known
            about it, or ``None``.
        hook: for types that have no form of their own: a function that turns a value of the type (or a
            subclass) into one that can travel.
        depth: how deep a value may nest.
    """

    order: str = "any"
    vectors: bool = False
    function: Callable[[Callable[..., Any]], tuple[str, Mapping[str, Any] | None]] | None = None
    handle: Callable[[Any], tuple[str, Mapping[str, Any]] | None] | None = None
    hook: Mapping[type, Callable[[Any], Any]] | None = None
    depth: int = codes.MAX_DEPTH


@record(frozen=True)
class DecodeOptions:
    """How rows become Python values.

    Attributes:
        simplify: an array of exactly one element, of any number of dimensions and without labels, becomes a
            scalar.
        function: makes an object of a function node from its id and info.
        handle: makes an object of a handle node from its id and info.
        array: is given the memory of every numeric array; what it returns is used instead. For transports
            whose memory must be kept alive.
    """

    simplify: bool = False
    function: Callable[[str, Mapping[str, Any]], Any] | None = None
    handle: Callable[[str, Mapping[str, Any]], Any] | None = None
    array: Callable[[memoryview], memoryview] | None = None
