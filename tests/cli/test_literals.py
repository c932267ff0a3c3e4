"""JSON as people type it, beside Python's own json."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcuate.cli.literals import Malformed, parse
from arcuate.values import NA

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(plain, st.sampled_from([None, 0, 3]), st.booleans())
def test_json_means_what_json_says(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = parse(text)
    assert found == json.loads(text)
    assert repr(found) == repr(json.loads(text))  # 1 and 1.0 and True are told apart


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".1", 0.1),
        ("-.5", -0.5),
        ("+.5e-3", 0.0005),
        ("1.", 1.0),
        ("+3", 3),
        ("007", 7),
        ("[.1,.9]", [0.1, 0.9]),
        ("Inf", math.inf),
        ("-Inf", -math.inf),
        ("Infinity", math.inf),
        ('{"a":[1.,-.5]}', {"a": [1.0, -0.5]}),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        (" [ ] ", []),
        ("{ }", {}),
        ('"\\u732b\\ud83d\\ude00"', "猫😀"),
    ],
)
def test_lenient(text: str, expected: object) -> None:
    found = parse(text)
    assert found == expected
    assert type(found) is type(expected)


def test_nan_and_na_are_two_things() -> None:
    found = parse("[NaN, NA, null]")
    assert math.isnan(found[0])
    assert found[1] is NA
    assert found[2] is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[1,2", "character 5"),
        ("[1 2]", "character 4"),
        ("[1,]", "character 4"),
        ('{"a" 1}', "character 6"),
        ("{a:1}", "character 2"),
        ('{"a":1,"a":2}', "'a' is given twice"),
        ('"open', "character 1"),
        ("1 2", "character 3"),
        ("", "character 1"),
        ("TRUE", "character 1"),
        ("1x", "character 1"),
        ("1.2.3", "character 1"),
        ("[" * 80 + "]" * 80, "nested deeper than 64"),
        ('"\\x"', "malformed"),
    ],
)
def test_malformed_says_where(text: str, where: str) -> None:
    with pytest.raises(Malformed, match=where):
        parse(text)
