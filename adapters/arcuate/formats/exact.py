"""Nodes as JSON, every dtype, unit, zone and hint kept: for what a format has no form of its own.

A node is an object with its ``kind`` and what of ``dtype``, ``flags``, ``unit``, ``value``, ``text``,
``shape``, ``data``, ``missing`` and ``items`` it has. Numbers of arrays are numbers; NaN, infinities, and
integers that JSON readers round, are texts.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arcuate.connector import DataError
from arcuate.formats.node import Node, array_node
from arcuate.values import codes

__all__ = ["dumps", "loads", "node_of", "plain_of"]

_KINDS = {name: code for code, name in enumerate(codes.KIND_NAMES)}
_DTYPES = {name: code for code, name in enumerate(codes.DTYPE_NAMES)}
_KEYED = (codes.MAPPING, codes.LABELLED, codes.DATASET, codes.TABLE, codes.CATEGORICAL)
_SAFE = 1 << 53


def dumps(node: Node) -> str:
    """The JSON text of a node."""
    return json.dumps(plain_of(node), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Node:
    """The node of a JSON text.

    Raises:
        DataError: it is none.
    """
    try:
        return node_of(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        raise DataError(f"what describes a value is malformed ({error})", service="formats") from error


def plain_of(node: Node) -> dict[str, Any]:
    """What ``json`` writes of a node."""
    made: dict[str, Any] = {"kind": node.kind_name}
    if node.dtype:
        made["dtype"] = node.dtype_name
    if node.unit:
        made["unit"] = node.unit
    if node.text:
        made["text"] = node.text
    if node.value:
        made["value"] = str(node.value)
    if node.kind == codes.ARRAY:
        made["shape"] = list(node.numbers)
        made["data"] = _elements(node.values())
        gone = node.mask()
        if gone is not None:
            made["missing"] = np.flatnonzero(gone).tolist()
        if node.hints:
            made["flags"] = node.hints
        return made
    if node.flags:
        made["flags"] = node.flags
    if node.numbers:
        made["numbers"] = [str(number) for number in node.numbers]
    if node.buffers:
        made["bytes"] = [base64.b64encode(bytes(one)).decode() for one in node.buffers]
    if node.children:
        keyed = node.kind in _KEYED
        made["items"] = [[key, plain_of(one)] if keyed else plain_of(one) for key, one in node.children]
    return made


def _elements(values: NDArray[Any]) -> list[Any]:
    flat = values.reshape(-1)
    if flat.dtype.kind == "c":
        return [[_number(one.real), _number(one.imag)] for one in flat.tolist()]
    if flat.dtype.kind == "f":
        flat = flat.astype("f8")
        return flat.tolist() if np.isfinite(flat).all() else [_number(one) for one in flat.tolist()]
    if flat.dtype.kind in "iu" and flat.dtype.itemsize == 8:
        return [one if -_SAFE <= one <= _SAFE else str(one) for one in flat.tolist()]
    found: list[Any] = flat.tolist()
    return found


def _number(value: float) -> float | str:
    return value if np.isfinite(value) else str(value)


def node_of(made: dict[str, Any]) -> Node:
    """The node of what ``json`` read."""
    kind = _KINDS[made["kind"]]
    dtype, unit = _DTYPES[made.get("dtype", "none")], int(made.get("unit", 0))
    text, flags = str(made.get("text", "")), int(made.get("flags", 0))
    if kind == codes.ARRAY:
        shape = tuple(int(size) for size in made["shape"])
        gone = None
        if "missing" in made:
            gone = np.zeros(shape, bool)
            gone.reshape(-1)[np.array(made["missing"], "i8")] = True
        values = _values(dtype, made["data"]).reshape(shape)
        return array_node(dtype, values, gone, hints=flags, unit=unit, zone=text)
    node = Node(kind, dtype, flags, unit, int(made.get("value", 0)), text)
    node.numbers = tuple(int(number) for number in made.get("numbers", ()))
    node.buffers = [base64.b64decode(one, validate=True) for one in made.get("bytes", ())]
    items = made.get("items", ())
    if kind in _KEYED:
        node.children = [(str(key), node_of(one)) for key, one in items]
    else:
        node.children = [("", node_of(one)) for one in items]
    return node


def _values(dtype: int, data: list[Any]) -> NDArray[Any]:
    if dtype == codes.D_TEXT:
        texts = np.empty(len(data), object)
        texts[:] = data
        return texts
    name = codes.DTYPE_NAMES[dtype]
    if name in ("c8", "c16"):
        return np.array([complex(float(real), float(imag)) for real, imag in data], name)
    if name in ("f2", "f4", "f8"):
        return np.array([float(one) for one in data], name)
    if name == "bool":
        return np.array(data, bool)
    width = {"datetime": "i8", "duration": "i8", "date": "i4"}.get(name, name)
    return np.array([int(one) for one in data], width)
