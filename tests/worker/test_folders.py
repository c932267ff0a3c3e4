"""Temporary folders that interpreters leave: which are removed for them, and which never."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arcuate.worker.folders import PrivateFolder, passing, remover, sweep


def _mode(path: Path) -> None:
    path.chmod(0o755)


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _another(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.mkdir(mode=0o700)


def _file(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.touch(0o600)


@pytest.fixture(params=["RtmpaB3xY_", "arcuate-pipes-12-ab_d3f9h"])
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder as R makes it, or the worker for MATLAB, with something in it and a link that leads out."""
    (tmp_path / "kept").mkdir()
    path = tmp_path / request.param
    path.mkdir(mode=0o700)
    (path / "file").touch()
    (path / "link").symlink_to(tmp_path / "kept")
    return path


def test_it_is_removed_and_what_its_links_name_is_not(made: Path) -> None:
    remove = remover(str(made))
    (made.parent / "kept" / "file").touch()
    remove()
    remove()
    assert [one.name for one in made.parent.rglob("*")] == ["kept", "file"]


@pytest.mark.parametrize("change", [_mode, _link, _another, _file])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_is_not_this_workers_stays(made: Path, change: Callable[[Path], None], when: str) -> None:
    if when == "before":
        change(made)
    remove = remover(str(made))
    if when == "after":
        change(made)
    elif change is _another:
        return  # this is the worker's own
    before = sorted(made.parent.rglob("*"))
    remove()
    assert sorted(made.parent.rglob("*")) == before


def test_a_folder_that_another_process_sweeps_away_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, times = tempfile.mkdtemp, iter((True, False))

    def swept(**options: Any) -> str:
        path = make(**options)
        if next(times):
            sweep("arcuate-data-", str(tmp_path))  # as another process does, for which nobody holds it yet
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", swept)
    folder = PrivateFolder("arcuate-data-", str(tmp_path))
    assert os.path.isdir(folder.path)
    folder.close()


@pytest.mark.parametrize("name", ["Rtmp", "RtmpaB3xY", "RtmpaB3xYzz", "data", "Rtmp../..", "."])
def test_no_other_name_will_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / "there" / name
    os.makedirs(path, mode=0o700, exist_ok=True)
    path.chmod(0o700)
    remover(f"{tmp_path}/there/{name}")()
    assert path.is_dir()


@pytest.mark.parametrize("word", [None, "", 7, [], "RtmpaB3xY_", "/no/RtmpaB3xY_", "/\0/RtmpaB3xY_", "/"])
def test_words_that_name_no_folder(made: Path, word: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.parent)
    remover(word)()
    assert made.is_dir()


def test_another_users_folder_stays(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    remover(str(made))()
    assert made.is_dir()


HOLDS = """
import sys
from arcuate.worker.folders import passing
with passing() as folder:
    (folder / "data").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_passes_through_a_killed_program_is_removed_by_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    holder = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        try:
            assert holder.stdout is not None
            path = Path(holder.stdout.readline().strip())
            assert path.parent == tmp_path
            assert path.stat().st_mode & 0o077 == 0
            sweep("arcuate-data-", str(tmp_path))
            assert path.joinpath("data").exists(), "it is in use"
        finally:
            holder.kill()
    assert path.exists()
    done = subprocess.run(command, env=environment, input="", capture_output=True, text=True, check=True)
    assert done.stdout.strip() != str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_passing_folder_ends_with_its_with() -> None:
    with pytest.raises(KeyError), passing() as folder:
        raise KeyError(folder)
    assert not folder.exists()
