"""Calls: results, outputs, keywords, packages, errors, streams, the end."""

from __future__ import annotations

import io
import math
import sys
from typing import Any

import numpy as np
import pytest

from arcuate.compat import matlab
from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import MatlabEngine


def test_one_output_is_a_value_several_a_tuple_none_none(eng: MatlabEngine) -> None:
    assert eng.gcd(100.0, 80.0) == 20.0
    assert eng.gcd(100.0, 80.0, nargout=3) == (20.0, 1.0, -1.0)
    assert eng.gcd(100.0, 80.0, nargout=0) is None
    assert type(eng.isprime(37)) is bool


@pytest.mark.parametrize(
    ("nargout", "error"), [("1", TypeError), (1.0, TypeError), (None, TypeError), (-1, ValueError)]
)
def test_nargout_is_a_number_of_outputs(eng: MatlabEngine, nargout: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="nargout"):
        eng.sqrt(4.0, nargout=nargout)


def test_nargout_auto_gives_what_there_is(eng: MatlabEngine) -> None:
    eng.eval("function quiet (), assignin ('base', 'runs', evalin ('base', 'runs') + 1); end", nargout=0)
    eng.workspace["runs"] = 0.0
    assert eng.quiet(nargout="auto") is None
    assert eng.workspace["runs"] == 1.0
    assert eng.sqrt(9.0, nargout="auto") == 3.0
    assert eng.drawnow(nargout="auto") is None
    assert eng.eval("quiet ()", nargout="auto") is None
    assert eng.feval("quiet", nargout="auto", background=True).result() is None
    assert eng.workspace["runs"] == 3.0
    eng.eval("function r = asks (), quiet (); r = quiet (); end", nargout=0)
    with pytest.raises(engine.MatlabExecutionError, match="too many outputs"):
        eng.asks(nargout="auto")  # the error is inside: it is not called again
    assert eng.workspace["runs"] == 4.0
    assert eng.eval("y = 5;", nargout="auto") is None
    assert eng.eval("y + 1", nargout="auto") == 6.0


def test_a_function_without_outputs_that_is_asked_for_one_fails_before_it_runs(eng: MatlabEngine) -> None:
    with pytest.raises(engine.MatlabExecutionError, match="too many outputs"):
        eng.beep()  # one of Octave's own
    eng.eval("function quiet2 (), assignin ('base', 'ran', 1); end", nargout=0)
    with pytest.raises(engine.MatlabExecutionError, match="too many outputs"):
        eng.quiet2()
    assert "ran" not in eng.workspace
    assert eng.quiet2(nargout=0) is None
    assert "ran" in eng.workspace


def test_more_outputs_than_there_are_is_an_error(eng: MatlabEngine) -> None:
    with pytest.raises(engine.MatlabExecutionError):
        eng.isprime(37.0, nargout=5)


@pytest.mark.parametrize("call", [lambda e: e.sqrt, lambda e: e.matlab.engine.engineName])
def test_keywords(eng: MatlabEngine, call: Any) -> None:
    function = call(eng)
    with pytest.raises(SyntaxError):
        function(**{"async": True})
    with pytest.raises(KeyError):
        function(background=True, **{"async": True})
    for wrong in (1, None, "yes"):
        with pytest.raises(TypeError, match="background"):
            function(background=wrong)
    with pytest.raises(TypeError, match="tolerance"):
        function(tolerance=3)


def test_a_dotted_name_is_a_function_of_a_package(eng: MatlabEngine, tmp_path: Any) -> None:
    (tmp_path / "+shapes_" / "+inner").mkdir(parents=True)
    (tmp_path / "+shapes_" / "+inner" / "twice.m").write_text("function y = twice (x)\n  y = 2 * x;\nend\n")
    eng.addpath(str(tmp_path), nargout=0)
    assert eng.shapes_.inner.twice(4.0) == 8.0
    assert eng.feval("shapes_.inner.twice", 4.0) == 8.0
    eng.rmpath(str(tmp_path), nargout=0)


def test_whether_a_function_exists_shows_in_the_call(eng: MatlabEngine) -> None:
    function = eng.no_such_function_here
    with pytest.raises(engine.MatlabExecutionError, match="no_such_function_here"):
        function(1.0)


