"""Arrays by the block, so that no more than a block is in memory, and arrays that grow part by part."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from arcuate.errors import InvalidArgument
from arcuate.formats.format import PiecesDiffer
from arcuate.formats.groups import Variable, group_of

__all__ = ["BLOCK", "Growing", "blocks", "chunks", "width"]

BLOCK = 16 << 20
"""About the most bytes of a block, unless one chunk of the file has more."""


def width(dtype: Any) -> int:
    """About the bytes of an element in memory, while it is on its way."""
    return 64 if dtype.kind == "O" else max(int(dtype.itemsize), 4)


def blocks(
    shape: tuple[int, ...], itemsize: int, unit: tuple[int, ...] | None = None
) -> Iterator[tuple[slice, ...]]:
    """Slices that are the whole of an array together, in row-major order.

    Args:
        shape: of the array.
        itemsize: bytes of an element.
        unit: what is never taken apart, such as the chunks of its file.
    """
    size = [max(1, min(one, length)) for one, length in zip(unit or (1,) * len(shape), shape, strict=True)]
    left = max(1, BLOCK // max(1, prod(size) * itemsize))
    for axis in reversed(range(len(shape))):
        times = min(-(-shape[axis] // size[axis]), left)
        size[axis] = min(size[axis] * max(1, times), max(1, shape[axis]))
        left //= max(1, times)
        if size[axis] < shape[axis]:
            break
    steps = [range(0, length, step) for length, step in zip(shape, size, strict=True)]
    for starts in itertools.product(*steps):
        yield tuple(
            slice(start, min(start + step, length))
            for start, step, length in zip(starts, size, shape, strict=True)
        )


def chunks(shape: tuple[int, ...], itemsize: int, most: int) -> tuple[int, ...]:
    """The chunks of a new file: whole rows of the last dimensions, as many as fit into ``most`` bytes."""
    left, found = max(1, most // itemsize), []
    for size in reversed(shape):
        found.append(max(1, min(size, left)))
        left = max(1, left // found[-1])
    return tuple(reversed(found))


class Growing:
    """A labelled array that comes in parts along one dimension.

    Args:
        first: the first part.
        along: the dimension; the first one if it is not given.

    Attributes:
        group: the first part as a group.
        along: the dimension's name in the file; ``None``: the array has no dimensions.
        length: how long it is so far.

    Raises:
        InvalidArgument: there is no such dimension.
    """

    def __init__(self, first: Any, along: str | None = None) -> None:
        names = [str(dim) for dim in first.dims]
        if along is not None and along not in names:
            raise InvalidArgument(f"the parts have no dimension {along!r} to grow along; they have {names}")
        self.group = group_of(first)
        self.along: str | None = None
        self.length = 1
        if names:
            wanted = names[0] if along is None else along
            self.along = dict(self.group.told["dims"])[wanted]
            self.length = int(first.sizes[wanted])

    def next(self, piece: Any) -> list[tuple[str, Variable, tuple[slice, ...]]]:
        """What is put behind the parts before: variables, and where in them.

        Raises:
            PiecesDiffer: the part differs from the first in more than its place.
        """
        part, first = group_of(piece), self.group
        if self.along is None:
            raise PiecesDiffer("the parts have no dimension along which they could follow each other")
        if _text(part.told) != _text(first.told) or not _same_attrs(part.attrs, first.attrs):
            raise PiecesDiffer(_differ("dims, coordinates or name", _brief(part.told), _brief(first.told)))
        added, start = 0, self.length
        found: list[tuple[str, Variable, tuple[slice, ...]]] = []
        for name, one in part.variables.items():
            before = first.variables[name]
            what = f"the array {name!r}"
            if one.dims != before.dims or one.data.dtype != before.data.dtype or _bare(one) != _bare(before):
                raise PiecesDiffer(_differ(what, _kind(one), _kind(before)))
            if not _same_attrs(one.attrs, before.attrs) or _text(one.told) != _text(before.told):
                raise PiecesDiffer(
                    f"the parts have different values of the attribute {_differing(one, before)!r}, and one "
                    "array has but one; leave it out (drop_attrs), or write the parts to files of their own"
                )
            if self.along not in one.dims:
                if one.data.shape != before.data.shape or not _same(one.data, before.data):
                    raise PiecesDiffer(_differ(what, "one thing in one part", "another in the first"))
                continue
            axis = one.dims.index(self.along)
            rest = [size for at, size in enumerate(one.data.shape) if at != axis]
            if rest != [size for at, size in enumerate(before.data.shape) if at != axis]:
                raise PiecesDiffer(_differ(what, one.data.shape, before.data.shape))
            added = int(one.data.shape[axis])
            place = slice(start, start + added)
            found.append((name, one, tuple(place if dim == self.along else slice(None) for dim in one.dims)))
        self.length = start + added
        return found


def _differ(what: str, found: Any, wanted: Any) -> str:
    return (
        f"{what}: {found} in one part and {wanted} in the first, and one array in a file has but one; "
        "write such parts to files of their own, or join them in memory and use save_data"
    )


def _bare(one: Variable) -> str:
    return _text({key: part for key, part in one.told.items() if key != "attrs"})


def _differing(one: Variable, other: Variable) -> str:
    """The first attribute that differs."""
    mine, its = _described(one), _described(other)
    return next((key for key in sorted({*mine, *its}) if mine.get(key) != its.get(key)), "?")


def _described(one: Variable) -> dict[str, str]:
    if "attrs" in one.told:
        return {key: _text(part) for key, part in one.told["attrs"].get("items", ())}
    own = {key: value for key, value in one.attrs.items() if key != "coordinates"}  # that one is written here
    return {key: _text({"kind": "text", "text": str(value)}) for key, value in own.items()}


def _kind(one: Variable) -> str:
    missing = " with missing elements" if "fill" in one.told or "missing" in one.told else ""
    return f"{one.told.get('dtype', one.data.dtype)} {one.dims}{missing}"


def _brief(told: dict[str, Any]) -> str:
    dims = [dim for dim, _ in told.get("dims", ())]
    return f"dims {dims}, coordinates {[name for name, _ in told.get('coords', ())]}"


def _text(told: dict[str, Any]) -> str:
    return json.dumps(told, sort_keys=True)


def _same(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind == "O":
        return bool(one.tolist() == other.tolist())
    return bool(one.dtype == other.dtype and one.tobytes() == other.tobytes())


def _same_attrs(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
