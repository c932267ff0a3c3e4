"""Projects of m-files in the real Octave: trees, packages, private functions, scripts, classes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from tests.mfiles.conftest import PROJECT, write

from arcuate.client import Session, connect
from arcuate.errors import NameNotFound, RemoteError
from arcuate.octave import OctaveEnvironment


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "helper"])
def octave(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session with the project on its path."""
    report = OctaveEnvironment.doctor()
    if not report.found:
        pytest.skip("octave: not installed")
    folder = write(tmp_path_factory.mktemp("project"), PROJECT)
    path = [str(folder / "toolbox/**"), f"!{folder}/toolbox/tests"]
    with connect("octave", path=path, helper=None if request.param else False) as session:
        yield session


def test_a_tree_without_its_tests(octave: Session) -> None:
    assert octave.call("disc", 2.0) == pytest.approx(12.566370614359172)
    assert octave.call("fit", [1.0, 2.0, 3.0], [3.0, 5.0, 7.0], nargout=2) == pytest.approx((2.0, 1.0))
    assert octave.fit.options(nargout=2)([0.0, 1.0], [1.0, 1.0]) == pytest.approx((0.0, 1.0), abs=1e-12)
    for name in ("broken", "deep", "secret"):
        with pytest.raises(NameNotFound):
            octave.call(name, nargout=0)


def test_private_functions_are_private(octave: Session) -> None:
    with pytest.raises(NameNotFound):
        octave.call("square_", 2.0)
    with pytest.raises(NameNotFound):
        octave.call("geo.hidden")
    assert not hasattr(octave, "square_")


def test_packages(octave: Session) -> None:
    assert octave.call("geo.distance", [0.0, 3.0], [4.0, 0.0]) == 5.0
    assert octave.geo.distance([0.0, 3.0], [4.0, 0.0]) == 5.0
    assert octave.call("geo.sphere.arc", 2.0, 0.5) == 1.0
    assert octave.geo.sphere.arc(2.0, 0.5) == 1.0
    assert dir(octave.geo) == ["distance", "sphere"]
    assert dir(octave.geo.sphere) == ["arc", "check"]
    assert list(inspect.signature(octave.geo.distance).parameters) == ["a", "b"]
    assert octave.geo.distance.__doc__ == "Distance of points."
    with pytest.raises(AttributeError, match="nothing_"):
        _ = octave.geo.nothing_
    with pytest.raises(NameNotFound):
        octave.call("geo.nothing_")
    with pytest.raises(RemoteError, match="r < 0") as caught:
        octave.geo.sphere.arc(-1.0, 0.5)
    assert caught.value.identifier == "geo:r"


def test_a_script_leaves_its_variables(octave: Session) -> None:
    octave.run("clear -variables")
    assert octave.call("settings", nargout=0) is None
    assert octave["gravity"] == 9.81
    assert sorted(octave) == ["gravity", "names"]
    octave.run("clear -variables; settings")
    assert octave["names"].tolist() == [["a", "b"]]
    octave.run("clear -variables")
    assert octave.settings() is None
    assert octave["gravity"] == 9.81


def test_a_class_in_a_folder(octave: Session) -> None:
    account = octave.call("account", 4.0, keep=True)
    assert octave.call("balance", account) == 4.0
