"""What the matrix expects, against the three environments themselves: echo, observe and produce.

Each environment gets the corpus in a few calls, as bytes, past Python's own conversions. What comes back is
compared with :mod:`arcuate.matrix.permitted`, what native code saw with :mod:`~arcuate.matrix.observe`, what
it made by itself with :mod:`~arcuate.matrix.produce`. The large values are for the matrix itself.
"""

from __future__ import annotations

import copy
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interop.raw import call, evaluate

from arcuate.client import Session, connect
from arcuate.errors import ArcuateError, ConversionError
from arcuate.matrix import encode, load, render, same
from arcuate.matrix.observe import prelude, seen
from arcuate.matrix.permitted import journey, simplified, travel
from arcuate.matrix.produce import literal, made, setup, unwritable
from arcuate.values import EncodeOptions, frames, table
from arcuate.values import encode as encode_python

LANGUAGES = ("python", "r", "octave")
PROGRAMS = {"python": "python3", "r": "R", "octave": "octave-cli"}
HELPERS = {
    "python": "def arcuate_id(x): return x\ndef arcuate_all(x): return [arcuate_see(each) for each in x]",
    "r": "arcuate_id <- function(x) x; arcuate_all <- function(x) lapply(x, arcuate_see)",
    "octave": "function x = arcuate_id (x)\nend\n"
    "function y = arcuate_all (x)\ny = cellfun (@arcuate_see, x, 'UniformOutput', false);\nend",
}
LISTS = {"python": "[{}]", "r": "list({})", "octave": "{{{}}}"}


def array(dtype: str, shape: list[int], data: list[Any], **more: Any) -> dict[str, Any]:
    return {"kind": "array", "dtype": dtype, "shape": shape, "data": data, **more}


def labelled(dims: list[str], coords: list[Any], attrs: list[Any]) -> dict[str, Any]:
    data = array("f8", [2] * len(dims), ["0x1p+0", "0x1p+1"] * len(dims))
    return {"kind": "labelled", "name": None, "dims": dims, "data": data, "coords": coords, "attrs": attrs}


def texts(dim: str, *items: str) -> list[Any]:
    return [dim, {"dims": [dim], "data": array("text", [len(items)], list(items)), "attrs": []}]


FOUND = {
    "NaN with the bits of NA": array("f8", [2], ["nan:7ff840f440000000", "0x1p+0"]),
    "one NaN with the bits of NA": {"kind": "float", "value": "nan:7ff840f440000000"},
    "complex NaN with the bits of NA": {"kind": "complex", "value": ["nan:7ff840f440000000", "0x0p+0"]},
    "NaN with R's bits of NA": array("f8", [2], ["nan:7ff00000000007a2", "0x1p+0"]),
    "complex without imaginary parts under a mask": array("c8", [2], [["0x1p+0", "0x0p+0"], None]),
    "labels in another order than the dimensions": labelled(
        ["a", "b"], [texts("b", "p", "q"), texts("a", "x", "y")], []
    ),
    "a dimension without a name": labelled([""], [], []),
    "an attribute that R uses itself": labelled(["a"], [], [["r_class", {"kind": "text", "value": "ts"}]]),
    "a map that is not sorted": {
        "kind": "mapping",
        "hints": ["map"],
        "items": [["b", {"kind": "bool", "value": True}], ["a", {"kind": "bool", "value": False}]],
    },
    "a table with an instant finer than microseconds": {
        "kind": "table",
        "rows": 1,
        "columns": [["z", array("datetime", [1], ["1"], unit="ns", zone="UTC")]],
        "attrs": [],
    },
    "a categorical of two dimensions": {
        "kind": "categorical",
        "codes": [1, 0, None, 1],
        "shape": [2, 2],
        "categories": array("text", [2], ["a", "b"]),
        "ordered": False,
    },
}
"""What once went wrong and is not in the corpus."""

VALUES: dict[str, dict[str, Any]] = {
    case.name: case.value
    for case in load(large=False)
    if case.value is not None
    and case.kind != "handle"  # lives in one session
    and "deep" not in case.name  # has no level left for the list that carries all of them
    and len(str(case.value)) < 4000
} | FOUND


