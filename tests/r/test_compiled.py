"""Arcuate's own R code is compiled once and kept: what is kept, who may write it, and where it cannot be."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from arcuate.client import connect
from arcuate.octave import helper
from arcuate.r.environment import find_home
from arcuate.r.store import compiled


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a first session keeps."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        with connect("r") as r:
            assert r.eval("1 + 1") == 2
        return Path(compiled(find_home(None))).read_bytes()


@pytest.fixture
def kept(made: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a first session, in a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = Path(compiled(find_home(None)))
    file.write_bytes(made)
    return file


def marked(file: Path, rscript: Callable[[str], str]) -> None:
    """Another piece at the end of what is kept, by a plain R: it leaves a trace where it is run."""
    rscript(
        f'code <- readRDS("{file}"); stopifnot(vapply(code, typeof, "") == "bytecode"); '
        f'code <- c(code, quote(options(arcuate.kept = TRUE))); saveRDS(code, "{file}")'
    )


def test_what_is_kept_is_used(kept: Path, rscript: Callable[[str], str]) -> None:
    marked(kept, rscript)
    before = kept.read_bytes()
    with connect("r") as r:
        assert r.eval("isTRUE(getOption('arcuate.kept'))") is True
    assert kept.read_bytes() == before
    assert [one.name for one in kept.parent.iterdir()] == [kept.name]
    assert kept.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("which", ["folder", "file"])
def test_what_others_can_write_is_not_run(kept: Path, rscript: Callable[[str], str], which: str) -> None:
    marked(kept, rscript)
    (kept.parent if which == "folder" else kept).chmod(0o777)
    with connect("r") as r:
        assert r.eval("is.null(getOption('arcuate.kept'))") is True


def test_a_damaged_file_is_made_again(kept: Path, rscript: Callable[[str], str]) -> None:
    kept.write_bytes(kept.read_bytes()[:1000])
    with connect("r") as r:
        assert r.eval("1 + 1") == 2
    assert rscript(f'cat(unique(vapply(readRDS("{kept}"), typeof, "")))') == "bytecode"


def test_no_place_to_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert compiled(find_home(None)) == ""
    with connect("r") as r:
        assert r.eval("1 + 1") == 2


def test_kept_where_files_are_open_to_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = os.umask(0o002)
    try:
        with connect("r") as r:
            assert r.eval("1 + 1") == 2
        assert Path(compiled(find_home(None))).is_file()
    finally:
        os.umask(before)


def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under any number."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 3_000_000_000)
    monkeypatch.chdir(tmp_path)
    assert compiled(find_home(None)) == ""
    assert helper.find(sys.executable) is None
    assert not list(tmp_path.iterdir())


def test_another_users_files_are_not_used(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled(find_home(None)) == str(kept)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)  # as another user sees it
    assert compiled(find_home(None)) == ""
