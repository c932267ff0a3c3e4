"""How elements are written in the texts of ``arcuate_see``, for all languages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

__all__ = ["MANY", "NUMPY", "doubles", "entries", "many", "number", "short"]

_SIZES = (1, 2, 4, 8)
NUMPY = {"bool": "bool", "f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64"}
"""The names of the dtypes in numpy, which for integers are those of Octave too."""
NUMPY |= {"c16": "complex128", **{f"i{n}": f"int{8 * n}" for n in _SIZES}}
NUMPY |= {f"u{n}": f"uint{8 * n}" for n in _SIZES}

MANY = 20000
"""More elements than that are shown as the MD5 of what they would be."""


def many(shown: Iterable[str]) -> str:
    """Elements, as they are or as a digest."""
    items = list(shown)
    joined = ",".join(items)
    if len(items) <= MANY:
        return joined
    return "md5:" + hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()


def number(item: Any) -> float:
    """The number that a text of a rendering stands for."""
    if not isinstance(item, str):
        return float(item)
    if item.startswith("nan"):
        return float("nan")
    return float.fromhex(item) if "x" in item else float(item)


def doubles(data: Iterable[Any]) -> list[str]:
    """Numbers as C's ``%a`` writes them; ``None`` is NA."""
    return ["NA" if item is None else _hexadecimal(number(item)) for item in data]


def _hexadecimal(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    head, _, exponent = value.hex().partition("p")
    return f"{head.rstrip('0').rstrip('.') if '.' in head else head}p{exponent}"


def short(item: Any) -> str:
    """A number as R prints it with up to 15 digits."""
    value = number(item)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    digits = next(n for n in range(1, 16) if float(f"{value:.{n - 1}e}") == float(f"{value:.14e}"))
    scientific = f"{value:.{digits - 1}e}"
    exponent = int(scientific.partition("e")[2])
    fixed = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    return fixed if len(fixed) <= len(scientific) else scientific


def entries(node: dict[str, Any]) -> tuple[list[int], list[int]]:
    """The rows and columns of the stored entries of a sparse matrix."""
    if node["format"] == "coo":
        return list(node["rows"]), list(node["columns"])
    pointers, inner = node["indptr"], list(node["indices"])
    outer = [at for at in range(len(pointers) - 1) for _ in range(pointers[at + 1] - pointers[at])]
    return (inner, outer) if node["format"] == "csc" else (outer, inner)
