"""The JSON form, for clients that know nothing of MathWorks or Arcuate: curl and httpx.

What arrives is told by a function in Octave and compared with what plain Octave tells of the same value; what
is answered is compared with the notation as MathWorks documents it.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcuate.errors import ArcuateError
from arcuate.mps.bodies import read_body
from arcuate.mps.notation import Format, read, write
from arcuate.mps.wire import PROTOBUF

TOOLS = Path(__file__).parent / "tools"
LARGEST = {
    f"{u}int{bits}": (2**bits - 1 if u else 2 ** (bits - 1) - 1)
    for bits in (8, 16, 32, 64)
    for u in ("", "u")
}


def large(kind: str, data: list[Any], size: list[int] | None = None, **more: Any) -> dict[str, Any]:
    return {"mwdata": data, "mwsize": size or [1, len(data)], "mwtype": kind, **more}


SENT: list[tuple[Any, str]] = [
    (5, "5"),
    (2.5, "2.5"),
    (-0.0, "-0"),
    (True, "true"),
    ("text", "'text'"),
    ("", "''"),
    ("žluť 😀", "'žluť 😀'"),
    ([], "[]"),
    ([1, 2.5], "[1 2.5]"),
    ([[1, 2], [3, 4]], "[1 2; 3 4]"),
    ([[1], [2]], "[1; 2]"),
    ([7], "7"),
    ([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "cat (3, [1 3; 5 7], [2 4; 6 8])"),
    ([1, "NaN", {"mwdata": "-Inf"}], "[1 NaN -Inf]"),
    ({"mwdata": "Inf"}, "Inf"),
    ("NaN", "'NaN'"),
    ([[True, False]], "[true false]"),
    ({}, "struct ()"),
    ({"a": 1, "b": {"c": [True]}}, "struct ('a', 1, 'b', struct ('c', true))"),
    (large("double", [8, 3, 4], [3, 1]), "[8; 3; 4]"),
    (large("double", [], [0, 3]), "zeros (0, 3)"),
    (large("double", [1, 2, 3, 4], [1, 2], mwcomplex=True), "[1+2i 3+4i]"),
    (
        large("single", [1.5, 2, "NaN", 0], [2, 1], mwcomplex=True),
        "complex (single ([1.5; NaN]), single ([2; 0]))",
    ),
    (large("single", [0.1, {"mwdata": "NaN"}]), "single ([0.1 NaN])"),
    *((large(kind, [0, most]), f"[{kind}(0) intmax('{kind}')]") for kind, most in LARGEST.items()),
    (large("int64", [-(2**63)]), "intmin ('int64')"),
    (large("int64", [9007199254740991.0, -1e3]), "int64 ([9007199254740991 -1000])"),
    (large("single", [2**24, 2**24 + 2, 2**53, 123456.7]), "single ([16777216 16777218 2^53 123456.7])"),
    (large("int8", [12], [1, 1]), "int8 (12)"),
    (large("logical", [True, False, True, True], [2, 2]), "[true true; false true]"),
    (large("char", ["b1o2s3"], [2, 3]), "['bos'; '123']"),
    (large("char", ["héé"], [1, 3]), "'héé'"),
    (large("char", ["a😀"], [1, 3]), "'a😀'"),
    (large("char", [], [0, 0]), "''"),
    (large("string", ["one"]), "'one'"),
    (large("string", ["a", "", "c"], [3, 1]), "{'a'; ''; 'c'}"),
    (
        large("cell", ["Primes", [10, 23], large("cell", [False, "maybe"])]),
        "{'Primes', [10 23], {false, 'maybe'}}",
    ),
    (large("cell", [1, 2, 3, 4], [2, 2]), "{1 3; 2 4}"),
    (large("cell", [], [0, 0]), "{}"),
    (large("cell", [], [1, 0]), "cell (1, 0)"),
    (
        large("struct", {"n": ["A", "B"], "v": [1, large("int8", [2])]}, [1, 2]),
        "struct ('n', {'A', 'B'}, 'v', {1, int8(2)})",
    ),
    (large("struct", {"n": []}, [0, 0]), "struct ('n', {})"),
    (large("struct", {"x": [[1, 2]]}, [1, 1]), "struct ('x', [1 2])"),
]

BAD: list[tuple[Any, str]] = [
    (None, "null"),
    ([1, None], "something else"),
    ([[1, 2], [3]], "different lengths"),
    ([1, True], "mixes"),
    ([1, [2]], "something else"),
    ([[1], 2], "mixes"),
    ([[]], "empty list"),
    ([1, "x"], "something else"),
    (2**53 + 1, "int64"),
    (10**400, "no double"),
    ([2**53 + 1], "int64"),
    ({"mwdata": [1]}, "mwtype"),
    ({"mwtype": "double", "mwsize": [1, 1]}, "mwdata"),
    (large("double", [1, 2], [1, 3]), "do not fill"),
    (large("double", [1], [1]), "dimensions"),
    (large("double", [1], [-1, -1]), "do not fill"),
    (large("double", [1], [1, 1.5]), "whole numbers"),
    (large("double", ["x"]), "must be a number"),
    (large("double", [True]), "must be a number"),
    (large("int8", [128]), "no int8"),
    (large("uint8", [-1]), "no uint8"),
    (large("int8", [1.5]), "no int8"),
    (large("int8", ["NaN"]), "no int8"),
    (large("single", [1e39]), "too large"),
    (large("int64", [9007199254740993.0]), "without a fraction"),
    (large("uint64", [1, 1e16]), "without a fraction"),
    (large("single", [2**24 + 1]), "no single"),
    (large("single", [0.5, -(2**24) - 1]), "no single"),
    (large("int8", [1, 2], [1, 1], mwcomplex=True), "complex"),
    (large("double", [1], mwcomplex=True), "pairs"),
    (large("double", [1], mwcomplex=1), "true or false"),
    (large("logical", [2]), "logical"),
    (large("char", ["ab"], [1, 3]), "do not fill"),
    (large("char", ["a", "b"]), "one text"),
    (large("char", ["a\0b"], [1, 3]), "NUL"),
    (large("string", [1]), "string array"),
    (large("cell", [1], [2, 2]), "do not fill"),
    (large("struct", [1]), "object"),
    (large("struct", {"a": [1], "b": [1, 2]}, [1, 1]), "different numbers"),
    (large("struct", {"a": 1}, [1, 1]), "list"),
    (large("datetime", [1]), "datetime"),
    (large("double", [1], extra=1), "extra"),
    ({"arcuate": "char"}, "arcuate"),
    (large("char", ["aéb"], [1, 3]) | {"mwsize": [3, 1]}, "UTF-8"),
    (large("double", [], [0] * 65), "dimensions"),
]


def call(http: httpx.Client, path: str, *rhs: Any, nargout: int = 1, **form: str) -> Any:
    answer = http.post(path, json={"nargout": nargout, "rhs": list(rhs), "outputFormat": form})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert "lhs" in found, found
    return found["lhs"]


@pytest.fixture(scope="module")
def plain(octave: str) -> list[str]:
    """What plain Octave tells of each value that is sent."""
    script = "\n".join(f'puts ([told({code}) "\\n"]);' for _, code in SENT)
    command = [octave, "--norc", "--quiet", "--path", str(TOOLS), "--eval", "source ('/dev/stdin')"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(SENT), done.stderr
    return lines


@pytest.mark.parametrize("number", range(len(SENT)), ids=[json.dumps(one)[:60] for one, _ in SENT])
def test_what_is_sent_arrives(number: int, http: httpx.Client, plain: list[str]) -> None:
    assert call(http, "/tools/told", SENT[number][0], mode="small") == [plain[number]]


@pytest.mark.parametrize(
    ("code", "small", "whole"),
    [
        (
            "magic (3)",
            [[8, 1, 6], [3, 5, 7], [4, 9, 2]],
            large("double", [8, 3, 4, 1, 5, 9, 6, 7, 2], [3, 3]),
        ),
        ("5", 5, large("double", [5])),
        ("[1 2 3]", [[1, 2, 3]], large("double", [1, 2, 3])),
        (
            "cat (3, [1 3; 5 7], [2 4; 6 8])",
            [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
            large("double", [1, 5, 3, 7, 2, 6, 4, 8], [2, 2, 2]),
        ),
        ("0.1", 0.1, large("double", [0.1])),
        ("[]", [], large("double", [], [0, 0])),
        ("zeros (0, 3)", None, large("double", [], [0, 3])),
        ("true", True, large("logical", [True])),
        ("[true false]", [[True, False]], large("logical", [True, False])),
        ("logical ([])", None, large("logical", [], [0, 0])),
        ("'text'", "text", large("char", ["text"], [1, 4])),
        ("''", "", large("char", [""], [1, 0])),
        ("['bos'; '123']", None, large("char", ["b1o2s3"], [2, 3])),
        ("'a😀'", "a😀", large("char", ["a😀"], [1, 3])),
        ("[1+2i 3]", None, large("double", [1, 2, 3, 0], [1, 2], mwcomplex=True)),
        ("single (0.5)", None, large("single", [0.5])),
        ("int64 (9007199254740993)", None, large("int64", [2**53 + 1])),
        ("intmax ('uint64')", None, large("uint64", [2**64 - 1])),
        ("uint8 ([1; 2])", None, large("uint8", [1, 2], [2, 1])),
        ("{1, 'a'}", large("cell", [1, "a"]), large("cell", [large("double", [1]), large("char", ["a"])])),
        (
            "{'a'; 'b'}",
            large("cell", ["a", "b"], [2, 1]),
            large("cell", [large("char", ["a"]), large("char", ["b"])], [2, 1]),
        ),
        ("{}", large("cell", [], [0, 0]), large("cell", [], [0, 0])),
        (
            "struct ('a', 1, 'b', int8 (2))",
            {"a": 1, "b": large("int8", [2])},
            large("struct", {"a": [large("double", [1])], "b": [large("int8", [2])]}, [1, 1]),
        ),
        (
            "struct ('mwdata', 1)",
            large("struct", {"mwdata": [1]}, [1, 1]),
            large("struct", {"mwdata": [large("double", [1])]}, [1, 1]),
        ),
        (
            "struct ('a', {1, 'x'})",
            large("struct", {"a": [1, "x"]}, [1, 2]),
            large("struct", {"a": [large("double", [1]), large("char", ["x"])]}, [1, 2]),
        ),
    ],
)
def test_what_is_returned_is_written(code: str, small: Any, whole: Any, http: httpx.Client) -> None:
    assert call(http, "/tools/made", code) == [whole]
    assert call(http, "/tools/made", code, mode="large") == [whole]
    found = call(http, "/tools/made", code, mode="small")
    assert json.dumps(found) == json.dumps([whole if small is None else small])


def test_chars_of_other_sizes(http: httpx.Client) -> None:
    empty = large("char", [""], [3, 0])
    assert call(http, "/tools/made", "char (zeros (3, 0))") == [empty]
    assert call(http, "/tools/same", empty) == [empty]
    cube = large("char", ["abcdefgh"], [2, 2, 2])
    assert call(http, "/tools/same", cube) == [cube]
    accents = large("char", ["éžab"], [2, 2])
    assert call(http, "/tools/same", accents) == [accents]

    def refused(path: str, value: Any) -> tuple[int, str]:
        answer = http.post(path, json={"nargout": 1, "rhs": [value]})
        return answer.status_code, answer.json()["error"]["message"]

    for code in ("['é'; 'ab']", "char ([200 201; 202 203])", "char (200)"):
        status, message = refused("/tools/made", code)
        assert (status, "char" in message or "text" in message) == (500, True), (code, message)
    status, message = refused("/stats/same", large("char", ["abcd"], [2, 2]))
    assert (status, "send a cell of texts" in message) == (400, True)


def test_nan_and_inf_in_both_forms(http: httpx.Client) -> None:
    code = "[-Inf NaN Inf 1]"
    objects = [{"mwdata": "-Inf"}, {"mwdata": "NaN"}, {"mwdata": "Inf"}, 1]
    names = ["-Inf", "NaN", "Inf", 1]
    assert call(http, "/tools/made", code)[0]["mwdata"] == objects
    assert call(http, "/tools/made", code, nanInfFormat="string")[0]["mwdata"] == names
    assert call(http, "/tools/made", code, mode="small") == [[objects]]
    assert call(http, "/tools/made", code, mode="small", nanInfFormat="string") == [[names]]
    assert call(http, "/tools/made", "NaN", mode="small") == [{"mwdata": "NaN"}]
    assert call(http, "/tools/made", "complex (NaN, Inf)", nanInfFormat="string")[0]["mwdata"] == [
        "NaN",
        "Inf",
    ]


@pytest.mark.parametrize("text", ["NaN", "Inf", "-Inf"])
def test_a_text_that_reads_as_a_number_is_told_apart(text: str, http: httpx.Client) -> None:
    whole = large("char", [text], [1, len(text)])
    strings = {"mode": "small", "nanInfFormat": "string"}
    assert call(http, "/tools/made", text, **strings) == [text]
    assert call(http, "/tools/made", f"'{text}'", **strings) == [whole]
    assert call(http, "/tools/same", whole, **strings) == [whole]
    assert call(http, "/tools/made", f"{{'{text}', {text}}}", **strings) == [large("cell", [whole, text])]
    assert call(http, "/tools/made", f"struct ('a', '{text}')", **strings) == [{"a": whole}]
    assert call(http, "/tools/made", f"'{text}'", mode="small") == [text]


@pytest.mark.parametrize(("value", "words"), BAD, ids=[json.dumps(one)[:60] for one, _ in BAD])
def test_what_is_no_value_is_refused(value: Any, words: str, http: httpx.Client) -> None:
    answer = http.post("/tools/same", json={"nargout": 1, "rhs": [1, value]})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["messageId"]) == ("httperror", 400, "InvalidRhs")
    assert words in error["message"]
    assert "- at $.rhs[1]" in error["message"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"", "InvalidJSON"),
        (b"{", "InvalidJSON"),
        (b"\xff", "InvalidJSON"),
        (b"[]", "InvalidInput"),
        (b'{"nargout": NaN, "rhs": []}', "InvalidJSON"),
        (b'{"nargout": 1, "nargout": 2, "rhs": []}', "InvalidJSON"),
        (b'{"nargout": 1, "rhs": [' + b"[" * 5000 + b"]" * 5000 + b"]}", "InvalidJSON"),
        (b'{"rhs": []}', "NargoutMissing"),
        (b'{"nargout": 1}', "RhsMissing"),
        (b'{"nargout": 1, "rhs": 1}', "InvalidRhs"),
        (b'{"nargout": -1, "rhs": []}', "InvalidInput"),
        (b'{"nargout": true, "rhs": []}', "InvalidInput"),
        (b'{"nargout": 1.5, "rhs": []}', "InvalidInput"),
        (b'{"nargout": 1e9, "rhs": []}', "InvalidInput"),
        (b'{"nargout": 1, "rhs": [], "outputFormat": 1}', "InvalidInput"),
        (b'{"nargout": 1, "rhs": [], "outputFormat": {"mode": "tiny"}}', "InvalidInput"),
        (b'{"nargout": 1, "rhs": [], "outputFormat": {"nanInfFormat": 1}}', "InvalidInput"),
    ],
)
def test_what_is_no_call_is_refused(body: bytes, name: str, http: httpx.Client) -> None:
    answer = http.post("/tools/same", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["messageId"]) == (400, name), answer.text


def test_errors_have_the_documented_status_codes(http: httpx.Client) -> None:
    def error(answer: httpx.Response) -> tuple[int, str]:
        found = answer.json()["error"]
        assert found["type"] == "httperror"
        assert found["code"] == answer.status_code
        return answer.status_code, found["messageId"]

    body = {"nargout": 1, "rhs": []}
    assert error(http.post("/nothing/f", json=body)) == (404, "ComponentNotFound")
    assert error(http.post("/tools/nothing", json=body)) == (404, "FunctionNotFound")
    assert error(http.post("/tools/absent", json=body)) == (404, "FunctionNotFound")
    assert error(http.post("/tools", json=body)) == (404, "InvalidURIPath")
    assert error(http.post("/tools/a/b", json=body)) == (404, "InvalidURIPath")
    assert error(http.get("/tools/same")) == (405, "BadMethod")
    assert error(http.post("/api/discovery")) == (405, "BadMethod")
    assert error(http.post("/tools/same", content=b"x")) == (415, "InvalidContentType")
    assert error(http.get("/~nothing/requests")) == (404, "RequestNotFound")
    assert error(http.post("/tools/same?mode=odd", json=body)) == (400, "InvalidInput")
    assert error(http.post("/tools/same?mode=%ff", json=body)) == (400, "InvalidInput")
    assert error(http.post("/%ff/same", json=body)) == (400, "InvalidInput")
    assert error(http.post("/tools/made", json={"nargout": 1, "rhs": ["@sin"]})) == (
        500, "FunctionReturnTypeNotSupported",
    )  # fmt: skip
    assert error(http.post("/tools/dies", json={"nargout": 0, "rhs": []})) == (502, "WorkerCrashed")


def test_an_error_of_the_function_is_no_error_of_http(http: httpx.Client) -> None:
    answer = http.post("/tools/fails", json={"nargout": 0, "rhs": [3]})
    assert answer.status_code == 200
    file = str(TOOLS / "fails.m")
    assert answer.json() == {
        "error": {
            "type": "matlaberror",
            "id": "Toolbox:bad",
            "message": "n is 3",
            "stack": [
                {"file": file, "name": "fails>inner", "line": 5},
                {"file": file, "name": "fails", "line": 2},
            ],
        }
    }


def test_curl_calls(url: str) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl: not installed")
    body = '{"nargout": 2, "rhs": [[1, 2], 3], "outputFormat": {"mode": "small"}}'
    command = [
        curl,
        "-s",
        "-S",
        "-f",
        "-H",
        "Content-Type: application/json",
        "-d",
        body,
        f"{url}/tools/addmul",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"lhs": [[[4, 5]], [[3, 6]]]}


def test_health_discovery_and_metrics(http: httpx.Client) -> None:
    assert http.get("/api/health").json() == {"status": "ok"}
    found = http.get("/api/discovery").json()
    assert found["discoverySchemaVersion"] == "1.0.0"
    assert sorted(found["archives"]) == ["py", "stats", "tools"]
    tools = found["archives"]["tools"]
    assert tools["name"] == "tools"
    assert tools["archiveUuid"].startswith("tools_")
    assert {"addmul", "same", "fails", "svd"} <= tools["functions"].keys()
    signature = tools["functions"]["addmul"]["signatures"][0]
    assert [one["name"] for one in signature["inputs"]] == ["a", "b"]
    assert [one["name"] for one in signature["outputs"]] == ["s", "p"]
    assert signature["help"].startswith("ADDMUL")
    assert tools["functions"]["fails"]["signatures"][0]["outputs"] == []
    scaled = found["archives"]["stats"]["functions"]["scaled"]["signatures"][0]
    assert [one["name"] for one in scaled["inputs"]] == ["x", "by"]
    assert ".hidden" not in found["archives"]["stats"]["functions"]
    assert http.get("/api/discovery").json() == found
    text = http.get("/api/metrics").text
    assert 'arcuate_calls_total{code="OK",environment="archive.tools",operation="call"}' in text
    assert 'protocol="mps"' in text


def test_calls_are_written_down_without_values(http: httpx.Client, folder: Path) -> None:
    call(http, "/tools/addmul", 123456789, 1)
    lines = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    found = [one for one in lines if one.get("name") == "addmul"][-1]
    assert (found["who"], found["environment"], found["outcome"]) == ("local", "archive.tools", "OK")
    assert found["peer"].startswith("mps 127.0.0.1")
    assert "123456789" not in (folder / "audit.jsonl").read_text()


def test_pages_of_other_sites_are_refused(http: httpx.Client) -> None:
    body = {"nargout": 1, "rhs": [1]}
    for headers in (
        {"origin": "https://elsewhere.example"},
        {"host": "elsewhere.example"},
        {"sec-fetch-site": "cross-site"},
    ):
        answer = http.post("/tools/same", json=body, headers=headers)
        assert answer.status_code == 403, headers
        assert "access-control-allow-origin" not in answer.headers
        assert answer.json()["error"]["messageId"] == "AccessDenied"


# ------------------------------------------------------------------ properties

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
TREES = st.recursive(
    st.one_of(NUMBERS, st.booleans(), st.text(max_size=5)),
    lambda below: st.lists(below, max_size=3).map(lambda items: large("cell", items)),
    max_leaves=5,
)


def finite(value: Any) -> Any:
    """What JSON can say of a number, as clients write it."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"mwdata": "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"}
    if isinstance(value, dict):
        return {**value, "mwdata": [finite(one) for one in value["mwdata"]]}
    return value


@settings(max_examples=60, deadline=None)
@given(TREES, st.booleans(), st.booleans())
def test_what_is_written_is_read_as_the_same(tree: Any, small: bool, strings: bool) -> None:
    first = read(finite(tree))
    if not strings or not small:
        again = read(json.loads(json.dumps(write(first, Format(small, strings)))))
        assert json.dumps(write(again, Format())) == json.dumps(write(first, Format()))


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)),
    st.sampled_from((PROTOBUF, "application/json")),
)
def test_garbage_is_refused_with_an_error_of_ours(data: bytes, kind: str) -> None:
    try:
        read_body(data, kind, 1000)
    except Exception as error:
        cause = getattr(error, "error", error)
        assert isinstance(cause, ArcuateError), repr(error)
        assert cause.message
