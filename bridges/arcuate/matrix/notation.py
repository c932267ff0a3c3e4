"""Renderings as text for people: ``float64[2×3] [[1.5, NaN, 2.0], ...]``.

The renderings are those of ``protos/vectors/README.md``. The text is for reading only: nothing is judged by
it, and nothing reads it back. What is no such rendering is shown as JSON, so that what a broken client
sent is seen too.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["notation"]

WIDTH = 56
"""A value that fits this many characters stands on one line."""
SHOWN = 240
"""Elements of an array, items of a list or entries of a mapping that are written out."""
PLACES = 8
"""Dimensions up to which each row of an array says where it is."""
DEPTH = 70
"""Deeper nesting than a value may have is not followed."""
_DTYPES = {
    **{f"i{n}": f"int{8 * n}" for n in (1, 2, 4, 8)},
    **{f"u{n}": f"uint{8 * n}" for n in (1, 2, 4, 8)},
    **{f"f{n}": f"float{8 * n}" for n in (2, 4, 8)},
    **{f"c{n}": f"complex{8 * n}" for n in (8, 16)},
}
_UNITS = {"min": "m", "day": "D", "week": "W", "month": "M", "year": "Y"}
"""Units that numpy calls by another name."""

Node = Mapping[str, Any]


def _left(node: Node, items: Sequence[Any]) -> int:
    """How many items are not written out; ``shortened`` says how many there were before a report cut them."""
    return max(0, int(node.get("shortened", len(items))) - min(SHOWN, len(items)))


def notation(node: object) -> str:
    """Return a rendering as text of one or more lines."""
    try:
        return "\n".join(_lines(node, 0))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        return _json(node)


def _json(thing: object) -> str:
    return json.dumps(thing, ensure_ascii=False, indent=1, default=repr)


def _lines(node: object, depth: int) -> list[str]:
    """Return one node as lines: one line where it fits."""
    if not isinstance(node, Mapping) or "kind" not in node or depth > DEPTH:
        return _json(node).splitlines()
    lines = _KINDS.get(node["kind"], _unknown)(node, depth)
    hints = node.get("hints")
    if hints:
        lines[-1] += f"  ({', '.join(map(str, hints))})"
    return lines


def _unknown(node: Node, _: int) -> list[str]:
    return _json(node).splitlines()


def _dtype(code: object) -> str:
    return _DTYPES.get(str(code), str(code))


def _typed(node: Node, text: str) -> list[str]:
    """A scalar, with its type where it is not the language's own."""
    return [f"{_dtype(node['dtype'])} {text}" if node.get("dtype") else text]


def _number(text: object) -> str:
    """A float of C99 hexadecimal as the shortest decimal that stands for it."""
    value = float.fromhex(str(text))
    if math.isnan(value):
        return "NaN"
    return repr(value).replace("inf", "Inf")


def _narrow(text: object, dtype: str) -> str:
    """The same for a narrower type: the shortest decimal that stands for it in that type."""
    if dtype not in ("f2", "f4", "c8"):
        return _number(text)
    value = float.fromhex(str(text))
    if not math.isfinite(value):
        return _number(text)
    with np.errstate(over="ignore"):
        return str(np.float16(value) if dtype == "f2" else np.float32(value))


def _complex(parts: Sequence[object], dtype: str) -> str:
    real, imaginary = (_narrow(part, dtype) for part in parts)
    return f"{real}{'' if imaginary.startswith('-') else '+'}{imaginary}i"


def _quoted(text: object) -> str:
    """A text in quotes; what cannot be seen, or turns the direction of writing, as an escape."""
    written = json.dumps(str(text), ensure_ascii=False)
    return "".join(
        char if char == " " or unicodedata.category(char)[0] not in "CZ" else f"\\u{{{ord(char):x}}}"
        for char in written
    )


def _scalar(value: Any, dtype: str, unit: str, zone: str | None) -> str:
    """One element of an array."""
    if value is None:
        return "NA"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return _complex(value, dtype)
    if dtype.startswith(("f", "c")):
        return _narrow(value, dtype)
    if dtype in ("date", "datetime", "duration"):
        return _moment(dtype, value, unit, zone)
    return str(value) if dtype[:1] in "iu" and dtype != "text" else _quoted(value)


def _moment(kind: str, count: object, unit: str, zone: object = None) -> str:
    """A count of time as a person writes it."""
    if kind == "duration":
        return f"{count} {unit}"
    code = "D" if kind == "date" else _UNITS.get(unit, unit)
    text = str(np.int64(int(str(count))).astype(f"datetime64[{code}]"))
    return f"{text} UTC, shown in {zone}" if zone else text


def _shape(node: Node) -> str:
    return "×".join(str(size) for size in node["shape"])


