"""Tables of Arrow from values and back.

A table is its columns, and its index columns of their own. Labelled arrays are *tidy*: one row per element, a
column for each dimension and coordinate. What Arrow has no place for is described in the schema's metadata
under ``arcuate``, as JSON; a table without it is read as what it is.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError
from arcuate.formats import columns, exact
from arcuate.formats.format import PiecesDiffer, decoded
from arcuate.formats.node import Node, array_node, plain_node, step
from arcuate.values import codes

__all__ = ["KEY", "foreign", "from_arrow", "named_column", "taken", "tidy_batches", "to_arrow"]

KEY = b"arcuate"
_OBJECT = 400
_ROWS = 1 << 17
_TIDY = (codes.LABELLED, codes.DATASET, codes.ARRAY, codes.CATEGORICAL)
_TAKES = "tables, labelled arrays, datasets with shared dimensions, arrays and mappings of vectors"


def to_arrow(value: Any, what: str) -> pa.Table:
    """The value as a table whose metadata lets :func:`from_arrow` give an equal one.

    Args:
        value: any value.
        what: the format, for errors.

    Raises:
        ConversionError: it is no table.
    """
    aside: dict[int, Any] = {}
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        if value.schema.metadata or any(not _travels(one) for one in value.schema.types):
            return value
    elif type(value).__name__ == "DataFrame":
        value, aside = _set_aside(value)
    node = Node.of(value)
    made: dict[str, Any] = {"version": 1, "kind": node.kind_name}
    if node.kind == codes.TABLE:
        table = _table(node, made)
    elif node.kind in _TIDY:
        table = _tidy(node, made, what)
    elif node.kind == codes.MAPPING and node.children and _vectors(node):
        table = _mapping(node, made)
    else:
        raise ConversionError(
            f"a {node.kind_name} is no table: {what} takes {_TAKES}; save it as .json, .h5 or .zarr"
        )
    for at, column in sorted(aside.items()):
        table = table.add_column(at, column[0], column[1])
        made["columns"].insert(at, [column[0], column[0], {"kind": "arrow"}])
    texts = {key.encode(): text.encode() for key, text in _plain_attrs(node).items()}
    return table.replace_schema_metadata({**texts, KEY: json.dumps(made, ensure_ascii=False).encode()})


def taken(batch: pa.RecordBatch) -> int:
    """About the bytes that a batch takes as a value: lists, bytes and columns of nothing become objects."""
    types = pa.types
    objects = (types.is_null, types.is_list, types.is_large_list, types.is_binary, types.is_large_binary)
    count = sum(any(one(kind) for one in objects) for kind in batch.schema.types)
    return int(batch.nbytes) + _OBJECT * count * int(batch.num_rows)


def tidy_batches(parts: Iterable[Any], what: str) -> Iterator[pa.RecordBatch]:
    """The batches of the table that :func:`to_arrow` makes of a labelled array, from its parts.

    Args:
        parts: along the first dimension, with the shape of the whole in ``encoding["original_shape"]``.
        what: the format, for errors.

    Raises:
        PiecesDiffer: the parts need columns of different types.
    """
    schema, done = None, 0
    for part in itertools.chain.from_iterable(map(_cut, parts)):
        table = to_arrow(part, what)
        made = json.loads(table.schema.metadata[KEY])
        made["shape"] = list(part.encoding["original_shape"])
        if part.ndim > 1 and part.dims[0] not in part.coords:  # the first column has the positions
            table = table.set_column(0, table.schema.field(0), pc.add(table.column(0), done))
        told = {**table.schema.metadata, KEY: json.dumps(made, ensure_ascii=False).encode()}
        table = table.replace_schema_metadata(told)
        schema = schema or table.schema
        if not table.schema.equals(schema, check_metadata=True):
            raise PiecesDiffer("the parts need columns of different types")
        yield from table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=schema)]
        done += len(part) if part.ndim else 0


def _cut(part: Any) -> list[Any]:
    """Parts of a part that make tables of bounded size."""
    if not hasattr(part, "encoding"):
        raise PiecesDiffer("a part of it is none of xarray's arrays")
    if not part.size:
        return [part]
    step = max(1, _ROWS * len(part) // part.size) if part.ndim else 1
    try:
        cut = [part[at : at + step] for at in range(0, len(part), step)] if part.ndim else [part]
    except TypeError:  # a column of pandas with missing texts, which xarray does not cut
        return [part]
    for one in cut:
        one.encoding = part.encoding
    return cut


def from_arrow(table: pa.Table) -> Any:
    """The value of a table: what :func:`to_arrow` was given, or a DataFrame."""
    told = (table.schema.metadata or {}).get(KEY)
    if told is None:
        return foreign(table)
    try:
        made = json.loads(told)
        node, aside = _told(table, made)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, pa.ArrowException) as error:
        raise DataError(f"what describes the table does not fit it ({error})", service="formats") from error
    value = node.python()
    for at, (name, column) in aside:
        value.insert(at, name, _arrow_series(column, value.index))
    return value


def named_column(value: Any, variable: str | None, path: Path) -> Any:
    """One variable, column or entry of a value; the value itself where none is named.

    Raises:
        NotFoundError: there is no such one; the message lists those that there are.
    """
    if variable is None:
        return value
    if isinstance(value, pa.Table):
        value = {name: value.column(name) for name in value.column_names}
    names = [str(name) for name in value] if hasattr(value, "keys") else []
    names += [str(name) for name in getattr(value, "coords", ()) if str(name) not in names]
    if variable not in names and "/" in variable and hasattr(value, "subtree"):
        with contextlib.suppress(KeyError):
            return value[variable]
    if variable not in names:
        listed = ", ".join(names) or "no parts with names"
        raise NotFoundError(f"{path.name} has no variable {variable!r}; it has {listed}", service="formats")
    return value[variable]


def only_column(batch: pa.RecordBatch, variable: str | None, path: Path) -> pa.RecordBatch:
    """A record batch with one of its columns; the batch itself where none is named.

    Raises:
        NotFoundError: there is no such one; the message lists those that there are.
    """
    if variable is None:
        return batch
    check_column(batch.schema, variable, path)
    return batch.select([variable]).replace_schema_metadata(None)


def check_column(schema: pa.Schema, variable: str, path: Path) -> None:
    """Refuses a column that is not there."""
    if variable not in schema.names:
        listed = ", ".join(schema.names) or "none"
        raise NotFoundError(f"{path.name} has no column {variable!r}; it has {listed}", service="formats")


def foreign(table: pa.Table) -> Any:
    """A DataFrame of a table that others wrote: NULL apart from NaN, other metadata as attrs."""
    import pandas as pd

    metadata = dict(table.schema.metadata or {})
    if b"pandas" in metadata:  # its writer says which dtypes and index it had
        return _as_pandas_wrote(table)
    known = [at for at, one in enumerate(table.schema.types) if _travels(one)]
    names = [str(name) for name in table.column_names]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ConversionError(f"two columns are named {twice[0]!r}; a table has each name once")
    bare = table.select(known).replace_schema_metadata(None)
    if bare.num_columns:
        node = Node.of(bare)
        node.text = ""
        frame = node.python()
    else:
        frame = pd.DataFrame(index=pd.RangeIndex(table.num_rows))
    for at, name in enumerate(names):
        if at not in known:
            frame.insert(at, name, _arrow_series(table.column(at), frame.index))
    attrs = {
        decoded(key): decoded(text)
        for key, text in metadata.items()
        if not key.startswith((b"ARROW:", b"PARQUET:"))
    }
    if attrs:
        frame.attrs = attrs
    return frame


def _as_pandas_wrote(table: pa.Table) -> Any:
    """The table that pandas makes; NULL among integers, which came later, makes no floats of them."""
    import pandas as pd

    frame = table.to_pandas()
    for name in table.column_names:
        column = table.column(name)
        if name in frame and column.null_count and pa.types.is_integer(column.type):
            kind = pd.api.types.pandas_dtype(str(column.type).replace("int", "Int").replace("uI", "UI"))
            if frame[name].dtype != kind:
                frame[name] = column.to_pandas(types_mapper=lambda _, kind=kind: kind).array
    return frame


def _arrow_series(column: Any, index: Any) -> Any:
    import pandas as pd

    return pd.Series(pd.arrays.ArrowExtensionArray(column), index=index)


def _travels(kind: pa.DataType) -> bool:
    """Whether the value model has a form for such a column."""
    types = pa.types
    if types.is_dictionary(kind):
        octets = types.is_binary(kind.value_type) or types.is_large_binary(kind.value_type)
        return not octets and _travels(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _travels(kind.value_type)
    if types.is_struct(kind):
        return all(_travels(kind.field(at).type) for at in range(kind.num_fields))
    return bool(
        types.is_boolean(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_timestamp(kind)
        or types.is_duration(kind)
        or types.is_date32(kind)
        or types.is_null(kind)
    )


def _set_aside(frame: Any) -> tuple[Any, dict[int, Any]]:
    """Columns of Arrow types that the value model has not, such as decimals: they stay what they are."""
    aside = {}
    for at, name in enumerate(frame.columns):
        array = frame.iloc[:, at].array
        if type(array).__name__ == "ArrowExtensionArray" and not _travels(array.dtype.pyarrow_dtype):
            aside[at] = (str(name), pa.chunked_array(array.__arrow_array__()))
    if not aside:
        return frame, {}
    return frame.iloc[:, [at for at in range(frame.shape[1]) if at not in aside]], aside


# ------------------------------------------------------------------ writing


class _Columns:
    """Columns under names that are all different, with what describes them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.arrays: list[pa.Array] = []

    def add(self, name: str, node: Node, where: str) -> list[Any]:
        """Adds a column; returns its name in the file and its description."""
        try:
            array, told = columns.column_of(node)
        except pa.ArrowException as error:
            raise ConversionError(f"Arrow cannot hold the column ({error})", path=where) from error
        unique = name
        while unique in self.names:
            unique += "_"
        self.names.append(unique)
        self.arrays.append(array)
        return [unique, told]

    def table(self) -> pa.Table:
        return pa.Table.from_arrays(self.arrays, names=self.names)


