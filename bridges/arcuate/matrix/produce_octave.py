"""Literals of Octave; what it has no class for is the marked struct that such values are there."""

from __future__ import annotations

from typing import Any

from arcuate.matrix.observe_r import column_major
from arcuate.matrix.observed import NUMPY, entries, number
from arcuate.matrix.permitted import Node, travel
from arcuate.matrix.permitted_octave import is_map, is_sparse
from arcuate.matrix.produced import Made, Unwritable, comma, small

__all__ = ["write"]

_TEXT_UNITS = {"min": "m", "day": "D", "week": "W", "month": "M", "year": "Y"}
_DOUBLE = 2**53


def write(node: Node) -> Made:
    """The literal of a value as it was sent."""
    found = travel(node, "octave").value
    if found is None:
        raise Unwritable("octave has no such value")
    return Made(_write(node), found)


def _write(node: Node, plain: bool = True) -> str:
    kind = node["kind"]
    if kind == "null":
        return "[]"
    if kind == "text":
        return text(node["value"])
    if kind == "bytes":
        data = list(bytes.fromhex(node["value"]))
        return f"uint8([{comma(small(data))}])" if data else "zeros(1, 0, 'uint8')"
    if kind in ("bool", "int", "float", "complex"):
        return _scalar(node)
    if kind == "missing":
        return _missing(node.get("dtype", "none"))
    if kind in ("datetime", "date", "duration"):
        hints = node.get("hints", [])
        hint = "numpy" if "numpy-scalar" in hints else "pandas" if "pandas-scalar" in hints else "python"
        return _moment(node, kind, _vector([node["value"]], "i8", [1, 1]), "[]", "[]", f"'{hint}'")
    if kind == "array":
        return _array(node, plain)
    if kind == "list":
        return _list(node)
    if kind == "mapping":
        return _mapping(node)
    if kind == "sparse":
        return _sparse(node)
    if kind in _MARKED:
        return _MARKED[kind](node)
    raise Unwritable("a function or an object that is made there stays there, as a handle")


def text(item: str) -> str:
    """A char row: what is not ASCII by its UTF-8 bytes."""
    if all(" " <= char <= "~" for char in item):
        return "'" + item.replace("'", "''") + "'"
    return f"char([{comma(item.encode())}])"


def _struct(pairs: list[tuple[str, str]]) -> str:
    """A struct of fields with any names."""
    if not pairs:
        return "struct()"
    names = [name for name, _ in pairs]
    if "" in names:
        raise Unwritable("no expression of Octave makes a struct with the empty name; statements do")
    values = "; ".join(shown for _, shown in pairs)
    return f"cell2struct({{{values}}}, {{{'; '.join(text(name) for name in names)}}}, 1)"


def _scalar(node: Node) -> str:
    kind, dtype = node["kind"], node.get("dtype", "none")
    if dtype == "none":
        dtype = {"bool": "bool", "float": "f8", "complex": "c16", "int": "f8"}[kind]
        if kind == "int" and abs(int(node["value"])) > _DOUBLE:
            dtype = "u8" if int(node["value"]) >= 2**63 else "i8"
    return _vector([node["value"]], dtype, [1, 1])


def _missing(dtype: str) -> str:
    shown = {"f8": "NA", "f4": "single(NA)", "c16": "complex(NA, 0)"}.get(dtype)
    if shown is not None:
        return shown
    return _struct([("arcuate", "'missing'"), ("type", text("" if dtype == "none" else dtype))])


def _double(item: Any) -> str:
    if item is None:
        return "NA"
    value = number(item)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)


