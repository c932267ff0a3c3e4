"""Values become what oct2py itself made of them (recorded.json), apart from what is listed here."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest
from tests.compat.oct2py import observe

import arcuate.compat.oct2py as face

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))["values"]

# Where the face is not like oct2py 6.1.1, which loses the value, or fails: what the face makes of it.
DIFFERENT = {
    "'žluť 猫'": "str 'žluť 猫'",
    "['ab';'cd']": "ndarray <U2 (2,) ['ab', 'cd']",
    "sparse([true false])": "csc_array bool (1, 2) [[True, False]]",
    "containers.Map('a',1)": r"Struct\{a: .*1.0.*\}",
    "text of three scripts": r"char \[1 10\] 197,190,108,117,197,165,32,231,140,171,",
    "dict with a key of an underscore": r"struct \[1 1\] \[_a=double \[1 1\] 1; \| \]",
    "complex sparse": r"sparse double \[1 2\] \[0\+1i 0\+0i\]",
    "bool sparse": r"sparse logical \[1 2\] \[true false\]",
    "object": r"struct \[1 1\] \[x=double \[1 1\] 1; \| \]",
    "Timestamp": r"struct \[1 1\] \[arcuate=char \[1 8\] .*value=int64 \[1 1\] 1577836800000000.*",
    "lambda": "function_handle",
    "class": "raises Oct2PyError",
}


@pytest.fixture(scope="module")
def observed() -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", face.Oct2PyWarning)  # for a key that is left out
        return dict(observe.observe(face))


def test_like_oct2py(observed: dict[str, str]) -> None:
    wrong = {}
    for name, recorded in RECORDED.items():
        key = re.sub("^(shapes kept|column|integers kept): ", "", name)
        if key in DIFFERENT:
            assert recorded != observed[name], f"{name} is like oct2py's now: take it from the list"
            pattern = DIFFERENT[key] if "\\" in DIFFERENT[key] else re.escape(DIFFERENT[key])
            right = re.fullmatch(pattern, observed[name])
        else:
            right = observed[name] == recorded
        if not right:
            wrong[name] = (recorded, observed[name])
    assert wrong == {}
    assert observed.keys() == RECORDED.keys()
    assert len(RECORDED) > 400


def test_every_difference_is_met() -> None:
    assert [name for name in DIFFERENT if name not in RECORDED] == []
