"""The golden vectors: Python's own reader, writer and check judged by them, and the corpus itself."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arcuate.errors import ArcuateError, InvalidArgument
from arcuate.matrix import Case, encode, load, render, root, same, vectors
from arcuate.values import DecodeOptions, EncodeOptions, decode, frames, protobuf
from arcuate.values import encode as encode_value
from arcuate.values.check import check
from arcuate.values.nodes import Nodes

CASES = load()
VALUES = [case for case in CASES if not case.error and not case.large]
ERRORS = [case for case in CASES if case.error]
LARGE = [case for case in CASES if case.large]


class Reference:
    """A function or handle is nothing outside a session: here each is what it came with."""

    def __init__(self, name: str, info: Mapping[str, Any]) -> None:
        self.name, self.info = name, info

    def __call__(self) -> None: ...


class Handle(Reference): ...


READING = DecodeOptions(function=Reference, handle=Handle)
WRITING = EncodeOptions(
    function=lambda one: (one.name, one.info),
    handle=lambda one: (one.name, one.info) if isinstance(one, Handle) else None,
)


def read(data: bytes, encoding: str) -> Nodes:
    nodes = frames.load(data) if encoding == "frame" else protobuf.load(data)
    check(nodes, levels=0)
    return nodes


def write(nodes: Nodes, encoding: str) -> bytes:
    return frames.to_bytes(nodes) if encoding == "frame" else protobuf.dump(nodes)


def names(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


@pytest.mark.parametrize("case", VALUES, ids=names(VALUES))
def test_python_reads_and_writes(case: Case) -> None:
    """Bytes to a native value and back are equal to the golden value, in either encoding from either."""
    for encoding in vectors.ENCODINGS:
        data = case.encoded(encoding)
        if data is None:
            continue
        assert same(render(data, encoding), case.value) == ""
        nodes = read(data, encoding)
        again = encode_value(decode(nodes, READING), WRITING)
        for out in vectors.ENCODINGS:
            assert same(render(write(again, out), out), case.value) == "", f"{encoding}, written as {out}"
            if out != encoding:
                assert same(render(write(nodes, out), out), case.value) == "", f"{encoding} turned into {out}"


@pytest.mark.parametrize("case", ERRORS, ids=names(ERRORS))
def test_python_refuses(case: Case) -> None:
    for encoding in vectors.ENCODINGS:
        data = case.encoded(encoding)
        if data is not None:
            with pytest.raises(ArcuateError) as caught:
                read(data, encoding)
            assert caught.value.code == case.error


def test_both_writers_lay_out_the_same_bytes() -> None:
    """The layout leaves no choice: rows written by Arcuate are the bytes that the reference wrote."""
    plain = [case for case in VALUES if "wire" not in case.name]
    assert len(plain) > 500
    for case in plain:
        assert frames.to_bytes(frames.load(case.frame)) == case.frame, case.name
        assert protobuf.dump(protobuf.load(case.protobuf)) == case.protobuf, case.name


def test_a_rendering_is_what_the_reference_wrote() -> None:
    """Hints and all: what the corpus shows, written and shown again, is the same object."""
    for case in VALUES:
        for encoding in vectors.ENCODINGS:
            assert render(encode(case.value, encoding), encoding) == case.value, case.name


@pytest.mark.parametrize("case", LARGE, ids=names(LARGE))
def test_a_large_value_is_made_and_read(case: Case) -> None:
    found = decode(read(case.frame, "frame"))  # the recipe's own digests are compared on the way
    arguments = case.recipe
    if arguments["make"] == "roots":
        assert found.shape == tuple(arguments["shape"])
        assert np.array_equal(found.reshape(-1), np.sqrt(np.arange(found.size)))
    elif arguments["make"] == "lines":
        assert found.split("\n")[1000] == "1000 řeka Ελλάδα 猫 😀"
        assert found.count("\n") == arguments["count"]
    else:
        assert found.shape == (arguments["rows"], 5)
        assert found["root"].isna().sum() == -(-arguments["rows"] // 7)
        assert found["name"].isna().sum() == -(-arguments["rows"] // 11)
        assert found["group"].cat.ordered
    again = render(write(encode_value(found), "protobuf"), "protobuf")
    assert same(again, case.value) == ""


def test_the_reference_shares_nothing_with_the_codecs() -> None:
    for name in ("elements", "equality", "layout", "recipes", "reference"):
        path = Path(vectors.__file__).with_name(f"{name}.py")
        imported = {
            node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module
        }
        assert not any(module.startswith("arcuate.values") for module in imported), name


def test_names_and_words() -> None:
    """Every case says why it is there; a name begins with its kind, a code is one that exists."""
    for case in CASES:
        assert case.name.startswith(f"{case.kind}/")
        assert case.doc.rstrip().endswith("."), case.name
    assert {case.error for case in ERRORS} == {"PROTOCOL_ERROR", "CONVERSION", "UNSUPPORTED"}
    assert all(case.frame is not None or case.protobuf is not None for case in ERRORS)


def test_the_page_describes_the_corpus() -> None:
    page = (root() / "protos/vectors/README.md").read_text(encoding="utf-8")
    least = int(re.search(r"at least (\d+) lines", page)[1])
    assert 300 <= least <= len(CASES)
    listed = set(re.findall(r"^\| `(\w+)` \| `?\w+", page, re.MULTILINE))
    assert {case.recipe["make"] for case in LARGE} <= listed


# The guard.


def corpus(tmp_path: Path, lines: list[str]) -> Path:
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(line + "\n" for line in lines))
    return file


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"0 of array instead of \d+"):
        load(file=corpus(tmp_path, []))


def test_a_corpus_that_shrank_is_refused(tmp_path: Path) -> None:
    lines = (root() / vectors.CASES).read_text().splitlines()
    assert len(load(file=corpus(tmp_path, lines))) == len(lines)
    fewer = [line for line in lines if json.loads(line)["kind"] != "sparse"]
    with pytest.raises(InvalidArgument, match="0 of sparse instead of"):
        load(file=corpus(tmp_path, fewer))
    with pytest.raises(InvalidArgument, match="null/plain twice"):
        load(file=corpus(tmp_path, [*lines, next(line for line in lines if '"null/plain"' in line)]))


def test_a_recipe_that_makes_other_bytes_is_refused() -> None:
    recipe = {**LARGE[0].recipe, "shape": [2, 3, 4]}
    with pytest.raises(ValueError, match="the recipe makes"):
        _ = Case("array/x", "array", "", recipe=recipe).frame


def test_a_name_that_fits_nothing_is_refused() -> None:
    assert names(load(names=["array/f8/matrix"])) == ["array/f8/matrix"]
    assert {case.kind for case in load(names=["sparse", "null/"])} == {"sparse", "null"}
    with pytest.raises(InvalidArgument, match="no case 'arrays'"):
        load(names=["arrays"])


def test_without_a_checkout_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vectors, "__file__", str(tmp_path / "vectors.py"))
    with pytest.raises(InvalidArgument, match="part of the repository"):
        root()