def _vector(data: list[Any], dtype: str, shape: list[int]) -> str:
    """An array of a class with this size, from its elements in column-major order."""
    small(data)
    size = f"[{comma(shape)}]"
    if dtype in ("c8", "c16"):
        parts = [["0", "0"] if item is None else item for item in data]
        real = [None if data[i] is None else part[0] for i, part in enumerate(parts)]
        narrow = "f4" if dtype == "c8" else "f8"
        both = (_vector(real, narrow, shape), _vector([part[1] for part in parts], narrow, shape))
        return f"complex({comma(both)})"
    if dtype == "text":
        return f"reshape({{{comma(text(item or '') for item in data)}}}, {size})"
    name = {"f8": "double", "f4": "single", "f2": "single", "bool": "logical"}.get(dtype) or NUMPY[dtype]
    if dtype in ("i8", "u8"):
        words = [int(item or 0) >> shift & 0xFFFFFFFF for item in data for shift in (0, 32)]
        shown = f"typecast(uint32([{comma(words)}]), '{name}')" if data else f"zeros(1, 0, '{name}')"
    elif dtype == "bool":
        shown = f"logical([{comma(int(bool(item)) for item in data)}])"
    elif dtype in ("f2", "f4", "f8"):
        shown = f"{name}([{comma(map(_double, data))}])"
    else:
        shown = f"{name}([{comma(item or 0 for item in data)}])"
    return shown if shape == [1, len(data)] and data else f"reshape({shown}, {size})"


def _two(shape: list[int]) -> list[int]:
    made = [1] * (2 - len(shape)) + list(shape) if len(shape) < 2 else list(shape)
    while len(made) > 2 and made[-1] == 1:
        made.pop()
    return made


def _array(node: Node, plain: bool) -> str:
    dtype, shape = node["dtype"], node["shape"]
    size = _two(shape)
    data = column_major(node["data"], shape)
    gone = any(item is None for item in data)
    if plain and dtype == "i8" and "sequence" in node.get("hints", []):
        if all(item is None or abs(int(item)) <= _DOUBLE for item in data):
            dtype = "f8"
        if gone:
            return _masked(["0" if item is None else item for item in data], dtype, data, size, shape)
    extents = f"[{comma(shape)}]"
    if dtype in ("datetime", "date", "duration"):
        mask = _vector([item is None for item in data], "bool", size) if gone else "[]"
        value = _vector(data, "i4" if dtype == "date" else "i8", size)
        return _moment(node, dtype, value, mask, extents, "false")
    if gone and dtype not in ("f4", "f8", "c16"):
        zero = {"c8": ["0", "0"], "text": ""}.get(dtype, "0")
        return _masked([zero if item is None else item for item in data], dtype, data, size, shape)
    return _vector(data, dtype, size)


def _masked(filled: list[Any], dtype: str, data: list[Any], size: list[int], shape: list[int]) -> str:
    mask = _vector([item is None for item in data], "bool", size)
    shown = _vector(filled, dtype, size)
    fields = [("arcuate", "'masked'"), ("data", shown), ("mask", mask), ("shape", f"[{comma(shape)}]")]
    return _struct(fields)


def _moment(node: Node, kind: str, value: str, missing: str, shape: str, scalar: str) -> str:
    unit = node.get("unit", "")
    fields = {"arcuate": f"'{kind}'", "value": value, "unit": f"'{_TEXT_UNITS.get(unit, unit)}'"}
    fields |= {"zone": text(node.get("zone", "")), "missing": missing, "shape": shape, "scalar": scalar}
    return _struct(list(fields.items()))


def _list(node: Node) -> str:
    items, shape = node["items"], node.get("shape")
    if "fields" in node:
        size, names = _two(node["shape"]), node["fields"]
        if "" in names:
            raise Unwritable("no expression of Octave makes a struct with the empty name; statements do")
        if not names:
            return f"repmat(struct(), [{comma(size)}])"
        values = [_write(item) for one in items for _, item in one["items"]]
        cells = f"reshape({_cells(values)}, [{len(names)}, {len(items)}])"
        made = f"cell2struct({cells}, {{{'; '.join(map(text, names))}}}, 1)"
        return f"reshape({made}, [{comma(size)}])"
    cells = _cells([_write(item) for item in items])
    if shape is None:
        return cells
    return f"reshape({cells}, [{comma(_two(shape))}])"


def _cells(shown: list[str]) -> str:
    return f"{{{comma(shown)}}}"


def _mapping(node: Node) -> str:
    pairs = [(key, _write(item)) for key, item in node["items"]]
    if is_map(node):
        if not pairs:
            return "containers.Map('KeyType', 'char', 'ValueType', 'any')"
        if any(not key for key, _ in pairs):
            raise Unwritable("the constructor of containers.Map refuses the empty key; assignments do not")
        keys = _cells([text(key) for key, _ in pairs])
        return f"containers.Map({keys}, {_cells([item for _, item in pairs])}, 'UniformValues', false)"
    if any(key == "arcuate" and item["kind"] == "text" for key, item in node["items"]):
        raise Unwritable("a struct with a text in the field 'arcuate' is a marked one")
    return _struct(pairs)