@pytest.mark.parametrize("name", ["sqrt", "workspace", "anything"])
def test_attributes_cannot_be_set(eng: MatlabEngine, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(eng, name, 3)
    with pytest.raises(AttributeError):
        eng.sqrt.something = 3


def test_names_that_begin_with_an_underscore_are_no_functions(eng: MatlabEngine) -> None:
    assert not hasattr(eng, "_repr_html_")
    assert not hasattr(eng.sqrt, "__iter__")


# ------------------------------------------------------------------ eval, feval


def test_eval_of_an_expression_and_of_statements(eng: MatlabEngine) -> None:
    assert eng.eval("3 + 4") == 7.0
    assert eng.eval("a = 4; b = a';", nargout=0) is None
    assert eng.eval("a == b") is True
    assert eng.eval("max ([3, 9, 2])", nargout=2) == (9.0, 2.0)


@pytest.mark.parametrize(
    "code",
    [
        "a = 3;",
        "a(2) = 3",
        "[p, q] = deal (1, 2);",
        "for k = 1:2, k; end",
        "if true, end",
        "hold on",
        "s.x = 1",
        "a += 1",
        "global g",
    ],
)
def test_a_statement_has_no_value(eng: MatlabEngine, code: str) -> None:
    eng.workspace["a"] = matlab.double([1, 2])
    with pytest.raises(engine.MatlabExecutionError):
        eng.eval(code)
    assert np.array_equal(eng.workspace["a"], [[1, 2]])  # it has not run
    eng.eval(code.replace("hold on", "b = 1;"), nargout=0)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("'a = 3'", "a = 3"),
        ('["x=", "y"]', "x=y"),
        ("1 == 1", True),
        ("3 ~= 3", False),
        ("pi -pi", 0.0),
        ("[1 2]'(2) >= 2", True),
        ("numel ({'=', \"=\"})", 2.0),
        ("5 % = 3", 5.0),
        ("strrep ('a=b', '=', '''')", "a'b"),
        ("true != false", True),
    ],
)
def test_an_expression_may_hold_an_equals_sign(eng: MatlabEngine, code: str, value: Any) -> None:
    assert eng.eval(code) == value


def test_feval(eng: MatlabEngine) -> None:
    assert eng.feval("sqrt", 4.0) == 2.0
    assert eng.feval("size", matlab.double([[1, 2, 3], [4, 5, 6]]), nargout=2) == (2.0, 3.0)
    assert eng.feval("plus", 1, 2) == 3


def test_scripts_and_functions_of_the_users_folders(eng: MatlabEngine, tmp_path: Any) -> None:
    (tmp_path / "triarea_.m").write_text("b = 5; h = 3; a = 0.5 * (b .* h)\n")
    (tmp_path / "sum_up.m").write_text("function s = sum_up (varargin)\n  s = sum ([varargin{:}]);\nend\n")
    eng.addpath(str(tmp_path), nargout=0)
    out = io.StringIO()
    eng.triarea_(nargout=0, stdout=out)
    assert out.getvalue() == "a = 7.5000\n"
    assert eng.workspace["a"] == 7.5
    assert eng.sum_up(1.0, 2.0, 3.5) == 6.5
    eng.rmpath(str(tmp_path), nargout=0)


# --------------------------------------------------------------------- errors


def test_an_error_of_the_m_code(eng: MatlabEngine) -> None:
    with pytest.raises(engine.MatlabExecutionError) as caught:
        eng.error("my:id", "wrong %d", 3.0, nargout=0)
    assert str(caught.value) == "wrong 3"
    assert caught.value.identifier == "my:id"
    assert eng.sqrt(4.0) == 2.0


@pytest.mark.parametrize("code", ["x = (1", "for", "1 +* 2", "'abc"])
def test_a_parse_error_is_a_syntax_error(eng: MatlabEngine, code: str) -> None:
    with pytest.raises(SyntaxError, match="parse error"):
        eng.eval(code, nargout=0)


def test_a_parse_error_in_a_file(eng: MatlabEngine, tmp_path: Any) -> None:
    (tmp_path / "broken_.m").write_text("function y = broken_ (x)\n  y = (x;\nend\n")
    eng.addpath(str(tmp_path), nargout=0)
    with pytest.raises(SyntaxError, match="broken_"):
        eng.broken_(1.0)
    eng.rmpath(str(tmp_path), nargout=0)


