"""Hexadecimal dumps as protos/zeromq.md has them, written and read."""

from __future__ import annotations

import re

_LINE = re.compile(r"^ *(\d+)  ((?:[0-9a-f]{2} ?)+)$")


def write(data: bytes) -> str:
    """Sixteen bytes to a line after their offset; ``*`` for lines of zeros but the last."""
    lines: list[str] = []
    for at in range(0, len(data), 16):
        line = data[at : at + 16]
        if not any(line) and at + 16 < len(data):
            if lines[-1:] != ["*"]:
                lines.append("*")
            continue
        lines.append(f"{at:5}  {line.hex(' ')}")
    return "\n".join(lines)


def read(text: str) -> bytes:
    """The bytes of a dump."""
    found = bytearray()
    for line in text.strip("\n").splitlines():
        if line == "*":
            continue
        match = _LINE.match(line)
        assert match, line
        found.extend(bytes(int(match[1]) - len(found)))
        found += bytes.fromhex(match[2])
    return bytes(found)