@pytest.fixture(scope="module")
def sessions() -> Iterator[dict[str, Session]]:
    opened: dict[str, Session] = {}
    try:
        for language in LANGUAGES:
            if language != "python" and shutil.which(PROGRAMS[language]) is None:
                continue
            opened[language] = connect(language)
            for source in (HELPERS[language], prelude(language), setup(language)):
                opened[language].run(source)
        yield opened
    finally:
        for session in opened.values():
            session.close()


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, sessions: dict[str, Session]) -> str:
    if request.param not in sessions:
        pytest.skip(f"{request.param}: not installed")
    return str(request.param)


def differs(wanted: dict[str, Any], found: dict[str, Any], language: str) -> str:
    if language != "python":
        wanted, found = simplified(wanted, (language,)), simplified(found, (language,))
    return same(wanted, found)


def test_echo(sessions: dict[str, Session], language: str) -> None:
    results = {name: travel(value, language) for name, value in VALUES.items()}
    kept = [name for name, result in results.items() if result.value is not None]
    found = call(sessions[language], "arcuate_id", [encode(VALUES[name], "frame") for name in kept])["items"]
    wrong = {}
    for name, got in zip(kept, found, strict=True):
        wanted = results[name].value
        assert wanted is not None
        difference = differs(wanted, got, language)
        if difference:
            wrong[name] = difference
    assert not wrong
    counts = Counter("permitted" if results[name].changes else "exact" for name in kept)
    assert counts["exact"] > 100
    assert (counts["permitted"] > 100) is (language != "python")


def test_refused(sessions: dict[str, Session], language: str) -> None:
    refused = {name: result for name, value in VALUES.items() if (result := travel(value, language)).error}
    assert bool(refused) is (language != "python")
    for name, result in refused.items():
        with pytest.raises(ArcuateError) as caught:
            call(sessions[language], "arcuate_id", encode(VALUES[name], "frame"))
        assert caught.value.code == result.error, name
        assert getattr(caught.value, "path", "").startswith("$.args[0]" + result.path), name


def test_observe(sessions: dict[str, Session], language: str) -> None:
    kept = [name for name, value in VALUES.items() if not travel(value, language).error]
    found = call(sessions[language], "arcuate_all", [encode(VALUES[name], "frame") for name in kept])
    shown = found["data"] if found["kind"] == "array" else found["items"]
    wrong = {}
    for name, got in zip(kept, shown, strict=True):
        text = got if isinstance(got, str) else got.get("value", got.get("data", [""])[0])
        if text != seen(VALUES[name], language):
            wrong[name] = (seen(VALUES[name], language), text)
    assert not wrong


def test_produce(sessions: dict[str, Session], language: str) -> None:
    sources = {
        name: source for name, value in VALUES.items() if (source := literal(value, language)) is not None
    }
    assert len(sources) > 300
    names = list(sources)
    wrong = {}
    for start in range(0, len(names), 100):  # an expression for a hundred
        part = names[start : start + 100]
        expression = LISTS[language].format(", ".join(sources[name] for name in part))
        found = evaluate(sessions[language], expression)["items"]
        for name, got in zip(part, found, strict=True):
            wanted = made(VALUES[name], language)
            assert wanted is not None
            difference = differs(wanted, got, language)
            if difference:
                wrong[name] = (sources[name], difference)
    assert not wrong
    assert all(unwritable(VALUES[name], language) for name in VALUES if name not in sources)


CHANGE = {
    "python": "def arcuate_changed(x):\n    y = x.copy(); y[1, 0] = 7; return arcuate_see(y)",
    "r": "arcuate_changed <- function(x) { x[2, 1] <- 7; arcuate_see(x) }",
    "octave": "function s = arcuate_changed (x)\n  x(2, 1) = 7;\n  s = arcuate_see (x);\nend",
}


