"""A session: its workspace, attribute form, description, options and life."""

from __future__ import annotations

import contextlib
import copy
import gc
import inspect
import os
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.contract.processes import runs, until
from tests.contract.quirks import Quirks

from arcuate.client import Function, Namespace, Remote, Session, connect
from arcuate.errors import EnvironmentNotFound, InvalidArgument, NameNotFound, SessionClosed

Fresh = Callable[..., Session]


def test_call_by_name(session: Session) -> None:
    assert session.call("arcuate_add", 2.0, 0.5) == 2.5


def test_eval_and_run(session: Session, quirks: type[Quirks]) -> None:
    session.run(quirks.variable.format(name="seven"))
    assert session.eval("seven + 1") == 8.5
    assert session.run(quirks.variable.format(name="seven")) is None


def test_workspace_is_a_mapping(session: Session, quirks: type[Quirks]) -> None:
    assert "zeta" not in session
    with pytest.raises(NameNotFound, match="zeta"):
        session["zeta"]
    session["zeta"] = 2.5
    assert session["zeta"] == 2.5
    assert "zeta" in session
    assert "zeta" in list(session)
    assert "zeta" in session.keys()  # noqa: SIM118
    assert len(session) == len(list(session))
    session.run(quirks.variable.format(name="zeta"))
    assert session["zeta"] == 7.5
    assert session.get("zeta") == 7.5
    del session["zeta"]
    assert "zeta" not in session
    assert session.get("zeta") is None
    assert session.get("zeta", 3) == 3
    with pytest.raises(NameNotFound, match="zeta"):
        del session["zeta"]
    assert 5 not in session


def test_workspace_of_a_fresh_session_is_empty(quirks: type[Quirks]) -> None:
    with connect(quirks.target()) as session:
        assert list(session) == []
        session["x"] = 1.5
        assert list(session) == ["x"]


def test_an_empty_session_is_true(quirks: type[Quirks], session: Session) -> None:
    assert session


@pytest.mark.parametrize("name", ["", "1a", "a b", "é", "end", "x\0y"])
def test_impossible_variable_names(session: Session, name: str) -> None:
    """A name that the language cannot have is refused, or kept exactly."""
    try:
        session[name] = 4.5
    except (InvalidArgument, NameNotFound, TypeError) as error:
        assert str(error)
    except Exception as error:
        assert type(error).__name__ in ("RemoteError", "ConversionError"), error
    else:
        assert session[name] == 4.5
        del session[name]


def test_variable_names_are_texts(session: Session) -> None:
    with pytest.raises(InvalidArgument, match="int"):
        session[5]  # type: ignore[index]


def test_attribute_form(session: Session, quirks: type[Quirks]) -> None:
    assert session.arcuate_add(1.5, 2.0) == 3.5
    assert isinstance(session.arcuate_add, Function)
    session["weight"] = 4.5
    assert session.weight == 4.5
    with pytest.raises(AttributeError, match="no_such_thing"):
        session.no_such_thing  # noqa: B018
    assert not hasattr(session, "no_such_thing_either")
    assert hasattr(session, "arcuate_id")


def test_attribute_of_a_package(session: Session, quirks: type[Quirks]) -> None:
    if quirks.package is None:
        assert quirks.name == "octave"  # which has no packages that must be there
        return
    package, function, args, expected = quirks.package
    space = getattr(session, package)
    assert isinstance(space, Namespace)
    assert getattr(space, function)(*args) == expected
    assert function in dir(space)
    assert package in repr(space)
    with pytest.raises(AttributeError, match="no_such"):
        space.no_such  # noqa: B018


def test_underscore_for_a_dot(session: Session, quirks: type[Quirks]) -> None:
    if quirks.dotted is None:
        return
    name, args, expected = quirks.dotted
    assert list(getattr(session, name)(*args)) == expected


def test_function_by_a_name_that_a_session_has(session: Session, quirks: type[Quirks]) -> None:
    assign = (
        "<- function(x) x"
        if quirks.name == "r"
        else "= lambda x: x"
        if quirks.name == "python"
        else "= @(x) x;"
    )
    session.run(f"call {assign}")
    assert session.function("call")(2.5) == 2.5


def test_function_options(session: Session, quirks: type[Quirks]) -> None:
    seen: list[tuple[str, str]] = []
    say = session.function("arcuate_say").options(
        nargout=0, on_output=lambda stream, text: seen.append((stream, text))
    )
    assert say("aloud") is None
    assert "".join(text for _, text in seen) == "aloud"
    kept = session.function("arcuate_id").options(keep=True)(2.5)
    assert isinstance(kept, Remote)
    with pytest.raises(InvalidArgument, match="colour"):
        session.function("arcuate_id").options(colour="red")


def test_named_arguments(session: Session, quirks: type[Quirks]) -> None:
    function, args, keywords, expected = quirks.named
    found = session.call(function, *args, **keywords)
    again = session.call(function, *args, named=keywords)
    for value in (found, again):
        assert (list(value) if isinstance(expected, list) else value) == expected
    with pytest.raises(InvalidArgument, match="twice"):
        session.call(function, *args, named=keywords, **keywords)


def test_multiple_outputs(session: Session, quirks: type[Quirks]) -> None:
    function, args, count, expected = quirks.multiple
    assert session.call(function, *args, nargout=count) == expected
    assert session.call("arcuate_id", 1.5, nargout=0) is None
    for wrong in (-1, 1.5, "2"):
        with pytest.raises(InvalidArgument, match="nargout"):
            session.call(function, *args, nargout=wrong)  # type: ignore[arg-type]


