"""Whether two renderings are equal: compared with the rule on rows, and by values changed in one place."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcuate.errors import ArcuateError
from arcuate.matrix import Case, encode, load, render, same
from arcuate.values import frames
from arcuate.values.equal import equal

VALUES = [case for case in load(large=False) if not case.error and "wire" not in case.name]
Change = tuple[str, Any]
"""What was changed, and the changed rendering."""


def agree(a: dict[str, Any], b: dict[str, Any]) -> str:
    """What `same` says, after both rules and both directions have said the same."""
    found = same(a, b)
    assert bool(found) == bool(same(b, a))
    rows = equal(frames.load(encode(a, "frame")), frames.load(encode(b, "frame")))
    assert bool(found) == bool(rows), f"{found!r} against {rows!r}"
    return found


def test_neighbours_are_told_apart() -> None:
    """Each value and the six after it: of the same kind, and nearly the same, most of them."""
    pairs = [(case, other) for i, case in enumerate(VALUES) for other in VALUES[i + 1 : i + 7]]
    equals = [{a.name, b.name} for a, b in pairs if not agree(a.value, b.value)]
    assert {"sparse/csc", "sparse/csr"} in equals
    assert {"array/f8/matrix", "array/f8/fortran"} in equals
    assert {"array/f8/under-the-mask", "array/f8/mask-of-zeros"} not in equals
    assert len(equals) < 60


def test_of_several_kinds_none_equals_another() -> None:
    first = {case.kind: case for case in VALUES}
    for a, b in combinations(first.values(), 2):
        assert agree(a.value, b.value) != ""


def scalar(kind: str, value: Any = None, dtype: str = "") -> dict[str, Any]:
    made = {"kind": kind} | ({} if value is None else {"value": value})
    return made | ({"dtype": dtype} if dtype else {})


def array(dtype: str, data: list[Any], **more: Any) -> dict[str, Any]:
    return {"kind": "array", "dtype": dtype, "shape": [len(data)], "data": data, **more}


def items(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "list", "items": list(nodes), **more}


SEQUENCE = {"hints": ["sequence"]}
PAIRS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("sequence and list", array("i8", ["1"], **SEQUENCE), items(scalar("int", "1")), True),
    ("sequence and floats", array("i8", ["1"], **SEQUENCE), items(scalar("float", "0x1p+0")), False),
    ("sequence and typed", array("i8", ["1"], **SEQUENCE), items(scalar("int", "1", "i8")), False),
    ("sequence and array", array("f8", ["0x1p+0"], **SEQUENCE), array("f8", ["0x1p+0"]), False),
    ("array and list", array("f8", ["0x1p+0"]), items(scalar("float", "0x1p+0")), False),
    ("empty lists", array("text", [], **SEQUENCE), array("f8", [], **SEQUENCE), True),
    ("empty list, empty array", items(), array("f8", []), False),
    ("NA of a sequence", array("f8", [None], **SEQUENCE), items(scalar("missing", None, "i4")), True),
    ("NA of sequences", array("f8", [None], **SEQUENCE), array("text", [None], **SEQUENCE), True),
    ("NA of lists", items(scalar("missing", None, "f8")), items(scalar("missing", None, "i4")), False),
    ("text and bool", array("text", ["true"], **SEQUENCE), array("bool", [True], **SEQUENCE), False),
    ("list and cell", items(scalar("null")), items(scalar("null"), shape=[1, 1]), False),
    ("tuple", items(scalar("null"), hints=["tuple"]), items(scalar("null")), True),
    ("zeros", scalar("float", "0x0p+0"), scalar("float", "-0x0p+0"), False),
    ("decimal and hexadecimal", scalar("float", "0.5"), scalar("float", "0x1.0p-1"), True),
    ("one and true", scalar("int", "1"), scalar("bool", True), False),
    ("infos", {"kind": "function", "id": "a"}, {"kind": "function", "id": "a", "info": scalar("null")}, True),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "wanted"), [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_the_rule(a: dict[str, Any], b: dict[str, Any], wanted: bool) -> None:
    assert (agree(a, b) == "") is wanted


def test_a_difference_says_where() -> None:
    a, b = (
        {"kind": "mapping", "items": [["x", items(scalar("null"), scalar("int", number))]]} for number in "12"
    )
    assert same(a, b) == "$['x'][1].value: '1' is not '2'"


NEXT = {"f8": "i8", "i8": "f8"}


def changes(node: Any) -> Iterator[Change]:
    """Every value that differs from this one in one place."""
    kind = node.get("kind", "")
    if "value" in node:
        yield from (("value", {**node, "value": other}) for other in others(node["value"], kind))
    for name, wrong in (("unit", "ns"), ("zone", "Asia/Tokyo"), ("name", "another")):
        if name in node and node[name] != wrong:
            yield name, {**node, name: wrong}
    if kind == "array" and node["dtype"] in NEXT and not node["data"] and "hints" not in node:
        yield "dtype", {**node, "dtype": NEXT[node["dtype"]]}
    if "ordered" in node:
        yield "ordered", {**node, "ordered": not node["ordered"]}
    if len(set(map(str, node.get("shape", ())))) > 1 and kind in ("array", "list"):
        yield "shape", {**node, "shape": node["shape"][::-1]}
    for name in ("data", "codes"):
        if isinstance(node.get(name), list):
            yield from (
                (name, {**node, name: put(node[name], i, other)}) for i, other in elements(node, name)
            )
    for name in ("items", "attrs", "coords", "vars", "columns") if kind != "sparse" else ():
        yield from (
            (f"{name}: {what}", {**node, name: changed}) for what, changed in parts(node.get(name), kind)
        )
    for name in ("data", "categories"):
        if isinstance(node.get(name), dict):
            yield from ((f"{name}: {what}", {**node, name: changed}) for what, changed in changes(node[name]))


def elements(node: dict[str, Any], name: str) -> Iterator[tuple[int, Any]]:
    """One element changed, or missing."""
    for i, element in enumerate(node[name][:3]):
        if element is not None and node["kind"] != "sparse":
            yield i, None
        if element is not None and name == "data":
            yield from ((i, other) for other in others(element, node["dtype"]))


def others(value: Any, kind: str) -> Iterator[Any]:
    """A value that is another."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, list):
        yield from ([other, value[1]] for other in others(value[0], "float"))
    elif kind == "text":
        yield value + "x"
    elif kind == "bytes":
        yield value + "00"
    elif kind in ("float", "complex", "f8", "f4", "c16", "c8"):
        yield value.removeprefix("-") if value.startswith("-") else "-0x0p+0"
    elif value.lstrip("-").isdigit():
        yield str(int(value) - 1 if int(value) > 0 else int(value) + 1)


