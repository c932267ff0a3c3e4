"""What :file:`see.m` must say of a value that arrived in Octave, computed from its rendering alone."""

from __future__ import annotations

import re
import struct
from typing import Any

from arcuate.matrix.observe_r import column_major
from arcuate.matrix.observed import NUMPY, entries, many, number
from arcuate.matrix.permitted import Node, travel
from arcuate.matrix.permitted_octave import is_map, is_sparse

__all__ = ["seen_by_octave"]

_CLASSES = NUMPY | {"bool": "logical", "f2": "single", "f4": "single", "f8": "double"}
_CLASSES |= {"c8": "single", "c16": "double"}
_CLASSES |= {"datetime": "int64", "date": "int32", "duration": "int64"}
_FLOATS = {"f2": "f", "f4": "f", "f8": "d", "c8": "f", "c16": "d"}
_UNITS = {"min": "m", "day": "D", "week": "W", "month": "M", "year": "Y"}
_LARGEST = 2**53


def seen_by_octave(value: Node) -> str:
    """The text for a value; it must be one that Octave can hold."""
    if travel(value, "octave").value is None:
        raise ValueError("Octave cannot hold this value")
    return _see(value)


def text(item: str) -> str:
    """How a char row is shown: as it is where that is safe, otherwise its bytes."""
    if re.fullmatch(r"[A-Za-z0-9 _.-]*", item):
        return f"'{item}'"
    data = item.encode()
    return f"{len(data)}x{data.hex()}"


def _size(shape: list[int]) -> str:
    return "x".join(map(str, shape))


def _char(item: str) -> str:
    length = len(item.encode())
    return f"char {1 if length else 0}x{length} {text(item)}"


def _row(item: str) -> str:
    """A text field of a marked struct, a row also where it is empty."""
    return _char(item) if item else "char 1x0 ''"


def _cell(shown: list[str], shape: list[int]) -> str:
    return f"cell {_size(shape)} [{','.join(shown)}]"


def _struct(**fields: str) -> str:
    return "struct 1x1 {" + ",".join(f"{text(name)}={shown}" for name, shown in fields.items()) + "}"


def _fields(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{text(name)}={shown}" for name, shown in pairs) + "}"


def _two(shape: list[int]) -> list[int]:
    """Octave's size for a shape."""
    made = [1] * (2 - len(shape)) + list(shape) if len(shape) < 2 else list(shape)
    while len(made) > 2 and made[-1] == 1:
        made.pop()
    return made


def _see(node: Node, plain: bool = True) -> str:
    kind = node["kind"]
    if kind == "null":
        return "double 0x0 []"
    if kind == "function":
        return "function"
    if kind == "text":
        return _char(node["value"])
    if kind == "bytes":
        data = bytes.fromhex(node["value"])
        return f"uint8 1x{len(data)} [{many(f'{byte:02x}' for byte in data)}]"
    if kind in ("bool", "int", "float", "complex"):
        return _scalar(node)
    if kind == "missing":
        return _missing(node.get("dtype", "none"))
    if kind in ("datetime", "date", "duration"):
        hints = node.get("hints", [])
        hint = "numpy" if "numpy-scalar" in hints else "pandas" if "pandas-scalar" in hints else "python"
        value = f"int64 1x1 [{int(node['value']) & (1 << 64) - 1:016x}]"
        return _moment(node, kind, value, "double 0x0 []", "double 0x0 []", _char(hint))
    if kind == "array":
        return _array(node, plain)
    if kind == "list":
        return _list(node)
    if kind == "mapping":
        pairs = [(key, _see(item)) for key, item in node["items"]]
        if is_map(node):
            return "map " + _fields(pairs)
        return "struct 1x1 " + _fields(pairs)
    if kind == "sparse":
        return _sparse(node)
    if kind == "handle":
        raise ValueError("a handle is seen only in the session that it is of")
    return _MARKED[kind](node)


def _scalar(node: Node) -> str:
    kind = node["kind"]
    dtype: str = node.get("dtype", "none")
    if dtype == "none":
        dtype = {"bool": "bool", "float": "f8", "complex": "c16", "int": "f8"}[kind]
        if kind == "int" and abs(int(node["value"])) > _LARGEST:
            dtype = "u8" if int(node["value"]) >= 2**63 else "i8"
    return f"{_CLASSES[dtype]} 1x1 [{_elements([node['value']], dtype)}]"


