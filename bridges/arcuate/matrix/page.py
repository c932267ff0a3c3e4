"""One self-contained HTML page of a run of ``arcuate matrix``: a heat map whose cells open to their cases.

The map itself is plain HTML and needs no script. The cases stand in the page once, as compact JSON in which
every text occurs one time, and are drawn when a cell is opened. The page asks for nothing from outside: its
own policy forbids it, and allows its one script and its one style sheet by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from arcuate.matrix import page_map, page_parts
from arcuate.matrix.page_cases import Cases

__all__ = ["page", "with_peers", "write"]

_WEB = Path(__file__).parent / "web"


def write(result: Mapping[str, Any], path: str | Path) -> None:
    """Write the page of a result (``arcuate matrix --json``) to a file."""
    Path(path).write_text(page(result), encoding="utf-8")


def with_peers(result: Mapping[str, Any], checkout: Path) -> dict[str, Any]:
    """Return the result with what `make peers` found of other bridges, where the checkout has that report."""
    file = checkout / "docs" / "peers.json"
    if not file.is_file():
        return dict(result)
    peers = json.loads(file.read_text(encoding="utf-8"))["peers"]
    return {**result, "peers": [one for one in peers if one["peer"] != "Arcuate"]}


def page(result: Mapping[str, Any]) -> str:
    """Return the page as text.

    Args:
        result: what the runner found; ``peers`` in it, where there are any, are those of ``make peers``.
    """
    cases = Cases(result)
    script = _read("page.js")
    style = _read("page.css")
    verdict_class, verdict = page_parts.verdict(result)
    return Template(_read("page.html")).substitute(
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'",
        title="Arcuate interop matrix",
        style=style,
        verdict=verdict,
        verdict_class=verdict_class,
        made=page_parts.made(result),
        lead=page_parts.lead(result),
        legend=page_parts.legend(result),
        map=page_map.table(result),
        notes=page_parts.notes(result),
        sections=page_parts.sections(result),
        footer=page_parts.FOOTER,
        data=_embedded(cases.data()),
        script=script,
    )


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _embedded(data: object) -> str:
    """JSON that can stand in a script element: no ``<`` in it, so that no text can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.encode("utf-8", "replace").decode()  # a lone surrogate is no text that a file can hold