def _table(node: Node, made: dict[str, Any]) -> pa.Table:
    found = _Columns()
    made.update(rows=node.value, text=node.text, flags=node.flags, columns=[])
    index = node["index"]
    kept = [(name, one) for name, one in node["columns"].children]
    for name, one in kept:
        made["columns"].append([name, *found.add(name, one, f"$.columns[{name!r}]")])
    if index.children:
        names, levels = index["names"], index["levels"]
        made["names"], made["index"] = exact.plain_of(names), []
        for at, ((_, label), (_, level)) in enumerate(zip(names.children, levels.children, strict=True)):
            shown = label.text if label.kind == codes.TEXT else f"index_{at}" if at else "index"
            made["index"].append(found.add(shown, level, f"$.index.levels[{at}]"))
    if node["attrs"].children:
        made["attrs"] = exact.plain_of(node["attrs"])
    return found.table()


def _vectors(node: Node) -> bool:
    sizes = {_size(one) if len(_shape(one)) == 1 else -1 for _, one in node.children}
    return len(sizes) == 1 and -1 not in sizes


def _mapping(node: Node, made: dict[str, Any]) -> pa.Table:
    found = _Columns()
    made.update(
        flags=node.flags, columns=[[key, *found.add(key, one, "$" + step(key))] for key, one in node.children]
    )
    return found.table()


