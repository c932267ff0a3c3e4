"""What the chapters of MathWorks' documentation of the engine do, in our own words and numbers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from arcuate.compat import matlab
from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import MatlabEngine


def test_call_functions(eng: MatlabEngine) -> None:
    assert eng.isprime(41) is True
    assert eng.gcd(84.0, 36.0, nargout=3) == (12.0, 1.0, -2.0)
    assert eng.mod(17.0, 5.0) == 2.0
    assert eng.upper("engine") == "ENGINE"
    assert eng.num2str(3.25) == "3.25"


def test_integers_are_int64_and_do_not_mix_with_other_integers(eng: MatlabEngine) -> None:
    assert eng.plus(2, 3) == 5
    assert type(eng.plus(2, 3)) is int
    assert eng.mrdivide(7, 2) == 4  # integers round
    assert eng.mrdivide(7.0, 2.0) == 3.5
    with pytest.raises(engine.MatlabExecutionError):
        eng.plus(2, matlab.int32([3]))


def test_arrays(eng: MatlabEngine) -> None:
    a = matlab.double([1, 4, 9, 16, 25])
    assert eng.sqrt(a) == matlab.double([1, 2, 3, 4, 5])
    b = matlab.double([[16, 2, 3, 13], [5, 11, 10, 8], [9, 7, 6, 12], [4, 14, 15, 1]])
    assert eng.sum(b) == matlab.double([34, 34, 34, 34])
    assert eng.size(b) == matlab.double([4, 4])
    assert eng.transpose(b)[0][1] == 5.0
    assert [row[0] for row in eng.sort(b, 2.0)] == [2.0, 5.0, 6.0, 1.0]
    magic = eng.magic(6.0)
    assert {sum(row) for row in np.asarray(magic).tolist()} == {111.0}
    for row, column in zip(magic, eng.transpose(magic), strict=True):
        assert len(row) == len(column) == 6
    assert eng.reshape(matlab.double([1, 2, 3, 4, 5, 6]), 2.0, 3.0)[1][2] == 6.0


def test_sort_and_plot(eng: MatlabEngine, tmp_path: Path) -> None:
    numbers = matlab.double([3, 1, 2])
    assert eng.sort(numbers) == matlab.double([1, 2, 3])
    values, order = eng.sort(numbers, "descend", nargout=2)
    assert values == matlab.double([3, 2, 1])
    assert order == matlab.double([1, 3, 2])
    eng.plot(numbers)
    eng.title("Numbers", nargout=0)
    eng.saveas(eng.gcf(), str(tmp_path / "numbers.svg"), nargout=0)
    assert (tmp_path / "numbers.svg").stat().st_size > 500
    eng.close("all", nargout=0)


def test_structs(eng: MatlabEngine) -> None:
    eng.workspace["patient"] = {
        "name": "Doe",
        "billing": 127.0,
        "test": matlab.double([[79, 75], [180, 178]]),
    }
    assert eng.eval("patient.test(2, 1)") == 180.0
    assert eng.fieldnames(eng.workspace["patient"]) == ["name", "billing", "test"]
    found = eng.struct("a", 1.0, "b", matlab.double([1, 2]))
    assert found == {"a": 1.0, "b": matlab.double([1, 2])}
    assert eng.setfield(found, "c", "x")["c"] == "x"


def test_the_workspace(eng: MatlabEngine) -> None:
    x = 4.0
    eng.workspace["y"] = x
    assert eng.eval("sqrt (y)") == 2.0
    eng.eval("numbers = [1 2 3]; text = 'abc';", nargout=0)
    assert eng.workspace["numbers"] == matlab.double([1, 2, 3])
    assert eng.workspace["text"] == "abc"


def test_the_background(eng: MatlabEngine) -> None:
    future = eng.sqrt(4.0, background=True)
    other = eng.eval("pause (0.1); slow_ = 1;", background=True, nargout=0)
    assert future.result() == 2.0
    assert other.result() is None
    assert other.done()


def test_redirected_output(eng: MatlabEngine) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert eng.dec2base(255.0, 16.0, stdout=out, stderr=err) == "FF"
    with pytest.raises(engine.MatlabExecutionError):
        eng.dec2base(-1.0, 16.0, stdout=out, stderr=err)
    assert err.getvalue().startswith("error: dec2base")
    assert out.getvalue() == ""


def test_a_script_of_the_user(eng: MatlabEngine, tmp_path: Path) -> None:
    (tmp_path / "area_.m").write_text("function a = area_ (b, h)\n  a = 0.5 * (b .* h);\nend\n")
    eng.cd(str(tmp_path), nargout=0)
    assert eng.area_(1.0, 5.0) == 2.5
    assert eng.area_(matlab.double([1, 2]), 5.0) == matlab.double([2.5, 5])
    eng.cd("/", nargout=0)


def test_cells_and_strings(eng: MatlabEngine) -> None:
    assert eng.cellfun("length", ["a", "bcd"]) == matlab.double([1, 3])
    assert eng.strsplit("a,b,c", ",") == ["a", "b", "c"]
    assert eng.strjoin(["a", "b"], "-") == "a-b"
    assert eng.regexp("ab12", r"\d+", "match") == ["12"]
    assert eng.ismember("b", ["a", "b"]) is True


def test_logical_indexing_and_numbers(eng: MatlabEngine) -> None:
    eng.workspace["x"] = matlab.double([1, -2, 3])
    assert eng.eval("x > 0") == matlab.logical([True, False, True])
    assert eng.eval("x(x > 0)") == matlab.double([1, 3])
    assert eng.roots(matlab.double([1, -3, 2])) == matlab.double([[2], [1]])
    assert eng.polyfit(matlab.double([0, 1, 2]), matlab.double([1, 3, 5]), 1.0)[0][0] == pytest.approx(2.0)
    assert eng.eig(matlab.double([[2, 0], [0, 3]])) == matlab.double([[2], [3]])
    assert eng.complex(1.0, 2.0) == 1 + 2j
