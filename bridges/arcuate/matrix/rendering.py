"""What an encoding holds, as a rendering.

It reads with Arcuate's own parser and check: what it shows came through another implementation, or is a
vector.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from arcuate.matrix.elements import LARGE, Elements, rendered
from arcuate.matrix.equality import same
from arcuate.matrix.layout import DTYPES, KINDS, UNITS
from arcuate.matrix.reference import HINTS, Rendering, float_text
from arcuate.values import frames, protobuf
from arcuate.values.check import check
from arcuate.values.nodes import Nodes

__all__ = ["render", "same"]

_NUMPY = {"bool": "?", "datetime": "<i8", "date": "<i4", "duration": "<i8"}
_FORMATS = ("csc", "csr", "coo")


def render(data: bytes, encoding: str) -> dict[str, Any]:
    """Return the value in an encoding as a rendering.

    Args:
        data: a whole frame, or a serialised ``arcuate.v1.Value``.
        encoding: ``"frame"`` or ``"protobuf"``.

    Raises:
        ArcuateError: a reader must refuse these bytes; its ``code`` says how.
        ValueError: there is no such encoding.
    """
    if encoding == "frame":
        nodes = frames.load(data)
    elif encoding == "protobuf":
        nodes = protobuf.load(data)
    else:
        raise ValueError(f"the encoding {encoding!r}; 'frame' and 'protobuf' are allowed")
    check(nodes, levels=0)  # a value alone: a message adds no levels
    return _Reader(nodes).node()


class _Reader:
    """A walk over checked rows."""

    def __init__(self, nodes: Nodes) -> None:
        self.rows = iter(nodes.rows)
        self.pool = iter(nodes.pool)
        self.buffers = iter(nodes.buffers)

    def node(self) -> dict[str, Any]:
        """Render the next node with everything inside it."""
        return self.keyed()[1]

    def keyed(self) -> tuple[str, dict[str, Any]]:
        """Render the next node; return its key too."""
        code, dtype, flags, unit, count, value, key, text = next(self.rows)
        kind = KINDS[code]
        made: dict[str, Any] = {"kind": kind}
        if kind in ("array", "sparse") or dtype:
            made["dtype"] = DTYPES[dtype]
        if kind in ("bool", "int", "float", "complex", "text", "bytes", "datetime", "date", "duration"):
            made["value"] = self.scalar(kind, value, text, bool(dtype == 9 or flags & 1))
        if kind in ("datetime", "duration", "missing") and unit:
            made["unit"] = UNITS[unit]
        if kind == "datetime" and text:
            made["zone"] = text
        if kind == "array":
            self.put_array(made, flags, unit, count, text)
        elif kind == "sparse":
            self.put_sparse(made, flags, unit)
        elif kind == "list":
            self.put_list(made, flags, count, text)
        elif kind == "mapping":
            made["items"] = self.pairs(count)
        elif kind in ("function", "handle"):
            made["id"] = text
            if count:
                made["info"] = self.node()
        elif count:
            parts = dict(self.keyed() for _ in range(count))
            made |= self.composite(kind, parts, flags, value, text)
        words = [word for word, bit in HINTS.get(kind, {}).items() if flags & bit and word != "mask"]
        if words:
            made["hints"] = words
        return key, made

    def pairs(self, count: int) -> list[list[Any]]:
        """Render keys and values."""
        return [list(self.keyed()) for _ in range(count)]

    def scalar(self, kind: str, value: int, text: str, unsigned: bool) -> Any:
        """Render what a scalar says."""
        if kind == "bool":
            return bool(value)
        if kind == "float":
            return _bits_text(value)
        if kind == "complex":
            return [_bits_text(next(self.pool)), _bits_text(next(self.pool))]
        if kind == "text":
            return text
        if kind == "bytes":
            return self.buffer().hex()
        wide = kind == "int" and unsigned
        return str(value if wide or value < 1 << 63 else value - (1 << 64))

    def buffer(self) -> bytes:
        """Return the next buffer."""
        return bytes(next(self.buffers))  # type: ignore[arg-type]

    def put_array(self, made: dict[str, Any], flags: int, unit: int, count: int, zone: str) -> None:
        """Render shape, elements and mask."""
        shape = [next(self.pool) for _ in range(count)]
        made["shape"] = shape
        data = _elements(self.buffer(), made["dtype"], self.buffer() if flags & 1 else None)
        if flags & 2 and len(shape) > 1:
            data = _row_major(data, shape)
        made["data"] = data
        if unit:
            made["unit"] = UNITS[unit]
        if zone:
            made["zone"] = zone

    def put_sparse(self, made: dict[str, Any], flags: int, form: int) -> None:
        """Render the stored entries and where they are."""
        made["shape"] = [next(self.pool), next(self.pool)]
        made["format"] = _FORMATS[form]
        made["data"] = _elements(self.buffer(), made["dtype"])
        for name in ("rows", "columns") if form == 2 else ("indices", "indptr"):
            made[name] = np.frombuffer(self.buffer(), "<i8" if flags & 1 else "<i4").tolist()

    def put_list(self, made: dict[str, Any], flags: int, count: int, names: str) -> None:
        """Render the elements, the shape and the names of fields."""
        if flags & 4:
            made["shape"] = [next(self.pool) for _ in range(next(self.pool))]
        if flags & 8:
            made["fields"] = names.split("\0")[:-1]
        made["items"] = [self.node() for _ in range(count)]

    def composite(
        self, kind: str, parts: dict[str, dict[str, Any]], flags: int, value: int, text: str
    ) -> dict[str, Any]:
        """Render the kinds that name their children."""
        if kind == "categorical":
            made = {"codes": [None if code is None else int(code) for code in parts["codes"]["data"]]}
            if len(parts["codes"]["shape"]) != 1:
                made["shape"] = parts["codes"]["shape"]
            if parts["codes"]["dtype"] != "i4":
                made["codes_dtype"] = parts["codes"]["dtype"]
            return {**made, "categories": parts["categories"], "ordered": bool(flags & 1)}
        found: dict[str, Any] = {}
        if kind == "table":
            found |= {"rows": value, "columns": parts["columns"]["items"], "index": None}
            if parts["index"]["kind"] != "null":
                names, levels = (item for _, item in parts["index"]["items"])
                found["index"] = {"names": _texts(names), "levels": levels["items"]}
            if text:
                found["container"] = text
        elif kind == "labelled":
            found |= {"name": parts["name"].get("value"), "dims": _texts(parts["dims"])}
            found |= {"data": parts["data"], "coords": _variables(parts["coords"])}
        else:
            found |= {"vars": _variables(parts["vars"]), "coords": _variables(parts["coords"])}
        return {**found, "attrs": parts["attrs"]["items"]}


def _bits_text(bits: int) -> str:
    return float_text(struct.unpack("<d", struct.pack("<Q", bits))[0])


def _texts(node: Rendering) -> list[str | None]:
    return [item.get("value") for item in node["items"]]


def _variables(node: Rendering) -> list[list[Any]]:
    made = []
    for name, variable in node["items"]:
        parts = dict(variable["items"])
        one = {"dims": _texts(parts["dims"]), "data": parts["data"], "attrs": parts["attrs"]["items"]}
        made.append([name, one])
    return made


def _elements(data: bytes, dtype: str, mask: bytes | None = None) -> Sequence[Any]:
    """Render the elements of a buffer in their order."""
    if dtype == "text":
        found: list[Any] = data.decode().split("\0")[:-1]
    else:
        numbers = np.frombuffer(data, _NUMPY.get(dtype, f"<{dtype}"))
        if len(numbers) >= LARGE:
            return Elements(numbers, None if mask is None else np.frombuffer(mask, dtype=bool))
        found = rendered(numbers)
    return [None if gone else one for one, gone in zip(found, mask, strict=True)] if mask else found


def _row_major(data: Sequence[Any], shape: list[int]) -> list[Any]:
    """Return column-major elements in row-major order."""
    order = [0]
    stride = 1
    for extent in shape:
        order = [place + stride * i for place in order for i in range(extent)]
        stride *= extent
    return [data[place] for place in order]