def _shape(node: Node) -> tuple[int, ...]:
    """The shape of an array or categorical; none for another node."""
    if node.kind == codes.CATEGORICAL:
        return node["codes"].numbers
    return node.numbers if node.kind == codes.ARRAY else ()


def _size(node: Node) -> int:
    return prod(_shape(node))


def _plain_attrs(node: Node) -> dict[str, str]:
    """Attributes that are text, for readers that look at the schema's metadata."""
    if node.kind not in (codes.TABLE, codes.LABELLED, codes.DATASET):
        return {}
    reserved = ("arcuate", "pandas", "ARROW:schema")
    return {
        key: one.text for key, one in node["attrs"].children if one.kind == codes.TEXT and key not in reserved
    }


def _variables(node: Node) -> list[tuple[str, str, Node]]:
    """Role, name and variable of a labelled array, dataset or bare array."""
    if node.kind == codes.DATASET:
        own = [("vars", name, one) for name, one in node["vars"].children]
        return [("coords", name, one) for name, one in node["coords"].children] + own
    if node.kind == codes.LABELLED:
        name = node["name"].text if node["name"].kind == codes.TEXT else "value"
        data = plain_node(
            codes.MAPPING, [("dims", node["dims"]), ("data", node["data"]), ("attrs", node["attrs"])]
        )
        return [*(("coords", key, one) for key, one in node["coords"].children), ("vars", name, data)]
    dims = plain_node(
        codes.LIST, [("", Node(codes.TEXT, text=f"dim_{at}")) for at in range(len(_shape(node)))]
    )
    data = plain_node(codes.MAPPING, [("dims", dims), ("data", node), ("attrs", plain_node(codes.MAPPING))])
    return [("vars", "value", data)]


