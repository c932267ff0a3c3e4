"""A new language is one folder: Perl, which Arcuate knows nothing of, through the public ``connect``.

``tests/worker/perl`` is what its author writes: a package with an ``Environment``, an entry point, and a
worker of 600 lines with core modules only. The contract suite runs on it too, apart from what is listed here.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from tests.contract.compare import same
from tests.contract.processes import Background, group, runs, until
from tests.worker.conftest import PERL

from arcuate.client import Remote, RemoteWarning, Session, connect, environments
from arcuate.errors import (
    CallCancelled,
    CallTimeout,
    ConversionError,
    EnvironmentCrashed,
    LimitExceeded,
    NameNotFound,
    RemoteError,
    StaleHandle,
    Unsupported,
)
from arcuate.values import table
from arcuate.values.limits import Limits

Perl = Callable[..., Session]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_it_is_found_by_its_entry_point(perl: Perl) -> None:
    assert "perl" in environments()
    with perl() as session:
        assert session.info["language"] == "Perl"
        assert runs(session.info["pid"])
        assert session.info["pid"] == session.eval("$$")


def test_calls(perl: Perl) -> None:
    session = perl()
    assert session.call("sqrt", 16.0) == 4.0
    assert session.call("join", "-", "a", "é", "😀") == "a-é-😀"
    assert session.call("List::Util::sum", 1, 2, 3.5) == 6.5
    assert session.POSIX.floor(3.4) == 3
    assert session.uc("straße") == "STRASSE"
    session.run(
        "sub swap { my ($a, $b) = @_; return ($b, $a) } sub named { my %n = @_; return $n{weight} * 2 }"
    )
    assert session.call("swap", 1, "x", nargout=2) == ("x", 1)
    assert session.named(weight=2.25) == 4.5
    with pytest.raises(RemoteError, match="3 outputs were asked for, the function returned 2"):
        session.call("swap", 1, 2, nargout=3)
    with pytest.raises(NameNotFound, match="no_such") as caught:
        session.call("no_such", 1)
    assert caught.value.executed == "no"


def test_workspace(perl: Perl) -> None:
    session = perl()
    assert list(session) == []
    session["x"] = [1.5, 2.5]
    session.run("push @$x, 3.5; $y = scalar @$x;")
    assert (session["x"], session["y"], list(session)) == ([1.5, 2.5, 3.5], 3, ["x", "y"])
    del session["x"]
    assert "x" not in session
    with pytest.raises(NameNotFound, match="x"):
        session["x"]


VALUES = [
    None, True, False, 0, -5, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 1.5, -0.0, math.inf,
    "", "abc", "žluť 😀", "10", [], [1, 2], [True, False], ["a", "é", ""], [1, 2.5], [1, "a", None, [2, {}]],
    {}, {"b": 1, "a": {"1 a": [], "": "x"}},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_equal_and_of_their_class(perl_session: Session, value: object) -> None:
    for sent in (value, {"deep": [value, "x"]}):
        found = perl_session.call("id", sent)
        assert repr(found) == repr(sent)  # 1 and True, 0.0 and -0.0, and the order of keys differ


@pytest.fixture(scope="module")
def perl_session(perl_package: str) -> Iterator[Session]:
    with connect("perl") as session:
        session.run("sub id { return $_[0] }")
        yield session


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"])
def test_arrays(perl_session: Session, dtype: str) -> None:
    for size in (0, 1, 7, 131_072):
        array = np.arange(size).astype(dtype)
        found = perl_session.call("id", array)
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)


ROWS = {f"{row.section}: {row.name}": row for row in table.rows()}
HINTS = {
    "list: forced list": list,
    "list: tuple of float": list,
    "mapping: map": dict,
    "number of a numpy class: bool scalar": bool,
    "number of a numpy class: int64 scalar": int,
    "number of a numpy class: uint64 scalar": int,
    "number of a numpy class: float64 scalar": float,
}
"""What Perl, as any language may, drops: the class that wraps a value."""


@pytest.mark.parametrize("name", ROWS)
def test_what_the_table_does_not_declare_is_kept_or_refused(perl_session: Session, name: str) -> None:
    """Every row of the type table, which has no column for Perl: nothing may arrive changed."""
    sent = ROWS[name].example()
    try:
        found = perl_session.call("id", sent)
    except ConversionError as error:
        assert error.path.startswith("$.args[0]")
    else:
        same(found, HINTS[name](sent) if name in HINTS else sent)


def test_an_array_of_1_mb_through_shared_memory(perl: Perl) -> None:
    session = perl()
    array = np.random.default_rng(1).normal(size=131_072)
    assert array.nbytes == 1 << 20
    session["x"] = array
    kept = [session["x"] for _ in range(3)]
    assert session.call("List::Util::sum", *array[:5]) == pytest.approx(array[:5].sum())
    array_back = session.call("List::Util::sum", *session.eval("[@$x[0 .. 9]]"))
    assert array_back == pytest.approx(array[:10].sum())
    session["x"] = np.zeros(131_072)
    assert all(np.array_equal(one, array) for one in kept), (
        "a segment was used again while its array was held"
    )


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (1j, "$.args[0]"),
        ({"a b": [1, b"raw"]}, "$.args[0]['a b'][1]"),
        (np.zeros((2, 3)), "$.args[0]"),
        ([np.array(["2020-01-01"], "M8[D]"), 1], "$.args[0][0]"),
    ],
    ids=["complex", "bytes", "2-d", "dates"],
)
def test_what_has_no_form_is_refused_with_its_path(perl_session: Session, value: object, path: str) -> None:
    with pytest.raises(ConversionError, match="Perl") as caught:
        perl_session.call("id", value)
    assert caught.value.path == path
    assert perl_session.call("id", 1) == 1


def test_results_that_cannot_travel(perl: Perl) -> None:
    session = perl()
    with pytest.raises(ConversionError, match="NUL") as caught:
        session.eval('{ a => [1, "x\\0y"] }')
    assert caught.value.path == "$.value.a[1]"
    with pytest.raises(ConversionError, match="64"):
        session.eval("my $x = []; push @$x, $x; $x")
    session["x"] = np.zeros(2, "i1")
    session.run("$x->[1] = 300;")
    with pytest.raises(ConversionError, match="fit") as caught:
        session["x"]
    assert caught.value.path == "$.value[1]"


def test_output_and_warnings(perl: Perl) -> None:
    session = perl()
    parts: list[tuple[str, str]] = []
    with pytest.warns(RemoteWarning, match="take care"):
        session.run(
            r'print "h\x{e9}llo\n"; warn "take care"; print STDERR "oops"; system "echo child";',
            on_output=lambda stream, text: parts.append((stream, text)),
        )
    texts = {name: "".join(text for stream, text in parts if stream == name) for name in ("stdout", "stderr")}
    assert texts == {"stdout": "héllo\nchild\n", "stderr": "oops"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert session.eval("1 + undef") == 1  # no pragma of the worker's acts on the user's code


def test_errors(perl: Perl) -> None:
    session = perl()
    session.run('sub inner { die "boom: $_[0]" } sub outer { return inner(@_) }')
    with pytest.raises(RemoteError) as caught:
        session.call("outer", "žluť")
    assert caught.value.remote_message == "boom: žluť"
    assert [frame.split()[0] for frame in caught.value.stack] == ["outer", "inner"]
    assert caught.value.language == "Perl"
    with pytest.raises(RemoteError, match="syntax error"):
        session.run("my $x = (;")
    with pytest.raises(RemoteError, match="not available"):
        session.eval("<STDIN>")
    with pytest.raises(RemoteError) as caught:
        session.eval("die bless {}, 'My::Error'")
    assert caught.value.classes == ("My::Error",)


def test_callbacks_nest(perl: Perl) -> None:
    session = perl()
    session.run(
        'sub apply { my $f = shift; return $f->(@_) } sub guard { eval { $_[0]->() }; return "caught: $@" }'
    )

    def down(n: int) -> int:
        return 0 if n == 0 else 1 + session.call("apply", down, n - 1)

    assert session.call("apply", down, 20) == 20
    big = np.arange(200_000.0)
    assert np.array_equal(session.call("apply", lambda x: x * 2, big), big * 2)

    def fail() -> None:
        raise LookupError("no luck")

    with pytest.raises(LookupError, match="no luck"):
        session.call("apply", fail)
    assert session.call("guard", fail) == "caught: no luck"
    session["f"] = down
    assert session["f"] is down
    assert (
        session.call("apply", session.call("sub_of_mine", keep=True), 2) == 4
        if session.run("sub sub_of_mine { return sub { $_[0] * 2 } }")
        else True
    )


def test_objects_that_stay(perl: Perl) -> None:
    session = perl()
    doubler = session.eval("sub { $_[0] * 2 }")
    assert isinstance(doubler, Remote)
    assert doubler(21) == 42
    held = session.eval("bless { weight => 4.5 }, 'Hold'")
    session.run("sub weight { return $_[0]{weight} } sub id { return $_[0] }")
    assert session.call("weight", held) == 4.5
    assert session.call("id", session.call("id", 4.5, keep=True)) == 4.5
    with pytest.raises(Unsupported, match="attr"):
        held.weight  # noqa: B018
    session.restart()
    with pytest.raises(StaleHandle):
        session.call("ref", held)


@pytest.mark.parametrize(
    "code", ["while (1) {}", "sleep 600", "system 'sleep', '600'", "eval { sleep 600 }; sleep 600"]
)
def test_timeout(perl: Perl, code: str) -> None:
    session = perl()
    session["kept"] = 4.5
    pid = session.info["pid"]
    with pytest.raises(CallTimeout) as caught:
        session.run(code, timeout=0.2)
    if "eval" not in code:  # there the user's code caught the interrupt: it may be killed
        assert caught.value.workspace is True
        assert session["kept"] == 4.5
        assert session.info["pid"] == pid
    until(lambda: group(pid) in ({pid}, set()), "the child process is gone")


def test_interrupt(perl: Perl) -> None:
    session = perl()
    session.run("sub linger { $_[0]->(); sleep 600 }")
    call = Background(session, "linger").wait_running()
    assert session.interrupt()
    assert isinstance(call.finish(), CallCancelled)
    for i in range(200):
        assert session.call("abs", -i) == i, "an interrupt struck later"


def test_crash(perl: Perl) -> None:
    session = perl()
    pid = session.info["pid"]
    with pytest.raises(EnvironmentCrashed, match="SIGKILL") as caught:
        session.run('print "last words\\n"; kill "KILL", $$; sleep 600', on_output=lambda *_: None)
    assert caught.value.returncode == -9
    assert "last words" in caught.value.output
    assert not runs(pid)
    with pytest.raises(EnvironmentCrashed, match="status 3"):
        session.run("exit 3")
    assert session.call("abs", -1) == 1


def test_limits(perl: Perl) -> None:
    session = perl(limits=Limits(array=1 << 20))
    with pytest.raises(LimitExceeded, match="Limits"):
        session.call("abs", np.zeros(1 << 18))
    with pytest.raises(LimitExceeded, match="Limits"):
        session.eval("[(0.5) x (1 << 18)]")
    assert session.call("abs", -1) == 1


NOT_IN_PERL = {
    "arrays_of_any_size": "no n-d arrays in this worker",
    "gives_none": "no n-d arrays in this worker",
    "strict_refuses": "no n-d arrays in this worker",
    "documentation_and_signature": "a sub has no parameter names",
    "simplify": "the suite expects scalars to be vectors in every language but Python",
    "stored_function": "a variable has a sigil in Perl",
    "unknown_name_inside_code": "a bareword is a text in Perl",
    "test_live and not without": "a variable has a sigil in Perl",
    "eval_and_run": "a variable has a sigil in Perl",
    "by_a_name_that_a_session_has": "the suite writes the function in three languages only",
}


def test_the_contract_suite_runs_on_it(perl_package: str) -> None:
    """Most of the suite, unchanged; what is left out is a difference of the languages."""
    left_out = " or ".join(f"({part})" for part in NOT_IN_PERL)
    files = [
        f"tests/contract/test_{part}.py" for part in ("session", "errors", "output", "callbacks", "time")
    ]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *files,
            "-q",
            "-k",
            f"perl and not ({left_out})",
            "-p",
            "no:cacheprovider",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": PERL, "ARCUATE_REQUIRE": "", "ARCUATE_OVER": "none"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert int(done.stdout.rsplit(" passed", 1)[0].rsplit(None, 1)[-1]) > 100