def test_a_change_that_native_code_makes_is_seen(sessions: dict[str, Session], language: str) -> None:
    """The text follows the native value, not the bytes that were sent."""
    value = array("f8", [2, 2], ["0x1p+0", "0x1p+1", "0x1.8p+1", "0x1p+2"])
    changed = {**value, "data": ["0x1p+0", "0x1p+1", "0x1.cp+2", "0x1p+2"]}
    sessions[language].run(CHANGE[language])
    found = call(sessions[language], "arcuate_changed", encode(value, "frame"))
    text = found.get("value") or found["data"][0]
    assert text == seen(changed, language) != seen(value, language)


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the numbers and texts of a rendering stand that can be changed so that a value stays one."""
    kind = node.get("kind")
    if kind in ("bool", "int", "float", "text") and node.get("dtype", "none") == "none":
        yield (*path, "value")
    elif kind == "array" and node["dtype"] in ("bool", "i4", "f8", "text"):
        yield from ((*path, "data", at) for at, item in enumerate(node["data"][:20]) if item is not None)
    elif kind == "list":
        for at, item in enumerate(node["items"]):
            yield from leaves(item, (*path, "items", at))
    elif kind == "mapping":
        for at, (_, item) in enumerate(node["items"]):
            yield from leaves(item, (*path, "items", at, 1))
    elif kind in ("labelled", "categorical"):
        part = "data" if kind == "labelled" else "categories"
        yield from leaves(node[part], (*path, part))


def other(item: Any) -> Any:
    if isinstance(item, bool):
        return not item
    if item.startswith("nan"):
        return "0x1p+0"
    if item.lstrip("-").isdigit():
        return "4" if item != "4" else "5"
    try:
        return "0x1.123456789abcdp+0" if float.fromhex(item) != 1.0711111111111112 else "0x1p+0"
    except ValueError:
        return item + "x"


PLACES = [(name, place) for name, value in VALUES.items() for place in leaves(value)]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(LANGUAGES))
def test_another_element_is_seen_differently(place: tuple[str, tuple[Any, ...]], language: str) -> None:
    name, path = place
    changed = copy.deepcopy(VALUES[name])
    parent: Any = changed
    for step in path[:-1]:
        parent = parent[step]
    before = parent[path[-1]]
    parent[path[-1]] = before + "x" if "text" in (parent_kind(changed, path)) else other(before)
    for one in (VALUES[name], changed):
        if travel(one, language).error:
            return
    assert seen(changed, language) != seen(VALUES[name], language)
    wanted, found = travel(changed, language).value, travel(VALUES[name], language).value
    assert wanted is not None
    assert found is not None
    assert differs(wanted, found, language)


def parent_kind(value: Any, path: tuple[Any, ...]) -> tuple[str, ...]:
    node = value
    for step in path:
        if isinstance(node, dict) and "kind" in node:
            last = node
        node = node[step]
    return (last["kind"], last.get("dtype", ""))


ROWS = {f"{row.section}: {row.name}": row for row in table.rows()}


def test_both_statements_of_the_rules_agree() -> None:
    """The type table, which the converters are tested with, and the rules that the matrix judges by."""
    wrong = {}
    for name, row in ROWS.items():
        for language in LANGUAGES:
            value = rendered(row.example(), vectors=language != "python")
            result, wanted = travel(value, language), table.expected(row, language)
            if wanted is ConversionError or result.value is None:
                if (wanted is ConversionError) is not (result.value is None):
                    wrong[name, language] = f"{wanted} is not {result}"
                continue
            difference = differs(rendered(wanted), result.value, language)
            if difference:
                wrong[name, language] = difference
    assert not wrong


def rendered(value: Any, *, vectors: bool = False) -> dict[str, Any]:
    return render(frames.to_bytes(encode_python(value, EncodeOptions(vectors=vectors))), "frame")


def test_a_journey_has_the_rules_of_each_language_on_the_way() -> None:
    value = array("i2", [1], ["5"])
    through = [result.value for result in journey(value, ["r", "octave", "r"])]
    assert [simplified(one) for one in through if one] == [
        {"kind": "int", "value": "5"},
        {"kind": "float", "value": "0x1.4p+2"},
    ]
    assert journey({"kind": "int", "value": str(2**53 + 1)}, ["octave", "r"])[0].error == "CONVERSION"
    assert journey(value, ["go", "python", "go"])[0].value == value
