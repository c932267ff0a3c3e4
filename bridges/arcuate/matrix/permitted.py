"""What a value may become on its way through a language, computed on renderings.

Written from section 5 of ``protos/SEMANTICS.md`` and the type table, and on purpose without a line of
Arcuate's own converters: it judges them. A value goes into the native form of the language and out again.

Results are in *wire form*: R has no scalars, so that a number comes back from it as an array of one element.
:func:`simplified` then makes scalars of arrays of one element, as the default options of a session do; apply
it to both sides before comparing, wherever R or Octave was on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Node", "Result", "journey", "simplified", "travel"]

Node = dict[str, Any]
_OWN = {"r": {"bool", "i4", "f8", "c16"}, "octave": {"bool", "f8", "c16"}}
_SCALARS = {"bool": "bool", "text": "text", "f8": "float", "f4": "float", "f2": "float", "c8": "complex"}
_SCALARS |= {"c16": "complex", "datetime": "datetime", "date": "date", "duration": "duration"}


@dataclass(frozen=True)
class Result:
    """What must come out.

    Attributes:
        value: the rendering, or ``None`` where the call must fail.
        error: ``"CONVERSION"`` where it must.
        path: what the path in that error goes through, from the value on: ``"[1].x"``.
        changes: the permitted changes that happened, by their names, sorted.
    """

    value: Node | None = None
    error: str = ""
    path: str = ""
    changes: tuple[str, ...] = ()


class Refused(Exception):
    """The language has no form for a value; ``steps`` lead to it, innermost first."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []


@dataclass
class Walk:
    """One walk over a value: the rules of a language, and what changed so far."""

    leaf: Callable[[Walk, Node, bool], Node]
    changes: set[str] = field(default_factory=set)

    def value(self, node: Node, plain: bool = True) -> Node:
        """What a node becomes. ``plain``: it is a value of its own, and no part of something labelled."""
        return self.leaf(self, node, plain)

    def under(self, step: str, node: Node, plain: bool = True) -> Node:
        """What the child of a node becomes; an error gets the step that leads to it."""
        try:
            return self.value(node, plain)
        except Refused as refused:
            refused.steps.append(step)
            raise

    def pairs(self, pairs: list[list[Any]], above: str = "") -> list[list[Any]]:
        """A mapping's items."""
        return [[key, self.under(above + step(key), node)] for key, node in pairs]

    def variables(self, pairs: list[list[Any]], above: str) -> list[list[Any]]:
        """Coordinates or the variables of a dataset: the path names the variable."""
        return [
            [
                name,
                {
                    **variable,
                    "data": self.under(above + step(name), variable["data"], plain=False),
                    "attrs": self.pairs(variable.get("attrs", []), above + step(name) + ".attrs"),
                },
            ]
            for name, variable in pairs
        ]

    def labelled(self, node: Node) -> Node:
        """A labelled array: its data and coordinates keep their shape, its attributes are plain values."""
        return {
            **node,
            "data": self.under(".data", node["data"], plain=False),
            "coords": self.variables(node.get("coords", []), ".coords"),
            "attrs": self.pairs(node.get("attrs", []), ".attrs"),
        }

    def dataset(self, node: Node) -> Node:
        """A dataset."""
        return {
            **node,
            "vars": self.variables(node["vars"], ".vars"),
            "coords": self.variables(node.get("coords", []), ".coords"),
            "attrs": self.pairs(node.get("attrs", []), ".attrs"),
        }

    def table(self, node: Node) -> Node:
        """A table: its columns and the levels of its index keep their shape."""
        index = node.get("index")
        made = [[key, self.under(".columns" + step(key), item, plain=False)] for key, item in node["columns"]]
        if index is not None:
            levels = [self.under(".index", level, plain=False) for level in index["levels"]]
            index = {**index, "levels": levels}
        return {
            **node,
            "columns": made,
            "index": index,
            "attrs": self.pairs(node.get("attrs", []), ".attrs"),
        }

    def categorical(self, node: Node) -> Node:
        """A categorical: its categories are data."""
        return {**node, "categories": self.under(".categories", node["categories"], plain=False)}

    def items(self, node: Node) -> list[Node]:
        """The elements of a list."""
        return [self.under(f"[{number}]", item) for number, item in enumerate(node["items"])]


