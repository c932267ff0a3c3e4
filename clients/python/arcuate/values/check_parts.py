"""Checks of the kinds that hold other values: lists, mappings, everything labelled, references."""

from __future__ import annotations

from arcuate.values import codes
from arcuate.values.check_data import outside
from arcuate.values.check_leaves import unused
from arcuate.values.check_walk import Part, Walk
from arcuate.values.nodes import Row

__all__ = ["categorical", "dataset", "function", "handle", "labelled", "list_", "mapping", "table"]

_ARRAYS = frozenset((codes.ARRAY, codes.CATEGORICAL))
_SIGNED = frozenset((codes.D_I1, codes.D_I2, codes.D_I4, codes.D_I8))


def list_(walk: Walk, at: int, row: Row, depth: int) -> Part:
    """Children without keys, with a shape or none, as many as it says."""
    unused(walk, at, row, "count text")
    _, _, flags, _, count, _, _, names = row
    shape: tuple[int, ...] = (count,)
    if flags & codes.LIST_SHAPED:
        shape, size = walk.shape(at, walk.numbers(at, 1)[0], 1)
        if size != count:
            raise walk.bad(at, f"{count} children in the shape {shape}")
    fields: list[str] | None = None
    if flags & codes.LIST_STRUCTS:
        if not flags & codes.LIST_SHAPED or (names and not names.endswith("\0")):
            raise walk.bad(at, "a struct array without shape, or its field names do not end with a NUL")
        fields = names.split("\0")[:-1]
        if len(set(fields)) != len(fields):
            raise walk.bad(at, "two fields of the struct array have the same name")
    elif names:
        raise walk.bad(at, "a text, which only a struct array has")
    depth = walk.enter(at, count, depth)
    texts: list[str | None] | None = []
    parts: list[Part] | None = []
    for _ in range(count):
        part = walk.value(depth)
        child = part.row
        if child[6]:
            raise walk.bad(part.at, f"the element of a list has the key {child[6]!r}")
        if fields is not None and (child[0] != codes.MAPPING or list(part.items or ()) != fields):
            raise walk.bad(part.at, "an element of a struct array has other fields than the array")
        if texts is not None:
            if child[0] == codes.TEXT:
                texts.append(child[7])
            elif child[0] == codes.NULL:
                texts.append(None)
            else:
                texts = None
        if parts is not None:
            if child[0] in _ARRAYS:
                parts.append(part)
            else:
                parts = None
    return Part(
        at, row, shape, None if texts is None else tuple(texts), None, None if parts is None else tuple(parts)
    )


def mapping(walk: Walk, at: int, row: Row, depth: int) -> Part:
    """Children with keys, none twice."""
    unused(walk, at, row, "count")
    depth = walk.enter(at, row[4], depth)
    items: dict[str, Part] = {}
    for _ in range(row[4]):
        part = walk.value(depth)
        key = part.row[6]
        if key in items:
            raise walk.bad(part.at, f"the key {key!r} occurs twice")
        if "\0" in key:
            raise walk.bad(part.at, "the key holds a NUL")
        items[key] = part
    return Part(at, row, items=items)


def labelled(walk: Walk, at: int, row: Row, depth: int) -> Part:
    """Dimensions that match the data, coordinates on these dimensions."""
    unused(walk, at, row, "count")
    name, dims, data, coords, attrs = walk.children(at, depth, ("name", "dims", "data", "coords", "attrs"))
    if name.row[0] not in (codes.TEXT, codes.NULL):
        raise walk.bad(name.at, "the name is neither text nor null")
    sizes: dict[str, int] = {}
    _dims(walk, dims, data, sizes, known=False)
    for coord in _items(walk, coords, "coords"):
        _variable(walk, coord, sizes, known=True)
    _items(walk, attrs, "attrs")
    return Part(at, row)


def dataset(walk: Walk, at: int, row: Row, depth: int) -> Part:
    """Variables and coordinates that agree on the length of every dimension."""
    unused(walk, at, row, "count")
    variables, coords, attrs = walk.children(at, depth, ("vars", "coords", "attrs"))
    sizes: dict[str, int] = {}
    for variable in (*_items(walk, variables, "vars"), *_items(walk, coords, "coords")):
        _variable(walk, variable, sizes, known=False)
    both = set(variables.items or ()) & set(coords.items or ())
    if both:
        raise walk.bad(at, f"{min(both)!r} is a variable and a coordinate")
    _items(walk, attrs, "attrs")
    return Part(at, row)


