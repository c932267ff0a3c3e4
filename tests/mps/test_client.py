"""MathWorks' own Python client calls functions of Octave, R and Python through the bridge.

What it sends is told by a function in Octave, and must be what plain Octave tells of the same value. What it
receives is compared with what plain Octave tells of what the function returned.
"""

from __future__ import annotations

import json
import math
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TOOLS = Path(__file__).parent / "tools"

SENT = {
    "2.5": "2.5", "float('nan')": "NaN", "inf": "Inf", "-inf": "-Inf", "-0.0": "-0",
    "5": "int64 (5)", "2**53 + 1": "int64 (9007199254740993)", "-2**63": "intmin ('int64')",
    "True": "true", "1.5-2j": "1.5 - 2i", "complex(1, 0)": "complex (1, 0)",
    "'text'": "'text'", "''": "''",
    "'žluť 😀 \\n'": '"žluť 😀 \\n"', "b'ab\\x00\\xff'": "uint8 ([97 98 0 255])",
    "[]": "cell (1, 0)", "[1.0, 'a', True]": "{1, 'a', true}", "[[1.0], [[]]]": "{{1}, {cell(1, 0)}}",
    "('x', 2)": "{'x', int64(2)}",
    "{}": "struct ()", "{'a': 1.5, 'b': [1, 2.0]}": "struct ('a', 1.5, 'b', {{int64(1), 2}})",
    "{'s': {'t': matlab.int8([[1], [2]])}}": "struct ('s', struct ('t', int8 ([1; 2])))",
    "matlab.double([])": "[]", "matlab.double(size=(0, 3))": "zeros (0, 3)",
    "matlab.double([[1, 2, 3], [4, 5, 6]])": "[1 2 3; 4 5 6]",
    "matlab.double([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])": "cat (3, [1 3; 5 7], [2 4; 6 8])",
    "matlab.double([nan, inf, -inf, -0.0, 5e-324])": "[NaN Inf -Inf -0 5e-324]",
    "matlab.double([1+2j, 3], is_complex=True)": "[1+2i 3]",
    "matlab.double([1, 3], is_complex=True)": "complex ([1 3], [0 0])",
    "matlab.single([[1.5], [0.1]])": "single ([1.5; 0.1])",
    "matlab.single([1+2j], is_complex=True)": "single (1+2i)",
    "matlab.logical([[True, False], [False, False]])": "[true false; false false]",
    "matlab.logical([])": "logical ([])", "matlab.int32([7])": "int32 (7)",
    **{
        f"matlab.{name}([{low}, 0, {high}])": f"[intmin('{name}') 0 intmax('{name}')]"
        for bits in (8, 16, 32, 64)
        for name, low, high in (
            (f"int{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
            (f"uint{bits}", 0, 2**bits - 1),
        )
    },
}  # fmt: skip

RECEIVED = [
    "magic (4)", "reshape (1:24, 2, 3, 4)", "zeros (0, 3)", "[]", "[NaN Inf -Inf -0 0.1]", "pi", "1e300 - 2i",
    "complex ([1 2; 3 4], 0)", "single ([0.1 1; 2 3])", "single ([1+2i, 3])", "[true; false]", "true",
    "logical (zeros (0, 1))", "'text'", "{1, 'a', [1 2 3], {}}(1:3)", "{'only'; 'texts'}",
    "struct ('a', 1, 'b', 'x')", "struct ('a', {{1, 2}}, 'b', struct ('c', int8 ([1 2])))", "int64 (7)",
    *(f"[intmin('{name}') 0 intmax('{name}')]"
      for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")),
    "svd (hilb (3))", "eig ([0 1; -1 0])", "1:5", "sparse (eye (2)) * [1 2; 3 4]",
]  # fmt: skip


@pytest.fixture(scope="module")
def plain(octave: str) -> dict[str, str]:
    """What plain Octave tells of each value."""
    codes = [*SENT.values(), *RECEIVED]
    # the texts go through a file: a command line would need quoting, and names of columns in error messages
    script = "\n".join(f'puts ([told({code}) "\\n"]);' for code in codes)
    done = subprocess.run(
        [octave, "--norc", "--quiet", "--path", str(TOOLS), "--eval", "source ('/dev/stdin')"],
        input=script,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(codes), done.stderr
    return dict(zip(codes, lines, strict=True))


def text_of(told: Any) -> str:
    """What ``told.m`` says of the value that the client has."""
    kind = told["class"]
    if "parts" in told:
        parts = told["parts"]
        mixed = [x for pair in zip(*parts, strict=True) for x in pair]
        extra = " complex" if len(parts) == 2 else ""
        return f"{kind}{extra} [{' '.join(map(str, told['size']))}][{' '.join(map(number, mixed))}]"
    if kind == "list":
        return f"cell [1 {len(told['items'])}]{{{','.join(map(text_of, told['items']))}}}"
    if kind == "dict":
        fields = ",".join(f"{name}={text_of(one)}" for name, one in told["fields"])
        return f"struct [1 1]{{{fields}}}"
    value = told["value"]
    if kind == "str":
        return f"char [1 {len(value)}][{' '.join(str(ord(one)) for one in value)}]"
    if kind == "complex":
        return f"double complex [1 1][{' '.join(map(number, value))}]"
    names = {"float": "double", "bool": "logical", "int": "int64"}
    return f"{names[kind]} [1 1][{number(value)}]"


def number(value: Any) -> str:
    if not isinstance(value, float):
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return f"{value:.17g}"


@pytest.mark.parametrize("sent", SENT)
def test_what_is_sent_arrives(sent: str, client: Any, plain: dict[str, str]) -> None:
    assert client.value(f"c.tools.told({sent})")["value"] == plain[SENT[sent]]


@pytest.mark.parametrize("code", RECEIVED)
def test_what_is_returned_arrives(code: str, client: Any, plain: dict[str, str]) -> None:
    found = client.value(f"c.tools.made({json.dumps(code)})")
    wanted = plain[code]
    if code.startswith("{'only'"):
        wanted = wanted.replace("cell [2 1]", "cell [1 2]")  # the client makes a list of a column, too
    assert text_of(found) == wanted


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_array_comes_back_as_it_went(client: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(("double", "single", "logical", "int8", "int16", "int32", "int64",
                                      "uint8", "uint16", "uint32", "uint64")))  # fmt: skip
    size = tuple(data.draw(st.lists(st.integers(0, 4), min_size=2, max_size=3)))
    if len(size) == 3 and size[2] in (0, 1):
        size = size[:2]
    count = math.prod(size)
    items: Any = st.booleans()
    if "int" in name:
        bits = int(name.removeprefix("u")[3:])
        low, high = (0, 2**bits - 1) if name[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        items = st.integers(low, high)
    elif name != "logical":
        items = st.floats(width=32 if name == "single" else 64, allow_nan=False, allow_infinity=False)
    values = data.draw(st.lists(items, min_size=count, max_size=count))
    if count == 1:
        size, values = (1, 2), values * 2  # the client makes scalars of Python of one element
    found = client.value(f"c.tools.same(matlab.{name}({values}, {size}))")
    assert (found["class"], tuple(found["size"])) == (name, size)
    got = found["parts"][0]
    assert [math.copysign(1, x) for x in got] == [math.copysign(1, x) for x in values]
    assert got == values


def test_values_that_the_client_cannot_take_are_its_own_errors(client: Any) -> None:
    assert client.value("c.tools.made('\\'\\'')") == {"class": "str", "value": ""}
    assert client('c.tools.made(\'["ab"; "cd"]\')')["message"] == "Only 1xN char array is supported"
    assert client("c.tools.made('{}')")["message"] == "Only 1xN and Nx1 CELL array is supported"


def test_struct_arrays_arrive_in_order(client: Any) -> None:
    found = client.value('c.tools.made(\'struct ("a", {1, 2}, "b", "x")\')')
    assert [text_of(one) for one in found["items"]] == [
        "struct [1 1]{a=double [1 1][1],b=char [1 1][120]}",
        "struct [1 1]{a=double [1 1][2],b=char [1 1][120]}",
    ]


def test_several_outputs_and_none(client: Any) -> None:
    two = client.value("c.tools.addmul(2.0, 3.0, nargout=2)")
    assert [one["value"] for one in two["items"]] == [5.0, 6.0]
    assert client.value("c.tools.addmul(2.0, 3.0, nargout=0)") == {"class": "list", "items": []}
    assert client.value("c.tools.magic(3.0)")["parts"] == [[8, 3, 4, 1, 5, 9, 6, 7, 2]]


def test_errors_of_a_function_have_identifier_message_and_stack(client: Any) -> None:
    found = client("c.tools.fails(3.0, nargout=0)")
    assert (found["error"], found["identifier"], found["message"]) == (
        "MATLABException", "Toolbox:bad", "n is 3",
    )  # fmt: skip
    file = str(TOOLS / "fails.m")
    assert found["stack"] == [[file, "fails>inner", 5], [file, "fails", 2]]
    found = client("c.stats.stop('no more')")
    assert (found["identifier"], found["message"]) == ("R:simpleError", "no more")
    found = client("c.py.divmod(7, 0)")
    assert (found["error"], found["identifier"]) == ("MATLABException", "Python:ZeroDivisionError")
    found = client("c.tools.addmul(1.0, 2.0, nargout=3)")
    assert found["error"] == "MATLABException"
    assert "too many outputs" in found["message"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("c.tools.made('sparse (1)')", "sparse"),
        ("c.tools.made('@sin')", "handle"),
        ("c.tools.made('containers.Map (\"a\", 1)')", "containers.Map"),
        ("c.tools.made('[1 NA]')", "missing"),
        ("c.tools.made('{1, struct(\"x\", {{sparse(1)}})}')", "$.lhs[0][1].x[0]"),
        ("c.tools.same('a\\0b')", "NUL"),
        ("c.tools.same({'arcuate': 'char'})", "arcuate"),
        ("c.tools.same(matlab.int8([1+1j], is_complex=True))", "complex"),
        ("c.stats.made('factor(\"a\")')", "categorical"),
        ("c.stats.made('c(1L, NA)')", "missing"),
        ("c.stats.made('data.frame(x = 1)')", "table"),
        ("c.stats.made('c(a = 1)')", "unname"),
        ("c.py.made('{1: 2}')", "keys"),
    ],
)
def test_what_cannot_travel_says_what_and_where(code: str, words: str, client: Any) -> None:
    found = client(code)
    assert found["error"] == "MATLABException", found
    assert found["identifier"] in ("Arcuate:ConversionError", "Arcuate:Unsupported")
    assert words in found["message"]


def test_names_that_are_not_there_are_errors_of_http(client: Any) -> None:
    for code in ("c.nothing.f(1)", "c.tools.nothing(1)", "c.tools.absent(1)"):
        assert client(code) == {"error": "HTTPException", "message": "Not Found"}


def test_functions_of_r(client: Any) -> None:
    assert text_of(client.value("c.stats.scaled(matlab.double([1, 2, 3]))")) == "double [1 3][2 4 6]"
    two = client.value("c.stats.both(matlab.double([4, 2, 3]), nargout=2)")
    assert [one["value"] for one in two["items"]] == [2.0, 4.0]
    assert client.value("c.stats.sd(matlab.double([1, 2, 3]))") == {"class": "float", "value": 1.0}
    made = {
        "1:3": "int32 [1 3][1 2 3]",
        "matrix(c(1.5, 2, 3, 4, 5, 6), 2)": "double [2 3][1.5 2 3 4 5 6]",
        "array(1:8 + 0, c(2, 2, 2))": "double [2 2 2][1 2 3 4 5 6 7 8]",
        "c(TRUE, FALSE)": "logical [1 2][1 0]",
        "c(1+2i, 3i)": "double complex [1 2][1 2 0 3]",
        "c(NaN, Inf)": "double [1 2][NaN Inf]",
        "NULL": "double [0 0][]",
        "list(a = 1, b = 'x')": "struct [1 1]{a=double [1 1][1],b=char [1 1][120]}",
        "list(1, 'x')": "cell [1 2]{double [1 1][1],char [1 1][120]}",
        "c('a', 'bc')": "cell [1 2]{char [1 1][97],char [1 2][98 99]}",
    }
    for code, wanted in made.items():
        assert text_of(client.value(f"c.stats.made({json.dumps(code)})")) == wanted, code


def test_what_is_sent_arrives_in_r(client: Any, r: str) -> None:
    sent = {
        "matlab.double([[1, 2], [3, 4]])": "matrix(c(1, 3, 2, 4), 2)",
        "'text'": "'text'", "True": "TRUE", "1.5": "1.5", "[1.0, 'a']": "list(1, 'a')",
        "{'x': matlab.int32([[1, 2]])}": "list(x = matrix(1:2, 1))", "1+2j": "1+2i", "7": "7L",
    }  # fmt: skip
    code = "".join(f"cat(paste(deparse({one}), collapse = ''), '\\n', sep = '');" for one in sent.values())
    done = subprocess.run([r, "--vanilla", "-e", code], capture_output=True, text=True, check=True)
    for expression, wanted in zip(sent, done.stdout.splitlines(), strict=True):
        assert client.value(f"c.stats.told({expression})")["value"] == wanted


def test_functions_of_python(client: Any) -> None:
    assert client.value("c.py.len([1, 2, 3])") == {"class": "int", "value": 3}
    two = client.value("c.py.divmod(7, 2, nargout=2)")
    assert [one["value"] for one in two["items"]] == [3, 1]
    assert client.value("c.py.norm(matlab.double([3, 4]))") == {"class": "float", "value": 5.0}
    made = {
        "[1.5, 2.0]": "double [1 2][1.5 2]",
        "[1, 2]": "int64 [1 2][1 2]",
        "[1, 'a', None]": "cell [1 3]{int64 [1 1][1],char [1 1][97],double [0 0][]}",
        "{'a': True, 'b': 2j}": "struct [1 1]{a=logical [1 1][1],b=double complex [1 1][0 2]}",
        "__import__('numpy').arange(6.).reshape(2, 3)": "double [2 3][0 3 1 4 2 5]",
        "__import__('numpy').arange(8, dtype='i2').reshape(2, 2, 2)": "int16 [2 2 2][0 4 2 6 1 5 3 7]",
        "__import__('numpy').array([1, 2], 'f2')": "single [1 2][1 2]",
        "b'ab'": "uint8 [1 2][97 98]",
    }
    for code, wanted in made.items():
        assert text_of(client.value(f"c.py.made({json.dumps(code)})")) == wanted, code


def test_an_archive_serves_what_it_lists_and_no_more(client: Any) -> None:
    assert client("getattr(c.stats, '.hidden')()")["message"] == "Not Found"
    assert client("c.stats.system('true')")["message"] == "Not Found"
    assert client("c.py.open('x')")["message"] == "Not Found"


def test_a_client_that_gives_up_ends_its_call(client: Any, folder: Path) -> None:
    begun = folder / "begun"
    started = time.monotonic()
    found = client(f"new(timeout_ms=1500).tools.naps({str(begun)!r})")
    assert found["error"] in ("TimeoutError", "timeout")
    assert begun.exists()
    while not any(
        '"naps"' in line and "CALL_CANCELLED" in line
        for line in (folder / "audit.jsonl").read_text().splitlines()
    ):
        assert time.monotonic() - started < 20, "the call was not cancelled"
        time.sleep(0.02)
    assert client.value("c.tools.addmul(1.0, 2.0)")["value"] == 3.0


def test_an_interpreter_that_dies_is_told_of(client: Any) -> None:
    found = client("c.tools.dies(nargout=0)")
    assert (found["error"], found["identifier"]) == ("MATLABException", "Arcuate:EnvironmentCrashed")
    assert client.value("c.tools.addmul(1.0, 2.0)")["value"] == 3.0


def test_large_arrays(client: Any) -> None:
    assert client.value(
        "c.tools.same(matlab.double(list(range(100000)))) == matlab.double(list(range(100000)))"
    )
    assert client.value("c.tools.made('int16 (1:100000)')._data[99999]")["value"] == 32767