def step(key: str) -> str:
    """The step of a path that a key is."""
    return f".{key}" if key.isidentifier() and key.isascii() else f"[{key!r}]"


def _exact(walk: Walk, node: Node, plain: bool) -> Node:
    return node


def _rules(language: str) -> Callable[[Walk, Node, bool], Node]:
    from arcuate.matrix.permitted_octave import octave
    from arcuate.matrix.permitted_r import r

    return {"r": r, "octave": octave}.get(language, _exact)


def travel(value: Node, language: str) -> Result:
    """What comes out of a language when a value went into its native form and straight back.

    Args:
        value: a rendering.
        language: ``"r"``, ``"octave"``, or one that keeps everything (``"python"`` and any other name).

    Returns:
        the rendering in wire form, or the error, and what changed.
    """
    walk = Walk(_rules(language))
    try:
        made = walk.value(value)
    except Refused as refused:
        return Result(error="CONVERSION", path="".join(reversed(refused.steps)))
    return Result(made, changes=tuple(sorted(walk.changes)))


def journey(value: Node, languages: Iterable[str]) -> list[Result]:
    """What may come out of several languages one after the other: client, environment, client.

    A client written in R may send a vector of one element as the scalar or as the array that it is; both are
    right, and what the next language makes of them can differ. So there can be two results.
    """
    found = [Result(value)]
    for language in languages:
        after: list[Result] = []
        for before in found:
            if before.value is None:
                after.append(before)
                continue
            starts = [before.value]
            if language != "r" and before.changes is not None:
                short = simplified(before.value, ("r",)) if "r" in _passed(before) else before.value
                if short != before.value:
                    starts.append(short)
            for start in starts:
                result = travel(start, language)
                changes = tuple(sorted({*before.changes, *result.changes, f"through {language}"}))
                after.append(Result(result.value, result.error, result.path, changes))
        found = _distinct(after)
    return [
        Result(one.value, one.error, one.path, tuple(c for c in one.changes if not c.startswith("through ")))
        for one in found
    ]


def _passed(result: Result) -> set[str]:
    return {change.removeprefix("through ") for change in result.changes if change.startswith("through ")}


def _distinct(results: list[Result]) -> list[Result]:
    kept: list[Result] = []
    for result in results:
        outcome = (result.value, result.error, result.path)
        if all((one.value, one.error, one.path) != outcome for one in kept):
            kept.append(result)
    return kept


def simplified(value: Node, languages: Iterable[str] = ("r", "octave")) -> Node:
    """A value as the default options of a session show it: what has one element is a scalar.

    Args:
        value: a rendering in wire form.
        languages: those on the way; their own classes of scalars have no dtype.
    """
    own = frozenset().union(*(_OWN.get(language, frozenset()) for language in languages))

    def pairs(items: list[list[Any]]) -> list[list[Any]]:
        return [[key, short(node)] for key, node in items]

    def variables(items: list[list[Any]]) -> list[list[Any]]:
        return [[key, {**item, "attrs": pairs(item.get("attrs", []))}] for key, item in items]

    def short(node: Node) -> Node:
        kind = node["kind"]
        if kind in ("bool", "int", "float", "complex") and node.get("dtype") in own:
            return {key: item for key, item in node.items() if key != "dtype"}
        if kind == "missing":
            return {"kind": "missing"}
        if kind == "array" and len(node["data"]) == 1 and "sequence" not in node.get("hints", ()):
            return _single(node)
        if kind == "list":
            return {**node, "items": [short(item) for item in node["items"]]}
        if kind == "mapping":
            return {**node, "items": pairs(node["items"])}
        if kind in ("labelled", "dataset", "table"):
            node = {**node, "attrs": pairs(node.get("attrs", []))}
            for part in ("coords", "vars"):
                if part in node:
                    node[part] = variables(node[part])
            if kind == "table":
                columns = node["columns"]
                node["columns"] = [
                    [key, short(item) if item["kind"] == "list" else item] for key, item in columns
                ]
        return node

    return short(value)


def _single(node: Node) -> Node:
    item, dtype = node["data"][0], node["dtype"]
    if item is None:
        return {"kind": "missing"}
    made: Node = {"kind": _SCALARS.get(dtype, "int"), "value": item}
    if dtype in ("datetime", "duration"):
        made["unit"] = node["unit"]
    if node.get("zone"):
        made["zone"] = node["zone"]
    return made
