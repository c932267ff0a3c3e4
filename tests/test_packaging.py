"""What `pip install .` installs: one namespace from three source roots, with nothing beside it.

The wheel is built once and unpacked into an environment that holds the declared requirements and nothing
else, so that an undeclared one is noticed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = ("bridges", "adapters", "clients/python")
CARRIED = {".py", ".pyi", ".m", ".R", ".cc", ".typed", ".html", ".css", ".js"}  # needed at run time

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "-w", str(folder), str(ROOT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def requirements() -> set[str]:
    """Return the names of all that `pip install arcuate` alone brings: its requirements, and theirs."""
    found: set[str] = set()
    waiting = ["arcuate"]
    while waiting:
        for line in distribution(waiting.pop()).requires or []:
            requirement = Requirement(line)
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and requirement.name.lower() not in found:
                found.add(requirement.name.lower())
                waiting.append(requirement.name)
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with Arcuate and its requirements."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for name in requirements():
        link_into(site, distribution(name))
    return venv / "bin/python"


def link_into(site: Path, package: Distribution) -> None:
    """Link the top-level files and folders of an installed package into another site-packages."""
    for top in {file.parts[0] for file in package.files or []}:
        target = site / top
        if top not in ("..", "__pycache__") and not target.exists():
            target.symlink_to(os.fspath(package.locate_file(top)))


def run(python: Path, program: str, folder: Path) -> str:
    done = subprocess.run(
        [str(python), "-W", "error", "-c", program],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_beside_the_namespace(contents: set[str]) -> None:
    assert {re.sub(r"-.*", "", name.split("/")[0]) for name in contents} == {"arcuate"}
    assert "arcuate/__init__.py" not in contents


def test_source_roots_hold_the_namespace_only() -> None:
    for root in SOURCE_ROOTS:
        others = {path.name for path in (ROOT / root).iterdir()} - {"arcuate", "__pycache__"}
        if root == "clients/python":
            others -= {"README.md", "Makefile", "conformance.json", "conformance.py"}
        assert others == set(), root
        assert not (ROOT / root / "arcuate/__init__.py").exists()


def test_every_source_file_is_in_the_wheel(contents: set[str]) -> None:
    """Python files and worker scripts, from all three roots, and no file twice."""
    tracked = subprocess.run(
        ["git", "ls-files", *SOURCE_ROOTS], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    names = [
        path[path.index("arcuate/") :]
        for path in tracked
        if "arcuate/" in path and Path(path).suffix in CARRIED and (ROOT / path).exists()
    ]
    assert len(names) == len(set(names)), "two source roots hold the same file"
    assert sorted(set(names) - contents) == []
    assert any(name.endswith(".m") for name in names)


def test_no_stray_file_in_the_wheel(contents: set[str]) -> None:
    stray = [n for n in contents if n.endswith((".pyc", ".oct", ".o", ".so", ".md~")) or "/tests/" in n]
    assert stray == []


def test_lists_of_source_roots_are_in_step() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    def listed(key: str) -> list[str]:
        match = re.search(rf"^{key} = \[(.*?)\]$", text, re.MULTILINE)
        assert match, key
        return re.findall(r'"([^"]+)"', match.group(1))

    assert listed("dev-mode-dirs") == list(SOURCE_ROOTS)
    assert listed("packages") == [f"{root}/arcuate" for root in SOURCE_ROOTS]
    mypy_path = re.search(r'^mypy_path = "(.*)"$', text, re.MULTILINE)
    assert mypy_path
    assert mypy_path.group(1).replace("$MYPY_CONFIG_FILE_DIR/", "").split(":")[:3] == list(SOURCE_ROOTS)


def test_every_part_is_marked_as_typed(contents: set[str]) -> None:
    parts = {"/".join(name.split("/")[:2]) for name in contents if re.match(r"arcuate/\w+/.*\.py$", name)}
    modules = [name for name in contents if re.match(r"arcuate/\w+\.py$", name)]
    wanted = {f"{part}/py.typed" for part in parts} | ({"arcuate/py.typed"} if modules else set())
    assert sorted(wanted - contents) == []


def test_metadata(contents: set[str], wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(next(n for n in contents if n.endswith("dist-info/METADATA"))).decode()
        entry_points = archive.read(next(n for n in contents if n.endswith("entry_points.txt"))).decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert any(name.endswith("licenses/LICENSE") for name in contents)
    for line in ("arcuate = arcuate.cli:main", "python = arcuate.python:PythonEnvironment"):
        assert line in entry_points


def test_client_alone(installed: Path, tmp_path: Path) -> None:
    """`import arcuate.client` works with the declared requirements, and loads neither xarray nor pandas."""
    program = (
        "import sys, arcuate.client as c; print(c.__file__);"
        "print(sorted({'xarray', 'pandas', 'scipy', 'pyarrow', 'rpy2'} & set(sys.modules)))"
    )
    file, heavy = run(installed, program, tmp_path).splitlines()
    assert Path(file).is_relative_to(installed.parent.parent)
    assert heavy == "[]"


def test_python_environment_alone(installed: Path, tmp_path: Path) -> None:
    """`pip install .` gives a working client and the `python` environment."""
    program = (
        "from arcuate.client import connect\n"
        "with connect('python') as session:\n"
        "    print(session.call('math.hypot', 3.0, 4.0))\n"
    )
    assert run(installed, program, tmp_path) == "5.0"


def test_a_user_program_is_type_checked(installed: Path, tmp_path: Path) -> None:
    """mypy --strict sees types through the installed wheel, and an error in their use."""
    program = tmp_path / "program.py"
    program.write_text(
        "from arcuate.client import Session, connect\n"
        "from arcuate.errors import ArcuateError\n"
        "def use(session: Session) -> None:\n"
        "    session.interrupt()\n"
        "    raise ArcuateError.no_such_member\n"
        'with connect("python") as py:\n'
        "    use(py)\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={tmp_path / 'cache'}",
    ]
    command += [f"--python-executable={installed}", str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [re.sub(r".*\[(.*)\]$", r"\1", line) for line in errors] == ["attr-defined"], done.stdout
