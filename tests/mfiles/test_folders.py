"""The option `path`: trees, exclusions, mistakes. Octave's own `genpath` is the judge of trees."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from arcuate.errors import InvalidArgument
from arcuate.octave.folders import expand, tree


def names(found: list[str], base: Path) -> list[str]:
    return [os.path.relpath(one, base) for one in found]


def test_a_tree_is_what_genpath_says(project: Path, octave_says: Callable[..., str]) -> None:
    for extra in ("toolbox/b-c/x", "toolbox/B", "toolbox/resources", "toolbox/a b", "toolbox/é"):
        (project / extra).mkdir(parents=True)
    said = octave_says(f"disp (genpath ('{project / 'toolbox'}'))").strip().split(os.pathsep)
    # Octave lists folders that begin with a dot, as MATLAB does not: such folders are .git and the like.
    assert sorted(tree(str(project / "toolbox"))) == sorted(one for one in said if "/." not in one)
    assert str(project / "toolbox/.hidden") in said


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        (["toolbox"], ["toolbox"]),
        (["toolbox/"], ["toolbox"]),
        (["toolbox/**"], ["toolbox", "toolbox/linear", "toolbox/tests", "toolbox/tests/data"]),
        (["toolbox/**", "!toolbox/tests"], ["toolbox", "toolbox/linear"]),
        (["!toolbox/tests/**", "toolbox/**"], ["toolbox", "toolbox/linear"]),
        (["toolbox/**", "!**/tests"], ["toolbox", "toolbox/linear"]),
        (["toolbox/**", "!**/t*/d*"], ["toolbox", "toolbox/linear", "toolbox/tests"]),
        (["toolbox/**", "!toolbox/*"], ["toolbox"]),
        (
            ["toolbox/linear", "toolbox/**"],
            ["toolbox/linear", "toolbox", "toolbox/tests", "toolbox/tests/data"],
        ),
        (["toolbox/*"], ["toolbox/linear", "toolbox/tests"]),
        (["**", "!toolbox/tests"], [".", "toolbox", "toolbox/linear"]),
        (["toolbox/l?near"], ["toolbox/linear"]),
        ([], []),
    ],
)
def test_entries(project: Path, entries: list[str], found: list[str]) -> None:
    assert names(expand(entries, str(project)), project) == found


def test_a_name_with_marks_in_it_is_a_name(tmp_path: Path) -> None:
    for name in ("a[1]", "!b", "c*", "c*d"):
        (tmp_path / name).mkdir()
    assert names(expand(["a[1]", "!b", "c*"], str(tmp_path)), tmp_path) == ["a[1]", "!b", "c*"]
    assert names(expand(["**", "!a[1]", "!c*"], str(tmp_path)), tmp_path) == [".", "!b", "c*d"]


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/back").symlink_to(tmp_path, target_is_directory=True)
    assert names(list(tree(str(tmp_path))), tmp_path) == [".", "a"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["tolbox"], r"there is no folder .*/tolbox; .* has the folders: toolbox"),
        (["tolbox/**"], "there is no folder"),
        (["toolbox/linaer"], "has the folders: linear, tests"),
        (["toolbox/x*"], "no folder matches 'toolbox/x\\*'"),
        (["toolbox/disc.m"], "is a file; name its folder"),
        (["toolbox/+geo"], "the folder of a package; name the folder that holds it"),
        (["toolbox/@account"], "the folder of a class"),
        (["toolbox/private"], "private functions"),
        (["toolbox/**", "!toolbox/test"], "leaves out .*toolbox/test, which is no folder"),
        (["!toolbox"], "no entry brings any in"),
        (["toolbox/**", "!toolbox"], "nothing is left"),
    ],
)
def test_mistakes(project: Path, entries: list[str], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        expand(entries, str(project))


def test_a_path_has_an_end(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arcuate.octave.folders.MOST", 3)
    with pytest.raises(InvalidArgument, match=r"'toolbox/\*\*' stands for more than 3 folders"):
        expand(["toolbox/**"], str(project))
    assert len(expand(["toolbox/**", "!toolbox/tests"], str(project))) == 2
