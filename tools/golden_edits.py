"""What a golden vector does to bytes that are right, to make malformed ones, or unusual ones that are not.

A case says `raw` instead of `value` where no well-formed value has such nodes, and lists edits of the bytes
in `frame` and `protobuf`; source/errors.toml explains both. The checksum of a frame is computed again after
the edits, unless the case says `checksum = "kept"`.
"""

from __future__ import annotations

import struct
from typing import Any

from arcuate.matrix.layout import DTYPES, KINDS, UNITS, Node, frame, message, seal
from arcuate.matrix.reference import node_of
from arcuate.matrix.vectors import ENCODINGS
from arcuate.v1.value_pb2 import Value
from golden_short import expand

__all__ = ["encodings"]

HEADER = {
    "magic": (0, "4s"),
    "major": (4, "H"),
    "minor": (6, "H"),
    "total": (8, "Q"),
    "n": (16, "I"),
    "m": (20, "I"),
    "p": (24, "Q"),
    "t": (32, "Q"),
    "head": (40, "Q"),
    "flags": (48, "I"),
    "checksum": (52, "I"),
    "reserved": (56, "Q"),
}
"""Offset and type of the fields of the header."""


def encodings(case: dict[str, Any], written: dict[str, Any] | None) -> dict[str, bytes]:
    """Return the bytes of a case in the encodings that it has."""
    node = _raw(case["raw"]) if "raw" in case else node_of(written or {})
    made = {}
    for encoding in case.get("encodings", ENCODINGS):
        edits = case.get(encoding, [])
        if encoding == "frame":
            made[encoding] = _frame(frame(node), edits, case.get("checksum", "fresh"))
        else:
            made[encoding] = _protobuf(message(node), edits)
    return made


def _raw(given: dict[str, Any]) -> Node:
    """Return a node whose numbers stand in the source."""
    made = Node(_code(given["kind"], KINDS))
    for key, item in given.items():
        if key == "kind":
            continue
        if key == "dtype":
            made.dtype = _code(item, DTYPES)
        elif key == "unit":
            made.unit = _code(item, UNITS)
        elif key == "text":
            made.text = item.encode()
        elif key == "buffers":
            made.buffers = [bytes.fromhex(buffer) for buffer in item]
        elif key == "items":
            for name, inner in item:
                node = _raw(inner["raw"]) if isinstance(inner, dict) and "raw" in inner else None
                made.items.append((name.encode(), node or node_of(expand(inner))))
        elif key in ("flags", "value", "count", "pool"):
            setattr(made, key, item)
        else:
            raise ValueError(f"a raw node has no field {key!r}")
    return made


def _code(given: str | int, names: tuple[str, ...]) -> int:
    return given if isinstance(given, int) else names.index(given)


def _frame(data: bytes, edits: list[dict[str, Any]], checksum: str) -> bytes:
    kept = checksum == "kept"
    for edit in edits:
        if "header" in edit:
            at, form = HEADER[edit["header"]]
            to = bytes.fromhex(edit["to"]) if form == "4s" else edit["to"]
            data = _put(data, at, struct.pack("<" + form, to))
            kept |= edit["header"] in ("checksum", "flags")
        elif "column" in edit:
            at, form = _place(data, edit["column"], edit["at"])
            data = _put(data, at, struct.pack("<" + form, edit["to"]))
        else:
            data = _bytes(data, edit)
    return data if kept or len(data) < 64 or len(data) < _numbers(data)[4] else seal(data)


def _numbers(data: bytes) -> tuple[int, int, int, int, int]:
    """Return n, m, p, t and head of a frame."""
    n, m, p, t, head = struct.unpack_from("<IIQQQ", data, 16)
    return n, m, p, t, head


def _place(data: bytes, column: str, number: int) -> tuple[int, str]:
    """Return where an entry of a column is, and its type."""
    n, m, p, _, _ = _numbers(data)
    at = 64
    for name, count, form in (
        *(("value", n, "Q"), ("pool", p, "Q"), ("blen", m, "Q"), ("bloc", m, "Q"), ("count", n, "I")),
        *(("klen", n, "I"), ("tlen", n, "I"), ("kind", n, "B"), ("dtype", n, "B"), ("flags", n, "B")),
        ("unit", n, "B"),
    ):
        size = struct.calcsize("<" + form)
        if name == column:
            return at + size * number, form
        at += size * count
    raise ValueError(f"a frame has no column {column!r}")


def _put(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _bytes(data: bytes, edit: dict[str, Any]) -> bytes:
    """Do an edit that both encodings know."""
    if "replace" in edit:
        old, new = map(bytes.fromhex, edit["replace"])
        if data.count(old) != 1:
            raise ValueError(f"{old.hex()} stands {data.count(old)} times in the bytes")
        return data.replace(old, new)
    if "cut" in edit:
        return data[: -edit["cut"]]
    if "append" in edit:
        return data + bytes.fromhex(edit["append"])
    if "whole" in edit:
        return bytes.fromhex(edit["whole"])
    raise ValueError(f"the edit {edit}; header, column, field, replace, cut, append and whole are allowed")


def _protobuf(root: Value, edits: list[dict[str, Any]]) -> bytes:
    left = []
    for edit in edits:
        if "field" not in edit:
            left.append(edit)
            continue
        one = root
        for step in edit.get("item", []):
            one = one.items[step]
        to = (
            bytes.fromhex(edit["to"])
            if edit["field"] in ("data", "mask", "indices", "indptr")
            else edit["to"]
        )
        if isinstance(to, list):
            del getattr(one, edit["field"])[:]
            getattr(one, edit["field"]).extend(to)
        else:
            setattr(one, edit["field"], to)
    data = root.SerializeToString(deterministic=True)
    for edit in left:
        data = _bytes(data, edit)
    return data