def _tidy(node: Node, made: dict[str, Any], what: str) -> pa.Table:
    parts = _variables(node)
    sizes: dict[str, int] = {}
    order = [one for one in parts if one[0] == "vars"] + [one for one in parts if one[0] == "coords"]
    for _, _, one in order:
        sizes.update(zip(one["dims"].texts(), _shape(one["data"]), strict=True))
    for role, name, one in parts:
        if role == "vars" and set(one["dims"].texts()) != set(sizes):
            raise ConversionError(
                f"{what} takes datasets whose variables share their dimensions: {name!r} has "
                f"{one['dims'].texts()} of {list(sizes)}; save it as .nc, .zarr or .h5",
                path=f"$.vars[{name!r}]",
            )
    dims, shape = list(sizes), tuple(sizes.values())
    total, found = prod(shape), _Columns()
    made.update(dims=dims, shape=list(shape), flags=node.flags, variables=[])
    if node.kind == codes.LABELLED:
        made["name"] = exact.plain_of(node["name"])
    elif node.kind == codes.DATASET:
        made["attrs"] = exact.plain_of(node["attrs"])
    labels = {name for role, name, one in parts if role == "coords" and one["dims"].texts() == [name]}
    for at, dim in enumerate(dims):
        if len(dims) > 1 and dim not in labels:  # so that other readers can tell the rows apart
            positions = np.broadcast_to(np.arange(shape[at]).reshape(_spread(at, len(shape))), shape)
            found.add(dim, array_node(codes.D_I8, positions.reshape(-1)), f"$.dims[{at}]")
    for role, name, one in parts:
        mine, data = one["dims"].texts(), one["data"]
        where = f"$.{role}[{name!r}]"
        told: dict[str, Any] = {"role": role, "name": name, "dims": mine}
        if one["attrs"].children:
            told["attrs"] = exact.plain_of(one["attrs"])
        if total or not _size(data):
            rows = _rows(mine, _shape(data), dims, shape)
            told["column"] = found.add(name, columns.take(data, rows.reshape(-1), (total,)), where)
        else:  # labels of a dimension, while another has no element: no row to stand in
            told["data"] = exact.plain_of(data)
        made["variables"].append(told)
    table = found.table()
    return table if table.num_columns else pa.table({"empty": pa.nulls(total, pa.bool_())})


