"""Arrays of MATLAB to values and back, as a session of Octave gives and takes them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from arcuate.errors import ConversionError
from arcuate.formats.mat_file import DTYPES, MArray
from arcuate.formats.node import Node, step
from arcuate.values import codes, types
from arcuate.values.nodes import signed, to_float

__all__ = ["marray", "value"]

_MARK = "arcuate"
_KINDS = {"?": "logical", "f8": "double", "f4": "single"} | {
    dtype: name for name, dtype in DTYPES.items() if dtype[0] in "iu"
}
_HINTS = ("python", "numpy", "pandas")
"""What a moment that is no array was before: flags 0 to 2 of its node."""
_EXACT = 1 << 53
_MOST = 1 << 20


def value(array: MArray) -> Any:
    """The value of an array.

    Raises:
        ConversionError: it has none outside MATLAB.
    """
    kind, shape = array.kind, array.shape
    if kind in ("opaque", "object", "function"):
        raise ConversionError(
            f"MATLAB's own object of class {array.name or 'unknown'} cannot be read outside MATLAB; "
            "convert it there "
            "before saving (table2struct, cellstr, datenum, double, func2str, struct)"
        )
    if kind == "char":
        return _chars(array)
    if kind == "sparse":
        return _sparse(array)
    if kind == "cell":
        items = [_at(each, f"{{{k + 1}}}") for k, each in enumerate(array.items)]
        if (len(shape) == 2 and shape[0] == 1) or shape == (0, 0):
            return types.List(items)
        return types.Cell(items, shape)
    if kind == "struct":
        return _struct(array)
    data = array.data
    if data.size == 1 and prod(shape) == 1:
        return data[0] if kind not in ("double", "logical") else data[0].item()
    if prod(shape) != data.size:
        raise ConversionError(f"{data.size} elements do not fill the dimensions {shape}; the file is damaged")
    return data.reshape(shape, order="F")


def _at(array: MArray, path: str) -> Any:
    try:
        return value(array)
    except ConversionError as error:
        raise error.prepend(path) from None


def _chars(array: MArray) -> Any:
    rows, columns = array.shape[0], prod(array.shape[1:])
    if rows == 1 or not array.data:
        return array.data
    if len(array.shape) > 2 or len(array.data) != rows * columns:
        raise ConversionError(
            "a char array of these dimensions has no value elsewhere; use cellstr in MATLAB"
        )
    return np.array(["".join(array.data[k::rows]) for k in range(rows)], dtype=object).astype(str)


def _sparse(array: MArray) -> Any:
    from scipy.sparse import csc_array

    rows, columns = array.shape[:2]
    index = np.int32 if max(rows, columns) < 1 << 31 else np.int64
    return csc_array(
        (array.data, array.first.astype(index), array.second.astype(index)), shape=(rows, columns)
    )


def _struct(array: MArray) -> Any:
    width = len(array.fields)
    if not width and prod(array.shape) > _MOST:
        raise ConversionError(f"{prod(array.shape):,} structs without fields; the file is damaged")
    parts = (array.items[k * width : (k + 1) * width] for k in range(prod(array.shape)))
    rows = [dict(zip(array.fields, each, strict=True)) for each in parts]
    if prod(array.shape) == 1:
        row = rows[0]
        mark = row.get(_MARK)
        if mark is not None and mark.kind == "char" and mark.data in _MARKED:
            return _MARKED[mark.data](row)
        return {name: _at(each, step(name)) for name, each in row.items()}
    items = [
        {name: _at(each, f"({k + 1}){step(name)}") for name, each in row.items()}
        for k, row in enumerate(rows)
    ]
    return types.StructArray(items, array.shape, array.fields)


# --- labelled arrays, which are structs with a mark


def _labelled(row: dict[str, MArray]) -> types.Labelled:
    dims = _words(row.get("dims"))
    coords, attrs = _variables(row.get("coords")), _plain(row.get("attrs"))
    given = row.get("name")
    name = given.data if given is not None and given.kind == "char" else None
    return types.Labelled(name, dims, _data(row["data"], len(dims)), coords, attrs)


def _dataset(row: dict[str, MArray]) -> types.Dataset:
    return types.Dataset(_variables(row.get("vars")), _variables(row.get("coords")), _plain(row.get("attrs")))


def _moments(row: dict[str, MArray]) -> Any:
    dtype = str(row[_MARK].data)
    unit, zone = (str(row[name].data) if name in row else "" for name in ("unit", "zone"))
    alone = row.get("scalar")
    if alone is not None and alone.kind == "char" and alone.data in _HINTS:
        count, hint = int(row["value"].data[0]), _HINTS.index(alone.data)
        if dtype == "date":
            return types.Day(count)
        if dtype == "duration":
            return types.Duration(count, unit, hint)
        return types.Instant(count, unit, zone, hint)
    shape = tuple(int(size) for size in row["shape"].data) if "shape" in row else (len(row["value"].data),)
    counts = row["value"].data.astype(np.int32 if dtype == "date" else np.int64)
    gone = row["missing"].data.astype(bool) if "missing" in row and len(row["missing"].data) else None
    mask = None if gone is None or not gone.any() else memoryview(gone.view(np.uint8)).cast("B")
    data = memoryview(counts).cast("B") if len(counts) else memoryview(b"")
    return types.Array(dtype, shape, data, "F" if len(shape) > 1 else "C", mask, unit, zone)


_MARKED = {
    "labelled": _labelled, "dataset": _dataset, "datetime": _moments, "date": _moments, "duration": _moments,
}  # fmt: skip


def _words(array: MArray | None) -> tuple[str, ...]:
    if array is None or array.kind != "cell":
        raise ConversionError("the dims of a labelled array must be a cell of texts")
    return tuple(str(each.data) for each in array.items)


def _plain(array: MArray | None) -> dict[str, Any]:
    found = value(array) if array is not None else {}
    return found if isinstance(found, dict) else {}


def _data(array: MArray, ndim: int) -> Any:
    """The data of a variable with as many dimensions as it has names for."""
    shape = array.shape
    if array.kind in ("struct", "opaque", "object"):
        return value(array)
    if ndim < 2:
        shape = (prod(shape),) if ndim else ()
    else:
        shape = shape[:ndim] if all(size == 1 for size in shape[ndim:]) else shape
        shape += (1,) * (ndim - len(shape))
    if array.kind == "char":
        return np.array([array.data], dtype=str).reshape(shape)
    if array.kind == "cell":
        texts = np.empty(len(array.items), object)
        texts[:] = [each.data if each.kind == "char" else None for each in array.items]
        if any(each is None for each in texts):
            raise ConversionError("the data of a labelled array is a cell with something that is no text")
        return texts.astype(str).reshape(shape, order="F")
    if array.data.size != prod(shape):
        raise ConversionError(f"the data of a labelled array has the shape {array.shape}, and {ndim} dims")
    return array.data.reshape(shape, order="F")


def _variables(array: MArray | None) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if array is None or array.kind != "struct":
        return found
    for name, each in zip(array.fields, array.items, strict=False):
        row = dict(zip(each.fields, each.items, strict=False))
        try:
            dims = _words(row.get("dims"))
            found[name] = {
                "dims": dims,
                "data": _data(row["data"], len(dims)),
                "attrs": _plain(row.get("attrs")),
            }
        except (ConversionError, KeyError) as error:
            raise ConversionError(f"a malformed coordinate ({error})", path=f".coords{step(name)}") from None
    return found


# --- out


def marray(node: Node) -> MArray:
    """The array of a value.

    Raises:
        ConversionError: MATLAB has none for it, or one that would not come back the same.
    """
    made = _MAKE.get(node.kind)
    if made is None:
        raise ConversionError(
            f"a {node.kind_name} has no class in a MAT file that others read; save it as .rds, .nc or "
            ".parquet"
        )
    return made(node)


def _below(node: Node, path: str) -> MArray:
    try:
        return marray(node)
    except ConversionError as error:
        raise error.prepend(path) from None


def _text(text: str) -> MArray:
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return MArray("char", (1, units) if units else (0, 0), text)


def _row(values: Any, kind: str) -> MArray:
    return MArray(kind, (1, len(values)), values)


def _scalar(number: Any) -> MArray:
    array = np.atleast_1d(number)
    kind = (
        "double" if array.dtype.kind == "c" else _KINDS["?" if array.dtype == bool else array.dtype.str[1:]]
    )
    return MArray(kind, (1, 1), array)


def _int(node: Node) -> MArray:
    wide = bool(node.flags & codes.INT_UNSIGNED) or node.dtype == codes.D_U8
    number = node.value if wide else signed(node.value)
    if node.dtype:
        return _scalar(np.array([number]).astype(node.dtype_name))
    if abs(number) <= _EXACT:
        return _scalar(float(number))
    return _scalar(np.array([number], "u8" if number >= 1 << 63 else "i8"))


def _float(node: Node) -> MArray:
    number = to_float(node.value)
    return _scalar(np.array([number], "f4" if node.dtype_name in ("f2", "f4") else "f8"))


def _complex(node: Node) -> MArray:
    real, imaginary = (to_float(bits) for bits in node.numbers)
    kind = "single" if node.dtype_name == "c8" else "double"
    return MArray(kind, (1, 1), np.array([complex(real, imaginary)], "c8" if kind == "single" else "c16"))


def _array(node: Node, ndim: int | None = None) -> MArray:
    values, shape = node.values(), node.numbers
    mask = node.mask()
    if mask is not None:
        raise ConversionError(
            "missing values have no place in MATLAB's arrays; replace them, by NaN for instance"
        )
    if node.dtype in (codes.D_DATETIME, codes.D_DATE, codes.D_DURATION):
        return _moment(node)
    size = shape if len(shape) > 1 else ((1, 0) if shape == (0,) else (1, prod(shape)))
    while len(size) > 2 and size[-1] == 1:
        size = size[:-1]
    flat = values.reshape(-1, order="F")
    if node.dtype == codes.D_TEXT:
        return MArray("cell", size, items=[_text(text) for text in flat.tolist()])
    if node.dtype == codes.D_F2:
        flat = flat.astype(np.float32)
    kind = "double" if node.dtype_name == "c16" else "single" if node.dtype_name == "c8" else ""
    return MArray(kind or _KINDS["?" if flat.dtype == bool else flat.dtype.str[1:]], size, flat)


def _moment(node: Node) -> MArray:
    counts = node.values().reshape(-1, order="F")
    shape = np.array(node.numbers, np.float64)
    return _marked(
        node.dtype_name,
        value=_row(counts, "int64" if counts.dtype.itemsize == 8 else "int32"),
        unit=_text(node.unit_name),
        zone=_text(node.text),
        missing=MArray("logical", (0, 0), np.zeros(0, bool)),
        shape=_row(shape, "double"),
        scalar=_scalar(False),
    )


def _moment_alone(node: Node) -> MArray:
    return _marked(
        node.kind_name,
        value=_scalar(np.array([signed(node.value)], np.int64)),
        unit=_text(node.unit_name),
        zone=_text(node.text),
        missing=MArray("double", (0, 0), np.zeros(0)),
        shape=MArray("double", (0, 0), np.zeros(0)),
        scalar=_text(_HINTS[node.flags % len(_HINTS)]),
    )


def _marked(mark: str, **parts: MArray) -> MArray:
    fields = {_MARK: _text(mark), **parts}
    return MArray("struct", (1, 1), items=list(fields.values()), fields=tuple(fields))


def _list(node: Node) -> MArray:
    items = [_below(each, f"[{k}]") for k, (_, each) in enumerate(node.children)]
    shape = node.numbers if node.flags & codes.LIST_SHAPED else ((1, len(items)) if items else (0, 0))
    if node.flags & codes.LIST_STRUCTS:
        fields = tuple(node.text.split("\0")[:-1])
        parts = [each for item in items for each in item.items]
        return MArray("struct", shape, items=parts, fields=_fields(fields))
    return MArray("cell", shape, items=items)


def _fields(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not name.isascii() or not name.isidentifier() or len(name) > 63:
            raise ConversionError(
                f"{name!r} is no name for a field of a struct: letters, digits and _, at most 63; "
                "rename the key"
            )
    return names


def _mapping(node: Node) -> MArray:
    made = {key: _below(each, step(key)) for key, each in node.children}
    return MArray("struct", (1, 1), items=list(made.values()), fields=_fields(tuple(made)))


def _dims(node: Node) -> MArray:
    names = node.texts() if node.kind == codes.LIST else list(node.values())
    return MArray("cell", (1, len(names)) if names else (0, 0), items=[_text(name) for name in names])


def _coords(node: Node) -> MArray:
    made = {}
    for key, each in node.children:
        parts = {
            "dims": _dims(each["dims"]),
            "data": _below(each["data"], f".coords{step(key)}"),
            "attrs": _mapping(each["attrs"]),
        }
        made[key] = MArray("struct", (1, 1), items=list(parts.values()), fields=tuple(parts))
    return MArray("struct", (1, 1), items=list(made.values()), fields=_fields(tuple(made)))


def _labelled_out(node: Node) -> MArray:
    return _marked(
        "labelled",
        data=_below(node["data"], ".data"),
        dims=_dims(node["dims"]),
        coords=_coords(node["coords"]),
        attrs=_mapping(node["attrs"]),
        name=_below(node["name"], ".name"),
    )


def _dataset_out(node: Node) -> MArray:
    return _marked(
        "dataset", vars=_coords(node["vars"]), coords=_coords(node["coords"]), attrs=_mapping(node["attrs"])
    )


def _sparse_out(node: Node) -> MArray:
    from scipy.sparse import csc_array

    if node.dtype_name not in ("bool", "f8", "c16"):
        raise ConversionError(f"MATLAB has no sparse matrices of {node.dtype_name}; convert it to float64")
    found = csc_array(node.python())
    found.sum_duplicates()
    if found.nnz > 0x7FFFFFFF or max(found.shape) > 0x7FFFFFFF:
        raise ConversionError("sparse matrices in MAT files end at 2^31 - 1 entries")
    return MArray("sparse", tuple(found.shape), found.data, first=found.indices, second=found.indptr)


_MAKE = {
    codes.NULL: lambda node: MArray("double", (0, 0), np.zeros(0)),
    codes.BOOL: lambda node: _scalar(bool(node.value)),
    codes.INT: _int, codes.FLOAT: _float, codes.COMPLEX: _complex,
    codes.TEXT: lambda node: _text(node.text),
    codes.BYTES: lambda node: _row(np.frombuffer(node.buffers[0], np.uint8), "uint8"),
    codes.ARRAY: _array, codes.LIST: _list, codes.MAPPING: _mapping, codes.LABELLED: _labelled_out,
    codes.DATASET: _dataset_out, codes.SPARSE: _sparse_out, codes.DATETIME: _moment_alone,
    codes.DATE: _moment_alone, codes.DURATION: _moment_alone,
}  # fmt: skip