def test_documentation_and_signature(
    session: Session, quirks: type[Quirks], capsys: pytest.CaptureFixture[str]
) -> None:
    name, text, parameter = quirks.document
    function = session.function(name)
    assert text in (function.__doc__ or "")
    signature = inspect.signature(function)
    if parameter is not None:
        assert parameter in signature.parameters
    session.help(name)
    assert text in capsys.readouterr().out
    assert name.replace("::", ".").rpartition(".")[2] in repr(function)
    assert inspect.signature(session.function("arcuate_add")).parameters.keys() == {"a", "b"}


def test_dir_offers_what_there_is(session: Session, quirks: type[Quirks]) -> None:
    session["visible_here"] = 1.5
    offered = dir(session)
    assert {"call", "eval", "run", "visible_here", "arcuate_add"} <= set(offered)
    assert session.names(prefix="arcuate_a") == sorted(["arcuate_add", "arcuate_apply"])


def test_info(session: Session, quirks: type[Quirks]) -> None:
    info = session.info
    assert info["environment"] == quirks.name
    assert info["language"] == quirks.language
    assert info["version"][0].isdigit()
    assert info["transport"] == (quirks.over.replace("ipc", "zmq") or "worker")
    assert info["pid"] == session.eval(quirks.pid)
    assert os.path.exists(f"/proc/{info['pid']}")


def test_repr_tells_what_one_holds(session: Session, quirks: type[Quirks]) -> None:
    text = repr(session)
    assert quirks.language in text
    assert str(session.info["pid"]) in text
    assert session.info["version"] in text


def test_pickle_and_copy_are_refused(session: Session) -> None:
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="connect"):
            way(session)
    remote = session.call("arcuate_id", 1.5, keep=True)
    with pytest.raises(TypeError, match="value"):
        pickle.dumps(remote)


def test_closing(fresh: Fresh) -> None:
    session = fresh()
    pid = session.info["pid"]
    kept = session.call("arcuate_id", 1.5, keep=True)
    with session as same:
        assert same is session
    assert session.closed
    assert "closed" in repr(session)
    assert not runs(pid)
    session.close()
    for use in (
        lambda: session.call("arcuate_add", 1, 2),
        lambda: session.eval("1"),
        lambda: session.run("1"),
        lambda: session["x"],
        lambda: list(session),
        lambda: session.submit("arcuate_add", 1, 2),
        session.restart,
        lambda: "x" in session,
        lambda: str(kept),
    ):
        with pytest.raises(SessionClosed, match=r"closed.*connect\("):
            use()
    assert "not reachable" in repr(kept)


def test_an_unused_session_is_closed_when_collected(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = connect(quirks.target())
    pid = session.info["pid"]
    assert runs(pid)
    del session
    gc.collect()
    until(lambda: not runs(pid), "its process ends")


def test_restart_gives_an_empty_workspace(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    session["x"] = 1.5
    before = session.info
    session.restart()
    after = session.info
    assert after["pid"] != before["pid"]
    assert after["generation"] == before["generation"] + 1
    assert list(session) == []
    assert not runs(before["pid"])
    session.run(quirks.prelude)
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_environment_variables_and_directory(fresh: Fresh, quirks: type[Quirks], tmp_path: object) -> None:
    session = fresh(env={"ARCUATE_TEST": "zlaté"}, cwd=tmp_path)
    assert session.eval(quirks.env_variable) == "zlaté"
    assert os.path.samefile(session.eval(quirks.cwd), str(tmp_path))


def test_nothing_is_left_in_the_working_directory(
    fresh: Fresh, quirks: type[Quirks], tmp_path: object
) -> None:
    session = fresh(cwd=tmp_path)
    if quirks.figure:
        session.run(quirks.figure)
    session.restart()
    session.close()
    assert os.listdir(str(tmp_path)) == []


def test_wrong_directory(quirks: type[Quirks]) -> None:
    with pytest.raises(InvalidArgument, match="no directory"):
        connect(quirks.target(), cwd="/no/such/directory")


def test_two_sessions_are_two_interpreters(fresh: Fresh) -> None:
    first, second = fresh(), fresh()
    assert first.info["pid"] != second.info["pid"]
    first["x"] = 1.5
    assert "x" not in second


def test_unknown_option_names_the_known_ones(quirks: type[Quirks]) -> None:
    with pytest.raises(InvalidArgument, match=r"'colour'.*cwd"):
        connect(quirks.target(), colour="red")
    with pytest.raises(InvalidArgument, match="grace"):
        connect(quirks.target(), grace=0)


def test_an_executable_that_is_not_there() -> None:
    for name, option in (("python", "executable"), ("octave", "executable"), ("r", "home")):
        with contextlib.suppress(ImportError), pytest.raises(EnvironmentNotFound, match="/no/such/program"):
            connect(name, **{option: "/no/such/program"})


def test_default_timeout_of_a_session(fresh: Fresh) -> None:
    session = fresh(timeout=0.4, grace=10)
    with pytest.raises(TimeoutError):
        session.call("arcuate_sleep", 30, nargout=0)
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_python_without_arcuate_or_numpy(tmp_path: object) -> None:
    """A bare virtual environment serves, whatever is installed here."""
    folder = os.path.join(str(tmp_path), "bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    with connect("python", executable=os.path.join(folder, "bin", "python")) as session:
        with pytest.raises(NameNotFound, match="numpy"):
            session.call("numpy.zeros", 3)
        session.run("def arcuate_id(x): return x")
        import numpy as np

        value = np.arange(12.0).reshape(3, 4)
        assert np.array_equal(session.call("arcuate_id", value), value)
        assert session.call("arcuate_id", {"a": [1, "b", None]}) == {"a": [1, "b", None]}
        assert session.eval("__import__('sys').prefix") == folder


def test_import_of_the_client_is_light() -> None:
    code = "import sys, arcuate.client; print({'xarray', 'pandas', 'numpy', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
