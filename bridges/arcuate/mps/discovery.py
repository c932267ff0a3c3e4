"""What the discovery service tells of archives and their functions.

Names of inputs, help and, for m-code, names of outputs come from the environment's own ``describe``. Classes
and sizes are left open: no language here declares them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from arcuate.mps.archives import Archive

__all__ = ["archive_entry", "signature"]

_OUTPUTS = re.compile(r"^\s*(?:\[([^\]]*)\]|(\w+))\s*=\s*\w", re.ASCII)


def signature(described: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The signature of a function that ``describe`` has told of."""
    inputs = [
        _argument(str(one.get("name")))
        for one in described.get("parameters") or ()
        if isinstance(one, Mapping)
    ]
    text = str(described.get("signature") or "")
    if language in ("octave", "matlab"):
        found = _OUTPUTS.match(text)
        names = [] if found is None else re.split(r"[\s,]+", (found[1] or found[2] or "").strip())
    else:
        names = ["out"]
    return {
        "help": str(described.get("doc") or ""),
        "inputs": inputs,
        "outputs": [_argument(name) for name in names if name],
    }


def _argument(name: str) -> dict[str, Any]:
    return {"name": name, "mwtype": "", "mwsize": [], "help": ""}


def archive_entry(archive: Archive, functions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The entry of an archive.

    Args:
        archive: the archive.
        functions: what is known of each of its functions.
    """
    return {
        "archiveSchemaVersion": "1.1.0",
        "archiveUuid": archive.uuid,
        "name": archive.name,
        "functions": {
            name: {"signatures": [signature(known, archive.language)]} for name, known in functions.items()
        },
    }
