"""An Engine API that is broken, finds no licence, or is of another release: what the caller is told.

No MATLAB can be installed here, so packages of the same names say what MathWorks' would say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arcuate.client import connect
from arcuate.errors import EnvironmentNotFound
from arcuate.matlab import MatlabEnvironment, releases

Write = Callable[[str], None]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a package ``matlab.engine`` that the worker imports."""
    engine = tmp_path / "matlab" / "engine"
    engine.mkdir(parents=True)
    (tmp_path / "matlab" / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    releases._asked.cache_clear()

    def write(text: str) -> None:
        (engine / "__init__.py").write_text(text)

    yield write
    releases._asked.cache_clear()


def test_an_engine_that_cannot_be_imported(package: Write) -> None:
    package("raise ImportError('libMatlabEngine.so: cannot open shared object file')")
    assert MatlabEnvironment.doctor().found  # only importing it shows that
    with pytest.raises(EnvironmentNotFound, match=r"(?s)matlab\.engine cannot be imported.*libMatlabEngine"):
        connect("matlab")


def test_no_licence(package: Write) -> None:
    package(
        "class EngineError(Exception): pass\n"
        "def start_matlab(option): raise EngineError('License Manager Error -1')\n"
    )
    with pytest.raises(
        EnvironmentNotFound, match=r"(?s)cannot be started: License Manager Error -1.*licence"
    ):
        connect("matlab")


def test_an_engine_that_ends_while_it_starts(package: Write) -> None:
    package("import os\nos._exit(3)")
    with pytest.raises(Exception, match=r"(?i)matlab"):
        connect("matlab")


def test_no_shared_session(package: Write) -> None:
    package("def find_matlab(): return ('MATLAB_7',)")
    with pytest.raises(EnvironmentNotFound, match=r"(?s)no shared MATLAB named 'other' \(shared: MATLAB_7\)"):
        connect("matlab", session="other")