def _missing(dtype: str) -> str:
    if dtype in ("f4", "f8"):
        return f"{_CLASSES[dtype]} 1x1 [NA]"
    if dtype == "c16":
        return "double 1x1 [NA]"
    return _struct(arcuate=_char("missing"), type=_char("" if dtype == "none" else dtype))


def _bits(item: Any, letter: str) -> str:
    value = number(item)
    if value != value:
        return "NaN"
    return struct.pack(">" + letter, value).hex()


def _elements(data: list[Any], dtype: str) -> str:
    """Elements of a class, ``None`` as NA."""
    if dtype == "bool":
        return many("FT"[bool(item)] for item in data)
    if dtype in ("c8", "c16"):
        letter = _FLOATS[dtype]
        return many("NA" if item is None else " ".join(_bits(part, letter) for part in item) for item in data)
    if dtype in _FLOATS:
        return many("NA" if item is None else _bits(item, _FLOATS[dtype]) for item in data)
    width = {"date": 4, "datetime": 8, "duration": 8}.get(dtype) or int(dtype[1])
    return many(f"{int(item or 0) & (1 << 8 * width) - 1:0{2 * width}x}" for item in data)


def _numbers(data: list[Any], dtype: str, shape: list[int]) -> str:
    return f"{_CLASSES[dtype]} {_size(shape)} [{_elements(data, dtype)}]"


def _vector(shape: list[int]) -> str:
    """A shape as Octave's own numbers."""
    size = [1, len(shape)]
    return _numbers([float(extent) for extent in shape], "f8", size)


def _mask(data: list[Any], shape: list[int]) -> str:
    return _numbers([item is None for item in data], "bool", shape)


def _array(node: Node, plain: bool) -> str:
    dtype, size = node["dtype"], _two(node["shape"])
    data = column_major(node["data"], node["shape"])
    gone = any(item is None for item in data) or "mask" in node.get("hints", [])
    if plain and dtype == "i8" and "sequence" in node.get("hints", []):
        if all(item is None or abs(int(item)) <= _LARGEST for item in data):
            dtype = "f8"  # a plain list of numbers of no class
        if gone:
            zeros = ["0" if item is None else item for item in data]
            return _masked(_numbers(zeros, dtype, size), data, size, node["shape"])
    if dtype in ("datetime", "date", "duration"):
        value = _numbers([item or "0" for item in data], dtype, size)
        missing = _mask(data, size) if gone else "double 0x0 []"
        return _moment(node, dtype, value, missing, _shape(node["shape"]), "logical 1x1 [F]")
    if dtype == "text":
        shown = _cell([_char(item or "") for item in data], size)
        return _masked(shown, data, size, node["shape"]) if gone else shown
    if gone and dtype not in ("f4", "f8", "c16"):
        zero = {"bool": False, "c8": ["0", "0"]}.get(dtype, "0")
        zeros = [zero if item is None else item for item in data]
        return _masked(_numbers(zeros, dtype, size), data, size, node["shape"])
    return _numbers(data, dtype, size)


def _shape(shape: list[int]) -> str:
    return _vector(shape) if shape else "double 1x0 []"


def _masked(shown: str, data: list[Any], size: list[int], shape: list[int]) -> str:
    return _struct(arcuate=_char("masked"), data=shown, mask=_mask(data, size), shape=_shape(shape))


def _moment(node: Node, kind: str, value: str, missing: str, shape: str, scalar: str) -> str:
    unit: str = node.get("unit", "")
    return _struct(
        arcuate=_char(kind),
        value=value,
        unit=_char(_UNITS.get(unit, unit)),
        zone=_row(node.get("zone", "")),
        missing=missing,
        shape=shape,
        scalar=scalar,
    )


def _list(node: Node) -> str:
    items, shape = node["items"], node.get("shape")
    if shape is None:
        return _cell([_see(item) for item in items], [1, len(items)] if items else [0, 0])
    size = _two(shape)
    if "fields" not in node:
        return _cell([_see(item) for item in items], size)
    if not items:
        return f"struct {_size(size)} {{{','.join(text(name) for name in node['fields'])}}}"
    parts = [_fields([(key, _see(item)) for key, item in one["items"]]) for one in items]
    return f"struct {_size(size)} {';'.join(parts)}"


