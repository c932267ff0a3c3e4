"""The short form of the sources of the golden vectors: to the renderings that the reference writer takes.

The head of protos/vectors/source/scalars.toml explains the form.
"""

from __future__ import annotations

from typing import Any

from arcuate.matrix.reference import float_text, parse_float

__all__ = ["expand", "shown"]

REAL = ("f2", "f4", "f8", "float")
PAIRS = ("c8", "c16", "complex")


def expand(value: Any) -> dict[str, Any]:
    """Return the rendering of a value in the short form, as the reference writer takes it."""
    if isinstance(value, bool):
        return {"kind": "bool", "value": value}
    if isinstance(value, int):
        return {"kind": "int", "value": str(value)}
    if isinstance(value, float):
        return {"kind": "float", "value": float_text(value)}
    if isinstance(value, str):
        return {"kind": "text", "value": value}
    if isinstance(value, list):
        return {"kind": "list", "items": list(map(expand, value))}
    if "kind" not in value:
        return {"kind": "mapping", "items": _pairs(value)}
    if value["kind"] == "nest":
        return _nest(value)
    if value["kind"] == "text" and "repeat" in value:
        return {"kind": "text", "value": value["repeat"] * value["times"]}
    return _node(value)


DEFAULTS: dict[str, dict[str, Any]] = {
    "labelled": {"name": None, "coords": [], "attrs": []},
    "dataset": {"vars": [], "coords": [], "attrs": []},
    "table": {"columns": [], "index": None, "attrs": []},
    "categorical": {"ordered": False},
}
"""Fields that a rendering always has, and that a source may leave out."""


def _node(value: dict[str, Any]) -> dict[str, Any]:
    """Expand a value that names its kind."""
    kind = value["kind"]
    made = {**DEFAULTS.get(kind, {}), **value}
    if kind in ("array", "sparse"):
        made["data"] = [_element(element, value["dtype"]) for element in value["data"]]
        made.setdefault("shape", [len(made["data"])])
    elif kind in ("int", "datetime", "date", "duration"):
        made["value"] = str(value["value"])
    elif kind in (*REAL, *PAIRS):
        made["value"] = _element(value["value"], kind)
    elif kind == "bytes":
        made["value"] = value["value"].replace(" ", "").lower()
    elif kind == "list":
        made["items"] = list(map(expand, value["items"]))
    elif kind == "mapping":
        made["items"] = _pairs(value["items"])
    for name in ("attrs", "columns", "coords", "vars"):
        if name in value and kind != "sparse":
            inner = {"attrs": expand, "columns": _column}.get(name, _variable)
            made[name] = _pairs(value[name], inner)
    if kind == "labelled":
        made["data"] = _column(value["data"])
    if kind == "categorical":
        made["codes"] = [None if code == {} else code for code in value["codes"]]
        made["categories"] = _column(value["categories"])
    if "info" in value:
        made["info"] = expand(value["info"])
    if kind == "table" and "index" in value:
        names = [name or None for name in value["index"]["names"]]  # "" stands for no name
        made["index"] = {"names": names, "levels": list(map(_column, value["index"]["levels"]))}
    return made


def _column(value: Any) -> dict[str, Any]:
    """Expand what is an array or a categorical where it does not say its kind."""
    if isinstance(value, dict) and "kind" not in value:
        value = {"kind": "categorical" if "codes" in value else "array", **value}
    return expand(value)


def _variable(value: dict[str, Any]) -> dict[str, Any]:
    attrs = _pairs(value.get("attrs", {}))
    return {"dims": value["dims"], "data": _column(value["data"]), "attrs": attrs}


def _pairs(items: Any, inner: Any = expand) -> list[list[Any]]:
    """Expand a table, or a list of [key, value] for keys that a table of TOML cannot have."""
    pairs = items.items() if isinstance(items, dict) else items
    return [[key, inner(item)] for key, item in pairs]


def _element(element: Any, dtype: str) -> Any:
    """Expand one element; `{}` is missing."""
    if element == {}:
        return None
    if isinstance(element, dict):
        return {"under": _element(element["under"], dtype)}
    if dtype in PAIRS:
        return [_element(part, "f8") for part in element]
    if dtype in REAL:
        return element if str(element).startswith("nan:") else float_text(parse_float(element))
    return element if dtype in ("text", "bool") else str(element)


def _nest(value: dict[str, Any]) -> dict[str, Any]:
    """Put a value into so many lists, mappings, or one in the other."""
    made = expand(value["value"])
    for level in range(value["levels"]):
        if value["with"] == "list" or (value["with"] == "mixed" and level % 2):
            made = {"kind": "list", "items": [made]}
        else:
            made = {"kind": "mapping", "items": [["k", made]]}
    return made


def shown(written: Any) -> Any:
    """Return the rendering without what only the bytes hold: bits of NaN, what is masked, a mask of zeros."""
    if isinstance(written, str):
        return written
    if isinstance(written, list):
        return list(map(shown, written))
    if not isinstance(written, dict):
        return written
    if "under" in written:
        return None
    made = {key: shown(item) for key, item in written.items() if key != "hints"}
    if written.get("kind") in (*REAL, *PAIRS) or written.get("dtype") in (*REAL, *PAIRS):
        for name in ("value", "data"):
            made |= {name: _plain(written[name])} if name in written else {}
    hints = [hint for hint in written.get("hints", ()) if hint != "mask"]
    return {**made, "hints": hints} if hints else made


def _plain(number: Any) -> Any:
    """Replace the bits of NaN, in a number or in a list of them."""
    if isinstance(number, list):
        return list(map(_plain, number))
    if isinstance(number, dict):
        return None
    return "nan" if number is not None and number.startswith("nan:") else number
