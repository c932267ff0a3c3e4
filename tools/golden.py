"""The golden vectors: protos/vectors/source/*.toml to the lines of protos/vectors/cases.jsonl.

The sources are written by hand. They use a short form of the renderings of protos/vectors/README.md, which
the head of source/scalars.toml explains; `tools/generate.py` calls `lines`. The bytes come from
arcuate.matrix.reference, which shares nothing with the codecs that the vectors judge.
"""

from __future__ import annotations

import base64
import itertools
import json
import sys
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from arcuate.matrix.layout import KINDS
from arcuate.matrix.recipes import make
from arcuate.matrix.reference import encode
from arcuate.matrix.vectors import ENCODINGS, digest
from golden_edits import encodings
from golden_short import expand, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["lines"]

SOURCE = Path("protos/vectors/source")
FIELDS = {
    *("name", "doc", "value", "raw", "error", "recipe", "encodings", "frame", "protobuf", "checksum"),
}


def lines(root: Path) -> str:
    """Return the content of cases.jsonl."""
    made: dict[str, str] = {}
    for file in sorted((root / SOURCE).glob("*.toml")):
        source = tomllib.loads(file.read_text(encoding="utf-8"))
        unknown = set(source) - {"case", "grid"}
        if unknown:
            raise SystemExit(
                f"{file.name}: unknown table {', '.join(unknown)}; 'case' and 'grid' are allowed"
            )
        for case in [*source.get("case", ()), *grid(source.get("grid"))]:
            name = case.get("name", "?")
            try:
                line = json.dumps(_line(case), separators=(",", ":"))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise SystemExit(f"{file.name}: {name}: {error!r}") from error
            if name in made:
                raise SystemExit(f"{file.name}: {name} stands twice")
            made[name] = line
    return "\n".join([*made.values(), ""])


def grid(table: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Yield a case for each dtype of the elements in each shape of a grid."""
    if table is None:
        return
    for dtype, elements in table["elements"].items():
        for name, form in table["forms"].items():
            size = prod(form["shape"])
            data = list(itertools.islice(itertools.cycle(elements), size))
            for place in form.get("missing", ()):
                data[place] = {}
            value = {"kind": "array", "dtype": dtype, "shape": form["shape"], "data": data}
            value |= {"hints": form["hints"]} if "hints" in form else {}
            value |= table.get("also", {}).get(dtype, {})
            yield {"name": f"array/{dtype}/{name}", "doc": f"{dtype}: {form['doc']}.", "value": value}


def _line(case: dict[str, Any]) -> dict[str, Any]:
    """Return the object of one line."""
    unknown = set(case) - FIELDS
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}; {', '.join(sorted(FIELDS))} are allowed")
    line = {"name": case["name"], "kind": case["name"].partition("/")[0], "doc": case["doc"]}
    if "recipe" in case:
        value = make(case["recipe"])
        digests = {encoding: digest(encode(value, encoding)) for encoding in ENCODINGS}
        return {**line, "kind": value["kind"], "recipe": {**case["recipe"], **digests}}
    if "error" in case:
        line["error"] = case["error"]
    elif line["kind"] not in KINDS:
        raise ValueError(f"the name begins with none of the kinds {', '.join(KINDS)}")
    written = expand(case["value"]) if "value" in case else None
    if written is not None and "error" not in case:
        line["value"] = shown(written)
        if written["kind"] != line["kind"]:
            raise ValueError(f"the name says {line['kind']}, the value is a {written['kind']}")
    for encoding, data in encodings(case, written).items():
        line[encoding] = base64.b64encode(data).decode()
    return line