def _texts(items: list[Any]) -> str:
    shown = ["double 0x0 []" if item is None else _char(item) for item in items]
    return _cell(shown, [1, len(items)] if items else [0, 0])


def _pairs(pairs: list[list[Any]]) -> str:
    return "struct 1x1 " + _fields([(key, _see(item)) for key, item in pairs])


def _data(node: Node) -> str:
    return _see(node, plain=False)


def _variables(pairs: list[list[Any]]) -> str:
    shown = []
    for name, variable in pairs:
        parts = {"dims": _texts(variable["dims"]), "data": _data(variable["data"])}
        shown.append((name, _struct(**parts, attrs=_pairs(variable.get("attrs", [])))))
    return "struct 1x1 " + _fields(shown)


def _labelled(node: Node) -> str:
    name = node.get("name")
    return _struct(
        arcuate=_char("labelled"),
        data=_data(node["data"]),
        dims=_texts(node["dims"]),
        coords=_variables(node.get("coords", [])),
        attrs=_pairs(node.get("attrs", [])),
        name="double 0x0 []" if name is None else _char(name),
    )


def _dataset(node: Node) -> str:
    return _struct(
        arcuate=_char("dataset"),
        vars=_variables(node["vars"]),
        coords=_variables(node.get("coords", [])),
        attrs=_pairs(node.get("attrs", [])),
    )


def _table(node: Node) -> str:
    index = node.get("index")
    shown = "double 0x0 []"
    if index is not None:
        levels = _cell([_data(level) for level in index["levels"]], [1, len(index["levels"])])
        shown = _struct(names=_texts(index["names"]), levels=levels)
    columns = [(name, _data(column)) for name, column in node["columns"]]
    parts = {"columns": "struct 1x1 " + _fields(columns), "index": shown}
    parts["attrs"] = _pairs(node.get("attrs", []))
    rows = _numbers([float(node["rows"])], "f8", [1, 1])
    nullable = [
        (name, "logical 1x1 [T]")
        for name, column in node["columns"]
        if "pandas" in column.get("hints", []) and "numpy-mask" not in column.get("hints", [])
    ]
    if nullable:
        parts |= {"container": _row(node.get("container", "")), "nullable": "struct 1x1 " + _fields(nullable)}
    else:
        parts["container"] = _row(node.get("container", ""))
    return _struct(arcuate=_char("table"), rows=rows, **parts)


def _categorical(node: Node) -> str:
    codes, shape = node["codes"], node.get("shape", [len(node["codes"])])
    numbers = [-1 if code is None else code for code in column_major(codes, shape)]
    shown = _numbers(numbers, node.get("codes_dtype", "i4"), _two(shape))
    return _struct(
        arcuate=_char("categorical"),
        codes=shown,
        categories=_data(node["categories"]),
        ordered=f"logical 1x1 [{'FT'[bool(node.get('ordered'))]}]",
    )


def _sparse(node: Node) -> str:
    dtype: str = "f8" if node["dtype"] == "f4" else "c16" if node["dtype"] == "c8" else node["dtype"]
    if not is_sparse(node):
        size = [len(node["data"]), 1]
        places = [_numbers(list(map(float, part)), "f8", size) for part in entries(node)]
        shape = _numbers(list(map(float, node["shape"])), "f8", [1, 2])
        parts = {"rows": places[0], "columns": places[1], "data": _numbers(node["data"], dtype, size)}
        return _struct(arcuate=_char("sparse"), shape=shape, **parts)
    stored = sorted(zip(*entries(node), node["data"], strict=True), key=lambda one: (one[1], one[0]))
    rows, columns, data = ([one[i] for one in stored] for i in range(3))
    shown = _numbers(data, dtype, [len(data), 1] if data else [0, 0])
    at = f"({','.join(map(str, rows))}) ({','.join(map(str, columns))})"
    return f"sparse {_size(node['shape'])} {at} {shown}"


_MARKED = {"labelled": _labelled, "dataset": _dataset, "table": _table, "categorical": _categorical}