def test_the_errors_are_in_both_trees() -> None:
    from concurrent.futures import CancelledError

    from arcuate.errors import ArcuateError

    for name in ("MatlabExecutionError", "RejectedExecutionError", "EngineError", "TimeoutError"):
        assert issubclass(getattr(engine, name), ArcuateError)
    assert issubclass(engine.TimeoutError, TimeoutError)
    assert issubclass(engine.CancelledError, CancelledError)
    assert issubclass(engine.InterruptedError, ArcuateError)


def test_a_call_with_a_time_limit(eng: MatlabEngine) -> None:
    eng.workspace["kept"] = 5.0
    with pytest.raises(engine.TimeoutError):
        eng.pause(60.0, nargout=0, timeout=0.3)
    assert eng.workspace["kept"] == 5.0


# -------------------------------------------------------------------- streams


def test_output_goes_to_the_console(eng: MatlabEngine, capsys: pytest.CaptureFixture[str]) -> None:
    eng.disp("seen", nargout=0)
    eng.eval("fprintf (stderr, 'err');", nargout=0)
    assert capsys.readouterr() == ("seen\n", "err")


def test_output_goes_where_it_is_wanted(eng: MatlabEngine, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(engine.MatlabExecutionError):
        eng.eval("disp (1), warning ('careful'), error ('stop')", nargout=0, stdout=out, stderr=err)
    assert out.getvalue() == "1\n"
    assert err.getvalue() == "warning: careful\nerror: stop\n"
    assert capsys.readouterr() == ("", "")
    eng.eval("disp (2); fprintf (stderr, 'e');", nargout=0, stdout=out)
    assert out.getvalue() == "1\n2\n"
    assert capsys.readouterr() == ("", "e")


def test_a_warning_is_text_and_no_python_warning(
    eng: MatlabEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    eng.warning("a:b", "look out", nargout=0)  # pytest makes Python's warnings errors
    assert capsys.readouterr().err == "warning: look out\n"


def test_any_writable_takes_output_as_it_comes(eng: MatlabEngine) -> None:
    class Log:
        def __init__(self) -> None:
            self.parts: list[str] = []
            self.first: object = None

        def write(self, text: str) -> None:
            if not self.parts:
                self.first = future.done()
            self.parts.append(text)

    log = Log()
    future = eng.eval(
        "disp (1); fflush (stdout); pause (0.5); disp (2);", nargout=0, stdout=log, background=True
    )
    future.result()
    assert "".join(log.parts) == "1\n2\n"
    assert log.first is False  # the first line came while the call ran


@pytest.mark.parametrize("stream", [3, "file", object(), sys])
def test_what_cannot_be_written_to_is_refused(eng: MatlabEngine, stream: Any) -> None:
    with pytest.raises(TypeError, match="stdout"):
        eng.disp(1.0, nargout=0, stdout=stream)
    with pytest.raises(TypeError, match="stderr"):
        eng.disp(1.0, nargout=0, stderr=stream)


def test_a_stream_that_fails_does_not_harm_the_engine(eng: MatlabEngine) -> None:
    closed = io.StringIO()
    closed.close()
    with pytest.raises(ValueError, match="closed"):
        eng.disp(1.0, nargout=0, stdout=closed)
    assert eng.sin(0.0) == math.sin(0.0)


# ---------------------------------------------------------------------- the end


def test_the_end(fresh: MatlabEngine) -> None:
    function, space = fresh.sqrt, fresh.workspace
    pid = fresh.getpid()
    assert pid > 0
    fresh.quit()
    fresh.exit()
    fresh.quit()
    for action in (
        lambda: function(4.0),
        lambda: fresh.anything(),
        lambda: fresh.workspace,
        lambda: space["x"],
        lambda: fresh.sqrt(4.0, background=True),
    ):
        with pytest.raises(engine.RejectedExecutionError, match="quit"):
            action()
    assert "ended" in repr(fresh)


def test_an_engine_is_no_value(eng: MatlabEngine) -> None:
    import pickle

    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(eng)
