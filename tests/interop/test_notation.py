"""Renderings as text: every golden value has a reading, and its numbers are the numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from arcuate.matrix import load
from arcuate.matrix.notation import notation

CASES = [case for case in load(large=False) if not case.error]
FLOATS = [c for c in CASES if c.kind == "array" and (c.value or {}).get("dtype") in ("f8", "f4", "f2")]


def test_every_golden_value_is_readable() -> None:
    """None of them falls back to JSON, which has the word `kind` in it."""
    assert len(CASES) > 300
    named = "mapping/keys-of-renderings"  # its own key is "kind"
    unread = [case.name for case in CASES if '"kind"' in notation(case.value) and case.name != named]
    assert unread == []


@pytest.mark.parametrize("case", FLOATS, ids=lambda case: case.name)
def test_numbers_are_read_back_by_numpy(case: Any) -> None:
    """Every number that is written stands for the very element, in its own width."""
    kind = np.dtype(case.value["dtype"])
    data = [x for x in case.value["data"] if x is not None]
    wanted = np.array([float.fromhex(text) for text in data]).astype(kind)
    text = notation(case.value).split("]", 1)[1]
    written = re.findall(
        r"(?<![\w.])-?(?:Inf|NaN|\d[\d.]*(?:e[+-]?\d+)?)(?![\w:])", re.sub(r"\[[\d, ]+:\]", "", text)
    )
    text_left = "more" in text
    found = np.array([float(one) for one in written if one]).astype(kind)
    count = len(found) - 1 if text_left else len(found)
    assert count == len(wanted) or text_left
    np.testing.assert_array_equal(found[:count], wanted[:count])
    np.testing.assert_array_equal(np.signbit(found[:count]), np.signbit(wanted[:count]))


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"kind": "float", "value": "-0x0p+0"}, "-0.0"),
        ({"kind": "float", "value": "0x1.99999ap-4", "dtype": "f4"}, "float32 0.1"),
        ({"kind": "int", "value": "9007199254740993"}, "9007199254740993"),
        ({"kind": "missing", "dtype": "i4"}, "NA int32"),
        ({"kind": "text", "value": "a\u202e\n\u200b\"\\"}, '"a\\u{202e}\\n\\u{200b}\\"\\\\"'),
        ({"kind": "bytes", "value": "00ff"}, "bytes[2] 00 ff"),
        ({"kind": "complex", "value": ["0x1p+0", "-0x0p+0"]}, "1.0-0.0i"),
        ({"kind": "date", "value": "-1"}, "date 1969-12-31"),
        (
            {"kind": "array", "dtype": "f8", "shape": [2, 2], "data": ["0x1.8p+0", "nan", "-inf", None]},
            "float64[2×2] [[1.5, NaN], [-Inf, NA]]",
        ),
        ({"kind": "array", "dtype": "i4", "shape": [0, 3], "data": []}, "int32[0×3] []"),
        ({"kind": "mapping", "items": [["1 a", {"kind": "null"}]]}, '{"1 a": null}'),
        ({"kind": "list", "items": [{"kind": "bool", "value": True}], "hints": ["tuple"]}, "[true]  (tuple)"),
        (
            {"kind": "sparse", "dtype": "f8", "shape": [2, 3], "format": "csc", "data": ["0x1p+0"],
             "indices": [1], "indptr": [0, 0, 0, 1]},
            "sparse float64[2×3] csc, 1 stored\n  (1, 2)  1.0",
        ),
    ],
)  # fmt: skip
def test_notation(node: Any, text: str) -> None:
    assert notation(node) == text


@pytest.mark.parametrize(
    "broken", [None, 3, [], {"kind": "zzz"}, {"kind": "array"}, {"kind": "float", "value": "x"}]
)
def test_what_is_no_rendering_is_shown_all_the_same(broken: Any) -> None:
    assert notation(broken)