def _spread(at: int, ndim: int) -> list[int]:
    return [-1 if axis == at else 1 for axis in range(ndim)]


def _rows(mine: Sequence[str], own: tuple[int, ...], dims: list[str], shape: tuple[int, ...]) -> Any:
    """For every row of the tidy table the row-major place in a variable with some of the dimensions."""
    places = np.arange(prod(own)).reshape(own)
    order = sorted(range(len(mine)), key=lambda at: dims.index(mine[at]))
    places = places.transpose(order)
    full = places.reshape([shape[at] if dim in mine else 1 for at, dim in enumerate(dims)])
    return np.broadcast_to(full, shape)


# ------------------------------------------------------------------ reading


def _told(table: pa.Table, made: dict[str, Any]) -> tuple[Node, list[Any]]:
    kind = codes.KIND_NAMES.index(made["kind"])
    flags, aside = int(made.get("flags", 0)), []
    if kind in _TIDY:
        return _from_tidy(table, made, kind), []
    children = []
    for at, (name, column, told) in enumerate(made["columns"]):
        if told["kind"] == "arrow":
            aside.append((at, (name, table.column(column))))
        else:
            children.append((name, columns.node_of(table.column(column), told)))
    if kind == codes.MAPPING:
        return plain_node(kind, children, flags=flags), []
    rows = table.num_rows if table.num_columns else int(made["rows"])
    index = plain_node(codes.NULL)
    if "index" in made:
        levels = [("", columns.node_of(table.column(name), told)) for name, told in made["index"]]
        both = [("names", exact.node_of(made["names"])), ("levels", plain_node(codes.LIST, levels))]
        index = plain_node(codes.MAPPING, both)
    parts = [("columns", plain_node(codes.MAPPING, children)), ("index", index), ("attrs", _attrs(made))]
    return plain_node(codes.TABLE, parts, value=rows, text=str(made["text"]), flags=flags), aside


def _attrs(told: dict[str, Any]) -> Node:
    return exact.node_of(told["attrs"]) if "attrs" in told else plain_node(codes.MAPPING)


def _from_tidy(table: pa.Table, made: dict[str, Any], kind: int) -> Node:
    dims, shape = [str(dim) for dim in made["dims"]], tuple(int(size) for size in made["shape"])
    if table.num_rows != prod(shape):
        raise ValueError(f"{table.num_rows} rows are not the {prod(shape)} elements of the shape {shape}")
    found: dict[str, list[tuple[str, Node]]] = {"vars": [], "coords": []}
    for told in made["variables"]:
        mine = [str(dim) for dim in told["dims"]]
        own = tuple(shape[dims.index(dim)] for dim in mine)
        if "data" in told:
            data = exact.node_of(told["data"])
        else:
            name, how = told["column"]
            column = columns.node_of(table.column(name), how)
            rows = np.zeros(prod(own), "i8")
            if prod(shape):
                places = _rows(mine, own, dims, shape).reshape(-1)
                _, first = np.unique(places, return_index=True)
                rows = first.astype("i8")
            data = columns.take(column, rows, own)
        listed = plain_node(codes.LIST, [("", Node(codes.TEXT, text=dim)) for dim in mine])
        parts = [("dims", listed), ("data", data), ("attrs", _attrs(told))]
        found[told["role"]].append((told["name"], plain_node(codes.MAPPING, parts)))
    coords = plain_node(codes.MAPPING, found["coords"])
    flags = int(made.get("flags", 0))
    if kind == codes.DATASET:
        variables = plain_node(codes.MAPPING, found["vars"])
        return plain_node(kind, [("vars", variables), ("coords", coords), ("attrs", _attrs(made))])
    ((_, one),) = found["vars"]
    if kind != codes.LABELLED:
        return one["data"]
    head = [("name", exact.node_of(made["name"])), ("dims", one["dims"]), ("data", one["data"])]
    return plain_node(kind, [*head, ("coords", coords), ("attrs", one["attrs"])], flags=flags)
