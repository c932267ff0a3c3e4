"""What :file:`see.R` must say of a value that arrived in R, computed from its rendering alone."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from arcuate.matrix.observed import doubles, many, short
from arcuate.matrix.permitted import Node, travel

__all__ = ["seen_by_r"]

_TYPES = {"bool": "logical", "i4": "integer", "f8": "double", "c16": "complex", "text": "character"}
_R_UNITS = {"min": "mins", "h": "hours", "day": "days", "week": "weeks"}
_SECONDS = {"min": 60, "h": 3600, "day": 86400, "week": 604800}
_PARTS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_CLASSES = {"datetime": "'POSIXct','POSIXt'", "date": "'Date'", "duration": "'difftime'"}


def seen_by_r(value: Node) -> str:
    """The text for a value; it must be one that R can hold."""
    found = travel(value, "r").value
    if found is None:
        raise ValueError("R cannot hold this value")
    return _see(value, found)


def text(item: str | None) -> str:
    """How one text is shown: as it is where that is safe, otherwise its length and its UTF-8 bytes."""
    if item is None:
        return "NA"
    return f"'{item}'" if re.fullmatch(r"[A-Za-z0-9 _.-]*", item) else f"{len(item)}x{item.encode().hex()}"


def _see(value: Node, found: Node) -> str:
    """``found`` is what R sends back, whose data has R's classes; ``value`` what it was sent."""
    kind = found["kind"]
    if kind == "null":
        return "NULL"
    if kind == "function":
        return "function"
    if kind == "handle":
        raise ValueError("a handle is seen only in the session that it is of")
    if kind == "bytes":
        return f"raw {len(found['value']) // 2} [{found['value']}]"
    if kind == "array":
        return _array(found, value)
    if kind in ("list", "mapping"):
        return _list(value, found)
    if kind == "categorical":
        return _factor(found)
    if kind == "sparse":
        return _sparse(found)
    if kind == "labelled":
        return _labelled(value, found)
    if kind == "dataset":
        return _dataset(value, found)
    return _table(value, found)


def _list(value: Node, found: Node) -> str:
    mapping = found["kind"] == "mapping"
    items = [pair[1] for pair in found["items"]] if mapping else found["items"]
    given = [pair[1] for pair in value["items"]] if mapping else value["items"]
    shown = ",".join(_see(one, other) for one, other in zip(given, items, strict=True))
    out = f"list {len(items)} [{shown}]"
    if mapping:
        out += f" names=({many([text(key) for key, _ in found['items']])})"
    elif found.get("shape"):
        out += f" dim={many(map(str, found['shape']))}"
    return out


def column_major(data: list[Any], shape: list[int]) -> list[Any]:
    """Elements in row-major order to column-major order."""
    if len(shape) < 2:
        return data
    made = []
    index = [0] * len(shape)
    for _ in data:
        place = 0
        for extent, at in zip(shape, index, strict=True):
            place = place * extent + at
        made.append(data[place])
        for axis, extent in enumerate(shape):
            index[axis] += 1
            if index[axis] < extent:
                break
            index[axis] = 0
    return made


def _array(node: Node, sent: Node | None = None, *, dim: bool = True, labels: str = "") -> str:
    """An atomic vector with its class. ``sent``: as it was before R's classes of numbers."""
    dtype = node["dtype"]
    data = column_major(node["data"], node["shape"])
    tail = ""
    if dtype in _CLASSES:
        data, tail = _moments(node, data)
        shown, typeof = doubles(data), "double"
    elif dtype == "i4":
        shown, typeof = ["NA" if item is None else item for item in data], "integer"
    elif dtype == "bool":
        shown, typeof = ["NA" if item is None else "FT"[item] for item in data], "logical"
    elif dtype == "c16":
        shown = ["NA" if item is None else " ".join(doubles(item)) for item in data]
        typeof = "complex"
    elif dtype == "text":
        shown, typeof = [text(item) for item in data], "character"
    else:
        shown, typeof = doubles(data), "double"
    out = f"{typeof} {len(data)} [{many(shown)}]"
    if dtype in _CLASSES:
        out += f" class={_CLASSES[dtype]}"
    if dim and (len(node["shape"]) > 1):
        out += f" dim={many(map(str, node['shape']))}"
    return out + labels + tail


