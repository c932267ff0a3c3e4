"""Values as groups of arrays with attributes, which HDF5, NetCDF and Zarr have, and back.

A mapping is a group, a labelled array or dataset is a group of its variables, a table one of its columns.
What groups and attributes cannot say is JSON under the attribute ``arcuate``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arcuate.connector import DataError
from arcuate.formats import exact, leaves
from arcuate.formats.node import Node, plain_node
from arcuate.values import codes

__all__ = ["MARK", "Group", "Variable", "group_of", "tree_of", "value_of"]

MARK = "arcuate"
_UNNAMED = "__xarray_dataarray_variable__"
_CF = {
    "_FillValue", "missing_value", "scale_factor", "add_offset", "units", "calendar", "dtype", "coordinates",
    "flag_values", "flag_meanings", "_Unsigned", "grid_mapping", "bounds", "cell_measures",
}  # fmt: skip
_OWNED = {"_ARRAY_DIMENSIONS", "DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "_Netcdf4Dimid", MARK}
_INLINE = 64
"""The most nodes of a list that are JSON rather than groups, where it holds no array."""


@dataclass(slots=True)
class Variable:
    """An array with names for its dimensions.

    Attributes:
        dims: the names.
        data: what an array has: ``shape``, ``dtype`` and slices.
        attrs: texts, numbers, arrays of one dimension.
        told: what reads it back.
    """

    dims: tuple[str, ...]
    data: Any
    attrs: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Group:
    """Variables and groups under names.

    Attributes:
        told: the kind of value and where its parts are; empty in files that others wrote.
    """

    variables: dict[str, Variable] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def all(self) -> Iterator[tuple[str, Variable]]:
        """All variables, with their paths."""
        for name, one in self.variables.items():
            yield f"/{name}", one
        for name, group in self.groups.items():
            for path, one in group.all():
                yield f"/{name}{path}", one

    def free(self, name: str) -> str:
        """A name for a part: the one given, without what file formats do not take, or one like it."""
        safe = re.sub(r"[/\x00-\x1f\x7f\\]", "_", name).strip().lstrip(".") or "_"
        safe = re.sub(r"^([A-Za-z]):", r"\1_", safe)  # no drive of Windows
        safe = safe.encode()[:200].decode(errors="ignore")  # file systems take 255 bytes
        while safe in self.variables or safe in self.groups:
            safe += "_"
        return safe


def group_of(value: Any) -> Group:
    """The group of a value.

    Raises:
        ConversionError: it is no value of the model.
    """
    if type(value).__name__ == "DataTree":
        return tree_of(value, lambda node: group_of(node.to_dataset(inherit=False)))
    node = Node.of(value)
    group = Group(told={"version": 1})
    if node.kind in (codes.MAPPING, codes.LABELLED, codes.DATASET, codes.TABLE):
        _fill(group, node)
    else:
        group.told.update(kind="value", items=[["value", *_put(group, "value", node)]])
    return group


def value_of(group: Group) -> Any:
    """The inverse of :func:`group_of`.

    Raises:
        DataError: the group was not made by it, or is damaged.
    """
    try:
        if group.told["kind"] == "tree":
            return _from_tree(group)
        if group.told["kind"] == "value":
            ((_, where, how),) = group.told["items"]
            return _get(group, where, how).python()
        return _node(group).python()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(f"what describes the value does not fit it ({error})", service="formats") from error


# ------------------------------------------------------------------ writing


def _fill(group: Group, node: Node) -> None:
    group.told.update(kind=node.kind_name)
    if node.flags:
        group.told["flags"] = node.flags
    if node.kind == codes.MAPPING:
        group.told["items"] = [[key, *_put(group, key, one)] for key, one in node.children]
    elif node.kind == codes.LIST:
        group.told["items"] = [["", *_put(group, str(at), one)] for at, (_, one) in enumerate(node.children)]
        group.told.update(text=node.text, numbers=list(node.numbers))
    elif node.kind == codes.TABLE:
        _table(group, node)
    else:
        _labelled(group, node)


def _put(group: Group, name: str, node: Node) -> tuple[str, Any]:
    """Puts a part into the group; how it is there, and its name or what it is."""
    if node.kind in (codes.ARRAY, codes.CATEGORICAL):
        return "variable", _variable(group, name, node, None, None)
    if node.kind in (codes.LABELLED, codes.DATASET, codes.TABLE, codes.MAPPING) or _holds_arrays(node):
        below, safe = Group(), group.free(name)
        group.groups[safe] = below
        _fill(below, node)
        return "group", safe
    scalars: dict[int, Any] = {codes.BOOL: bool, codes.INT: int, codes.FLOAT: float, codes.TEXT: str}
    if node.kind in scalars and not (node.kind == codes.INT and not -(1 << 63) <= _int(node) < 1 << 63):
        data = np.array(_scalar(node), object if node.kind == codes.TEXT else None)
        safe = group.free(name)
        group.variables[safe] = Variable((), data, told={"scalar": exact.plain_of(node)})
        return "scalar", safe
    return "inline", exact.plain_of(node)


def _int(node: Node) -> int:
    return _scalar(node) if node.kind == codes.INT else 0


def _scalar(node: Node) -> Any:
    if node.kind == codes.TEXT:
        return node.text
    plain = Node(node.kind, 0, node.flags & codes.INT_UNSIGNED, value=node.value)
    return plain.python()


def _holds_arrays(node: Node) -> bool:
    if node.kind != codes.LIST:
        return False
    kinds = (codes.ARRAY, codes.CATEGORICAL, codes.LABELLED, codes.DATASET, codes.TABLE)
    return any(one.kind in kinds and not one.flags & codes.ARRAY_SEQUENCE for one in node.walk())


def _variable(group: Group, name: str, node: Node, dims: tuple[str, ...] | None, attrs: Node | None) -> str:
    leaf, safe = leaves.leaf_of(node), group.free(name)
    if dims is None:
        dims = tuple(f"{safe}_{at}" for at in range(leaf.data.ndim))
    variable = Variable(dims, leaf.data, {}, leaf.told)
    if attrs is not None and attrs.children:
        _attributes(variable.attrs, variable.told, attrs, leaf.attrs)
    variable.attrs.update(leaf.attrs)
    group.variables[safe] = variable
    return safe


def _attributes(shown: dict[str, Any], told: dict[str, Any], attrs: Node, taken: dict[str, Any]) -> None:
    """Attributes as what files have, and all of them as JSON unless they are texts only."""
    plain = True
    for key, one in attrs.children:
        value: Any = None
        if one.kind == codes.TEXT and one.text:
            value = one.text
        elif one.kind in (codes.INT, codes.FLOAT) and -(1 << 63) <= _int(one) < 1 << 63:
            value = np.float64(_scalar(one)) if one.kind == codes.FLOAT else np.int64(_scalar(one))
        elif one.kind == codes.ARRAY and len(one.numbers) == 1 and one.numbers[0] and one.mask() is None:
            numeric = one.dtype in range(codes.D_I1, codes.D_F8 + 1) and one.dtype != codes.D_F2
            value = one.values().copy() if numeric else None
        reserved = key in taken or key in _CF or key in _OWNED or not re.fullmatch(r"[^/\x00-\x1f\x7f]+", key)
        if value is not None and (not reserved or (key in ("units",) and _harmless(one, taken))):
            shown[key] = value
        plain = plain and key in shown and one.kind == codes.TEXT
    if not plain:
        told["attrs"] = exact.plain_of(attrs)


def _harmless(one: Node, taken: dict[str, Any]) -> bool:
    """Whether the text of ``units`` says no times, which other readers would make of the numbers."""
    words = ("second", "minute", "hour", "day", "week", "month", "year", " since ")
    return one.kind == codes.TEXT and "units" not in taken and not any(word in one.text for word in words)


def _dims(group: Group, parts: list[tuple[str, Node]]) -> dict[str, str]:
    """A name in the file for every dimension."""
    del group
    made: dict[str, str] = {}
    for _, one in parts:
        for dim in one["dims"].texts():
            if dim not in made:
                safe = Group().free(dim)
                while safe in made.values():
                    safe += "_"
                made[dim] = safe
    return made


def _labelled(group: Group, node: Node) -> None:
    coords = list(node["coords"].children)
    if node.kind == codes.LABELLED:
        name = node["name"].text if node["name"].kind == codes.TEXT else _UNNAMED
        parts = [("dims", node["dims"]), ("data", node["data"]), ("attrs", node["attrs"])]
        own = [(name, plain_node(codes.MAPPING, parts))]
        group.told["name"] = exact.plain_of(node["name"])
    else:
        own = list(node["vars"].children)
        if node["attrs"].children:
            _attributes(group.attrs, group.told, node["attrs"], {})
    dims = _dims(group, [*own, *coords])
    group.told["dims"] = [[dim, safe] for dim, safe in dims.items()]
    for role, listed in (("coords", coords), ("vars", own)):
        group.told[role] = []
        for name, one in listed:
            mine = tuple(dims[dim] for dim in one["dims"].texts())
            wanted = dims[name] if name in dims and mine == (dims[name],) else name
            if wanted in dims.values() and mine != (wanted,):
                wanted += "_"  # only the labels of a dimension may have its name
            safe = _variable(group, wanted, one["data"], mine, one["attrs"])
            group.told[role].append([name, safe])
    names = [safe for _, safe in group.told["coords"] if safe not in dims.values()]
    for _, safe in group.told["vars"]:
        fitting = [one for one in names if set(group.variables[one].dims) <= set(group.variables[safe].dims)]
        if fitting and not any(" " in one for one in fitting):
            group.variables[safe].attrs["coordinates"] = " ".join(fitting)


def _table(group: Group, node: Node) -> None:
    group.told.update(rows=node.value, text=node.text)
    group.told["items"] = []
    for name, one in node["columns"].children:
        if one.kind == codes.LIST:
            group.told["items"].append([name, *_put(group, name, one)])
        else:
            group.told["items"].append([name, "variable", _variable(group, name, one, ("row",), None)])
    index = node["index"]
    if index.children:
        group.told["names"] = exact.plain_of(index["names"])
        levels = []
        for at, (_, one) in enumerate(index["levels"].children):
            if one.kind == codes.LIST:
                levels.append(_put(group, f"index_{at}", one))
            else:
                levels.append(("variable", _variable(group, f"index_{at}", one, ("row",), None)))
        group.told["index"] = levels
    if node["attrs"].children:
        _attributes(group.attrs, group.told, node["attrs"], {})


# ------------------------------------------------------------------ reading


def _node(group: Group) -> Node:
    told = group.told
    kind, flags = codes.KIND_NAMES.index(told["kind"]), int(told.get("flags", 0))
    if kind == codes.MAPPING:
        items = [(key, _get(group, where, how)) for key, where, how in told["items"]]
        return plain_node(kind, items, flags=flags)
    if kind == codes.LIST:
        items = [("", _get(group, where, how)) for _, where, how in told["items"]]
        numbers = tuple(int(number) for number in told["numbers"])
        return plain_node(kind, items, flags=flags, text=told["text"], numbers=numbers)
    if kind == codes.TABLE:
        return _table_node(group, kind, flags)
    return _labelled_node(group, kind, flags)


def _get(group: Group, where: str, how: Any) -> Node:
    if where == "inline":
        return exact.node_of(how)
    if where == "group":
        return _node(group.groups[how])
    variable = group.variables[how]
    if where == "scalar":
        return _scalar_node(variable)
    return leaves.node_of(_loaded(variable), variable.told)


def _scalar_node(variable: Variable) -> Node:
    """The scalar as it is in the file now, of the kind that it was."""
    told = exact.node_of(variable.told["scalar"])
    found = np.asarray(_loaded(variable))[()]
    if told.kind == codes.TEXT:
        return Node(codes.TEXT, text=str(found))
    if told.kind == codes.FLOAT:
        bits = np.array(found, "<f8").view("<u8")
        return Node(told.kind, told.dtype, told.flags, value=int(bits))
    return Node(told.kind, told.dtype, told.flags, value=int(found) % (1 << 64))


def _loaded(variable: Variable) -> NDArray[Any]:
    return np.asarray(variable.data[...] if not isinstance(variable.data, np.ndarray) else variable.data)


def _attrs(holder: Group | Variable) -> Node:
    if "attrs" in holder.told:
        return exact.node_of(holder.told["attrs"])
    hidden = {"units", "calendar"} if holder.told.get("dtype") in ("datetime", "date", "duration") else set()
    hidden |= {"flag_values", "flag_meanings"} if "categories" in holder.told else set()
    texts = [
        (key, Node(codes.TEXT, text=str(value)))
        for key, value in holder.attrs.items()
        if isinstance(value, str)
        and key not in hidden | {"coordinates", "missing_value", "_FillValue", "dtype"} | _OWNED
    ]
    return plain_node(codes.MAPPING, texts)


def _labelled_node(group: Group, kind: int, flags: int) -> Node:
    names = {safe: dim for dim, safe in group.told["dims"]}
    found: dict[str, list[tuple[str, Node]]] = {}
    for role in ("coords", "vars"):
        found[role] = []
        for name, safe in group.told[role]:
            variable = group.variables[safe]
            dims = [("", Node(codes.TEXT, text=names[dim])) for dim in variable.dims]
            data = leaves.node_of(_loaded(variable), variable.told)
            parts = [("dims", plain_node(codes.LIST, dims)), ("data", data), ("attrs", _attrs(variable))]
            found[role].append((name, plain_node(codes.MAPPING, parts)))
    coords = plain_node(codes.MAPPING, found["coords"])
    if kind == codes.DATASET:
        variables = plain_node(codes.MAPPING, found["vars"])
        return plain_node(kind, [("vars", variables), ("coords", coords), ("attrs", _attrs(group))])
    ((_, one),) = found["vars"]
    head = [("name", exact.node_of(group.told["name"])), ("dims", one["dims"]), ("data", one["data"])]
    return plain_node(kind, [*head, ("coords", coords), ("attrs", one["attrs"])], flags=flags)


def _table_node(group: Group, kind: int, flags: int) -> Node:
    told = group.told
    columns = [(name, _get(group, where, how)) for name, where, how in told["items"]]
    index = plain_node(codes.NULL)
    if "index" in told:
        levels = plain_node(codes.LIST, [("", _get(group, where, how)) for where, how in told["index"]])
        index = plain_node(codes.MAPPING, [("names", exact.node_of(told["names"])), ("levels", levels)])
    parts = [("columns", plain_node(codes.MAPPING, columns)), ("index", index), ("attrs", _attrs(group))]
    return plain_node(kind, parts, value=int(told["rows"]), text=told["text"], flags=flags)


# ------------------------------------------------------------------ trees of datasets


def tree_of(tree: Any, of_node: Callable[[Any], Group]) -> Group:
    """The group of an ``xarray.DataTree``; ``of_node`` gives the one of a node's own dataset."""
    group = of_node(tree)
    below = []
    for name, child in tree.children.items():
        safe = group.free(str(name))
        group.groups[safe] = tree_of(child, of_node)
        below.append([str(name), safe])
    group.told.update(kind="tree", name=tree.name, below=below)
    return group


def _from_tree(group: Group) -> Any:
    import xarray as xr

    dataset = _labelled_node(group, codes.DATASET, 0).python()
    children = {name: _from_tree(group.groups[safe]) for name, safe in group.told["below"]}
    return xr.DataTree(dataset, children, name=group.told["name"])


def text_of(told: dict[str, Any]) -> str:
    """The JSON text of a description."""
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