def table(walk: Walk, at: int, row: Row, depth: int) -> Part:
    """Columns and index of as many rows as it says."""
    unused(walk, at, row, "count value text")
    rows = row[5]
    if row[7] not in ("", "pandas", "arrow"):
        raise walk.bad(at, f"the container {row[7][:80]!r}; '', 'pandas' and 'arrow' are allowed")
    columns, index, attrs = walk.children(at, depth, ("columns", "index", "attrs"))
    for column in _items(walk, columns, "columns"):
        if column.row[0] not in _ARRAYS and column.row[0] != codes.LIST:
            raise walk.bad(column.at, "a column is neither array nor categorical nor list")
        _length(walk, column, rows)
    if index.row[0] != codes.NULL:
        items = index.items
        if items is None or list(items) != ["names", "levels"]:
            raise walk.bad(index.at, "the index is neither null nor a mapping of 'names' and 'levels'")
        names, levels = items["names"], items["levels"]
        if names.row[0] != codes.LIST or names.texts is None:
            raise walk.bad(names.at, "the names of the index are no list of texts or nulls")
        if levels.row[0] != codes.LIST or levels.row[4] != names.row[4]:
            raise walk.bad(levels.at, f"{names.row[4]} names of the index need a list of as many levels")
        _levels(walk, levels, rows)
    _items(walk, attrs, "attrs")
    return Part(at, row)


def categorical(walk: Walk, at: int, row: Row, depth: int) -> Part:
    """Signed codes, each the number of a category or masked."""
    unused(walk, at, row, "count")
    before = walk.taken
    numbers, categories = walk.children(at, depth, ("codes", "categories"))
    dtype = numbers.row[1]
    if numbers.row[0] != codes.ARRAY or dtype not in _SIGNED:
        raise walk.bad(numbers.at, "the codes are no array of signed integers")
    if categories.row[0] != codes.ARRAY or len(categories.shape) != 1:
        raise walk.bad(categories.at, "the categories are no array of one dimension")
    mask = walk.view(before + 1) if numbers.row[2] & codes.ARRAY_MASK else None
    strange = outside(walk.view(before), dtype, 0, categories.shape[0], mask)
    if strange is not None:
        raise walk.bad(numbers.at, f"the code {strange} with {categories.shape[0]} categories")
    return Part(at, row, numbers.shape)


def function(walk: Walk, at: int, row: Row, depth: int) -> Part:
    """An id, and what is known about the function."""
    unused(walk, at, row, "count text")
    if not row[7] or "\0" in row[7]:
        raise walk.bad(at, "no id")
    if row[4]:
        (info,) = walk.children(at, depth, ("info",))
        _items(walk, info, "info")
        _info(walk, info, {"name": codes.TEXT})
    return Part(at, row)


def handle(walk: Walk, at: int, row: Row, depth: int) -> Part:
    """An id, and what is known about the object."""
    unused(walk, at, row, "count text")
    if not row[7] or "\0" in row[7]:
        raise walk.bad(at, "no id")
    (info,) = walk.children(at, depth, ("info",))
    _items(walk, info, "info")
    kinds = {"class": codes.LIST, "summary": codes.TEXT, "callable": codes.BOOL, "language": codes.TEXT}
    _info(walk, info, kinds)
    return Part(at, row)


def _info(walk: Walk, info: Part, kinds: dict[str, int]) -> None:
    for key, part in (info.items or {}).items():
        if part.row[0] != kinds.get(key, part.row[0]) or (
            key == "class" and (part.texts is None or None in part.texts)
        ):
            raise walk.bad(part.at, f"{key!r} of the info is of another kind")


def _items(walk: Walk, part: Part, name: str) -> list[Part]:
    if part.items is None:
        raise walk.bad(part.at, f"{name!r} is no mapping")
    return list(part.items.values())


def _variable(walk: Walk, part: Part, sizes: dict[str, int], known: bool) -> None:
    items = part.items
    if items is None or list(items) != ["dims", "data", "attrs"]:
        raise walk.bad(part.at, "a variable is no mapping of 'dims', 'data' and 'attrs'")
    _dims(walk, items["dims"], items["data"], sizes, known)
    _items(walk, items["attrs"], "attrs")


def _dims(walk: Walk, dims: Part, data: Part, sizes: dict[str, int], known: bool) -> None:
    """Compares dimensions with the data; with ``known``, all of them have to be in ``sizes`` already."""
    if dims.row[0] != codes.LIST or dims.texts is None or None in dims.texts:
        raise walk.bad(dims.at, "'dims' is no list of texts")
    if data.row[0] not in _ARRAYS:
        raise walk.bad(data.at, "the data is neither array nor categorical")
    if len(dims.texts) != len(data.shape):
        raise walk.bad(dims.at, f"{len(dims.texts)} names for {len(data.shape)} dimensions")
    for name, extent in zip(dims.texts, data.shape, strict=True):
        if name is None or (known and name not in sizes):
            raise walk.bad(dims.at, f"the array has no dimension {name!r}")
        if sizes.setdefault(name, extent) != extent:
            raise walk.bad(dims.at, f"the dimension {name!r} is {sizes[name]} and {extent} long")


def _length(walk: Walk, part: Part, rows: int) -> None:
    if not part.shape or part.shape[0] != rows:
        found = part.shape[0] if part.shape else "no"
        raise walk.bad(part.at, f"{found} rows in a table of {rows}")


def _levels(walk: Walk, levels: Part, rows: int) -> None:
    if levels.parts is None:
        raise walk.bad(levels.at, "a level of the index is neither array nor categorical")
    for part in levels.parts:
        if len(part.shape) != 1:
            raise walk.bad(part.at, "a level of the index is no array of one dimension")
        _length(walk, part, rows)
