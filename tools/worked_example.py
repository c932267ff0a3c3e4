"""The worked example of protos/frames.md: one small call, byte by byte.

`tools/generate.py` writes the block; it is made by the codec; tests/values/test_frames.py compares it with a
frame written out by hand.
"""

from __future__ import annotations

import struct

from arcuate.values import codes, frames
from arcuate.values.nodes import Nodes, Row

__all__ = ["MESSAGE", "example", "render"]

MESSAGE = '{"op": "call", "id": 7, "name": "mean", "args": [[1.5, NA]]}'


def example() -> Nodes:
    """Return the rows of the message."""
    sequence = codes.ARRAY_SEQUENCE | codes.ARRAY_MASK
    rows: list[Row] = [
        (codes.MAPPING, 0, 0, 0, 4, 0, "", ""),
        (codes.TEXT, 0, 0, 0, 0, 0, "op", "call"),
        (codes.INT, 0, 0, 0, 0, 7, "id", ""),
        (codes.TEXT, 0, 0, 0, 0, 0, "name", "mean"),
        (codes.LIST, 0, codes.LIST_FORCED, 0, 1, 0, "args", ""),
        (codes.ARRAY, codes.D_F8, sequence, 0, 1, 0, "", ""),
    ]
    return Nodes(rows, [2], [struct.pack("<2d", 1.5, 0.0), bytes([0, 1])])


def parts(frame: bytes) -> list[tuple[str, int, str]]:
    """Return (name, size, remark) of every part of the frame, in order."""
    n, m, p, t, head = struct.unpack_from("<IIQQQ", frame, 16)
    used = 64 + 24 * n + 8 * p + 16 * m + t
    names = ["root", "op", "id", "name", "args", "args[0]"]
    header = [
        ("magic", 4, "ARCU"),
        ("major", 2, "1"),
        ("minor", 2, "0"),
        ("total", 8, f"{len(frame)} bytes"),
        ("n", 4, f"{n} nodes: {', '.join(names)}"),
        ("m", 4, f"{m} buffers: data, mask"),
        ("p", 8, f"{p} number in the pool"),
        ("t", 8, f"{t} bytes of text"),
        ("head", 8, f"64 + 24·{n} + 8·{p} + 16·{m} + {t} = {used}, rounded up to {head}"),
        ("flags", 4, "bit 0: a checksum follows"),
        ("checksum", 4, "Adler-32"),
        ("", 8, "zero"),
    ]
    values = [(f"value {name}", 8, "7" if name == "id" else "") for name in names]
    tables = [
        ("pool", 8, "args[0] has 2 elements"),
        ("blen data", 8, "two binary64"),
        ("blen mask", 8, "two bytes"),
        ("bloc data", 8, "inline"),
        ("bloc mask", 8, "inline"),
    ]
    counts = ["4 children", "", "", "", "1 child", "1 dimension"]
    tables += [(f"count {name}", 4, count) for name, count in zip(names, counts, strict=True)]
    tables += [(f"klen {name}", 4, "") for name in names]
    tables += [(f"tlen {name}", 4, "") for name in names]
    columns = [
        ("kind", 6, "mapping, text, int, text, list, array"),
        ("dtype", 6, "the array is f8"),
        ("flags", 6, "args: forced; args[0]: mask and sequence"),
        ("unit", 6, ""),
    ]
    texts = [
        ("text", 6, '"op" "call"'),
        ("text", 2, '"id"'),
        ("text", 8, '"name" "mean"'),
        ("text", 4, '"args"'),
    ]
    rest = [
        ("padding", head - used, f"up to {head}"),
        ("data", 8, "1.5"),
        ("data", 8, "0 under the mask"),
        ("padding", 48, "up to the next multiple of 64"),
        ("mask", 2, "present, missing"),
        ("padding", 62, "the frame ends at a multiple of 64"),
    ]
    return header + values + tables + columns + texts + rest


def render() -> str:
    """Return the block as Markdown."""
    frame = frames.to_bytes(example())
    lines = [
        f"The message `{MESSAGE}`, {len(frame)} bytes (a line of `00 ...` stands for zeros only):",
        "",
        "```text",
    ]
    at = 0
    for name, size, remark in parts(frame):
        data = frame[at : at + size]
        shown = "00 ..." if size > 8 and not any(data) else data.hex(" ")
        lines.append(f"{at:5}  {size:3}  {name:14} {shown:24} {remark}".rstrip())
        at += size
    if at != len(frame):
        raise SystemExit(
            f"tools/worked_example.py describes {at} bytes of a frame of {len(frame)}: complete it"
        )
    return "\n".join([*lines, "```"])