def _array(node: Node, _: int) -> list[str]:
    dtype = str(node["dtype"])
    unit, zone = str(node.get("unit", "")), node.get("zone")
    suffix = f" {unit}" if unit else ""
    head = f"{_dtype(dtype)}{suffix}[{_shape(node)}]" + (f" in {zone}" if zone else "")
    texts = [_scalar(value, dtype, unit, None) for value in node.get("data", ())[:SHOWN]]
    left = _left(node, node.get("data", ()))
    shape = [int(size) for size in node["shape"]]
    if not shape:
        return [f"{head} {texts[0] if texts else ''}".rstrip()]
    if 0 in shape:
        return [f"{head} []"]
    rows = list(_rows(texts, shape))
    if left:
        rows.append(f"… {left} more")
    if len(shape) == 1 and len(rows) == 1 and len(head) + len(rows[0]) < WIDTH:
        return [f"{head} {rows[0]}"]
    joined = f"{head} [{', '.join(rows)}]"
    if len(shape) == 2 and len(joined) < WIDTH and not left:
        return [joined]
    return [head, *(f"  {line}" for row in rows for line in _wrapped(row))]


def _rows(texts: list[str], shape: list[int]) -> Iterator[str]:
    """The last dimension as one row each; where there are more than two, each row says where it is."""
    width = shape[-1]
    for start in range(0, len(texts), width):
        row = "[" + ", ".join(texts[start : start + width]) + "]"
        if 2 < len(shape) <= PLACES:
            place = start // width
            where: list[str] = []
            for size in reversed(shape[:-1]):
                place, index = divmod(place, size)
                where.insert(0, str(index))
            row = f"[{', '.join(where)}, :]  {row}"
        yield row


def _wrapped(row: str) -> Iterator[str]:
    """A long row on several lines, broken after commas."""
    line = ""
    for part in row.split(", "):
        if line and len(line) + len(part) > WIDTH:
            yield line + ","
            line = " " + part
        else:
            line = f"{line}, {part}" if line else part
    yield line


def _block(head: str, parts: list[tuple[str, list[str]]]) -> list[str]:
    """A head and named parts below it, each indented."""
    lines = [head]
    for name, part in parts:
        lines.append(f"  {name}{part[0]}")
        lines += [f"  {line}" for line in part[1:]]
    return lines


def _bracketed(head: str, parts: list[tuple[str, list[str]]], ends: str, left: int) -> list[str]:
    """Parts between brackets, on one line where they fit."""
    if left:
        parts = [*parts, ("", [f"… {left} more"])]
    if all(len(part) == 1 for _, part in parts):
        inner = ", ".join(name + part[0] for name, part in parts)
        if len(head) + len(inner) + 3 < WIDTH:
            return [f"{head}{' ' if head else ''}{ends[0]}{inner}{ends[1]}"]
    return [*_block(f"{head}{' ' if head else ''}{ends[0]}", parts), ends[1]]


def _list(node: Node, depth: int) -> list[str]:
    items = node.get("items", ())
    head = f"list[{_shape(node)}] column-major" if "shape" in node else ""
    if "fields" in node:
        head = (
            f"structs[{_shape(node)}] of {', '.join(_quoted(name) for name in node['fields']) or 'no field'}"
        )
    return _bracketed(
        head, [("", _lines(item, depth + 1)) for item in items[:SHOWN]], "[]", _left(node, items)
    )


def _pairs(items: Sequence[Sequence[Any]], depth: int) -> list[tuple[str, list[str]]]:
    return [(f"{_quoted(key)}: ", _lines(item, depth + 1)) for key, item in items[:SHOWN]]


def _mapping(node: Node, depth: int) -> list[str]:
    items = node.get("items", ())
    return _bracketed("", _pairs(items, depth), "{}", _left(node, items))


def _variable(variable: Node, depth: int) -> list[str]:
    lines = _lines(variable["data"], depth + 1)
    lines[0] = f"({', '.join(map(str, variable.get('dims', [])))}) {lines[0]}"
    return lines + [f"  {line}" for line in _attributes(variable, depth)]


def _attributes(node: Node, depth: int) -> list[str]:
    attrs = node.get("attrs") or []
    return _block("attrs", _pairs(attrs, depth)) if attrs else []


def _labels(head: str, node: Node, depth: int) -> list[str]:
    """The variables, coordinates and attributes of a labelled array or dataset."""
    parts = [(f"{_quoted(name)} ", _variable(one, depth)) for name, one in node.get("vars") or []]
    parts += [(f"coord {_quoted(name)} ", _variable(one, depth)) for name, one in node.get("coords") or []]
    return _block(head, parts) + [f"  {line}" for line in _attributes(node, depth)]


