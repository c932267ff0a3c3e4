"""Labels, codes and units that R notes of the columns of a data.frame, in ``attrs["columns"]`` elsewhere.

The rules are those of a session of R.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from arcuate.formats import r_file as r
from arcuate.formats.r_file import NA_INT, RObject

__all__ = ["noted", "split"]

_LABELLED = {
    "labelled", "haven_labelled", "haven_labelled_spss", "vctrs_vctr", "double", "numeric", "integer",
    "character", "logical",
}  # fmt: skip
_CODED = {"class", "labels", "value.labels", "na_values", "na_range"}
_OWN = {"factor": "levels", "POSIXct": "tzone", "difftime": "units"}
_NEVER = {"", "names", "dim", "dimnames", "arcuate", "levels", "tsp", "row.names"}
_VECTORS = {r.LGL, r.INT, r.REAL, r.CPLX, r.STR, r.RAW}


def split(node: RObject) -> tuple[RObject, dict[str, RObject]]:
    """A column without what is noted of it, and that."""
    classes = node.classes
    typed = [name for name in classes if name not in _LABELLED]
    own = {"names", "arcuate", *(_OWN[name] for name in typed if name in _OWN)}
    if len(typed) == len(classes):
        own.add("class")
    note = {key: _listed(key, each) for key, each in node.attributes.items() if key not in own}
    if "arcuate" in node.attributes:  # of a labelled array without dimensions
        told = _items(node.attributes["arcuate"])
        kept: dict[str, RObject] = {
            key: told[key] for key in ("name", "coords", "attrs") if key in told and told[key].value
        }
        if kept:
            note["arcuate"] = _mapping(kept)
    rest = {key: each for key, each in node.attributes.items() if key not in ("names", *note)}
    if "class" in note and typed:
        rest["class"] = RObject(r.STR, list(typed))
    return RObject(node.kind, node.value, rest, node.s4), note


def noted(columns: dict[str, RObject], attrs: RObject) -> RObject:
    """Makes what is noted in ``attrs`` attributes of the columns, where it fits; returns the attrs left."""
    keys = list(attrs.texts("names") or [])
    if "columns" not in keys:
        return attrs
    notes = attrs.value[keys.index("columns")]
    left = {
        name: note
        for name, note in _items(notes).items()
        if name not in columns or not _fits(columns[name], note)
    }
    if len(left) == len(_items(notes)):
        return attrs
    found = _items(attrs)
    found["columns"] = _mapping(left)
    if not left:
        del found["columns"]
    return _mapping(found)


def _fits(column: RObject, note: RObject) -> bool:
    """Gives a column its attributes; not what would make something else of it, or R cannot hold."""
    items = _items(note)
    own = {_OWN[name] for name in column.classes if name in _OWN}
    if not items or (_NEVER | own) & set(items) or any(each.kind == r.NIL for each in items.values()):
        return False
    items = {key: _vector(each) if key in _CODED else each for key, each in items.items()}
    if "comment" in items and items["comment"].kind != r.STR:
        return False
    if "class" in items:
        given = items["class"] = RObject(items["class"].kind, items["class"].value)  # no row, as from Octave
        rest = [name for name in given.value if name not in _LABELLED] if given.kind == r.STR else None
        if column.kind == r.VEC or rest != column.classes or len(rest) == len(given.value):
            return False
    column.attributes |= items
    return True


def _items(node: RObject) -> dict[str, RObject]:
    """A list with names and nothing else, as a mapping."""
    names = node.texts("names")
    if node.kind != r.VEC or names is None or len(node.attributes) != 1:
        return {}
    return {str(name): each for name, each in zip(names, node.value, strict=True)}


def _mapping(items: dict[str, RObject]) -> RObject:
    return RObject(r.VEC, list(items.values()), {"names": RObject(r.STR, list(items))})


def _listed(key: str, node: RObject) -> RObject:
    """Texts, and codes by name, as a list: mappings and lists can be compared, as pandas does."""
    if key not in _CODED or not _coded(node):
        return node
    parts = [RObject(node.kind, node.value[at : at + 1]) for at in range(len(node.value))]
    return RObject(r.VEC, parts, dict(node.attributes))


def _vector(node: RObject) -> RObject:
    """Such a list as the vector that it was."""
    if node.kind != r.VEC or not node.value:
        return node
    kind = node.value[0].kind
    if any(one.kind != kind or one.attributes or not _single(one) for one in node.value):
        return node
    values: Any = [one.value for one in node.value]
    if kind == r.RAW:
        joined: Any = b"".join(values)
    else:
        joined = [one for each in values for one in each] if kind == r.STR else np.concatenate(values)
    made = RObject(kind, joined, dict(node.attributes))
    return made if _coded(made) else node


def _single(node: RObject) -> bool:
    return node.kind in _VECTORS and len(node.value) == 1


def _coded(node: RObject) -> bool:
    if node.kind not in _VECTORS or not len(node.value):
        return False
    if node.kind in (r.LGL, r.INT):
        gone = bool((node.value == NA_INT).any())
    elif node.kind in (r.REAL, r.CPLX):
        gone = bool(np.isnan(node.value).any())
    else:
        gone = node.kind == r.STR and None in node.value
    names = node.texts("names")
    if gone or names is None:
        return not gone and len(node.value) > 1 and not node.attributes
    return list(node.attributes) == ["names"] and all(names) and len(set(names)) == len(names)
