"""The clients inside interpreters: ``hub:///r`` in R, Octave and Go, with the rights of the caller."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arcuate.client import connect
from arcuate.hub import Config, Server

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "clients"
EXAMPLES = ROOT / "docs" / "examples" / "inside"


def _needs_r() -> None:
    code = "invisible(lapply(c('curl', 'jsonlite'), packageVersion))"
    if shutil.which("Rscript") is None or subprocess.run(["Rscript", "-e", code], check=False).returncode:
        pytest.skip("r: not installed")
    done = subprocess.run(["make", "build"], cwd=CLIENTS / "r", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _needs_octave() -> None:
    if shutil.which("octave-cli") is None:
        pytest.skip("octave: not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A hub whose R and Octave find the clients."""
    environments: dict[str, Any] = {
        "python": {"language": "python"},
        "r": {"language": "r", "options": {"lib": str(CLIENTS / "r/build-library")}},
        "octave": {"language": "octave", "options": {"path": [str(CLIENTS / "octave/inst")]}},
    }
    with Server(Config(grpc=["127.0.0.1:0"], http=["127.0.0.1:0"], environments=environments)) as found:
        yield found


def _printed(server: Server, environment: str, code: str) -> str:
    shown: list[str] = []
    url = f"{server.endpoints['http']}/{environment}"
    with connect(url, on_output=lambda stream, text: shown.append(text)) as session:
        session.run(code)
    return "".join(shown)


def test_r_calls_octave_and_python(server: Server) -> None:
    _needs_r()
    _needs_octave()
    out = _printed(server, "r", (EXAMPLES / "clients.R").read_text(encoding="utf-8"))
    assert out == (EXAMPLES / "clients.R.out").read_text(encoding="utf-8")


def test_octave_calls_r(server: Server) -> None:
    _needs_r()
    _needs_octave()
    out = _printed(server, "octave", (EXAMPLES / "clients.m").read_text(encoding="utf-8"))
    assert out == (EXAMPLES / "clients.m.out").read_text(encoding="utf-8")


def test_a_go_program_calls_r(server: Server, tmp_path: Path) -> None:
    _needs_r()
    go = shutil.which("go")
    if go is None or not (ROOT / ".tools/go-client.version").is_file():
        pytest.skip("go: the client was not compiled; type: python3 tools/setup.py tools")
    program = tmp_path / "inside"
    subprocess.run([go, "build", "-o", program, "./examples/inside"], cwd=CLIENTS / "go", check=True)
    code = f"import subprocess; print(subprocess.run([{str(program)!r}], capture_output=True, text=True))"
    assert r"quartiles: [58.5 82]\n" in _printed(server, "python", code)
    env = {name: value for name, value in os.environ.items() if not name.startswith("ARCUATE_DELEGATED")}
    done = subprocess.run([program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "none has, or it does not allow that" in done.stderr


REFUSED = {
    "r": """
library(arcuate)
refused <- function(url)
    tryCatch(arcuate_connect(url), arcuate_InvalidArgument = function(e) cat("refused:", conditionMessage(e)))
refused("hub://r")
Sys.unsetenv("ARCUATE_DELEGATED_TOKEN")
refused("hub:///r")
""",
    "octave": """
try, arcuate.open ("hub://r"); catch err, printf ("refused: %s", err.message); end
unsetenv ("ARCUATE_DELEGATED_TOKEN");
try, arcuate.open ("hub:///r"); catch err, printf ("refused: %s", err.message); end
""",
}


@pytest.mark.parametrize("environment", REFUSED)
def test_what_is_no_hub_is_refused(server: Server, environment: str) -> None:
    _needs_r() if environment == "r" else _needs_octave()
    first, second = _printed(server, environment, REFUSED[environment]).split("refused: ")[1:]
    assert "hub:///r" in first
    assert "ARCUATE_DELEGATED_TOKEN" in second