def _labelled(node: Node, depth: int) -> list[str]:
    name = node.get("name")
    head = f"labelled {_quoted(name) + ' ' if name is not None else ''}({', '.join(map(str, node['dims']))})"
    first, *rest = _labels(head, node, depth)
    return [first, *(f"  {line}" for line in _lines(node["data"], depth + 1)), *rest]


def _dataset(node: Node, depth: int) -> list[str]:
    return _labels("dataset", node, depth)


def _table(node: Node, depth: int) -> list[str]:
    parts = [
        (f"{_quoted(name)}: ", _lines(column, depth + 1)) for name, column in node.get("columns", ())[:SHOWN]
    ]
    index = node.get("index")
    if index:
        names = index.get("names") or [None] * len(index.get("levels", ()))
        parts = [
            *((f"index {'' if n is None else _quoted(n)}: ", _lines(v, depth + 1)) for n, v in
              zip(names, index.get("levels", ()), strict=False)),
            *parts,
        ]  # fmt: skip
    container = f" as {node['container']}" if node.get("container") else ""
    head = f"table, {node['rows']} rows × {len(node['columns'])} columns{container}"
    return _block(head, parts) + [f"  {line}" for line in _attributes(node, depth)]


def _categorical(node: Node, depth: int) -> list[str]:
    codes = ", ".join("NA" if code is None else str(code) for code in node.get("codes", ())[:SHOWN])
    left = _left(node, node.get("codes", ()))
    more = f", … {left} more" if left else ""
    shape = _shape(node) if "shape" in node else len(node.get("codes", ()))
    head = f"{'ordered ' if node.get('ordered') else ''}categorical[{shape}]"
    codes_lines = list(_wrapped(f"[{codes}{more}]"))
    return _block(head, [("codes ", codes_lines), ("categories ", _lines(node["categories"], depth + 1))])


def _sparse(node: Node, _: int) -> list[str]:
    dtype, form = str(node["dtype"]), str(node.get("format", ""))
    values = [_scalar(value, dtype, "", None) for value in node.get("data", ())]
    if "rows" in node:
        places = list(zip(node["rows"], node.get("columns", ()), strict=True))
    else:
        ends = [int(end) for end in node["indptr"]]
        outer = [n for n in range(len(ends) - 1) for _ in range(ends[n + 1] - ends[n])]
        pairs = zip(outer, node["indices"], strict=True)
        places = [(i, j) if form == "csr" else (j, i) for i, j in pairs]
    lines = [f"  ({i}, {j})  {v}" for (i, j), v in zip(places[:SHOWN], values, strict=False)]
    left = _left(node, values)
    return [
        f"sparse {_dtype(dtype)}[{_shape(node)}] {form}, {len(values)} stored",
        *lines,
        *([f"  … {left} more"] if left else []),
    ]


def _bytes(node: Node, _: int) -> list[str]:
    digits = str(node["value"])
    pairs = " ".join(digits[n : n + 2] for n in range(0, min(len(digits), 2 * SHOWN), 2))
    more = f" … {len(digits) // 2 - SHOWN} more" if len(digits) > 2 * SHOWN else ""
    return [f"bytes[{len(digits) // 2}] {pairs}{more}".rstrip()]


def _reference(node: Node, depth: int) -> list[str]:
    info = node.get("info")
    return _block(
        f"{node['kind']} {_quoted(node.get('id', ''))}", [("", _lines(info, depth + 1))] if info else []
    )


def _datetime(node: Node, _: int) -> list[str]:
    unit = str(node.get("unit", "s"))
    return [f"datetime {_moment('datetime', node['value'], unit, node.get('zone'))} ({unit})"]


_KINDS: dict[str, Callable[[Node, int], list[str]]] = {
    "null": lambda node, _: ["null"],
    "bool": lambda node, _: _typed(node, "true" if node["value"] else "false"),
    "int": lambda node, _: _typed(node, str(node["value"])),
    "float": lambda node, _: _typed(node, _narrow(node["value"], str(node.get("dtype") or "f8"))),
    "complex": lambda node, _: _typed(node, _complex(node["value"], str(node.get("dtype") or "c16"))),
    "text": lambda node, _: [_quoted(node["value"])],
    "bytes": _bytes,
    "missing": lambda node, _: [f"NA {_dtype(node['dtype'])}" if node.get("dtype") else "NA"],
    "list": _list,
    "mapping": _mapping,
    "array": _array,
    "labelled": _labelled,
    "dataset": _dataset,
    "table": _table,
    "categorical": _categorical,
    "datetime": _datetime,
    "duration": lambda node, _: [f"duration {node['value']} {node.get('unit', '')}"],
    "date": lambda node, _: [f"date {_moment('date', node['value'], 'D')}"],
    "sparse": _sparse,
    "function": _reference,
    "handle": _reference,
}