def parts(pairs: Any, kind: str) -> Iterator[Change]:
    """Children: one left out, two exchanged, a key renamed, one of them changed."""
    if not isinstance(pairs, list) or not pairs:
        return
    keyed = isinstance(pairs[0], list)
    if keyed or kind == "list":
        if keyed and kind not in ("dataset",):
            yield "a key", [["another", pairs[0][1]], *pairs[1:]]
        if len(pairs) > 1 and keyed:
            yield "order", [pairs[1], pairs[0], *pairs[2:]]
    for i, pair in enumerate(pairs[:4]):
        below = pair[1] if keyed else pair
        for what, changed in changes(below):
            yield f"[{i}] {what}", put(pairs, i, [pair[0], changed] if keyed else changed)


def put(sequence: list[Any], i: int, element: Any) -> list[Any]:
    return [*sequence[:i], element, *sequence[i + 1 :]]


def of_struct(case: Case) -> bool:
    return "fields" in case.value


CHANGEABLE = [case for case in VALUES if not of_struct(case) and any(True for _ in changes(case.value))]


def test_most_values_can_be_changed() -> None:
    assert len(CHANGEABLE) > 400


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CHANGEABLE), st.data())
def test_a_changed_value_is_never_the_same(case: Case, data: st.DataObject) -> None:
    before = copy.deepcopy(case.value)
    what, changed = data.draw(st.sampled_from(list(changes(case.value))))
    assert case.value == before
    if changed == case.value:
        return
    assert same(changed, case.value) != "", what
    assert same(case.value, changed) != "", what
    try:
        written = encode(changed, "frame")
    except ValueError:  # a number that its class cannot hold
        return
    try:
        shown = render(written, "frame")
    except ArcuateError:  # what a reader checks, such as the length of a coordinate
        return
    assert same(shown, changed) == ""
    assert same(shown, case.value) != "", what