def _moments(node: Node, data: list[Any]) -> tuple[list[Any], str]:
    """Times as R's doubles, and the attributes that say how to read them."""
    dtype, unit = node["dtype"], node.get("unit", "")
    counts = [None if item is None else int(item) for item in data]
    if dtype == "date":
        return [None if count is None else float(count) for count in counts], ""
    if dtype == "duration":
        units = _R_UNITS.get(unit, "secs")
        scale = _PARTS.get(unit, 1)
        return [None if count is None else count / scale for count in counts], f" units='{units}'"
    if unit in ("month", "year"):
        made = [None if count is None else _start(count, unit) for count in counts]
    elif unit in _SECONDS:
        made = [None if count is None else float(count) * _SECONDS[unit] for count in counts]
    elif unit == "ns":
        made = [None if count is None else count // 1000 / 10**6 for count in counts]
    else:
        made = [None if count is None else count / _PARTS[unit] for count in counts]
    return made, f" tzone={text(_zone(node.get('zone', '')))}"


def _start(count: int, unit: str) -> float:
    months = count if unit == "month" else 12 * count
    day = dt.date(1970 + months // 12, months % 12 + 1, 1)
    return float((day - dt.date(1970, 1, 1)).days * 86400)


def _zone(zone: str) -> str:
    """R knows offsets of whole hours only, with the sign turned; any other clock is shown in UTC."""
    if not zone:
        return "UTC"
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)(:\d\d)?", zone)
    if offset is None:
        return zone
    hours = int(offset[1] + offset[2])
    return f"Etc/GMT{-hours:+d}" if hours and offset[3] == "00" and not offset[4] else "UTC"


def _factor(node: Node, *, dim: bool = True, labels: str = "") -> str:
    codes = column_major(node["codes"], node.get("shape", [len(node["codes"])]))
    shown = ["NA" if code is None else str(code + 1) for code in codes]
    out = f"integer {len(shown)} [{many(shown)}] class="
    out += "'ordered','factor'" if node.get("ordered") else "'factor'"
    if dim and len(node.get("shape", [0])) > 1:
        out += f" dim={many(map(str, node['shape']))}"
    if node["categories"]["dtype"] in _CLASSES:
        return f"{out}{labels} levels={_array(node['categories'])}"
    return f"{out}{labels} levels=({many([text(item) for item in _levels(node['categories'])])})"


def _levels(categories: Node) -> list[str | None]:
    """The levels of a factor; the level NA is one of its own."""
    return list(categories["data"]) if categories["dtype"] == "text" else list(levels(categories))


def levels(categories: Node) -> list[str]:
    """What R prints for categories or labels: as.character of them."""
    dtype, data = categories["dtype"], categories["data"]
    if dtype == "text":
        return ["NA" if item is None else item for item in data]
    return [_as_character(dtype, item) for item in data]


def _as_character(dtype: str, item: Any) -> str:
    if item is None:
        return "NA"
    if dtype == "bool":
        return "TRUE" if item else "FALSE"
    if dtype in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
        return str(item)
    return short(item)


def _sparse(node: Node) -> str:
    letter = "l" if node["dtype"] == "bool" else "d"
    form = node["format"]
    kind = {"csc": "C", "csr": "R", "coo": "T"}[form]
    first = "j" if form == "csr" else "i"
    numbers = {first: node["rows" if form == "coo" else "indices"]}
    numbers["j" if form == "coo" else "p"] = node["columns" if form == "coo" else "indptr"]
    out = f"S4 {letter}g{kind}Matrix Dim={_integers(node['shape'])}"
    out += "".join(f" {name}={_integers(numbers[name])}" for name in "ijp" if name in numbers)
    entries = {"kind": "array", "dtype": node["dtype"], "shape": [len(node["data"])], "data": node["data"]}
    return out + " x=" + _array(entries)


def _integers(numbers: list[int]) -> str:
    return f"integer {len(numbers)} [{many(map(str, numbers))}]"


def _data(node: Node, sent: Node, *, dim: bool = True, labels: str = "") -> str:
    if node["kind"] == "categorical":
        return _factor(node, dim=dim, labels=labels)
    if node["kind"] == "list":
        return _see(sent, node)
    return _array(node, sent, dim=dim, labels=labels)


def _shape(node: Node) -> list[int]:
    if node["kind"] == "categorical":
        return list(node.get("shape", [len(node["codes"])]))
    return list(node["shape"])


def _pairs(found: list[Any], sent: list[Any]) -> str:
    return ",".join(
        f"{text(key)}={_see(other, one)}" for (key, one), (_, other) in zip(found, sent, strict=True)
    )


def _variables(found: list[Any], sent: list[Any]) -> str:
    shown = []
    for (name, one), (_, other) in zip(found, sent, strict=True):
        dims = many([text(dim) for dim in one["dims"]])
        attrs = _pairs(one.get("attrs", []), other.get("attrs", []))
        shown.append(f"{text(name)}: ({dims}) {_data(one['data'], other['data'])} {{{attrs}}}")
    return "; ".join(shown)


def _labelled(value: Node, found: Node) -> str:
    dims, coords, attrs = found["dims"], found.get("coords", []), found.get("attrs", [])
    ride = f" name={'-' if found.get('name') is None else text(found['name'])}"
    ride += f" coords=<{_variables(coords, value.get('coords', []))}>"
    ride += f" attrs={{{_pairs(attrs, value.get('attrs', []))}}}"
    return _labelled_parts(found, value, dims, dict(coords), attrs, found.get("name"), ride)


def _labelled_parts(
    found: Node, sent: Node, dims: list[str], coords: dict[str, Node], attrs: list[Any], name: Any, ride: str
) -> str:
    data = found["data"]
    if not dims:
        return _data(data, sent["data"]) + ride
    own = [coords[dim] if dim in coords and coords[dim]["dims"] == [dim] else None for dim in dims]
    typed = [one is not None and not _plain_text(one) for one in own]
    default = dims == [f"dim_{i}" for i in range(len(dims))]
    plain = name is None and not attrs and not any(typed) and "" not in dims
    plain = plain and list(coords) == [dim for dim in dims if dim in coords]
    plain = plain and not any(one.get("attrs") for one in own if one)
    if plain and len(dims) == 1 and default and own[0] is not None:
        return _data(data, sent["data"], labels=f" names=({many(map(text, own[0]['data']['data']))})")
    each = ["-" if one is None else _labels(one) for one in own]
    shape = f" dim={many(map(str, _shape(data)))}"
    names = f" dimnames=({','.join(each)})"
    if all(one is None for one in own) and default:
        names = ""
    elif not default:
        names += f" dims=({many(map(text, dims))})"
    whole = _data(data, sent["data"], dim=False, labels="\0")
    head, _, tail = whole.partition("\0")
    return head + shape + tail + names + ("" if plain else ride)


def _plain_text(variable: Node) -> bool:
    data = variable["data"]
    return bool(data["kind"] == "array" and data["dtype"] == "text" and None not in data["data"])


def _labels(variable: Node) -> str:
    data = variable["data"]
    if not data.get("codes", data.get("data")):
        return "-"  # R keeps no dimnames without elements
    if data["kind"] == "array" and data["dtype"] == "text":
        return f"({many([text(item) for item in levels(data)])})"
    if data["kind"] == "categorical" or data["dtype"] in _CLASSES:
        return "typed" if len(data.get("codes", data.get("data"))) <= 10000 else "-"
    return "typed"


def _dataset(value: Node, found: Node) -> str:
    coords = found.get("coords", [])
    shown = []
    for (_, one), (_, other) in zip(found["vars"], value["vars"], strict=True):
        mine = [pair for pair in coords if set(pair[1]["dims"]) <= set(one["dims"])]
        sent = [pair for pair in value.get("coords", []) if set(pair[1]["dims"]) <= set(other["dims"])]
        attrs = one.get("attrs", [])
        ride = f" name=- coords=<{_variables(mine, sent)}> attrs={{{_pairs(attrs, other.get('attrs', []))}}}"
        shown.append(_labelled_parts(one, other, one["dims"], dict(mine), attrs, None, ride))
    out = f"list {len(shown)} [{','.join(shown)}] class='arcuate_dataset'"
    out += f" names=({many([text(name) for name, _ in found['vars']])})"
    out += f" coords=<{_variables(coords, value.get('coords', []))}>"
    return f"{out} attrs={{{_pairs(found.get('attrs', []), value.get('attrs', []))}}}"


def _table(value: Node, found: Node) -> str:
    both = zip(found["columns"], value["columns"], strict=True)
    columns = [_data(one, other) for (_, one), (_, other) in both]
    out = f"list {len(columns)} [{','.join(columns)}] class='data.frame'"
    out += f" names=({many([text(name) for name, _ in found['columns']])}) rows={found['rows']}"
    index = found.get("index")
    if index is None:
        out += " row.names=-"
    else:
        sent = value["index"]["levels"]
        shown = ";".join(_data(one, other) for one, other in zip(index["levels"], sent, strict=True))
        out += f" index=({many([text(name) for name in index['names']])}) {shown}"
    return f"{out} attrs={{{_pairs(found.get('attrs', []), value.get('attrs', []))}}}"
