"""`make setup` on machines that lack something: what it says, and that it stops when it was asked to.

The machine is a PATH with nothing on it but what a test puts there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {
    "apt-get": "sudo apt-get update && sudo apt-get install -y --no-install-recommends",
    "dnf": "sudo dnf install -y R-core",
    "pacman": "sudo pacman -S --needed r octave",
    "brew": "brew install r octave",
    "conda": "conda install -y -c conda-forge r-base",
    "": "install R (4.0 or newer) and GNU Octave (6 or newer)",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what set-up reads, without its environments."""
    shutil.copytree(ROOT / "tools", tmp_path / "main/tools")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "main")
    (tmp_path / "bin").mkdir()
    return tmp_path / "main"


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def set_up(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(checkout / "tools/setup.py")],
        env={"PATH": str(checkout.parent / "bin"), "ARCUATE_SYSTEM": "no", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("manager", COMMANDS)
def test_prints_the_one_command(checkout: Path, manager: str) -> None:
    if manager:
        program(checkout.parent / "bin", manager, "echo must not be run; exit 1")
    done = set_up(checkout, ARCUATE_REQUIRE="all")
    assert COMMANDS[manager] in done.stdout
    assert "r: not installed" in done.stderr
    assert "octave: not installed" in done.stderr


@pytest.mark.parametrize("required", ["all", "r", "python,octave"])
def test_stops_before_it_installs_anything(checkout: Path, required: str) -> None:
    done = set_up(checkout, ARCUATE_REQUIRE=required)
    assert done.returncode == 1
    assert f"ARCUATE_REQUIRE={required} asks for what is missing here" in done.stderr
    assert not (checkout / ".venv").exists()


def test_does_not_use_the_package_manager_when_forbidden(checkout: Path) -> None:
    mark = checkout.parent / "was-run"
    program(checkout.parent / "bin", "apt-get", f"echo > {mark}")
    set_up(checkout, ARCUATE_REQUIRE="all")
    assert not mark.exists()


def test_uses_apt_without_asking_when_it_may(checkout: Path) -> None:
    """As root or by sudo without a password, apt is asked; here it fails, and set-up says what to type."""
    tools = checkout.parent / "bin"
    log = checkout.parent / "log"
    program(tools, "apt-get", f'echo "$DEBIAN_FRONTEND $@" >> {log}; exit 100')
    program(tools, "sudo", '[ "$2" = true ] && exit 0; shift; exec "$@"')
    program(tools, "env", 'for v; do case $v in *=*) export "$v"; shift;; *) break;; esac; done; exec "$@"')
    done = set_up(checkout, ARCUATE_REQUIRE="all", ARCUATE_SYSTEM="")
    assert log.read_text().startswith("noninteractive -q -y")
    assert done.returncode == 1
    assert COMMANDS["apt-get"] in done.stdout


def test_another_r_gets_its_packages_from_r(checkout: Path) -> None:
    """R that is not the system's does not see the system's R packages: R itself installs them."""
    tools = checkout.parent / "bin"
    program(tools, "R", 'case "$1" in --version) echo "R version 4.9.1 (2031-01-01)";; esac')
    program(tools, "octave-cli", 'echo "GNU Octave, version 9.1.0"')
    program(tools, "mkoctfile", "")
    program(tools, "apt-get", "exit 100")
    done = set_up(checkout, ARCUATE_REQUIRE="all")
    listed = '"Matrix", "R6", "bit64", "curl", "pbdZMQ", "jsonlite", "testthat"'
    assert f"Rscript -e 'chooseCRANmirror(ind = 1); install.packages(c({listed}))'" in done.stdout
    assert "octave: not installed" not in done.stderr


def test_proves_that_rpy2_starts_r() -> None:
    """The check that chooses an rpy2: silent in our environment, the reason in one without rpy2."""
    program = "import environment as e, sys; print(e.starts_r(e.ROOT / sys.argv[1]))"

    def answer(venv: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, venv],
            env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    if not (ROOT / ".venv-generate").exists() or not shutil.which("R"):
        pytest.skip("r: not installed, or no .venv-generate")
    assert answer(".venv") == ""
    assert answer(".venv-generate").startswith("ModuleNotFoundError: No module named 'rpy2'")