def _texts(items: list[Any]) -> str:
    return _cells(["[]" if item is None else text(item) for item in items])


def _pairs(pairs: list[Any]) -> str:
    return _struct([(key, _write(item)) for key, item in pairs])


def _data(node: Node) -> str:
    if node["kind"] == "list":
        cells = _cells([_write(item) for item in node["items"]])
        return _struct([("arcuate", "'list'"), ("data", cells)])
    return _write(node, plain=False)


def _variables(pairs: list[Any]) -> str:
    shown = []
    for name, item in pairs:
        fields = [("dims", _texts(item["dims"])), ("data", _data(item["data"]))]
        shown.append((name, _struct([*fields, ("attrs", _pairs(item.get("attrs", [])))])))
    return _struct(shown)


def _labelled(node: Node) -> str:
    name = node.get("name")
    fields = {"arcuate": "'labelled'", "data": _data(node["data"]), "dims": _texts(node["dims"])}
    fields |= {"coords": _variables(node.get("coords", [])), "attrs": _pairs(node.get("attrs", []))}
    fields["name"] = "[]" if name is None else text(name)
    return _struct(list(fields.items()))


def _dataset(node: Node) -> str:
    fields = {"arcuate": "'dataset'", "vars": _variables(node["vars"])}
    fields |= {"coords": _variables(node.get("coords", [])), "attrs": _pairs(node.get("attrs", []))}
    return _struct(list(fields.items()))


def _table(node: Node) -> str:
    index = node.get("index")
    shown = "[]"
    if index is not None:
        levels = _cells([_data(level) for level in index["levels"]])
        shown = _struct([("names", _texts(index["names"])), ("levels", levels)])
    fields = {"arcuate": "'table'", "rows": str(node["rows"])}
    fields["columns"] = _struct([(name, _data(column)) for name, column in node["columns"]])
    fields |= {"index": shown, "attrs": _pairs(node.get("attrs", []))}
    fields["container"] = text(node.get("container", ""))
    return _struct(list(fields.items()))


def _categorical(node: Node) -> str:
    shape = node.get("shape", [len(node["codes"])])
    codes = [-1 if code is None else code for code in column_major(node["codes"], shape)]
    fields = {"arcuate": "'categorical'", "codes": _vector(codes, "i4", _two(shape))}
    fields |= {"categories": _data(node["categories"]), "ordered": str(bool(node.get("ordered"))).lower()}
    return _struct(list(fields.items()))


def _sparse(node: Node) -> str:
    rows, columns = entries(node)
    size, dtype = [1, len(rows)], str(node["dtype"])
    if not is_sparse(node):
        wide = {"f4": "f8", "c8": "c16"}.get(dtype, dtype)
        fields = [("arcuate", "'sparse'"), ("shape", f"[{comma(node['shape'])}]")]
        fields += [("rows", f"[{comma(rows)}]"), ("columns", f"[{comma(columns)}]")]
        return _struct([*fields, ("data", _vector(node["data"], wide, size))])
    places = [f"[{comma(at + 1 for at in part)}]" for part in (rows, columns)]
    rest = comma(node["shape"])
    if dtype == "bool":
        shown = _vector(node["data"], "bool", size) if rows else "true(1, 0)"
        return f"sparse({comma(places)}, {shown}, {rest})"
    if dtype not in ("c8", "c16"):
        return f"sparse({comma(places)}, {_vector(node['data'], 'f8', size)}, {rest})"
    parts = [_vector([item[part] for item in node["data"]], "f8", size) for part in (0, 1)]
    if any(number(item[1]) for item in node["data"]):  # complex() of two sparse ones spreads a NaN
        return f"sparse({comma(places)}, complex({comma(parts)}), {rest})"
    return f"complex(sparse({comma(places)}, {parts[0]}, {rest}), sparse({rest}))"


_MARKED = {"labelled": _labelled, "dataset": _dataset, "table": _table, "categorical": _categorical}
